"""What a visitor of a matrix has chosen, and the orders that it stands for."""

from dataclasses import replace
from typing import Any

import param

from bigview.build.progress import Progress
from bigview.errors import BigviewError, OptionError
from bigview.matrixorder import Lines, Ordering
from bigview.matrixspec import MatrixSpec, MatrixStyle
from bigview.raster.heat import HeatLook
from bigview.raster.heatlabels import axis_of
from bigview.raster.heatlook import first_style, has_tree, order_of
from bigview.raster.heatswipe import SwipeLook, first_swipe_style
from bigview.store.keptorders import kept_order
from bigview.store.matrix import MatrixTable, Side

Locked = tuple[MatrixTable, ...]
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

    def sort(self, side: str, ordering: Ordering | None, **changes: Any) -> None:
        """Put rows or columns into another order, with other changes."""
        if ordering != getattr(self.spec, side):
            kept = self.spec.clusters or (None, None)
            changes |= {side: ordering, "clusters": (None, kept[1]) if side == "rows" else (kept[0], None)}
        self.spec = self.spec.replaced(**changes)

    def select(self, lines: tuple[Lines | None, Lines | None] | None, opened: str = "") -> None:
        """Select rows and columns, and open a panel; None: nothing."""
        self.spec = self.spec.replaced(selection=lines, panels=(*self.spec.panels, *([opened] if opened else [])))

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
    return (HeatLook if spec.swipe is None else SwipeLook)(spec.style, look.rows, look.cols, look.locked)


def look_of(table: MatrixTable, spec: MatrixSpec, only: Any = None, tell: Progress | None = None, locked: Locked = ()) -> HeatLook:
    """Return how a spec shows a matrix, or only some native rows of it. Sorting reads a line of it: not for the event loop."""
    rows, cols = (order_of(table, side, getattr(spec, side), tell) for side in SIDES)
    if only is not None:
        rows = table.order("rows", index=only) if rows is None else rows.kept(only)
    return (HeatLook if spec.swipe is None else SwipeLook)(spec.style, rows, cols, locked)


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
        try:
            kept[side] = _at_hand(table, side, getattr(spec, side))
        except BigviewError as error:
            kept[side] = None
            said.append(f"The order of the {'columns' if side == 'cols' else 'rows'} was left out: {error}")
    selection = spec.selection
    try:
        selection = None if selection is None else _selected(table, selection)
    except BigviewError as error:
        selection = None
        said.append(f"The selection was left out: {error}")
    return spec.replaced(**kept, selection=selection, fingerprint=table.manifest.fingerprint), " ".join(said)


def _at_hand(table: MatrixTable, side: Side, ordering: Ordering | None) -> Ordering | None:
    """Return an order that a matrix has, whole where it, or what it stands on, was kept under a name."""
    ordering = None if ordering is None else _unfolded(table, ordering)
    for one in () if ordering is None else ordering.chain():
        if one.by == "cluster" and not has_tree(table, side, one.name):
            raise OptionError("They are not clustered so yet; choose it to do that.")
    order_of(table, side, ordering)
    return ordering


def _unfolded(table: MatrixTable, ordering: Ordering) -> Ordering:
    if ordering.by == "kept":
        return kept_order(table, ordering.name)
    return ordering if ordering.base is None else replace(ordering, base=_unfolded(table, ordering.base))


def _selected(table: MatrixTable, selection: tuple[Lines | None, Lines | None]) -> tuple[Lines | None, Lines | None]:
    """Return a selection whose orders and places a matrix has."""
    found = []
    for side, lines in zip(SIDES, selection, strict=True):
        size = axis_of(table, side).size
        if lines is not None and lines.last > size:
            raise OptionError(f"It has places up to {lines.last:,}; there are {size:,} {'columns' if side == 'cols' else 'rows'}.")
        found.append(None if lines is None else replace(lines, order=_at_hand(table, side, lines.order)))
    return found[0], found[1]
