"""A store in HoloViews shows what the table it was made from shows."""

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import datashader as ds
import holoviews as hv
import numpy as np
import pandas as pd
import pytest
from holoviews.element import selection
from holoviews.operation.datashader import datashade, dynspread, inspect, inspect_points, rasterize, shade
from holoviews.operation.element import apply_when
from holoviews.streams import PointerXY, RangeXY

from bigview import config
from bigview.errors import BigviewError, ColumnError, ExpressionError, OptionError, TooLargeError
from bigview.spec import View
from bigview.store.points import PointTable
from bigview.views import grids
from bigview.views.interface import StoreInterface
from bigview.views.subset import Subset
from tests.views import store as built
from tests.views import table as made

SIZE = {"dynamic": False, "width": 90, "height": 60}


@pytest.fixture(scope="module")
def table():
    return made()


@pytest.fixture(scope="module")
def store(tmp_path_factory, table):
    hv.extension("bokeh")
    return built(tmp_path_factory.mktemp("views"), table)


@pytest.fixture
def points(store):
    return hv.Points(store, ["x", "y"])


@pytest.fixture
def calls(monkeypatch):
    """The aggregations that are computed, not taken from the cache."""
    seen = []
    stock = grids.aggregate
    monkeypatch.setattr(grids, "aggregate", lambda *args: seen.append(args[1:]) or stock(*args))
    grids.cache.clear()
    return seen


def plot(element):
    return hv.renderer("bokeh").get_plot(element)


def values(element):
    return np.dstack([element.dimension_values(d, flat=False) for d in element.vdims]).astype(float)


# --- elements ---------------------------------------------------------------------------------------------------------------------------


