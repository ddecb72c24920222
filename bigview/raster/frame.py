"""frame(): the picture of a view, the one function that every door calls.

A frame is drawn in two steps: a drawing says what each pixel shows, and is kept; its colours come from the palette and the theme, and cost nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bigview.config import limits
from bigview.errors import OptionError
from bigview.raster import legend, tones
from bigview.raster.aggregate import Grid, aggregate, dominant_counts
from bigview.raster.legend import ColorBar, LegendEntry
from bigview.raster.palettes import DEFAULTS
from bigview.raster.scale import Grading, Scale, radius_at, scale_of, zoom_of
from bigview.raster.shade import Picture, coloured, shade_mix, table_of
from bigview.raster.spread import spread
from bigview.raster.tones import Tones
from bigview.spec import By, Filters, Style, View, Where
from bigview.store.points import PointTable
from bigview.store.recent import Recent


@dataclass(frozen=True, eq=False)
class Drawing:
    """What a frame shows, before it has colours.

    Attributes
    ----------
    bounds : (x0, x1, y0, y1)
        Values at the outer edges of the picture.
    count : int
        Rows in the picture.
    exact : bool
        Whether every row is counted.
    error : float
        The furthest that a row may be drawn from its place, in pixels.
    level : int
        Level of the cells that were drawn; −1 for rows.
    spread : int
        Radius in pixels to which lone rows grow.
    tones : Tones or None
        None for mixed colours.
    mixed : ndarray of uint32 or None
        Mixed colours.
    scale : Scale or None
        Of a density.
    span : (low, high) or None
        Limits of the colours of numbers.
    totals : ndarray of int64 or None
        Rows of each category, by code.
    context : bool
        Whether the last hue stands for rows that are not selected.
    share : float
        Of the rows, those that were looked at: below 1 the counts are estimates from a sample.
    """

    bounds: tuple[Any, Any, Any, Any]
    count: int
    exact: bool
    error: float
    level: int
    spread: int
    tones: Tones | None = field(default=None, repr=False)
    mixed: Picture | None = field(default=None, repr=False)
    scale: Scale | None = field(default=None, repr=False)
    span: tuple[float, float] | None = None
    totals: NDArray[np.int64] | None = field(default=None, repr=False)
    context: bool = False
    share: float = 1.0

    @property
    def nbytes(self) -> int:
        """Bytes of the pixels."""
        parts = (self.mixed, *((self.tones.tone, self.tones.hue) if self.tones is not None else ()))
        return sum(part.nbytes for part in parts if part is not None)


@dataclass(frozen=True, eq=False)
class Frame:
    """A picture and what is needed to read it.

    Attributes
    ----------
    drawing : Drawing
    table : ndarray of uint32, shape (hues, 256), or None
        The colours of the drawing's tones; None for mixed colours.
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
    spread : int
        Radius in pixels to which lone rows have grown.
    share : float
        Of the rows, those that were looked at: below 1 the counts are estimates from a sample.
    title : str
        What the colours stand for.
    colorbar : ColorBar or None
    legend : tuple of LegendEntry
        Categories in the picture, the most frequent one first; empty for other colours.
    rgba : ndarray of uint32, shape (height, width)
        Each pixel red | green << 8 | blue << 16 | alpha << 24; row 0 is the lowest y; empty pixels are 0. Read-only, because shared.
    """

    drawing: Drawing
    table: NDArray[np.uint32] | None = field(repr=False)
    title: str
    _read: Callable[[], tuple[tuple[LegendEntry, ...], ColorBar | None]] = field(repr=False)

    @property
    def x_range(self) -> tuple[Any, Any]:  # noqa: D102
        return self.drawing.bounds[:2]

    @property
    def y_range(self) -> tuple[Any, Any]:  # noqa: D102
        return self.drawing.bounds[2:]

    @property
    def count(self) -> int:  # noqa: D102
        return self.drawing.count

    @property
    def exact(self) -> bool:  # noqa: D102
        return self.drawing.exact

    @property
    def error(self) -> float:  # noqa: D102
        return self.drawing.error

    @property
    def level(self) -> int:  # noqa: D102
        return self.drawing.level

    @property
    def spread(self) -> int:  # noqa: D102
        return self.drawing.spread

    @property
    def share(self) -> float:  # noqa: D102
        return self.drawing.share

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        tones, mixed = self.drawing.tones, self.drawing.mixed
        height, width = (tones.tone if tones is not None else np.asarray(mixed)).shape
        return height, width

    @cached_property
    def _key(self) -> tuple[tuple[LegendEntry, ...], ColorBar | None]:
        return self._read()

    @property
    def legend(self) -> tuple[LegendEntry, ...]:  # noqa: D102
        return self._key[0]

    @property
    def colorbar(self) -> ColorBar | None:  # noqa: D102
        return self._key[1]

    @cached_property
    def flat(self) -> Picture:
        """The picture before lone rows have grown."""
        if self.drawing.tones is None or self.table is None:
            return np.asarray(self.drawing.mixed)
        return coloured(self.drawing.tones, self.table)

    @cached_property
    def rgba(self) -> Picture:  # noqa: D102
        picture = spread(self.flat, self.spread)
        picture.setflags(write=False)
        return picture


def frame(table: PointTable, view: View, style: Style | None = None, where: Where = None, selected: Where = None) -> Frame:
    """Return the picture of a view.

    Parameters
    ----------
    table : PointTable
    view : View
    style : Style, optional
    where : str or Filter, optional
        Only rows that pass. The colour of a count stays what it is without the filter.
    selected : str or Filter, optional
        Only these of them have colours; pixels without one are grey.
    """
    style, filters, chosen = style or Style(), Filters.of(where), Filters.of(selected)
    return dressed(table, _drawings.get(_key_of(table, view, style, filters, chosen), lambda: drawn(table, view, style, filters, chosen)), style)


def kept(table: PointTable, view: View, style: Style, where: Where = None, selected: Where = None) -> bool:
    """Tell whether a frame is drawn already."""
    return _drawings.peek(_key_of(table, view, style, Filters.of(where), Filters.of(selected))) is not None


def _key_of(table: PointTable, view: View, style: Style, *filters: Filters) -> tuple[Any, ...]:
    shape = style if style.mix else replace(style, palette=None, dark=True)
    return table.reader.folder.url, table.manifest.fingerprint, view, shape, *filters


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


def kind_of_drawing(drawing: Drawing) -> str:
    """Return what the tones of a drawing stand for: "count", "category" or "number"."""
    return "count" if drawing.scale is not None else "number" if drawing.span is not None else "category"


def drawn(table: PointTable, view: View, style: Style, where: Filters, selected: Filters) -> Drawing:
    """Draw a view."""
    draw: Callable[..., Drawing] = {"count": _density, "category": _categories, "number": _numbers}[kind_of(table, style)]
    if not selected:
        return draw(table, view, style, where)
    shown = draw(table, view, style, where & selected)
    if shown.tones is None:
        return shown
    return context_drawing(table, shown, style, aggregate(table, view, "count", where))


def context_drawing(table: PointTable, shown: Drawing, style: Style, around: xr.DataArray | Grid) -> Drawing:
    """Return a drawing whose empty pixels show in grey what `around` counts."""
    if shown.tones is None:
        raise AssertionError("mixed colours have no context")
    rows = len(table_of(kind_of_drawing(shown), _colours_of(table, style), style.dark, context=False))
    return replace(shown, tones=tones.with_context(shown.tones, around.to_numpy(), scale_for(table, around, style), rows), context=True)


def _colours_of(table: PointTable, style: Style) -> str | int:
    """Return what `table_of` makes a style's colours from."""
    kind = kind_of(table, style)
    if kind == "category":
        return len(table.reader.categories(str(style.by)))
    return style.palette or DEFAULTS["density" if kind == "count" else "numbers"]


