"""Partitions are cut at sampled keys: one task a partition, one file of buckets each."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bigview.build.columns import ROW, Kept, convert, positions
from bigview.build.parts import Part, Reading, read_part
from bigview.build.sort import order_of
from bigview.build.writing import spill, spilled
from bigview.config import Limits
from bigview.store.axis import Axis
from bigview.store.files import Folder
from bigview.store.morton import UNPLACED, keys_of


@dataclass(frozen=True)
class Job:
    """What every task of a build knows.

    Attributes
    ----------
    store : Folder
    generation : str
    reading : Reading
    columns : tuple of Kept
        All columns but `__row`.
    x, y : Axis
    key : str or None
    limits : Limits
    rows : int
    buckets : int
    firsts : tuple of int
        Number of the first row of each partition.
    """

    store: Folder
    generation: str
    reading: Reading
    columns: tuple[Kept, ...]
    x: Axis
    y: Axis
    key: str | None
    limits: Limits
    rows: int
    buckets: int
    firsts: tuple[int, ...]

    @property
    def work(self) -> Folder:
        """The folder of what is only needed during the build."""
        return self.store.within(f".build-{self.generation}")

    def keys(self, table: pa.Table | pa.RecordBatch) -> NDArray[np.uint64]:
        """Return the keys of rows as they are kept."""
        x = positions(_whole(table.column(self.x.column)), self.x)
        y = positions(_whole(table.column(self.y.column)), self.y)
        return keys_of(x, y, self.x.cells, self.y.cells)

    def categories(self) -> dict[str, pa.Array]:
        """Return the values of each category column, in the order of their codes."""
        return _categories(self.work, tuple(column.name for column in self.columns if column.kind == "category"))


def _whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    if isinstance(column, pa.Array):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


@lru_cache(maxsize=4)
def _categories(work: Folder, names: tuple[str, ...]) -> dict[str, pa.Array]:
    return {name: spilled(work, f"category-{i}.arrow", 0).column(0) for i, name in enumerate(names)}


def keep_categories(work: Folder, values: list[pa.Array]) -> None:
    """Write the categories where the tasks find them: a hundred thousand texts are too many to send with every task."""
    for i, array in enumerate(values):
        spill(work, f"category-{i}.arrow", [pa.record_batch([array], ["value"])])


@dataclass(frozen=True)
class Borders:
    """Where the buckets begin: bucket i + 1 at the row of key `keys[i]` in partition `parts[i]`.

    Pairs of key and partition, so that a bucket of equal keys is cut too.
    """

    keys: NDArray[np.uint64]
    parts: NDArray[np.int64]

    @classmethod
    def sampled(cls, keys: NDArray[np.uint64], parts: NDArray[np.int64], buckets: int) -> "Borders":
        """Return borders that make buckets of about the same size."""
        order = np.lexsort((parts, keys))
        chosen = order[(np.arange(1, buckets) * len(order)) // buckets] if len(order) else order
        return cls(keys[chosen], parts[chosen])

    def cuts(self, keys: NDArray[np.uint64], part: int) -> NDArray[np.int64]:
        """Return where the buckets begin and end in the sorted keys of a partition."""
        left = np.searchsorted(keys, self.keys, side="left")
        right = np.searchsorted(keys, self.keys, side="right")
        inner = np.where(part >= self.parts, left, right)
        return np.concatenate(([0], inner, [len(keys)])).astype(np.int64)


@dataclass(frozen=True)
class Pieces:
    """What a partition gave to each bucket.

    Attributes
    ----------
    counts : ndarray of int64, shape (buckets,)
    lowest, highest : ndarray of uint64, shape (buckets, cell_rows + 1)
        The least and the greatest keys, filled up with `UNPLACED` and 0: neighbours need them to decide for cells that straddle a border.
    """

    counts: NDArray[np.int64]
    lowest: NDArray[np.uint64]
    highest: NDArray[np.uint64]


def split_part(job: Job, borders: Borders, number: int, part: Part) -> Pieces:
    """Cut a partition into buckets and write them as one file."""
    table = read_part(job.reading, part, [column.name for column in job.columns])
    categories = job.categories()
    arrays = [convert(table.column(c.name), c, categories.get(c.name)) for c in job.columns]
    kept = pa.record_batch(arrays, [column.name for column in job.columns])
    del table, arrays
    keys = job.keys(kept)
    order = order_of(keys)
    keys = keys[order]
    cuts = borders.cuts(keys, number)
    kept = kept.take(pa.array(order)).append_column(ROW, pa.array(order))
    spill(job.work, f"part-{number:05d}.arrow", [kept.slice(a, b - a) for a, b in pairwise(cuts)])
    halo = job.limits.cell_rows + 1
    lowest = np.full((len(cuts) - 1, halo), UNPLACED)
    highest = np.zeros((len(cuts) - 1, halo), np.uint64)
    for i, (a, b) in enumerate(pairwise(cuts)):
        size = min(halo, b - a)
        lowest[i, :size] = keys[a : a + size]
        highest[i, :size] = keys[b - size : b][::-1]
    return Pieces(np.diff(cuts), lowest, highest)


class Halo:
    """The keys next to every border, gathered from the partitions."""

    def __init__(self, buckets: int, size: int) -> None:
        self.counts = np.zeros(buckets, np.int64)
        self._size = size
        self._low = np.full((buckets, size), UNPLACED)
        self._high = np.zeros((buckets, size), np.uint64)

    def add(self, pieces: Pieces) -> None:
        """Add what a partition gave."""
        self.counts += pieces.counts
        self._low = np.sort(np.concatenate([self._low, pieces.lowest], axis=1), axis=1)[:, : self._size]
        both = np.sort(np.concatenate([self._high, pieces.highest], axis=1), axis=1)
        self._high = both[:, ::-1][:, : self._size]

    def of(self, bucket: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """Return the keys just before and just after a bucket."""
        return self._gather(self._high, range(bucket - 1, -1, -1)), self._gather(self._low, range(bucket + 1, len(self.counts)))

    def _gather(self, keys: NDArray[np.uint64], buckets: range) -> NDArray[np.uint64]:
        found: list[np.uint64] = []
        for bucket in buckets:
            found.extend(keys[bucket, : min(self._size, int(self.counts[bucket]))])
            if len(found) >= self._size:
                break
        near = np.array(found[: self._size], np.uint64)
        return np.asarray(near[near != UNPLACED])
