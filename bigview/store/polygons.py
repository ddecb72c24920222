"""Rows inside a polygon, exactly, without looking at most of them.

The cells of the levels are a quadtree over the rows. From the coarsest cells down, each cell carries the edges of the polygon that touch it. A cell
that no edge touches lies wholly inside or outside, and its run of rows is decided at once; a cell with some edges is divided, and
where few rows are left they are tested one by one, against the edges of their cell alone.

For that, the side on which *one* place of the cell lies must be known, and how to get from it to any other place of the cell. The even-odd rule
counts the edges that a ray to the right crosses. Here the ray ends at the right side of the cell, goes down from there, and only the
edges of the cell are counted: all others it crosses equally often, whatever place of the cell it starts from, so that they are one bit of the cell.
"""

import threading
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from bigview.config import limits
from bigview.errors import OptionError
from bigview.store import pool
from bigview.store.axis import Axis
from bigview.store.bits import Bits, words
from bigview.store.locate import cut
from bigview.store.morton import BITS, cells_of
from bigview.store.reader import Reader, X, Y

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_FEW_ROWS = 64  # rows of a cell that are tested without dividing it: finding the quarters costs as much
_FEW_TESTS = 4_096  # rows × edges of a cell up to which testing is cheaper than dividing
_PIECES = 16  # shares of the work, for two threads and more
_MOST_EDGES = 1 << 19  # edges of the cells that are divided at once: 10 MB with their quarters'
_GROUPS = 16  # row groups that tests pin at once: 2 M rows


def polygon_bits(reader: Reader, corners: tuple[tuple[Any, Any], ...]) -> Bits:
    """Return the bits of the rows inside a polygon (even-odd rule), its corners in data coordinates."""
    outline = _outline(corners, reader.manifest.x, reader.manifest.y)
    if not np.isfinite(outline).all():
        raise OptionError("The corners of a polygon must be finite numbers.")
    return Lasso(reader, outline).bits()


def _outline(corners: tuple[tuple[Any, Any], ...], x: Axis, y: Axis) -> Floats:
    if x.kind == y.kind == "float":  # an outline drawn by hand has thousands of corners
        numbers = np.array(corners)
        if numbers.dtype.kind in "fi":
            return numbers.astype(np.float64)
    return np.array([(x.position(a), y.position(b)) for a, b in corners], np.float64)


@dataclass(frozen=True, eq=False)
class Nodes:
    """Cells of one level that the polygon's edges touch, ascending.

    Attributes
    ----------
    keys : ndarray of uint64
    starts, stops : ndarray of int64
        Their rows.
    right : ndarray of float64
        Their right sides, where the rays turn down.
    odd : ndarray of uint8
        The bit of each cell: crossings of all edges that do not touch it.
    first : ndarray of int64, shape (cells + 1,)
        Where the edges of each cell begin in `edges`.
    """

    level: int
    keys: NDArray[np.uint64]
    starts: Ints
    stops: Ints
    right: Floats
    odd: NDArray[np.uint8]
    first: Ints
    edges: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.keys)

    def where(self, mask: NDArray[np.bool_]) -> "Nodes":
        """Return some of the cells."""
        sizes = np.diff(self.first)
        first = np.concatenate([[0], np.cumsum(sizes[mask])])
        columns = (self.keys[mask], self.starts[mask], self.stops[mask], self.right[mask], self.odd[mask])
        return Nodes(self.level, *columns, first, self.edges[np.repeat(mask, sizes)])

    def part(self, a: int, b: int) -> "Nodes":
        """Return cells a … b."""
        columns = (self.keys[a:b], self.starts[a:b], self.stops[a:b], self.right[a:b], self.odd[a:b])
        return Nodes(self.level, *columns, self.first[a : b + 1] - self.first[a], self.edges[self.first[a] : self.first[b]])

    def parts(self, size: int) -> list["Nodes"]:
        """Return the cells in parts of about `size` edges."""
        marks = np.unique(np.searchsorted(self.first, np.arange(0, int(self.first[-1]), max(1, size))))
        return [self.part(a, b) for a, b in pairwise([*marks[marks < len(self)].tolist(), len(self)])]


@nb.njit(inline="always")
def _passes(edge, a, b, right):  # type: ignore[no-untyped-def]
    """Whether an edge is crossed by the way from (a, b) to the right, and from `right` on down."""
    x0, y0, x1, y1 = edge[0], edge[1], edge[2], edge[3]
    odd = (y0 > b) != (y1 > b) and a < (x1 - x0) * (b - y0) / (y1 - y0) + x0
    # The edge beyond `right` is passed once for each of its ends that lies lower: twice is not at all.
    return odd ^ (x0 > right and y0 <= b) ^ (x1 > right and y1 <= b)