def dressed(table: PointTable, drawing: Drawing, style: Style) -> Frame:
    """Return a drawing in the colours of a style."""
    kind, dark, colours = kind_of(table, style), style.dark, _colours_of(table, style)
    palette = str(colours)
    used = None if drawing.tones is None else table_of(kind, colours, dark, drawing.context)
    if kind == "count" and drawing.scale is not None:
        bar = partial(legend.of_counts, drawing.scale, palette, dark)
        return Frame(drawing, used, "rows per pixel", lambda: ((), bar()))
    column = table.manifest.column(str(style.by))
    if kind == "number" and drawing.span is not None:
        bar = partial(legend.of_numbers, column, drawing.span, palette, dark)
        return Frame(drawing, used, f"mean {column.name}", lambda: ((), bar()))
    names = table.reader.categories(column.name)
    totals = np.zeros(len(names), np.int64) if drawing.totals is None else drawing.totals
    entries = partial(legend.of_categories, names, totals, dark)
    return Frame(drawing, used, column.name, lambda: (entries(), None))


def _density(table: PointTable, view: View, style: Style, where: Filters) -> Drawing:
    grid = aggregate(table, view, "count", where)
    scale = scale_for(table, grid, style)
    return drawing_of(table, grid, style, int(grid.sum(dtype=np.int64)), tones=tones.of_counts(grid.to_numpy(), scale), scale=scale)


