"""Summaries of the cells of the coarse levels: one task a bucket, and a join of the cells that lie across buckets.

Every row is looked at once, for the finest of the levels; a cell of a coarser level adds up what its quarters hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numba as nb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bigview.build.cells import Cells
from bigview.build.merge import TOP, Group
from bigview.build.split import Job
from bigview.build.writing import ParquetBytes, spill, write_file
from bigview.config import Limits
from bigview.store.manifest import Column, DataFile, Level
from bigview.store.reader import MISSING_TIME, paged_dtype, paged_values
from bigview.store.summaries import TOPS, as_floats, chosen, code_columns, count_columns, rows_column, sum_column

Arrays = dict[str, NDArray[Any]]
List = tuple[NDArray[np.int32], NDArray[np.int64]]
LIST_SCHEMA = pa.schema([("code", pa.int32()), ("count", pa.int64()), ("last", pa.bool_())])


@dataclass(frozen=True)
class Plan:
    """Which levels are summarised, and which columns: of categories (`counted`) and of numbers (`summed`)."""

    levels: tuple[int, ...]
    counted: tuple[Column, ...]
    summed: tuple[Column, ...]

    @classmethod
    def of(cls, levels: Sequence[Level], columns: Sequence[Column], job: Job, placed: int) -> "Plan":
        """Return the plan for a store; one without levels where summaries do not pay."""
        limits = job.limits
        counted, summed = chosen([column for column in columns if column.name != "__row"], (job.x.column, job.y.column))
        worth: list[int] = []
        if placed > limits.exact_rows and (counted or summed):
            for level in levels:
                if not _pays(level, limits):
                    break
                worth.append(level.level)
        return cls(tuple(worth), tuple(counted), tuple(summed))

    def schema(self, wide: bool) -> pa.Schema:
        """Return the columns of the files."""
        number = pa.int64() if wide else pa.uint32()
        fields: list[tuple[str, pa.DataType]] = []
        for column in self.counted:
            code = pa.from_numpy_dtype(paged_dtype(column))
            fields += [(name, code) for name in code_columns(column.name)] + [(name, number) for name in count_columns(column.name)]
        fields += [(sum_column(column.name), pa.float64()) for column in self.summed]
        fields += [(rows_column(column.name), number) for column in (*self.counted, *self.summed) if column.missing]
        return pa.schema(fields)


def _pays(level: Level, limits: Limits) -> bool:
    return 0 < level.cells <= limits.summary_cells and level.rows >= level.cells * limits.summary_rows


@dataclass(frozen=True)
class Summarised:
    """What the cells of a bucket hold: those of deep levels in a file, those of the coarse ones for the driver to join."""

    files: tuple[DataFile, ...]
    groups: tuple[Group, ...]
    top: dict[int, Arrays]


@nb.njit(inline="always")
def _noted(code, count, seen, pair_code, m):  # type: ignore[no-untyped-def]
    """Add to the count of a code; return the number of different ones so far."""
    if seen[code] == 0:
        pair_code[m] = code
        m += 1
    seen[code] += count
    return m


@nb.njit(inline="always")
def _placed(code, count, codes, counts):  # type: ignore[no-untyped-def]
    """Put a code in its place among the most frequent ones; of equals the lower code comes first."""
    place = codes.shape[0]
    while place > 0 and (count > counts[place - 1] or (count == counts[place - 1] and code < codes[place - 1])):
        place -= 1
    for t in range(codes.shape[0] - 1, place, -1):
        codes[t], counts[t] = codes[t - 1], counts[t - 1]
    if place < codes.shape[0]:
        codes[place], counts[place] = code, count


@nb.njit(nogil=True, cache=True)
def _tops(codes, cells, below, seen, out):  # type: ignore[no-untyped-def]
    """Count the codes of each cell. Returns how many pairs of a code and its count the cells have.

    `below` has the cells of the level below with their pairs, where there is one; cells without any there are counted row by row. `out` takes the
    first codes with their counts, the rows that have a code, and the pairs. `seen` is zeroed, and left so.
    """
    starts, counts = cells
    inner_start, inner_offset, inner_code, inner_count = below
    top_code, top_count, rows, offset, pair_code, pair_count = out
    m, child, children = 0, 0, inner_start.shape[0]
    for c in range(starts.shape[0]):
        start, stop, begin = starts[c], starts[c] + counts[c], m
        offset[c] = begin
        while child < children and inner_start[child] < start:
            child += 1
        if child < children and inner_start[child] < stop:
            while child < children and inner_start[child] < stop:
                for e in range(inner_offset[child], inner_offset[child + 1]):
                    m = _noted(inner_code[e], inner_count[e], seen, pair_code, m)
                child += 1
        else:
            for row in range(start, stop):
                if codes[row] >= 0:
                    m = _noted(codes[row], 1, seen, pair_code, m)
        total = np.int64(0)
        for e in range(begin, m):
            code = pair_code[e]
            count = seen[code]
            seen[code] = 0
            pair_count[e] = count
            total += count
            _placed(code, count, top_code[c], top_count[c])
        rows[c] = total
    offset[starts.shape[0]] = m
    return m


@nb.njit(nogil=True, cache=True)
def _sums(values, cells, below, out):  # type: ignore[no-untyped-def]
    """Add up the values of each cell, and count them; like `_tops` from the level below where there are cells."""
    starts, counts = cells
    inner_start, inner_sum, inner_rows = below
    sums, rows = out
    child, children = 0, inner_start.shape[0]
    for c in range(starts.shape[0]):
        start, stop, total, n = starts[c], starts[c] + counts[c], 0.0, np.int64(0)
        while child < children and inner_start[child] < start:
            child += 1
        if child < children and inner_start[child] < stop:
            while child < children and inner_start[child] < stop:
                total += inner_sum[child]
                n += inner_rows[child]
                child += 1
        else:
            for row in range(start, stop):
                value = nb.float64(values[row])
                if value == value:
                    total += value
                    n += 1
        sums[c], rows[c] = total, n


def _counted(codes: NDArray[Any], column: Column, levels: list[Cells]) -> tuple[dict[int, Arrays], dict[int, tuple[List, List]]]:
    """Return the summary of a category by level, and of each level the pairs of code and count of its first and of its last cell."""
    seen = np.zeros(max(1, column.distinct, 2), np.int64)
    none = np.empty(0, np.int64)
    below = (none, np.zeros(1, np.int64), np.empty(0, np.int32), none)
    found, ends, covered = {}, {}, 0
    for cells in reversed(levels):
        n, before, covered = len(cells.keys), covered, int(cells.counts.sum())
        pairs = len(below[2]) + covered - before  # at most: those below, and one for each row that is not in them
        code, count = np.full((n, TOPS), -1, np.int32), np.zeros((n, TOPS), np.int64)
        rows, offset = np.empty(n, np.int64), np.empty(n + 1, np.int64)
        pair_code, pair_count = np.empty(pairs, np.int32), np.empty(pairs, np.int64)
        m = _tops(codes, (cells.starts, cells.counts), below, seen, (code, count, rows, offset, pair_code, pair_count))
        below = (cells.starts, offset, pair_code[:m].copy(), pair_count[:m].copy())
        ends[cells.level] = (_list(below, 0), _list(below, n - 1))
        found[cells.level] = _named(column, code, count, rows)
    return found, ends


def _list(pairs: tuple[NDArray[Any], ...], cell: int) -> List:
    _, offset, code, count = pairs
    return code[offset[cell] : offset[cell + 1]], count[offset[cell] : offset[cell + 1]]


def _named(column: Column, code: NDArray[Any], count: NDArray[Any], rows: NDArray[Any]) -> Arrays:
    found = dict(zip(code_columns(column.name), code.astype(paged_dtype(column)).T, strict=True))
    found |= dict(zip(count_columns(column.name), count.T, strict=True))
    return found | ({rows_column(column.name): rows} if column.missing else {})


def _summed(values: NDArray[Any], column: Column, levels: list[Cells]) -> dict[int, Arrays]:
    none = np.empty(0, np.int64)
    below = (none, np.empty(0), none)
    found = {}
    for cells in reversed(levels):
        sums, rows = np.empty(len(cells.keys)), np.empty(len(cells.keys), np.int64)
        _sums(values, (cells.starts, cells.counts), below, (sums, rows))
        below = (cells.starts, sums, rows)
        found[cells.level] = {sum_column(column.name): sums, **({rows_column(column.name): rows} if column.missing else {})}
    return found


def summarise_bucket(job: Job, plan: Plan, place: tuple[int, int], top: tuple[Cells, ...], groups: tuple[Group, ...]) -> Summarised:
    """Summarise the cells of a bucket.

    Parameters
    ----------
    job : Job
    plan : Plan
    place : (int, int)
        Number of the bucket, and of its first row.
    top : tuple of Cells
        Its cells of the coarse levels.
    groups : tuple of Group
        The row groups of its deep levels.
    """
    bucket, first = place
    deep = _deep(job, groups)
    levels = [Cells(cells.level, cells.keys, cells.starts - first, cells.counts) for cells in (*top, *deep) if len(cells.keys)]
    tables: dict[int, Arrays] = {cells.level: {} for cells in levels}
    lists: list[pa.RecordBatch] = []
    for column in plan.counted if levels else ():
        found, ends = _counted(_values(job, bucket, column), column, levels)
        for level, arrays in found.items():
            tables[level] |= arrays
        lists += [_batch(ends.get(level)) for level in plan.levels if level <= TOP]
    for column in plan.summed if levels else ():
        for level, arrays in _summed(as_floats(_values(job, bucket, column), column.kind, MISSING_TIME), column, levels).items():
            tables[level] |= arrays
    if lists and job.buckets > 1:
        spill(job.work, lists_name(bucket), lists)
    kept = {cells.level: tables[cells.level] for cells in top if len(cells.keys)}
    written = {cells.level: tables[cells.level] for cells in deep}
    if not written:
        return Summarised((), (), kept)
    file, made = write_summaries(job, plan, f"{bucket:05d}", written, {cells.level: cells.keys for cells in deep})
    return Summarised((file,), tuple(made), kept)


def lists_name(bucket: int) -> str:
    """Return the name of the file with the pairs of code and count at both ends of a bucket."""
    return f"tops-{bucket:05d}.arrow"


def _batch(ends: tuple[List, List] | None) -> pa.RecordBatch:
    none = np.empty(0, np.int32), np.empty(0, np.int64)
    first, last = ends or (none, none)
    code, count = np.concatenate([first[0], last[0]]), np.concatenate([first[1], last[1]])
    return pa.record_batch([code, count, pa.array(np.arange(len(code)) >= len(first[0]))], schema=LIST_SCHEMA)


def _values(job: Job, bucket: int, column: Column) -> NDArray[Any]:
    with job.store.parquet(f"rows/{job.generation}-{bucket:05d}.parquet") as file:
        return paged_values(file.read(columns=[column.name], use_threads=False)[column.name], column)


def _deep(job: Job, groups: tuple[Group, ...]) -> list[Cells]:
    """Read the cells of deep levels back."""
    found: dict[int, list[pa.Table]] = {}
    if groups:
        with job.store.parquet(groups[0].file) as file:
            for group in groups:
                found.setdefault(group.level, []).append(file.read_row_group(group.group, use_threads=False))
    levels = []
    for level, parts in sorted(found.items()):
        table = pa.concat_tables(parts)
        levels.append(Cells(level, *(table[name].to_numpy().astype(kind) for name, kind in _CELL_TYPES)))
    return levels


_CELL_TYPES = (("key", np.uint64), ("start", np.int64), ("count", np.int64))


def write_summaries(job: Job, plan: Plan, name: str, tables: dict[int, Arrays], keys: dict[int, NDArray[np.uint64]]) -> tuple[DataFile, list[Group]]:
    """Write the summaries of levels as one file, in row groups like those of the cells, whose `keys` are given."""
    path = f"levels/{job.generation}-summary-{name}.parquet"
    schema = plan.schema(job.rows >= 1 << 32)
    size = job.limits.row_group
    writer = ParquetBytes(schema, row_group=size)
    groups: list[Group] = []
    for level, arrays in sorted(tables.items()):
        table = pa.table([arrays[field.name].astype(field.type.to_pandas_dtype()) for field in schema], schema=schema)
        writer.write(table)
        for start in range(0, table.num_rows, size):
            groups.append(Group("summary", level, path, len(groups), min(size, table.num_rows - start), start, int(keys[level][start])))
    return write_file(job.store, path, writer.finish()), groups
