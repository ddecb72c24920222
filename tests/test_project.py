"""Projection: the same at every run and however rows are cut, near stays near, and bad vectors get a word or no place."""

import pickle

import numpy as np
import pytest

from bigview import config
from bigview.build import landmarks as landmarks_module
from bigview.build import layout, vectors
from bigview.build.landmarks import Landmarks
from bigview.build.project import Projection, fit, project
from bigview.build.quality import preservation
from bigview.build.vectors import as_vectors, prepared
from bigview.errors import BigviewError, InputError, OptionError, StoreMissingError

ROWS, WIDTH, FAMILIES = 3_000, 24, 12


@pytest.fixture(scope="module")
def family() -> np.ndarray:
    return np.random.default_rng(0).integers(FAMILIES, size=ROWS)


@pytest.fixture(scope="module")
def data(family) -> np.ndarray:
    random = np.random.default_rng(1)
    rows = (random.normal(size=(FAMILIES, WIDTH))[family] + 0.25 * random.normal(size=(ROWS, WIDTH))).astype(np.float32)
    rows[1000:1100] = rows[0]
    family[1000:1100] = family[0]
    rows[5, 3], rows[6, 0], rows[7] = np.nan, np.inf, 0
    return rows


@pytest.fixture(scope="module")
def made(data) -> Projection:
    with config.override(landmarks=800):
        return project(data)


def test_every_row_that_can_be_placed_is(made):
    assert made.xy.shape == (ROWS, 2)
    assert made.xy.dtype == np.float32
    assert np.flatnonzero(np.isnan(made.xy).any(axis=1)).tolist() == [5, 6, 7]
    assert made.unplaced == 3


def test_families_stay_together(made, family):
    good = np.isfinite(made.xy).all(axis=1)
    middles = np.array([np.median(made.xy[good & (family == number)], axis=0) for number in range(FAMILIES)])
    nearest = ((made.xy[good, None] - middles) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearest == family[good]).mean() > 0.97


def test_equal_vectors_do_not_stand_on_one_point(made):
    assert len(np.unique(made.xy[1000:1100], axis=0)) == 100
    assert np.ptp(made.xy[1000:1100], axis=0).max() < np.ptp(made.xy[np.isfinite(made.xy[:, 0])], axis=0).max() / 4


def test_the_same_at_every_run_and_another_with_another_seed(made, data):
    with config.override(landmarks=800):
        np.testing.assert_array_equal(project(data).xy, made.xy)
        assert not np.allclose(project(data, seed=1).xy, made.xy, equal_nan=True)


def test_cuts_threads_and_workers_change_nothing(made, data):
    with config.override(landmarks=800, threads=1):
        alone = fit(data)
    worker = pickle.loads(pickle.dumps(alone))
    for projector in (alone, worker):
        parts = [projector.place(data[low : low + 701], low) for low in range(0, ROWS, 701)]
        np.testing.assert_array_equal(np.concatenate(parts), made.xy)


def test_any_form_of_the_vectors(made, data, tmp_path):
    np.save(tmp_path / "v.npy", data)
    blocks = [data[:1], data[1:1], data[1:1700], data[1700:]]
    for form in (data, tmp_path / "v.npy", str(tmp_path / "v.npy"), blocks, lambda: iter(blocks)):
        read = as_vectors(form)
        assert (read.rows, read.width) == data.shape
        np.testing.assert_array_equal(read.take(np.array([0, 1, 1699, 1700, 2999])), data[[0, 1, 1699, 1700, 2999]])
        for low, block in read.blocks():
            np.testing.assert_array_equal(block, data[low : low + len(block)])
    with config.override(landmarks=800):
        np.testing.assert_array_equal(project(blocks).xy, made.xy)


def test_positions_in_a_file(made, data, tmp_path):
    with config.override(landmarks=800):
        result = project(data, out=tmp_path / "xy.npy")
    np.testing.assert_array_equal(result.xy, made.xy)
    np.testing.assert_array_equal(np.load(tmp_path / "xy.npy"), made.xy)
    assert [path.name for path in tmp_path.iterdir()] == ["xy.npy"]


