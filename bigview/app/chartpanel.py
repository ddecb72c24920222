"""The panel of charts: each shows all rows in grey and those that pass the filters of everything else in colour; brushing one filters the others."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import panel as pn
import param

from bigview.app.charting import Counts, brushed, choices, counts_of, first_charts, marked
from bigview.app.host import Host
from bigview.chart import Chart
from bigview.errors import BigviewError
from bigview.spec import Filters
from bigview.state import Spec

_HERE = Path(__file__).parent
_MOST = 12  # charts


class ChartView(pn.custom.JSComponent):
    """The page's side of the panel. It takes plain values; chartpanel.js shows them as text."""

    charts = param.List(default=[], doc="What each chart shows.")
    choices = param.List(default=[], doc="Kinds of charts, with the columns they may take.")
    told = param.Parameter(default=None, precedence=-1, doc="Called with each message of the page.")

    _esm = _HERE / "chartpanel.js"
    _stylesheets = (str(_HERE / "chartpanel.css"),)
    _rename = {"told": None}  # noqa: RUF012  Panel declares it so

    def _handle_msg(self, data: Any) -> None:
        if self.told is not None and isinstance(data, dict):
            self.told(data.get("kind"), data.get("value"))


@dataclass(frozen=True)
class _Wanted:
    """Counts that are wanted: of each chart, with the filters of everything else."""

    base: Filters
    charts: tuple[tuple[Chart, Filters], ...]


class ChartPanel:
    """The panel of charts of one visitor.

    Parameters
    ----------
    host : Host
        The explorer.
    """

    def __init__(self, host: Host) -> None:
        self._host, self._state = host, host.state
        self._counts: dict[tuple[str, tuple[str, ...]], Counts] = {}
        self._under: Chart | None = None  # the one that is being brushed comes last: its own counts do not change
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
        spec, base = self._state.spec, self._host.base
        try:
            wanted = tuple((chart, Filters.of(base, self._state.where_of(without(spec, chart)), self._host.selected)) for chart in self._charts)
        except BigviewError as error:
            self._host.failed(str(error))
            return
        self._worker.request(_Wanted(base, wanted))

    def _count(self, wanted: _Wanted, stale: Callable[[], bool]) -> Iterator[tuple[Chart, Counts]]:
        """Count chart after chart; the others before the one under the pointer. A newer brush ends it between two."""
        brushed_one = self._under
        for chart, others in sorted(wanted.charts, key=lambda one: brushed_one is not None and _place(one[0]) == _place(brushed_one)):
            yield chart, counts_of(self._host.table, chart, wanted.base, others)

    def _counted(self, _: _Wanted, found: tuple[Chart, Counts]) -> None:
        self._counts[_place(found[0])] = found[1]
        self._tell()

    def _tell(self) -> None:
        self.component.charts = [self._shown(chart) for chart in self._charts]

    def _shown(self, chart: Chart) -> dict[str, Any]:
        counts = self._counts.get(_place(chart))
        facts: dict[str, Any] = {"kind": chart.kind, "title": " × ".join(chart.columns), "columns": list(chart.columns), "brush": chart.brush or ""}
        if counts is None:
            return facts
        size = [len(labels) - (ends is not None) for labels, ends in zip(counts.labels, counts.ends, strict=True)]
        return {**facts, "labels": list(counts.labels), "all": counts.everything, "some": counts.some, "size": size, "marked": marked(chart, counts)}

    def _told(self, kind: Any, value: Any) -> None:
        """Act on a message of the page, in its turn."""
        act = {"add": self._added, "remove": self._removed, "brush": self._brushed}.get(kind)
        if act is not None and isinstance(value, dict):
            self._host.map.soon(lambda: self._heard(act, value))

    def _heard(self, act: Callable[[dict[str, Any]], None], value: dict[str, Any]) -> None:
        try:
            act(value)
        except (BigviewError, KeyError, IndexError, TypeError, ValueError) as error:
            self._host.failed(str(error) if isinstance(error, BigviewError) else "The charts have changed meanwhile. Try again.")

    def _added(self, value: dict[str, Any]) -> None:
        chart = Chart(str(value["kind"]), tuple(str(name) for name in value["columns"]))
        for name in chart.columns:
            self._host.table.manifest.column(name)
        if len(self._charts) < _MOST and all(_place(chart) != _place(other) for other in self._charts):
            self._state.change(charts=[*self._charts, chart])

    def _removed(self, value: dict[str, Any]) -> None:
        place = int(value["chart"])
        self._state.change(charts=[chart for number, chart in enumerate(self._charts) if number != place])

    def _brushed(self, value: dict[str, Any]) -> None:
        place = int(value["chart"])
        chart = self._charts[place]
        self._under = chart
        made = brushed(self._host.table, chart, value, self._counts[_place(chart)])
        self._state.change(gesture=value.get("gesture"), charts=[made if number == place else other for number, other in enumerate(self._charts)])


def without(spec: Spec, chart: Chart) -> Spec:
    """Return a spec without one of its charts."""
    return spec.replaced(charts=[other for other in spec.charts if other is not chart])


def _place(chart: Chart) -> tuple[str, tuple[str, ...]]:
    return chart.kind, chart.columns