def test_a_script_needs_no_import_but_holoviews(store):
    script = f"""
import sys, bigview.stores
store = bigview.stores.open({str(store.reader.folder.url)!r})
assert not any(name in sys.modules for name in ("holoviews", "panel", "bokeh"))
import holoviews as hv
element = hv.Points(store, ["x", "y"])
from holoviews.operation.datashader import rasterize
print(element.interface.datatype, int(rasterize(element, dynamic=False).data.to_array().sum()))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["bigview", "20000"]


def test_elements_without_dimensions_take_the_stores(store, table):
    names = [name for name in table.columns if name not in ("x", "y")]
    for element in (hv.Points(store), hv.Dataset(store)):
        assert [d.name for d in element.kdims] == ["x", "y"]
        assert [d.name for d in element.vdims] == names
        assert element.interface is StoreInterface
        assert element.data is store
        assert len(element) == len(table)
    scatter = hv.Scatter(store, "x", ["y", "score"])
    assert scatter.dimensions(label="name") == ["x", "y", "score"]
    assert hv.Dataset(store).to(hv.Points, ["x", "y"]).data is store


def test_ranges_are_known(points, table):
    for name in ("x", "y", "score", "votes", "day"):
        low, high = points.range(name)
        assert (low, high) == (table[name].min(), table[name].max())
    assert points.range("label") == ("a", "d")


def test_a_table_without_the_facade_works_once_registered(store):
    hv.Points(store, ["x", "y"])  # which registers
    plain = PointTable(store.reader)
    assert hv.Points(plain, ["x", "y"]).interface is StoreInterface


def test_an_unknown_column_is_named(store):
    with pytest.raises(ValueError, match="Did you mean 'score'"):
        hv.Points(store, ["x", "y"], "scores")


def test_few_rows_are_read_many_are_refused(points, table):
    # Not the same order: a store is sorted by place.
    assert sorted(points.dimension_values("votes")) == sorted(table.votes)
    assert plot(points) is not None
    with config.override(element_rows=1000):
        with pytest.raises(TooLargeError, match=r"'score' of 20,000 rows \(0 MB\).*rasterize"):
            points.dimension_values("score")
        with pytest.raises(TooLargeError):
            points.dframe()
        with pytest.raises(TooLargeError):
            points.sort("score")
        assert len(points.select(x=(0, 0.05)).dframe()) == ((table.x >= 0) & (table.x < 0.05)).sum()
        assert len(points.iloc[:7].dframe()) == 7
        assert list(points.dimension_values("label", expanded=False)) == list(points.data.reader.categories("label"))


@pytest.mark.parametrize(
    ("selection", "mask"),
    [
        ({"x": (0, 1)}, lambda t: (t.x >= 0) & (t.x < 1)),
        ({"x": (None, 1), "y": (0.5, None)}, lambda t: (t.x < 1) & (t.y >= 0.5)),
        ({"x": (5, 1)}, lambda t: t.x > 1e9),
        ({"x": (1e9, 2e9)}, lambda t: t.x > 1e9),
        ({"score": (0.25, 0.5)}, lambda t: (t.score >= 0.25) & (t.score < 0.5)),
        ({"label": "a"}, lambda t: t.label == "a"),
        ({"label": ["a", "b"], "votes": {1, 2, 3}}, lambda t: t.label.isin(["a", "b"]) & t.votes.isin([1, 2, 3])),
        ({"day": (pd.Timestamp("2020-01-02"), pd.Timestamp("2020-01-03"))}, lambda t: (t.day >= "2020-01-02") & (t.day < "2020-01-03")),
        ({"text": "row <b>7</b>"}, lambda t: t.text == "row <b>7</b>"),
    ],
)
def test_select_means_what_it_means_for_a_table(points, table, selection, mask):
    chosen = points.select(**selection)
    assert isinstance(chosen.data, Subset)
    expected = table[mask(table)]
    assert len(chosen) == len(expected)
    assert sorted(chosen.dframe().text) == sorted(expected.text)
    assert int(np.nansum(values(rasterize(chosen, **SIZE)))) == len(expected)


def test_windows_narrow_each_other(points, table):
    chosen = points.select(x=(0, 2)).select(x=(1, 3), y=(0, 9))[0.5:1.5, :]
    assert len(chosen) == ((table.x >= 1) & (table.x < 1.5) & (table.y >= 0) & (table.y < 9)).sum()


@pytest.mark.parametrize(
    ("expression", "mask"),
    [
        (hv.dim("x") >= 0.5, lambda t: t.x >= 0.5),
        ((hv.dim("score") * 2 + 1 > 1.5) & (hv.dim("x") < hv.dim("y")), lambda t: (t.score * 2 + 1 > 1.5) & (t.x < t.y)),
        ((hv.dim("label") == "a") | (hv.dim("votes") == 3), lambda t: (t.label == "a") | (t.votes == 3)),
        (~(hv.dim("votes") > 10), lambda t: ~(t.votes > 10)),
        (hv.dim("label").isin(["a", "c"]), lambda t: t.label.isin(["a", "c"])),
        (1 - hv.dim("score") <= 0.25, lambda t: 1 - t.score <= 0.25),
        (hv.dim("day") >= np.datetime64("2020-01-05T00:00"), lambda t: t.day >= "2020-01-05"),
        (-hv.dim("votes") > -7, lambda t: -t.votes > -7),
    ],
)
def test_expressions_become_filters(points, table, expression, mask):
    chosen = points.select(expression)
    assert len(chosen) == mask(table).sum()
    assert isinstance(chosen.data, Subset)


def test_what_cannot_become_a_filter_says_so(points):
    for expression in (np.sin(hv.dim("x")) > 0, hv.dim("x").norm() > 0.5):
        with pytest.raises((ExpressionError, TypeError, BigviewError), match=r"evaluated in the store|values to compute"):
            points.select(expression)
    with pytest.raises(ExpressionError, match="mask"):
        points.select(selection_mask=np.ones(20_000, bool))
    with pytest.raises(OptionError, match="renamed"):
        points.redim(x="longitude")


def test_few_rows_are_aggregated_in_memory(store, table):
    means = hv.Dataset(store, ["label"], ["score"]).aggregate("label", np.nanmean)
    expected = table.dropna(subset="label").groupby("label", observed=True).score.mean()
    assert dict(zip(means.dimension_values(0), means.dimension_values(1), strict=True)) == pytest.approx(expected.to_dict())
    assert list(hv.Dataset(store).sort("votes").dimension_values("votes")) == sorted(table.votes)


def test_elements_pickle(store):
    element = pickle.loads(pickle.dumps(hv.Points(store, ["x", "y"])))
    assert element.interface is StoreInterface
    assert len(element) == 20_000


def test_a_part_of_a_store_has_a_name_and_a_hash(points):
    one, other = (points.select(x=(0, 1), label="a").data for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert one != points.select(x=(0, 1)).data


def test_groupby_gives_a_filter_for_each_category(store, table):
    groups = hv.Dataset(store).to(hv.Points, ["x", "y"], groupby=["label"])
    assert {key: len(part) for key, part in groups.data.items() for key in key} == table.label.value_counts().to_dict()
    drawn = rasterize(groups.overlay("label"), **SIZE)
    assert all(isinstance(image, hv.Image) for image in drawn)


# --- pictures ---------------------------------------------------------------------------------------------------------------------------

REDUCTIONS = [
    "count", ds.count(), ds.count("score"), ds.any(), ds.mean("score"), ds.sum("votes"), ds.min("votes"), ds.max("score"), ds.std("score"),
    ds.var("score"), ds.first("votes"), ds.summary(a=ds.count(), b=ds.mean("score")),
]  # fmt: skip


@pytest.mark.parametrize("reduction", REDUCTIONS, ids=str)
@pytest.mark.parametrize("window", [{}, {"x_range": (0.21, 1.37), "y_range": (-0.5, 0.75)}, {"x_range": (50, 60), "y_range": (0, 1)}])
def test_rasterize_draws_the_same_pixels(points, table, reduction, window):
    ours = rasterize(points, aggregator=reduction, **SIZE, **window)
    stock = rasterize(hv.Points(table, ["x", "y"]), aggregator=reduction, **SIZE, **window)
    assert type(ours) is type(stock)
    assert ours.vdims == stock.vdims
    assert [d.nodata for d in ours.vdims] == [d.nodata for d in stock.vdims]
    assert ours.bounds.lbrt() == stock.bounds.lbrt()
    for dimension in ours.vdims:
        assert ours.interface.dtype(ours, dimension) == stock.interface.dtype(stock, dimension)
    np.testing.assert_allclose(values(ours), values(stock), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("reduction", [ds.count_cat("label"), ds.by("label"), ds.by("label", ds.mean("score"))], ids=str)
def test_categories_are_drawn_the_same(points, table, reduction):
    window = {"x_range": (-1, 4), "y_range": (-1, 3)}
    ours = rasterize(points, aggregator=reduction, **SIZE, **window)
    # Datashader counts rows without a category as the last category.
    stock = rasterize(hv.Points(table.dropna(subset="label"), ["x", "y"]), aggregator=reduction, **SIZE, **window)
    assert isinstance(ours, hv.ImageStack)
    assert {d.name for d in ours.vdims} == {"a", "b", "c", "d"} == {d.name for d in stock.vdims}
    for name in "abcd":
        np.testing.assert_allclose(ours.dimension_values(name), stock.dimension_values(name), rtol=1e-9)


def test_booleans_are_categories(points, table):
    ours = rasterize(points, aggregator=ds.by("flag"), **SIZE)
    assert [d.name for d in ours.vdims] == ["False", "True"]
    assert [int(ours.dimension_values(name).sum()) for name in ("False", "True")] == [(~table.flag).sum(), table.flag.sum()]
    assert len(points.select(hv.dim("flag") == True)) == len(points.select(flag=True)) == table.flag.sum()  # noqa: E712


def test_few_rows_become_glyphs(points, table):
    """HoloViews' apply_when: a raster of many rows, glyphs of few."""
    zoom = RangeXY(x_range=(-2, 6), y_range=(-3, 5))
    either = apply_when(points, operation=rasterize, predicate=lambda part: len(part) > 200, streams=[zoom])
    drawn = plot(either)
    assert isinstance(next(iter(drawn.current_frame)), hv.Image)
    zoom.event(x_range=(0.9, 1.0), y_range=(0.9, 1.1))
    inside = (table.x >= 0.9) & (table.x < 1.0) & (table.y >= 0.9) & (table.y < 1.1)
    glyphs = drawn.current_frame.traverse(lambda part: part, [hv.Points])[0]
    assert 0 < inside.sum() <= 200
    assert sorted(glyphs.dimension_values("text")) == sorted(table.text[inside])


