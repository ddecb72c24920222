"""Every source of a matrix gives the same store; what cannot be used is said before anything is written."""

from pathlib import Path

import dask.array as da
import numpy as np
import pandas as pd
import polars as pl
import pytest
import xarray as xr
import zarr

import bigview as bv
from bigview.config import override
from bigview.errors import BigviewError, InputError, OptionError, SpaceError, StoreMissingError

h5py = pytest.importorskip("h5py")

VALUES = np.random.default_rng(3).normal(size=(30, 7)).astype("f4")
ROWS = [f"gene {number}" for number in range(30)]
COLS = list("abcdefg")
FRAME = pd.DataFrame(VALUES, index=ROWS, columns=COLS)


def build(source, tmp_path: Path, **options) -> bv.MatrixStore:
    return bv.build_matrix(source, tmp_path / "m.bv", quiet=True, **options)


def written(tmp_path: Path, kind: str):
    """Return the matrix as a source of some kind."""
    path = str(tmp_path / f"v.{kind}")
    if kind == "npy":
        np.save(path, VALUES)
    elif kind == "zarr":
        zarr.save_array(path, VALUES)
    elif kind == "zarr2":
        zarr.create_array(path, data=VALUES, zarr_format=2, chunks=(7, 3))
    elif kind == "h5":
        with h5py.File(path, "w") as file:
            file["deep/values"] = VALUES
    elif kind == "parquet":
        FRAME.reset_index(names="gene").to_parquet(path, index=False)
    elif kind == "csv":
        FRAME.to_csv(path)
    elif kind == "xarray.zarr":
        xr.DataArray(VALUES, coords={"gene": ROWS, "cell": COLS}, dims=("gene", "cell"), name="v").to_dataset().to_zarr(path)
        return f"{path}::v"
    return path


