"""Correlations equal those of pandas; tables of points are pivoted."""

import numpy as np
import pandas as pd
import pytest

import bigview as bv
from bigview.errors import ColumnError, InputError

RNG = np.random.default_rng(4)
VALUES = RNG.normal(1000, 1, (3000, 12)) @ RNG.normal(size=(12, 12))
VALUES[RNG.random(VALUES.shape) < 0.05] = np.nan
VALUES[:, 5] = 7.0
FRAME = pd.DataFrame(VALUES, columns=[f"c{number}" for number in range(12)]).assign(text="x")
WANTED = FRAME.drop(columns="text").corr().to_numpy()


@pytest.mark.parametrize("kind", ["frame", "parquet", "npy", "matrix", "points", "turned"])
def test_as_pandas(tmp_path, monkeypatch, kind):
    monkeypatch.setattr("bigview.build.correlation._TILE", 5)
    monkeypatch.setattr("bigview.build.correlation._SLAB", 701)
    options = {}
    if kind == "frame":
        source = FRAME
    elif kind == "parquet":
        source = tmp_path / "t.parquet"
        FRAME.to_parquet(source)
    elif kind == "npy":
        source = tmp_path / "v.npy"
        np.save(source, VALUES)
    elif kind == "matrix":
        source = bv.build_matrix(FRAME.drop(columns="text"), tmp_path / "source.bv", quiet=True)
    elif kind == "turned":
        source, options = bv.build_matrix(FRAME.drop(columns="text").T, tmp_path / "source.bv", quiet=True), {"side": "rows"}
    else:
        source = bv.build_points(FRAME, tmp_path / "source.bv", x="c0", y="c1", quiet=True)
        options = {"columns": [f"c{number}" for number in range(12)]}
    store = bv.correlation(source, tmp_path / "m.bv", quiet=True, **options)
    assert np.allclose(store.cells(), WANTED, atol=1e-6, equal_nan=True)
    assert kind == "npy" or store.rows.names.tolist() == list(FRAME.columns[:12])
    assert store.cols.named == store.rows.named


def test_lines_without_gaps_are_taken_with_lines_that_have_some(tmp_path, monkeypatch):
    monkeypatch.setattr("bigview.build.correlation._TILE", 4)
    monkeypatch.setattr("bigview.build.correlation._SLAB", 300)
    values = np.random.default_rng(6).normal(50, 1, (1100, 10)) @ np.random.default_rng(7).normal(size=(10, 10))
    for last, gaps in ((0, []), (600, [1, 9])):  # none; in some columns of the first two slabs, and none in the others
        values[:last:3, gaps] = np.nan
        store = bv.correlation(values, tmp_path / "m.bv", quiet=True, overwrite=True)
        assert np.allclose(store.cells(), pd.DataFrame(values).corr().to_numpy(), atol=1e-6)
        assert (store.cells() == store.cells().T).all()


def test_columns_are_chosen(tmp_path):
    assert bv.correlation(FRAME, tmp_path / "m.bv", columns=["c3", "c1"], quiet=True).cols.names.tolist() == ["c3", "c1"]
    with pytest.raises(ColumnError, match="text"):
        bv.correlation(FRAME, tmp_path / "m.bv", columns=["text"], quiet=True)
    with pytest.raises(InputError, match="no columns of numbers"):
        bv.correlation(FRAME[["text"]], tmp_path / "m.bv", quiet=True)


def test_a_point_store_is_pivoted(tmp_path):
    table = pd.DataFrame({"x": RNG.normal(size=900), "y": RNG.normal(size=900), "kind": RNG.choice(list("abc"), 900), "n": RNG.integers(0, 5, 900)})
    points = bv.build_points(table, tmp_path / "p.bv", x="x", y="y", quiet=True)
    store = bv.pivot(points, tmp_path / "m.bv", "kind", "n", value="x", quiet=True)
    assert np.allclose(store.cells(), table.pivot_table(index="kind", columns="n", values="x").to_numpy())
    assert store.rows.names.tolist() == ["a", "b", "c"]
    counts = bv.pivot(points, tmp_path / "m.bv", "kind", "n % 2", quiet=True)
    assert counts.cells().sum() == 900
