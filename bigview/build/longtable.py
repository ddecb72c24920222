"""Long tables and queries as matrices: a line gives a row, a column and a value. DuckDB groups the lines, so there is no limit of columns.

The cells go to disk, sorted by row, and are read from there block by block: memory holds no more than a few blocks.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bigview.build.axes import Axis
from bigview.build.found import described, find_files
from bigview.build.matrixoptions import MatrixOptions
from bigview.build.matrixsource import MatrixSource
from bigview.build.sparse import SparseSource
from bigview.build.tables import as_table, is_sql
from bigview.errors import InputError, OptionError, closest
from bigview.store.manifest import SourceFile
from bigview.store.points import PointTable

_TABLES = (".parquet", ".pq", ".parq", ".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz")
_FULL = 0.1
"""Share of the cells under which sums and counts are kept as a sparse matrix, whose absent cells are 0."""
_BATCH = 1 << 20
_NUMBERS = ("INT", "FLOAT", "DOUBLE", "DECIMAL", "BOOL", "REAL")


def is_long(source: Any, options: MatrixOptions) -> bool:
    """Whether a source is meant as a long table: it is a query, or its rows and columns are named."""
    if is_sql(source) or type(source).__name__ == "DuckDBPyRelation" or isinstance(source, PointTable):
        return True
    if not _is_column(options.rows) or not _is_column(options.cols):
        return False
    if isinstance(source, (str, os.PathLike)):
        return str(source).lower().endswith(_TABLES) or any(sign in str(source) for sign in "*?[") or Path(source).is_dir()
    return as_table(source) is not None


def _is_column(given: Any) -> bool:
    return isinstance(given, str) and not given.lower().endswith(_TABLES)


@dataclass(frozen=True)
class LongReader:
    """Reads blocks of cells that lie on disk, sorted by row.

    Attributes
    ----------
    folder : str
        With the files `starts.npy`, `cols.bin` and `values.bin`.
    dtype : str
    empty : float
        What cells have of which the table says nothing.
    """

    folder: str
    dtype: str
    empty: float

    def block(self, rows: tuple[int, int], cols: tuple[int, int]) -> NDArray[Any]:
        """Return the cells of a range of rows and of columns."""
        starts = np.load(Path(self.folder) / "starts.npy", mmap_mode="r")
        first, stop = int(starts[rows[0]]), int(starts[rows[1]])
        out = np.full((rows[1] - rows[0], cols[1] - cols[0]), self.empty, self.dtype)
        if stop > first:
            at, values = (_part(Path(self.folder) / f"{name}.bin", kind, first, stop) for name, kind in (("cols", "<i8"), ("values", self.dtype)))
            row = np.repeat(np.arange(rows[1] - rows[0]), np.diff(starts[rows[0] : rows[1] + 1]))
            inside = (at >= cols[0]) & (at < cols[1])
            out[row[inside], at[inside] - cols[0]] = values[inside]
        return out

    def release(self) -> None:
        """Remove the files."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _part(path: Path, dtype: str, first: int, stop: int) -> NDArray[Any]:
    width = np.dtype(dtype).itemsize
    return np.fromfile(path, dtype, stop - first, offset=first * width)


def long_source(source: Any, options: MatrixOptions) -> MatrixSource | SparseSource:
    """Return a long table, a file of one, or a query as a source.

    Raises
    ------
    OptionError
        When it is not said which columns are meant.
    InputError
        When the query fails or the values are no numbers.
    """
    folder = tempfile.mkdtemp(prefix="bigview-long-")
    try:
        with _connection(options.database, folder) as connection:
            where, files = _register(connection, source, options)
            return replace(_gathered(connection, options, where, folder), files=files)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _connection(database: str | None, folder: str) -> Any:
    try:
        connection = duckdb.connect(database, read_only=True) if database else duckdb.connect()
    except duckdb.Error as error:
        raise InputError(f"{database} cannot be opened: {_told(error)}") from error
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_progress_bar = false")
    connection.execute(f"SET temp_directory = '{folder.replace(chr(39), chr(39) * 2)}'")
    return connection


