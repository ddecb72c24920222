"""Counts for charts: of the bins of numbers and datetimes, of categories, and of pairs of them. Exact, by a pass over a byte or two a row.

Every count is of codes: the bins of a number (`bigview.store.binned`), or the codes of a category as they are stored. So the counts of a
chart and those of the rows without a value always add up to the rows that are selected.
"""

import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from bigview.errors import OptionError
from bigview.store.binned import Bins, equal_bins
from bigview.store.bits import next_bit, popcount
from bigview.store.passes import Stretch, over
from bigview.store.reader import Reader
from bigview.store.recent import Recent
from bigview.store.selection import Selection

Counts = NDArray[np.int64]

_KEPT = 48 << 20  # bytes of counts: charts of a page ask for those of all rows again and again, and have a table for each that is brushed
_LANES = 4  # counters of each code: neighbours mostly have the same one, and a counter just written is slow to read
_DENSE = 16  # rows of 64 beyond which all are gone through
_MOST_CELLS = 1 << 22  # of a table of pairs, one for each thread


_kept: Recent[Counts] = Recent(lambda counts: counts.nbytes, lambda: _KEPT)


def forget_counts() -> None:
    """Forget all counts, to measure or to test."""
    _kept.clear()


@dataclass(frozen=True, eq=False)
class Side:
    """One column of a chart: its codes, and the place of each code among the bars.

    Attributes
    ----------
    page : str
        A paged column of whole numbers.
    base : int
        The least code.
    places : ndarray of int64
        The bar of each code from `base` on; `size` for those that stand for no value.
    size : int
        Number of bars.
    """

    page: str
    base: int
    places: NDArray[np.int64]
    size: int

    @property
    def codes(self) -> "Side":
        """The same column with a bar for each code, those that stand for no value included."""
        return replace(self, places=np.arange(len(self.places)), size=len(self.places))

    @classmethod
    def of_bins(cls, reader: Reader, bins: Bins) -> "Side":
        """Return the side of a binned column."""
        return cls(bins.of(reader), 0, np.minimum(np.arange(bins.size + 3), bins.size), bins.size)

    @classmethod
    def of_categories(cls, reader: Reader, column: str, top: int | None = None) -> "Side":
        """Return the side of a category or boolean column: its `top` most frequent categories, and a bar for all others where there are any."""
        entry = reader.manifest.column(column)
        if entry.kind not in ("category", "boolean"):
            raise OptionError(f"{column!r} holds {entry.kind}; category_counts needs a category or boolean column.")
        codes = len(reader.categories(column))
        shown = codes if top is None else min(top, codes)
        size = shown + (codes > shown)
        return cls(column, -1, np.concatenate([[size], np.minimum(np.arange(codes), shown)]), size)


@nb.njit(nogil=True, cache=True)
def _count(codes, base, runs, counts):  # type: ignore[no-untyped-def]
    origin, starts, stops, bits = runs
    for q in range(starts.shape[0]):
        row = starts[q]
        while row < stops[q]:
            whole = bits.shape[0] == 0 or (row & 63 == 0 and bits[row >> 6] == nb.uint64(0xFFFFFFFFFFFFFFFF))
            if whole and row + 64 <= stops[q]:
                for place in range(row - origin, row - origin + 64, 4):
                    counts[0, nb.int64(codes[place]) - base] += 1
                    counts[1, nb.int64(codes[place + 1]) - base] += 1
                    counts[2, nb.int64(codes[place + 2]) - base] += 1
                    counts[3, nb.int64(codes[place + 3]) - base] += 1
                row += 64
                continue
            stop, lane = min(stops[q], (row | 63) + 1), 0
            if bits.shape[0] and row & 63 == 0 and stop - row == 64 and popcount(bits[row >> 6]) > _DENSE:
                word = bits[row >> 6]
                for place in range(row - origin, row - origin + 64, 4):  # adding nothing is quicker than asking
                    counts[0, nb.int64(codes[place]) - base] += nb.int64(word & nb.uint64(1))
                    counts[1, nb.int64(codes[place + 1]) - base] += nb.int64((word >> nb.uint64(1)) & nb.uint64(1))
                    counts[2, nb.int64(codes[place + 2]) - base] += nb.int64((word >> nb.uint64(2)) & nb.uint64(1))
                    counts[3, nb.int64(codes[place + 3]) - base] += nb.int64((word >> nb.uint64(3)) & nb.uint64(1))
                    word >>= nb.uint64(4)
                row = stop
                continue
            row = next_bit(bits, row, stop)
            while row < stop:
                counts[lane, nb.int64(codes[row - origin]) - base] += 1
                lane = (lane + 1) & 3
                row = next_bit(bits, row + 1, stop)


