"""What a visitor of a matrix does: keys, tools, sorting, opening a panel. Messages of the page come in, the state changes."""

from typing import Any

import numpy as np

from bigview.app.heathost import HeatPage
from bigview.app.heattold import known_of_cell, name_card, spoken_value
from bigview.matrixorder import Ordering
from bigview.matrixspec import PANELS
from bigview.raster.heat import HeatLook, known_grid, window_of
from bigview.raster.heatswipe import SwipeLook, swiped
from bigview.spec import View
from bigview.views.live import sentence

ARROWS = {"ArrowLeft": (0, -1), "ArrowRight": (0, 1), "ArrowUp": (-1, 0), "ArrowDown": (1, 0), "PageUp": (-10, 0), "PageDown": (10, 0)}
_ZOOMS = {"+": 1.5, "=": 1.5, "-": 1 / 1.5, "_": 1 / 1.5}
CLOSEST = 1.5  # rows and columns in view: nothing new would be seen from closer by
_SMALL = 4.0  # pixels: where cells are smaller, an arrow moves by so many that the step is seen
_MESSAGES = {
    "open": "_open",
    "key": "_pressed",
    "density": "_dense",
    "link": "_travelled",
    "tool": "_tool",
    "zoomed": "_zoomed",
    "name": "_named",
    "sort": "_sort",
    "lines": "_lines",
    "cancel": "_cancel",
    "move": "_moved",
}


