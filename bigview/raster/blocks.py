"""Blocks of cells reduced to pixels, in any order of rows and columns: no cell is moved, and each is read once.

An order is only a way to number the pixel rows and columns, so a matrix in any order costs what it costs in its own.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from bigview.config import limits
from bigview.errors import OptionError
from bigview.raster import blockloops
from bigview.raster.pixels import AxisPixels
from bigview.store import pool

Block = tuple[int, int, NDArray[Any]]
"""First native row, first native column, and the cells."""
Statistic = Literal["mean", "sum", "count", "min", "max", "std", "var", "stored", "stored_mean"]
STATISTICS: tuple[Statistic, ...] = ("mean", "sum", "count", "min", "max", "std", "var")
STORED: tuple[Statistic, ...] = ("stored", "stored_mean")
"""What only a sparse matrix has: how many cells of a pixel are stored, and the mean of these."""

_SPANS = 4
"""Slices a thread: threads that others slow down are helped out."""

_SLICE_CELLS = 1 << 18
"""Cells of the smallest slice: less is not worth waking a thread for."""

_COUNTS = 1 << 21
"""Bytes of counts of categories that a thread works on at once: a part of the second cache."""

_SPARSE_COLUMNS = 0.5
"""Share of a band's columns under which they are picked out one by one."""


@dataclass(frozen=True, eq=False)
class Reduced:
    """What is known of the cells of each pixel. All arrays have the shape (height, width).

    Attributes
    ----------
    count : ndarray of int64
        Cells that have a value.
    total : ndarray of float64
        Their sum.
    low, high : ndarray, or None
        The least and the greatest, in the type of the cells; without meaning where `count` is 0. None where only the mean is known.
    squares : ndarray of float64, or None
        The sum of their squared distances from `centre`.
    centre : float
    stored : ndarray of int64, or None
        Of a sparse matrix the cells that are stored and have a value.
    """

    count: NDArray[np.int64]
    total: NDArray[np.float64]
    low: NDArray[Any] | None
    high: NDArray[Any] | None
    squares: NDArray[np.float64] | None = None
    centre: float = 0.0
    stored: NDArray[np.int64] | None = None

    def __add__(self, other: Self) -> Self:
        if self.centre != other.centre:
            raise AssertionError("squares about different centres cannot be added")
        squares = None if self.squares is None or other.squares is None else self.squares + other.squares
        stored = None if self.stored is None or other.stored is None else self.stored + other.stored
        low = None if self.low is None or other.low is None else np.minimum(self.low, other.low)
        high = None if self.high is None or other.high is None else np.maximum(self.high, other.high)
        return replace(self, count=self.count + other.count, total=self.total + other.total, low=low, high=high, squares=squares, stored=stored)

    def value(self, statistic: Statistic) -> NDArray[Any]:
        """Return the plane of a statistic: int64 for the count, else float64 with NaN where nothing has a value.

        The standard deviation and the variance are those of all cells of the pixel, not of a sample.
        """
        if statistic == "count":
            return self.count
        if statistic in STORED:
            return self._of_stored(statistic)
        empty = self.count == 0
        if statistic in ("min", "max"):
            plane = self.low if statistic == "min" else self.high
            if plane is None:
                raise OptionError(f"{statistic} needs the cells, and this reduction has seen their means alone.")
            return np.where(empty, np.nan, plane.astype(np.float64))
        if statistic == "sum":
            return np.where(empty, np.nan, self.total)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = self.total / self.count
            if statistic == "mean":
                return np.asarray(mean)
            if self.squares is None:
                raise OptionError(f"{statistic} needs the squares, which this reduction was not asked for.")
            variance = np.maximum(self.squares / self.count - (mean - self.centre) ** 2, 0.0)
        return np.asarray(np.sqrt(variance) if statistic == "std" else variance)

    def _of_stored(self, statistic: Statistic) -> NDArray[Any]:
        if self.stored is None:
            raise OptionError(f"{statistic!r} is known of sparse matrices only; in this one every cell is stored.")
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.stored if statistic == "stored" else np.asarray(self.total / self.stored)

    def by_pixel(self, rows: AxisPixels, cols: AxisPixels) -> Self:
        """Return the planes by pixel instead of by bin, which differ where pixels are smaller than cells."""
        if rows.shown is None and cols.shown is None:
            return self
        found = {name: getattr(self, name) for name in ("count", "total", "low", "high", "squares", "stored")}
        planes: dict[str, Any] = {name: plane if plane is None else cols.by_pixel(rows.by_pixel(plane, 0), 1) for name, plane in found.items()}
        return replace(self, **planes)


