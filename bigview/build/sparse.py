"""Build a sparse matrix store: the entries by rows and by columns, never made dense."""

import datetime as dt
import hashlib
import math
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bigview.build.axes import Axis, axis_of_index, check_axis, joined_axis, write_axis
from bigview.build.blockmeans import sparse_means
from bigview.build.found import described
from bigview.build.matrixoptions import MatrixOptions
from bigview.build.matrixsource import kind_of, said_of_nothing
from bigview.build.place import current_matrix, new_generation, nothing_half_written, sweep_matrix
from bigview.build.progress import Progress, progress
from bigview.build.space import Estimate, check_space, free_bytes
from bigview.build.writing import write_file
from bigview.errors import InputError, StoreMissingError
from bigview.store.files import Folder
from bigview.store.manifest import NAME, DataFile, SourceFile
from bigview.store.matrixmanifest import AxisEntry, MatrixManifest
from bigview.store.sparse import Entries, Half, SparseCells, short_type

_QUANTILES = 257
_SAMPLE = 1 << 20
_SECONDS = 6e-8
"""Seconds an entry: sorting it into columns, its checksums, writing it twice."""


@dataclass(frozen=True)
class SparseSource:
    """A sparse matrix that is ready to be written.

    Attributes
    ----------
    where : str
        For messages.
    matrix : scipy.sparse matrix or array
    rows, cols : Axis
    files : tuple of SourceFile
    report : dict
    """

    where: str
    matrix: Any
    rows: Axis
    cols: Axis
    files: tuple[SourceFile, ...] = ()
    report: dict[str, Any] = field(default_factory=dict)


def sparse_source(source: Any) -> SparseSource | None:
    """Return a sparse matrix of SciPy, a DataFrame of sparse columns, or a `.npz` file of one (`scipy.sparse.save_npz`), as a source.

    None for everything else, also for a `.npz` file of plain arrays.
    """
    if isinstance(source, (str, Path)):
        return _opened(os.path.expanduser(str(source))) if str(source).lower().endswith(".npz") else None
    if isinstance(source, pd.DataFrame) and source.shape[1] and all(isinstance(dtype, pd.SparseDtype) for dtype in source.dtypes):
        return _of_frame(source)
    module = sys.modules.get("scipy.sparse")
    return checked(source, "The sparse matrix") if module is not None and module.issparse(source) else None


def _of_frame(frame: pd.DataFrame) -> SparseSource | None:
    if any(dtype.fill_value != 0 for dtype in frame.dtypes):
        return None
    made = checked(frame.sparse.to_coo(), "The DataFrame")
    return replace(made, rows=axis_of_index(frame.index), cols=axis_of_index(frame.columns))


def _opened(path: str) -> SparseSource | None:
    from scipy import sparse

    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as archive:
            if "format" not in archive.files:
                return None
        matrix = sparse.load_npz(path)
    except FileNotFoundError as error:
        raise StoreMissingError(f"There is no file {path}.") from error
    except (ValueError, EOFError, OSError, KeyError, AttributeError, TypeError, BadZipFile) as error:
        raise InputError(f"{path} is no whole .npz file, as scipy.sparse.save_npz or numpy.savez write it. Write it again.") from error
    made = checked(matrix, path)
    return replace(made, files=(described(path, made.matrix.shape[0]),))


def checked(matrix: Any, where: str) -> SparseSource:
    """Return a sparse matrix of SciPy as a source, or say what is wrong with it."""
    if matrix.ndim != 2:
        raise InputError(f"{where} has {matrix.ndim} axes; a matrix has two.")
    if matrix.dtype.kind not in "fiub":
        raise InputError(f"{where} holds {matrix.dtype}; a matrix needs numbers or booleans.")
    rows, cols = (int(size) for size in matrix.shape)
    return SparseSource(where, matrix, Axis(rows), Axis(cols))


def build_sparse(source: SparseSource, store: str, options: MatrixOptions) -> MatrixManifest | Estimate:
    """Build a sparse matrix store; the door is `bigview.build.matrix.build_matrix`."""
    folder = Folder(store)
    current = current_matrix(folder, options.overwrite)
    rows = joined_axis(source.rows, options.rows, "rows", source.where)
    cols = joined_axis(source.cols, options.cols, "cols", source.where)
    check_axis(rows, "rows", source.where)
    check_axis(cols, "columns", source.where)
    source = replace(source, rows=rows, cols=cols)
    expected = _estimate(source, folder)
    if options.dry_run:
        return expected
    check_space(folder, expected)
    generation = new_generation()
    with progress(options.quiet) as tell, nothing_half_written(folder, generation):
        sweep_matrix(folder, current)
        made = _written(source, (folder, generation), options, tell)
        folder.replace(NAME, made.dumps().encode())
        if nothing := said_of_nothing(made.shape):
            tell.note(nothing)
        if made.facts["missing"]:
            tell.note(f"{made.facts['missing']:,} of the stored cells are NaN: they count as missing, not as 0.")
    return made


