"""Checking the summaries of cells against the rows, in one pass over the rows."""

from collections.abc import Iterator
from typing import Any

import numba as nb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bigview.store.manifest import Column
from bigview.store.reader import MISSING_TIME, ROW, Reader, paged_values
from bigview.store.summaries import TOPS, as_floats, chosen, code_columns, count_columns, rows_column, sum_column

_NEAR = 1e-9  # a sum depends on its order; this share of the sum of the magnitudes is let pass


class SummaryChecks:
    """All summaries of a store, followed along the rows. Give the rows to `see`, a stretch after the other; then ask `problems`."""

    def __init__(self, reader: Reader) -> None:
        manifest = reader.manifest
        counted, summed = chosen([c for c in manifest.columns if c.name != ROW], (manifest.x.column, manifest.y.column))
        self._columns = [*counted, *summed]
        levels = [level.level for level in manifest.levels if reader.groups("summary", level.level).files]
        self._astray = [level for level in levels if reader.summaries(level) is None]
        self._checks = [_Check(reader, level, column) for level in levels if level not in self._astray for column in self._columns]

    def see(self, first: int, rows: pa.Table, placed: int) -> None:
        """Take in rows from number `first` on, of which the first `placed` have a position."""
        if self._checks:
            for column in self._columns:
                values = as_floats(paged_values(rows[column.name], column), column.kind, MISSING_TIME)[:placed]
                for check in self._checks:
                    if check.column is column:
                        check.see(first, np.ascontiguousarray(values))

    def problems(self) -> Iterator[str]:
        """Say what is wrong."""
        for level in self._astray:
            yield f"Level {level}: the row groups of its summaries are not those of its cells."
        for check in self._checks:
            if check.wrong:
                yield f"Level {check.level}: the summaries of {check.wrong:,} cells do not fit column {check.column.name!r}."


class _Check:
    """One column at one level."""

    def __init__(self, reader: Reader, level: int, column: Column) -> None:
        self.column, self.level, self.wrong = column, level, 0
        self._cells, table = reader.level(level)[1], reader.summaries(level)
        if table is None:
            raise AssertionError("a level without summaries is not checked")
        self._table = table
        self._counts_codes = column.kind in ("category", "boolean")
        self._next, self._end = 0, int(self._cells.offsets[-1])
        codes = max(2, column.distinct)
        self._seen = np.zeros(codes, np.int64), np.zeros(codes, np.int64), np.zeros(1, np.int64)
        self._number = np.zeros(3)  # sum, sum of magnitudes and count of the cell that is not at its end

    def see(self, first: int, values: NDArray[Any]) -> None:
        """Check the cells that end among these rows."""
        stop, block = first + len(values), 1 << 17
        while self._next < self._end:
            last = min(self._end, self._next + block)
            starts = self._cells.read("start", self._next, last).astype(np.int64)
            last = self._next + int(np.searchsorted(starts, stop))
            starts = starts[: last - self._next]
            stops = starts + self._cells.read("count", self._next, last)
            done = int(np.searchsorted(stops, stop, "right"))
            self._compare(values, first, starts, stops, last)
            self._next += done
            if done < len(starts) or done < block:
                return

    def _compare(self, values: NDArray[Any], first: int, starts: NDArray[np.int64], stops: NDArray[np.int64], last: int) -> None:
        def told(name: str) -> NDArray[np.int64]:
            return self._table.read(name, self._next, last).astype(np.int64)

        rows = told(rows_column(self.column.name)) if self.column.missing else stops - starts
        if self._counts_codes:
            tops = (np.stack([told(name) for name in names], 1) for names in (code_columns(self.column.name), count_columns(self.column.name)))
            self.wrong += _codes_wrong(values, first, (starts, stops), (*tops, rows), self._seen)
        else:
            sums = self._table.read(sum_column(self.column.name), self._next, last)
            self.wrong += _sums_wrong(values, first, (starts, stops), (sums, rows), self._number)


@nb.njit(nogil=True, cache=True)
def _codes_wrong(codes, first, runs, told, seen):  # type: ignore[no-untyped-def]
    """Count the cells whose told codes are not the most frequent ones.

    `seen` goes on from call to call: the count of each code in the cell that is not at its end, the codes that are there, and how many they are.
    """
    starts, stops = runs
    code, count, rows = told
    counts, there, size = seen
    wrong, end = 0, first + codes.shape[0]
    for c in range(starts.shape[0]):
        for row in range(max(starts[c], first), min(stops[c], end)):
            one = codes[row - first]
            if one >= 0:
                if counts[one] == 0:
                    there[size[0]] = one
                    size[0] += 1
                counts[one] += 1
        if stops[c] > end:
            return wrong
        known = there[: size[0]]
        good = counts[known].sum() == rows[c]
        known.sort()
        for place in range(TOPS):
            best, most = -1, 0
            for one in known:
                if counts[one] > most:
                    best, most = one, counts[one]
            good = good and code[c, place] == best and count[c, place] == most
            if best >= 0:
                counts[best] = 0
        counts[known] = 0
        size[0] = 0
        wrong += not good
    return wrong


@nb.njit(nogil=True, cache=True)
def _sums_wrong(values, first, runs, told, number):  # type: ignore[no-untyped-def]
    """Count the cells whose told sum or count is not theirs; `number` goes on from call to call."""
    starts, stops = runs
    sums, rows = told
    wrong, end = 0, first + values.shape[0]
    for c in range(starts.shape[0]):
        for row in range(max(starts[c], first), min(stops[c], end)):
            value = nb.float64(values[row - first])
            if value == value:
                number[0] += value
                number[1] += abs(value)
                number[2] += 1
        if stops[c] > end:
            return wrong
        same = sums[c] == number[0] or (np.isnan(sums[c]) and np.isnan(number[0])) or abs(sums[c] - number[0]) <= _NEAR * number[1]
        wrong += not (same and rows[c] == number[2])
        number[:] = 0
    return wrong
