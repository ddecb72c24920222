"""What a visitor has chosen. Parameters only."""

import math

import param

from bigview.spec import Style
from bigview.store.points import PointTable

DENSITY = "Density"
AUTOMATIC = "automatic"
TELLING = 40  # categories: about as many colours as one can tell apart
COLORED = ("category", "boolean", "number", "integer")


def colorings(table: PointTable) -> dict[str, str | None]:
    """Return what the map can be coloured by, label to column: density first, then categories, then numbers."""
    places = {table.manifest.x.column, table.manifest.y.column, "__row"}
    names = [name for kind in COLORED for name, held in table.columns.items() if held == kind and name not in places]
    labels = {name if name != DENSITY else f"{name} (column)": name for name in names}
    return {DENSITY: None, **labels}


def first_coloring(table: PointTable) -> str | None:
    """Return the column to colour by at first: the category with the most telling number of values; density without one."""
    telling = [
        column
        for column in table.manifest.columns
        if column.kind == "category" and 2 <= column.distinct <= 256 and column.missing < table.manifest.rows / 2
    ]
    # Of equally telling ones the last: codes tend to stand before the names they stand for.
    return min(reversed(telling), key=lambda column: abs(math.log(column.distinct / TELLING))).name if telling else None


class State(param.Parameterized):
    """The choices of one visitor."""

    color_by = param.String(default=None, allow_None=True, doc="Column that gives the colour; None for density.")
    dark = param.Boolean(default=True, doc="Dark background.")
    palette = param.String(default=None, allow_None=True, doc="Name of a palette; None for a good one.")

    @property
    def style(self) -> Style:
        """The choices as a style."""
        return Style(by=self.color_by, palette=self.palette, dark=self.dark)
