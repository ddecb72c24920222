"""What a visitor selects by keys, and moves by hand: boxes from the cell cursor, whole rows and columns, places in another sequence."""

from collections.abc import Callable
from typing import Any

import numpy as np

from bigview.app.heatacts import ARROWS, CLOSEST
from bigview.app.heathost import HeatPage
from bigview.errors import OptionError
from bigview.matrixorder import MOST_SPANS, Lines, Move, by_hand, landed
from bigview.raster.heatchosen import SIDES, Chosen, Part, counted, told_of
from bigview.raster.heatlook import order_of
from bigview.store.matrix import Side
from bigview.store.orders import spans_of

_ALONG: dict[str, tuple[Side, str]] = {
    "ArrowUp": ("rows", "back"),
    "ArrowDown": ("rows", "on"),
    "PageUp": ("rows", "first"),
    "PageDown": ("rows", "last"),
}
_ALONG |= {"ArrowLeft": ("cols", "back"), "ArrowRight": ("cols", "on"), "Home": ("cols", "first"), "End": ("cols", "last")}
_WHOLE = {"Shift+Space": "rows", "R": "rows", "r": "rows", "Control+Space": "cols", "C": "cols", "c": "cols"}
_WAYS = {"first": "to the beginning", "back": "back", "on": "on", "last": "to the end", "before": "before the others"}
_AROUND = 0.1  # of a selection: as much as is seen around it


