"""Sources that are not files in place: tables in memory and queries. They come as one Arrow table, or as a stream of batches."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from bigview.errors import InputError
from bigview.store.manifest import SourceFile

_BATCH = 131_072
_STARTS = ("select", "with", "from", "values", "table", "pivot", "unpivot", "describe", "summarize")


@dataclass(frozen=True)
class Stream:
    """Rows that come once, from the start.

    Attributes
    ----------
    where : str
        For messages.
    schema : pyarrow.Schema
    batches : callable
        Opens the stream.
    files : tuple of SourceFile
    rows, bytes : int or None
        As far as they are known before; the bytes are those of the unpacked file.
    block : int
        Bytes that a batch is made of.
    """

    where: str
    schema: pa.Schema
    batches: Callable[[], Iterator[pa.RecordBatch]]
    files: tuple[SourceFile, ...] = ()
    rows: int | None = None
    bytes: int | None = None
    block: int = 0

    def counted(self) -> tuple[int | None, bool]:
        """Return the number of rows as well as it can be known without keeping any, and whether it is exact."""
        if self.bytes is None:
            return sum(batch.num_rows for batch in self.batches()), True
        for batch in self.batches():
            if self.bytes <= self.block:
                return batch.num_rows, True
            return int(batch.num_rows * self.bytes / self.block), False
        return 0, True


class StreamRestartError(Exception):
    """What was believed of a stream has proved wrong; read it again from the start."""


def module_of(source: Any) -> str:
    """Return the package that a value's type comes from."""
    return type(source).__module__.split(".")[0]


def as_table(source: Any) -> pa.Table | None:
    """Return a table in memory as an Arrow table, and None for anything else."""
    module = module_of(source)
    if isinstance(source, pa.Table):
        return source
    if isinstance(source, pa.RecordBatch):
        return pa.Table.from_batches([source])
    if module == "pandas" and type(source).__name__ in {"DataFrame", "GeoDataFrame"}:
        return from_pandas(source)
    if module == "polars" and type(source).__name__ == "DataFrame":
        return source.to_arrow()
    return None


def from_pandas(frame: Any) -> pa.Table:
    """Return a pandas DataFrame as an Arrow table; its index is left out."""
    names = [str(name) for name in frame.columns]
    check_names(names, "The DataFrame")
    frame = frame.set_axis(names, axis=1)
    try:
        return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        told = " ".join(str(part) for part in error.args)
        raise InputError(f"The DataFrame has a column of mixed types ({told}). Give it one, such as frame[column].astype(str).") from error


def check_names(names: list[str], where: str) -> None:
    """Refuse columns of the same name."""
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise InputError(f"{where} has several columns of the name {', '.join(map(repr, double))}. Rename them first.")


def is_sql(source: Any) -> bool:
    """Whether a source is the text of a query."""
    words = source.split(None, 1) if isinstance(source, str) else []
    return len(words) == 2 and words[0].lower() in _STARTS


def as_stream(source: Any, database: str | None) -> Stream | None:
    """Return a query, relation, reader, data set or lazy frame as a stream, and None for anything else."""
    module = module_of(source)
    if is_sql(source):
        return _query(source, database)
    if isinstance(source, pa.RecordBatchReader):
        return Stream("the reader", source.schema, lambda: iter(source))
    if module == "pyarrow" and hasattr(source, "to_batches") and hasattr(source, "count_rows"):
        return Stream("the data set", source.schema, lambda: source.to_batches(batch_size=_BATCH), rows=source.count_rows())
    if type(source).__name__ == "DuckDBPyRelation":
        return _relation(source)
    if module == "polars" and type(source).__name__ == "LazyFrame":
        return _lazy(source)
    if hasattr(source, "npartitions") and hasattr(source, "partitions"):
        return _dask(source)
    return None


def _query(text: str, database: str | None) -> Stream:
    import duckdb

    try:
        connection = duckdb.connect(database, read_only=True) if database else duckdb.connect()
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_progress_bar = false")  # there is ours
        relation = connection.sql(text.strip().rstrip(";"))
    except duckdb.Error as error:
        raise InputError(f"DuckDB cannot run the query: {_first_lines(error)}") from error
    if relation is None:
        raise InputError("The SQL text gives no rows. Give one SELECT.")
    found = _relation(relation)
    # The connection is named so that it lives as long as the stream.
    return Stream("the query", found.schema, lambda: _of(connection, found), rows=None)


def _of(owner: Any, stream: Stream) -> Iterator[pa.RecordBatch]:
    yield from stream.batches()
    owner.close()


def _relation(relation: Any) -> Stream:
    import duckdb

    check_names(list(relation.columns), "The query")

    def batches() -> Iterator[pa.RecordBatch]:
        opened = relation.to_arrow_reader if hasattr(relation, "to_arrow_reader") else relation.fetch_arrow_reader
        try:
            yield from opened(_BATCH)
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            raise InputError(f"DuckDB stopped in the query: {_first_lines(error)}") from error

    try:
        empty = relation.limit(0)
        schema = (empty.to_arrow_table if hasattr(empty, "to_arrow_table") else empty.arrow)().schema
    except duckdb.Error as error:
        raise InputError(f"DuckDB cannot run the query: {_first_lines(error)}") from error
    return Stream("the relation", schema, batches)


def _first_lines(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2])


def _lazy(frame: Any) -> Stream:
    import polars as pl

    try:
        schema = pl.DataFrame(schema=frame.collect_schema()).to_arrow().schema
    except pl.exceptions.PolarsError as error:
        raise InputError(f"Polars cannot plan the LazyFrame: {_first_lines(error)}") from error

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            if hasattr(frame, "collect_batches"):
                for part in frame.collect_batches(chunk_size=_BATCH, maintain_order=True):
                    yield from part.to_arrow().to_batches()
            else:
                yield from frame.collect().to_arrow().to_batches()
        except pl.exceptions.PolarsError as error:
            raise InputError(f"Polars stopped in the LazyFrame: {_first_lines(error)}") from error

    return Stream("the LazyFrame", schema, batches)


def _dask(frame: Any) -> Stream:
    schema = from_pandas(frame._meta_nonempty).schema

    def batches() -> Iterator[pa.RecordBatch]:
        for number in range(frame.npartitions):
            yield from from_pandas(frame.partitions[number].compute(scheduler="threads")).to_batches()

    return Stream("the Dask DataFrame", schema, batches)