def test_drawing_very_many_glyphs_is_refused(points):
    with config.override(element_rows=1000), pytest.raises(TooLargeError, match=r"rasterize\(\)"):
        plot(points)


def test_a_picture_from_cells_is_an_image_like_any_other(tmp_path):
    """Where cells are drawn the picture reaches up to a pixel beyond the view, and nothing is lost."""
    store = built(tmp_path, made(60_000))
    with config.override(exact_rows=1):
        image = rasterize(hv.Points(store, ["x", "y"]), dynamic=False, width=20, height=15, x_range=(0.3, 2.1), y_range=(-0.5, 1.5))
        left, bottom, right, top = image.bounds.lbrt()
        assert image.data["x_y Count"].attrs["level"] > 0
        assert 0.3 - 1.8 / 20 <= left <= 0.3
        assert 2.1 <= right <= 2.1 + 1.8 / 20
        assert values(image)[np.isfinite(values(image))].sum() == store.count(View((left, right), (bottom, top)))
        drawn = plot(rasterize(hv.Points(store), selector=ds.first(), width=20, height=15).opts(tools=["hover"]))
        size = [np.diff(drawn._hover_data[name].values[:2])[0] for name in ("x", "y")]
        for row, column in np.argwhere(drawn._hover_data["x_y Count"].values > 0)[::17]:
            cell = drawn._hover_data.isel(x=column, y=row)
            record = store.take([int(cell["__row"].values)]).iloc[0]
            assert abs(record.x - float(cell.x)) <= 1.5 * size[0]
            assert abs(record.y - float(cell.y)) <= 1.5 * size[1]


