"""The panel of charts: each shows all rows in grey and those that pass the filters of everything else in colour; brushing one filters the others."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import param

from bigview.app.charting import Counts, brushed, choices, counts_of, first_charts, marked
from bigview.app.component import HERE, Component
from bigview.app.host import Host
from bigview.chart import Chart
from bigview.errors import BigviewError
from bigview.spec import Filters
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
    """Counts that are wanted: of these charts, with the filters of everything else."""

    base: Filters
    charts: tuple[tuple[Chart, Filters], ...]
    page: Crossfilter


class ChartPanel:
    """The panel of charts of one visitor.

    Parameters
    ----------
    host : Host
        The explorer.
    """

    def __init__(self, host: Host) -> None:
        self._host, self._state = host, host.state
        self._counts: dict[str, Counts] = {}
        self._page: Crossfilter | None = None  # as it was counted
        self._visible = True
        self._worker = host.map.worker(self._count, self._counted)
        self.component = ChartView(choices=choices(host.table), told=self._told, sizing_mode="stretch_both", margin=0)
        if not self._state.spec.charts:
            self._state.spec = self._state.spec.replaced(charts=first_charts(host.table, self._state.style.by))
        self._watcher = self._state.param.watch(lambda _: host.map.soon(self._follow), "spec")
        self._follow()

    def close(self) -> None:
        """Stop all work."""
        self._state.param.unwatch(self._watcher)
        self._worker.close()

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
        changed = page.recount(self._page, charts)
        if changed:
            self._worker.request(_Wanted(self._host.base, tuple((charts[owner], page.others(owner)) for owner in changed), page))

    def _crossfilter(self) -> Crossfilter:
        """Return the filters of the page by who made them."""
        spec, state = self._state.spec, self._state
        chips = Filters.of(self._host.base, state.where_of(spec.replaced(charts=())))
        return Crossfilter({"chips": chips, "selection": self._host.selected} | {_owner(chart): chart.brush for chart in self._charts})

    def _count(self, wanted: _Wanted, _: Callable[[], bool]) -> Iterator[tuple[Chart, Counts]]:
        """Count chart after chart. A newer brush ends it between two."""
        for chart, others in wanted.charts:
            yield chart, counts_of(self._host.table, chart, wanted.base, others)

    def _counted(self, wanted: _Wanted, found: tuple[Chart, Counts]) -> None:
        self._counts[_owner(found[0])] = found[1]
        if found[0] is wanted.charts[-1][0]:
            self._page = wanted.page  # until then a newer request counts all that this one was to count
        self._tell()

    def _tell(self) -> None:
        self.component.charts = [self._shown(chart) for chart in self._charts]

    def _shown(self, chart: Chart) -> dict[str, Any]:
        counts = self._counts.get(_owner(chart))
        facts: dict[str, Any] = {"kind": chart.kind, "title": " × ".join(chart.columns), "columns": list(chart.columns), "brush": chart.brush or ""}
        if counts is None:
            return facts
        size = [len(labels) - (ends is not None) for labels, ends in zip(counts.labels, counts.ends, strict=True)]
        return {**facts, "labels": list(counts.labels), "all": counts.everything, "some": counts.some, "size": size, "marked": marked(chart, counts)}

    def _told(self, kind: Any, value: Any) -> None:
        """Act on a message of the page, in its turn."""
        act = {"add": self._added, "remove": self._removed, "brush": self._brushed, "seen": self._seen}.get(kind)
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
        made = brushed(self._host.table, chart, value, self._counts[_owner(chart)])
        self._state.change(gesture=value.get("gesture"), charts=[made if number == place else other for number, other in enumerate(self._charts)])


def _owner(chart: Chart) -> str:
    """Return what tells a chart from the others of the page."""
    return repr((chart.kind, chart.columns))
