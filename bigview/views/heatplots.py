"""`store.hvplot.heatmap` of a matrix: hvPlot's keywords, the store's colours, names on the axes; live in a notebook as every zoom is drawn anew."""

from dataclasses import replace
from difflib import get_close_matches
from typing import Any

import holoviews as hv
import numpy as np
import pandas as pd
from holoviews.streams import PlotSize, RangeXY
from hvplot import post_patch
from hvplot.util import filter_opts

from bigview.errors import OptionError
from bigview.matrixspec import AGGS, MatrixStyle
from bigview.raster.heat import HeatLook, heat_frame
from bigview.raster.heatlegend import palette_of
from bigview.raster.heatlook import first_style
from bigview.raster.palettes import hexes, ramp
from bigview.spec import View
from bigview.store.matrix import MatrixTable
from bigview.views.heataxes import naming
from bigview.views.keywords import PLOT, plot_options

WIDTH, HEIGHT = 700, 500
"""Pixels of a plot without a size, as in `store.hvplot` of points."""

_OWN = ("agg", "reduce_function", "rows", "cols", "style", "center", "cmap", "colormap", "clim", "cnorm", "logz", "symmetric", "colorbar", "alpha")
_NORMS = {"linear": "linear", "log": "log", "eq_hist": "quantile", "symlog": "symlog", "quantile": "quantile"}


class HeatPlots:
    """Plots of one matrix store: ``store.hvplot.heatmap(cmap="viridis", rows=ORDER)``."""

    def __init__(self, table: MatrixTable) -> None:
        self._table = table

    def __call__(self, **given: Any) -> Any:
        """Draw `heatmap`."""
        return self.heatmap(**given)

    def heatmap(self, **given: Any) -> hv.DynamicMap:
        """Draw the matrix; it is aggregated anew at every zoom.

        Parameters
        ----------
        **given
            hvPlot's keywords for axes, size, title, `cmap`, `clim`, `cnorm` ("linear", "log", "eq_hist", "symlog"), `logz`, `symmetric`, `colorbar`
            and `reduce_function` (or `agg`: mean, min, max, extreme, sum, count, std). Besides `rows`, `cols`: orders of the store; `style`: a
            `bigview.MatrixStyle` that the others change.

        Returns
        -------
        holoviews.DynamicMap
            Of Images; of RGBs for scales that a colour bar of Bokeh does not have.
        """
        _check(given)
        look = HeatLook(_style(self._table, given), given.get("rows"), given.get("cols"))
        rows, cols = look.shape(self._table)
        size = int(given.get("width") or given.get("frame_width") or WIDTH), int(given.get("height") or given.get("frame_height") or HEIGHT)
        whole = (tuple(given.get("xlim") or (0, max(1, cols))), tuple(given.get("ylim") or (0, max(1, rows))))

        def draw(x_range: Any = None, y_range: Any = None, width: int | None = None, height: int | None = None, **_: Any) -> Any:
            x, y = _ends(x_range, whole[0]), _ends(y_range, whole[1])
            return self._drawn(View(x, y, int(width or size[0]), int(height or size[1])), look, given)

        return hv.DynamicMap(draw, streams=[RangeXY(), PlotSize(width=size[0], height=size[1])])

    def _drawn(self, view: View, look: HeatLook, given: dict[str, Any]) -> Any:
        """Return the picture of a view as an element."""
        made = heat_frame(self._table, view, look)
        report = self._table.manifest.report
        dims = [str(report.get("cols") or "column"), str(report.get("rows") or "row")]
        options = _options(self._table, given, dims)
        options["hooks"] = [*options.get("hooks", ()), naming(self._table, view, look)]
        x0, x1, low, high = made.drawing.bounds
        bounds = (x0, -high, x1, -low)
        if made.scale is None or made.scale.mode not in ("linear", "log") or made.grid is None:
            pixels = made.rgba[::-1]
            planes = [((pixels >> shift) & 255).astype("u1") for shift in (0, 8, 16, 24)]
            # HoloViews takes pictures from the top; its rows run against y, and the axis is inverted.
            return hv.RGB(np.dstack(planes)[::-1], dims, bounds=bounds).opts(**filter_opts("RGB", options, backend="bokeh"))
        values = hv.Image(made.grid.to_numpy()[::-1], dims, made.title or "value", bounds=bounds)
        palette = hexes(ramp(palette_of(look.style), look.dark))
        options |= {"cmap": palette, "clim": (made.scale.low, made.scale.high), "cnorm": made.scale.mode, "colorbar": given.get("colorbar", True)}
        return values.opts(**filter_opts("Image", options, backend="bokeh"))


def _ends(given: Any, usual: tuple[float, float]) -> tuple[float, float]:
    """Return a range in ascending order; an inverted axis reports it the other way round."""
    if given is None or any(end is None or end != end for end in given):
        return usual
    low, high = sorted(float(end) for end in given)
    return (low, high) if low < high else usual


def _check(given: dict[str, Any]) -> None:
    known = sorted({*_OWN, *PLOT})
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f" Did you mean {near[0]}=?" if near else ""
            reason = " Rows, columns and values are those of the matrix." if name in ("x", "y", "C", "by") else hint
            raise OptionError(f"{name}= makes no sense for store.hvplot.heatmap().{reason} There are: {', '.join(known)}.")


def _style(table: MatrixTable, given: dict[str, Any]) -> MatrixStyle:
    style: MatrixStyle = given.get("style") or first_style(table, dark=False)
    changes: dict[str, Any] = {}
    agg = given.get("agg", given.get("reduce_function"))
    if agg is not None:
        name = agg if isinstance(agg, str) else getattr(agg, "__name__", "").removeprefix("nan")
        if name not in AGGS:
            raise OptionError(f"reduce_function must be one of {', '.join(AGGS)}, not {agg!r}.")
        changes["agg"] = name
    palette = given.get("cmap", given.get("colormap"))
    if palette is not None:
        changes["palette"] = palette
    if given.get("clim") is not None:
        changes["limits"] = tuple(given["clim"])
    norm = "log" if given.get("logz") else given.get("cnorm")
    if norm is not None:
        if norm not in _NORMS:
            raise OptionError(f"cnorm must be one of {', '.join(_NORMS)}, not {norm!r}.")
        changes["scale"] = _NORMS[norm]
    if given.get("symmetric") or given.get("center") is not None:
        changes["center"] = float(given.get("center") or 0.0)
    return replace(style, **changes)


def _options(table: MatrixTable, given: dict[str, Any], dims: list[str]) -> dict[str, Any]:
    plain = {name: value for name, value in given.items() if name not in _OWN and name not in ("xlim", "ylim")}
    frame = pd.DataFrame({dims[0]: [0], dims[1]: [0], "value": [0.0]})
    found = plot_options("heatmap", {"width": WIDTH, "height": HEIGHT, **plain}, frame, (dims[0], dims[1]))
    for name in ("xlim", "ylim", "colorbar", "clim", "cmap"):
        found.pop(name, None)
    rows, cols = table.shape
    lim = {"xlim": tuple(given.get("xlim") or (0, max(1, cols))), "ylim": tuple(given.get("ylim") or (0, max(1, rows)))}
    return {"tools": ["hover"], "invert_yaxis": True, **found, **lim}


def heat_accessor(table: MatrixTable) -> HeatPlots:
    """Return the plots of a matrix; loads HoloViews' Bokeh side, and its part in a notebook, where that has not been done."""
    post_patch("bokeh", check_loaded=True)
    return HeatPlots(table)
