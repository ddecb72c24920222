"""frame(): the picture of a view, the one function that every door calls."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import xarray as xr

from bigview.config import limits
from bigview.errors import BigviewError, OptionError
from bigview.raster import legend
from bigview.raster.aggregate import aggregate, dominant_counts
from bigview.raster.legend import ColorBar, LegendEntry
from bigview.raster.palettes import DEFAULTS
from bigview.raster.scale import Scale, radius_at, scale_of, zoom_of
from bigview.raster.shade import Picture, shade_counts, shade_dominant, shade_mix, shade_numbers
from bigview.raster.spread import spread
from bigview.spec import By, Filters, Style, View, Where
from bigview.store.points import PointTable


@dataclass(frozen=True, eq=False)
class Frame:
    """A picture and what is needed to read it.

    Attributes
    ----------
    rgba : ndarray of uint32, shape (height, width)
        Each pixel red | green << 8 | blue << 16 | alpha << 24; row 0 is the lowest y; empty pixels are 0.
    x_range, y_range : (low, high)
        Values at the outer edges of the picture.
    count : int
        Rows in the picture.
    exact : bool
        Whether every row is counted.
    error : float
        The furthest that a row may be drawn from its place, in pixels.
    level : int
        Level of the cells that were drawn; −1 for rows.
    legend : tuple of LegendEntry
        Categories in the picture, the most frequent one first; empty for other colours.
    colorbar : ColorBar or None
    title : str
        What the colours stand for.
    spread : int
        Radius in pixels to which lone rows have grown.
    """

    rgba: Picture = field(repr=False)
    x_range: tuple[Any, Any]
    y_range: tuple[Any, Any]
    count: int
    exact: bool
    error: float
    level: int
    legend: tuple[LegendEntry, ...] = ()
    colorbar: ColorBar | None = None
    title: str = ""
    spread: int = 0


def frame(table: PointTable, view: View, style: Style | None = None, where: Where = None) -> Frame:
    """Return the picture of a view.

    Parameters
    ----------
    table : PointTable
    view : View
    style : Style, optional
    where : str or Filter, optional
        Only rows that pass. The colour of a count stays what it is without the filter.

    Returns
    -------
    Frame
        Shared with other callers: its arrays are read-only.
    """
    style, filters = style or Style(), Filters.of(where)
    key = (table.reader.folder.url, table.manifest.fingerprint, view, style, filters)
    return _frames.get(key, lambda: _drawn(table, view, style, filters))


def kind_of(table: PointTable, style: Style) -> str:
    """Return what a style's colours stand for: "count", "category" or "number"."""
    if style.by is None:
        return "count"
    kind = table.manifest.column(style.by).kind
    if kind in ("category", "boolean"):
        return "category"
    if kind in ("number", "integer", "datetime"):
        return "number"
    raise OptionError(f"Column {style.by!r} holds {kind}, which gives no colours; take a category, boolean, number or datetime column.")


def _drawn(table: PointTable, view: View, style: Style, where: Filters) -> Frame:
    draw = {"count": _density, "category": _categories, "number": _numbers}[kind_of(table, style)]
    shown = draw(table, view, style, where)
    radius = _radius(table, shown, view, style)
    rgba = spread(shown.rgba, radius)
    rgba.setflags(write=False)
    return replace(shown, rgba=rgba, spread=radius)


def _density(table: PointTable, view: View, style: Style, where: Filters) -> Frame:
    grid = aggregate(table, view, "count", where)
    scale = _scale(table, grid, style)
    palette = style.palette or DEFAULTS["density"]
    rgba = shade_counts(grid.to_numpy(), scale, palette, style.dark)
    return _framed(rgba, grid, int(grid.sum(dtype=np.int64)), colorbar=legend.of_counts(scale, palette, style.dark), title="rows per pixel")


def _numbers(table: PointTable, view: View, style: Style, where: Filters) -> Frame:
    column = table.manifest.column(str(style.by))
    grid = aggregate(table, view, f"mean:{column.name}", where)
    # Only where values are missing may a pixel have rows and no mean.
    counts = aggregate(table, view, "count", where).to_numpy() if column.missing else ~np.isnan(grid.to_numpy())
    span = legend.number_limits(table, column)
    palette = style.palette or DEFAULTS["numbers"]
    rgba = shade_numbers(grid.to_numpy(), counts, span, palette, style.dark)
    bar = legend.of_numbers(column, span, palette, style.dark)
    framed = _framed(rgba, grid, 0, colorbar=bar, title=f"mean {column.name}")
    return replace(framed, count=table.count(View(framed.x_range, framed.y_range), where))


