"""The private places of HoloViews, hvPlot and Panel that bigview holds on to: each test says what is relied on, and fails first when it changes."""

import inspect
from collections import defaultdict

import datashader as ds
import holoviews as hv
import numpy as np
import pandas as pd
import panel as pn
import pytest
from holoviews.core.data import Interface
from holoviews.element import selection
from holoviews.operation.datashader import AggregationOperation, AggState, inspect_base, rasterize, regrid
from holoviews.streams import RangeXY, Stream
from hvplot.converter import HoloViewsConverter
from hvplot.util import filter_opts
from panel.reactive import ReactiveCustomBase

from bigview.app.stage import Stage
from bigview.views import warm
from bigview.views.gridded import MatrixInterface
from bigview.views.gridding import grid_matrix
from bigview.views.interface import StoreInterface
from bigview.views.operation import aggregate_store
from bigview.views.register import register
from tests.loops import run

FRAME = pd.DataFrame({"x": [0.0, 1.0, 2.0], "y": [0.0, 1.0, 4.0], "v": [1.0, 2.0, 3.0], "c": pd.Categorical(["a", "b", "a"])})


@pytest.fixture(scope="module", autouse=True)
def registered():
    hv.extension("bokeh")
    register()


def parameters(function):
    return list(inspect.signature(function).parameters)


def test_interfaces_are_registered_by_datatype_and_elements_list_their_datatypes():
    assert Interface.interfaces["bigview"] is StoreInterface
    for element in (hv.Dataset, hv.Points, hv.Scatter):
        assert element.datatype.count("bigview") == 1
        assert element.datatype[0] in ("dataframe", "pandas"), "what HoloViews has comes first"
        assert [kind for kind in element.datatype if kind.startswith("bigview")] == element.datatype[element.datatype.index("bigview") :]
    assert Interface.interfaces["bigview_matrix"] is MatrixInterface
    for element in (hv.Dataset, hv.Image, hv.QuadMesh):
        assert element.datatype.count("bigview_matrix") == 1
        assert element.datatype[-1] == "bigview_matrix"
    assert "bigview" not in hv.Image.datatype


def test_registering_twice_changes_nothing():
    before = list(rasterize._transforms), list(hv.Points.datatype), selection.spatial_select, inspect_base._mask_dataframe.__func__
    register()
    after = list(rasterize._transforms), list(hv.Points.datatype), selection.spatial_select, inspect_base._mask_dataframe.__func__
    assert before == after


def test_the_data_interface_is_read_before_an_interface_is_chosen():
    """`store.interface` registers: HoloViews must read it before it looks at the element's datatypes, and take None for an answer."""
    read = []

    class Data:
        @property
        def interface(self):
            read.append(list(hv.Points.datatype))

    with pytest.raises(ValueError, match="storage backends"):
        hv.Points(Data())
    assert read


def test_interface_methods_are_called_with_these_arguments():
    for name in ("init", "validate", "range", "values", "select", "iloc", "dframe", "groupby", "redim", "reindex", "dtype"):
        ours = parameters(getattr(StoreInterface, name))
        stock = parameters(getattr(hv.core.data.PandasInterface, name))
        assert [p for p in ours if p not in ("options", "kwargs")] == [
            {"dim": "dimension"}.get(p, p) if name in ("range", "values", "dtype") else p for p in stock if p not in ("kwargs", "selection")
        ] + (["selection"] if name == "select" else []), name


def test_expressions_ask_for_lazy_values():
    """`dim.apply(compute=False, keep_index=True)` is how a selection asks an interface for a column."""
    seen = []
    dataset = hv.Dataset(FRAME)
    stock = dataset.interface.values

    class Spy(dataset.interface):
        @classmethod
        def values(cls, *args, **options):
            seen.append(options)
            return stock(*args, **options)

    dataset.interface = Spy
    (hv.dim("x") > 1).apply(dataset, compute=False, keep_index=True)
    assert seen[0]["compute"] is False
    assert seen[0]["keep_index"] is True


def test_rasterize_holds_a_list_of_what_to_do_with_which_element():
    transforms = rasterize._transforms
    image = hv.Image(np.ones((2, 2)))
    assert transforms[0][1] is regrid
    assert transforms[0][0](image), "images are resampled first; ours must come later"
    assert [transform for _, transform in transforms[1:3]] == [aggregate_store, grid_matrix]
    assert not any(predicate(image) for predicate, _ in transforms[1:3])
    assert all(len(entry) == 2 for entry in transforms)
    assert any(predicate is hv.Points for predicate, _ in transforms), "inspect() finds its way by these"


def test_an_aggregation_knows_its_reduction_its_sampling_and_its_element():
    points = hv.Points(FRAME, ["x", "y"])
    operation = AggregationOperation.instance(width=10, height=5, aggregator=ds.by("c"), selector=ds.first())
    operation.p = hv.core.operation.param.ParamOverrides(operation, {})
    reduction, selector, state = operation._get_agg_state(points)
    assert isinstance(reduction, ds.by)
    assert reduction.cat_column == "c"
    assert isinstance(selector, ds.first)
    assert state == AggState.AGG_SEL_BY
    assert AggState.has_by(state)
    assert AggState.has_sel(state)
    (x_range, y_range), (xs, ys), (width, height), types = operation._get_sampling(points, *points.kdims)
    assert (x_range, y_range, width, height, types) == ((0, 2), (0, 4), 10, 5, ("numeric", "numeric"))
    assert (len(xs), len(ys)) == (10, 5)
    ends, _ = operation._dt_transform(x_range, y_range, xs, ys, *types)
    params = operation._get_agg_params(points, *points.kdims, ds.count(), (0, 0, 2, 4))
    assert ends == (x_range, y_range)
    assert params["vdims"].nodata == 0
    assert parameters(operation._empty_agg) == ["element", "x", "y", "width", "height", "xs", "ys", "agg_fn", "params"]


