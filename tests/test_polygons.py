"""Polygons: the search through the levels finds exactly the rows that a test of every row finds."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigview import config
from bigview.build.points import build_points
from bigview.config import override
from bigview.errors import OptionError
from bigview.spec import Filter
from bigview.store import polygons
from bigview.store.bits import unpack
from bigview.store.pages import PagedTable
from bigview.store.points import PointTable
from bigview.store.polygons import Lasso
from bigview.store.reader import X
from tests.strategies import axis_values
from tests.test_laws import stored

ROWS = 2_000
KINDS = {
    "clusters": ("normal", "normal"),
    "narrow": ("float32", "normal"),
    "digits": ("digits", "large"),
    "outlier": ("outlier", "normal"),
    "lattice": ("whole", "whole"),
    "gaps": ("mixed", "times"),
    "line": ("equal", "normal"),
    "tiny": ("tiny", "normal"),
    "huge": ("huge", "huge"),
}


def positions(kind: str, rng: np.random.Generator) -> np.ndarray:
    if kind == "tiny":
        return rng.normal(size=ROWS) * 1e-290
    if kind == "huge":
        return rng.normal(size=ROWS) * 1e200
    return axis_values(kind, ROWS, rng)


def table(kind: str) -> pd.DataFrame:
    rng = np.random.default_rng(8)
    x, y = KINDS[kind]
    found = pd.DataFrame({"x": positions(x, rng), "y": positions(y, rng)})
    found.loc[: ROWS // 5] = found.loc[[0] * (ROWS // 5 + 1)].to_numpy()  # many rows at one place
    return found.astype({"x": positions(x, rng).dtype, "y": positions(y, rng).dtype})


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, PointTable]:
    """Small row groups in several files."""
    folder = tmp_path_factory.mktemp("lasso")
    with override(row_group=64):
        for kind in KINDS:
            build_points(table(kind), str(folder / kind), x="x", y="y", quiet=True, partition_rows=600)
    return {kind: PointTable.open(str(folder / kind)) for kind in KINDS}


@pytest.fixture(scope="module", autouse=True)
def divide_to_the_end() -> object:
    """So few rows would all be tested one by one otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(polygons, "_FEW_ROWS", 1)
        patch.setattr(polygons, "_FEW_TESTS", 1)
        patch.setattr(polygons, "_MOST_EDGES", 40)
        patch.setattr(polygons, "_PIECES", 3)
        yield


@cache
def rows_of(store: PointTable) -> tuple[np.ndarray, np.ndarray]:
    axes = [store.manifest.x, store.manifest.y]
    frame = store.rows(limit=ROWS)
    return axes[0].encode(frame["x"].to_numpy()).astype(float), axes[1].encode(frame["y"].to_numpy()).astype(float)


def inside(x: np.ndarray, y: np.ndarray, outline: np.ndarray) -> np.ndarray:
    """The even-odd rule, each row against each edge."""
    odd = np.zeros(len(x), bool)
    with np.errstate(all="ignore"):
        for (x0, y0), (x1, y1) in zip(outline, np.roll(outline, 1, axis=0), strict=True):
            odd ^= ((y0 > y) != (y1 > y)) & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    (low_x, low_y), (high_x, high_y) = outline.min(axis=0), outline.max(axis=0)
    return odd & (low_x <= x) & (x <= high_x) & (low_y <= y) & (y <= high_y)


def corner_of(draw: st.DrawFn, store: PointTable, places: tuple[np.ndarray, np.ndarray], rng: np.random.Generator) -> tuple[float, float]:
    """Draw a corner: on a row, on the corner of a cell, beside either, anywhere, or far outside."""
    x, y = store.manifest.x, store.manifest.y
    kind = draw(st.sampled_from(["row", "row's x", "cell", "beside", "any", "any", "far"]))
    row = rng.integers(0, store.manifest.placed)
    a, b = float(places[0][row]), float(places[1][row])
    other = [float(rng.uniform(axis.low, np.nextafter(axis.high, np.inf))) for axis in (x, y)]
    if kind == "row's x":
        return a, other[1]
    if kind == "cell":
        level = draw(st.sampled_from([3, 5, 9, 20, 32]))
        return x.edge(x.cell(a, level), level), y.edge(y.cell(b, level), level)
    if kind == "beside":
        return float(np.nextafter(a, np.inf)), float(np.nextafter(b, -np.inf))
    if kind == "far":
        return other[0] * 1e3 + 5, other[1] * -1e3
    return (a, b) if kind == "row" else (other[0], other[1])


