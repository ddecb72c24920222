"""The one door for matrices: whatever the user gives becomes a shape, names and a reader of blocks."""

import os
from typing import Any

import numpy as np

from bigview.build.axes import Axis
from bigview.build.found import described, find_files
from bigview.build.matrixoptions import MatrixOptions
from bigview.build.matrixsource import MatrixSource, NpyReader, array_source, category_names, check_shape, check_type
from bigview.errors import InputError


def open_matrix(source: Any, options: MatrixOptions) -> MatrixSource:
    """Return a source that is ready to be read.

    Parameters
    ----------
    source : array, table or path
        A NumPy array (in memory, masked, a memory map), a list of rows, or a `.npy` file.
    options : MatrixOptions
    """
    if isinstance(source, (str, os.PathLike)):
        return _file(os.path.expanduser(os.fspath(source)), options)
    if isinstance(source, (np.ndarray, list, tuple)):
        return array_source(source, "The array", options.categories)
    raise InputError(f"A {type(source).__module__}.{type(source).__name__} cannot be built from. Give an array or a path.")


def _file(path: str, options: MatrixOptions) -> MatrixSource:
    return _npy(path, options)


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
