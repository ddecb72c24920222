"""Partitions of a source: addresses that a worker reads, never open files."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bigview.errors import InputError, StoreMissingError
from bigview.store.manifest import SourceFile


@dataclass(frozen=True)
class Part:
    """Rows of a source that one task reads.

    Attributes
    ----------
    kind : {"parquet", "arrow", "memory", "function"}
    url : str
        The file.
    first, rows : int
        Number of its first row in the whole source, and how many there are.
    groups : tuple of int
        Row groups (Parquet) or record batches (Arrow).
    skip : int
        Rows to leave out before the first one.
    constants : tuple of (str, value)
        Columns that stand in the path of the file.
    payload : object
        The table in memory, or a function ``(first, rows) -> pyarrow.Table``.
    """

    kind: Literal["parquet", "arrow", "memory", "function"]
    url: str
    first: int
    rows: int
    groups: tuple[int, ...] = ()
    skip: int = 0
    constants: tuple[tuple[str, Any], ...] = ()
    payload: Any = None


@dataclass(frozen=True)
class Beside:
    """Columns of a `.npy` matrix that lies beside the source: row i of it belongs to row i of the source."""

    path: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Reading:
    """How partitions become tables: the same for all of them.

    Attributes
    ----------
    schema : pyarrow.Schema
        The columns, under the names they have in the store.
    renamed : dict
        New name to the name in the source.
    beside : tuple of Beside
    """

    schema: pa.Schema
    renamed: dict[str, str] = field(default_factory=dict)
    beside: tuple[Beside, ...] = ()


@dataclass(frozen=True)
class Source:
    """Everything that is known about a source before its rows are read."""

    where: str
    reading: Reading
    parts: tuple[Part, ...]
    files: tuple[SourceFile, ...] = ()
    bytes_per_row: float = 64.0

    @property
    def rows(self) -> int:
        """Number of rows."""
        return sum(part.rows for part in self.parts)


Generator = Callable[[int, int], pa.Table]


@dataclass(frozen=True)
class GeneratedSource:
    """Rows made by a function, partition by partition: they never exist as input files.

    Attributes
    ----------
    rows : int
    partition_rows : int
    function : callable
        ``function(first, rows) -> pyarrow.Table``; at the top level of a module, so that it reaches the workers.
    """

    rows: int
    partition_rows: int
    function: Generator


def read_part(reading: Reading, part: Part, columns: Sequence[str]) -> pa.Table:
    """Return columns of a partition, in the types its own file has."""
    beside = {name: entry for entry in reading.beside for name in entry.names}
    constants = dict(part.constants)
    wanted = [name for name in columns if name not in beside]
    inner = [reading.renamed.get(name, name) for name in wanted]
    try:
        table = _READERS[part.kind](part, [name for name in inner if name not in constants])
    except FileNotFoundError as error:
        raise StoreMissingError(f"{part.url} has gone while it was read.") from error
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{part.url} is damaged: {error}") from error
    arrays = {}
    for name, source_name in zip(wanted, inner, strict=True):
        if source_name in constants:
            arrays[name] = pa.chunked_array([pa.repeat(pa.scalar(constants[source_name]), part.rows)])
        elif source_name in table.column_names:
            arrays[name] = table.column(source_name)
        else:  # a file that lacks a column others have
            arrays[name] = pa.chunked_array([pa.nulls(part.rows, reading.schema.field(name).type)])
    for entry in reading.beside:
        if set(entry.names) & set(columns):
            block = _matrix_rows(entry.path, part.first, part.rows)
            for i, name in enumerate(entry.names):
                arrays[name] = pa.chunked_array([pa.array(np.ascontiguousarray(block[:, i]))])
    return pa.table({name: arrays[name] for name in columns})


def _matrix_rows(path: str, first: int, rows: int) -> NDArray[Any]:
    """Return rows of a `.npy` file, wherever it lies."""
    filesystem, inner = fsspec.core.url_to_fs(path)
    if "file" in filesystem.protocol:
        return np.asarray(np.load(inner, mmap_mode="r", allow_pickle=False)[first : first + rows])
    with filesystem.open(inner, "rb") as file:
        version = np.lib.format.read_magic(file)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        (_, width), _, dtype = header(file)
        file.seek(file.tell() + first * width * dtype.itemsize)
        return np.frombuffer(file.read(rows * width * dtype.itemsize), dtype).reshape(-1, width)


def _read_parquet(part: Part, columns: list[str]) -> pa.Table:
    filesystem, path = fsspec.core.url_to_fs(part.url)
    local = "file" in filesystem.protocol
    handle = pa.memory_map(path, "r") if local else filesystem.open(path, "rb")
    with handle, pq.ParquetFile(handle) as file:
        texts = [name for name in columns if _has_dictionary(file, name)]
        present = [name for name in columns if name in file.schema_arrow.names]
    handle = pa.memory_map(path, "r") if local else filesystem.open(path, "rb")
    with handle, pq.ParquetFile(handle, read_dictionary=texts) as file:
        table = file.read_row_groups(list(part.groups), columns=present, use_threads=False)
    return table.slice(part.skip, part.rows)


def _has_dictionary(file: pq.ParquetFile, name: str) -> bool:
    """Whether a text column is kept as codes: reading these is several times faster than reading the texts."""
    if name not in file.schema_arrow.names or not file.metadata.num_row_groups:
        return False
    if not (pa.types.is_string(kind := file.schema_arrow.field(name).type) or pa.types.is_large_string(kind)):
        return False
    group = file.metadata.row_group(0)
    chunk = next((group.column(i) for i in range(group.num_columns) if group.column(i).path_in_schema == name), None)
    return chunk is not None and chunk.has_dictionary_page and chunk.total_uncompressed_size < 4 * max(chunk.num_values, 1)


def _read_arrow(part: Part, columns: list[str]) -> pa.Table:
    filesystem, path = fsspec.core.url_to_fs(part.url)
    handle = pa.memory_map(path, "r") if "file" in filesystem.protocol else filesystem.open(path, "rb")
    with handle:
        file = pa.ipc.open_file(handle)
        table = pa.Table.from_batches([file.get_batch(group) for group in part.groups], file.schema)
        return table.select([name for name in columns if name in table.column_names]).slice(part.skip, part.rows)


def _read_memory(part: Part, columns: list[str]) -> pa.Table:
    table = part.payload
    return table.select([name for name in columns if name in table.column_names]).slice(part.skip, part.rows)


def _read_function(part: Part, columns: list[str]) -> pa.Table:
    table = part.payload(part.first, part.rows)
    return table.select([name for name in columns if name in table.column_names])


_READERS: dict[str, Callable[[Part, list[str]], pa.Table]] = {
    "parquet": _read_parquet,
    "arrow": _read_arrow,
    "memory": _read_memory,
    "function": _read_function,
}