def test_a_turned_plot(store, table):
    ours = rasterize(hv.Points(store, ["y", "x"]), **SIZE)
    np.testing.assert_array_equal(values(ours), values(rasterize(hv.Points(table, ["y", "x"]), **SIZE)))


def test_other_columns_are_drawn_if_few(store, table):
    ours = rasterize(hv.Points(store, ["x", "score"]), **SIZE)
    np.testing.assert_array_equal(values(ours), values(rasterize(hv.Points(table, ["x", "score"]), **SIZE)))
    with config.override(element_rows=10), pytest.raises(OptionError, match=r"Build another store with x='x', y='score'"):
        rasterize(hv.Points(store, ["x", "score"]), **SIZE)


def test_scatter_and_datetimes(tmp_path, table):
    store = built(tmp_path, table, x="day", y="score")
    for window in ({}, {"x_range": (np.datetime64("2020-01-03"), np.datetime64("2020-01-05")), "y_range": (0.2, 0.9)}):
        ours = rasterize(hv.Scatter(store, "day", "score"), **SIZE, **window)
        stock = rasterize(hv.Scatter(table, "day", "score"), **SIZE, **window)
        np.testing.assert_array_equal(values(ours), values(stock))
        assert abs(ours.data["day"].values - stock.data["day"].values).max() <= np.timedelta64(1, "us")
    assert plot(rasterize(hv.Points(store, ["day", "score"]))) is not None
    hit = inspect_points(ours, x=np.datetime64("2020-01-04"), y=0.5, dynamic=False, pixels=9)
    assert len(hit) == 1


def test_an_empty_store(tmp_path, table):
    store = built(tmp_path, table.iloc[:0])
    image = rasterize(hv.Points(store, ["x", "y"]), **SIZE)
    assert np.isnan(values(image)).all() or image.dimension_values(2).size == 0


@pytest.mark.parametrize("colours", [{}, {"aggregator": ds.mean("score")}, {"cmap": ["white", "black"], "cnorm": "log"}])
def test_datashade_draws_the_same_colours(points, table, colours):
    ours = datashade(points, **SIZE, **colours)
    stock = datashade(hv.Points(table, ["x", "y"]), **SIZE, **colours)
    np.testing.assert_allclose(values(ours), values(stock), atol=1.01)
    assert (values(ours) != values(stock)).mean() < 0.001


def test_datashade_by_category_has_the_same_colours_and_a_legend(points, table):
    key = {"a": "#ff0000", "b": "#00ff00", "c": "#0000ff", "d": "#ffff00"}
    options = {"aggregator": ds.by("label"), "color_key": key}
    window = {"x_range": (-1, 4), "y_range": (-1, 3)}
    ours = datashade(points, **SIZE, **options, **window)
    stock = datashade(hv.Points(table.dropna(subset="label"), ["x", "y"]), **SIZE, **options, **window)
    assert (abs(values(ours) - values(stock)) > 1).mean() < 0.001
    drawn = plot(datashade(points, **options).opts(show_legend=True))
    assert drawn.state.legend
    mapper = drawn.handles["synthetic_color_mapper"]
    assert dict(zip(mapper.factors, mapper.palette, strict=True)) == key


def test_spreading(points, table):
    ours = dynspread(datashade(points, **SIZE), dynamic=False, threshold=0.9)
    stock = dynspread(datashade(hv.Points(table, ["x", "y"]), **SIZE), dynamic=False, threshold=0.9)
    np.testing.assert_array_equal(values(ours), values(stock))
    assert plot(dynspread(shade(rasterize(points)))) is not None


