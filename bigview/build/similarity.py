"""Make a similarity: a matrix of vectors against each other that is never written, only what tells where the vectors are and how long."""

import datetime as dt
import hashlib
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigview.build.axes import check_axis, joined_axis, write_axis
from bigview.build.blockmeans import similar_means
from bigview.build.matrixoptions import MatrixOptions
from bigview.build.place import current_matrix, new_generation, nothing_half_written, sweep_matrix
from bigview.build.progress import Progress, progress
from bigview.build.vectorsource import VectorSource, sorted_by, vector_source
from bigview.build.writing import disk_errors, write_file
from bigview.errors import OptionError, closest
from bigview.store import pool
from bigview.store.files import Folder
from bigview.store.manifest import NAME, DataFile, SourceFile
from bigview.store.matrixmanifest import MatrixManifest
from bigview.store.similarity import METRICS, Metric, SimilarCells, as_loops, weights
from bigview.store.vectorloops import squared_lengths

_QUANTILES = 257
_SAMPLE = 1024
"""Vectors among which pairs are looked at, to find the scale of the colours."""
_BLOCK = 65_536
_TITLES: dict[Metric, str] = {"cosine": "cosine", "dot": "dot product", "sqeuclidean": "squared distance", "euclidean": "distance"}


def build_similarity(
    source: Any, store: str | None = None, metric: Metric = "cosine", by: str | None = None, **options: Any
) -> tuple[str, MatrixManifest]:
    """Make a similarity store.

    Parameters
    ----------
    source : PointTable, path or array
        A point store that was made from vectors, or its path; a `.npy` file, which stays where it is; an array, which is copied into the store.
    store : str, optional
        Where it is made; beside the source by default ("words.bv" gives "words-cosine.bv").
    metric : {"cosine", "dot", "sqeuclidean", "euclidean"}
        How alike two vectors are ("cosine", "dot"), or how far apart.
    by : str, optional
        A column of what is known of the vectors: rows and columns are in its order, instead of that of the vectors.
    **options
        quiet, title, report, overwrite and rows (a table of what is known of the vectors), as `MatrixOptions` has them.

    Returns
    -------
    (str, MatrixManifest)
        The address of the store, and what is in it.

    Raises
    ------
    OptionError
        When the metric is unknown, or there is no place for the store.
    InputError, StoreMissingError
        When there are no vectors, or they cannot be used.
    """
    if metric not in METRICS:
        raise OptionError(f"There is no metric {metric!r}. {closest(str(metric), METRICS)}")
    chosen = MatrixOptions.of(options)
    found = vector_source(source)
    if store is None:
        base = found.where.removesuffix(".bv").removesuffix(".npy")
        if found.path is None:
            raise OptionError("An array has no place of its own: say where the store is to be made.")
        store = f"{base}-{metric}.bv"
    folder = Folder(store)
    current = current_matrix(folder, chosen.overwrite)
    axis = joined_axis(found.axis, chosen.rows, "rows", found.where)
    check_axis(axis, "rows", found.where)
    found = replace(found, axis=axis) if by is None else sorted_by(replace(found, axis=axis), by)
    generation = new_generation()
    with progress(chosen.quiet) as tell, nothing_half_written(folder, generation):
        sweep_matrix(folder, current)
        made = _written(found, (folder, generation), metric, chosen, tell)
        folder.replace(NAME, made.dumps().encode())
        lost = made.facts["missing"]
        if lost:
            tell.note(f"{made.facts['without']:,} vectors have no {'direction' if metric == 'cosine' else 'finite length'}: their cells are missing.")
    return store, made


