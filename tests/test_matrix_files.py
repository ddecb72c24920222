"""Files and objects as their own packages make them: AnnData in Zarr, missing values of netCDF and xarray, archives, tables without names."""

import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
import xarray as xr
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import bigview as bv
from bigview.build.daskframes import dask_frame_source
from bigview.errors import InputError
from bigview.store.summary import source_change

h5py = pytest.importorskip("h5py")

VALUES = np.random.default_rng(5).normal(size=(20, 9)).astype("f4")
ROWS, COLS = [f"cell {number}" for number in range(20)], [f"gene {number}" for number in range(9)]
FRAME = pd.DataFrame(VALUES, ROWS, COLS)


@pytest.fixture
def build(tmp_path):
    """Return a function that builds a store."""
    return lambda source, **options: bv.build_matrix(source, tmp_path / "m.bv", quiet=True, **options)


def write_table(group, names, **columns):
    group.attrs.update({"encoding-type": "dataframe", "_index": "_index", "column-order": list(columns)})
    group.create_array("_index", data=np.array(names, dtype="U"))
    for title, values in columns.items():
        group.create_array(title, data=values)


@pytest.fixture
def anndata(tmp_path):
    """Write an AnnData into Zarr as the package does."""
    path = tmp_path / "a.zarr"
    file = zarr.open_group(path, mode="w", attributes={"encoding-type": "anndata"})
    write_table(file.create_group("obs"), ROWS, depth=np.arange(20))
    write_table(file.create_group("var"), COLS, length=np.arange(9.0))
    kept = sparse.csr_array(VALUES * (VALUES > 1))
    group = file.create_group("X", attributes={"encoding-type": "csr_matrix", "shape": [20, 9]})
    for name in ("data", "indices", "indptr"):
        group.create_array(name, data=getattr(kept, name))
    file.create_array("layers/all", data=VALUES)
    file.create_array("obsm/X_pca", data=VALUES[:, :2])
    file.create_array("obsp/near", data=np.eye(20))
    return path, kept.toarray()


@pytest.mark.filterwarnings("ignore")
def test_anndata_in_zarr(anndata, build):
    path, kept = anndata
    store = build(path)
    assert (store.manifest.layout, store.cells().tolist()) == ("sparse", kept.tolist())
    assert (store.rows.names.tolist(), store.rows.column("depth").tolist()) == (ROWS, list(range(20)))
    assert store.cols.column("length").tolist() == list(range(9))
    assert (build(f"{path}::all").cells() == VALUES).all()
    assert [source_change(source) for source in store.manifest.sources] == [None]
    pairs = build(path, dataset="obsp/near")
    assert pairs.cols.names.tolist() == ROWS
    assert (build(path, dataset="obsm/X_pca").shape, pairs.cols.columns) == ((20, 2), {"depth": "integer"})
    with pytest.raises(InputError, match=r"no 'layers/other'. There are: X, layers/all, obsp/near, obsm/X_pca"):
        build(path, dataset="other")


def test_a_column_called_name_and_columns_of_mixed_values(build):
    beside = pd.DataFrame({"name": range(20), "mixed": [1, "a", None, b"x"] * 5, "complex": np.arange(20) * 1j}, index=ROWS)
    store = build(FRAME, rows=beside)
    assert store.rows.columns == {"name 2": "integer", "mixed": "category", "complex": "category"}
    assert (store.rows.names.tolist(), store.rows.column("name 2").tolist()) == (ROWS, list(range(20)))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("version", [2, 3])
def test_xarray_in_zarr(tmp_path, build, version):
    made = xr.Dataset({"v": (("cell", "gene"), VALUES)}, coords={"cell": ROWS, "gene": COLS, "depth": ("cell", np.arange(20))})
    made["v"].encoding["_FillValue"] = np.float32(VALUES[3, 4])
    made.to_zarr(tmp_path / "x.zarr", zarr_format=version)
    store = build(tmp_path / "x.zarr")
    assert (store.rows.names.tolist(), store.cols.names.tolist()) == (ROWS, COLS)
    assert store.rows.column("depth").tolist() == list(range(20))
    assert np.argwhere(np.isnan(store.cells())).tolist() == [[3, 4]]


