"""Make a similarity: a matrix of vectors against each other that is never written, only what tells where the vectors are and how long."""

import datetime as dt
import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bigview.build.axes import Axis, check_axis, joined_axis, write_axis
from bigview.build.matrixoptions import MatrixOptions
from bigview.build.place import current_matrix, new_generation, nothing_half_written, sweep_matrix
from bigview.build.progress import Progress, progress
from bigview.build.writing import disk_errors, write_file
from bigview.errors import InputError, OptionError, StoreMissingError, closest
from bigview.store import pool
from bigview.store.axistable import NAME as LABEL
from bigview.store.files import Folder
from bigview.store.manifest import NAME, DataFile, SourceFile
from bigview.store.matrixmanifest import MatrixManifest
from bigview.store.points import PointTable
from bigview.store.reader import ROW
from bigview.store.similarity import METRICS, Metric, SimilarCells, as_loops, weights
from bigview.store.vectorloops import squared_lengths

_QUANTILES = 257
_SAMPLE = 1024
"""Vectors among which pairs are looked at, to find the scale of the colours."""
_BLOCK = 65_536
_TITLES: dict[Metric, str] = {"cosine": "cosine", "dot": "dot product", "sqeuclidean": "squared distance", "euclidean": "distance"}


@dataclass(frozen=True)
class VectorSource:
    """Vectors, and what is known of each.

    Attributes
    ----------
    where : str
        For messages.
    vectors : array, shape (rows, dimensions)
    path : str or None
        The `.npy` file that they stay in; None where they are in memory and have to be written.
    axis : Axis
    title : str
    options : dict
        What the manifest keeps of the source.
    """

    where: str
    vectors: NDArray[Any]
    path: str | None
    axis: Axis
    title: str = ""
    options: dict[str, Any] | None = None


def build_similarity(source: Any, store: str | None = None, metric: Metric = "cosine", **options: Any) -> tuple[str, MatrixManifest]:
    """Make a similarity store.

    Parameters
    ----------
    source : PointTable, path or array
        A point store that was made from vectors, or its path; a `.npy` file, which stays where it is; an array, which is copied into the store.
    store : str, optional
        Where it is made; beside the source by default ("words.bv" gives "words-cosine.bv").
    metric : {"cosine", "dot", "sqeuclidean", "euclidean"}
        How alike two vectors are ("cosine", "dot"), or how far apart.
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
    generation = new_generation()
    with progress(chosen.quiet) as tell, nothing_half_written(folder, generation):
        sweep_matrix(folder, current)
        made = _written(replace(found, axis=axis), (folder, generation), metric, chosen, tell)
        folder.replace(NAME, made.dumps().encode())
        lost = made.facts["missing"]
        if lost:
            tell.note(f"{made.facts['without']:,} vectors have no {'direction' if metric == 'cosine' else 'finite length'}: their cells are missing.")
    return store, made


def vector_source(source: Any) -> VectorSource:
    """Return vectors of any accepted kind, or say what is wrong with them."""
    if isinstance(source, np.ndarray):
        return VectorSource("The array", _checked(source, "The array"), None, Axis(len(source)))
    if isinstance(source, PointTable):
        return _of_points(source)
    path = str(Path(str(source)).expanduser())
    if not path.endswith(".npy"):
        return _of_points(PointTable.open(path))
    return VectorSource(path, _mapped(path), str(Path(path).resolve()), Axis(len(_mapped(path))))


def _mapped(path: str) -> NDArray[Any]:
    try:
        return _checked(np.load(path, mmap_mode="r", allow_pickle=False), path)
    except FileNotFoundError as error:
        raise StoreMissingError(f"There is no file of vectors at {path}.") from error
    except (ValueError, EOFError, OSError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is not a whole .npy file of numbers: {error}") from error


def _checked(vectors: NDArray[Any], where: str) -> NDArray[Any]:
    if vectors.ndim != 2 or not vectors.shape[1]:
        raise InputError(f"{where} has the shape {vectors.shape}; vectors need (rows, dimensions), with at least one dimension.")
    if vectors.dtype.kind not in "fiub":
        raise InputError(f"{where} holds {vectors.dtype}; vectors need numbers.")
    if vectors.dtype.itemsize > 8 or not vectors.dtype.isnative:
        raise InputError(f"{where} holds {vectors.dtype}, which is not kept as it is. Save the vectors as float32.")
    return vectors


def _of_points(table: PointTable) -> VectorSource:
    known, where = table.manifest.vectors, table.reader.folder.url
    if not known:
        raise InputError(f"{where} was not made from vectors. Give the vectors themselves, an array or a .npy file, and the store's rows by rows=….")
    if known.get("column") or not str(known.get("path", "")).endswith(".npy"):
        raise InputError(f"The vectors of {where} are no .npy file, but {known.get('column') or known.get('path')!r}. Give them as an array.")
    path = str(known["path"])
    vectors = _mapped(path)
    if Path(path).stat().st_size != known["bytes"] or len(vectors) != table.manifest.rows:
        raise InputError(f"{path} is no longer what {where} was made from. Build the store again, or give the vectors themselves.")
    options = {"store": where, "store_fingerprint": table.manifest.fingerprint}
    return VectorSource(where, vectors, path, axis_of_points(table), table.manifest.title, options)


def axis_of_points(table: PointTable) -> Axis:
    """Return what a point store knows of its rows, in the order of its source."""
    names = [name for name in table.columns if name != ROW]
    frame = table.records(np.arange(table.manifest.rows), [*names, ROW]).sort_values(ROW, ignore_index=True)
    made = pa.Table.from_pandas(frame[names], preserve_index=False)
    return Axis(len(frame), _unique_names(made, table.manifest.key), made.drop_columns([LABEL]) if LABEL in made.column_names else made)


def _unique_names(table: pa.Table, key: str | None) -> pa.Array | None:
    """Return a name for each line: its key, or its first text, with its category and at last its number where others have the same."""
    texts = [field.name for field in table.schema if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)]
    first = key if key is not None else next(iter(texts), None)
    if first is None:
        return None
    names = pc.fill_null(pc.cast(table[first], pa.string()), "").combine_chunks()
    for other in [field.name for field in table.schema if pa.types.is_dictionary(field.type)][:1]:
        if not _different(names):
            names = pc.binary_join_element_wise(names, pc.fill_null(pc.cast(table[other], pa.string()), "").combine_chunks(), " · ")
    if _different(names):
        return names
    numbers = pc.cast(pa.array(np.arange(len(names))), pa.string())
    return pc.binary_join_element_wise(names, numbers, " · ")


def _different(names: pa.Array) -> bool:
    return bool(pc.count_distinct(names, mode="all").as_py() == len(names))


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
    for array, values in ((cells.squares, squares), (cells.centre, centre)):
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
        facts=similarity_facts(cells, squares),
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