@st.composite
def outlines(draw: st.DrawFn, store: PointTable) -> np.ndarray:
    """Draw a polygon: any corners, mostly crossing itself; corners may repeat."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    places = rows_of(store)
    corners = [corner_of(draw, store, places, rng) for _ in range(draw(st.sampled_from([3, 4, 5, 9])))]
    for _ in range(draw(st.integers(0, 2))):
        corners.insert(int(rng.integers(0, len(corners))), corners[int(rng.integers(0, len(corners)))])
    if draw(st.booleans()):  # many corners on a ring
        angle = np.sort(rng.random(draw(st.sampled_from([30, 300]))) * 2 * np.pi)
        (cx, cy), (ex, ey) = corners[0], corners[1]
        reach = 1 + 0.3 * rng.random(len(angle))
        corners = list(zip(cx + (ex - cx) * reach * np.cos(angle), cy + (ey - cy) * reach * np.sin(angle), strict=True))
    return np.array(corners, np.float64)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_the_search_finds_what_a_test_of_every_row_finds(stores: dict[str, PointTable], kind: str, data: st.DataObject) -> None:
    store = stores[kind]
    outline = data.draw(outlines(store))
    if not np.isfinite(outline).all():
        return
    found = unpack(Lasso(store.reader, outline).bits(), 0, ROWS)
    np.testing.assert_array_equal(found, inside(*rows_of(store), outline))


def test_a_filter_takes_corners_as_the_axes_do(stores: dict[str, PointTable]) -> None:
    store = stores["gaps"]
    frame = store.rows(limit=ROWS)
    low, high = np.datetime64("2024-02-27", "us"), np.datetime64("2024-03-01", "us")
    corners = [(-1, low), (1, low), (1, high), (-1, high)]
    good = frame["x"].between(-1, 1) & (frame["y"] > low) & (frame["y"] < high)
    assert store.count(where=Filter(polygon=corners)) == good.sum() > 0
    assert store.count(where=Filter(polygon=[(str, low), *corners][1:])) == good.sum()
    with pytest.raises(OptionError, match="finite"):
        store.count(where=Filter(polygon=[(0, low), (np.inf, low), (0, high)]))


def test_what_no_edge_touches_is_not_read(stores: dict[str, PointTable], monkeypatch: pytest.MonkeyPatch) -> None:
    store = stores["clusters"]
    asked: list[str] = []
    pinned = PagedTable.pinned

    def watched(table: PagedTable, names: list[str], groups: np.ndarray) -> object:
        asked.extend(names)
        return pinned(table, names, groups)

    monkeypatch.setattr(PagedTable, "pinned", watched)
    square = np.array([(-99, -99), (99, -99), (99, 99), (-99, 99)], float)
    assert unpack(Lasso(store.reader, square).bits(), 0, ROWS).all()
    assert not unpack(Lasso(store.reader, square + 500).bits(), 0, ROWS).any()
    assert X not in asked


def test_an_empty_store_and_one_row(tmp_path: object) -> None:
    square = Filter(polygon=[(0, 0), (1, 0), (1, 1), (0, 1)])
    for name, values in {"none": [], "one": [0.5], "lost": [np.nan]}.items():
        frame = pd.DataFrame({"x": np.array(values, float), "y": np.array(values, float)})
        build_points(frame, f"{tmp_path}/{name}", x="x", y="y", quiet=True)
        assert PointTable.open(f"{tmp_path}/{name}").count(where=square) == (name == "one")


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
