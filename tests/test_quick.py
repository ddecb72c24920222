"""Quick pictures: rows of pixels exact, colours proven where they say so, and near the truth elsewhere."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigview import config
from bigview.errors import ColumnError
from bigview.raster import quick
from bigview.raster.aggregate import aggregate, dominant_counts
from bigview.spec import View
from bigview.store.points import PointTable
from tests.strategies import AXES, axis_values, tables, views
from tests.test_summaries import deep, summarised


def both(store: PointTable, view: View, column: str) -> "tuple[np.ndarray, np.ndarray, np.ndarray] | None":
    """Return the quick planes, the exact ones, and the pixels that are sure."""
    plan = quick._Plan.of(store, view, f"{column}_top1")
    if plan is None:
        return None
    grid, _, sure = quick._labelled_dominant(store, plan, column)
    exact, _ = dominant_counts(store, view, column)
    assert grid.dims == exact.dims
    assert grid.shape == exact.shape
    assert grid.dtype == exact.dtype
    for name in grid.coords:
        np.testing.assert_array_equal(grid[name], exact[name])
    assert grid.attrs["bounds"] == exact.attrs["bounds"]
    assert (grid.attrs["exact"], exact.attrs["exact"]) == (False, True)
    assert grid.attrs["error"] >= exact.attrs["error"]
    return grid.to_numpy(), exact.to_numpy(), sure


@st.composite
def patches(draw: st.DrawFn) -> pd.DataFrame:
    """Draw rows whose categories lie in patches, with some noise: then there is something to be sure of."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    rows = draw(st.sampled_from([300, 2000]))
    table = pd.DataFrame({name: axis_values(draw(st.sampled_from(AXES)), rows, rng) for name in ("x", "y")})
    kinds = draw(st.sampled_from([1, 2, 9]))
    label = (table["x"].rank(pct=True).fillna(0).to_numpy() * kinds).astype(int).astype(str).astype(object)
    noise = draw(st.sampled_from([0.0, 0.03, 0.4]))
    label = np.where(rng.random(rows) < noise, rng.choice(label, rows), label)
    return table.assign(label=np.where(rng.random(rows) < noise / 2, None, label), flag=rng.random(rows) < noise)


@st.composite
def inner_views(draw: st.DrawFn, table: pd.DataFrame) -> View:
    """Draw a view from one row's place to another's."""
    ranges = []
    for name in ("x", "y"):
        placed = table[name][np.isfinite(table[name].astype("i8" if table[name].dtype.kind == "M" else float))].sort_values().tolist()
        low, high = (placed[int(len(placed) * draw(st.sampled_from(shares)))] for shares in ([0, 0.1, 0.3], [0.35, 0.7, 0.99]))
        if not low < high:
            return draw(views(table))
        ranges.append((low, high))
    size = st.sampled_from([2, 5, 13, 40])
    return View(*ranges, draw(size), draw(size))


@given(st.data(), st.sampled_from(["label", "flag"]), st.sampled_from([None, None, None, None, 170]))
def test_what_is_sure_is_true(data: st.DataObject, column: str, bucket: "int | None") -> None:
    table = data.draw(patches())
    with config.override(cell_rows=1), summarised(table, categories=["label"], partition_rows=bucket) as store:
        found = both(store, data.draw(inner_views(table)), column)
        if found is None:
            return
        mine, exact, sure = found
        np.testing.assert_array_equal(mine[:, :, 2], exact[:, :, 2])
        np.testing.assert_array_equal(mine[:, :, 0][sure], exact[:, :, 0][sure])
        empty = exact[:, :, 2] == 0
        assert (mine[empty] == [-1, 0, 0]).all()
        assert not sure[empty].any()
        assert (mine[:, :, 1] <= mine[:, :, 2]).all()
        assert ((mine[:, :, 1] > 0) == (mine[:, :, 0] >= 0)).all()


def blocks(rows: int) -> pd.DataFrame:
    """Return rows whose category depends on their place: eight broad stripes."""
    rng = np.random.default_rng(rows)
    x, y = rng.random(rows).astype("f4"), rng.random(rows).astype("f4")
    return pd.DataFrame({"x": x, "y": y, "stripe": np.floor(x * 8).astype(int).astype(str), "height": y})


