"""The records of one visitor: the one under the pointer, and the one that is pinned."""

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from bigview.app.images import images, places
from bigview.app.permalink import Permalink
from bigview.app.record import fields, headline
from bigview.app.stage import Stage
from bigview.app.state import State
from bigview.spec import View, Where
from bigview.store.points import PointTable
from bigview.views.map import Map
from bigview.views.pointer import Found
from bigview.views.scene import place_of

_RING = 13.0  # pixels across: around a mark, clear of it
_PINNED = "#ff5d8f"
_SHOWN = 100  # records shown at once
_UNDER = 0.5  # of the map's height lies under the table of records, as explorer.css places it
_ABOVE = 0.2  # of the map's height: as far above the middle a record is shown beside an open table


class Records:
    """Shows records on the page and rings around them on the map.

    Attributes
    ----------
    pinned : list of callable
        Called with each record that is pinned, and with None.
    """

    def __init__(self, table: PointTable, state: State, map_: Map, stage: Stage, permalink: Permalink) -> None:
        self._table, self._state, self._map, self._stage = table, state, map_, stage
        self._found: dict[str, Found | None] = {"hover": None, "record": None}
        self.pinned: list[Callable[[Found | None], None]] = []
        self._permalink = permalink

    def hovered(self, found: Found | None) -> None:
        """Show the record under the pointer."""
        pinned = self._found["record"]
        if found is not None and pinned is not None and _row(found) == _row(pinned):
            found = None  # it is on the page already
        self._found["hover"] = found
        if found is None:
            if self._stage.hover:
                self._stage.hover = {}
                self._ring()
            return
        manifest = self._table.manifest
        title = headline(found.record, manifest) if found.complete else "…"
        told = [entry for entry in fields(found.record, manifest, brief=True) if entry[1] != title]
        self._stage.hover = {"x": found.pixel[0], "y": found.pixel[1], "title": title, "fields": told}
        self._ring()

    def picked(self, found: Found | None) -> None:
        """Pin the record that was clicked; a click beside all records closes it."""
        self._found["record"] = found
        for call in self.pinned:
            call(found)
        if found is None:
            self._stage.param.update(record={}, pictures=[])
            self._ring()
            return
        if self._stage.hover:
            self._found["hover"], self._stage.hover = None, {}
        manifest = self._table.manifest
        card = {"title": headline(found.record, manifest), "fields": fields(found.record, manifest)}
        self._stage.param.update(record=card, pictures=[])
        self._ring()
        folder = self._table.reader.folder
        pictured = places(found.record, manifest, folder)
        if pictured:
            self._map.aside(lambda: images(folder, pictured), lambda shown: self._illustrated(found, shown))

    def _illustrated(self, found: Found, shown: list[dict[str, str]]) -> None:
        """Add its images to a record's card, if it is still there."""
        if shown and self._found["record"] is found:
            self._stage.pictures = shown

    def show(self, rows: Iterable[int]) -> None:
        """Show records, by their numbers in the source, on the map, and the first one in its card."""
        wanted = list(rows)[:_SHOWN]
        self._map.aside(lambda: self._table.take(row_ids=wanted), self._shown)

    def nearest(self, view: View, where: Where) -> None:
        """Pin the record nearest to the middle of a view."""
        x, y = (low + (high - low) / 2 for low, high in (view.x_range, view.y_range))
        self._map.aside(lambda: self._table.nearest(x, y, 1, where, view).drop(columns="distance"), self._shown)

    def _shown(self, records: Any) -> None:
        if not len(records):
            return
        x, y = place_of(self._table, records)
        camera, open_ = self._map.camera, not {"table", "gallery"}.isdisjoint(self._stage.opened)
        seen = replace(camera, y0=camera.y0 + _UNDER * camera.span[1]) if open_ else camera
        if math.isfinite(x) and math.isfinite(y) and not seen.holds(x, y):
            self._permalink.jump = True
            self._map.look(camera.centred(x, y).moved(0.0, -_ABOVE if open_ else 0.0))
        self.picked(Found(records.iloc[:1], (0.0, 0.0), True))

    def _ring(self) -> None:
        ink = "#ffffff" if self._state.style.dark else "#111111"
        colors = {"hover": ink, "record": _PINNED}
        found = [(place_of(self._table, one.record), colors[name]) for name, one in self._found.items() if one is not None]
        self._map.mark([(*place, color, _RING) for place, color in found])

    def forget(self) -> None:
        """Let go of the records; called when the visitor leaves."""
        self._found = {"hover": None, "record": None}
        self.pinned = []


def _row(found: Found) -> int:
    return int(found.record["__row"].iloc[0])
