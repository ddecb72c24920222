"""Matrices of few categories in their own order: the most frequent one of each pixel from the counts that a level of the pyramid has."""

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bigview.config import limits
from bigview.raster.blockloops import most_frequent
from bigview.raster.matrixpyramid import Cut, error_of, is_fine, ring
from bigview.raster.pixels import AxisPixels
from bigview.raster.sides import MatrixSide
from bigview.store import pool
from bigview.store.blockmath import add_counts, count_codes_of
from bigview.store.matrix import MatrixTable
from bigview.store.matrixlevels import LevelArrays, level_arrays

Counts = NDArray[np.uint32]


def pyramid_modes(table: MatrixTable, y: MatrixSide, x: MatrixSide) -> tuple[NDArray[np.int64], int, float] | None:
    """Return the most frequent code of each pixel, its count and the count of all, with the level and its error in pixels.

    Returns
    -------
    (ndarray of shape (height, width, 3), int, float) or None
        None where the cells themselves are to be counted: where they are few, and where no level is fine enough.
    """
    cells = math.prod(int(side.edges[-1] - side.edges[0]) for side in (y, x))
    codes = len(table.manifest.categories)
    number = max((place for place, level in enumerate(table.manifest.levels, 1) if is_fine(level.rows, y) and is_fine(level.cols, x)), default=0)
    shape = len(y.edges) - 1, len(x.edges) - 1, codes
    if cells <= limits().exact_cells or not number or 4 * math.prod(shape) > limits().result_bytes:
        return None
    level = level_arrays(table.folder, table.manifest, table.manifest.levels[number - 1])
    down, across = Cut.of(y, level.rows), Cut.of(x, level.cols)
    counts: Counts = np.zeros(shape, np.uint32)
    for rows, cols in ring(down, across, level):
        for r, c, values in table.blocks(slice(*rows), slice(*cols)):
            count_codes_of(values, (y.bin_of[r : r + values.shape[0]], x.bin_of[c : c + values.shape[1]]), counts)
    spans = np.unique(np.linspace(0, len(down.edges) - 1, 4 * pool.threads() + 1).astype(int)).tolist()
    pool.run(lambda span: _add(level, (down, across), span, counts), list(pairwise(spans)))
    out = np.empty((*shape[:2], 3), np.int64)
    most_frequent(counts, out)
    rows_of, cols_of = AxisPixels.of(y), AxisPixels.of(x)
    shown = np.asarray(cols_of.by_pixel(rows_of.by_pixel(out, 0), 1))
    shown[..., 0][shown[..., 2] == 0] = -1
    return shown, number, max(error_of(y, level.rows), error_of(x, level.cols))


def _add(level: LevelArrays, cuts: tuple[Cut, Cut], span: tuple[int, int], counts: Counts) -> None:
    down, across = cuts
    rows = int(down.edges[span[0]]), int(down.edges[span[1]])
    row_of = np.repeat(np.arange(span[0], span[1]), np.diff(down.edges[span[0] : span[1] + 1]))
    col_of = np.repeat(np.arange(len(across.edges) - 1), np.diff(across.edges))
    for code in range(counts.shape[2]):
        for r, c, plane in level.arrays[f"count-{code}"].blocks(rows, across.inner):
            places = row_of[r - rows[0] : r - rows[0] + plane.shape[0]], col_of[c - across.inner[0] : c - across.inner[0] + plane.shape[1]]
            add_counts(plane, places, code, counts)
