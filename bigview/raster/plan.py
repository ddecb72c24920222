"""The plan of a frame: where its pixels lie, and which cells and rows it is drawn from.

A frame is drawn from the cells of one level, none larger than half a pixel, on a grid whose outer edges are cell edges: so its counts are exactly
those of the rows inside its bounds. Where the level has no cells (few rows) the rows are drawn one by one; in a small store, and deeper than
the levels go, all of them are, and the grid is then the view itself.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import NDArray

from bigview.config import limits
from bigview.spec import View
from bigview.store import pool
from bigview.store.axis import Axis
from bigview.store.locate import covered
from bigview.store.loose import loose_rows
from bigview.store.manifest import Manifest
from bigview.store.reader import Reader
from bigview.store.regions import key_ranges
from bigview.store.selection import Box, select

_MOST_CELLS = 1 << 40
"""Cells across a grid up to which its arithmetic fits 64 bits; a view that wide shows the store as a dot, and draws its rows."""

_MOST_ACROSS = 1 << 20
"""Cells up to which a side has a table of them (24 bytes each). A view that is stretched more, as a narrow strip across an axis with outliers, would
have too many of them along the strip: its rows are drawn one by one."""

_DIGITS = 9
"""Significant digits of a view's span that count: panning in floats jitters beyond them, and must not change the size of a pixel."""


@dataclass(frozen=True)
class Side:
    """One axis of a grid.

    Attributes
    ----------
    low, high : float
        Outer edges, in the axis' own coordinates.
    pixels : int
    first, cells : int
        First cell and number of cells across; 0 cells where rows are drawn one by one.
    top : bool
        Whether a row at `high` itself is inside.
    """

    low: float
    high: float
    pixels: int
    first: int = 0
    cells: int = 0
    top: bool = False

    @classmethod
    def snapped(cls, axis: Axis, low: float, high: float, pixels: int, level: int) -> Self:
        """Return the side whose edges are cell edges of `level`, at most a pixel beyond low … high."""
        size = axis.size(level)
        across = _span(low, high) / size
        cells = math.floor(across + 0.13) + 2
        # The cells in excess are shared by both ends; 0.13 keeps whole numbers, which are common, away from the step.
        first = axis.cell(low - (cells - across - 1) / 2 * size, level)
        # A range that ends at the greatest value holds it: where that is the grid's edge, its cell belongs to the grid.
        if axis.cell(axis.high, level) == first + cells and axis.value(axis.edge(first + cells, level)) == axis.value(axis.high):
            cells += 1
        return cls(axis.edge(first, level), axis.edge(first + cells, level), pixels, first, cells)

    def table(self, level: int) -> tuple[int, NDArray[np.int64], NDArray[np.float64]]:
        """Return, from the first cell that exists on, the pixel that holds each cell's lower edge and the share of the cell in it.

        The pixel is −1 for cells outside the grid.
        """
        start = max(0, self.first)
        stop = max(start, min(1 << level, self.first + self.cells))
        left = (np.arange(start, stop, dtype=np.int64) - self.first) * self.pixels
        pixel = left // self.cells
        share = np.minimum(1.0, ((pixel + 1) * self.cells - left) / self.pixels)
        return start, pixel, share

    def centres(self) -> NDArray[np.float64]:
        """Return the centres of the pixels."""
        step = (self.high / 2 - self.low / 2) / self.pixels * 2
        return np.asarray(self.low + (np.arange(self.pixels) + 0.5) * step)


def _span(low: float, high: float) -> float:
    return float(f"{high - low:.{_DIGITS}g}")


@dataclass(frozen=True)
class Lattice:
    """The grid of a frame: its two sides, and the level it is drawn from (None: row by row)."""

    x: Side
    y: Side
    level: int | None

    @classmethod
    def of(cls, manifest: Manifest, view: View) -> Self:
        """Return the grid for a view. It depends on the store and the zoom alone, never on the rows in view."""
        box = Box.of(view, manifest.x, manifest.y)
        x, y = (box.x0, box.x1, view.width), (box.y0, box.y1, view.height)
        level = None if manifest.placed <= limits().exact_rows else _level(manifest, x, y)
        if level is None:
            return cls(Side(*x, top=box.top_x), Side(*y, top=box.top_y), None)
        return cls(Side.snapped(manifest.x, *x, level), Side.snapped(manifest.y, *y, level), level)

    @property
    def box(self) -> Box:
        """The grid's bounds."""
        return Box(self.x.low, self.x.high, self.y.low, self.y.high, self.x.top, self.y.top)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.y.pixels, self.x.pixels

    def error(self, manifest: Manifest) -> float:
        """Return the furthest that a row may be drawn from its place, in pixels."""
        if self.level is None or (self.x.cells % self.x.pixels == 0 and self.y.cells % self.y.pixels == 0):
            return 0.0
        return max(self.x.pixels / self.x.cells, self.y.pixels / self.y.cells)


