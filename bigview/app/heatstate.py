"""What a visitor of a matrix has chosen, and the orders that it stands for."""

from dataclasses import replace
from typing import Any

import param

from bigview.errors import BigviewError, OptionError
from bigview.matrixspec import MatrixSpec, MatrixStyle, Ordering
from bigview.raster.heat import HeatLook
from bigview.raster.heatlook import has_tree, order_of
from bigview.store.matrix import MatrixTable, Side

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


def look_of(table: MatrixTable, spec: MatrixSpec, only: Any = None) -> HeatLook:
    """Return how a spec shows a matrix, or only some native rows of it. Sorting reads a line of it: not for the event loop."""
    rows, cols = (order_of(table, side, getattr(spec, side)) for side in SIDES)
    if only is not None:
        rows = table.order("rows", index=only) if rows is None else rows.kept(only)
    return HeatLook(spec.style, rows, cols)


def usable_spec(table: MatrixTable, spec: MatrixSpec) -> tuple[MatrixSpec, str]:
    """Return what a matrix can show of a spec, and a sentence about what it cannot."""
    said: list[str] = []
    if spec.fingerprint and spec.fingerprint != table.manifest.fingerprint:
        said.append("The store was built again since: values may differ.")
    kept: dict[str, Ordering | None] = {}
    for side in SIDES:
        ordering = getattr(spec, side)
        try:
            if ordering is not None and ordering.by == "cluster" and not has_tree(table, side, ordering.name):
                raise OptionError("They are not clustered so yet; choose it to do that.")
            order_of(table, side, ordering)
            kept[side] = ordering
        except BigviewError as error:
            kept[side] = None
            said.append(f"The order of the {'columns' if side == 'cols' else 'rows'} was left out: {error}")
    return spec.replaced(**kept, fingerprint=table.manifest.fingerprint), " ".join(said)