def _register(connection: Any, source: Any, options: MatrixOptions) -> tuple[str, tuple[SourceFile, ...]]:
    """Make the source known to DuckDB as `long`; return what to call it, and its files."""
    try:
        if is_sql(source):
            connection.execute(f"CREATE TEMP VIEW long AS {source.strip().rstrip(';')}")
            return "The query", ()
        if isinstance(source, PointTable):
            _fill(connection, source, options)
            return f"The store {source.reader.folder.url}", ()
        if type(source).__name__ == "DuckDBPyRelation":
            connection.register("long", source.to_arrow_table() if hasattr(source, "to_arrow_table") else source.arrow())
            return "The relation", ()
        table = as_table(source)
        if table is not None:
            connection.register("long", table)
            return "The table", ()
        files = find_files(source)
        listed = ", ".join(_text(file.path) for file in files)
        reader = "read_parquet" if files[0].path.lower().endswith((".parquet", ".pq", ".parq")) else "read_csv"
        connection.execute(f"CREATE TEMP VIEW long AS SELECT * FROM {reader}([{listed}])")
        where = files[0].path if len(files) == 1 else f"{len(files)} files from {files[0].path}"
        return where, tuple(described(file.path, 0) for file in files)
    except duckdb.Error as error:
        raise InputError(f"DuckDB cannot read the source: {_told(error)}") from error


def _fill(connection: Any, table: PointTable, options: MatrixOptions) -> None:
    """Copy the columns of a point store that are asked for into a table of DuckDB, which goes to disk where memory is short."""
    asked = " ".join(str(text) for text in (options.rows, options.cols, options.value))
    names = [name for name in table.columns if name in asked] or list(table.columns)[:1]
    for number in range(len(table.reader.row_files)):
        connection.register("part", table.reader.batch(number, names))
        connection.execute("CREATE TEMP TABLE long AS SELECT * FROM part" if number == 0 else "INSERT INTO long SELECT * FROM part")
        connection.unregister("part")


def _gathered(connection: Any, options: MatrixOptions, where: str, folder: str) -> MatrixSource | SparseSource:
    types = {name: str(kind) for name, kind, *_ in connection.execute("DESCRIBE long").fetchall()}
    rows, cols = (_expression(getattr(options, side), side, types, where) for side in ("rows", "cols"))
    agg = options.agg if options.value is not None else "count"
    value = "*" if options.value is None else _expression(options.value, "value", types, where)
    _check_value(options, types, where)
    try:
        axes = [_axis(connection, side, expression, str(getattr(options, side))) for side, expression in (("rows", rows), ("cols", cols))]
        what = f"count({value})" if agg == "count" else f"{ {'mean': 'avg'}.get(agg, agg) }(CAST({value} AS DOUBLE))"
        connection.execute(
            f"CREATE TEMP TABLE cells AS SELECT r.i AS i, c.i AS j, CAST({what} AS DOUBLE) AS v "
            f"FROM (SELECT {rows} AS r0, {cols} AS c0, * FROM long) JOIN rows_of r ON r0 = r.k JOIN cols_of c ON c0 = c.k GROUP BY ALL"
        )
        ((count,),) = connection.execute("SELECT count(*) FROM cells WHERE v IS NOT NULL").fetchall()
        ((lost,),) = connection.execute(f"SELECT count(*) FROM long WHERE {rows} IS NULL OR {cols} IS NULL").fetchall()
        dtype = "<i8" if agg == "count" else "<f8"
        starts = _spill(connection, folder, axes[0].size, dtype)
    except duckdb.Error as error:
        raise InputError(f"DuckDB stopped in {_inside(where)}: {_told(error)}") from error
    report = {"value": options.value or "lines", "gathered": agg, **({"lines_without_a_place": lost} if lost else {})}
    shape = axes[0].size, axes[1].size
    if agg in ("sum", "count") and count < _FULL * shape[0] * shape[1] and shape[0] * shape[1] > 1 << 20:
        return _sparse(folder, starts, (shape, dtype), axes, (where, report))
    empty = 0.0 if agg == "count" else np.nan
    reader = LongReader(folder, dtype, empty)
    return MatrixSource(where, reader, shape, np.dtype(dtype), axes[0], axes[1], chunk=(1, shape[1]), local=True, report=report)


