"""The laws of the contract, on random tables, views and expressions, against Datashader, NumPy, pandas and DuckDB."""

import tempfile
import tracemalloc
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

import datashader as ds
import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bigview import config
from bigview.build.points import build_points
from bigview.errors import ViewError
from bigview.raster import aggregate as aggregate_module
from bigview.raster.aggregate import aggregate
from bigview.raster.plan import Lattice
from bigview.spec import Filter, View, by, dominant
from bigview.store import loose
from bigview.store.points import PointTable
from tests.strategies import axis_values, expressions, tables, views


@contextmanager
def stored(table: pd.DataFrame, cells: bool, row_group: int = 131_072) -> Iterator[PointTable]:
    """Build a store of a table; with `cells` its frames are drawn from levels even where it is small."""
    changed = {"exact_rows": 0 if cells else 1 << 40, "cell_rows": 1 if cells else 6, "row_group": row_group}
    with tempfile.TemporaryDirectory() as folder, config.override(**changed):
        build_points(table, f"{folder}/s.bv", x="x", y="y", quiet=True)
        yield PointTable.open(f"{folder}/s.bv")


def numbers(values: pd.Series) -> np.ndarray:
    """Positions as float64, datetimes as whole microseconds."""
    plain = values.to_numpy()
    return plain.astype("M8[us]").astype("i8") if plain.dtype.kind == "M" else plain


def inside(table: pd.DataFrame, x_range: tuple, y_range: tuple) -> np.ndarray:
    """Whether each row lies in half-open ranges that include the table's own maximum: the obvious version."""
    keep = np.ones(len(table), bool)
    placed = np.isfinite(numbers(table["x"])) & np.isfinite(numbers(table["y"]))
    for name, (low, high) in (("x", x_range), ("y", y_range)):
        values = table[name].to_numpy()
        top = values[placed].max() if placed.any() else None
        keep &= (values >= low) & ((values < high) | ((values == high) & (top == high)))
    return keep & placed


@given(st.data(), st.booleans())
def test_conservation(data: st.DataObject, cells: bool) -> None:
    table = data.draw(tables())
    with stored(table, cells) as store:
        view = data.draw(views(table))
        where = data.draw(st.none() | expressions())
        grid = aggregate(store, view, ds.count(), where)
        assert grid.shape == (view.height, view.width)
        x0, x1, y0, y1 = grid.attrs["bounds"]
        own = View((x0, x1), (y0, y1))
        total = int(grid.sum())
        assert total == store.count(own, where)
        if where is None:
            assert total == inside(table, (x0, x1), (y0, y1)).sum()
        split = aggregate(store, view, by("lang"), where)
        known = "lang IS NOT NULL"
        assert int(split.sum()) == store.count(own, Filter([known, where] if where else known))
        most = aggregate(store, view, dominant("lang"), where).to_numpy()
        np.testing.assert_array_equal(most[:, :, 2], grid)
        if split.shape[2]:
            np.testing.assert_array_equal(most[:, :, 1], split.max(split.dims[2]))
            np.testing.assert_array_equal(most[:, :, 0], np.where(most[:, :, 1] > 0, split.to_numpy().argmax(2), -1))


