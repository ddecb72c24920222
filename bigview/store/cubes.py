"""Data cubes of charts: what they count under every brush of another chart, found in one pass before the brush is there.

While one chart is brushed, the filters that the others have from everybody else stay as they are. So the others are counted once for each code of
the brushed column, and their counts under any brush that codes decide are a sum of these: exact, and at once. (Moritz, Howe and Heer, "Falcon:
Balancing interactive latency and resolution sensitivity for scalable linked visualizations", CHI 2019.)
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from bigview.spec import Clause, Filters
from bigview.store.binned import Bins, answers
from bigview.store.charts import Counts, Side, counted, kept
from bigview.store.filters import ClauseBits
from bigview.store.reader import Reader
from bigview.store.selection import Selection
from bigview.store.valuesets import UnsureError, Values, plan

_MOST = 1 << 18  # counts of a cube


def fits(pivot: Side, sides: Sequence[Side]) -> bool:
    """Tell whether a chart can be counted for every brush of another one: it has one column, and both together have few bars."""
    return len(sides) == 1 and len(pivot.places) * (sides[0].size + 1) <= _MOST


def foresee(reader: Reader, pivot: Side, side: Side, rest: Filters, select: Callable[[], Selection]) -> None:
    """Count the selected rows of each bar for each code of the brushed column.

    Parameters
    ----------
    pivot : Side
        The brushed column.
    side : Side
        The bars; see `fits`.
    rest : Filters
        The filters without the brush.
    select : callable
        Returns the rows that pass them; called where the counts are not known.
    """
    counted(reader, (pivot.codes, side), (None, rest), select)


def foreseen(clauses: ClauseBits, reader: Reader, side: Side, where: Filters) -> Counts | None:
    """Return what `bigview.store.charts.counted` returns for one side, if one of the clauses is a brush for which it was foreseen; None if not."""
    for clause in where.clauses:
        rest = Filters(tuple(other for other in where.clauses if other is not clause))
        for pivot, table_of in _pivots(clauses, reader, clause):
            cube = kept(reader, (pivot.codes, side), (None, rest))
            table = None if cube is None else table_of()
            if cube is not None and table is not None:
                return np.asarray(cube[:-1][table.astype(bool)].sum(axis=0))
    return None


Table = NDArray[np.uint8]


def _pivots(clauses: ClauseBits, reader: Reader, clause: Clause) -> Iterator[tuple[Side, Callable[[], Table | None]]]:
    """Yield the sides whose codes may decide a clause, and what says for each code whether its rows pass."""
    kind, value = clause
    if kind != "sql":
        return
    expression = clauses.expression(value)
    if len(expression.columns) != 1:
        return
    try:
        values = plan(reader, expression)
        if not isinstance(values, Values):
            return
        absent = values.absent
    except UnsureError:
        return
    column, domain = values.domain.column, values.domain
    if column.kind == "integer" and max(abs(domain.low), abs(domain.high)) > 1 << 53:  # their codes are those of rounded numbers
        return
    if column.kind in ("category", "boolean"):
        yield Side.of_categories(reader, column.name), lambda: _of_categories(values, absent)
    for bins in reader.derived(column.name):
        if isinstance(bins, Bins) and column.low is not None and bins.size <= _MOST:
            yield Side.of_bins(reader, bins), lambda bins=bins: answers(bins, values, absent)  # type: ignore[misc]


def _of_categories(values: Values, absent: bool) -> Table:
    table = np.zeros(values.domain.high + 2, np.uint8)  # from code -1, which is no value
    table[0] = absent
    for low, high in values.ranges:
        table[low + 1 : high + 2] = 1
    return table
