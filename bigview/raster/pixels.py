"""Which cells of a matrix's axis each pixel shows, in any order of the axis."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bigview.raster.sides import MatrixSide

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class AxisPixels:
    """The cells of an axis by the bins of a side, in their native numbers.

    Attributes
    ----------
    members : ndarray of int64
        Native numbers of the cells in view, bin after bin.
    starts : ndarray of int64, shape (bins + 1,)
        Bin b is ``members[starts[b]:starts[b + 1]]``; it may be empty.
    shown : ndarray of int64, shape (pixels,), or None
        The bin that each pixel shows, −1 for none; None where bins are pixels, one by one.
    """

    members: Ints
    starts: Ints
    shown: Ints | None = None

    @classmethod
    def of(cls, side: MatrixSide, index: NDArray[np.integer] | None = None) -> Self:
        """Return the cells of a side.

        Parameters
        ----------
        side : MatrixSide
        index : array of int, optional
            The native number of the cell at each place: an order, or a choice, of the axis.
        """
        first, stop = int(side.edges[0]), int(side.edges[-1])
        members = np.arange(first, stop) if index is None else np.asarray(index[first:stop], np.int64)
        return cls(members, side.edges - first, None if side.is_plain else side.shown)

    @property
    def bins(self) -> int:
        """How many bins there are."""
        return len(self.starts) - 1

    @property
    def pixels(self) -> int:
        """How many pixels there are."""
        return self.bins if self.shown is None else len(self.shown)

    @property
    def sizes(self) -> Ints:
        """Cells of each bin."""
        return np.diff(self.starts)

    @property
    def span(self) -> slice:
        """The native cells from the first to the last that is shown."""
        return slice(int(self.members.min()), int(self.members.max()) + 1) if len(self.members) else slice(0, 0)

    def places(self, size: int) -> NDArray[np.int32]:
        """Return the bin of each native cell, −1 where it is not shown: the order turned round."""
        out = np.full(size, -1, np.int32)
        out[self.members] = np.repeat(np.arange(self.bins, dtype=np.int32), self.sizes)
        return out

    def pixel(self, number: int) -> Ints:
        """Return the native numbers of the cells that a pixel shows."""
        found = number if self.shown is None else int(self.shown[number])
        return self.members[:0] if found < 0 else self.members[self.starts[found] : self.starts[found + 1]]

    def by_pixel(self, plane: NDArray[Any], axis: int) -> NDArray[Any]:
        """Return an array over bins as one over pixels; 0 where a pixel shows none."""
        if self.shown is None:
            return plane
        padding = [(0, int(a == axis)) for a in range(plane.ndim)]
        return np.take(np.pad(plane, padding), self.shown, axis)  # −1 takes the place added

    def sample(self, most: int, seed: int = 0) -> tuple[Self, Self]:
        """Return a sample of at most `most` cells a bin, drawn evenly through the bin, and a half of it in some of the bins.

        The half and the rest of those bins' sample are two samples alike, and how far they are apart tells how good the sample is. It has a half
        of every bin where there are few, else of about a hundred.
        """
        sizes = self.sizes
        taken = np.minimum(sizes, most)
        begin = np.concatenate([[0], np.cumsum(taken)])
        bins = np.repeat(np.arange(self.bins), taken)
        place = np.arange(begin[-1]) - begin[bins]
        # One cell from each of `taken` equal stretches of the bin, at a random place in it: no pattern of the order can hide from the sample.
        # Stretches begin at whole cells, so that no cell is drawn twice.
        low, high = (sizes[bins] * (place + step) // np.maximum(taken[bins], 1) for step in (0, 1))
        where = low + (np.random.default_rng(seed).random(len(place)) * (high - low)).astype(np.int64)
        members = self.members[self.starts[bins] + where]
        chosen = (place % 2 == 0) & (bins % max(1, self.bins // 100) == 0)
        starts = np.concatenate([[0], np.cumsum(np.bincount(bins[chosen], minlength=self.bins))])
        return type(self)(members, begin, self.shown), type(self)(members[chosen], starts.astype(np.int64), self.shown)
