"""The tasks of an index: look at a file of rows, cut it at sampled keys, and sort a bucket. One task a file or bucket."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bigview.build.cells import Cells, cells_of_rows
from bigview.build.merge import TOP, Group, Merged, Tally, write_levels
from bigview.build.scan import extent_of
from bigview.build.sort import order_of
from bigview.build.split import Borders, Pieces
from bigview.build.writing import ParquetBytes, spill, spilled, write_file
from bigview.config import Limits
from bigview.store.axis import Axis
from bigview.store.files import Folder
from bigview.store.manifest import DataFile
from bigview.store.morton import UNPLACED, keys_of
from bigview.store.pairs import KEY, POSITION, REST_X, REST_Y, rests_of
from bigview.store.reader import raw_values

PLACE = "__place"
"""The column of spilled rows with their place in the file of rows they come from."""


@dataclass(frozen=True)
class PairJob:
    """What every task of an index knows.

    Attributes
    ----------
    store : Folder
    generation : str
    x, y : Axis
    limits : Limits
    rows : int
    buckets : int
    parts : tuple of (str, int)
        The files of the store's rows, and the number of the first row of each.
    """

    store: Folder
    generation: str
    x: Axis
    y: Axis
    limits: Limits
    rows: int
    buckets: int
    parts: tuple[tuple[str, int], ...]

    @property
    def work(self) -> Folder:
        """The folder of what is only needed while the index is built."""
        return self.store.within(f".build-{self.generation}")

    @property
    def names(self) -> list[str]:
        """The columns that are read; one where x and y are the same."""
        return list(dict.fromkeys([self.x.column, self.y.column]))

    def positions(self, table: pa.Table) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Return the positions of rows."""
        x, y = (axis.encode(raw_values(table[axis.column])) for axis in (self.x, self.y))
        return x, y

    def keys(self, x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.uint64]:
        """Return the keys of positions."""
        return keys_of(x, y, self.x.cells, self.y.cells)

    def index_dtype(self) -> np.dtype:
        """Return the type of a row's place in the store."""
        return np.dtype(np.uint32 if self.rows < 1 << 32 else np.int64)


@dataclass(frozen=True)
class Looked:
    """What a file of rows holds: extent (x0, x1, y0, y1) of its placed rows, their number, and a sample of raw values."""

    extent: tuple[Any, Any, Any, Any] | None
    placed: int
    sample: tuple[NDArray[Any], NDArray[Any]]


def look_at(store: Folder, name: str, columns: tuple[str, str], share: float, seed: int) -> Looked:
    """Return what a file of rows holds; a `share` of its rows is sampled."""
    with store.parquet(name) as file:
        table = file.read(columns=list(dict.fromkeys(columns)), use_threads=False)
    x, y = (raw_values(table[column]) for column in columns)
    there = _finite(x) & _finite(y)
    extent = None
    if there.any():
        extent = (*extent_of(_plain(x), there), *extent_of(_plain(y), there))
    size = min(len(x), int(np.ceil(len(x) * share)))
    chosen = np.sort(np.random.default_rng([seed, 1]).integers(0, max(len(x), 1), size))
    return Looked(extent, int(there.sum()), (x[chosen], y[chosen]))


def _finite(values: NDArray[Any]) -> NDArray[np.bool_]:
    return np.asarray(~np.isnat(values) if values.dtype.kind == "M" else np.isfinite(values))


def _plain(values: NDArray[Any]) -> NDArray[Any]:
    return values.view(np.int64) if values.dtype.kind == "M" else values


def cut_part(job: PairJob, borders: Borders, number: int) -> Pieces:
    """Cut a file of rows into buckets and write their columns and places as one file."""
    name, _ = job.parts[number]
    with job.store.parquet(name) as file:
        table = file.read(columns=job.names, use_threads=False)
    keys = job.keys(*job.positions(table))
    order = order_of(keys)
    keys = keys[order]
    cuts = borders.cuts(keys, number)
    kept = table.combine_chunks().to_batches(max_chunksize=None)
    batch = kept[0] if kept else pa.record_batch([pa.array([], field.type) for field in table.schema], table.schema.names)
    batch = batch.take(pa.array(order)).append_column(PLACE, pa.array(order))
    spill(job.work, f"part-{number:05d}.arrow", [batch.slice(a, b - a) for a, b in pairwise(cuts)])
    halo = job.limits.cell_rows + 1
    lowest, highest = np.full((len(cuts) - 1, halo), UNPLACED), np.zeros((len(cuts) - 1, halo), np.uint64)
    for i, (a, b) in enumerate(pairwise(cuts)):
        size = min(halo, b - a)
        lowest[i, :size] = keys[a : a + size]
        highest[i, :size] = keys[b - size : b][::-1]
    return Pieces(np.diff(cuts), lowest, highest)


def sort_bucket(job: PairJob, bucket: int, first: int, before: NDArray[np.uint64], after: NDArray[np.uint64]) -> Merged:
    """Sort a bucket and write its part of the index and its cells.

    Parameters
    ----------
    job : PairJob
    bucket : int
    first : int
        Place of the bucket's first row in the order of the index.
    before, after : ndarray of uint64
        The keys next to the bucket (see `bigview.build.cells.cells_of_rows`).
    """
    batches = [spilled(job.work, f"part-{number:05d}.arrow", bucket) for number in range(len(job.parts))]
    places = [batch.column(PLACE).to_numpy().astype(job.index_dtype()) + start for batch, (_, start) in zip(batches, job.parts, strict=True)]
    table = pa.Table.from_batches(batches)
    x, y = job.positions(table)
    keys = job.keys(x, y)
    order = order_of(keys)  # equal keys stay in the order of the store
    keys = keys[order]
    placed = keys[: np.searchsorted(keys, UNPLACED)]
    rests = [rests_of(values[order], keys, axis, place) for place, (values, axis) in enumerate(((x, job.x), (y, job.y)))]
    file, groups = _write(job, bucket, (keys, np.concatenate(places)[order].astype(job.index_dtype()), *rests), first)
    files = [file]
    levels = [replace(cells, starts=cells.starts + first) for cells in cells_of_rows(placed, before, after, job.limits.cell_rows)]
    deep = [cells for cells in levels if cells.level > TOP and job.buckets > 1]
    if deep:
        file, made = write_levels(job, f"{bucket:05d}", deep)
        files.append(file)
        groups += made
    top: tuple[Cells, ...] = tuple(cells for cells in levels if cells.level <= TOP or job.buckets == 1)
    return Merged(tuple(files), tuple(groups), top, {cells.level: Tally.of(cells) for cells in deep}, {})


def _write(job: PairJob, bucket: int, columns: tuple[NDArray[Any], ...], first: int) -> tuple[DataFile, list[Group]]:
    name = f"index/{job.generation}-pair-{bucket:05d}.parquet"
    size = job.limits.row_group
    # Places are read in long stretches, whole, at every change of a filter, and hardly shrink: they stand there as they are.
    table = pa.table(dict(zip((KEY, POSITION, REST_X, REST_Y), columns, strict=True)))
    writer = ParquetBytes(table.schema, delta=[KEY], row_group=size, plain=[POSITION])
    writer.write(table)
    keys = columns[0]
    starts = range(0, len(keys), size)
    groups = [Group("rows", -1, name, i, min(size, len(keys) - start), first + start, int(keys[start])) for i, start in enumerate(starts)]
    return write_file(job.store, name, writer.finish()), groups