FILES = ["npy", "zarr", "zarr2", "h5", "parquet", "csv", "xarray.zarr"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", FILES)
def test_files(tmp_path, kind):
    store = build(written(tmp_path, kind), tmp_path)
    assert np.allclose(store.cells(), VALUES)
    if kind in ("parquet", "csv", "xarray.zarr"):
        assert store.rows.names.tolist() == ROWS
        assert store.cols.names.tolist() == COLS
    assert store.manifest.sources[0].path.endswith(kind)


@pytest.mark.parametrize(
    "source",
    [
        VALUES,
        VALUES.tolist(),
        VALUES[::-1][::-1],
        VALUES.astype(">f4"),
        np.asfortranarray(VALUES),
        FRAME,
        pl.from_pandas(FRAME.reset_index(names="gene")),
        da.from_array(VALUES, chunks=(11, 3)),
        xr.DataArray(VALUES, coords={"gene": ROWS, "cell": COLS}, dims=("gene", "cell")),
        xr.DataArray(da.from_array(VALUES, chunks=(4, 4)), dims=("gene", "cell")),
        zarr.array(VALUES),
    ],
    ids=lambda source: type(source).__module__,
)
def test_objects(tmp_path, source):
    store = build(source, tmp_path)
    assert np.allclose(store.cells(), VALUES)
    assert (store.kind, store.shape) == ("number", VALUES.shape)


def test_any_zarr_reader_opens_a_store(tmp_path):
    store = build(FRAME, tmp_path)
    generation = store.manifest.generation
    assert (zarr.open_array(tmp_path / "m.bv" / generation / "values", mode="r")[:] == VALUES).all()
    names = pd.read_parquet(tmp_path / "m.bv" / generation / "rows.parquet")["name"]
    assert names.tolist() == ROWS


def test_levels_are_arrays_of_zarr(tmp_path):
    values = np.random.default_rng(0).normal(size=(3000, 2000)).astype("f4")
    store = build(values, tmp_path)
    level = store.manifest.levels[0]
    array = zarr.open_array(tmp_path / "m.bv" / store.manifest.generation / f"levels/{level.rows}x{level.cols}/sum", mode="r")[:]
    assert np.allclose(array, values.reshape(750, 4, 500, 4).sum((1, 3), dtype="f8"))


@pytest.mark.parametrize("dtype", ["f2", "f8", "i1", "u1", "i4", "u8", "?"])
def test_types(tmp_path, dtype):
    values = (np.random.default_rng(1).normal(size=(9, 5)) * 20).astype(dtype)
    store = build(values, tmp_path)
    assert store.dtype == np.dtype(dtype)
    assert (store.cells() == values).all()
    assert store.kind == {"f": "number", "i": "integer", "u": "integer", "b": "boolean"}[np.dtype(dtype).kind]


def masked(dtype):
    rng = np.random.default_rng(1)
    return np.ma.array(np.abs(rng.normal(size=(40, 50)) * 20).astype(dtype), mask=rng.random((40, 50)) < 0.3)


@pytest.mark.parametrize("dtype", ["f4", "i1", "i8", "u4", "u8", "?"])
def test_masks_are_kept(tmp_path, dtype):
    values = masked(dtype)
    store = build(values, tmp_path)
    found = store.cells()
    assert (np.ma.getmaskarray(found) == values.mask).all() if dtype != "f4" else (np.isnan(found) == values.mask).all()
    assert (np.ma.getdata(found)[~values.mask] == values.compressed()).all()
    assert store.manifest.facts["missing"] == values.mask.sum()


# For other types it is the same code, compiled for each: ten seconds.
@pytest.mark.parametrize("dtype", ["f4", "i8", "u4", *(pytest.param(name, marks=pytest.mark.slow) for name in ("i1", "u8", "?"))])
def test_the_mean_leaves_out_what_is_masked(tmp_path, dtype):
    values = masked(dtype)
    grid = build(values, tmp_path).aggregate(bv.View((0, 50), (0, 40), 5, 4), "mean")
    blocks = np.ma.array(values.data.astype("f8"), mask=values.mask).reshape(4, 10, 5, 10)
    assert np.allclose(grid, blocks.mean((1, 3)))


def test_nullable_columns(tmp_path):
    frame = pd.DataFrame({"a": pd.array([1, None, 3], "Int64"), "b": pd.array([4, 5, 6], "Int64")})
    store = build(frame, tmp_path)
    assert store.kind == "integer"
    assert store.cells().filled(-1).tolist() == [[1, 4], [-1, 5], [3, 6]]


def test_categories(tmp_path):
    texts = np.array([["x", "y"], ["y", None]], dtype=object)
    store = build(texts, tmp_path, categories=True)
    assert store.kind == "category"
    assert store.manifest.categories == ("x", "y")
    assert store.cells().tolist() == [[0, 1], [1, -1]]
    frame = pd.DataFrame(texts, columns=["p", "q"]).astype("category")
    assert build(frame, tmp_path).cells().tolist() == [[0, 1], [1, -1]]
    codes = build(np.array([[0, 2]]), tmp_path, categories=["sea", "ice", "land"])
    assert (codes.manifest.categories, codes.cells().tolist()) == (("sea", "ice", "land"), [[0, 2]])


def test_levels_of_an_index_become_metadata(tmp_path):
    index = pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["group", "number"])
    store = build(pd.DataFrame(np.eye(4), index=index, columns=pd.date_range("2024-01-01", periods=4)), tmp_path)
    assert store.rows.names.tolist() == ["a / 1", "a / 2", "b / 1", "b / 2"]
    assert store.rows.columns == {"group": "category", "number": "integer"}
    assert store.cols.columns == {"time": "datetime"}
    assert store.rows.column("number").tolist() == [1, 2, 1, 2]
    assert store.rows.table([3]).iloc[0].tolist() == ["b / 2", "b", 2]


