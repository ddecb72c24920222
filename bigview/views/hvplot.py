"""`store.hvplot`: plots of a store by hvPlot's own keywords, with defaults for large data."""

from collections.abc import Sequence
from typing import Any, NoReturn

import datashader as ds
import holoviews as hv
import numpy as np
import panel as pn
from holoviews.operation.datashader import datashade, dynspread, rasterize
from holoviews.streams import PlotSize, RangeXY
from hvplot import post_patch
from hvplot.plotting.core import hvPlotTabular
from hvplot.util import filter_opts
from PIL import ImageColor

from bigview.errors import OptionError
from bigview.raster.palettes import category_colours, hexes
from bigview.raster.reductions import reduction_of
from bigview.spec import Filters, Style
from bigview.store.points import PointTable
from bigview.views import keywords
from bigview.views.framed import frame_store, keys_hook
from bigview.views.register import register
from bigview.views.subset import Subset

WIDTH, HEIGHT = 700, 500
"""Pixels of a plot without a size: hvPlot's width, and a height that suits a map."""

_MOST_GROUPS = 12  # histograms over each other: more colours cannot be told apart


class Plots:
    """Plots of one store.

    Called as a function it draws `points`. Keywords are hvPlot's, with `where` (SQL or `bigview.Filter`) for a part of the store.
    """

    def __init__(self, table: PointTable) -> None:
        self._table = table

    def __call__(self, x: str | None = None, y: str | None = None, kind: str = "points", **given: Any) -> Any:
        """Draw a kind of plot: "points", "scatter", "hist" or "table"."""
        if kind not in keywords.KINDS:
            self._no_kind(kind)
        if kind in ("points", "scatter"):
            return getattr(self, kind)(x, y, **given)
        return getattr(self, kind)(**({} if y is None else {"y": y}), **given)

    def __dir__(self) -> list[str]:
        return [*keywords.KINDS]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._no_kind(name)

    @staticmethod
    def _no_kind(kind: str) -> NoReturn:
        more = " Use store.explore() for a map with controls." if kind == "explorer" else ""
        # An AttributeError too, so that hasattr() and completion work.
        raise NoKindError(f"store.hvplot.{kind} does not exist: it would read whole columns. There are: {', '.join(keywords.KINDS)}.{more}")

    def points(self, x: str | None = None, y: str | None = None, **given: Any) -> Any:
        """Draw all rows as a map.

        Parameters
        ----------
        x, y : str, optional
            The store's axes, which are the default.
        **given
            by : a category column that gives the colours, with a legend; c : a number column whose mean gives them, with a colour bar; cmap,
            cnorm, colorbar, dynspread, max_px, hover_cols; where : which rows; sizes, titles, axes, legends and tools as in hvPlot. With
            rasterize, datashade, aggregator, selector or clim HoloViews makes the raster, and colours follow the view.
        """
        return self._map("points", x, y, given)

    def scatter(self, x: str | None = None, y: str | None = None, **given: Any) -> Any:
        """Draw all rows as a scatter plot: the same as `points`."""
        return self._map("scatter", x, y, given)

    def hist(self, y: str | Sequence[str] | None = None, **given: Any) -> Any:
        """Draw the histogram of a number or datetime column, or of several over each other, counted in the store.

        Parameters
        ----------
        y : str or sequence of str, optional
            The first column of numbers that is not an axis by default.
        **given
            bins (20), by (a category column: a histogram for each), normed, cumulative, where, and hvPlot's plot options.
        """
        keywords.check("hist", given)
        names = [y] if isinstance(y, str) else list(y or [self._first_number()])
        plots: dict[str, Any] = {}
        colours = _category_colours(self._table, given.get("by"), _is_dark(given.get("bgcolor")))
        for name in names:
            for label, condition in self._groups(given.get("by")):
                key = name if label is None else label if len(names) == 1 else f"{name} {label}"
                plots[key] = self._histogram(name, Filters.of(given.get("where"), condition), given)
                if label in colours:
                    plots[key] = plots[key].opts(hv.opts.Histogram(color=colours[label]))
        first = self._table.records(np.empty(0, np.int64), [names[0]])
        options = keywords.plot_options("hist", given, first, (None, names[0]))  # type: ignore[arg-type]
        style: dict[str, Any] = {name: given[name] for name in ("color", "alpha") if name in given}
        if len(plots) > 1:
            style = {"alpha": 0.6, **style}
            drawn = hv.NdOverlay(plots, kdims=[str(given.get("by") or "column")])
            drawn = drawn.opts(hv.opts.NdOverlay(**filter_opts("NdOverlay", options)))
        else:
            drawn = next(iter(plots.values()))
        return drawn.opts(hv.opts.Histogram(**filter_opts("Histogram", {**options, **style})))

    def _histogram(self, name: str, where: Filters, given: dict[str, Any]) -> Any:
        found = self._table.histogram(name, bins=given.get("bins", 20), where=where)
        counts = found.counts.astype(float) if given.get("normed") else found.counts
        if given.get("normed"):
            widths = np.diff(found.edges.astype("i8") if found.edges.dtype.kind == "M" else found.edges)
            counts = counts / max(1, counts.sum()) / (1 if given["normed"] == "integral" else widths)
        if given.get("cumulative"):
            counts = np.cumsum(counts)
        return hv.Histogram((found.edges, counts), kdims=[name], vdims=["Density" if given.get("normed") else "Count"])

    def _groups(self, by: str | None) -> list[tuple[str | None, str | None]]:
        if by is None:
            return [(None, None)]
        values = self._table.category_counts(by).index[:_MOST_GROUPS]
        part = Subset.of(self._table).column(by)
        return [(str(value), (part == value).text()) for value in values]

    def _first_number(self) -> str:
        subset = Subset.of(self._table)
        numbers = [name for name, kind in subset.columns.items() if kind in ("number", "integer", "datetime")]
        return next((name for name in numbers if name not in subset.axes), numbers[0])

    def table(self, columns: Sequence[str] | None = None, **given: Any) -> Any:
        """Show rows as a table: the first hundred, or those that `where`, `view`, `sample`, `order_by`, `limit`, `offset` choose."""
        keywords.check("table", given)
        asked = {name: given.pop(name) for name in keywords.TABLE if name in given}
        return hvPlotTabular(self._table.rows(columns=columns, **asked)).table(**given)

    def _map(self, kind: str, x: str | None, y: str | None, given: dict[str, Any]) -> Any:
        keywords.check(kind, given)
        subset = Subset(self._table, Filters.of(given.pop("where", None)))
        axes = (x or subset.axes[0], y or (subset.axes[1] if x in (None, subset.axes[0]) else subset.axes[0]))
        for name in axes:
            subset.kind(name)
        given = _sized(given)
        element = (hv.Points if kind == "points" else hv.Scatter)(subset, *_dimensions(kind, subset, axes))
        by, number = self._colours(given)
        options = keywords.plot_options(kind, given, self._table.records(np.empty(0, np.int64)).drop(columns="__row"), axes)
        options.update(xlim=given.get("xlim", self._home(axes[0])), ylim=given.get("ylim", self._home(axes[1])))
        sampling = {
            "dynamic": given.get("dynamic", True),
            "streams": [PlotSize(), RangeXY(x_range=options["xlim"], y_range=options["ylim"])],
            "width": int(given.get("frame_width") or given.get("width") or WIDTH),
            "height": int(given.get("frame_height") or given.get("height") or HEIGHT),
        }
        if not sampling["dynamic"]:
            sampling.update(x_range=options["xlim"], y_range=options["ylim"])
        if keywords.is_raster(given) or axes != subset.axes:
            return _raster(element, (by, number), given, options, sampling)
        return _picture(element, by or number, given, options, sampling)

    def _colours(self, given: dict[str, Any]) -> tuple[str | None, str | None]:
        """The category column and the number column that give the colours."""
        found: dict[bool, str] = {}
        for name in (given.get("c", given.get("color")), given.get("by")):
            if name is None:
                continue
            name = name[0] if isinstance(name, (list, tuple)) and len(name) == 1 else name
            kind = Subset.of(self._table).kind(name) if isinstance(name, str) else "several columns"
            if kind not in ("category", "boolean", "number", "integer"):
                raise OptionError(f"{name!r} holds {kind}; colours come from one category, boolean or number column.")
            found[kind in ("category", "boolean")] = name
        return found.get(True), found.get(False)

    def _home(self, name: str) -> tuple[Any, Any]:
        subset = Subset.of(self._table)
        if name in subset.axes:
            low, high = self._table.home[subset.axes.index(name)]
            return (low, high)
        low, high = subset.range(name)
        return (low, high)


