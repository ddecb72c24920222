"""What a map shows at one moment: the frame, what it counts, and the rows drawn one by one where they are few."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bigview.config import limits
from bigview.raster.frame import Drawing, Frame, frame, kept
from bigview.raster.sketch import Haste, prepare, sketch
from bigview.spec import Filters, Style, View, Where
from bigview.store.axis import Axis
from bigview.store.points import PointTable
from bigview.store.pool import Stopped, alone, stoppable
from bigview.views.wire import Wire, encode

NO_MARGIN = (0.0, 0.0, 0.0, 0.0)
_AT_ONCE = 0.06  # seconds after a picture within which the next one was waiting, or nearly


class Look(Protocol):
    """How something is drawn: a `Style`, or what another kind of map has in its place."""

    @property
    def dark(self) -> bool:
        """Whether the background is dark."""


@dataclass(frozen=True)
class Wish:
    """What a map asks its worker for.

    Attributes
    ----------
    view : View
        The visible rectangle.
    style : Style
        Or another `Look`, of the painter's kind.
    where : str, Filter or None
    margin : (float, float, float, float)
        Shares of the size to add at the left, right, bottom and top: the map is being dragged.
    settled : bool
        Nothing moves: the numbers and the marks are wanted too.
    facet : str, Filter or None
        Filters under which the legend ranks categories, where they are not `where`.
    selected : str, Filter or None
        Only these rows have colours; the others are grey.
    """

    view: View
    style: Any
    where: Where = None
    margin: tuple[float, float, float, float] = NO_MARGIN
    settled: bool = False
    facet: Where = None
    selected: Where = None

    def shows_as(self, other: "Wish") -> bool:
        """Tell whether the other wish has the same picture."""
        mine, theirs = ((one.view, one.style, one.where, one.selected, one.margin) for one in (self, other))
        return mine == theirs


@dataclass(frozen=True)
class Marks:
    """Rows drawn one by one.

    Attributes
    ----------
    x, y : ndarray
        Plot coordinates.
    colors : list of str
    size : float
        Diameter in pixels.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    colors: list[str]
    size: float


@dataclass(frozen=True)
class Picture:
    """A frame with what belongs to it.

    Attributes
    ----------
    frame : Frame
    wire : Wire
    count : int or None
        Rows in view, where the map is settled.
    marks : Marks or None
        Where it is settled, and rows are few.
    totals : ndarray of int64 or None
        Rows in view of each category, by code, under the wish's facet.
    chosen : int or None
        Rows that are selected, in view or not.
    """

    frame: Frame
    wire: Wire
    count: int | None = None
    marks: Marks | None = None
    totals: NDArray[np.int64] | None = None
    chosen: int | None = None


