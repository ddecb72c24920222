"""Values to bits: a pass over columns, decoded once and kept while there is room (see `bigview.store.pages`)."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from bigview.store import pool
from bigview.store.binned import decided, load_together
from bigview.store.bits import Bits, words
from bigview.store.reader import MISSING_TIME, Reader, X, Y
from bigview.store.valuesets import Joined, Plan, UnsureError, Values

_GROUPS = 16  # row groups of one task: 2 M rows
_WORTH = 0.5  # of columns that would fit into memory, below which pictures in turn would drive them out and have them read again
_FEW = 4  # ranges up to which each is a comparison of its own, many values at once
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


@dataclass(frozen=True, eq=False)
class Test:
    """A test of the decoded values of a column: within one of the closed ranges, or listed in a table; inverted where `inverted` is set."""

    page: str
    lows: NDArray[Any]
    highs: NDArray[Any]
    inverted: bool
    table: NDArray[np.uint8] | None = None
    base: int = 0


@dataclass(frozen=True, eq=False)
class Tests:
    """Several tests, of which a row must pass all (`both`) or one."""

    both: bool
    parts: "tuple[Test | Tests, ...]"


def tests_of(reader: Reader, values: Values | Joined) -> Test | Tests:
    """Return how decoded columns are tested.

    Raises
    ------
    UnsureError
        Where the decoded column does not tell apart what must be told apart.
    """
    if isinstance(values, Joined):
        return Tests(values.both, tuple(tests_of(reader, part) for part in values.parts))
    domain, column = values.domain, values.domain.column
    page = _page(reader, column.name)
    dtype = reader.pages.dtypes[page]
    if dtype.kind == "f" and column.kind == "integer" and max(abs(domain.low), abs(domain.high)) > 1 << 53:
        raise UnsureError
    codes = decided(reader, values, values.absent)
    if codes is not None:
        return _coded(reader, *codes)
    if dtype.kind == "f":  # NaN stands for all that is absent
        ranges = (values.inverted() if values.absent else values).ranges
        return Test(page, *_edges(values, ranges, dtype), values.absent)
    ranges = values.ranges
    if values.absent:
        absent = MISSING_TIME if column.kind == "datetime" else -1
        ranges = ((absent, absent), *ranges)
    if len(ranges) <= _FEW or domain.size > 1 << 20:
        return Test(page, *_edges(values, ranges, dtype), False)
    base = min(-1, domain.low) if column.kind in ("category", "boolean") else domain.low
    table = np.zeros(domain.high - base + 1, np.uint8)
    for low, high in ranges:
        table[low - base : high - base + 1] = 1
    return Test(page, np.empty(0, dtype), np.empty(0, dtype), False, table, base)


def _coded(reader: Reader, page: str, answers: NDArray[np.uint8]) -> Test:
    """Return the test of codes by the answer for each; a few ranges of them are compared, which many codes are at once."""
    steps = np.flatnonzero(np.diff(answers, prepend=np.uint8(0), append=np.uint8(0)))
    lows, highs = (ends.astype(reader.pages.dtypes[page]) for ends in (steps[::2], steps[1::2] - 1))
    return Test(page, lows, highs, False, None if len(lows) <= _FEW else answers)


def _edges(values: Values, ranges: Sequence[tuple[int, int]], dtype: np.dtype) -> tuple[NDArray[Any], NDArray[Any]]:
    if dtype.kind == "f" and values.domain.column.kind == "number":
        return values.domain.values([low for low, _ in ranges]), values.domain.values([high for _, high in ranges])
    return np.array([low for low, _ in ranges], dtype), np.array([high for _, high in ranges], dtype)


def _page(reader: Reader, name: str) -> str:
    """Return the decoded column of values; a position that is the value itself serves too, and is often there already."""
    for page, axis in ((X, reader.manifest.x), (Y, reader.manifest.y)):
        if axis.column == name and axis.kind == "float" and reader.pages.dtypes[page] == reader.pages.dtypes[name]:
            return page
    return name


def unread(reader: Reader, plan: Plan) -> int:
    """Return how many values have to be read from the store to find the rows that pass: those that are not in memory.

    Raises
    ------
    UnsureError
    """
    if isinstance(plan, bool) or (isinstance(plan, Values) and plan.constant is not None):
        return 0
    sizes = np.diff(reader.pages.offsets)
    return sum(int(sizes[~reader.pages.held([name])].sum()) for name in _pages(tests_of(reader, plan)))


def bits_of(reader: Reader, plan: Plan, groups: NDArray[np.int64] | None = None, keep: bool = True) -> Bits:
    """Return the bits of the rows that pass; of some row groups only, where they are given, with no bits of the others.

    What has to be read is kept as far as there is room, if it is to `keep` it: memory takes as long to get as the values to decode.

    Raises
    ------
    UnsureError
    """
    rows = reader.manifest.rows
    constant = plan.constant if isinstance(plan, Values) else plan if isinstance(plan, bool) else None
    bits = np.zeros(words(rows), np.uint64)
    if constant is not None or isinstance(plan, bool):
        if constant and rows:
            bits[:] = _ALL
            bits[-1] >>= np.uint64(-rows % 64)
        return bits
    tests = tests_of(reader, plan)
    names = sorted(_pages(tests))
    lock = threading.Lock()

    def part(task: tuple[int, int, bool]) -> None:
        first, last, kept = task
        start, stop = (int(reader.pages.offsets[group]) for group in (first, last))
        if kept:
            with reader.pages.pinned(names, np.arange(first, last)) as arrays:
                found = _tested(tests, {name: array[start:stop] for name, array in zip(names, arrays, strict=True)}, start % 64)
        else:
            found = _streamed(reader, tests, names, (first, last))
        inner = bits[start // 64 : start // 64 + len(found)]
        inner[1:-1] = found[1:-1]
        with lock:  # tasks meet in the middle of a word
            inner[0] |= found[0]
            inner[-1] |= found[-1]

    pool.run(part, _tasks(reader, names, keep) if groups is None else [(group, group + 1, True) for group in groups.tolist()])
    return bits


def load(reader: Reader, plan: Plan) -> None:
    """Bring into memory what tests of the same columns will need, as far as there is room; nothing where that is less than half of it.

    Raises
    ------
    UnsureError
    """
    if isinstance(plan, bool) or (isinstance(plan, Values) and plan.constant is not None):
        return
    names, pages = sorted(_pages(tests_of(reader, plan))), reader.pages
    kept = pages.keeps(names, np.arange(len(pages.offsets) - 1))
    if kept.sum() >= _WORTH * len(kept):
        load_together(reader, names, kept)


def passing(reader: Reader, plan: Plan, column: Callable[[str], NDArray[Any]], rows: int) -> Bits:
    """Return the bits of some rows that pass, whose decoded columns `column` gives by name.

    Raises
    ------
    UnsureError
    """
    constant = plan.constant if isinstance(plan, Values) else plan if isinstance(plan, bool) else None
    if constant is not None or isinstance(plan, bool):
        return np.full(words(rows), _ALL if constant else np.uint64(0))
    tests = tests_of(reader, plan)
    return _tested(tests, {name: column(name) for name in _pages(tests)}, 0)


def _streamed(reader: Reader, tests: Test | Tests, names: Sequence[str], groups: tuple[int, int]) -> Bits:
    found = np.zeros(words(int(reader.pages.offsets[groups[0]]) % 64 + int(np.diff(reader.pages.offsets[list(groups)])[0])), np.uint64)
    first = int(reader.pages.offsets[groups[0]]) // 64
    for group in range(*groups):
        start = int(reader.pages.offsets[group])
        (columns,) = reader.pages.decoded([group], names)
        piece = _tested(tests, columns, start % 64)
        found[start // 64 - first : start // 64 - first + len(piece)] |= piece
    return found


def _pages(tests: Test | Tests) -> set[str]:
    return {tests.page} if isinstance(tests, Test) else {page for part in tests.parts for page in _pages(part)}


def _tasks(reader: Reader, names: Sequence[str], keep: bool) -> list[tuple[int, int, bool]]:
    """Return stretches of row groups (first, last, kept): what is in the cache, and as much more as its share holds if it is to `keep` it.

    What is kept comes first, so that it counts as used before anything is loaded and something has to go.
    """
    present = reader.pages.held(names)
    kept = reader.pages.keeps(names, np.arange(len(present))) if keep else present
    mode = kept.astype(np.int8) + present
    cuts = np.flatnonzero(np.diff(mode)) + 1
    tasks = [
        (first, min(first + _GROUPS, stop), bool(kept[start]), bool(present[start]))
        for start, stop in pairwise([0, *cuts.tolist(), len(present)])
        for first in range(start, stop, _GROUPS)
    ]
    return [task[:3] for task in sorted(tasks, key=lambda task: not task[3])]


def _tested(tests: Test | Tests, columns: dict[str, NDArray[Any]], lead: int) -> Bits:
    """Return the words of a stretch of rows whose first row is bit `lead` of the first word."""
    if isinstance(tests, Tests):
        found = _tested(tests.parts[0], columns, lead)
        for part in tests.parts[1:]:
            (np.bitwise_and if tests.both else np.bitwise_or)(found, _tested(part, columns, lead), out=found)
        return found
    values = columns[tests.page]
    out = np.empty(words(lead + len(values)), np.uint64)
    if tests.table is not None:
        _listed(values, lead, tests.table, tests.base, out)
    elif len(tests.lows) <= _FEW:
        _within(values, lead, tests.lows, tests.highs, tests.inverted, out)
    else:
        _within_many(values, lead, tests.lows, tests.highs, tests.inverted, out)
    return out


@nb.njit(nogil=True, cache=True)
def _within(values, lead, lows, highs, inverted, out):  # type: ignore[no-untyped-def]
    """Whole words without branches, so that the compiler compares many values at once."""
    rows = values.shape[0]
    for w in range(out.shape[0]):
        first, stop = w * 64 - lead, min(rows, w * 64 - lead + 64)
        word, all_ = nb.uint64(0), nb.uint64(0xFFFFFFFFFFFFFFFF)
        if first >= 0 and stop - first == 64:
            for q in range(lows.shape[0]):
                low, high = lows[q], highs[q]
                for b in range(64):
                    value = values[first + b]
                    word |= nb.uint64((value >= low) & (value <= high)) << nb.uint64(b)
        else:
            all_ = nb.uint64(0)
            for row in range(max(first, 0), stop):
                all_ |= nb.uint64(1) << nb.uint64(row - first)
                for q in range(lows.shape[0]):
                    word |= nb.uint64((values[row] >= lows[q]) & (values[row] <= highs[q])) << nb.uint64(row - first)
        out[w] = word ^ all_ if inverted else word


@nb.njit(nogil=True, cache=True)
def _within_many(values, lead, lows, highs, inverted, out):  # type: ignore[no-untyped-def]
    out[:] = 0
    for row in range(values.shape[0]):
        value = values[row]
        a, b = 0, lows.shape[0]
        while a < b:  # the first range that begins beyond the value
            middle = (a + b) >> 1
            if lows[middle] <= value:
                a = middle + 1
            else:
                b = middle
        good = a > 0 and value <= highs[a - 1]
        out[(row + lead) >> 6] |= nb.uint64(good != inverted) << nb.uint64((row + lead) & 63)


@nb.njit(nogil=True, cache=True)
def _listed(codes, lead, table, base, out):  # type: ignore[no-untyped-def]
    rows = codes.shape[0]
    for w in range(out.shape[0]):
        word = nb.uint64(0)
        for row in range(max(w * 64 - lead, 0), min(rows, w * 64 - lead + 64)):
            word |= nb.uint64(table[nb.int64(codes[row]) - base]) << nb.uint64((row + lead) & 63)
        out[w] = word