class HeatPicks:
    """What one visitor selects by keys.

    Parameters
    ----------
    page : HeatPage
        The explorer.
    """

    def __init__(self, page: HeatPage) -> None:
        self._page = page
        self._anchor: tuple[int, int] | None = None
        self._whole: set[str] = set()  # sides along which all lines are taken
        self._lines: Any = None  # what was selected by keys last
        self._worker: Any = None
        self._complaint = ""

    def pressed(self, key: Any) -> bool:
        """Act on a key that selects or moves; False for any other."""
        if self._complaint and self._page.stage.status.get("message") == self._complaint:
            self._page.failed("")  # it was about the key before
        self._complaint = ""
        if key in _WHOLE:
            self._take(_WHOLE[key])
        elif key in ("m", "M"):
            self._before()
        elif key == "Enter":
            self.show()
        elif str(key).startswith("Shift+") and key[6:] in ARROWS:
            self._extend(*ARROWS[key[6:]])
        elif str(key).startswith("Alt+") and key[4:] in _ALONG:
            self.move(*_ALONG[key[4:]])
        else:
            return False
        return True

    def _complain(self, text: str) -> None:
        self._complaint = text
        self._page.failed(text)

    def forget(self) -> None:
        """Begin the next box anew: in another order the corner of the last one is elsewhere."""
        self._lines = None

    def _extend(self, down: int, right: int) -> None:
        """Make the box of the cell cursor larger, or smaller."""
        acts = self._page.acts
        if acts.cell is None:
            acts.step(0, 0, quiet=True)
        self._begin()
        acts.step(down, right, quiet=True)
        self._choose()

    def _begin(self) -> None:
        """Begin a box at the cell cursor, unless the one that keys have made is there still."""
        if self._anchor is None or self._lines is None or self._page.state.spec.selection != self._lines:
            self._anchor, self._whole = self._page.acts.cell, set()

    def _take(self, side: str) -> None:
        """Select the whole rows, or the whole columns, of the cell cursor and its box."""
        if self._page.acts.cell is None:
            self._page.acts.step(0, 0, quiet=True)
        self._begin()
        self._whole = {"cols"} if side == "rows" else {"rows"}
        self._choose()

    def _choose(self) -> None:
        cell, page = self._page.acts.cell, self._page
        if cell is None or self._anchor is None:  # a matrix without cells
            return
        shape, box = page.shape, []
        for number, side in enumerate(SIDES):
            low, high = sorted((self._anchor[number], cell[number]))
            box.append((0, shape[number]) if side in self._whole else (low, min(high + 1, shape[number])))
        rows, cols = page.window.choose((box[0], box[1]))
        self._lines = page.state.spec.selection
        page.tell(told_of(page.table, page.look, (rows, cols)))

    def _aside(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Run work off the event loop that the pointer does not overtake, as it does `Map.aside`."""
        if self._worker is None:
            self._worker = self._page.map.worker(lambda job, _: [job[0]()], lambda job, found: job[1](found))
        self._worker.request((work, then))

    def show(self) -> None:
        """Show the part of the map on which the selection stands."""
        page, chosen = self._page, self._page.window.chosen
        if chosen is None:
            page.tell("Nothing is selected. Shift and arrows select a box, R whole rows, C whole columns.")
            return
        look, table = page.look, page.table

        def find() -> Any:
            spans = Part.of(table, look, chosen).spans
            return [(runs[0][0], runs[-1][1]) for runs in spans] if all(spans) else None

        def look_at(ends: Any) -> None:
            if ends is None:
                self._complain("What is selected is not among the rows and columns that are shown.")
                return
            (r0, r1), (c0, c1) = (_wider(low, high) for low, high in ends)
            page.map.go(((c0, c1), (r0, r1)))

        self._aside(find, look_at)

    def _before(self) -> None:
        """Move what is selected before the cell cursor."""
        page, cell, chosen = self._page, self._page.acts.cell, self._page.window.chosen
        if cell is None or chosen is None:
            page.tell("Select rows or columns, then move the cell cursor to where they are to stand.")
            return
        side: Side = "rows" if chosen.lines[0] is not None else "cols"
        self.move(side, "before", cell[SIDES.index(side)])

    def move(self, side: Side, way: str, place: Any = None) -> None:
        """Move the selected rows or columns: "first", "last", "back", "on", or "before" a place of the order shown."""
        page, chosen, number = self._page, self._page.window.chosen, SIDES.index(side)
        what = ("rows", "columns")[number]
        if way not in _WAYS:
            return
        if chosen is None or chosen.numbers[number] is None:
            self._complain(f"Select the {what} that are to be moved: a drag along their names, or {'R' if side == 'rows' else 'C'} on a cell.")
            return
        look, table, shown, stride = page.look, page.table, page.shown[number], page.acts.strides()[number]
        order = getattr(look, side)

        def find() -> Move | None:
            # Where only some rows are shown, they are moved among all of them.
            whole = order if page.only is None or side == "cols" else order_of(table, side, shown)
            native, size = chosen.numbers[number], look.shape(table)[number] if whole is None else len(whole)
            places = np.sort(native if whole is None else whole.inverse[native])
            places = places[places >= 0]
            if not len(places):
                return None
            to = {"first": 0, "last": size, "back": max(0, int(places[0]) - stride), "on": min(size, int(places[-1]) + 1 + stride)}.get(way)
            if to is None:
                shown_at = min(max(int(place), 0), look.shape(table)[number])
                line = shown_at if order is None or shown_at == len(order) else int(order.index[shown_at])
                to = line if whole is None else size if shown_at == len(order) else int(whole.inverse[line])
            spans = spans_of(places)
            if len(spans) > MOST_SPANS:
                raise OptionError(
                    f"The selected {what} stand in {len(spans):,} places, apart from each other; up to {MOST_SPANS:,} can be moved together. "
                    "Sort so that they stand side by side first."
                )
            made = Move(tuple(spans), to)
            return None if len(made.spans) == 1 and made.spans[0][0] <= to <= made.spans[0][1] else made

        def moved(made: Move | None) -> None:
            if page.shown[number] != shown or page.window.chosen is not chosen:
                return
            if made is None:
                page.tell(f"The {what} stand there already.")
                return
            new = by_hand(shown, made)
            lines = list(chosen.lines)
            lines[number] = Lines(*landed(made), new)
            count = len(chosen.numbers[number])
            page.window.carry(Chosen((lines[0], lines[1]), chosen.numbers))
            page.state.sort(side, new, selection=(lines[0], lines[1]))
            page.tell(f"{counted(count, what[:-1])} moved {_WAYS[way]}: {'row' if number == 0 else 'column'} {landed(made)[0] + 1:,} on")

        self._aside(find, moved)


def _wider(low: int, high: int) -> tuple[float, float]:
    """Return a span with some room around it."""
    room = max(_AROUND * (high - low), (CLOSEST - (high - low)) / 2)
    return low - room, high + room
