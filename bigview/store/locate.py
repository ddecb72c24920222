"""From keys to rows: where a key range begins among the cells of a level and among the rows."""

from typing import NamedTuple

import numba as nb
import numpy as np
from numpy.typing import NDArray

from bigview.store.morton import BITS, spread
from bigview.store.reader import Reader, X, Y
from bigview.store.regions import KeyRanges

Rows = NDArray[np.int64]


class Cuts(NamedTuple):
    """Where keys fall among the cells of a level: `cell` cells come before, and the row lies in low … high."""

    cell: Rows
    low: Rows
    high: Rows


class Spans(NamedTuple):
    """Key ranges as rows: cells c0 … c1 of the level, rows r0 … r1, whether the range lies wholly in the rectangle."""

    c0: Rows
    c1: Rows
    r0: Rows
    r1: Rows
    inside: NDArray[np.bool_]


@nb.njit(nogil=True, cache=True)
def _bisect(x, y, axes, keys, low, high, shift):  # type: ignore[no-untyped-def]
    xs, xb, ys, yb = axes
    for q in range(keys.shape[0]):
        a, b = low[q], high[q]
        while a < b:
            middle = (a + b) >> 1
            key = nb.uint64(0xFFFFFFFFFFFFFFFF)
            if np.isfinite(x[middle]) and np.isfinite(y[middle]):
                i, j = nb.int64(np.floor(x[middle] * xs)) - xb, nb.int64(np.floor(y[middle] * ys)) - yb
                key = spread(i) | (spread(j) << nb.uint64(1))
            if (key >> nb.uint64(shift)) < keys[q]:
                a = middle + 1
            else:
                b = middle
        low[q] = a


@nb.njit(nogil=True, cache=True)
def _cut(keys, place, offsets, columns, ends, cuts):  # type: ignore[no-untyped-def]
    """Find keys among the cells, each in its row group (`place`) or at the beginning of the next one."""
    key, start, count = columns
    total, placed = ends
    cell, low, high = cuts
    for q in range(keys.shape[0]):
        a, b = offsets[place[q]], offsets[place[q] + 1]
        while a < b:
            middle = (a + b) >> 1
            if nb.uint64(key[middle]) < keys[q]:
                a = middle + 1
            else:
                b = middle
        cell[q] = a
        low[q] = nb.int64(start[a - 1]) + nb.int64(count[a - 1]) if a > 0 else 0
        high[q] = nb.int64(start[a]) if a < total else placed


def cut(reader: Reader, level: int, keys: NDArray[np.uint64]) -> Cuts:
    """Return where keys of a level fall among its cells."""
    placed = reader.manifest.placed
    groups, cells = reader.level(level)
    total = int(groups.offsets[-1])
    if total == 0 or not len(keys):
        zeros = np.zeros(len(keys), np.int64)
        return Cuts(zeros, zeros.copy(), np.full(len(keys), placed))
    place = np.maximum(np.searchsorted(groups.keys, keys, "left") - 1, 0)
    marks = np.zeros(len(groups.keys) + 1, np.bool_)
    marks[place] = marks[place + 1] = True
    cuts = Cuts(*(np.empty(len(keys), np.int64) for _ in range(3)))
    with cells.pinned(["key", "start", "count"], np.flatnonzero(marks[:-1])) as columns:
        _cut(keys, place, groups.offsets, tuple(columns), (total, placed), tuple(cuts))
    return cuts


def rows_of(reader: Reader, level: int, keys: NDArray[np.uint64], cuts: Cuts) -> Rows:
    """Return the first row whose key, at `level`, is not less than each of `keys`; `cuts` bounds the search."""
    low, high = cuts.low.copy(), cuts.high.copy()
    shift = 2 * (BITS - level)
    firsts = reader.row_groups.keys >> np.uint64(shift) if shift < 64 else np.zeros_like(reader.row_groups.keys)
    place = np.maximum(np.searchsorted(firsts, keys, "left") - 1, 0)
    offsets = reader.row_groups.offsets
    open_ = np.flatnonzero(low < high)
    low[open_] = np.maximum(low[open_], np.minimum(offsets[place[open_]], high[open_]))
    high[open_] = np.maximum(np.minimum(high[open_], offsets[place[open_] + 1]), low[open_])
    open_ = np.flatnonzero(low < high)
    if len(open_):
        x_cells, y_cells = reader.manifest.x.cells, reader.manifest.y.cells
        found = low[open_]
        with reader.pages.pinned([X, Y], np.unique(place[open_])) as (x, y):
            _bisect(x, y, (*x_cells, *y_cells), keys[open_], found, high[open_], shift)
        low[open_] = found
    return low


def covered(reader: Reader, level: int, ranges: KeyRanges) -> tuple[Rows, Rows, Rows, Rows]:
    """Return the cells of key ranges, c0 … c1, and the rows before and between them: those of the ranges lie in r0 … r1, and some others."""
    starts = cut(reader, level, ranges.first)
    with np.errstate(over="ignore"):
        stops = cut(reader, level, ranges.last + np.uint64(1))
    final = ranges.last == np.uint64((1 << (2 * level)) - 1)
    cells = int(reader.level(level)[0].offsets[-1])
    return starts.cell, np.where(final, cells, stops.cell), starts.low, np.where(final, reader.manifest.placed, stops.high)


def spans(reader: Reader, level: int, ranges: KeyRanges) -> Spans:
    """Return the cells and rows of key ranges."""
    first, last = ranges.first, ranges.last
    starts = cut(reader, level, first)
    with np.errstate(over="ignore"):
        beyond = last + np.uint64(1)
    stops = cut(reader, level, beyond)
    r0, r1 = rows_of(reader, level, first, starts), rows_of(reader, level, beyond, stops)
    # Past the last key of the finest level the next key is 0: everything placed comes before it.
    final = last == np.uint64((1 << (2 * level)) - 1)
    cells = int(reader.level(level)[0].offsets[-1])
    c1 = np.where(final, cells, stops.cell)
    return Spans(starts.cell, c1, r0, np.where(final, reader.manifest.placed, r1), ranges.inside)