@given(st.data())
def test_panning_keeps_the_size_of_a_pixel(data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    with stored(pd.DataFrame({"x": rng.normal(size=500), "y": rng.normal(size=500)}), cells=True) as store:
        span = data.draw(st.floats(1e-3, 20))
        for shift in rng.normal(size=20):
            view = View((shift, shift + span), (0.5 - shift, 0.5 - shift + 3 * span), 90, 70)
            lattice = Lattice.of(store.manifest, view)
            first = Lattice.of(store.manifest, View((0.1, 0.1 + span), (0.2, 0.2 + 3 * span), 90, 70))
            assert (lattice.x.cells, lattice.y.cells, lattice.level) == (first.x.cells, first.y.cells, first.level)
            for side, (low, high) in ((lattice.x, view.x_range), (lattice.y, view.y_range)):
                pixel = (high - low) / side.pixels
                assert low - pixel <= side.low <= low
                assert high <= side.high <= high + pixel


def ambiguous(table: pd.DataFrame, view: View) -> int:
    """Count rows that lie so near to an edge of a pixel that rounding decides."""
    near = np.zeros(len(table), bool)
    for name, (low, high), pixels in (("x", view.x_range, view.width), ("y", view.y_range, view.height)):
        values, low, high = numbers(table[name]).astype(float), *(float(numbers(pd.Series([end]))[0]) for end in (low, high))
        place = (values - low) / (high - low) * pixels
        ulp = np.spacing(np.maximum(np.abs(values), max(abs(low), abs(high)))) / (high - low) * pixels
        with np.errstate(invalid="ignore"):
            near |= np.abs(place - np.round(place)) <= 8 * ulp + 1e-12
    return int(near.sum())


@settings(max_examples=12)
@given(st.data())
def test_fidelity_to_datashader(data: st.DataObject) -> None:
    kinds = ("normal", "outlier", "equal", "mixed")
    table = data.draw(tables(kinds, kinds))
    with stored(table, cells=False) as store:
        view = data.draw(views(table))
        drawn = table.assign(lang=pd.Categorical(table["lang"], categories=list(store.reader.categories("lang"))))
        canvas = ds.Canvas(view.width, view.height, view.x_range, view.y_range)
        doubtful = ambiguous(table, view)
        mine, theirs = aggregate(store, view), canvas.points(drawn, "x", "y", ds.count())
        assert mine.dtype == theirs.dtype
        assert np.abs(mine.to_numpy().astype(int) - theirs.to_numpy().astype(int)).sum() <= 2 * doubtful
        np.testing.assert_allclose(mine["x"], theirs["x"], rtol=1e-12)
        if doubtful:
            return
        for reduction in (ds.any(), ds.count("zipf"), ds.min("zipf"), ds.max("zipf")):
            mine, theirs = aggregate(store, view, reduction), canvas.points(drawn, "x", "y", reduction)
            assert mine.dtype == theirs.dtype, reduction
            np.testing.assert_array_equal(mine, theirs)
        for reduction in (ds.sum("zipf"), ds.mean("zipf"), ds.std("zipf"), ds.var("zipf")):
            mine, theirs = aggregate(store, view, reduction), canvas.points(drawn, "x", "y", reduction)
            np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-9)
        # Datashader counts a missing category as the last one, which is a slip of its indexing.
        known = drawn.dropna(subset=["lang"])
        if len(known):
            for reduction in (ds.count_cat("lang"), ds.by("lang", ds.mean("zipf"))):
                mine, theirs = aggregate(store, view, reduction), canvas.points(known, "x", "y", reduction)
                np.testing.assert_allclose(mine, theirs, rtol=1e-6)


def test_fidelity_of_float32_positions() -> None:
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"x": axis_values("float32", 3000, rng), "y": axis_values("float32", 3000, rng)})
    with stored(table, cells=False) as store:
        for _ in range(20):
            (x, y), half = rng.normal(size=2), rng.random() * 2 + 0.01
            view = View((x - half, x + half), (y - half, y + half), 31, 17)
            theirs = ds.Canvas(31, 17, view.x_range, view.y_range).points(table, "x", "y", ds.count())
            assert np.abs(aggregate(store, view).to_numpy().astype(int) - theirs.to_numpy()).sum() <= 2 * ambiguous(table, view)


@given(tables())
def test_nothing_is_lost(table: pd.DataFrame) -> None:
    with stored(table, cells=False) as store:
        found = store.rows(limit=10_000).sort_values("__row").reset_index(drop=True)
        assert store.count() == len(table) == len(found)
        assert found["__row"].tolist() == list(range(len(table)))
        for name in table.columns:
            mine, theirs = found[name].astype(object), table[name].astype(object)
            assert [(a == b) or (pd.isna(a) and pd.isna(b)) for a, b in zip(mine, theirs, strict=True)] == [True] * len(table), name
        placed = np.isfinite(numbers(table["x"])) & np.isfinite(numbers(table["y"]))
        assert store.manifest.placed == placed.sum()
        assert store.manifest.rows == len(table)


