"""A selection of rows or columns against the rest, as NumPy tells it."""

import itertools
import warnings
from pathlib import Path

import numpy as np
import pytest

import bigview as bv
from bigview.app.heatrest import against_rest
from bigview.errors import InputError, OptionError
from bigview.raster.heat import HeatLook
from bigview.store import pool
from bigview.store.contrast import contrast


@pytest.mark.parametrize("side", ["rows", "cols"])
@pytest.mark.parametrize("kind", ["float", "gaps", "whole", "truth", "offset"])
def test_means_deviations_and_distributions(tmp_path: Path, side: str, kind: str):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(1_300, 30))
    if kind == "gaps":
        values[rng.random(values.shape) < 0.3] = np.nan
        values[:, 4] = np.nan
    elif kind == "whole":
        values = rng.integers(-5, 300, values.shape).astype(np.int16)
    elif kind == "truth":
        values = values > 0
    elif kind == "offset":
        values = values + 1e6
    store = bv.build_matrix(values, tmp_path / "m.bv", quiet=True)
    lines = values if side == "rows" else values.T
    chosen = np.flatnonzero(rng.random(len(lines)) < 0.3)
    found = contrast(store, chosen, side, bins=20)
    rest = np.setdiff1d(np.arange(len(lines)), chosen)
    for place, part in enumerate((chosen, rest)):
        mine = lines[part].astype(float)
        with warnings.catch_warnings(action="ignore"):
            np.testing.assert_array_equal(found.counts[place], np.isfinite(mine).sum(axis=0))
            np.testing.assert_allclose(found.means[place], np.nanmean(mine, axis=0), rtol=1e-7, atol=1e-9)
            np.testing.assert_allclose(found.deviations[place], np.nanstd(mine, axis=0, ddof=1), rtol=1e-6)
        there = mine[np.isfinite(mine)]
        np.testing.assert_array_equal(found.histogram[place].sum(), len(there))
        if kind in ("float", "gaps"):
            assert np.abs(found.histogram[place] - np.histogram(there, found.edges)[0]).sum() <= 2  # on an edge
    if kind == "gaps" and side == "rows":
        assert np.isnan(found.effect[4])
        assert 4 not in found.top(store.cols.names, 30).index


def test_what_differs_comes_first(tmp_path: Path):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(400, 12))
    values[:100, 7] += 3
    values[:100, 2] -= 1.5
    values[:, 5] = 1
    store = bv.build_matrix(values, tmp_path / "m.bv", quiet=True)
    found = contrast(store, np.arange(100)).top(store.cols.names, 3)
    assert found["name"].tolist()[:2] == ["7", "2"]
    one, other = values[:100, 7], values[100:, 7]
    pooled = np.sqrt((99 * one.var(ddof=1) + 299 * other.var(ddof=1)) / 398)
    assert found["effect"].iloc[0] == pytest.approx((one.mean() - other.mean()) / pooled)
    assert contrast(store, np.arange(100)).effect[5] == 0


def test_all_and_nothing(tmp_path: Path):
    store = bv.build_matrix(np.random.default_rng(0).normal(size=(5, 3)), tmp_path / "m.bv", quiet=True)
    for chosen in ([], range(5)):
        found = contrast(store, np.array(list(chosen), int))
        assert np.isnan(found.effect).all()
        assert len(found.top(store.cols.names)) == 0
    with pytest.raises(InputError, match="no number 5"):
        contrast(store, [5])
    looks = itertools.count()
    with pool.stoppable(lambda: next(looks) >= 0), pytest.raises(pool.Stopped):
        contrast(store, [0])


def test_categories_have_no_mean(tmp_path: Path):
    store = bv.build_matrix(np.array([["a", "b"], ["b", "a"]], object), tmp_path / "m.bv", categories=True, quiet=True)
    with pytest.raises(OptionError, match="Categories have no mean"):
        contrast(store, [0])


@pytest.fixture
def turned(tmp_path: Path):
    """Return a matrix whose first 50 rows differ in column 4; its store; and a look that shows the last row first."""
    values = np.random.default_rng(0).normal(size=(300, 6))
    values[:50, 4] += 5
    store = bv.build_matrix(values, tmp_path / "m.bv", quiet=True)
    look = HeatLook(rows=store.order("rows", index=np.arange(300)[::-1]))
    return values, store, look


def test_the_panel_tells_what_differs(turned):
    _, store, look = turned
    told = against_rest(store, look, ((250, 300), (0, 6)))
    assert told["differs"][0][0] == "4"
    assert told["differs"][0][1].startswith("+")
    assert "the other 250 rows" in told["spread"]["title"]
    assert against_rest(store, look, ((0, 300), (0, 6))) == {}
    assert len(against_rest(store, look, ((0, 300), (4, 5)), down=False)["differs"]) == 8


def test_a_box_against_the_other_rows_in_its_columns(turned):
    values, store, look = turned
    told = against_rest(store, look, ((250, 300), (1, 4)))
    assert {name for name, _ in told["differs"]} == {"1", "2", "3"}
    low, high = (float(store.manifest.facts["quantiles"][at]) for at in (1, -2))
    for part, rows in (("here", slice(0, 50)), ("rest", slice(50, 300))):
        inside = np.clip(values[rows, 1:4], low, high)
        expected = np.histogram(inside, bins=40, range=(low, high))[0] / inside.size
        assert np.abs(np.array(told["spread"][part]) - expected).sum() < 0.02, "but for values on an edge"
    assert "half of the selected values lie below" in told["spread"]["spoken"]
