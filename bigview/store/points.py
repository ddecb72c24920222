"""PointTable: the rows of a point store, asked for by place and by condition."""

import math
from collections.abc import Iterable, Sequence
from copy import copy
from functools import cached_property
from types import TracebackType
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bigview.errors import OptionError, missing_column
from bigview.spec import Cross, Filters, Histogram, View, Where
from bigview.store import cubes
from bigview.store.binned import calendar_bins, equal_bins
from bigview.store.charts import Side, counted, kept, side_of
from bigview.store.files import Folder
from bigview.store.filters import ClauseBits, NearBits, PassingBits
from bigview.store.lookup import positions_of_keys, positions_of_rows
from bigview.store.manifest import Manifest
from bigview.store.nearest import nearest_rows
from bigview.store.reader import ROW, Reader
from bigview.store.sample import sample as random_rows
from bigview.store.sampled import SampledTable
from bigview.store.selection import Box, Selection, select
from bigview.store.textorder import ordered


class PointTable:
    """A point store, open for reading.

    Safe from any number of threads; pickles as its address; a context manager, though nothing is held open.

    Parameters
    ----------
    reader : Reader
        The generation of the store to read.
    saved_at : str, optional
        The database of its saved selections, by URL; by default the file beside it.
    """

    def __init__(self, reader: Reader, saved_at: str | None = None) -> None:
        self.reader, self.saved_at = reader, saved_at
        self._clauses = ClauseBits(reader)

    @classmethod
    def open(cls, url: str, saved_at: str | None = None) -> Self:
        """Return the store at a path or an fsspec URL."""
        return cls(Reader(Folder(str(url))), saved_at)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.reader, self.saved_at)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None

    def __len__(self) -> int:
        return self.manifest.rows

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.reader.folder.url}: {self.manifest.rows:,} rows, {len(self.manifest.columns)} columns>"

    @property
    def manifest(self) -> Manifest:
        """The store's manifest."""
        return self.reader.manifest

    @cached_property
    def columns(self) -> dict[str, str]:
        """Names of the columns and what they hold: "number", "integer", "datetime", "boolean", "category", "text", "list" or "binary"."""
        return {column.name: column.kind for column in self.manifest.columns}

    @property
    def bounds(self) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
        """The extent of the placed rows, ((x0, x1), (y0, y1)), as the columns' own values."""
        x, y = self.manifest.x, self.manifest.y
        return (x.value(x.low), x.value(x.high)), (y.value(y.low), y.value(y.high))

    @property
    def home(self) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
        """The ranges to begin with: like `bounds`, but not flattened by a few outliers."""
        x, y = self.manifest.x, self.manifest.y
        x0, x1, y0, y1 = self.manifest.home
        return (x.value(x0), x.value(x1)), (y.value(y0), y.value(y1))

    def selected(self, view: View | None = None, where: Where = None) -> Selection:
        """Return the rows inside a view's ranges that pass a filter."""
        box = None if view is None else Box.of(view, self.manifest.x, self.manifest.y)
        return select(self.reader, box, self._clauses.of(where))

    def bits(self, where: Where) -> NDArray[np.uint64] | None:
        """Return a filter as a bitmap over the rows in store order; None where every row passes."""
        return self._clauses.of(where)

    def known(self, where: Where) -> bool:
        """Tell whether the bits of a filter are kept."""
        return self._clauses.kept(where)

    def sure(self, where: Where) -> bool:
        """Tell whether finding the rows that pass cannot fail, whatever they hold.

        Raises
        ------
        ExpressionError
            When an expression is malformed.
        """
        return self._clauses.sure(where)

    def unread(self, where: Where) -> int:
        """Return about how many values have to be read before the bits of a filter are there."""
        return self._clauses.unread(where)

    @cached_property
    def passing(self) -> "PointTable":
        """The same store, which does not keep columns that it reads for a filter; `load` does so once the answer is there."""
        found = copy(self)
        found._clauses = PassingBits(self.reader)
        return found

    def load(self, where: Where) -> None:
        """Bring into memory the columns of a filter, as far as there is room: pictures of its next values are quick then."""
        self._clauses.load(where)

    def near(self, groups: NDArray[np.int64]) -> "PointTable":
        """Return the same store, of which only the rows in some row groups pass filters: a picture of these rows is exact, and quick.

        Its methods raise `bigview.store.valuesets.UnsureError` for filters that cannot be tested there.
        """
        found = PointTable(self.reader, self.saved_at)
        found._clauses = NearBits(self.reader, groups)
        return found

    def count(self, view: View | None = None, where: Where = None) -> int:
        """Return the number of rows: all of them, placed or not, without a view; those inside its ranges with one."""
        return self.selected(view, where).count()

    def rows(
        self,
        view: View | None = None,
        where: Where = None,
        columns: Sequence[str] | None = None,
        order_by: str | None = None,
        offset: int = 0,
        limit: int = 100,
        sample: bool = False,
    ) -> pd.DataFrame:
        """Return records.

        Parameters
        ----------
        view : View, optional
            Only rows inside its ranges.
        where : str or Filter, optional
            Only rows that pass.
        columns : sequence of str, optional
            All by default; `__row`, the row's number in the source, always comes first.
        order_by : str, optional
            A column; a leading "-" sorts descending. Missing values come last. Store order (spatial, hence biased) by default.
        offset, limit : int
            The page of rows.
        sample : bool
            Take the rows by the hash of their number, in its order: without regard to place, the same ones each time. A row in the sample of
            all rows is also in that of any part it belongs to.

        Returns
        -------
        pandas.DataFrame
        """
        if offset < 0 or limit < 0:
            raise OptionError(f"offset and limit must be 0 or more, not {offset} and {limit}.")
        names = self._names(columns)
        selection = self.selected(view, where)
        if sample:
            chosen = random_rows(self.reader, selection, offset + limit)[offset:]
        elif order_by is not None:
            descending = order_by.startswith("-") and order_by not in self.columns
            (name,) = self._names([order_by.removeprefix("-") if descending else order_by])[-1:]
            chosen = ordered(self.reader, selection, (name, descending), (offset, limit))
        else:
            chosen = selection.positions(offset, limit)
        return self.records(chosen, names)

    def records(self, positions: NDArray[np.int64], names: Sequence[str] | None = None) -> pd.DataFrame:
        """Return the records at positions in store order."""
        names = self._names(names)
        return self.reader.records(positions, names).to_pandas()

    def _names(self, columns: Sequence[str] | None) -> list[str]:
        wanted = [columns] if isinstance(columns, str) else list(self.columns if columns is None else columns)
        for name in wanted:
            if name not in self.columns:
                raise missing_column(name, self.columns, "the store")
        return [ROW, *(name for name in wanted if name != ROW)]

    def take(self, row_ids: Iterable[int] | None = None, keys: Iterable[Any] | None = None, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Return records by their number in the source, or by the user's key, in the order given.

        Raises
        ------
        InputError
            When a number or a key is not in the store.
        """
        if (row_ids is None) == (keys is None):
            raise OptionError("take() needs either row numbers or keys=[…].")
        if row_ids is not None:
            return self.records(positions_of_rows(self.reader, row_ids), columns)
        return self.records(positions_of_keys(self.reader, list(keys or [])), columns)

    def nearest(
        self,
        x: Any,
        y: Any,
        k: int = 1,
        where: Where = None,
        view: View | None = None,
        columns: Sequence[str] | None = None,
        within: float = math.inf,
    ) -> pd.DataFrame:
        """Return the `k` rows nearest to a place, nearest first, with their `distance`.

        Distances are Euclidean in the axes' units; with a `view` in its pixels, and only rows inside its ranges count. Rows further away than
        `within` are not looked for.
        """
        box = None if view is None else Box.of(view, self.manifest.x, self.manifest.y)
        place = (self.manifest.x.position(x), self.manifest.y.position(y))
        pixels = None if view is None else (view.width, view.height)
        positions, distance = nearest_rows(self.reader, place, k, self._clauses.of(where), (box, pixels), within)
        found = self.records(positions, columns)
        found["distance"] = distance
        return found

    @cached_property
    def orders(self) -> "dict[tuple[str, str], PointTable]":
        """The same rows over other columns, as far as they were asked for; see `bigview.store.pairtable.over`."""
        return {}

    @cached_property
    def sampled(self) -> SampledTable:
        """A hundredth of the rows, which answers `histogram`, `dates`, `category_counts`, `cross` and `count` at once; see its `scale`."""
        return SampledTable(self.reader)

    def histogram(self, column: str, bins: int = 64, view: View | None = None, where: Where = None) -> Histogram:
        """Return the counts of a number or datetime column in equal bins over its extent in the store."""
        found = equal_bins(self.reader, column, bins)
        counts = self._counted(view, where, Side.of_bins(self.reader, found))
        return Histogram(found.shown, counts[:-1], int(counts[-1]))

    def dates(self, column: str, bins: int = 100, view: View | None = None, where: Where = None) -> Histogram:
        """Return the counts of a datetime column by whole days, weeks (from Monday), months, years or the like.

        The shortest of these are taken of which the extent of the column in the store has at most `bins`.
        """
        found, _ = calendar_bins(self.reader, column, bins)
        counts = self._counted(view, where, Side.of_bins(self.reader, found))
        return Histogram(found.shown, counts[:-1], int(counts[-1]))

    def cross(self, first: str, second: str, bins: tuple[int, int] = (64, 64), view: View | None = None, where: Where = None) -> Cross:
        """Return the counts of two columns' values together.

        Parameters
        ----------
        first, second : str
            Numbers, datetimes, categories or booleans.
        bins : (int, int)
            Equal bins over the extent of each in the store; of a category the number of its most frequent values, beside which all others are one.
        view : View, optional
            Only rows inside its ranges.
        where : str or Filter, optional
            Only rows that pass.
        """
        (a, a_ends), (b, b_ends) = (side_of(self.reader, column, size) for column, size in zip((first, second), bins, strict=True))
        counts = self._counted(view, where, a, b)
        inner = counts[:-1, :-1]
        return Cross(a_ends, b_ends, inner, int(counts.sum() - inner.sum()))

    def _counted(self, view: View | None, where: Where, *sides: Side) -> NDArray[np.int64]:
        filters = Filters.of(where)
        found = cubes.foreseen(self._clauses, self.reader, sides[0], filters) if view is None and len(sides) == 1 else None
        return counted(self.reader, sides, (view, filters), lambda: self.selected(view, filters)) if found is None else found

    def foresee(self, brushed: Side, side: Side, where: Where = None) -> None:
        """Count the bars of a chart for every brush of another one, in one pass: from then on its counts under such a brush are there at once.

        Parameters
        ----------
        brushed, side : Side
            For which `bigview.store.cubes.fits`.
        where : str or Filter, optional
            All other filters of the chart.
        """
        filters = Filters.of(where)
        cubes.foresee(self.reader, brushed, side, filters, lambda: self.selected(None, filters))

    def foreseen(self, sides: Sequence[Side], where: Where = None) -> bool:
        """Tell whether the counts of a chart are there without a pass over the rows."""
        filters = Filters.of(where)
        if kept(self.reader, sides, (None, filters)) is not None:
            return True
        return len(sides) == 1 and cubes.foreseen(self._clauses, self.reader, sides[0], filters) is not None

    def manifest_dtype(self, column: str) -> np.dtype:
        """Return the NumPy type of a datetime column."""
        unit = self.manifest.column(column).dtype.partition("[")[2].rstrip("]").split(",")[0] or "ns"
        return np.dtype(f"M8[{unit}]")

    def category_counts(self, column: str, view: View | None = None, where: Where = None) -> pd.Series:
        """Return the count of each category that occurs, descending; missing values are left out."""
        side = Side.of_categories(self.reader, column)
        counts = self._counted(view, where, side)[:-1]
        order = np.argsort(-counts, kind="stable")
        order = order[counts[order] > 0]
        return pd.Series(counts[order], index=pd.Index(self.reader.categories(column)[order], name=column), name="count")