@pytest.mark.filterwarnings("ignore")
def test_packed_values_are_unpacked_or_refused(tmp_path, build):
    made = xr.Dataset({"v": (("cell", "gene"), np.round(VALUES, 1))}, coords={"cell": ROWS})
    made["v"].encoding.update(dtype="i2", scale_factor=0.1, _FillValue=-999)
    made.to_zarr(tmp_path / "x.zarr")
    store = build(tmp_path / "x.zarr")
    assert np.allclose(store.cells(), np.round(VALUES, 1), atol=1e-6)
    assert store.rows.names.tolist() == ROWS
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["v"] = VALUES
        file["v"].attrs["scale_factor"] = 0.1
    with pytest.raises(InputError, match=r"packed .*xarray"):
        build(tmp_path / "x.h5")


def test_netcdf(tmp_path, build):
    with h5py.File(tmp_path / "x.nc", "w") as file:
        file["v"] = np.arange(180, dtype="i2").reshape(20, 9)
        file["v"].attrs["_FillValue"] = np.array([7], "i2")
        file["cell"], file["gene"] = np.array(ROWS, "S"), np.zeros(9)
        for place, name in enumerate(("cell", "gene")):
            file[name].make_scale(name if place == 0 else "This is a netCDF dimension but not a netCDF variable.         9")
            file["v"].dims[place].attach_scale(file[name])
        store = build(file["v"])
    assert (store.rows.names.tolist(), store.cols.named) == (ROWS, False)
    assert store.cells().mask.sum() == 1
    (tmp_path / "old.nc").write_bytes(b"CDF\x01")
    with pytest.raises(InputError, match=r"xarray\.open_dataset"):
        build(tmp_path / "old.nc")


def test_archives_of_plain_arrays(tmp_path, build):
    store = build(FRAME)
    store.export(tmp_path / "v.npz")
    again = build(tmp_path / "v.npz")
    assert (again.rows.names.tolist(), again.cols.names.tolist(), again.cells().tolist()) == (ROWS, COLS, VALUES.tolist())
    np.savez(tmp_path / "two.npz", a=VALUES, b=VALUES * 2)
    assert (build(f"{tmp_path}/two.npz::b").cells() == VALUES * 2).all()
    with pytest.raises(InputError, match="arrays a, b"):
        build(tmp_path / "two.npz")
    (tmp_path / "cut.npz").write_bytes((tmp_path / "two.npz").read_bytes()[:500])
    with pytest.raises(InputError, match="no whole"):
        build(tmp_path / "cut.npz")
    (tmp_path / "no.npy").write_bytes(b"x" * 100)
    with pytest.raises(InputError, match=r"numbers\. Write it again"):
        build(tmp_path / "no.npy")


class Tensor:
    """What turns into an array of NumPy, as tensors do."""

    def __array__(self, dtype=None, copy=None):
        return VALUES


@pytest.mark.parametrize(
    "make",
    [lambda: zarr.group(), lambda: Tensor(), lambda: dd.from_pandas(FRAME.reset_index(drop=True), npartitions=3)],
    ids=["group", "tensor", "dask frame"],
)
def test_other_objects(build, make):
    source = make()
    if isinstance(source, zarr.Group):
        source.create_array("v", data=VALUES)
    assert (build(source).cells() == VALUES).all()


