"""The explorer: one visitor's map of a store, with its legend, its records and its controls."""

from pathlib import Path
from typing import Any

import holoviews as hv
import panel as pn
import panel_material_ui as pmui
import param

from bigview.app.legend import legend, summary
from bigview.app.record import fields, headline
from bigview.app.state import AUTOMATIC, State, colorings, first_coloring
from bigview.errors import missing_column
from bigview.raster.palettes import names as palettes
from bigview.spec import Where
from bigview.store.points import PointTable
from bigview.views.live import sentence
from bigview.views.map import Map
from bigview.views.picture import Picture, Wish
from bigview.views.pointer import Found

_HERE = Path(__file__).parent
_MOVES = {"ArrowLeft": (-0.12, 0.0), "ArrowRight": (0.12, 0.0), "ArrowUp": (0.0, 0.12), "ArrowDown": (0.0, -0.12)}
_ZOOMS = {"+": 1.5, "=": 1.5, "-": 1 / 1.5, "_": 1 / 1.5}
_RING = 13.0  # pixels across: around a mark, clear of it
_PINNED = "#ff5d8f"


class Stage(pn.custom.JSComponent):
    """The page around the map. It takes plain values; explorer.js shows them as text."""

    controls = pn.custom.Child(doc="The widgets of the upper card.")
    facts = param.Dict(default={}, doc="Title, note, label, whether dark, whether it fills the page.")
    hover = param.Dict(default={}, doc="The record under the pointer.")
    legend = param.Dict(default={}, doc="Categories by rank, or a colour bar.")
    map = pn.custom.Child(doc="The map.")
    sketch = param.String(default="", doc="What is not exact in the picture; empty where all is.")
    record = param.Dict(default={}, doc="The record that was clicked.")
    status = param.Dict(default={}, doc="Rows in view, rows in all, one sentence, an error.")
    told = param.Parameter(default=None, precedence=-1, doc="Called with each message of the page.")

    _esm = _HERE / "explorer.js"
    _stylesheets = (str(_HERE / "explorer.css"),)
    _rename = {"told": None}  # noqa: RUF012  Panel declares it so

    def _handle_msg(self, data: Any) -> None:
        if self.told is not None and isinstance(data, dict):
            self.told(data.get("kind"), data.get("value"))


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
    """

    def __init__(
        self,
        table: PointTable,
        where: Where = None,
        color_by: str | None = "auto",
        palette: str | None = None,
        dark: bool = True,
        height: int = 640,
    ) -> None:
        super().__init__()
        if not hv.Store.loaded_backends():
            hv.extension("bokeh", logo=False)
        self.table, self._where = table, where
        self._colorings = colorings(table)
        self.state = State(color_by=self._first(color_by), palette=palette, dark=dark)
        self._found: dict[str, Found | None] = {"hover": None, "record": None}
        self.map = Map(table, self.state.style, self, where)
        self._widgets = self._controls()
        page = _on_page()
        place = {"position": "fixed", "inset": "0"} if page else {"position": "relative"}
        self.stage = Stage(
            controls=pn.Column(*self._widgets, sizing_mode="stretch_width", margin=0),
            facts=self._facts(page),
            map=pn.pane.HoloViews(self.map.element, sizing_mode="stretch_both", margin=0),
            sizing_mode="stretch_both" if page else "stretch_width",
            height=None if page else height,
            min_height=320,
            status={"view": "…", "all": f" of {table.manifest.rows:,} rows"},
            styles=place,
            margin=0,
            told=self._told,
        )
        self.state.param.watch(lambda *_: self.map.soon(self._restyled), ["color_by", "palette", "dark"])
        if page:
            pn.state.on_session_destroyed(lambda _: self.close())

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

    def _controls(self) -> list[Any]:
        dark = self.state.dark
        common = {"size": "small", "sizing_mode": "stretch_width", "margin": (4, 0), "dark_theme": dark}
        self._by = pmui.Select(label="Colour", options=self._colorings, value=self.state.color_by, **common)
        self._palette = pmui.Select(label="Palette", options=[AUTOMATIC, *palettes()], value=self.state.palette or AUTOMATIC, **common)
        small = {"size": "small", "margin": 0, "dark_theme": dark, "sx": {"color": "var(--ink)"}}
        self._home = pmui.IconButton(icon="center_focus_weak", description="Whole map (0)", **small)
        self._theme = pmui.IconButton(icon="contrast", description="Light or dark", **small)
        self._by.param.watch(lambda event: self.state.param.update(color_by=event.new), "value")
        self._palette.param.watch(lambda event: self.state.param.update(palette=None if event.new == AUTOMATIC else event.new), "value")
        self._home.on_click(lambda _: self.map.soon(self.map.reset))
        self._theme.on_click(lambda _: self.state.param.update(dark=not self.state.dark))
        self._palette.visible = self._ramped()
        return [self._by, self._palette, pn.Row(self._home, self._theme, margin=(2, 0, 0, -5))]

    def _ramped(self) -> bool:
        """Tell whether the colours are in order, so that there is a palette to choose."""
        return self.table.columns.get(self.state.color_by or "") not in ("category", "boolean")

    def _facts(self, page: bool) -> dict[str, Any]:
        manifest = self.table.manifest
        title = manifest.title or Path(self.table.reader.folder.url.rstrip("/")).stem
        notes: list[str] = []
        for name in ("credit", "licence", "license"):
            said = str(manifest.report.get(name) or "")
            if said and not any(said in note for note in notes):
                notes.append(said)
        label = f"Map of {title}. Arrow keys move, plus and minus zoom, 0 shows all of it, Escape closes the record."
        return {"title": title, "note": " · ".join(notes), "label": label, "dark": self.state.dark, "page": page}

    def _restyled(self) -> None:
        self._palette.visible = self._ramped()
        if self.stage.facts["dark"] != self.state.dark:
            self.stage.facts = {**self.stage.facts, "dark": self.state.dark}
            for widget in (self._by, self._palette, self._home, self._theme):
                widget.dark_theme = self.state.dark
        self.map.restyle(self.state.style, self._where)

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
        rows = self.table.manifest.rows
        shown = legend(picture.frame, wish.style.by or "rows")
        spoken = summary(picture.count, rows, shown)
        status = {"view": f"{picture.count:,}", "all": f" of {rows:,} rows", "summary": spoken, "message": ""}
        self.stage.param.update(legend=shown, status=status)

    def hovered(self, found: Found | None) -> None:
        """Show the record under the pointer."""
        pinned = self._found["record"]
        if found is not None and pinned is not None and _row(found) == _row(pinned):
            found = None  # it is on the page already
        self._found["hover"] = found
        if found is None:
            if self.stage.hover:
                self.stage.hover = {}
                self._ring()
            return
        manifest = self.table.manifest
        title = headline(found.record, manifest) if found.complete else "…"
        told = [entry for entry in fields(found.record, manifest, brief=True) if entry[1] != title]
        self.stage.hover = {"x": found.pixel[0], "y": found.pixel[1], "title": title, "fields": told}
        self._ring()

    def picked(self, found: Found | None) -> None:
        """Pin the record that was clicked; a click beside all records closes it."""
        self._found["record"] = found
        if found is None:
            self.stage.record = {}
            self._ring()
            return
        if self.stage.hover:
            self._found["hover"], self.stage.hover = None, {}
        manifest = self.table.manifest
        self.stage.record = {"title": headline(found.record, manifest), "fields": fields(found.record, manifest)}
        self._ring()

    def failed(self, text: str) -> None:
        """Say what went wrong; the last picture stays."""
        self.stage.status = {**self.stage.status, "message": text}

    def _ring(self) -> None:
        ink = "#ffffff" if self.state.dark else "#111111"
        colors = {"hover": ink, "record": _PINNED}
        found = [(self.map.place_of(one.record), colors[name]) for name, one in self._found.items() if one is not None]
        self.map.mark([(*place, color, _RING) for place, color in found])

    def _told(self, kind: Any, value: Any) -> None:
        """Act on a key that was pressed on the map."""
        if kind == "key" and self.map.ready:
            self.map.soon(lambda: self._pressed(value))

    def _pressed(self, value: Any) -> None:
        try:
            if value == "Escape":
                self.picked(None)
            elif value in ("0", "Home"):
                self.map.reset()
            elif value in _MOVES:
                self.map.look(self.map.camera.moved(*_MOVES[value]))
            elif value in _ZOOMS:
                self.map.look(self.map.camera.zoomed(_ZOOMS[value]))
        except Exception as error:  # noqa: BLE001  a key must never end the session
            self.failed(sentence(error))

    def close(self) -> None:
        """Stop all work; called when the visitor leaves."""
        self.map.close()
        self._found = {"hover": None, "record": None}


def _row(found: Found) -> int:
    return int(found.record["__row"].iloc[0])


def _on_page() -> bool:
    """Tell whether a server is making a page for a visitor (and not a notebook a cell)."""
    document = pn.state.curdoc
    return document is not None and document.session_context is not None and not pn.state._is_pyodide
