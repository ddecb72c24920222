"""Arrays that lie in chunks: Dask arrays, Zarr (versions 2 and 3) and HDF5."""

from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bigview.build.axes import Axis
from bigview.build.matrixsource import ArrayReader, Held, MatrixSource, array_source, category_names, check_shape, check_type, readable
from bigview.errors import InputError, PackageMissingError, StoreMissingError
from bigview.store.manifest import SourceFile

_SHOWN = 8


@dataclass(frozen=True)
class DaskReader:
    """Computes blocks of a Dask array in the task that asks for them."""

    held: Held

    def block(self, rows: tuple[int, int], cols: tuple[int, int]) -> NDArray[Any]:
        """Return the cells of a range of rows and of columns."""
        found = self.held.value[slice(*rows), slice(*cols)].compute(scheduler="synchronous")
        return found if isinstance(found, np.ndarray) else np.asarray(found)


def is_dask(value: Any) -> bool:
    """Whether a value is a Dask array."""
    return type(value).__module__.startswith("dask.array")


def dask_source(array: Any, where: str, categories: Any = None) -> MatrixSource:
    """Return a Dask array as a source."""
    check_shape(array.shape, where)
    if any(size != size for size in array.shape):
        raise InputError(f"{where} does not know its own shape. Call array.compute_chunk_sizes() first.")
    check_type(array.dtype, where)
    rows, cols = (int(size) for size in array.shape)
    masked = isinstance(array._meta, np.ma.MaskedArray)
    names = category_names(categories, array.dtype, where)
    chunk = tuple(max(sizes) if sizes else 1 for sizes in array.chunks)
    return MatrixSource(where, DaskReader(Held.of(array)), (rows, cols), array.dtype, Axis(rows), Axis(cols), masked, names, chunk, local=True)  # type: ignore[arg-type]


@dataclass(frozen=True)
class ZarrReader:
    """Reads a Zarr array by its address; a number that stands for missing cells becomes a mask."""

    url: str
    name: str
    fill: float | int | None = None

    def block(self, rows: tuple[int, int], cols: tuple[int, int]) -> NDArray[Any]:
        """Return the cells of a range of rows and of columns."""
        with readable(f"A chunk of {self.url}"):
            found = np.asarray(_zarr(self.url, self.name)[slice(*rows), slice(*cols)])
        return found if self.fill is None else np.ma.masked_equal(found, self.fill, copy=False)


def zarr_array_source(array: Any, where: str, categories: Any = None) -> MatrixSource:
    """Return an open Zarr array as a source."""
    check_shape(array.shape, where)
    check_type(array.dtype, where)
    rows, cols = (int(size) for size in array.shape)
    names = category_names(categories, array.dtype, where)
    held = ArrayReader(Held.of(array))
    return MatrixSource(where, held, (rows, cols), array.dtype, Axis(rows), Axis(cols), False, names, tuple(array.chunks), local=True)


def zarr_source(path: str, dataset: str | None, categories: Any = None) -> MatrixSource:
    """Return a Zarr array (version 2 or 3, local or at a URL) as a source; arrays named like its dimensions are the names."""
    url, _, inner = path.partition("::")
    name = dataset if dataset is not None else inner
    with readable(url):
        found = _zarr(url, name)
    if not hasattr(found, "shape"):
        name, found = _only_array(found, url, name)
    check_shape(found.shape, url)
    check_type(found.dtype, url)
    rows, cols = (int(size) for size in found.shape)
    fill = found.attrs.get("_FillValue", found.attrs.get("missing_value")) if found.dtype.kind in "iu" else None
    names = category_names(categories, found.dtype, url)
    reader = ZarrReader(url, name, fill if isinstance(fill, (int, float)) else None)
    source = MatrixSource(url, reader, (rows, cols), found.dtype, Axis(rows), Axis(cols), reader.fill is not None, names, tuple(found.chunks))
    axes = _zarr_axes(url, name, found)
    return replace(source, rows=axes.get("rows", source.rows), cols=axes.get("cols", source.cols), files=(SourceFile(url, 0, "", rows),))


