"""`store.hvplot.heatmap` of a matrix: hvPlot's keywords, the store's colours, names on the axes; live in a notebook as every zoom is drawn anew."""

from dataclasses import replace
from difflib import get_close_matches
from typing import Any, NoReturn

import holoviews as hv
import numpy as np
import pandas as pd
from holoviews.plotting.util import process_cmap
from holoviews.streams import PlotSize, RangeXY
from hvplot import post_patch
from hvplot.util import filter_opts
from PIL import ImageColor

from bigview.errors import OptionError
from bigview.matrixspec import AGGS, MatrixStyle
from bigview.raster.heat import HeatFrame, HeatLook, heat_frame, locked_of
from bigview.raster.heatlegend import painted, palette_of
from bigview.raster.heatlook import first_style, shown_as
from bigview.raster.palettes import STEPS, has_palette, hexes, ramp
from bigview.spec import View
from bigview.store.matrix import MatrixTable
from bigview.views.framed import show_colorbar, show_legend
from bigview.views.heataxes import naming
from bigview.views.hvplot import NoKindError
from bigview.views.keywords import PLOT, plot_options

WIDTH, HEIGHT = 700, 500
"""Pixels of a plot without a size, as in `store.hvplot` of points."""

_OWN = (
    "agg", "aggregator", "reduce_function", "rows", "cols", "style", "center", "cmap", "colormap", "clim", "cnorm", "logz", "symmetric", "colorbar",
    "alpha", "rasterize", "locked", "x", "y", "C",
)  # fmt: skip
_NORMS = {"linear": "linear", "log": "log", "eq_hist": "quantile", "symlog": "symlog", "quantile": "quantile"}
_REASONS = {
    "by": "a matrix is one picture; take rows= or cols=, orders that put groups side by side",
    "groupby": "a matrix is one picture; take rows=store.order('rows', index=…) for a part of it",
    "datashade": "colours follow the store already",
    "where": "take rows=store.order('rows', index=…) for a part of it",
    "robust": "colours end at the store's 99th percentile already; clim= gives other ends",
    "hover_cols": "what is known of rows and columns is told by store.explore()",
}


