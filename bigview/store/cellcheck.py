"""Checking the levels against the rows, in one pass over the rows and with little memory."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigview.config import limits
from bigview.store.manifest import COUNT_EDGES, Level
from bigview.store.morton import BITS
from bigview.store.reader import Reader

Keys = NDArray[np.uint64]
Rows = NDArray[np.int64]

_TOLD = 3  # wrong cells named for each level


class LevelCheck:
    """The cells of one level, followed along the rows.

    Give the keys of the rows to `see`, a stretch after the other; then ask `problems`.
    """

    def __init__(self, reader: Reader, level: Level) -> None:
        self.entry = level
        # Written by builds since it can be changed; before, the default was in force.
        self._cell_rows = int(reader.manifest.options.get("cell_rows", limits().cell_rows))
        self._shift = np.uint64(2 * (BITS - level.level))
        self._stream = self._cells(reader)
        self._keys, self._starts, self._stops = np.empty(0, np.uint64), np.empty(0, np.int64), np.empty(0, np.int64)
        self._done, self._told = False, list[str]()
        self._wrong, self._last = 0, (-1, 0)  # key and end of the cell before
        self._histogram = np.zeros(len(COUNT_EDGES), np.int64)
        self.cells = self.rows = self.largest = self.deep_rows = 0

    def _cells(self, reader: Reader) -> Iterator[tuple[Keys, Rows, Rows]]:
        """Yield cells; one that lies in two files is put together."""
        groups, _ = reader.level(self.entry.level)
        held: tuple[Keys, Rows, Rows] | None = None
        for number in range(len(groups.files)):
            table = reader._read_groups(groups, [number], ["key", "start", "count"])[0]
            keys, starts, counts = table["key"].to_numpy().astype(np.uint64), *(table[n].to_numpy().astype(np.int64) for n in ("start", "count"))
            self._tally(counts)
            if held is not None:
                keys, starts, counts = (np.concatenate(pair) for pair in zip(held, (keys, starts, counts), strict=True))
            new = np.append(True, keys[1:] != keys[:-1])
            first = np.flatnonzero(new)
            keys, starts, counts = keys[first], starts[first], np.add.reduceat(counts, first)
            held = keys[-1:], starts[-1:], counts[-1:]
            yield keys[:-1], starts[:-1], counts[:-1]
        if held is not None:
            yield held

    def _tally(self, counts: Rows) -> None:
        self.cells += len(counts)
        self.rows += int(counts.sum())
        self.largest = max(self.largest, int(counts.max(initial=0)))
        self._histogram += np.bincount(np.searchsorted(COUNT_EDGES, counts, "right") - 1, minlength=len(COUNT_EDGES))[: len(COUNT_EDGES)]

    def _fetch(self, stop: int) -> None:
        """Read on until the cells in hand reach beyond row `stop`."""
        while not self._done and not (len(self._starts) and self._starts[-1] >= stop):
            found = next(self._stream, None)
            if found is None:
                self._done = True
                return
            keys, starts, counts = found
            self.deep_rows += int(counts[counts > self._cell_rows].sum())
            stops = starts + counts
            if not len(keys):
                continue
            falls = np.append(int(keys[0]) <= self._last[0], keys[1:] <= keys[:-1])
            bad = falls | (np.append(self._last[1], stops[:-1]) > starts) | (counts < 1)
            self._tell(keys[bad], starts[bad], counts[bad], "is out of order")
            self._last = (int(keys[-1]), int(stops[-1]))
            self._keys, self._starts = np.append(self._keys, keys), np.append(self._starts, starts)
            self._stops = np.append(self._stops, stops)

    def see(self, first: int, keys: Keys, before: int | None) -> None:
        """Check the cells that begin or end among the rows from `first` on; `before` is the key of the row before them."""
        stop = first + len(keys)
        self._fetch(stop)
        here = keys >> self._shift
        begins = (self._starts >= first) & (self._starts < stop)
        place = self._starts[begins] - first
        previous = np.append(np.uint64(0 if before is None else before) >> self._shift, here)[place]
        alone = previous != self._keys[begins]
        if before is None:
            alone |= place == 0
        self._wrong_at(begins, (here[place] != self._keys[begins]) | ~alone)
        last = (self._stops > first) & (self._stops <= stop)
        self._wrong_at(last, here[self._stops[last] - 1 - first] != self._keys[last])
        after = (self._stops >= first) & (self._stops < stop)
        self._wrong_at(after, here[self._stops[after] - first] == self._keys[after])
        keep = self._stops >= stop
        self._keys, self._starts, self._stops = self._keys[keep], self._starts[keep], self._stops[keep]

    def _wrong_at(self, which: NDArray[np.bool_], wrong: Any) -> None:
        chosen = np.flatnonzero(which)[wrong]
        counts = self._stops[chosen] - self._starts[chosen]
        self._tell(self._keys[chosen], self._starts[chosen], counts, "does not fit the rows")

    def _tell(self, keys: Keys, starts: Rows, counts: Rows, what: str) -> None:
        self._wrong += len(keys)
        for key, start, count in list(zip(keys, starts, counts, strict=True))[: max(0, _TOLD - len(self._told))]:
            self._told.append(f"Level {self.entry.level}: the cell {key} with {count:,} rows from row {start:,} {what}.")

    def problems(self, rows: int, covered: int) -> list[str]:
        """Return what is wrong: after `rows` placed rows, of which the level must cover `covered`."""
        self._fetch(rows + 1)
        name = f"Level {self.entry.level}"
        found = list(self._told)
        if self._wrong > len(found):
            found.append(f"{name}: {self._wrong - len(found):,} more such places.")
        beyond = int((self._stops > rows).sum())
        if beyond:
            found.append(f"{name}: {beyond:,} cells reach beyond the last placed row.")
        if self.rows != covered:
            found.append(f"{name}: its cells count {self.rows:,} rows instead of {covered:,}.")
        told = (self.entry.cells, self.entry.rows, self.entry.largest)
        if told != (self.cells, self.rows, self.largest) or list(self.entry.histogram) != self._histogram.tolist():
            found.append(f"{name}: the manifest's numbers (cells, rows, largest, histogram) are not those of its files.")
        return found
