"""Rows that no cell of a level covers, packed together.

Where rows are few, a level has no cells and its rows are drawn one by one. On the coarse levels such rows are a hundredth of all, and yet they lie
in nearly every row group: kept as row groups, they would fill the cache. Here each row group keeps its loose rows alone.
"""

import threading
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary, ref

import numba as nb
import numpy as np
from numpy.typing import NDArray

from bigview.store.pages import PagedTable
from bigview.store.reader import Reader, X, Y

_MOST_CELLS = 8_000_000
"""Cells of a level up to which its loose rows are packed: all its cells have to be gone through once, 64 MB. Deeper frames touch few row groups."""

_lock = threading.Lock()
_found: WeakKeyDictionary[Reader, "dict[int, Loose]"] = WeakKeyDictionary()


class Loose:
    """The loose rows of a level.

    Attributes
    ----------
    begins, stops : ndarray of int64
        Runs of loose rows, ascending.
    before : ndarray of int64
        Loose rows before each run.
    table : PagedTable
        Positions `X` and `Y` of the loose rows; its row groups are those of the rows.
    """

    def __init__(self, reader: Reader, level: int) -> None:
        groups, cells = reader.level(level)
        with cells.pinned(["start", "count"], np.arange(len(groups.files))) as (start, count):
            stops = np.append(start, start.dtype.type(reader.manifest.placed))
            begins = np.concatenate([np.zeros(1, start.dtype), start + count])
        keep = stops > begins
        self.begins, self.stops = begins[keep].astype(np.int64), stops[keep].astype(np.int64)
        self.before = np.cumsum(self.stops - self.begins) - (self.stops - self.begins)
        self._firsts = reader.row_groups.offsets
        self._reader = ref(reader)
        pages = reader.pages
        self.table = PagedTable({name: pages.dtypes[name] for name in (X, Y)}, self._packed(self._firsts), self._load, costly=True)

    def _packed(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many loose rows come before rows."""
        if not len(self.begins):
            return np.zeros(len(rows), np.int64)
        run = np.maximum(np.searchsorted(self.begins, rows, "right") - 1, 0)
        return np.asarray(self.before[run] + np.clip(rows - self.begins[run], 0, self.stops[run] - self.begins[run]))

    def shifts(self, starts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return what to subtract from the rows of loose runs, by the first row of each, to get their places in `table`."""
        return starts - self._packed(starts)

    def _load(self, groups: Sequence[int], names: Sequence[str]) -> list[dict[str, NDArray[Any]]]:
        reader = self._reader()
        if reader is None:
            raise ReferenceError("the reader of these rows is gone")
        found = []
        for group, columns in zip(groups, reader.pages.decoded(groups, names), strict=True):
            first, stop = (int(row) for row in self._firsts[group : group + 2])
            runs = slice(int(np.searchsorted(self.stops, first, "right")), int(np.searchsorted(self.begins, stop, "left")))
            size = int(np.diff(self.table.offsets[group : group + 2])[0])
            packed = {name: np.empty(size, values.dtype) for name, values in columns.items()}
            for name, values in columns.items():
                _pack(values, first, self.begins[runs], self.stops[runs], packed[name])
            found.append(packed)
        return found


@nb.njit(nogil=True, cache=True)
def _pack(values, first, begins, stops, out):  # type: ignore[no-untyped-def]
    place, last = 0, first + values.shape[0]
    for q in range(begins.shape[0]):
        for row in range(max(begins[q], first), min(stops[q], last)):
            out[place] = values[row - first]
            place += 1


def loose_rows(reader: Reader, level: int) -> Loose | None:
    """Return the loose rows of a level; None where the level has too many cells to go through."""
    if int(reader.level(level)[0].offsets[-1]) > _MOST_CELLS:
        return None
    with _lock:
        levels = _found.setdefault(reader, {})
        if level not in levels:
            levels[level] = Loose(reader, level)
        return levels[level]
