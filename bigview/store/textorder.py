"""A page of rows in the order of any column. Texts are put into buckets that have their order: then a page is found among small numbers.

The bounds of the buckets are texts of a sample, as in samplesort (W. D. Frazer and A. C. McKellar, J. ACM 17, 1970). A text that equals a bound
has a bucket of its own, so that one that very many rows share needs no sorting. The numbers of the buckets are a paged column: made when they are
first wanted, kept and given back as the decoded columns are. Of a page's first and last bucket the texts are read and sorted.
"""

from collections.abc import Sequence
from typing import Any

import numba as nb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bigview.errors import OptionError
from bigview.store import pool
from bigview.store.ordering import PLAIN, Page, Ranking, Rows
from bigview.store.pages import PagedTable
from bigview.store.reader import ROW, Reader
from bigview.store.selection import Selection

_WALK = 64  # row groups of the index by source rows that are looked through one after the other: about as long as counting the rows' numbers
_STEP = 4  # of them at once
_TOGETHER = 1 << 14  # rows of the buckets of a page that are found in one pass
_FEW = 256  # rows whose texts are read at once, rather than those of all rows
_SAMPLE = 256  # row groups of texts from which bounds are taken: 500,000 texts
_BOUNDS = 131_071  # of 10 M texts, 80 lie between two
_MANY, _FEWER = 1 << 26, 32_767  # from so many rows on fewer bounds, whose buckets have numbers of 2 bytes: 4 would fill the cache
_LONGEST = 256  # bytes of a bound: texts that agree in so many share a bucket
_HEAD = 8  # bytes compared at once


