"""A page of rows in the order of a column of numbers or codes: the rows of a few ranks are found without sorting the others.

Every value becomes a whole number of 64 bits that has its order, its *key*; missing values have the largest. For a page near the start, a value
beyond the worst of the best rows so far costs one comparison. For a page far from it, the keys of its first and last row are found sixteen
bits at a time, by counting (a radix select); then the rows between them are taken.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from bigview.store.bits import next_bit
from bigview.store.pages import PagedTable
from bigview.store.passes import Stretch, over
from bigview.store.reader import Reader
from bigview.store.selection import Selection

Rows = NDArray[np.int64]
Keys = NDArray[np.uint64]

_NEAR = 1 << 14  # rows from the start up to which the best so far are kept while reading
_DIGIT = 16  # bits of a key that one pass decides
_FEW = 1 << 17  # rows that are sorted rather than counted once more
_STEP = 32  # row groups looked through at once for rows of one key: 4 M rows
MISSING = 0xFFFFFFFFFFFFFFFF
PLAIN, _SIGNED, _FLOAT, _TIME = 0, 1, 2, 3


@dataclass(frozen=True, eq=False)
class Ranking:
    """How the values of a decoded column become rank keys.

    Attributes
    ----------
    column : str
    kind : int
        How the bits of a number are read.
    flip : bool
        Whether large values come first.
    table : ndarray of uint64
        For codes: the key of each, that of −1 first; empty for numbers.
    """

    column: str
    kind: int
    flip: bool
    table: Keys

    @classmethod
    def of(cls, reader: Reader, column: str, descending: bool) -> "Ranking":
        """Return the ranking of a column: texts of categories by their characters, false before true."""
        entry = reader.manifest.column(column)
        if entry.kind in ("category", "boolean"):
            values = np.asarray(reader.categories(column))
            place = np.empty(len(values), np.uint64)
            place[np.argsort(values)[:: -1 if descending else 1]] = np.arange(len(values), dtype=np.uint64)
            return cls(column, PLAIN, descending, np.concatenate([[MISSING], place]))
        kind = {"f": _FLOAT, "i": _SIGNED, "u": PLAIN}[reader.pages.dtypes[column].kind]
        return cls(column, _TIME if entry.kind == "datetime" else kind, descending, np.empty(0, np.uint64))

    def key_bits(self, dtype: np.dtype) -> int:
        """Return how many bits the keys of values have."""
        return max(1, (len(self.table) - 2).bit_length()) if len(self.table) else 8 * dtype.itemsize

    def raw(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return decoded values as the kernels take them: codes, or the bits of numbers."""
        return values if len(self.table) else values.view(f"u{values.dtype.itemsize}")

    def rule(self, values: NDArray[Any]) -> tuple[Any, ...]:
        """Return what `_key` takes besides a value."""
        bits = 8 * values.dtype.itemsize
        infinity = np.array(np.inf, values.dtype).view(f"u{values.dtype.itemsize}") if self.kind == _FLOAT else 0
        return self.kind, self.flip, np.uint64(1 << (bits - 1)), np.uint64((1 << bits) - 1), np.uint64(infinity), self.table


@nb.njit(inline="always")
def _key(value, rule):  # type: ignore[no-untyped-def]
    """The rank key of a value: that of a code from the table, that of a number from its bits. The keys of all kinds of zero are one."""
    kind, flip, top, ones, infinity, table = rule
    if table.shape[0]:
        return table[nb.int64(value) + 1]
    key = nb.uint64(value)
    if kind == _FLOAT:
        if (key & (ones ^ top)) > infinity:
            return nb.uint64(MISSING)
        if key == top:
            key = nb.uint64(0)
        key = ones ^ key if key & top else key | top
    elif kind == _SIGNED:
        key ^= top
    elif kind == _TIME:
        if key == top:
            return nb.uint64(MISSING)
        key = (key ^ top) - nb.uint64(1)  # so that the last moment is not the key of missing ones
        ones = ones - nb.uint64(1)
    return ones - key if flip else key


@nb.njit(nogil=True, cache=True)
def _within(values, rule, runs, wanted, out_keys, out_rows):  # type: ignore[no-untyped-def]
    """List the rows with low ≤ key ≤ high; of those with the key `high` itself only the ones before row `before`. Returns how many."""
    origin, starts, stops, bits = runs
    low, high, before = wanted
    found = 0
    for q in range(starts.shape[0]):
        row = next_bit(bits, starts[q], stops[q])
        while row < stops[q]:
            key = _key(values[row - origin], rule)
            if low <= key and (key < high or (key == high and row < before)):
                out_keys[found], out_rows[found] = key, row
                found += 1
            row = next_bit(bits, row + 1, stops[q])
    return found


