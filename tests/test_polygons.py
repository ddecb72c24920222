"""Polygons: cells inside as a whole and rows tested one by one give what testing every row gives."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigview import config
from bigview.errors import OptionError
from bigview.spec import Filter
from bigview.store import polygons
from tests.strategies import axis_values
from tests.test_laws import stored


def obvious(x: np.ndarray, y: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Even-odd rule, row by row and edge by edge."""
    odd = np.zeros(len(x), bool)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, 1, 0), strict=True):
            odd ^= ((y0 > y) != (y1 > y)) & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return odd & np.isfinite(x) & np.isfinite(y)


@st.composite
def outlines(draw: st.DrawFn, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Draw a polygon: a lasso, a box, corners on rows, corners far away, crossing itself, flat."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    good = np.isfinite(x) & np.isfinite(y)
    points = np.stack([x[good], y[good]], 1) if good.any() else np.zeros((1, 2))
    low, span = points.min(0), np.maximum(np.ptp(points, 0), 1e-9)
    kind, size = draw(st.sampled_from(["lasso", "box", "rows", "star", "far", "flat", "large"])), draw(st.integers(3, 12))
    if kind == "lasso":
        angles = np.sort(rng.uniform(0, 2 * np.pi, 40))
        centre = points[rng.integers(len(points))]
        return centre + span * rng.uniform(0.05, 1.0) * np.stack([np.cos(angles), np.sin(angles)], 1) * rng.uniform(0.6, 1, (40, 1))
    if kind == "box":
        a, b = np.sort(rng.uniform(-0.1, 1.1, (2, 2)), 0) * span + low
        return np.array([a, (b[0], a[1]), b, (a[0], b[1])])
    if kind == "rows":
        return points[rng.integers(0, len(points), size)]
    if kind == "flat":
        return np.array([points[0], points[0] + span, points[0] + 2 * span])
    spread = {"star": 1.0, "far": draw(st.sampled_from([1e3, 1e9, 1e14])), "large": 1e200}[kind]
    return low + span * (0.5 + rng.normal(size=(size, 2)) * spread)


AXES = ("normal", "float32", "outlier", "whole", "equal", "mixed", "digits")


@given(st.data(), st.booleans())
def test_polygons_by_cells_and_by_rows(data: st.DataObject, small_bands: bool) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    rows = data.draw(st.sampled_from([0, 1, 70, 3_000]))
    kinds = data.draw(st.sampled_from(AXES)), data.draw(st.sampled_from(AXES))
    table = pd.DataFrame({"x": axis_values(kinds[0], rows, rng), "y": axis_values(kinds[1], rows, rng)})
    x, y = (table[name].to_numpy().astype(float) for name in "xy")
    with stored(table, cells=True, row_group=300) as store, pytest.MonkeyPatch.context() as patch:
        patch.setattr(polygons, "_BAND", 128 if small_bands else 1 << 20)
        for few in (0, 1 << 40):  # a grid wherever there is a level; none at all
            patch.setattr(polygons, "_FEW_CELLS", few)
            corners = data.draw(outlines(x, y))
            bits = polygons.polygon_bits(store.reader, tuple(map(tuple, corners.tolist())))
            found = np.sort(store.records(np.flatnonzero(np.unpackbits(bits.view(np.uint8), bitorder="little")), [])["__row"])
            np.testing.assert_array_equal(found, np.flatnonzero(obvious(x, y, corners)))


def test_a_polygon_of_very_many_corners() -> None:
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"x": rng.normal(size=5_000), "y": rng.normal(size=5_000)})
    angles = np.linspace(0, 2 * np.pi, 100_000, endpoint=False)
    ring = np.stack([np.cos(angles), np.sin(angles)], 1) * (1 + 0.2 * np.sin(40 * angles))[:, None]
    inside = np.hypot(table["x"], table["y"]) < 1 + 0.2 * np.sin(40 * np.arctan2(table["y"], table["x"]))
    with stored(table, cells=True) as store:
        assert abs(store.count(where=Filter(polygon=ring)) - inside.sum()) <= 2
        assert store.count(where=Filter(polygon=ring + 99)) == 0
        assert store.count(where=Filter(polygon=[(-99, -99), (99, -99), (99, 99), (-99, 99)])) == 5_000


def test_sets_of_rows_and_splits() -> None:
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"x": rng.normal(size=3_000), "y": rng.normal(size=3_000)})
    with stored(table, cells=True, row_group=100) as store, config.override(cache_bytes=1):
        wanted = rng.integers(-50, 4_000, 500)
        found = store.rows(where=Filter(rows=wanted), limit=4_000)["__row"]
        assert sorted(found) == sorted({row for row in wanted.tolist() if 0 <= row < 3_000})
        parts = [store.rows(where=Filter(split=(part, 5, 2)), limit=4_000)["__row"] for part in range(5)]
        assert sorted(pd.concat(parts)) == list(range(3_000))
        assert all(450 < len(part) < 750 for part in parts)


def test_corners_must_be_finite() -> None:
    with stored(pd.DataFrame({"x": [0.0], "y": [0.0]}), cells=False) as store, pytest.raises(OptionError, match="finite"):
        store.count(where=Filter(polygon=[(0, 0), (1, float("nan")), (1, 1)]))