def ordered(reader: Reader, selection: Selection, order: tuple[str, bool], page: tuple[int, int]) -> Rows:
    """Return a page of rows in the order of a column.

    Parameters
    ----------
    order : (column, descending)
        Equal values stay in the order of the store; missing ones come last, in either direction.
    page : (offset, limit)

    Returns
    -------
    ndarray of int64
        Positions in the store.
    """
    (column, descending), (offset, limit) = order, page
    entry = reader.manifest.column(column)
    if column == ROW and _walked(reader, selection, offset + limit) <= _WALK:
        return _by_row(reader, selection, descending, (offset, limit))
    if entry.part == "rows":
        return Page(reader, selection, Ranking.of(reader, column, descending)).rows(offset, limit)
    if entry.kind not in ("text", "binary"):
        raise OptionError(f"{column!r} holds {entry.kind}, which has no order. Sort by a number, a datetime, a category or a text.")
    if not limit:
        return np.empty(0, np.int64)
    count, spread = selection.count(), len(reader.text_groups.files)
    if count <= max(_FEW, spread // 2):  # fewer row groups of texts have to be read than there are
        return _sorted(reader, order, selection.positions())[offset : offset + limit]
    return _TextPage(reader, selection, order).rows(offset, limit)


def _walked(reader: Reader, selection: Selection, most: int) -> float:
    """Return about how many row groups of the index by source rows hold so many selected rows."""
    groups, rows = reader.groups("row").files, reader.manifest.rows
    return len(groups) * min(1.0, most / max(selection.count(), 1)) if rows else 0.0


def _by_row(reader: Reader, selection: Selection, descending: bool, page: tuple[int, int]) -> Rows:
    """Return a page in the order of the source: its index is read from that end until the page is full."""
    groups, (offset, limit) = reader.groups("row"), page
    order = list(range(len(groups.files)))[:: -1 if descending else 1]

    def selected(group: int) -> Rows:
        places = reader._read_groups(groups, [group], ["position"])[0]["position"].to_numpy().astype(np.int64)[:: -1 if descending else 1]
        run = np.minimum(np.searchsorted(selection.stops, places, "right"), len(selection.stops) - 1)
        inside = (selection.starts[run] <= places) & (places < selection.stops[run])
        if selection.bits is not None:
            inside &= (selection.bits[places >> 6] >> (places & 63).astype(np.uint64) & np.uint64(1)).astype(bool)
        return np.asarray(places[inside])

    found: list[Rows] = [np.empty(0, np.int64)]
    for first in range(0, len(order) if len(selection.stops) else 0, _STEP):
        found += pool.run(selected, order[first : first + _STEP])
        if sum(map(len, found)) >= offset + limit:
            break
    return np.concatenate(found)[offset : offset + limit]


class _TextPage:
    """The search for one page of rows in the order of a text.

    Its keys are the numbers of the buckets in the order asked for; the last one, with which tables begin too (that of −1), is of rows without a text.
    """

    def __init__(self, reader: Reader, selection: Selection, order: tuple[str, bool]) -> None:
        self._reader, self._order = reader, order
        column, descending = order
        table, self._last = _buckets(reader, column)
        keys = np.arange(-1, self._last + 2).astype(np.uint64)
        keys[1:-1] = keys[1:-1][:: -1 if descending else 1]
        keys[0] = keys[-1]
        self._page = Page(reader, selection, Ranking(column, PLAIN, descending, keys), table)

    def rows(self, offset: int, limit: int) -> Rows:
        """Return the rows of the ranks offset … offset + limit."""
        ends = np.cumsum(self._sizes())
        if offset >= ends[-1]:
            return np.empty(0, np.int64)
        low, high = (int(key) for key in np.searchsorted(ends, [offset, min(offset + limit, int(ends[-1])) - 1], "right"))
        skip = offset - int(ends[low - 1] if low else 0)
        if ends[high] - offset + skip <= _TOGETHER:
            return self._between(low, high)[skip : skip + limit]
        found = np.empty(0, np.int64)
        if self._same(low):  # perhaps of very many rows, of which only those of the page are looked for
            found, low, skip = self._page.equal(low, skip, limit), low + 1, 0
        last = high - 1 if self._same(high) else high
        if low <= last:
            found = np.concatenate([found, self._between(low, last)])[skip : skip + limit]
        return found if last == high or low > high else np.concatenate([found, self._page.equal(high, 0, limit - len(found))])

    def _sizes(self) -> NDArray[np.int64]:
        """Return how many selected rows each bucket has, by key."""
        counts = self._page.tally(self._last + 2)
        return np.append(counts[:-1][:: -1 if self._order[1] else 1], counts[-1])

    def _between(self, low: int, high: int) -> Rows:
        """Return the rows of some buckets, in order. Only texts of buckets with several are read."""
        keys, rows = self._page.keyed(low, high)
        several = np.flatnonzero(~self._same(keys))
        order = np.lexsort((rows, keys))
        if len(several):
            place = np.empty(len(rows), np.int64)
            texts = _sorted(self._reader, self._order, np.sort(rows[several]))
            by_row = np.argsort(rows)
            place[by_row[np.searchsorted(rows, texts, sorter=by_row)]] = np.arange(len(texts))
            place[self._same(keys)] = rows[self._same(keys)]
            order = np.lexsort((place, keys))
        return np.asarray(rows[order])

    def _same(self, key: Any) -> Any:
        """Tell whether all rows of a bucket have the same text, or none."""
        return ((self._last - key if self._order[1] else key) % 2 == 1) | (key > self._last)


def _sorted(reader: Reader, order: tuple[str, bool], rows: Rows) -> Rows:
    """Sort rows by their texts, which are read."""
    if len(rows) < 2:
        return rows
    column, descending = order
    table = pa.table({"value": reader.records(rows, [column])[column], "row": rows})
    place = pc.sort_indices(table, [("value", "descending" if descending else "ascending"), ("row", "ascending")])
    return np.asarray(rows[place.to_numpy()])


def _buckets(reader: Reader, column: str) -> tuple[PagedTable, int]:
    """Return the paged numbers of the buckets of a column of texts, and the last one."""
    known = reader.buckets
    if column not in known:
        bounds = _bounds(reader, column)
        last = 2 * len(bounds[2])
        dtype = np.dtype(np.uint16 if last + 1 < 1 << 16 else np.uint32)

        def load(groups: Sequence[int], names: Sequence[str]) -> list[dict[str, NDArray[Any]]]:
            ends = [reader.row_groups.offsets[group : group + 2].tolist() for group in groups]
            return [{column: _numbers(reader.texts(column, start, stop), bounds, dtype)} for start, stop in ends]

        known[column] = PagedTable({column: dtype}, reader.row_groups.offsets, load, costly=True), last
    return known[column]


Bounds = tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.uint64]]
"""The bytes of texts, one after the other; where each begins, and the last one ends; the first bytes of each as a number."""


