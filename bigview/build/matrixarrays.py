"""Arrays that lie in chunks: Dask arrays, Zarr (versions 2 and 3) and HDF5."""

import base64
import struct
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bigview.build.axes import Axis
from bigview.build.found import described, described_folder, is_there
from bigview.build.matrixsource import ArrayReader, Held, MatrixSource, array_source, category_names, check_shape, check_type, readable
from bigview.errors import InputError, PackageMissingError, StoreMissingError

_SHOWN = 8


@dataclass(frozen=True)
class DaskReader:
    """Computes blocks of a Dask array in the task that asks for them."""

    held: Held

    def block(self, rows: tuple[int, int], cols: tuple[int, int]) -> NDArray[Any]:
        """Return the cells of a range of rows and of columns."""
        found = self.held.value[slice(*rows), slice(*cols)].compute(scheduler="synchronous")
        _check_block(found)
        return found if isinstance(found, np.ndarray) else np.asarray(found)


def _check_block(block: Any) -> None:
    if hasattr(block, "tocsr") or type(block).__module__.startswith("sparse."):
        raise InputError("The blocks of the Dask array are sparse. Give the sparse matrix itself, as array.compute() has it: it is kept sparse.")


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
    _check_block(array._meta)
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
            found = np.asarray(zarr_node(self.url, self.name)[slice(*rows), slice(*cols)])
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
    """Return a Zarr array (version 2 or 3, local or at a URL) as a source."""
    url, _, inner = path.partition("::")
    name = dataset if dataset is not None else inner
    with readable(url):
        found = zarr_node(url, name)
    if not hasattr(found, "shape"):
        name, found = _only_array(found, url, name)
    check_shape(found.shape, url)
    check_type(found.dtype, url)
    rows, cols = (int(size) for size in found.shape)
    names = category_names(categories, found.dtype, url)
    attributes = dict(found.attrs)
    if found.metadata.zarr_format == 2 and "_ARRAY_DIMENSIONS" in attributes:
        attributes.setdefault("_FillValue", found.metadata.fill_value)  # where xarray puts it in version 2
    reader = ZarrReader(url, name, fill_of(attributes, found.dtype))
    made = MatrixSource(url, reader, (rows, cols), found.dtype, Axis(rows), Axis(cols), reader.fill is not None, names, tuple(found.chunks))
    return replace(made, files=(described_folder(url, rows),))


def fill_of(attributes: Any, dtype: np.dtype[Any]) -> float | int | None:
    """Return the number that stands for missing cells, as the CF conventions have it; None where NaN does, or none."""
    fill = attributes.get("_FillValue", attributes.get("missing_value"))
    if isinstance(fill, str) and dtype.kind == "f":  # xarray's way to write one for Zarr's version 3
        try:
            (fill,) = struct.unpack("<d", base64.standard_b64decode(fill))
        except (ValueError, struct.error):
            return None
    if fill is None or isinstance(fill, (str, bytes)) or dtype.kind not in "iuf":
        return None
    number = np.asarray(fill).ravel()[0].item()
    return None if number != number else number


def zarr_place(url: str) -> Any:
    """Return what Zarr opens an address by: a group in one file by the reader of such files."""
    import zarr

    if not url.lower().endswith(".zip") or "://" in url:
        return url
    is_there(url)
    if not is_zipfile(url):
        raise InputError(f"{url} is no whole .zip file, as Zarr writes a group into one. Write it again.")
    return zarr.storage.ZipStore(url, mode="r")


def zarr_node(url: str, name: str) -> Any:
    """Return an array or a group of Zarr."""
    import zarr

    try:
        return zarr.open(zarr_place(url), mode="r", path=name or None)
    except (FileNotFoundError, zarr.errors.NodeNotFoundError) as error:
        if name:
            raise InputError(f"{url} has no array {name!r}. {_listed(zarr_node(url, ''))}") from error
        raise StoreMissingError(f"There is no Zarr array at {url}.") from error


def _listed(group: Any) -> str:
    names = [name for name, array in group.arrays() if len(array.shape) == 2] if hasattr(group, "arrays") else []
    return f"With two axes there are: {', '.join(names[:_SHOWN]) or 'none'}."


def zarr_group_source(group: Any, where: str, categories: Any = None) -> MatrixSource:
    """Return the only array with two axes of an open Zarr group as a source."""
    return zarr_array_source(_only_array(group, where, "")[1], where, categories)


