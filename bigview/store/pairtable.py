"""The rows of a store by the place that two other columns give them."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bigview.spec import Cross, Filters, Histogram, View, Where
from bigview.store.bits import Bits
from bigview.store.charts import Side, counted
from bigview.store.filters import ClauseBits
from bigview.store.pairreader import PairReader, pair_reader
from bigview.store.points import PointTable
from bigview.store.sampled import SampledTable
from bigview.store.selection import Selection, select
from bigview.store.valuesets import UnsureError


class PairBits(ClauseBits):
    """Bits of filters in the order of an index, made from those in the order of the store."""

    def __init__(self, base: PointTable, reader: PairReader) -> None:
        super().__init__(reader)
        self._base, self._pair = base, reader

    def of(self, where: Where) -> Bits | None:
        """Return the bits of a filter; None where every row passes. They are shared: do not write into them."""
        filters = Filters.of(where)
        bits = self._base.bits(filters)
        return None if bits is None else self._cached(("brought", filters), lambda: self._pair.brought(bits))

    def kept(self, where: Where) -> bool:
        """Tell whether the bits of a filter are there, in the order of the index."""
        filters = Filters.of(where)
        return not filters or self._there(("brought", filters))

    def unread(self, where: Where) -> int:
        """Return about how many values have to be read from the store before the bits of a filter are there."""
        return 0 if self.kept(where) else self._base.unread(where)


class PairTable(PointTable):
    """A store whose rows lie where two other columns say, as an index orders them.

    Views are in the units of these columns. Filters mean what they mean in the store, polygons included: those are of the store's own positions.

    Parameters
    ----------
    base : PointTable
        The store.
    reader : PairReader
        The index.
    """

    reader: PairReader

    def __init__(self, base: PointTable, reader: PairReader) -> None:
        super().__init__(reader)
        self.base = base
        self._clauses = PairBits(base, reader)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.base, self.reader)

    def __repr__(self) -> str:
        x, y = self.reader.pair.columns
        return f"<{type(self).__name__} {self.reader.folder.url}: {self.manifest.rows:,} rows over {x} × {y}>"

    @property
    def passing(self) -> PointTable:
        """The same: bits are found in the store's own order."""
        return self

    def load(self, where: Where) -> None:
        """Bring into memory the columns of a filter, as far as there is room."""
        self.base.load(where)

    def near(self, groups: NDArray[np.int64]) -> PointTable:
        """Raise `UnsureError`: rows that are near each other in this order are all over the store."""
        raise UnsureError

    def count(self, view: View | None = None, where: Where = None) -> int:
        """Return the number of rows: all of them, placed or not, without a view; those inside its ranges with one."""
        return self.base.count(None, where) if view is None else super().count(view, where)

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
        """Return records, in the order of the store; see `PointTable.rows`."""
        return self._within(view).rows(None, where, columns, order_by, offset, limit, sample)

    def take(self, row_ids: Iterable[int] | None = None, keys: Iterable[Any] | None = None, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Return records by their number in the source, or by the user's key, in the order given."""
        return self.base.take(row_ids, keys, columns)

    @cached_property
    def sampled(self) -> SampledTable:
        """A hundredth of the rows, in the store's own places."""
        return self.base.sampled

    def histogram(self, column: str, bins: int = 64, view: View | None = None, where: Where = None) -> Histogram:
        """Return the counts of a number or datetime column in equal bins over its extent in the store."""
        return self._within(view).histogram(column, bins, None, where)

    def dates(self, column: str, bins: int = 100, view: View | None = None, where: Where = None) -> Histogram:
        """Return the counts of a datetime column by whole days, weeks, months, years or the like."""
        return self._within(view).dates(column, bins, None, where)

    def cross(self, first: str, second: str, bins: tuple[int, int] = (64, 64), view: View | None = None, where: Where = None) -> Cross:
        """Return the counts of two columns' values together."""
        return self._within(view).cross(first, second, bins, None, where)

    def category_counts(self, column: str, view: View | None = None, where: Where = None) -> pd.Series:
        """Return the count of each category that occurs, descending; missing values are left out."""
        return self._within(view).category_counts(column, None, where)

    def _within(self, view: View | None) -> PointTable:
        return self.base if view is None else _Within(self, view)


Kind = TypeVar("Kind", bound=PairTable)


def over(table: PointTable, x: str, y: str, kind: type[Kind]) -> Kind:
    """Return the rows of a store by the place that two other columns give them, from an index over these.

    Raises
    ------
    ColumnError
        When the store has no such column.
    OptionError
        When there is no index over them; it says how one is made.
    """
    found = table.orders.get((x, y))
    if not isinstance(found, kind):
        found = table.orders[x, y] = kind(table, pair_reader(table.reader, x, y))
    return found


class _Within(PointTable):
    """The rows of a store, in its own order, that lie in a view of an index."""

    def __init__(self, pair: PairTable, view: View) -> None:
        super().__init__(pair.base.reader)
        self._pair, self._view = pair, view

    @cached_property
    def _inside(self) -> Bits:
        return self._pair.reader.taken_back(self._pair.selected(self._view))

    def selected(self, view: View | None = None, where: Where = None) -> Selection:
        """Return the rows that pass a filter."""
        bits = self._pair.base.bits(where)
        return select(self.reader, None, self._inside if bits is None else self._inside & bits)

    def _counted(self, view: View | None, where: Where, *sides: Side) -> NDArray[np.int64]:
        asked = (self._pair.reader.pair.generation, self._view, Filters.of(where))
        return counted(self.reader, sides, asked, lambda: self.selected(view, where))
