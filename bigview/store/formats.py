"""Tables as the bytes of a file: Parquet, CSV and Arrow, a piece at a time."""

import base64
import json
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as pq

from bigview.errors import OptionError, closest

Format = Literal["parquet", "csv", "arrow"]

_FEW = 10_000  # categories that stay a dictionary in Parquet, where each row group holds all of it
# What a spreadsheet takes for a formula (or, after a tab or a line's end, for the start of a cell), unless it is just a number.
_FORMULA = r"^[=+\-@\t\r\n]"
_NUMBER = r"^[+-]?(\d+([.,]\d*)*|[.,]\d+)([eE][+-]?\d+)?$"


class Kind(NamedTuple):
    """What people and browsers call a format: the ends of its files' names, and its media type."""

    suffixes: tuple[str, ...]
    media: str


FORMATS: dict[str, Kind] = {
    "parquet": Kind((".parquet", ".pq"), "application/vnd.apache.parquet"),
    "csv": Kind((".csv",), "text/csv; charset=utf-8"),
    "arrow": Kind((".arrow", ".feather", ".ipc"), "application/vnd.apache.arrow.file"),
}


def format_of(name: str, given: str | None = None) -> Format:
    """Return the format that was asked for, or that the end of a file's name tells."""
    if given is not None:
        if given not in FORMATS:
            raise OptionError(f"There is no format {given!r}. {closest(given, FORMATS)}")
        return given  # type: ignore[return-value]
    for format, kind in FORMATS.items():
        if name.lower().endswith(kind.suffixes):
            return format  # type: ignore[return-value]
    raise OptionError(f"The name {name!r} does not tell the format. End it with .parquet, .csv or .arrow, or give the format.")


class _Sink:
    """A file in memory from which what was written is taken away."""

    closed = False

    def __init__(self) -> None:
        self._held: list[bytes] = []

    def write(self, data: Any) -> int:
        """Take some bytes."""
        self._held.append(bytes(data))
        return len(self._held[-1])

    def flush(self) -> None:
        """Nothing waits anywhere."""

    def close(self) -> None:
        """Nothing is held open."""

    def taken(self) -> bytes:
        """Return what was written since the last call."""
        found, self._held = b"".join(self._held), []
        return found


def encoded(pieces: Iterable[pa.Table], none: pa.Table, format: Format, spreadsheet: bool = False) -> Iterator[bytes]:
    """Yield the bytes of a file of the pieces.

    Parameters
    ----------
    pieces : iterable of pyarrow.Table
    none : pyarrow.Table
        A table of no rows with the columns of the pieces.
    format : {"parquet", "csv", "arrow"}
    spreadsheet : bool
        Make a CSV file safe to open in a spreadsheet: a text that would be run as a formula begins with a single quote, and the file with the mark
        by which a spreadsheet knows UTF-8.
    """
    guard = spreadsheet and format == "csv"
    shown = _shown(none, format, guard)
    sink = _Sink()
    if guard:
        sink.write(b"\xef\xbb\xbf")
    with pa.PythonFile(sink, mode="w") as file:
        writer = _writer(file, shown.schema, format)
        try:
            for piece in pieces:
                table = _shown(piece, format, guard)
                if format == "parquet":
                    writer.write_table(table, row_group_size=table.num_rows)
                else:
                    writer.write_table(table)
                yield sink.taken()
        finally:  # also when nobody wants the rest
            writer.close()
    yield sink.taken()


def _writer(file: Any, schema: pa.Schema, format: Format) -> Any:
    if format == "csv":
        return csv.CSVWriter(file, schema)
    if format == "arrow":
        return pa.ipc.new_file(file, schema, options=pa.ipc.IpcWriteOptions(compression="lz4"))
    floats = [field.name for field in schema if pa.types.is_floating(field.type)]
    plain = [field.name for field in schema if not pa.types.is_floating(field.type) and field.name != "__row"]
    return pq.ParquetWriter(file, schema, compression="zstd", compression_level=1, use_dictionary=plain, use_byte_stream_split=floats or False)


def _shown(table: pa.Table, format: Format, guard: bool) -> pa.Table:
    """Return a table with the types that the format has."""
    for place, field in enumerate(table.schema):
        column = table.column(place)
        if format == "csv":
            column = _texts(column, guard)
        elif format == "parquet" and pa.types.is_dictionary(field.type) and _distinct(column) > _FEW:
            column = column.cast(pa.string())
        if column is not table.column(place):
            table = table.set_column(place, field.name, column)
    if guard:
        table = table.rename_columns(_guarded(pa.array(table.column_names, pa.string())).to_pylist())
    return table


def _distinct(column: pa.ChunkedArray) -> int:
    return len(column.chunk(0).dictionary) if column.num_chunks else 0


def _texts(column: pa.ChunkedArray, guard: bool) -> pa.ChunkedArray:
    """Return a column that CSV can hold: lists as JSON, bytes as base64."""
    kind = column.type
    if pa.types.is_nested(kind):
        column = _each(column, lambda value: json.dumps(value, ensure_ascii=False, default=str))
    elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        column = _each(column, lambda value: base64.b64encode(value).decode())
    elif pa.types.is_null(kind):
        column = column.cast(pa.string())
    elif pa.types.is_dictionary(kind):
        if not guard:
            return column
        parts = [pa.DictionaryArray.from_arrays(part.indices, _guarded(part.dictionary)) for part in column.chunks]
        return pa.chunked_array(parts, kind)
    return _guarded(column) if guard and pa.types.is_string(column.type) else column


def _each(column: pa.ChunkedArray, told: Any) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array([None if value is None else told(value) for value in column.to_pylist()], pa.string())])


def _guarded(texts: Any) -> Any:
    """Return texts of which none is run as a formula: those that might be begin with a single quote."""
    might = pc.and_(pc.match_substring_regex(texts, _FORMULA), pc.invert(pc.match_substring_regex(texts, _NUMBER)))
    return pc.if_else(might, pc.binary_join_element_wise(pa.scalar("'"), texts, ""), texts)
