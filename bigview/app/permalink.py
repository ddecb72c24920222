"""The link to what a page shows: written at every rest, read when the browser goes back; what has no room in it is kept beside the store."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bigview.app.links import usable
from bigview.app.stage import Stage
from bigview.app.state import State
from bigview.errors import BigviewError, TooLargeError
from bigview.part import digest, kept_name, size_of
from bigview.spec import Filter, Where
from bigview.state import LONGEST_QUERY, Spec
from bigview.store.points import PointTable
from bigview.store.saved import KEPT_NOTE, Selections
from bigview.views.map import Map


@dataclass(frozen=True)
class Link:
    """A link: its query, the names under which parts were kept for it, and what has no place in it, as a sentence."""

    query: str
    names: dict[Filter, str]
    said: str = ""


def link_of(spec: Spec, table: PointTable, names: dict[Filter, str]) -> Link:
    """Return the link to a spec. What has no room in it is kept beside the store: areas and row sets; if the rest is too long too, all but the view.

    Waits for a database: not for the event loop.

    Parameters
    ----------
    spec : Spec
    table : PointTable
    names : dict of Filter to str
        Of parts that are kept already.
    """
    known, found, parts = dict(names), Selections(table), [part for part in spec.bulky() if part not in names]
    try:
        if not any(_has_room(spec.with_saved(known | more)) for more in ({}, {part: kept_name(digest(part)) for part in parts})):
            for part in parts:
                if size_of(part) > LONGEST_QUERY:
                    known[part] = found.save(kept_name(digest(part)), part, note=KEPT_NOTE).name
            kept = found.keep(spec.with_saved(known))
            return Link(spec.replaced(filters=(), charts=(), selection=(), kept=kept).to_query(), known)
        while not _has_room(spec.with_saved(known)):
            part = parts.pop(0)
            known[part] = found.save(kept_name(digest(part)), part, note=KEPT_NOTE).name
    except BigviewError as error:
        return _without(spec, known, error)
    return Link(spec.to_query(known), known)


def _has_room(spec: Spec) -> bool:
    """Tell whether a spec fits into a link."""
    try:
        spec.to_query()
    except TooLargeError:
        return False
    return True


def _without(spec: Spec, names: dict[Filter, str], error: BigviewError) -> Link:
    """Return the link without as many of its largest parts as keep it from fitting, and then of its last charts."""
    parts, left = [part for part in spec.parts_by_size() if part not in names], []
    while not _has_room(spec.with_saved(names)) and (parts or spec.charts):
        if parts:
            part = parts.pop(0)
            spec = spec.replaced(filters=[one for one in spec.filters if one != part], selection=[one for one in spec.selection if one[1] != part])
            left.append("the largest area, list or expression")
        else:
            spec = spec.replaced(charts=spec.charts[:-1])
            left.append("the last chart")
    lost = " and ".join(f"{what}s ({left.count(what)})" if left.count(what) > 1 else what for what in dict.fromkeys(left))
    query = spec.to_query(names) if _has_room(spec.with_saved(names)) else ""
    return Link(query, names, f"The address shows all but {lost or 'what is shown'}, for which it has no room, and which cannot be kept: {error}")


@dataclass(frozen=True)
class Opened:
    """What a link holds: a spec that the store can show, what the saved selections in it hold, and a sentence about what was left out."""

    spec: Spec
    saved: dict[str, Where]
    said: str


def read(query: str, table: PointTable, plain: Spec) -> Opened:
    """Return what the query of a link holds; the style of `plain` stands in for one that cannot be shown. Reads a database.

    Raises
    ------
    OptionError
        When the query is cut or altered.
    """
    return Opened(*usable(Spec.from_query(query), table, plain)) if "spec=" in query else Opened(Spec(style=plain.style), {}, "")


class Permalink:
    """The link of one visitor's page.

    Parameters
    ----------
    table : PointTable
    state : State
    map_ : Map
    stage : Stage
    say : callable
        Says a sentence to the visitor.
    """

    def __init__(self, table: PointTable, state: State, map_: Map, stage: Stage, say: Callable[[str], None]) -> None:
        self._table, self._state, self._map, self._stage, self._say = table, state, map_, stage, say
        self._names: dict[Filter, str] = {}
        self._said = ""
        self._worker: Any = None
        self.jump = False  # whether the next link gets an entry of its own in the browser's history; moving about does not

    @property
    def spec(self) -> Spec:
        """All that is shown now."""
        view = self._map.view if self._map.ready else None
        return self._state.spec.replaced(view=None if view is None else (view.x_range, view.y_range))

    def renew(self) -> None:
        """Tell the page the link to what it shows."""
        if not self._stage.facts["page"]:
            return
        spec, push, self.jump = self.spec, self.jump, False
        try:
            if spec.is_bulky:
                self._later(spec, push)  # its text alone would take the event loop a tenth of a second
            else:
                self._tell(Link(spec.to_query(self._names), self._names), push)
        except TooLargeError:
            self._later(spec, push)

    def _later(self, spec: Spec, push: bool) -> None:
        """Make the link off the event loop."""
        if self._worker is None:
            self._worker = self._map.worker(self._make, lambda job, link: self._tell(link, job[1]))
        self._worker.request((spec, push))

    def _make(self, job: tuple[Spec, bool], _: Callable[[], bool]) -> Iterator[Link]:
        yield link_of(job[0], self._table, self._names)

    def _tell(self, link: Link, push: bool) -> None:
        self._names = link.names
        self._stage.link = {"query": link.query, "push": push}
        if link.said and link.said != self._said:
            self._say(link.said)  # once: the next rest would say the same
        self._said = link.said

    def travelled(self, value: Any) -> None:
        """Show what a link of the browser's history holds."""
        self.show(read(str(value), self._table, self._state.spec))
        self.jump = False

    def show(self, opened: "Opened") -> None:
        """Show what a link holds."""
        self._state.saved |= opened.saved
        self._map.go(opened.spec.view)
        self._state.spec = opened.spec.replaced(view=None)
        if opened.said:
            self._say(opened.said)
