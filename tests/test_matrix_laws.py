"""The laws of every kind of matrix: cells are conserved, grids are NumPy's, what is not exact says so, and colours keep their meaning."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import datashader as ds
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import bigview as bv
from bigview.config import override
from bigview.raster.matrixgrid import quick_matrix
from bigview.raster.matrixplanes import forget_planes

KINDS = ["dense", "half", "masked", "boolean", "sparse", "similarity", "comparison"]
REDUCTIONS = {"mean": ds.mean(), "min": ds.min(), "max": ds.max(), "sum": ds.sum(), "count": ds.count(), "std": ds.std()}
SIDE = 90


def matrix(kind: str, folder) -> tuple[bv.MatrixStore, np.ndarray]:
    """Return a store of a kind, and all of its cells as float64 with NaN where one is missing."""
    rng = np.random.default_rng(7)
    values = rng.normal(3, 20, (SIDE, SIDE - 20))
    holes = rng.random(values.shape) < 0.2
    build = lambda source, name="m.bv": bv.build_matrix(source, folder / name, quiet=True)  # noqa: E731
    if kind in ("dense", "half"):
        values = np.where(holes, np.nan, values).astype("f4" if kind == "dense" else "f2")
        return build(values), values.astype("f8")
    if kind == "masked":
        values = values.astype("i4")
        return build(np.ma.array(values, mask=holes)), np.where(holes, np.nan, values)
    if kind == "boolean":
        return build(values > 0), (values > 0).astype("f8")
    if kind == "sparse":
        kept = np.where(holes, np.round(values), 0)
        kept[3, 4] = np.nan
        return build(sparse.csr_array(kept)), kept
    if kind == "similarity":
        vectors = rng.normal(size=(SIDE, 5))
        length = np.linalg.norm(vectors, axis=1)
        return bv.similarity(vectors, folder / "m.bv", quiet=True), vectors @ vectors.T / np.outer(length, length)
    other = np.where(rng.random(values.shape) < 0.1, np.nan, rng.normal(size=values.shape))
    one = np.where(holes, np.nan, values)
    return bv.compare(build(one, "a.bv"), build(other, "b.bv"), folder / "m.bv"), one - other


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory):
    """Return a function that gives the store of a kind, built once."""
    kept = {}

    def get(kind):
        if kind not in kept:
            kept[kind] = matrix(kind, tmp_path_factory.mktemp(kind))
        return kept[kind]

    return get


def cells_of(low: float, high: float, pixels: int, size: int) -> list[np.ndarray]:
    """The displayed places of each pixel: those whose centre is in it; where a pixel is smaller than a cell, the one under the pixel's own."""
    step, places = (high - low) / pixels, np.arange(size)
    if step < 1:
        under = np.floor(low + (np.arange(pixels) + 0.5) * step)
        return [places[places == place] for place in under]
    edges = low + np.arange(pixels + 1) * step
    return [places[(places + 0.5 >= a - 1e-9 * step) & (places + 0.5 < b - 1e-9 * step)] for a, b in pairwise(edges)]


