"""The frame of a store as a HoloViews operation: the picture that the explorer and the batch image show, in the user's own plot."""

from collections.abc import Callable
from functools import partial
from typing import Any

import holoviews as hv
import numpy as np
import param
import xarray as xr
from bokeh.models.annotations import ColorBar, Legend, LegendItem
from bokeh.models.mappers import LinearColorMapper
from bokeh.models.tickers import FixedTicker
from holoviews.operation.resample import ResampleOperation2D

from bigview.errors import OptionError
from bigview.raster.frame import Frame, frame
from bigview.raster.legend import ENTRIES
from bigview.spec import Style, View
from bigview.views.grids import store_key
from bigview.views.hover import with_nearest
from bigview.views.subset import Subset
from bigview.views.warm import Recipe, note


class frame_store(ResampleOperation2D):
    """Points that are in a store as the coloured picture that a style gives, with the record under the pointer."""

    style = param.ClassSelector(class_=Style, default=Style(), doc="How the grid becomes a picture.")

    columns = param.List(default=None, allow_None=True, doc="Columns of the record under the pointer; None for no record.")

    _per_element = True

    def _process(self, element: Any, key: Any = None) -> Any:
        x, y = element.dimensions()[:2]
        subset = Subset.of(element.data)
        if (x.name, y.name) != subset.axes:
            raise OptionError(f"This picture is of {subset.axes}; for {(x.name, y.name)} use rasterize=True.")
        (x_range, y_range), (xs, ys), (width, height), types = self._get_sampling(element, x, y)
        (x_ends, y_ends), _ = self._dt_transform(x_range, y_range, xs, ys, *types)
        if width == 0 or height == 0:
            return _blank(x, y)
        made = frame(subset.table, View(x_ends, y_ends, width, height), self.p.style, subset.conditions)
        bounds = (*made.x_range, *made.y_range)
        recipe = Recipe((*store_key(subset), self.p.style, width, height), width, height, partial(_ahead, subset, self.p.style))
        note(recipe, bounds)
        return _rgb(made, subset, (x, y), self.p.columns)


def _ahead(subset: Subset, style: Style, view: View) -> None:
    frame(subset.table, view, style, subset.conditions)


def _blank(x: Any, y: Any) -> Any:
    return hv.RGB(np.zeros((1, 1, 4), np.uint8), kdims=[x, y])


def _rgb(made: Frame, subset: Subset, axes: tuple[Any, Any], columns: list[str] | None) -> Any:
    x, y = axes
    height, width = made.shape
    bytes_ = np.ascontiguousarray(made.rgba).astype("<u4", copy=False).view(np.uint8).reshape(height, width, 4)
    (x0, x1), (y0, y1) = made.x_range, made.y_range
    coords = {x.name: _centres(x0, x1, width), y.name: _centres(y0, y1, height)}
    dataset = xr.Dataset({name: ((y.name, x.name), bytes_[..., place]) for place, name in enumerate("RGBA")}, coords=coords)
    if columns is not None:
        dataset = with_nearest(dataset, subset, (x.name, y.name), ((x0, x1, y0, y1), bytes_[..., 3] > 0), columns)
    dataset.attrs["frame"] = made
    return hv.RGB(dataset, [x, y], [*hv.RGB.vdims, hv.RGB.alpha_dimension], bounds=(x0, y0, x1, y1))


def _centres(low: Any, high: Any, pixels: int) -> Any:
    if isinstance(low, np.datetime64):
        edges = np.array([low, high]).astype("M8[ns]").view(np.int64)
        return (edges[0] + (np.arange(pixels) + 0.5) * ((edges[1] - edges[0]) / pixels)).astype(np.int64).view("M8[ns]")
    return low + (np.arange(pixels) + 0.5) * ((high - low) / pixels)


def keys_hook(legend: bool | str, colorbar: bool) -> Callable[[Any, Any], None]:
    """Return a hook of HoloViews that keeps the legend, or the colour bar, of a frame beside its plot."""

    def hook(plot: Any, element: Any) -> None:
        image = next(iter(element.traverse(lambda part: part, [hv.RGB])), None)
        made = image.data.attrs.get("frame") if image is not None and hasattr(image.data, "attrs") else None
        if made is None:
            return
        if legend and made.legend:
            show_legend(plot, made, legend if isinstance(legend, str) else "right")
        if colorbar and made.colorbar is not None:
            show_colorbar(plot, made.colorbar)

    return hook


def show_legend(plot: Any, made: Frame, place: Any) -> None:
    """Keep the legend of a frame beside a plot; its entries follow the picture."""
    figure = plot.state
    known = plot.handles.get("bigview_legend")
    if known is None:
        renderers = [figure.scatter([np.nan], [np.nan], marker="square", size=12, line_color=None) for _ in range(ENTRIES + 1)]
        beside = place in ("left", "right", "above", "below", "top", "bottom")
        known = (
            Legend(items=[], location="center" if beside else place, label_text_font_size="9pt", spacing=0, glyph_height=12),
            renderers,
        )
        figure.add_layout(known[0], {"top": "above", "bottom": "below"}.get(place, place) if beside else "center")
        plot.handles["bigview_legend"] = known
    shown, renderers = known
    items = []
    for renderer, entry in zip(renderers, made.legend, strict=False):
        renderer.glyph.fill_color = entry.color
        items.append(LegendItem(label={"value": f"{entry.name}  {entry.count:,}"}, renderers=[renderer]))
    shown.items = items


def show_colorbar(plot: Any, bar: Any) -> None:
    """Keep a colour bar beside a plot."""
    known = plot.handles.get("bigview_colorbar")
    if known is None:
        known = ColorBar(color_mapper=LinearColorMapper(low=0, high=1, palette=list(bar.colors)), ticker=FixedTicker(ticks=[]))
        plot.state.add_layout(known, "right")
        plot.handles["bigview_colorbar"] = known
    known.color_mapper.palette = list(bar.colors)
    known.title = bar.title
    known.major_label_overrides = {float(place): text for place, text in bar.ticks}
    known.ticker.ticks = [float(place) for place, _ in bar.ticks]
