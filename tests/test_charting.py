"""Charts: what they count, and that no chart filters itself."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bigview as bv
from bigview.app.charting import brushed, choices, counts_of, first_charts, marked
from bigview.app.chartpanel import ChartPanel
from bigview.app.counting import Wanted
from bigview.app.links import usable
from bigview.app.mapchart import Look, box_of, boxed, looked, pictured
from bigview.app.picks import spoken_names, told
from bigview.app.state import State
from bigview.chart import Chart
from bigview.config import override
from bigview.errors import OptionError
from bigview.spec import Filter, Filters
from bigview.state import Spec
from bigview.store import sampled
from bigview.store.charts import forget_counts
from bigview.store.sampled import ColdError, quick_only
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
    assert marked(made, found)["bins"] == [list(one) for one in bins], "the page shows the brush again, after an undo or from a link"


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
        self.waiting: list[Callable[[], None]] = []
        self.settled: list[Any] = []
        self.pinned: list[Any] = []
        self.permalink, self.links = self, 0

    def renew(self) -> None:
        self.links += 1

    @property
    def where(self) -> Filters:
        """All filters in force."""
        return self.state.where

    def soon(self, call: "Callable[[], None]") -> None:
        call()

    def worker(self, work: "Callable[..., Any]", deliver: "Callable[..., None]") -> "Worker":
        return Worker(work, deliver, self)

    def foresee(self) -> None:
        """Do what waits until nothing else is to be done."""
        while self.waiting:
            self.waiting.pop(0)()


@dataclass
class Worker:
    """A worker without a thread."""

    work: "Callable[..., Any]"
    deliver: "Callable[..., None]"
    stand: Stand

    def request(self, wanted: Any) -> None:
        if isinstance(wanted, Wanted):
            self.stand.requests.append([chart.columns[0] for chart, _ in wanted.charts])
            self.run(wanted)
        else:
            self.stand.waiting.append(lambda: self.run(wanted))

    def run(self, wanted: Any) -> None:
        for found in self.work(wanted, lambda: False):
            self.deliver(wanted, found)

    def close(self) -> None:
        """Nothing is left to stop."""


def test_no_chart_filters_itself_and_only_what_changed_is_counted(points: bv.PointStore) -> None:
    stand = Stand(points, [Chart("bars", ("label",)), Chart("histogram", ("votes",)), Chart("histogram", ("score",))])
    panel = ChartPanel(stand)  # type: ignore[arg-type]
    before = panel.component.charts
    assert stand.requests == [["label", "votes", "score"]]
    panel._told("brush", {"chart": panel.component.charts[0]["owner"], "bar": 1})
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


class Later(Stand):
    """An explorer's side of the panel, whose workers take a step when they are told to; a newer request takes the place of an older one."""

    def worker(self, work: "Callable[..., Any]", deliver: "Callable[..., None]") -> "Steps":  # type: ignore[override]
        self.workers = [*getattr(self, "workers", []), Steps(work, deliver)]
        return self.workers[-1]

    def failed(self, text: str) -> None:
        self.said = text


class Steps:
    """A worker that takes a step when it is told to."""

    def __init__(self, work: "Callable[..., Any]", deliver: "Callable[..., None]") -> None:
        self.work, self.deliver = work, deliver
        self.steps: Any = iter(())

    def request(self, wanted: Any) -> None:
        self.wanted, self.steps = wanted, iter(self.work(wanted, lambda: False))

    def step(self) -> bool:
        found = next(self.steps, None)
        if found is not None:
            self.deliver(self.wanted, found)
        return found is not None

    def run(self) -> None:
        """Take all steps."""
        while self.step():
            pass

    def close(self) -> None:
        """Nothing is left to stop."""


def test_a_brush_taken_back_before_it_was_counted_leaves_no_counts_behind(points: bv.PointStore) -> None:
    stand = Later(points, [Chart("bars", ("label",)), Chart("histogram", ("votes",)), Chart("histogram", ("score",))])
    panel = ChartPanel(stand)  # type: ignore[arg-type]
    counting = stand.workers[0]
    counting.run()
    label, votes, score = panel.component.charts
    for taken in (False, True):
        panel._told("brush", {"chart": votes["owner"], "bins": [[3, 9]]})
        if taken:
            assert counting.step()
            assert panel.component.charts[0]["some"] != label["some"]
        stand.state.undo()
        counting.run()
        assert panel.component.charts == [label, votes, score]
    panel._told("brush", {"chart": votes["owner"], "bins": [[3, 9]]})
    counting.step()
    stand.state.change(charts=[Chart("bars", ("label",), "label = 'a'"), *stand.state.spec.charts[2:]])
    counting.run()
    assert panel.component.charts[0]["some"] == label["some"], "the chart that was brushed is gone, and its brush"
    panel.close()


