"""How each column of a source is kept in the store."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bigview.errors import InputError
from bigview.store.axis import Axis
from bigview.store.manifest import Kind

ROW = "__row"
"""The column with a row's number in the source."""


@dataclass(frozen=True)
class Kept:
    """How one column is kept.

    Attributes
    ----------
    name : str
    kind : str
        As in the manifest.
    type : pyarrow.DataType
        Of the values in the store's files; for a category, of its codes.
    """

    name: str
    kind: Kind
    type: pa.DataType

    @property
    def part(self) -> Literal["rows", "text"]:
        """The folder whose files hold the column."""
        return "text" if self.kind in {"text", "list", "binary"} else "rows"


def kept(name: str, kind: pa.DataType) -> Kept:
    """Return how a column of an Arrow type is kept, before texts are looked at (see `as_category`)."""
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    types = pa.types
    if types.is_floating(kind):
        return Kept(name, "number", pa.float32() if types.is_float16(kind) else kind)
    if types.is_decimal(kind):
        return Kept(name, "number", pa.float64())
    if types.is_integer(kind):
        return Kept(name, "integer", kind)
    if types.is_duration(kind):
        return Kept(name, "integer", pa.int64())
    if types.is_boolean(kind):
        return Kept(name, "boolean", kind)
    if types.is_timestamp(kind) or types.is_date(kind) or types.is_time(kind):
        return Kept(name, "datetime", pa.timestamp(_unit(kind)))
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind) or kind == pa.binary_view():
        return Kept(name, "binary", pa.binary())
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return Kept(name, "list", pa.list_(kind.value_type))
    return Kept(name, "text", pa.string())


def with_names(schema: pa.Schema, names: Sequence[str]) -> pa.Schema:
    """Return a schema with other names."""
    return pa.schema([field.with_name(name) for field, name in zip(schema, names, strict=True)])


def _unit(kind: pa.DataType) -> str:
    # Parquet has no unit of seconds or days.
    if pa.types.is_date(kind):
        return "ms"
    return "ms" if kind.unit == "s" else str(kind.unit)


def as_category(column: Kept, distinct: int) -> Kept:
    """Return a text column as a category of so many values."""
    codes = pa.int8() if distinct < 1 << 7 else pa.int16() if distinct < 1 << 15 else pa.int32()
    return Kept(column.name, "category", codes)


def is_string(kind: pa.DataType) -> bool:
    """Whether a type holds texts, of whatever layout."""
    if pa.types.is_dictionary(kind):
        return is_string(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view() or kind == pa.null())


def convert(values: pa.ChunkedArray, column: Kept, categories: pa.Array | None = None) -> pa.Array:
    """Return a source's values as the store keeps them, in one piece."""
    if isinstance(values.type, pa.BaseExtensionType):
        values = pa.chunked_array([chunk.storage for chunk in values.chunks], values.type.storage_type)
    if column.kind == "category":
        if categories is None:
            raise ValueError(f"no categories for {column.name!r}")
        return _one([codes_of(chunk, categories, column.type) for chunk in values.chunks], column.type)
    if pa.types.is_dictionary(values.type):
        values = pc.cast(values, values.type.value_type)
    if values.type == column.type:
        return _one(values.chunks, column.type)
    if column.kind == "datetime":
        return _one([_moments(chunk, column.type) for chunk in values.chunks], column.type)
    if column.kind == "text" and not is_string(values.type):
        return _one([_as_json(chunk) for chunk in values.chunks], column.type)
    try:
        return _one(pc.cast(values, column.type, safe=False).chunks, column.type)
    except pa.ArrowInvalid as error:
        raise InputError(f"Column {column.name!r} holds {values.type} that cannot be kept as {column.type}: {error}") from error


def _one(chunks: Sequence[pa.Array], kind: pa.DataType) -> pa.Array:
    if len(chunks) == 1:
        return chunks[0]
    return pa.concat_arrays(chunks) if chunks else pa.array([], kind)


def _moments(chunk: pa.Array, kind: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(chunk.type):
        return pc.cast(chunk, kind, safe=False)  # a time zone goes: the instant is kept as UTC
    if pa.types.is_date32(chunk.type):
        return pc.cast(pc.multiply(pc.cast(pc.cast(chunk, pa.int32()), pa.int64()), 86_400_000), kind)
    raw = pc.cast(pc.cast(chunk, pa.int32() if pa.types.is_time32(chunk.type) else pa.int64()), pa.int64())
    if chunk.type == pa.time32("s"):
        raw = pc.multiply(raw, 1000)
    return pc.cast(raw, kind)


def _as_json(chunk: pa.Array) -> pa.Array:
    if pa.types.is_nested(chunk.type):
        texts = [None if v is None else json.dumps(v, ensure_ascii=False, default=str) for v in chunk.to_pylist()]
    else:
        texts = [None if v is None else str(v) for v in chunk.to_pylist()]
    return pa.array(texts, pa.string())


def codes_of(chunk: pa.Array, categories: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return the code of each value: its place among `categories`, and -1 where it is missing."""
    if pa.types.is_dictionary(chunk.type):
        table = pc.index_in(pc.cast(chunk.dictionary, pa.string()), value_set=categories)
        codes = table.take(chunk.indices)
    else:
        codes = pc.index_in(pc.cast(chunk, pa.string()), value_set=categories)
    return pc.cast(codes.fill_null(-1), kind)


def positions(values: pa.Array, axis: Axis) -> NDArray[np.floating]:
    """Return the positions of an axis' values; NaN where there are none."""
    if axis.kind != "integer" or not values.null_count:
        return axis.encode(values.to_numpy(zero_copy_only=False))
    # NumPy would turn integers with missing values into floats, which do not hold all of them.
    out = axis.encode(values.fill_null(0).to_numpy(zero_copy_only=False))
    out[pc.is_null(values).to_numpy(zero_copy_only=False)] = np.nan
    return out


def numpy_type(column: Kept) -> np.dtype:
    """Return the NumPy type of a column of numbers or datetimes."""
    if column.kind not in {"number", "integer", "datetime"}:
        raise InputError(
            f"Column {column.name!r} holds {column.kind} values ({column.type}), which are no positions; "
            "choose a column of numbers or datetimes for x and y."
        )
    return np.dtype(column.type.to_pandas_dtype()) if column.kind != "datetime" else np.dtype(f"M8[{column.type.unit}]")


def raw_numbers(values: pa.Array) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return plain numbers (datetimes as int64) and which of them are there and finite."""
    there = pc.is_valid(values).to_numpy(zero_copy_only=False)
    if pa.types.is_floating(values.type):
        numbers = values.to_numpy(zero_copy_only=False)
        return numbers, there & np.isfinite(numbers)
    if pa.types.is_timestamp(values.type):
        values = values.view(pa.int64())
    numbers = values.fill_null(0).to_numpy(zero_copy_only=False) if values.null_count else values.to_numpy()
    return numbers, there
