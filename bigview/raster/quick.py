"""Quick pictures: colours from the summaries of coarse cells, in time that grows with the pixels and not with the rows.

How many rows a pixel has is exact. What they hold is taken from the cells that touch the pixel, in proportion to the part of each that lies in
it; so colours are as fine as the cells, mostly about a pixel, at most eight. Every quick grid says that it is not exact, and how far it may be off.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bigview.config import limits
from bigview.raster import quickloops, sweep
from bigview.raster.aggregate import DOMINANT, Grid, labelled
from bigview.raster.plan import Lattice, Side
from bigview.spec import View
from bigview.store import pool
from bigview.store.locate import cut
from bigview.store.points import PointTable
from bigview.store.reader import Reader
from bigview.store.regions import KeyRanges, key_ranges
from bigview.store.selection import Box
from bigview.store.summaries import code_columns, count_columns, rows_column, sum_column

_COARSEST = 4
"""Levels above that of the frame: cells of at most eight pixels, as coarse as the colours of a compressed photograph."""

_BANDS = 4
"""Bands of pixel rows a thread: some are emptier than others."""

_ROUGH = 64
"""Cells along the longer side of a view by which its rows are estimated."""


def rows_about(table: PointTable, view: View) -> int:
    """Return about how many rows a view holds, from a few hundred cells: no row is read."""
    manifest, levels = table.manifest, table.reader.levels()
    if not levels:
        return 0
    box = Box.of(view, manifest.x, manifest.y)
    for level in levels:
        columns, rows = ((axis.cell(low, level), axis.cell(high, level) + 1) for axis, low, high in _ends(manifest, box))
        if max(columns[1] - columns[0], rows[1] - rows[0]) >= _ROUGH:
            break
    ranges = key_ranges(columns, rows, level)
    return int((_before(table.reader, level, ranges.last, 1) - _before(table.reader, level, ranges.first, 0)).sum())


def _ends(manifest: Any, box: Box) -> tuple[tuple[Any, float, float], ...]:
    return (manifest.x, box.x0, box.x1), (manifest.y, box.y0, box.y1)


def _before(reader: Reader, level: int, keys: NDArray[np.uint64], step: int) -> NDArray[np.int64]:
    """Return how many rows come before keys, up to the last cell before."""
    with np.errstate(over="ignore"):
        found = cut(reader, level, keys + np.uint64(step)).low
    return np.where(keys == np.uint64((1 << (2 * level)) - 1), reader.manifest.placed, found) if step else found


@dataclass(frozen=True)
class _Plan:
    """The grid of a quick picture, and the levels whose summaries colour it: the finest that fits, and those that fill what it leaves empty."""

    lattice: Lattice
    levels: tuple[int, ...]

    @classmethod
    def of(cls, table: PointTable, view: View, needed: str, fewest: int | None = None) -> "_Plan | None":
        """Return the plan for a view; None where no quick picture can be made or none is worth while."""
        reader, lattice = table.reader, Lattice.of(table.manifest, view)
        if lattice.level is None:
            return None
        summed = [level for level in reader.levels() if (found := reader.summaries(level)) is not None and needed in found.dtypes]
        fit = [level for level in summed if lattice.level - _COARSEST <= level < lattice.level and _fits(lattice, level)]
        if not fit or rows_about(table, view) < (limits().quick_rows if fewest is None else fewest):
            return None
        # What the finest ones leave empty are lone rows: cells of four times the size will do, and half the levels have to be gone through.
        return cls(lattice, tuple(level for level in reversed(summed) if level <= fit[-1] and ((fit[-1] - level) % 2 == 0 or level == summed[0])))

    @property
    def error(self) -> float:
        """The furthest that a colour may be from its place, in pixels: the size of a cell."""
        shift = (self.lattice.level or 0) - self.levels[0]
        return max(side.pixels / side.cells * (1 << shift) for side in (self.lattice.x, self.lattice.y))


def _fits(lattice: Lattice, level: int) -> bool:
    """Whether a picture has few cells of a level, however unlike the scales of its axes are."""
    shift = (lattice.level or 0) - level
    across, along = ((side.cells >> shift) + 2 for side in (lattice.x, lattice.y))
    return across * along <= 8 * lattice.x.pixels * lattice.y.pixels + 64


@dataclass(frozen=True, eq=False)
class _Edges:
    """The pixels of an axis counted in cells of a level: first and end of the cells that touch each, and its edges."""

    cells: NDArray[np.int64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @classmethod
    def of(cls, side: Side, shift: int, level: int) -> "_Edges":
        unit = side.pixels << shift
        edges = side.first * side.pixels + np.arange(side.pixels + 1, dtype=np.int64) * side.cells
        # Where the edges of a pixel and of a cell are one, rounding may draw a row of the next cell in the pixel: that cell touches it too.
        first, end = (edges[:-1] - 1) // unit, edges[1:] // unit + 1
        cells = np.clip([first, end], 0, 1 << level)
        return cls(cells, edges[:-1] / unit, edges[1:] / unit)

    @property
    def span(self) -> tuple[int, int]:
        """All cells that touch a pixel."""
        return int(self.cells[0, 0]), int(self.cells[1, -1])

    @property
    def arrays(self) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
        """The arrays, as kernels take them."""
        return self.cells, self.low, self.high


Kernel = Callable[[tuple[Any, ...], tuple[Any, ...], tuple[int, int]], tuple[Any, ...]]


def _painted(reader: Reader, plan: _Plan, names: list[str], kernel: Kernel) -> list[list[tuple[Any, ...]]]:
    """Call ``kernel(sheet, found, band)`` over all pixels, with finer and then coarser cells, until nothing is left to do.

    `found` has the count of rows of the cells and the named columns of their summaries. The kernel returns a tuple, at its end what is left to do.
    What comes back has a list for each level.
    """
    answers: list[list[tuple[Any, ...]]] = []
    for level in plan.levels:
        shift = (plan.lattice.level or 0) - level
        x, y = _Edges.of(plan.lattice.x, shift, level), _Edges.of(plan.lattice.y, shift, level)
        made = _level_painted(reader, level, (x, y), names, kernel)
        answers.append(made)
        if not sum(answer[-1] for answer in made):
            break
    return answers


def _level_painted(reader: Reader, level: int, edges: tuple[_Edges, _Edges], names: list[str], kernel: Kernel) -> list[tuple[Any, ...]]:
    x, y = edges
    cells, summaries = reader.level(level)[1], reader.summaries(level)
    if summaries is None:
        raise AssertionError("a level without summaries is not painted")
    c0, c1 = _cells(reader, level, key_ranges(x.span, y.span, level))
    total = int(cells.offsets[-1])
    groups = cells.groups_of(c0, np.minimum(c1 + 1, total))  # the one after shows where a cell of several entries ends
    corner = x.span[0], y.span[0]
    where = np.full((max(0, y.span[1] - corner[1]), max(0, x.span[1] - corner[0])), -1, np.int32)
    with cells.pinned(["key", "count"], groups) as (key, count), summaries.pinned(names, groups) as found:
        pool.run(lambda part: quickloops.map_cells(key, c0[slice(*part)], c1[slice(*part)], corner, where), pool.slices(len(c0), 16))
        sheet = (where, corner, key, x.arrays, y.arrays)
        bands = _BANDS * pool.threads() if pool.threads() > 1 else 1
        cuts = np.linspace(0, len(y.low), min(len(y.low), bands) + 1).astype(int).tolist()
        return pool.run(lambda band: kernel(sheet, (count, *found), band), list(pairwise(cuts)))


def _cells(reader: Reader, level: int, ranges: KeyRanges) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the cells of key ranges."""
    with np.errstate(over="ignore"):
        stops = cut(reader, level, ranges.last + np.uint64(1)).cell
    total = int(reader.level(level)[1].offsets[-1])
    return cut(reader, level, ranges.first).cell, np.where(ranges.last == np.uint64((1 << (2 * level)) - 1), total, stops)


