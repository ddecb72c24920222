"""Grids of a matrix in its own order equal NumPy's reductions, from the cells and from every level of the pyramid; nothing is lost at the edges."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bigview as bv
from bigview.config import override
from bigview.raster.matrixplanes import forget_planes
from bigview.raster.sides import MatrixSide

CASES = [
    ((1, 1), "f8", False),
    ((40, 7), "f4", True),
    ((3000, 1500), "f4", False),
    ((3000, 1500), "f8", True),
    ((1400, 3100), "u1", False),
    ((2100, 2100), "i4", True),
    ((90_001, 60), "f4", True),
    ((70, 70_000), "b1", False),
]
"""Shape, type, and whether a third of the cells is missing."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory):
    """Return a function that gives the matrix and the store of a shape and a type, built once."""
    kept = {}

    def get(shape, kind, holes):
        if (shape, kind, holes) not in kept:
            rng = np.random.default_rng(1)
            values = rng.normal(20, 40, shape)
            values = values > 0 if kind == "b1" else np.clip(values, 0, 200).astype(kind) if kind == "u1" else values.astype(kind)
            if holes:
                mask = rng.random(shape) < 0.3
                mask[: shape[0] // 3, : shape[1] // 2] = True
                values = np.ma.array(values, mask=mask) if kind[0] in "iub" else np.where(mask, np.nan, values).astype(kind)
            folder = tmp_path_factory.mktemp("m") / "m.bv"
            kept[shape, kind, holes] = values, bv.build_matrix(values, folder, quiet=True)
        return kept[shape, kind, holes]

    return get


def pixels(side: MatrixSide, step: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the pixel of each place by its own centre, and by that of the level's cell that it is in (-1 where that is not whole inside)."""
    edges, places = side.edges, np.arange(side.size)
    own = np.searchsorted(edges, places, "right") - 1
    own[(places < edges[0]) | (places >= edges[-1])] = -1
    cell = places // step
    whole = (cell * step >= edges[0]) & (np.minimum((cell + 1) * step, side.size) <= edges[-1])
    of_cell = np.searchsorted(edges, cell * step + step // 2, "right") - 1
    return own, np.where(whole, np.minimum(of_cell, side.pixels - 1), -1)


def reference(values, view, level, shape):
    """Return count, sum, least, greatest and standard deviation by the slow way."""
    y, x = (MatrixSide(*ends, size, n) for ends, size, n in ((view.y_range, view.height, shape[0]), (view.x_range, view.width, shape[1])))
    (own_y, cell_y), (own_x, cell_x) = pixels(y, level[0]), pixels(x, level[1])
    whole = (cell_y >= 0)[:, None] & (cell_x >= 0)
    py, px = np.where(whole, cell_y[:, None], own_y[:, None]), np.where(whole, cell_x, own_x)
    number = np.ma.filled(np.ma.asarray(values).astype("f8"), np.nan)
    there = (py >= 0) & (px >= 0) & ~np.isnan(number)
    key, plain, size = (py * view.width + px)[there], number[there], view.width * view.height
    count = np.bincount(key, minlength=size)
    total = np.bincount(key, plain, size)
    low, high = np.full(size, np.inf), np.full(size, -np.inf)
    np.minimum.at(low, key, plain)
    np.maximum.at(high, key, plain)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / count
        std = np.sqrt(np.bincount(key, (plain - mean[key]) ** 2, size) / count)
    found = {"count": count, "sum": total, "mean": mean, "min": low, "max": high, "std": std}
    return {name: plane.reshape(view.height, view.width) for name, plane in found.items()}


@given(data=st.data())
def test_grids_equal_the_slow_way(made, data):
    shape, kind, holes = data.draw(st.sampled_from(CASES))
    values, store = made(shape, kind, holes)
    ends = []
    for size in (shape[1], shape[0]):
        low = data.draw(st.sampled_from([0, 0, 0.3 * size, -0.1 * size, int(0.2 * size)]))
        pixels = data.draw(st.integers(1, max(1, min(int(size - max(low, 0)), 60))))
        high = max(low + pixels, data.draw(st.sampled_from([size, 0.9 * size, 1.2 * size, int(0.8 * size) + 1])))
        ends.append((low, high, pixels))
    view = bv.View(ends[0][:2], ends[1][:2], ends[0][2], ends[1][2])
    forget_planes()
    with override(exact_cells=data.draw(st.sampled_from([0, 10**9]))):
        std = store.aggregate(view, "std")
        grids = {name: store.aggregate(view, name) for name in ("count", "sum", "mean", "min", "max")} | {"std": std}
    number = std.attrs["level"]
    level = store.manifest.levels[number - 1] if number else None
    wanted = reference(values, view, (level.rows, level.cols) if level else (1, 1), shape)
    there = wanted["count"] > 0
    assert (grids["count"].to_numpy() == wanted["count"]).all()
    for name in ("sum", "mean", "min", "max", "std"):
        grid = grids[name].to_numpy()
        assert np.isnan(grid[~there]).all()
        assert np.allclose(grid[there], wanted[name][there], rtol=1e-6, atol=1e-6 if name == "std" else 1e-9), name
    assert std.attrs["error"] <= 0.25


@pytest.mark.parametrize("kind", ["f4", "f2", "i8"])
def test_whole_blocks_are_exact_from_a_level(made, kind):
    values, store = made((3000, 1500), kind, False)
    forget_planes()
    with override(exact_cells=600_000):
        grid = store.aggregate(bv.View((0, 1500), (200, 3000), 75, 140), "mean")
        assert (grid.attrs["level"], grid.attrs["error"]) == (1 + [level.rows for level in store.manifest.levels].index(4), 0.0)
    assert np.allclose(grid, values[200:].astype("f8").reshape(140, 20, 75, 20).mean((1, 3)), rtol=1e-6)


def test_infinite_values(tmp_path):
    values = np.ones((3000, 2000))
    values[7, 9], values[1500, 1500] = np.inf, -np.inf
    store = bv.build_matrix(values, tmp_path / "m.bv", quiet=True)
    facts = store.manifest.facts
    assert (facts["infinite"], facts["low"], facts["high"], facts["mean"]) == (2, 1.0, 1.0, 1.0)
    for cells in (0, 10**9):
        forget_planes()
        with override(exact_cells=cells):
            grid = store.aggregate(bv.View((0, 2000), (0, 3000), 50, 50), "mean").to_numpy()
        assert grid[0, 0] == np.inf
        assert grid[25, 37] == -np.inf
        assert (np.isfinite(grid)).sum() == 2498


def test_large_numbers_do_not_overflow(tmp_path):
    values = np.full((2100, 2100), 2**62, np.int64)
    store = bv.build_matrix(values, tmp_path / "m.bv", quiet=True)
    with override(exact_cells=0):
        grid = store.aggregate(bv.View((0, 2100), (0, 2100), 10, 10), "sum")
    assert np.isclose(grid.sum(), 2.0**62 * 2100**2, rtol=1e-12)
    assert store.manifest.facts["mean"] == 2.0**62
