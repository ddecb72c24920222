"""The one door for matrices: whatever the user gives becomes a shape, names and a reader of blocks."""

import os
from typing import Any

import numpy as np

from bigview.build.anndatas import anndata_source, h5ad_source, is_anndata
from bigview.build.axes import Axis
from bigview.build.coolers import cooler_source
from bigview.build.found import described, find_files, is_there
from bigview.build.longtable import is_long, long_source
from bigview.build.matrixarrays import dask_source, h5_source, is_dask, zarr_array_source, zarr_source
from bigview.build.matrixframes import frame_source, polars_source, table_file_source, xarray_source
from bigview.build.matrixoptions import MatrixOptions
from bigview.build.matrixsource import MatrixSource, NpyReader, array_source, category_names, check_shape, check_type
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
        `.npy`, `.zarr`, `.h5` or `.h5ad` file, or a wide table in a `.parquet` or `.csv` file. An array inside of a file or group is named after
        "::", or by `dataset`.
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
    if is_anndata(source):
        return anndata_source(source, options.dataset)
    module = module_of(source)
    if is_dask(source):
        return dask_source(source, "The Dask array", options.categories)
    if module == "pandas" and type(source).__name__ in {"DataFrame", "GeoDataFrame"}:
        return frame_source(source, "the DataFrame", options.categories)
    if module == "polars" and type(source).__name__ == "DataFrame":
        return polars_source(source, "the DataFrame", options.categories)
    if module == "xarray":
        return xarray_source(source, "the xarray object", options.dataset, options.categories)
    if module == "zarr" and hasattr(source, "shape"):
        return zarr_array_source(source, "the Zarr array", options.categories)
    raise InputError(
        f"A {type(source).__module__}.{type(source).__name__} cannot be built from. Give an array of NumPy, Dask, xarray or Zarr, a wide "
        "DataFrame, a sparse matrix of SciPy, an AnnData object, a long table with rows=, cols= and value=, or a path."
    )


def _file(path: str, options: MatrixOptions) -> MatrixSource | SparseSource:
    name = path.partition("::")[0].rstrip("/").lower()
    if name.endswith(".h5ad"):
        return h5ad_source(path, options.dataset)
    if name.endswith((".cool", ".mcool")):
        return cooler_source(path, options.dataset)
    if name.endswith((".h5", ".hdf5", ".hdf", ".nc4")):
        return h5_source(path, options.dataset, options.categories)
    if name.endswith(".npy"):
        return _npy(path, options)
    if name.endswith((".parquet", ".pq", ".parq", ".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz")):
        return table_file_source(path, options.categories)
    if name.endswith(".zarr") or _is_zarr(path.partition("::")[0]):
        return zarr_source(path, options.dataset, options.categories)
    is_there(path.partition("::")[0])
    raise InputError(
        f"{path} has an ending that says nothing about its format. Known are .npy, .npz, .zarr, .h5, .h5ad, .cool, .mcool, .parquet, .csv."
    )


def _is_zarr(path: str) -> bool:
    folder = Folder(path)
    return any(folder.exists(name) for name in ("zarr.json", ".zarray", ".zgroup"))


def _npy(path: str, options: MatrixOptions) -> MatrixSource:
    [file] = find_files(path)
    try:
        array = np.load(file.path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise InputError(f"{file.path} is not a whole .npy file of numbers: {error}") from error
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
