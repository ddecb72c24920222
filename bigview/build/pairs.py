"""Build an index: a second order of a store's rows, for another pair of columns. Nothing of the store is written anew."""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from bigview.build.cells import Cells, joined
from bigview.build.columns import Kept, numpy_type
from bigview.build.executor import Executor, executor
from bigview.build.finish import level_of, moved, write_groups
from bigview.build.lock import sweep
from bigview.build.merge import Group, Merged, Tally, write_levels
from bigview.build.pairparts import Looked, PairJob, cut_part, look_at, sort_bucket
from bigview.build.place import new_generation, nothing_half_written
from bigview.build.progress import Progress, progress, span
from bigview.build.space import Estimate, check_space, free_bytes, size, threads
from bigview.build.split import Borders, Halo
from bigview.config import limits
from bigview.errors import OptionError
from bigview.store.axis import Axis
from bigview.store.files import Folder
from bigview.store.home import home_range
from bigview.store.manifest import Column, DataFile, Manifest, commit, read_manifest
from bigview.store.matrixmanifest import is_matrix
from bigview.store.pairs import ENTRY, Pair, pairs_of
from bigview.store.reader import Reader

# Bytes a row, measured on 100 M rows (see benchmarks/charts.py): keys 3.9, places 4, cells 0.6; and of the remainder that a 64-bit number leaves.
_INDEX, _REST = 8.6, 3.0
_SECONDS = 0.4e-6  # a row and core


def index_points(store: str, x: str, y: str, *, scheduler: str | None = None, quiet: bool = False, dry_run: bool = False) -> Manifest | Estimate:
    """Index a store by another pair of columns, so that maps of them are exact and quick.

    Parameters
    ----------
    store : str
        Directory or fsspec URL of a point store. Who reads it meanwhile keeps what he has opened.
    x, y : str
        Two columns of numbers or datetimes.
    scheduler : str, optional
        Address of a Dask scheduler ("tcp://…").
    quiet : bool
        Tell nothing.
    dry_run : bool
        Tell what the index would cost, and write nothing.

    Returns
    -------
    Manifest, or Estimate when `dry_run` is set
        An index over the same columns is replaced.

    Raises
    ------
    ColumnError, OptionError
        When there are no such columns, or they are no positions.
    SpaceError, StoreBusyError
    """
    folder = Folder(str(store))
    if is_matrix(folder):
        raise OptionError(f"{folder.url} holds a matrix; only stores of points are indexed. Its rows and columns are ordered in the map itself.")
    manifest = read_manifest(folder)
    columns = checked(manifest, x, y)
    expected = estimate_index(folder, manifest, columns)
    if dry_run:
        return expected
    check_space(folder, expected)
    generation = new_generation()
    with progress(quiet) as tell, nothing_half_written(folder, generation):
        manifest = read_manifest(folder)  # another build may have come between
        columns = checked(manifest, x, y)
        sweep(folder, manifest)
        tell.note(
            f"Index over {x} × {y}: {manifest.rows:,} rows, about {size(expected.store)} of disk and {size(expected.work)} while it is built, "
            f"{size(expected.memory)} of memory, {span(expected.seconds)}."
        )
        pair = _PairRun(folder, manifest, (columns, generation), tell).pair(scheduler)
        others = [one.to_json() for one in pairs_of(manifest) if one.columns != (x, y)]
        made = replace(manifest, report={**manifest.report, ENTRY: [*others, pair.to_json()]})
        commit(folder, made)
    return made


def checked(manifest: Manifest, x: str, y: str) -> tuple[Column, Column]:
    """Return the two columns of an index; an error says why they cannot be one."""
    columns = manifest.column(x), manifest.column(y)
    for column in columns:
        if column.kind not in ("number", "integer", "datetime") or column.part != "rows":
            raise OptionError(f"{column.name!r} holds {column.kind}, which is no position; choose columns of numbers or datetimes.")
    if x == y:
        raise OptionError(f"An index needs two columns, not {x!r} twice.")
    if (x, y) == (manifest.x.column, manifest.y.column):
        raise OptionError(f"{x} × {y} is the order of the store itself; it needs no index.")
    return columns


def estimate_index(folder: Folder, manifest: Manifest, columns: tuple[Column, Column]) -> Estimate:
    """Return what an index would cost."""
    widths = [max(1, _numpy_type(column).itemsize) for column in columns]
    rows, width = manifest.rows, sum(widths)
    store = _INDEX + sum(_REST for column, wide in zip(columns, widths, strict=True) if wide == 8 and column.kind == "number")
    part = min(rows, limits().partition_rows)
    memory = 300e6 + threads() * part * (width * 3 + 120)
    seconds = max(0.1, rows * _SECONDS / threads())
    return Estimate(rows, int(rows * store) + 20_000, rows * (width + 4), int(memory), seconds, free_bytes(folder))