def test_tables_beside(tmp_path):
    beside = pd.DataFrame({"length": range(31), "kind": ["p", "q"] * 15 + ["p"]}, index=[*ROWS[::-1], "more"])
    store = build(FRAME, tmp_path, rows=beside, cols=pl.DataFrame({"depth": list(range(7))}))
    assert store.rows.column("length").tolist() == list(range(30))[::-1]
    assert store.rows.columns == {"length": "integer", "kind": "category"}
    assert store.cols.column("depth").tolist() == list(range(7))
    beside.reset_index(names="name").to_parquet(tmp_path / "rows.parquet")
    assert build(FRAME, tmp_path, rows=tmp_path / "rows.parquet").rows.column("kind")[0] == "q"
    assert build(VALUES, tmp_path, rows=ROWS).rows.names.tolist() == ROWS


def truncated(tmp_path: Path, kind: str) -> str:
    if kind == "h5":
        path = tmp_path / "cut.h5"
        with h5py.File(path, "w") as file:
            file.create_dataset("v", data=np.random.default_rng(0).random((500, 500)), chunks=(100, 100))
        path.write_bytes(path.read_bytes()[:-700_000])
        return str(path)
    path = tmp_path / "cut.zarr"
    zarr.create_array(path, data=np.random.default_rng(0).random((500, 500)), chunks=(100, 100))
    chunk = path / "c" / "2" / "2"
    chunk.write_bytes(chunk.read_bytes()[:999])
    return str(path)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: [[1, 2], [3]], "row 1 has 1 values, row 0 has 2"),
        (lambda p: np.zeros((2, 3, 4)), "3 axes"),
        (lambda p: np.zeros(4), r"array\[:, None\]"),
        (lambda p: np.zeros((2, 2), complex), "complex"),
        (lambda p: np.zeros((2, 2), "M8[s]"), "times"),
        (lambda p: np.array([["a", "b"]]), "categories=True"),
        (lambda p: np.array([[object(), 1]], dtype=object), "no numbers"),
        (lambda p: FRAME.assign(text="long"), "Column 'text' of the DataFrame holds texts, such as 'long'"),
        (lambda p: FRAME.set_axis(["gene 1"] * 30), "'gene 1'.*unique"),
        (lambda p: FRAME.set_axis(["a"] * 7, axis=1), "columns of the DataFrame"),
        (lambda p: str(p / "nothing.npy"), "There is no file"),
        (lambda p: str(p / "nothing.h5"), "There is no file"),
        (lambda p: str(p / "nothing.zarr"), "There is no"),
        (lambda p: truncated(p, "h5"), "cut short"),
        (lambda p: truncated(p, "zarr"), "cut short"),
        (lambda p: {"a": 1}, "cannot be built from"),
    ],
)
def test_bad_input(tmp_path, make, words):
    with pytest.raises((InputError, StoreMissingError), match=words):
        build(make(tmp_path), tmp_path)
    assert not (tmp_path / "m.bv").exists()


def test_several_arrays_are_named(tmp_path):
    with h5py.File(tmp_path / "two.h5", "w") as file:
        file["first"], file["second"] = VALUES, VALUES * 2
    with pytest.raises(InputError, match="first, second"):
        build(tmp_path / "two.h5", tmp_path)
    with pytest.raises(InputError, match="no data set 'third'"):
        build(f"{tmp_path}/two.h5::third", tmp_path)
    assert np.allclose(build(f"{tmp_path}/two.h5::second", tmp_path).cells(), VALUES * 2)
    assert np.allclose(build(tmp_path / "two.h5", tmp_path, dataset="second").cells(), VALUES * 2)


def test_names_that_do_not_match(tmp_path):
    with pytest.raises(InputError, match=r"30 of the 30 rows.*'gene 0'.*'x0'"):
        build(FRAME, tmp_path, rows=pd.DataFrame({"a": range(30)}, index=[f"x{number}" for number in range(30)]))
    with pytest.raises(InputError, match="has 3 lines, but the DataFrame has 7 cols"):
        build(FRAME, tmp_path, cols=pd.DataFrame({"a": range(3)}))


