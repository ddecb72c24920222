"""The panel of filters: a control for every column, made from what it holds, and a line for any SQL expression."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import param

from bigview.app.asked import Asked, asking
from bigview.app.columncontrol import Control, Parts
from bigview.app.component import HERE, Component
from bigview.app.host import Attached, Host
from bigview.app.picks import column_of
from bigview.config import limits
from bigview.errors import BigviewError, ExpressionError
from bigview.spec import Filter, Filters
from bigview.store.clauses import parse
from bigview.store.phrases import quoted
from bigview.store.points import PointTable
from bigview.views.live import sentence

_MESSAGES = {
    "open": "_opened",
    "seen": "_seen",
    "stop": "_stopped",
    "type": "_typed",
    "pick": "_picked",
    "search": "_searched",
    "text": "_texted",
    "gap": "_gapped",
    "clear": "_cleared",
    "sql": "_written",
}
_FIRST = 6  # controls that open by themselves, for filters in force


class FilterView(Component):
    """The page's side of the panel. It takes plain values; filterpanel.js shows them as text."""

    active = param.List(default=[], doc="Columns with a filter of their own.")
    columns = param.List(default=[], doc="Name, kind, and name as SQL takes it, of each column.")
    controls = param.Dict(default={}, doc="What the filters ask of the columns whose controls are open.")
    counts = param.Dict(default={}, doc="What the rows say of those columns.")
    facts = param.Dict(default={}, doc="What does not change of them.")
    line = param.Dict(default={}, doc="What is wrong with the expression, and where; the number of those taken.")

    _esm = HERE / "filterpanel.js"
    _parts = ("filterparts.js", "filterrange.js", "filtercontrols.js", "filterline.js")
    _stylesheets = (str(HERE / "filterpanel.css"),)


@dataclass(frozen=True)
class _Wanted:
    """Counts that are wanted: for which controls, and under which filters."""

    base: Filters
    filters: Parts
    controls: tuple[tuple[Control, str], ...]


@dataclass(frozen=True)
class _Draft:
    """An expression that has to be tried before it is taken: of the control of a column, or of the line."""

    table: PointTable
    made: Filter
    take: Callable[[], None]
    refuse: Callable[[BigviewError], None]


