"""Bins of a column as codes of a byte a row, so that a chart reads a quarter of what the numbers take, or an eighth.

The codes are a decoded column like any other: made row group by row group when first asked for, kept within the budget of all columns, and let go.
A filter whose limits are edges of such bins is decided by the codes alone, so that brushing a histogram does not read the numbers either.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from bigview.errors import OptionError
from bigview.store import pool
from bigview.store.manifest import Column
from bigview.store.reader import MISSING_TIME, Reader
from bigview.store.valuesets import Values

_MOST = 1 << 24  # bins of a column
_GROUPS = 16  # row groups of one task: 2 M rows
_GUESSES = 8  # parts a bin of the extent, for which a bin is known to begin with
_FEW = 1 << 16  # such parts beyond which there is one a bin: fewer are quick to look up, and more bins are nearly always equal
_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_MONDAY = 4  # 1970-01-05 was the first one of the epoch
_UNITS = (
    *(("s", seconds) for seconds in (1, 5, 15, 60, 300, 900, 3_600, 3 * 3_600, 6 * 3_600, 12 * 3_600, 86_400)),
    ("W", 7),
    *(("M", months) for months in (1, 3, 12, 60, 120, 300, 1_200, 12_000, 120_000)),
)
_WORDS = {"s": ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")), "W": ((7, "week"),), "M": ((12, "year"), (1, "month"))}


@dataclass(frozen=True, eq=False)
class Bins:
    """Bins of a number or datetime column.

    Attributes
    ----------
    column : str
    edges : ndarray of float64 (numbers) or int64 (datetimes, in their unit), shape (size + 1,)
        Half-open bins; the last one includes its upper edge. No value of the store lies outside but infinite ones.
    unit : str
        Of datetimes, as NumPy names it; empty for numbers.

    Notes
    -----
    Code q is bin q; `size` stands for missing values, `size` + 1 and + 2 for the two infinities.
    """

    column: str
    edges: NDArray[Any]
    unit: str = ""

    @property
    def size(self) -> int:
        """Number of bins."""
        return len(self.edges) - 1

    @property
    def shown(self) -> NDArray[Any]:
        """The edges as numbers or datetimes."""
        return self.edges.view(f"M8[{self.unit}]") if self.unit else self.edges

    @cached_property
    def page(self) -> str:
        """Name of the codes among the paged columns."""
        return f"@bins:{blake2b(self.edges.tobytes(), digest_size=8).hexdigest()}:{self.column}"

    @property
    def dtype(self) -> np.dtype:
        """Type of the codes."""
        return np.min_scalar_type(self.size + 2)

    def __call__(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the codes of decoded values."""
        out = np.empty(len(values), self.dtype)
        _code(values, self.edges, self._guesses, bool(self.unit), out)
        return out

    @cached_property
    def _guesses(self) -> NDArray[np.int32]:
        """The bin in which each of many equal parts of the extent begins, or one beside it."""
        count = min(_GUESSES * self.size, max(self.size, _FEW))
        parts = np.arange(count) / count
        ends = self.edges.astype(np.float64)
        starts = ends[0] + parts * (ends[-1] - ends[0])
        return np.asarray(np.clip(np.searchsorted(ends, starts, "right") - 1, 0, self.size - 1), np.int32)

    def of(self, reader: Reader) -> str:
        """Return the name of the codes, which the store then has among its decoded columns."""
        reader.derive(self.page, self.column, self.dtype, self)
        return self.page


@nb.njit(nogil=True, cache=True)
def _code(values, edges, guesses, time, out):  # type: ignore[no-untyped-def]
    bins, parts = edges.shape[0] - 1, guesses.shape[0]
    first = nb.float64(edges[0])
    scale = parts / (nb.float64(edges[bins]) - first)
    for row in range(values.shape[0]):
        value = values[row]
        number = nb.float64(value)
        if (time and value == MISSING_TIME) or number != number:
            out[row] = bins
            continue
        if np.isinf(number):
            out[row] = bins + 1 if number < 0 else bins + 2
            continue
        guess = (number - first) * scale
        place = nb.int64(guesses[0 if guess <= 0 else nb.int64(guess) if guess < parts else parts - 1])
        # The guess may be beside: the edges decide.
        while place > 0 and value < edges[place]:
            place -= 1
        while place < bins - 1 and value >= edges[place + 1]:
            place += 1
        out[row] = place