def test_what_a_chart_waits_for_is_not_given_up_for_another_one_that_the_pointer_is_near(points: bv.PointStore) -> None:
    with override(sampled_rows=100), patch("bigview.store.sample._FEWEST", 300):
        sampled._columns.clear()
        forget_counts()
        stand = Later(bv.open(points.reader.folder.url), [Chart("bars", ("label",)), Chart("histogram", ("votes",))])
        panel = ChartPanel(stand)  # type: ignore[arg-type]
        counting, foreseeing = stand.workers
        counting.run()
        label, votes = (chart["owner"] for chart in panel.component.charts)
        panel._told("brush", {"chart": votes, "bins": [[5, 20]]})
        counting.run()
        truth = points.count(where=f"({stand.state.spec.charts[1].brush}) AND label IS NOT NULL")
        assert sum(panel.component.charts[0]["some"]) != truth, "it is being counted for every brush"
        panel._told("near", {"chart": label})
        counting.run()
        foreseeing.run()
        counting.run()
        assert not panel.component.charts[0]["badge"]
        assert sum(panel.component.charts[0]["some"]) == truth
        panel._told("near", {"chart": "gone"})
        panel.close()
        sampled._columns.clear()


def test_a_message_means_the_chart_that_it_names_and_the_page_hears_which_brush_came(points: bv.PointStore) -> None:
    stand = Later(points, [Chart("bars", ("label",)), Chart("histogram", ("votes",)), Chart("histogram", ("score",))])
    panel = ChartPanel(stand)  # type: ignore[arg-type]
    stand.workers[0].run()
    label, votes, score = (chart["owner"] for chart in panel.component.charts)
    panel._told("remove", {"chart": label})
    panel._told("brush", {"chart": votes, "bins": [[3, 9]], "step": 4})
    assert [(chart.columns, bool(chart.brush)) for chart in stand.state.spec.charts] == [(("votes",), True), (("score",), False)]
    for wrong in ({"chart": label, "bar": 1}, {"chart": 0, "bar": 1}, {"chart": ["bars"], "bar": 1}, {"bar": 1}):
        stand.said = ""
        panel._told("brush", wrong)
        assert stand.said
    panel._told("brush", {"chart": votes, "bins": [[3, 9]], "step": 5})
    assert [chart["step"] for chart in panel.component.charts] == [5, 0], "also of a brush that changes nothing"
    panel._told("brush", {"chart": score, "bar": 1, "step": 6})
    assert [chart["step"] for chart in panel.component.charts] == [5, 6], "or that cannot be"
    panel.close()


def test_what_charts_there_can_be(points: bv.PointStore) -> None:
    assert [one["kind"] for one in choices(points)] == ["histogram", "dates", "bars", "map", "density", "crosstab"]
    assert first_charts(points, "label") == [Chart("bars", ("label",)), Chart("histogram", ("score",))]
    assert first_charts(points, None)[0].kind == "bars"


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory, data: pd.DataFrame) -> bv.PointStore:
    """Return a store with indexes."""
    return store(tmp_path_factory.mktemp("maps"), data, indexes=[("score", "votes"), ("day", "votes")])


@pytest.mark.parametrize("columns", [("score", "votes"), ("day", "votes"), ("x", "score")])
def test_a_rectangle_on_a_second_map_holds_the_rows_under_it(indexed: bv.PointStore, data: pd.DataFrame, columns: "tuple[str, str]") -> None:
    chart = Chart("map", columns)
    shown = pictured(indexed, chart, (NONE, NONE), Look(), sampled=False)
    assert shown.exact
    assert shown.image.startswith("data:image/png;base64,")
    assert shown.count == data[[*columns]].notna().all(axis=1).sum()
    brush = boxed(indexed, chart, shown, [0.7, 0.2, 0.25, 0.75])
    made = Chart("map", columns, brush)
    x0, x1, y0, y1 = shown.bounds
    origin = indexed.over(*columns).manifest.x.origin if columns[0] == "day" else 0
    u, v = (data[name].astype("M8[us]").astype("i8") - origin if name == "day" else data[name] for name in columns)
    low, high = (x0 + share * (x1 - x0) for share in (0.2, 0.7))
    wanted = (u >= low) & (u < high) & (v >= y0 + 0.25 * (y1 - y0)) & (v < y0 + 0.75 * (y1 - y0))
    assert abs(indexed.count(where=brush) - wanted.sum()) <= 0.01 * len(data)
    found = box_of(indexed, made, shown)
    np.testing.assert_allclose(found, [0.2, 0.7, 0.25, 0.75], atol=0.002)
    some = pictured(indexed, chart, (NONE, Filters.of(brush)), Look(), sampled=False)
    assert some.count == indexed.count(where=brush)
    assert box_of(indexed, Chart("map", columns, "score > 3"), shown) is None