def test_a_lasso_looks_its_test_up_when_it_is_drawn():
    points = hv.Points(FRAME, ["x", "y"])
    expression, _, _ = points._get_selection_expr_for_stream_value(geometry=np.array([[0, 0], [1, 0], [1, 1]]))
    assert expression.ops[0]["fn"] is selection.spatial_select
    assert hasattr(selection.spatial_select, "_bigview"), "ours"
    assert parameters(selection.spatial_select) == ["xvals", "yvals", "geometry"] == parameters(selection.spatial_select._bigview)


def test_inspection_and_filter_have_these_arguments():
    assert parameters(inspect_base._mask_dataframe.__func__._bigview) == ["cls", "raster", "x", "y", "xdelta", "ydelta"]
    assert parameters(hv.link_selections.filter._bigview) == ["self", "data", "selection_expr"]


def test_stock_data_go_their_stock_ways():
    """The wrapped places do for other data what they did."""
    points = hv.Points(FRAME, ["x", "y"])
    image = rasterize(points, dynamic=False, width=10, height=10)
    assert len(inspect_base._mask_dataframe(image, 1, 1, 0.5, 0.5)) == 1
    links = hv.link_selections.instance()
    links.selection_expr = hv.dim("x") > 0.5
    assert len(links.filter(FRAME)) == 2
    assert len(links.filter(points)) == 2


def test_a_zoom_has_a_callback_by_stream_whose_message_is_awaited():
    assert isinstance(Stream._callbacks, defaultdict)
    callback = Stream._callbacks["bokeh"][RangeXY]
    stock = callback.__mro__[1]
    assert callback.__name__ == "WarmRange"
    assert stock.__name__ == "RangeXYCallback"
    assert inspect.iscoroutinefunction(stock.on_msg)
    assert "await self.on_msg(msg)" in inspect.getsource(stock.process_on_event)
    assert "self.debounce" in inspect.getsource(stock.process_on_event)
    assert stock.debounce == 100
    assert parameters(stock.initialize) == ["self", "plot_id"]


def test_other_plots_keep_their_callback_as_it_was():
    plot = hv.renderer("bokeh").get_plot(rasterize(hv.Points(FRAME, ["x", "y"])))
    callback = next(entry for entry in plot.callbacks if type(entry).__name__ == "WarmRange")
    assert callback.debounce == 100
    assert plot.state.lod_timeout == 500
    run(callback.on_msg({"x0": 0.5, "x1": 1.5, "y0": 0.5, "y1": 1.5}))
    assert plot.current_frame.bounds.lbrt() == (0.5, 0.5, 1.5, 1.5)
    assert warm.recipes(plot.current_frame) == []


def test_hover_on_the_server_reads_columns_by_these_names():
    """`selector_columns` in the attributes, `__index__` of −1 for empty pixels, coordinates in the order x, y."""
    image = rasterize(hv.Points(FRAME, ["x", "y"]), dynamic=False, selector=ds.first(), width=4, height=3)
    assert list(image.data.coords) == ["x", "y"]
    assert image.data.attrs["selector_columns"][0] == "__index__"
    assert image.data["__index__"].values.min() == -1
    plot = hv.renderer("bokeh").get_plot(image.opts(tools=["hover"]))
    assert set(plot._hover_data.data_vars) >= {"__index__", "v", "c"}
    assert type(plot.handles["hover"].tooltips).__name__ == "Div"


def test_hvplots_converter_names_its_keywords_and_translates_them():
    for group in ("_size_layout_options", "_axis_config_options", "_legend_options", "_interactivity_options", "_style_options"):
        assert isinstance(getattr(HoloViewsConverter, group), list)
    converter = HoloViewsConverter(FRAME.iloc[:0], "x", "y", kind="points", title="T", width=321, legend="top_left", xlim=(0, 1))
    options = converter._plot_opts
    assert (options["title"], options["width"], options["legend_position"], options["xlim"]) == ("T", 321, "top_left", (0, 1))
    assert set(filter_opts("RGB", {**options, "nonsense": 1})) <= set(options)


def test_panel_looks_for_new_models_when_a_part_of_a_page_gets_some_and_not_for_plain_values(monkeypatch):
    looked = []
    monkeypatch.setattr(ReactiveCustomBase, "_patch_datamodel_ref", classmethod(lambda cls, model, ref: looked.append(ref)))
    stage = Stage(controls=[], map=pn.pane.HTML("the map"))
    model = stage.get_root()
    assert looked, "a new page is looked through"
    looked.clear()
    stage.param.update(status={"view": "1"}, sketch="Approximate")
    assert model.data.status == {"view": "1"}
    assert not looked
    stage.table = pn.pane.HTML("records")
    assert model.data.table is not None
    assert looked
