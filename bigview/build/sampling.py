"""The sample of a store in files of its own: the rows with the smallest hashes, so that a hundredth of a column is read as a hundredth."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from bigview.build.columns import ROW
from bigview.build.split import Job
from bigview.build.writing import ParquetBytes, spill, spilled, write_file
from bigview.store.manifest import DataFile
from bigview.store.reader import PLACE
from bigview.store.sample import hash_limit, row_hashes, size_of

_FILE_BYTES = 64 << 20
"""Decoded bytes of a file of the sample, which a task holds: 2 M rows of eight numbers of 32 bits."""


def is_sampled(job: Job) -> bool:
    """Tell whether a store gets a file of its sample: a smaller one is read as quickly as that would be."""
    return job.rows > job.limits.sampled_rows and all(column.name != PLACE for column in job.columns)


def spill_sample(job: Job, bucket: int, first: int, table: pa.RecordBatch) -> int:
    """Write those rows of a bucket that belong to the sample; return how many. `first` is the position of its first row in the store."""
    if not is_sampled(job):
        return 0
    chosen = np.flatnonzero(row_hashes(table.column(ROW).to_numpy()) <= hash_limit(job.rows, size_of(job.rows)))
    names = [*(column.name for column in job.columns if column.part == "rows"), ROW]
    places = pa.array((chosen + first).astype(np.uint32 if job.rows < 1 << 32 else np.int64))
    spill(job.work, _name(bucket), [table.select(names).take(pa.array(chosen)).append_column(PLACE, places)])
    return len(chosen)


def _name(bucket: int) -> str:
    return f"sample-{bucket:05d}.arrow"


def stretches(job: Job, sampled: Sequence[int]) -> list[tuple[int, int]]:
    """Return the buckets (first, stop) whose sampled rows go into a file each; `sampled` has their number for each bucket."""
    width = 8 * (2 + sum(column.part == "rows" for column in job.columns))
    found, first, size = [], 0, 0
    for bucket, rows in enumerate(sampled):
        if size and (size + rows) * width > _FILE_BYTES:
            found.append((first, bucket))
            first, size = bucket, 0
        size += rows
    return [*found, (first, len(sampled))] if size else found


def write_sample(job: Job, number: int, buckets: tuple[int, int]) -> tuple[DataFile, int]:
    """Write the sampled rows of some buckets, in the order of the store, as one file; return also how many they are."""
    table = pa.Table.from_batches([spilled(job.work, _name(bucket), 0) for bucket in range(*buckets)])
    writer = ParquetBytes(table.schema, delta=[PLACE], row_group=job.limits.row_group)
    writer.write(table)
    return write_file(job.store, f"index/{job.generation}-sample-{number:05d}.parquet", writer.finish()), table.num_rows