def test_a_second_map_is_looked_at_closer(indexed: bv.PointStore) -> None:
    chart = Chart("map", ("score", "votes"))
    shown = pictured(indexed, chart, (NONE, NONE), Look(), sampled=False)
    x0, x1, _, _ = shown.bounds
    close = looked(indexed, chart, Look(), shown, {"zoom": 0.5, "at": [0.0, 1.0]})
    assert close.ends is not None
    np.testing.assert_allclose(close.ends[:2], [x0, (x0 + x1) / 2])
    near = pictured(indexed, chart, (NONE, NONE), close, sampled=False)
    assert near.count < shown.count
    moved = looked(indexed, chart, close, near, {"pan": [0.5, 0.0]})
    assert moved.ends is not None
    assert moved.ends[0] > close.ends[0]
    for step in ({}, {"zoom": 4.0, "at": [0.5, 0.5]}, {"zoom": float("inf"), "at": [0.5, 0.5]}):
        assert looked(indexed, chart, close, near, step) == Look()
    deep = close
    for _ in range(60):
        deep = looked(indexed, chart, deep, pictured(indexed, chart, (NONE, NONE), deep, sampled=False), {"zoom": 0.2, "at": [0.5, 0.5]})
    assert deep.ends is not None
    assert deep.ends[1] > deep.ends[0]


@pytest.mark.parametrize("columns", [("score", "votes"), ("day", "votes")])
def test_the_view_of_a_second_map_is_in_the_spec(indexed: bv.PointStore, columns: "tuple[str, str]") -> None:
    stand = Stand(indexed, [Chart("map", columns)])
    panel = ChartPanel(stand)  # type: ignore[arg-type]
    whole = panel.component.charts[0]["image"]
    panel._told("look", {"chart": panel.component.charts[0]["owner"], "zoom": 0.3, "at": [0.2, 0.7]})
    panel._told("look", {"chart": panel.component.charts[0]["owner"], "pan": [0.2, 0.0]})
    assert stand.links == 2
    spec = stand.state.spec
    assert Spec.from_query(spec.to_query()) == spec
    found, _, said = usable(spec, indexed, Spec())
    assert (found.charts, said) == (spec.charts, "")
    again = Stand(indexed, list(found.charts))
    shown = ChartPanel(again)  # type: ignore[arg-type]
    assert shown.component.charts == panel.component.charts
    assert shown.component.charts[0]["image"] != whole
    stand.state.change(filters=["votes > 3"])
    panel._told("look", {"chart": panel.component.charts[0]["owner"]})
    stand.state.undo()
    assert stand.state.spec.charts[0].view is None, "where one looks is not undone"
    wrong = spec.replaced(charts=[Chart("map", columns, None, (("2020", "2021") if columns[0] == "score" else (0, 1), (0, 1)))])
    found, _, said = usable(wrong, indexed, Spec())
    assert found.charts == (Chart("map", columns),)
    assert "shows all of it" in said
    panel.close()
    shown.close()


def test_charts_of_a_link_that_the_store_cannot_show(points: bv.PointStore) -> None:
    good = Chart("bars", ("label",), "label = 'a'")
    wrong = [Chart("histogram", ("label",)), Chart("bars", ("score",)), Chart("map", ("text", "score")), Chart("crosstab", ("label", "gone"))]
    found, _, said = usable(Spec(charts=[*wrong, good, Chart("histogram", ("score",), "score >>> 3")]), points, Spec())
    assert found.charts == (good, Chart("histogram", ("score",)))
    for words in ("The histogram of label was left out: label holds category.", "second map of text × score", "has lost its brush", "'gone'"):
        assert words in said


