"""Checking the file of the sample against the rows, in one pass over the rows."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bigview.store.manifest import Column
from bigview.store.reader import PLACE, ROW, Reader, paged_values
from bigview.store.sample import hash_limit, row_hashes, size_of


class SampleCheck:
    """The sample of a store, followed along the rows. Give the rows to `see`, a stretch after the other; then ask `problems`."""

    def __init__(self, reader: Reader, columns: list[Column]) -> None:
        self._reader, self._groups = reader, reader.sample_groups
        self._columns = [*columns, reader.manifest.column(ROW)]
        self._places = reader.sampled(PLACE) if self._groups.files else np.empty(0, np.int64)
        self._held: dict[int, pa.Table] = {}  # the row group of the sample that the rows have come to
        self._strange, self._wrong = 0, dict.fromkeys((column.name for column in self._columns), 0)

    def see(self, first: int, rows: pa.Table) -> None:
        """Take in rows from number `first` on."""
        if not self._groups.files:
            return
        total = self._reader.manifest.rows
        chosen = np.flatnonzero(row_hashes(rows[ROW].to_numpy()) <= hash_limit(total, size_of(total)))
        a, b = np.searchsorted(self._places, [first, first + rows.num_rows]).tolist()
        if not np.array_equal(self._places[a:b], chosen + first):
            self._strange += len(np.setxor1d(self._places[a:b], chosen + first))
            return
        kept, mine = self._kept(a, b), rows.take(pa.array(chosen))
        for column in self._columns:
            told, found = (paged_values(table[column.name], column) for table in (kept, mine))
            self._wrong[column.name] += int((~_same(told, found)).sum())

    def _kept(self, a: int, b: int) -> pa.Table:
        """Return rows a … b of the sample."""
        offsets = self._groups.offsets
        first, stop = int(np.searchsorted(offsets, a, "right")) - 1, max(int(np.searchsorted(offsets, b)), int(np.searchsorted(offsets, a, "right")))
        names = [column.name for column in self._columns]
        numbers = range(min(first, len(offsets) - 2), min(stop, len(offsets) - 1))
        self._held = {n: self._held[n] if n in self._held else self._reader._read_groups(self._groups, [n], names)[0] for n in numbers}
        return pa.concat_tables(self._held.values()).slice(a - int(offsets[numbers[0]]), b - a)

    def problems(self) -> Iterator[str]:
        """Say what is wrong."""
        if self._strange:
            yield f"The sample lacks rows, or has others: {self._strange:,} of them."
        for name, wrong in self._wrong.items():
            if wrong:
                yield f"The sample has {wrong:,} other values of column {name!r} than the rows."


def _same(a: NDArray[np.generic], b: NDArray[np.generic]) -> NDArray[np.bool_]:
    equal: NDArray[np.bool_] = a == b
    return equal | ((a != a) & (b != b)) if a.dtype.kind == "f" else equal
