"""Which values of a column make a condition true.

DuckDB itself is asked, about single values: so its meaning of nulls, NaN, literals and casts is kept to the last bit, and the rows can then be
tested without it. A column with few distinct values is asked about all of them. On the ordered values of any other column, a comparison
with constants changes its answer only beside the constants: those places are found by asking about the neighbours of the constants, and by
halving what lies between two different answers. What is not surely of this kind is left to DuckDB (`UnsureError`).
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any
from weakref import WeakKeyDictionary

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bigview.errors import ExpressionError
from bigview.store.clauses import Expression, Node, children, constants, evaluate, written
from bigview.store.manifest import Column
from bigview.store.reader import Reader

Ranges = tuple[tuple[int, int], ...]
"""Closed ranges of ordinals, ascending, disjoint and not adjacent."""

_TABLE = 1_024  # distinct values up to which all are asked about, even where a few would do
_LARGE_TABLE = 1 << 16  # the same, for conditions that could not be answered otherwise
_CONSTANTS = 200  # of one condition
_STEPS = 255  # values asked about at once between two different answers
_SQL_TYPES = {
    "float": "FLOAT",
    "double": "DOUBLE",
    "timestamp[ms]": "TIMESTAMP_MS",
    "timestamp[us]": "TIMESTAMP",
    "timestamp[ns]": "TIMESTAMP_NS",
    "int8": "TINYINT",
    "int16": "SMALLINT",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "uint8": "UTINYINT",
    "uint16": "USMALLINT",
    "uint32": "UINTEGER",
    "uint64": "UBIGINT",
}
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UBIGINT", "UHUGEINT", "DECIMAL", "FLOAT", "DOUBLE")
_MOMENTS = ("DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")


class UnsureError(Exception):
    """A condition whose values are not surely found here."""


_known_plans: WeakKeyDictionary[Reader, dict[str, Any]] = WeakKeyDictionary()
_lock = threading.Lock()
_NEVER = object()
_PLANS = 64  # of a store: a new filter is asked for by its sketch, its picture and its charts
_known_nulls: WeakKeyDictionary[Reader, dict[str, int]] = WeakKeyDictionary()


def _nulls(reader: Reader, name: str) -> int:
    """Return how many rows have no value at all in a column of numbers: the manifest counts NaN too, the files' own statistics do not."""
    known = _known_nulls.setdefault(reader, {})
    if name not in known:
        total = 0
        for file, _, _ in reader.row_files:
            with reader.folder.parquet(file) as source:
                place = source.schema_arrow.get_field_index(name)
                for group in range(source.metadata.num_row_groups):
                    statistics = source.metadata.row_group(group).column(place).statistics
                    if statistics is None or not statistics.has_null_count:
                        raise UnsureError
                    total += statistics.null_count
        known[name] = total
    return known[name]


@dataclass(frozen=True)
class Domain:
    """The values that a column may hold, numbered in their order.

    The ordinal of a whole number, a datetime (in its unit), a truth value or a category is the number itself or the code; that of a float counts the
    floats from zero, so that neighbours have neighbouring ordinals and both zeros are one.

    Attributes
    ----------
    low, high : int
        Least and greatest ordinal; high < low where there are no values.
    nan, missing : bool
        Whether there are rows with NaN, and rows without a value.
    """

    column: Column
    low: int
    high: int
    nan: bool
    missing: bool
    names: Any = None

    @classmethod
    def of(cls, reader: Reader, name: str) -> "Domain":
        """Return the domain of a column."""
        column = reader.manifest.column(name)
        if column.part != "rows":
            raise UnsureError
        if column.kind == "category":
            return cls(column, 0, column.distinct - 1, False, column.missing > 0, pa.array(reader.categories(name), pa.string()))
        if column.kind == "boolean":
            return cls(column, 0, 1, False, column.missing > 0)
        if column.kind == "number":
            nulls = _nulls(reader, name) if column.missing else 0
            inf = 0x7F800000 if column.dtype == "float" else 0x7FF0000000000000
            return cls(column, -inf, inf, nulls < column.missing, nulls > 0)
        if column.low is None or column.high is None:
            return cls(column, 0, -1, False, column.missing > 0)
        return cls(column, int(column.low), int(column.high), False, column.missing > 0)

    @property
    def size(self) -> int:
        """Number of values."""
        return self.high - self.low + 1

    def values(self, ordinals: Sequence[int]) -> NDArray[Any]:
        """Return plain values (codes, whole numbers, floats) of ordinals."""
        if self.column.kind in ("category", "boolean"):
            return np.array(ordinals, np.int32)
        if self.column.kind == "datetime":
            return np.array(ordinals, np.int64)
        dtype = np.dtype(pa.type_for_alias(self.column.dtype).to_pandas_dtype())
        if dtype.kind != "f":
            return np.array(ordinals, dtype)
        signed = np.array(ordinals, np.int64)
        bits = np.where(signed < 0, np.uint64(1 << (8 * dtype.itemsize - 1)) | np.abs(signed).view(np.uint64), signed.view(np.uint64))
        return bits.astype(f"u{dtype.itemsize}").view(dtype)

    def ordinal(self, value: Any) -> int | None:
        """Return the ordinal of a value that DuckDB gave; None for NaN and for what the column cannot hold."""
        if self.column.kind == "datetime":
            unit = self.column.dtype.partition("[")[2].rstrip("]")
            return int(np.datetime64(value).astype(f"M8[{unit}]").astype(np.int64))
        if self.column.kind == "integer":
            return int(value)
        size = 4 if self.column.dtype == "float" else 8
        number = np.array(value, f"f{size}")
        if np.isnan(number):
            return None
        magnitude = int(np.abs(number).view(f"u{size}"))
        return -magnitude if number < 0 else magnitude

    def batch(self, ordinals: Sequence[int]) -> pa.Table:
        """Return a table of the values of ordinals, and after them a null and, for floats, a NaN."""
        values = self.values(ordinals)
        if self.column.kind == "category":
            codes = pa.concat_arrays([pa.array(values, pa.int32()), pa.nulls(1, pa.int32())])
            return pa.table({self.column.name: pa.DictionaryArray.from_arrays(codes, self.names)})
        kind = pa.bool_() if self.column.kind == "boolean" else pa.type_for_alias(self.column.dtype)
        plain = pa.array(values.astype(bool) if self.column.kind == "boolean" else values)
        parts = [plain.cast(kind), pa.nulls(1, kind)]
        if self.column.kind == "number":
            parts.append(pa.array(np.array([np.nan], values.dtype)))
        return pa.table({self.column.name: pa.concat_arrays(parts)})


