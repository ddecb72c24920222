"""Part of a store, not read yet: what HoloViews' elements hold when rows have been selected."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd

from bigview.config import limits
from bigview.errors import TooLargeError, missing_column
from bigview.spec import Filters, View
from bigview.store.axis import Axis
from bigview.store.phrases import quoted
from bigview.store.points import PointTable
from bigview.store.reader import ROW
from bigview.views.conditions import Column, Condition, literal

Ends = tuple[Any, Any]
_OPEN: Ends = (None, None)


@dataclass(frozen=True)
class Subset:
    """A store with a filter and a window, both of which may be absent. Cheap, immutable, hashable; rows are read when asked for.

    Attributes
    ----------
    table : PointTable
    where : Filters
    x, y : (low, high)
        The window, half-open, on the store's axes; None for an open end.
    """

    table: PointTable
    where: Filters = field(default_factory=Filters)
    x: Ends = _OPEN
    y: Ends = _OPEN

    @classmethod
    def of(cls, data: Any) -> Self:
        """Return a store, or a part of one, as a part."""
        return data if isinstance(data, cls) else cls(data)

    @property
    def axes(self) -> tuple[str, str]:
        """Names of the columns of the positions."""
        return self.table.manifest.x.column, self.table.manifest.y.column

    @property
    def columns(self) -> dict[str, str]:
        """Columns and what they hold, without the number of the row."""
        return {name: kind for name, kind in self.table.columns.items() if name != ROW}

    def kind(self, name: str) -> str:
        """Return what a column holds."""
        if name not in self.table.columns:
            raise missing_column(name, self.columns, "the store")
        return self.table.columns[name]

    def column(self, name: str) -> Column:
        """Return a column that is not read, for expressions."""
        axis = self._axis(name) if name in self.axes else None
        return Column(quoted(name), axis, name == self.axes[0])

    def dtype(self, name: str) -> np.dtype:
        """Return the type of a column's values as NumPy names it."""
        kind, exact = self.kind(name), self.table.manifest.column(name).dtype
        if kind == "datetime":
            return self.table.manifest_dtype(name)
        if kind == "boolean":
            return np.dtype(bool)
        if kind in ("number", "integer"):
            return np.dtype({"halffloat": "f2", "float": "f4", "double": "f8"}.get(exact, exact))
        return np.dtype(object)

    def range(self, name: str) -> Ends:
        """Return the least and the greatest value of a column in the whole store: known, not searched for."""
        if name in self.axes:
            return self.table.bounds[self.axes.index(name)] if self.table.manifest.placed else (np.nan, np.nan)
        entry, kind = self.table.manifest.column(name), self.kind(name)
        if kind == "boolean":
            return (False, True)
        if kind == "category":
            values = sorted(self.table.reader.categories(name))
            return (values[0], values[-1]) if values else (np.nan, np.nan)
        if entry.low is None or entry.high is None:
            return (np.nan, np.nan)
        if kind == "datetime":
            low, high = np.array([entry.low, entry.high], np.int64).view(self.dtype(name))
            return (low, high)
        return (entry.low, entry.high)

    def unique(self, name: str) -> Any:
        """Return the distinct values of a column where the store knows them; None otherwise."""
        return self.table.reader.categories(name) if self.kind(name) in ("category", "boolean") else None

    def filtered(self, condition: Condition) -> "Subset":
        """Return the part that passes."""
        return replace(self, where=Filters.of(self.where, condition.filters))

    def windowed(self, name: str, low: Any, high: Any) -> "Subset":
        """Return the rows with low ≤ value < high; None leaves an end open."""
        low, high = (None if end is None or _missing(end) else end for end in (low, high))
        if name not in self.axes:
            texts = [f"{quoted(name)} {sign} {literal(end)}" for sign, end in ((">=", low), ("<", high)) if end is not None]
            return replace(self, where=Filters.of(self.where, *texts))
        old = self.x if name == self.axes[0] else self.y
        axis = self._axis(name)
        low = old[0] if low is None or (old[0] is not None and axis.position(old[0]) > axis.position(low)) else low
        high = old[1] if high is None or (old[1] is not None and axis.position(old[1]) < axis.position(high)) else high
        return replace(self, x=(low, high)) if name == self.axes[0] else replace(self, y=(low, high))

    def _axis(self, name: str) -> Axis:
        return self.table.manifest.x if name == self.axes[0] else self.table.manifest.y

    @cached_property
    def conditions(self) -> Filters:
        """The filter and the window as one filter."""
        texts = [
            f"{quoted(name)} {sign} {literal(end)}"
            for name, ends in zip(self.axes, (self.x, self.y), strict=True)
            for sign, end in zip((">=", "<"), ends, strict=True)
            if end is not None
        ]
        return Filters.of(self.where, *texts)

    @property
    def is_all(self) -> bool:
        """Whether every row belongs."""
        return not self.where and self.x == self.y == _OPEN

    @cached_property
    def view(self) -> View | None:
        """The window as a view, so that the index finds its rows; None without one."""
        if self.x == self.y == _OPEN:
            return None
        ranges = []
        for name, ends in zip(self.axes, (self.x, self.y), strict=True):
            low, high = self.range(name)
            # The greatest value itself belongs to an open end, and a view that ends there includes it.
            ranges.append((low if ends[0] is None else ends[0], high if ends[1] is None else ends[1]))
        return View(ranges[0], ranges[1])

    @property
    def _empty(self) -> bool:
        """Whether the window cannot hold a row."""
        if self.x == self.y == _OPEN:
            return False
        if not self.table.manifest.placed:
            return True
        for name, ends in zip(self.axes, (self.x, self.y), strict=True):
            low, high = self.range(name)
            axis = self._axis(name)
            low = low if ends[0] is None else ends[0]
            high = high if ends[1] is None else ends[1]
            if axis.position(low) >= axis.position(high):
                return True
        return False

    def _asked(self) -> tuple[View | None, Filters] | None:
        """How the table finds these rows; None where there can be none."""
        if self._empty:
            return None
        if any(axis.low == axis.high for axis in (self.table.manifest.x, self.table.manifest.y)):
            return None, self.conditions  # all points on a line: a view of it has no size
        return self.view, self.where

    def count(self) -> int:
        """Return the number of rows."""
        if self.is_all:
            return self.table.manifest.rows
        asked = self._asked()
        return 0 if asked is None else self.table.count(*asked)

    def rows(self, columns: Sequence[str], offset: int = 0, limit: int | None = None) -> pd.DataFrame:
        """Return rows in store order, all of them without a limit."""
        asked = self._asked()
        most = self.table.manifest.rows if limit is None else limit
        view, where = asked or (None, Filters())
        return self.table.rows(view=view, where=where, columns=list(columns), offset=offset, limit=most if asked else 0)

    def frame(self, columns: Sequence[str], asked_by: str) -> pd.DataFrame:
        """Return whole columns, if they are few rows.

        Raises
        ------
        TooLargeError
            When there are more rows than an element should hold.
        """
        rows, most = self.count(), limits().element_rows
        if rows > most:
            size = rows * sum(self.dtype(name).itemsize for name in columns) / 1e6
            names = ", ".join(map(repr, columns))
            raise TooLargeError(
                f"{asked_by} would read {names} of {rows:,} rows ({size:,.0f} MB) into memory; up to {most:,} rows are read. "
                "Draw them with rasterize() or datashade(), select fewer, or ask the store: store.rows(limit=…), store.histogram(column), "
                "store.category_counts(column). bigview.config.override(element_rows=…) raises the limit."
            )
        return self.rows(columns)[list(columns)]


def _missing(value: Any) -> bool:
    return bool(pd.isna(value))