def test_options(tmp_path):
    with pytest.raises(OptionError, match="Did you mean 'title'"):
        build(VALUES, tmp_path, titel="x")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("x")
    with pytest.raises(OptionError, match="other files"):
        bv.build_matrix(VALUES, tmp_path / "other")
    store = build(VALUES, tmp_path)
    with pytest.raises(OptionError, match="overwrite=True"):
        build(VALUES, tmp_path, overwrite=False)
    again = build(VALUES * 2, tmp_path)
    assert np.allclose(again.cells(), VALUES * 2)
    assert np.allclose(store.cells(), VALUES)  # who reads keeps the generation that he opened, until the build after the next
    build(VALUES * 3, tmp_path)
    assert len([path for path in (tmp_path / "m.bv").iterdir() if path.is_dir()]) == 2


def test_what_is_too_large_for_the_disk_is_said_before(tmp_path):
    huge = da.zeros((10**7, 10**7), chunks=(10**4, 10**4))
    estimate = build(huge, tmp_path, dry_run=True)
    assert estimate.rows == 10**14
    assert "cells" in str(estimate)
    with pytest.raises(SpaceError, match="cells needs about"):
        build(huge, tmp_path)
    assert not (tmp_path / "m.bv").exists()


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (0, 0), (1, 1)])
def test_degenerate_shapes(tmp_path, shape):
    store = build(np.ones(shape), tmp_path)
    grid = store.aggregate(bv.View((0, 5), (0, 5), 5, 5), "count")
    assert grid.sum() == np.prod(shape)
    assert store.aggregate(bv.View((0, 5), (0, 5), 5, 5)).shape == (5, 5)


def test_all_missing(tmp_path):
    store = build(np.full((20, 20), np.nan), tmp_path)
    facts = store.manifest.facts
    assert (facts["missing"], facts["low"], facts["mean"], facts["quantiles"]) == (400, None, None, [])
    assert np.isnan(store.aggregate(bv.View((0, 20), (0, 20), 5, 5))).all()


def test_a_failing_source_leaves_the_old_store(tmp_path):
    store = build(VALUES, tmp_path)

    def fail(block):
        raise RuntimeError("the disk is on fire")

    with pytest.raises((BigviewError, RuntimeError), match="on fire"):
        build(da.from_array(VALUES).map_blocks(fail, dtype="f4", meta=np.empty((0, 0), "f4")), tmp_path)
    assert (bv.open(tmp_path / "m.bv").cells() == VALUES).all()
    assert (store.cells() == VALUES).all()
    assert not list((tmp_path / "m.bv").glob(".build*"))


@pytest.mark.slow
def test_workers_of_a_cluster(tmp_path):
    from distributed import LocalCluster

    rng = np.random.default_rng(0)
    values = np.ma.array(rng.integers(-128, 127, (5000, 4500)).astype("i1"), mask=rng.random((5000, 4500)) < 0.1)
    np.save(tmp_path / "v.npy", values.data)
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster:
        held = build(values, tmp_path, scheduler=cluster.scheduler_address)
        assert (np.ma.getmaskarray(held.cells()) == values.mask).all()
        assert (held.cells().compressed() == values.compressed()).all()
        filed = build(tmp_path / "v.npy", tmp_path, scheduler=cluster.scheduler_address)
    assert (filed.cells() == values.data).all()
    assert not list((tmp_path / "m.bv").glob(".build*"))


def test_cells_that_do_not_fit_are_refused(tmp_path):
    store = build(VALUES, tmp_path)
    with override(result_bytes=100), pytest.raises(bv.TooLargeError, match="3 rows of as many columns would fit"):
        store.cells()


def test_memory_store():
    store = bv.build_matrix(VALUES, "memory://matrix.bv", quiet=True, rows=ROWS)
    assert (bv.open("memory://matrix.bv").cells([3, 5], slice(1, 3)) == VALUES[[3, 5], 1:3]).all()
    with override(exact_cells=0):
        assert np.allclose(store.aggregate(bv.View((0, 7), (0, 30), 7, 30)), VALUES)
