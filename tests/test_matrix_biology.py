"""AnnData and cooler files, written here as their formats say, become matrices with their tables."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import bigview as bv
from bigview.errors import InputError

h5py = pytest.importorskip("h5py")

VALUES = sparse.random_array((20, 9), density=0.3, rng=np.random.default_rng(2), dtype="f4")
DENSE = VALUES.toarray()


def write_frame(group, names, **columns):
    text = h5py.string_dtype()
    group.attrs.update({"encoding-type": "dataframe", "encoding-version": "0.2.0", "_index": "_index", "column-order": list(columns)})
    group.create_dataset("_index", data=names, dtype=text)
    for title, values in columns.items():
        if isinstance(values, pd.Categorical):
            part = group.create_group(title)
            part["codes"] = values.codes
            part.create_dataset("categories", data=list(values.categories), dtype=text)
        elif isinstance(values, pd.arrays.IntegerArray):
            part = group.create_group(title)
            part["values"], part["mask"] = values._data, values._mask
        elif isinstance(values[0], str):
            group.create_dataset(title, data=values, dtype=text)
        else:
            group[title] = values


def write_sparse(group, matrix):
    group.attrs.update({"encoding-type": f"{matrix.format}_matrix", "encoding-version": "0.1.0", "shape": matrix.shape})
    group["data"], group["indices"], group["indptr"] = matrix.data, matrix.indices, matrix.indptr


@pytest.fixture
def h5ad(tmp_path):
    path = tmp_path / "a.h5ad"
    with h5py.File(path, "w") as file:
        kinds = pd.Categorical(["T", "B", None, "T"] * 5)
        write_frame(file.create_group("obs"), [f"cell {n}" for n in range(20)], kind=kinds, depth=pd.array([1, None] * 10, "Int64"))
        write_frame(file.create_group("var"), [f"g{n}" for n in range(9)], length=np.arange(9.0), symbol=[f"S{n}" for n in range(9)])
        file["X"] = DENSE
        write_sparse(file.create_group("layers/counts"), VALUES.tocsr())
        write_sparse(file.create_group("layers/turned"), VALUES.tocsc())
    return path


@pytest.mark.parametrize(("layer", "layout"), [(None, "dense"), ("layers/counts", "sparse"), ("turned", "sparse")])
def test_h5ad(h5ad, tmp_path, layer, layout):
    store = bv.build_matrix(h5ad, tmp_path / "m.bv", quiet=True, dataset=layer)
    assert store.manifest.layout == layout
    grid = store.aggregate(bv.View((0, 9), (0, 20), 9, 20), "mean")
    assert np.allclose(grid, DENSE)
    assert store.rows.names[3] == "cell 3"
    assert store.rows.columns == {"kind": "category", "depth": "integer"}
    assert store.rows.column("kind").tolist()[:2] == ["T", "B"]
    assert store.rows.table().depth.isna().sum() == 10
    assert store.cols.column("length").tolist() == list(range(9))
    order = store.order("rows", by="kind")
    assert order.index[:5].tolist() == [1, 5, 9, 13, 17]


def test_a_layer_that_is_not_there(h5ad, tmp_path):
    with pytest.raises(InputError, match="layers/counts"):
        bv.build_matrix(f"{h5ad}::nothing", tmp_path / "m.bv", quiet=True)


class AnnData:
    """What has the attributes of an AnnData object."""

    def __init__(self, values):
        self.X, self.layers = values, {"twice": values * 2}
        self.obs = pd.DataFrame({"n": range(20)}, index=[f"c{n}" for n in range(20)])
        self.var = pd.DataFrame(index=[f"g{n}" for n in range(9)])


@pytest.mark.parametrize("values", [DENSE, VALUES.tocsr()], ids=["dense", "sparse"])
def test_objects(tmp_path, values):
    store = bv.build_matrix(AnnData(values), tmp_path / "m.bv", quiet=True)
    assert np.allclose(store.aggregate(bv.View((0, 9), (0, 20), 9, 20), "mean"), DENSE)
    assert store.rows.column("n").tolist() == list(range(20))
    assert bv.build_matrix(AnnData(values), tmp_path / "m.bv", quiet=True, dataset="twice").manifest.facts["high"] == pytest.approx(2 * DENSE.max())


def write_cooler(group, full):
    rows, cols = np.nonzero(np.triu(full))
    group.create_group("chroms").create_dataset("name", data=[b"chr1", b"chr2"])
    bins = group.create_group("bins")
    chrom = h5py.enum_dtype({"chr1": 0, "chr2": 1}, basetype="i4")
    bins.create_dataset("chrom", data=np.array([0] * 6 + [1] * 4, "i4"), dtype=chrom)
    bins["start"], bins["end"] = np.arange(10) * 100, np.arange(10) * 100 + 100
    pixels = group.create_group("pixels")
    pixels["bin1_id"], pixels["bin2_id"], pixels["count"] = rows, cols, full[rows, cols]
    group.attrs["storage-mode"] = "symmetric-upper"


def test_cooler(tmp_path):
    half = np.triu(np.random.default_rng(0).integers(0, 4, (10, 10)))
    full = half + np.triu(half, 1).T
    with h5py.File(tmp_path / "a.mcool", "w") as file:
        write_cooler(file.create_group("resolutions/100"), full)
        write_cooler(file.create_group("resolutions/200"), full * 2)
    with h5py.File(tmp_path / "a.cool", "w") as file:
        write_cooler(file, full)
    for source, times in ((tmp_path / "a.cool", 1), (tmp_path / "a.mcool", 1), (f"{tmp_path}/a.mcool::resolutions/200", 2)):
        store = bv.build_matrix(source, tmp_path / "m.bv", quiet=True)
        assert (store.aggregate(bv.View((0, 10), (0, 10), 10, 10), "sum").to_numpy() == full * times).all()
    assert store.rows.names[7] == "chr2:700-800"
    assert store.cols.columns == {"chrom": "category", "start": "integer", "end": "integer"}
    with pytest.raises(InputError, match="resolutions 100, 200"):
        bv.build_matrix(f"{tmp_path}/a.mcool::resolutions/7", tmp_path / "m.bv", quiet=True)
