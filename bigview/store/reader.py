"""Reading a store: its row groups as columns, its levels as cells, its records as tables."""

from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bigview.config import limits
from bigview.errors import StoreDamagedError, TooLargeError
from bigview.store import pool
from bigview.store.files import Folder
from bigview.store.manifest import Column, Manifest, read_manifest
from bigview.store.pages import PagedTable
from bigview.store.summaries import chosen, code_columns, count_columns, rows_column, sum_column

X, Y = "@x", "@y"
"""Names of the positions among the paged columns: values of the axes' columns in the axes' own coordinates."""

ROW = "__row"
PLACE = "__position"
"""The column of a sample's files that has the rows' places in the store."""

MISSING_TIME = np.iinfo(np.int64).min
_TOGETHER = 8  # row groups of which single rows are read at once: a file that is opened for each takes three times as long


class Groups:
    """The row groups of one kind (and level), in order.

    Attributes
    ----------
    files, numbers : list of str, ndarray
        The file of each group and its number there.
    offsets : ndarray of int64, shape (groups + 1,)
    keys : ndarray of uint64
        First key of each group.
    """

    def __init__(self, table: pa.Table) -> None:
        order = pc.sort_indices(table, [("first", "ascending"), ("rows", "ascending")])
        table = table.take(order)
        self.files: list[str] = table["file"].to_pylist()
        self.numbers = table["group"].to_numpy()
        rows = table["rows"].to_numpy()
        self.offsets = np.concatenate([[0], np.cumsum(rows)]).astype(np.int64)
        self.keys = table["key"].to_numpy().astype(np.uint64)

    def runs(self, wanted: Sequence[int]) -> list[tuple[str, list[int]]]:
        """Return (file, groups) pairs for row groups, so that each file is opened once."""
        runs: list[tuple[str, list[int]]] = []
        for group in wanted:
            if runs and runs[-1][0] == self.files[group]:
                runs[-1][1].append(int(self.numbers[group]))
            else:
                runs.append((self.files[group], [int(self.numbers[group])]))
        return runs


