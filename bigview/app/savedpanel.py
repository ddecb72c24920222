"""The panel of saved selections: what is shown now is kept under a name, with a note, beside the store, for everybody who opens it."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import param

from bigview.app.component import HERE, Component
from bigview.app.host import Attached, Host
from bigview.app.permalink import Opened, link_of, read
from bigview.app.record import spoken
from bigview.part import Saved, kept_for_link
from bigview.spec import Filters, Where
from bigview.state import Spec
from bigview.store.named import SavedSelection
from bigview.store.saved import Selections
from bigview.views.live import sentence


class SavedView(Component):
    """The page's side of the panel. It takes plain values; savedpanel.js shows them as text."""

    items = param.List(default=[], doc="What is saved, the newest first.")
    note = param.String(default="", doc="What is kept if one saves now.")
    said = param.Dict(default={}, doc="What came of the last thing that was done, and whether it went well.")

    _esm = HERE / "savedpanel.js"
    _stylesheets = (str(HERE / "chartpanel.css"), str(HERE / "savedpanel.css"))


@dataclass(frozen=True)
class _Job:
    """What is to be done, with what the page says of it, and what is shown now."""

    kind: str
    value: dict[str, Any]
    where: Filters
    spec: Spec


@dataclass(frozen=True)
class _Done:
    """What came of it: what is saved now (None where that is not known), a sentence (None: the last one stays), and what is to be shown, and how."""

    items: list[dict[str, Any]] | None
    said: str | None = ""
    well: bool = True
    opened: tuple[Saved, Where, str] | Opened | None = None


class SavedPanel(Attached):
    """The panel of saved selections of one visitor.

    Parameters
    ----------
    host : Host
        The explorer.
    """

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self._selections = Selections(host.table)
        self._does: dict[str, Callable[[_Job], _Done]] = {
            "list": lambda _: _Done(None, None),
            "save": self._save,
            "edit": self._edit,
            "delete": self._delete,
            "select": self._take,
            "filter": self._take,
            "view": self._view,
        }
        self._jobs: deque[_Job] = deque()
        self._worker = self._worker_of(self._work, self._show)
        self.component = SavedView(told=self._told, sizing_mode="stretch_both", margin=0)
        self._attach(self._tell)
        self._tell()
        self._told("list", {})

    def _tell(self) -> None:
        wanted = Filters.of(self._host.where, self._host.selected)
        what = "the filters in force and the selection" if wanted else "every row: nothing is filtered or selected"
        self.component.note = f"Kept are {what}, and the view."

    def _told(self, kind: Any, value: Any) -> None:
        """Do what the page asks for, in its turn."""
        if kind in self._does and isinstance(value, dict):
            self._host.map.soon(lambda: self._ask(kind, value))

    def _ask(self, kind: str, value: dict[str, Any]) -> None:
        try:
            where = Filters.of(self._host.where, self._host.selected)
            self._jobs.append(_Job(kind, value, where, self._host.permalink.spec))
            self._worker.request(None)
        except Exception as error:  # noqa: BLE001  such as a saved selection that is gone
            self._show(None, _Done(None, sentence(error), False))

    def _work(self, _: None, __: Callable[[], bool]) -> Iterator[_Done]:
        """Do all that was asked: a worker drops a request for a newer one, but nothing that is to be saved may be dropped."""
        while self._jobs:
            yield self._done(self._jobs.popleft())

    def _done(self, job: _Job) -> _Done:
        """Do what was asked in the database, off the event loop."""
        try:
            done = self._does[job.kind](job)
        except Exception as error:  # noqa: BLE001  it is said in the panel, and the list stays
            done = _Done(None, sentence(error), False)
        try:
            return replace(done, items=[_item(one) for one in self._selections.list()])
        except Exception as error:  # noqa: BLE001  such as a database that is away
            return replace(done, said=done.said or sentence(error), well=False)

    def _save(self, job: _Job) -> _Done:
        value = job.value
        view = link_of(job.spec, self._host.table, {}).query
        made = self._selections.save(str(value.get("name", "")), job.where, note=str(value.get("note", "")), view=view)
        return _Done(None, f"Saved {made.name}: {made.rows:,} rows.")

    def _edit(self, job: _Job) -> _Done:
        """Give another name or note, if nobody else has meanwhile."""
        name, value = str(job.value["name"]), job.value
        self._selections.annotate(name, str(value.get("note", "")), was=str(value.get("was", "")))
        new = str(value.get("new", name))
        if new.strip() != name:
            self._selections.rename(name, new)
        return _Done(None, f"Changed {new.strip()}.")

    def _delete(self, job: _Job) -> _Done:
        self._selections.delete(str(job.value["name"]))
        return _Done(None, f"Deleted {job.value['name']}.")

    def _take(self, job: _Job) -> _Done:
        """Select or filter by a saved selection, if the store still has what it needs."""
        found = self._selections.get(str(job.value["name"]))
        broken = found.broken(self._host.table)
        if broken:
            return _Done(None, " ".join(broken), False)
        said = " ".join(found.differences(self._host.table))
        return _Done(None, said, not said, (found.link, found.where, job.kind))

    def _view(self, job: _Job) -> _Done:
        """Show all that was shown when it was saved; what the store no longer has is left out, and said."""
        found = self._selections.get(str(job.value["name"]))
        opened = read(found.view, self._host.table, job.spec)
        return _Done(None, opened.said, not opened.said, Opened(opened.spec, opened.saved, ""))

    def _show(self, _: Any, done: _Done) -> None:
        if done.items is not None:
            self.component.items = done.items
        if isinstance(done.opened, Opened):
            self._host.permalink.show(done.opened)
        elif done.opened is not None:
            link, where, kind = done.opened
            self._state.saved[link.name] = where
            if kind == "select":
                self._state.change(selection=[("add", link)])
            else:
                self._state.change(filters=[*(part for part in self._state.spec.filters if part != link), link])
        if done.said is not None:
            self.component.said = {"text": done.said, "well": done.well}


def _item(one: SavedSelection) -> dict[str, Any]:
    rows = f"{one.rows:,} row{'' if one.rows == 1 else 's'}"
    return {
        "name": one.name,
        "author": one.author,
        "time": f"{spoken(one.time.replace(tzinfo=None, microsecond=0))} UTC",
        "note": one.note,
        "rows": rows,
        "view": bool(one.view),
        "link": kept_for_link(one.link),
    }