def quick_dominant(table: PointTable, view: View, column: str, fewest: int | None = None) -> tuple[xr.DataArray, NDArray[np.int64]] | None:
    """Return about what `bigview.raster.aggregate.dominant_counts` returns, from summaries.

    Parameters
    ----------
    table : PointTable
    view : View
    column : str
        Of categories or booleans.
    fewest : int, optional
        Rows in view below which the exact grid counts as quick; `limits().quick_rows` by default.

    Returns
    -------
    (xarray.DataArray, ndarray) or None
        The planes code, count and total, of which total is exact, and about the rows of each category. The attribute `exact` is False; `unsure` is
        the share of the rows whose category the summaries do not tell; `doubtful` the share of those in pixels whose code is not proven;
        `error` the furthest that a colour may be from its place, in pixels. None where the store has no summaries that fit the view, and where
        the view holds so few rows that the exact grid is as quick.
    """
    plan = _dominant_plan(table, view, column, fewest)
    return None if plan is None else _labelled_dominant(table, plan, column)[:2]


def bare_dominant(table: PointTable, view: View, column: str, fewest: int | None = None) -> tuple[Grid, NDArray[np.int64]] | None:
    """Return what `quick_dominant` returns, without coordinates."""
    plan = _dominant_plan(table, view, column, fewest)
    return None if plan is None else _dominant(table, plan, column)[:2]