# --- records ----------------------------------------------------------------------------------------------------------------------------


def near(table, x, y, image, pixels):
    dx, dy = ((high - low) / size * pixels for (low, high), size in zip((image.range(0), image.range(1)), (90, 60), strict=True))
    hit = table[(abs(table.x - x) < dx) & (abs(table.y - y) < dy)]
    return hit.iloc[((hit.x - x) ** 2 + (hit.y - y) ** 2).argsort().to_numpy()]


@pytest.mark.parametrize("operation", [inspect_points, inspect])
def test_inspection_finds_the_nearest_record(points, table, operation):
    image = rasterize(points, **SIZE)
    inspector = operation.instance(pixels=2, max_indicators=3)
    shown = inspector(image, x=1.01, y=1.02, dynamic=False)
    expected = near(table, 1.01, 1.02, image, 2)
    assert list(shown.dimension_values("text")) == list(expected.text[:3])
    assert list(inspector.hits["__row"]) == list(expected.index)


def test_inspection_of_very_many_rows_reads_the_nearest_of_them(points, table):
    image = rasterize(points, **SIZE)
    with config.override(inspect_rows=20):
        inspector = inspect_points.instance(pixels=20)
        shown = inspector(image, x=1.01, y=1.02, dynamic=False)
    assert len(inspector.hits) == 20
    assert shown.dimension_values("text")[0] == near(table, 1.01, 1.02, image, 20).text.iloc[0]


def test_inspection_draws_with_the_map(points):
    picture = rasterize(points)
    assert plot(picture * inspect_points(picture, streams=[PointerXY(x=0.1, y=0.1)])) is not None


@pytest.mark.parametrize(
    ("selector", "order"),
    [(ds.first(), ("index", True)), (ds.last(), ("index", False)), (ds.max("score"), ("score", False)), (ds.min("votes"), ("votes", True))],
    ids=str,
)
def test_hover_gives_the_selected_record(points, table, selector, order):
    drawn = plot(rasterize(points, selector=selector, width=90, height=60).opts(tools=["hover"]))
    image = drawn.current_frame
    stock = rasterize(hv.Points(table, ["x", "y"]), selector=selector, **SIZE)
    assert image.vdims == stock.vdims
    assert [d.nodata for d in image.vdims] == [d.nodata for d in stock.vdims]
    for column, row in ((20, 20), (45, 31), (10, 5)):
        place = {"x": image.data.x.values[column], "y": image.data.y.values[row]}
        ours, theirs = (data.sel(**place, method="nearest").to_dict()["data_vars"] for data in (drawn._hover_data, stock.data))
        assert ours["x_y Count"]["data"] == theirs["x_y Count"]["data"]
        if theirs["__index__"]["data"] < 0:
            assert ours["__index__"]["data"] == -1
            continue
        if order[0] == "votes":
            assert ours["votes"]["data"] == theirs["votes"]["data"]
        else:
            assert ours["__row"]["data"] == theirs["__index__"]["data"]
            assert ours["text"]["data"] == table.text[ours["__row"]["data"]]
    assert list(drawn._hover_data.coords) == ["x", "y"]


def test_hover_reads_nothing_until_the_pointer_rests(points, monkeypatch):
    asked = []
    stock = PointTable.rows
    monkeypatch.setattr(PointTable, "rows", lambda self, *args, **options: asked.append(1) or stock(self, *args, **options))
    spread = dynspread(shade(rasterize(points, selector=ds.first(), width=90, height=60))).opts(hv.opts.RGB(tools=["hover"]))
    drawn = plot(spread)
    assert not asked
    cell = drawn._hover_data.sel(x=1, y=1, method="nearest").to_dict()["data_vars"]
    assert cell["text"]["data"].startswith("row")
    assert len(asked) == 1
    with pytest.raises(TooLargeError, match="at once"):
        np.asarray(drawn._hover_data["text"].data)


# --- linked selections ------------------------------------------------------------------------------------------------------------------


def linked(store):
    links = hv.link_selections.instance()
    points = hv.Dataset(store).to(hv.Points, ["x", "y"])
    drawn = plot(links(rasterize(points) + datashade(points)))
    stream = next(iter(links._selection_expr_streams.values())).input_streams[0].input_stream

    def drive(kind, **event):
        next(entry for entry in stream.input_streams if type(entry).__name__ == kind).event(**event)

    return links, drive, drawn