def test_a_run_that_dies_leaves_no_file(data, tmp_path):
    def stop(stage: str, done: int, total: int) -> None:
        if stage == "place":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        project(data, method="pca", out=tmp_path / "xy.npy", progress=stop)
    assert not list(tmp_path.iterdir())


def test_the_report_can_be_read(made):
    assert "3 rows have no place" in made.text()
    assert "Neighbourhoods kept" in made.text()
    assert made.quality.neighbours == (10, 100, 1000)
    assert all(kept > 2 * lot for kept, lot in zip(made.quality.kept[:2], made.quality.random[:2], strict=True))


def test_progress_goes_from_nothing_to_all(data):
    seen: dict[str, list[tuple[int, int]]] = {}
    with config.override(landmarks=200):
        project(data[:500], progress=lambda stage, done, total: seen.setdefault(stage, []).append((done, total)))
    assert list(seen) == ["sample", "neighbours", "layout", "place", "judge"]
    for steps in seen.values():
        assert steps[0][0] == 0
        assert steps[-1][0] == steps[-1][1]
        assert steps == sorted(steps)


# --- principal axes --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("far", [0, 1e6])
def test_pca_equals_the_decomposition_of_all_rows(far, monkeypatch):
    monkeypatch.setattr(vectors, "BLOCK_ROWS", 77)
    random = np.random.default_rng(2)
    rows = random.normal(size=(1_000, 6)) * [5, 3, 1, 1, 0.5, 0.1] @ random.normal(size=(6, 6)) + far
    xy = project(rows, method="pca").xy
    centred = rows - rows.mean(axis=0)
    expected = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
    expected *= np.sign((expected * xy).sum(axis=0))
    np.testing.assert_allclose(xy, expected, rtol=1e-4, atol=1e-4)


def test_pca_leaves_out_what_is_not_finite(data):
    made = project(data, method="pca")
    assert np.flatnonzero(np.isnan(made.xy).any(axis=1)).tolist() == [5, 6]
    good = np.delete(data, [5, 6], axis=0)
    np.testing.assert_allclose(project(good, method="pca").xy, np.delete(made.xy, [5, 6], axis=0), atol=1e-4)


# --- odd vectors -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["umap", "pca"])
@pytest.mark.parametrize(
    "rows",
    [
        np.zeros((0, 4)),
        np.ones((1, 4)),
        np.arange(27).reshape(9, 3),
        np.ones((50, 5), np.float32),
        np.zeros((50, 5), np.int8),
        np.full((20, 5), np.nan),
        np.random.default_rng(0).normal(size=(60, 1)),
        np.random.default_rng(0).normal(size=(60, 2)),
        np.random.default_rng(0).integers(-100, 100, size=(60, 8)),
        np.random.default_rng(0).integers(2, size=(60, 8)).astype(bool),
        np.random.default_rng(0).normal(size=(60, 8)) * 1e30,
        np.random.default_rng(0).normal(size=(60, 8)).astype(np.float16),
        np.random.default_rng(0).normal(size=(40, 300)),
    ],
    ids=["none", "one", "nine", "equal", "zero", "nan", "1-d", "2-d", "integers", "booleans", "huge", "half", "300-d"],
)
def test_odd_vectors_are_placed_or_have_no_place(rows, method):
    made = project(rows, method=method)
    assert made.xy.shape == (len(rows), 2)
    nowhere = ~np.isfinite(rows.astype(float)).all(axis=1)
    if method == "umap" and made.projector.metric == "cosine":
        nowhere |= ~(rows != 0).any(axis=1)
    np.testing.assert_array_equal(np.isnan(made.xy).any(axis=1), nowhere)
    assert np.isfinite(made.xy[~nowhere]).all()
    assert isinstance(made.text(), str)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.ones(5), "shape"),
        (np.ones((5, 0)), "at least one dimension"),
        (np.array([["a", "b"]]), "numbers are needed"),
        (np.ones((5, 2), complex), "numbers are needed"),
        ([np.ones((5, 3)), np.ones((5, 4))], "4 dimensions, those before 3"),
        ([[[1.0, 2.0], [1.0]]], "unequal lengths"),
        ([], "no block"),
        ((block for block in [np.ones((5, 3))]), "one pass"),
    ],
)
def test_what_cannot_be_projected_gets_one_sentence(wrong, message):
    with pytest.raises(InputError, match=message):
        as_vectors(wrong)


