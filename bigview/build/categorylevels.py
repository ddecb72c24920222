"""The pyramid of a matrix of few categories: for each level, how many cells of a block have each code."""

import numpy as np
from numpy.typing import NDArray

from bigview.store.blockmath import count_codes_of
from bigview.store.matrixmanifest import MatrixLevel

MOST = 16
"""Categories up to which there is a pyramid: with one plane a category it is as large as the matrix itself; more are counted cell by cell."""


def counted_levels(codes: NDArray[np.integer], levels: tuple[MatrixLevel, ...], count: int) -> list[NDArray[np.uint32]]:
    """Return for each level the counts of a block, shape (rows, columns, codes)."""
    found: list[NDArray[np.uint32]] = []
    before: MatrixLevel | None = None
    for level in levels:
        shape = -(-codes.shape[0] // level.rows), -(-codes.shape[1] // level.cols)
        if before is not None and level.rows % before.rows == 0 and level.cols % before.cols == 0:
            found.append(_joined(found[-1], (level.rows // before.rows, level.cols // before.cols), shape))
        else:
            counts = np.zeros((*shape, count), np.uint32)
            places = tuple((np.arange(size) // step).astype(np.int64) for size, step in zip(codes.shape, (level.rows, level.cols), strict=True))
            count_codes_of(codes, places, counts)
            found.append(counts)
        before = level
    return found


def _joined(counts: NDArray[np.uint32], steps: tuple[int, int], shape: tuple[int, int]) -> NDArray[np.uint32]:
    whole = np.zeros((shape[0] * steps[0], shape[1] * steps[1], counts.shape[2]), np.uint32)
    whole[: counts.shape[0], : counts.shape[1]] = counts
    return np.asarray(whole.reshape(shape[0], steps[0], shape[1], steps[1], -1).sum(axis=(1, 3), dtype=np.uint32))
