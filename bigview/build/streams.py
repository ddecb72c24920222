"""Sources that can only be read once, from their start: they are cut into Arrow files under the target first."""

from collections.abc import Iterable, Iterator

import pyarrow as pa

from bigview.build.parts import Part
from bigview.build.writing import spill
from bigview.store.files import Folder


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
