"""Which rows and columns of a matrix are selected, and where they stand in the order that is shown. Pure, off the event loop where they are many."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigview.matrixorder import Lines
from bigview.raster.heat import HeatLook
from bigview.raster.heatlabels import axis_of, names_at
from bigview.raster.heatlook import order_of
from bigview.store.matrix import MatrixTable, Side
from bigview.store.orders import Order, spans_of

Ids = NDArray[np.int64]
SIDES: tuple[Side, Side] = ("rows", "cols")
Pair = tuple[Lines | None, Lines | None]
Box = tuple[tuple[int, int], tuple[int, int]]
"""Rows and columns, each from the first place to the one after the last, in the order shown."""
CHOSEN = "#ff5d8f"
"""The colour of outlines round what is selected, as on the page."""
_OUTLINED = 64
"""Runs of neighbours on a side that are outlined on the map; more are marked along its edges alone."""


@dataclass(frozen=True, eq=False)
class Chosen:
    """What is selected.

    Attributes
    ----------
    lines : (Lines or None, Lines or None)
        Of the rows and of the columns, as a spec has them; None: all of them.
    numbers : (ndarray of int64 or None, ndarray of int64 or None)
        Their native numbers, in the sequence in which they were selected.
    """

    lines: Pair
    numbers: tuple[Ids | None, Ids | None]

    @classmethod
    def of(cls, table: MatrixTable, lines: Pair) -> "Chosen":
        """Return what a spec has selected; the orders in it are made: not for the event loop."""
        orders = [None if one is None else order_of(table, side, one.order) for side, one in zip(SIDES, lines, strict=True)]
        return cls(lines, _numbers(lines, (orders[0], orders[1])))

    @classmethod
    def here(cls, look: HeatLook, lines: Pair) -> "Chosen":
        """Return what is selected by its places in the orders shown."""
        return cls(lines, _numbers(lines, (look.rows, look.cols)))

    def places(self, look: HeatLook, number: int) -> Ids:
        """Return where the rows (0) or the columns (1) stand in the order shown, ascending; those that are left out there are left out."""
        native, order = self.numbers[number], (look.rows, look.cols)[number]
        if native is None:
            raise ValueError("all of them are selected")
        places = native if order is None else order.inverse[native]
        return np.sort(places[places >= 0])


def _numbers(lines: Pair, orders: tuple[Order | None, Order | None]) -> tuple[Ids | None, Ids | None]:
    found = [
        None if one is None else np.arange(one.first, one.last) if order is None else order.index[one.first : one.last]
        for one, order in zip(lines, orders, strict=True)
    ]
    return found[0], found[1]


@dataclass(frozen=True)
class Part:
    """A part of a matrix as a box: where what is selected is scattered, in orders that show nothing else.

    Attributes
    ----------
    look : HeatLook
    box : Box
    spans : ((list of (int, int)), (list of (int, int)))
        Where the rows and the columns stand in the order shown.
    """

    look: HeatLook
    box: Box
    spans: tuple[list[tuple[int, int]], list[tuple[int, int]]]

    @classmethod
    def of(cls, table: MatrixTable, look: HeatLook, chosen: Chosen) -> "Part":
        """Return what is selected, in the sequence shown."""
        shape, kept, ends, spans = look.shape(table), {}, [], []
        for number, side in enumerate(SIDES):
            if chosen.numbers[number] is None:
                runs = [(0, shape[number])]
            else:
                places = chosen.places(look, number)
                runs = spans_of(places)
            if len(runs) > 1:
                order, size = getattr(look, side), axis_of(table, side).size
                kept[side] = Order.of(places if order is None else order.index[places], size, "selection")
                ends.append((0, len(places)))
            else:
                ends.append(runs[0] if runs else (0, 0))
            spans.append(runs)
        shown = replace(look, rows=kept.get("rows", look.rows), cols=kept.get("cols", look.cols))
        return cls(shown, (ends[0], ends[1]), (spans[0], spans[1]))

    def outline(self) -> dict[str, Any]:
        """Return the runs that the page outlines; nothing where they are too many."""
        if not all(0 < len(runs) <= _OUTLINED for runs in self.spans):
            return {}
        return {side: [list(run) for run in runs] for side, runs in zip(SIDES, self.spans, strict=True)}


def counted(count: int, what: str) -> str:
    """Return a number of "row" or "column" in words."""
    return f"{count:,} {what}{'s' * (count != 1)}"


def told_of(table: MatrixTable, look: HeatLook, spans: tuple[tuple[int, int] | None, tuple[int, int] | None]) -> str:
    """Return what is read aloud of a selection of neighbours, by their places in the order shown; None: all of them."""
    parts, shape = [], look.shape(table)
    for number, (side, what) in enumerate(zip(SIDES, ("row", "column"), strict=True)):
        span = spans[number]
        if span is None:
            parts.append(f"all {counted(shape[number], what)}")
            continue
        names = names_at(table, look, side, np.array([span[0], span[1] - 1]))
        parts.append(f"{counted(span[1] - span[0], what)}, {names[0]}" + (f" to {names[1]}" if span[1] - span[0] > 1 else ""))
    return f"Selected: {'; '.join(parts)}"
