"""The cell of a matrix under the pointer, and what is known of the others that share its pixel."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigview.raster.heat import HeatLook, window_of
from bigview.raster.heatlabels import native
from bigview.raster.heatswipe import SwipeLook, swiped
from bigview.raster.matrixgrid import extremes, known_statistics
from bigview.raster.matrixplanes import planes_of
from bigview.spec import View
from bigview.store.comparison import compare
from bigview.store.matrix import MatrixTable
from bigview.views.pointer import Pointed

_MOST_CELLS = 4_000_000  # of a pixel that hover reads: 10 ms


@dataclass(frozen=True)
class Block:
    """What is known of the cells of one pixel.

    Attributes
    ----------
    count : int
        Cells with a value.
    mean, low, high : float
    low_at, high_at : (int, int) or None
        Places (row, column) of the extremes in the order shown.
    means : (float, float) or None
        Where the two matrices of a comparison are shown: their means.
    """

    count: int
    mean: float
    low: float
    high: float
    low_at: tuple[int, int] | None = None
    high_at: tuple[int, int] | None = None
    means: tuple[float, float] | None = None


@dataclass(frozen=True)
class Cell:
    """What lies under the pointer.

    Attributes
    ----------
    row, col : int
        Places in the order shown.
    value : float
        Of the cell; a code for categories.
    rows, cols : (int, int)
        First place and the place after the last of the pixel's rows and columns.
    pixel : (float, float)
        Pixels from the plot's upper left corner.
    block : Block or None
        Where the pixel has several cells, once it is known.
    complete : bool
    facts : (dict, dict)
        What else is known of the row and of the column.
    pair : (float, float) or None
        Of a comparison: the values of the two matrices.
    """

    row: int
    col: int
    value: float
    rows: tuple[int, int]
    cols: tuple[int, int]
    pixel: tuple[float, float]
    block: Block | None = None
    complete: bool = True
    facts: tuple[dict[str, Any], dict[str, Any]] = field(default=({}, {}), compare=False)
    pair: tuple[float, float] | None = None

    @property
    def cells(self) -> int:
        """Cells of the pixel."""
        return (self.rows[1] - self.rows[0]) * (self.cols[1] - self.cols[0])


def find_cell(table: MatrixTable, pointed: Pointed) -> Iterator[Cell | None]:
    """Yield the cell under the pointer, then, where its pixel has more, what is known of them; None beside the matrix."""
    look: HeatLook = pointed.style
    row, col = int(np.floor(-pointed.place[1])), int(np.floor(pointed.place[0]))
    shape = look.shape(table)
    window = window_of(pointed.view, shape)
    if not (0 <= row < shape[0] and 0 <= col < shape[1]) or window is None:
        yield None
        return
    rows = _pixel_of(row, window.view.y_range, window.view.height, shape[0])
    cols = _pixel_of(col, window.view.x_range, window.view.width, shape[1])
    several = (rows[1] - rows[0]) * (cols[1] - cols[0]) > 1
    facts = facts_of(table, look, "rows", row), facts_of(table, look, "cols", col)
    pair = pair_at(table, look, row, col)
    found = Cell(row, col, value_at(table, look, row, col), rows, cols, pointed.pixel, None, not several, facts, pair)
    yield found
    if several and table.kind != "category":
        block = block_of(table, look, window.view, found)
        if isinstance(look, SwipeLook) or not block.count or found.cells > _MOST_CELLS:
            yield replace(found, block=block, complete=True)
        else:
            yield replace(found, block=block)
            yield replace(found, block=with_extremes(table, look, window.view, found, block), complete=True)


def facts_of(table: MatrixTable, look: HeatLook, side: str, place: int) -> dict[str, Any]:
    """Return what else is known of the row, or the column, at a place of the order shown."""
    axis, order = (table.rows, look.rows) if side == "rows" else (table.cols, look.cols)
    return axis.line(int(native(order, np.array([place]))[0]))


def _pixel_of(place: int, ends: tuple[float, float], pixels: int, size: int) -> tuple[int, int]:
    """Return the places that share a pixel with this one: those whose centres lie in it."""
    step = (ends[1] - ends[0]) / pixels
    if step <= 1:
        return place, place + 1
    number = np.floor((place + 0.5 - ends[0]) / step + 1e-9)
    low, high = (int(np.ceil(ends[0] + (number + k) * step - 0.5 - 1e-9 * step)) for k in (0, 1))
    return max(0, low), min(size, max(high, low + 1))


def value_at(table: MatrixTable, look: HeatLook, row: int, col: int) -> float:
    """Return the value of a cell by its places in the order shown; NaN where it is missing."""
    places = native(look.rows, np.array([row])), native(look.cols, np.array([col]))
    return float(numbers_of(table, table.cells(*places))[0, 0])


def pair_at(table: MatrixTable, look: HeatLook, row: int, col: int) -> tuple[float, float] | None:
    """Return the values of the two matrices of a comparison at places of the order shown; None for any other matrix."""
    if table.manifest.layout != "comparison":
        return None
    one, other = table.compared.both(native(look.rows, np.array([row])), native(look.cols, np.array([col])))
    return float(one[0, 0]), float(other[0, 0])


def numbers_of(table: MatrixTable, values: NDArray[Any]) -> NDArray[np.float64]:
    """Return values as numbers, NaN where they are missing."""
    found = np.asarray(values, np.float64)
    return found if table.missing is None else np.where(np.asarray(values) == table.missing, np.nan, found)


def block_of(table: MatrixTable, look: HeatLook, view: View, cell: Cell) -> Block:
    """Return what is known of the cells that share a cell's pixel in a view; the picture of that view has asked for it already."""
    place = pixel_at(view, cell)
    if isinstance(look, SwipeLook):
        return _both_blocks(table, look, view, place)
    known = known_statistics(table, view, look.rows, look.cols)
    found = planes_of(table, view, look.rows, look.cols, every="min" in known and table.manifest.layout in ("similarity", "comparison")).found
    count = int(found.count[place])
    mean = float(found.total[place]) / count if count and "mean" in known else np.nan
    ends = [float(plane[place]) if count and plane is not None and "min" in known else np.nan for plane in (found.low, found.high)]
    return Block(count, mean, ends[0], ends[1])