def _sparse(folder: str, starts: NDArray[np.int64], what: Any, axes: list[Axis], told: tuple[str, dict[str, Any]]) -> SparseSource:
    from scipy.sparse import csr_array

    shape, dtype = what
    values, at = (np.fromfile(Path(folder) / f"{name}.bin", kind) for name, kind in (("values", dtype), ("cols", "<i8")))
    matrix = csr_array((values, at, starts), shape=shape)
    shutil.rmtree(folder, ignore_errors=True)
    return SparseSource(told[0], matrix, axes[0], axes[1], report={**told[1], "absent": "cells without a line count as 0"})


def _expression(given: Any, side: str, types: dict[str, str], where: str) -> str:
    if not isinstance(given, str) or not given.strip():
        raise OptionError(f"{where} is a long table: say which column gives the row and which the column, rows=… and cols=…. {closest(side, types)}")
    if given in types:
        return '"' + given.replace('"', '""') + '"'
    if given.replace("_", "").isalnum():  # a plain word that is no column is a slip, not an expression
        raise InputError(f"{where} has no column {given!r} for {side}=…. {closest(given, types)}")
    return f"({given})"


def _check_value(options: MatrixOptions, types: dict[str, str], where: str) -> None:
    kind = types.get(options.value or "")
    if kind is not None and options.agg != "count" and not any(name in kind.upper() for name in _NUMBERS):
        what = "texts" if kind.upper() in ("VARCHAR", "TEXT") else kind
        have = "which have" if what == "texts" else "which has"
        raise InputError(
            f"Column {options.value!r} of {_inside(where)} holds {what}, {have} no {options.agg}. Choose a column of numbers, or agg='count'."
        )


def _inside(where: str) -> str:
    """Return what a source is called inside of a sentence; a path keeps its letters."""
    return f"the {where[4:]}" if where.startswith("The ") else where


def _axis(connection: Any, side: str, expression: str, title: str) -> Axis:
    """Give each value of an expression a number, in its order, and return what is known of it."""
    connection.execute(
        f"CREATE TEMP TABLE {side}_of AS SELECT row_number() OVER (ORDER BY k) - 1 AS i, k FROM (SELECT DISTINCT {expression} AS k FROM long) "
        "WHERE k IS NOT NULL"
    )
    found = connection.sql(f"SELECT k, CAST(k AS VARCHAR) AS name FROM {side}_of ORDER BY i")
    table = found.to_arrow_table() if hasattr(found, "to_arrow_table") else found.arrow()
    kept = None if pa.types.is_string(table["k"].type) else table.select(["k"]).rename_columns([title])
    return Axis(table.num_rows, table["name"].combine_chunks() if table.num_rows else pa.array([], pa.string()), kept)


def _spill(connection: Any, folder: str, rows: int, dtype: str) -> NDArray[np.int64]:
    """Write the cells to files, sorted by row and column, and return where each row begins."""
    counts = np.zeros(rows + 1, np.int64)
    with (Path(folder) / "cols.bin").open("wb") as at, (Path(folder) / "values.bin").open("wb") as values:
        for batch in _batches(connection.sql("SELECT i, j, v FROM cells WHERE v IS NOT NULL ORDER BY i, j")):
            i, j, v = (batch.column(place).to_numpy(zero_copy_only=False) for place in range(3))
            counts[1:] += np.bincount(i, minlength=rows)
            at.write(j.astype("<i8").tobytes())
            values.write(v.astype(dtype).tobytes())
    starts = np.cumsum(counts)
    np.save(Path(folder) / "starts.npy", starts)
    return starts


def _batches(found: Any) -> Iterator[pa.RecordBatch]:
    opened = found.to_arrow_reader if hasattr(found, "to_arrow_reader") else found.fetch_arrow_reader
    yield from opened(_BATCH)


def _text(path: str) -> str:
    return "'" + path.replace("'", "''") + "'"


def _told(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2])
