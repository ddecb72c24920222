"""Counts the charts of a panel, off the event loop: what is known at once, then a sample, then all rows; and what the next brush will ask."""

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from bigview.app.charting import Counts, counts_of, sampled_counts, sides_of
from bigview.app.mapchart import Look, Pictured, pictured
from bigview.chart import Chart
from bigview.config import limits
from bigview.spec import Filters
from bigview.store.cubes import fits
from bigview.store.points import PointTable
from bigview.store.pool import Stopped, stoppable
from bigview.store.sampled import ColdError, quick_only
from bigview.views.crossfilter import Crossfilter

Shown = Counts | Pictured

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wanted:
    """Counts that are wanted.

    Attributes
    ----------
    base : Filters
        What all rows pass.
    charts : tuple of (Chart, Filters)
        With the filters of everything else.
    page : Crossfilter
        The page for which they are counted.
    looks : dict of str to Look
        How second maps are looked at, by owner.
    later : frozenset of str
        Owners of charts that are being counted for every brush: until then a sample of them will do.
    """

    base: Filters
    charts: tuple[tuple[Chart, Filters], ...]
    page: Crossfilter
    looks: dict[str, Look]
    later: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Foresight:
    """Charts that are to be counted for every brush of another one, each with its filters but for that brush."""

    brushed: Chart
    charts: tuple[tuple[Chart, Filters], ...]


class Counter:
    """Counts charts of a table.

    Parameters
    ----------
    table : PointTable
    exact : dict of str to Counts
        The last exact counts, by owner.
    """

    def __init__(self, table: PointTable, exact: dict[str, Counts]) -> None:
        self._table, self._exact = table, exact

    @property
    def large(self) -> bool:
        """Whether counting all rows takes so long that something comes before it."""
        return self._table.manifest.rows > limits().sampled_rows

    def count(self, wanted: Wanted, stale: Callable[[], bool]) -> Iterator[list[tuple[Chart, Shown]]]:
        """Count chart after chart: in a large store first all of them from a sample, then exactly. A newer brush ends it."""
        better, large, waiting = list(wanted.charts), self.large, frozenset[str]()
        if large:  # all at once: each takes a few milliseconds
            first = [self._at_once(wanted, chart, others) for chart, others in wanted.charts]
            better = [entry for entry, one in zip(better, first, strict=True) if one is None or not final(one)]
            shown = [(chart, one) for (chart, _), one in zip(wanted.charts, first, strict=True) if one is not None]
            waiting = wanted.later & {owner_of(chart) for chart, _ in shown}
            yield shown
        for chart, others in better:
            if owner_of(chart) in waiting:
                continue
            try:
                with stoppable(stale if large else lambda: False):
                    found = self._exactly(wanted, chart, others)
            except Stopped:
                return
            yield [(chart, found)]
        if large:  # for the next brush
            yield []
            with suppress(Stopped), stoppable(stale):
                for chart, others in wanted.charts:
                    self._sampled(wanted, chart, others)

    def foresee(self, wanted: Foresight, stale: Callable[[], bool]) -> Iterator[str]:
        """Count charts for every brush of another one; yield the owner of each, also where it cannot be."""
        (brushed,) = sides_of(self._table, wanted.brushed)
        for chart, others in wanted.charts:
            sides = sides_of(self._table, chart)
            try:
                with stoppable(stale):
                    if fits(brushed, sides):
                        self._table.passing.foresee(brushed, sides[0], others)
            except Stopped:
                return
            except Exception as error:
                log.info("a chart could not be counted beforehand", exc_info=error)
            yield owner_of(chart)

    def _at_once(self, wanted: Wanted, chart: Chart, others: Filters) -> Shown | None:
        """Return what is known, or what a sample shows; None where it is not in memory yet, for then it takes as long as all rows."""
        sides = sides_of(self._table, chart)
        if sides and self._table.foreseen(sides, others) and self._table.foreseen(sides, wanted.base):
            return counts_of(self._table.passing, chart, wanted.base, others)
        try:
            with quick_only():
                return self._sampled(wanted, chart, others)
        except ColdError:
            return None

    def _sampled(self, wanted: Wanted, chart: Chart, others: Filters) -> Shown:
        if chart.kind == "map":
            return pictured(self._table, chart, (wanted.base, others), wanted.looks[owner_of(chart)], sampled=True)
        return sampled_counts(self._table, chart, wanted.base, others, self._exact.get(owner_of(chart)))

    def _exactly(self, wanted: Wanted, chart: Chart, others: Filters) -> Shown:
        if chart.kind == "map":
            return pictured(self._table, chart, (wanted.base, others), wanted.looks[owner_of(chart)], sampled=False)
        return counts_of(self._table.passing, chart, wanted.base, others)


def owner_of(chart: Chart) -> str:
    """Return what tells a chart from the others of the page."""
    return repr((chart.kind, chart.columns))


def final(shown: Shown) -> bool:
    """Tell whether nothing better will come."""
    return shown.exact or (isinstance(shown, Pictured) and bool(shown.advice))
