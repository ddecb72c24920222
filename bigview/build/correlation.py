"""The correlation of columns with each other, out of core: the lines are read slab by slab, and only sums of products are kept.

Missing values count for no pair that they are in (pairwise complete observations), as in `pandas.DataFrame.corr`. Sums are taken about the means, so
that they keep their digits (Chan, Golub and LeVeque, "Algorithms for computing the sample variance", 1983).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bigview.build.axes import Axis
from bigview.build.found import described, find_files
from bigview.build.matrixoptions import MatrixOptions
from bigview.build.matrixsource import Held, MatrixSource
from bigview.build.matrixsources import open_matrix
from bigview.build.tables import as_table
from bigview.errors import InputError, OptionError, missing_column
from bigview.store.manifest import SourceFile
from bigview.store.matrix import MatrixTable, values_or_nan
from bigview.store.points import PointTable

_TILE = 1024
"""Columns of a tile: its six sums of products take 48 MB, and where no value is missing five of them are sums alone."""
_SLAB = 4096
"""Lines read at once, of whatever columns: two tiles of one pair go through the same lines."""
_PARQUET = (".parquet", ".pq", ".parq")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Lines:
    """Lines of numbers, read from the start as often as is asked.

    Attributes
    ----------
    where : str
        For messages.
    axis : Axis
        Of the columns: their names, and what is known of them.
    count : int
    held : Held
        An object with ``slabs(first column, stop) -> arrays of lines × columns``, NaN where nothing is.
    files : tuple of SourceFile
    """

    where: str
    axis: Axis
    count: int
    held: Held
    files: tuple[SourceFile, ...] = ()


@dataclass(frozen=True)
class _Blocks:
    """Lines of a matrix; of its columns instead where it is turned."""

    reader: Any
    shape: tuple[int, int]
    turned: bool

    def slabs(self, first: int, stop: int) -> Iterator[Floats]:
        lines = self.shape[1] if self.turned else self.shape[0]
        for begin in range(0, lines, _SLAB):
            span = begin, min(lines, begin + _SLAB)
            found = self.reader.block((first, stop), span).T if self.turned else self.reader.block(span, (first, stop))
            yield np.ma.filled(np.ma.asarray(found).astype(np.float64), np.nan)


@dataclass(frozen=True)
class _Store:
    """Lines of a matrix store."""

    table: MatrixTable

    def block(self, rows: tuple[int, int], cols: tuple[int, int]) -> Floats:
        found = np.empty((rows[1] - rows[0], cols[1] - cols[0]))
        for r, c, values in self.table.blocks(slice(*rows), slice(*cols)):
            found[r - rows[0] : r - rows[0] + values.shape[0], c - cols[0] : c - cols[0] + values.shape[1]] = values_or_nan(
                values, self.table.missing
            )
        return found


@dataclass(frozen=True)
class _Columns:
    """Columns of Parquet files, or of a point store."""

    batches: Any
    names: Sequence[str]

    def slabs(self, first: int, stop: int) -> Iterator[Floats]:
        names = list(self.names[first:stop])
        for table in self.batches(names):
            columns = [pd.to_numeric(table[name].to_pandas(), errors="coerce").to_numpy(np.float64, na_value=np.nan) for name in names]
            yield np.column_stack(columns) if columns else np.empty((table.num_rows, 0))


def lines_of(source: Any, columns: Sequence[str] | None, side: str) -> Lines:
    """Return the lines of a source: all columns of numbers, or those that are named."""
    if isinstance(source, MatrixTable):
        axis = source.cols if side == "cols" else source.rows
        known = axis.table() if axis.named or axis.columns else None
        made = None if known is None else Axis(axis.size, *_split(known, axis.named))
        blocks = _Blocks(_Store(source), source.shape, side == "rows")
        return Lines(source.folder.url, made or Axis(axis.size), source.shape[0 if side == "cols" else 1], Held.of(blocks))
    if isinstance(source, PointTable):
        numbers = [name for name, kind in source.columns.items() if kind in ("number", "integer", "boolean")]
        names = _chosen(columns, numbers, source.reader.folder.url)
        held = _Columns(lambda wanted: (source.reader.batch(number, wanted) for number in range(len(source.reader.row_files))), names)
        return Lines(source.reader.folder.url, _named(names), source.manifest.rows, Held.of(held))
    if isinstance(source, str) and source.lower().endswith(_PARQUET):
        return _of_files(source, columns)
    table = None if isinstance(source, np.ndarray) else as_table(source)
    if table is not None:
        numbers = [field.name for field in table.schema if _is_number(field.type)]
        names = _chosen(columns, numbers, "the table")
        return Lines("the table", _named(names), table.num_rows, Held.of(_Columns(lambda wanted: iter([table.select(wanted)]), names)))
    opened = open_matrix(source, MatrixOptions())
    if not isinstance(opened, MatrixSource):
        raise InputError("A sparse matrix has no correlation here; give a dense one, or a store of it.")
    blocks = _Blocks(opened.reader, opened.shape, side == "rows")
    return Lines(
        opened.where, opened.cols if side == "cols" else opened.rows, opened.shape[0 if side == "cols" else 1], Held.of(blocks), opened.files
    )


def _split(frame: pd.DataFrame, named: bool) -> tuple[Any, Any]:
    rest = frame.drop(columns="name")
    return pa.array(frame["name"].astype(str)) if named else None, pa.Table.from_pandas(rest, preserve_index=False) if rest.shape[1] else None


def _named(names: Sequence[str]) -> Axis:
    return Axis(len(names), pa.array(list(names), pa.string()))


def _is_number(kind: Any) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind) or pa.types.is_decimal(kind))


def _chosen(columns: Sequence[str] | None, numbers: list[str], where: str) -> list[str]:
    for name in columns or ():
        if name not in numbers:
            raise missing_column(name, numbers, f"the numbers of {where}")
    if not numbers:
        raise InputError(f"{where} has no columns of numbers.")
    return list(columns) if columns is not None else numbers


def _of_files(path: str, columns: Sequence[str] | None) -> Lines:
    files = find_files(path)
    schema = pq.read_schema(files[0].path)
    names = _chosen(columns, [field.name for field in schema if _is_number(field.type)], path)
    count = sum(pq.read_metadata(file.path).num_rows for file in files)

    def batches(wanted: list[str]) -> Iterator[Any]:
        for file in files:
            with pq.ParquetFile(file.path) as opened:
                yield from opened.iter_batches(_SLAB, columns=wanted)

    return Lines(path, _named(names), count, Held.of(_Columns(batches, names)), tuple(described(file.path, 0) for file in files))


@dataclass(frozen=True)
class CorrelationReader:
    """Computes blocks of a correlation matrix.

    Attributes
    ----------
    held : Held
        The lines, the means of the columns, and whether values are missing.
    """

    held: Held

    def block(self, rows: tuple[int, int], cols: tuple[int, int]) -> NDArray[Any]:
        """Return the correlations of a range of columns with another one."""
        out = np.empty((rows[1] - rows[0], cols[1] - cols[0]), np.float32)
        made: dict[tuple[tuple[int, int], tuple[int, int]], Floats] = {}
        for top in range(rows[0], rows[1], _TILE):
            for left in range(cols[0], cols[1], _TILE):
                spans = (top, min(rows[1], top + _TILE)), (left, min(cols[1], left + _TILE))
                mirrored = made.get(spans[::-1])
                tile = made[spans] = self._tile(*spans) if mirrored is None else mirrored.T
                out[top - rows[0] : spans[0][1] - rows[0], left - cols[0] : spans[1][1] - cols[0]] = tile
        return out

    def release(self) -> None:
        """Let go of what the lines are read from."""
        held = getattr(getattr(self.held.value[0], "reader", None), "held", None)
        if isinstance(held, Held):
            held.release()

    def _tile(self, one: tuple[int, int], other: tuple[int, int]) -> Floats:
        source, means = self.held.value
        same = one == other
        sums = np.zeros((6, one[1] - one[0], other[1] - other[0]))
        lines = source.slabs(*one)
        beside = lines if same else source.slabs(*other)
        for a in lines:
            b = a if same else next(beside)
            x, m = _centred(a, means[slice(*one)])
            y, n = (x, m) if same else _centred(b, means[slice(*other)])
            for place, (left, right) in enumerate(((m, n), (x, n), (m, y), (x * x, n), (m, y * y), (x, y))):
                sums[place] += _product(left, right, len(a))
        return _correlated(sums)


def _centred(values: Floats, means: Floats) -> tuple[Floats, Floats | None]:
    """Return how far values are from the means, and 1 where there is one; None for that where there is one everywhere."""
    there = np.isfinite(values)
    if there.all():
        return values - means, None
    return np.where(there, values - means, 0.0), there.astype(np.float64)


def _product(left: Floats | None, right: Floats | None, lines: int) -> Any:
    """Return the sums of products of each column of two arrays; None is an array of ones, with which a product is a sum."""
    if left is None:
        return float(lines) if right is None else right.sum(axis=0)[None, :]
    return left.sum(axis=0)[:, None] if right is None else left.T @ right


def _correlated(sums: Floats) -> Floats:
    count, x, y, xx, yy, xy = sums
    with np.errstate(invalid="ignore", divide="ignore"):
        spread_x, spread_y = xx - x * x / count, yy - y * y / count
        # What rounding leaves of a column without any spread is no spread.
        still = (spread_x <= 1e-14 * xx) | (spread_y <= 1e-14 * yy) | (count < 2)
        found = (xy - x * y / count) / np.sqrt(spread_x * spread_y)
    return np.where(still, np.nan, np.clip(found, -1.0, 1.0))


def correlation_source(source: Any, columns: Sequence[str] | None = None, side: str = "cols") -> MatrixSource:
    """Return the correlation matrix of the columns of a table or matrix (of the rows with ``side="rows"``) as a source."""
    if side not in ("rows", "cols"):
        raise OptionError(f"side must be 'rows' or 'cols', not {side!r}.")
    lines = lines_of(source, columns, side)
    slabs, size = lines.held.value, lines.axis.size
    totals, counts = np.zeros(size), np.zeros(size)
    for first in range(0, size, _TILE * 4):
        stop = min(size, first + _TILE * 4)
        for slab in slabs.slabs(first, stop):
            there = np.isfinite(slab)
            totals[first:stop] += np.where(there, slab, 0.0).sum(axis=0)
            counts[first:stop] += there.sum(axis=0)
    held = Held.of((slabs, totals / np.maximum(counts, 1)))
    lines.held.release()
    report = {"value": "correlation", "lines": lines.count, "center": 0.0}
    where = f"The correlation of {lines.where}"
    made = MatrixSource(where, CorrelationReader(held), (size, size), np.dtype(np.float32), lines.axis, lines.axis, local=True, report=report)
    return replace(made, files=lines.files)