class FilterPanel(Attached):
    """The panel of filters of one visitor.

    Parameters
    ----------
    host : Host
        The explorer.
    """

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        manifest = host.table.manifest
        last = (manifest.x.column, manifest.y.column, "__row")
        self._columns = {column.name: column for column in sorted(manifest.columns, key=lambda column: column.name in last)}
        self._controls: dict[str, Control] = {}
        self._errors: dict[str, str] = {}
        self._taken = 0
        self._visible, self._owed = True, False
        self._worker = self._worker_of(self._count, self._counted)
        self._drafts = self._worker_of(_tried, _answered)
        self._names = self._worker_of(lambda columns, _: [_named(columns)], lambda _, names: self.component.param.update(columns=names))
        listed = [[name, column.kind, quoted(name)] for name, column in self._columns.items()]
        self.component = FilterView(columns=listed, told=self._told, sizing_mode="stretch_width", margin=0)
        self._names.request([(name, column.kind) for name, column in self._columns.items()])
        for name in self._active()[:_FIRST]:
            self._opened(name)
        self._attach(self._follow, settled=self._rested)
        self._tell()

    # What the state says.

    @property
    def _filters(self) -> Parts:
        return self._state.spec.filters

    def _active(self) -> list[str]:
        owners = {column_of(part) for part in self._filters}
        return [name for name in self._columns if name in owners]

    def _follow(self) -> None:
        """Show what the state says, and ask for the counts: of many rows, when the map has come to rest."""
        self._errors.clear()
        self._tell()
        self._owed = len(self._host.table) > limits().quick_rows
        if not self._owed:
            self._ask()

    def _rested(self) -> None:
        if self._owed:
            self._ask()

    def _ask(self) -> None:
        """Ask for the counts of the open controls."""
        self._owed = False
        if not self._visible:
            return
        try:
            wanted = _Wanted(self._host.where, self._filters, tuple((control, control.query) for control in self._controls.values()))
        except BigviewError as error:
            self._host.failed(str(error))
            return
        self._worker.request(wanted)

    def _tell(self) -> None:
        shown = {name: {**control.shown(self._filters), "error": self._errors.get(name, "")} for name, control in self._controls.items()}
        self.component.param.update(active=self._active(), controls=shown)

    def _count(self, wanted: _Wanted, stale: Callable[[], bool]) -> Iterator[tuple[str, dict[str, Any]]]:
        for control, query in wanted.controls:
            yield control.name, control.counted(wanted.base, wanted.filters, query)

    def _counted(self, wanted: _Wanted, found: tuple[str, dict[str, Any]]) -> None:
        name, counts = found
        if name in self._controls and self.component.counts.get(name) != counts:
            self.component.counts = {**self.component.counts, name: counts}

    # What the visitor says.

    def _told(self, kind: Any, value: Any) -> None:
        of_closed = isinstance(value, dict) and value.get("name") not in self._controls  # it was closed since
        if kind in _MESSAGES and not of_closed:
            self._host.map.soon(lambda: self._heard(_MESSAGES[kind], value))

    def _heard(self, act: str, value: Any) -> None:
        try:
            getattr(self, act)(value)
        except Exception as error:  # noqa: BLE001  a message must never end the session
            self._host.failed(sentence(error))

    def _control(self, value: Any) -> Control:
        return self._controls[value["name"]]

    def _change(self, filters: Parts, value: Any = None) -> None:
        """Take other filters; all of one gesture are undone together."""
        gesture = value.get("gesture") if isinstance(value, dict) else None
        before = self._state.spec
        self._state.change(gesture=None if gesture is None else (value["name"], gesture), filters=filters)
        if self._state.spec == before:
            self._tell()

    def _opened(self, value: Any) -> None:
        if value in self._controls:
            del self._controls[value]
        elif value in self._columns:
            self._controls[value] = Control(self._host.table, self._columns[value])
        counts = {name: counts for name, counts in self.component.counts.items() if name in self._controls}
        self.component.param.update(facts={name: control.facts for name, control in self._controls.items()}, counts=counts)
        self._tell()
        self._ask()

    def _seen(self, value: Any) -> None:
        """Take note of whether the panel is on the page."""
        if self._visible != bool(value):
            self._visible = bool(value)
            self._ask()

    def _stopped(self, value: Any) -> None:
        self._change(self._control(value).stopped(self._filters, str(value["end"]), int(value["stop"])), value)

    def _typed(self, value: Any) -> None:
        control = self._control(value)
        try:
            filters = control.typed(self._filters, str(value["end"]), str(value["text"]))
        except BigviewError as error:
            self._wrong(control.name, str(error))
            return
        self._errors.pop(control.name, None)
        self._change(filters, value)

    def _picked(self, value: Any) -> None:
        self._change(self._control(value).toggled(self._filters, str(value["item"])))

    def _searched(self, value: Any) -> None:
        self._control(value).query = str(value["text"])
        self._ask()

    def _gapped(self, value: Any) -> None:
        self._change(self._control(value).gapped(self._filters, str(value["which"])))

    def _cleared(self, value: Any) -> None:
        control = self._control(value)
        self._errors.pop(control.name, None)
        self._change(control.changed(self._filters, None), value)

    def _texted(self, value: Any) -> None:
        """Filter by what a text contains, or by a pattern, which is tried first."""
        control, text = self._control(value), str(value["text"])
        asked = Asked(control.name, "regex" if value["mode"] == "regex" else "contains", text=text)

        def take() -> None:
            self._errors.pop(control.name, None)
            if control.name in self._controls:
                self._change(control.changed(self._filters, asked if text else None), value)

        if asked.kind == "regex" and text:
            self._drafts.request(_Draft(self._host.table, asking(asked), take, lambda error: self._wrong(control.name, _pattern_error(text, error))))
        elif text or not control.shown(self._filters)["gap"]:
            take()

    def _wrong(self, name: str, text: str) -> None:
        self._errors[name] = text
        self._tell()

    def _written(self, value: Any) -> None:
        """Take the expression of the line as a filter, once it has been tried."""
        text = str(value).strip()

        def take() -> None:
            self._taken += 1
            self.component.line = {"taken": self._taken, "text": text}
            made = Filter(text)
            if made not in self._filters:
                self._change((*self._filters, made))

        if text:
            self._drafts.request(_Draft(self._host.table, Filter(text), take, lambda error: self._refused(text, error)))

    def _refused(self, text: str, error: BigviewError) -> None:
        place = error.position if isinstance(error, ExpressionError) else None
        self.component.line = {"taken": self._taken, "error": str(error), "text": text, "place": place}


def _tried(draft: _Draft, stale: Callable[[], bool]) -> Iterator[BigviewError | None]:
    """Find the rows that pass, which the map will want, unless nothing can go wrong: then it shows a sample first. Yield what is wrong, or None."""
    try:
        if not draft.table.sure(draft.made):
            draft.table.bits(draft.made)
    except BigviewError as error:
        yield error
    else:
        yield None


def _answered(draft: _Draft, error: BigviewError | None) -> None:
    if error is None:
        draft.take()
    else:
        draft.refuse(error)


def _pattern_error(text: str, error: BigviewError) -> str:
    # The place it tells is one in the SQL around the pattern, which the visitor has not seen.
    reason = str(error).partition("is no regular expression: ")[2]
    return f"“{text}” is no regular expression: {reason}" if reason else str(error)


def _named(columns: list[tuple[str, str]]) -> list[list[str]]:
    """Return name, kind, and name as SQL takes it: in quotes only where it needs them."""
    found = []
    for name, kind in columns:
        plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) is not None
        if plain:
            try:
                parse(f"{name} > 1", [name])
            except BigviewError:
                plain = False
        found.append([name, kind, name if plain else quoted(name)])
    return found