@dataclass(eq=False)
class BlockReduction:
    """A reduction under way: blocks are added to it, in any order and in as many steps as memory asks for.

    Parameters
    ----------
    rows, cols : AxisPixels
    shape : (int, int)
        Cells of the whole matrix.
    dtype : dtype
        Numbers or booleans.
    missing : number, optional
        The value that stands for "missing"; NaN always does.
    centre : float, optional
        Squares are taken about this, and only if it is given; near the mean they keep their digits.
    whole : bool
        Whether every cell is known to have a value, which saves to look; whole numbers always have one if none stands for "missing".
    """

    rows: AxisPixels
    cols: AxisPixels
    shape: tuple[int, int]
    dtype: Any
    missing: Any = None
    centre: float | None = None
    whole: bool = False
    _place: NDArray[np.int32] = field(init=False, repr=False)
    _out: Reduced = field(init=False, repr=False)

    def __post_init__(self) -> None:
        kind = _loop_type(np.dtype(self.dtype))
        limit: Any = np.finfo(kind) if kind.kind == "f" else np.iinfo(kind)
        least, greatest = (-np.inf, np.inf) if kind.kind == "f" else (limit.min, limit.max)
        whole = self.whole or (kind.kind != "f" and self.missing is None)
        self._ends = np.array([greatest, least, 0 if self.missing is None else self.missing], kind), self.missing is not None, whole
        self._place = self.cols.places(self.shape[1])
        planes = self.rows.bins, self.cols.bins + 1  # the last column takes what is not shown
        squares = None if self.centre is None else np.zeros(planes)
        self._out = Reduced(
            np.zeros(planes, np.int64), np.zeros(planes), np.full(planes, greatest, kind), np.full(planes, least, kind), squares, self.centre or 0.0
        )

    def add(self, blocks: Iterable[Block]) -> None:
        """Add blocks. They may be parts of memory maps: a cell is read only if it is shown."""
        out, ends = self._out, self._ends
        unused = np.empty((0, 0))
        planes = (out.total, unused if out.squares is None else out.squares, out.count, out.low, out.high)
        centre = np.nan if self.centre is None else float(self.centre)
        for band in bands(blocks, self.rows, (self._place, self.cols.bins)):
            pool.run(lambda span, b=band: blockloops.reduce_band(b.addresses, b.starts, span, b.columns, ends, centre, planes), band.spans())  # type: ignore[misc]

    def result(self) -> Reduced:
        """Return the planes, by pixel."""
        cut = {name: getattr(self._out, name)[:, :-1] for name in ("count", "total", "low", "high")}
        squares = None if self._out.squares is None else self._out.squares[:, :-1]
        return replace(self._out, **cut, squares=squares).by_pixel(self.rows, self.cols)


def reduce_blocks(blocks: Iterable[Block], rows: AxisPixels, cols: AxisPixels, shape: tuple[int, int], **options: Any) -> Reduced:
    """Return the reduction of blocks in one step; see `BlockReduction`."""
    kept = list(blocks)
    reduction = BlockReduction(rows, cols, shape, kept[0][2].dtype if kept else np.float64, **options)
    reduction.add(kept)
    return reduction.result()


