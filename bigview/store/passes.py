"""Passes over the selected rows of columns, a row group at a time, shared among the threads.

Only row groups with selected rows are read. What is in the cache, and as much more as the columns' share of it holds, is kept there; the rest is
decoded for the pass and forgotten (see `PagedTable.keeps`).
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from bigview.store import pool
from bigview.store.bits import Bits
from bigview.store.pages import PagedTable
from bigview.store.selection import Selection

Result = TypeVar("Result")
Rows = NDArray[np.int64]

_GROUPS = 16  # row groups of one task: 2 M rows


class Stretch(NamedTuple):
    """The selected rows of one row group.

    Attributes
    ----------
    arrays : list of ndarray
        The columns' values in the row group.
    origin : int
        Its first row.
    starts, stops : ndarray of int64
        Runs of rows, in which `bits` say which are selected (all where it is empty).
    """

    arrays: list[NDArray[Any]]
    origin: int
    starts: Rows
    stops: Rows
    bits: Bits

    @property
    def kernel(self) -> tuple[int, Rows, Rows, Bits]:
        """What kernels take, besides the arrays."""
        return self.origin, self.starts, self.stops, self.bits


def over(table: PagedTable, names: Sequence[str], selection: Selection, work: Callable[[Stretch], Result]) -> list[Result]:
    """Return what `work` gives for each row group with selected rows, in the order of the store."""
    bits = np.empty(0, np.uint64) if selection.bits is None else selection.bits
    wanted = _touched(table, selection)

    def stretch(group: int, arrays: list[NDArray[Any]]) -> Stretch:
        origin, stop = (int(row) for row in table.offsets[group : group + 2])
        mine = selection.between(origin, stop)
        return Stretch(arrays, origin, mine.starts, mine.stops, bits)

    def part(task: tuple[bool, NDArray[np.int64]]) -> list[tuple[int, Result]]:
        kept, groups = task
        if not kept:
            return [(group, work(stretch(group, [table.decoded([group], names)[0][name] for name in names]))) for group in groups.tolist()]
        with table.pinned(names, groups) as arrays:
            edges = [(group, slice(*table.offsets[group : group + 2].tolist())) for group in groups.tolist()]
            return [(group, work(stretch(group, [array[rows] for array in arrays]))) for group, rows in edges]

    found = [entry for entries in pool.run(part, _tasks(table, names, wanted)) for entry in entries]
    return [result for _, result in sorted(found, key=lambda entry: entry[0])]


def _touched(table: PagedTable, selection: Selection) -> NDArray[np.int64]:
    groups = table.groups_of(selection.starts, selection.stops)
    if selection.bits is None or not len(groups):
        return groups
    first = table.offsets[groups] >> 6
    # A word that two groups share counts for both.
    some = [bool(selection.bits[a:b].any()) for a, b in zip(first.tolist(), ((table.offsets[groups + 1] + 63) >> 6).tolist(), strict=True)]
    return np.asarray(groups[np.array(some)])


def _tasks(table: PagedTable, names: Sequence[str], groups: NDArray[np.int64]) -> list[tuple[bool, NDArray[np.int64]]]:
    """Return row groups and whether they are kept; those in the cache come first, so that they count as used before anything has to go."""
    present, kept = table.held(names)[groups], table.keeps(names, groups)
    tasks = []
    for keep, mask in ((True, present), (True, kept & ~present), (False, ~kept & ~present)):
        some = groups[mask]
        tasks += [(keep, some[first : first + _GROUPS]) for first in range(0, len(some), _GROUPS)]
    return tasks