def _level(manifest: Manifest, x: tuple[float, float, int], y: tuple[float, float, int]) -> int | None:
    """The first level whose cells are at most half a pixel; None when there is none."""
    first = manifest.levels[0].level if manifest.levels else 0
    if any((high - low) / axis.size(first) > _MOST_CELLS for axis, (low, high, _) in ((manifest.x, x), (manifest.y, y))):
        return None
    half_x, half_y = (_span(low, high) / pixels / 2 for low, high, pixels in (x, y))
    for level in manifest.levels:
        size_x, size_y = manifest.x.size(level.level), manifest.y.size(level.level)
        if level.cells and size_x <= half_x and size_y <= half_y:
            across = max(half_x * 2 * x[2] / size_x, half_y * 2 * y[2] / size_y)
            return level.level if min(across, 1 << level.level) <= _MOST_ACROSS else None
    return None


@dataclass(frozen=True, eq=False)
class Work:
    """What a frame is drawn from, or a thread's share of it.

    Attributes
    ----------
    c0, c1 : ndarray of int64
        Ranges of cells of the level.
    blocks : ndarray of int64
        Blocks of the level's loose rows, of which some lie in the grid.
    r0, r1 : ndarray of int64
        Runs of rows: where there is a level, those around the cells.
    """

    c0: NDArray[np.int64]
    c1: NDArray[np.int64]
    blocks: NDArray[np.int64]
    r0: NDArray[np.int64]
    r1: NDArray[np.int64]


_NONE = np.empty(0, np.int64)


def work_of(reader: Reader, lattice: Lattice) -> list[Work]:
    """Return the cells and rows that a frame needs, shared among the threads."""
    if lattice.level is None:
        selection = select(reader, lattice.box, None)
        shares = _shares(selection.stops - selection.starts)
        return [Work(_NONE, _NONE, _NONE, selection.starts[part], selection.stops[part]) for part in shares]
    level = lattice.level
    ranges = key_ranges((lattice.x.first, lattice.x.first + lattice.x.cells), (lattice.y.first, lattice.y.first + lattice.y.cells), level)
    c0, c1, low, high = covered(reader, level, ranges)
    low = np.maximum(low, np.append(np.int64(0), np.maximum.accumulate(high)[:-1]))  # two ranges may end and begin in the same gap
    loose = loose_rows(reader, level)
    blocks = loose.blocks(low, high)
    c0, c1 = _cut(c0, c1)
    # Each thread gets of both a share that is like in size; the shares of the blocks go on where those of the cells end.
    shares = _shares(np.concatenate([c1 - c0, loose.about(blocks)]) + 1)
    parts = []
    for part in shares:
        cells = slice(min(part.start, len(c0)), min(part.stop, len(c0)))
        rest = slice(max(0, part.start - len(c0)), max(0, part.stop - len(c0)))
        parts.append(Work(c0[cells], c1[cells], blocks[rest], low, high))
    return parts


def _shares(load: NDArray[np.int64]) -> list[slice]:
    """Return slices of like load, one a thread where the whole is worth it."""
    before = np.cumsum(load)
    total = int(before[-1]) if len(before) else 0
    shares = 1 if total < 20_000 else pool.threads()
    edges = np.searchsorted(before, [total * share // shares for share in range(1, shares)], "right")
    bounds = [0, *edges.tolist(), len(load)]
    return [slice(a, b) for a, b in pairwise(bounds) if b > a]


def _cut(c0: NDArray[np.int64], c1: NDArray[np.int64], most: int = 1 << 15) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Cut long ranges of cells, so that the threads get equal shares."""
    parts = np.maximum(1, -(-(c1 - c0) // most))
    if (parts == 1).all():
        return c0, c1
    run = np.repeat(np.arange(len(parts)), parts)
    step = np.arange(len(run)) - np.repeat(np.cumsum(parts) - parts, parts)
    begin = c0[run] + step * most
    return begin, np.minimum(begin + most, c1[run])