@nb.njit(inline="always")
def _touches(edge, left, right, bottom, top, margin):  # type: ignore[no-untyped-def]
    """Whether an edge comes near a rectangle. In doubt it does: `margin` and `slack` are more than all rounding here and in `_passes`."""
    x0, y0, x1, y1 = edge[0], edge[1], edge[2], edge[3]
    if max(x0, x1) < left - margin or min(x0, x1) > right + margin or max(y0, y1) < bottom or min(y0, y1) > top:
        return False
    dx, dy = abs(x1 - x0), abs(y1 - y0)
    x, y = left / 2 + right / 2, bottom / 2 + top / 2
    away = abs((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0))
    slack = (dx * (abs(y) + abs(y0)) + dy * (abs(x) + abs(x0))) * 2.0**-47 + 1e-320
    return not (away > dx * (top / 2 - bottom / 2) + dy * (right / 2 - left / 2 + margin) + slack)


@nb.njit(inline="always")
def _fill(bits, start, stop):  # type: ignore[no-untyped-def]
    """Set the bits start … stop."""
    ones = nb.uint64(0xFFFFFFFFFFFFFFFF)
    first, last = start >> 6, (stop - 1) >> 6
    low, high = ones << nb.uint64(start & 63), ones >> nb.uint64(63 - ((stop - 1) & 63))
    if first == last:
        bits[first] |= low & high
        return
    bits[first] |= low
    for word in range(first + 1, last):
        bits[word] = ones
    bits[last] |= high


@nb.njit(nogil=True, cache=True)
def _sort_out(cells, parents, polygon, grid, bits, out):  # type: ignore[no-untyped-def]
    """Decide the cells that no edge touches; write the others. Returns how many, and how many edges they have."""
    i, j, starts, stops, owner = cells
    right_of, odd_of, first_of, edges_of = parents
    edges, margin = polygon
    x_base, x_size, y_base, y_size, side, origin = grid
    out_cell, out_right, out_odd, out_first, out_edges = out
    found, used = 0, 0
    for n in range(i.shape[0]):
        if stops[n] <= starts[n]:
            continue
        left, right = (x_base + i[n] * side) * x_size, (x_base + (i[n] + 1) * side) * x_size
        bottom, top = (y_base + j[n] * side) * y_size, (y_base + (j[n] + 1) * side) * y_size
        p = owner[n]
        odd = odd_of[p] > 0  # becomes the side of the cell's lower left corner
        begin = used
        for m in range(first_of[p], first_of[p + 1]):
            edge = edges[edges_of[m]]
            odd ^= _passes(edge, left, bottom, right_of[p])
            if _touches(edge, left, right, bottom, top, margin):
                out_edges[used] = edges_of[m]
                used += 1
        if used == begin:
            if odd:
                _fill(bits, starts[n] - origin, stops[n] - origin)
            continue
        for m in range(begin, used):
            odd ^= _passes(edges[out_edges[m]], left, bottom, right)
        out_cell[found], out_right[found], out_odd[found] = n, right, odd
        found += 1
        out_first[found] = used
    return found, used


@nb.njit(nogil=True, cache=True)
def _test(x, y, cells, polygon, origin, bits):  # type: ignore[no-untyped-def]
    """Test rows one by one. The edges of a cell are few, and its rows many."""
    starts, stops, right, odd_of, first, edges_of = cells
    edges, (low_x, high_x, low_y, high_y) = polygon
    for n in range(starts.shape[0]):
        for row in range(starts[n], stops[n]):
            a, b = nb.float64(x[row]), nb.float64(y[row])
            if not (low_x <= a <= high_x and low_y <= b <= high_y):
                continue
            odd = odd_of[n] > 0
            for m in range(first[n], first[n + 1]):
                odd ^= _passes(edges[edges_of[m]], a, b, right[n])
            if odd:
                bits[(row - origin) >> 6] |= nb.uint64(1) << nb.uint64((row - origin) & 63)


