"""HoloViews' own elements of a matrix store: lazy, reduced by the store, with names on the axes."""

import datashader as ds
import holoviews as hv
import numpy as np
import pytest
from holoviews.operation.datashader import datashade, rasterize, regrid
from hypothesis import given
from hypothesis import strategies as st

import bigview as bv
from bigview.config import override
from bigview.errors import OptionError, TooLargeError
from bigview.spec import View
from bigview.store.matrix import MatrixTable
from tests import matrices

VALUES = matrices.values()
ROWS, COLS = VALUES.shape
hv.extension("bokeh", logo=False)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return matrices.store(tmp_path_factory.mktemp("gridded"), report={"cols": "gene", "rows": "sample", "value": "level"})


def grid_of(image: hv.Image) -> np.ndarray:
    return image.dimension_values(2, flat=False)


@pytest.mark.parametrize("element", [hv.Image, hv.QuadMesh])
@pytest.mark.parametrize("agg", ["mean", "min", "max", "sum", "count", "std", ds.mean(), ds.min("level"), ds.std(), ds.count()])
def test_rasterize_is_the_stores_own_aggregate(store, element, agg):
    image = rasterize(element(store), aggregator=agg, width=34, height=25, dynamic=False)
    name = agg if isinstance(agg, str) else type(agg).__name__
    assert [dimension.name for dimension in image.dimensions()] == ["gene", "sample", "level"]
    assert image.bounds.lbrt() == (0, 0, COLS, ROWS)
    assert np.array_equal(grid_of(image), store.aggregate(View((0, COLS), (0, ROWS), 34, 25), name).to_numpy(), equal_nan=True)


@given(st.floats(-20, COLS), st.floats(0.5, 2 * COLS), st.floats(-20, ROWS), st.floats(0.5, 2 * ROWS), st.integers(0, 2**32))
def test_any_window_is_the_stores_own(store, x, wide, y, high, seed):
    rng = np.random.default_rng(seed)
    rows = store.order("rows", index=rng.permutation(ROWS)[: rng.integers(1, ROWS + 1)])
    source = hv.Image(store.ordered(rows=rows))
    assert source.bounds.lbrt() == (0, 0, COLS, len(rows))
    image = rasterize(source, width=40, height=30, x_range=(x, x + wide), y_range=(y + high, y), dynamic=False)
    x0, x1, y0, y1 = max(0, x), min(COLS, x + wide), max(0, y), min(len(rows), y + high)
    if x1 <= x0 or y1 <= y0:
        assert image.interface.length(image) == 0
        return
    if x1 - x0 < 40:  # each cell is a pixel
        x0, x1 = np.floor(x0), np.ceil(x1)
    if y1 - y0 < 30:
        y0, y1 = np.floor(y0), np.ceil(y1)
    shape = min(30, int(np.ceil(y1 - y0))), min(40, int(np.ceil(x1 - x0)))
    assert image.bounds.lbrt() == pytest.approx((x0, y0, x1, y1))
    found = store.aggregate(View((x0, x1), (y0, y1), shape[1], shape[0]), "mean", rows=rows)
    assert np.array_equal(grid_of(image), found.to_numpy(), equal_nan=True)


def test_zooming_asks_the_store_anew(store):
    plot = rasterize(hv.Image(store))
    shown = hv.renderer("bokeh").get_plot(plot)
    axis = shown.handles["y_range"]
    assert axis.start > axis.end, "the first row is on top"
    assert list(shown.state.yaxis[0].major_label_overrides.values())[:2] == ["row 0", "row 16"]
    stream = next(one for one in plot.streams if hasattr(one, "x_range"))
    stream.event(x_range=(20, 30), y_range=(17, 5))
    assert plot.last.bounds.lbrt() == (20, 5, 30, 17)
    assert np.array_equal(grid_of(plot.last), VALUES[5:17, 20:30])
    assert {f"row {number}" for number in range(5, 17)} <= set(shown.state.yaxis[0].major_label_overrides.values())


def test_no_cell_is_read_for_an_element(store, monkeypatch):
    def never(*_, **__):
        raise AssertionError

    monkeypatch.setattr(MatrixTable, "cells", never)
    image = hv.Image(store)
    assert image.range("level") == (store.manifest.facts["low"], store.manifest.facts["high"])
    assert image.range("gene") == (0, COLS)
    assert "level" in repr(image)
    assert len(image) == VALUES.size
    part = image[10:20, 30:50]
    assert part.bounds.lbrt() == (10, 30, 20, 50)
    assert hv.QuadMesh(store).range("sample") == (0, ROWS)
    assert hv.Dataset(store).to(hv.Image).bounds.lbrt() == (0, 0, COLS, ROWS)
    assert rasterize(part, width=5, height=5, dynamic=False).bounds.lbrt() == (10, 30, 20, 50)