@st.composite
def asked(draw, shape):
    """Draw a view and an order of each axis, whole, partial or none."""
    orders, ends = [], []
    for size in shape:
        rng = np.random.default_rng(draw(st.integers(0, 99)))
        orders.append(draw(st.sampled_from([None, rng.permutation(size), rng.permutation(size)[: 1 + size // 3]])))
        count = size if orders[-1] is None else len(orders[-1])
        low = draw(st.sampled_from([0.0, 0.3 * count, -0.2 * count, 7.25]))
        span = draw(st.sampled_from([count, 1.4 * count, 0.37 * count, 4.5]))
        ends.append((low, low + span, draw(st.integers(1, 9))))
    (y0, y1, height), (x0, x1, width) = ends
    return bv.View((x0, x1), (y0, y1), width, height), orders


def slow(whole: np.ndarray, view: bv.View, orders, name: str) -> np.ndarray:
    """The obvious way."""
    put = whole[np.ix_(*(np.arange(size) if order is None else order for order, size in zip(orders, whole.shape, strict=True)))]
    down = cells_of(*map(float, view.y_range), view.height, put.shape[0])
    across = cells_of(*map(float, view.x_range), view.width, put.shape[1])
    out = np.full((view.height, view.width), 0 if name == "count" else np.nan)
    for p, rows in enumerate(down):
        for k, cols in enumerate(across):
            block = put[np.ix_(rows, cols)]
            block = block[~np.isnan(block)]
            if name == "count":
                out[p, k] = len(block)
            elif len(block):
                out[p, k] = getattr(np, name)(block)
    return out


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@settings(deadline=None, max_examples=12)
def test_conserved_equal_to_numpy_and_labelled(made, kind, data):
    store, whole = made(kind)
    view, orders = data.draw(asked(whole.shape))
    chosen = [None if index is None else store.order(side, index=index) for side, index in zip(("rows", "cols"), orders, strict=True)]
    for name, reduction in REDUCTIONS.items():
        grid = store.aggregate(view, agg=reduction, rows=chosen[0], cols=chosen[1])
        expected = slow(whole, view, orders, name)
        assert np.allclose(grid, expected, rtol=1e-6, atol=1e-6, equal_nan=True), name
        assert grid.attrs["bounds"] == (*map(float, view.x_range), *map(float, view.y_range))
        assert grid.attrs["exact"]
        assert grid.attrs["error"] <= 0.25
        if name == "count":
            assert np.array_equal(grid, expected)
    quick = quick_matrix(store, view, "mean", *chosen)
    assert quick is None or (not quick.attrs["exact"] and quick.attrs["standard_error"] >= 0)


@pytest.mark.parametrize("kind", KINDS)
def test_the_sum_over_a_grid_is_that_of_the_cells(made, kind):
    store, whole = made(kind)
    rows, cols = (
        store.order(side, index=np.random.default_rng(1).permutation(size)) for side, size in zip(("rows", "cols"), whole.shape, strict=True)
    )
    for width, height in ((1, 1), (7, 5), (23, 31), (whole.shape[1], whole.shape[0])):
        view = bv.View((0, whole.shape[1]), (0, whole.shape[0]), width, height)
        for orders in ((None, None), (rows, None), (rows, cols)):
            assert store.aggregate(view, "count", *orders).sum() == (~np.isnan(whole)).sum()
            assert np.isclose(np.nansum(store.aggregate(view, "sum", *orders)), np.nansum(whole), rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_pixels_from_threads_and_copies(made, kind):
    store, whole = made(kind)
    views = [bv.View((low, low + 30.5), (0, whole.shape[0]), 20, 25) for low in range(8)]
    alone = [store.aggregate(view, "std").to_numpy() for view in views]
    copy = pickle.loads(pickle.dumps(store))
    with ThreadPoolExecutor(4) as pool:
        for view, grid, expected in zip(views, pool.map(lambda view: copy.aggregate(view, "std").to_numpy(), views), alone, strict=True):
            forget_planes()
            assert np.array_equal(grid, expected, equal_nan=True), view


@pytest.mark.parametrize("kind", KINDS)
def test_panning_keeps_the_scale(made, kind):
    store, _ = made(kind)
    frames = [store.frame(bv.View((low, low + 45), (-low - 30, -low), 15, 10)) for low in (0, 9, 21)]
    scales = {(frame.cells, frame.scale) for frame in frames}
    assert len(scales) == 1
    order = store.order("rows", index=np.arange(store.shape[0])[::-1])
    assert store.frame(bv.View((0, 45), (-30, 0), 15, 10), rows=order).scale == frames[0].scale


@given(data=st.data())
@settings(deadline=None, max_examples=15)
def test_categories(tmp_path_factory, data):
    names = [f"kind {number}" for number in range(data.draw(st.sampled_from([2, 7, 40])))]
    rng = np.random.default_rng(3)
    codes = rng.integers(-1, len(names), (60, 50))
    store = bv.build_matrix(codes, tmp_path_factory.mktemp("c") / "m.bv", categories=names, quiet=True)
    view, orders = data.draw(asked(codes.shape))
    chosen = [None if index is None else store.order(side, index=index) for side, index in zip(("rows", "cols"), orders, strict=True)]
    put = codes[np.ix_(*(np.arange(size) if order is None else order for order, size in zip(orders, codes.shape, strict=True)))]
    with override(exact_cells=data.draw(st.sampled_from([0, 10**9]))):
        grid, count = (store.aggregate(view, name, *chosen).to_numpy() for name in ("mode", "count"))
    for p, rows in enumerate(cells_of(*map(float, view.y_range), view.height, put.shape[0])):
        for k, cols in enumerate(cells_of(*map(float, view.x_range), view.width, put.shape[1])):
            block = put[np.ix_(rows, cols)]
            counts = np.bincount(block[block >= 0], minlength=len(names))
            expected = [counts.argmax(), counts.max(), counts.sum()] if counts.any() else [-1, 0, 0]
            assert grid[p, k].tolist() == expected
            assert count[p, k] == counts.sum()
