"""Sources that can only be read once, from their start: they are cut into Arrow files under the target first."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import pyarrow as pa

from bigview.build.columns import with_names
from bigview.build.options import BuildOptions
from bigview.build.parts import Part, Reading, Source
from bigview.build.progress import Progress
from bigview.build.sources import partition_size
from bigview.build.tables import Stream, StreamRestartError
from bigview.build.writing import spill
from bigview.config import limits
from bigview.store.files import Folder


def settled(opened: Source | Stream, work: Folder, options: BuildOptions, tell: Progress) -> Source:
    """Return a source whose partitions every task can read, wherever it runs."""
    if isinstance(opened, Stream):
        return _from_stream(opened, work, options, tell)
    parts = opened.parts
    inside = parts[0].kind == "memory" and parts[0].payload.num_columns > 0
    if not inside or (len(parts) == 1 and options.scheduler is None):
        return opened
    batches = (batch for part in parts for batch in part.payload.slice(part.skip, part.rows).to_batches())
    tell.stage("spill", opened.rows)
    spilled = []
    for part in spill_stream(batches, work, max(part.rows for part in parts), limits().partition_bytes):
        tell.advance(part.rows)
        spilled.append(part)
    return replace(opened, parts=tuple(spilled) or parts)


def _from_stream(stream: Stream, work: Folder, options: BuildOptions, tell: Progress) -> Source:
    size = options.partition_rows or partition_size(stream.rows or 0, 1.0)
    while True:
        tell.stage("read", stream.rows or 0)
        parts: list[Part] = []
        try:
            for part in spill_stream(_first_rows(stream.batches(), options.limit), work, size, limits().partition_bytes):
                tell.advance(part.rows)
                parts.append(part)
            break
        except StreamRestartError:
            tell.note("A later value has another type than the first ones; reading again.")
    rows = sum(part.rows for part in parts)
    reading = Reading(stream.schema)
    if parts:
        schema = _schema(parts[0])
        names = [options.rename.get(name, name) for name in schema.names]
        reading = Reading(with_names(schema, names), {new: old for old, new in options.rename.items()})
    else:
        parts = [Part("memory", "", 0, 0, payload=stream.schema.empty_table())]
    files = tuple(replace(file, rows=rows) if len(stream.files) == 1 else file for file in stream.files)
    return Source(stream.where, reading, tuple(parts), files, (sum(_bytes(part) for part in parts) if rows else 0) / max(rows, 1))


def _first_rows(batches: Iterator[pa.RecordBatch], limit: int | None) -> Iterator[pa.RecordBatch]:
    left = limit
    for batch in batches:
        if left is None:
            yield batch
            continue
        if left <= 0:
            return
        yield batch.slice(0, left)
        left -= batch.num_rows


def _schema(part: Part) -> pa.Schema:
    folder, _, name = part.url.rpartition("/")
    with Folder(folder).open(name) as file:
        return pa.ipc.open_file(file).schema


def _bytes(part: Part) -> int:
    folder, _, name = part.url.rpartition("/")
    return Folder(folder).size(name)


def spill_stream(batches: Iterable[pa.RecordBatch], work: Folder, partition_rows: int, partition_bytes: int) -> Iterator[Part]:
    """Write batches as partitions, one Arrow file each, and yield these as they are written."""
    held: list[pa.RecordBatch] = []
    rows = size = first = number = 0
    for batch in _cut(batches, partition_rows):
        if held and (rows + batch.num_rows > partition_rows or size + batch.nbytes > partition_bytes):
            yield _write(held, work, number, first)
            first, number = first + rows, number + 1
            held, rows, size = [], 0, 0
        held.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
    if rows:
        yield _write(held, work, number, first)


def _cut(batches: Iterable[pa.RecordBatch], most: int) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for start in range(0, batch.num_rows, most):
            yield batch.slice(start, most)


def _write(held: list[pa.RecordBatch], work: Folder, number: int, first: int) -> Part:
    name = f"source-{number:05d}.arrow"
    # One batch: dictionaries of several would have to be joined by their reader.
    table = pa.Table.from_batches(held).unify_dictionaries().combine_chunks()
    batches = table.to_batches()
    spill(work, name, batches)
    return Part("arrow", work.url.rstrip("/") + "/" + name, first, table.num_rows, tuple(range(len(batches))))