def _categories(table: PointTable, view: View, style: Style, where: Filters) -> Frame:
    column = str(style.by)
    names = table.reader.categories(column)
    if style.mix:
        return _mixed(table, view, style, where)
    grid, totals = dominant_counts(table, view, column, where)
    planes = grid.to_numpy()
    rgba = shade_dominant(planes, len(names), _scale(table, grid, style), style.dark)
    entries = legend.of_categories(names, totals, style.dark)
    return replace(_framed(rgba, grid, int(planes[:, :, 2].sum()), title=column), legend=entries)


def _mixed(table: PointTable, view: View, style: Style, where: Filters) -> Frame:
    column = str(style.by)
    names = table.reader.categories(column).tolist()
    top = _most_planes(view, len(names))
    grid = aggregate(table, view, By(column, top), where)
    total = aggregate(table, view, "count", where).to_numpy()
    rgba = shade_mix(grid.to_numpy()[:, :, : top or len(names)], total, _scale(table, grid, style), style.dark)
    framed = _framed(rgba, grid, int(total.sum(dtype=np.int64)), title=column)
    inside = View(framed.x_range, framed.y_range)
    found = table.category_counts(column, inside, where).to_dict()
    entries = legend.of_categories(names, np.array([found.get(name, 0) for name in names], np.int64), style.dark)
    return replace(framed, legend=entries)


def _most_planes(view: View, categories: int) -> int | None:
    """Return how many categories fit into memory beside a plane for the others; None for all."""
    fit = limits().result_bytes // (view.width * view.height * 4)
    return None if categories <= fit else max(1, fit - 1)


def _framed(rgba: Picture, grid: xr.DataArray, count: int, colorbar: ColorBar | None = None, title: str = "") -> Frame:
    x0, x1, y0, y1 = grid.attrs["bounds"]
    facts = {name: grid.attrs[name] for name in ("exact", "error", "level")}
    return Frame(rgba, (x0, x1), (y0, y1), count, colorbar=colorbar, title=title, **facts)


def _zoom(table: PointTable, bounds: tuple[Any, Any, Any, Any], shape: tuple[int, ...]) -> float:
    x, y = table.manifest.x, table.manifest.y
    across, along = x.position(bounds[1]) - x.position(bounds[0]), y.position(bounds[3]) - y.position(bounds[2])
    return zoom_of(table.manifest, across / shape[1], along / shape[0])


def _scale(table: PointTable, grid: xr.DataArray, style: Style) -> Scale:
    return scale_of(table.manifest, _zoom(table, grid.attrs["bounds"], grid.shape), style.scale)


def _radius(table: PointTable, shown: Frame, view: View, style: Style) -> int:
    if style.spread is not None:
        return max(0, style.spread)
    return radius_at(table.manifest, _zoom(table, (*shown.x_range, *shown.y_range), (view.height, view.width)))


class FrameCache:
    """The last frames, within `limits().frame_bytes`. Who asks for a frame that is being drawn waits for that one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Any, Frame] = OrderedDict()
        self._drawing: dict[Any, Future[Frame]] = {}

    def get(self, key: Any, draw: Callable[[], Frame]) -> Frame:
        """Return the frame of a key, drawn if it is not there."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            waiting = self._drawing.get(key)
            if waiting is None:
                mine = self._drawing[key] = Future()
        if waiting is not None:
            return _shared(waiting)
        return self._draw(key, mine, draw)

    def _draw(self, key: Any, mine: "Future[Frame]", draw: Callable[[], Frame]) -> Frame:
        try:
            made = draw()
        except BaseException as error:
            with self._lock:
                del self._drawing[key]
            mine.set_exception(error)
            raise
        with self._lock:
            del self._drawing[key]
            self._kept[key] = made
            while sum(kept.rgba.nbytes for kept in self._kept.values()) > limits().frame_bytes:
                self._kept.popitem(last=False)
        mine.set_result(made)
        return made

    def clear(self) -> None:
        """Forget every frame."""
        with self._lock:
            self._kept.clear()


def _shared(waiting: "Future[Frame]") -> Frame:
    error = waiting.exception()
    if isinstance(error, BigviewError):  # each thread raises its own, with its own traceback
        raise type(error)(*error.args) from error
    return waiting.result()


_frames = FrameCache()


def forget_frames() -> None:
    """Forget the finished frames, to measure or to test."""
    _frames.clear()