class NoKindError(OptionError, AttributeError):
    """A kind of plot that there is not."""


def _sized(given: dict[str, Any]) -> dict[str, Any]:
    if any(name in given for name in ("width", "height", "frame_width", "frame_height", "responsive", "aspect", "data_aspect")):
        return given
    return {**given, "width": WIDTH, "height": HEIGHT}


def _dimensions(kind: str, subset: Subset, axes: tuple[str, str]) -> tuple[Any, Any]:
    rest = [name for name in subset.columns if name not in axes]
    return ([*axes], rest) if kind == "points" else ([axes[0]], [axes[1], *rest])


def _picture(element: Any, by: str | None, given: dict[str, Any], options: dict[str, Any], sampling: dict[str, Any]) -> Any:
    """The same picture as the explorer's: colours keep their meaning while the view moves."""
    spread = 0 if given.get("dynspread") is False else given.get("max_px")
    palette = given.get("cmap", given.get("colormap"))
    style = Style(by=by, palette=palette, scale=given.get("cnorm", "eq_hist"), dark=_is_dark(given.get("bgcolor")), spread=spread)
    hover, asked = given.get("hover", True), given.get("hover_cols")
    columns = None if not hover else [*Subset.of(element.data).columns] if asked in (None, "all") else [asked] if isinstance(asked, str) else asked
    drawn = frame_store(element, style=style, columns=columns, **sampling)
    hook = keys_hook(legend=given.get("legend", True), colorbar=given.get("colorbar", True))
    return drawn.opts(hv.opts.RGB(**filter_opts("RGB", _with_hover({**options, "hooks": [hook]}, bool(hover)))))


