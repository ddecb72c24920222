"""A map of a matrix: its pictures, the names beside them, and the cell under the pointer."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bigview.plain import Ranges
from bigview.raster.heat import HeatFrame, HeatLook, heat_frame, quick_heat
from bigview.raster.heatlabels import LINE, SLANTED, axis_of, names_at, shown_places, step_of, steps_of
from bigview.raster.heatswipe import SwipeLook, swiped
from bigview.raster.heattexts import CellTexts, cell_texts
from bigview.spec import View
from bigview.store.matrix import MatrixTable
from bigview.store.pool import Stopped, stoppable
from bigview.views.camera import Camera
from bigview.views.heatcells import Cell, find_cell
from bigview.views.picture import NO_MARGIN, Picture, Wish
from bigview.views.pointer import Pointed
from bigview.views.wire import Wire, encode

_SQUARE = 2.5  # times as many columns as rows, or the other way round, up to which cells are drawn as squares
_LONGEST = 120  # characters of a name that are sent to the page
_AROUND = 0.5  # of the window: names as far beyond it are sent with it, so that they are there when one pans


@dataclass(frozen=True)
class Names:
    """Names beside a picture.

    Attributes
    ----------
    places : list of int
        In the order shown.
    texts : list of str
    """

    places: list[int]
    texts: list[str]


@dataclass(frozen=True)
class Beside:
    """The picture of the other matrix, in the same place.

    Attributes
    ----------
    frame : HeatFrame
    wire : Wire
    texts : CellTexts or None
    """

    frame: HeatFrame
    wire: Wire
    texts: CellTexts | None


@dataclass(frozen=True)
class HeatPicture(Picture):
    """A picture of a matrix with what is written on it and beside it.

    Attributes
    ----------
    rows, cols : Names
    texts : CellTexts or None
        Where cells are large enough.
    cells : (float, float)
        Rows and columns in a pixel; 1 where each cell is seen.
    beside : Beside or None
        The second one of two matrices to swipe between.
    """

    rows: Names = Names([], [])
    cols: Names = Names([], [])
    texts: CellTexts | None = None
    cells: tuple[float, float] = (1.0, 1.0)
    beside: Beside | None = None


class HeatScene:
    """The map of a matrix.

    Plot coordinates: x is the place of a column in the order shown, y minus the place of a row: the first row is on top.

    Parameters
    ----------
    table : MatrixTable
    """

    apart, axes, air = True, False, 0.0

    def __init__(self, table: MatrixTable) -> None:
        self.table = table
        rows, cols = table.shape
        self.equal = min(rows, cols) > 0 and max(rows, cols) <= _SQUARE * min(rows, cols)

    def home(self, style: HeatLook) -> Camera:  # noqa: D102
        rows, cols = style.shape(self.table)
        return Camera(0.0, float(max(1, cols)), -float(max(1, rows)), 0.0)

    def ranges(self, camera: Camera) -> Ranges:  # noqa: D102
        return (camera.x0, camera.x1), (-camera.y1, -camera.y0)

    def camera(self, ends: Ranges) -> Camera:  # noqa: D102
        (x0, x1), (y0, y1) = ends
        return Camera(float(x0), float(x1), -float(y1), -float(y0))

    def painter(self, busy: Callable[[], bool]) -> "HeatPainter":  # noqa: D102
        return HeatPainter(self.table)

    def find(self, pointed: Pointed) -> "Iterator[Cell | None]":  # noqa: D102
        return find_cell(self.table, pointed)


class HeatPainter:
    """Makes the pictures of one map of a matrix.

    Parameters
    ----------
    table : MatrixTable
    """

    def __init__(self, table: MatrixTable) -> None:
        self._table = table
        self._sent: dict[int, tuple[tuple[Any, Any], Wire]] = {}

    def paint(self, wish: Wish, stale: Callable[[], bool] = lambda: False) -> Iterator[HeatPicture]:
        """Yield the picture of a wish; where that takes long, an approximate one before it."""
        look: HeatLook = wish.style
        view = _widened(wish.view, wish.margin)
        sides = swiped(self._table, look) if isinstance(look, SwipeLook) else ((self._table, look),)
        rough = [quick_heat(table, view, own) for table, own in sides]
        sketched = any(one is not None for one in rough)
        if sketched:
            made = [heat_frame(table, view, own) if one is None else one for one, (table, own) in zip(rough, sides, strict=True)]
            yield self._pictured(made, sides, replace(wish, settled=False))
        try:
            with stoppable(stale if sketched else lambda: False):
                made = [heat_frame(table, view, own) for table, own in sides]
        except Stopped:
            return
        yield self._pictured(made, sides, wish)

    def _pictured(self, frames: list[HeatFrame], sides: Sequence[tuple[MatrixTable, HeatLook]], wish: Wish) -> HeatPicture:
        look: HeatLook = wish.style
        made = frames[0]
        rows, cols = (names_of(self._table, wish.view, look, side) for side in ("rows", "cols"))
        count = made.count if wish.settled else None
        texts = [cell_texts(table, one, wish.view) for one, (table, _) in zip(frames, sides, strict=True)]
        beside = Beside(frames[1], self._wire(frames[1], 1), texts[1]) if len(frames) > 1 else None
        return HeatPicture(made, self._wire(made), count, rows=rows, cols=cols, texts=texts[0], cells=made.cells, beside=beside)

    def _wire(self, made: HeatFrame, number: int = 0) -> Wire:
        key, known = (made.drawing.tones, made.table), self._sent.get(number)
        if known is None or any(a is not b for a, b in zip(known[0], key, strict=True)):
            known = self._sent[number] = (key, encode(made))
        return known[1]


def _widened(view: View, margin: tuple[float, float, float, float]) -> View:
    """Return the view with margins of whole pixels, at the same scale."""
    if margin == NO_MARGIN:
        return view
    left, right = (round(share * view.width) for share in margin[:2])
    below, above = (round(share * view.height) for share in margin[2:])
    (x0, x1), (y0, y1) = view.x_range, view.y_range
    x, y = (x1 - x0) / view.width, (y1 - y0) / view.height
    return replace(
        view,
        x_range=(x0 - left * x, x1 + right * x),
        y_range=(y0 - above * y, y1 + below * y),
        width=view.width + left + right,
        height=view.height + below + above,
    )


def names_of(table: MatrixTable, view: View, look: HeatLook, side: str) -> Names:
    """Return the names that fit beside a view, and those around it."""
    down = side == "rows"
    (low, high), pixels = (view.y_range, view.height) if down else (view.x_range, view.width)
    size = look.shape(table)[0 if down else 1]
    steps = steps_of(table, side)
    step = step_of(pixels / (high - low), LINE if down or not axis_of(table, side).named else SLANTED, steps)
    around = (high - low) * _AROUND
    places = shown_places(low - around, high + around, size, step)
    return Names(places.tolist(), [text[:_LONGEST] for text in names_at(table, look, side, places)])
