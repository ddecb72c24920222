"""Filters as bits: each clause is evaluated once over the sorted rows and kept; a filter is the AND of its clauses."""

import threading
from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigview.config import limits
from bigview.spec import Clause, Filters, Op, RowSet, Where
from bigview.store import pool
from bigview.store.bits import Bits, full, pack, set_bits, words
from bigview.store.clauses import Expression, evaluate, parse
from bigview.store.polygons import polygon_bits
from bigview.store.reader import ROW, Reader
from bigview.store.recent import Recent
from bigview.store.sample import places_of, row_hashes
from bigview.store.scan import bits_of, load, unread
from bigview.store.textsearch import searched
from bigview.store.valuesets import UnsureError, plan

_kept: Recent[Bits] = Recent(lambda bits: bits.nbytes, lambda: limits().filter_bytes)
"""Bits of every open store; keys begin with what tells generations of stores apart."""


class ClauseBits:
    """The bits of clauses, one bit a row; evaluated by one thread while others wait for it."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        manifest = reader.manifest
        self._store = (reader.folder.url, manifest.generation, manifest.fingerprint)

    def of(self, where: Where) -> Bits | None:
        """Return the bits of a filter; None where every row passes. They are shared: do not write into them."""
        filters = Filters.of(where)
        if not filters:
            return None
        if len(filters.clauses) == 1:
            return self._clause(filters.clauses[0])
        return self._cached(filters, lambda: self._conjunction(filters))

    def _conjunction(self, filters: Filters) -> Bits:
        first, second, *others = (self._clause(clause) for clause in filters.clauses)
        bits = first & second
        for other in others:
            bits &= other
        return bits

    def kept(self, where: Where) -> bool:
        """Tell whether the bits of a filter, or of each of its clauses, are there."""
        filters = Filters.of(where)
        return self._there(filters) or all(self._there(self._key(clause)) for clause in filters.clauses)

    def _there(self, key: Hashable) -> bool:
        return _kept.peek((self._store, key)) is not None

    def sure(self, where: Where) -> bool:
        """Tell whether finding the bits of a filter cannot fail, whatever the rows hold.

        Raises
        ------
        ExpressionError
            When an expression is malformed.
        """
        filters = Filters.of(where)
        return self.kept(filters) or all(kind == "sql" and self._planned(self.expression(value)) for kind, value in filters.clauses)

    def _planned(self, expression: Expression) -> bool:
        try:
            return plan(self._reader, expression) is not None
        except UnsureError:
            return False

    def unread(self, where: Where) -> int:
        """Return about how many values have to be read from the store before the bits of a filter are there."""
        return sum(self._unread(clause) for clause in Filters.of(where).clauses if not self.kept(Filters((clause,))))

    def _unread(self, clause: Clause) -> int:
        kind, value = clause
        if kind == "steps":
            return sum(self.unread(filters) for _, filters in value)
        if kind != "sql":
            return 0
        expression = self.expression(value)
        try:
            return unread(self._reader, plan(self._reader, expression))
        except UnsureError:
            return self._reader.manifest.rows * max(1, len(expression.columns))

    def load(self, where: Where) -> None:
        """Bring into memory the columns of a filter, as far as there is room, so that its next values are tested at once."""
        for kind, value in Filters.of(where).clauses:
            if kind == "sql":
                with suppress(UnsureError):
                    load(self._reader, plan(self._reader, self.expression(value)))

    def _key(self, clause: Clause) -> Hashable:
        return ("sql", self.expression(clause[1]).text) if clause[0] == "sql" else clause

    def expression(self, text: str) -> Expression:
        """Return the checked form of an expression over the columns of the store."""
        return parse(text, [column.name for column in self._reader.manifest.columns])

    def _clause(self, clause: Clause) -> Bits:
        kind, value = clause
        if kind == "sql":
            expression = self.expression(value)
            return self._cached(("sql", expression.text), lambda: self._sql(expression))
        if kind == "steps":
            return self._cached(clause, lambda: self._stepwise(value))
        return self._cached(clause, lambda: _KINDS[kind](self._reader, value))

    def _sql(self, expression: Expression) -> Bits:
        try:
            return bits_of(self._reader, plan(self._reader, expression))
        except UnsureError:
            found = searched(self._reader, expression, self._sql)
            return sql_bits(self._reader, expression) if found is None else found

    def _stepwise(self, steps: tuple[tuple[Op, Filters], ...]) -> Bits:
        everything = full(self._reader.manifest.rows)
        bits = np.zeros_like(everything) if steps[0][0] == "add" else everything
        for op, filters in steps:
            found = self.of(filters)
            found = everything if found is None else found
            if op == "add":
                bits = bits | found
            elif op == "subtract":
                bits = bits & ~found
            else:
                bits = bits & found
        return bits

    def _cached(self, key: Hashable, make: Callable[[], Bits]) -> Bits:
        return _kept.get((self._store, key), make)


class PassingBits(ClauseBits):
    """The bits of clauses, for which columns that are not in memory are read and forgotten: who waits for a picture gets it in half the time."""

    def _sql(self, expression: Expression) -> Bits:
        try:
            return bits_of(self._reader, plan(self._reader, expression), keep=False)
        except UnsureError:
            return super()._sql(expression)


class NearBits(ClauseBits):
    """The bits of clauses in some row groups alone, where finding them in all takes longer; they are not kept.

    Parameters
    ----------
    reader : Reader
    groups : ndarray of int64
    """

    def __init__(self, reader: Reader, groups: NDArray[np.int64]) -> None:
        super().__init__(reader)
        self._groups = groups

    def _clause(self, clause: Clause) -> Bits:
        if clause[0] not in ("sql", "steps") and not self.kept(Filters((clause,))):
            raise UnsureError
        return super()._clause(clause)

    def _sql(self, expression: Expression) -> Bits:
        return bits_of(self._reader, plan(self._reader, expression), self._groups)

    def _cached(self, key: Hashable, make: Callable[[], Bits]) -> Bits:
        kept = _kept.peek((self._store, key))
        return make() if kept is None else kept


def forget_filters() -> None:
    """Forget the bits of all filters, to measure or to test."""
    _kept.clear()


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


def sql_bits(reader: Reader, expression: Expression) -> Bits:
    """Return the bits of an expression by DuckDB alone, which reads all rows of the columns: the slow way for any expression."""
    return _assembled(reader, lambda place, start, stop: evaluate(expression, reader.batch(place, expression.columns)))


def _row_bits(reader: Reader, rows: RowSet) -> Bits:
    ids = rows.ids[np.searchsorted(rows.ids, 0) : np.searchsorted(rows.ids, reader.manifest.rows)]
    bits = np.zeros(words(reader.manifest.rows), np.uint64)
    set_bits(bits, places_of(reader, ids))
    return bits


def split_of(rows: NDArray[np.int64], parts: int, seed: int) -> NDArray[np.int64]:
    """Return the part of each source row: the hash of the row and the seed, modulo the parts."""
    return (row_hashes(rows, seed) % np.uint64(parts)).astype(np.int64)


def _split_bits(reader: Reader, split: tuple[int, int, int]) -> Bits:
    part, parts, seed = split
    offsets = reader.row_groups.offsets

    def mask(place: int, start: int, stop: int) -> NDArray[np.bool_]:
        groups = range(int(np.searchsorted(offsets, start)), int(np.searchsorted(offsets, stop)))
        # Not kept: the numbers of all rows would drive everything else out of the cache.
        numbers = [columns[ROW] for columns in reader.pages.decoded(groups, [ROW])]
        return np.asarray(split_of(np.concatenate(numbers), parts, seed) == part)

    return _assembled(reader, mask)


_KINDS: dict[str, Callable[[Reader, Any], Bits]] = {"polygon": polygon_bits, "rows": _row_bits, "split": _split_bits}
