"""Everything like the pinned record: what the page offers, and the selection or the filters that come of it."""

from collections.abc import Callable, Iterator
from typing import Any

from bigview.app.host import Host
from bigview.app.likeness import Alike, as_one, likeness, merged, traits
from bigview.app.stage import Stage
from bigview.spec import Filter, Filters
from bigview.views.live import sentence
from bigview.views.pointer import Found

_Job = tuple[Alike, Filters, str]


class Others:
    """Finds the rows like the pinned one, for one visitor.

    Parameters
    ----------
    host : Host
        The explorer.
    stage : Stage
    """

    def __init__(self, host: Host, stage: Stage) -> None:
        self._host, self._stage = host, stage
        self._row: int | None = None
        self._worker: Any = None
        self._asked = 0
        host.pinned.append(self._pinned)

    def _pinned(self, found: Found | None) -> None:
        row = None if found is None else int(found.record["__row"].iloc[0])
        if found is None or (row == self._row and not found.complete):
            offer = {} if found is None else self._stage.alike
        else:
            offer = traits(found.record, self._host.table, self._host.state.color_by)
        self._row, self._stage.alike = row, offer

    def ask(self, value: Any, mode: str) -> None:
        """Find what the page asks for, and select or filter; `mode` says what becomes of the selection before, see `State.select`."""
        if self._row is None:
            return
        try:
            wanted = Alike.of(self._row, value)
        except Exception as error:  # noqa: BLE001  it is said in the card
            self._say(sentence(error))
            return
        if self._worker is None:
            self._worker = self._host.map.worker(self._work, self._deliver)
        self._worker.request((wanted, self._host.where, "filter" if value.get("act") == "filter" else mode))

    def _work(self, job: _Job, _: Callable[[], bool]) -> Iterator[tuple[Filter, ...] | str]:
        wanted, where, _act = job
        try:
            yield likeness(self._host.table, wanted, where)
        except Exception as error:  # noqa: BLE001  it is said in the card
            yield sentence(error)

    def _deliver(self, job: _Job, found: tuple[Filter, ...] | str) -> None:
        if isinstance(found, str):
            self._say(found)
            return
        state, act = self._host.state, job[2]
        if act == "filter":
            state.change(filters=merged(state.spec.filters, found))
        else:
            state.select(act, as_one(found))
        self._say("")

    def _say(self, text: str) -> None:
        self._asked += 1  # the same sentence may be right twice
        self._stage.answer = {"said": text, "number": self._asked}
