"""Blocks of cells become pixels as NumPy would reduce them, in any order, of any type, cut into any blocks."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bigview.errors import OptionError
from bigview.raster.blocks import STATISTICS, BlockReduction, count_codes, reduce_blocks, sampled_blocks
from bigview.raster.pixels import AxisPixels
from bigview.raster.sides import MatrixSide
from bigview.store import pool

TYPES = ["f4", "f8", "u1", "i8", "?"]
RARE_TYPES = ["f2", "i1", "i2", "i4", "u8"]  # the same code, compiled for each: some seconds


def slow(values, rows, cols, statistic, missing=None):
    """The obvious way: the cells of each pixel, one pixel after the other."""
    out = np.full((rows.pixels, cols.pixels), np.nan)
    for p in range(rows.pixels):
        for k in range(cols.pixels):
            found = values[np.ix_(rows.pixel(p), cols.pixel(k))].ravel()
            found = found[found == found]
            found = found if missing is None else found[found != missing]
            wide = found.astype(np.float64)
            if statistic == "count":
                out[p, k] = len(found)
            elif len(found):
                out[p, k] = {"mean": wide.mean, "sum": wide.sum, "min": wide.min, "max": wide.max, "std": wide.std, "var": wide.var}[statistic]()
    return out


def cut(values, height, width):
    """A matrix as blocks in no order."""
    found = [(r, c, values[r : r + height, c : c + width]) for c in range(0, values.shape[1], width) for r in range(0, values.shape[0], height)]
    return found[::-1]


@st.composite
def axes(draw, size):
    """A view along an axis and an order of it, whole, partial or none."""
    order = draw(st.sampled_from(["native", "permuted", "some"]))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    index = None if order == "native" else rng.permutation(size)[: size if order == "permuted" else draw(st.integers(0, size))]
    count = size if index is None else len(index)
    low = draw(st.floats(-5, max(1, count), allow_nan=False))
    high = low + draw(st.floats(0.05, 2.0 * size + 3))
    return AxisPixels.of(MatrixSide(low, high, draw(st.integers(1, 12)), count), index)


@st.composite
def matrices(draw, types):
    dtype = np.dtype(draw(st.sampled_from(types)))
    shape = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    if dtype.kind == "f":
        values = (rng.normal(size=shape) * 100).astype(dtype)
        values[rng.random(shape) < draw(st.sampled_from([0, 0.2, 1]))] = np.nan
        return values
    limit = np.iinfo(dtype) if dtype.kind != "b" else None
    ends = (0, 1) if limit is None else (int(max(limit.min, -(2**50))), int(min(limit.max, 2**50)))
    return rng.integers(ends[0], ends[1], shape, endpoint=True).astype(dtype)


def compare(data, types):
    """Compare every statistic of a matrix of one of the types with the slow way."""
    values = data.draw(matrices(types))
    rows, cols = data.draw(axes(values.shape[0])), data.draw(axes(values.shape[1]))
    missing = int(values[0, 0]) if values.dtype.kind in "iu" and data.draw(st.booleans()) else None
    blocks = cut(values, data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40)))
    whole = bool((values == values).all()) and missing is None and data.draw(st.booleans())
    found = reduce_blocks(blocks, rows, cols, values.shape, missing=missing, centre=0.5, whole=whole)
    for statistic in STATISTICS:
        expected = slow(values, rows, cols, statistic, missing)
        scale = float(np.abs(values[values == values].astype(float)).max(initial=1))
        assert np.allclose(found.value(statistic), expected, rtol=1e-9, atol=1e-7 * scale ** (2 if statistic == "var" else 1), equal_nan=True), (
            statistic
        )
        if statistic in ("min", "max", "count"):
            assert np.array_equal(found.value(statistic), expected, equal_nan=True)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_every_statistic_in_every_order(data):
    compare(data, TYPES)


@pytest.mark.slow
@given(st.data())
@settings(max_examples=60, deadline=None)
def test_every_statistic_of_other_types(data):
    compare(data, RARE_TYPES)


@pytest.mark.parametrize("whole", [False, True])
def test_many_rows_and_blocks_at_once(whole):
    """Large enough for several slices, and for the four rows that are added at once with what is left over."""
    rng = np.random.default_rng(3)
    values = rng.normal(size=(3001, 1203)).astype("f4")
    if not whole:
        values[rng.random(values.shape) < 0.01] = np.nan
    rows = AxisPixels.of(MatrixSide(0, 3001, 60, 3001), rng.permutation(3001))
    cols = AxisPixels.of(MatrixSide(0, 1203, 50, 1203), rng.permutation(1203))
    found = reduce_blocks(cut(values, 700, 333), rows, cols, values.shape, centre=0.0, whole=whole)
    for statistic in STATISTICS:
        assert np.allclose(found.value(statistic), slow(values, rows, cols, statistic), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("across", [3, 11, 12, 27])
def test_neighbours_that_share_a_pixel(across, whole):
    """Every number of rows that is left over by fours, for few and for many columns in a pixel."""
    rng = np.random.default_rng(4)
    values = rng.normal(size=(45, 9 * across)).astype("f4")
    if not whole:
        values[rng.random(values.shape) < 0.3] = np.nan
    cols = AxisPixels.of(MatrixSide(0, values.shape[1], 9, values.shape[1]))
    for pixels in (45, 22, 15, 11, 9, 7, 5, 1):
        rows = AxisPixels.of(MatrixSide(0, 45, pixels, 45))
        found = reduce_blocks(cut(values, 20, 4 * across + 1), rows, cols, values.shape, centre=0.25, whole=whole)
        for statistic in STATISTICS:
            assert np.allclose(found.value(statistic), slow(values, rows, cols, statistic), rtol=1e-9, atol=1e-12, equal_nan=True)


def test_blocks_may_come_in_steps_and_in_any_memory_layout():
    values = np.asfortranarray(np.random.default_rng(0).normal(size=(90, 70)))
    rows, cols = AxisPixels.of(MatrixSide(0, 90, 9, 90)), AxisPixels.of(MatrixSide(0, 70, 7, 70), np.arange(70)[::-1])
    whole = BlockReduction(rows, cols, values.shape, values.dtype)
    for block in cut(values, 40, 30):
        whole.add([block])
    assert np.allclose(whole.result().value("mean"), values[:, ::-1].reshape(9, 10, 7, 10).mean((1, 3)))
    swapped = values.astype(">f8")
    assert np.allclose(reduce_blocks(cut(swapped, 90, 70), rows, cols, values.shape).total, whole.result().total)


def test_a_block_without_a_shown_cell_is_not_read():
    rows, cols = AxisPixels.of(MatrixSide(0, 2, 2, 9)), AxisPixels.of(MatrixSide(0, 2, 2, 9))
    found = reduce_blocks([(0, 0, np.ones((3, 3))), (3, 0, np.ones((3, 3))), (0, 3, np.ones((3, 3)))], rows, cols, (9, 9))
    assert found.count.tolist() == [[1, 1], [1, 1]]


def test_infinite_values_and_the_ends_of_a_type():
    values = np.array([[np.inf, 1.0, -np.inf, np.nan]], "f4")
    one = AxisPixels.of(MatrixSide(0, 1, 1, 1))
    found = reduce_blocks([(0, 0, values)], one, AxisPixels.of(MatrixSide(0, 4, 2, 4)), (1, 4))
    assert found.value("mean").tolist() == [[np.inf, -np.inf]]
    assert found.value("max").tolist() == [[np.inf, -np.inf]]
    whole = np.array([[-(2**63), 2**63 - 1]])
    found = reduce_blocks([(0, 0, whole)], one, AxisPixels.of(MatrixSide(0, 2, 1, 2)), (1, 2))
    assert (found.low[0, 0], found.high[0, 0], found.count[0, 0]) == (-(2**63), 2**63 - 1, 2)


def test_squares_that_were_not_asked_for_are_missed():
    one = AxisPixels.of(MatrixSide(0, 1, 1, 1))
    with pytest.raises(OptionError, match="std needs"):
        reduce_blocks([(0, 0, np.ones((1, 1)))], one, one, (1, 1)).value("std")
    with pytest.raises(OptionError, match="no numbers"):
        reduce_blocks([(0, 0, np.ones((1, 1), complex))], one, one, (1, 1))


def test_a_reduction_stops():
    values = np.ones((2000, 2000), "f4")
    axis = AxisPixels.of(MatrixSide(0, 2000, 100, 2000))
    asked = threading.Event()
    asked.set()
    with pytest.raises(pool.Stopped), pool.stoppable(asked.is_set):
        reduce_blocks(cut(values, 500, 500), axis, axis, values.shape)


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_codes(data):
    codes = data.draw(st.integers(1, 6))
    shape = data.draw(st.integers(1, 30)), data.draw(st.integers(1, 30))
    values = np.random.default_rng(data.draw(st.integers(0, 99))).integers(-1, codes, shape).astype(data.draw(st.sampled_from(["i1", "i2", "i4"])))
    rows, cols = data.draw(axes(shape[0])), data.draw(axes(shape[1]))
    from bigview.config import override

    with override(result_bytes=data.draw(st.sampled_from([1, 1 << 20]))):  # also in passes of one pixel row
        found = count_codes(cut(values, 11, 7), rows, cols, shape, codes)
    for p in range(rows.pixels):
        for k in range(cols.pixels):
            seen = values[np.ix_(rows.pixel(p), cols.pixel(k))].ravel()
            seen = np.bincount(seen[seen >= 0], minlength=codes)
            expected = [int(seen.argmax()) if seen.sum() else -1, int(seen.max()), int(seen.sum())]
            assert found[p, k].tolist() == expected


def test_a_sample_is_fair_and_knows_its_error():
    rng = np.random.default_rng(1)
    values = (rng.normal(size=(4000, 300)) + 3 * rng.normal(size=(4000, 1))).astype("f4")  # rows differ: cells of a row are not independent
    rows = AxisPixels.of(MatrixSide(0, 4000, 40, 4000), rng.permutation(4000))
    cols = AxisPixels.of(MatrixSide(0, 300, 30, 300), rng.permutation(300))
    exact = reduce_blocks(cut(values, 1000, 100), rows, cols, values.shape).value("mean")
    sample = sampled_blocks(cut(values, 1000, 100), rows, cols, values.shape, most=8)
    assert (sample.found.count == 8 * 10).all()
    assert np.allclose(sample.share, 8 / 100)
    off = float(np.sqrt(np.mean((sample.found.value("mean") - exact) ** 2)))
    assert 0.6 * off < sample.error < 1.6 * off
    whole = sampled_blocks(cut(values, 1000, 100), rows, cols, values.shape, most=100)
    assert np.allclose(whole.found.value("mean"), exact)
    assert whole.error == 0


@given(st.integers(0, 60), st.integers(1, 12), st.integers(1, 9), st.integers(0, 99))
def test_a_sample_draws_no_cell_twice(size, pixels, most, seed):
    rows = AxisPixels.of(MatrixSide(0, max(size, 1), pixels, size), np.random.default_rng(seed).permutation(size))
    sample, half = rows.sample(most, seed)
    for p in range(rows.pixels):
        drawn = sample.pixel(p)
        assert len(set(drawn)) == len(drawn) == min(len(rows.pixel(p)), most)
        assert set(drawn) <= set(rows.pixel(p))
        assert set(half.pixel(p)) <= set(drawn)
        assert len(half.pixel(p)) == -(-len(drawn) // 2)