def selected(links, table):
    """Rows of the table that HoloViews itself selects."""
    return int(np.sum(links.selection_expr.apply(hv.Dataset(table[["x", "y"]]))))


def test_a_box_is_pushed_down(store, table, calls):
    links, drive, drawn = linked(store)
    calls.clear()
    drive("SelectionXY", x_selection=(0, 1), y_selection=(0.2, 1), bounds=(0, 0.2, 1, 1))
    assert len(calls) == 1, "one filtered aggregation for all layers of all plots"
    assert {text for _, text in calls[0][2].clauses} == {'"x" >= 0', '"x" <= 1', '"y" >= 0.2', '"y" <= 1'}
    assert len(hv.Dataset(store).select(links.selection_expr)) == selected(links, table)
    assert len(links.filter(hv.Dataset(store))) == selected(links, table)
    assert links.filter(store).count() == selected(links, table)
    assert drawn is not None


LASSO = np.array([[0.0, 0.0], [1.3, 0.1], [0.9, 1.4], [0.4, 0.5], [-0.2, 1.0]])


def inside(table):
    """The even-odd rule, one edge after the other."""
    odd = np.zeros(len(table), bool)
    for (x0, y0), (x1, y1) in zip(LASSO, np.roll(LASSO, -1, axis=0), strict=True):
        crosses = (table.y < y0) != (table.y < y1)
        odd ^= (crosses & (table.x < (x1 - x0) / (y1 - y0) * (table.y - y0) + x0)).to_numpy()
    return odd


def test_a_lasso_is_pushed_down(store, table, calls):
    links, drive, _ = linked(store)
    calls.clear()
    drive("Lasso", geometry=LASSO)
    assert len(calls) == 1
    assert [kind for kind, _ in calls[0][2].clauses] == ["polygon"]
    assert links.filter(store).count() == inside(table).sum()
    turned = hv.Dataset(store).select(hv.dim.pipe(selection.spatial_select, hv.Dimension("y"), hv.dim("x"), geometry=LASSO[:, ::-1]))
    assert len(turned) == inside(table).sum()


def test_lassos_unite_and_invert(store, table):
    lasso = hv.dim.pipe(selection.spatial_select, hv.Dimension("x"), hv.dim("y"), geometry=LASSO)
    points = hv.Dataset(store)
    assert len(points.select(~lasso)) == (~inside(table)).sum()
    assert len(points.select(lasso | (hv.dim("x") > 2))) == (inside(table) | (table.x > 2)).sum()
    assert len(points.select(lasso & (hv.dim("y") > 0.5))) == (inside(table) & (table.y > 0.5)).sum()
    other = hv.dim.pipe(selection.spatial_select, hv.Dimension("x"), hv.dim("score"), geometry=LASSO)
    assert len(points.select(other)) == inside(table.assign(y=table.score)).sum()
    circle = np.column_stack([f(np.linspace(0, 6, 500)) for f in (np.cos, np.sin)])
    with pytest.raises(ExpressionError, match="500 corners"):
        points.select(~hv.dim.pipe(selection.spatial_select, hv.Dimension("x"), hv.dim("y"), geometry=circle))


def test_a_zoom_with_a_selection_computes_two_grids(store, calls):
    points = hv.Dataset(store).to(hv.Points, ["x", "y"])
    links = hv.link_selections.instance()
    zoom = RangeXY(x_range=(0, 2), y_range=(0, 2))
    drawn = plot(links(rasterize(points, streams=[zoom], width=300, height=200)))
    links.selection_expr = hv.dim("label") == "a"
    calls.clear()
    zoom.event(x_range=(0.5, 1), y_range=(0.25, 1))
    assert len(calls) == 2
    assert drawn is not None


def test_grids_asked_for_at_once_are_computed_once(store, calls):
    view = View((0, 1), (0, 1), 100, 100)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: grids.grid(Subset.of(store), view, "count"), range(16)))
    assert len(calls) == 1
    assert all(grid.identical(found[0]) for grid in found)


def test_the_cache_keeps_to_its_budget(store):
    grids.cache.clear()
    with config.override(frame_bytes=200_000):
        for step in range(20):
            grids.grid(Subset.of(store), View((step, step + 1), (0, 1), 100, 100), "count")
    assert grids.cache.nbytes <= 200_000


def test_errors_are_not_kept(store):
    for _ in range(2):
        with pytest.raises(ColumnError):
            grids.grid(Subset.of(store), View((0, 1), (0, 1)), ds.mean("nothing"))
