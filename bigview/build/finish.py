"""The last step of a build: coarse levels, tables of row groups and categories, and the manifest."""

import datetime as dt
import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from bigview.build.cells import Cells, joined
from bigview.build.columns import ROW, Kept
from bigview.build.merge import Group, Merged, Tally, Target, write_levels
from bigview.build.options import BuildOptions
from bigview.build.parts import Source
from bigview.build.scan import Census
from bigview.build.split import Job
from bigview.build.summaries import Plan, Summarised, write_summaries
from bigview.build.summaryjoin import join_summaries
from bigview.build.writing import ParquetBytes, write_file
from bigview.store.manifest import Column, DataFile, Level, Manifest

_GROUP_SCHEMA = pa.schema(
    [
        ("kind", pa.string()),
        ("level", pa.int8()),
        ("file", pa.string()),
        ("group", pa.int32()),
        ("rows", pa.int64()),
        ("first", pa.int64()),
        ("key", pa.uint64()),
    ]
)


class Ledger:
    """Gathers what the tasks have written until it becomes the manifest."""

    def __init__(self, job: Job, census: Census) -> None:
        self._job, self._census = job, census
        self._buckets: dict[int, Merged] = {}
        self._index: dict[tuple[str, int], tuple[DataFile, list[Group]]] = {}
        self._levels: tuple[Level, ...] = ()
        self._top: tuple[DataFile, list[Group]] | None = None
        self._summaries: dict[int, Summarised] = {}
        self._samples: dict[int, tuple[DataFile, int]] = {}
        self._top_summary: tuple[DataFile, list[Group]] | None = None

    def add_bucket(self, bucket: int, merged: Merged) -> None:
        """Add what a bucket has become."""
        self._buckets[bucket] = merged

    def add_index(self, kind: str, number: int, made: tuple[DataFile, list[Group]]) -> None:
        """Add a file of the index."""
        self._index[kind, number] = made

    @property
    def sampled(self) -> list[int]:
        """Rows of each bucket that belong to the sample."""
        return [entry.sampled for entry in self._merged()]

    def add_sample(self, number: int, made: tuple[DataFile, int]) -> None:
        """Add a file of the sample; they come in any order."""
        self._samples[number] = made

    def _sample_groups(self) -> Iterator[Group]:
        first, size = 0, self._job.limits.row_group
        for _, (file, rows) in sorted(self._samples.items()):
            for number, start in enumerate(range(0, rows, size)):
                held = min(size, rows - start)
                yield Group("sample", -1, file.name, number, held, first, 0)
                first += held

    def _merged(self) -> list[Merged]:
        return [self._buckets[bucket] for bucket in sorted(self._buckets)]

    def finish_levels(self) -> None:
        """Join the coarse levels of the buckets and write them."""
        merged = self._merged()
        parts: dict[int, list[Cells]] = {}
        for entry in merged:
            for cells in entry.top:
                parts.setdefault(cells.level, []).append(cells)
        top = [joined(parts[level]) for level in sorted(parts)]
        if top:
            self._top = write_levels(self._job, "top", top)
        levels = [level_of(cells.level, [Tally.of(cells)]) for cells in top]
        deep = sorted({level for entry in merged for level in entry.tallies})
        levels += [level_of(level, [entry.tallies[level] for entry in merged if level in entry.tallies]) for level in deep]
        self._levels = tuple(levels)

    def plan(self) -> Plan:
        """Return which levels and columns are worth a summary."""
        merged = self._merged()
        columns = [self._column(column, merged) for column in self._job.columns]
        return Plan.of(self._levels, columns, self._job, self._census.placed)

    def summary_inputs(self, plan: Plan) -> list[tuple[tuple[Cells, ...], tuple[Group, ...]]]:
        """Return of each bucket the coarse cells, and the row groups of the deep ones, that are to be summarised."""
        return [
            (
                tuple(cells for cells in entry.top if cells.level in plan.levels),
                tuple(group for group in entry.groups if group.kind == "level" and group.level in plan.levels),
            )
            for entry in self._merged()
        ]

    def add_summary(self, bucket: int, made: Summarised) -> None:
        """Add the summary of a bucket."""
        self._summaries[bucket] = made

    def finish_summaries(self, plan: Plan) -> None:
        """Join the summaries of the coarse levels and write them."""
        parts = [(entry.top, self._summaries[bucket]) for bucket, entry in sorted(self._buckets.items())]
        tables = join_summaries(self._job, plan, parts)
        if tables:
            keys = {level: joined([cells for top, _ in parts for cells in top if cells.level == level]).keys for level in tables}
            self._top_summary = write_summaries(self._job, plan, "top", tables, keys)

    def _files(self) -> list[DataFile]:
        tops = [made[0] for made in (self._top, self._top_summary) if made]
        summaries = [file for _, made in sorted(self._summaries.items()) for file in made.files]
        index = [*(self._index[place][0] for place in sorted(self._index)), *(file for _, (file, _) in sorted(self._samples.items()))]
        return [*(f for entry in self._merged() for f in entry.files), *tops, *summaries, *index]

    def _groups(self) -> list[Group]:
        """Return all row groups; those of cells and keys are numbered through their kind and level."""
        groups = [group for made in (self._top, self._top_summary) if made for group in made[1]]
        counted: dict[int, int] = {}
        for bucket, entry in sorted(self._buckets.items()):
            summary = self._summaries[bucket].groups if bucket in self._summaries else ()
            for group in (*entry.groups, *summary):
                base = counted.get(group.level, 0) if group.kind in ("level", "summary") else 0
                groups.append(moved(group, base))
            for level, tally in entry.tallies.items():
                counted[level] = counted.get(level, 0) + tally.cells
        hashes = 0
        for kind, number in sorted(self._index):
            made = self._index[kind, number][1]
            groups += [moved(group, hashes if kind == "key" else 0) for group in made]
            hashes += sum(group.rows for group in made) if kind == "key" else 0
        return [*groups, *self._sample_groups()]

    def manifest(self, source: Source, options: BuildOptions, home: tuple[float, float, float, float]) -> Manifest:
        """Write the two tables and return the manifest that names everything."""
        job, files = self._job, self._files()
        checksums = hashlib.sha256("\n".join(file.sha256 for file in files).encode())
        groups = write_groups(job, self._groups())
        categories = self._write_categories()
        checksums.update(categories.sha256.encode())
        merged = self._merged()
        return Manifest(
            generation=job.generation,
            fingerprint=checksums.hexdigest(),
            created=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            rows=job.rows,
            placed=self._census.placed,
            x=job.x,
            y=job.y,
            home=home,
            columns=tuple(self._column(column, merged) for column in (*job.columns, Kept(ROW, "integer", pa.int64()))),
            key=job.key,
            levels=self._levels,
            files=(*files, groups, categories),
            groups=groups.name,
            categories=categories.name,
            sources=source.files,
            options={**_plain(options), "cell_rows": job.limits.cell_rows},
            report={**options.report, "unplaced": job.rows - self._census.placed},
            title=options.title,
        )

    def _column(self, column: Kept, merged: list[Merged]) -> Column:
        stats = [entry.stats[column.name] for entry in merged]
        lows = [low for low, _, _ in stats if low is not None]
        highs = [high for _, high, _ in stats if high is not None]
        distinct = len(self._census.categories()[column.name][0]) if column.kind == "category" else 0
        missing = sum(count for _, _, count in stats)
        low, high = (min(lows), max(highs)) if lows else (None, None)
        return Column(column.name, column.kind, str(column.type), column.part, low, high, missing, distinct)

    def _write_categories(self) -> DataFile:
        names, codes, values, counts = [], [], [], []
        for name, (texts, numbers) in self._census.categories().items():
            names.append(pa.repeat(name, len(texts)))
            codes.append(pa.array(np.arange(len(texts), dtype=np.int32)))
            values.append(texts)
            counts.append(pa.array(numbers))
        schema = pa.schema([("column", pa.string()), ("code", pa.int32()), ("value", pa.string()), ("count", pa.int64())])
        columns: list[Any] = [names, codes, values, counts]
        table = pa.table([pa.chunked_array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)
        writer = ParquetBytes(schema)
        writer.write(table)
        return write_file(self._job.store, f"{self._job.generation}-categories.parquet", writer.finish())


def write_groups(job: Target, groups: list[Group]) -> DataFile:
    """Write the table of row groups."""
    table = pa.table([[getattr(group, name) for group in groups] for name in _GROUP_SCHEMA.names], schema=_GROUP_SCHEMA)
    writer = ParquetBytes(table.schema)
    writer.write(table)
    return write_file(job.store, f"{job.generation}-groups.parquet", writer.finish())


def moved(group: Group, base: int) -> Group:
    """Return a row group whose first row is counted from further on."""
    return Group(group.kind, group.level, group.file, group.group, group.rows, group.first + base, group.key)


def level_of(level: int, tallies: list[Tally]) -> Level:
    """Return a level as the manifest has it, from its cells in each bucket."""
    histogram = np.asarray([tally.histogram for tally in tallies], np.int64).sum(axis=0)
    cells, rows = sum(tally.cells for tally in tallies), sum(tally.rows for tally in tallies)
    return Level(level, cells, rows, tuple(int(count) for count in histogram), max(tally.largest for tally in tallies))


def _plain(options: BuildOptions) -> dict[str, Any]:
    return {
        "seed": options.seed,
        "limit": options.limit,
        "rename": dict(options.rename),
        "categories": list(options.categories),
        "texts": list(options.texts),
        "partition_rows": options.partition_rows,
    }
