"""The panel of saved selections: what is shown now is kept under a name, with a note, beside the store, for everybody who opens it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import param

from bigview.app.component import HERE, Component
from bigview.app.host import Host
from bigview.app.record import spoken
from bigview.spec import Filters, Where
from bigview.state import Saved
from bigview.store.saved import Selections


class SavedView(Component):
    """The page's side of the panel. It takes plain values; savedpanel.js shows them as text."""

    items = param.List(default=[], doc="What is saved, the newest first.")
    note = param.String(default="", doc="What is kept if one saves now, or what went wrong.")

    _esm = HERE / "savedpanel.js"
    _stylesheets = (str(HERE / "chartpanel.css"), str(HERE / "savedpanel.css"))


@dataclass(frozen=True)
class _Listed:
    """What is saved; and, where one of them is to be opened, what it holds and how it is wanted."""

    items: list[dict[str, Any]]
    said: str = ""
    opened: tuple[Saved, Where, str] | None = None


class SavedPanel:
    """The panel of saved selections of one visitor.

    Parameters
    ----------
    host : Host
        The explorer.
    """

    def __init__(self, host: Host) -> None:
        self._host, self._state = host, host.state
        self._selections = Selections(host.table)
        self._worker = host.map.worker(self._work, self._show)
        self.component = SavedView(told=self._told, sizing_mode="stretch_both", margin=0)
        self._watcher = self._state.param.watch(lambda _: host.map.soon(self._tell), "spec")
        self._tell()
        self._worker.request(("list", {}))

    def close(self) -> None:
        """Stop all work."""
        self._state.param.unwatch(self._watcher)
        self._worker.close()

    def _tell(self) -> None:
        wanted = Filters.of(self._host.where, self._host.selected)
        self.component.note = (
            "Kept are the filters in force and the selection." if wanted else "Every row is shown: filter or select first, then save."
        )

    def _told(self, kind: Any, value: Any) -> None:
        if kind in ("save", "select", "filter", "delete", "list") and isinstance(value, dict):
            wanted = Filters.of(self._host.where, self._host.selected)
            self._host.map.soon(lambda: self._worker.request((kind, {**value, "where": wanted})))

    def _work(self, job: tuple[str, dict[str, Any]], _: Callable[[], bool]) -> Iterator[_Listed]:
        """Do what was asked in the database, off the event loop."""
        kind, value = job
        name, opened, said = str(value.get("name", "")), None, ""
        if kind == "save":
            made = self._selections.save(name, value["where"], note=str(value.get("note", "")))
            said = f"Saved {made.name}: {made.rows:,} rows."
        elif kind == "delete":
            self._selections.delete(name)
            said = f"Deleted {name}."
        elif kind in ("select", "filter"):
            found = self._selections.get(name)
            said = " ".join(found.differences(self._host.table))
            opened = (found.link, found.where, kind)
        items = [
            {"name": one.name, "author": one.author, "time": spoken(one.time), "note": one.note, "rows": f"{one.rows:,} rows"}
            for one in self._selections.list()
        ]
        yield _Listed(items, said, opened)

    def _show(self, _: Any, found: _Listed) -> None:
        self.component.items = found.items
        if found.opened is not None:
            link, where, kind = found.opened
            self._state.saved[link.name] = where
            if kind == "select":
                self._state.change(selection=[("add", link)])
            else:
                self._state.change(filters=[*self._state.spec.filters, link])
        if found.said:
            self.component.note = found.said
