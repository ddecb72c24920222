"""Colours span what the blocks of an order span, not those of the order in which a matrix is stored."""

from itertools import pairwise

import numpy as np
import pytest

import bigview as bv
from bigview.config import override
from bigview.matrixorder import Move, Ordering
from bigview.matrixspec import MatrixStyle
from bigview.raster.heat import HeatLook, heat_frame, spread_of
from bigview.raster.heatlook import order_of
from bigview.raster.orderspread import block_means
from bigview.spec import View
from bigview.store.orders import Order

ROWS, COLS = 110_000, 40  # so many cells that the store has levels


@pytest.fixture(scope="module")
def shuffled(tmp_path_factory):
    """Return rows of ten groups in disorder, and the order that sorts them."""
    rng = np.random.default_rng(0)
    group = rng.integers(0, 10, ROWS)
    values = (rng.normal(0, 3, (10, COLS))[group] + rng.normal(0, 0.1, (ROWS, COLS))).astype(np.float32)
    store = bv.build_matrix(values, tmp_path_factory.mktemp("spread") / "m.bv", quiet=True)
    return store, values, store.order("rows", index=np.argsort(group, kind="stable"))


def test_the_means_of_blocks_are_those_of_numpy(shuffled):
    store, values, order = shuffled
    known = block_means(store, order, None, 257)
    cells = ROWS / 768
    assert min(known) == pytest.approx(cells)
    edges = np.ceil(np.arange(769) * cells - 0.5 - 1e-9).astype(int)
    means = np.array([values[order.index][a:b].astype(float).mean(axis=0) for a, b in pairwise(edges)])
    assert np.allclose(known[min(known)], np.quantile(means, np.linspace(0, 1, 257)), atol=1e-6)
    assert list(known) == sorted(known)


def test_a_good_order_has_colours_between_the_ends(shuffled):
    store, values, order = shuffled
    view = View((0, COLS), (0, ROWS), COLS, 100)
    frame = heat_frame(store, view, HeatLook(MatrixStyle(center=0.0), order))
    grid = frame.grid.to_numpy()
    full = (np.abs(grid) >= frame.scale.high).mean()
    assert full < 0.1
    assert frame.scale.high < np.abs(values).max() * 1.01
    # In the store's own order the means of a thousand rows are near each other, and have their own colours.
    assert heat_frame(store, view, HeatLook(MatrixStyle(center=0.0))).scale.high < 0.5 * frame.scale.high


def test_colours_are_those_of_the_order_and_the_zoom_not_of_the_window(shuffled):
    store, _, order = shuffled
    look = HeatLook(MatrixStyle(), order)
    one, other = (heat_frame(store, View((0, COLS), (low, low + 50_000), COLS, 50), look).scale for low in (0, 60_000))
    assert one == other


def test_of_a_large_matrix_some_blocks_are_looked_at(shuffled, monkeypatch):
    store, values, order = shuffled
    assert block_means(store, None, None, 257) == {}
    native = spread_of(store, 143.0)
    assert np.ptp(spread_of(store, 143.0, "mean", order).quantiles) > 2 * np.ptp(native.quantiles)
    monkeypatch.setattr("bigview.raster.orderspread._SAMPLE", 10_000_000)
    with override(exact_cells=1000):
        back = store.order("cols", index=np.arange(COLS)[::-1])
        (cells,), (found,) = zip(*block_means(store, order, back, 257).items(), strict=True)
        high = ROWS // 768
        assert cells == high  # a column is a block's width
        first = np.linspace(0, ROWS - high, ROWS // high).astype(int)
        means = np.array([values[order.index[at : at + high]].astype(float).mean(axis=0) for at in first])
        assert np.allclose(found, np.quantile(means, np.linspace(0, 1, 257)), atol=1e-6)
        monkeypatch.setattr("bigview.raster.orderspread._SAMPLE", 40_000)
        few = next(iter(block_means(store, order, store.order("cols", index=np.r_[1:COLS]), 257).values()))
        assert np.abs(np.subtract(few, found))[20:-20].max() < 0.15 * np.ptp(found)


def test_a_step_by_hand_changes_no_colour(shuffled):
    store, _, order = shuffled
    spec = Ordering("hand", "", base=None, moves=(Move(((60_000, 70_000),), 0),))
    view = View((0, COLS), (0, ROWS), COLS, 100)
    by_hand = order_of(store, "rows", spec)
    assert by_hand.coloured_as is None
    assert heat_frame(store, view, HeatLook(rows=by_hand)).scale == heat_frame(store, view, HeatLook()).scale
    moved = Order.of(np.roll(order.index, 500), ROWS).rearranging(order)
    assert heat_frame(store, view, HeatLook(rows=moved)).scale == heat_frame(store, view, HeatLook(rows=order)).scale
    assert moved != Order.of(moved.index, ROWS), "it has other colours"


def test_blocks_without_values_take_no_part(tmp_path):
    values = np.random.default_rng(0).normal(size=(3_000, 40)).astype(np.float32)
    values[100:130, 5:9] = np.nan
    store = bv.build_matrix(values, tmp_path / "m.bv", quiet=True)
    order = store.order("rows", index=np.r_[1_500:1_535, 0:1_500, 1_535:3_000])
    assert all(np.isfinite(found).all() for found in block_means(store, order, None, 257).values())
