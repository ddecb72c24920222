"""Which rows: a viewport and a filter as exact runs of rows and bits."""

from dataclasses import dataclass
from typing import Self

import numba as nb
import numpy as np
from numpy.typing import NDArray

from bigview.spec import View
from bigview.store import pool
from bigview.store.axis import Axis
from bigview.store.bits import Bits, count_run, positions
from bigview.store.locate import Spans, spans
from bigview.store.morton import BITS
from bigview.store.reader import Reader, X, Y
from bigview.store.regions import key_ranges

_FINE = 96  # nodes along the longer side: few rows are then tested one by one


@dataclass(frozen=True)
class Box:
    """A rectangle in the axes' own coordinates: x0 ≤ x < x1, and x ≤ x1 where the store's own maximum is x1."""

    x0: float
    x1: float
    y0: float
    y1: float
    top_x: bool
    top_y: bool

    @classmethod
    def of(cls, view: View, x: Axis, y: Axis) -> Self:
        """Return the rectangle of a view."""
        x0, x1 = (x.position(end) for end in view.x_range)
        y0, y1 = (y.position(end) for end in view.y_range)
        return cls(x0, x1, y0, y1, x1 == x.high, y1 == y.high)


@dataclass(frozen=True)
class Selection:
    """Disjoint ascending runs of rows, and the bits that must be set among them.

    Attributes
    ----------
    starts, stops : ndarray of int64
    bits : ndarray of uint64 or None
        None stands for every row of the runs.
    """

    starts: NDArray[np.int64]
    stops: NDArray[np.int64]
    bits: Bits | None

    def between(self, start: int, stop: int) -> "Selection":
        """Return those of the rows that lie in start … stop."""
        inner = slice(int(np.searchsorted(self.stops, start, "right")), int(np.searchsorted(self.starts, stop, "left")))
        return Selection(np.maximum(self.starts[inner], start), np.minimum(self.stops[inner], stop), self.bits)

    def count(self) -> int:
        """Return the number of rows."""
        if self.bits is None:
            return int((self.stops - self.starts).sum())
        parts = pool.slices(len(self.starts), 64) if len(self.starts) > 1 else [(0, len(self.starts))]
        return sum(pool.run(lambda part: _count(self.bits, self.starts[slice(*part)], self.stops[slice(*part)]), parts))

    def positions(self, offset: int = 0, most: int | None = None) -> NDArray[np.int64]:
        """Return the selected rows, ascending, from the `offset`-th on, at most `most` of them."""
        left = np.iinfo(np.int64).max if most is None else most
        found: list[NDArray[np.int64]] = []
        for start, stop in zip(self.starts.tolist(), self.stops.tolist(), strict=True):
            if left <= 0:
                break
            if self.bits is None:
                skip = min(offset, stop - start)
                offset -= skip
                part = np.arange(start + skip, min(stop, start + skip + left), dtype=np.int64)
            else:
                part, offset = positions(self.bits, start, stop, offset, left)
            found.append(part)
            left -= len(part)
        return np.concatenate(found) if found else np.empty(0, np.int64)


@nb.njit(nogil=True, cache=True)
def _count(bits, starts, stops):  # type: ignore[no-untyped-def]
    total = 0
    for q in range(starts.shape[0]):
        total += count_run(bits, starts[q], stops[q])
    return total


@nb.njit(nogil=True, cache=True)
def _runs_inside(x, y, starts, stops, box, out_start, out_stop):  # type: ignore[no-untyped-def]
    """Cut runs of rows to the rows inside a box; adjacent ones merge. Returns the number of runs."""
    found = 0
    x0, x1, y0, y1, top_x, top_y = box
    for q in range(starts.shape[0]):
        begin = -1
        for row in range(starts[q], stops[q]):
            a, b = x[row], y[row]
            good = a >= x0 and b >= y0 and (a < x1 or (top_x and a == x1)) and (b < y1 or (top_y and b == y1))
            if good and begin < 0:
                begin = row
            elif not good and begin >= 0:
                out_start[found], out_stop[found] = begin, row
                found += 1
                begin = -1
        if begin >= 0:
            out_start[found], out_stop[found] = begin, stops[q]
            found += 1
    return found


def select(reader: Reader, box: Box | None, bits: Bits | None) -> Selection:
    """Return the rows inside a box (all rows, placed or not, without one) whose bits are set."""
    if box is None:
        return Selection(np.array([0]), np.array([reader.manifest.rows]), bits)
    parts = covering(reader, box)
    whole = parts.inside
    edge_starts, edge_stops = parts.r0[~whole], parts.r1[~whole]
    room = int((edge_stops - edge_starts).sum()) // 2 + len(edge_starts) + 1
    starts, stops = np.empty(room, np.int64), np.empty(room, np.int64)
    with reader.pages.pinned([X, Y], reader.pages.groups_of(edge_starts, edge_stops)) as (x, y):
        limits = (box.x0, box.x1, box.y0, box.y1, box.top_x, box.top_y)
        found = _runs_inside(x, y, edge_starts, edge_stops, limits, starts, stops)
    starts = np.concatenate([parts.r0[whole], starts[:found]])
    stops = np.concatenate([parts.r1[whole], stops[:found]])
    keep = np.argsort(starts, kind="stable")
    keep = keep[(stops > starts)[keep]]
    return Selection(starts[keep], stops[keep], bits)


def covering(reader: Reader, box: Box) -> Spans:
    """Return spans of rows that cover a box; those marked inside lie wholly in it."""
    x, y = reader.manifest.x, reader.manifest.y
    level = box_level(reader, (box.x1 - box.x0) / (2 * _FINE), (box.y1 - box.y0) / (2 * _FINE))
    columns, rows = _inner(x, box.x0, box.x1, level), _inner(y, box.y0, box.y1, level)
    # The outermost cells hold the box's edges: their rows are tested one by one.
    return spans(reader, level, key_ranges(columns, rows, level, _FINE, margin=1))


def box_level(reader: Reader, x_size: float, y_size: float) -> int:
    """Return the first level of the store whose cells are no larger than the given sizes; the deepest one where none is."""
    levels = reader.levels()
    for level in levels:
        if reader.manifest.x.size(level) <= x_size and reader.manifest.y.size(level) <= y_size:
            return level
    return levels[-1] if levels else BITS


def _inner(axis: Axis, low: float, high: float, level: int) -> tuple[int, int]:
    return axis.cell(low, level), axis.cell(high, level) + 1
