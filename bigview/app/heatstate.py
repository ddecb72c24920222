"""What a visitor of a matrix has chosen, and the orders that it stands for."""

import math
from dataclasses import replace
from typing import Any

import param

from bigview.errors import BigviewError, OptionError, closest
from bigview.matrixspec import MatrixSpec, MatrixStyle, Ordering
from bigview.raster.heat import HeatLook
from bigview.store.matrix import MatrixTable, Side
from bigview.store.orders import Order
from bigview.views.heatscene import axis_of

SIDES: tuple[Side, ...] = ("rows", "cols")


class HeatState(param.Parameterized):
    """The choices of one visitor. Every change of it is a new `MatrixSpec`."""

    spec: MatrixSpec = param.ClassSelector(class_=MatrixSpec, default=MatrixSpec(), doc="All that is shown.")

    @property
    def style(self) -> MatrixStyle:
        """How values are coloured."""
        return self.spec.style

    def restyle(self, **changes: Any) -> None:
        """Change the style."""
        self.spec = self.spec.replaced(style=replace(self.spec.style, **changes))

    def sort(self, side: str, ordering: Ordering | None) -> None:
        """Put rows or columns into another order."""
        self.spec = self.spec.replaced(**{side: ordering})


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


def look_of(table: MatrixTable, spec: MatrixSpec) -> HeatLook:
    """Return how a spec shows a matrix. Sorting reads a line of it: not for the event loop."""
    return HeatLook(spec.style, *(order_of(table, side, getattr(spec, side)) for side in SIDES))


def usable_spec(table: MatrixTable, spec: MatrixSpec) -> tuple[MatrixSpec, str]:
    """Return what a matrix can show of a spec, and a sentence about what it cannot."""
    said: list[str] = []
    if spec.fingerprint and spec.fingerprint != table.manifest.fingerprint:
        said.append("The store was built again since: values may differ.")
    kept: dict[str, Ordering | None] = {}
    for side in SIDES:
        ordering = getattr(spec, side)
        try:
            order_of(table, side, ordering)
            kept[side] = ordering
        except BigviewError as error:
            kept[side] = None
            said.append(f"The order of the {'columns' if side == 'cols' else 'rows'} was left out: {error}")
    return spec.replaced(**kept, fingerprint=table.manifest.fingerprint), " ".join(said)