def _dominant_plan(table: PointTable, view: View, column: str, fewest: int | None) -> _Plan | None:
    return _Plan.of(table, view, code_columns(table.manifest.column(column).name)[0], fewest)


def _labelled_dominant(table: PointTable, plan: _Plan, column: str) -> tuple[xr.DataArray, NDArray[np.int64], NDArray[np.bool_]]:
    grid, totals, sure = _dominant(table, plan, column)
    return _with_coordinates(table, plan, grid, DOMINANT), totals, sure


def _with_coordinates(table: PointTable, plan: _Plan, grid: Grid, planes: tuple[str, Any] | None) -> xr.DataArray:
    found = labelled(table, plan.lattice, grid.values, planes)
    found.attrs.update(grid.attrs)
    return found


def _dominant(table: PointTable, plan: _Plan, column: str) -> tuple[Grid, NDArray[np.int64], NDArray[np.bool_]]:
    """Return the grid, the rows of each category, and which pixels are sure."""
    names = [*code_columns(column), *count_columns(column)]
    missing = table.manifest.column(column).missing > 0
    rows = sweep.counts(table.reader, plan.lattice, None)
    out = np.empty((*rows.shape, 3), np.int64)
    out[:, :, 0], out[:, :, 1], out[:, :, 2] = -1, 0, rows
    todo, sure = rows > 0, np.zeros(rows.shape, np.bool_)
    categories = max(1, len(table.reader.categories(column)))

    def kernel(sheet: tuple[Any, ...], found: tuple[Any, ...], band: tuple[int, int]) -> tuple[Any, ...]:
        totals = np.zeros(categories)
        tops = found[1:4], found[4:7], found[7] if missing else np.empty(0, np.uint32), found[0]
        unknown, left = quickloops.dominant_pixels(band, rows, sheet, tops, (todo, out, sure, totals))
        return unknown, totals, left

    painted = _painted(table.reader, plan, [*names, *([rows_column(column)] if missing else [])], kernel)
    answers = [answer for made in painted for answer in made]
    unknown, total = sum(answer[0] for answer in answers), max(1, int(rows.sum(dtype=np.int64)))
    doubtful = int(rows[~sure].sum(dtype=np.int64))
    grid = Grid.of(table, plan.lattice, out, exact=False, error=plan.error, unsure=unknown / total, doubtful=doubtful / total)
    return grid, np.rint(np.sum([answer[1] for answer in answers], axis=0)).astype(np.int64), sure


def quick_mean(table: PointTable, view: View, column: str, fewest: int | None = None) -> xr.DataArray | None:
    """Return about the grid of means of numbers or datetimes, from summaries; None like `quick_dominant`.

    The attribute `unsure` is the share of the pixels with rows that lie between the cells of the finest summaries, and take a coarser one's mean.
    """
    plan = _mean_plan(table, view, column, fewest)
    return None if plan is None else _with_coordinates(table, plan, _mean(table, plan, column), None)


def bare_mean(table: PointTable, view: View, column: str, fewest: int | None = None) -> Grid | None:
    """Return what `quick_mean` returns, without coordinates."""
    plan = _mean_plan(table, view, column, fewest)
    return None if plan is None else _mean(table, plan, column)


def _mean_plan(table: PointTable, view: View, column: str, fewest: int | None) -> _Plan | None:
    return _Plan.of(table, view, sum_column(table.manifest.column(column).name), fewest)


def _mean(table: PointTable, plan: _Plan, column: str) -> Grid:
    missing = table.manifest.column(column).missing > 0
    rows = sweep.counts(table.reader, plan.lattice, None)
    todo, out = rows > 0, np.full(rows.shape, np.nan)

    def kernel(sheet: tuple[Any, ...], found: tuple[Any, ...], band: tuple[int, int]) -> tuple[Any, ...]:
        sums = found[1], found[2] if missing else np.empty(0, np.uint32), found[0]
        return (quickloops.mean_pixels(band, todo, sheet, sums, out),)

    painted = _painted(table.reader, plan, [sum_column(column), *([rows_column(column)] if missing else [])], kernel)
    between = sum(left for (left,) in painted[0])
    return Grid.of(table, plan.lattice, out, exact=False, error=plan.error, unsure=between / max(1, int(np.count_nonzero(rows))))
