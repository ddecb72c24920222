"""store.hvplot: hvPlot's keywords on a store."""

import datashader as ds
import holoviews as hv
import numpy as np
import pandas as pd
import pytest
from bokeh.models import ColorBar, Legend
from holoviews.operation.datashader import rasterize

from bigview.app.explorer import Explorer
from bigview.errors import ColumnError, OptionError
from bigview.raster.frame import frame
from bigview.raster.legend import ENTRIES
from bigview.spec import Style, View
from bigview.views import keywords
from tests.views import store as built
from tests.views import table as made


@pytest.fixture(scope="module")
def table():
    return made()


@pytest.fixture(scope="module")
def store(tmp_path_factory, table):
    return built(tmp_path_factory.mktemp("hvplot"), table)


def plot(element):
    return hv.renderer("bokeh").get_plot(element)


def image(element):
    """The picture as the browser gets it."""
    return plot(element).handles["source"].data["image"][0]


@pytest.mark.parametrize(
    ("given", "style"),
    [
        ({}, Style(dark=False)),
        ({"by": "label"}, Style(by="label", dark=False)),
        ({"c": "label"}, Style(by="label", dark=False)),
        ({"c": "score", "bgcolor": "#101010"}, Style(by="score", dark=True)),
        ({"cnorm": "log", "max_px": 2}, Style(scale="log", spread=2, dark=False)),
        ({"dynspread": False}, Style(spread=0, dark=False)),
    ],
)
def test_the_picture_is_the_one_that_every_door_shows(store, given, style):
    drawn = plot(store.hvplot.points("x", "y", **given))
    expected = frame(store, View(*store.home, 700, 500), style)
    np.testing.assert_array_equal(drawn.handles["source"].data["image"][0], expected.rgba)
    assert (drawn.state.width, drawn.state.height) == (700, 500)
    assert (drawn.handles["x_range"].start, drawn.handles["x_range"].end) == store.home[0]
    assert (drawn.handles["y_range"].start, drawn.handles["y_range"].end) == store.home[1]


def test_a_dark_explorer_leaves_the_plots_after_it_light(store):
    before = image(store.hvplot.points("x", "y"))
    assert Explorer(store, dark=True).state.style.dark
    np.testing.assert_array_equal(image(store.hvplot.points("x", "y")), before)


def test_where_leaves_rows_out_and_keeps_the_colours(store, table):
    drawn = plot(store.hvplot.points(where="label = 'a'"))
    made = drawn.current_frame.data.attrs["frame"]
    assert made.count == (table.label == "a").sum()


def test_zooming_draws_the_part(store):
    drawn = store.hvplot.points(by="label", width=300, height=200)
    shown = plot(drawn)
    ranges = next(stream for stream in drawn.streams if isinstance(stream, hv.streams.RangeXY))
    ranges.event(x_range=(0.5, 1.5), y_range=(0.0, 1.0))
    assert shown.current_frame.bounds.lbrt() == (0.5, 0.0, 1.5, 1.0)
    legend = next(entry for entry in shown.state.right if isinstance(entry, Legend))
    counts = store.category_counts("label", View((0.5, 1.5), (0, 1)))
    assert [item.label.value for item in legend.items] == [f"{name}  {count:,}" for name, count in counts.items()]
    assert len({item.renderers[0].glyph.fill_color for item in legend.items}) == len(counts)
    assert len(legend.items) <= ENTRIES + 1


def test_the_colour_bar_says_what_the_colours_mean(store):
    shown = plot(store.hvplot.points(c="score"))
    bar = next(entry for entry in shown.state.right if isinstance(entry, ColorBar))
    expected = shown.current_frame.data.attrs["frame"].colorbar
    assert tuple(bar.color_mapper.palette) == expected.colors
    assert [bar.major_label_overrides[tick] for tick in bar.ticker.ticks] == [text for _, text in expected.ticks]
    assert not [entry for entry in plot(store.hvplot.points(colorbar=False)).state.right if isinstance(entry, ColorBar)]


def test_hover_shows_the_nearest_record(store, table):
    shown = plot(store.hvplot.points(hover_cols=["text", "score"]))
    record = shown._hover_data.sel(x=1.0, y=1.0, method="nearest").to_dict()["data_vars"]
    nearest = ((table.x - 1) ** 2 + (table.y - 1) ** 2).argmin()
    assert record["text"]["data"] == table.text[nearest]
    assert "votes" not in record
    assert "hover" not in plot(store.hvplot.points(hover=False)).handles


