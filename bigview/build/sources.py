"""The one door for sources: whatever the user gives becomes partitions."""

import datetime as dt
import glob as globbing
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from bigview.build.parts import GeneratedSource, Part, Reading, Source
from bigview.config import limits
from bigview.errors import InputError, StoreMissingError
from bigview.store.manifest import SourceFile

_ENDINGS = {
    ".parquet": "parquet", ".pq": "parquet", ".parq": "parquet",
    ".arrow": "arrow", ".feather": "arrow", ".ipc": "arrow",
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".csv.gz": "csv", ".tsv.gz": "csv", ".csv.zst": "csv", ".csv.bz2": "csv",
}  # fmt: skip


def open_source(source: Any, partition_rows: int) -> Source:
    """Return the partitions of a source that has rows in place (files or memory); others are streamed first (`streams.py`)."""
    opened = _opened(source, partition_rows)
    if opened.parts:
        return opened
    return replace(opened, parts=(Part("memory", "", 0, 0, payload=opened.reading.schema.empty_table()),))


def _opened(source: Any, partition_rows: int) -> Source:
    if isinstance(source, GeneratedSource):
        return _generated(source)
    table = as_table(source)
    if table is not None:
        return _table(table, partition_rows)
    files = find_files(source)
    if format_of(files[0]) == "arrow":
        return _arrow_files(files, partition_rows)
    return _parquet_files(files, partition_rows)


def as_table(source: Any) -> pa.Table | None:
    """Return a table in memory as an Arrow table, and None for anything else."""
    module = type(source).__module__.split(".")[0]
    if isinstance(source, pa.Table):
        return source
    if isinstance(source, pa.RecordBatch):
        return pa.Table.from_batches([source])
    if module == "pandas" and type(source).__name__ == "DataFrame":
        return _from_pandas(source)
    if module == "polars" and type(source).__name__ == "DataFrame":
        return source.to_arrow()
    return None


def _from_pandas(frame: Any) -> pa.Table:
    names = [str(name) for name in frame.columns]
    unified([pa.schema([pa.field(name, pa.null()) for name in names])], "the DataFrame")
    frame = frame.set_axis(names, axis=1)
    try:
        return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        column = error.args[-1] if len(error.args) > 1 else str(error)
        raise InputError(f"The DataFrame mixes types in a column ({column}). Give it one type, such as frame[column].astype(str).") from error


def _table(table: pa.Table, partition_rows: int) -> Source:
    parts = [
        Part("memory", "", first, min(partition_rows, table.num_rows - first), skip=first, payload=table)
        for first in range(0, table.num_rows, partition_rows)
    ]
    return Source("the table", Reading(table.schema), tuple(parts), (), table.nbytes / max(table.num_rows, 1))


def _generated(source: GeneratedSource) -> Source:
    schema = source.function(0, min(1, source.rows)).schema
    step = source.partition_rows
    parts = [
        Part("function", "", first, min(step, source.rows - first), payload=source.function) for first in range(0, source.rows, step)
    ]
    return Source("the generator", Reading(schema), tuple(parts))


def is_address(source: Any) -> bool:
    """Whether a source is a path, a URL, or a list of them."""
    if isinstance(source, (list, tuple)):
        return bool(source) and all(isinstance(item, (str, os.PathLike)) for item in source)
    return isinstance(source, (str, os.PathLike))


def format_of(path: str) -> str:
    """Return "parquet", "arrow", "csv" or "npy" by the ending of a file's name."""
    name = path.lower().rpartition("/")[2]
    for ending in sorted(_ENDINGS, key=len, reverse=True):
        if name.endswith(ending):
            return _ENDINGS[ending]
    if name.endswith(".npy"):
        return "npy"
    known = ", ".join(sorted(_ENDINGS))
    raise InputError(f"{path} has an ending that says nothing about its format. Known are {known}; rename it, or load it as a DataFrame.")


def find_files(source: Any) -> list[str]:
    """Return the files of paths, URLs, globs and directories, in the order of their names."""
    if not is_address(source):
        raise InputError(
            f"A {type(source).__module__}.{type(source).__name__} cannot be built from. Give a path, a URL, SQL text, a table of pandas, "
            "Polars, Arrow or Dask, or a DuckDB relation."
        )
    items = [os.fspath(item) for item in source] if isinstance(source, (list, tuple)) else [os.fspath(source)]
    files = [file for item in items for file in _expand(item)]
    kinds = {format_of(file) for file in files}
    if len(kinds) > 1:
        raise InputError(f"The source mixes formats ({', '.join(sorted(kinds))}). Build from files of one format.")
    return files


def _expand(item: str) -> list[str]:
    filesystem, path = fsspec.core.url_to_fs(item)
    local = "file" in filesystem.protocol
    if filesystem.isdir(path):
        found = [name for name in filesystem.find(path) if not _hidden(name[len(path) :]) and _known(name)]
        if not found:
            raise StoreMissingError(f"The directory {item} holds no Parquet, Arrow or CSV files.")
    elif filesystem.exists(path):
        found = [path]
    elif globbing.has_magic(path):
        found = [name for name in filesystem.glob(path) if not filesystem.isdir(name)]
        if not found:
            raise StoreMissingError(f"No file matches {item}.")
    else:
        raise StoreMissingError(f"There is no file {item}.{_near(path) if local else ''}")
    return sorted(name if local else filesystem.unstrip_protocol(name) for name in found)