def _written(source: VectorSource, place: tuple[Folder, str], metric: Metric, chosen: MatrixOptions, tell: Progress) -> MatrixManifest:
    folder, generation = place
    vectors, count = source.vectors, len(source.vectors)
    files: list[DataFile] = []
    known: dict[str, Any] = {"path": source.path, "dimensions": int(vectors.shape[1])}
    if source.path is None:
        files.append(_copied(folder, f"{generation}/vectors.npy", vectors))
        known["bytes"] = files[-1].bytes
    else:
        known["bytes"] = Path(source.path).stat().st_size
    entry, written = write_axis(folder, f"{generation}/rows.parquet", source.axis)
    files += written
    options = {"metric": metric, "vectors": known, **(source.options or {})}
    cells = SimilarCells(folder, generation, count, options)
    tell.stage("vectors", count, "vectors")
    squares, centre = lengths(vectors, tell)
    arrays = [(cells.squares, squares), (cells.centre, centre), *([(cells.order, source.order)] if source.order is not None else [])]
    for array, values in arrays:
        files.append(write_file(folder, f"{array.name}/zarr.json", array.metadata))
        if array.shape[0]:
            files.append(write_file(folder, array.key(0, 0), values.view(np.uint8).data))
    return MatrixManifest(
        generation=generation,
        fingerprint=hashlib.sha256("\n".join([str(options), *(file.sha256 for file in files)]).encode()).hexdigest(),
        created=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        shape=(count, count),
        layout="similarity",
        kind="number",
        dtype="<f8",
        missing=None,
        chunk=(1024, 1024),
        rows=entry,
        cols=entry,
        files=tuple(files),
        facts={**similarity_facts(replace(cells, options={**options, "by": None}), squares), "means": similar_means(cells)},
        sources=() if source.path is None else (_file_of(source),),
        options=options,
        report={"value": _TITLES[metric], **chosen.report},
        title=chosen.title or source.title,
    )


def _file_of(source: VectorSource) -> SourceFile:
    path = Path(str(source.path))
    found = path.stat()
    return SourceFile(str(path), found.st_size, dt.datetime.fromtimestamp(found.st_mtime, dt.UTC).isoformat(), len(source.vectors))


def _copied(folder: Folder, name: str, vectors: NDArray[Any]) -> DataFile:
    if not folder.is_local:
        raise OptionError("A similarity of an array in memory needs a local place: its vectors are mapped. Save them as a .npy file.")
    path = Path(folder.path(name))
    path.parent.mkdir(parents=True, exist_ok=True)
    with disk_errors(folder):
        np.save(path, np.ascontiguousarray(vectors), allow_pickle=False)
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 24):
            digest.update(piece)
    return DataFile(name, path.stat().st_size, digest.hexdigest())


def lengths(vectors: NDArray[Any], tell: Progress) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the squared length of each vector, and the mean of those of finite length: one pass."""
    plain, table = as_loops(vectors)
    squares, total = np.empty(len(plain)), np.zeros(plain.shape[1])
    for low in range(0, len(plain), 16 * _BLOCK):
        parts = list(_parts(low, min(len(plain), low + 16 * _BLOCK)))
        sums = [np.zeros(len(total)) for _ in parts]
        pool.run(lambda work: squared_lengths(plain, table, work[0], squares, work[1]), list(zip(parts, sums, strict=True)))
        total += np.sum(sums, axis=0)
        tell.advance(parts[-1][1] - low)
    return squares, total / max(1, int(np.isfinite(squares).sum()))


def _parts(low: int, high: int) -> Iterator[tuple[int, int]]:
    for first in range(low, high, _BLOCK):
        yield first, min(high, first + _BLOCK)


def similarity_facts(cells: SimilarCells, squares: NDArray[np.float64]) -> dict[str, Any]:
    """Return what the cells are like, from those of a sample of the vectors; how many are missing is exact."""
    good = np.flatnonzero(weights(squares, cells.metric) > 0)
    some = good if len(good) <= _SAMPLE else np.sort(np.random.default_rng(0).choice(good, _SAMPLE, replace=False))
    values = cells.take(some, some)
    apart = values[~np.eye(len(some), dtype=bool)] if len(some) > 1 else values.ravel()
    total = cells.size * cells.size
    low, high = (float(values.min()), float(values.max())) if values.size else (None, None)
    if cells.metric == "cosine" and low is not None:
        low, high = max(-1.0, low), 1.0
    return {
        "cells": total,
        "missing": total - len(good) ** 2,
        "without": cells.size - len(good),
        "infinite": 0,
        "zeros": 0,
        "low": low,
        "high": high,
        "positive": float(values[values > 0].min()) if (values > 0).any() else None,
        "mean": float(apart.mean()) if apart.size else None,
        "std": math.sqrt(float(apart.var())) if apart.size else None,
        "quantiles": [float(value) for value in np.quantile(apart, np.linspace(0, 1, _QUANTILES))] if apart.size else [],
    }
