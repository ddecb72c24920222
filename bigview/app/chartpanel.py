"""The panel of charts: each shows all rows in grey and those that pass the filters of everything else in colour; brushing one filters the others."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import param

from bigview.app.charting import Counts, brushed, choices, counts_of, first_charts, marked, sampled_counts
from bigview.app.component import HERE, Component
from bigview.app.host import Attached, Host
from bigview.app.mapchart import Look, Pictured, box_of, boxed, look_of, looked, pictured, viewed
from bigview.app.picks import spoken_names, told
from bigview.chart import Chart
from bigview.config import limits
from bigview.errors import BigviewError
from bigview.spec import Filter, Filters
from bigview.store.pool import Stopped, stoppable
from bigview.store.sampled import ColdError, quick_only
from bigview.views.crossfilter import Crossfilter

_MOST = 12  # charts


class ChartView(Component):
    """The page's side of the panel. It takes plain values; chartpanel.js shows them as text."""

    charts = param.List(default=[], doc="What each chart shows.")
    choices = param.List(default=[], doc="Kinds of charts, with the columns they may take.")

    _esm = HERE / "chartpanel.js"
    _stylesheets = (str(HERE / "chartpanel.css"),)


@dataclass(frozen=True)
class _Wanted:
    """Counts that are wanted: of these charts, with the filters of everything else, and how second maps are looked at."""

    base: Filters
    charts: tuple[tuple[Chart, Filters], ...]
    page: Crossfilter
    looks: dict[str, Look]


Shown = Counts | Pictured