@settings(max_examples=15)
@given(st.data(), st.booleans())
def test_a_filter_means_the_same_everywhere(data: st.DataObject, cells: bool) -> None:
    table = data.draw(tables())
    where = data.draw(expressions())
    source = table.astype({"lang": "string", "text": "string"}).reset_index(names="__row")
    with duckdb.connect() as connection:
        connection.register("source", source)
        expected = {row for (row,) in connection.execute(f"SELECT __row FROM source WHERE {where}").fetchall()}
    with stored(table, cells) as store:
        assert store.count(where=where) == len(expected)
        assert set(store.rows(where=where, limit=10_000)["__row"]) == expected
        view = data.draw(views(table))
        keep = inside(table, view.x_range, view.y_range) & table.index.isin(expected)
        assert store.count(view, where) == keep.sum()
        assert set(store.rows(view, where, limit=10_000)["__row"]) == set(table.index[keep])
        histogram = store.histogram("zipf", 8, view, where)
        assert histogram.counts.sum() + histogram.missing == keep.sum()
        values = table["zipf"][keep].dropna().to_numpy(np.float64)
        np.testing.assert_array_equal(histogram.counts, np.histogram(values, histogram.edges)[0])
        counts = store.category_counts("lang", view, where)
        assert counts.to_dict() == table["lang"][keep].value_counts().to_dict()
        assert list(counts) == sorted(counts, reverse=True)


@given(st.data())
def test_polygons_rows_and_splits(data: st.DataObject) -> None:
    from matplotlib.path import Path

    table = data.draw(tables(("normal",), ("normal", "float32")))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    corners = np.random.default_rng([len(table), 7]).normal(size=(5, 2))
    chosen = [] if table.empty else sorted({int(row) for row in rng.integers(0, len(table), 9)})
    with stored(table, cells=False) as store:
        found = set(store.rows(where=Filter(polygon=corners), limit=10_000)["__row"])
        # Even-odd, as the union of the parity of crossings; Path fills by winding, so compare on a convex outline.
        hull = corners[np.argsort(np.arctan2(*(corners - corners.mean(0)).T))][:3]
        triangle = set(store.rows(where=Filter(polygon=hull), limit=10_000)["__row"])
        assert triangle == {row for row in range(len(table)) if Path(hull).contains_point(table.loc[row, ["x", "y"]].tolist())}
        assert found <= set(range(len(table)))
        assert sorted(store.rows(where=Filter(rows=chosen), limit=10_000)["__row"]) == chosen
        parts = [set(store.rows(where=Filter(split=(part, 3)), limit=10_000)["__row"]) for part in range(3)]
        assert sum(map(len, parts)) == len(table)
        assert set().union(*parts) == set(range(len(table)))


@given(st.data())
def test_nearest(data: st.DataObject) -> None:
    table = data.draw(tables(("normal", "float32", "outlier", "equal", "mixed"), ("normal", "outlier")))
    with stored(table, cells=False) as store:
        x, y = data.draw(st.floats(-3, 3)), data.draw(st.floats(-3, 3))
        distance = np.hypot(table["x"].astype(float) - x, table["y"].astype(float) - y)
        distance = distance[np.isfinite(distance)].sort_values(kind="stable")
        found = store.nearest(x, y, k=4)
        np.testing.assert_allclose(found["distance"], distance.iloc[:4], rtol=1e-12)
        assert set(found["__row"]) <= set(distance.index[distance <= distance.iloc[: len(found)].max()]) if len(found) else distance.empty
        most = data.draw(st.sampled_from([0.0, 1e-9, 0.1, 1.0, 7.5, 1e30]))
        near = store.nearest(x, y, k=4, within=most)
        np.testing.assert_array_equal(near["distance"], found["distance"][found["distance"] <= most])


