"""What a visitor has chosen: one `Spec`, and the way back through its filters."""

import math
from dataclasses import replace
from typing import Any

import param

from bigview.app.images import place_of_value
from bigview.spec import Filter, Filters, Style, Where
from bigview.state import Spec
from bigview.store.points import PointTable

DENSITY = "Density"
AUTOMATIC = "automatic"
TELLING = 40  # categories: about as many colours as one can tell apart
COLORED = ("category", "boolean", "number", "integer")
_KEPT = 100  # steps back
_LOOKED = 8  # categories that tell whether all are names of images


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
    # Of equally telling ones the last: codes tend to stand before the names they stand for. Names of images are for looking at images.
    telling.reverse()
    telling.sort(key=lambda column: abs(math.log(column.distinct / TELLING)))
    return next((column.name for column in telling if not _pictures(table, column.name)), None)


def _pictures(table: PointTable, name: str) -> bool:
    return all(place_of_value(name, value, table.reader.folder) for value in table.reader.categories(name)[:_LOOKED])


class State(param.Parameterized):
    """The choices of one visitor. Every change of it is a new `Spec`; changes of filters, selection and charts can be undone."""

    spec: Spec = param.ClassSelector(class_=Spec, default=Spec(), doc="All that is shown.")

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        self._past: list[Spec] = []
        self._future: list[Spec] = []
        self.saved: dict[str, Where] = {}  # what the saved selections hold that a spec names
        self._gesture: Any = None  # that the last change belongs to

    @property
    def style(self) -> Style:
        """How the map is coloured."""
        return self.spec.style

    @property
    def color_by(self) -> str | None:
        """Column that gives the colour; None for density."""
        return self.spec.style.by

    @property
    def where(self) -> Filters:
        """All filters together."""
        return self.where_of(self.spec)

    def where_of(self, spec: Spec) -> Filters:
        """Return the filters and brushes of a spec together."""
        return spec.where(self.saved)

    @property
    def selected(self) -> Filters:
        """What is selected; no filter where nothing is."""
        return self.spec.selected(self.saved)

    def select(self, mode: str, part: Filter) -> None:
        """Select rows: replace the selection ("replace"), "add" to it, "subtract" from it or "intersect" it."""
        steps = () if mode == "replace" else self.spec.selection
        self.change(selection=(*steps, ("add" if mode == "replace" or (not steps and mode == "intersect") else mode, part)))

    def restyle(self, **changes: Any) -> None:
        """Change the style."""
        self.spec = self.spec.replaced(style=replace(self.spec.style, **changes))

    def change(self, gesture: Any = None, **changes: Any) -> None:
        """Change filters, selection or charts, so that it can be undone; all changes of one `gesture`, such as a drag, are undone together."""
        changed = self.spec.replaced(**changes)
        if changed != self.spec:
            if gesture is None or gesture != self._gesture:
                self._past = [*self._past, self.spec][-_KEPT:]
            self._gesture, self._future = gesture, []
            self.spec = changed

    def undo(self) -> bool:
        """Take the last change of filters, selection or charts back; return whether there was one."""
        return self._step(self._past, self._future)

    def redo(self) -> bool:
        """Make a change again that was taken back."""
        return self._step(self._future, self._past)

    @property
    def undoable(self) -> bool:
        """Whether there is a change to take back."""
        return bool(self._past)

    @property
    def redoable(self) -> bool:
        """Whether there is a change to make again."""
        return bool(self._future)

    def _step(self, source: list[Spec], target: list[Spec]) -> bool:
        if not source:
            return False
        self._gesture = None
        target.append(self.spec)
        found = source.pop()
        # View and style stay as they are now: only what was asked of the rows is undone.
        views = {(chart.kind, chart.columns): chart.view for chart in self.spec.charts}
        charts = [replace(chart, view=views.get((chart.kind, chart.columns), chart.view)) for chart in found.charts]
        self.spec = self.spec.replaced(filters=found.filters, selection=found.selection, charts=charts)
        return True