def test_options_pass_through(store):
    options = {"title": "T", "xlabel": "X", "width": 400, "height": 300, "xlim": (0, 1), "ylim": (1, 2), "toolbar": "above", "fontsize": 9}
    shown = plot(store.hvplot.points(**options))
    state = shown.state
    assert (state.title.text, state.xaxis[0].axis_label, state.width, state.height, state.toolbar_location) == ("T", "X", 400, 300, "above")
    assert shown.current_frame.bounds.lbrt() == (0, 1, 1, 2)
    assert plot(store.hvplot.points(responsive=True, min_height=300)).state.sizing_mode == "stretch_both"
    assert plot(store.hvplot.points(legend="top_left", by="label")).state.center[-1].location == "top_left"
    assert isinstance(store.hvplot.points(dynamic=False), hv.RGB)
    assert store.hvplot.points(tools=["box_select"]) is not None


def test_rasterize_is_holoviews_raster(store, table):
    given = {"rasterize": True, "dynspread": False, "dynamic": False, "width": 300, "height": 200}
    ours = store.hvplot.points("x", "y", **given)
    home = dict(zip(("x_range", "y_range"), store.home, strict=True))
    stock = rasterize(hv.Points(table, ["x", "y"]), dynamic=False, width=300, height=200, **home)
    np.testing.assert_array_equal(ours.dimension_values(2), stock.dimension_values(2))
    assert hv.Store.lookup_options("bokeh", ours, "plot").kwargs["cnorm"] == "eq_hist"
    shown = plot(store.hvplot.points(aggregator="max", c="votes", dynspread=False, clim=(0, 10)))
    assert (shown.handles["color_mapper"].low, shown.handles["color_mapper"].high) == (0, 10)
    assert np.nanmax(shown.current_frame.dimension_values(2)) == table.votes.max()


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"rasterize": True, "by": "label"}, hv.ImageStack),
        ({"datashade": True, "by": "label"}, hv.RGB),
        ({"datashade": True, "aggregator": "mean", "c": "score", "cmap": "fire"}, hv.RGB),
        ({"aggregator": ds.by("label")}, hv.ImageStack),
        ({"rasterize": True, "selector": ("max", "score")}, hv.Image),
        ({"cmap": ["red", "blue"]}, hv.Image),
        ({"rasterize": True, "logz": True, "where": "votes > 500"}, hv.Image),
    ],
    ids=str,
)
def test_raster_keywords_together(store, given, kind):
    assert isinstance(plot(store.hvplot.scatter("x", "y", **given)).current_frame, kind)


def test_datetimes(tmp_path, table):
    store = built(tmp_path, table, x="day", y="score")
    shown = plot(store.hvplot.points())
    assert type(shown.state.xaxis[0]).__name__ == "DatetimeAxis"
    assert shown.current_frame.data.attrs["frame"].count == table.score.notna().sum()
    day = (pd.Timestamp("2020-01-02"), pd.Timestamp("2020-01-03"))
    shown = plot(store.hvplot.points(by="label", xlim=day, ylim=(0, 1)))
    inside = table.score.notna() & (table.day >= day[0]) & (table.day < day[1])
    assert shown.current_frame.data.attrs["frame"].count == inside.sum()


def test_histograms_are_counted_in_the_store(store, table):
    drawn = store.hvplot.hist("score", bins=10, title="T")
    counts, edges = np.histogram(table.score.dropna(), 10)
    np.testing.assert_array_equal(drawn.dimension_values("Count"), counts)
    np.testing.assert_allclose(drawn.edges, edges)
    assert plot(drawn).state.title.text == "T"
    groups = store.hvplot.hist("score", by="label", where="votes > 10")
    assert {key: part.dimension_values("Count").sum() for key, part in groups.data.items() for key in key} == (
        table[(table.votes > 10) & table.score.notna()].label.value_counts().to_dict()
    )
    assert plot(groups) is not None
    both = store.hvplot.hist(["score", "votes"])
    assert list(both.keys()) == ["score", "votes"]
    density = store.hvplot.hist("score", bins=10, normed=True)
    assert np.sum(density.dimension_values("Density") * np.diff(edges)) == pytest.approx(1)
    assert store.hvplot.hist("score", cumulative=True).dimension_values("Count")[-1] == table.score.notna().sum()
    assert store.hvplot.hist("day", bins=5).dimension_values("Count").sum() == len(table)
    assert store.hvplot.hist().kdims[0].name == "score"