def _estimate(source: SparseSource, folder: Folder) -> Estimate:
    matrix = source.matrix
    width = max(1, matrix.dtype.itemsize) + short_type(matrix.shape).itemsize
    entries = int(matrix.nnz)
    size = 2 * entries * width + 8 * sum(matrix.shape) + 20_000
    return Estimate(entries, size, 0, int(250e6 + 3 * entries * width), max(0.1, entries * _SECONDS), free_bytes(folder), unit="entries")


def _written(source: SparseSource, place: tuple[Folder, str], options: MatrixOptions, tell: Progress) -> MatrixManifest:
    folder, generation = place
    files: list[DataFile] = []
    entries: list[AxisEntry] = []
    for axis, name in ((source.rows, "rows"), (source.cols, "cols")):
        entry, written = write_axis(folder, f"{generation}/{name}.parquet", axis)
        entries.append(entry)
        files += written
    by_row = canonical(source.matrix)
    shape = (int(by_row.shape[0]), int(by_row.shape[1]))
    cells = SparseCells.of(folder, generation, shape, int(by_row.nnz), by_row.dtype.newbyteorder("<"))
    tell.stage("entries", 2 * int(by_row.nnz), "entries")
    for half, matrix in ((cells.by_row, lambda: by_row), (cells.by_col, by_row.tocsc)):
        files += _half(half, matrix())
        tell.advance(int(by_row.nnz))
    return MatrixManifest(
        generation=generation,
        fingerprint=hashlib.sha256("\n".join(file.sha256 for file in files).encode()).hexdigest(),
        created=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        shape=shape,
        layout="sparse",
        kind=kind_of(by_row.dtype),
        dtype=cells.by_row.dtype.str,
        missing=None,
        chunk=(1024, 1024),
        rows=entries[0],
        cols=entries[1],
        files=tuple(files),
        facts={**sparse_facts(by_row.data, shape), "means": sparse_means(_entries(by_row), shape)},
        sources=source.files,
        report={**source.report, **options.report},
        title=options.title,
    )


def canonical(matrix: Any) -> Any:
    """Return a matrix by rows, with its columns in order and each entry once, in a type that is stored. The one given stays as it is."""
    made = matrix.tocsr()
    if made.dtype.kind in "iu" and made.dtype.itemsize < 8 and (made.nnz < matrix.nnz or not made.has_canonical_format):
        made = matrix.astype(np.int64).tocsr()  # several entries of a cell are added up, and their sum may need more room
    if not made.has_canonical_format:
        made = made.copy() if made is matrix or np.shares_memory(made.data, getattr(matrix, "data", np.empty(0))) else made
        made.sum_duplicates()
    if made.dtype == np.float16:
        return made.astype(np.float32)
    return made.astype(np.float64) if made.dtype.kind == "f" and made.dtype.itemsize > 8 else made


def _entries(matrix: Any) -> Entries:
    data = matrix.data
    return matrix.indptr.astype(np.int64), matrix.indices, data.view(np.uint8) if data.dtype.kind == "b" else data, 0


def _half(half: Half, matrix: Any) -> Iterator[DataFile]:
    yield write_file(half.folder, f"{half.name}/zarr.json", half.metadata)
    given = {"indptr": matrix.indptr, "indices": matrix.indices, "data": matrix.data}
    for name, array in half.arrays.items():
        yield write_file(half.folder, f"{array.name}/zarr.json", array.metadata)
        if array.shape[0]:
            values = np.ascontiguousarray(given[name][: array.shape[0]], array.dtype)
            yield write_file(half.folder, array.key(0, 0), values.view(np.uint8).data)


def sparse_facts(data: NDArray[Any], shape: tuple[int, int]) -> dict[str, Any]:
    """Return what the cells are like. Quantiles are those of the ones other than 0 and of as many zeros: of all, nearly every one would be 0."""
    cells, values = shape[0] * shape[1], data.astype(np.float64, copy=False)
    good = values[np.isfinite(values)]
    missing = int(np.isnan(values).sum())
    infinite = len(values) - len(good) - missing
    finite = cells - missing - infinite
    implicit = cells - len(values)
    ends = [*([good.min(), good.max()] if len(good) else []), *([0.0] if implicit else [])]
    mean = math.fsum(part.sum() for part in np.array_split(good, 64)) / finite if finite else None
    squares = 0.0 if mean is None else float(((good - mean) ** 2).sum()) + implicit * mean * mean
    some = good[good != 0]
    sample = some if len(some) <= _SAMPLE else np.random.default_rng(0).choice(some, _SAMPLE)
    sample = np.append(sample, np.zeros(min(len(sample), implicit)))
    return {
        "cells": cells,
        "stored": len(values),
        "missing": missing,
        "infinite": infinite,
        "zeros": implicit + int((good == 0).sum()),
        "low": float(min(ends)) if ends else None,
        "high": float(max(ends)) if ends else None,
        "positive": float(some[some > 0].min()) if (some > 0).any() else None,
        "mean": mean,
        "std": math.sqrt(squares / finite) if finite else None,
        "quantiles": [float(value) for value in np.quantile(sample, np.linspace(0, 1, _QUANTILES))] if len(sample) else [],
    }
