"""Buckets become files of the store: one task a bucket."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bigview.build.cells import Cells, cells_of_rows
from bigview.build.columns import ROW, Kept, raw_numbers
from bigview.build.sampling import spill_sample
from bigview.build.sort import order_of
from bigview.build.split import Job
from bigview.build.writing import ParquetBytes, spill, spilled, write_file
from bigview.config import Limits
from bigview.store.files import Folder
from bigview.store.keyhash import key_hashes
from bigview.store.manifest import DataFile
from bigview.store.morton import UNPLACED

TOP = 10
"""Levels up to this are gathered by the driver and written in one file: at most 1.4 M cells."""

INDEX_BITS = 22
INDEX_ROWS = 1 << INDEX_BITS
"""Rows of a file of the index: 16 MB of positions."""

LEVEL_SCHEMA = pa.schema([("key", pa.uint64()), ("start", pa.int64()), ("count", pa.uint32())])
WIDE_LEVEL_SCHEMA = pa.schema([("key", pa.uint64()), ("start", pa.int64()), ("count", pa.int64())])


@dataclass(frozen=True)
class Group:
    """A row group, as the table of row groups names it; `first` of cells counts within the bucket."""

    kind: str
    level: int
    file: str
    group: int
    rows: int
    first: int
    key: int


@dataclass(frozen=True)
class Tally:
    """The cells of one level in one bucket, as numbers."""

    cells: int
    rows: int
    histogram: tuple[int, ...]
    largest: int

    @classmethod
    def of(cls, cells: Cells) -> "Tally":
        """Count the cells of a level."""
        return cls(len(cells.keys), int(cells.counts.sum()), cells.histogram(), int(cells.counts.max(initial=0)))


@dataclass(frozen=True)
class Merged:
    """What a bucket has become.

    Attributes
    ----------
    files : tuple of DataFile
    groups : tuple of Group
    top : tuple of Cells
        The cells of the coarse levels, which the driver joins.
    tallies : dict
        Level to its `Tally`, for the levels written here.
    stats : dict
        Column to (low, high, missing).
    sampled : int
        Rows that belong to the sample of the store.
    """

    files: tuple[DataFile, ...]
    groups: tuple[Group, ...]
    top: tuple[Cells, ...]
    tallies: dict[int, Tally]
    stats: dict[str, tuple[Any, Any, int]]
    sampled: int = 0


def merge_bucket(job: Job, bucket: int, first: int, before: NDArray[np.uint64], after: NDArray[np.uint64]) -> Merged:
    """Sort a bucket and write its rows, texts, cells and index entries.

    Parameters
    ----------
    job : Job
    bucket : int
    first : int
        Position of the bucket's first row in the store.
    before, after : ndarray of uint64
        The keys next to the bucket (see `cells_of_rows`).
    """
    table, keys = _sorted(job, bucket)
    files, groups = [], []
    for part in ("rows", "text"):
        names = [column.name for column in job.columns if column.part == part] + ([ROW] if part == "rows" else [])
        if names:
            file, made = _write_rows(job, (part, bucket), table.select(names), keys, first)
            files.append(file)
            groups += made
    placed = keys[: np.searchsorted(keys, UNPLACED)]
    levels = [
        Cells(cells.level, cells.keys, cells.starts + first, cells.counts) for cells in cells_of_rows(placed, before, after, job.limits.cell_rows)
    ]
    deep = [cells for cells in levels if cells.level > TOP and job.buckets > 1]
    if deep:
        file, made = write_levels(job, f"{bucket:05d}", deep)
        files.append(file)
        groups += made
    _spill_index(job, bucket, table)
    top = tuple(cells for cells in levels if cells.level <= TOP or job.buckets == 1)
    stats = {column.name: _stats(column, table.column(column.name)) for column in job.columns}
    stats[ROW] = (0, max(job.rows - 1, 0), 0)
    tallies, sampled = {cells.level: Tally.of(cells) for cells in deep}, spill_sample(job, bucket, first, table)
    return Merged(tuple(files), tuple(groups), top, tallies, stats, sampled)


def _sorted(job: Job, bucket: int) -> tuple[pa.RecordBatch, NDArray[np.uint64]]:
    """Return the bucket's rows by (key, number in the source), and their keys."""
    batches = []
    for number, start in enumerate(job.firsts):
        batch = spilled(job.work, f"part-{number:05d}.arrow", bucket)
        if batch.num_rows or number == len(job.firsts) - 1:
            rows = pc.add(pc.cast(batch.column(ROW), pa.int64()), start)
            batches.append(batch.set_column(batch.schema.get_field_index(ROW), ROW, rows))
    table = batches[0] if len(batches) == 1 else pa.concat_batches(batches)
    keys = job.keys(table)
    if len(batches) == 1:
        return table, keys
    order = order_of(keys)
    return table.take(pa.array(order)), keys[order]


