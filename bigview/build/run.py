"""One run of a build: scan, split, merge, index, commit."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bigview.build.columns import Kept, as_category, is_string, numpy_type, positions
from bigview.build.executor import Executor, executor
from bigview.build.finish import Ledger
from bigview.build.index import index_keys, index_rows
from bigview.build.merge import INDEX_ROWS, index_files, merge_bucket
from bigview.build.options import BuildOptions
from bigview.build.parts import Source
from bigview.build.progress import Progress
from bigview.build.sampling import stretches, write_sample
from bigview.build.scan import SMALL, Census, Question, scan_part
from bigview.build.sources import partition_size
from bigview.build.split import Borders, Halo, Job, keep_categories, split_part
from bigview.build.summaries import summarise_bucket
from bigview.config import limits
from bigview.store.axis import Axis
from bigview.store.files import Folder
from bigview.store.home import home_range
from bigview.store.manifest import Manifest
from bigview.store.morton import keys_of


@dataclass(frozen=True)
class Recipe:
    """What is to be made.

    Attributes
    ----------
    folder : Folder
    generation : str
    columns : tuple of Kept
    x, y : Kept
    key : str or None
    options : BuildOptions
    vectors : dict or None
        For the manifest.
    report : dict
        For the manifest.
    """

    folder: Folder
    generation: str
    columns: tuple[Kept, ...]
    x: Kept
    y: Kept
    key: str | None
    options: BuildOptions
    vectors: dict[str, Any] | None = None
    report: dict[str, Any] = field(default_factory=dict)


class Run:
    """Goes through the stages; `manifest` is what comes out, for the caller to commit."""

    def __init__(self, recipe: Recipe, source: Source, tell: Progress) -> None:
        self._recipe, self._source, self._tell = recipe, source, tell
        size = recipe.options.partition_rows or partition_size(source.rows, source.bytes_per_row)
        self._buckets = max(1, -(-source.rows // size))
        self._sizes = [part.rows for part in source.parts]

    def manifest(self) -> Manifest:
        """Write all files of the store but the manifest, and return that."""
        with executor(len(self._source.parts), self._recipe.options.scheduler) as run:
            census = self._scan(run)
            job, borders = self._plan(census)
            halo = self._split(run, job, borders)
            ledger = Ledger(job, census)
            starts = self._merge(run, job, halo, ledger)
            ledger.finish_levels()
            self._summarise(run, job, starts, ledger)
            self._index(run, job, starts, ledger)
            self._sample(run, job, ledger)
        made = ledger.manifest(self._source, self._recipe.options, home_view(census, job))
        return replace(made, vectors=self._recipe.vectors, report={**self._recipe.report, **made.report})

    def _stream(
        self, run: Executor, stage: str, work: tuple[Callable[..., Any], Sequence[tuple[Any, ...]]], rows: Sequence[int]
    ) -> Iterator[tuple[int, Any]]:
        self._tell.stage(stage, int(sum(rows)))
        for number, result in run.run(*work):
            self._tell.advance(int(rows[number]))
            yield number, result

    def _scan(self, run: Executor) -> Census:
        rows, options, schema = self._source.rows, self._recipe.options, self._source.reading.schema
        texts = [column.name for column in self._recipe.columns if column.kind == "text" and is_string(schema.field(column.name).type)]
        always = {name for name in texts if pa.types.is_dictionary(schema.field(name).type)} | set(options.categories)
        question = Question(
            x=self._recipe.x,
            y=self._recipe.y,
            texts=tuple(name for name in texts if name not in always and name not in options.texts),
            most=max(SMALL, min(limits().category_limit, int(limits().category_share * rows))),
            share=min(1.0, (1000 * self._buckets + 20_000) / max(rows, 1)),
            seed=options.seed,
            always=tuple(name for name in texts if name in always and name not in options.texts),
        )
        census = Census(question)
        self._tell.stage("scan", self._source.rows)
        parts = self._source.parts
        for numbers in (range(1), range(1, len(parts))):
            for place, scanned in run.run(scan_part, [(self._source.reading, question, parts[number]) for number in numbers]):
                census.add(numbers[place], scanned)
                self._tell.advance(self._sizes[numbers[place]])
            # Texts that are no categories in the first partition need not be read in the others.
            question = replace(question, texts=tuple(name for name in question.texts if census.may_be_category(name)))
        return census

    def _plan(self, census: Census) -> tuple[Job, Borders]:
        recipe = self._recipe
        low_x, high_x, low_y, high_y = census.extent or (None, None, None, None)
        categories = census.categories()
        columns = [as_category(c, len(categories[c.name][0])) if c.name in categories else c for c in recipe.columns]
        job = Job(
            store=recipe.folder,
            generation=recipe.generation,
            reading=self._source.reading,
            columns=tuple(columns),
            x=Axis.fit(recipe.x.name, numpy_type(recipe.x), low_x, high_x),
            y=Axis.fit(recipe.y.name, numpy_type(recipe.y), low_y, high_y),
            key=recipe.key,
            limits=limits(),
            rows=self._source.rows,
            buckets=self._buckets,
            firsts=tuple(part.first for part in self._source.parts),
        )
        keep_categories(job.work, [categories[c.name][0] for c in columns if c.kind == "category"])
        x, y, parts = census.sample()
        keys = keys_of(positions(x, job.x), positions(y, job.y), job.x.cells, job.y.cells)
        borders = Borders.sampled(keys, parts, job.buckets)
        return replace(job, buckets=len(borders.keys) + 1), borders

    def _split(self, run: Executor, job: Job, borders: Borders) -> Halo:
        halo = Halo(job.buckets, job.limits.cell_rows + 1)
        tasks = [(job, borders, number, part) for number, part in enumerate(self._source.parts)]
        for _, pieces in self._stream(run, "split", (split_part, tasks), self._sizes):
            halo.add(pieces)
        return halo

    def _merge(self, run: Executor, job: Job, halo: Halo, ledger: Ledger) -> NDArray[np.int64]:
        starts = np.concatenate(([0], np.cumsum(halo.counts)[:-1])).astype(np.int64)
        tasks = [(job, bucket, int(start), *halo.of(bucket)) for bucket, start in enumerate(starts)]
        for bucket, merged in self._stream(run, "merge", (merge_bucket, tasks), halo.counts.tolist()):
            ledger.add_bucket(bucket, merged)
        return starts

    def _summarise(self, run: Executor, job: Job, starts: NDArray[np.int64], ledger: Ledger) -> None:
        plan = ledger.plan()
        if not plan.levels:
            return
        inputs = ledger.summary_inputs(plan)
        tasks = [(job, plan, (bucket, int(starts[bucket])), *given) for bucket, given in enumerate(inputs)]
        for bucket, made in self._stream(run, "summaries", (summarise_bucket, tasks), np.diff([*starts.tolist(), job.rows]).tolist()):
            ledger.add_summary(bucket, made)
        ledger.finish_summaries(plan)

    def _index(self, run: Executor, job: Job, starts: NDArray[np.int64], ledger: Ledger) -> None:
        files = index_files(job.rows) if job.rows else 0
        sizes = [min(INDEX_ROWS, job.rows - number * INDEX_ROWS) for number in range(files)]
        tasks = [(job, number, starts) for number in range(files)]
        for number, made in self._stream(run, "index rows", (index_rows, tasks), sizes):
            ledger.add_index("row", number, made)
        if job.key is not None:
            for number, made in self._stream(run, "index keys", (index_keys, tasks), sizes):
                ledger.add_index("key", number, made)

    def _sample(self, run: Executor, job: Job, ledger: Ledger) -> None:
        sampled = ledger.sampled
        parts = stretches(job, sampled)
        tasks = [(job, number, part) for number, part in enumerate(parts)]
        if tasks:
            for number, made in self._stream(run, "sample", (write_sample, tasks), [sum(sampled[slice(*part)]) for part in parts]):
                ledger.add_sample(number, made)


def home_view(census: Census, job: Job) -> tuple[float, float, float, float]:
    """Return the view to begin with: everything, unless a few outliers would make the rest small."""
    x, y, _ = census.sample()
    return (*home_range(positions(x, job.x), job.x), *home_range(positions(y, job.y), job.y))