def _only_array(group: Any, url: str, inner: str) -> tuple[str, Any]:
    flat = [name for name, array in group.arrays() if len(array.shape) == 2]
    if len(flat) != 1:
        raise InputError(f"{url} is a group of arrays; say which one is meant, as dataset=… or {url}::NAME. {_listed(group)}")
    return "/".join(part for part in (inner, flat[0]) if part), group[flat[0]]


@dataclass(frozen=True)
class H5Reader:
    """Reads a data set of an HDF5 file by its path; a number that stands for missing cells becomes a mask."""

    path: str
    name: str
    fill: float | int | None = None

    def block(self, rows: tuple[int, int], cols: tuple[int, int]) -> NDArray[Any]:
        """Return the cells of a range of rows and of columns."""
        with readable(f"{self.path}::{self.name}"), h5py_module().File(self.path, "r") as file:
            found = np.asarray(file[self.name][slice(*rows), slice(*cols)])
        return found if self.fill is None else np.ma.masked_equal(found, self.fill, copy=False)


def h5py_module() -> Any:
    """Return the module h5py."""
    try:
        return import_module("h5py")
    except ImportError as error:
        raise PackageMissingError("HDF5 files need h5py. Install it with: pip install 'bigview[matrix]'") from error


def h5_dataset_source(data: Any, categories: Any = None) -> MatrixSource:
    """Return an open data set of HDF5 as a source: its file is read."""
    return h5_source(data.file.filename, data.name.strip("/"), categories)


def h5_source(path: str, dataset: str | None, categories: Any = None) -> MatrixSource:
    """Return a data set of an HDF5 file as a source: ``file.h5::group/name``, or the only one with two axes."""
    path, _, inner = path.partition("::")
    name = dataset if dataset is not None else inner
    is_there(path)
    with Path(path).open("rb") as plain:
        if plain.read(3) == b"CDF":
            raise InputError(f"{path} is a netCDF file of the classic kind. Open it with xarray and give that: xarray.open_dataset({path!r}).")
    h5py = h5py_module()
    with readable(path), h5py.File(path, "r") as file:
        flat: list[str] = []
        file.visititems(lambda key, item: flat.append(key) if isinstance(item, h5py.Dataset) and item.ndim == 2 else None)
        listed = f"With two axes there are: {', '.join(flat[:_SHOWN]) or 'none'}."
        if not name and not flat:
            raise InputError(f"{path} holds no data set with two axes; a matrix has two, rows and columns.")
        if not name and len(flat) != 1:
            raise InputError(f"{path} holds {len(flat)} data sets with two axes; say which one is meant, as {path}::NAME. {listed}")
        name = name or flat[0]
        if name not in file or not isinstance(file[name], h5py.Dataset):
            raise InputError(f"{path} has no data set {name!r}. {listed}")
        data = file[name]
        check_shape(data.shape, f"{path}::{name}")
        if h5py.check_string_dtype(data.dtype) is not None:
            return replace(array_source(data.asstr()[()], f"{path}::{name}", categories), files=(described(path, data.shape[0]),))
        check_type(data.dtype, f"{path}::{name}")
        made = _h5_array(data, f"{path}::{name}", H5Reader(path, name, fill_of(data.attrs, data.dtype)), categories)
    return replace(made, files=(described(path, made.shape[0]),))


def _h5_array(data: Any, where: str, reader: H5Reader, categories: Any) -> MatrixSource:
    if any(packing in data.attrs for packing in ("scale_factor", "add_offset")):
        raise InputError(f"{where} is packed (it has a scale_factor or an add_offset). Open it with xarray, which unpacks it, and give that.")
    shape = int(data.shape[0]), int(data.shape[1])
    names = category_names(categories, data.dtype, where)
    rows, cols = (Axis(size, _scale(dim, size)) for dim, size in zip(data.dims, shape, strict=True))
    return MatrixSource(where, reader, shape, data.dtype, rows, cols, reader.fill is not None, names, data.chunks or (1, shape[1]))


def _scale(dim: Any, size: int) -> pa.Array | None:
    """Return the values of a dimension scale of HDF5 as names; those of netCDF's dimensions without values are none."""
    scale = dim[0] if len(dim) else None
    if scale is None or scale.shape != (size,) or bytes(scale.attrs.get("NAME", b"")).startswith(b"This is a netCDF dimension but not"):
        return None
    texts = [entry.decode("utf-8", "replace") if isinstance(entry, bytes) else str(entry) for entry in scale[()].tolist()]
    return pa.array(texts, pa.string()) if len(set(texts)) == size else None
