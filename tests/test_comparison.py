"""A comparison is never written, and every number of it is that of the two matrices."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bigview as bv
from bigview.raster.matrixplanes import forget_planes

HOWS = ["difference", "ratio", "log_ratio"]


def slow(one, other, how):
    lost = ~(np.isfinite(one) & np.isfinite(other))
    with np.errstate(all="ignore"):
        made = one - other if how == "difference" else one / other
        made = np.log2(made) if how == "log_ratio" else made
    return np.where(np.isfinite(made) & ~lost, made, np.nan)


def edges(size, pixels):
    """The first cell of each pixel: that whose centre lies in it."""
    return np.ceil(np.arange(pixels + 1) * size / pixels - 0.5).astype(int)


def blocks(values, shape):
    ys, xs = edges(values.shape[0], shape[0]), edges(values.shape[1], shape[1])
    return [[values[a:b, c:d] for c, d in pairwise(xs)] for a, b in pairwise(ys)]


def pixels(one, other, how, agg, shape):
    """What each pixel shows: of the mean the comparison of the means of the cells that both have, else a statistic of the compared cells."""
    lost = ~(np.isfinite(one) & np.isfinite(other))
    one, other = np.where(lost, np.nan, one), np.where(lost, np.nan, other)
    with np.errstate(all="ignore"):
        if agg == "mean":
            means = [np.array([[np.nanmean(b) if np.isfinite(b).any() else np.nan for b in row] for row in blocks(v, shape)]) for v in (one, other)]
            return slow(*means, how)
        found = slow(one, other, how)
        statistic = {"min": np.nanmin, "max": np.nanmax, "std": np.nanstd}[agg]
        return np.array([[statistic(b) if np.isfinite(b).any() else np.nan for b in row] for row in blocks(found, shape)])


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_grids_equal_those_of_the_two_matrices(tmp_path_factory, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    shape = data.draw(st.integers(1, 60)), data.draw(st.integers(1, 60))
    one, other = rng.gamma(2.0, size=shape), rng.gamma(2.0, size=shape)
    if data.draw(st.booleans()):
        one[rng.random(shape) < 0.2] = np.nan
        other[rng.random(shape) < 0.2] = data.draw(st.sampled_from([np.nan, np.inf]))
    how, folder = data.draw(st.sampled_from(HOWS)), tmp_path_factory.mktemp("c")
    parts = [bv.build_matrix(values, folder / name, quiet=True) for name, values in (("a.bv", one), ("b.bv", other))]
    store = bv.compare(*parts, folder / "c.bv", how)
    assert np.allclose(store.cells(), slow(one, other, how), equal_nan=True)
    rows = rng.permutation(shape[0]) if data.draw(st.booleans()) else None
    order = None if rows is None else store.order("rows", index=rows)
    high, wide = data.draw(st.integers(1, min(8, shape[0]))), data.draw(st.integers(1, min(8, shape[1])))
    if max(shape[0] // high, shape[1] // wide) < 2:
        return
    view = bv.View((0, shape[1]), (0, shape[0]), wide, high)
    shown = (one, other) if rows is None else (one[rows], other[rows])
    for agg in ("mean", "min", "max", "std"):
        forget_planes()
        assert np.allclose(store.aggregate(view, agg, rows=order).to_numpy(), pixels(*shown, how, agg, (high, wide)), atol=1e-9, equal_nan=True)


def test_rows_and_columns_are_matched_by_name(tmp_path):
    one = pd.DataFrame(np.arange(12.0).reshape(3, 4), index=list("abc"), columns=list("wxyz"))
    other = one.loc[["c", "a"], ["z", "x", "w"]] * 10
    other.loc["new"] = 0.0
    store = bv.compare(bv.build_matrix(one, tmp_path / "a.bv", quiet=True), bv.build_matrix(other, tmp_path / "b.bv", quiet=True), tmp_path / "c.bv")
    assert store.rows.names.tolist() == ["a", "c"]
    assert store.cols.names.tolist() == ["w", "x", "z"]
    wanted = (one - other).loc[["a", "c"], ["w", "x", "z"]].to_numpy()
    assert np.array_equal(store.cells(), wanted)
    assert np.allclose(store.aggregate(bv.View((0, 3), (0, 2), 1, 1)).to_numpy(), wanted.mean())
    assert store.frame(bv.View((0, 3), (0, 2), 300, 200)).rgba.any()


def test_what_cannot_be_compared_is_said(tmp_path):
    one = bv.build_matrix(np.ones((3, 4)), tmp_path / "a.bv", quiet=True)
    other = bv.build_matrix(np.ones((3, 5)), tmp_path / "b.bv", quiet=True)
    with pytest.raises(bv.InputError, match="4 and 5 columns"):
        bv.compare(one, other, tmp_path / "c.bv")
    with pytest.raises(bv.OptionError, match="difference"):
        bv.compare(one, one, tmp_path / "c.bv", "differenze")
    assert not (tmp_path / "c.bv").exists()
    store = bv.compare(one, one, tmp_path / "c.bv")
    bv.build_matrix(np.zeros((3, 4)), tmp_path / "a.bv", quiet=True)
    with pytest.raises(bv.InputError, match="built again"):
        bv.open(tmp_path / "c.bv").cells()
    assert store.manifest.report["center"] == 0
