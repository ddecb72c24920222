"""The explorer: one visitor's map of a store, with its legend, its records and its controls."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Any

import holoviews as hv
import panel as pn

from bigview.app.acts import Acts
from bigview.app.component import on_page, own_theme, room_of
from bigview.app.controls import Controls
from bigview.app.legend import densest_part, legend, remark, summary
from bigview.app.links import usable
from bigview.app.panels import PANELS
from bigview.app.permalink import Permalink
from bigview.app.picks import picked, place_of, told
from bigview.app.records import Records
from bigview.app.stage import Stage
from bigview.app.state import State, colorings, first_coloring
from bigview.app.thumbnails import image_columns
from bigview.errors import missing_column
from bigview.raster.sketch import roughness
from bigview.spec import Filter, Filters, Style, View, Where
from bigview.state import Spec
from bigview.store.points import PointTable
from bigview.views.linked import Selected, Shared
from bigview.views.live import sentence
from bigview.views.map import Map
from bigview.views.picture import Picture, Wish
from bigview.views.pointer import Found
from bigview.views.scene import PointScene, camera_of

_READ = 5.0  # seconds in which a sentence is read


@dataclass(frozen=True)
class _Held:
    """A sentence that stays: what was asked for and when it was said, and the view of the first picture after it."""

    asked: tuple[Any, Any]
    since: float
    view: View | None = None


class Explorer(pn.viewable.Viewer):
    """The explorer of a store, for one visitor; displays itself in Jupyter.

    Parameters
    ----------
    table : PointTable
        The store.
    where : str or Filter, optional
        Show only rows that pass.
    color_by : str, optional
        Column to colour by at first; "Density" for none. A telling category by default.
    palette : str, optional
    dark : bool
    height : int, optional
        Pixels; in a notebook 640 by default. A map without a height fills the window of a server's page: give one where the page has more on it.
    spec : Spec, optional
        All that is to be shown; the other options then say nothing of colours.
    """

    def __init__(
        self,
        table: PointTable,
        where: Where = None,
        color_by: str | None = "auto",
        palette: str | None = None,
        dark: bool = True,
        height: int | None = None,
        spec: Spec | None = None,
    ) -> None:
        super().__init__()
        if not hv.Store.loaded_backends():
            hv.extension("bokeh", logo=False)
        self.table, self._where = table, Filters.of(where)
        self._colorings = colorings(table)
        plain = Spec(style=Style(by=self._first(color_by), palette=palette, dark=dark), fingerprint=table.manifest.fingerprint)
        found, saved, said = (plain, {}, "") if spec is None else usable(spec, table, plain)
        self.state = State(spec=found.replaced(view=None))
        self.state.saved = saved
        self._held: _Held | None = None
        if said:
            self._hold()
        self._looked = False
        self.touched = False
        self.acts: Acts
        self.settled: list[Callable[[], None]] = []
        self.map = Map(PointScene(table), self.state.style, self, self.where, None if found.view is None else camera_of(found.view))
        self.map.restyle(found.style, self.where, self._facet(), self.selected)
        with own_theme():
            self._controls = Controls(self.state, self._colorings, table.columns, lambda what: self.map.soon(lambda: self.acts.press(what)))
        page, room = room_of(height)
        self.stage = Stage(
            controls=self._controls.widgets,
            facts=self._facts(page),
            map=pn.pane.HoloViews(self.map.element, linked_axes=False, sizing_mode="stretch_both", margin=0),
            chips=self._chips(),
            status={"view": "…", "all": f" of {table.manifest.rows:,} rows", "message": said},
            told=lambda kind, value: self.acts.told(kind, value),
            **room,
        )
        self.permalink = Permalink(table, self.state, self.map, self.stage, self.say)
        self.records = Records(table, self.state, self.map, self.stage, self.permalink)
        self.acts = Acts(self)
        self._shared = Shared(self)
        self.state.param.watch(lambda event: self.map.soon(lambda: self._changed(event.old, event.new)), "spec")
        if on_page():
            pn.state.on_session_destroyed(lambda _: self.close())

    @property
    def base(self) -> Filters:
        """The filters that the explorer was made with."""
        return self._where

    @property
    def where(self) -> Filters:
        """All filters in force: those the explorer was made with, and the visitor's."""
        return Filters.of(self._where, self.state.where)

    @property
    def selected(self) -> Filters:
        """What is selected; no filter where nothing is."""
        return self.state.selected

    @property
    def selection(self) -> Selected:
        """What is selected, as a HoloViews stream with `selection_expr`, `where` and `filters`: a DynamicMap that has it is drawn anew with it."""
        return self._shared.stream

    def link(self, linked: Any = None) -> Any:
        """Share the selection with your own plots, in both directions.

        Parameters
        ----------
        linked : link_selections, optional
            An instance (`hv.link_selections.instance()`); a new one by default.

        Returns
        -------
        link_selections
            Call it with plots of the store, or of tables that have the column `__row`.

        Examples
        --------
        >>> linked = explorer.link()  # doctest: +SKIP
        >>> linked(hv.Points(store.rows(limit=1000, sample=True), ["score", "votes"]))  # doctest: +SKIP
        """
        return self._shared.link(linked)

    def select(self, steps: Any) -> None:
        """Select what steps lead to, each an operation ("add", "subtract", "intersect") and a filter."""
        self.map.soon(lambda: self.state.change(selection=steps))

    @property
    def spec(self) -> Spec:
        """All that is shown now."""
        return self.permalink.spec

    def __panel__(self) -> Any:
        return self.stage

    def _first(self, color_by: str | None) -> str | None:
        """Return the column to colour by at first."""
        if color_by == "auto":
            return first_coloring(self.table)
        if color_by is None or self._colorings.get(color_by, "") is None:
            return None
        if color_by not in self._colorings.values():
            raise missing_column(color_by, [name for name in self._colorings.values() if name], "the store to colour by")
        return color_by

    def _facts(self, page: bool) -> dict[str, Any]:
        manifest = self.table.manifest
        title = manifest.title or Path(self.table.reader.folder.url.rstrip("/")).stem
        notes: list[str] = []
        for name in ("credit", "licence", "license"):
            said = str(manifest.report.get(name) or "")
            if said and not any(said in note for note in notes):
                notes.append(said)
        label = f"Map of {title}. Arrow keys move, plus and minus zoom, 0 shows all of it, Enter shows the record in the middle, Escape closes it."
        return {"title": title, "note": " · ".join(notes), "label": label, "dark": self.state.style.dark, "page": page}

    def _changed(self, old: Spec, new: Spec) -> None:
        """Show another spec."""
        if self.stage.facts["dark"] != new.style.dark:
            self.stage.facts = {**self.stage.facts, "dark": new.style.dark}
        self._controls.follow()
        if _still(new) == _still(old):  # a second map was moved: no more than panning, and nothing on the map is another
            return
        self.permalink.jump = True
        if (old.filters, old.charts, old.selection) != (new.filters, new.charts, new.selection):
            self.stage.chips = self._chips()
            self._shared.follow()
        try:
            self.map.restyle(new.style, self.where, self._facet(), self.selected)
        except Exception as error:  # noqa: BLE001  a filter must never end the session
            self.failed(sentence(error))

    def _chips(self) -> dict[str, Any]:
        filters, steps = self.state.spec.filters, self.state.spec.selection
        undo = {"undo": self.state.undoable, "redo": self.state.redoable}
        brushes = [told(Filter(chart.brush)) for chart in self.state.spec.charts if chart.brush]
        return {"filters": [*(told(part) for part in filters), *brushes], "selection": len(steps), **undo}

    def _facet(self) -> Filters | None:
        """Return the filters without the picks of the legend, which still ranks all categories; None where there are no picks."""
        filters, by = self.state.spec.filters, self.state.style.by
        place = None if by is None else place_of(by, filters)
        if place is None:
            return None
        return Filters.of(self._where, self.state.where_of(self.state.spec.replaced(filters=filters[:place] + filters[place + 1 :])))

    # What the map asks and tells.

    def covers(self, width: int, height: int) -> tuple[int, int]:
        """Return the pixels under the cards, as explorer.css places them."""
        return (0, 190) if width <= 640 else (284, 0)

    def pictured(self, wish: Wish, picture: Picture) -> None:
        """Show the legend and the counts of a settled picture; say of a sketch that it is one."""
        sketch = roughness(picture.frame)
        if self.stage.sketch != sketch:
            self.stage.sketch = sketch
        if picture.count is None:
            return
        if not pn.state.loaded:
            # Panel drops what it is told between the first connection and the end of loading; the picture itself is Bokeh's.
            pn.state.onload(lambda: self.map.soon(lambda: self.pictured(wish, picture)))
            return
        rows, filters = self.table.manifest.rows, self.state.spec.filters
        by = wish.style.by
        shown = legend(self.table, picture.frame, by, wish.style.dark, picked(by, filters) if by else (), picture.totals)
        active = len(filters) + sum(1 for chart in self.state.spec.charts if chart.brush)
        spoken = summary(picture.count, rows, shown, active, picture.chosen, densest_part(picture.frame))
        said = "" if picture.chosen is None else f"{picture.chosen:,} selected"
        message = self.stage.status.get("message", "") if self._holds(wish) else remark(picture.count, rows, active, picture.chosen)
        status = {
            "view": f"{picture.count:,}",
            "all": f" of {rows:,} rows",
            "chosen": said,
            "summary": spoken,
            "message": message,
        }
        self.permalink.renew()
        self._furnish()
        self.stage.param.update(legend=shown, status=status)
        for call in self.settled:
            call()

    def _furnish(self) -> None:
        """Once the map is there, open the charts of a link; find out whether a column holds images, and offer the gallery where one does."""
        if self._looked:
            return
        self._looked = True
        if self.state.spec.charts:  # those of a link
            self.acts.show("charts")

        def offer(_: Any, columns: tuple[str, ...]) -> None:
            if columns:
                self.stage.panels = list(PANELS)

        self.map.worker(lambda table, _: [image_columns(table)], offer).request(self.table)

    def outlined(self, corners: list[tuple[float, float]]) -> None:
        """Select the rows inside an area that was drawn on the map."""
        self.acts.outlined(corners)

    @property
    def pinned(self) -> list[Callable[[Found | None], None]]:
        """Called with each record that is pinned."""
        return self.records.pinned

    def hovered(self, found: Found | None) -> None:
        """Show the record under the pointer."""
        self.records.hovered(None if self.touched else found)

    def picked(self, found: Found | None) -> None:
        """Pin the record that was clicked."""
        self.records.picked(found)

    def pick_middle(self) -> None:
        """Pin the record nearest to the middle of the map, as Enter does."""
        self.records.nearest(self.map.view, self.where)

    def show(self, rows: Iterable[int]) -> None:
        """Show records, by their numbers in the source, on the map, and the first one in its card."""
        self.records.show(rows)

    def say(self, text: str) -> None:
        """Say a sentence that stays until other rows are asked for, or, once it can have been read, until the map is moved."""
        self._hold()
        self.failed(text)

    def _hold(self) -> None:
        self._held = _Held((self.state.spec.filters, self.state.spec.selection), monotonic())

    def _holds(self, wish: Wish) -> bool:
        """Tell whether what was said stays with this picture."""
        held = self._held
        if held is not None and held.view is None:
            self._held = replace(held, view=wish.view)
        elif held is not None and held.view != wish.view and monotonic() - held.since > _READ:
            self._held = None
        if self._held is not None and self._held.asked != (self.state.spec.filters, self.state.spec.selection):
            self._held = None
        return self._held is not None

    def failed(self, text: str) -> None:
        """Say what went wrong; the last picture stays."""
        if self.map.ready and not pn.state.loaded:  # see `pictured`
            pn.state.onload(lambda: self.map.soon(lambda: self.failed(text)))
            return
        self.stage.status = {**self.stage.status, "message": text}

    def close(self) -> None:
        """Stop all work; called when the visitor leaves."""
        self.acts.close()
        self._shared.close()
        self.map.close()
        self.records.forget()


def _still(spec: Spec) -> Spec:
    """Return a spec without the views of its second maps."""
    return spec.replaced(charts=[replace(chart, view=None) for chart in spec.charts])