def _write_rows(job: Job, place: tuple[str, int], batch: pa.RecordBatch, keys: NDArray[np.uint64], first: int) -> tuple[DataFile, list[Group]]:
    part, bucket = place
    name = f"{part}/{job.generation}-{bucket:05d}.parquet"
    size = job.limits.row_group if part == "rows" else job.limits.text_group
    writer = ParquetBytes(batch.schema, row_group=size)
    writer.write(pa.Table.from_batches([batch]))
    starts = range(0, batch.num_rows, size)
    groups = [Group(part, -1, name, i, min(size, batch.num_rows - start), first + start, int(keys[start])) for i, start in enumerate(starts)]
    return write_file(job.store, name, writer.finish()), groups


class Target(Protocol):
    """Where the files of a build go."""

    @property
    def store(self) -> Folder:
        """The store."""

    @property
    def generation(self) -> str:
        """Prefix of the names of the files."""

    @property
    def limits(self) -> Limits:
        """The limits of the build."""

    @property
    def rows(self) -> int:
        """Rows of the store."""


def write_levels(job: Target, name: str, levels: list[Cells]) -> tuple[DataFile, list[Group]]:
    """Write the cells of levels as one file; a row group holds cells of one level."""
    path = f"levels/{job.generation}-{name}.parquet"
    schema = LEVEL_SCHEMA if job.rows < 1 << 32 else WIDE_LEVEL_SCHEMA
    size = job.limits.row_group
    writer = ParquetBytes(schema, delta=["key", "start"], row_group=size)
    groups: list[Group] = []
    for cells in levels:
        arrays = [cells.keys, cells.starts, cells.counts.astype(schema.field("count").type.to_pandas_dtype())]
        writer.write(pa.table(arrays, schema=schema))
        for start in range(0, len(cells.keys), size):
            rows = min(size, len(cells.keys) - start)
            groups.append(Group("level", cells.level, path, len(groups), rows, start, int(cells.keys[start])))
    return write_file(job.store, path, writer.finish()), groups


def _stats(column: Kept, values: pa.Array) -> tuple[Any, Any, int]:
    """Return the extent of the finite values, and how many values are missing."""
    if column.kind == "category":
        return None, None, int(pc.sum(pc.equal(values, -1)).as_py() or 0)
    if column.kind not in {"number", "integer", "datetime"}:
        return None, None, values.null_count
    numbers, there = raw_numbers(values)
    missing = values.null_count
    if column.kind == "number":
        missing = int(np.count_nonzero(np.isnan(numbers)))  # a null comes as NaN
    if not there.any():
        return None, None, missing
    if there.all():
        return numbers.min().item(), numbers.max().item(), missing
    chosen = numbers[there]
    return chosen.min().item(), chosen.max().item(), missing


def index_files(rows: int) -> int:
    """Return the number of files of an index."""
    return max(1, -(-rows // INDEX_ROWS))


def _spill_index(job: Job, bucket: int, table: pa.RecordBatch) -> None:
    """Write where this bucket's rows are, cut by the file of the index they belong to."""
    files = index_files(job.rows)
    rows = table.column(ROW).to_numpy()
    spill(job.work, f"row-{bucket:05d}.arrow", list(_cut(rows >> INDEX_BITS, (rows & (INDEX_ROWS - 1)).astype(np.uint32), files)))
    if job.key is None:
        return
    kind = next(column.kind for column in job.columns if column.name == job.key)
    values = table.column(job.key)
    if kind == "category":
        there = values.to_numpy() >= 0
        table_of_hashes = key_hashes(job.categories()[job.key])
        hashes = table_of_hashes[np.maximum(values.to_numpy(), 0)] if len(table_of_hashes) else np.zeros(len(values), np.uint64)
    else:
        there = pc.is_valid(values).to_numpy(zero_copy_only=False)
        hashes = key_hashes(values)
    places = np.flatnonzero(there)
    hashes = hashes[places]
    spill(job.work, f"key-{bucket:05d}.arrow", list(_cut(file_of_hash(hashes, files), hashes, files, places)))


def file_of_hash(hashes: NDArray[np.uint64], files: int) -> NDArray[np.int64]:
    """Return the file of the key index that a hash belongs to: equal slices of the hashes."""
    return (((hashes >> np.uint64(32)) * np.uint64(files)) >> np.uint64(32)).astype(np.int64)


def _cut(files: NDArray[np.int64], values: NDArray[Any], count: int, places: NDArray[np.int64] | None = None) -> Iterator[pa.RecordBatch]:
    files = files.astype(np.uint16) if count < 1 << 16 else files  # NumPy sorts these by radix
    order = np.argsort(files, kind="stable")
    places = order if places is None else places[order]
    values = values[order]
    edges = np.concatenate(([0], np.cumsum(np.bincount(files, minlength=count))))
    for a, b in pairwise(edges):
        yield pa.record_batch([pa.array(values[a:b]), pa.array(places[a:b].astype(np.uint32))], ["value", "place"])
