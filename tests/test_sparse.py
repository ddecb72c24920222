"""Sparse matrices: never dense on disk or in memory, and their grids are those of the dense one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import bigview as bv
from bigview.config import override
from bigview.raster import matrixgrid, sparseblocks
from bigview.raster.matrixgrid import extremes, quick_matrix
from bigview.store.files import Folder
from tests.test_ordered import Index


def random_matrix(shape, density, dtype="f4", seed=0):
    rng = np.random.default_rng(seed)
    matrix = sparse.random_array(shape, density=density, rng=rng, data_sampler=lambda size: rng.integers(-50, 50, size))
    return matrix.astype(dtype)


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_a_grid_is_that_of_the_dense_matrix(tmp_path_factory, data):
    shape = data.draw(st.integers(1, 50)), data.draw(st.integers(1, 50))
    matrix = random_matrix(
        shape, data.draw(st.sampled_from([0.0, 0.02, 0.4, 1.0])), data.draw(st.sampled_from(["f4", "f8", "i4", "i8"])), data.draw(st.integers(0, 50))
    )
    if matrix.dtype.kind == "f" and matrix.nnz and data.draw(st.booleans()):
        matrix.data[:: data.draw(st.integers(1, 5))] = np.nan
    store = bv.build_matrix(matrix, tmp_path_factory.mktemp("s") / "s.bv", quiet=True)
    dense = matrix.toarray()
    assert store.manifest.layout == "sparse"
    assert np.array_equal(store.cells(), dense, equal_nan=dense.dtype.kind == "f")
    plain = bv.build_matrix(dense, tmp_path_factory.mktemp("d") / "d.bv", quiet=True)
    rng = np.random.default_rng(data.draw(st.integers(0, 50)))
    rows, cols = (Index(rng.permutation(size)[: data.draw(st.integers(1, size))]) if data.draw(st.booleans()) else None for size in shape)
    low = data.draw(st.floats(-3, 40)), data.draw(st.floats(-3, 40))
    span = data.draw(st.floats(0.5, 60)), data.draw(st.floats(0.5, 60))
    view = bv.View((low[0], low[0] + span[0]), (low[1], low[1] + span[1]), data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9)))
    for agg in ("mean", "sum", "count", "min", "max", "std"):
        found, expected = store.aggregate(view, agg, rows, cols), plain.aggregate(view, agg, rows, cols)
        assert np.allclose(found, expected, rtol=1e-9, atol=1e-6, equal_nan=True), agg
        assert found.attrs["bounds"] == expected.attrs["bounds"]


@pytest.mark.parametrize("wide", [False, True])
def test_stored_cells_and_windows_read_by_columns(tmp_path, wide):
    matrix = abs(random_matrix((3000, 2000), 0.01))
    matrix.eliminate_zeros()
    store = bv.build_matrix(matrix, tmp_path / "s.bv", quiet=True)
    dense = matrix.toarray()
    x, y = ((0, 2000), (30, 60)) if wide else ((30, 60), (0, 3000))
    view = bv.View(x, y, 10, 15)
    block = dense[y[0] : y[1], x[0] : x[1]]
    parts = block.reshape(15, block.shape[0] // 15, 10, block.shape[1] // 10)
    assert np.array_equal(store.aggregate(view, "stored"), (parts != 0).sum((1, 3)))
    with np.errstate(invalid="ignore"):
        assert np.allclose(store.aggregate(view, "stored_mean"), parts.sum((1, 3)) / (parts != 0).sum((1, 3)), equal_nan=True)
    assert np.allclose(store.aggregate(view, "mean"), parts.mean((1, 3)), atol=1e-7)
    assert np.array_equal(store.cells(slice(*y), slice(*x)), block)
    assert np.array_equal(store.cells([5, 5, 2], [7, 1, 7]), dense[np.ix_([5, 5, 2], [7, 1, 7])])
    low, high = extremes(store, view, (1, 1))
    assert (low.value, high.value) == (parts[1, :, 1].min(), parts[1, :, 1].max())


def test_a_quick_grid_says_how_far_it_may_be_off(tmp_path, monkeypatch):
    matrix = random_matrix((6000, 500), 0.1)
    store, view = bv.build_matrix(matrix, tmp_path / "s.bv", quiet=True), bv.View((0, 500), (0, 6000), 20, 30)
    assert quick_matrix(store, view) is None  # few entries
    monkeypatch.setattr(matrixgrid, "QUICK_ENTRIES", 1000)
    monkeypatch.setattr(sparseblocks, "SAMPLE_ENTRIES", 60_000)
    exact, quick = store.aggregate(view), quick_matrix(store, view)
    off = float(np.sqrt(((exact - quick) ** 2).mean()))
    assert not quick.attrs["exact"]
    assert 0.8 * off < quick.attrs["standard_error"] < 1.25 * off
    assert (quick_matrix(store, view, "count") == 200 * 25).all()
    assert np.allclose(quick_matrix(store, view, "stored").mean(), matrix.nnz / 600, rtol=0.05)
    assert quick_matrix(store, view, "std").notnull().all()


def test_a_matrix_too_large_to_be_dense(tmp_path):
    """10^11 cells: nothing on the way asks for them all."""
    rng = np.random.default_rng(0)
    at = rng.integers(0, 2_000_000, 5000), rng.integers(0, 50_000, 5000)
    store = bv.build_matrix(sparse.coo_array((np.ones(5000, "i1"), at), (2_000_000, 50_000)), tmp_path / "s.bv", quiet=True)
    grid = store.aggregate(bv.View((0, 50_000), (0, 2_000_000), 20, 10), "sum", Index(rng.permutation(2_000_000)))
    assert grid.sum() == 5000
    with pytest.raises(bv.TooLargeError, match="would fit"):
        store.cells()
    assert store.manifest.facts["zeros"] == 10**11 - store.manifest.facts["stored"]


def test_entries_given_twice_are_added_up_and_types_are_kept(tmp_path):
    twice = sparse.coo_array((np.array([100, 100], "i1"), ([0, 0], [1, 1])), (2, 2))
    store = bv.build_matrix(twice, tmp_path / "t.bv", quiet=True)
    assert store.cells().tolist() == [[0, 200], [0, 0]]
    assert twice.data.tolist() == [100, 100]
    for dtype in ("?", "u1", "f2", "i8"):
        matrix = (
            sparse.csr_array(np.eye(3, dtype="f4")).astype(dtype)
            if dtype != "f2"
            else sparse.csr_array((np.ones(3, "f2"), np.arange(3), np.arange(4)), (3, 3))
        )
        made = bv.build_matrix(matrix, tmp_path / f"{dtype.strip('?') or 'b'}.bv", quiet=True)
        assert made.cells().astype(float).tolist() == np.eye(3).tolist()
        assert made.aggregate(bv.View((0, 3), (0, 3), 1, 1), "sum").item() == 3


def test_an_npz_file_with_names_beside_it(tmp_path):
    matrix = random_matrix((4, 3), 0.5)
    sparse.save_npz(tmp_path / "m.npz", matrix.tocsc())
    store = bv.build_matrix(tmp_path / "m.npz", tmp_path / "m.bv", rows=["a", "b", "c", "d"], quiet=True)
    assert store.rows.names.tolist() == ["a", "b", "c", "d"]
    assert np.array_equal(store.cells(), matrix.toarray())
    assert store.manifest.sources[0].path.endswith("m.npz")
    with pytest.raises(bv.InputError, match="3 lines"):
        bv.build_matrix(tmp_path / "m.npz", tmp_path / "n.bv", rows=["a", "b", "c"], quiet=True)
    (tmp_path / "bad.npz").write_bytes(b"no zip")
    with pytest.raises(bv.InputError, match="save_npz"):
        bv.build_matrix(tmp_path / "bad.npz", tmp_path / "n.bv", quiet=True)
    with pytest.raises(bv.InputError, match="complex"):
        bv.build_matrix(matrix.astype(complex), tmp_path / "n.bv", quiet=True)
    assert not Folder(str(tmp_path / "n.bv")).exists("")


def test_other_readers_read_the_halves(tmp_path):
    zarr = pytest.importorskip("zarr")
    matrix = random_matrix((40, 30), 0.2)
    store = bv.build_matrix(matrix, tmp_path / "m.bv", quiet=True)
    for side, made in (("csr", matrix.tocsr()), ("csc", matrix.tocsc())):
        group = zarr.open_group(str(tmp_path / "m.bv" / store.manifest.generation / side), mode="r")
        assert group.attrs["encoding-type"] == f"{side}_matrix"
        for name in ("indptr", "indices", "data"):
            assert np.array_equal(group[name][:], getattr(made, name))


def test_dry_run_and_blocks(tmp_path):
    matrix = random_matrix((2000, 1500), 0.001)
    assert bv.build_matrix(matrix, tmp_path / "m.bv", dry_run=True, quiet=True).rows == matrix.nnz
    store = bv.build_matrix(matrix, tmp_path / "m.bv", quiet=True)
    whole = np.zeros(store.shape, "f4")
    for row, column, block in store.blocks():
        whole[row : row + block.shape[0], column : column + block.shape[1]] = block
    assert np.array_equal(whole, matrix.toarray())
    with override(result_bytes=100), pytest.raises(bv.TooLargeError):
        store.cells(slice(0, 10), slice(0, 10))
