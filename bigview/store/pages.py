"""Columns that fill themselves: contiguous arrays whose row groups are decoded when asked for and given back when memory is short.

A column is one anonymous memory map of its full length. Pages that were never written cost nothing, so a kernel gets an ordinary contiguous array
and indexes it by absolute row, however little of it is in memory. Row groups in use are pinned; the others go, oldest first, when the
budget shared by the process is spent.
"""

import mmap
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any
from weakref import WeakSet

import numba as nb
import numpy as np
from numpy.typing import NDArray

from bigview.config import limits
from bigview.store import pool

Groups = NDArray[np.int64]
Loader = Callable[[Sequence[int], Sequence[str]], Sequence[dict[str, NDArray[Any]]]]

ABSENT, LOADING, PRESENT = 0, 1, 2

_SHARE, _LEAST = 0.86, 0.25  # of the cache, for the columns of one pass: beside the cells of the picture; and beside columns that pictures show
_LATELY = 300.0  # seconds for which a column that a picture showed is worth more than one that was passed over

_PRIVATE = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}
"""How columns are mapped: what is given back of shared memory, Python's default, is kept by the system all the same."""

_POPULATES = sys.platform == "linux"
_POPULATE_WRITE = 23
"""The advice of that name, which Python has no name for."""


def touched(offsets: NDArray[np.int64], starts: NDArray[np.integer], stops: NDArray[np.integer]) -> Groups:
    """Return the groups, ascending, that runs of rows touch; offsets has the first row of each group and the end of the last."""
    marks = np.zeros(len(offsets) - 1, np.bool_)
    _touch(offsets, starts, stops, marks)
    return np.flatnonzero(marks)


@nb.njit(nogil=True, cache=True)
def _touch(offsets, starts, stops, marks):  # type: ignore[no-untyped-def]
    """Mark the row groups that runs touch. Runs are mostly in order, so the group of the last one is tried first."""
    group, groups = np.int64(0), marks.shape[0]
    for q in range(starts.shape[0]):
        start, stop = np.int64(starts[q]), np.int64(stops[q])
        if stop <= start:
            continue
        if not offsets[group] <= start < offsets[group + 1]:
            group = np.searchsorted(offsets, start, "right") - 1
        last = group
        while last < groups and offsets[last] < stop:
            marks[last] = True
            last += 1


