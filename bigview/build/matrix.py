"""Build a matrix store: the door."""

import datetime as dt
import hashlib
import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigview.build.axes import check_axis, joined_axis, write_axis
from bigview.build.executor import executor
from bigview.build.longtable import is_long
from bigview.build.matrixjob import Block, Job, Shape, build_block, levels_of, stored, write_metadata
from bigview.build.matrixoptions import MatrixOptions
from bigview.build.matrixsource import MatrixSource, NpyReader, said_of_nothing, stored_type
from bigview.build.matrixsources import open_matrix
from bigview.build.place import current_matrix, new_generation, nothing_half_written, sweep_matrix
from bigview.build.progress import Progress, progress
from bigview.build.space import Estimate, check_space, free_bytes, threads
from bigview.build.sparse import SparseSource, build_sparse, sparse_source
from bigview.errors import OptionError
from bigview.store.files import Folder
from bigview.store.manifest import NAME, DataFile
from bigview.store.matrixmanifest import AxisEntry, MatrixManifest

_QUANTILES = 257
# Seconds a cell and core: fixed, and for each byte; measured at 4 bytes.
_FIXED, _EACH = 6e-9, 1.2e-9


def build_matrix(source: Any, store: str, **options: Any) -> MatrixManifest | Estimate:
    """Build a matrix store.

    Parameters
    ----------
    source : array, table or path
        See `bigview.build.matrixsources.open_matrix`.
    store : str
        Directory or fsspec URL of the store. One that is there stays until the new one is complete.
    **options
        The fields of `MatrixOptions`.

    Returns
    -------
    MatrixManifest, or Estimate when `dry_run` is set

    Raises
    ------
    InputError, OptionError, StoreMissingError
        When the source cannot be used as it is.
    SpaceError
        When the disk has too little room.
    StoreBusyError
        When another build writes to the store.

    Examples
    --------
    >>> build_matrix("expression.npy", "expression.bv", rows="genes.parquet")  # doctest: +SKIP
    """
    chosen = MatrixOptions.of(options)
    folder = Folder(str(store))
    current = current_matrix(folder, chosen.overwrite)
    opened = sparse_source(source) or open_matrix(source, chosen)
    if is_long(source, chosen):
        chosen = replace(chosen, rows=None, cols=None)  # they have named columns of the table, not tables beside the matrix
    if isinstance(opened, SparseSource):
        return build_sparse(opened, str(store), chosen)
    try:
        opened = _with_axes(opened, chosen)
        dtype, missing = stored_type(opened)
        cut = Shape.of(opened.shape, opened.chunk)
        levels = levels_of(cut, dtype, len(opened.categories))
        generation = new_generation()
        job = Job(folder, generation, opened.reader, cut, dtype, missing, levels, len(opened.categories))
        expected = estimate_matrix(job)
        if chosen.dry_run:
            return expected
        check_space(folder, expected)
        with progress(chosen.quiet) as tell, nothing_half_written(folder, generation):
            sweep_matrix(folder, current)
            made = _written(_reachable(job, opened, chosen), opened, chosen, tell)
            folder.replace(NAME, made.dumps().encode())
            _tell_facts(made, tell)
        return made
    finally:
        opened.release()


def _with_axes(opened: MatrixSource, options: MatrixOptions) -> MatrixSource:
    rows = joined_axis(opened.rows, options.rows, "rows", opened.where)
    cols = joined_axis(opened.cols, options.cols, "cols", opened.where)
    check_axis(rows, "rows", opened.where)
    check_axis(cols, "columns", opened.where)
    return replace(opened, rows=rows, cols=cols)


def estimate_matrix(job: Job) -> Estimate:
    """Return what a build would cost."""
    cells, width = math.prod(job.cut.shape), job.dtype.itemsize
    sides = [math.ceil(size / step) * step for size, step in zip(job.cut.shape, job.cut.chunk, strict=True)]
    store = float(math.prod(sides) * width)
    for level in job.levels:
        planes = sum(np.dtype(name).itemsize for plane, name in level.planes.items() if plane != "missing")
        store += planes * math.prod(math.ceil(size / step) for size, step in zip(job.cut.shape, (level.rows, level.cols), strict=True))
    block = min(cells, math.prod(job.cut.block))
    memory = 250e6 + threads() * block * (2 * width + 6)
    seconds = cells * (_FIXED + _EACH * width) / threads()
    return Estimate(cells, int(store) + 20_000, 0, int(memory), max(seconds, 0.1), free_bytes(job.store), unit="cells")