def test_files_that_are_not_vectors(tmp_path):
    with pytest.raises(StoreMissingError, match="no file of vectors"):
        as_vectors(tmp_path / "none.npy")
    np.save(tmp_path / "v.npy", np.ones((100, 4)))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "v.npy").read_bytes()[:900])
    (tmp_path / "text.npy").write_text("hello")
    np.save(tmp_path / "objects.npy", np.array([[{}]], object), allow_pickle=True)
    for name in ("cut", "text", "objects"):
        with pytest.raises(InputError, match=f"{name}.npy is not a whole"):
            as_vectors(tmp_path / f"{name}.npy")


def test_unknown_options_list_the_known():
    with pytest.raises(OptionError, match=r"umap, pca.*Did you mean 'umap'"):
        project(np.ones((5, 3)), method="umpa")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="cosine, euclidean"):
        project(np.ones((5, 3)), metric="manhattan")  # type: ignore[arg-type]
    assert issubclass(OptionError, BigviewError)


# --- parts -----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_the_graph_finds_most_of_what_an_exact_search_finds(metric, monkeypatch):
    pytest.importorskip("usearch", reason="pip install 'bigview[project]'")
    rows, _ = prepared(np.random.default_rng(3).normal(size=(2_000, 16)) * 50, metric)
    marks = Landmarks(rows, metric, 2)
    exact, far = marks.nearest(rows[:500], 10)
    all_far = ((rows[:500, None] - rows) ** 2).sum(axis=2)
    np.testing.assert_array_equal(np.sort(exact), np.sort(np.argsort(all_far, axis=1)[:, :10]))
    monkeypatch.setattr(landmarks_module, "EXACT_LANDMARKS", 0)
    found, near = marks.nearest(rows[:500], 10)
    assert np.mean([len(np.intersect1d(a, b)) / 10 for a, b in zip(exact, found, strict=True)]) > 0.8
    np.testing.assert_allclose(np.median(near, axis=0)[1:], np.median(far, axis=0)[1:], rtol=0.1)
    again = Landmarks(rows, metric, 1).nearest(rows[:500], 10)[0]
    np.testing.assert_array_equal(found, again)
    np.testing.assert_array_equal(marks.nearest(rows[7:8], 10)[0][0], found[7])


def test_a_landmark_is_not_its_own_neighbour():
    near, far = Landmarks(np.random.default_rng(4).normal(size=(100, 3)).astype(np.float32), "euclidean", 1).among_themselves(5)
    assert near.shape == far.shape == (100, 5)
    assert not (near == np.arange(100)[:, None]).any()


def test_memberships_sum_to_the_logarithm_of_the_neighbours():
    far = np.sort(np.random.default_rng(5).random((200, 15)), axis=1).astype(np.float32)
    sure = layout.memberships(far)
    np.testing.assert_allclose(sure[:, 0], 1)
    assert (np.diff(sure, axis=1) <= 0).all()
    np.testing.assert_allclose(sure.sum(axis=1), np.log2(15), atol=0.01)
    assert np.isfinite(layout.memberships(np.zeros((3, 8), np.float32))).all()


def test_a_row_between_two_clusters_begins_in_one_of_them():
    marks = np.array([[0, 0], [0.1, 0], [0, 0.1], [50, 0], [50, 0.1]], np.float32)
    near = np.arange(5, dtype=np.int32)[None]
    begin = layout.beginnings(marks, near, np.ones((1, 5), np.float32))
    assert np.hypot(*begin[0]) < 0.2


def test_preservation_of_a_perfect_map_and_of_one_by_lot():
    random = np.random.default_rng(6)
    flat = random.normal(size=(3_000, 2))
    perfect = preservation(flat, flat, "euclidean")
    assert min(perfect.kept) > 0.999
    by_lot = preservation(flat, random.permutation(flat), "euclidean")
    np.testing.assert_allclose(by_lot.kept, by_lot.random, atol=0.02)
    assert preservation(flat[:8], flat[:8], "euclidean").text() == "Neighbourhoods: too few rows to compare."
