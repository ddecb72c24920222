"""One selection for the explorer and a user's own plots, by HoloViews' streams."""

import holoviews as hv
import numpy as np
import pytest
from holoviews.operation.datashader import datashade, rasterize
from hypothesis import given
from hypothesis import strategies as st

import bigview as bv
from bigview.app.explorer import Explorer
from bigview.errors import ExpressionError, OptionError
from bigview.spec import Filters
from bigview.views.linked import expression, passing, steps_of
from tests.views import store as built
from tests.views import table as made

ROWS = 2000
LASSO = np.array([[0.0, 0.0], [1.3, 0.1], [0.9, 1.4], [0.4, 0.5], [-0.2, 1.0]])


@pytest.fixture(scope="module")
def table():
    return made(ROWS)


@pytest.fixture(scope="module")
def store(table, tmp_path_factory):
    hv.extension("bokeh")
    return built(tmp_path_factory.mktemp("linked"), table)


@pytest.fixture
def explorer(store):
    shown = Explorer(store)
    yield shown
    shown.close()


def plot(element):
    return hv.renderer("bokeh").get_plot(element)


def rows_of(store, where):
    return set(store.rows(where=where, limit=ROWS)["__row"])


PARTS = st.sampled_from([bv.Filter("score > 0.5"), bv.Filter("label = 'a'"), bv.Filter(polygon=LASSO), bv.Filter(rows=range(0, ROWS, 7))])
STEPS = st.lists(st.tuples(st.sampled_from(["add", "subtract", "intersect"]), PARTS), min_size=1, max_size=4)


@given(STEPS)
def test_a_selection_is_an_expression_for_stores_and_tables(store, steps):
    where = bv.Spec(selection=steps).selected()
    truth = rows_of(store, where)
    expr = expression(store, where)
    assert len(hv.Dataset(store).select(expr)) == len(truth)
    frame = store.rows(columns=["score", "votes"], limit=700, sample=True)
    chosen = hv.Points(frame, ["score", "votes"], ["__row"]).select(expr)
    assert set(chosen["__row"]) == truth & set(frame["__row"])
    assert passing(store, frame["__row"].to_numpy(), where).sum() == len(chosen)
    again = Filters.stepwise(steps_of(store, expr & (hv.dim("score") < 0.9)))
    assert rows_of(store, again) == rows_of(store, Filters.of(where, "score < 0.9"))


def drive(links, place, kind, **event):
    stream = list(links._selection_expr_streams.values())[place].input_streams[0].input_stream
    next(entry for entry in stream.input_streams if type(entry).__name__ == kind).event(**event)


def test_both_ways(explorer, store, table):
    links = explorer.link()
    frame = store.rows(columns=["x", "y", "score", "votes"], limit=900, sample=True)
    points = hv.Dataset(store).to(hv.Points, ["x", "y"])
    mine = hv.Points(frame, ["score", "votes"], ["__row", "x", "y"])
    drawn = plot(links(rasterize(points) + datashade(points) + mine))
    drive(links, 0, "SelectionXY", x_selection=(0, 1), y_selection=(0.2, 1), bounds=(0, 0.2, 1, 1))
    truth = set(np.flatnonzero(table.x.between(0, 1) & table.y.between(0.2, 1)))
    assert rows_of(store, explorer.selected) == truth
    assert explorer.selection.where == explorer.selected, "streams are told"
    assert rows_of(store, explorer.spec.selected()) == truth, "and a link has it"
    # The explorer's own selection, in their plots.
    explorer.state.select("replace", bv.Filter(polygon=LASSO))
    explorer.state.select("subtract", bv.Filter("score > 0.5"))
    truth = rows_of(store, explorer.selected)
    assert 0 < len(truth) < ROWS
    assert links.filter(store).count() == len(truth)
    assert set(links.filter(mine)["__row"]) == truth & set(frame["__row"])
    explorer.state.undo()
    assert links.filter(store).count() == store.count(where=bv.Filter(polygon=LASSO))
    explorer.state.change(selection=())
    assert links.selection_expr is None
    assert drawn is not None


def test_a_plot_that_has_the_stream_is_drawn_anew(explorer, store):
    def bars(where, filters, **_):
        counts = store.category_counts("label", where=Filters.of(where, filters))
        return hv.Bars((counts.index, counts.to_numpy()), "label", "rows")

    shown = hv.DynamicMap(bars, streams=[explorer.selection])
    assert shown[()]["rows"].sum() == ROWS - table_missing(store)
    explorer.state.change(filters=["score > 0.5"], selection=[("add", bv.Filter("flag"))])
    assert shown[()]["rows"].sum() == store.category_counts("label", where="flag AND score > 0.5").sum()


def table_missing(store):
    return ROWS - store.category_counts("label").sum()


def test_an_expression_comes_first_where_there_is_one(explorer, store):
    links = hv.link_selections.instance(selection_expr=hv.dim("label") == "a")
    assert explorer.link(links) is links
    assert explorer.link(links) is links
    assert rows_of(store, explorer.selected) == rows_of(store, "label = 'a'")
    explorer.state.change(selection=[("add", bv.Filter("flag"))])
    assert links.filter(store).count() == store.count(where="flag")


def test_what_cannot_be_shared_gets_a_sentence(explorer, store):
    links = explorer.link()
    links.selection_expr = hv.dim("nothing") > 3
    assert "does not have" in explorer.stage.status["message"]
    assert not explorer.selected
    with pytest.raises(OptionError, match="link_selections"):
        explorer.link(3)
    explorer.state.change(selection=[("add", bv.Filter("flag"))])
    with pytest.raises(ExpressionError, match="__row"):
        links.selection_expr.apply(hv.Dataset({"x": [1.0], "y": [2.0]}, ["x"], ["y"]))
