"""Rectangles as runs: which ranges of Morton keys a rectangle of cells covers."""

from typing import NamedTuple

import numba as nb
import numpy as np
from numpy.typing import NDArray

from bigview.store.morton import spread

_SIDE = 32
"""A rectangle is divided until a node is about this fraction of its longer side: some hundreds of ranges, few rows read in vain."""


class KeyRanges(NamedTuple):
    """Ranges of keys at one level, ascending and disjoint.

    Attributes
    ----------
    first, last : ndarray of uint64
        Both inclusive, so that the last key of the finest level needs no 65th bit.
    inside : ndarray of bool
        Whether the whole range lies in the rectangle.
    """

    first: NDArray[np.uint64]
    last: NDArray[np.uint64]
    inside: NDArray[np.bool_]


@nb.njit(nogil=True, cache=True)
def _walk(sides, margin, level, smallest, out):  # type: ignore[no-untyped-def]
    """Depth first through the quadtree, so that ranges come in the order of their keys."""
    i0, i1, j0, j1 = sides
    first, last, inside = out
    stack = np.empty((4 * 33, 3), np.int64)
    stack[0, 0], stack[0, 1], stack[0, 2] = 0, 0, level
    depth, found = 1, 0
    while depth:
        depth -= 1
        i, j, bits = stack[depth, 0], stack[depth, 1], stack[depth, 2]
        size = nb.int64(1) << bits
        x0, y0 = i << bits, j << bits
        if x0 >= i1 or y0 >= j1 or x0 + size <= i0 or y0 + size <= j0:
            continue
        whole = x0 >= i0 + margin and y0 >= j0 + margin and x0 + size <= i1 - margin and y0 + size <= j1 - margin
        if whole or bits <= smallest:
            start = spread(x0) | (spread(y0) << nb.uint64(1))
            stop = start + ((nb.uint64(1) << nb.uint64(2 * bits)) - nb.uint64(1)) if bits < 32 else nb.uint64(0xFFFFFFFFFFFFFFFF)
            if found and inside[found - 1] == whole and last[found - 1] + nb.uint64(1) == start:
                last[found - 1] = stop
            elif found < first.shape[0]:
                first[found], last[found], inside[found] = start, stop, whole
                found += 1
            continue
        for part in range(3, -1, -1):  # pushed last to first: popped in the order of keys
            stack[depth, 0], stack[depth, 1], stack[depth, 2] = 2 * i + (part & 1), 2 * j + (part >> 1), bits - 1
            depth += 1
    return found


def key_ranges(columns: tuple[int, int], rows: tuple[int, int], level: int, side: int = _SIDE, margin: int = 0) -> KeyRanges:
    """Return the key ranges that cover a rectangle of cells.

    Parameters
    ----------
    columns, rows : (int, int)
        Half-open ranges of cells; parts outside the grid are left out.
    level : int
    side : int
        Nodes that cross the rectangle's border are divided down to about 1/side of its longer side.
    margin : int
        Ranges count as inside when they keep this many cells away from the border.
    """
    cells = 1 << level
    i0, i1 = (min(max(edge, 0), cells) for edge in columns)
    j0, j1 = (min(max(edge, 0), cells) for edge in rows)
    if i0 >= i1 or j0 >= j1:
        return KeyRanges(np.empty(0, np.uint64), np.empty(0, np.uint64), np.empty(0, bool))
    smallest = max(0, (max(i1 - i0, j1 - j0) // side).bit_length() - 1)
    room = 64 * side + 64
    first, last, inside = np.empty(room, np.uint64), np.empty(room, np.uint64), np.empty(room, bool)
    found = _walk((i0, i1, j0, j1), margin, level, smallest, (first, last, inside))
    return KeyRanges(first[:found], last[:found], inside[:found])