def _reachable(job: Job, opened: MatrixSource, options: MatrixOptions) -> Job:
    """Return the job with a source that workers of a cluster can read: what is in memory here is put into a file beside the store."""
    if options.scheduler is None or not opened.local:
        return job
    if not job.store.is_local:
        raise OptionError("Workers of a cluster cannot read an object in memory. Save it (numpy.save, to_zarr) and give its path.")
    path = job.store.within(f".build-{job.generation}").path("source.npy")
    job.store.within(f".build-{job.generation}").make()
    spilled = np.lib.format.open_memmap(path, "w+", job.dtype, opened.shape)
    for number in job.cut.blocks if spilled.size else []:
        rows, cols = job.cut.span(number)
        spilled[slice(*rows), slice(*cols)] = stored(opened.reader.block(rows, cols), job)
    spilled.flush()
    return replace(job, source=NpyReader(path, job.missing))


def _written(job: Job, opened: MatrixSource, options: MatrixOptions, tell: Progress) -> MatrixManifest:
    files = write_metadata(job, {"title": options.title} if options.title else {})
    entries = []
    for axis, name in ((opened.rows, "rows"), (opened.cols, "cols")):
        entry, written = write_axis(job.store, f"{job.generation}/{name}.parquet", axis)
        entries.append(entry)
        files += written
    blocks = job.cut.blocks if math.prod(job.cut.shape) else []
    found: dict[int, Block] = {}
    with executor(len(blocks), options.scheduler) as run:
        tell.stage("cells", math.prod(job.cut.shape), "cells")
        for number, block in run.run(build_block, [(job, block) for block in blocks]):
            found[number] = block
            tell.advance(job.cut.cells(blocks[number]))
    ordered = [found[number] for number in sorted(found)]
    files += [file for block in ordered for file in block.files]
    return _manifest(job, opened, options, (entries, files, ordered))


def _manifest(job: Job, opened: MatrixSource, options: MatrixOptions, made: tuple[list[AxisEntry], list[DataFile], list[Block]]) -> MatrixManifest:
    (rows, cols), files, blocks = made
    levels = tuple(
        replace(level, quantiles=tuple(quantiles([block.means[place] for block in blocks if place in block.means])))
        for place, level in enumerate(job.levels)
    )
    return MatrixManifest(
        generation=job.generation,
        fingerprint=hashlib.sha256("\n".join(file.sha256 for file in files).encode()).hexdigest(),
        created=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        shape=job.cut.shape,
        layout="dense",
        kind=opened.kind,
        dtype=job.dtype.str,
        missing=job.missing,
        chunk=job.cut.chunk,
        rows=rows,
        cols=cols,
        levels=levels,
        categories=opened.categories,
        files=tuple(files),
        facts=gathered(blocks),
        sources=opened.files,
        report={**opened.report, **options.report},
        title=options.title,
    )


def gathered(blocks: list[Block]) -> dict[str, Any]:
    """Return what the values are like, from what the blocks have found."""
    facts = np.array([block.facts for block in blocks]).reshape(-1, 7)
    cells = sum(block.cells for block in blocks)
    missing, infinite, zeros = (int(facts[:, place].sum()) for place in (4, 5, 6))
    finite = cells - missing - infinite
    held = np.array([block.cells for block in blocks], float) - facts[:, 4] - facts[:, 5]
    mean = math.fsum(facts[:, 2]) / finite if finite else None
    squares = 0.0
    if mean is not None:
        with np.errstate(invalid="ignore", divide="ignore"):
            away = np.where(held > 0, facts[:, 2] / held - mean, 0.0)
        squares = math.fsum([block.squares for block in blocks]) + math.fsum(held * away * away)
    positive = facts[:, 3].min() if len(facts) else math.inf
    return {
        "cells": cells,
        "missing": missing,
        "infinite": infinite,
        "zeros": zeros,
        "low": float(facts[:, 0].min()) if finite else None,
        "high": float(facts[:, 1].max()) if finite else None,
        "positive": float(positive) if math.isfinite(positive) else None,
        "mean": mean,
        "std": math.sqrt(squares / finite) if finite and math.isfinite(squares) else None,
        "quantiles": quantiles([block.sample for block in blocks]),
    }


def quantiles(samples: list[NDArray[np.float64]]) -> list[float]:
    """Return values at equal steps of rank, from the least to the greatest of a sample."""
    values = np.concatenate([np.empty(0), *samples])
    return [float(value) for value in np.quantile(values, np.linspace(0, 1, _QUANTILES))] if len(values) else []


def _tell_facts(made: MatrixManifest, tell: Progress) -> None:
    missing, infinite = made.facts["missing"], made.facts["infinite"]
    if nothing := said_of_nothing(made.shape):
        tell.note(nothing)
    if missing:
        tell.note(f"{missing:,} of {made.facts['cells']:,} cells are missing; they count in nothing.")
    if infinite:
        tell.note(f"{infinite:,} cells are infinite; so are the means over them. They are kept, and left out of the scale of colours.")