class Painter:
    """Makes the pictures of one map; keeps the last frame, which the settled picture usually needs again.

    Parameters
    ----------
    table : PointTable
    busy : callable
        Tells whether other maps wait: then smaller views too are sketched first, and each picture is the work of one thread.
    """

    def __init__(self, table: PointTable, busy: Callable[[], bool] = lambda: False) -> None:
        self._table, self._busy = table, busy
        self._last: tuple[tuple[View, Style, Where, Where], Frame] | None = None
        self._sent: tuple[tuple[Drawing, Any, bool], Wire] | None = None
        self._prepared, self._ended = False, -_AT_ONCE

    def paint(self, wish: Wish, stale: Callable[[], bool] = lambda: False) -> Iterator[Picture]:
        """Yield the picture of a wish, then, where it is settled, the one with numbers and marks; then prepare for the next filter like this one.

        Where the exact picture takes long a sketch comes before it; then the exact one is given up as soon as `stale` says that nobody waits for it.
        """
        view, coarse = _widened(wish.view, wish.margin, self._table), wish.margin != NO_MARGIN
        haste = Haste(self._busy(), not wish.settled, monotonic() - self._ended < _AT_ONCE)
        with alone(haste.busy):
            rough = None if self._known(view, wish) else sketch(self._table, view, wish.style, wish.where, wish.selected, haste)
        if rough is not None and rough.exact:  # of the rows in view alone: it is the picture
            self._last = ((view, wish.style, wish.where, wish.selected), rough)
        elif rough is not None:
            yield Picture(rough, encode(rough, coarse=True))
        try:
            with alone(self._busy()), stoppable(stale if rough is not None else lambda: False):
                made = self._frame(view, wish)
        except Stopped:
            return
        finally:
            self._ended = monotonic()
        wire = self._wire(made, coarse)
        yield Picture(made, wire)
        if not wish.settled:
            return
        count = self._table.count(wish.view, wish.where)
        marks = None
        if 0 < count <= limits().glyph_rows:
            marks = self._marks(wish, made, count)
        chosen = self._table.count(None, Filters.of(wish.where, wish.selected)) if wish.selected else None
        yield Picture(made, wire, count, marks, self._totals(wish), chosen)
        with suppress(Stopped), stoppable(stale):
            if not self._prepared:  # once: who zooms is not to wait for it again and again
                self._prepared = True
                prepare(self._table, view, wish.style)
            self._table.load(Filters.of(wish.where, wish.selected))

    def _totals(self, wish: Wish) -> NDArray[np.int64] | None:
        by = wish.style.by
        if wish.facet is None or by is None or self._table.columns[by] not in ("category", "boolean"):
            return None
        found = self._table.category_counts(by, wish.view, wish.facet)
        totals: NDArray[np.int64] = found.reindex(self._table.reader.categories(by), fill_value=0).to_numpy(np.int64)
        return totals

    def _known(self, view: View, wish: Wish) -> bool:
        asked = (view, wish.style, wish.where, wish.selected)
        return (self._last is not None and self._last[0] == asked) or kept(self._table, *asked)

    def _wire(self, made: Frame, coarse: bool) -> Wire:
        """Return the frame as the browser gets it; the same one where it is there already."""
        key = (made.drawing, made.table, coarse)
        if self._sent is None or any(a is not b for a, b in zip(self._sent[0], key, strict=True)):
            self._sent = (key, encode(made, coarse))
        return self._sent[1]

    def _frame(self, view: View, wish: Wish) -> Frame:
        key = (view, wish.style, wish.where, wish.selected)
        last = self._last
        if last is not None and last[0] == key:
            return last[1]
        made = frame(self._table.passing, *key)
        self._last = (key, made)
        return made

    def _marks(self, wish: Wish, made: Frame, count: int) -> Marks:
        x, y = self._table.manifest.x, self._table.manifest.y
        rows = self._table.rows(wish.view, wish.where, columns=list(dict.fromkeys([x.column, y.column])), limit=count)
        at_x, at_y = plotted(rows[x.column]), plotted(rows[y.column])
        size = 2 * made.spread + 1 + min((limits().glyph_rows / count) ** 0.25 - 1, 6)
        return Marks(at_x, at_y, colors_at(made, at_x, at_y), float(size))


def colors_at(made: Frame, x: NDArray[np.float64], y: NDArray[np.float64]) -> list[str]:
    """Return the colour ``#rrggbb`` the frame has at each place (plot coordinates), so that marks look like the picture they replace."""
    height, width = made.shape
    column = _cell(x, made.x_range, width)
    row = _cell(y, made.y_range, height)
    packed = made.rgba[row, column]
    return [f"#{value & 255:02x}{value >> 8 & 255:02x}{value >> 16 & 255:02x}" for value in packed.tolist()]


def _cell(values: NDArray[np.float64], ends: tuple[Any, Any], cells: int) -> NDArray[np.int64]:
    low, high = to_plot(ends[0]), to_plot(ends[1])
    return np.clip(((values - low) * (cells / (high - low))).astype(np.int64), 0, cells - 1)


def plotted(values: pd.Series) -> NDArray[np.float64]:
    """Return a column as plot coordinates: numbers as they are, datetimes as milliseconds since 1970."""
    if values.dtype.kind == "M":
        moments: NDArray[np.float64] = values.to_numpy().astype("M8[us]").astype(np.int64) / 1000.0
        return moments
    numbers: NDArray[np.float64] = values.to_numpy(dtype=np.float64)
    return numbers


def to_plot(value: Any) -> float:
    """Return a value of an axis as a plot coordinate."""
    if isinstance(value, np.datetime64):
        return float(value.astype("M8[us]").astype(np.int64) / 1000.0)
    return float(value)


def to_value(axis: Axis, place: float) -> Any:
    """Return a plot coordinate as a value of the axis."""
    return np.datetime64(round(place * 1000), "us") if axis.kind == "datetime" else place


def _widened(view: View, margin: tuple[float, float, float, float], table: PointTable) -> View:
    """Return the view with margins of whole pixels, at the same scale."""
    if margin == NO_MARGIN:
        return view
    left, right, bottom, top = (round(share * size) for share, size in zip(margin, (view.width,) * 2 + (view.height,) * 2, strict=True))
    axes = table.manifest
    x_range = _stretched(axes.x, view.x_range, left / view.width, right / view.width)
    y_range = _stretched(axes.y, view.y_range, bottom / view.height, top / view.height)
    return replace(view, x_range=x_range, y_range=y_range, width=view.width + left + right, height=view.height + bottom + top)


def _stretched(axis: Axis, ends: tuple[Any, Any], before: float, after: float) -> tuple[Any, Any]:
    low, high = to_plot(ends[0]), to_plot(ends[1])
    return to_value(axis, low - (high - low) * before), to_value(axis, high + (high - low) * after)
