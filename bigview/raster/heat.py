"""The picture of a matrix: one function that every door calls."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bigview.config import limits
from bigview.errors import OptionError
from bigview.matrixspec import MatrixStyle
from bigview.raster import legend
from bigview.raster.frame import Drawing, Frame
from bigview.raster.heatlegend import category_heat_table, heat_bar, heat_table, palette_of
from bigview.raster.heatscale import HeatScale, Spread, scale_for, tones_of
from bigview.raster.legend import LegendEntry
from bigview.raster.matrixgrid import aggregate_matrix, quick_matrix
from bigview.raster.orderspread import Known, block_means
from bigview.raster.tones import HUES, Tones
from bigview.spec import View
from bigview.store.matrix import MatrixTable
from bigview.store.orders import Order
from bigview.store.recent import Recent

STATISTICS = {
    "mean": "mean",
    "min": "least",
    "max": "greatest",
    "extreme": "furthest from the middle",
    "sum": "sum",
    "count": "cells with a value",
    "std": "standard deviation",
    "mode": "most frequent",
}
"""What each statistic is called in a title."""

_GROWN = 2048  # pixels along an axis up to which cells grow, so that stripes in them are as narrow as elsewhere


@dataclass(frozen=True)
class HeatLook:
    """How a matrix is shown: in which colours, and in which order.

    Attributes
    ----------
    style : MatrixStyle
    rows, cols : Order or None
        None: as they are stored.
    locked : tuple of MatrixTable
        Other matrices whose values the colours span too, so that a colour means the same in pictures of all of them.
    """

    style: MatrixStyle = field(default_factory=MatrixStyle)
    rows: Order | None = None
    cols: Order | None = None
    locked: tuple[MatrixTable, ...] = ()

    @property
    def dark(self) -> bool:
        """Whether the background is dark."""
        return self.style.dark

    def shape(self, table: MatrixTable) -> tuple[int, int]:
        """Return the rows and columns that are shown."""
        rows, cols = (size if order is None else len(order) for order, size in zip((self.rows, self.cols), table.shape, strict=True))
        return rows, cols


def locked_of(given: Any) -> tuple[MatrixTable, ...]:
    """Return the matrices whose values the colours span too, from one or a list of them.

    Raises
    ------
    OptionError
        When one of them is no matrix, or has no numbers.
    """
    found = () if given is None else (given,) if isinstance(given, MatrixTable) else tuple(given)
    for one in found:
        if not isinstance(one, MatrixTable) or one.kind == "category":
            raise OptionError(f"locked takes a matrix of numbers, or a list of them, whose values the colours span too, not {one!r:.80}.")
    return found


@dataclass(frozen=True)
class Window:
    """The part of a matrix that a picture shows, in whole pixels of its zoom.

    Attributes
    ----------
    view : View
        Where a pixel is larger than a cell, edges are multiples of its size, so that cells do not change their pixels while one pans; where it is
        smaller, each cell is a pixel.
    origin : (int, int)
        Row and column of the first pixel among all of the zoom.
    grow : (int, int)
        Times that a pixel is as high and as wide on the screen.
    """

    view: View
    origin: tuple[int, int]
    grow: tuple[int, int]


@dataclass(frozen=True, eq=False)
class HeatFrame(Frame):
    """The picture of a matrix, with the numbers it was made from.

    Plot coordinates: x is the place of a column, y minus the place of a row, so that the first row is on top.

    Attributes
    ----------
    grid : DataArray or None
        Rows from the first one on; None where nothing of the matrix is in view.
    scale : HeatScale or None
        None for categories.
    cells : (float, float)
        Rows and columns in a pixel; 1 where each cell is seen.
    """

    grid: xr.DataArray | None = field(repr=False)
    scale: HeatScale | None = field(repr=False)
    cells: tuple[float, float]


def spread_of(table: MatrixTable, cells: float = 1.0, agg: str = "mean", rows: Order | None = None, cols: Order | None = None) -> Spread:
    """Return how the values of a store are spread; means and sums, over so many cells in a pixel, as the means of blocks of that size are.

    It depends on the store, the order and the zoom, not on what is in view: the means of large blocks lie closer together than the cells do.
    """
    facts = table.manifest.facts
    low, high = (facts.get(name) for name in ("low", "high"))
    if low is None or high is None:
        return Spread(0.0, 1.0, 0.0, (0.0, 1.0))
    mean = facts.get("mean")
    quantiles = tuple(float(value) for value in facts.get("quantiles") or ()) or (float(low), float(high))
    if agg in ("mean", "sum") and cells > 1:
        quantiles = _of_blocks(table, cells, quantiles, block_means(table, rows, cols, len(quantiles)))
    return Spread(float(low), float(high), (float(low) + float(high)) / 2 if mean is None else float(mean), quantiles)


def shared_spread(table: MatrixTable, look: HeatLook, cells: float = 1.0, agg: str = "mean") -> Spread:
    """Return how the values are spread that the colours of a look span: those of the matrix, and of the others it is locked to."""
    if not look.locked:
        return spread_of(table, cells, agg, look.rows, look.cols)
    found = spread_of(table, cells, agg)
    for other in look.locked:
        found = found.joined(spread_of(other, cells, agg))
    return found


def _of_blocks(table: MatrixTable, cells: float, single: tuple[float, ...], ordered: Known) -> tuple[float, ...]:
    """Return the quantiles of the means of blocks, between those that are known of smaller and of larger ones."""
    native = {float(level.rows * level.cols): level.quantiles for level in table.manifest.levels}
    native |= {float(entry["cells"]): tuple(entry["quantiles"]) for entry in table.manifest.facts.get("means") or ()}
    known = ordered or native
    known = {1.0: single, **{size: found for size, found in sorted(known.items()) if len(found) == len(single)}}
    sizes = np.log([*known])
    place = np.interp(np.log(cells), sizes, np.arange(len(sizes)))
    below, rest = int(place), place % 1
    tables = [np.asarray(found, np.float64) for found in known.values()]
    found = tables[below] if rest == 0 else tables[below] * (1 - rest) + tables[below + 1] * rest
    return tuple(found.tolist())


def heat_frame(table: MatrixTable, view: View, look: HeatLook | None = None) -> HeatFrame:
    """Return the picture of a part of a matrix.

    Parameters
    ----------
    table : MatrixTable
    view : View
        Places of columns (x) and rows (y) in the order shown, and the pixels of the screen.
    look : HeatLook, optional
    """
    look = look or HeatLook()
    window = window_of(view, look.shape(table))
    if window is None:
        return _nothing(table, view, look)
    return dressed_heat(table, window, look, grid_of(table, window.view, look))


def quick_heat(table: MatrixTable, view: View, look: HeatLook) -> HeatFrame | None:
    """Return about what `heat_frame` returns; None where that takes no time."""
    window, agg = window_of(view, look.shape(table)), statistic_of(table, look.style)
    if window is None or known_grid(table, window.view, look) is not None:
        return None
    grid = quick_matrix(table, window.view, "max" if agg == "extreme" else agg, look.rows, look.cols)
    return None if grid is None else dressed_heat(table, window, look, grid)


def grid_of(table: MatrixTable, view: View, look: HeatLook) -> xr.DataArray:
    """Return the numbers of a picture; kept, because another palette needs them again."""
    agg = statistic_of(table, look.style)
    if agg == "extreme":
        center = look.style.center if look.style.center is not None else shared_spread(table, look).mean
        key = (*_key_of(table, view, look), agg, center)
        return _grids.get(key, lambda: _furthest(table, view, look, center))
    return _grids.get((*_key_of(table, view, look), agg), lambda: aggregate_matrix(table, view, agg, look.rows, look.cols))


def known_grid(table: MatrixTable, view: View, look: HeatLook) -> xr.DataArray | None:
    """Return the numbers of a picture if they are kept."""
    agg = statistic_of(table, look.style)
    return None if agg == "extreme" else _grids.peek((*_key_of(table, view, look), agg))


def statistic_of(table: MatrixTable, style: MatrixStyle) -> str:
    """Return the statistic that a pixel shows: of categories always the most frequent one."""
    if table.kind == "category":
        return "mode"
    return "mean" if style.agg == "mode" else style.agg


def _key_of(table: MatrixTable, view: View, look: HeatLook) -> tuple[Any, ...]:
    return table.folder.url, table.manifest.fingerprint, view, look.rows, look.cols


def _furthest(table: MatrixTable, view: View, look: HeatLook, center: float) -> xr.DataArray:
    low, high = (aggregate_matrix(table, view, agg, look.rows, look.cols) for agg in ("min", "max"))
    return high.copy(data=np.where(high.to_numpy() - center >= center - low.to_numpy(), high.to_numpy(), low.to_numpy()))


def window_of(view: View, shape: tuple[int, int]) -> Window | None:
    """Return what a picture shows of a matrix of this shape; None where nothing of it is in view."""
    x = _side(*view.x_range, view.width, shape[1])
    y = _side(*view.y_range, view.height, shape[0])
    if x is None or y is None:
        return None
    return Window(View(x[0], y[0], x[1], y[1]), (y[2], x[2]), (y[3], x[3]))


def _side(low: float, high: float, pixels: int, size: int) -> tuple[tuple[float, float], int, int, int] | None:
    """Return ends, pixels, number of the first pixel and growth along one axis."""
    first, last = max(0, int(np.floor(low))), min(size, int(np.ceil(high)))
    if last <= first:
        return None
    step = float(f"{(high - low) / pixels:.12g}")  # panning changes its last digits
    if step <= 1:
        return (first, last), last - first, first, max(1, min(round(1 / step), _GROWN // (last - first)))
    first, last = max(0, int(np.floor(low / step + 1e-6))), int(np.ceil(min(high, size) / step - 1e-6))
    return (first * step, last * step), last - first, first, 1


def dressed_heat(table: MatrixTable, window: Window, look: HeatLook, grid: xr.DataArray) -> HeatFrame:
    """Return a grid in the colours of a look."""
    style, dark = look.style, look.style.dark
    agg, (x0, x1, y0, y1) = statistic_of(table, style), grid.attrs["bounds"]
    cells = tuple(max(1.0, float(one)) for one in grid.attrs["cells"])
    shown = {name: grid.attrs.get(name, usual) for name, usual in (("exact", True), ("error", 0.0), ("level", 0))}
    rows, cols = look.shape(table)
    count = round((min(x1, cols) - max(x0, 0)) * (min(y1, rows) - max(y0, 0)))
    drawing = partial(Drawing, (x0, x1, -y1, -y0), count, spread=0, **shown)
    if agg == "mode":
        tones, totals = category_tones(grid.to_numpy(), window)
        names = table.manifest.categories
        entries = partial(legend.of_categories, names, totals[: len(names)], dark)
        made = drawing(tones=tones, totals=totals)
        return HeatFrame(made, category_heat_table(len(names), dark), _title(table, agg, cells), lambda: (entries(), None), grid, None, cells)  # type: ignore[arg-type]
    spread, palette = shared_spread(table, look, cells[0] * cells[1], agg), palette_of(style)
    scale = scale_for(spread, style, cells[0] * cells[1], agg)
    title = _title(table, agg, cells)
    bar = partial(heat_bar, scale, palette, spread, title, dark)
    made = drawing(tones=Tones(_upright(grid.to_numpy(), scale, window)), span=(scale.low, scale.high))
    return HeatFrame(made, heat_table(palette, dark), title, lambda: ((), bar()), grid, scale, cells)  # type: ignore[arg-type]


def _title(table: MatrixTable, agg: str, cells: tuple[float, ...]) -> str:
    what = str(table.manifest.report.get("value") or "value")
    return what if max(cells) <= 1 and agg not in ("count", "std") else f"{STATISTICS[agg]} {what}" if agg != "count" else STATISTICS[agg]


def _upright(values: NDArray[Any], scale: HeatScale, window: Window) -> NDArray[np.uint8]:
    """Return the tones of a grid with the first row on top, which is the last of the picture."""
    found, origin = values, window.origin
    if max(window.grow) > 1 and np.isnan(values).any():  # stripes are as wide as everywhere else
        found = np.repeat(np.repeat(values, window.grow[0], axis=0), window.grow[1], axis=1)
        origin = (origin[0] * window.grow[0], origin[1] * window.grow[1])
    return np.ascontiguousarray(tones_of(found, scale, origin)[::-1])


def category_tones(planes: NDArray[Any], window: Window) -> tuple[Tones, NDArray[np.int64]]:
    """Return the tones of the most frequent categories, and the cells of the pixels where each is that.

    Parameters
    ----------
    planes : ndarray, shape (height, width, 3)
        Code, its count, and the count of all cells with a value.
    window : Window
    """
    code, count, total = planes[..., 0], planes[..., 1], planes[..., 2]
    there = total > 0
    share = np.where(there, count / np.maximum(total, 1), np.nan)
    tone = _upright(share, HeatScale("linear", 0.0, 1.0), window)
    hue = np.where(there, code % HUES, 0).astype(np.uint8)
    if tone.shape != hue.shape:
        hue = np.repeat(np.repeat(hue, window.grow[0], axis=0), window.grow[1], axis=1)
    totals = np.bincount(code[there].astype(np.int64).ravel(), weights=total[there].ravel()).astype(np.int64)
    return Tones(tone, np.ascontiguousarray(hue[::-1])), totals


def _nothing(table: MatrixTable, view: View, look: HeatLook) -> HeatFrame:
    """Return the picture beside the matrix."""
    (x0, x1), (y0, y1) = view.x_range, view.y_range
    style = look.style
    drawing = Drawing((x0, x1, -y1, -y0), 0, True, 0.0, 0, 0, Tones(np.zeros((1, 1), np.uint8)), span=(0.0, 1.0))
    agg, spread = statistic_of(table, style), shared_spread(table, look)
    scale = None if agg == "mode" else scale_for(spread, style, 1.0, agg)
    bar = None if scale is None else heat_bar(scale, palette_of(style), spread, _title(table, agg, (1.0,)), style.dark)
    entries: tuple[LegendEntry, ...] = ()
    return HeatFrame(drawing, heat_table(palette_of(style), style.dark), "", lambda: (entries, bar), None, scale, (1.0, 1.0))


_grids: "Recent[xr.DataArray]" = Recent(lambda grid: grid.nbytes, lambda: limits().frame_bytes)


def forget_heat() -> None:
    """Forget what was drawn, to measure or to test."""
    _grids.clear()
