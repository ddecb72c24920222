"""AnnData, in memory, as `.h5ad` files and in Zarr: the matrix dense or sparse, observations and variables as tables of rows and columns.

A file is read as the format says (anndata's "On-disk format"), without the package.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from bigview.build.axes import Axis, axis_of_index, frame_table
from bigview.build.found import described, described_folder, is_there
from bigview.build.matrixarrays import H5Reader, ZarrReader, dask_source, h5_dataset_source, h5py_module, is_dask, zarr_node
from bigview.build.matrixsource import MatrixSource, array_source, check_shape, check_type, readable
from bigview.build.sparse import SparseSource, checked, sparse_source
from bigview.errors import InputError

_SPARSE = {"csr_matrix": "csr_array", "csc_matrix": "csc_array"}


def is_anndata(value: Any) -> bool:
    """Whether a value is an AnnData object."""
    return type(value).__name__ == "AnnData" and all(hasattr(value, name) for name in ("X", "obs", "var"))


def anndata_source(data: Any, dataset: str | None) -> MatrixSource | SparseSource:
    """Return an AnnData object as a source: its X, a layer, or what `dataset` names ("raw/X", "obsp/distances", "obsm/X_pca")."""
    where, (folder, name) = "The AnnData object", _place(dataset)
    held = data.raw if folder == "raw" else data
    members = {"X": held.X} if name == "X" and held is not None else dict(getattr(data, folder))
    if name not in members:
        raise InputError(f"{where} has no {'layer' if folder == 'layers' else folder} {name!r}. There are: {', '.join(map(str, members)) or 'none'}.")
    values = members[name]
    if values is None:
        raise InputError(f"{where} has no X. Name a layer: dataset=….")
    if hasattr(values, "to_memory"):
        values = values.to_memory()  # the sparse matrix of a file that AnnData holds open
    if is_dask(values):
        found: MatrixSource | SparseSource = dask_source(values, where)
    elif type(values).__module__.startswith("h5py"):
        found = h5_dataset_source(values)
    else:
        found = sparse_source(values) or array_source(np.asarray(values), where)
    frames = {"obs": data.obs, "var": held.var} if held is not None else {}
    sides = [_of_frame(frames[side]) if side else Axis(_shape(found)[place]) for place, side in enumerate(_sides(folder))]
    return replace(found, rows=sides[0], cols=sides[1])


def _place(dataset: str | None) -> tuple[str, str]:
    """Return folder and name of what is meant in an AnnData: a name alone is that of a layer."""
    folder, _, name = (dataset or "X").strip("/").rpartition("/")
    return (folder or ("" if name == "X" else "layers")), name


def _sides(folder: str) -> tuple[str, str]:
    """Return which tables tell of the rows and of the columns of a matrix in a folder of AnnData; none where it is empty."""
    return {"obsm": ("obs", ""), "varm": ("var", ""), "obsp": ("obs", "obs"), "varp": ("var", "var")}.get(folder, ("obs", "var"))


def _of_frame(frame: pd.DataFrame) -> Axis:
    return replace(axis_of_index(frame.index), table=frame_table(frame) if frame.shape[1] else None)


def h5ad_source(path: str, dataset: str | None) -> MatrixSource | SparseSource:
    """Return a `.h5ad` file as a source: its X, or what `dataset` or the part after "::" names ("layers/counts", "raw/X", "obsp/distances")."""
    path, _, inner = path.partition("::")
    is_there(path)
    with readable(path), h5py_module().File(path, "r") as file:
        found = _source(file, path, dataset if dataset is not None else inner, H5Reader)
        return replace(found, files=(described(path, _shape(found)[0]),))


def anndata_group(path: str) -> Any:
    """Return the Zarr group at an address if it is one that AnnData has written; else None."""
    url = path.partition("::")[0]
    with readable(url):
        group = zarr_node(url, "")
    return group if hasattr(group, "keys") and "obs" in group and "var" in group else None


def anndata_zarr_source(path: str, group: Any, dataset: str | None) -> MatrixSource | SparseSource:
    """Return an AnnData in Zarr as a source, as `h5ad_source` does."""
    url, _, inner = path.partition("::")
    with readable(url):
        found = _source(group, url, dataset if dataset is not None else inner, ZarrReader)
    return replace(found, files=(described_folder(url, _shape(found)[0]),))


def _source(file: Any, path: str, wanted: str, reader: Any) -> MatrixSource | SparseSource:
    folder, name = _place(wanted)
    place = f"{folder}/{name}" if folder else name
    if place not in file:
        listed = [f"{part}/{member}" for part in ("layers", "obsp", "obsm") if part in file for member in file[part]]
        raise InputError(f"{path} has no {place!r}. There are: {', '.join([*(['X'] if 'X' in file else []), *listed])}.")
    node, where = file[place], f"{path}::{place}"
    found = _sparse(node, where) if hasattr(node, "keys") else _dense(reader(path, place), node, where)
    tables = ("raw/var" if side == "var" and folder == "raw" else side for side in _sides(folder))
    rows, cols = (_axis(file[side]) if side else Axis(size) for side, size in zip(tables, _shape(found), strict=True))
    if (rows.size, cols.size) != _shape(found):
        raise InputError(f"{where} has the shape {_shape(found)}, but its tables have {rows.size:,} and {cols.size:,} lines.")
    return replace(found, rows=rows, cols=cols)


def _shape(found: MatrixSource | SparseSource) -> tuple[int, ...]:
    return tuple(int(size) for size in (found.shape if isinstance(found, MatrixSource) else found.matrix.shape))


def _dense(reader: Any, data: Any, where: str) -> MatrixSource:
    check_shape(data.shape, where)
    check_type(data.dtype, where)
    rows, cols = (int(size) for size in data.shape)
    return MatrixSource(where, reader, (rows, cols), data.dtype, Axis(rows), Axis(cols), chunk=data.chunks or (1, cols))


def _sparse(group: Any, where: str) -> SparseSource:
    from scipy import sparse

    kind = _SPARSE.get(_text(group.attrs.get("encoding-type", "")))
    if kind is None:
        raise InputError(f"{where} is of a kind that is no matrix: {group.attrs.get('encoding-type', 'a group')}.")
    parts = tuple(np.asarray(group[name]) for name in ("data", "indices", "indptr"))
    return checked(getattr(sparse, kind)(parts, shape=tuple(int(size) for size in group.attrs["shape"])), where)


def _axis(group: Any) -> Axis:
    """Return names and columns of a data frame in the file."""
    index = _text(group.attrs.get("_index", "_index"))
    names = _column(group[index])
    columns = {str(name): _column(group[name]) for name in map(_text, group.attrs.get("column-order", ())) if name in group}
    return Axis(len(names), pa.array([str(name) for name in names.to_pylist()], pa.string()), pa.table(columns) if columns else None)


def _column(node: Any) -> pa.Array:
    if hasattr(node, "keys"):
        if "codes" in node:  # a categorical
            codes = np.asarray(node["codes"])
            texts = pa.array([str(name) for name in _column(node["categories"]).to_pylist()], pa.string())
            return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32), mask=codes < 0), texts)
        values = _column(node["values"])  # nullable numbers, booleans, texts
        return pa.array(values.to_pylist(), values.type, mask=np.asarray(node["mask"]).astype(bool))
    values = node[()]
    if values.dtype.kind in "OS":
        return pa.array([_text(value) for value in values], pa.string())
    return pa.array(values)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
