"""A part of a matrix in an order: what an element of HoloViews holds in place of an array."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bigview.config import limits
from bigview.errors import TooLargeError
from bigview.raster.heat import HeatLook
from bigview.raster.heatlook import shown_as
from bigview.store.matrix import MatrixTable
from bigview.store.orders import Order

Span = tuple[int, int]


@dataclass(frozen=True)
class MatrixPart:
    """Rows and columns of a matrix, by their places in the order shown. Nothing is read for it.

    Attributes
    ----------
    table : MatrixTable
    rows, cols : Order or None
        None: as they are stored.
    box : ((r0, r1), (c0, c1))
        The places that the part has: rows r0 … r1 − 1, columns c0 … c1 − 1.
    """

    table: MatrixTable
    rows: Order | None
    cols: Order | None
    box: tuple[Span, Span]

    @classmethod
    def of(cls, data: Any) -> Self:
        """Return a store as a part, or a part itself."""
        if isinstance(data, cls):
            return data
        rows, cols = data.shape
        return cls(data, None, None, ((0, rows), (0, cols)))

    @classmethod
    def ordered(cls, table: MatrixTable, rows: Any = None, cols: Any = None) -> Self:
        """Return all that orders, or trees, show of a matrix."""
        found = shown_as(table, "rows", rows)[0], shown_as(table, "cols", cols)[0]
        high, wide = HeatLook(rows=found[0], cols=found[1]).shape(table)
        return cls(table, *found, ((0, high), (0, wide)))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        (r0, r1), (c0, c1) = self.box
        return r1 - r0, c1 - c0

    @property
    def dims(self) -> tuple[str, str, str]:
        """What columns, rows and values are called."""
        report = self.table.manifest.report
        return str(report.get("cols") or "column"), str(report.get("rows") or "row"), str(report.get("value") or "value")

    def centres(self, side: int) -> NDArray[np.float64]:
        """Return the places of the middles of rows (0) or columns (1)."""
        low, high = self.box[side]
        return np.arange(low, high, dtype=np.float64) + 0.5

    def part(self, rows: slice, cols: slice) -> Self:
        """Return the part at some numbers within this one."""
        spans = []
        for (low, _), size, chosen in zip(self.box, self.shape, (rows, cols), strict=True):
            first, last, _ = chosen.indices(size)
            spans.append((low + first, low + max(first, last)))
        return replace(self, box=(spans[0], spans[1]))

    def cells(self, asked: str) -> NDArray[Any]:
        """Return the values of all cells, NaN where they are missing, if they are few enough to be sent to a browser.

        Parameters
        ----------
        asked : str
            What to take for more of them, for the error.
        """
        high, wide = self.shape
        most = limits().element_cells
        if high * wide > most:
            raise TooLargeError(
                f"It would read {high:,} × {wide:,} cells one by one; up to {most:,} may be. Take {asked}, which reduces them to the pixels in view, "
                "or a part, such as image[0:500, 0:500]."
            )
        places = [np.arange(*span) for span in self.box]
        index = [span if order is None else order.index[span] for span, order in zip(places, (self.rows, self.cols), strict=True)]
        found: Any = self.table.cells(*index)
        return np.asarray(np.ma.filled(found.astype(np.float64), np.nan) if np.ma.isMaskedArray(found) else found)
