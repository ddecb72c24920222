"""The coarse levels' summaries, joined by the driver: what cells across buckets hold, bucket by bucket."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bigview.build.cells import Cells
from bigview.build.merge import TOP
from bigview.build.split import Job
from bigview.build.summaries import Arrays, Plan, Summarised, lists_name
from bigview.store.manifest import Column
from bigview.store.summaries import TOPS, code_columns, count_columns

Part = tuple[tuple[Cells, ...], Summarised]


def join_summaries(job: Job, plan: Plan, parts: Sequence[Part]) -> dict[int, Arrays]:
    """Return the summaries of the coarse levels, a row for each cell as `joined` makes them.

    Parameters
    ----------
    job : Job
    plan : Plan
    parts : sequence of (tuple of Cells, Summarised)
        The coarse cells of each bucket, in order, and what they hold.
    """
    levels = [level for level in plan.levels if any(level in made.top for _, made in parts)]
    found: dict[int, Arrays] = {}
    for level in levels:
        keys = np.concatenate([cells.keys for top, _ in parts for cells in top if cells.level == level])
        first = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
        tables = [made.top[level] for _, made in parts if level in made.top]
        tops = {name for column in plan.counted for name in (*code_columns(column.name), *count_columns(column.name))}
        found[level] = {}
        for name in tables[0]:
            values = np.concatenate([table[name] for table in tables])
            found[level][name] = values[first] if name in tops else np.add.reduceat(values, first)
    if job.buckets > 1 and plan.counted:
        for level, column, cell, counts in _across(job, plan, parts):
            _put(found[level], column, cell, counts)
    return found


def _put(table: Arrays, column: Column, cell: int, counts: NDArray[np.int64]) -> None:
    order = np.argsort(-counts, kind="stable")[:TOPS]  # of equals the lower code first
    for place, (code, count) in enumerate(zip(code_columns(column.name), count_columns(column.name), strict=True)):
        there = place < len(order) and counts[order[place]] > 0
        table[code][cell] = order[place] if there else -1
        table[count][cell] = counts[order[place]] if there else 0


class _Open:
    """The last cell of a level so far, while the next bucket may go on with it."""

    def __init__(self) -> None:
        self.key, self.cell, self.joins = -1, -1, 0
        self.counts: dict[str, NDArray[np.int64]] = {}


def _across(job: Job, plan: Plan, parts: Sequence[Part]) -> Iterator[tuple[int, Column, int, NDArray[np.int64]]]:
    """Yield the level, column, number and counts by code of each cell that lies in more than one bucket."""
    levels = [level for level in plan.levels if level <= TOP]
    open_ = {level: _Open() for level in levels}
    for bucket, (top, made) in enumerate(parts):
        cells_of = {cells.level: cells for cells in top if cells.level in made.top}
        if not cells_of:
            continue
        with job.work.open(lists_name(bucket)) as file:
            lists = pa.ipc.open_file(file)
            for place, level in enumerate(levels):
                if level not in cells_of:
                    continue
                keys, entry = cells_of[level].keys, open_[level]
                batches = {column.name: lists.get_batch(number * len(levels) + place) for number, column in enumerate(plan.counted)}
                goes_on = int(keys[0]) == entry.key
                if goes_on:
                    entry.joins += 1
                    _add(entry, plan, batches, last=False)
                if not goes_on or len(keys) > 1:
                    yield from _closed(level, plan, entry)
                    entry.key, entry.cell, entry.joins, entry.counts = int(keys[-1]), entry.cell + len(keys) - goes_on, 0, {}
                    _add(entry, plan, batches, last=True)
    for level in levels:
        yield from _closed(level, plan, open_[level])


def _closed(level: int, plan: Plan, entry: _Open) -> Iterator[tuple[int, Column, int, NDArray[np.int64]]]:
    if entry.joins:
        for column in plan.counted:
            yield level, column, entry.cell, entry.counts[column.name]


def _add(entry: _Open, plan: Plan, batches: dict[str, pa.RecordBatch], last: bool) -> None:
    for column in plan.counted:
        batch = batches[column.name]
        mine = batch.column("last").to_numpy(zero_copy_only=False) == last
        code, count = batch.column("code").to_numpy()[mine], batch.column("count").to_numpy()[mine]
        if column.name not in entry.counts:
            entry.counts[column.name] = np.zeros(max(2, column.distinct), np.int64)
        entry.counts[column.name][code] += count  # each code is there once
