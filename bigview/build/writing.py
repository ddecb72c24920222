"""Writing files that are whole or absent, with their size and checksum."""

import errno
import hashlib
import inspect
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from bigview.errors import SpaceError
from bigview.store.files import Folder
from bigview.store.manifest import DataFile


@contextmanager
def disk_errors(folder: Folder) -> Iterator[None]:
    """Turn a full disk into a clear error."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT} or "No space left" in str(error):
            raise SpaceError(
                f"The disk of {folder.url} is full. Make room, or build to another disk; what was written is removed by the next build."
            ) from error
        raise


def write_file(folder: Folder, name: str, data: bytes | pa.Buffer | memoryview, durable: bool = True) -> DataFile:
    """Write a file under a temporary name and rename it; two attempts at once do not harm each other.

    Of many files that are not `durable` at once, `make_durable` makes them so together, in a fraction of the time.
    """
    view = memoryview(data)
    with disk_errors(folder):
        if folder.is_local:
            target = Path(folder.path(name))
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = target.with_name(f".{target.name}.{uuid4().hex}")
            try:
                with temporary.open("wb") as file:
                    file.write(view)
                    file.flush()
                    if durable:
                        os.fsync(file.fileno())  # the manifest, which names this file, must not outlive it when the power fails
                temporary.replace(target)
            finally:
                temporary.unlink(missing_ok=True)
        else:
            with folder.writer(name) as file:  # an object appears when it is closed
                file.write(view)
    return DataFile(name, view.nbytes, hashlib.sha256(view).hexdigest())


_ONE_PAGE = 1 << 28
"""Bytes and rows of a page: more than a row group has."""


def make_durable(folder: Folder, files: Sequence[DataFile]) -> None:
    """Wait until files are on the disk: the manifest, which names them, must not outlive them when the power fails."""
    if not folder.is_local:
        return
    with disk_errors(folder):
        for file in files:
            handle = os.open(folder.path(file.name), os.O_RDWR)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


class ParquetBytes:
    """A Parquet file made in memory: a bucket's files are some ten megabytes."""

    def __init__(self, schema: pa.Schema, delta: Sequence[str] = (), row_group: int = 131_072, plain: Sequence[str] = ()) -> None:
        self._sink = pa.BufferOutputStream()
        self._rows = row_group
        self._writer = pq.ParquetWriter(self._sink, schema, **_encodings(schema, delta, plain))

    def write(self, table: pa.Table) -> int:
        """Add a table; return the number of row groups it makes."""
        if not table.num_rows:
            return 0
        self._writer.write_table(table, row_group_size=self._rows)
        return int(-(-table.num_rows // self._rows))

    def finish(self) -> pa.Buffer:
        """Return the whole file."""
        self._writer.close()
        return self._sink.getvalue()


def _encodings(schema: pa.Schema, delta: Sequence[str], plain: Sequence[str]) -> dict[str, Any]:
    """Return the encodings: the bytes of numbers apart, so that zstd finds the equal ones; rising numbers as differences; `plain` ones as is."""
    apart = {*delta, *plain}
    split = [field.name for field in schema if field.name not in apart and not _is_variable(field.type) and not pa.types.is_boolean(field.type)]
    options: dict[str, Any] = {"compression": "zstd", "compression_level": 1, "use_dictionary": False}
    if plain:
        options["compression"] = {field.name: "none" if field.name in plain else "zstd" for field in schema}
        options["compression_level"] = {field.name: 1 for field in schema if field.name not in plain}
        options["data_page_size"] = _ONE_PAGE  # then the values stand in the file as one piece, which readers may use as it is
        if "max_rows_per_page" in inspect.signature(pq.ParquetWriter.__init__).parameters:  # older ones cut pages by size alone
            options["max_rows_per_page"] = _ONE_PAGE
    if any(_is_variable(field.type) for field in schema):
        options["use_dictionary"] = [field.name for field in schema if pa.types.is_string(field.type)]
    if delta:
        options["column_encoding"] = {**dict.fromkeys(delta, "DELTA_BINARY_PACKED"), **dict.fromkeys(split, "BYTE_STREAM_SPLIT")}
    else:
        options["use_byte_stream_split"] = split or False
    return options


def _is_variable(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_binary(kind) or pa.types.is_nested(kind))


def spill(folder: Folder, name: str, batches: Sequence[pa.RecordBatch]) -> None:
    """Write record batches as one Arrow file, under a temporary name first."""
    with disk_errors(folder):
        if not folder.is_local:
            with folder.writer(name) as file, pa.ipc.new_file(file, batches[0].schema) as writer:
                for batch in batches:
                    writer.write_batch(batch)
            return
        target = Path(folder.path(name))
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{uuid4().hex}")
        try:
            with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, batches[0].schema) as writer:
                for batch in batches:
                    writer.write_batch(batch)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)


def spilled(folder: Folder, name: str, number: int) -> pa.RecordBatch:
    """Return one record batch of an Arrow file."""
    with folder.open(name) as file:
        return pa.ipc.open_file(file).get_batch(number)