class HeatActs:
    """What one visitor does.

    Parameters
    ----------
    page : HeatPage
        The explorer.

    Attributes
    ----------
    cell : (int, int) or None
        The cell that the keyboard is at: places of its row and its column in the order shown.
    """

    def __init__(self, page: HeatPage) -> None:
        self._page = page
        self.cell: tuple[int, int] | None = None

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
        map_ = self._page.map
        if self._page.picks.pressed(value):
            return
        if value == "Escape":
            self.leave()
            self._page.window.clear()
        elif value in ("0", "Home"):
            map_.reset()
        elif value in ARROWS:
            self.step(*ARROWS[value])
        elif value in ("s", "S", "i", "I"):
            self._at_cell(value)
        elif value in _ZOOMS:
            camera = map_.camera
            if self.cell is not None and camera.holds(self.cell[1] + 0.5, -self.cell[0] - 0.5):
                camera = camera.centred(self.cell[1] + 0.5, -self.cell[0] - 0.5)
            closer = camera.zoomed(_ZOOMS[value])
            if _ZOOMS[value] < 1 or min(closer.span) >= CLOSEST:
                map_.look(closer)

    def _at_cell(self, key: str) -> None:
        """Sort the rows by the column of the cell cursor (s), or the columns by its row (S); or read what else is known of both (i)."""
        if self.cell is None:
            self._page.tell("Move the cell cursor to a cell with the arrow keys first.")
        elif key in ("s", "S"):
            self._sort({"axis": "cols", "place": self.cell[1]} if key == "s" else {"axis": "rows", "place": self.cell[0]})
        else:
            table, look, cell = self._page.table, self._page.look, self.cell
            self._page.map.aside(lambda: known_of_cell(table, look, *cell), self._page.tell)

    def step(self, down: int, right: int, quiet: bool = False) -> None:
        """Move the cell cursor; the first press puts it into the middle of the window."""
        (r0, r1), (c0, c1) = self._page.window.box
        if self.cell is None:
            self.go((r0 + r1) // 2, (c0 + c1) // 2, quiet)
            return
        high, wide = self.strides()
        self.go(self.cell[0] + down * high, self.cell[1] + right * wide, quiet)

    def strides(self) -> tuple[int, int]:
        """Return by how many rows, and columns, a step goes that is seen."""
        view = self._page.map.view
        sides = ((view.y_range, view.height), (view.x_range, view.width))
        high, wide = (max(1, round(_SMALL * (end - start) / size)) for (start, end), size in sides)
        return high, wide

    def go(self, row: int, col: int, quiet: bool = False) -> None:
        """Put the cell cursor onto a cell, and read it aloud, unless something else is."""
        rows, cols = self._page.shape
        if not rows or not cols:
            return
        row, col = min(max(row, 0), rows - 1), min(max(col, 0), cols - 1)
        self.cell = (row, col)
        x, y = col + 0.5, -row - 0.5
        camera = self._page.map.camera
        if not camera.holds(x, y):
            self._page.map.look(camera.centred(x, y))
        table, look = self._page.table, self._page.look
        self._page.map.aside(lambda: spoken_value(table, look, row, col), lambda value: self._read(row, col, value, quiet))

    def _read(self, row: int, col: int, value: str, quiet: bool) -> None:
        if self.cell != (row, col):
            return
        names = self._page.cell_names(row, col)
        spoken = f"{names[0]}, {names[1]}, {value}"
        self._page.stage.cursor = {"row": row, "col": col, "names": {"row": names[0], "col": names[1]}, "spoken": spoken, "quiet": quiet}

    def follow(self, old: HeatLook, new: HeatLook) -> None:
        """Stay at the same cell in other orders; leave where it is not shown any more."""
        cell = self.cell
        if cell is None:
            return
        places = []
        for place, before, now in zip(cell, (old.rows, old.cols), (new.rows, new.cols), strict=True):
            number = place if before is None else int(before.index[place])
            places.append(number if now is None else int(now.inverse[number]))
        if min(places) < 0:
            self.leave()
            return
        self.cell = (places[0], places[1])
        if self._page.stage.cursor:
            self._page.stage.cursor = {**self._page.stage.cursor, "row": places[0], "col": places[1], "quiet": True}

    def leave(self) -> None:
        """Take the cell cursor away."""
        self.cell = None
        if self._page.stage.cursor:
            self._page.stage.cursor = {}

    def _dense(self, value: Any) -> None:
        """Take note of how many pixels of the screen a pixel of the page has."""
        self._page.map.density = min(max(float(value), 1.0), 2.0)

    def _open(self, value: Any) -> None:
        """Open a panel, or close it."""
        if value in PANELS:
            state = self._page.state
            opened = state.spec.panels
            state.spec = state.spec.replaced(panels=[name for name in opened if name != value] if value in opened else [*opened, value])

    def _travelled(self, value: Any) -> None:
        self._page.link.travelled(str(value))

    def _tool(self, value: Any) -> None:
        if value == "none":
            self._page.window.clear()
        else:
            self._page.map.take(str(value))

    def _zoomed(self, value: Any) -> None:
        """Draw what the page shows now that it has zoomed one axis itself."""
        self._page.map.look(self._page.map.camera)

    def _named(self, value: Any) -> None:
        """Show the whole name under the pointer."""
        if not isinstance(value, dict):
            self._page.stage.hover = {}
            return
        (side, place), at = self._place(value), (float(value["x"]), float(value["y"]))
        table, look = self._page.table, self._page.look
        self._page.map.aside(lambda: name_card(table, look, side, place, at), self._carded)

    def _carded(self, card: dict[str, Any]) -> None:
        self._page.stage.hover = card

    def _place(self, value: Any) -> tuple[str, int]:
        side = "cols" if value["axis"] == "cols" else "rows"
        return side, min(max(int(value["place"]), 0), self._page.shape[0 if side == "rows" else 1] - 1)

    def _sort(self, value: Any) -> None:
        """Sort along the line whose name was clicked: descending, then ascending, then as before."""
        side, place = self._place(value)
        other = "rows" if side == "cols" else "cols"
        name = self._page.cell_names(place, 0)[0] if side == "rows" else self._page.cell_names(0, place)[1]
        known = getattr(self._page.state.spec, other)
        same = known is not None and known.by == "values" and known.name == name
        ordering = None if same and not known.descending else Ordering("values", name, not same)
        self._page.state.sort(other, ordering)
        self._page.tell(f"{'Rows' if other == 'rows' else 'Columns'} {'as stored' if ordering is None else ordering.title}")

    def _lines(self, value: Any) -> None:
        """Select whole rows, or whole columns: the pointer was dragged along their names."""
        low, high = (float(end) for end in value["ends"])
        rows, cols = self._page.shape
        self._page.window.select(View((low, high), (0, rows), 1, 1) if value["axis"] == "cols" else View((0, cols), (low, high), 1, 1))

    def _moved(self, value: Any) -> None:
        """Move the selected rows or columns: to an end, by a step, or before the place where they were dropped."""
        self._page.picks.move("cols" if value["axis"] == "cols" else "rows", str(value["way"]), value.get("place"))

    def _cancel(self, _: Any) -> None:
        """Leave the work that takes long, and show what was shown before."""
        self._page.orders.cancel()

    def press(self, what: str) -> None:
        """Do what a button of the card says: show the whole matrix, or rescale the colours."""
        if what == "home":
            self._page.map.reset()
        elif what.startswith("show "):
            self._page.swipe.show(what.removeprefix("show "))
        elif what == "rescale store":
            self._page.state.restyle(limits=None)
        else:
            self._rescale()

    def _rescale(self) -> None:
        """Give the colours the limits of what is in view."""
        page = self._page
        window = window_of(page.map.view, page.shape)
        shown = swiped(page.table, page.look) if isinstance(page.look, SwipeLook) else ((page.table, page.look),)
        grids = [] if window is None else [known_grid(table, window.view, look) for table, look in shown]
        values = np.concatenate([np.zeros(0), *(grid.to_numpy().ravel() for grid in grids if grid is not None and grid.ndim == 2)])
        values = values[np.isfinite(values)]
        low, high = np.quantile(values, [0.01, 0.99]).tolist() if len(values) else (0.0, 0.0)
        if low < high:
            page.state.restyle(limits=(low, high))
