"""Matrices in any order: what each pixel of a view holds, from one pass over the cells that it shows."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigview.config import limits
from bigview.raster.blocks import Block, BlockReduction, Reduced, Sampled, count_codes, sampled_blocks, strips_within
from bigview.raster.pixels import AxisPixels
from bigview.raster.sides import MatrixSide
from bigview.spec import View
from bigview.store.matrix import MatrixTable

QUICK_CELLS = 40_000_000
"""Cells read for a quick picture: about 50 ms on two cores."""


@dataclass(frozen=True, eq=False)
class Ordered:
    """A view of a matrix in some order: its sides, and the cells of their pixels."""

    y: MatrixSide
    x: MatrixSide
    rows: AxisPixels
    cols: AxisPixels
    is_native: bool = False

    @classmethod
    def of(cls, table: MatrixTable, view: View, rows: Any = None, cols: Any = None) -> "Ordered":
        """Return a view in the orders of the rows and the columns; None for their own."""
        (x0, x1), (y0, y1) = view.x_range, view.y_range
        index = [None if order is None else order.index for order in (rows, cols)]
        sizes = [size if order is None else len(order) for order, size in zip(index, table.shape, strict=True)]
        y, x = MatrixSide(float(y0), float(y1), view.height, sizes[0]), MatrixSide(float(x0), float(x1), view.width, sizes[1])
        return cls(y, x, AxisPixels.of(y, index[0]), AxisPixels.of(x, index[1]), rows is None and cols is None)

    @property
    def cells(self) -> int:
        """Cells in view."""
        return len(self.rows.members) * len(self.cols.members)

    def sampled(self, cells: int = QUICK_CELLS) -> "Ordered":
        """Return a view of some rows of each pixel, about so many cells in all."""
        return replace(self, rows=self.rows.sample(strips_within(self.rows, self.cols, cells))[0])


def reduced_cells(table: MatrixTable, found: Ordered, squares: bool = False) -> Reduced:
    """Return what each pixel holds, from the stored cells."""
    reduction = BlockReduction(found.rows, found.cols, table.shape, table.dtype, **_known(table, squares))
    for piece in _pieces(table, found):
        reduction.add(piece)
    return reduction.result()


def _pieces(table: MatrixTable, found: Ordered) -> Iterator[list[Block]]:
    """Yield the blocks in view, a band of chunks at a time: what is read is read once, and memory holds no more than that.

    A band is cut where it is larger than what the process may keep, so that also matrices larger than memory are read chunk by chunk.
    """
    height, width = table.manifest.chunk
    rows, cols = found.rows.span, found.cols.span
    most = max(1, limits().result_bytes // max(1, height * width * table.dtype.itemsize)) * height
    used = np.unique(found.cols.members // max(1, width))
    for band in used.tolist():
        left, right = max(cols.start, band * width), min(cols.stop, (band + 1) * width)
        for top in range(rows.start // max(1, height) * height, rows.stop, most):
            yield list(table.blocks(slice(max(rows.start, top), min(rows.stop, top + most)), slice(left, right)))


def sampled_cells(table: MatrixTable, found: Ordered, cells: int = QUICK_CELLS, squares: bool = False) -> Sampled:
    """Return about what each pixel holds, from some rows of each, with the standard error."""
    blocks = [block for piece in _pieces(table, found) for block in piece]
    most = strips_within(found.rows, found.cols, cells)
    return sampled_blocks(blocks, found.rows, found.cols, table.shape, most, **_known(table, squares))


def _known(table: MatrixTable, squares: bool) -> dict[str, Any]:
    """Return what a reduction has to know of a matrix."""
    return {"missing": table.missing, "centre": centre_of(table) if squares else None, "whole": table.whole}


def centre_of(table: MatrixTable) -> float:
    """Return what squares are taken about: the mean of all cells."""
    return float(table.manifest.facts.get("mean") or 0.0)


def mode_cells(table: MatrixTable, found: Ordered) -> NDArray[np.int64]:
    """Return the most frequent code of each pixel, its count and the count of all, shape (height, width, 3)."""
    blocks = [block for piece in _pieces(table, found) for block in piece]
    return count_codes(blocks, found.rows, found.cols, table.shape, max(1, len(table.manifest.categories)))


@dataclass(frozen=True)
class Cell:
    """A cell: its native row and column, and its value."""

    row: int
    column: int
    value: Any


def extreme_cells(table: MatrixTable, found: Ordered, pixel: tuple[int, int]) -> tuple[Cell, Cell] | None:
    """Return the least and the greatest cell of a pixel (row, column of the grid); None where nothing has a value.

    Of equals the first one in the order shown.
    """
    rows, cols = found.rows.pixel(pixel[0]), found.cols.pixel(pixel[1])
    if not len(rows) or not len(cols):
        return None
    cells = table.cells(rows, cols)
    good = np.asarray(cells == cells) & ~np.ma.getmaskarray(cells)
    values = np.ma.getdata(cells).ravel()
    if table.missing is not None:
        good &= cells != table.missing
    places = None if good.all() else np.flatnonzero(good)  # of the values, where some are left out
    if places is not None:
        if not len(places):
            return None
        values = values[places]
    answers = []
    for at in (int(values.argmin()), int(values.argmax())):
        row, column = divmod(at if places is None else int(places[at]), len(cols))
        answers.append(Cell(int(rows[row]), int(cols[column]), values[at].item()))
    return answers[0], answers[1]
