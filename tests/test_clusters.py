"""The synthetic sky: every partition by itself, whole skies that look alike at any size."""

import numpy as np
import pyarrow.compute as pc

from bigview.build.clusters import LABELS, clusters_partition, sky


def test_has_the_columns_of_the_demo():
    table = clusters_partition(0, 50_000, 1)
    assert table.column_names == ["x", "y", "label", "score"]
    assert [str(table.schema.field(name).type) for name in ("x", "y", "score")] == ["float"] * 3
    frame = table.to_pandas()
    assert np.isfinite(frame[["x", "y", "score"]].to_numpy()).all()
    assert frame["score"].between(0, 1).all()
    assert frame["label"].cat.categories.size == LABELS
    assert set(frame["label"]) <= set(sky(1).names)


def test_is_the_same_each_time_and_differs_by_partition_and_seed():
    first = clusters_partition(3, 10_000, 7)
    assert first.equals(clusters_partition(3, 10_000, 7))
    assert first.slice(0, 100).equals(clusters_partition(3, 100, 7))
    for other in (clusters_partition(4, 10_000, 7), clusters_partition(3, 10_000, 8)):
        assert len(np.intersect1d(first["x"].to_numpy(), other["x"].to_numpy())) < 100


def test_sizes_are_skewed_and_the_score_belongs_to_the_cluster():
    frame = clusters_partition(0, 200_000, 0).to_pandas()
    counts = frame["label"].value_counts()
    assert (counts > 0).all()
    assert counts.iloc[0] > 10 * counts.median()
    means = frame.groupby("label", observed=True)["score"]
    assert means.mean().std() > 1.3 * means.std().mean()


def test_there_is_something_to_find_far_below_the_overview():
    # In a smooth cloud the cells of a fine grid hold few rows, nearly by lot; knots, and knots of knots, fill some of them.
    xy = clusters_partition(0, 500_000, 0).select(["x", "y"]).to_pandas().to_numpy()
    rows = np.unique(np.floor(xy / (2 * sky(0).radius) * 4096), axis=0, return_counts=True)[1]
    assert rows.max() > 30 * rows.mean()


def test_no_rows_and_one_row():
    assert clusters_partition(0, 0, 0).num_rows == 0
    assert pc.all(pc.is_valid(clusters_partition(9, 1, 0)["label"])).as_py()