def test_tables_are_pages_of_rows(store, table):
    drawn = store.hvplot.table(["text", "score"], where="label = 'a'", order_by="-score", limit=7, width=500)
    assert isinstance(drawn, hv.Table)
    best = table[table.label == "a"].nlargest(7, "score")
    assert list(drawn.dimension_values("text")) == list(best.text)
    assert len(store.hvplot.table()) == 100


def test_kinds_by_name(store):
    assert plot(store.hvplot("x", "y", by="label")) is not None
    assert isinstance(store.hvplot(kind="hist", y="score"), hv.Histogram)
    assert dir(store.hvplot) == ["hist", "points", "scatter", "table"]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda h: h.points(fontsise=3), OptionError, r"fontsise= makes no sense for store.hvplot.points\(\). Did you mean fontsize=\? There are: "),
        (lambda h: h.points(s=3), OptionError, "points are pixels of a picture"),
        (lambda h: h.scatter(groupby="label"), OptionError, r"use by= for colours"),
        (lambda h: h.points(logx=True), OptionError, "logx="),
        (lambda h: h.hist("score", rasterize=True), OptionError, "There are: alpha, "),
        (lambda h: h.table(cmap="fire"), OptionError, "There are: columns, "),
        (lambda h: h.kde("score"), OptionError, "There are: points, scatter, hist, table"),
        (lambda h: h(kind="bar"), OptionError, "bar does not exist"),
        (lambda h: h.explorer(), OptionError, r"store.explore\(\)"),
        (lambda h: h.points(c="red"), ColumnError, "No column 'red'"),
        (lambda h: h.points(by="labl"), ColumnError, "'label'"),
        (lambda h: h.points("x", "nothing"), ColumnError, "No column 'nothing'"),
        (lambda h: h.points(by="text"), OptionError, "'text' holds text"),
        (lambda h: h.points(by=["label", "text"]), OptionError, "several columns"),
        (lambda h: h.points(aggregator="mean"), OptionError, "needs a column"),
        (lambda h: h.points(selector="best", rasterize=True), OptionError, "selector must be"),
        (lambda h: h.points(cnorm="foo"), OptionError, "scale must be"),
        (lambda h: h.hist("label"), OptionError, "category_counts"),
    ],
)
def test_what_makes_no_sense_is_refused(store, call, error, words):
    with pytest.raises(error, match=words):
        call(store.hvplot)


def test_every_keyword_that_is_listed_is_taken(store):
    """A keyword in the list of those that make sense is not refused, nor does hvPlot warn that it does not know it."""
    values = {
        "aspect": 1, "data_aspect": 1, "frame_height": 200, "frame_width": 200, "height": 200, "width": 200, "max_height": 300, "max_width": 300,
        "min_height": 100, "min_width": 100, "responsive": True, "clabel": "C", "flip_xaxis": True, "flip_yaxis": True, "rot": 45,
        "shared_axes": False, "title": "T", "xaxis": "top", "yaxis": "right", "xformatter": "%d", "yformatter": "%d", "xlabel": "X", "ylabel": "Y",
        "xlim": (0, 1), "ylim": (0, 1), "xticks": 3, "yticks": [0, 1], "cticks": 3, "legend": "left", "legend_cols": 2, "legend_opts": {},
        "hover": True, "hover_cols": "all", "hover_tooltips": ["x"], "toolbar": None, "autohide_toolbar": True, "tools": ["lasso_select"],
        "backend_opts": {}, "fontscale": 1.5, "fontsize": 8, "grid": True, "bgcolor": "white", "label": "L", "dynamic": True, "group_label": "G",
        "x": "x", "y": "y", "by": "label", "c": "score", "color": "score", "cmap": "fire", "colormap": "fire", "cnorm": "log", "colorbar": True,
        "dynspread": True, "max_px": 2, "where": "votes > 0", "rasterize": True, "datashade": True, "aggregator": "count", "selector": "first",
        "clim": (0, 5), "logz": True, "pixel_ratio": 1, "x_sampling": 0.01, "y_sampling": 0.01, "threshold": 0.5,
        "color_key": {"a": "red", "b": "blue", "c": "green", "d": "black"}, "rescale_discrete_levels": True, "symmetric": False,
        "precompute": False, "alpha": 0.5,
    }  # fmt: skip
    assert set(values) == set(keywords.KINDS["points"])
    for name, value in values.items():
        more = {"by": "label", "datashade": True} if name == "color_key" else {}
        assert store.hvplot.points(**{name: value, **more}) is not None, name
