"""AnnData, in memory and as `.h5ad` files: the matrix dense or sparse, observations and variables as tables of rows and columns.

The file is read as the format says (anndata's "On-disk format"), without the package.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from bigview.build.axes import Axis, axis_of_index
from bigview.build.found import described, is_there
from bigview.build.matrixarrays import H5Reader, dask_source, h5py_module, is_dask
from bigview.build.matrixsource import MatrixSource, array_source, check_shape, check_type, readable
from bigview.build.sparse import SparseSource, checked, sparse_source
from bigview.errors import InputError

_SPARSE = {"csr_matrix": "csr_array", "csc_matrix": "csc_array"}


def is_anndata(value: Any) -> bool:
    """Whether a value is an AnnData object."""
    return type(value).__name__ == "AnnData" and all(hasattr(value, name) for name in ("X", "obs", "var"))


def anndata_source(data: Any, dataset: str | None) -> MatrixSource | SparseSource:
    """Return an AnnData object, or one of its layers, as a source."""
    values = data.X
    if dataset is not None:
        name = dataset.removeprefix("layers/")
        if name not in data.layers:
            raise InputError(f"The AnnData object has no layer {name!r}. There are: {', '.join(map(str, data.layers)) or 'none'}.")
        values = data.layers[name]
    where = "The AnnData object"
    if values is None:
        raise InputError(f"{where} has no X. Name a layer: dataset=….")
    found = dask_source(values, where) if is_dask(values) else sparse_source(values) or array_source(np.asarray(values), where)
    return replace(found, rows=_of_frame(data.obs), cols=_of_frame(data.var))


def _of_frame(frame: pd.DataFrame) -> Axis:
    axis = axis_of_index(frame.index)
    plain = pa.Table.from_pandas(frame.reset_index(drop=True), preserve_index=False).replace_schema_metadata() if frame.shape[1] else None
    return replace(axis, table=plain)


def h5ad_source(path: str, dataset: str | None) -> MatrixSource | SparseSource:
    """Return a `.h5ad` file as a source: its X, or what `dataset` or the part after "::" names ("layers/counts", "raw/X")."""
    path, _, inner = path.partition("::")
    name = (dataset if dataset is not None else inner).strip("/") or "X"
    is_there(path)
    with readable(path), h5py_module().File(path, "r") as file:
        name = f"layers/{name}" if name not in file and f"layers/{name}" in file else name
        if name not in file:
            layers = [f"layers/{layer}" for layer in file.get("layers", ())]
            raise InputError(f"{path} has no {name!r}. There are: {', '.join(['X', *layers])}.")
        node, where = file[name], f"{path}::{name}"
        rows, cols = _axis(file["obs"]), _axis(file["raw/var" if name.startswith("raw/") else "var"])
        found = _sparse(node, where) if hasattr(node, "keys") else _dense(path, name, node)
        files = (described(path, rows.size),)
    if (rows.size, cols.size) != _shape(found):
        raise InputError(f"{where} has the shape {_shape(found)}, but {rows.size:,} observations and {cols.size:,} variables.")
    return replace(found, rows=rows, cols=cols, files=files)


def _shape(found: MatrixSource | SparseSource) -> tuple[int, ...]:
    return tuple(int(size) for size in (found.shape if isinstance(found, MatrixSource) else found.matrix.shape))


def _dense(path: str, name: str, data: Any) -> MatrixSource:
    where = f"{path}::{name}"
    check_shape(data.shape, where)
    check_type(data.dtype, where)
    rows, cols = (int(size) for size in data.shape)
    return MatrixSource(where, H5Reader(path, name), (rows, cols), data.dtype, Axis(rows), Axis(cols), chunk=data.chunks or (1, cols))


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