class ChartPanel(Attached):
    """The panel of charts of one visitor.

    Parameters
    ----------
    host : Host
        The explorer.
    """

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self._counts: dict[str, Shown] = {}
        self._exact: dict[str, Counts] = {}  # the last exact counts
        self._page: Crossfilter | None = None  # as it was counted
        self._seen_looks: dict[str, Look] = {}  # at second maps, as they were drawn
        self._moved = False  # whether the link does not have the view of a second map yet
        self._request: _Wanted | None = None  # whose counts come in, and whose are still to come
        self._left: set[str] = set()
        self._visible = True
        self._worker = self._worker_of(self._count, self._counted)
        self.component = ChartView(choices=choices(host.table), told=self._told, sizing_mode="stretch_both", margin=0)
        if not self._state.spec.charts:
            self._state.spec = self._state.spec.replaced(charts=first_charts(host.table, self._state.style.by))
        self._attach(self._follow)
        self._follow()

    @property
    def _charts(self) -> tuple[Chart, ...]:
        return self._state.spec.charts

    def _follow(self) -> None:
        """Show what the state says, and ask for the counts."""
        self._tell()
        if not self._visible:
            return
        try:
            page = self._crossfilter()
        except BigviewError as error:
            self._host.failed(str(error))
            return
        charts = {_owner(chart): chart for chart in self._charts}
        looks = {owner: look_of(self._host.table, chart, self._state.style.dark) for owner, chart in charts.items() if chart.kind == "map"}
        changed = page.recount(self._page, charts)
        changed += tuple(owner for owner, look in looks.items() if owner not in changed and look != self._seen_looks.get(owner))
        if changed:
            self._worker.request(_Wanted(self._host.base, tuple((charts[owner], page.others(owner)) for owner in changed), page, looks))

    def _crossfilter(self) -> Crossfilter:
        """Return the filters of the page by who made them."""
        spec, state = self._state.spec, self._state
        chips = Filters.of(self._host.base, state.where_of(spec.replaced(charts=())))
        return Crossfilter({"chips": chips, "selection": self._host.selected} | {_owner(chart): chart.brush for chart in self._charts})

    def _count(self, wanted: _Wanted, stale: Callable[[], bool]) -> Iterator[list[tuple[Chart, Shown]]]:
        """Count chart after chart: in a large store first all of them from a sample, then exactly. A newer brush ends it."""
        better, large = list(wanted.charts), self._host.table.manifest.rows > limits().sampled_rows
        if large:  # all at once: each takes a few milliseconds
            first = [self._sampled_quickly(wanted, chart, others) for chart, others in wanted.charts]
            better = [entry for entry, shown in zip(better, first, strict=True) if shown is None or not _final(shown)]
            yield [(chart, shown) for (chart, _), shown in zip(wanted.charts, first, strict=True) if shown is not None]
        for chart, others in better:
            try:
                with stoppable(stale if large else lambda: False):
                    found = self._counted_exactly(wanted, chart, others)
            except Stopped:
                return
            yield [(chart, found)]
        if large:  # for the next brush
            yield []
            with suppress(Stopped), stoppable(stale):
                for chart, others in wanted.charts:
                    self._shown_first(wanted, chart, others)

    def _sampled_quickly(self, wanted: _Wanted, chart: Chart, others: Filters) -> Shown | None:
        """Return what a sample shows; None where it is not in memory yet, for then it takes as long as all rows."""
        try:
            with quick_only():
                return self._shown_first(wanted, chart, others)
        except ColdError:
            return None

    def _shown_first(self, wanted: _Wanted, chart: Chart, others: Filters) -> Shown:
        table, owner = self._host.table, _owner(chart)
        if chart.kind == "map":
            return pictured(table, chart, (wanted.base, others), wanted.looks[owner], sampled=True)
        return sampled_counts(table, chart, wanted.base, others, self._exact.get(owner))

    def _counted_exactly(self, wanted: _Wanted, chart: Chart, others: Filters) -> Shown:
        table, owner = self._host.table, _owner(chart)
        if chart.kind == "map":
            return pictured(table, chart, (wanted.base, others), wanted.looks[owner], sampled=False)
        return counts_of(table, chart, wanted.base, others)

    def _counted(self, wanted: _Wanted, found: list[tuple[Chart, Shown]]) -> None:
        if self._request is not wanted:
            self._request, self._left = wanted, {_owner(chart) for chart, _ in wanted.charts}
        for chart, shown in found:
            owner = _owner(chart)
            self._counts[owner] = shown
            if isinstance(shown, Counts) and shown.exact:
                self._exact[owner] = shown
            if _final(shown):
                self._left.discard(owner)
                if owner in wanted.looks:
                    self._seen_looks[owner] = wanted.looks[owner]
        if not self._left:
            self._page = wanted.page  # until then a newer request counts all that this one was to count
            if self._moved:
                self._moved = False
                self._host.permalink.renew()
        self._tell()

    def _tell(self) -> None:
        self.component.charts = [self._shown(chart) for chart in self._charts]

    def _shown(self, chart: Chart) -> dict[str, Any]:
        counts = self._counts.get(_owner(chart))
        facts: dict[str, Any] = {"kind": chart.kind, "title": " × ".join(chart.columns), "columns": list(chart.columns)}
        facts["brush"] = told(Filter(chart.brush)) if chart.brush else ""
        if counts is None:
            return facts
        facts["badge"] = "" if counts.exact else f"sample of {100 / self._host.table.sampled.scale:.2g} %"
        if isinstance(counts, Pictured):
            return {
                **facts,
                "image": counts.image,
                "ends": list(counts.texts),
                "rows": counts.count,
                "advice": counts.advice,
                "whole": chart.view is None,
                "box": box_of(self._host.table, chart, counts),
            }
        size = [len(labels) - (ends is not None) for labels, ends in zip(counts.labels, counts.ends, strict=True)]
        labels = [spoken_names(self._host.table, *one) for one in zip(chart.columns, counts.labels, strict=True)]
        more = f"{counts.rest:,} more" if counts.rest else ""
        return {**facts, "labels": labels, "more": more, "all": counts.everything, "some": counts.some, "size": size, "marked": marked(chart, counts)}

    def _told(self, kind: Any, value: Any) -> None:
        """Act on a message of the page, in its turn."""
        acts = {"add": self._added, "remove": self._removed, "brush": self._brushed, "seen": self._seen, "look": self._looked}
        act = acts.get(kind)
        if act is not None and isinstance(value, dict):
            self._host.map.soon(lambda: self._heard(act, value))

    def _heard(self, act: Callable[[dict[str, Any]], None], value: dict[str, Any]) -> None:
        try:
            act(value)
        except (BigviewError, KeyError, IndexError, TypeError, ValueError) as error:
            self._host.failed(str(error) if isinstance(error, BigviewError) else "The charts have changed meanwhile. Try again.")

    def _seen(self, value: dict[str, Any]) -> None:
        """Take note of whether the panel is on the screen: what is not seen is not counted."""
        self._visible = bool(value["seen"])
        self._follow()

    def _added(self, value: dict[str, Any]) -> None:
        chart = Chart(str(value["kind"]), tuple(str(name) for name in value["columns"]))
        for name in chart.columns:
            self._host.table.manifest.column(name)
        if len(self._charts) < _MOST and all(_owner(chart) != _owner(other) for other in self._charts):
            self._state.change(charts=[*self._charts, chart])

    def _removed(self, value: dict[str, Any]) -> None:
        place = int(value["chart"])
        self._state.change(charts=[chart for number, chart in enumerate(self._charts) if number != place])

    def _brushed(self, value: dict[str, Any]) -> None:
        place = int(value["chart"])
        chart = self._charts[place]
        shown = self._counts[_owner(chart)]
        if isinstance(shown, Pictured):
            made = replace(chart, brush=boxed(self._host.table, chart, shown, value["box"]) if "box" in value else None)
        else:
            made = brushed(self._host.table, chart, value, shown)
        self._state.change(gesture=value.get("gesture"), charts=[made if number == place else other for number, other in enumerate(self._charts)])

    def _looked(self, value: dict[str, Any]) -> None:
        """Look closer at a second map, or from further away, or elsewhere."""
        table, place = self._host.table, int(value["chart"])
        chart = self._charts[place]
        shown = self._counts[_owner(chart)]
        if isinstance(shown, Pictured):
            look = looked(table, chart, look_of(table, chart, self._state.style.dark), shown, value)
            made = viewed(table, chart, look)
            if made != chart:
                self._moved = True
                self._state.spec = self._state.spec.replaced(charts=[made if number == place else other for number, other in enumerate(self._charts)])


def _owner(chart: Chart) -> str:
    """Return what tells a chart from the others of the page."""
    return repr((chart.kind, chart.columns))


def _final(shown: Shown) -> bool:
    """Tell whether nothing better will come."""
    return shown.exact or (isinstance(shown, Pictured) and bool(shown.advice))
