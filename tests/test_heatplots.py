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
    ("given", "said"), [({"widht": 3}, "width"), ({"x": "a"}, "those of the matrix"), ({"cnorm": "cbrt"}, "eq_hist"), ({"agg": "modus"}, "mean")]
)
def test_what_makes_no_sense_is_said(store, given, said):
    with pytest.raises(OptionError, match=said):
        store.hvplot.heatmap(**given)