class Reader:
    """One generation of a store. Holds addresses and decoded columns, never open files; pickles as its address."""

    def __init__(self, folder: Folder, manifest: Manifest | None = None) -> None:
        self.folder = folder
        self.manifest = manifest or read_manifest(folder)

    def __reduce__(self) -> tuple[Any, ...]:
        return Reader, (self.folder, self.manifest)

    @cached_property
    def _directory(self) -> pa.Table:
        return self._table(self.manifest.groups)

    def _table(self, name: str) -> pa.Table:
        with self.folder.parquet(name) as file:
            return file.read()

    def groups(self, kind: str, level: int = -1) -> Groups:
        """Return the row groups of a kind: "rows", "text", "level", "summary", "row", "key" or "sample"."""
        table = self._directory
        return Groups(table.filter(pc.and_(pc.equal(table["kind"], kind), pc.equal(table["level"], level))))

    @cached_property
    def row_groups(self) -> Groups:
        """The row groups of positions, numbers and categories."""
        return self.groups("rows")

    @cached_property
    def text_groups(self) -> Groups:
        """The row groups of texts."""
        return self.groups("text")

    @cached_property
    def sample_groups(self) -> Groups:
        """The row groups of the sample (see `bigview.store.sample`), which only large stores have."""
        return self.groups("sample")

    def sampled(self, name: str) -> NDArray[Any]:
        """Return a decoded column of the sample's rows, in the order of the store, or their `PLACE` in it.

        Raises
        ------
        StoreDamagedError
        """
        groups = self.sample_groups

        def part(group: int) -> NDArray[Any]:
            if name == PLACE:
                return np.asarray(self._read_groups(groups, [group], [name])[0][name].to_numpy(), np.int64)
            return self._decoded_from(groups, [group], [name])[0][name]

        return np.concatenate(pool.run(part, range(len(groups.files))))

    def sampled_batch(self, names: Sequence[str]) -> pa.Table:
        """Return columns of the sample's rows as an Arrow table, categories as dictionaries, for DuckDB."""
        groups = self.sample_groups
        return self._with_categories(pa.concat_tables(self._read_groups(groups, range(len(groups.files)), names)))

    @cached_property
    def _categories(self) -> dict[str, NDArray[Any]]:
        table = self._table(self.manifest.categories)
        found: dict[str, NDArray[Any]] = {}
        for column in self.manifest.columns:
            if column.kind == "category":
                part = table.filter(pc.equal(table["column"], column.name)).sort_by("code")
                found[column.name] = part["value"].to_numpy(zero_copy_only=False)
        return found

    def categories(self, name: str) -> NDArray[Any]:
        """Return the categories of a column by code; False and True for a boolean one."""
        if self.manifest.column(name).kind == "boolean":
            return np.array([False, True])
        return self._categories[name]

    @cached_property
    def pages(self) -> PagedTable:
        """Decoded columns of the rows; `X` and `Y` are the positions."""
        dtypes = {column.name: paged_dtype(column) for column in self.manifest.columns if column.part == "rows"}
        for name, axis in ((X, self.manifest.x), (Y, self.manifest.y)):
            dtypes[name] = dtypes[axis.column] if dtypes[axis.column] == np.float32 else np.dtype(np.float64)
        return PagedTable(dtypes, self.row_groups.offsets, self._load_rows)

    @cached_property
    def _derived(self) -> dict[str, tuple[str, Callable[[NDArray[Any]], NDArray[Any]]]]:
        return {}

    def derive(self, name: str, column: str, dtype: np.dtype, make: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
        """Add a paged column that is made from the decoded values of another."""
        self.pages.dtypes[name] = dtype
        self._derived.setdefault(name, (column, make))

    def derivation(self, name: str) -> tuple[str, Callable[[NDArray[Any]], NDArray[Any]]] | None:
        """Return the column from which a paged column is made, and how; None for one that is read."""
        return self._derived.get(name)

    def derived(self, column: str) -> list[Callable[[NDArray[Any]], NDArray[Any]]]:
        """Return what makes the columns that were derived from a column."""
        return [make for source, make in list(self._derived.values()) if source == column]

    def _load_rows(self, groups: Sequence[int], names: Sequence[str]) -> list[dict[str, NDArray[Any]]]:
        derived = {name: self._derived[name] for name in names if name in self._derived}
        if not derived:
            return self._decoded(groups, names)
        plain = [name for name in names if name not in derived]
        decoded = self._decoded(groups, sorted({*plain, *(column for column, _ in derived.values())}))
        made = [{name: make(values[column]) for name, (column, make) in derived.items()} for values in decoded]
        return [{name: values[name] for name in plain} | more for values, more in zip(decoded, made, strict=True)]

    def _decoded(self, groups: Sequence[int], names: Sequence[str]) -> list[dict[str, NDArray[Any]]]:
        return self._decoded_from(self.row_groups, groups, names)

    def _decoded_from(self, source: Groups, groups: Sequence[int], names: Sequence[str]) -> list[dict[str, NDArray[Any]]]:
        axes = {X: self.manifest.x, Y: self.manifest.y}
        columns = {name: self.manifest.column(axes[name].column if name in axes else name) for name in names}
        found = []
        for table in self._read_groups(source, groups, sorted({column.name for column in columns.values()})):
            decoded = {}
            for name, column in columns.items():
                raw = table[column.name]
                decoded[name] = axes[name].encode(raw_values(raw)) if name in axes else paged_values(raw, column)
            found.append(decoded)
        return found

    def _read_groups(self, groups: Groups, wanted: Sequence[int], names: Sequence[str]) -> list[pa.Table]:
        tables = []
        for name, numbers in groups.runs(wanted):
            with self.folder.parquet(name) as file:
                try:
                    tables += [file.read_row_group(number, columns=list(names), use_threads=False) for number in numbers]
                except (pa.ArrowException, OSError, IndexError) as error:
                    where = f"{self.folder.url}/{name}"
                    raise StoreDamagedError(f"{where} is damaged: {error}. Run `bigview verify {self.folder.url}`.") from error
        return tables

    def levels(self) -> tuple[int, ...]:
        """Return the levels that have cells, ascending."""
        return tuple(level.level for level in self.manifest.levels if level.cells)

    @cached_property
    def _level_tables(self) -> dict[int, tuple[Groups, PagedTable]]:
        return {}

    def level(self, level: int) -> tuple[Groups, PagedTable]:
        """Return the row groups and the paged cells (key, start, count) of a level."""
        if level not in self._level_tables:
            groups = self.groups("level", level)
            wide = self.manifest.rows >= 1 << 32
            dtypes = {
                "key": np.dtype(np.uint32 if level <= 16 else np.uint64),
                "start": np.dtype(np.int64 if wide else np.uint32),
                "count": np.dtype(np.int64 if wide else np.uint32),
            }

            def load(wanted: Sequence[int], names: Sequence[str]) -> list[dict[str, NDArray[Any]]]:
                tables = self._read_groups(groups, wanted, names)
                return [{name: table[name].to_numpy().astype(dtypes[name], copy=False) for name in names} for table in tables]

            self._level_tables.setdefault(level, (groups, PagedTable(dtypes, groups.offsets, load)))
        return self._level_tables[level]

    @cached_property
    def _summary_tables(self) -> dict[int, PagedTable | None]:
        return {}

    def summaries(self, level: int) -> PagedTable | None:
        """Return the paged summaries of a level's cells, in their order (see `bigview.store.summaries`); None where it has none."""
        if level not in self._summary_tables:
            groups = self.groups("summary", level)
            table = None
            if groups.files and np.array_equal(groups.offsets, self.level(level)[0].offsets):
                dtypes = self._summary_dtypes()

                def load(wanted: Sequence[int], names: Sequence[str]) -> list[dict[str, NDArray[Any]]]:
                    tables = self._read_groups(groups, wanted, names)
                    return [{name: found[name].to_numpy().astype(dtypes[name], copy=False) for name in names} for found in tables]

                table = PagedTable(dtypes, groups.offsets, load)
            self._summary_tables.setdefault(level, table)
        return self._summary_tables[level]

    def _summary_dtypes(self) -> dict[str, np.dtype]:
        counts = np.dtype(np.int64 if self.manifest.rows >= 1 << 32 else np.uint32)
        counted, summed = chosen([c for c in self.manifest.columns if c.name != ROW], (self.manifest.x.column, self.manifest.y.column))
        dtypes = {name: paged_dtype(column) for column in counted for name in code_columns(column.name)}
        dtypes |= {name: counts for column in counted for name in count_columns(column.name)}
        dtypes |= {sum_column(column.name): np.dtype(np.float64) for column in summed}
        return dtypes | {rows_column(column.name): counts for column in (*counted, *summed) if column.missing}

    def batch(self, file: int, names: Sequence[str]) -> pa.Table:
        """Return columns of the rows of one data file as an Arrow table, categories as dictionaries, for DuckDB."""
        name = self.row_files[file][0]
        parts = {column.name: column.part for column in self.manifest.columns}
        rows = [name for name in names if parts[name] == "rows"] or [ROW]
        with self.folder.parquet(name) as source:
            table = source.read(columns=rows, use_threads=False)
        texts = [name for name in names if parts[name] == "text"]
        if texts:
            with self.folder.parquet(name.replace("rows/", "text/", 1)) as source:
                extra = source.read(columns=texts, use_threads=False)
            for text in texts:
                table = table.append_column(text, extra[text])
        return self._with_categories(table)

    @cached_property
    def row_files(self) -> list[tuple[str, int, int]]:
        """The data files with the rows they hold: (name, start, stop)."""
        found: dict[str, list[int]] = {}
        for place, name in enumerate(self.row_groups.files):
            start, stop = self.row_groups.offsets[place : place + 2].tolist()
            found[name] = [found.get(name, [start])[0], stop]
        return [(name, start, stop) for name, (start, stop) in found.items()]

    def _with_categories(self, table: pa.Table) -> pa.Table:
        for place, name in enumerate(table.column_names):
            if self.manifest.column(name).kind == "category":
                codes = table[name].combine_chunks().cast(pa.int32())
                codes = pc.if_else(pc.less(codes, 0), None, codes)
                values = pa.array(self.categories(name), pa.string())
                table = table.set_column(place, name, pa.DictionaryArray.from_arrays(codes, values))
        return table

    def records(self, positions: NDArray[np.int64], names: Sequence[str]) -> pa.Table:
        """Return columns of single rows, in the order given."""
        size = len(positions) * sum(64 if self.manifest.column(name).part == "text" else 8 for name in names)
        if size > limits().result_bytes:
            fits = limits().result_bytes // max(1, size // max(1, len(positions)))
            raise TooLargeError(f"{len(positions):,} records of {len(names)} columns are over the limit; {fits:,} would fit. Use `limit`.")
        parts = {column.name: column.part for column in self.manifest.columns}
        rows = [name for name in names if parts[name] == "rows"]
        texts = [name for name in names if parts[name] == "text"]
        found = {}
        for groups, wanted in ((self.row_groups, rows), (self.text_groups, texts)) if len(positions) else ():
            if wanted:
                table = self._gathered(groups, positions, wanted)
                found.update({name: table[name] for name in wanted})
        if not len(positions):
            return self._with_categories(pa.table({name: pa.array([], _file_type(self.manifest.column(name))) for name in names}))
        return self._with_categories(pa.table({name: found[name] for name in names}))

    def texts(self, name: str, start: int, stop: int) -> pa.LargeBinaryArray:
        """Return the bytes of the texts of rows start … stop."""
        groups = self.text_groups
        first, last = int(np.searchsorted(groups.offsets, start, "right")) - 1, int(np.searchsorted(groups.offsets, stop, "left"))
        found = pa.concat_tables(self._read_groups(groups, range(first, last), [name]))[name].slice(start - int(groups.offsets[first]), stop - start)
        return found.cast(pa.large_binary()).combine_chunks()

    @cached_property
    def buckets(self) -> dict[str, tuple[PagedTable, int]]:
        """Where texts stand in their order, by column: paged numbers, and the largest; filled by `bigview.store.textorder`."""
        return {}

    def _gathered(self, groups: Groups, positions: NDArray[np.int64], names: Sequence[str]) -> pa.Table:
        place = np.searchsorted(groups.offsets, positions, "right") - 1
        order = np.argsort(place, kind="stable")
        wanted, first = np.unique(place[order], return_index=True)
        edges = [*first.tolist(), len(order)]
        decoded = {name: self.pages.held([name]) for name in names if self._as_stored(name)} if groups is self.row_groups else {}

        def lacking(number: int) -> list[str]:
            return [name for name in names if name not in decoded or not decoded[name][wanted[number]]]

        def piece(part: tuple[int, int]) -> pa.Table:
            made = []
            for rest, some in groupby(range(*part), lacking):
                numbers = list(some)
                read = (
                    self._read_groups(groups, wanted[numbers].tolist(), rest) if rest else [None] * len(numbers)
                )  # a table without columns has no rows
                made += [picked(number, table, rest) for number, table in zip(numbers, read, strict=True)]
            return pa.concat_tables(made)

        def picked(number: int, read: pa.Table | None, rest: list[str]) -> pa.Table:
            group, rows = int(wanted[number]), positions[order[edges[number] : edges[number + 1]]]
            found: dict[str, Any] = {}
            if read is not None:
                table = read.take(pa.array(rows - groups.offsets[group]))
                found = {name: table[name] for name in rest}
            ready = [name for name in names if name not in rest]
            if ready:
                with self.pages.pinned(ready, np.array([group])) as arrays:
                    found |= {name: pa.array(array[rows]) for name, array in zip(ready, arrays, strict=True)}
            return pa.table({name: found[name].cast(_file_type(self.manifest.column(name))) if name in decoded else found[name] for name in names})

        parts = [(first, min(first + _TOGETHER, len(wanted))) for first in range(0, len(wanted), _TOGETHER)]
        pieces = pool.run(piece, parts)
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        return pa.concat_tables(pieces).take(pa.array(back))

    def _as_stored(self, name: str) -> bool:
        """Tell whether the decoded column says all that the file says."""
        column = self.manifest.column(name)
        return column.kind == "category" or (column.kind in ("number", "integer") and not column.missing)


def _file_type(column: Column) -> pa.DataType:
    """The type of a column in its file; null for the few that have no alias, where only its absence matters."""
    if column.kind == "category":
        return pa.int32()
    try:
        return pa.type_for_alias(column.dtype)
    except ValueError:
        return pa.null()


def paged_dtype(column: Column) -> np.dtype:
    """Return the type of a decoded column: floats where a number may be missing, codes for categories and booleans."""
    if column.kind == "boolean":
        return np.dtype(np.int8)
    if column.kind == "datetime":
        return np.dtype(np.int64)
    dtype = np.dtype(pa.type_for_alias(column.dtype).to_pandas_dtype()) if column.kind in ("number", "integer") else _code_dtype(column)
    return np.dtype(np.float64) if column.kind == "integer" and column.missing else dtype


def _code_dtype(column: Column) -> np.dtype:
    return np.min_scalar_type(-max(1, column.distinct))


def paged_values(raw: pa.ChunkedArray, column: Column) -> NDArray[Any]:
    """Return the decoded values of a column: missing numbers are NaN, missing codes −1, missing times the least integer."""
    if column.kind == "boolean":
        return np.asarray(raw.cast(pa.int8()).fill_null(-1).to_numpy())
    if column.kind == "datetime":
        return np.asarray(raw.cast(pa.int64()).fill_null(MISSING_TIME).to_numpy())
    return raw_values(raw)


def raw_values(raw: pa.ChunkedArray) -> NDArray[Any]:
    """Return numbers or datetimes as NumPy holds them; missing ones become NaN or NaT."""
    if pa.types.is_timestamp(raw.type) and raw.type.tz:
        raw = raw.cast(pa.timestamp(raw.type.unit))
    return np.asarray(raw.to_numpy())