@nb.njit(nogil=True, cache=True)
def _count_pairs(first, second, rules, runs, counts):  # type: ignore[no-untyped-def]
    base_a, lines, base_b, places = rules
    origin, starts, stops, bits = runs
    for q in range(starts.shape[0]):
        row = starts[q]
        while row < stops[q]:
            whole = bits.shape[0] == 0 or (row & 63 == 0 and bits[row >> 6] == nb.uint64(0xFFFFFFFFFFFFFFFF))
            if whole and row + 64 <= stops[q]:
                for at in range(row - origin, row - origin + 64, 2):
                    counts[0, lines[nb.int64(first[at]) - base_a] + places[nb.int64(second[at]) - base_b]] += nb.uint32(1)
                    counts[1, lines[nb.int64(first[at + 1]) - base_a] + places[nb.int64(second[at + 1]) - base_b]] += nb.uint32(1)
                row += 64
                continue
            stop, lane = min(stops[q], (row | 63) + 1), 0
            if bits.shape[0] and row & 63 == 0 and stop - row == 64 and popcount(bits[row >> 6]) > _DENSE:
                word = bits[row >> 6]
                for at in range(row - origin, row - origin + 64, 2):
                    one, two = nb.uint32(word & nb.uint64(1)), nb.uint32((word >> nb.uint64(1)) & nb.uint64(1))
                    counts[0, lines[nb.int64(first[at]) - base_a] + places[nb.int64(second[at]) - base_b]] += one
                    counts[1, lines[nb.int64(first[at + 1]) - base_a] + places[nb.int64(second[at + 1]) - base_b]] += two
                    word >>= nb.uint64(2)
                row = stop
                continue
            row = next_bit(bits, row, stop)
            while row < stop:
                at = row - origin
                counts[lane, lines[nb.int64(first[at]) - base_a] + places[nb.int64(second[at]) - base_b]] += nb.uint32(1)
                lane ^= 1
                row = next_bit(bits, row + 1, stop)


def _summed(shape: tuple[int, ...], run: Callable[[Callable[[], Counts]], Any], dtype: type = np.int64) -> Counts:
    """Return the sum of what the threads count, each in an array of its own."""
    totals: dict[int, Counts] = {}

    def mine() -> Counts:
        thread = threading.get_ident()
        if thread not in totals:
            totals[thread] = np.zeros(shape, dtype)
        return totals[thread]

    run(mine)
    return np.asarray(sum((part.sum(axis=0, dtype=np.int64) for part in totals.values()), np.zeros(shape[1:], np.int64)))


def counted(reader: Reader, sides: Sequence[Side], asked: Hashable, select: Callable[[], Selection]) -> Counts:
    """Return the number of selected rows of each bar of one column, or of each pair of bars of two.

    Parameters
    ----------
    sides : sequence of Side
    asked : hashable
        What is selected: the view and the filter.
    select : callable
        Returns the rows; called where the counts are not known.

    Returns
    -------
    ndarray of int64, shape (size + 1,) for each side
        The last ones are of the rows without a value.
    """
    count = counted_one if len(sides) == 1 else counted_pairs
    return _kept.get(_key(reader, sides, asked), lambda: count(reader, select(), *sides)).copy()


def kept(reader: Reader, sides: Sequence[Side], asked: Hashable) -> Counts | None:
    """Return the answer of `counted` if it has it already; it is shared: do not write into it."""
    return _kept.peek(_key(reader, sides, asked))


def _key(reader: Reader, sides: Sequence[Side], asked: Hashable) -> Hashable:
    manifest = reader.manifest
    return reader.folder.url, manifest.generation, manifest.fingerprint, tuple((side.page, side.size) for side in sides), asked


def counted_one(reader: Reader, selection: Selection, side: Side) -> Counts:
    """Return the number of selected rows of each bar, and of those without a value, shape (size + 1,)."""

    def run(mine: Callable[[], Counts]) -> None:
        def work(stretch: Stretch) -> None:
            _count(stretch.arrays[0], side.base, stretch.kernel, mine())

        over(reader.pages, [side.page], selection, work)

    codes = _summed((_LANES, len(side.places)), run)
    found = np.zeros(side.size + 1, np.int64)
    np.add.at(found, side.places, codes)
    return found


def counted_pairs(reader: Reader, selection: Selection, first: Side, second: Side) -> Counts:
    """Return the number of selected rows of each pair of bars, shape (first.size + 1, second.size + 1); the last ones are those without a value."""
    shape = (first.size + 1, second.size + 1)
    if shape[0] * shape[1] > _MOST_CELLS:
        raise OptionError(f"{first.size:,} × {second.size:,} counts are over the limit of {_MOST_CELLS:,}; ask for fewer bins.")
    names = [first.page] if first.page == second.page else [first.page, second.page]
    rules = (first.base, first.places * shape[1], second.base, second.places)

    def run(mine: Callable[[], Counts]) -> None:
        def work(stretch: Stretch) -> None:
            _count_pairs(stretch.arrays[0], stretch.arrays[-1], rules, stretch.kernel, mine())

        over(reader.pages, names, selection, work)

    # Small counters keep to the processor's own cache.
    return _summed((2, shape[0] * shape[1]), run, np.uint32 if reader.manifest.rows < 1 << 32 else np.int64).reshape(shape)


def side_of(reader: Reader, column: str, bins: int) -> tuple[Side, NDArray[Any]]:
    """Return a column as the side of a table, and its edges or labels: a category's `bins` most frequent, and None for all others."""
    entry = reader.manifest.column(column)
    if entry.kind in ("number", "integer", "datetime"):
        equal = equal_bins(reader, column, bins)
        return Side.of_bins(reader, equal), equal.shown
    if entry.kind not in ("category", "boolean"):
        raise OptionError(f"{column!r} holds {entry.kind}; only numbers, datetimes, categories and booleans are counted.")
    if bins < 1:
        raise OptionError(f"bins must be 1 or more, not {bins}.")
    side = Side.of_categories(reader, column, bins)
    labels = reader.categories(column)[: min(bins, len(reader.categories(column)))].astype(object)
    return side, labels if len(labels) == side.size else np.concatenate([labels, np.array([None], object)])
