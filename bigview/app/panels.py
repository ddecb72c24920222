"""The panels that open on request beside the map, by name."""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from bigview.app.state import State
from bigview.spec import Filters
from bigview.store.points import PointTable
from bigview.views.map import Map


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

    @property
    def where(self) -> Filters:
        """All filters in force."""

    def failed(self, text: str) -> None:
        """Say a sentence to the visitor."""

    def show(self, rows: Iterable[int]) -> None:
        """Show records, by their numbers in the source, on the map, and the first one in its card."""


PANELS: dict[str, Callable[[Any], Panel]] = {}
