"""`store.hvplot.heatmap`: the cells and the colours of the store, by hvPlot's keywords."""

import holoviews as hv
import numpy as np
import pytest

from bigview.errors import OptionError
from bigview.matrixspec import MatrixStyle
from bigview.raster.heat import HeatLook, heat_frame
from bigview.spec import View
from tests import matrices

VALUES = matrices.values()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    hv.extension("bokeh", logo=False)
    return matrices.store(tmp_path_factory.mktemp("plots"))


def test_a_plot_shows_the_cells_of_its_ranges(store):
    plot = store.hvplot.heatmap(width=400, height=300)
    image = plot[()]
    assert image.bounds.lbrt()[:2] == (0, 0)
    rendered = hv.renderer("bokeh").get_plot(plot)
    assert rendered.handles["y_range"].start > rendered.handles["y_range"].end, "the first row is on top"
    labels = list(rendered.state.yaxis[0].major_label_overrides.values())
    assert labels[:2] == ["row 0", "row 16"]
    stream = next(one for one in plot.streams if hasattr(one, "x_range"))
    stream.event(x_range=(20, 30), y_range=(17, 5))
    closer = plot[()] if plot.last is None else plot.last
    assert closer.bounds.lbrt() == (20, 5, 30, 17)
    for row, col in [(5, 20), (16, 29), (11, 24)]:
        assert closer[col + 0.5, row + 0.5] == VALUES[row, col]


def test_colours_are_those_of_every_other_door(store):
    plot = store.hvplot.heatmap(cmap="viridis", center=0)
    options = hv.Store.lookup_options("bokeh", plot[()], "style").kwargs
    frame = heat_frame(store, View((0, 170), (0, 300), 700, 500), HeatLook(MatrixStyle(palette="viridis", center=0.0, dark=False)))
    limits = hv.Store.lookup_options("bokeh", plot[()], "plot").kwargs["clim"]
    assert limits == (frame.scale.low, frame.scale.high)
    assert len(options["cmap"]) == 256


def test_a_scale_without_a_bar_in_bokeh_is_a_picture(store):
    picture = store.hvplot.heatmap(cnorm="eq_hist", width=170, height=300)[()]
    assert isinstance(picture, hv.RGB)
    frame = heat_frame(store, View((0, 170), (0, 300), 170, 300), HeatLook(MatrixStyle(scale="quantile", dark=False, center=None)))
    red = picture.dimension_values(2, flat=False)
    assert np.array_equal(red, (frame.rgba[::-1] & 255).astype("u1")) or store.manifest.facts["low"] < 0


def test_reductions_and_orders(store):
    order = store.order("rows", by="weight")
    image = store.hvplot.heatmap(rows=order, reduce_function=np.max, xlim=(0, 10), ylim=(0, 10))[()]
    assert image[3.5, 4.5] == VALUES[order.index[4], 3]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"widht": 3}, "width"),
        ({"x": "a"}, "those of the matrix"),
        ({"C": "score"}, "those of the matrix"),
        ({"cnorm": "cbrt"}, "eq_hist"),
        ({"agg": "modus"}, "mean"),
        ({"cmap": "vridis"}, "Did you mean 'viridis'"),
        ({"cmap": 3}, "a list of colours"),
        ({"groupby": "kind"}, "a matrix is one picture"),
        ({"rows": [3, 1]}, "must be an order of the store"),
    ],
)
def test_what_makes_no_sense_is_said(store, given, said):
    with pytest.raises(OptionError, match=said):
        store.hvplot.heatmap(**given)


@pytest.mark.parametrize("kind", ["line", "image", "hist", "table", "explorer", "scatter"])
def test_other_kinds_say_what_to_take(store, kind):
    with pytest.raises(OptionError, match=rf"store.hvplot.{kind} does not exist for a matrix.*Take|take"):
        getattr(store.hvplot, kind)
    with pytest.raises(OptionError, match="There is heatmap"):
        store.hvplot(kind=kind)
    assert not hasattr(store.hvplot, kind)
    assert dir(store.hvplot) == ["heatmap"]


def test_keywords_that_are_written_for_tables_are_taken(store):
    image = store.hvplot(kind="heatmap", x="columns", y="index", C="value", rasterize=True, aggregator="max", dynamic=False, xlim=(0, 170), width=17)
    assert isinstance(image, hv.Image)
    image = store.hvplot(dynamic=False, reduce_function=np.nanmin, width=170, height=100)
    assert image[20.5, 1.5] == VALUES[:3, 20].min()


