"""The panel of charts: each shows all rows in grey and those that pass the filters of everything else in colour; brushing one filters the others."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import param

from bigview.app.charting import BRUSHED, Counts, brushed, choices, first_charts, marked
from bigview.app.component import HERE, Component
from bigview.app.counting import Counter, Foresight, Shown, Wanted, final, owner_of
from bigview.app.host import Attached, Host
from bigview.app.mapchart import Look, Pictured, box_of, boxed, look_of, looked, viewed
from bigview.app.picks import spoken_names, told
from bigview.chart import Chart
from bigview.errors import BigviewError
from bigview.spec import Filter, Filters
from bigview.views.crossfilter import Crossfilter
from bigview.views.live import crowded

_MOST = 12  # charts


class ChartView(Component):
    """The page's side of the panel. It takes plain values; chartpanel.js shows them as text."""

    charts = param.List(default=[], doc="What each chart shows.")
    choices = param.List(default=[], doc="Kinds of charts, with the columns they may take.")

    _esm = HERE / "chartpanel.js"
    _stylesheets = (str(HERE / "chartpanel.css"),)


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
        self._request: Wanted | None = None  # whose counts come in, and whose are still to come
        self._left: set[str] = set()
        self._asked: Wanted | None = None  # the last request
        self._touched: set[str] = set()  # charts that may show something else than the page as it was counted
        self._steps: dict[str, int] = {}  # of brushes, as the page numbers them: the last one heard of each chart
        self._visible = True
        self._counter = Counter(host.table, self._exact)
        self._worker = self._worker_of(self._counter.count, self._counted)
        self._foresight: Foresight | None = None  # what was asked for last
        self._later: set[str] = set()  # charts that it still has to count
        self._ahead = self._worker_of(self._counter.foresee, self._foreseen)
        self.component = ChartView(choices=choices(host.table), told=self._told, sizing_mode="stretch_both", margin=0)
        if not self._state.spec.charts:
            self._state.spec = self._state.spec.replaced(charts=first_charts(host.table, self._state.style.by))
        self._attach(self._follow)
        self._follow()

    @property
    def _charts(self) -> tuple[Chart, ...]:
        return self._state.spec.charts

    @property
    def _named(self) -> dict[str, Chart]:
        return {owner_of(chart): chart for chart in self._charts}

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
        charts = self._named
        looks = {owner: look_of(self._host.table, chart, self._state.style.dark) for owner, chart in charts.items() if chart.kind == "map"}
        changed = page.recount(self._page, charts)
        other = self._touched | {owner for owner, look in looks.items() if look != self._seen_looks.get(owner)}
        changed += tuple(owner for owner in charts if owner in other and owner not in changed)
        if changed:
            self._touched.update(changed)
            brushed = self._brushed_chart(page)
            self._foresee(brushed, page)
            asked = tuple((charts[owner], page.others(owner)) for owner in changed)
            self._asked = Wanted(self._host.base, asked, page, looks, frozenset(self._later if brushed else ()))
            self._worker.request(self._asked)

    def _crossfilter(self) -> Crossfilter:
        """Return the filters of the page by who made them."""
        spec, state = self._state.spec, self._state
        chips = Filters.of(self._host.base, state.where_of(spec.replaced(charts=())))
        return Crossfilter({"chips": chips, "selection": self._host.selected} | {owner_of(chart): chart.brush for chart in self._charts})

    def _brushed_chart(self, page: Crossfilter) -> Chart | None:
        """Return the chart whose brush is all that has changed since the page was counted."""
        if self._page is None or page.owners != self._page.owners:
            return None
        moved = [owner for owner in page.owners if page.of(owner) != self._page.of(owner)]
        return next((chart for chart in self._charts if [owner_of(chart)] == moved and chart.brush), None)

    def _foresee(self, chart: Chart | None, page: Crossfilter) -> None:
        """Have the other charts counted for every brush of this one, so that its next brush shows them at once."""
        if chart is None or chart.kind not in BRUSHED or not self._counter.large:
            return
        rest = page.replaced(owner_of(chart), None)
        others = [other for other in self._charts if other.kind in BRUSHED and owner_of(other) != owner_of(chart)]
        wanted = Foresight(Chart(chart.kind, chart.columns), tuple((Chart(one.kind, one.columns), rest.others(owner_of(one))) for one in others))
        if wanted != self._foresight:
            self._foresight, self._later = wanted, {owner_of(one) for one in others}
            self._ahead.request(wanted)

    def _foreseen(self, wanted: Foresight, owner: str) -> None:
        if wanted != self._foresight:
            return
        self._later.discard(owner)
        if owner in self._left:
            self._follow()

    def _counted(self, wanted: Wanted, found: list[tuple[Chart, Shown]]) -> None:
        if self._request is not wanted:
            self._request, self._left = wanted, {owner_of(chart) for chart, _ in wanted.charts}
        for chart, shown in found:
            owner = owner_of(chart)
            self._counts[owner] = shown
            if isinstance(shown, Counts) and shown.exact:
                self._exact[owner] = shown
            if final(shown):
                self._left.discard(owner)
                if owner in wanted.looks:
                    self._seen_looks[owner] = wanted.looks[owner]
        if not self._left:
            self._page = wanted.page  # until then a newer request counts all that this one was to count
            if wanted is self._asked:
                self._touched.clear()
            if self._moved:
                self._moved = False
                self._host.permalink.renew()
        if self._left & wanted.later - self._later:  # foreseen meanwhile
            self._follow()
        else:
            self._tell()

    def _tell(self) -> None:
        self.component.charts = [self._shown(chart) for chart in self._named.values()]

    def _shown(self, chart: Chart) -> dict[str, Any]:
        owner = owner_of(chart)
        facts: dict[str, Any] = {"kind": chart.kind, "title": " × ".join(chart.columns), "columns": list(chart.columns), "owner": owner}
        facts["step"] = self._steps.get(owner, 0)
        facts["brush"] = told(Filter(chart.brush)) if chart.brush else ""
        counts = self._counts.get(owner)
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
        acts = {"add": self._added, "remove": self._removed, "brush": self._brushed, "seen": self._seen, "look": self._looked, "near": self._near}
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
        if len(self._charts) < _MOST and all(owner_of(chart) != owner_of(other) for other in self._charts):
            self._state.change(charts=[*self._charts, chart])

    def _removed(self, value: dict[str, Any]) -> None:
        self._state.change(charts=[chart for owner, chart in self._named.items() if owner != value["chart"]])

    def _brushed(self, value: dict[str, Any]) -> None:
        owner, before = value["chart"], self._state.spec
        chart = self._named[owner]
        self._steps[owner] = max(self._steps.get(owner, 0), int(value.get("step", 0)))
        try:
            shown = self._counts[owner]
            if isinstance(shown, Pictured):
                made = replace(chart, brush=boxed(self._host.table, chart, shown, value["box"]) if "box" in value else None)
            else:
                made = brushed(self._host.table, chart, value, shown)
            self._state.change(gesture=value.get("gesture"), charts=self._with(made))
        finally:
            if self._state.spec is before:
                self._tell()  # the page waits for this step

    def _with(self, made: Chart) -> list[Chart]:
        return list({**self._named, owner_of(made): made}.values())

    def _near(self, value: dict[str, Any]) -> None:
        """Prepare for a brush: the pointer, or the keyboard, has come to a chart. Others who wait for a picture go first."""
        if self._visible and not crowded() and not self._left & self._later:  # what charts wait for is not given up
            self._foresee(self._named.get(value["chart"]), self._crossfilter())

    def _looked(self, value: dict[str, Any]) -> None:
        """Look closer at a second map, or from further away, or elsewhere."""
        table, owner = self._host.table, value["chart"]
        chart, shown = self._named[owner], self._counts[owner]
        if isinstance(shown, Pictured):
            look = looked(table, chart, look_of(table, chart, self._state.style.dark), shown, value)
            made = viewed(table, chart, look)
            if made != chart:
                self._moved = True
                self._state.spec = self._state.spec.replaced(charts=self._with(made))