def test_a_slice_keeps_its_place(store):
    part = hv.Image(store)[10:20, 30:50][12:18, 40:]
    assert part.bounds.lbrt() == (12, 40, 18, 50)
    assert np.array_equal(grid_of(part), VALUES[40:50, 12:18])
    image = rasterize(part, x_range=(0, 100), y_range=(0, 100), width=50, height=50, dynamic=False)
    assert image.bounds.lbrt() == (12, 40, 18, 50)
    assert np.array_equal(grid_of(image), VALUES[40:50, 12:18])
    assert hv.Image(store)[12.5, 40.5] == VALUES[40, 12]
    assert hv.Dataset(store).select(gene=(12, 18), sample=(40, 50)).data.box == ((40, 50), (12, 18))


def test_few_cells_are_like_an_array(store):
    image = hv.Image(store)[0:20, 0:30]
    plain = hv.Image((np.arange(20) + 0.5, np.arange(30) + 0.5, VALUES[:30, :20]), ["gene", "sample"], "level")
    assert np.array_equal(grid_of(image), grid_of(plain))
    for dimension in image.dimensions():
        assert np.array_equal(image.dimension_values(dimension), plain.dimension_values(dimension))
    assert image.dframe().equals(plain.dframe())
    assert np.array_equal(image.reduce(["sample"], np.mean)["level"], plain.reduce(["sample"], np.mean)["level"])
    assert np.array_equal(image.sample(gene=3.5)["level"], plain.sample(gene=3.5)["level"])
    assert hv.renderer("bokeh").get_plot(image) is not None
    assert hv.renderer("bokeh").get_plot(hv.QuadMesh(store)[0:20, 0:30]) is not None
    assert grid_of(regrid(image, width=10, height=10, dynamic=False)).shape == (10, 10)


def test_many_cells_are_refused_with_what_to_do(store):
    with override(element_cells=1000):
        for ask in (lambda: hv.renderer("bokeh").get_plot(hv.Image(store)), lambda: hv.Image(store).dframe(), lambda: hv.QuadMesh(store).hist()):
            with pytest.raises(
                TooLargeError, match=r"300 × 170 cells one by one; up to 1,000 may be. Take rasterize\(hv\.(Image|QuadMesh)\(store\)\)"
            ):
                ask()
        assert rasterize(hv.Image(store), width=9, height=9, dynamic=False) is not None


def test_what_makes_no_sense_is_said(store):
    for ask, said in [
        (lambda: hv.HeatMap(store), "hv.HeatMap would read every cell"),
        (lambda: hv.Image(store, ["one"]), "two key dimensions"),
    ]:
        with pytest.raises(Exception, match=said):
            ask()
    for agg, said in [
        ("median", "no reduction 'median'"),
        (ds.mean("score"), "no 'score'"),
        (ds.count_cat("level"), "no reduction"),
        ("mode", "hold a number"),
    ]:
        with pytest.raises(OptionError, match=said):
            rasterize(hv.Image(store), aggregator=agg, dynamic=False)
    with pytest.raises(OptionError, match="this matrix has 300"):
        store.ordered(rows=store.order("cols", by="group"))


def test_images_of_arrays_are_resampled_as_before():
    image = hv.Image(np.arange(10_000.0).reshape(100, 100))
    assert grid_of(rasterize(image, width=10, height=10, dynamic=False)).shape == (10, 10)
    assert isinstance(datashade(image, width=10, height=10, dynamic=False), hv.RGB)


def test_categories_and_missing_cells(tmp_path):
    codes = np.arange(600).reshape(30, 20) // 200
    kinds = bv.build_matrix(codes, tmp_path / "kinds.bv", categories=["a", "b", "c"], quiet=True)
    image = rasterize(hv.Image(kinds), width=20, height=3, dynamic=False)
    assert np.array_equal(grid_of(image), np.repeat([[0], [1], [2]], 20, axis=1))
    masked = bv.build_matrix(np.ma.masked_less(codes, 1), tmp_path / "masked.bv", quiet=True)
    assert np.isnan(grid_of(hv.Image(masked))[0, 0])
    assert np.isnan(grid_of(rasterize(hv.Image(masked), width=20, height=3, dynamic=False))[0]).all()
    assert isinstance(datashade(hv.Image(masked), width=20, height=3, dynamic=False), hv.RGB)
