"""Scales: how a count becomes strength. A scale belongs to the store and the zoom, never to what is in view."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bigview.store.manifest import COUNT_EDGES, Manifest

Mode = Literal["eq_hist", "log", "linear"]
Numbers = NDArray[np.float64]

TOP = 99.98
"""Per cent of the pixels below full strength: a pile of equal rows must not darken everything else."""

_INK = 0.35
"""Share of the home view that all discs together may cover."""
_WIDEST = 5  # pixels

FLOOR = 0.16
"""Strength of a lone row where the picture is dense."""


@dataclass(frozen=True)
class Grading:
    """How counts become strength.

    Attributes
    ----------
    mode : {"eq_hist", "log", "linear"}
    clip : float or None
        Percentile of the occupied pixels of the store at this zoom from which on strength is full.
    gain : float
        A count is taken as so many times as large: above 1 where few rows pass a filter.
    """

    mode: Mode = "eq_hist"
    clip: float | None = None
    gain: float = 1.0


@dataclass(frozen=True)
class Scale:
    """The strength of each count at one zoom.

    Attributes
    ----------
    counts, strengths : tuple of float
        Knots, both ascending; between them the strength runs with the logarithm of the count (for "linear" with the count).
    mode : {"eq_hist", "log", "linear"}
    """

    counts: tuple[float, ...]
    strengths: tuple[float, ...]
    mode: Mode

    def strength(self, counts: NDArray[np.generic] | Numbers) -> Numbers:
        """Return the strength, 0 … 1, of counts; 0 for none."""
        values = np.asarray(counts, np.float64)
        place, knots = np.maximum(values, 1.0), np.asarray(self.counts)
        if self.mode != "linear":
            place, knots = np.log(place), np.log(knots)
        return np.asarray(np.where(values > 0, np.interp(place, knots, self.strengths), 0.0))


def zoom_of(manifest: Manifest, width: float, height: float) -> float:
    """Return the zoom of a pixel of this width and height: the level, between two, whose cells have its area."""
    area = (math.log2(manifest.x.size(0)) - math.log2(width)) + (math.log2(manifest.y.size(0)) - math.log2(height))
    return round(area / 2, 4)  # pixels of one zoom differ in the last bits of their edges, and must have one scale


@dataclass(frozen=True, eq=False)
class Counts:
    """How the counts of the occupied pixels of a zoom are spread.

    Attributes
    ----------
    logs, shares : ndarray
        Natural logarithms of counts, and the share of the pixels with at most that count.
    pixels : float
        How many there are.
    """

    logs: Numbers
    shares: Numbers
    pixels: float

    def share(self, counts: Numbers) -> Numbers:
        """Return the share of the pixels with at most so many rows."""
        return np.interp(np.log(counts), self.logs, self.shares)

    def top(self, clip: float) -> float:
        """Return the count that so many per cent of the pixels stay below."""
        place = min(int(np.searchsorted(self.shares, clip / 100)), len(self.logs) - 1)
        lower = math.exp(self.logs[place - 1]) if place else 0.5
        upper = math.exp(self.logs[place])
        return upper if upper < 16.5 else math.sqrt(lower * upper)


_NONE = Counts(np.log([0.5, 1.0]), np.array([0.0, 1.0]), 0.0)


@lru_cache(maxsize=4096)
def _counts(histogram: tuple[int, ...], lone: int) -> Counts:
    """Return the counts of a level; `lone` rows are in no cell, because they are nearly alone: pixels of one row."""
    cells = np.array(histogram, np.float64)
    cells[0] += lone
    edges = np.array(COUNT_EDGES)
    # A bin stands for the counts from its edge to the next one; up to 16 that is one count.
    uppers = np.where(edges < 16, edges, np.append(edges[1:], edges[-1] * 2**0.25))
    total = float(cells.sum())
    if not total:
        return _NONE
    shares = np.cumsum(cells) / total
    return Counts(np.log(np.append(0.5, uppers)), np.append(0.0, shares), total)


def _at(manifest: Manifest, zoom: float) -> tuple[Counts, float, Counts, float]:
    """Return the two levels around a zoom: for each its counts, and how many times as large its cells are as a pixel."""
    levels = [level for level in manifest.levels if level.cells and level.histogram]
    if not levels:
        return _NONE, 1.0, _NONE, 1.0
    place = sum(level.level <= zoom for level in levels)
    pair = (levels[max(place - 1, 0)], levels[min(place, len(levels) - 1)])
    low, high = (_counts(level.histogram, max(0, manifest.placed - level.rows)) for level in pair)
    # Deeper there are no counts to be told apart, and further out than this all of it is one pixel.
    deepest = min(max(zoom, -200.0), float(levels[-1].level))
    return low, 4.0 ** (deepest - pair[0].level), high, 4.0 ** (deepest - pair[1].level)


def _between(manifest: Manifest, zoom: float, clip: float = TOP) -> tuple[float, float, float]:
    """Return the weight of the deeper level, and between the two the top count and the number of occupied pixels."""
    low, above, high, below = _at(manifest, zoom)
    weight = 0.0 if above == below or above <= 1 else math.log(above) / math.log(above / below)
    top = math.exp((1 - weight) * math.log(low.top(clip)) + weight * math.log(high.top(clip)))
    pixels = math.exp((1 - weight) * math.log(max(1.0, low.pixels)) + weight * math.log(max(1.0, high.pixels)))
    if above < 1:  # pixels larger than any cell
        return weight, top / above, pixels * above
    return weight, top, pixels


@lru_cache(maxsize=256)
def scale_at(manifest_key: "ManifestKey", zoom: float, grading: Grading) -> Scale:
    """Return the scale of a zoom."""
    mode = grading.mode
    low, above, high, below = _at(manifest_key.manifest, zoom)
    weight, top, _ = _between(manifest_key.manifest, zoom, TOP if grading.clip is None else grading.clip)
    top = max(2.0, top)
    knots = np.unique(np.concatenate([np.geomspace(1, top, 64), np.arange(1, min(17, math.ceil(top)))]))
    # What is a pixel of c rows here would be a cell of c times as many rows as it is larger.
    shares = (1 - weight) * low.share(knots * above) + weight * high.share(knots * below)
    alone = float(shares[0])
    rise = (knots - 1) / (top - 1) if mode == "linear" else np.log(knots) / math.log(top)
    if mode == "eq_hist":
        # The share of the pixels with a smaller count, among those with more than one row.
        rise = 0.6 * (shares - alone) / max(1e-6, float(shares[-1]) - alone) + 0.4 * rise
    # Where nearly every pixel holds one row, a row has nearly full strength: there is nothing that it must be told from.
    floor = FLOOR + (0.9 - FLOOR) * alone**4
    strengths = np.maximum.accumulate(floor + (1 - floor) * np.clip(rise, 0, 1))
    gain = min(grading.gain, top / 2)
    return Scale(tuple((knots / gain).tolist()), (*strengths[:-1].tolist(), 1.0), mode)


@dataclass(frozen=True, eq=False)
class ManifestKey:
    """A manifest that hashes by its fingerprint: the scales of a store are found once for all who open it."""

    manifest: Manifest

    def __hash__(self) -> int:
        return hash(self.manifest.fingerprint)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ManifestKey) and other.manifest.fingerprint == self.manifest.fingerprint


def scale_of(manifest: Manifest, zoom: float, grading: Grading | None = None) -> Scale:
    """Return the scale of a store at a zoom."""
    return scale_at(ManifestKey(manifest), zoom, grading or Grading())


def radius_at(manifest: Manifest, zoom: float) -> int:
    """Return the radius in pixels to which lone rows grow at a zoom: as far as the discs leave most of the home view free, and 1 at the least."""
    _, _, occupied = _between(manifest, zoom)
    x0, x1, y0, y1 = manifest.home
    cell = math.log2(manifest.x.size(0)) + math.log2(manifest.y.size(0)) - 2 * zoom
    view = math.log2(max(x1 - x0, 5e-324)) + math.log2(max(y1 - y0, 5e-324)) - cell  # pixels of the home view, as a power of two
    share = occupied / 2.0 ** min(max(view, -1000.0), 1000.0)
    return max(1, min(_WIDEST, round(math.sqrt(_INK / (math.pi * share)))))
