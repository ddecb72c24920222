"""A chart beside the map, as a frozen value."""

from dataclasses import dataclass
from typing import Any

from bigview.errors import OptionError, closest
from bigview.plain import Ranges, ranges

CHARTS = {"histogram": 1, "dates": 1, "bars": 1, "map": 2, "density": 2, "crosstab": 2}
"""Kinds of charts, with the number of columns of each."""


@dataclass(frozen=True)
class Chart:
    """A chart beside the map.

    Attributes
    ----------
    kind : str
        One of `CHARTS`.
    columns : tuple of str
    brush : str or None
        What is brushed or clicked in it, as an SQL expression: it filters everything but this chart.
    view : ((x0, x1), (y0, y1)) or None
        What a second map shows; None for all of it.
    """

    kind: str
    columns: tuple[str, ...]
    brush: str | None = None
    view: Ranges | None = None

    def __post_init__(self) -> None:
        if self.kind not in CHARTS:
            raise OptionError(f"There is no chart {self.kind!r}. {closest(str(self.kind), CHARTS)}")
        given: Any = self.columns
        columns = (given,) if isinstance(given, str) else tuple(given)
        if len(columns) != CHARTS[self.kind] or not all(isinstance(name, str) for name in columns):
            raise OptionError(f"A chart {self.kind!r} takes {CHARTS[self.kind]} columns, not {columns!r}.")
        object.__setattr__(self, "columns", columns)
        if self.brush is not None and (not isinstance(self.brush, str) or not self.brush.strip()):
            raise OptionError(f"The brush of a chart is an SQL expression, not {self.brush!r}.")
        if self.view is not None:
            if self.kind != "map":
                raise OptionError(f"Only a second map has a view, not a chart {self.kind!r}.")
            object.__setattr__(self, "view", ranges(self.view))
