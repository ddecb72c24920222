"""Runs the kernels over the cells and rows of a frame, a slice a thread."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigview.raster import kernels
from bigview.raster.plan import Lattice, Work, work_of
from bigview.store import pool
from bigview.store.bits import Bits
from bigview.store.loose import loose_rows
from bigview.store.pages import touched
from bigview.store.reader import Reader, X, Y

_NO_BITS = np.empty(0, np.uint64)
Slices = list[tuple[tuple[int, int], NDArray[np.int64]]]
_BAND_ROWS = 1 << 24  # rows whose columns are pinned at once by a slice: 64 MB of float32


@dataclass(frozen=True, eq=False)
class Runs:
    """Runs of rows grouped by pixel: those of pixel p stand at offsets[p] … offsets[p + 1]."""

    offsets: NDArray[np.int64]
    start: NDArray[Any]
    stop: NDArray[Any]

    @property
    def arrays(self) -> tuple[NDArray[np.int64], NDArray[Any], NDArray[Any]]:
        """The three arrays, as kernels take them."""
        return self.offsets, self.start, self.stop

    @cached_property
    def _cut(self) -> dict[int, Slices]:
        return {}

    def slices(self, groups: NDArray[np.int64]) -> Slices:
        """Return slices of pixels (first, last) that hold like numbers of rows, each with the row groups it needs, whose first rows are given.

        They are kept: another filter or colour over the same pixels needs the same ones.
        """
        threads = pool.threads()
        if threads not in self._cut:
            before = np.zeros(len(self.offsets), np.int64)
            kernels.rows_before(*self.arrays, before)
            total = int(before[-1])
            shares = max(1 if total < 50_000 else threads, -(-total // _BAND_ROWS))
            edges = np.searchsorted(before, [total * share // shares for share in range(1, shares)], "left")
            spans = [span for span in pairwise([0, *edges.tolist(), len(before) - 1]) if span[1] > span[0]]
            self._cut[threads] = pool.run(lambda span: (span, self._groups(groups, span)), spans)
        return self._cut[threads]

    def _groups(self, groups: NDArray[np.int64], span: tuple[int, int]) -> NDArray[np.int64]:
        a, b = self.offsets[span[0]], self.offsets[span[1]]
        return touched(groups, self.start[a:b], self.stop[a:b])


def frame_of(lattice: Lattice) -> tuple[Any, ...]:
    """Return the two sides of a grid as kernels take them."""
    sides = []
    for side in (lattice.x, lattice.y):
        sides += [side.low, side.high, side.pixels / (side.high - side.low), side.pixels, side.top]
    return tuple(sides)


def _tables(lattice: Lattice) -> tuple[Any, ...]:
    if lattice.level is None:
        raise AssertionError("a frame of rows has no cells")
    return (*lattice.x.table(lattice.level), *lattice.y.table(lattice.level))


@contextmanager
def _cells(reader: Reader, lattice: Lattice, part: Work) -> Iterator[tuple[Any, Any, Any]]:
    """Give the pinned cells of a part: key, start and count."""
    _, cells = reader.level(lattice.level or 0)
    with cells.pinned(["key", "start", "count"], cells.groups_of(part.c0, part.c1)) as (key, start, count):
        yield key, start, count


@contextmanager
def _rows(reader: Reader, lattice: Lattice, part: Work) -> Iterator[tuple[Any, tuple[Any, Any], Any]]:
    """Give the positions of the single rows of a part, x and y; where runs of them begin and end there; and the rows' numbers.

    No numbers are given where they are the places.
    """
    nothing = np.empty(0, np.uint32)
    if lattice.level is None:
        with reader.pages.pinned([X, Y], reader.pages.groups_of(part.r0, part.r1)) as (x, y):
            yield (x, y), (part.r0, part.r1), nothing
        return
    with loose_rows(reader, lattice.level).pinned(part.blocks, part.r0, part.r1) as (x, y, numbers, runs):
        yield (x, y), runs, numbers


def counts(reader: Reader, lattice: Lattice, bits: Bits | None) -> NDArray[np.uint32]:
    """Return the number of rows in each pixel, shape (height, width)."""
    height, width = lattice.shape
    words = _NO_BITS if bits is None else bits

    def part_counts(part: Work) -> NDArray[np.uint32]:
        grid = np.zeros(height * width, np.uint32)
        if len(part.c0):
            with _cells(reader, lattice, part) as cells:
                if bits is None:
                    kernels.count_cells(cells, part.c0, part.c1, _tables(lattice), width, grid)
                else:
                    kernels.count_cell_bits(cells, part.c0, part.c1, _tables(lattice), width, words, grid)
        if len(part.blocks) or (lattice.level is None and len(part.r0)):
            with _rows(reader, lattice, part) as (places, runs, numbers):
                kernels.count_rows(places, runs, numbers, frame_of(lattice), words, grid)
        return grid

    parts = pool.run(part_counts, work_of(reader, lattice))
    total = parts[0] if parts else np.zeros(height * width, np.uint32)
    for other in parts[1:]:
        total += other
    return total.reshape(height, width)


def runs(reader: Reader, lattice: Lattice) -> Runs:
    """Return the runs of rows of each pixel.

    Two sweeps: the first counts the runs of each pixel, the second writes each to its place. That is quicker than to list and sort them, because
    fresh memory costs more than a second look at the cells.
    """
    height, width = lattice.shape
    parts = work_of(reader, lattice)
    dtype = np.int64 if reader.manifest.rows >= 1 << 32 else np.uint32
    nothing = _ends(0, dtype)

    def sweep(part: Work, cursor: NDArray[np.int64], out: tuple[NDArray[Any], NDArray[Any]]) -> NDArray[np.int64]:
        if len(part.c0):
            with _cells(reader, lattice, part) as cells:
                kernels.cell_runs(cells, part.c0, part.c1, _tables(lattice), width, cursor, out)
        if len(part.blocks) or (lattice.level is None and len(part.r0)):
            with _rows(reader, lattice, part) as (places, runs, numbers):
                kernels.row_runs(places, runs, numbers, frame_of(lattice), cursor, out)
        return cursor

    counts_of = pool.run(lambda part: sweep(part, np.zeros(height * width, np.int64), nothing), parts)
    offsets = np.zeros(height * width + 1, np.int64)
    for counted in counts_of:
        offsets[1:] += counted
    np.cumsum(offsets, out=offsets)
    places, place = [], offsets[:-1]
    for counted in counts_of:
        places.append(place.copy())
        place = place + counted
    out = _ends(int(offsets[-1]), dtype)
    if len(out[0]):
        pool.run(lambda job: sweep(job[0], job[1], out), list(zip(parts, places, strict=True)))
    kernels.join_runs(offsets, *out)
    return Runs(offsets, *(ends[: offsets[-1]] for ends in out))


def _ends(size: int, dtype: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return room for the starts and stops of runs, side by side in memory: they are written in the order of cells, all over the place."""
    pairs = np.empty((size, 2), dtype)
    return pairs[:, 0], pairs[:, 1]


def over_pixels(reader: Reader, found: Runs, column: str, kernel: Callable[[NDArray[Any], tuple[int, int]], None]) -> None:
    """Call ``kernel(values, (first, last))`` for slices of pixels that hold like numbers of rows, with the column pinned."""

    def part(piece: tuple[tuple[int, int], NDArray[np.int64]]) -> None:
        span, groups = piece
        with reader.pages.pinned([column], groups, drawn=True) as (values,):
            kernel(values, span)

    pool.run(part, found.slices(reader.pages.offsets))
