"""A hundredth of the rows, in memory: what a chart shows before it has counted all of them.

The rows are those with the smallest hashes, so that they are chosen without regard to anything, and are the same each time. Conditions on
numbers, datetimes and categories are tested on the sample alone; those on texts, outlines and sets of rows for all rows, as ever.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bigview.config import limits
from bigview.spec import Clause, Cross, Filters, Histogram, Op, View, Where
from bigview.store import pool
from bigview.store.binned import calendar_bins, equal_bins
from bigview.store.bits import tested, unpack
from bigview.store.charts import Side, side_of
from bigview.store.clauses import evaluate
from bigview.store.filters import ClauseBits, split_of
from bigview.store.reader import PLACE, ROW, Reader, X, Y
from bigview.store.recent import Recent
from bigview.store.sample import first_rows, size_of
from bigview.store.scan import passing
from bigview.store.selection import Box
from bigview.store.valuesets import UnsureError, plan

_GROUPS = 8  # row groups of a task


class ColdError(Exception):
    """Raised where only what is quick was asked for, and a column of the sample is not in memory."""


_asked = threading.local()


@contextmanager
def quick_only() -> Iterator[None]:
    """Let samples asked by this thread in the block raise `ColdError` rather than read row groups."""
    _asked.quick = True
    try:
        yield
    finally:
        _asked.quick = False


_columns: Recent[NDArray[Any]] = Recent(lambda values: values.nbytes, lambda: limits().frame_bytes)
"""Sampled columns of every open store."""

_masks: Recent[NDArray[np.bool_]] = Recent(lambda mask: mask.nbytes, lambda: _MASKS)
_MASKS = 8 << 20
"""Bytes of masks: the charts of a page mostly share one."""


class SampledTable:
    """Counts of a sample of a store's rows; asked like the store itself.

    Parameters
    ----------
    reader : Reader

    Attributes
    ----------
    exact : bool
        False, unless the sample is all rows.
    in_file : bool
        Whether the store has its sample in a file, so that a column of it is read in milliseconds.
    """

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        manifest = reader.manifest
        kept = reader.sample_groups
        self.in_file = bool(kept.files)
        self.size = int(kept.offsets[-1]) if self.in_file else size_of(manifest.rows)
        self.exact = self.size == manifest.rows
        self._store = (reader.folder.url, manifest.generation, manifest.fingerprint)
        self._clauses = ClauseBits(reader)

    @property
    def scale(self) -> float:
        """What to multiply counts by to estimate those of all rows. A count n is off by about √n before that."""
        return self.reader.manifest.rows / self.rows if self.rows else 1.0

    @property
    def rows(self) -> int:
        """Number of rows of the sample."""
        return self.size if self.in_file else len(self.positions)

    @cached_property
    def positions(self) -> NDArray[np.int64]:
        """The rows of the sample, ascending."""
        if self.in_file:
            return np.asarray(_columns.get((self._store, PLACE), lambda: self.reader.sampled(PLACE)), np.int64)
        if getattr(_asked, "quick", False) and _columns.peek((self._store, PLACE)) is None:
            raise ColdError
        found = _columns.get((self._store, PLACE), lambda: np.sort(first_rows(self.reader, self.size)))
        return np.asarray(found, np.int64)

    def column(self, page: str) -> NDArray[Any]:
        """Return the sample's values of a decoded column: from its file; where there is none each row group is decoded once, and not kept."""
        if getattr(_asked, "quick", False) and not self._ready(page):
            raise ColdError
        derivation = self.reader.derivation(page)
        if derivation is not None and (self.in_file or not self.reader.pages.held([page]).all()):
            column, make = derivation
            return _columns.get((self._store, page), lambda: make(self.column(column)))
        return _columns.get((self._store, page), lambda: self.reader.sampled(page) if self.in_file else self._gathered(page))

    def _ready(self, page: str) -> bool:
        if self.in_file or _columns.peek((self._store, page)) is not None or self.reader.pages.held([page]).all():
            return True
        derivation = self.reader.derivation(page)
        return derivation is not None and self._ready(derivation[0])

    def _gathered(self, page: str) -> NDArray[Any]:
        pages = self.reader.pages
        out = np.empty(self.rows, pages.dtypes[page])
        edges = np.searchsorted(self.positions, pages.offsets)
        held = pages.held([page])

        def part(first: int) -> None:
            for group in range(first, min(first + _GROUPS, len(edges) - 1)):
                mine = slice(int(edges[group]), int(edges[group + 1]))
                rows = self.positions[mine]
                if held[group]:
                    with pages.pinned([page], np.array([group])) as (array,):
                        out[mine] = array[rows]
                elif len(rows):
                    out[mine] = pages.decoded([group], [page])[0][page][rows - pages.offsets[group]]

        pool.run(part, range(0, len(edges) - 1, _GROUPS))
        return out

    def mask(self, view: View | None = None, where: Where = None) -> NDArray[np.bool_]:
        """Return which rows of the sample pass; it is shared: do not write into it."""
        filters = Filters.of(where)
        key = (self._store, self.rows, view, filters)
        found = _masks.peek(key)
        if found is None and getattr(_asked, "quick", False):  # who waits for the same mask must not get our `ColdError`
            found = self._made_mask(view, filters)
        return _masks.get(key, lambda: self._made_mask(view, filters) if found is None else found)

    def _made_mask(self, view: View | None, where: Filters) -> NDArray[np.bool_]:
        good = np.ones(self.rows, bool)
        if view is not None:
            box = Box.of(view, self.reader.manifest.x, self.reader.manifest.y)
            for page, low, high, top in ((X, box.x0, box.x1, box.top_x), (Y, box.y0, box.y1, box.top_y)):
                values = self.column(page)
                good &= (values >= low) & ((values < high) | (top & (values == high)))
        for clause in where.clauses:
            good &= self._passing(clause)
        return good

    def ready(self, where: Where) -> bool:
        """Tell whether a filter is tested on the sample alone, or its bits are there: in milliseconds, that is."""
        there = self.in_file or _columns.peek((self._store, PLACE)) is not None
        return there and all(self._quick(clause) for clause in Filters.of(where).clauses)

    def _quick(self, clause: Clause) -> bool:
        kind, value = clause
        if self._clauses.kept(Filters((clause,))):
            return True
        if kind == "steps":
            return all(self.ready(filters) for _, filters in value)
        if kind != "sql":
            return kind == "split" and self._ready(ROW)
        expression = self._clauses.expression(value)
        if any(self.reader.manifest.column(name).part != "rows" for name in expression.columns):
            return False
        try:
            return self.in_file or (plan(self.reader, expression) is not None and all(self._ready(name) for name in expression.columns))
        except UnsureError:
            return False

    def _passing(self, clause: Clause) -> NDArray[np.bool_]:
        kind, value = clause
        if kind == "sql":
            expression = self._clauses.expression(value)
            try:
                return unpack(passing(self.reader, plan(self.reader, expression), self.column, self.rows), 0, self.rows)
            except UnsureError:
                if self.in_file and all(self.reader.manifest.column(name).part == "rows" for name in expression.columns):
                    return evaluate(expression, self.reader.sampled_batch(expression.columns or [ROW]))
        if kind == "steps":
            return self._stepwise(value)
        if kind == "split" and self.in_file:
            part, parts, seed = value
            return np.asarray(split_of(self.column(ROW), parts, seed) == part)
        bits = self._clauses.of(Filters((clause,)))
        return np.ones(self.rows, bool) if bits is None else tested(bits, self.positions)

    def _stepwise(self, steps: tuple[tuple[Op, Filters], ...]) -> NDArray[np.bool_]:
        good = np.full(self.rows, steps[0][0] != "add")
        for op, filters in steps:
            found = self._made_mask(None, filters)
            good = good | found if op == "add" else good & ~found if op == "subtract" else good & found
        return good

    def _places(self, side: Side) -> NDArray[np.int64]:
        return side.places[self.column(side.page).astype(np.int64) - side.base]

    def _counted(self, side: Side, view: View | None, where: Where) -> NDArray[np.int64]:
        return np.bincount(self._places(side)[self.mask(view, where)], minlength=side.size + 1)

    def count(self, view: View | None = None, where: Where = None) -> int:
        """Return the number of rows of the sample that pass."""
        return int(self.mask(view, where).sum())

    def histogram(self, column: str, bins: int = 64, view: View | None = None, where: Where = None) -> Histogram:
        """Return the sample's counts in the bins of `PointTable.histogram`."""
        found = equal_bins(self.reader, column, bins)
        counts = self._counted(Side.of_bins(self.reader, found), view, where)
        return Histogram(found.shown, counts[:-1], int(counts[-1]))

    def dates(self, column: str, bins: int = 100, view: View | None = None, where: Where = None) -> Histogram:
        """Return the sample's counts in the bins of `PointTable.dates`."""
        found, _ = calendar_bins(self.reader, column, bins)
        counts = self._counted(Side.of_bins(self.reader, found), view, where)
        return Histogram(found.shown, counts[:-1], int(counts[-1]))

    def category_counts(self, column: str, view: View | None = None, where: Where = None) -> pd.Series:
        """Return the sample's counts of each category that occurs in it, descending."""
        counts = self._counted(Side.of_categories(self.reader, column), view, where)[:-1]
        order = np.argsort(-counts, kind="stable")
        order = order[counts[order] > 0]
        return pd.Series(counts[order], index=pd.Index(self.reader.categories(column)[order], name=column), name="count")

    def cross(self, first: str, second: str, bins: tuple[int, int] = (64, 64), view: View | None = None, where: Where = None) -> Cross:
        """Return the sample's counts in the bins of `PointTable.cross`."""
        (a, a_ends), (b, b_ends) = (side_of(self.reader, column, size) for column, size in zip((first, second), bins, strict=True))
        good = self.mask(view, where)
        places = self._places(a)[good] * (b.size + 1) + self._places(b)[good]
        counts = np.bincount(places, minlength=(a.size + 1) * (b.size + 1)).reshape(a.size + 1, b.size + 1)
        inner = counts[:-1, :-1]
        return Cross(a_ends, b_ends, inner, int(counts.sum() - inner.sum()))
