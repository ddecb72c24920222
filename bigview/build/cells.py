"""The levels of cells, from sorted keys."""

from collections.abc import Iterator
from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

from bigview.store.manifest import COUNT_EDGES
from bigview.store.morton import BITS

FIRST = 3
"""The coarsest level: 8 × 8 cells."""


@dataclass(frozen=True)
class Cells:
    """The cells of one level: `keys` at that level, first row and number of rows."""

    level: int
    keys: NDArray[np.uint64]
    starts: NDArray[np.int64]
    counts: NDArray[np.int64]

    def histogram(self) -> tuple[int, ...]:
        """Return the number of cells in each bin of `COUNT_EDGES`."""
        bins = np.searchsorted(np.asarray(COUNT_EDGES), self.counts, side="right") - 1
        return tuple(np.bincount(bins, minlength=len(COUNT_EDGES)).tolist())


@nb.njit(nogil=True, cache=True)
def _children(keys, cells, shift, halo, least, out):  # type: ignore[no-untyped-def]
    """Cut each cell with more than `least` rows into the runs of its quarters; return how many there are."""
    (starts, counts), (before, after), (out_keys, out_starts, out_counts) = cells, halo, out
    n, m = keys.shape[0], 0
    up = nb.uint64(shift + 2)
    down = nb.uint64(shift)
    for c in range(starts.shape[0]):
        start, end = starts[c], starts[c] + counts[c]
        total = end - start
        if start == 0:
            for q in range(before.shape[0]):
                total += (before[q] >> up) == (keys[0] >> up)
        if end == n:
            for q in range(after.shape[0]):
                total += (after[q] >> up) == (keys[n - 1] >> up)
        if total <= least:
            continue
        run = start
        current = keys[start] >> down
        for q in range(start + 1, end):
            key = keys[q] >> down
            if key != current:
                out_keys[m], out_starts[m], out_counts[m] = current, run, q - run
                m += 1
                run, current = q, key
        out_keys[m], out_starts[m], out_counts[m] = current, run, end - run
        m += 1
    return m


def cells_of_rows(keys: NDArray[np.uint64], before: NDArray[np.uint64], after: NDArray[np.uint64], least: int) -> Iterator[Cells]:
    """Yield the cells of every level for a bucket of sorted keys.

    Parameters
    ----------
    keys : ndarray of uint64
        Full keys of placed rows, ascending.
    before, after : ndarray of uint64
        The `least` + 1 keys next to the bucket on either side (fewer at the ends): they decide for cells that straddle its border.
    least : int
        A cell with more rows than this has its quarters in the next level.
    """
    starts, counts = np.zeros(1, np.int64), np.array([len(keys)], np.int64)
    for level in range(FIRST, BITS + 1):
        covered = int(counts.sum())
        if not covered:
            return
        shift = 2 * (BITS - level)
        room = (np.empty(covered, np.uint64), np.empty(covered, np.int64), np.empty(covered, np.int64))
        if level == FIRST:
            values = keys >> np.uint64(shift)
            edges = np.flatnonzero(np.concatenate(([True], values[1:] != values[:-1])))
            cells = Cells(level, values[edges], edges, np.diff(np.append(edges, len(keys))))
        else:
            m = _children(keys, (starts, counts), shift, (before, after), least, room)
            cells = Cells(level, *(array[:m].copy() for array in room))  # type: ignore[arg-type]
        if not len(cells.keys):
            return
        yield cells
        starts, counts = cells.starts, cells.counts


def joined(parts: list[Cells]) -> Cells:
    """Return the cells of one level from those of successive buckets; cells that straddle a border become one."""
    level = parts[0].level
    keys = np.concatenate([part.keys for part in parts])
    starts = np.concatenate([part.starts for part in parts])
    counts = np.concatenate([part.counts for part in parts])
    first = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    return Cells(level, keys[first], starts[first], np.add.reduceat(counts, first))
