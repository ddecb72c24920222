"""What a visitor of a matrix has chosen, and the orders that it stands for."""

from dataclasses import replace
from typing import Any

import param

from bigview.build.progress import Progress
from bigview.errors import BigviewError, OptionError
from bigview.matrixspec import MatrixSpec, MatrixStyle, Ordering
from bigview.raster.heat import HeatLook
from bigview.raster.heatlook import first_style, has_tree, order_of
from bigview.raster.heatswipe import SwipeLook, first_swipe_style
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

    def show(self, swipe: float | None, style: MatrixStyle) -> None:
        """Show the two matrices of a comparison, parted by a divider at a share of the width, or, for None, what they compare to."""
        self.spec = self.spec.replaced(swipe=swipe, style=style)

    def sort(self, side: str, ordering: Ordering | None) -> None:
        """Put rows or columns into another order."""
        if ordering == getattr(self.spec, side):
            return  # the clusters stay
        kept = self.spec.clusters or (None, None)
        self.spec = self.spec.replaced(**{side: ordering}, clusters=(None, kept[1]) if side == "rows" else (kept[0], None))

    def cut(self, side: str, count: int | None) -> None:
        """Cut the tree of rows or columns into so many clusters; None: not at all."""
        rows, cols = self.spec.clusters or (None, None)
        self.spec = self.spec.replaced(clusters=(count, cols) if side == "rows" else (rows, count))


def first_spec(table: MatrixTable, dark: bool = True) -> MatrixSpec:
    """Return what is shown of a matrix at first."""
    if table.manifest.layout == "comparison" and table.manifest.report.get("swipe"):
        return MatrixSpec(style=first_swipe_style(table, dark), swipe=0.5, fingerprint=table.manifest.fingerprint)
    return MatrixSpec(style=first_style(table, dark), fingerprint=table.manifest.fingerprint)


def relooked(look: HeatLook, spec: MatrixSpec) -> HeatLook:
    """Return how a spec shows a matrix whose orders are known."""
    return (HeatLook if spec.swipe is None else SwipeLook)(spec.style, look.rows, look.cols)


def look_of(table: MatrixTable, spec: MatrixSpec, only: Any = None, tell: Progress | None = None) -> HeatLook:
    """Return how a spec shows a matrix, or only some native rows of it. Sorting reads a line of it: not for the event loop."""
    rows, cols = (order_of(table, side, getattr(spec, side), tell) for side in SIDES)
    if only is not None:
        rows = table.order("rows", index=only) if rows is None else rows.kept(only)
    return (HeatLook if spec.swipe is None else SwipeLook)(spec.style, rows, cols)


def usable_spec(table: MatrixTable, spec: MatrixSpec) -> tuple[MatrixSpec, str]:
    """Return what a matrix can show of a spec, and a sentence about what it cannot."""
    said: list[str] = []
    if spec.fingerprint and spec.fingerprint != table.manifest.fingerprint:
        said.append("The store was built again since: values may differ.")
    if spec.swipe is not None and table.manifest.layout != "comparison":
        said.append("There is nothing to swipe: this is one matrix, and no comparison of two.")
        spec = spec.replaced(swipe=None)
    if spec.how is not None and table.manifest.layout != "comparison":
        said.append("There is nothing to compare: this is one matrix.")
        spec = spec.replaced(how=None)
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