@pytest.mark.parametrize("pixels", [97, 131, 160, 173, 211])
def test_smooth_density_shows_no_woven_pattern(pixels: int) -> None:
    """Cells that do not divide the pixel: column sums stay true, and a pixel errs less than chance does (law 2)."""
    rng = np.random.default_rng(pixels)
    rows = 400_000
    table = pd.DataFrame({"x": rng.random(rows), "y": rng.random(rows)})
    with stored(table, cells=True) as store:
        grid = aggregate(store, View((0.05, 0.95), (0.05, 0.95), pixels, pixels))
        assert 0 < grid.attrs["error"] <= 0.5
        x0, x1, y0, y1 = grid.attrs["bounds"]
        truth = ds.Canvas(pixels, pixels, (x0, x1), (y0, y1)).points(table, "x", "y", ds.count()).to_numpy().astype(float)
        mine = grid.to_numpy().astype(float)
        expected = rows * (x1 - x0) * (y1 - y0) / pixels**2
        assert np.sqrt(np.mean((mine - truth) ** 2)) < np.sqrt(expected)
        for axis in (0, 1):
            mine_sums, true_sums = mine.sum(axis), truth.sum(axis)
            assert np.abs(mine_sums / true_sums - 1).max() < 0.1
            # A weave would show as variance of the sums beyond that of the truth.
            assert mine_sums[1:-1].std() < 1.5 * true_sums[1:-1].std() + np.sqrt(expected)
        assert mine.std() < 1.2 * truth.std()


def test_a_view_of_nothing_is_an_error() -> None:
    for ranges in (((1, 0), (0, 1)), ((0, 0), (0, 1)), ((0, np.nan), (0, 1)), ((0, np.inf), (0, 1)), (("a", 1), (0, 1)), (3, (0, 1))):
        with pytest.raises(ViewError):
            View(*ranges)
    for size in ((0, 1), (1, -1), (1.5, 2), (True, 2)):
        with pytest.raises(ViewError):
            View((0, 1), (0, 1), *size)


@given(st.data())
def test_rows_without_cells_are_the_same_however_they_are_packed(data: st.DataObject) -> None:
    table = data.draw(tables())
    with stored(table, cells=True, row_group=7) as store:
        view, where = data.draw(views(table)), data.draw(st.none() | expressions())
        packed = [aggregate(store, view, agg, where) for agg in ("count", dominant("lang"))]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(loose, "_FEWEST", data.draw(st.sampled_from([1, 20])))
            patch.setattr(loose, "_COMMON", data.draw(st.sampled_from([0.0, 2.0])))
            patch.setattr(aggregate_module, "_kept", OrderedDict())
            for grid, agg in zip(packed, ("count", dominant("lang")), strict=True):
                np.testing.assert_array_equal(grid, aggregate(PointTable.open(store.reader.folder.url), view, agg, where))


def test_a_strip_of_an_axis_with_outliers_takes_no_memory() -> None:
    """Cells of a fitting height would be 2 ** 31 along the strip."""
    table = pd.DataFrame({"x": np.linspace(0, 1, 500).repeat(2), "y": np.tile([0.25, 0.25, 0.5, 0.5], 250)})
    table.loc[len(table)] = [0.5, 4e9]
    with stored(table, True) as store:
        assert max(level.level for level in store.manifest.levels) > 20
        view = View((0, 1), (0, 1), 30, 20)
        tracemalloc.start()
        try:
            grid = aggregate(store, view)
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert int(grid.sum()) == 1000
        np.testing.assert_array_equal(grid, np.histogram2d(table["y"], table["x"], (20, 30), ((0, 1), (0, 1)))[0])
        assert most < 1 << 27


def test_a_grid_that_ends_at_the_greatest_value_holds_it() -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({name: rng.integers(-5, 6, 400) for name in ("x", "y")})
    with stored(table, True) as store:
        for span in range(9, 30):
            for view in (View((-7, span - 7), (-22, 19), 1, 17), View((-22, 19), (-7, span - 7), 17, 1)):
                grid = aggregate(store, view)
                x0, x1, y0, y1 = grid.attrs["bounds"]
                assert int(grid.sum()) == store.count(View((x0, x1), (y0, y1)))
