"""What the panels beside the map may use of the explorer, and what they give it."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Protocol

from bigview.app.permalink import Permalink
from bigview.app.state import State
from bigview.spec import Filters
from bigview.store.points import PointTable
from bigview.views.live import Latest
from bigview.views.map import Map
from bigview.views.pointer import Found


class Panel(Protocol):
    """A panel of one visitor."""

    component: Any

    def close(self) -> None:
        """Stop all work."""


class Host(Protocol):
    """What a panel may use of the explorer it belongs to."""

    table: PointTable
    state: State
    map: Map
    permalink: Permalink
    settled: list[Callable[[], None]]  # called when the map has come to rest and its picture is there
    pinned: list[Callable[[Found | None], None]]  # called with the record that was clicked, or None when it was let go

    @property
    def base(self) -> Filters:
        """The filters that the explorer was made with."""

    @property
    def where(self) -> Filters:
        """All filters in force."""

    @property
    def selected(self) -> Filters:
        """What is selected; no filter where nothing is."""

    def failed(self, text: str) -> None:
        """Say a sentence to the visitor."""

    def show(self, rows: Iterable[int]) -> None:
        """Show records, by their numbers in the source, on the map, and the first one in its card."""


class Attached:
    """A panel that follows the explorer it belongs to, and lets go of it when it is closed.

    Parameters
    ----------
    host : Host
        The explorer.
    """

    def __init__(self, host: Host) -> None:
        self._host, self._state = host, host.state
        self._ends: list[Callable[[], None]] = []

    def _worker_of(self, work: Callable[[Any, Callable[[], bool]], Iterable[Any]], deliver: Callable[[Any, Any], None]) -> Latest[Any, Any]:
        """Return a worker that ends with the panel; see `Map.worker`."""
        worker = self._host.map.worker(work, deliver)
        self._ends.append(worker.close)
        return worker

    def _attach(
        self, spec: Callable[[], None], settled: Callable[[], None] | None = None, pinned: Callable[[Found | None], None] | None = None
    ) -> None:
        """Have calls made when what is shown changes (`spec`), when the map has come to rest, and when a record is clicked or let go."""
        watcher = self._state.param.watch(lambda _: self._host.map.soon(spec), "spec")
        self._ends.append(lambda: self._state.param.unwatch(watcher))
        for calls, call in ((self._host.settled, settled), (self._host.pinned, pinned)):
            if call is not None:
                calls.append(call)  # type: ignore[arg-type]
                self._ends.append(partial(_let_go, calls, call))

    def close(self) -> None:
        """Stop all work, and listen no more."""
        while self._ends:
            self._ends.pop()()


def _let_go(calls: list[Any], call: Any) -> None:
    if call in calls:
        calls.remove(call)