class Lasso:
    """The search for the rows inside one polygon.

    Parameters
    ----------
    reader : Reader
    outline : ndarray of float64, shape (corners, 2)
        In the axes' own coordinates; finite.
    """

    def __init__(self, reader: Reader, outline: Floats) -> None:
        self.reader = reader
        self.edges = np.ascontiguousarray(np.hstack([outline, np.roll(outline, 1, axis=0)]))
        self.box = tuple(float(end) for side in outline.T for end in (side.min(), side.max()))
        self.margin = _margin(self.edges)
        self.levels = set(reader.levels())
        self.least = max(_FEW_ROWS, int(reader.manifest.options.get("cell_rows", limits().cell_rows)))

    def bits(self) -> Bits:
        """Return the bits of the rows inside, even-odd rule."""
        bits = np.zeros(words(self.reader.manifest.rows), np.uint64)
        if not self.levels:
            return bits
        nodes = self._roots(bits)
        while 0 < len(nodes) < 4 * _PIECES:
            nodes = self._divided(nodes, 0, bits)
        lock = threading.Lock()

        def part(piece: Nodes) -> None:
            origin, stop = int(piece.starts[0]) & ~63, int(piece.stops[-1])
            mine = np.zeros(words(stop - origin), np.uint64)
            stack = [piece]
            while stack:
                if pool.stopped():
                    raise pool.Stopped
                stack += reversed(self._divided(stack.pop(), origin, mine).parts(_MOST_EDGES))
            with lock:  # pieces meet in the middle of a word
                bits[origin >> 6 : (origin >> 6) + len(mine)] |= mine

        pool.run(part, nodes.parts(-(-len(nodes.edges) // _PIECES)))
        return bits

    def _roots(self, bits: Bits) -> Nodes:
        level = min(self.levels)
        groups, cells = self.reader.level(level)
        with cells.pinned(["key", "start", "count"], np.arange(len(groups.files))) as (key, start, count):
            keys, first = np.unique(key.astype(np.uint64), return_index=True)
            starts, stops = start[first].astype(np.int64), np.append(start[first[1:]], start[-1] + count[-1]).astype(np.int64)
        # One cell of everything: the ray goes on for ever, and each edge touches it.
        count_ = len(self.edges)
        everything = (np.array([np.inf]), np.zeros(1, np.uint8), np.array([0, count_]), np.arange(count_, dtype=np.int32))
        return self._sorted_out(level, (keys, starts, stops, np.zeros(len(keys), np.int64)), everything, (0, bits))

    def _divided(self, nodes: Nodes, origin: int, bits: Bits) -> Nodes:
        """Test the rows of cells where that is cheap, and return those quarters of the others that edges touch."""
        rows = nodes.stops - nodes.starts
        deep = (rows > self.least) & (rows * np.diff(nodes.first) > _FEW_TESTS) & (nodes.level + 1 in self.levels)
        self._tested(nodes.where(~deep), origin, bits)
        nodes = nodes.where(deep)
        keys: NDArray[np.uint64] = nodes.keys[:, None] << np.uint64(2) | np.arange(4, dtype=np.uint64)
        if not len(nodes):
            return nodes
        # All rows of a cell this large are in cells of the next level, so a quarter begins where the next cell does.
        inner = cut(self.reader, nodes.level + 1, keys[:, 1:].ravel()).high.reshape(-1, 3)
        low, high = nodes.starts[:, None], nodes.stops[:, None]
        bounds = np.hstack([low, np.clip(inner, low, high), high])
        owner = np.repeat(np.arange(len(nodes)), 4)
        quarters = (keys.ravel(), bounds[:, :4].ravel(), bounds[:, 1:].ravel(), owner)
        return self._sorted_out(nodes.level + 1, quarters, (nodes.right, nodes.odd, nodes.first, nodes.edges), (origin, bits))

    def _sorted_out(self, level: int, cells: tuple[Any, ...], parents: tuple[Any, ...], target: tuple[int, Bits]) -> Nodes:
        keys, starts, stops, owner = cells
        room = int(np.diff(parents[2])[owner].sum())
        out = (
            np.empty(len(keys), np.int64),
            np.empty(len(keys)),
            np.empty(len(keys), np.uint8),
            np.zeros(len(keys) + 1, np.int64),
            np.empty(room, np.int32),
        )
        origin, bits = target
        grid = (*_scale(self.reader.manifest.x), *_scale(self.reader.manifest.y), 1 << (BITS - level), origin)
        found, used = _sort_out((*cells_of(keys), starts, stops, owner), parents, (self.edges, self.margin), grid, bits, out)
        cell, right, odd, first, edges = out
        cell = cell[:found]
        return Nodes(level, keys[cell], starts[cell], stops[cell], right[:found], odd[:found], first[: found + 1], edges[:used].copy())

    def _tested(self, nodes: Nodes, origin: int, bits: Bits) -> None:
        pages = self.reader.pages
        place = np.searchsorted(pages.offsets, nodes.starts, "right") // _GROUPS
        for a, b in pairwise([0, *(np.flatnonzero(np.diff(place)) + 1).tolist(), len(nodes)]) if len(nodes) else ():
            some = nodes.part(a, b)
            with pages.pinned([X, Y], pages.groups_of(some.starts, some.stops)) as (x, y):
                cells = (some.starts, some.stops, some.right, some.odd, some.first, some.edges)
                _test(x, y, cells, (self.edges, self.box), origin, bits)


def _scale(axis: Axis) -> tuple[float, float]:
    return float(axis.base), 2.0**-axis.exponent


def _margin(edges: Floats) -> float:
    """Return more than the rounding of the place where an edge meets a ray; infinite where its arithmetic may overflow."""
    with np.errstate(over="ignore", invalid="ignore"):
        dx, dy = np.abs(edges[:, 2] - edges[:, 0]), np.abs(edges[:, 3] - edges[:, 1])
        if not dx.max() * dy.max() < 1e300:
            return float("inf")
        steep = dy[dy > 0]
        underflow = 2.0**-1060 / steep.min() if len(steep) else 0.0
        return float(np.abs(edges[:, 0]).max() * 2.0**-46 + underflow)
