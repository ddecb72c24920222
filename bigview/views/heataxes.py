"""The axes of a matrix in a plot of HoloViews: the first row on top, and the names of rows and columns that fit."""

from collections.abc import Callable
from typing import Any

import numpy as np
from bokeh.models import CustomJSHover, FixedTicker, HoverTool

from bigview.raster.heat import HeatLook
from bigview.raster.heatlabels import names_at
from bigview.spec import View
from bigview.store.matrix import MatrixTable
from bigview.views.heatscene import names_of

SIDES = ("cols", "rows")
_LONGEST = 32  # characters of a name
_HOVERED = 2_000
"""Rows, or columns, in view up to which a plot knows all their names for its hover: 30 kB."""
_NAMED = "const place = Math.floor(value); return place in names ? names[place] : String(place)"
_FLAT = 5  # characters of names up to which those of columns are not turned


def naming(
    table: MatrixTable, view: View, look: HeatLook, sides: tuple[str, ...] = ("cols", "rows"), turned: bool = True
) -> Callable[[Any, Any], None]:
    """Return a hook of HoloViews that puts the names that fit on a plot's axes.

    Parameters
    ----------
    sides : tuple of str
        The axes that have no ticks of the user's own.
    turned : bool
        Whether long names of columns are turned; False where the user says how they stand.
    """

    def name(plot: Any, _: Any) -> None:
        for side, axes in (("cols", plot.state.xaxis), ("rows", plot.state.yaxis)):
            if side not in sides or not axes:
                continue
            found = names_of(table, view, look, side)
            ticks = [place + 0.5 for place in found.places]
            labels = dict(zip(ticks, (text[:_LONGEST] for text in found.texts), strict=True))
            axes[0].update(ticker=FixedTicker(ticks=ticks), major_label_overrides=labels)
            if side == "cols" and turned:
                axes[0].major_label_orientation = 0.8 if max(map(len, found.texts), default=0) > _FLAT else "horizontal"
        for tool in plot.state.tools:
            if isinstance(tool, HoverTool) and isinstance(tool.tooltips, list):
                _hover(tool, table, view, look)

    return name


def _hover(tool: Any, table: MatrixTable, view: View, look: HeatLook) -> None:
    """Let a hover of HoloViews tell the names of row and column in place of numbers on the axes."""
    found = {"$x": ("cols", view.x_range), "$y": ("rows", view.y_range)}
    # The colours of a picture are no value of a cell.
    tool.tooltips = [(label, f"{text}{{custom}}" if text in found else text) for label, text in tool.tooltips if label != "RGBA"]
    if not any(text.endswith("{custom}") for _, text in tool.tooltips):
        return
    for field, (side, (low, high)) in found.items():
        size = look.shape(table)[0 if side == "rows" else 1]
        places = np.arange(max(0, int(np.floor(low))), min(size, int(np.ceil(high))))
        names = names_at(table, look, side, places) if 0 < len(places) <= _HOVERED else []
        known = dict(zip(map(str, places.tolist()), names, strict=False))
        formatter = tool.formatters.get(field)
        if isinstance(formatter, CustomJSHover):
            formatter.args = {"names": known}
        else:
            tool.formatters = {**tool.formatters, field: CustomJSHover(args={"names": known}, code=_NAMED)}
