"""The one door for matrices: whatever the user gives becomes a shape, names and a reader of blocks."""

import os
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from bigview.build.anndatas import anndata_group, anndata_source, anndata_zarr_source, h5ad_source, is_anndata
from bigview.build.axes import Axis
from bigview.build.coolers import cooler_source
from bigview.build.daskframes import dask_frame_source
from bigview.build.found import described, find_files, is_there
from bigview.build.longtable import is_long, long_source
from bigview.build.matrixarrays import dask_source, h5_dataset_source, h5_source, is_dask, zarr_array_source, zarr_group_source
from bigview.build.matrixframes import frame_source, polars_source, table_file_source, xarray_source, zarr_file_source
from bigview.build.matrixoptions import MatrixOptions
from bigview.build.matrixsource import MatrixSource, NpyReader, array_source, category_names, check_shape, check_type, readable
from bigview.build.sparse import SparseSource
from bigview.build.tables import module_of
from bigview.errors import InputError
from bigview.store.files import Folder


def open_matrix(source: Any, options: MatrixOptions) -> MatrixSource | SparseSource:
    """Return a source that is ready to be read.

    Parameters
    ----------
    source : array, table or path
        A NumPy array (in memory, masked, a memory map), a list of rows, a Dask array; a wide DataFrame of pandas or Polars; an array of xarray; a
        `.npy`, `.zarr`, `.h5`, `.h5ad` or `.cool` file, or a wide table in a `.parquet` or `.csv` file. An array inside of a file or group is
        named after "::", or by `dataset`.
    options : MatrixOptions
    """
    if isinstance(source, MatrixSource):
        return source
    if is_long(source, options):
        return long_source(source, options)
    if isinstance(source, (str, os.PathLike)):
        return _file(os.path.expanduser(os.fspath(source)), options)
    if isinstance(source, (np.ndarray, list, tuple)):
        return array_source(source, "The array", options.categories)
    found = _frame(source, options) or _array(source, options)
    if found is not None:
        return found
    raise InputError(
        f"A {type(source).__module__}.{type(source).__name__} cannot be built from. Give an array of NumPy, Dask, xarray or Zarr, a wide "
        "DataFrame, a sparse matrix of SciPy, an AnnData object, a long table with rows=, cols= and value=, or a path."
    )


def _frame(source: Any, options: MatrixOptions) -> MatrixSource | SparseSource | None:
    """Return what knows the names of its rows and columns as a source."""
    module, frame = module_of(source), type(source).__name__ in {"DataFrame", "GeoDataFrame"}
    if is_anndata(source):
        return anndata_source(source, options.dataset)
    if module == "pandas" and frame:
        return frame_source(source, "the DataFrame", options.categories)
    if module == "polars" and frame:
        return polars_source(source, "the DataFrame", options.categories)
    if module == "dask" and hasattr(source, "to_dask_array"):
        return dask_frame_source(source, "the Dask DataFrame", options.categories)
    return xarray_source(source, "the xarray object", options.dataset, options.categories) if module == "xarray" else None


def _array(source: Any, options: MatrixOptions) -> MatrixSource | None:
    """Return an array of some package as a source."""
    module = module_of(source)
    if is_dask(source):
        return dask_source(source, "The Dask array", options.categories)
    if module == "zarr":
        opened = zarr_array_source if hasattr(source, "shape") else zarr_group_source
        return opened(source, "the Zarr array", options.categories)
    if module == "h5py" and hasattr(source, "ndim"):
        return h5_dataset_source(source, options.categories)
    if hasattr(source, "__array__") and module not in {"builtins", "numpy"}:
        return array_source(source, f"The {module} {type(source).__name__}", options.categories)
    return None


def _file(path: str, options: MatrixOptions) -> MatrixSource | SparseSource:
    name = path.partition("::")[0].rstrip("/").lower()
    if name.endswith(".h5ad"):
        return h5ad_source(path, options.dataset)
    if name.endswith((".cool", ".mcool", ".scool")):
        return cooler_source(path, options.dataset)
    if name.endswith((".h5", ".hdf5", ".hdf", ".nc", ".nc4")):
        return h5_source(path, options.dataset, options.categories)
    if name.endswith(".npy"):
        return _npy(path, options)
    if name.endswith(".npz"):
        return _npz(path, options)
    if name.endswith((".parquet", ".pq", ".parq", ".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz")):
        return table_file_source(path, options.categories)
    if name.endswith((".zarr", ".zarr.zip")) or _is_zarr(path.partition("::")[0]):
        group = anndata_group(path)
        return anndata_zarr_source(path, group, options.dataset) if group is not None else zarr_file_source(path, options.dataset, options.categories)
    is_there(path.partition("::")[0])
    raise InputError(
        f"{path} has an ending that says nothing about its format. Known are .npy, .npz, .zarr, .zarr.zip, .h5, .nc, .h5ad, .cool, .mcool, .parquet "
        "and .csv."
    )


def _is_zarr(path: str) -> bool:
    folder = Folder(path)
    return any(folder.exists(name) for name in ("zarr.json", ".zarray", ".zgroup"))


def _npy(path: str, options: MatrixOptions) -> MatrixSource:
    [file] = find_files(path)
    try:
        array = np.load(file.path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise InputError(
            f"{file.path} is not a whole .npy file of numbers{_told(error)}. Write it again: numpy.save({file.path!r}, values)."
        ) from error
    check_shape(array.shape, file.path)
    if array.dtype.kind in "UT":
        return array_source(np.asarray(array), file.path, options.categories)
    check_type(array.dtype, file.path)
    rows, cols = (int(size) for size in array.shape)
    names = category_names(options.categories, array.dtype, file.path)
    chunk = (1, cols) if array.flags.c_contiguous else (rows, 1)
    return MatrixSource(
        file.path, NpyReader(file.path), (rows, cols), array.dtype, Axis(rows), Axis(cols), False, names, chunk, (described(file.path, rows),)
    )


def _npz(path: str, options: MatrixOptions) -> MatrixSource:
    """Return the array with two axes of a `.npz` file; texts beside it of the length of an axis, called rows and cols, are the names."""
    path, _, inner = path.partition("::")
    wanted = options.dataset if options.dataset is not None else inner
    with readable(path), np.load(path, allow_pickle=False) as archive:
        flat = [name for name in archive.files if archive[name].ndim == 2]
        if wanted not in flat and (wanted or len(flat) != 1):
            raise InputError(f"{path} has the arrays {', '.join(archive.files) or 'none'}; say which one with two axes is meant, as {path}::NAME.")
        made = array_source(archive[wanted or flat[0]], path, options.categories)
        names = {side: archive[side] for side in ("rows", "cols") if side in archive.files and archive[side].ndim == 1}
    rows, cols = (_named(side, names.get(name)) for side, name in ((made.rows, "rows"), (made.cols, "cols")))
    return replace(made, rows=rows, cols=cols, files=(described(path, made.shape[0]),))


def _named(axis: Axis, names: Any) -> Axis:
    return axis if names is None or len(names) != axis.size else Axis(axis.size, pa.array(names.astype(str).tolist(), pa.string()))


def _told(error: Exception) -> str:
    """Return what is said of a file; that Python objects could be loaded from it is no advice to give."""
    text = " ".join(str(error).split())
    if "mmap length" in text:
        return ": it is shorter than it says, so it has been cut short"
    return "" if "pickle" in text or "Python objects" in text else f": {text[:200].rstrip('.')}"