def _raster(element: Any, colours: tuple[str | None, str | None], given: dict[str, Any], options: dict[str, Any], sampling: dict[str, Any]) -> Any:
    """HoloViews' own raster of the store, coloured in the browser or by Datashader."""
    by, number = colours
    aggregator = _aggregator(Subset.of(element.data), given.get("aggregator"), by, number)
    asked: dict[str, Any] = {name: given[name] for name in ("pixel_ratio", "x_sampling", "y_sampling", "precompute") if name in given}
    if given.get("selector") is not None:
        asked["selector"] = _selector(given["selector"])
    cmap = given.get("cmap", given.get("colormap"))
    if isinstance(aggregator, ds.by) and cmap is None and "color_key" not in given:
        key = _category_colours(Subset.of(element.data).table, aggregator.cat_column, _is_dark(given.get("bgcolor")))
        given, cmap = {**given, "color_key": key}, [*key.values()]
    norm = given.get("cnorm", "log" if given.get("logz") else "eq_hist")
    shaded = bool(given.get("datashade"))
    if shaded:
        asked.update(cnorm=norm, **({"cmap": cmap} if cmap is not None else {}))
        asked.update({name: given[name] for name in ("color_key", "rescale_discrete_levels") if name in given})
    drawn = (datashade if shaded else rasterize)(element, aggregator=aggregator, **asked, **sampling)
    if given.get("dynspread", True):
        drawn = dynspread(drawn, max_px=given.get("max_px", 3), threshold=given.get("threshold", 0.5), dynamic=sampling["dynamic"])
    kind = "RGB" if shaded else "ImageStack" if isinstance(aggregator, ds.by) else "Image"
    style = {} if shaded else {"cnorm": norm, "colorbar": given.get("colorbar", True), **({"cmap": cmap} if cmap is not None else {})}
    style.update({name: given[name] for name in ("clim", "alpha", "symmetric", "rescale_discrete_levels") if name in given})
    options = {**options, **style, "show_legend": given.get("legend", True) is not False}
    return drawn.opts(getattr(hv.opts, kind)(**filter_opts(kind, _with_hover(options, bool(given.get("hover", True))))))


def _with_hover(options: dict[str, Any], hover: bool) -> dict[str, Any]:
    tools = [tool for tool in options.get("tools", []) if tool != "hover"]
    return {**options, "tools": [*tools, "hover"] if hover else tools}


def _aggregator(subset: Subset, asked: Any, by: str | None, number: str | None) -> Any:
    """The reduction that hvPlot's keywords mean."""
    if asked is None:
        return ds.by(by) if by else ds.mean(number) if number else ds.count()
    if not isinstance(asked, str):
        return asked
    if asked in ("count_cat", "by"):
        return ds.by(by or number or "")
    column = number or by
    reduction_of(subset.table, asked if column is None else f"{asked}:{column}")
    return getattr(ds, asked)(column)


def _category_colours(table: PointTable, by: str | None, dark: bool) -> dict[str, str]:
    """The colour that each category has in every picture of the store."""
    if by is None:
        return {}
    names = table.reader.categories(by)
    return dict(zip(map(str, names), hexes(category_colours(len(names), dark)), strict=True))


def _selector(asked: Any) -> Any:
    name, *column = asked if isinstance(asked, tuple) else (asked,)
    if not isinstance(name, str):
        return name
    if name not in ("first", "last", "min", "max"):
        raise OptionError(f"selector must be 'first', 'last', ('min', column) or ('max', column), not {asked!r}.")
    return getattr(ds, name)(*column)


def _is_dark(colour: str | None) -> bool:
    """Whether a background is dark; without one, Panel's theme decides."""
    if colour is None:
        return bool(pn.config.theme == "dark")
    red, green, blue = ImageColor.getrgb(colour)[:3]
    return 0.299 * red + 0.587 * green + 0.114 * blue < 128


def accessor(table: PointTable) -> Plots:
    """Return the plots of a store; loads HoloViews' Bokeh side, and its part in a notebook, where that has not been done."""
    register()
    post_patch("bokeh", check_loaded=True)
    return Plots(table)