def _numbers(table: PointTable, view: View, style: Style, where: Filters) -> Drawing:
    column = table.manifest.column(str(style.by))
    grid = aggregate(table, view, f"mean:{column.name}", where)
    # Only where values are missing may a pixel have rows and no mean.
    counts = aggregate(table, view, "count", where).to_numpy() if column.missing else ~np.isnan(grid.to_numpy())
    span = style.limits or legend.number_limits(table, column, style.clip)
    x0, x1, y0, y1 = grid.attrs["bounds"]
    count = table.count(View((x0, x1), (y0, y1)), where)
    return drawing_of(table, grid, style, count, tones=tones.of_numbers(grid.to_numpy(), counts, span), span=span)


def _categories(table: PointTable, view: View, style: Style, where: Filters) -> Drawing:
    if style.mix:
        return _mixed(table, view, style, where)
    column = str(style.by)
    grid, totals = dominant_counts(table, view, column, where)
    return category_drawing(table, grid, style, totals)


def category_drawing(table: PointTable, grid: xr.DataArray | Grid, style: Style, totals: NDArray[np.int64]) -> Drawing:
    """Return the drawing of the planes of `bigview.dominant`."""
    planes, names = grid.to_numpy(), table.reader.categories(str(style.by))
    shown = tones.of_dominant(planes, len(names), scale_for(table, grid, style))
    return drawing_of(table, grid, style, int(planes[:, :, 2].sum()), tones=shown, totals=totals)


def _mixed(table: PointTable, view: View, style: Style, where: Filters) -> Drawing:
    column = str(style.by)
    names = table.reader.categories(column).tolist()
    top = _most_planes(view, len(names))
    grid = aggregate(table, view, By(column, top), where)
    total = aggregate(table, view, "count", where).to_numpy()
    rgba = shade_mix(grid.to_numpy()[:, :, : top or len(names)], total, scale_for(table, grid, style), style.dark)
    x0, x1, y0, y1 = grid.attrs["bounds"]
    found = table.category_counts(column, View((x0, x1), (y0, y1)), where).to_dict()
    totals = np.array([found.get(name, 0) for name in names], np.int64)
    return drawing_of(table, grid, style, int(total.sum(dtype=np.int64)), mixed=rgba, totals=totals)


def _most_planes(view: View, categories: int) -> int | None:
    """Return how many categories fit into memory beside a plane for the others; None for all."""
    fit = limits().result_bytes // (view.width * view.height * 4)
    return None if categories <= fit else max(1, fit - 1)


def drawing_of(table: PointTable, grid: xr.DataArray | Grid, style: Style, count: int, **shown: Any) -> Drawing:
    """Return the drawing of a grid."""
    facts = {name: grid.attrs[name] for name in ("bounds", "exact", "error", "level")}
    spread = max(0, style.spread) if style.spread is not None else radius_at(table.manifest, _zoom(table, grid.attrs["bounds"], grid.shape))
    return Drawing(count=count, spread=spread, **facts, **shown)


def _zoom(table: PointTable, bounds: tuple[Any, Any, Any, Any], shape: tuple[int, ...]) -> float:
    x, y = table.manifest.x, table.manifest.y
    across, along = x.position(bounds[1]) - x.position(bounds[0]), y.position(bounds[3]) - y.position(bounds[2])
    return zoom_of(table.manifest, across / shape[1], along / shape[0])


def scale_for(table: PointTable, grid: xr.DataArray | Grid, style: Style) -> Scale:
    """Return the scale of a grid's counts: that of the store at the grid's zoom."""
    return scale_of(table.manifest, _zoom(table, grid.attrs["bounds"], grid.shape), Grading(style.scale, style.clip, style.gain))


_drawings: "Recent[Drawing]" = Recent(lambda drawing: drawing.nbytes, lambda: limits().frame_bytes)


def forget_frames() -> None:
    """Forget what was drawn, to measure or to test."""
    _drawings.clear()
