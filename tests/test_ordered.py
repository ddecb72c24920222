"""Matrices in any order: the grid of a store is that of the array put in that order."""

from dataclasses import dataclass

import numpy as np
import pytest

import bigview as bv
from bigview.config import override
from bigview.raster import matrixgrid
from bigview.raster.matrixgrid import aggregate_matrix, extremes, quick_matrix
from bigview.raster.matrixplanes import forget_planes


@dataclass(frozen=True, eq=False)
class Index:
    index: np.ndarray


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    values = np.random.default_rng(5).normal(size=(2300, 1500)).astype("f4")
    values[np.random.default_rng(6).random(values.shape) < 0.02] = np.nan
    return values, bv.build_matrix(values, tmp_path_factory.mktemp("m") / "m.bv")


def orders(shape, seed):
    rng = np.random.default_rng(seed)
    return [Index(rng.permutation(size)[: size - seed * size // 4]) for size in shape]


@pytest.mark.parametrize("agg", ["mean", "min", "max", "sum", "count", "std"])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_grid_in_any_order_is_the_ordered_arrays(made, agg, seed):
    values, store = made
    rows, cols = orders(values.shape, seed)
    put = values[np.ix_(rows.index, cols.index)].astype(float)
    n, m = (size // 25 * 25 for size in put.shape)
    grid = aggregate_matrix(store, bv.View((0, m), (0, n), 25, 25), agg, rows, cols)
    blocks = put[:n, :m].reshape(25, n // 25, 25, m // 25)
    there = ~np.isnan(blocks)
    expected = there.sum((1, 3)) if agg == "count" else getattr(np, f"nan{agg}")(blocks, axis=(1, 3))
    assert np.allclose(grid, expected, rtol=1e-9)
    assert grid.attrs["exact"]
    assert grid.attrs["cells"] == (n / 25, m / 25)


def test_only_one_axis_in_another_order_and_cells_larger_than_pixels(made):
    values, store = made
    rows = Index(np.argsort(-np.nan_to_num(values[:, 7])))
    grid = aggregate_matrix(store, bv.View((4, 9), (0, 2300), 20, 46), "max", rows)
    assert np.array_equal(grid[:, ::4], np.nanmax(values[rows.index, 4:9].reshape(46, 50, 5), axis=1))
    beyond = aggregate_matrix(store, bv.View((-2, 2), (2299, 2303), 4, 4), "count", rows)
    assert beyond.to_numpy().tolist() == [[0, 0, *(~np.isnan(values[rows.index[-1], :2])).astype(int)], [0] * 4, [0] * 4, [0] * 4]


def test_every_statistic_of_a_view_is_one_pass(made, monkeypatch):
    values, store = made
    rows, cols = orders(values.shape, 0)
    view = bv.View((0, 1500), (0, 2300), 30, 20)
    aggregate_matrix(store, view, "std", rows, cols)
    monkeypatch.setattr(type(store), "blocks", None)
    for agg in ("mean", "min", "max", "sum", "count", "std"):
        aggregate_matrix(store, view, agg, rows, cols)
    forget_planes()


def test_a_quick_grid_says_how_far_it_may_be_off(made, monkeypatch):
    values, store = made
    rows, cols = orders(values.shape, 0)
    view = bv.View((0, 1500), (0, 2300), 30, 20)
    assert quick_matrix(store, view, "mean", rows, cols) is None  # few cells
    monkeypatch.setattr(matrixgrid, "QUICK_FROM", 1000)
    monkeypatch.setattr("bigview.raster.ordered.QUICK_CELLS", 400_000)
    monkeypatch.setattr(matrixgrid.Ordered.sampled, "__defaults__", (400_000,))
    monkeypatch.setattr(matrixgrid.sampled_cells, "__defaults__", (400_000, False))
    assert quick_matrix(store, view, "mean") is None  # the pyramid is quick
    exact, quick = (function(store, view, "mean", rows, cols) for function in (aggregate_matrix, quick_matrix))
    off = float(np.sqrt(((exact - quick) ** 2).mean()))
    assert not quick.attrs["exact"]
    assert 0.8 * off < quick.attrs["standard_error"] < 1.25 * off
    total, count = (quick_matrix(store, view, agg, rows, cols) for agg in ("sum", "count"))
    assert np.allclose(total / count, quick, rtol=1e-3)
    assert np.allclose(count, aggregate_matrix(store, view, "count", rows, cols), rtol=0.05)


def test_the_extreme_cells_of_a_pixel(made):
    values, store = made
    rows, cols = orders(values.shape, 0)
    view = bv.View((0, 1500), (0, 2300), 30, 20)
    low, high = extremes(store, view, (3, 4), rows, cols)
    block = values[np.ix_(rows.index[345:460], cols.index[200:250])]
    assert (low.value, high.value) == (np.nanmin(block), np.nanmax(block))
    assert values[low.row, low.column] == low.value
    assert values[high.row, high.column] == high.value
    assert extremes(store, bv.View((-9, -1), (0, 5), 4, 4), (0, 0)) is None


def test_mode_needs_categories(made):
    with pytest.raises(bv.OptionError, match="mode"):
        made[1].aggregate(bv.View((0, 5), (0, 5), 5, 5), "mode")
    with pytest.raises(bv.TooLargeError, match="fewer pixels"), override(result_bytes=1000):
        made[1].aggregate(bv.View((0, 5), (0, 5), 100, 100), "mean")
