"""Scales of a matrix: where a value stands on its palette. A scale belongs to the store, never to what is in view."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from bigview.matrixspec import MatrixScale, MatrixStyle
from bigview.store import pool

Numbers = NDArray[np.float64]

TONES = 253
"""Tones of values, 1 … 253; 0 is nothing at all."""
MISSING = (254, 255)
"""Tones of a cell without a value: stripes of two colours, which no value has and no printer loses."""
CLIP = 99.0
"""Percentile of the values at the upper end of the palette, and 100 minus it at the lower end."""
_STRIPE, _LINE = 8, 3  # pixels: period of the stripes, and width of one
_STANDING_OUT = 0.7  # share of the extent that the values between the percentiles may have before the extent itself makes the plainer bar
_APART = 1e-12  # of their size: values closer than this are one, as float64 has too few steps between them for tones
_LEAST = 1e-290  # smaller values are nothing: between them float64 has no room for tones
_FURTHEST = 12  # orders of magnitude below the largest value: what is smaller is nothing on a logarithmic palette


@dataclass(frozen=True)
class Spread:
    """How the values of a matrix are spread: what its manifest says of them.

    Attributes
    ----------
    low, high : float
        The least and the greatest finite value.
    mean : float
    quantiles : tuple of float
        Evenly spaced, ascending, the first and last of them near `low` and `high`.
    """

    low: float
    high: float
    mean: float
    quantiles: tuple[float, ...]

    @classmethod
    def of(cls, values: NDArray[Any], count: int = 257) -> "Spread":
        """Return the spread of an array."""
        found = np.asarray(values, np.float64).ravel()
        found = found[np.isfinite(found)]
        if not len(found):
            return cls(0.0, 1.0, 0.0, (0.0, 1.0))
        return cls(float(found.min()), float(found.max()), float(found.mean()), tuple(np.quantile(found, np.linspace(0, 1, count)).tolist()))

    def joined(self, other: "Spread") -> "Spread":
        """Return how the values of two matrices of about equal size are spread together."""
        count = max(len(self.quantiles), len(other.quantiles))
        even = [np.interp(np.linspace(0, 1, count), np.linspace(0, 1, len(one.quantiles)), one.quantiles) for one in (self, other)]
        both = np.quantile(np.concatenate(even), np.linspace(0, 1, count))
        return Spread(min(self.low, other.low), max(self.high, other.high), (self.mean + other.mean) / 2, tuple(both.tolist()))


@dataclass(frozen=True)
class HeatScale:
    """Where values stand on a palette, 0 … 1.

    Attributes
    ----------
    mode : {"linear", "log", "symlog", "quantile"}
    low, high : float
        Values at the ends; what lies beyond has the colour of the end.
    center : float or None
        The value in the middle.
    threshold : float
        Up to so far from the centre (from zero without one) "symlog" is about linear.
    knots : tuple of float
        Values at even places, for "quantile".
    """

    mode: MatrixScale
    low: float
    high: float
    center: float | None = None
    threshold: float = 1.0
    knots: tuple[float, ...] = ()

    def place(self, values: Any) -> Numbers:
        """Return where values stand, 0 … 1; NaN stays NaN."""
        found = np.asarray(values, np.float64)
        if self.mode == "quantile":
            shares = np.interp(found, self.knots, np.linspace(0, 1, len(self.knots)))
            return np.asarray(np.where(np.isnan(found), np.nan, shares))
        low, high = self._bent(np.array([self.low, self.high])).tolist()
        return np.asarray(np.clip((self._bent(found) - low) / (high - low), 0, 1))

    def value(self, places: Any) -> Numbers:
        """Return the values that stand at places, 0 … 1."""
        found = np.asarray(places, np.float64)
        if self.mode == "quantile":
            return np.interp(found, np.linspace(0, 1, len(self.knots)), self.knots)
        low, high = self._bent(np.array([self.low, self.high])).tolist()
        return self._straight(low + found * (high - low))

    def _bent(self, values: Numbers) -> Numbers:
        if self.mode == "log":
            return np.log(np.maximum(values, self.low))
        if self.mode == "symlog":
            return np.arcsinh((values - (self.center or 0.0)) / self.threshold)
        return values

    def _straight(self, values: Numbers) -> Numbers:
        if self.mode == "log":
            return np.exp(values)
        if self.mode == "symlog":
            return np.sinh(values) * self.threshold + (self.center or 0.0)
        return values

    @cached_property
    def edges(self) -> Numbers:
        """The values between neighbouring tones, ascending: what decides about every colour."""
        return np.maximum.accumulate(self.value(np.arange(1, TONES) / TONES))


def scale_for(spread: Spread, style: MatrixStyle, cells: float = 1.0, agg: str | None = None) -> HeatScale:
    """Return the scale of a matrix.

    Parameters
    ----------
    spread : Spread
        Of all its values.
    style : MatrixStyle
    cells : float
        Cells in a pixel: a sum grows with them. Panning does not change them.
    agg : str, optional
        Instead of the style's.
    """
    agg = agg or style.agg
    spread = _dusted(_of_statistic(spread, agg, max(1.0, cells)))
    center = style.center if agg in ("mean", "min", "max", "extreme") else None
    quantiles = np.array(spread.quantiles)
    if style.scale == "quantile" and style.limits is None:
        return _quantile(quantiles, spread, center)
    low, high = style.limits or _limits(spread, style.clip)
    threshold = _threshold(quantiles - (center or 0.0), high - low)
    mode: MatrixScale = "linear" if style.scale == "quantile" else style.scale
    if mode == "log":
        high = high if high > 0 else 1.0
        least = quantiles[quantiles > 0]
        low = low if low > 0 else float(least[0]) if len(least) and least[0] < high else high / 1000
        low = max(low, 10.0**-_FURTHEST * high)
        center = center if center is not None and low < center < high else None
    if center is None:
        return HeatScale(mode, low, high, None, threshold)
    if mode == "log":
        factor = max(high / center, center / low)
        return HeatScale(mode, center / factor, center * factor, center, threshold)
    reach = max(abs(high - center), abs(center - low))
    return HeatScale(mode, center - reach, center + reach, center, threshold)


def _dusted(spread: Spread) -> Spread:
    """Return a spread in which what is next to nothing is zero."""
    low, high, mean, *quantiles = (0.0 if abs(value) < _LEAST else value for value in (spread.low, spread.high, spread.mean, *spread.quantiles))
    return Spread(low, high, mean, tuple(quantiles))


def _of_statistic(spread: Spread, agg: str, cells: float) -> Spread:
    """Return the spread of a statistic of so many cells, as far as that of the cells tells it."""
    if agg == "sum" and cells > 1:
        low, high, mean = (value * cells for value in (spread.low, spread.high, spread.mean))
        return Spread(low, high, mean, tuple(value * cells for value in spread.quantiles))
    if agg == "count":
        return _even(0.0, math.ceil(cells))
    if agg == "std":
        low, high = _limits(spread, None)
        return _even(0.0, (high - low) / 2)
    return spread


def _even(low: float, high: float) -> Spread:
    return Spread(low, high, (low + high) / 2, tuple(np.linspace(low, high, 257).tolist()))


def _limits(spread: Spread, clip: float | None) -> tuple[float, float]:
    """Return the values at the ends: percentiles, or the extent where nothing stands far out."""
    share = (CLIP if clip is None else clip) / 100
    steps = np.linspace(0, 1, len(spread.quantiles))
    low, high = np.interp([1 - share, share], steps, spread.quantiles).tolist()
    if share >= 1 or high - low > _STANDING_OUT * (spread.high - spread.low) or high <= low:
        low, high = spread.low, spread.high
    if not high - low > _APART * max(abs(low), abs(high)):
        around = max(abs(low) * 1e-6, 0.5)
        return low - around, low + around
    return low, high


def _threshold(values: Numbers, width: float) -> float:
    """Return the size of an ordinary small value: a quarter of the values that are not zero are smaller."""
    sizes = np.abs(values[values != 0])
    return max(float(np.quantile(sizes, 0.25)), width * 10.0**-_FURTHEST) if len(sizes) else width or 1.0


def _quantile(quantiles: Numbers, spread: Spread, center: float | None) -> HeatScale:
    """Return the scale on which each colour has the same share of the values, on each side of the centre."""
    known = np.unique(quantiles)
    known = known[np.append(True, np.diff(known) > _APART * np.abs(known).max(initial=0.0))]
    if len(known) < 2:
        low, high = _limits(spread, 100.0)
        known = np.array([low, high])
    if center is None or not known[0] < center < known[-1]:
        return HeatScale("quantile", float(known[0]), float(known[-1]), None, 1.0, tuple(known.tolist()))
    places = np.linspace(0, 1, 129)
    below, above = np.append(known[known < center], center), np.append(center, known[known > center])
    sides = [np.interp(places, np.linspace(0, 1, len(side)), side) for side in (below, above)]
    knots = np.concatenate([sides[0], sides[1][1:]])
    return HeatScale("quantile", float(knots[0]), float(knots[-1]), center, 1.0, tuple(knots.tolist()))


def tones_of(grid: NDArray[Any], scale: HeatScale, origin: Sequence[int] = (0, 0)) -> NDArray[np.uint8]:
    """Return the tones of values: 1 … `TONES`, stripes of `MISSING` where there is none.

    Parameters
    ----------
    grid : ndarray, shape (height, width)
    scale : HeatScale
    origin : (int, int)
        Row and column of the first pixel among all of the zoom, so that stripes stay where they are while one pans.
    """
    values = np.ascontiguousarray(grid, np.float64)
    out = np.empty(values.shape, np.uint8)
    even = (scale.low, TONES / (scale.high - scale.low) if scale.mode == "linear" else 0.0)
    first = sum(origin) % _STRIPE
    pool.run(lambda span: _tone_values(values, scale.edges, even, first, span, out), pool.slices(values.shape[0], 64))
    return out


@nb.njit(nogil=True, cache=True)
def _tone_values(values, edges, even, first, span, out):  # type: ignore[no-untyped-def]
    low, per_unit = even
    for i in range(span[0], span[1]):
        for j in range(values.shape[1]):
            value = values[i, j]
            if np.isnan(value):
                out[i, j] = 255 if (i + j + first) % _STRIPE < _LINE else 254
            elif per_unit > 0.0:
                out[i, j] = 1 + nb.int64(min(max((value - low) * per_unit, 0.0), TONES - 1.0))
            else:
                start, end = 0, len(edges)
                while start < end:
                    middle = (start + end) // 2
                    if edges[middle] <= value:
                        start = middle + 1
                    else:
                        end = middle
                out[i, j] = 1 + start