def test_without_an_index_a_second_map_is_a_sample_that_says_so(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    plain = store(tmp_path, pd.DataFrame({name: rng.normal(size=40_000) for name in ("x", "y", "a", "b")}))
    stand = Stand(plain, [Chart("map", ("a", "b"))])
    panel = ChartPanel(stand)  # type: ignore[arg-type]
    [chart] = panel.component.charts
    assert chart["badge"] == "sample of 25 %"
    assert f"bigview index {plain.reader.folder.url} --x a --y b" in chart["advice"]
    assert abs(chart["rows"] - 40_000) < 800
    panel._told("brush", {"chart": panel.component.charts[0]["owner"], "box": [0.1, 0.9, 0.1, 0.5]})
    assert plain.count(where=stand.where) < 40_000
    assert len(stand.requests) == 1, "a second map never filters itself"
    panel._told("look", {"chart": panel.component.charts[0]["owner"], "zoom": 0.5, "at": [0.5, 0.5]})
    assert panel.component.charts[0]["rows"] < chart["rows"]
    assert not panel.component.charts[0]["whole"]
    panel.close()


def test_a_sample_that_is_not_in_memory_comes_after_the_exact_counts(data: pd.DataFrame, tmp_path: Path) -> None:
    with override(sampled_rows=100), patch("bigview.store.sample._FEWEST", 300):
        sampled._columns.clear()
        with override(sampled_rows=len(data)):  # a store without a file of its sample
            made = store(tmp_path, data)
        stand = Stand(made, [Chart("bars", ("label",)), Chart("map", ("score", "votes"))])
        with quick_only(), pytest.raises(ColdError):
            stand.table.sampled.histogram("votes")
        panel = ChartPanel(stand)  # type: ignore[arg-type]
        assert [chart["badge"][:10] for chart in panel.component.charts] == ["", "sample of "]
        with quick_only():
            assert stand.table.sampled.category_counts("label").sum() > 0
        panel.close()
        sampled._columns.clear()


def test_a_large_store_shows_a_sample_first(points: bv.PointStore, indexed: bv.PointStore) -> None:
    charts = [Chart("bars", ("label",)), Chart("histogram", ("votes",)), Chart("map", ("score", "votes")), Chart("density", ("score", "votes"))]
    with override(sampled_rows=100), patch("bigview.store.sample._FEWEST", 300):
        sampled._columns.clear()
        store = bv.open(indexed.reader.folder.url)
        stand = Stand(store, charts)
        told: list[list[dict[str, Any]]] = []
        panel = ChartPanel(stand)  # type: ignore[arg-type]
        panel.component.param.watch(lambda event: told.append(event.new), "charts")
        panel._told("brush", {"chart": panel.component.charts[1]["owner"], "bins": [[10, 30]]})
        brush = stand.state.spec.charts[1].brush
        badges = [[chart["badge"] for chart in shown] for shown in told]
        assert [badge[:10] for badge in badges[1]] == ["sample of ", "", "sample of ", "sample of "]
        assert [bool(badge) for badge in badges[-1]] == [True, False, False, False], "bars are being counted for every brush"
        stand.foresee()
        assert [chart["badge"] for chart in told[-1]] == [""] * 4
        exact, rough = told[-1], told[1]
        assert rough[0]["all"] == exact[0]["all"], "what is known of all rows stays"
        assert rough[0]["labels"] == exact[0]["labels"]
        assert sum(exact[0]["some"]) == points.count(where=f"({brush}) AND label IS NOT NULL")
        assert abs(sum(rough[0]["some"]) - sum(exact[0]["some"])) < 0.35 * sum(exact[0]["some"])
        assert all(some <= every for some, every in zip(rough[3]["some"], rough[3]["all"], strict=True))
        told.clear()
        panel._told("brush", {"chart": panel.component.charts[1]["owner"], "bins": [[12, 33]]})
        brush = stand.state.spec.charts[1].brush
        assert told[1][0]["badge"] == ""
        assert sum(told[1][0]["some"]) == points.count(where=f"({brush}) AND label IS NOT NULL"), "the next brush is exact at once"
        assert not stand.waiting
        panel.close()
        sampled._columns.clear()


def test_dates_and_truth_values_are_told_as_people_write_them(points: bv.PointStore) -> None:
    dates = Chart("dates", ("day",))
    shown = counts_of(points, dates, Filters(), Filters())
    assert not [text for text in shown.labels[0] if "T" in text]
    made = brushed(points, dates, {"bins": [[0, 0]]}, shown)
    assert told(Filter(made.brush)) == f"day: {shown.labels[0][0]} – {shown.labels[0][1]}"
    assert points.count(where=made.brush) == shown.everything[0]
    assert marked(made, shown)["bins"] == [[0, 0]]
    assert spoken_names(points, "flag", ["False", "True"]) == ["no", "yes"]
    assert spoken_names(points, "label", ["True"]) == ["True"]


def test_a_brush_over_all_is_none(points: bv.PointStore) -> None:
    for chart in (Chart("histogram", ("score",)), Chart("dates", ("day",)), Chart("density", ("score", "votes"))):
        shown = counts_of(points, chart, Filters(), Filters())
        last = [len(ends) - 2 for ends in shown.ends]
        assert brushed(points, chart, {"bins": [[0, end] for end in last]}, shown).brush is None
        assert brushed(points, chart, {"bins": [[1, last[0]], *([0, end] for end in last[1:])]}, shown).brush
    bars = counts_of(points, Chart("bars", ("label",)), Filters(), Filters())
    assert bars.rest == 0
