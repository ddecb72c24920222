"""Checking a matrix store: every checksum, the tables of its axes, and every level of the pyramid against the cells."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bigview.errors import BigviewError
from bigview.store.axistable import AxisTable
from bigview.store.blockmath import count_codes_of, empty_planes, reduce_cells
from bigview.store.matrix import MatrixTable
from bigview.store.matrixlevels import PLANES, LevelArrays, level_arrays
from bigview.store.verify import file_problem

_CLOSE = {"sum": 1e-9, "squares": 1e-4}
"""Relative differences that rounding may leave: squares may be kept as float32."""


def verify_matrix(table: MatrixTable) -> list[str]:
    """Return what is wrong with a matrix store, a sentence each; an empty list for a store that is whole.

    Where files are damaged they are named; the pyramid is then left alone, because nothing can be said about it.
    """
    files = [problem for file in table.manifest.files if (problem := file_problem(table.folder, file))]
    if files:
        return files
    try:
        axes = [problem for axis in (table.rows, table.cols) for problem in _axis(axis)]
        return axes or (list(_pyramid(table)) if table.manifest.layout == "dense" else [])
    except (BigviewError, pa.ArrowException, KeyError, IndexError, ValueError) as error:
        return [f"The files do not fit together: {error}"]


def _axis(axis: AxisTable) -> Iterator[str]:
    lines = len(axis.table()) if axis.named or axis.columns else axis.size
    if lines != axis.size:
        yield f"The table of the {axis.side} has {lines:,} lines for {axis.size:,} {axis.side}."
    elif axis.named and len(set(axis.names.tolist())) < axis.size:
        yield f"Some names of the {axis.side} stand for several."


def _pyramid(table: MatrixTable) -> Iterator[str]:
    """Reduce the cells anew, block by block, and compare."""
    levels = [level_arrays(table.folder, table.manifest, level) for level in table.manifest.levels]
    if not levels:
        return
    first = next(iter(levels[0].arrays.values())).chunk
    tall, wide = (min(size, step * cells) for size, step, cells in zip(table.shape, first, (levels[0].rows, levels[0].cols), strict=True))
    kept = {file.name for file in table.manifest.files}
    wrong = set()
    for top in range(0, table.shape[0], tall):
        for left in range(0, table.shape[1], wide):
            values = _values(table, (top, min(table.shape[0], top + tall)), (left, min(table.shape[1], left + wide)))
            for level in levels:
                wrong |= {(level.rows, level.cols, plane) for plane in _differences(table, level, (top, left), values, kept)}
    for rows, cols, plane in sorted(wrong):
        yield f"The level of {rows} × {cols} cells does not fit the cells: its {plane} differs."


def _values(table: MatrixTable, rows: tuple[int, int], cols: tuple[int, int]) -> NDArray[Any]:
    kind = np.dtype(np.uint8) if table.dtype.kind == "b" else np.dtype(np.float32) if table.dtype == np.float16 else table.dtype
    out = np.empty((rows[1] - rows[0], cols[1] - cols[0]), kind)
    for r, c, block in table.blocks(slice(*rows), slice(*cols)):
        out[r - rows[0] : r - rows[0] + block.shape[0], c - cols[0] : c - cols[0] + block.shape[1]] = block
    return out


def _differences(table: MatrixTable, level: LevelArrays, corner: tuple[int, int], values: NDArray[Any], kept: set[str]) -> Iterator[str]:
    shape = -(-values.shape[0] // level.rows), -(-values.shape[1] // level.cols)
    if table.kind == "category":
        yield from _wrong_counts(level, corner, values)
        return
    made = empty_planes(shape, values.dtype)
    sentinel = np.array([0 if table.missing is None else table.missing], values.dtype), table.missing is not None
    reduce_cells(values, sentinel, (level.rows, level.cols), made)
    top, left = corner[0] // level.rows, corner[1] // level.cols
    for plane, wanted in zip(PLANES, made, strict=True):
        array = level.arrays[plane]
        if array.key(top // array.chunk[0], left // array.chunk[1]) in kept:
            found = array.take(np.arange(top, top + shape[0]), np.arange(left, left + shape[1]))
        else:
            found = np.zeros(shape, array.dtype)
        if not np.allclose(
            found.astype(np.float64), wanted.astype(np.float64), rtol=_CLOSE.get(plane, 0.0), atol=_slack(plane, values), equal_nan=True
        ):
            yield plane


def _wrong_counts(level: LevelArrays, corner: tuple[int, int], values: NDArray[Any]) -> Iterator[str]:
    shape = -(-values.shape[0] // level.rows), -(-values.shape[1] // level.cols)
    counts = np.zeros((*shape, len(level.arrays)), np.int64)
    count_codes_of(values, (np.arange(values.shape[0]) // level.rows, np.arange(values.shape[1]) // level.cols), counts)
    rows, cols = (np.arange(begin // step, begin // step + size) for begin, step, size in zip(corner, (level.rows, level.cols), shape, strict=True))
    for code, (plane, array) in enumerate(level.arrays.items()):
        if (array.take(rows, cols) != counts[..., code]).any():
            yield plane


def _slack(plane: str, values: NDArray[Any]) -> float:
    """Return the difference that rounding may leave where values cancel out."""
    if plane not in _CLOSE or not values.size:
        return 0.0
    finite = values[np.isfinite(values)]
    largest = float(np.abs(finite.astype(np.float64)).max()) if len(finite) else 0.0
    return 1e-9 * largest * (largest if plane == "squares" else 1.0)
