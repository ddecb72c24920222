"""The names and metadata of a matrix's rows and columns: where they come from, and how they are written."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bigview.build.columns import as_category, convert, is_string, kept
from bigview.build.tables import as_table
from bigview.build.writing import ParquetBytes, write_file
from bigview.config import limits
from bigview.errors import InputError, OptionError
from bigview.store.axistable import NAME
from bigview.store.files import Folder
from bigview.store.manifest import Column, DataFile
from bigview.store.matrixmanifest import AxisEntry

_FEW = 50
"""Distinct texts up to which a column of texts is always a category."""


@dataclass(frozen=True)
class Axis:
    """What is known of the rows, or the columns, of a matrix.

    Attributes
    ----------
    size : int
    names : pyarrow.Array of strings, or None
    table : pyarrow.Table, or None
        Metadata, one line each.
    """

    size: int
    names: pa.Array | None = None
    table: pa.Table | None = None


def axis_of_index(index: pd.Index) -> Axis:
    """Return what a pandas index says: its values as names, its levels and times as metadata. A plain count says nothing."""
    if isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1:
        return Axis(len(index))
    if isinstance(index, pd.MultiIndex):
        titles = [str(name) if name is not None else f"level {place}" for place, name in enumerate(index.names)]
        frame = pd.DataFrame({title: index.get_level_values(place) for place, title in enumerate(titles)})
        texts = [_texts(index.get_level_values(place)) for place in range(index.nlevels)]
        return Axis(len(index), pc.binary_join_element_wise(*texts, " / "), pa.Table.from_pandas(frame, preserve_index=False))
    names = _texts(index)
    if isinstance(index, pd.DatetimeIndex) or (index.dtype.kind in "iuf" and index.name is not None):
        title = str(index.name) if index.name is not None else "time"
        return Axis(len(index), names, pa.table({title: pa.array(index.to_numpy())}))
    return Axis(len(index), names)


def _texts(index: pd.Index) -> pa.Array:
    if isinstance(index, pd.DatetimeIndex) and not index.hasnans:
        index = index.astype(str)  # dates alone, where all times are midnight
    return pa.array([None if entry is None or entry is pd.NaT or entry != entry else str(entry) for entry in index], pa.string())


def frame_table(frame: pd.DataFrame) -> pa.Table:
    """Return a pandas DataFrame of metadata as a table; columns of mixed or unknown types as texts."""
    arrays = {}
    for place, name in enumerate(frame.columns):
        column = frame.iloc[:, place]
        try:
            arrays[str(name)] = pa.array(column, from_pandas=True)
        except pa.ArrowException:
            arrays[str(name)] = pa.array([None if gone else str(entry) for entry, gone in zip(column, column.isna(), strict=True)], pa.string())
    return pa.table(arrays)


def axis_of_table(given: Any, side: str) -> tuple[pa.Table, pa.Array | None]:
    """Return a table given beside the matrix, and the names in it: its index, or its column "name"."""
    names = None
    if isinstance(given, (str, Path)):
        try:
            table = pq.read_table(str(given)) if str(given).lower().endswith((".parquet", ".pq")) else _read_csv(str(given))
        except FileNotFoundError as error:
            raise InputError(f"There is no file {given} for {side}=….") from error
        except (pa.ArrowException, ValueError, OSError) as error:
            raise InputError(f"{given}, given for {side}=…, cannot be read: {str(error).splitlines()[0]}") from error
        given = table.to_pandas() if table.schema.pandas_metadata else table
    if isinstance(given, (pd.Index, pd.Series, list, tuple, np.ndarray)):
        return pa.table({}), _texts(pd.Index(given))
    if isinstance(given, pd.DataFrame):
        index = axis_of_index(given.index)
        names = index.names
        given = frame_table(given.reset_index(drop=True)) if given.shape[1] else pa.table({})
    table = as_table(given)
    if table is None:
        raise OptionError(f"{side}=… takes a table, a Parquet or CSV file, or a list of names, not {type(given).__name__}.")
    if names is None:
        names = _column_of_names(table)
        table = table.drop_columns([NAME]) if NAME in table.column_names else table
    return table, names


_UNNAMED = "Unnamed: 0"
"""What pandas calls the column that `to_csv` has made of an index without a name."""


def _read_csv(path: str) -> pa.Table:
    frame = pd.read_csv(path, sep="\t" if path.lower().endswith((".tsv", ".txt")) else ",")
    if frame.shape[1] > 1 and frame.columns[0] == _UNNAMED:
        index = frame.pop(_UNNAMED)
        if not np.array_equal(index, np.arange(len(index))):
            return pa.Table.from_pandas(frame.set_index(index.rename(None)))
    return pa.Table.from_pandas(frame, preserve_index=False)


def _column_of_names(table: pa.Table) -> pa.Array | None:
    if NAME not in table.column_names:
        first = next((name for name in table.column_names if is_string(table.schema.field(name).type)), None)
        if first is None or pc.count_distinct(table[first], mode="all").as_py() < table.num_rows:
            return None
        return pc.cast(table[first], pa.string()).combine_chunks()
    return pa.array([None if entry is None else str(entry) for entry in table[NAME].to_pylist()], pa.string())


def joined_axis(axis: Axis, given: Any, side: str, where: str) -> Axis:
    """Return an axis with the table that was given beside it: matched by name where both have names, else line by line."""
    if given is None:
        return axis
    table, names = axis_of_table(given, side)
    lines = len(names) if names is not None else table.num_rows
    if axis.names is not None and names is not None:
        places = pd.Index(names.to_pandas()).get_indexer_for(axis.names.to_pandas()) if _unique(names) else _twice(names, f"{side}=…")
        lost = np.flatnonzero(places < 0)
        if len(lost):
            raise InputError(
                f"{len(lost):,} of the {axis.size:,} {side} of {_inside(where)} are not in the table given by {side}=…, such as "
                f"{_shown(axis.names, lost)}; it has {_shown(names, range(3))}. Give a table whose names match, or one without names whose "
                "lines are in the order of the matrix."
            )
        return replace(axis, table=_beside(axis.table, table.take(pa.array(places)) if table.num_columns else None))
    if lines != axis.size:
        raise InputError(f"The table given by {side}=… has {lines:,} lines, but {_inside(where)} has {axis.size:,} {side}.")
    return replace(axis, names=names if axis.names is None else axis.names, table=_beside(axis.table, table if table.num_columns else None))


def _shown(names: pa.Array, places: Any) -> str:
    return ", ".join(repr(names[int(place)].as_py()) for place in list(places)[:3] if int(place) < len(names))


def _unique(names: pa.Array) -> bool:
    return bool(pc.count_distinct(names, mode="all").as_py() == len(names))


def _twice(names: pa.Array, where: str) -> Any:
    counts = pc.value_counts(names)
    double = counts.filter(pc.greater(counts.field("counts"), 1))
    shown = ", ".join(repr(entry["values"]) for entry in double.to_pylist()[:3])
    said = "1 name" if len(double) == 1 else f"{len(double):,} names"
    stand = "stands for several lines" if len(double) == 1 else "stand for several lines each"
    raise InputError(f"{said} of {where} {stand}, such as {shown}. Names must be unique: number them, or keep the old ones as a column.")


def _inside(where: str) -> str:
    """What a source is called inside a sentence."""
    return "t" + where[1:] if where.startswith("The ") else where


def _beside(one: pa.Table | None, other: pa.Table | None) -> pa.Table | None:
    if one is None or other is None:
        return other if one is None else one
    for name in other.column_names:
        one = one.drop_columns([name]) if name in one.column_names else one
        one = one.append_column(name, other[name])
    return one


def check_axis(axis: Axis, side: str, where: str) -> None:
    """Refuse names that are missing or stand for several rows."""
    if axis.names is None:
        return
    if axis.names.null_count:
        place = pc.index(pc.is_null(axis.names), True).as_py()
        raise InputError(f"{axis.names.null_count:,} of the {side} of {_inside(where)} have no name, the first of them number {place:,}.")
    if not _unique(axis.names):
        _twice(axis.names, f"the {side} of {_inside(where)}")


def write_axis(folder: Folder, name: str, axis: Axis) -> tuple[AxisEntry, list[DataFile]]:
    """Write the Parquet file of an axis, if there is anything to say."""
    if axis.names is None and axis.table is None:
        return AxisEntry(axis.size), []
    arrays: dict[str, pa.Array] = {} if axis.names is None else {NAME: pc.cast(axis.names, pa.string())}
    columns = []
    table = pa.table({}) if axis.table is None else axis.table
    for title in table.column_names:
        told = _other(title, table) if title == NAME else title
        column, values = _column(told, table[title])
        columns.append(column)
        arrays[told] = values
    writer = ParquetBytes(pa.schema([(title, values.type) for title, values in arrays.items()]))
    writer.write(pa.table(arrays))
    file = write_file(folder, name, writer.finish())
    return AxisEntry(axis.size, name, axis.names is not None, tuple(columns)), [file]


def _other(title: str, table: pa.Table) -> str:
    """Return what a column is called whose name the names themselves have."""
    return next(other for number in range(2, table.num_columns + 3) if (other := f"{title} {number}") not in table.column_names)


def _column(title: str, values: pa.ChunkedArray) -> tuple[Column, pa.Array]:
    column = kept(title, values.type)
    dictionary = pa.types.is_dictionary(values.type)
    made = convert(values, column)
    distinct = 0
    low = high = None
    if column.kind == "text":
        distinct = pc.count_distinct(made).as_py()
        most = max(_FEW, min(limits().category_limit, int(limits().category_share * len(made))))
        if dictionary or distinct <= most:
            column = as_category(column, distinct)
        else:
            distinct = 0
    elif column.kind in ("number", "integer", "datetime"):
        finite = made.filter(pc.is_finite(made)) if pa.types.is_floating(made.type) else made
        ends = pc.min_max(finite)
        low, high = (pc.cast(ends[end], pa.int64()).as_py() if column.kind == "datetime" else ends[end].as_py() for end in ("min", "max"))
    missing = made.null_count + (pc.sum(pc.is_nan(made)).as_py() or 0 if pa.types.is_floating(made.type) else 0)
    return Column(title, column.kind, str(made.type), "rows", low, high, missing, distinct), made
