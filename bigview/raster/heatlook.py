"""How a matrix is shown at first, and the orders that recipes stand for."""

import math
from dataclasses import replace

from bigview.errors import BigviewError, OptionError, closest
from bigview.matrixspec import MatrixSpec, MatrixStyle, Ordering
from bigview.raster.heatlabels import axis_of
from bigview.store.matrix import MatrixTable, Side
from bigview.store.orders import Order


def first_style(table: MatrixTable, dark: bool = True) -> MatrixStyle:
    """Return how a matrix is shown at first: as its builder wished, else with a centre where values lie on both sides of zero."""
    wished = table.manifest.report.get("style")
    if isinstance(wished, dict):
        try:
            return replace(MatrixSpec.from_json({"version": 1, "style": wished}).style, dark=dark)
        except BigviewError:  # of a newer bigview
            pass
    low, high = (float(table.manifest.facts.get(name) or 0.0) for name in ("low", "high"))
    both = low < 0 < high and min(-low, high) > 0.05 * max(-low, high)
    return MatrixStyle(center=0.0 if both and math.isfinite(low + high) else None, dark=dark)


def order_of(table: MatrixTable, side: Side, ordering: Ordering | None) -> Order | None:
    """Return the order that a recipe stands for, None for the native one.

    Raises
    ------
    ColumnError, OptionError
        When the column, or the line, is not there.
    """
    if ordering is None:
        return None
    if ordering.by == "column":
        return table.order(side, by=ordering.name, descending=ordering.descending)
    across = axis_of(table, "cols" if side == "rows" else "rows")
    place = across.position(ordering.name)
    if place < 0:
        raise OptionError(
            f"There is no {'column' if side == 'rows' else 'row'} {ordering.name!r} to sort by. {closest(ordering.name, across.names[:1000])}"
        )
    return table.order(side, values_of=place, descending=ordering.descending)