def figure(plot):
    rendered = hv.renderer("bokeh").get_plot(plot)
    return rendered, rendered.state


def test_axes_follow_the_users_own_ticks_and_turns(store):
    _, shown = figure(store.hvplot.heatmap(xticks=[0, 50], rot=90))
    assert shown.xaxis[0].ticker.ticks == [0, 50]
    assert shown.xaxis[0].major_label_orientation == pytest.approx(np.pi / 2)
    assert "row 0" in shown.yaxis[0].major_label_overrides.values()
    rendered, shown = figure(store.hvplot.heatmap(flip_yaxis=False, hover=False, xaxis=None, responsive=True))
    assert rendered.handles["y_range"].start < rendered.handles["y_range"].end
    assert not [tool for tool in shown.tools if type(tool).__name__ == "HoverTool"]


def test_colour_maps_of_holoviews(store):
    picture = store.hvplot.heatmap(cmap="RdBu_r", clim=(None, 3.0), alpha=0.5, dynamic=False)
    options = hv.Store.lookup_options("bokeh", picture, "style").kwargs
    assert (options["cmap"][0], options["cmap"][-1]) == ("#053061", "#67001f")
    assert options["alpha"] == 0.5
    low, high = hv.Store.lookup_options("bokeh", picture, "plot").kwargs["clim"]
    assert (low, high) == (store.manifest.facts["low"], 3.0)
    picture = store.hvplot.heatmap(clim=(None, 3.0), center=0, dynamic=False)
    assert hv.Store.lookup_options("bokeh", picture, "plot").kwargs["clim"] == (-3.0, 3.0)
    picture = store.hvplot.heatmap(cmap=["#000000", "#808080", "#ffffff"], cnorm="eq_hist", dynamic=False, width=170, height=300)
    grey = [picture.dimension_values(number, flat=False) for number in (2, 3, 4)]
    there = ~np.isnan(VALUES)
    assert np.array_equal(grey[0][there], grey[1][there])
    assert set(np.unique(grey[0][there])) == {0, 128, 255}
    row = np.argsort(VALUES[0], kind="stable")
    assert (np.diff(grey[0][0][row].astype(int)) >= 0).all(), "a larger value is lighter"


def test_a_picture_keeps_its_colour_bar_or_its_legend(store, tmp_path):
    _, shown = figure(store.hvplot.heatmap(cnorm="eq_hist", cmap="viridis"))
    (bar,) = [item for item in shown.right if type(item).__name__ == "ColorBar"]
    assert len(bar.major_label_overrides) > 2
    _, shown = figure(store.hvplot.heatmap(cnorm="eq_hist", colorbar=False))
    assert not shown.right
    kinds = matrices.store(tmp_path, np.arange(600).reshape(30, 20) // 200, categories=["a", "b", "c"])
    _, shown = figure(kinds.hvplot.heatmap())
    (legend,) = [item for item in shown.right if type(item).__name__ == "Legend"]
    assert [item.label["value"].split()[0] for item in legend.items] == ["a", "b", "c"]


def test_a_tree_is_an_order(store):
    tree = store.cluster("cols")
    image = store.hvplot.heatmap(cols=tree, dynamic=False, xlim=(0, 10), ylim=(0, 10))
    assert image[3.5, 4.5] == VALUES[4, tree.index[3]]


@pytest.mark.parametrize("norm", ["linear", "eq_hist"])
def test_hover_tells_names(store, norm):
    order = store.order("rows", by="weight")
    plot = store.hvplot.heatmap(rows=order, cnorm=norm)
    _, shown = figure(plot)
    (tool,) = [tool for tool in shown.tools if type(tool).__name__ == "HoverTool"]
    assert [text for _, text in tool.tooltips][:2] == ["$x{custom}", "$y{custom}"]
    assert "RGBA" not in dict(tool.tooltips)
    names = tool.formatters["$y"].args["names"]
    assert names["4"] == f"row {order.index[4]}"
    assert len(names) == 300
    stream = next(one for one in plot.streams if hasattr(one, "x_range"))
    stream.event(x_range=(20, 30), y_range=(17, 5))
    assert list(tool.formatters["$y"].args["names"]) == [str(place) for place in range(5, 17)]
    assert tool.formatters["$x"].args["names"]["20"] == "column 20"
    _, shown = figure(store.hvplot.heatmap(hover_tooltips=[("value", "@image")]))
    (tool,) = [tool for tool in shown.tools if type(tool).__name__ == "HoverTool"]
    assert tool.tooltips == [("value", "@image")]
