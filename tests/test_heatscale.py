"""Scales of matrices: every value has the colour that the bar says, whatever the mode."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bigview.matrixspec import MATRIX_SCALES, MatrixStyle
from bigview.raster.heatscale import MISSING, TONES, Spread, scale_for, tones_of

VALUES = arrays(np.float64, st.integers(1, 60), elements=st.floats(-1e9, 1e9, width=32))  # finer differences than these have no tones of their own
MODES = pytest.mark.parametrize("mode", MATRIX_SCALES)


@MODES
@given(values=VALUES, center=st.none() | st.floats(-1e3, 1e3), other=VALUES)
def test_a_tone_is_where_the_scale_says(mode, values, center, other):
    scale = scale_for(Spread.of(values), MatrixStyle(scale=mode, center=center))
    everything = np.concatenate([values, other, [0.0, np.inf, -np.inf]])
    tone = tones_of(everything[None], scale)[0].astype(int)
    slow = 1 + np.minimum(np.floor(scale.place(everything) * TONES), TONES - 1)
    assert (abs(tone - slow) <= 1).all()
    order = np.argsort(everything)
    assert (np.diff(tone[order]) >= 0).all(), "a greater value never has a lower colour"


@MODES
@given(values=VALUES)
def test_places_and_values_are_inverse(mode, values):
    scale = scale_for(Spread.of(values), MatrixStyle(scale=mode))
    places = np.linspace(0, 1, 33)
    known = scale.value(places)
    assert (np.diff(known) >= -1e-9 * abs(known[1:])).all()
    distinct = np.diff(scale.knots).min() > 1e-9 * np.abs(scale.knots).max() if mode == "quantile" else True
    if distinct:
        assert np.allclose(scale.place(known), places, atol=1e-6)


@pytest.mark.parametrize("mode", ["linear", "symlog", "quantile"])
@given(values=arrays(np.float64, 50, elements=st.floats(-100, 100)))
def test_the_centre_has_the_middle_colour(mode, values):
    values = np.concatenate([values, [-3.0, 7.0]])
    scale = scale_for(Spread.of(values), MatrixStyle(scale=mode, center=1.5))
    assert scale.place(1.5) == pytest.approx(0.5, abs=1e-9)


def test_a_factor_has_the_same_strength_both_ways():
    scale = scale_for(Spread.of(np.geomspace(0.1, 1000, 100)), MatrixStyle(scale="log", center=1.0, clip=100))
    assert scale.place(2.0) - 0.5 == pytest.approx(0.5 - scale.place(0.5))
    assert scale.high >= 1000


def test_diverging_colours_run_equally_far():
    scale = scale_for(Spread.of(np.linspace(-1, 9, 100)), MatrixStyle(center=0.0))
    assert (scale.low, scale.high) == (-9.0, 9.0)


def test_log_takes_zeros_and_negatives_to_its_lower_end():
    scale = scale_for(Spread.of(np.array([-5.0, 0.0, 1.0, 10.0, 100.0])), MatrixStyle(scale="log"))
    assert tones_of(np.array([[-5.0, 0.0, -np.inf]]), scale).tolist() == [[1, 1, 1]]
    assert scale.low > 0


def test_missing_has_a_pattern_that_stays_while_panning():
    scale = scale_for(Spread.of(np.arange(10)), MatrixStyle())
    whole = tones_of(np.full((40, 40), np.nan), scale)
    assert set(np.unique(whole)) == set(MISSING)
    assert (tones_of(np.full((20, 20), np.nan), scale, (7, 13)) == whole[7:27, 13:33]).all()


def test_infinite_values_have_the_colours_of_the_ends():
    scale = scale_for(Spread.of(np.arange(10)), MatrixStyle())
    assert tones_of(np.array([[-np.inf, np.inf]]), scale).tolist() == [[1, TONES]]


@pytest.mark.parametrize("values", [[], [np.nan], [3.0], [3.0, 3.0], [np.inf], [0.0]])
@MODES
def test_hardly_any_values_have_a_scale(mode, values):
    scale = scale_for(Spread.of(np.array(values)), MatrixStyle(scale=mode))
    assert scale.high > scale.low
    assert np.isfinite(scale.edges).all()


def test_outliers_do_not_flatten_the_rest():
    values = np.append(np.random.default_rng(0).normal(size=10_000), 1e6)
    scale = scale_for(Spread.of(values), MatrixStyle())
    assert scale.high < 5
    assert scale_for(Spread.of(values), MatrixStyle(clip=100)).high == 1e6
    assert scale_for(Spread.of(values), MatrixStyle(limits=(-1, 2))).high == 2


def test_a_sum_grows_with_the_cells():
    spread = Spread.of(np.linspace(0, 1, 1000))
    assert scale_for(spread, MatrixStyle(agg="sum"), cells=50).high == pytest.approx(50)
    assert scale_for(spread, MatrixStyle(agg="count"), cells=50).high == 50
    assert scale_for(spread, MatrixStyle(agg="max"), cells=50).high == pytest.approx(1)
