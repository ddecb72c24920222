"""Build a point store: scan, split, merge, index, commit."""

import datetime as dt
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from bigview.build.columns import ROW, Kept, as_category, is_string, kept, numpy_type, positions
from bigview.build.executor import Executor, executor
from bigview.build.finish import Ledger
from bigview.build.index import index_keys, index_rows
from bigview.build.lock import BuildLock, sweep
from bigview.build.merge import INDEX_ROWS, index_files, merge_bucket
from bigview.build.options import BuildOptions
from bigview.build.parts import Source
from bigview.build.progress import Progress, progress
from bigview.build.scan import SMALL, Census, Question, scan_part
from bigview.build.sources import open_source, partition_rows_for
from bigview.build.streams import spill_stream
from bigview.build.split import Borders, Halo, Job, keep_categories, split_part
from bigview.config import limits
from bigview.errors import InputError, OptionError, missing_column
from bigview.store.axis import Axis
from bigview.store.files import Folder
from bigview.store.manifest import NAME, Manifest, commit, read_manifest
from bigview.store.morton import keys_of

_PAIRS = (("x", "y"), ("umap_x", "umap_y"), ("umap_1", "umap_2"), ("UMAP1", "UMAP2"), ("tsne_1", "tsne_2"), ("pca_1", "pca_2"), ("lon", "lat"))


def build_points(
    source: Any,
    store: str,
    *,
    x: str | None = None,
    y: str | None = None,
    key: str | None = None,
    vectors: Any = None,
    **options: Any,
) -> Manifest:
    """Build a point store and return its manifest.

    Parameters
    ----------
    source : path, URL, list of them, SQL text, or a table
        What to build from.
    store : str
        Directory or fsspec URL of the store.
    x, y : str, optional
        Columns of the positions; common names are found by themselves.
    key : str, optional
        Column of the user's own id.
    vectors : str or path, optional
        A column of vectors, or a `.npy` file with one vector a row: they are projected to positions.
    **options
        See `BuildOptions`.
    """
    chosen = BuildOptions.of(options)
    folder = Folder(str(store))
    _check_target(folder, chosen)
    with progress(chosen.quiet) as tell, BuildLock(folder):
        sweep(folder, read_manifest(folder) if folder.exists(NAME) else None)
        opened = open_source(source, chosen.partition_rows or limits().partition_rows)
        return _Build(folder, opened, (x, y, key), chosen, tell).run()


def _check_target(folder: Folder, options: BuildOptions) -> None:
    if folder.exists(NAME):
        read_manifest(folder)  # a newer format, or a manifest of something else, is not overwritten
        if not options.overwrite:
            raise OptionError(f"There is a store at {folder.url} already. Choose another place, or allow it with overwrite=True.")