class HeatPlots:
    """Plots of one matrix store: ``store.hvplot.heatmap(cmap="viridis", rows=ORDER)``."""

    def __init__(self, table: MatrixTable) -> None:
        self._table = table

    def __call__(self, x: Any = None, y: Any = None, kind: str = "heatmap", **given: Any) -> Any:
        """Draw `heatmap`, the one kind there is."""
        if kind != "heatmap":
            self._no_kind(kind)
        return self.heatmap(**{name: value for name, value in (("x", x), ("y", y)) if value is not None}, **given)

    def __dir__(self) -> list[str]:
        return ["heatmap"]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._no_kind(name)

    def _no_kind(self, kind: str) -> NoReturn:
        instead = {
            "image": "Take heatmap() of it, or rasterize(hv.Image(store)).",
            "quadmesh": "Take heatmap() of it, or rasterize(hv.QuadMesh(store)).",
            "explorer": "Take store.explore() for a map with controls.",
            "table": "Take store.rows.table() for what is known of rows, store.cells(rows, cols) for cells, store.export(file) for all of them.",
            "hist": "How its values are spread is in store.manifest.facts; take store.contrast(rows) for distributions.",
        }
        more = instead.get(kind, "Take the rows you mean with store.cells(rows, cols), and plot them with hvPlot.")
        raise NoKindError(f"store.hvplot.{kind} does not exist for a matrix: it would read every cell. There is heatmap. {more}")

    def heatmap(self, **given: Any) -> Any:
        """Draw the matrix; it is aggregated anew at every zoom.

        Parameters
        ----------
        **given
            hvPlot's keywords for axes, size, title, `cmap` (bigview's palettes and HoloViews' colour maps), `clim`, `cnorm` ("linear", "log",
            "eq_hist", "symlog"), `logz`, `symmetric`, `colorbar`, `alpha`, `dynamic` and `reduce_function` (or `agg`: mean, min, max, extreme, sum,
            count, std). Besides `rows`, `cols`: orders, or trees, of the store; `style`: a `bigview.MatrixStyle` that the others change; `locked`: a
            store, or a list of them, whose values the colours span too, so that a colour means the same in plots of each.

        Returns
        -------
        holoviews.DynamicMap
            Of Images; of RGBs, with a colour bar or a legend, for categories and for scales that Bokeh does not have. With ``dynamic=False`` the
            picture of the ranges given, as it is.
        """
        _check(given, self._table)
        ordered, across = shown_as(self._table, "rows", given.get("rows"))[0], shown_as(self._table, "cols", given.get("cols"))[0]
        look = HeatLook(_style(self._table, given), ordered, across, locked_of(given.get("locked")))
        colours = _colours(given, look)
        rows, cols = look.shape(self._table)
        size = int(given.get("width") or given.get("frame_width") or WIDTH), int(given.get("height") or given.get("frame_height") or HEIGHT)
        whole = (tuple(given.get("xlim") or (0, max(1, cols))), tuple(given.get("ylim") or (0, max(1, rows))))

        def draw(x_range: Any = None, y_range: Any = None, width: int | None = None, height: int | None = None, **_: Any) -> Any:
            x, y = _ends(x_range, whole[0]), _ends(y_range, whole[1])
            return self._drawn(View(x, y, int(width or size[0]), int(height or size[1])), look, given, colours)

        if given.get("dynamic") is False:
            return draw()
        return hv.DynamicMap(draw, streams=[RangeXY(), PlotSize(width=size[0], height=size[1])])

    def _drawn(self, view: View, look: HeatLook, given: dict[str, Any], colours: Any) -> Any:
        """Return the picture of a view as an element."""
        made = heat_frame(self._table, view, look)
        report = self._table.manifest.report
        dims = [str(report.get("cols") or "column"), str(report.get("rows") or "row")]
        options = _options(self._table, given, dims)
        free = tuple(side for side, ticks in (("cols", "xticks"), ("rows", "yticks")) if given.get(ticks) is None)
        options["hooks"] = [*options.get("hooks", ()), naming(self._table, view, look, free, given.get("rot") is None)]
        x0, x1, low, high = made.drawing.bounds
        bounds = (x0, -high, x1, -low)
        if made.scale is None or made.scale.mode not in ("linear", "log") or made.grid is None:
            if colours is not None and made.scale is not None and made.table is not None:
                made = replace(made, table=painted(made.table, colours))
            pixels = made.rgba[::-1]
            planes = [((pixels >> shift) & 255).astype("u1") for shift in (0, 8, 16, 24)]
            options["hooks"].append(_keys(made, colours, given))
            # HoloViews takes pictures from the top; its rows run against y, and the axis is inverted.
            return hv.RGB(np.dstack(planes)[::-1], dims, bounds=bounds).opts(**filter_opts("RGB", options, backend="bokeh"))
        values = hv.Image(made.grid.to_numpy()[::-1], dims, made.title or "value", bounds=bounds)
        palette = hexes(ramp(palette_of(look.style), look.dark) if colours is None else colours)
        options |= {"cmap": palette, "clim": (made.scale.low, made.scale.high), "cnorm": made.scale.mode, "colorbar": given.get("colorbar", True)}
        return values.opts(**filter_opts("Image", options, backend="bokeh"))


