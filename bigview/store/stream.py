"""Selected rows as a stream of tables, in store order: memory is bounded by the size of a table, whatever the number of rows."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numba as nb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bigview.store.bits import count_run, unpack
from bigview.store.reader import Reader
from bigview.store.selection import Selection

Item = TypeVar("Item")

_TEXT_BYTES = 16 << 20  # decoded texts of a table, about: they may be long, so fewer rows are read at once
_TEXT_GROUPS = 2  # row groups of texts read at first, before it is known how long they are; then at most twice as many each time


@nb.njit(nogil=True, cache=True)
def _counts(starts, stops, bits, offsets, out):  # type: ignore[no-untyped-def]
    group = 0
    for q in range(starts.shape[0]):
        start = starts[q]
        while start < stops[q]:
            while offsets[group + 1] <= start:
                group += 1
            stop = min(stops[q], offsets[group + 1])
            out[group] += count_run(bits, start, stop) if bits.shape[0] else stop - start
            start = stop


def group_counts(selection: Selection, offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of selected rows in each row group."""
    out = np.zeros(len(offsets) - 1, np.int64)
    bits = np.empty(0, np.uint64) if selection.bits is None else selection.bits
    _counts(selection.starts, selection.stops, bits, offsets, out)
    return out


def selected_mask(selection: Selection, start: int, stop: int) -> NDArray[np.bool_]:
    """Return which of the rows start … stop are selected."""
    first, last = np.searchsorted(selection.stops, start, "right"), np.searchsorted(selection.starts, stop, "left")
    steps = np.zeros(stop - start + 1, np.int64)
    np.add.at(steps, np.maximum(selection.starts[first:last], start) - start, 1)
    np.add.at(steps, np.minimum(selection.stops[first:last], stop) - start, -1)
    inside = np.cumsum(steps[:-1]) > 0
    return np.asarray(inside if selection.bits is None else inside & unpack(selection.bits, start, stop))


def empty(reader: Reader, names: Sequence[str]) -> pa.Table:
    """Return a table of no rows, with the types that the columns have in the files."""
    table = reader.records(np.empty(0, np.int64), names)
    for files in (groups.files[:1] for groups in (reader.row_groups, reader.text_groups)):
        for name in files:
            with reader.folder.parquet(name) as file:
                schema = file.schema_arrow
            for place, column in enumerate(names):
                if column in schema.names and not pa.types.is_dictionary(table.schema.types[place]):
                    table = table.set_column(place, column, pa.array([], schema.field(column).type))
    return table


def tables(reader: Reader, selection: Selection, names: Sequence[str], groups: Iterable[int]) -> Iterator[pa.Table]:
    """Yield the selected rows of some row groups, at most a row group and some 16 MB of texts at a time.

    Parameters
    ----------
    reader : Reader
    selection : Selection
    names : sequence of str
        Columns; at least one that is no text.
    groups : iterable of int
        Row groups that have selected rows.
    """
    parts = {column.name: column.part for column in reader.manifest.columns}
    rows, texts = [name for name in names if parts[name] == "rows"], [name for name in names if parts[name] == "text"]
    size, largest = _TEXT_GROUPS, int(np.diff(reader.text_groups.offsets).max(initial=1))
    for group in groups:
        start, stop = reader.row_groups.offsets[group : group + 2].tolist()
        mask = selected_mask(selection, start, stop)
        table = reader._with_categories(_kept(reader._read_groups(reader.row_groups, [group], rows)[0], mask))
        if not texts:
            yield table.select(names)
            continue
        places = np.concatenate([[0], np.cumsum(mask)])
        wanted = _text_groups(reader, mask, start)
        while wanted:
            now, wanted = wanted[:size], wanted[size:]
            found, decoded = _texts(reader, now, texts, (start, mask))
            a, b = int(reader.text_groups.offsets[now[0]]), int(reader.text_groups.offsets[now[-1] + 1])
            first, last = int(places[max(a, start) - start]), int(places[min(b, stop) - start])
            size = max(1, min(2 * size, int(_TEXT_BYTES / max(1.0, decoded * largest))))
            both = table.slice(first, last - first)
            for name in texts:
                both = both.append_column(name, found[name])
            yield both.select(names)


def _kept(table: pa.Table, mask: NDArray[np.bool_]) -> pa.Table:
    return table if mask.all() else table.filter(pa.array(mask))


def _text_groups(reader: Reader, mask: NDArray[np.bool_], start: int) -> list[int]:
    """Return the row groups of texts that hold selected rows of the row group that begins at `start`."""
    offsets = reader.text_groups.offsets
    held = np.unique(np.searchsorted(offsets, start + np.flatnonzero(mask), "right") - 1)
    return [int(group) for group in held]


def _texts(reader: Reader, groups: list[int], names: list[str], rows: tuple[int, NDArray[np.bool_]]) -> tuple[pa.Table, float]:
    """Return the selected texts of row groups, and how many bytes a row of them has."""
    start, mask = rows
    found = []
    tables = reader._read_groups(reader.text_groups, groups, names)
    for group, table in zip(groups, tables, strict=True):
        a, b = reader.text_groups.offsets[group : group + 2].tolist()
        low, high = max(a, start), min(b, start + len(mask))
        found.append(_kept(table.slice(low - a, high - low), mask[low - start : high - start]))
    return pa.concat_tables(found), sum(table.nbytes for table in tables) / sum(table.num_rows for table in tables)


def gathered(pieces: Iterable[pa.Table], rows: int, size: int) -> Iterator[pa.Table]:
    """Join small tables until they have so many rows or bytes: a selection of few rows here and there must not make a row group of each."""
    held: list[pa.Table] = []
    for piece in pieces:
        held.append(piece)
        if sum(part.num_rows for part in held) >= rows or sum(part.nbytes for part in held) >= size:
            yield pa.concat_tables(held)
            held = []
    if held:
        yield pa.concat_tables(held)


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """Yield items, the next one being made by another thread while this one is used."""
    done = object()
    try:
        with ThreadPoolExecutor(1, "bigview-ahead") as pool:
            coming = pool.submit(next, items, done)
            while True:
                item = coming.result()
                if item is done:
                    return
                coming = pool.submit(next, items, done)
                yield item  # type: ignore[misc]
    finally:  # whoever wants no more gets the files closed now, not when memory is tidied up
        if isinstance(items, Generator):
            items.close()