class Column:
    """One column: the array, and the state of each of its row groups."""

    def __init__(self, dtype: np.dtype, offsets: NDArray[np.int64], rows: NDArray[np.int64]) -> None:
        self.itemsize = dtype.itemsize
        self.memory = mmap.mmap(-1, max(1, int(offsets[-1]) * dtype.itemsize), **_PRIVATE)
        self.array = np.frombuffer(self.memory, dtype, int(offsets[-1]))
        groups = len(offsets) - 1
        self.state = np.zeros(groups, np.int8)
        self.used = np.zeros(groups, np.int64)
        self.drawn = np.full(groups, -np.inf)  # when a picture last showed it, in seconds
        self.bytes = self.pages(rows)  # of each row group; of those that were never loaded, about

    def pages(self, rows: Any) -> Any:
        """Return the bytes that rows take, in whole pages."""
        return -(-rows * self.itemsize // mmap.PAGESIZE) * mmap.PAGESIZE

    def populate(self, start: int, stop: int) -> None:
        """Get the pages of rows start … stop from the system at once, which takes half as long as one by one when they are written."""
        first = start * self.itemsize // mmap.PAGESIZE * mmap.PAGESIZE
        length = min(-(-stop * self.itemsize // mmap.PAGESIZE) * mmap.PAGESIZE, len(self.memory)) - first
        if length > 0 and _POPULATES:
            with suppress(OSError):  # before Linux 5.14
                self.memory.madvise(_POPULATE_WRITE, first, length)

    def release(self, start: int, stop: int) -> None:
        """Give the pages of rows start … stop back to the system (whole pages only)."""
        first = -(-start * self.itemsize // mmap.PAGESIZE) * mmap.PAGESIZE
        length = stop * self.itemsize // mmap.PAGESIZE * mmap.PAGESIZE - first
        if length > 0 and hasattr(self.memory, "madvise"):
            self.memory.madvise(mmap.MADV_DONTNEED, first, length)


class Budget:
    """Bytes that all tables of the process share, and the lock on their states."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.tables: WeakSet[PagedTable] = WeakSet()
        self.bytes = 0
        self.clock = 0

    def spend(self, size: int) -> None:
        """Count bytes about to be loaded; make room for them. Called with the lock held."""
        self.bytes += size
        if self.bytes > limits().cache_bytes:
            self._evict(self.bytes - int(0.9 * limits().cache_bytes))

    def _evict(self, wanted: int) -> None:
        found: list[tuple[tuple[bool, bool, int], int, Column, PagedTable]] = []
        before = monotonic() - _LATELY
        for table in self.tables:
            for column in table.columns.values():
                free = np.flatnonzero((column.state == PRESENT) & (table.pins == 0))
                found += [((table.costly, bool(column.drawn[group] > before), int(column.used[group])), int(group), column, table) for group in free]
        found.sort(key=lambda entry: entry[0])
        for _, group, column, table in found:
            if wanted <= 0:
                return
            column.release(int(table.offsets[group]), int(table.offsets[group + 1]))
            column.state[group] = ABSENT
            wanted -= int(column.bytes[group])
            self.bytes -= int(column.bytes[group])

    def shown(self, but: Sequence[Column]) -> int:
        """Return the bytes of columns that pictures showed lately, without some. Called with the lock held."""
        before, total = monotonic() - _LATELY, 0
        for table in self.tables:
            for column in table.columns.values():
                if not any(column is other for other in but):
                    total += int(column.bytes[(column.state == PRESENT) & (column.drawn > before)].sum())
        return total


_budget = Budget()


def cached_bytes() -> int:
    """Return the bytes of decoded columns that the process holds."""
    return _budget.bytes


class PagedTable:
    """Columns that share row groups.

    Parameters
    ----------
    dtypes : dict of str to dtype
        Types of the decoded columns.
    offsets : ndarray of int64, shape (groups + 1,)
        First row of each row group; the last entry is the number of rows.
    load : callable
        ``load(groups, names)`` returns, for each group, the decoded columns. Called from several threads at once. They may have fewer rows than
        the group has room for.
    costly : bool
        Small, but long to load again: goes after all that is not.
    together : int or None
        Row groups that one call of `load` is given at most; None for all that are wanted, which `load` then shares among the threads.
    about : ndarray of int64, optional
        Rows that each group may turn out to have, where it has room for more.
    """

    def __init__(
        self,
        dtypes: dict[str, np.dtype],
        offsets: NDArray[np.int64],
        load: Loader,
        costly: bool = False,
        together: int | None = 16,
        about: NDArray[np.int64] | None = None,
    ) -> None:
        self.dtypes = dtypes
        self.offsets = offsets
        self.columns: dict[str, Column] = {}
        self.pins = np.zeros(len(offsets) - 1, np.int32)  # of row groups: what is used of one column keeps the others too, for that long
        self.costly = costly
        self._load, self._together = load, together
        self._about = np.diff(offsets) if about is None else about
        with _budget.changed:
            _budget.tables.add(self)

    def __del__(self) -> None:
        held = sum(int(column.bytes[column.state == PRESENT].sum()) for column in self.columns.values())
        # No lock: a collector may run this while the lock is held. The subtraction is a hint for eviction, not a law.
        _budget.bytes -= held

    def groups_of(self, starts: NDArray[np.integer], stops: NDArray[np.integer]) -> Groups:
        """Return the row groups that the given runs of rows touch, ascending."""
        return touched(self.offsets, starts, stops)

    def present(self, names: Sequence[str], groups: Groups) -> bool:
        """Tell whether row groups of columns are in memory."""
        columns = [self.columns.get(name) for name in names]
        return all(column is not None and bool((column.state[groups] == PRESENT).all()) for column in columns)

    @contextmanager
    def pinned(self, names: Sequence[str], groups: Groups, drawn: bool = False) -> Iterator[list[NDArray[Any]]]:
        """Give the whole arrays of columns, of which the given row groups are filled for the length of the block.

        What is `drawn` by a picture is kept longer than what a filter passes over once.
        """
        columns, place = [self._column(name) for name in names], _place(groups)
        with _budget.changed:
            _budget.clock += 1
            self.pins[place] += 1
            for column in columns:
                column.used[place] = _budget.clock
                if drawn:
                    column.drawn[place] = monotonic()
            ready = all(bool((column.state[place] == PRESENT).all()) for column in columns)
        try:
            if not ready:
                self._fill(names, columns, groups)
            yield [column.array for column in columns]
        finally:
            with _budget.changed:
                self.pins[place] -= 1

    def read(self, name: str, start: int, stop: int) -> NDArray[Any]:
        """Return a copy of rows start … stop of a column."""
        groups = self.groups_of(np.array([start]), np.array([stop]))
        with self.pinned([name], groups) as (array,):
            return array[start:stop].copy()

    def held(self, names: Sequence[str]) -> NDArray[np.bool_]:
        """Return which row groups are in memory, in all of some columns. They may go at any time."""
        with _budget.changed:
            present = np.ones(len(self.offsets) - 1, bool)
            for name in names:
                present &= self.columns[name].state == PRESENT if name in self.columns else False
            return present

    def keeps(self, names: Sequence[str], groups: Groups) -> NDArray[np.bool_]:
        """Return which row groups a pass over columns may keep: what is in memory, and as much more as their share of it holds.

        The rest is best decoded for the pass and forgotten: were it kept, it would drive out the part that the same pass has yet to read, and the
        next pass would find nothing; or the column that the picture of a filter is coloured by.
        """
        sizes = np.diff(self.offsets)[groups] * sum(self.dtypes[name].itemsize for name in names)
        present = self.held(names)[groups]
        with _budget.changed:
            others = _budget.shown([self.columns[name] for name in names if name in self.columns])
        order = np.argsort(~present, kind="stable")
        kept = np.empty(len(groups), bool)
        kept[order] = np.cumsum(sizes[order]) <= max(_SHARE * limits().cache_bytes - others, _LEAST * limits().cache_bytes)
        return kept | present

    def decoded(self, groups: Sequence[int], names: Sequence[str]) -> Sequence[dict[str, NDArray[Any]]]:
        """Return row groups that are not kept: decoded for whoever asks, once."""
        return self._load(groups, names)

    def _column(self, name: str) -> Column:
        found = self.columns.get(name)
        if found is not None:
            return found
        with _budget.changed:
            if name not in self.columns:
                self.columns[name] = Column(self.dtypes[name], self.offsets, self._about)
            return self.columns[name]

    def _fill(self, names: Sequence[str], columns: Sequence[Column], groups: Groups) -> None:
        while True:
            with _budget.changed:
                if all((column.state[groups] == PRESENT).all() for column in columns):
                    return
                absent = [groups[column.state[groups] == ABSENT] for column in columns]
                for column, lacking in zip(columns, absent, strict=True):
                    column.state[lacking] = LOADING
                    _budget.spend(int(column.bytes[lacking].sum()))
            self._load_all(names, columns, absent)
            with _budget.changed:
                # Another thread may be loading the rest; if it fails, the groups are absent again and the turn is ours.
                while any((column.state[groups] == LOADING).any() for column in columns):
                    _budget.changed.wait()

    def _load_all(self, names: Sequence[str], columns: Sequence[Column], absent: Sequence[Groups]) -> None:
        wanted: dict[int, list[str]] = {}
        for name, lacking in zip(names, absent, strict=True):
            for group in lacking.tolist():
                wanted.setdefault(group, []).append(name)
        jobs = [(group, needed) for group, needed in sorted(wanted.items())]
        by_name = dict(zip(names, columns, strict=True))
        try:
            pool.run(lambda job: self._load_some(by_name, job), _batches(jobs, self._together))
        finally:
            with _budget.changed:
                for column, lacking in zip(columns, absent, strict=True):
                    failed = lacking[column.state[lacking] == LOADING]
                    column.state[failed] = ABSENT
                    _budget.bytes -= int(column.bytes[failed].sum())
                _budget.changed.notify_all()

    def _load_some(self, columns: dict[str, Column], jobs: Sequence[tuple[int, list[str]]]) -> None:
        needed = jobs[0][1]
        groups = [group for group, _ in jobs]
        sizes = []
        for group, decoded in zip(groups, self._load(groups, needed), strict=True):
            start = int(self.offsets[group])
            sizes.append(len(decoded[needed[0]]))
            for name in needed:
                columns[name].populate(start, start + sizes[-1])
                columns[name].array[start : start + sizes[-1]] = decoded[name]
        with _budget.changed:
            for name in needed:
                column = columns[name]
                used = column.pages(np.array(sizes))
                _budget.bytes += int((used - column.bytes[groups]).sum())
                column.bytes[groups], column.state[groups] = used, PRESENT
            _budget.changed.notify_all()


def _place(groups: Groups) -> Groups | slice:
    """Return row groups as an index: a slice, which is the quickest one, where they are neighbours."""
    if len(groups) and int(groups[-1]) - int(groups[0]) + 1 == len(groups):
        return slice(int(groups[0]), int(groups[-1]) + 1)
    return groups


def _batches(jobs: list[tuple[int, list[str]]], size: int | None) -> list[list[tuple[int, list[str]]]]:
    """Group jobs that want the same columns; adjacent row groups of a file are read in one go."""
    batches: list[list[tuple[int, list[str]]]] = []
    share = len(jobs) if size is None else max(1, min(size, -(-len(jobs) // pool.threads())))
    for job in jobs:
        if batches and len(batches[-1]) < share and batches[-1][0][1] == job[1]:
            batches[-1].append(job)
        else:
            batches.append([job])
    return batches