@settings(max_examples=12)
@given(st.integers(0, 2**32), st.integers(1, 8), st.booleans())
def test_rows_of_a_dask_frame_are_in_the_order_of_its_partitions(seed, partitions, named):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(int(rng.integers(1, 40)), 5))
    names = [f"row {number}" for number in rng.permutation(len(values))]
    frame = pd.DataFrame(values, names if named else None, list("abcde"))
    source = dd.from_pandas(frame, npartitions=partitions, sort=not named)
    source = source[source.a > -0.5] if seed % 2 else source
    expected = pd.concat([source.partitions[number].compute() for number in range(source.npartitions)])
    made = dask_frame_source(source, "the frame")
    assert made.shape == expected.shape
    for first in range(0, len(expected), 7):
        rows, cols = (first, min(len(expected), first + 7)), (int(seed % 3), 4)
        assert (made.reader.block(rows, cols) == expected.to_numpy()[slice(*rows), slice(*cols)]).all()
    assert (made.rows.names is None) is not named
    if named:
        assert made.rows.names.to_pylist() == expected.index.tolist()
    made.release()


def test_dask_frames_of_all_kinds(build):
    store = build(dd.from_pandas(FRAME, npartitions=3, sort=False))
    assert (store.rows.names.tolist(), store.cols.names.tolist(), store.cells().tolist()) == (ROWS, COLS, VALUES.tolist())
    counts = pd.DataFrame({"a": pd.array([1, None, 3] * 4, "Int64"), "b": pd.array([4, 5, 6] * 4, "Int64")})
    cells = build(dd.from_pandas(counts, npartitions=4)).cells()
    assert (np.ma.getmaskarray(np.ma.masked_invalid(cells)).sum(), np.ma.masked_invalid(cells).sum()) == (4, 4 * 19)
    kinds = pd.DataFrame({"a": ["x", "y", None] * 4, "b": ["z", "x", "x"] * 4})
    known = build(dd.from_pandas(kinds.astype("category"), npartitions=4))
    assert [[*known.manifest.categories, None][code] for code in known.cells()[:3].T.ravel()] == ["x", "y", None, "z", "x", "x"]
    texts = dd.from_pandas(kinds, npartitions=4)
    assert build(texts, categories=["z", "y", "x"]).cells()[0].tolist() == [2, 0]
    with pytest.raises(InputError, match="not known before it is read"):
        build(texts, categories=True)
    with pytest.raises(InputError, match="none of the categories"):
        build(texts, categories=["x", "y"])
    with pytest.raises(InputError, match="where numbers are needed"):
        build(texts)
    with pytest.raises(InputError, match="stands for several lines"):
        build(dd.from_pandas(FRAME.set_axis(["same"] * len(FRAME)), npartitions=2, sort=False))


def test_a_dask_frame_that_changes_is_refused(build):
    changing = iter(range(100))
    frame = dd.from_map(lambda part: pd.DataFrame({"a": np.ones(4 + next(changing))}), [0, 1], meta=pd.DataFrame({"a": [1.0]}))
    with pytest.raises(InputError, match=r"when they were counted.*persist"):
        build(frame)


def test_sparse_frames_stay_sparse(build):
    kept = sparse.csr_matrix(VALUES * (VALUES > 1))
    store = build(pd.DataFrame.sparse.from_spmatrix(kept, ROWS, COLS))
    assert (store.manifest.layout, store.rows.names.tolist()) == ("sparse", ROWS)
    assert (store.cells() == kept.toarray()).all()
    with pytest.raises(InputError, match="blocks of the Dask array are sparse"):
        build(da.from_array(VALUES, chunks=5).map_blocks(sparse.csr_matrix, dtype="f4"))


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_tables_of_text_with_and_without_names(tmp_path, build, sign):
    FRAME.to_csv(tmp_path / "v.csv", sep=sign)
    assert build(tmp_path / "v.csv").rows.names.tolist() == ROWS
    np.savetxt(tmp_path / "v.csv", VALUES, delimiter=sign)
    plain = build(tmp_path / "v.csv")
    assert (plain.shape, plain.cols.named) == ((20, 9), False)
    pd.DataFrame(VALUES, columns=range(2001, 2010)).to_csv(tmp_path / "v.csv", sep=sign)
    years = build(tmp_path / "v.csv")
    assert (years.shape, years.cols.names.tolist()) == ((20, 9), [str(year) for year in range(2001, 2010)])
    assert np.allclose(years.cells(), VALUES)


