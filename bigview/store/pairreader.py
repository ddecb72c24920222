"""Reading an index: the rows of a store in another order, as a reader that everything which draws can take for one of a store.

Positions come from the index alone. What else the rows hold is gathered from the store's own columns, and bits of a filter, which are in the
order of the store, are brought into this one: both by the place of each row in the store.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

import numba as nb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bigview.config import limits
from bigview.errors import StoreDamagedError
from bigview.store import pool
from bigview.store.bits import Bits, next_bit, words
from bigview.store.manifest import Manifest
from bigview.store.pages import PagedTable
from bigview.store.pairs import ENTRY, KEY, POSITION, REST_X, REST_Y, Pair, find_pair, positions_of
from bigview.store.reader import Reader, X, Y, paged_dtype
from bigview.store.selection import Selection

_BLOCK = 8  # share of the cache that a stretch of a store's column may take while others are gathered from it
_GROUPS = 8  # row groups of one task: 1 M rows

Rows = NDArray[np.int64]


def _manifest_of(base: Manifest, pair: Pair) -> Manifest:
    return replace(
        base,
        generation=pair.generation,
        fingerprint=f"{base.fingerprint}-{pair.generation}",
        created=pair.created,
        placed=pair.placed,
        x=pair.x,
        y=pair.y,
        home=pair.home,
        levels=pair.levels,
        files=pair.files,
        groups=pair.groups,
        options={**base.options, "cell_rows": pair.cell_rows},
        report={name: value for name, value in base.report.items() if name != ENTRY},
    )


class PairReader(Reader):
    """The rows of a store in the order of an index.

    Parameters
    ----------
    base : Reader
        The store.
    pair : Pair
        The index.
    """

    def __init__(self, base: Reader, pair: Pair) -> None:
        super().__init__(base.folder, _manifest_of(base.manifest, pair))
        self.base, self.pair = base, pair

    def __reduce__(self) -> tuple[Any, ...]:
        return PairReader, (self.base, self.pair)

    def categories(self, name: str) -> NDArray[Any]:
        """Return the categories of a column by code; False and True for a boolean one."""
        return self.base.categories(name)

    @cached_property
    def pages(self) -> PagedTable:
        """Decoded columns of the rows in the order of the index; `X` and `Y` are the positions."""
        dtypes = {column.name: paged_dtype(column) for column in self.manifest.columns if column.part == "rows"}
        for name, axis in ((X, self.manifest.x), (Y, self.manifest.y)):
            dtypes[name] = dtypes[axis.column] if dtypes[axis.column] == np.float32 else np.dtype(np.float64)
        return PagedTable(dtypes, self.row_groups.offsets, self._load_rows, together=None)  # a large column is gone through once for all

    def _decoded(self, groups: Sequence[int], names: Sequence[str]) -> list[dict[str, NDArray[Any]]]:
        rests = {X: (REST_X, self.manifest.x, 0), Y: (REST_Y, self.manifest.y, 1)}
        placed = [name for name in names if name in rests]
        others = [name for name in names if name not in rests]
        found: list[dict[str, NDArray[Any]]] = [{} for _ in groups]
        wanted = [KEY, *(rests[name][0] for name in placed)]

        def part(first: int) -> None:
            some = slice(first, first + _GROUPS)
            for columns, table in zip(found[some], self._read_groups(self.row_groups, groups[some], wanted), strict=True):
                keys = table[KEY].to_numpy()
                columns.update({name: positions_of(keys, table[rests[name][0]].to_numpy(), *rests[name][1:]) for name in placed})

        if placed:
            pool.run(part, range(0, len(groups), _GROUPS))
        if others:
            self._gather(groups, others, found)
        return found

    def _gather(self, groups: Sequence[int], names: Sequence[str], found: list[dict[str, NDArray[Any]]]) -> None:
        """Fill in columns of the store, a stretch of the store's rows after the other, so that little of them need be in memory at once."""
        places = [self._group_places(group) for group in groups]
        pages = self.base.pages
        for name in names:
            dtype = pages.dtypes[name]
            for columns, rows in zip(found, places, strict=True):
                columns[name] = np.empty(len(rows), dtype)
            for stretch in _stretches(pages.offsets, limits().cache_bytes // _BLOCK // dtype.itemsize):
                low, high = int(pages.offsets[stretch[0]]), int(pages.offsets[stretch[-1] + 1])
                with pages.pinned([name], stretch) as (values,):
                    fill = partial(_filled, values, (low, high), [(rows, columns[name]) for columns, rows in zip(found, places, strict=True)])
                    pool.run(fill, range(0, len(places), _GROUPS))

    def records(self, positions: Rows, names: Sequence[str]) -> pa.Table:
        """Return columns of single rows, in the order given."""
        return self.base.records(self.places(positions), names)

    def places(self, positions: Rows) -> Rows:
        """Return where rows of this order are in the store."""
        if not len(positions):
            return np.empty(0, np.int64)
        return np.asarray(self._gathered(self.row_groups, positions, [POSITION])[POSITION].to_numpy(), np.int64)

    def _as_stored(self, name: str) -> bool:
        return name != POSITION and super()._as_stored(name)

    def _over(self, groups: Rows, work: Callable[[int, NDArray[Any]], None]) -> None:
        """Call ``work(first row, places)`` for row groups, shared among the threads.

        The places are not kept, for they would fill the cache: `work` must not hold on to them either. They are read into the same memory again and
        again, which takes half as long as to map them, page by page and in both threads.
        """
        dtype, largest = self._place_dtype, int(np.diff(self.row_groups.offsets).max(initial=0))

        def part(first: int) -> None:
            room, opened = np.empty(largest, dtype), ""
            with ExitStack() as files:
                for group in groups[first : first + _GROUPS].tolist():
                    start, stop = self.row_groups.offsets[group : group + 2].tolist()
                    known, name = self._raw.get(group, -1), self.row_groups.files[group]
                    if known < 0:
                        work(start, self._group_places(group))
                        continue
                    if opened != name:
                        opened, file = name, files.enter_context(self.folder.local(name))
                    file.seek(known)
                    if file.readinto(room[: stop - start].data) != (stop - start) * dtype.itemsize:
                        raise StoreDamagedError(f"{self.folder.url}/{name} is damaged: it ends too early. Run `bigview verify {self.folder.url}`.")
                    work(start, room[: stop - start])

        pool.run(part, range(0, len(groups), _GROUPS))

    @property
    def _place_dtype(self) -> np.dtype:
        return np.dtype(np.uint32 if self.manifest.rows < 1 << 32 else np.int64)

    @cached_property
    def _raw(self) -> dict[int, int]:
        """Where the places of row groups stand in their files, as far as that is known; −1 where they must be read by way of Parquet."""
        return {}

    def _group_places(self, group: int) -> NDArray[Any]:
        """Return the places of a row group: the bytes of the file themselves, where they were seen once to be the column."""
        file, number = self.row_groups.files[group], int(self.row_groups.numbers[group])
        rows, dtype = int(np.diff(self.row_groups.offsets[group : group + 2])[0]), self._place_dtype
        known = self._raw.get(group)
        if known is not None and known >= 0:
            return _bytes_of(self.folder.open(file), known, rows, dtype)
        with self.folder.parquet(file) as source:
            places = np.asarray(source.read_row_group(number, columns=[POSITION], use_threads=False)[POSITION].to_numpy())
            if known is None:
                self._raw[group] = -1
                chunk = source.metadata.row_group(number).column(source.schema_arrow.get_field_index(POSITION))
                if self.folder.is_local and chunk.compression == "UNCOMPRESSED" and not chunk.has_dictionary_page:
                    # Plain values of a single page are the last bytes of its column.
                    first = chunk.data_page_offset + chunk.total_compressed_size - rows * dtype.itemsize
                    if np.array_equal(_bytes_of(self.folder.open(file), first, rows, dtype), places):
                        self._raw[group] = first
        return places

    def brought(self, bits: Bits) -> Bits:
        """Return bits of the store's rows in the order of the index."""
        out = np.zeros(words(self.manifest.rows), np.uint64)
        octets = bits.view(np.uint8)  # a place's bit is found with fewer steps than in words of 64
        edges: list[tuple[int, NDArray[np.uint64]]] = []  # appending is safe from any thread

        def work(first: int, places: NDArray[Any]) -> None:
            made = np.empty(words(first % 64 + len(places)), np.uint64)
            _bring(octets, places, first % 64, made)
            out[first // 64 + 1 : first // 64 + len(made) - 1] = made[1:-1]
            edges.append((first // 64, made[[0]]))
            edges.append((first // 64 + len(made) - 1, made[[-1]]))

        self._over(np.arange(len(self.row_groups.files)), work)
        for place, word in edges:  # row groups meet in the middle of a word
            out[place] |= word[0]
        return out

    def taken_back(self, selection: Selection) -> Bits:
        """Return the bits, in the order of the store, of rows that are selected in this one."""
        bits = np.empty(0, np.uint64) if selection.bits is None else selection.bits
        found: dict[int, Bits] = {}  # threads may not set bits of one word at once, so each has its own

        def work(first: int, places: NDArray[Any]) -> None:
            mine = selection.between(first, first + len(places))
            thread = threading.get_ident()
            if thread not in found:
                found[thread] = np.zeros(words(self.manifest.rows), np.uint64)
            _take_back(places, first, (mine.starts, mine.stops, bits), found[thread])

        self._over(np.flatnonzero(_touched(self.row_groups.offsets, selection)), work)
        out = found.popitem()[1] if found else np.zeros(words(self.manifest.rows), np.uint64)
        for other in found.values():
            out |= other
        return out


def pair_reader(base: Reader, x: str, y: str) -> PairReader:
    """Return the reader of the index over two columns.

    Raises
    ------
    ColumnError, OptionError
        When there are no such columns, or no index over them.
    """
    return PairReader(base, find_pair(base.manifest, x, y, base.folder.url))


def _touched(offsets: Rows, selection: Selection) -> NDArray[np.bool_]:
    step = np.zeros(len(offsets) + 1, np.int64)
    some = selection.stops > selection.starts
    np.add.at(step, np.searchsorted(offsets, selection.starts[some], "right") - 1, 1)
    np.add.at(step, np.searchsorted(offsets, selection.stops[some], "left"), -1)
    return np.asarray(np.cumsum(step)[: len(offsets) - 1] > 0)


def _bytes_of(file: pa.NativeFile, first: int, rows: int, dtype: np.dtype) -> NDArray[Any]:
    with file:
        file.seek(first)
        return np.frombuffer(file.read_buffer(rows * dtype.itemsize), dtype)


def _stretches(offsets: Rows, rows: int) -> list[Rows]:
    """Return successive row groups of about so many rows together."""
    groups = np.arange(len(offsets) - 1)
    cuts = np.flatnonzero(np.diff(offsets[:-1] // max(1, rows))) + 1
    return [part for part in np.split(groups, cuts) if len(part)]


def _filled(values: NDArray[Any], ends: tuple[int, int], work: Sequence[tuple[NDArray[Any], NDArray[Any]]], first: int) -> None:
    for places, out in work[first : first + _GROUPS]:
        _fill(values, places, *ends, out)


@nb.njit(nogil=True, cache=True)
def _fill(values, places, low, high, out):  # type: ignore[no-untyped-def]
    for q in range(places.shape[0]):
        place = nb.int64(places[q])
        if low <= place < high:
            out[q] = values[place]


@nb.njit(nogil=True, cache=True)
def _bring(octets, places, lead, out):  # type: ignore[no-untyped-def]
    rows = places.shape[0]
    for w in range(out.shape[0]):
        word = nb.uint64(0)
        first = w * 64 - lead
        if first >= 0 and first + 64 <= rows:  # of a known length, which the compiler unrolls
            for b in range(64):
                place = nb.uint64(places[first + b])
                word |= nb.uint64((octets[place >> nb.uint64(3)] >> (place & nb.uint64(7))) & nb.uint64(1)) << nb.uint64(b)
        else:
            for row in range(max(first, 0), min(rows, first + 64)):
                place = nb.uint64(places[row])
                word |= nb.uint64((octets[place >> nb.uint64(3)] >> (place & nb.uint64(7))) & nb.uint64(1)) << nb.uint64(row - first)
        out[w] = word


@nb.njit(nogil=True, cache=True)
def _take_back(places, origin, runs, out):  # type: ignore[no-untyped-def]
    starts, stops, bits = runs
    for q in range(starts.shape[0]):
        row = next_bit(bits, starts[q], stops[q])
        while row < stops[q]:
            place = nb.int64(places[row - origin])
            out[place >> 6] |= nb.uint64(1) << nb.uint64(place & 63)
            row = next_bit(bits, row + 1, stops[q])
