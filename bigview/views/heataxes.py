"""The axes of a matrix in a plot of HoloViews: the first row on top, and the names of rows and columns that fit."""

from collections.abc import Callable
from typing import Any

from bokeh.models import FixedTicker

from bigview.raster.heat import HeatLook
from bigview.spec import View
from bigview.store.matrix import MatrixTable
from bigview.views.heatscene import names_of

SIDES = ("cols", "rows")
_LONGEST = 32  # characters of a name
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

    return name