def with_extremes(table: MatrixTable, look: HeatLook, view: View, cell: Cell, block: Block) -> Block:
    """Return a block with its least and its greatest cell, and where they are: its cells are read for it."""
    found = extremes(table, view, pixel_at(view, cell), look.rows, look.cols)
    if found is None:
        return block
    at = [(_place(look.rows, one.row), _place(look.cols, one.column)) for one in found]
    return replace(block, low=float(found[0].value), high=float(found[1].value), low_at=at[0], high_at=at[1])


def _both_blocks(table: MatrixTable, look: SwipeLook, view: View, place: tuple[int, int]) -> Block:
    """Return the means of both matrices in a pixel, as their pictures have them."""
    found = [planes_of(part, view, own.rows, own.cols).found for part, own in swiped(table, look)]
    count = [int(one.count[place]) for one in found]
    mean = [float(one.total[place]) / number if number else np.nan for one, number in zip(found, count, strict=True)]
    compared = float(compare(np.array(mean[0]), np.array(mean[1]), table.compared.how))
    return Block(int(min(count)), compared, np.nan, np.nan, means=(mean[0], mean[1]))


def pixel_at(view: View, cell: Cell) -> tuple[int, int]:
    """Return row and column of the pixel of a grid that shows a cell."""
    (x0, x1), (y0, y1) = view.x_range, view.y_range
    row, col = (cell.row + 0.5 - y0) / (y1 - y0) * view.height, (cell.col + 0.5 - x0) / (x1 - x0) * view.width
    return min(view.height - 1, int(row + 1e-9)), min(view.width - 1, int(col + 1e-9))


def _place(order: Any, number: int) -> int:
    """Return where a native row or column stands in an order."""
    return number if order is None else int(order.inverse[number])
