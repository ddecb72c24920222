"""Rows that no cell of a level covers, packed together.

Where rows are few, a level has no cells and its rows are drawn one by one. On the coarse levels such rows are a hundredth of all, and yet they lie
in nearly every row group: kept as row groups, they would fill the cache. Here each block of row groups keeps its loose rows alone, once it was asked
for.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any
from weakref import WeakKeyDictionary, ref

import numba as nb
import numpy as np
from numpy.typing import NDArray

from bigview.store.locate import cut
from bigview.store.morton import BITS
from bigview.store.pages import PagedTable, touched
from bigview.store.reader import ROW, Reader, X, Y

Rows = NDArray[np.int64]

_FEWEST = 4096
"""Loose rows that a block should have, about, so that its columns fill pages of memory."""

_COMMON = 0.2
"""Share of the rows from which the row groups themselves are kept too: finer levels will need the same ones."""

_TOGETHER = 16  # row groups decoded at once

_lock = threading.Lock()
_found: WeakKeyDictionary[Reader, "dict[int, Loose]"] = WeakKeyDictionary()


class Loose:
    """The loose rows of a level.

    Parameters
    ----------
    reader : Reader
    level : int
    """

    def __init__(self, reader: Reader, level: int) -> None:
        self._reader, self._level = ref(reader), level
        manifest, groups = reader.manifest, reader.row_groups.offsets
        covered = next((known.rows for known in manifest.levels if known.level == level), 0)
        total = manifest.placed - covered
        self._share = total / max(1, manifest.placed)
        joined = min(max(1, int(_FEWEST / max(1.0, self._share * float(np.diff(groups).max(initial=1))))), max(1, len(groups) - 1))
        self._first = np.append(np.arange(0, len(groups) - 1, joined), len(groups) - 1)  # row group of each block
        self.rows = np.minimum(groups[self._first], manifest.placed)
        room = np.minimum(np.diff(self.rows), total)
        self._offsets = np.concatenate([[0], np.cumsum(room)]).astype(np.int64)
        self._sizes = np.zeros(len(room), np.int64)
        about = np.ceil(self._share * np.diff(self.rows)).astype(np.int64)
        types = reader.pages.dtypes
        dtypes = {X: types[X], Y: types[Y], ROW: np.dtype(np.int64 if manifest.rows >= 1 << 32 else np.uint32)}
        self._table = PagedTable(dtypes, self._offsets, self._load, costly=self._share < _COMMON, about=np.minimum(about, room))

    def blocks(self, starts: Rows, stops: Rows) -> Rows:
        """Return the blocks that runs of rows touch, ascending."""
        return touched(self.rows, starts, np.minimum(stops, self.rows[-1]))

    def about(self, blocks: Rows) -> Rows:
        """Return about how many loose rows blocks have."""
        return np.asarray(np.ceil(self._share * np.diff(self.rows)[blocks]), np.int64)

    def present(self, blocks: Rows) -> bool:
        """Tell whether blocks are in memory."""
        return not len(blocks) or self._table.present([X, Y, ROW], blocks)

    @contextmanager
    def pinned(self, blocks: Rows, starts: Rows, stops: Rows) -> Iterator[tuple[NDArray[Any], NDArray[Any], NDArray[Any], tuple[Rows, Rows]]]:
        """Give the positions of the loose rows and their numbers, and where those among runs of rows, ascending, begin and end in blocks."""
        with self._table.pinned([X, Y, ROW], blocks) as (x, y, numbers):
            begins = self._offsets[blocks]
            room = len(blocks) + len(starts)
            runs = np.empty(room, np.int64), np.empty(room, np.int64)
            found = _inside(numbers, (begins, begins + self._sizes[blocks]), (self.rows[blocks], self.rows[blocks + 1]), (starts, stops), runs)
            yield x, y, numbers, (runs[0][:found], runs[1][:found])

    def _load(self, blocks: Sequence[int], names: Sequence[str]) -> list[dict[str, NDArray[Any]]]:
        reader = self._reader()
        if reader is None:
            raise ReferenceError("the reader of these rows is gone")
        rows = [self._rows(reader, block) for block in blocks]
        for block, found in zip(blocks, rows, strict=True):
            self._sizes[block] = len(found)
        packed: list[dict[str, NDArray[Any]]] = [{ROW: found} if ROW in names else {} for found in rows]
        places = [name for name in names if name != ROW]
        if places:
            for columns, found in zip(packed, rows, strict=True):
                columns |= {name: np.empty(len(found), self._table.dtypes[name]) for name in places}
            self._place(reader, blocks, rows, packed)
        return packed

    def _rows(self, reader: Reader, block: int) -> NDArray[Any]:
        """Return the numbers of the loose rows of a block."""
        first, stop = int(self.rows[block]), int(self.rows[block + 1])
        room = np.empty(int(self._offsets[block + 1] - self._offsets[block]), self._table.dtypes[ROW])
        if not len(room):
            return room
        shift, keys, after = 2 * (BITS - self._level), reader.row_groups.keys, int(self._first[block + 1])
        low = int(keys[self._first[block]]) >> shift
        high = (int(keys[after]) >> shift) + 1 if after < len(keys) else 1 << 2 * self._level  # the next block's first cell may begin in this one
        _, cells = reader.level(self._level)
        c0, c1 = cut(reader, self._level, np.array([low, min(high, (1 << 2 * self._level) - 1)], np.uint64)).cell.tolist()
        if high >= 1 << 2 * self._level:
            c1 = int(cells.offsets[-1])
        with cells.pinned(["start", "count"], cells.groups_of(np.array([c0]), np.array([c1]))) as (start, count):
            return room[: _uncovered(start, count, (c0, c1), (first, stop), room)].copy()

    def _place(self, reader: Reader, blocks: Sequence[int], rows: list[NDArray[Any]], packed: list[dict[str, NDArray[Any]]]) -> None:
        """Fill in the positions of rows."""
        names = [name for name in packed[0] if name != ROW]
        offsets, pages = reader.row_groups.offsets, reader.pages
        jobs = []  # (row group, place among `packed`, slice there)
        for place, (block, found) in enumerate(zip(blocks, rows, strict=True)):
            groups = range(int(self._first[block]), int(self._first[block + 1]))
            edges = np.searchsorted(found, offsets[groups.start : groups.stop + 1]).tolist()
            jobs += [(group, place, slice(a, b)) for group, (a, b) in zip(groups, pairwise(edges), strict=True) if b > a]
        held = np.ones(len(offsets), bool) if self._share >= _COMMON else pages.held(names)
        kept, others = ([job for job in jobs if held[job[0]] == wanted] for wanted in (True, False))
        if kept:
            with pages.pinned(names, np.unique([group for group, _, _ in kept])) as arrays:
                for _, place, part in kept:
                    for name, values in zip(names, arrays, strict=True):
                        packed[place][name][part] = values[rows[place][part]]
        for begin in range(0, len(others), _TOGETHER):
            some = others[begin : begin + _TOGETHER]
            for (group, place, part), columns in zip(some, pages.decoded([group for group, _, _ in some], names), strict=True):
                inner = rows[place][part] - rows[place].dtype.type(offsets[group])
                for name in names:
                    packed[place][name][part] = columns[name][inner]


@nb.njit(nogil=True, cache=True)
def _uncovered(start, count, cells, rows, out):  # type: ignore[no-untyped-def]
    """Write the rows of a range that no cell covers, as far as there is room; return how many."""
    row, stop, found = rows[0], rows[1], 0
    for c in range(cells[0], cells[1]):
        if row >= stop:
            break
        for loose in range(row, min(stop, np.int64(start[c]), row + out.shape[0] - found)):
            out[found] = loose
            found += 1
        row = max(row, np.int64(start[c]) + np.int64(count[c]))
    for loose in range(row, min(stop, row + out.shape[0] - found)):
        out[found] = loose
        found += 1
    return found


@nb.njit(inline="always")
def _place(numbers, begin, end, row):  # type: ignore[no-untyped-def]
    """The first place whose row is not less."""
    while begin < end:
        middle = (begin + end) >> 1
        if np.int64(numbers[middle]) < row:
            begin = middle + 1
        else:
            end = middle
    return begin


@nb.njit(nogil=True, cache=True)
def _inside(numbers, places, rows, runs, out):  # type: ignore[no-untyped-def]
    """Write the places in blocks of the rows in runs; return how many runs of places there are. All ascend, and none overlap."""
    found, q = 0, 0
    for k in range(places[0].shape[0]):
        while q > 0 and runs[1][q - 1] > rows[0][k]:
            q -= 1
        while q < runs[0].shape[0] and runs[1][q] <= rows[0][k]:
            q += 1
        place = places[0][k]
        while q < runs[0].shape[0] and runs[0][q] < rows[1][k]:
            begin = _place(numbers, place, places[1][k], runs[0][q])
            place = _place(numbers, begin, places[1][k], runs[1][q])
            if place > begin:
                out[0][found], out[1][found] = begin, place
                found += 1
            q += 1
    return found


def loose_rows(reader: Reader, level: int) -> Loose:
    """Return the loose rows of a level."""
    with _lock:
        levels = _found.setdefault(reader, {})
        if level not in levels:
            levels[level] = Loose(reader, level)
        return levels[level]
