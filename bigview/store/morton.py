"""Morton keys: the order that makes every square one contiguous run.

The bits of the x cell stand at the even places of a key and those of the y cell at the odd ones (Morton, 1966).
"""

import numba as nb
import numpy as np
from numpy.typing import NDArray

BITS = 32
"""Bits an axis has in a full key; a level L key has 2·L bits and is the full key shifted right by 2·(32 − L)."""

UNPLACED = np.uint64(0xFFFFFFFFFFFFFFFF)
"""The key of a row without a finite position. No placed row has it: the last cell of both axes is never used."""


@nb.njit(inline="always")
def spread(v):  # type: ignore[no-untyped-def]
    """Move the 32 low bits of `v` to the even places."""
    v = nb.uint64(v) & nb.uint64(0x00000000FFFFFFFF)
    v = (v | (v << nb.uint64(16))) & nb.uint64(0x0000FFFF0000FFFF)
    v = (v | (v << nb.uint64(8))) & nb.uint64(0x00FF00FF00FF00FF)
    v = (v | (v << nb.uint64(4))) & nb.uint64(0x0F0F0F0F0F0F0F0F)
    v = (v | (v << nb.uint64(2))) & nb.uint64(0x3333333333333333)
    return (v | (v << nb.uint64(1))) & nb.uint64(0x5555555555555555)


@nb.njit(inline="always")
def gather(v):  # type: ignore[no-untyped-def]
    """Move the bits at the even places of `v` to the 32 low ones: the inverse of `spread`."""
    v = nb.uint64(v) & nb.uint64(0x5555555555555555)
    v = (v | (v >> nb.uint64(1))) & nb.uint64(0x3333333333333333)
    v = (v | (v >> nb.uint64(2))) & nb.uint64(0x0F0F0F0F0F0F0F0F)
    v = (v | (v >> nb.uint64(4))) & nb.uint64(0x00FF00FF00FF00FF)
    v = (v | (v >> nb.uint64(8))) & nb.uint64(0x0000FFFF0000FFFF)
    return (v | (v >> nb.uint64(16))) & nb.uint64(0x00000000FFFFFFFF)


@nb.njit(nogil=True, cache=True)
def _keys(x, y, x_scale, x_base, y_scale, y_base, out):  # type: ignore[no-untyped-def]
    for q in range(out.shape[0]):
        if np.isfinite(x[q]) and np.isfinite(y[q]):
            i = nb.int64(np.floor(x[q] * x_scale)) - x_base
            j = nb.int64(np.floor(y[q] * y_scale)) - y_base
            out[q] = spread(i) | (spread(j) << nb.uint64(1))
        else:
            out[q] = nb.uint64(0xFFFFFFFFFFFFFFFF)


@nb.njit(nogil=True, cache=True)
def _cells(keys, i, j):  # type: ignore[no-untyped-def]
    for q in range(keys.shape[0]):
        i[q] = gather(keys[q])
        j[q] = gather(nb.uint64(keys[q]) >> nb.uint64(1))


@nb.njit(nogil=True, cache=True)
def _interleave(i, j, out):  # type: ignore[no-untyped-def]
    for q in range(out.shape[0]):
        out[q] = spread(i[q]) | (spread(j[q]) << nb.uint64(1))


def keys_of(x: NDArray[np.floating], y: NDArray[np.floating], x_cells: tuple[float, int], y_cells: tuple[float, int]) -> NDArray[np.uint64]:
    """Return the full Morton key of each position.

    Parameters
    ----------
    x, y : ndarray of float, shape (n,)
        Positions in the axes' own coordinates (`Axis.encode`).
    x_cells, y_cells : (float, int)
        Finest cells a unit, and the number of the first cell (`Axis.cells`).

    Returns
    -------
    ndarray of uint64, shape (n,)
        `UNPLACED` where a coordinate is not finite.
    """
    out = np.empty(len(x), np.uint64)
    _keys(x, y, np.float64(x_cells[0]), np.int64(x_cells[1]), np.float64(y_cells[0]), np.int64(y_cells[1]), out)
    return out


def cells_of(keys: NDArray[np.unsignedinteger]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the column and row numbers of cells from their keys (at any level)."""
    i, j = np.empty(len(keys), np.int64), np.empty(len(keys), np.int64)
    _cells(np.asarray(keys, np.uint64), i, j)
    return i, j


def interleave(i: NDArray[np.integer], j: NDArray[np.integer]) -> NDArray[np.uint64]:
    """Return the keys of cells from their column and row numbers (at any level)."""
    i, j = np.atleast_1d(np.asarray(i, np.int64)), np.atleast_1d(np.asarray(j, np.int64))
    out = np.empty(len(i), np.uint64)
    _interleave(i, j, out)
    return out