def _numpy_type(column: Column) -> np.dtype:
    return numpy_type(Kept(column.name, column.kind, pa.type_for_alias(column.dtype)))


class _PairRun:
    """Goes through the stages of an index."""

    def __init__(self, folder: Folder, manifest: Manifest, wanted: tuple[tuple[Column, Column], str], tell: Progress) -> None:
        self._folder, self._manifest, self._tell = folder, manifest, tell
        self._columns, self._generation = wanted
        files = Reader(folder, manifest).row_files
        self._parts = tuple((name, start) for name, start, _ in files)
        self._sizes = [stop - start for _, start, stop in files]
        self._buckets = max(1, -(-manifest.rows // limits().partition_rows))

    def pair(self, scheduler: str | None) -> Pair:
        """Write all files of the index, and return it."""
        with executor(len(self._parts), scheduler) as run:
            looked = self._look(run)
            job, borders, home = self._plan(looked)
            halo = Halo(job.buckets, job.limits.cell_rows + 1)
            tasks = [(job, borders, number) for number in range(len(self._parts))]
            for _, pieces in self._stream(run, "cut", (cut_part, tasks), self._sizes):
                halo.add(pieces)
            starts = np.concatenate(([0], np.cumsum(halo.counts)[:-1])).astype(np.int64)
            buckets = [(job, bucket, int(start), *halo.of(bucket)) for bucket, start in enumerate(starts)] if self._parts else []
            merged = dict(self._stream(run, "sort", (sort_bucket, buckets), halo.counts.tolist()))
        placed = sum(one.placed for one in looked)
        return _finished(job, [merged[bucket] for bucket in sorted(merged)], placed, home)

    def _stream(
        self, run: Executor, stage: str, work: tuple[Callable[..., Any], Sequence[tuple[Any, ...]]], rows: Sequence[int]
    ) -> Iterator[tuple[int, Any]]:
        self._tell.stage(stage, int(sum(rows)))
        for number, result in run.run(*work):
            yield number, result
            self._tell.advance(int(rows[number]))

    def _look(self, run: Executor) -> list[Looked]:
        names = self._columns[0].name, self._columns[1].name
        share = min(1.0, (1000 * self._buckets + 20_000) / max(self._manifest.rows, 1))
        tasks = [(self._folder, name, names, share, number) for number, (name, _) in enumerate(self._parts)]
        found = dict(self._stream(run, "look", (look_at, tasks), self._sizes))
        return [found[number] for number in sorted(found)]

    def _plan(self, looked: list[Looked]) -> tuple[PairJob, Borders, tuple[float, float, float, float]]:
        extents = [one.extent for one in looked if one.extent is not None]
        ends: tuple[Any, ...] = (None,) * 4
        if extents:
            ends = tuple((min, max)[place % 2](extent[place] for extent in extents) for place in range(4))
        x, y = (Axis.fit(c.name, _numpy_type(c), *ends[2 * place : 2 * place + 2]) for place, c in enumerate(self._columns))
        job = PairJob(self._folder, self._generation, x, y, limits(), self._manifest.rows, self._buckets, self._parts)
        empty = np.empty(0), np.empty(0)
        sample = [axis.encode(np.concatenate([one.sample[place] for one in looked])) if looked else empty[place] for place, axis in enumerate((x, y))]
        parts = np.repeat(np.arange(len(looked)), [len(one.sample[0]) for one in looked])
        borders = Borders.sampled(job.keys(sample[0], sample[1]), parts, job.buckets)
        home = (*home_range(sample[0], x), *home_range(sample[1], y))
        return replace(job, buckets=len(borders.keys) + 1), borders, home


def _finished(job: PairJob, merged: list[Merged], placed: int, home: tuple[float, float, float, float]) -> Pair:
    """Join the coarse levels of the buckets, write the table of row groups, and return the index."""
    parts: dict[int, list[Cells]] = {}
    for entry in merged:
        for cells in entry.top:
            parts.setdefault(cells.level, []).append(cells)
    top = [joined(parts[level]) for level in sorted(parts)]
    files: list[DataFile] = [file for entry in merged for file in entry.files]
    groups: list[Group] = []
    if top:
        file, groups = write_levels(job, "top", top)
        files.append(file)
    levels = [level_of(cells.level, [Tally.of(cells)]) for cells in top]
    deep = sorted({level for entry in merged for level in entry.tallies})
    levels += [level_of(level, [entry.tallies[level] for entry in merged if level in entry.tallies]) for level in deep]
    counted: dict[int, int] = {}
    for entry in merged:
        groups += [moved(group, counted.get(group.level, 0) if group.kind == "level" else 0) for group in entry.groups]
        for level, tally in entry.tallies.items():
            counted[level] = counted.get(level, 0) + tally.cells
    table = write_groups(job, groups)
    created = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    return Pair(job.generation, created, job.x, job.y, placed, home, tuple(levels), job.limits.cell_rows, table.name, (*files, table))
