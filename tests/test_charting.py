"""Charts: what they count, and that no chart filters itself."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bigview as bv
from bigview.app.charting import brushed, choices, counts_of, first_charts, marked
from bigview.app.chartpanel import ChartPanel
from bigview.app.state import State
from bigview.chart import Chart
from bigview.errors import OptionError
from bigview.spec import Filters
from bigview.state import Spec
from tests.views import store, table

NONE = Filters()


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    """Return the rows."""
    return table(3000)


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory, data: pd.DataFrame) -> bv.PointStore:
    """Return a store of a few rows of every kind."""
    return store(tmp_path_factory.mktemp("charting"), data)


CHARTS = [
    Chart("histogram", ("score",)),
    Chart("histogram", ("votes",)),
    Chart("dates", ("day",)),
    Chart("bars", ("label",)),
    Chart("bars", ("flag",)),
    Chart("density", ("score", "votes")),
    Chart("density", ("day", "votes")),
    Chart("crosstab", ("label", "flag")),
]


@pytest.mark.parametrize("chart", CHARTS, ids=str)
def test_a_chart_counts_all_rows_and_those_of_the_other_filters(points: bv.PointStore, data: pd.DataFrame, chart: Chart) -> None:
    found = counts_of(points, chart, NONE, Filters.of("votes > 500"))
    there = data[[*chart.columns]].notna().all(axis=1)
    assert sum(found.everything) == there.sum()
    assert sum(found.some) == (there & (data.votes > 500)).sum()
    assert all(some <= every for some, every in zip(found.some, found.everything, strict=True))


@given(st.data())
def test_a_brush_holds_what_its_bins_count(points: bv.PointStore, data: st.DataObject) -> None:
    chart = data.draw(st.sampled_from([chart for chart in CHARTS if chart.kind in ("histogram", "dates", "density")]))
    found = counts_of(points, chart, NONE, NONE)
    sizes = [len(ends) - 1 for ends in found.ends if ends is not None]
    bins = [sorted(data.draw(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)))) for size in sizes]
    made = brushed(points, chart, {"bins": bins}, found)
    counts = np.array(found.everything).reshape(sizes)
    wanted = counts[tuple(slice(first, last + 1) for first, last in bins)].sum()
    assert made.brush is not None
    assert points.count(where=made.brush) == wanted
    if chart.kind != "density":
        assert marked(made, found)["bins"] == [list(bins[0])], "the page shows the brush again, after an undo or from a link"


def test_bars_and_cells_are_picked_and_let_go(points: bv.PointStore) -> None:
    bars = Chart("bars", ("label",))
    found = counts_of(points, bars, NONE, NONE)
    one = brushed(points, bars, {"bar": 1}, found)
    assert points.count(where=one.brush) == found.everything[1]
    two = brushed(points, one, {"bar": 0, "also": True}, found)
    assert points.count(where=two.brush) == sum(found.everything[:2])
    assert marked(two, found) == {"bars": [0, 1]}
    assert brushed(points, one, {"bar": 1}, found).brush is None
    assert brushed(points, two, {}, found).brush is None
    cells = Chart("crosstab", ("label", "flag"))
    found = counts_of(points, cells, NONE, NONE)
    cell = brushed(points, cells, {"cell": [1, 1]}, found)
    assert points.count(where=cell.brush) == found.everything[1 * len(found.labels[1]) + 1]
    assert brushed(points, cell, {"cell": [1, 1]}, found).brush is None
    with pytest.raises(OptionError):
        brushed(points, Chart("bars", ("label",)), {"bins": [[0, 1]]}, counts_of(points, bars, NONE, NONE))


class Stand:
    """An explorer's side of the panel, whose work is done at once."""

    def __init__(self, table: bv.PointStore, charts: "list[Chart]") -> None:
        self.table, self.state, self.map, self.base, self.selected = table, State(spec=Spec(charts=charts)), self, NONE, NONE
        self.requests: list[list[str]] = []

    def soon(self, call: "Callable[[], None]") -> None:
        call()

    def worker(self, work: "Callable[..., Any]", deliver: "Callable[..., None]") -> "Stand":
        self._work, self._deliver = work, deliver
        return self

    def request(self, wanted: Any) -> None:
        self.requests.append([chart.columns[0] for chart, _ in wanted.charts])
        for found in self._work(wanted, lambda: False):
            self._deliver(wanted, found)

    def close(self) -> None:
        """Nothing is left to stop."""


def test_no_chart_filters_itself_and_only_what_changed_is_counted(points: bv.PointStore) -> None:
    stand = Stand(points, [Chart("bars", ("label",)), Chart("histogram", ("votes",)), Chart("histogram", ("score",))])
    panel = ChartPanel(stand)  # type: ignore[arg-type]
    before = panel.component.charts
    assert stand.requests == [["label", "votes", "score"]]
    panel._told("brush", {"chart": 0, "bar": 1})
    assert stand.requests[1:] == [["votes", "score"]]
    assert panel.component.charts[0]["some"] == before[0]["some"]
    brush = stand.state.spec.charts[0].brush
    assert sum(panel.component.charts[1]["some"]) == points.count(where=brush) < sum(before[1]["some"])
    stand.state.restyle(dark=False)
    assert len(stand.requests) == 2, "colours change no count"
    panel._told("seen", {"seen": False})
    stand.state.change(filters=["votes > 10"])
    assert len(stand.requests) == 2, "what is not seen is not counted"
    panel._told("seen", {"seen": True})
    assert stand.requests[2:] == [["label", "votes", "score"]]
    assert sum(panel.component.charts[0]["some"]) == points.count(where="votes > 10 AND label IS NOT NULL")
    panel.close()


def test_what_charts_there_can_be(points: bv.PointStore) -> None:
    assert [one["kind"] for one in choices(points)] == ["histogram", "dates", "bars", "density", "crosstab"]
    assert first_charts(points, "label") == [Chart("bars", ("label",)), Chart("histogram", ("score",))]
    assert first_charts(points, None)[0].kind == "bars"
