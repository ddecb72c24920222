"""hvPlot's keywords: which of them make sense for a store, and what each means there."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from hvplot.converter import HoloViewsConverter

from bigview.errors import OptionError

_NO_AXES = {"autorange", "framewise", "logx", "logy", "loglog", "subcoordinate_y", "invert"}  # a grid of pixels is linear, and stays in place
_OTHER = {"hover_formatters", "widget_location", "padding"}
_GROUPS = ("_size_layout_options", "_axis_config_options", "_legend_options", "_interactivity_options", "_style_options")
PLOT = (
    *(name for group in _GROUPS for name in getattr(HoloViewsConverter, group) if name not in _NO_AXES | _OTHER),
    "bgcolor", "label", "dynamic", "group_label",
)  # fmt: skip
PICTURE = ("x", "y", "by", "c", "color", "cmap", "colormap", "cnorm", "colorbar", "dynspread", "max_px", "where")
RASTER = (
    "rasterize", "datashade", "aggregator", "selector", "clim", "logz", "pixel_ratio", "x_sampling", "y_sampling", "threshold", "color_key",
    "rescale_discrete_levels", "symmetric", "precompute", "alpha",
)  # fmt: skip
HISTOGRAM = ("y", "by", "bins", "normed", "cumulative", "where", "color", "alpha")
TABLE = ("columns", "where", "view", "sample", "order_by", "limit", "offset")
_TABLE_PLOT = ("width", "height", "responsive", "sortable", "selectable", "editable", "fit_columns", "title", "label")

_REASONS = {
    "s": "points are pixels of a picture; use max_px for larger ones",
    "size": "points are pixels of a picture; use max_px for larger ones",
    "marker": "points are pixels of a picture; use max_px for larger ones",
    "downsample": "every row is drawn",
    "resample_when": "every row is drawn, one by one where they are few",
    "groupby": "use by= for colours, or where= for one group",
    "bin_range": "use where= to leave values out",
    "use_dask": "the store is read as needed",
    "persist": "the store is read as needed",
    "stream": "a store does not change",
    "geo": "positions are drawn as they are; build the store in the map's projection",
    "tiles": "positions are drawn as they are; overlay them on hv.element.tiles yourself if they are in Web Mercator",
}
KINDS = {
    "points": (*PICTURE, *RASTER, *PLOT),
    "scatter": (*PICTURE, *RASTER, *PLOT),
    "hist": (*HISTOGRAM, *PLOT),
    "table": (*TABLE, *_TABLE_PLOT),
}


def check(kind: str, given: Mapping[str, Any]) -> None:
    """Refuse keywords that make no sense for a kind of plot, with the list of those that do."""
    known = KINDS[kind]
    for name in given:
        if name not in known:
            reason = f": {_REASONS[name]}" if name in _REASONS else ""
            near = get_close_matches(name, known, n=1)
            hint = f" Did you mean {near[0]}=?" if near and not reason else ""
            raise OptionError(f"{name}= makes no sense for store.hvplot.{kind}(){reason}.{hint} There are: {', '.join(sorted(known))}.")


def is_raster(given: Mapping[str, Any]) -> bool:
    """Tell whether keywords ask for HoloViews' own raster, with colours made in the browser or by Datashader."""
    listed = given.get("cmap", given.get("colormap"))
    return any(name in given for name in RASTER) or (listed is not None and not isinstance(listed, str)) or given.get("cnorm") == "cbrt"


def plot_options(kind: str, given: Mapping[str, Any], frame: Any, axes: tuple[str, str]) -> dict[str, Any]:
    """Return HoloViews' plot options for hvPlot's keywords, as hvPlot itself translates them."""
    asked = {name: value for name, value in given.items() if name in PLOT and name not in ("dynamic", "hover_cols")}
    converter = HoloViewsConverter(frame, *axes, kind=kind, **asked)
    return dict(converter._plot_opts)