def equal_bins(reader: Reader, column: str, bins: int) -> Bins:
    """Return equal bins over the extent of a number or datetime column in the store."""
    if not 1 <= bins <= _MOST:
        raise OptionError(f"bins must be 1 or more, and at most {_MOST:,}, not {bins}.")
    entry = reader.manifest.column(column)
    if entry.kind not in ("number", "integer", "datetime"):
        raise OptionError(f"{column!r} holds {entry.kind}; a histogram needs numbers or datetimes. Use category_counts for categories.")
    low, high = (0, 1) if entry.low is None or entry.high is None else (entry.low, entry.high)
    if entry.kind == "datetime":
        first, span = int(low), max(1, int(high) - int(low))
        # A whole number is below an edge exactly when it is below the next whole number.
        return Bins(column, np.array([first - (-span * place // bins) for place in range(bins + 1)], np.int64), _unit(entry))
    start, last = float(low), float(high) if float(high) > float(low) else float(low) + max(1.0, abs(float(low)) * 1e-9)
    edges = 2 * np.linspace(start / 2, last / 2, bins + 1)  # halved: the span of ±1.7e308 is no float
    # Compared with numbers of 32 bits, SQL takes an edge as one of these: so the edges are such from the first.
    return Bins(column, edges.astype(np.float32).astype(np.float64) if entry.dtype == "float" else edges)


def stop_bins(reader: Reader, column: str, stops: Sequence[Any]) -> Bins | None:
    """Return bins that decide every comparison of a column with one of some values; None where they are too large to be told apart.

    Each value, which the column's type has, is a bin of its own, and so is all that lies between two of them.
    """
    entry = reader.manifest.column(column)
    if entry.low is None or entry.high is None:
        return None
    if entry.kind == "number":
        dtype = np.dtype(np.float32 if entry.dtype == "float" else np.float64)
        values = np.array([entry.low, *stops, entry.high], dtype)
        edges = np.unique(np.concatenate([values, np.nextafter(values, dtype.type(np.inf))]).astype(np.float64))
        fits = bool(np.isfinite(edges[-1] - edges[0]))
    else:
        ends = np.array([int(entry.low), *(int(stop) for stop in stops), int(entry.high)], object)
        edges = np.unique(np.concatenate([ends, ends + 1])).astype(np.int64 if entry.kind == "datetime" else np.float64)
        fits = entry.kind == "datetime" or max(abs(entry.low), abs(entry.high)) < 1 << 53
    if not fits or edges[0] != entry.low or len(edges) - 1 > _MOST:
        return None
    return Bins(column, edges, _unit(entry) if entry.kind == "datetime" else "")


def load_together(reader: Reader, names: Sequence[str], some: NDArray[np.bool_] | None = None) -> None:
    """Bring decoded columns into memory, of which several may be made from one that is read: once for all of them. Of `some` row groups, or all."""
    pages = reader.pages
    lacking = np.flatnonzero(~pages.held(names) if some is None else some & ~pages.held(names))

    def part(first: int) -> None:
        with pages.pinned(names, lacking[first : first + _GROUPS]):
            pass

    pool.run(part, range(0, len(lacking), _GROUPS))


def _unit(entry: Column) -> str:
    return entry.dtype.partition("[")[2].rstrip("]").split(",")[0] or "ns"


def calendar_bins(reader: Reader, column: str, most: int) -> tuple[Bins, str]:
    """Return bins of whole days, weeks, months or the like, the shortest that are at most `most`; and what they are."""
    entry = reader.manifest.column(column)
    if entry.kind != "datetime":
        raise OptionError(f"{column!r} holds {entry.kind}; bins of the calendar need datetimes.")
    if most < 1:
        raise OptionError(f"bins must be 1 or more, not {most}.")
    unit = _unit(entry)
    second = _SECOND[unit]
    low, high = (0, 0) if entry.low is None or entry.high is None else (int(entry.low), int(entry.high))
    for kind, step in _UNITS:
        edges = _months(low, high, step, second) if kind == "M" else _steps(low, high, (step if kind == "s" else 7 * 86_400), kind == "W", second)
        if edges is not None and len(edges) - 1 <= most:
            break
    size, word = next((size, word) for size, word in _WORDS[kind] if step % size == 0)
    name = word if step == size else f"{step // size} {word}s"
    ends = np.iinfo(np.int64)
    return Bins(column, np.array([min(max(edge, ends.min + 1), ends.max) for edge in edges or (low, high + 1)], np.int64), unit), name


def _steps(low: int, high: int, seconds: int, weeks: bool, second: int) -> list[int] | None:
    size, shift = seconds * second, _MONDAY * 86_400 * second if weeks else 0
    first, last = (low - shift) // size, (high - shift) // size + 1
    return None if last - first > _MOST else [shift + place * size for place in range(first, last + 1)]


def _months(low: int, high: int, step: int, second: int) -> list[int] | None:
    first, last = (int(np.datetime64(end // second, "s").astype("M8[M]").astype(np.int64)) // step for end in (low, high))
    if last - first >= _MOST:
        return None
    return [int(np.datetime64(place * step, "M").astype("M8[s]").astype(np.int64)) * second for place in range(first, last + 2)]


def decided(reader: Reader, values: Values, absent: bool) -> tuple[str, NDArray[np.uint8]] | None:
    """Return codes of a column that decide whether its rows have one of some values, and the answer for each code; None where there are none.

    `absent` is the answer for missing values. Codes are taken unless more of the numbers are in the cache than of them: where neither are, they take
    less of it.
    """
    column = values.domain.column
    held: Callable[[str], int] = lambda name: int(reader.pages.held([name]).sum())  # noqa: E731
    for bins in reader.derived(column.name):
        if isinstance(bins, Bins) and column.low is not None and held(bins.page) >= held(column.name):
            table = answers(bins, values, absent)
            if table is not None:
                return bins.page, table
    return None


def answers(bins: Bins, values: Values, absent: bool) -> NDArray[np.uint8] | None:
    """Return for each code of bins whether its rows have one of some values; None where some of them have and others have not."""
    domain = values.domain
    ends = (domain.column.low, domain.column.high)
    low, high = (domain.ordinal(end) if domain.column.kind == "number" else int(end or 0) for end in ends)
    if low is None or high is None:
        return None
    table = np.zeros(bins.size + 3, np.uint8)
    for start, stop in values.ranges:
        if domain.column.kind == "number":
            table[bins.size + 1] |= start <= domain.low
            table[bins.size + 2] |= stop >= domain.high
        a, b = max(start, low), min(stop, high)
        if a > b:
            continue
        # Values outside low … high do not occur: a range that ends there ends a bin as well.
        codes = bins(domain.values([max(a - 1, low), a, b, min(b + 1, high)])).astype(int)
        if (a > low and codes[0] == codes[1]) or (b < high and codes[2] == codes[3]):
            return None
        table[codes[1] : codes[2] + 1] = 1
    table[bins.size] = absent
    return table
