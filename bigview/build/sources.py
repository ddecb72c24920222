"""The one door for sources: whatever the user gives becomes partitions, or a stream that is cut into partitions first."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bigview.build.csvs import csv_stream
from bigview.build.found import Found, described, find_files, format_of, is_address
from bigview.build.parts import Beside, GeneratedSource, Part, Reading, Source
from bigview.build.tables import Stream, as_stream, as_table, check_names
from bigview.config import limits
from bigview.errors import InputError
from bigview.store.manifest import SourceFile

_HUGE = 8
"""A row group of more partitions than this is read as a stream, or every task would decode all of it."""


def open_source(source: Any, partition_rows: int | None = None, database: str | None = None, left: str = "") -> Source | Stream:
    """Return the partitions of a source, or a stream where rows only come one after the other.

    Parameters
    ----------
    source : path, URL, list of them, SQL text, or a table
    partition_rows : int, optional
        Rows of a partition; None chooses by the width of a row.
    database : str, optional
        The DuckDB file that SQL text is run in.
    left : str
        A column that is left where it is: vectors make rows wide, but not the store's.
    """
    if isinstance(source, GeneratedSource):
        return _generated(source)
    table = as_table(source)
    if table is not None:
        check_names(list(table.column_names), "The table")
        return _table(table, partition_rows, left)
    stream = as_stream(source, database)
    if stream is not None:
        return stream
    if not is_address(source):
        raise InputError(
            f"A {type(source).__module__}.{type(source).__name__} cannot be built from. Give a path, a URL, SQL text, a table of pandas, "
            "Polars, Arrow or Dask, or a DuckDB relation."
        )
    files = find_files(source)
    kind = format_of(files[0].path)
    if kind == "csv":
        return csv_stream(files)
    if kind == "npy":
        return _matrix(files, partition_rows)
    return _arrow_files(files, partition_rows) if kind == "arrow" else _parquet_files(files, partition_rows, left)


def partition_size(rows: int, bytes_per_row: float) -> int:
    """Return how many rows a task sorts: fewer when they are wide, more when there are very many."""
    grown = limits().partition_rows * max(1.0, (rows / 1e8) ** 0.5)
    return max(1, min(int(grown), int(limits().partition_bytes / max(bytes_per_row, 1.0))))


def _whole(source: Source) -> Source:
    """Return a source that has a partition even if it has no rows."""
    if source.parts:
        return source
    return replace(source, parts=(Part("memory", "", 0, 0, payload=source.reading.schema.empty_table()),))


def _table(table: pa.Table, partition_rows: int | None, left: str) -> Source:
    width = sum(table.column(name).nbytes for name in table.column_names if name != left) / max(table.num_rows, 1)
    size = partition_rows or partition_size(table.num_rows, width)
    starts = range(0, table.num_rows, size)
    parts = [Part("memory", "", first, min(size, table.num_rows - first), skip=first, payload=table) for first in starts]
    return _whole(Source("the table", Reading(table.schema), tuple(parts), (), width))


def _generated(source: GeneratedSource) -> Source:
    if source.rows < 0 or source.partition_rows < 1:
        raise InputError(f"A generated source needs rows and partitions, not {source.rows} rows in partitions of {source.partition_rows}.")
    sample = source.function(0, min(1000, source.rows))
    starts = range(0, source.rows, source.partition_rows)
    parts = [Part("function", "", first, min(source.partition_rows, source.rows - first), payload=source.function) for first in starts]
    return _whole(Source("the generator", Reading(sample.schema), tuple(parts), (), sample.nbytes / max(sample.num_rows, 1)))


def _matrix(files: list[Found], partition_rows: int | None) -> Source:
    """Return the two columns of a `.npy` file as x and y; wider ones are vectors, which `vectors=` takes."""
    if len(files) > 1:
        raise InputError(f"Several .npy files ({files[0].path}, {files[1].path}, …) cannot be joined. Give one.")
    path = files[0].path
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise InputError(f"{path} is not a whole .npy file of numbers: {error}") from error
    if array.ndim != 2 or array.shape[1] < 2 or array.dtype.kind not in "fiu":
        raise InputError(f"{path} holds an array of shape {array.shape} and type {array.dtype}; numbers of shape (rows, dimensions) are needed.")
    names = ("x", "y") if array.shape[1] == 2 else ()
    size = partition_rows or partition_size(len(array), 8 * array.itemsize)
    parts = [Part("memory", "", first, min(size, len(array) - first), payload=pa.table({})) for first in range(0, len(array), size)]
    schema = pa.schema([(name, pa.from_numpy_dtype(array.dtype)) for name in names])
    reading = Reading(schema, beside=(Beside(path, names),) if names else ())
    return Source(path, reading, tuple(parts), (described(path, len(array)),), 8.0 * array.itemsize)


def _parquet_files(files: list[Found], partition_rows: int | None, left: str) -> Source | Stream:
    footers = [_footer(file) for file in files]
    metadata = [footer[0] for footer in footers]
    schema = _unified([schema for _, schema in footers], files[0].path)
    rows = sum(entry.num_rows for entry in metadata)
    size = sum(_kept_bytes(entry, left) for entry in metadata)
    most = partition_rows or partition_size(rows, size / max(rows, 1))
    told = tuple(described(file.path, entry.num_rows) for file, entry in zip(files, metadata, strict=True))
    where = files[0].path if len(files) == 1 else f"{len(files)} files from {files[0].path}"
    largest = max((entry.row_group(i).num_rows for entry in metadata for i in range(entry.num_row_groups)), default=0)
    if largest > _HUGE * max(most, limits().row_group):
        return Stream(where, schema, lambda: _parquet_batches(files), told, rows, size)
    parts: list[Part] = []
    first = 0
    for file, entry in zip(files, metadata, strict=True):
        for groups in _runs([entry.row_group(i).num_rows for i in range(entry.num_row_groups)], most):
            count = sum(entry.row_group(i).num_rows for i in groups)
            parts.append(Part("parquet", file.path, first, count, groups, constants=file.constants))
            first += count
    return _whole(Source(where, Reading(schema), tuple(parts), told, size / max(rows, 1)))


def _kept_bytes(metadata: pq.FileMetaData, left: str) -> int:
    """Return the bytes of all columns but the one that is left where it is."""
    total = 0
    for i in range(metadata.num_row_groups):
        group = metadata.row_group(i)
        chunks = (group.column(j) for j in range(group.num_columns))
        total += sum(chunk.total_uncompressed_size for chunk in chunks if chunk.path_in_schema.split(".")[0] != left)
    return total


def _footer(file: Found) -> tuple[pq.FileMetaData, pa.Schema]:
    filesystem, inner = fsspec.core.url_to_fs(file.path)
    try:
        with filesystem.open(inner, "rb") as handle, pq.ParquetFile(handle) as opened:
            metadata, schema = opened.metadata, opened.schema_arrow.remove_metadata()
    except (pa.ArrowInvalid, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{file.path} is no whole Parquet file ({reason}). It may have been cut short; fetch or write it again.") from error
    for name, value in file.constants:
        if name not in schema.names:
            schema = schema.append(pa.field(name, pa.scalar(value).type))
    return metadata, schema


def _parquet_batches(files: list[Found]) -> Iterator[pa.RecordBatch]:
    for file in files:
        filesystem, inner = fsspec.core.url_to_fs(file.path)
        with filesystem.open(inner, "rb") as handle, pq.ParquetFile(handle) as opened:
            for batch in opened.iter_batches(limits().row_group):
                for name, value in file.constants:
                    if name not in batch.schema.names:
                        batch = batch.append_column(name, pa.repeat(pa.scalar(value), batch.num_rows))
                yield batch


def _runs(sizes: Sequence[int], most: int) -> list[tuple[int, ...]]:
    """Join successive groups up to `most` rows."""
    runs: list[tuple[int, ...]] = []
    current: list[int] = []
    rows = 0
    for i, size in enumerate(sizes):
        if current and rows + size > most:
            runs.append(tuple(current))
            current, rows = [], 0
        if size:
            current.append(i)
            rows += size
    return [*runs, tuple(current)] if current else runs


def _arrow_files(files: list[Found], partition_rows: int | None) -> Source:
    opened = [_batch_sizes(file.path) for file in files]
    schema = _unified([schema for schema, _ in opened], files[0].path)
    rows = sum(sum(sizes) for _, sizes in opened)
    told: list[SourceFile] = [described(file.path, sum(sizes)) for file, (_, sizes) in zip(files, opened, strict=True)]
    width = sum(file.bytes for file in told) / max(rows, 1)
    most = partition_rows or partition_size(rows, width)
    parts: list[Part] = []
    first = 0
    for file, (_, sizes) in zip(files, opened, strict=True):
        for groups in _runs(sizes, most):
            count = sum(sizes[i] for i in groups)
            starts = range(0, count, most)  # one batch may be all of a file; slicing it costs nothing
            parts += [Part("arrow", file.path, first + s, min(most, count - s), groups, s, file.constants) for s in starts]
            first += count
    where = files[0].path if len(files) == 1 else f"{len(files)} files from {files[0].path}"
    return _whole(Source(where, Reading(schema), tuple(parts), tuple(told), width))


def _batch_sizes(path: str) -> tuple[pa.Schema, list[int]]:
    filesystem, inner = fsspec.core.url_to_fs(path)
    try:
        with filesystem.open(inner, "rb") as handle:
            file = pa.ipc.open_file(handle)
            return file.schema.remove_metadata(), [file.get_batch(i).num_rows for i in range(file.num_record_batches)]
    except (pa.ArrowInvalid, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path} is no whole Arrow file ({reason}). Feather version 1 is not read; write it again.") from error


def _unified(schemas: list[pa.Schema], where: str) -> pa.Schema:
    """Return the columns of all files, in the order of the first."""
    distinct = list(dict.fromkeys(schemas))
    for schema in distinct:
        check_names(list(schema.names), where)
    try:
        return distinct[0] if len(distinct) == 1 else pa.unify_schemas(distinct, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InputError(f"The files of {where} disagree about a column: {error}") from error