@dataclass(frozen=True, eq=False)
class Band:
    """Blocks above one another, as the loops take them.

    Attributes
    ----------
    addresses : ndarray of int64
        Where the part of each row begins, pixel row after pixel row.
    starts : ndarray of int64
    columns : (ndarray of uint32, ndarray of int32, ndarray of int64)
        The pixel column of each column used; which ones are used if not all; where runs of one pixel begin, if neighbours share theirs.
    kept : sequence of arrays
        What the addresses point into.
    """

    addresses: NDArray[np.int64]
    starts: NDArray[np.int64]
    columns: tuple[NDArray[np.uint32], NDArray[np.int32], NDArray[np.int64]]
    kept: Sequence[NDArray[Any]] = field(repr=False)

    def spans(self) -> list[tuple[int, int]]:
        """Return spans of pixel rows of about the same number of cells."""
        rows = int(self.starts[-1])
        parts = max(1, min(_SPANS * pool.threads(), rows * len(self.columns[0]) // _SLICE_CELLS))
        cuts = np.searchsorted(self.starts, np.arange(1, parts) * rows / parts)
        edges = np.unique([0, *cuts.tolist(), len(self.starts) - 1])
        return [(int(a), int(b)) for a, b in pairwise(edges)]


_RUN = 3
"""Columns a pixel from which those side by side are added up before they go to their pixel."""


def bands(blocks: Iterable[Block], rows: AxisPixels, cols: tuple[NDArray[np.int32], int]) -> Iterable[Band]:
    """Yield the blocks by the columns they share; a block that no pixel shows is left out.

    Parameters
    ----------
    cols : (ndarray of int32, int)
        The pixel column of each native column, −1 for none; and the number that stands for none in the bands.
    """
    place, outside = cols
    found: defaultdict[tuple[int, int], list[Block]] = defaultdict(list)
    for row, column, cells in blocks:
        found[column, cells.shape[1]].append((row, column, cells))
    members = rows.members
    for (column, width), parts in found.items():
        pixel = place[column : column + width]
        used = np.flatnonzero(pixel >= 0)
        if not len(used):
            continue
        base = np.zeros(max(row + len(cells) for row, _, cells in parts), np.int64)
        kept = []
        for row, _, cells in parts:
            ready = _ready(cells)
            kept.append(ready)
            base[row : row + len(ready)] = ready.ctypes.data + np.arange(len(ready), dtype=np.int64) * ready.strides[0]
        inside = members < len(base)
        addresses = base[np.where(inside, members, 0)] * inside if len(base) else np.zeros(len(members), np.int64)
        there = addresses != 0
        if not there.any():
            continue
        starts = np.concatenate([[0], np.cumsum(there)])[rows.starts]
        few = len(used) < _SPARSE_COLUMNS * width
        if few:
            shown, picks = pixel[used].astype(np.uint32), used.astype(np.int32)
        else:
            shown, picks = np.where(pixel < 0, outside, pixel).astype(np.uint32), np.empty(0, np.int32)
        yield Band(addresses[there], starts, (shown, picks, _runs(shown)), kept)


def _runs(shown: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Return where runs of equal numbers begin, and the last one ends; nothing where they are short."""
    ends = np.flatnonzero(np.concatenate([[True], shown[1:] != shown[:-1], [True]]))
    return ends if _RUN * (len(ends) - 1) <= len(shown) else np.empty(0, np.int64)


def _loop_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type that the loops read cells of a type in: half floats are widened, truth values are bytes."""
    if dtype.kind not in "fiub":
        raise OptionError(f"Cells of type {dtype} are no numbers.")
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    return np.dtype(np.float32) if dtype == np.float16 else dtype.newbyteorder("=")


def _ready(cells: NDArray[Any]) -> NDArray[Any]:
    """Return cells as the loops read them, without a copy where that is possible: aligned, and each row contiguous."""
    kind = _loop_type(cells.dtype)
    ready = cells.view(kind) if cells.dtype.kind == "b" and cells.flags.c_contiguous else cells.astype(kind, copy=False)
    if (ready.shape[1] > 1 and ready.strides[1] != ready.itemsize) or not ready.flags.aligned:
        ready = np.ascontiguousarray(ready) if ready.flags.aligned else ready.copy()
    return ready


@dataclass(frozen=True, eq=False)
class Sampled:
    """A reduction of some rows of each pixel.

    Attributes
    ----------
    found : Reduced
        Of the cells that were read; its extremes are of these alone.
    share : ndarray of float64, shape (height, 1)
        The share of each pixel row's rows that were read.
    error : float
        The standard error of the means, as the root of the mean square over pixels, in the unit of the cells: from how far the means of the two
        halves of the sample are apart. NaN where no pixel has two.
    """

    found: Reduced
    share: NDArray[np.float64]
    error: float


def strips_within(rows: AxisPixels, cols: AxisPixels, cells: int) -> int:
    """Return how many rows of a pixel row a sample may have that shall read about so many cells: 2 or more."""
    return max(2, cells // max(1, rows.bins * len(cols.members)))


def sampled_blocks(blocks: Iterable[Block], rows: AxisPixels, cols: AxisPixels, shape: tuple[int, int], most: int, **options: Any) -> Sampled:
    """Return the reduction of at most `most` rows a pixel row: whole strips of rows, since memory is read by the strip."""
    kept = list(blocks)
    return sampled_rows(lambda part: reduce_blocks(kept, part, cols, shape, **options), rows, most)


def sampled_rows(reduce: Callable[[AxisPixels], Reduced], rows: AxisPixels, most: int) -> Sampled:
    """Return the reduction of at most `most` rows a pixel row, where `reduce` gives that of the rows it is called with.

    See Cochran, Sampling Techniques (1977), chapters 8 and 9: a systematic sample of clusters, whose error is taken from two interpenetrating halves.
    """
    found, half = (reduce(part) for part in rows.sample(most))
    share = rows.by_pixel(np.minimum(rows.sizes, most) / np.maximum(rows.sizes, 1), 0)[:, None]
    return Sampled(found, share, _standard_error(found, half, share))


def _standard_error(found: Reduced, half: Reduced, share: NDArray[np.float64]) -> float:
    """Return the standard error of the means of a sample that has a `share` of the whole, from a half of it and the rest, where there is a half."""
    count = found.count - half.count
    both = (count > 0) & (half.count > 0)
    if not both.any():
        return 0.0 if bool((share >= 1).all()) else float("nan")
    with np.errstate(invalid="ignore"):
        apart = half.total[both] / half.count[both] - (found.total[both] - half.total[both]) / count[both]
        return float(np.sqrt(np.mean(apart**2 / 4 * (1 - np.broadcast_to(share, both.shape)[both]))))


def count_codes(blocks: Iterable[Block], rows: AxisPixels, cols: AxisPixels, shape: tuple[int, int], codes: int) -> NDArray[np.int64]:
    """Return the most frequent code of each pixel, its count and the count of all, shape (height, width, 3); −1 where there is none.

    A negative code is missing. Pixel rows are done a few at a time, whose counts stay in the processor's cache.
    """
    found = list(bands(blocks, rows, (cols.places(shape[1]), cols.bins)))
    out = np.zeros((rows.bins, cols.bins, 3), np.int64)

    def count(span: tuple[int, int]) -> None:
        counts = np.zeros((span[1] - span[0], cols.bins, codes), np.uint32)
        for band in found:
            blockloops.count_band(band.addresses, band.starts, span, band.columns, band.kept[0][:0, :0].ravel(), counts)
        blockloops.most_frequent(counts, out[span[0] : span[1]])

    row = max(1, 4 * cols.bins * codes)
    step = max(1, min(_COUNTS // row, -(-rows.bins // (_SPANS * pool.threads()))))
    spans = [(first, min(rows.bins, first + step)) for first in range(0, rows.bins, step)]
    with pool.alone(row * pool.threads() > limits().result_bytes):
        pool.run(count, spans)
    shown = np.asarray(cols.by_pixel(rows.by_pixel(out, 0), 1))
    shown[..., 0][shown[..., 2] == 0] = -1
    return shown
