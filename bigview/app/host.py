"""What the panels beside the map may use of the explorer, and what they give it."""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from bigview.app.permalink import Permalink
from bigview.app.state import State
from bigview.spec import Filters
from bigview.store.points import PointTable
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