def _colours(given: dict[str, Any], look: HeatLook) -> Any:
    """Return the colours of a colour map that bigview does not have, shape (256, 3); None for its own palettes."""
    asked = given.get("cmap", given.get("colormap"))
    if asked is None or asked == look.style.palette:
        return None
    try:
        found = process_cmap(asked, STEPS) if isinstance(asked, str) else process_cmap(asked)
    except (TypeError, ValueError) as error:
        if isinstance(asked, str):
            ramp(asked, look.dark)  # says which ones there are
        raise OptionError(f"cmap must be a palette of bigview, a colour map of HoloViews or a list of colours, not {asked!r:.80}.") from error
    colours = np.array([ImageColor.getrgb(colour)[:3] for colour in found]) / 255.0
    return colours[np.arange(STEPS) * len(colours) // STEPS]  # a list is a colour for each of so many equal steps, as in Bokeh


def _keys(made: HeatFrame, colours: Any, given: dict[str, Any]) -> Any:
    """Return a hook that keeps the colour bar, or the legend, of a picture beside it."""

    def show(plot: Any, _: Any) -> None:
        if made.legend and given.get("legend", True) is not False:
            show_legend(plot, made, given["legend"] if isinstance(given.get("legend"), str) else "right")
        elif made.colorbar is not None and given.get("colorbar", True):
            show_colorbar(plot, made.colorbar if colours is None else replace(made.colorbar, colors=tuple(hexes(colours))))

    return show


def _ends(given: Any, usual: tuple[float, float]) -> tuple[float, float]:
    """Return a range in ascending order; an inverted axis reports it the other way round."""
    if given is None or any(end is None or end != end for end in given):
        return usual
    low, high = sorted(float(end) for end in given)
    return (low, high) if low < high else usual


def _check(given: dict[str, Any], table: MatrixTable) -> None:
    """Refuse keywords that make no sense for a matrix."""
    known = sorted({*_OWN, *PLOT} - set(_REASONS))
    value = str(table.manifest.report.get("value") or "value")
    for name, usual in (("x", ("columns", None)), ("y", ("index", None)), ("C", (value, "value", None))):
        if given.get(name) not in usual:
            raise OptionError(f"{name}={given[name]!r:.60} makes no sense: rows, columns and values are those of the matrix. Leave {name}= out.")
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f": {_REASONS[name]}." if name in _REASONS else f". Did you mean {near[0]}=?" if near else "."
            raise OptionError(f"{name}= makes no sense for store.hvplot.heatmap(){hint} There are: {', '.join(known)}.")


def _style(table: MatrixTable, given: dict[str, Any]) -> MatrixStyle:
    style: MatrixStyle = given.get("style") or first_style(table, dark=False)
    changes: dict[str, Any] = {}
    agg = next((given[name] for name in ("agg", "aggregator", "reduce_function") if given.get(name) is not None), None)
    if agg is not None:
        name = agg if isinstance(agg, str) else getattr(agg, "__name__", type(agg).__name__).removeprefix("nan")
        if name not in AGGS:
            raise OptionError(f"reduce_function must be one of {', '.join(AGGS)}, not {agg!r}.")
        changes["agg"] = name
    palette = given.get("cmap", given.get("colormap"))
    if isinstance(palette, str) and has_palette(palette):
        changes["palette"] = palette
    if given.get("clim") is not None and any(end is not None for end in given["clim"]):
        facts = table.manifest.facts
        low, high = (float(facts.get(name) or 0.0) if end is None else end for name, end in zip(("low", "high"), given["clim"], strict=True))
        changes["limits"] = (low, high)
        if style.center is not None and "style" not in given and low + high != 2 * style.center:
            changes["center"] = None  # the ends are those that were asked for
    norm = "log" if given.get("logz") else given.get("cnorm")
    if norm is not None:
        if norm not in _NORMS:
            raise OptionError(f"cnorm must be one of {', '.join(_NORMS)}, not {norm!r}.")
        changes["scale"] = _NORMS[norm]
    if given.get("symmetric") or given.get("center") is not None:
        changes["center"] = float(given.get("center") or 0.0)
    return replace(style, **changes)


def _options(table: MatrixTable, given: dict[str, Any], dims: list[str]) -> dict[str, Any]:
    plain = {name: value for name, value in given.items() if name not in _OWN and name not in ("xlim", "ylim", "dynamic", "flip_yaxis")}
    frame = pd.DataFrame({dims[0]: [0], dims[1]: [0], "value": [0.0]})
    sized = any(name in given for name in ("width", "height", "frame_width", "frame_height", "responsive", "aspect", "data_aspect"))
    found = plot_options("heatmap", plain if sized else {"width": WIDTH, "height": HEIGHT, **plain}, frame, (dims[0], dims[1]))
    for name in ("xlim", "ylim", "colorbar", "clim", "cmap"):
        found.pop(name, None)
    rows, cols = table.shape
    lim = {"xlim": tuple(given.get("xlim") or (0, max(1, cols))), "ylim": tuple(given.get("ylim") or (0, max(1, rows)))}
    tools = [tool for tool in found.pop("tools", []) if tool != "hover"]
    tools = [*tools, "hover"] if given.get("hover", True) is not False else tools
    more = {} if given.get("alpha") is None else {"alpha": given["alpha"]}
    return {**found, **lim, **more, "tools": tools, "invert_yaxis": given.get("flip_yaxis") is not False}


def heat_accessor(table: MatrixTable) -> HeatPlots:
    """Return the plots of a matrix; loads HoloViews' Bokeh side, and its part in a notebook, where that has not been done."""
    post_patch("bokeh", check_loaded=True)
    return HeatPlots(table)
