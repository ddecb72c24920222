"""Filters as bits: each clause is evaluated once over the sorted rows and kept; a filter is the AND of its clauses."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from bigview.config import limits
from bigview.errors import OptionError
from bigview.spec import Clause, Filters, RowSet, Where
from bigview.store import pool
from bigview.store.bits import Bits, pack, words
from bigview.store.clauses import evaluate, parse
from bigview.store.reader import ROW, Reader, X, Y


class ClauseBits:
    """The bits of clauses, one bit a row, within a budget; evaluated by one thread while others wait for it."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._lock = threading.Lock()
        self._kept: OrderedDict[Any, Bits] = OrderedDict()
        self._busy: dict[Any, threading.Lock] = {}

    def of(self, where: Where) -> Bits | None:
        """Return the bits of a filter; None where every row passes."""
        filters = Filters.of(where)
        if not filters:
            return None
        if len(filters.clauses) == 1:
            return self._clause(filters.clauses[0])
        return self._cached(filters, lambda: np.bitwise_and.reduce([self._clause(clause) for clause in filters.clauses]))

    def _clause(self, clause: Clause) -> Bits:
        kind, value = clause
        if kind == "sql":
            expression = parse(value, [column.name for column in self._reader.manifest.columns])
            return self._cached(("sql", expression.text), lambda: _sql_bits(self._reader, value))
        return self._cached(clause, lambda: _KINDS[kind](self._reader, value))

    def _cached(self, key: Any, make: Any) -> Bits:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            single = self._busy.setdefault(key, threading.Lock())
        with single:
            with self._lock:
                if key in self._kept:
                    return self._kept[key]
            bits: Bits = make()
            with self._lock:
                self._kept[key] = bits
                self._busy.pop(key, None)
                while len(self._kept) > 1 and sum(entry.nbytes for entry in self._kept.values()) > limits().filter_bytes:
                    self._kept.popitem(last=False)
            return bits


def _assembled(reader: Reader, mask_of: Any) -> Bits:
    """Evaluate a mask for each data file, in the pool, and put the bits of all together."""
    bits = np.zeros(words(reader.manifest.rows), np.uint64)
    lock = threading.Lock()

    def part(place: int) -> None:
        _, start, stop = reader.row_files[place]
        packed = pack(mask_of(place, start, stop), start)
        with lock:  # files meet in the middle of a word
            bits[start // 64 : start // 64 + len(packed)] |= packed

    pool.run(part, range(len(reader.row_files)))
    return bits


def _sql_bits(reader: Reader, text: str) -> Bits:
    expression = parse(text, [column.name for column in reader.manifest.columns])
    return _assembled(reader, lambda place, start, stop: evaluate(expression, reader.batch(place, expression.columns)))


def _polygon_bits(reader: Reader, corners: tuple[tuple[Any, Any], ...]) -> Bits:
    x, y = reader.manifest.x, reader.manifest.y
    outline = np.array([(x.position(a), y.position(b)) for a, b in corners], np.float64)
    if not np.isfinite(outline).all():
        raise OptionError("The corners of a polygon must be finite numbers.")

    def mask(place: int, start: int, stop: int) -> NDArray[np.bool_]:
        out = np.zeros(stop - start, bool)
        with reader.pages.pinned([X, Y], reader.pages.groups_of(np.array([start]), np.array([stop]))) as (px, py):
            _in_polygon(px[start:stop], py[start:stop], outline, out)
        return out

    return _assembled(reader, mask)


@nb.njit(nogil=True, cache=True)
def _in_polygon(x, y, outline, out):  # type: ignore[no-untyped-def]
    """Even-odd rule, a ray towards +x (Shimrat, 1962)."""
    left, right = outline[:, 0].min(), outline[:, 0].max()
    bottom, top = outline[:, 1].min(), outline[:, 1].max()
    corners = outline.shape[0]
    for row in range(x.shape[0]):
        a, b = nb.float64(x[row]), nb.float64(y[row])
        if not (left <= a <= right and bottom <= b <= top):
            continue
        odd = False
        k = corners - 1
        for q in range(corners):
            x0, y0, x1, y1 = outline[q, 0], outline[q, 1], outline[k, 0], outline[k, 1]
            if (y0 > b) != (y1 > b) and a < (x1 - x0) * (b - y0) / (y1 - y0) + x0:
                odd = not odd
            k = q
        out[row] = odd


def _source_rows(reader: Reader, start: int, stop: int) -> NDArray[np.int64]:
    return reader.pages.read(ROW, start, stop)


def _row_bits(reader: Reader, rows: RowSet) -> Bits:
    def mask(place: int, start: int, stop: int) -> NDArray[np.bool_]:
        ids = _source_rows(reader, start, stop)
        at = np.minimum(np.searchsorted(rows.ids, ids), max(0, len(rows.ids) - 1))
        return rows.ids[at] == ids if len(rows.ids) else np.zeros(len(ids), bool)

    return _assembled(reader, mask)


def split_of(rows: NDArray[np.int64], parts: int, seed: int) -> NDArray[np.int64]:
    """Return the part of each source row: SplitMix64 (Steele et al., 2014) of the row and the seed, modulo the parts."""
    with np.errstate(over="ignore"):
        z = rows.astype(np.uint64) + np.uint64(seed % (1 << 64)) * np.uint64(0xD1342543DE82EF95) + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) % np.uint64(parts)).astype(np.int64)


def _split_bits(reader: Reader, split: tuple[int, int, int]) -> Bits:
    part, parts, seed = split
    return _assembled(reader, lambda place, start, stop: split_of(_source_rows(reader, start, stop), parts, seed) == part)


_KINDS: dict[str, Callable[[Reader, Any], Bits]] = {"polygon": _polygon_bits, "rows": _row_bits, "split": _split_bits}