def _zarr(url: str, name: str) -> Any:
    import zarr

    try:
        return zarr.open(url, mode="r", path=name or None)
    except (FileNotFoundError, zarr.errors.NodeNotFoundError) as error:
        if name:
            raise InputError(f"{url} has no array {name!r}. {_listed(_zarr(url, ''))}") from error
        raise StoreMissingError(f"There is no Zarr array at {url}.") from error


def _listed(group: Any) -> str:
    names = [name for name, array in group.arrays() if len(array.shape) == 2] if hasattr(group, "arrays") else []
    return f"With two axes there are: {', '.join(names[:_SHOWN]) or 'none'}."


def _only_array(group: Any, url: str, inner: str) -> tuple[str, Any]:
    flat = [name for name, array in group.arrays() if len(array.shape) == 2]
    if len(flat) != 1:
        raise InputError(f"{url} is a group of arrays; say which one is meant, as dataset=… or {url}::NAME. {_listed(group)}")
    return "/".join(part for part in (inner, flat[0]) if part), group[flat[0]]


def _zarr_axes(url: str, name: str, array: Any) -> dict[str, Axis]:
    dims = getattr(array.metadata, "dimension_names", None) or array.attrs.get("_ARRAY_DIMENSIONS")
    if not dims or len(dims) != 2:
        return {}
    found = {}
    for side, dim, size in zip(("rows", "cols"), dims, array.shape, strict=True):
        place = "/".join([*name.split("/")[:-1], str(dim)]) if dim else ""
        try:
            values = np.asarray(_zarr(url, place)[:]) if place and place != name else None
        except (InputError, StoreMissingError, KeyError, ValueError, TypeError):
            continue
        if values is not None and values.shape == (size,) and values.dtype.kind in "UTOSiufM":
            texts = [entry.decode("utf-8", "replace") if isinstance(entry, bytes) else str(entry) for entry in values.tolist()]
            found[side] = Axis(int(size), pa.array(texts, pa.string()))
    return found


@dataclass(frozen=True)
class H5Reader:
    """Reads a data set of an HDF5 file by its path."""

    path: str
    name: str

    def block(self, rows: tuple[int, int], cols: tuple[int, int]) -> NDArray[Any]:
        """Return the cells of a range of rows and of columns."""
        with readable(f"{self.path}::{self.name}"), h5py_module().File(self.path, "r") as file:
            return np.asarray(file[self.name][slice(*rows), slice(*cols)])


def h5py_module() -> Any:
    """Return the module h5py."""
    try:
        return import_module("h5py")
    except ImportError as error:
        raise PackageMissingError("HDF5 files need h5py. Install it with: pip install 'bigview[matrix]'") from error


def h5_source(path: str, dataset: str | None, categories: Any = None) -> MatrixSource:
    """Return a data set of an HDF5 file as a source: ``file.h5::group/name``, or the only one with two axes."""
    from bigview.build.found import described, is_there

    path, _, inner = path.partition("::")
    name = dataset if dataset is not None else inner
    is_there(path)
    h5py = h5py_module()
    with readable(path), h5py.File(path, "r") as file:
        flat: list[str] = []
        file.visititems(lambda key, item: flat.append(key) if isinstance(item, h5py.Dataset) and item.ndim == 2 else None)
        listed = f"With two axes there are: {', '.join(flat[:_SHOWN]) or 'none'}."
        if not name and len(flat) != 1:
            raise InputError(f"{path} holds {len(flat)} data sets with two axes; say which one is meant, as {path}::NAME. {listed}")
        name = name or flat[0]
        if name not in file or not isinstance(file[name], h5py.Dataset):
            raise InputError(f"{path} has no data set {name!r}. {listed}")
        data = file[name]
        check_shape(data.shape, f"{path}::{name}")
        if h5py.check_string_dtype(data.dtype) is not None:
            return array_source(data.asstr()[()], f"{path}::{name}", categories)
        check_type(data.dtype, f"{path}::{name}")
        rows, cols = (int(size) for size in data.shape)
        names = category_names(categories, data.dtype, path)
        reader = H5Reader(path, name)
        made = MatrixSource(f"{path}::{name}", reader, (rows, cols), data.dtype, Axis(rows), Axis(cols), False, names, data.chunks or (1, cols))
    return replace(made, files=(described(path, rows),))
