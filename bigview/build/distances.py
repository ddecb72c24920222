"""Squared distances between vectors that may have gaps, by matrix products, block by block."""

from collections.abc import Iterable

import numba as nb
import numpy as np
from numpy.typing import NDArray

from bigview.store import pool

Floats = NDArray[np.float32]
# Items of a tile: its products take 16 MB in double precision at 8,192 items.
TILE = 256


def squared_distances(vectors: Floats) -> Floats:
    """Return the squared Euclidean distances between all rows.

    Parameters
    ----------
    vectors : (n, d) array of float32
        NaN where a value is missing.

    Returns
    -------
    (n, n) array of float32
        Exactly symmetric, 0 on the diagonal, finite. A pair that shares s of the d features has d / s times the sum over those (Dixon, Pattern
        recognition with partly missing data, 1979); a pair that shares none is as far as the farthest pair, or 0 where both have no value at all.
    """
    return gathered_distances([vectors], len(vectors))


def gathered_distances(blocks: Iterable[Floats], items: int) -> Floats:
    """Return the same from blocks of features, so that vectors never have to be in memory as a whole.

    Parameters
    ----------
    blocks : iterable of (items, some features) arrays
    items : int
    """
    sums = np.zeros((items, items), np.float32)
    shared: Floats | None = None
    width = 0
    for block in blocks:
        missing = np.isnan(block)
        if missing.any() and shared is None:
            shared = np.full((items, items), width, np.float32)
        _gather(sums, shared, block, missing)
        width += block.shape[1]
    if shared is not None:
        _fill_gaps(sums, shared, width)
    return sums


def _gather(sums: Floats, shared: Floats | None, block: Floats, missing: NDArray[np.bool_]) -> None:
    """Add the squared differences of some features."""
    # About their middle: then little is lost when squares are subtracted. In double precision, so that equal rows have distance 0.
    values = block.astype(np.float64)
    gaps = bool(missing.any())
    if gaps:
        values[missing] = 0
        there = (~missing).astype(np.float64)
        middle = values.sum(axis=0) / np.maximum(there.sum(axis=0), 1)
        values = (values - middle) * there
    else:
        values -= values.mean(axis=0)
    squares = values * values
    whole = squares.sum(axis=1)
    for low in range(0, len(values), TILE):
        if pool.stopped():
            raise pool.Stopped
        rows = slice(low, low + TILE)
        # Only what is right of the diagonal: the rest mirrors it.
        product = values[rows] @ values[low:].T
        if gaps:
            product -= 0.5 * (squares[rows] @ there[low:].T)
            product -= 0.5 * (there[rows] @ squares[low:].T)
            _add(sums[rows, low:], product, whole[rows], whole[low:], False)
        else:
            _add(sums[rows, low:], product, whole[rows], whole[low:], True)
        if shared is not None:
            shared[rows, low:] += there[rows] @ there[low:].T if gaps else block.shape[1]
    _mirror(sums)
    if shared is not None:
        _mirror(shared)


@nb.njit(nogil=True, cache=True)
def _add(sums, product, rows, columns, squares):  # type: ignore[no-untyped-def]
    """Add squared differences from products; `squares` tells that the squares are still to be added. What rounding alone can make is none."""
    for i in range(product.shape[0]):
        for j in range(product.shape[1]):
            both = rows[i] + columns[j]
            value = (both if squares else 0.0) - 2 * product[i, j]
            if i != j and value > 1e-13 * both:
                sums[i, j] += np.float32(value)


@nb.njit(nogil=True, cache=True)
def _mirror(square):  # type: ignore[no-untyped-def]
    # By tiles: a column of a large matrix has each of its values in another line of the cache.
    items, tile = square.shape[0], 64
    for top in range(0, items, tile):
        for left in range(top, items, tile):
            for i in range(top, min(top + tile, items)):
                for j in range(max(left, i + 1), min(left + tile, items)):
                    square[j, i] = square[i, j]


@nb.njit(nogil=True, cache=True)
def _fill_gaps(sums, shared, width):  # type: ignore[no-untyped-def]
    farthest = np.float32(0)
    items = sums.shape[0]
    for i in range(items):
        for j in range(items):
            if i != j and shared[i, j] > 0:
                sums[i, j] *= np.float32(width) / shared[i, j]
                farthest = max(farthest, sums[i, j])
    for i in range(items):
        for j in range(items):
            if i != j and shared[i, j] == 0:
                sums[i, j] = farthest if shared[i, i] > 0 or shared[j, j] > 0 else np.float32(0)
