"""Charts: what they count, and that no chart filters itself."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bigview as bv
from bigview.app.charting import brushed, choices, counts_of, first_charts, marked
from bigview.app.chartpanel import without
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


def test_no_chart_filters_itself() -> None:
    one, two = Chart("bars", ("label",), "label = 'a'"), Chart("histogram", ("votes",), "votes > 3")
    spec = Spec(filters=["score > 0"], charts=[one, two])
    assert without(spec, one).where() == Filters.of("score > 0", "votes > 3")
    assert spec.where() == Filters.of("score > 0", "votes > 3", "label = 'a'")


def test_what_charts_there_can_be(points: bv.PointStore) -> None:
    assert [one["kind"] for one in choices(points)] == ["histogram", "dates", "bars", "density", "crosstab"]
    assert first_charts(points, "label") == [Chart("bars", ("label",)), Chart("histogram", ("score",))]
    assert first_charts(points, None)[0].kind == "bars"
