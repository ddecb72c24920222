"""Which cells of a matrix a pixel shows, along one axis."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bigview.spec import View


@dataclass(frozen=True)
class MatrixSide:
    """One axis of a grid over a matrix: pixels over places among the displayed rows or columns, 0 … size.

    Where a pixel is larger than a cell it holds the cells whose centre is in it; where it is smaller it shows the cell under its own centre. Both are
    said by bins: bin k holds the places ``edges[k] … edges[k + 1]``, and a pixel shows the bin ``shown[pixel]`` (−1: none).

    Attributes
    ----------
    low, high : float
        Outer edges.
    pixels : int
    size : int
        Displayed rows or columns in all.
    """

    low: float
    high: float
    pixels: int
    size: int

    @property
    def step(self) -> float:
        """Cells a pixel."""
        return (self.high - self.low) / self.pixels

    @cached_property
    def edges(self) -> NDArray[np.int64]:
        """Edges of the bins, as places; ascending, within 0 … size."""
        if self.step >= 1:
            # A place i has its centre at i + ½; one on an edge belongs to the pixel above.
            ends = np.ceil(self.low + np.arange(self.pixels + 1) * self.step - 0.5 - 1e-9 * self.step)
            return np.asarray(np.clip(ends, 0, self.size), np.int64)
        under = self._under
        first, last = max(0, int(under[0])), min(self.size - 1, int(under[-1]))
        return np.arange(first, max(last + 2, first + 1), dtype=np.int64)

    @cached_property
    def _under(self) -> NDArray[np.int64]:
        centres = self.low + (np.arange(self.pixels) + 0.5) * self.step
        return np.asarray(np.floor(np.clip(centres, -1, self.size)), np.int64)

    @cached_property
    def shown(self) -> NDArray[np.int64]:
        """The bin that each pixel shows; −1 where it shows none."""
        if self.step >= 1:
            return np.where(np.diff(self.edges) > 0, np.arange(self.pixels), -1)
        under = self._under
        return np.where((under >= 0) & (under < self.size), under - self.edges[0], -1)

    @property
    def is_plain(self) -> bool:
        """Whether pixels are bins, one by one."""
        return self.step >= 1

    @cached_property
    def bin_of(self) -> NDArray[np.int32]:
        """The bin of each displayed place, −1 outside; shape (size,)."""
        found = np.full(self.size, -1, np.int32)
        found[self.edges[0] : self.edges[-1]] = np.repeat(np.arange(len(self.edges) - 1, dtype=np.int32), np.diff(self.edges))
        return found

    def centres(self) -> NDArray[np.float64]:
        """Return the centres of the pixels."""
        return np.asarray(self.low + (np.arange(self.pixels) + 0.5) * self.step)


def sides_of(view: View, shape: tuple[int, int]) -> tuple[MatrixSide, MatrixSide]:
    """Return the sides of a view's grid over displayed rows and columns: (y, x)."""
    (x0, x1), (y0, y1) = view.x_range, view.y_range
    return MatrixSide(float(y0), float(y1), view.height, shape[0]), MatrixSide(float(x0), float(x1), view.width, shape[1])