@nb.njit(nogil=True, cache=True)
def _digits(values, rule, runs, prefixes, shift, digit, counts):  # type: ignore[no-untyped-def]
    """Count the next digit of the keys that begin with each of two prefixes; the last entry counts missing values."""
    origin, starts, stops, bits = runs
    first, last = prefixes
    mask, above = (nb.uint64(1) << nb.uint64(digit)) - nb.uint64(1), nb.uint64(shift + digit)
    for q in range(starts.shape[0]):
        row = next_bit(bits, starts[q], stops[q])
        while row < stops[q]:
            key = _key(values[row - origin], rule)
            if key == nb.uint64(MISSING):
                counts[0, counts.shape[1] - 1] += 1
            else:
                head = key >> above if above < nb.uint64(64) else nb.uint64(0)
                place = nb.int64((key >> nb.uint64(shift)) & mask)
                if head == first:
                    counts[0, place] += 1
                if head == last:
                    counts[1, place] += 1
            row = next_bit(bits, row + 1, stops[q])


@nb.njit(nogil=True, cache=True)
def _tally(values, runs, counts):  # type: ignore[no-untyped-def]
    """Count each value."""
    origin, starts, stops, bits = runs
    for q in range(starts.shape[0]):
        row = next_bit(bits, starts[q], stops[q])
        while row < stops[q]:
            counts[values[row - origin]] += 1
            row = next_bit(bits, row + 1, stops[q])


