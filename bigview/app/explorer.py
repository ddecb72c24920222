"""The explorer: one visitor's map of a store, with its legend, its records and its controls."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import holoviews as hv
import panel as pn

from bigview.app.controls import Controls
from bigview.app.host import Panel
from bigview.app.legend import legend, summary
from bigview.app.links import usable
from bigview.app.panels import PANELS
from bigview.app.picks import picked, place_of, toggled, told
from bigview.app.records import Records
from bigview.app.stage import Stage
from bigview.app.state import State, colorings, first_coloring
from bigview.errors import TooLargeError, missing_column
from bigview.raster.rescale import rescaled, unscaled
from bigview.spec import Filter, Filters, Style, Where
from bigview.state import Spec
from bigview.store.points import PointTable
from bigview.views.live import sentence
from bigview.views.map import Map
from bigview.views.picture import Picture, Wish, to_plot, to_value
from bigview.views.pointer import Found
from bigview.views.scene import PointScene, camera_of

_MOVES = {"ArrowLeft": (-0.12, 0.0), "ArrowRight": (0.12, 0.0), "ArrowUp": (0.0, 0.12), "ArrowDown": (0.0, -0.12)}
_ZOOMS = {"+": 1.5, "=": 1.5, "-": 1 / 1.5, "_": 1 / 1.5}
_MESSAGES = {
    "open": "_opened",
    "key": "_pressed",
    "density": "_dense",
    "legend": "_legend_clicked",
    "link": "_travelled",
    "tool": "_tool",
    "filters": "_filters_said",
}


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
    height : int
        Pixels, in a notebook. On a page of its own the map fills the window.
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
        height: int = 640,
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
        self._jump = False
        self._panels: dict[str, Panel] = {}
        self._mode = "replace"
        self._holding = bool(said)
        self.settled: list[Callable[[], None]] = []
        self.map = Map(PointScene(table), self.state.style, self, self.where, None if found.view is None else camera_of(found.view))
        self.map.restyle(found.style, self.where, self._facet(), self.selected)
        self._controls = Controls(self.state, self._colorings, table.columns, lambda what: self.map.soon(lambda: self._act(what)))
        page = _on_page()
        place = {"position": "fixed", "inset": "0"} if page else {"position": "relative"}
        self.stage = Stage(
            controls=self._controls.widgets,
            facts=self._facts(page),
            map=pn.pane.HoloViews(self.map.element, sizing_mode="stretch_both", margin=0),
            sizing_mode="stretch_both" if page else "stretch_width",
            height=None if page else height,
            min_height=320,
            chips=self._chips(),
            status={"view": "…", "all": f" of {table.manifest.rows:,} rows", "message": said},
            styles=place,
            margin=0,
            told=self._told,
        )
        self.records = Records(table, self.state, self.map, self.stage)
        self.state.param.watch(lambda event: self.map.soon(lambda: self._changed(event.old, event.new)), "spec")
        if page:
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
    def spec(self) -> Spec:
        """All that is shown now."""
        view = self.map.view if self.map.ready else None
        return self.state.spec.replaced(view=None if view is None else (view.x_range, view.y_range))

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
        label = f"Map of {title}. Arrow keys move, plus and minus zoom, 0 shows all of it, Escape closes the record."
        return {"title": title, "note": " · ".join(notes), "label": label, "dark": self.state.style.dark, "page": page}

    def _changed(self, old: Spec, new: Spec) -> None:
        """Show another spec."""
        if self.stage.facts["dark"] != new.style.dark:
            self.stage.facts = {**self.stage.facts, "dark": new.style.dark}
        self._controls.follow()
        self._jump = True
        if (old.filters, old.charts, old.selection) != (new.filters, new.charts, new.selection):
            self.stage.chips = self._chips()
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
        sketch = "" if picture.frame.exact else "Approximate picture; the exact one is being drawn"
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
        spoken = summary(picture.count, rows, shown, len(filters))
        said = "" if picture.chosen is None else f"{picture.chosen:,} selected"
        message = self.stage.status.get("message", "") if self._holding else ""
        self._holding = False
        status = {
            "view": f"{picture.count:,}",
            "all": f" of {rows:,} rows",
            "chosen": said,
            "summary": f"{spoken} {said}".strip(),
            "message": message,
        }
        self._relink()
        self.stage.param.update(legend=shown, status=status)
        for call in self.settled:
            call()

    def _relink(self) -> None:
        """Tell the page the link to what it shows: a jump gets an entry in the browser's history, moving about does not."""
        if self.stage.facts["page"]:
            try:
                query = self.spec.to_query()
            except TooLargeError as error:
                query = ""
                self.failed(str(error))
            self.stage.link = {"query": query, "push": self._jump}
            self._jump = False

    def _travelled(self, value: Any) -> None:
        """Show what a link of the browser's history holds."""
        plain = self.state.spec
        found, saved, said = usable(Spec.from_query(str(value)), self.table, plain) if "spec=" in str(value) else (Spec(style=plain.style), {}, "")
        self.state.saved |= saved
        self.map.go(found.view)
        self.state.spec = found.replaced(view=None)
        self._jump = False
        if said:
            self.failed(said)

    def outlined(self, corners: list[tuple[float, float]]) -> None:
        """Select the rows inside an area that was drawn on the map."""
        if len(corners) < 3:
            return
        x, y = self.table.manifest.x, self.table.manifest.y
        area = Filter(polygon=[(to_value(x, a), to_value(y, b)) for a, b in corners])
        self.state.select(self._mode, area)

    def _tool(self, value: Any) -> None:
        """Take a tool for dragging, or set what a new area does to the selection before."""
        if value in ("replace", "add", "subtract", "intersect"):
            self._mode = value
        elif value == "view":
            view = self.map.view
            (x0, x1), (y0, y1) = ((to_plot(a), to_plot(b)) for a, b in (view.x_range, view.y_range))
            self.outlined([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
        elif value == "none":
            self.state.change(selection=())
        else:
            self.map.take(str(value))

    @property
    def pinned(self) -> list[Callable[[Found | None], None]]:
        """Called with each record that is pinned."""
        return self.records.pinned

    def hovered(self, found: Found | None) -> None:
        """Show the record under the pointer."""
        self.records.hovered(found)

    def picked(self, found: Found | None) -> None:
        """Pin the record that was clicked."""
        self.records.picked(found)

    def show(self, rows: Iterable[int]) -> None:
        """Show records, by their numbers in the source, on the map, and the first one in its card."""
        self.records.show(rows)

    def say(self, text: str) -> None:
        """Say a sentence that stays until the second picture."""
        self._holding = True
        self.failed(text)

    def failed(self, text: str) -> None:
        """Say what went wrong; the last picture stays."""
        self.stage.status = {**self.stage.status, "message": text}

    def _told(self, kind: Any, value: Any) -> None:
        """Act on a message of the page, in its turn."""
        if self.map.ready and kind in _MESSAGES:
            self.map.soon(lambda: self._heard(_MESSAGES[kind], value))

    def _heard(self, act: str, value: Any) -> None:
        try:
            getattr(self, act)(value)
        except Exception as error:  # noqa: BLE001  a message must never end the session
            self.failed(sentence(error))

    def _pressed(self, value: Any) -> None:
        if value == "Escape":
            self.picked(None)
        elif value in ("0", "Home"):
            self.map.reset()
        elif value in _MOVES:
            self.map.look(self.map.camera.moved(*_MOVES[value]))
        elif value in _ZOOMS:
            self.map.look(self.map.camera.zoomed(_ZOOMS[value]))

    def _dense(self, value: Any) -> None:
        """Take note of how many pixels of the screen a pixel of the page has."""
        self.map.density = min(max(float(value), 1.0), 2.0)

    def _opened(self, value: Any) -> None:
        """Open a panel, made when it is first wanted, or close it."""
        if value not in PANELS:
            return
        opened = self.stage.opened
        if value in opened:
            self.stage.opened = [name for name in opened if name != value]
            return
        if value not in self._panels:
            self._panels[value] = PANELS[value](self)
            setattr(self.stage, value, self._panels[value].component)
        self.stage.opened = [*opened, value]

    def _legend_clicked(self, value: Any) -> None:
        by = self.state.style.by
        if by is None:
            return
        boolean = self.table.columns[by] == "boolean"
        self.state.change(filters=toggled(by, str(value["name"]), self.state.spec.filters, bool(value.get("also")), boolean))

    def _filters_said(self, value: Any) -> None:
        """Remove a filter by its number or all of them, undo or redo."""
        filters = self.state.spec.filters
        if value == "clear":
            self.state.change(filters=(), charts=[replace(chart, brush=None) for chart in self.state.spec.charts])
        elif value == "undo":
            self.state.undo()
        elif value == "redo":
            self.state.redo()
        elif isinstance(value, int) and 0 <= value < len(filters):
            self.state.change(filters=filters[:value] + filters[value + 1 :])
        elif isinstance(value, int):
            brushed = [chart for chart in self.state.spec.charts if chart.brush][value - len(filters)]
            self.state.change(charts=[replace(chart, brush=None) if chart is brushed else chart for chart in self.state.spec.charts])

    def _act(self, what: str) -> None:
        if what == "home":
            self.map.reset()
        elif what == "rescale store":
            self.state.restyle(**_scale_of(unscaled(self.state.style)))
        else:
            view = self.map.home_view if what == "rescale filter" else self.map.view
            style, where = self.state.style, self.where
            self.map.aside(lambda: rescaled(self.table, view, style, where), lambda found: self.state.restyle(**_scale_of(found)))

    def close(self) -> None:
        """Stop all work; called when the visitor leaves."""
        for panel in self._panels.values():
            panel.close()
        self.map.close()
        self.records.forget()


def _scale_of(style: Style) -> dict[str, Any]:
    return {"gain": style.gain, "limits": style.limits}


def _on_page() -> bool:
    """Tell whether a server is making a page for a visitor (and not a notebook a cell)."""
    document = pn.state.curdoc
    return document is not None and document.session_context is not None and not pn.state._is_pyodide