class _Build:
    """One run, from partitions to the manifest."""

    def __init__(
        self, folder: Folder, source: Source, names: tuple[str | None, str | None, str | None], options: BuildOptions, tell: Progress
    ) -> None:
        self.folder, self.source, self.options, self.tell = folder, source, options, tell
        self.generation = f"{int(dt.datetime.now(dt.UTC).timestamp()):08x}{secrets.token_hex(2)}"
        self.work = folder.within(f".build-{self.generation}")
        schema = source.reading.schema
        if ROW in schema.names:
            raise InputError(
                f"{source.where} has a column {ROW!r}, the name under which a store keeps the number of a row. "
                f"Give it another one: rename={{'{ROW}': 'old_row'}}, or --rename {ROW}=old_row."
            )
        self.columns = [kept(field.name, field.type) for field in schema]
        self.x, self.y = self._axes(names[0], names[1])
        self.key = names[2]
        if self.key is not None and self.key not in schema.names:
            raise missing_column(self.key, schema.names, source.where)

    def _axes(self, x: str | None, y: str | None) -> tuple[Kept, Kept]:
        names = [column.name for column in self.columns]
        if x is None and y is None:
            x, y = next(((a, b) for a, b in _PAIRS if a in names and b in names), (None, None))
        if x is None or y is None:
            raise OptionError(
                f"Which columns of {self.source.where} are the positions? Say x=… and y=…, or vectors=… to project. "
                f"There are: {', '.join(names)}."
            )
        for name in (x, y):
            if name not in names:
                raise missing_column(name, names, self.source.where)
        found = tuple(next(column for column in self.columns if column.name == name) for name in (x, y))
        for column in found:
            numpy_type(column)
        return found[0], found[1]

    def run(self) -> Manifest:
        """Go through all stages."""
        try:
            self._settle()
            with executor(len(self.source.parts), self.options.scheduler) as run:
                census = self._scan(run)
                job, borders = self._plan(census)
                halo = self._split(run, job, borders)
                ledger = Ledger(job, census)
                starts = self._merge(run, job, halo, ledger)
                self._index(run, job, starts, ledger)
                ledger.finish_levels()
                manifest = ledger.manifest(self.source, self.options, home_view(census, job))
                commit(self.folder, manifest)
        finally:
            self.folder.remove(self.work.url.rpartition("/")[2])
        return manifest

    def _settle(self) -> None:
        """Put a table in memory where every task can read it."""
        parts = self.source.parts
        if parts and parts[0].kind == "memory" and (len(parts) > 1 or self.options.scheduler is not None):
            self.tell.stage("spill", self.source.rows)
            batches = (batch for part in parts for batch in part.payload.slice(part.skip, part.rows).to_batches())
            spilled = []
            for part in spill_stream(batches, self.work, max(p.rows for p in parts), limits().partition_bytes):
                self.tell.advance(part.rows)
                spilled.append(part)
            self.source = replace(self.source, parts=tuple(spilled))

    def _each(
        self, run: Executor, stage: str, function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]], rows: Sequence[int]
    ) -> list[tuple[int, Any]]:
        return [(number, result) for number, result in self._stream(run, stage, (function, tasks), rows)]

    def _stream(
        self, run: Executor, stage: str, work: tuple[Callable[..., Any], Sequence[tuple[Any, ...]]], rows: Sequence[int]
    ) -> Any:
        self.tell.stage(stage, int(sum(rows)))
        for number, result in run.run(*work):
            self.tell.advance(int(rows[number]))
            yield number, result

    def _scan(self, run: Executor) -> Census:
        rows = self.source.rows
        buckets = self._buckets()
        forced = set(self.options.categories)
        texts = [
            field.name
            for field in self.source.reading.schema
            if is_string(field.type) and field.name not in self.options.texts and field.name not in self.options.categories
        ]
        most = max(SMALL, min(limits().category_limit, int(limits().category_share * rows)))
        dictionary = [f.name for f in self.source.reading.schema if pa.types.is_dictionary(f.type) and is_string(f.type)]
        always = tuple(dict.fromkeys([*forced, *(name for name in dictionary if name not in self.options.texts)]))
        question = Question(
            self.x, self.y, tuple(name for name in texts if name not in always), most,
            min(1.0, (1000 * buckets + 20_000) / max(rows, 1)), self.options.seed, always,
        )  # fmt: skip
        census = Census(question)
        tasks = [(self.source.reading, question, part) for part in self.source.parts]
        sizes = [part.rows for part in self.source.parts]
        for number, scanned in self._stream(run, "scan", (scan_part, tasks), sizes):
            census.add(number, scanned)
        return census

    def _buckets(self) -> int:
        size = self.options.partition_rows or partition_rows_for(self.source.rows, self.source.bytes_per_row)
        return max(1, -(-self.source.rows // size))

    def _plan(self, census: Census) -> tuple[Job, Borders]:
        low_x, high_x, low_y, high_y = census.extent or (None, None, None, None)
        categories = census.categories()
        columns = [as_category(c, len(categories[c.name][0])) if c.name in categories else c for c in self.columns]
        job = Job(
            store=self.folder,
            generation=self.generation,
            reading=self.source.reading,
            columns=tuple(columns),
            x=Axis.fit(self.x.name, numpy_type(self.x), low_x, high_x),
            y=Axis.fit(self.y.name, numpy_type(self.y), low_y, high_y),
            key=self.key,
            limits=limits(),
            rows=self.source.rows,
            buckets=self._buckets(),
            firsts=tuple(part.first for part in self.source.parts),
        )
        keep_categories(job.work, [categories[c.name][0] for c in columns if c.kind == "category"])
        x, y, parts = census.sample()
        keys = keys_of(positions(x, job.x), positions(y, job.y), job.x.cells, job.y.cells)
        borders = Borders.sampled(keys, parts, job.buckets)
        return replace(job, buckets=len(borders.keys) + 1), borders

    def _split(self, run: Executor, job: Job, borders: Borders) -> Halo:
        halo = Halo(job.buckets, job.limits.cell_rows + 1)
        tasks = [(job, borders, number, part) for number, part in enumerate(self.source.parts)]
        for _, pieces in self._stream(run, "split", (split_part, tasks), [part.rows for part in self.source.parts]):
            halo.add(pieces)
        return halo

    def _merge(self, run: Executor, job: Job, halo: Halo, ledger: Ledger) -> Any:
        starts = np.concatenate(([0], np.cumsum(halo.counts)[:-1])).astype(np.int64)
        tasks = [(job, bucket, int(start), *halo.of(bucket)) for bucket, start in enumerate(starts)]
        for bucket, merged in self._stream(run, "merge", (merge_bucket, tasks), halo.counts.tolist()):
            ledger.add_bucket(bucket, merged)
        return starts

    def _index(self, run: Executor, job: Job, starts: Any, ledger: Ledger) -> None:
        files = index_files(job.rows) if job.rows else 0
        work = [(index_rows, "row")] + ([(index_keys, "key")] if job.key is not None else [])
        for function, kind in work:
            tasks = [(job, number, starts) for number in range(files)]
            sizes = [min(INDEX_ROWS, job.rows - number * INDEX_ROWS) for number in range(files)]
            for number, made in self._stream(run, f"index {kind}", (function, tasks), sizes):
                ledger.add_index(kind, number, made)


def home_view(census: Census, job: Job) -> tuple[float, float, float, float]:
    """Return the view to begin with: everything, unless a few outliers would make the rest small."""
    x, y, _ = census.sample()
    return (*_range(positions(x, job.x), job.x), *_range(positions(y, job.y), job.y))


def _range(sample: Any, axis: Axis) -> tuple[float, float]:
    low, high = axis.low, axis.high
    finite = np.asarray(sample, np.float64)
    finite = finite[np.isfinite(finite)]
    if len(finite):
        inner_low, inner_high = np.quantile(finite, [0.001, 0.999])
        pad = 0.05 * (inner_high / 2 - inner_low / 2) * 2
        if high / 2 - low / 2 > 1.5 * (inner_high / 2 - inner_low / 2) + 2 * pad and inner_high > inner_low:
            low, high = max(low, inner_low - pad), min(high, inner_high + pad)
    margin = 0.02 * (high / 2 - low / 2) * 2
    if not margin > 0:
        margin = max(abs(low), abs(high)) * 1e-3 or 0.5
    largest = float(np.finfo(np.float64).max)
    return max(float(low - margin), -largest), min(float(high + margin), largest)