class Page:
    """The search for one page of rows.

    Parameters
    ----------
    reader : Reader
    selection : Selection
    ranking : Ranking
    table : PagedTable, optional
        Where the column is; the decoded columns of the rows by default.
    """

    def __init__(self, reader: Reader, selection: Selection, ranking: Ranking, table: PagedTable | None = None) -> None:
        self.reader, self.selection, self.ranking = reader, selection, ranking
        self.table = reader.pages if table is None else table
        self.dtype = self.table.dtypes[ranking.column]

    def rows(self, offset: int, limit: int) -> Rows:
        """Return the rows of the ranks offset … offset + limit: equal values in the order of the store, missing ones last."""
        if not limit:
            return np.empty(0, np.int64)
        return self._best(offset + limit)[offset:] if offset + limit <= _NEAR else self._far(offset, limit)

    def _over(self, work: Callable[[Stretch, NDArray[Any], tuple[Any, ...]], Any]) -> list[Any]:
        rule = self.ranking.rule(np.empty(0, self.dtype))

        def one(stretch: Stretch) -> Any:
            return work(stretch, self.ranking.raw(stretch.arrays[0]), rule)

        return over(self.table, [self.ranking.column], self.selection, one)

    def _best(self, most: int) -> Rows:
        """Return the first rows in order. The worst key and row of any stretch's best are the bound of all others: it is read and set at once."""
        bound: list[tuple[int, int]] = [(MISSING, np.iinfo(np.int64).max)]

        def work(stretch: Stretch, values: NDArray[Any], rule: tuple[Any, ...]) -> tuple[Keys, Rows]:
            high, before = bound[0]
            keys, rows = _listed(values, rule, stretch, (0, high, before))
            best = np.argsort(keys, kind="stable")[:most]
            keys, rows = keys[best], rows[best]
            if len(rows) == most:
                bound[0] = min(bound[0], (int(keys[-1]), int(rows[-1]) + 1))
            return keys, rows

        return _joined(self._over(work))[:most]

    def _far(self, offset: int, limit: int) -> Rows:
        present, ends = self.ends(offset, limit)
        if offset >= present:
            return self.equal(MISSING, offset - present, limit)
        (low, skip, _), (high, _, few) = ends
        if few:
            last = 0 if high == MISSING else np.iinfo(np.int64).max
            found = self.between(low, high, last)[skip : skip + limit]
        else:  # very many rows share a value at an end of the page
            found = self.equal(low, skip, limit)
            if high > low:
                found = np.concatenate([found, self.between(low + 1, high, 0)])
                found = np.concatenate([found, self.equal(high, 0, limit - len(found))])
        missing = min(offset + limit, self.selection.count()) - present
        return found if missing <= 0 else np.concatenate([found, self.equal(MISSING, 0, missing)])

    def ends(self, offset: int, limit: int) -> tuple[int, list[tuple[int, int, bool]]]:
        """Return how many rows have a value; then, for both ends of the page, the end of a range of keys, the rank in it, and whether it holds few.

        The range is a single key where it does not hold few rows.
        """
        shift = -(-self.ranking.key_bits(self.dtype) // _DIGIT) * _DIGIT
        prefix, rank, present = [0, 0], [offset, offset], -1
        while shift:
            shift -= _DIGIT
            counts = self._counted((prefix[0], prefix[1]), shift)
            if present < 0:
                present = int(counts[0, :-1].sum())
                if offset >= present:
                    return present, []
                rank[1] = min(offset + limit, present) - 1
            size = 0
            for end in (0, 1):
                up_to = np.cumsum(counts[end, :-1])
                digit = int(np.searchsorted(up_to, rank[end], "right"))
                rank[end] -= int(up_to[digit] - counts[end, digit])
                prefix[end] = prefix[end] << _DIGIT | digit
                size += int(counts[end, digit])
            if size <= _FEW:
                break
        few = size <= _FEW
        return present, [(prefix[0] << shift, rank[0], few), ((prefix[1] << shift) + (1 << shift) - 1, rank[1], few)]

    def _counted(self, prefixes: tuple[int, int], shift: int) -> NDArray[np.int64]:
        """Count the next digit of the keys that begin with each of two prefixes."""
        totals: dict[int, NDArray[np.int64]] = {}
        heads = np.uint64(prefixes[0]), np.uint64(prefixes[1])

        def work(stretch: Stretch, values: NDArray[Any], rule: tuple[Any, ...]) -> None:
            thread = threading.get_ident()
            if thread not in totals:
                totals[thread] = np.zeros((2, (1 << _DIGIT) + 1), np.int64)
            _digits(values, rule, stretch.kernel, heads, shift, _DIGIT, totals[thread])

        self._over(work)
        return np.sum(list(totals.values()), axis=0) if totals else np.zeros((2, (1 << _DIGIT) + 1), np.int64)

    def between(self, low: int, high: int, before: int) -> Rows:
        """Return the rows with low ≤ key ≤ high, by their keys; of those with the key `high` itself only the ones before row `before`."""
        return _joined(self._over(lambda stretch, values, rule: _listed(values, rule, stretch, (low, high, before))))

    def keyed(self, low: int, high: int) -> tuple[NDArray[np.int64], Rows]:
        """Return the keys low ≤ key ≤ high of rows, and the rows, in the order of the store."""
        wanted = low, high, np.iinfo(np.int64).max
        parts = self._over(lambda stretch, values, rule: _listed(values, rule, stretch, wanted))
        if not parts:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        keys, rows = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        return keys.astype(np.int64), rows

    def tally(self, most: int) -> NDArray[np.int64]:
        """Return how many rows have each of the values 0 … most − 1, of a column without others."""
        totals: dict[int, NDArray[np.int64]] = {}

        def work(stretch: Stretch, values: NDArray[Any], _: tuple[Any, ...]) -> None:
            thread = threading.get_ident()
            if thread not in totals:
                totals[thread] = np.zeros(most, np.int64)
            _tally(values, stretch.kernel, totals[thread])

        self._over(work)
        return np.sum(list(totals.values()), axis=0) if totals else np.zeros(most, np.int64)

    def equal(self, key: int, skip: int, limit: int) -> Rows:
        """Return rows of one key, the first `skip` of them left out: they stand in the order of the store, so that the reading ends early."""
        found: list[Rows] = []
        left, offsets = skip + limit, self.table.offsets
        for group in range(0, len(offsets) - 1, _STEP):
            start, stop = int(offsets[group]), int(offsets[min(group + _STEP, len(offsets) - 1)])
            page = Page(self.reader, self.selection.between(start, stop), self.ranking, self.table)
            found.append(page.between(key, key, np.iinfo(np.int64).max)[:left])
            left -= len(found[-1])
            if not left:
                break
        return np.concatenate(found)[skip:] if found else np.empty(0, np.int64)


def _listed(values: NDArray[Any], rule: tuple[Any, ...], stretch: Stretch, wanted: tuple[int, int, int]) -> tuple[Keys, Rows]:
    most = int((stretch.stops - stretch.starts).sum())
    keys, rows = np.empty(most, np.uint64), np.empty(most, np.int64)
    low, high, before = wanted
    found = _within(values, rule, stretch.kernel, (np.uint64(low), np.uint64(high), before), keys, rows)
    return keys[:found].copy(), rows[:found].copy()


def _joined(parts: list[tuple[Keys, Rows]]) -> Rows:
    """Return the rows of all parts, which are in the order of the store, by their keys."""
    if not parts:
        return np.empty(0, np.int64)
    keys, rows = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return np.asarray(rows[np.argsort(keys, kind="stable")])