def test_broad_stripes_are_proven() -> None:
    with summarised(blocks(60_000), categories=["stripe"]) as store:
        for pixels in (30, 41, 55):
            mine, exact, sure = both(store, View((0.01, 0.9), (0.03, 0.97), pixels, pixels), "stripe")
            assert sure.mean() > 0.5
            assert (mine[:, :, 0] == exact[:, :, 0]).mean() > 0.93
            share, truth = (planes[:, :, 1] / planes[:, :, 2] for planes in (mine, exact))
            assert np.abs(share - truth).mean() < 0.05
        grid, totals = quick.quick_dominant(store, View((0, 1), (0, 1), 40, 40), "stripe")
        truth = store.category_counts("stripe").sort_index().to_numpy()
        names = store.reader.categories("stripe")
        np.testing.assert_allclose(totals[np.argsort(names)], truth, rtol=0.05)
        assert grid.attrs["unsure"] < 0.05
        assert 0 < grid.attrs["doubtful"] < 0.6


def test_means_are_near() -> None:
    with summarised(blocks(60_000)) as store:
        view = View((0.01, 0.9), (0.03, 0.97), 40, 40)
        mine, exact = quick.quick_mean(store, view, "height"), aggregate(store, view, "mean:height")
        assert mine.dims == exact.dims
        assert mine.dtype == exact.dtype
        assert not mine.attrs["exact"]
        np.testing.assert_array_equal(np.isnan(mine), np.isnan(exact))
        assert float(np.abs(mine - exact).max()) < 1.5 * mine.attrs["error"] / 40
        assert quick.quick_mean(store, view, "x") is None  # positions have no summary


@given(st.data())
def test_means_lie_within_the_values(data: st.DataObject) -> None:
    table = data.draw(tables())
    with config.override(cell_rows=1), summarised(table) as store:
        view = data.draw(views(table))
        mine = quick.quick_mean(store, view, "zipf")
        if mine is None:
            return
        rows = aggregate(store, view).to_numpy()
        assert np.isnan(mine.to_numpy()[rows == 0]).all()
        there = mine.to_numpy()[~np.isnan(mine)]
        assert ((there >= table["zipf"].min() - 1e-5) & (there <= table["zipf"].max() + 1e-5)).all()


def test_colours_at_every_zoom() -> None:
    """Cells of several buckets, gaps between the cells, and cells larger than pixels: no pixel with rows lacks a colour."""
    with config.override(summary_cells=3000), summarised(deep(20_000).fillna({"label": "a"}), partition_rows=3000) as store:
        seen = set()
        for span in (4000, 12, 5, 2.5, 1.2, 0.6):
            grid_and_totals = quick.quick_dominant(store, View((1 - span, 1 + span), (1 - span, 1 + span), 50, 40), "label")
            if grid_and_totals is None:
                continue
            planes = grid_and_totals[0].to_numpy()
            assert ((planes[:, :, 0] >= 0) == (planes[:, :, 2] > 0)).all()
            seen.add(round(grid_and_totals[0].attrs["error"]))
        assert max(seen) >= 3


def test_where_it_does_not_pay_there_is_none() -> None:
    with summarised(blocks(5000), categories=["stripe"]) as store:
        view = View((0, 1), (0, 1), 20, 20)
        assert quick.quick_dominant(store, view, "stripe") is not None
        with config.override(quick_rows=1_000_000):
            assert quick.quick_dominant(store, view, "stripe") is None
        with config.override(exact_rows=10_000):
            assert quick.quick_dominant(store, view, "stripe") is None
        assert quick.quick_dominant(store, View((0, 1e-4), (0, 1e-4), 900, 900), "stripe") is None
        with pytest.raises(ColumnError):
            quick.quick_dominant(store, view, "strip")


@given(st.data())
def test_rows_about(data: st.DataObject) -> None:
    table = data.draw(tables())
    with summarised(table) as store:
        view = data.draw(views(table))
        assert 0 <= quick.rows_about(store, view) <= store.manifest.placed


def test_rows_about_are_near() -> None:
    with summarised(blocks(20_000)) as store:
        for low, high in ((0, 1), (0.2, 0.9), (-3, 0.4), (0.1, 4)):
            view = View((low, high), (low, high))
            assert quick.rows_about(store, view) == pytest.approx(store.count(view), rel=0.3)
        assert quick.rows_about(store, View((3, 4), (0, 1))) == 0
