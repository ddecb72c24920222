"""The index: from the number of a row in the source, and from the user's key, to its position in the store."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bigview.build.merge import INDEX_ROWS, Group
from bigview.build.sort import order_of
from bigview.build.split import Job
from bigview.build.writing import ParquetBytes, spilled, write_file
from bigview.store.manifest import DataFile

Made = tuple[DataFile, list[Group]]


def index_rows(job: Job, number: int, starts: NDArray[np.int64]) -> Made:
    """Write the positions of `INDEX_ROWS` successive source rows; `starts` are the first positions of the buckets."""
    first = number * INDEX_ROWS
    positions = np.zeros(min(INDEX_ROWS, job.rows - first), _width(job))
    for bucket, start in enumerate(starts):
        batch = spilled(job.work, f"row-{bucket:05d}.arrow", number)
        positions[batch.column("value").to_numpy()] = batch.column("place").to_numpy() + start
    table = pa.table({"position": positions})
    return _write(job, f"index/{job.generation}-row-{number:05d}.parquet", table, "row", first)


def index_keys(job: Job, number: int, starts: NDArray[np.int64]) -> Made:
    """Write the hashes and positions of the keys in one slice of the hashes; `first` counts within the file."""
    hashes, positions = [], []
    for bucket, start in enumerate(starts):
        batch = spilled(job.work, f"key-{bucket:05d}.arrow", number)
        hashes.append(batch.column("value").to_numpy().copy())
        positions.append(batch.column("place").to_numpy() + start)
    hash_values = np.concatenate(hashes)
    order = order_of(hash_values)  # equal hashes stay in the order of their positions
    table = pa.table({"hash": hash_values[order], "position": np.concatenate(positions)[order].astype(_width(job))})
    return _write(job, f"index/{job.generation}-key-{number:05d}.parquet", table, "key", 0)


def _width(job: Job) -> type[np.uint32 | np.int64]:
    return np.uint32 if job.rows < 1 << 32 else np.int64


def _write(job: Job, name: str, table: pa.Table, kind: str, first: int) -> Made:
    size = job.limits.row_group
    writer = ParquetBytes(table.schema, row_group=size)
    writer.write(table)
    groups = []
    for i, start in enumerate(range(0, table.num_rows, size)):
        key = table.column(0)[start].as_py() if kind == "key" else 0
        groups.append(Group(kind, -1, name, i, min(size, table.num_rows - start), first + start, key))
    return write_file(job.store, name, writer.finish()), groups