def _bounds(reader: Reader, column: str) -> Bounds:
    """Return texts of some row groups, ascending and different."""
    offsets = reader.text_groups.offsets
    chosen = np.unique(np.linspace(0, len(offsets) - 2, min(_SAMPLE, len(offsets) - 1)).astype(np.int64)).tolist()
    parts = pool.run(lambda group: reader.texts(column, int(offsets[group]), int(offsets[group + 1])), chosen)
    return bounds_of(pa.chunked_array(parts, pa.large_binary()), _FEWER if reader.manifest.rows > _MANY else _BOUNDS)


def bounds_of(sample: pa.ChunkedArray | pa.Array, most: int) -> Bounds:
    """Return at most so many texts of a sample, ascending and different."""
    values = pc.unique(sample.drop_null())
    values = values.take(pc.sort_indices(values))
    places = np.unique(np.linspace(0, max(len(values) - 1, 0), min(most, len(values))).astype(np.int64))
    texts = sorted({value[:_LONGEST] for value in values.take(pa.array(places, pa.int64())).to_pylist()})
    begins = np.concatenate([[0], np.cumsum([len(text) for text in texts])]).astype(np.int64)
    data = np.frombuffer(b"".join(texts), np.uint8) if begins[-1] else np.zeros(1, np.uint8)
    heads = np.empty(len(texts), np.uint64)
    _heads(data, begins, heads)
    return data, begins, heads


def _numbers(values: pa.LargeBinaryArray, bounds: Bounds, dtype: Any = np.uint32) -> NDArray[Any]:
    """Return the number of each text's bucket; one more than the last where there is no text."""
    _, begins, data = values.buffers()
    ends = np.frombuffer(begins, np.int64)[values.offset : values.offset + len(values) + 1]
    content = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(1, np.uint8)
    found = np.empty(len(values), dtype)
    _placed(content, ends, bounds, found)
    if values.null_count:
        found[pc.is_null(values).to_numpy(zero_copy_only=False)] = 2 * len(bounds[2]) + 1
    return found


@nb.njit(nogil=True, cache=True)
def _head(data, start, stop):  # type: ignore[no-untyped-def]
    """The first bytes of a text as a number, filled up with zeros: it has the order of the texts, but for those that share it."""
    value = nb.uint64(0)
    for place in range(start, start + _HEAD):
        value = (value << nb.uint64(8)) | nb.uint64(data[place] if place < stop else 0)
    return value


@nb.njit(nogil=True, cache=True)
def _heads(data, begins, out):  # type: ignore[no-untyped-def]
    for q in range(out.shape[0]):
        out[q] = _head(data, begins[q], begins[q + 1])


@nb.njit(nogil=True, cache=True)
def _compared(data, start, stop, others, other_start, other_stop):  # type: ignore[no-untyped-def]
    """Less than zero, zero, or more, as one text comes before another, equals it or comes after it: byte by byte, the shorter first."""
    length, other = stop - start, other_stop - other_start
    for q in range(min(length, other)):
        a, b = data[start + q], others[other_start + q]
        if a != b:
            return -1 if a < b else 1
    return length - other


@nb.njit(nogil=True, cache=True)
def _placed(data, begins, bounds, out):  # type: ignore[no-untyped-def]
    """Number the buckets: 2 q before the bound q and after the one before it, 2 q + 1 at the bound."""
    texts, ends, heads = bounds
    for row in range(out.shape[0]):
        start, stop = begins[row], begins[row + 1]
        head = _head(data, start, stop)
        low = np.searchsorted(heads, head)
        high = low
        if low < heads.shape[0] and heads[low] == head:
            high = low + np.searchsorted(heads[low:], head, "right")
        at = 0
        while low < high:  # bounds that share the first bytes
            middle = (low + high) >> 1
            order = _compared(data, start, stop, texts, ends[middle], ends[middle + 1])
            if order == 0:
                low, at = middle, 1
                break
            if order < 0:
                high = middle
            else:
                low = middle + 1
        out[row] = 2 * low + at