def test_objects_and_fields_are_told_apart_from_texts(build):
    with pytest.raises(InputError, match=r"Python objects, such as '1'.*astype\(float\)"):
        build(pd.DataFrame({"a": [1, 2.5]}, dtype=object))
    with pytest.raises(InputError, match="one of its fields"):
        build(np.zeros((2, 2), [("a", "i4")]))
    assert build(np.array([[b"x", b"y"]]), categories=True).manifest.categories == ("x", "y")


def test_tables_of_text_that_are_not_tables(tmp_path, build):
    path = tmp_path / "v.csv"
    for text, words in (("a,b,c\n1,2\n", "Expected 3 columns, got 2"), ("a,b\n1,2\n3,4,5\n", "Expected 2 columns, got 3"), ("", "is empty")):
        path.write_text(text)
        with pytest.raises(InputError, match=words):
            build(path)
    path.write_text("a,a\n1,2\n")
    with pytest.raises(InputError, match="stands for several lines"):
        build(path)
    path.write_text("a,b\n")
    assert build(path).shape == (0, 2)
    path.write_text("gene,a,b\nx,1,\ny,,2.5\n")
    assert np.isnan(build(path).cells()).tolist() == [[False, True], [True, False]]
    np.savetxt(tmp_path / "v.txt", VALUES)
    assert np.allclose(build(tmp_path / "v.txt").cells(), VALUES)
    with pytest.raises(InputError, match="row 1 has 1 values"):
        build(np.array([[1, 2], [3]], dtype=object))


def test_damaged_metadata_of_zarr(tmp_path, build):
    zarr.create_array(tmp_path / "v.zarr", data=VALUES)
    (tmp_path / "v.zarr" / "zarr.json").write_text('{"zarr')
    with pytest.raises(InputError, match="cut short"):
        build(tmp_path / "v.zarr")


def test_an_export_larger_than_the_disk_is_refused_before(tmp_path, build):
    store = build(sparse.csr_matrix((10**6, 10**6)))
    with pytest.raises(bv.SpaceError, match="would fit"):
        store.export(tmp_path / "v.npz")
    assert not (tmp_path / "v.npz").exists()


def test_a_group_in_one_file_is_read_as_export_writes_it(tmp_path, build):
    table = pd.DataFrame({"kind": ["p", "q"] * 10}, ROWS)
    build(FRAME, rows=table).export(tmp_path / "v.zarr.zip")
    store = bv.build_matrix(f"{tmp_path}/v.zarr.zip::values", tmp_path / "again.bv", quiet=True)
    assert np.allclose(store.cells(), VALUES)
    assert (store.rows.names.tolist(), store.cols.names.tolist()) == (ROWS, COLS)
    (tmp_path / "cut.zarr.zip").write_bytes((tmp_path / "v.zarr.zip").read_bytes()[:-30])
    with pytest.raises(InputError, match=r"no whole \.zip file"):
        build(tmp_path / "cut.zarr.zip")


@pytest.mark.parametrize("index", [COLS, range(9), range(5, 14)], ids=["names", "numbers", "other numbers"])
def test_a_table_beside_whose_index_has_no_name(tmp_path, build, index):
    pd.DataFrame({"length": range(9)}, index).to_csv(tmp_path / "cols.csv")
    store = build(VALUES, cols=tmp_path / "cols.csv")
    assert store.cols.columns == {"length": "integer"}
    assert store.cols.named == (index != range(9))
    assert store.cols.names.tolist() == [str(name) for name in index]


@pytest.mark.parametrize("kind", [np.ones, sparse.csr_array], ids=["dense", "sparse"])
def test_a_matrix_without_cells_is_said(tmp_path, capsys, kind):
    store = bv.build_matrix(kind((0, 5)), tmp_path / "m.bv")
    assert store.shape == (0, 5)
    assert "The matrix has no rows: there is nothing to show." in capsys.readouterr().err