def _known(name: str) -> bool:
    return any(name.lower().endswith(ending) for ending in _ENDINGS)


def _hidden(relative: str) -> bool:
    return any(piece.startswith((".", "_")) for piece in relative.strip("/").split("/"))


def _near(path: str) -> str:
    """Name a file of nearly this name, or the first folder that is not there."""
    from difflib import get_close_matches

    folder = Path(path).parent
    if not folder.is_dir():
        return f" The folder {folder} does not exist either."
    near = get_close_matches(Path(path).name, [entry.name for entry in folder.iterdir()], n=1, cutoff=0.6)
    return f" Did you mean {folder / near[0]}?" if near else ""


def described(path: str, rows: int) -> SourceFile:
    """Return what tells later whether a file has changed."""
    filesystem, inner = fsspec.core.url_to_fs(path)
    info = filesystem.info(inner)
    stamp = info.get("mtime") or info.get("LastModified") or info.get("created") or ""
    if isinstance(stamp, (int, float)):
        stamp = dt.datetime.fromtimestamp(stamp, dt.UTC)
    return SourceFile(path, int(info.get("size") or 0), stamp.isoformat() if hasattr(stamp, "isoformat") else str(stamp), rows)


def _constants(path: str) -> tuple[tuple[str, Any], ...]:
    """Return the columns in a path such as ``lang=de/year=2020/part.parquet``."""
    pairs = [piece.split("=", 1) for piece in path.split("/")[:-1] if "=" in piece and "://" not in piece]
    return tuple((name, None if value == "__HIVE_DEFAULT_PARTITION__" else _number(unquote(value))) for name, value in pairs)


def _number(text: str) -> int | str:
    return int(text) if text.lstrip("-").isdigit() and len(text) < 18 and str(int(text)) == text else text


def _parquet_files(files: list[str], partition_rows: int) -> Source:
    parts: list[Part] = []
    schemas, described_files, size, first = [], [], 0, 0
    for path in files:
        metadata, schema = _footer(path)
        constants = _constants(path)
        for name, value in constants:
            if name not in schema.names:
                schema = schema.append(pa.field(name, pa.scalar(value).type))
        schemas.append(schema)
        start = first
        for groups in _runs([metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)], partition_rows):
            rows = sum(metadata.row_group(i).num_rows for i in groups)
            parts.append(Part("parquet", path, first, rows, groups, constants=constants))
            first += rows
        size += sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
        described_files.append(described(path, first - start))
    where = files[0] if len(files) == 1 else f"{len(files)} files from {files[0]}"
    return Source(where, Reading(unified(schemas, where)), tuple(parts), tuple(described_files), size / max(first, 1))


def _footer(path: str) -> tuple[pq.FileMetaData, pa.Schema]:
    filesystem, inner = fsspec.core.url_to_fs(path)
    try:
        with filesystem.open(inner, "rb") as handle, pq.ParquetFile(handle) as file:
            return file.metadata, file.schema_arrow.remove_metadata()
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(
            f"{path} is no complete Parquet file ({str(error).splitlines()[0]}). It may have been cut short; fetch or write it again."
        ) from error


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


def _arrow_files(files: list[str], partition_rows: int) -> Source:
    parts: list[Part] = []
    schemas, described_files, first, size = [], [], 0, 0
    for path in files:
        filesystem, inner = fsspec.core.url_to_fs(path)
        try:
            with filesystem.open(inner, "rb") as handle:
                file = pa.ipc.open_file(handle)
                schemas.append(file.schema.remove_metadata())
                sizes = [file.get_batch(i).num_rows for i in range(file.num_record_batches)]
        except (pa.ArrowInvalid, OSError) as error:
            raise InputError(
                f"{path} is no complete Arrow file ({str(error).splitlines()[0]}). Feather version 1 is not read; write it again."
            ) from error
        start = first
        for groups in _runs(sizes, partition_rows):
            rows = sum(sizes[i] for i in groups)
            parts.append(Part("arrow", path, first, rows, groups))
            first += rows
        described_files.append(described(path, first - start))
        size += described_files[-1].bytes
    where = files[0] if len(files) == 1 else f"{len(files)} files from {files[0]}"
    return Source(where, Reading(unified(schemas, where)), tuple(parts), tuple(described_files), size / max(first, 1))


def unified(schemas: list[pa.Schema], where: str) -> pa.Schema:
    """Return the columns of all files, in the order of the first."""
    distinct = list(dict.fromkeys(schemas))
    for schema in distinct:
        double = sorted({name for name in schema.names if schema.names.count(name) > 1})
        if double:
            raise InputError(f"{where} has several columns of the name {', '.join(map(repr, double))}. Rename them at their source.")
    try:
        return distinct[0] if len(distinct) == 1 else pa.unify_schemas(distinct, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InputError(f"The files of {where} disagree about a column: {error}") from error


def partition_rows_for(rows: int, bytes_per_row: float) -> int:
    """Return how many rows a task sorts: fewer when they are wide, more when there are very many."""
    grown = limits().partition_rows * max(1.0, (rows / 1e8) ** 0.5)
    return max(1, min(int(grown), int(limits().partition_bytes / max(bytes_per_row, 1.0))))
