"""What a visitor does beside the panels: keys, tools, chips, the legend, opening a panel. Messages of the page come in, the state changes."""

from dataclasses import replace
from typing import Any, Protocol

from bigview.app.host import Host, Panel
from bigview.app.others import Others
from bigview.app.panels import INSTEAD, PANELS
from bigview.app.picks import toggled
from bigview.app.stage import Stage
from bigview.raster.rescale import rescaled, unscaled
from bigview.spec import Filter, Style
from bigview.views.live import sentence
from bigview.views.picture import to_plot, to_value
from bigview.views.pointer import Found

_MOVES = {"ArrowLeft": (-0.12, 0.0), "ArrowRight": (0.12, 0.0), "ArrowUp": (0.0, 0.12), "ArrowDown": (0.0, -0.12)}
_ZOOMS = {"+": 1.5, "=": 1.5, "-": 1 / 1.5, "_": 1 / 1.5}
_MESSAGES = {
    "open": "_open",
    "key": "_pressed",
    "density": "_dense",
    "touch": "_touched",
    "legend": "_legend_clicked",
    "link": "_travelled",
    "tool": "_tool",
    "alike": "_alike",
    "filters": "_filters_said",
}


class Page(Host, Protocol):
    """What the acts may use of the explorer."""

    stage: Stage
    touched: bool  # whether a finger points, which rests nowhere

    def picked(self, found: Found | None) -> None:
        """Pin a record, or let it go."""

    def pick_middle(self) -> None:
        """Pin the record nearest to the middle of the map."""


class Acts:
    """What one visitor does.

    Parameters
    ----------
    page : Page
        The explorer.
    """

    def __init__(self, page: Page) -> None:
        self._page, self._state, self._stage = page, page.state, page.stage
        self._panels: dict[str, Panel] = {}
        self._others = Others(page, page.stage)
        self._mode = "replace"

    def told(self, kind: Any, value: Any) -> None:
        """Act on a message of the page, in its turn. How dense the screen is, is said before the map is there: the first picture is to be sharp."""
        if kind in _MESSAGES and (self._page.map.ready or kind == "density"):
            self._page.map.soon(lambda: self._heard(_MESSAGES[kind], value))

    def _heard(self, act: str, value: Any) -> None:
        try:
            getattr(self, act)(value)
        except Exception as error:  # noqa: BLE001  a message must never end the session
            self._page.failed(sentence(error))

    def _pressed(self, value: Any) -> None:
        camera = self._page.map.camera
        if value == "Escape":
            self._page.picked(None)
        elif value == "Enter":
            self._page.pick_middle()
        elif value in ("0", "Home"):
            self.press("home")
        elif value in _MOVES:
            self._page.map.look(camera.moved(*_MOVES[value]))
        elif value in _ZOOMS:
            self._page.map.look(camera.zoomed(_ZOOMS[value]))

    def _dense(self, value: Any) -> None:
        """Take note of how many pixels of the screen a pixel of the page has."""
        self._page.map.density = min(max(float(value), 1.0), 2.0)

    def _touched(self, value: Any) -> None:
        """Take note of whether a finger or a mouse points."""
        self._page.touched = bool(value)

    def _open(self, value: Any) -> None:
        """Open a panel, made when it is first wanted, or close it."""
        if value not in PANELS:
            return
        opened = self._stage.opened
        if value in opened:
            self._stage.opened = [name for name in opened if name != value]
            return
        if value not in self._panels:
            self._panels[value] = PANELS[value](self._page)
            setattr(self._stage, value, self._panels[value].component)
        self._stage.opened = [*(name for name in opened if name != INSTEAD.get(value)), value]

    def show(self, panel: str) -> None:
        """Open a panel that is not open."""
        if panel not in self._stage.opened:
            self._open(panel)

    def _travelled(self, value: Any) -> None:
        self._page.permalink.travelled(value)

    def _legend_clicked(self, value: Any) -> None:
        by = self._state.style.by
        if by is None:
            return
        boolean = self._page.table.columns[by] == "boolean"
        self._state.change(filters=toggled(by, str(value["name"]), self._state.spec.filters, bool(value.get("also")), boolean))

    def _filters_said(self, value: Any) -> None:
        """Remove a filter by its number or all of them, undo or redo."""
        filters, charts = self._state.spec.filters, self._state.spec.charts
        if value == "clear":
            self._state.change(filters=(), charts=[replace(chart, brush=None) for chart in charts])
        elif value == "undo":
            self._state.undo()
        elif value == "redo":
            self._state.redo()
        elif isinstance(value, int) and 0 <= value < len(filters):
            self._state.change(filters=filters[:value] + filters[value + 1 :])
        elif isinstance(value, int):
            brushed = [chart for chart in charts if chart.brush][value - len(filters)]
            self._state.change(charts=[replace(chart, brush=None) if chart is brushed else chart for chart in charts])

    def _tool(self, value: Any) -> None:
        """Take a tool for dragging, or set what a new area does to the selection before."""
        if value in ("replace", "add", "subtract", "intersect"):
            self._mode = value
        elif value == "view":
            view = self._page.map.view
            (x0, x1), (y0, y1) = ((to_plot(a), to_plot(b)) for a, b in (view.x_range, view.y_range))
            self.outlined([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
        elif value == "none":
            self._state.change(selection=())
        else:
            self._page.map.take(str(value))

    def _alike(self, value: Any) -> None:
        self._others.ask(value, self._mode)

    def outlined(self, corners: list[tuple[float, float]]) -> None:
        """Select the rows inside an area that was drawn on the map."""
        if len(corners) < 3:
            return
        x, y = self._page.table.manifest.x, self._page.table.manifest.y
        area = Filter(polygon=[(to_value(x, a), to_value(y, b)) for a, b in corners])
        self._state.select(self._mode, area)

    def press(self, what: str) -> None:
        """Do what a button of the card says: show the whole map, or rescale the colours."""
        map_ = self._page.map
        if what == "home":
            self._page.permalink.jump = True
            map_.reset()
        elif what == "rescale store":
            self._state.restyle(**_scale_of(unscaled(self._state.style)))
        else:
            view = map_.home_view if what == "rescale filter" else map_.view
            style, where, table = self._state.style, self._page.where, self._page.table
            map_.aside(lambda: rescaled(table, view, style, where), lambda found: self._state.restyle(**_scale_of(found)))

    def close(self) -> None:
        """Stop the panels."""
        for panel in self._panels.values():
            panel.close()


def _scale_of(style: Style) -> dict[str, Any]:
    return {"gain": style.gain, "limits": style.limits}