@dataclass(frozen=True)
class Values:
    """Values of one column: ranges of ordinals, and whether rows with NaN and rows without a value belong to them."""

    domain: Domain
    ranges: Ranges
    nan: bool
    missing: bool

    @property
    def constant(self) -> bool | None:
        """Whether all rows, or none, have such a value; None where some may."""
        specials = [flag for flag, there in ((self.nan, self.domain.nan), (self.missing, self.domain.missing)) if there]
        if not self.ranges and not any(specials):
            return False
        whole = self.domain.size <= 0 or self.ranges == ((self.domain.low, self.domain.high),)
        return True if whole and all(specials) else None

    @property
    def absent(self) -> bool:
        """Whether rows without a number belong to them: those with NaN and those without a value are not told apart once they are decoded.

        Raises
        ------
        UnsureError
            Where they would have to be.
        """
        if self.domain.nan and self.domain.missing and self.nan != self.missing:
            raise UnsureError
        return self.nan if self.domain.nan else self.missing and self.domain.missing

    def inverted(self) -> "Values":
        """Return all other values."""
        edges = [self.domain.low - 1, *(end for pair in self.ranges for end in (pair[0] - 1, pair[1])), self.domain.high]
        gaps = tuple((a + 1, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b > a)
        return replace(self, ranges=gaps, nan=not self.nan, missing=not self.missing)

    def joined(self, other: "Values", both: bool) -> "Values":
        """Return the values in both sets, or those in one of them at least."""
        if both:
            return self.inverted().joined(other.inverted(), both=False).inverted()
        merged: list[tuple[int, int]] = []
        for low, high in sorted(self.ranges + other.ranges):
            if merged and low <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
            else:
                merged.append((low, high))
        return replace(self, ranges=tuple(merged), nan=self.nan or other.nan, missing=self.missing or other.missing)


@dataclass(frozen=True)
class Joined:
    """The rows that pass all (`both`) or any of several tests of different columns."""

    both: bool
    parts: "tuple[Values | Joined, ...]"


Plan = bool | Values | Joined


def plan(reader: Reader, expression: Expression) -> Plan:
    """Return the values that make an expression true.

    Negations are moved down to the conditions (De Morgan's laws hold with nulls too). What remains, AND and OR, is true exactly where
    the sets of rows for which its parts are true meet or join.

    Raises
    ------
    UnsureError
        Where DuckDB has to look at the rows.
    """
    with _lock:
        known = _known_plans.setdefault(reader, {})
        found = known.get(expression.text, _NEVER)
    if found is _NEVER:
        try:
            found = _plan(reader, expression.tree, False)
        except (UnsureError, ExpressionError, duckdb.Error, pa.ArrowException, OverflowError):
            found = None
        with _lock:
            while len(known) >= _PLANS:
                del known[next(iter(known))]
            known[expression.text] = found
    if found is None:
        raise UnsureError
    made: Plan = found
    return made


def _plan(reader: Reader, node: Node, negated: bool) -> Plan:
    names = set(_columns(node))
    if not names:
        return bool(_truth(node, negated)(pa.table({"none": [0]}))[0])
    if len(names) == 1:
        domain = Domain.of(reader, names.pop())
        compared = _compared(node)
        if domain.column.kind in ("category", "boolean") or domain.size <= (_LARGE_TABLE if compared is None else _TABLE):
            return _asked(domain, _truth(node, negated), range(domain.low, domain.high + 1), lambda _: None)
        if compared is not None:
            return _probed(domain, node, negated, compared)
    if node.get("class") == "CONJUNCTION":
        both = (node["type"] == "CONJUNCTION_AND") != negated
        return _joined(both, [_plan(reader, child, negated) for child in children(node)])
    if node.get("type") == "OPERATOR_NOT":
        return _plan(reader, next(children(node)), not negated)
    raise UnsureError


def _columns(node: Node) -> Iterator[str]:
    if node.get("class") == "COLUMN_REF":
        yield node["column_names"][0]
    for child in children(node):
        yield from _columns(child)


def _joined(both: bool, parts: Sequence[Plan]) -> Plan:
    by_column: dict[str, Values] = {}
    others: list[Joined] = []
    for part in parts:
        if isinstance(part, Values):
            name = part.domain.column.name
            by_column[name] = by_column[name].joined(part, both) if name in by_column else part
        elif isinstance(part, Joined):
            others.append(part)
        elif part is not both:  # false in a conjunction, true in a disjunction
            return part
    left: list[Values | Joined] = []
    for values in by_column.values():
        constant = values.constant
        if constant is None:
            left.append(values)
        elif constant is not both:
            return constant
    left += others
    if not left:
        return both
    return left[0] if len(left) == 1 else Joined(both, tuple(left))


def _compared(node: Node) -> list[Node] | None:
    """Return the constants that a condition compares a column with; None where it is something else."""
    kind, parts = node.get("class"), list(children(node))
    if kind == "COMPARISON" and parts[0].get("class") != "COLUMN_REF":
        parts = parts[::-1]
    is_known = kind in ("COMPARISON", "BETWEEN") or (
        kind == "OPERATOR" and node["type"] in ("COMPARE_IN", "COMPARE_NOT_IN", "OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL")
    )
    if not is_known or parts[0].get("class") != "COLUMN_REF" or any(next(_columns(part), None) for part in parts[1:]):
        return None
    return parts[1:]


Truth = Callable[[pa.Table], NDArray[np.bool_]]


def _truth(node: Node, negated: bool) -> Truth:
    text = f"NOT ({written(node)})" if negated else written(node)
    return lambda batch: evaluate(Expression(text, ()), batch)


def _asked(domain: Domain, truth: Truth, points: Sequence[int], check: Callable[[list[bool]], None]) -> Values:
    """Ask about points, then about what lies between neighbours of different answers, until no place is left for doubt."""
    answers = truth(domain.batch(points)).tolist()
    missing, nan = answers[len(points)], answers[-1] if domain.column.kind == "number" else False
    known = dict(zip(points, answers, strict=False))
    check(answers[: len(points)])
    while True:
        order = sorted(known)
        new = [middle for a, b in pairwise(order) if known[a] != known[b] for middle in _between(a, b)]
        if not new:
            break
        known.update(zip(new, truth(domain.batch(new)).tolist(), strict=False))
    ranges: list[tuple[int, int]] = []
    before = False
    for point in order:
        if known[point]:
            ranges.append((ranges.pop()[0] if before else point, point))
        before = known[point]
    return Values(domain, tuple(ranges), nan, missing)


def _between(low: int, high: int) -> list[int]:
    gap = high - low
    steps = min(_STEPS, gap - 1)
    return [low + gap * step // (steps + 1) for step in range(1, steps + 1)]


def _probed(domain: Domain, node: Node, negated: bool, compared: list[Node]) -> Values:
    seeds, hollow = _seeds(domain, compared)
    beside = {seed + step for seed in seeds for step in (-1, 0, 1)}
    points = sorted({point for point in beside if domain.low <= point <= domain.high} | ({domain.low, domain.high} if domain.size > 0 else set()))
    outside = negated != (node["type"] == "COMPARE_NOT_IN")

    def check(answers: list[bool]) -> None:
        # Between the constants of a list lies what is not in it; but several values of a column may be equal to one constant, and then
        # their ends would have to be looked for.
        if node["type"] not in ("COMPARE_IN", "COMPARE_NOT_IN") or (hollow and not any(answers)):
            return
        if any(answer != outside for point, answer in zip(points, answers, strict=True) if point not in seeds):
            raise UnsureError

    return _asked(domain, _truth(node, negated), points, check)


def _seeds(domain: Domain, compared: list[Node]) -> tuple[set[int], bool]:
    """Return the ordinals of the constants, and whether NULL is among them.

    The type in which DuckDB compares must be one in which the column's values keep their order.
    """
    if not compared:
        return set(), False
    if len(compared) > _CONSTANTS:
        raise UnsureError
    found = constants(compared, _SQL_TYPES[domain.column.dtype])
    all_kinds = {kind.partition("(")[0] for kind, _ in found}
    kinds = all_kinds - {'"NULL"'}
    allowed = (_MOMENTS, ("VARCHAR",)) if domain.column.kind == "datetime" else (_NUMBERS,)
    if not any(kinds <= set(group) for group in allowed):
        raise UnsureError
    seeds = {seed for _, value in found if value is not None and (seed := domain.ordinal(value)) is not None}
    return seeds, kinds != all_kinds
