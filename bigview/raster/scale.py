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

_QUANTILES = np.concatenate([np.linspace(0, 0.99, 100), 1 - np.geomspace(0.009, 0.0002, 30)])
"""Where the counts of a zoom are looked at; the last 0.02 % of the cells all have full strength, so that a pile of equal rows does not
darken everything else."""

FLOOR = 0.16
"""Strength of a lone row where the picture is dense."""


@dataclass(frozen=True)
class Scale:
    """The strength of each count at one zoom.

    Attributes
    ----------
    counts, strengths : tuple of float
        Knots, both ascending; between them the strength runs with the logarithm of the count (for "linear" with the count).
    mode : {"eq_hist", "log", "linear"}
    lone : float
        Share of the rows that are alone in their pixel.
    """

    counts: tuple[float, ...]
    strengths: tuple[float, ...]
    mode: Mode
    lone: float

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


@lru_cache(maxsize=4096)
def _quantiles(histogram: tuple[int, ...], lone: int) -> tuple[tuple[float, ...], float]:
    """Return the counts at `_QUANTILES`, and the share of the rows in cells of one row; `lone` cells of one are added."""
    cells = np.array(histogram, np.float64)
    cells[0] += lone
    edges = np.array(COUNT_EDGES)
    # A bin stands for the counts from its edge to the next one; up to 16 that is one count.
    middle = np.where(edges < 16, edges, np.sqrt(edges * np.append(edges[1:], edges[-1] * 2**0.25)))
    rows = float((cells * middle).sum())
    if not rows:
        return (1.0,) * len(_QUANTILES), 1.0
    place = np.searchsorted(np.cumsum(cells), _QUANTILES * cells.sum(), "right")
    return tuple(middle[np.minimum(place, len(middle) - 1)].tolist()), float(cells[0]) / rows


def _at(manifest: Manifest, zoom: float) -> tuple[Numbers, float]:
    """Return the counts at `_QUANTILES` of the pixels of a zoom, and the share of lone rows."""
    levels = [level for level in manifest.levels if level.cells and level.histogram]
    if not levels:
        return np.ones(len(_QUANTILES)), 1.0

    def known(place: int) -> tuple[Numbers, float]:
        counts, lone = _quantiles(levels[place].histogram, max(0, manifest.placed - levels[place].rows))
        return np.array(counts), lone

    first, last = levels[0].level, levels[-1].level
    if zoom <= first:  # pixels larger than any cell: so many more rows are in each
        counts, lone = known(0)
        return np.maximum(1, counts * 4 ** min(first - zoom, 24)), lone / 4 ** min(first - zoom, 24)
    if zoom >= last:
        counts, lone = known(len(levels) - 1)
        return counts, lone
    above = next(place for place, level in enumerate(levels) if level.level > zoom)
    share = (zoom - levels[above - 1].level) / (levels[above].level - levels[above - 1].level)
    (low, few), (high, many) = known(above - 1), known(above)
    return np.exp((1 - share) * np.log(low) + share * np.log(high)), (1 - share) * few + share * many


@lru_cache(maxsize=256)
def scale_at(manifest_key: "ManifestKey", zoom: float, mode: Mode) -> Scale:
    """Return the scale of a zoom."""
    counts, lone = _at(manifest_key.manifest, zoom)
    top = max(2.0, float(counts[-1]))
    alone = float((counts <= 1.0).mean())
    # Where nearly every pixel holds one row, a row has nearly full strength: there is nothing that it must be told from.
    floor = FLOOR + (0.9 - FLOOR) * alone**2
    knots = np.unique(np.concatenate([np.geomspace(1, top, 64), np.arange(1, min(17, math.ceil(top)))]))
    if mode == "linear":
        rise = (knots - 1) / (top - 1)
    else:
        rise = np.log(knots) / math.log(top)
    if mode == "eq_hist":
        rise = 0.6 * _equalized(counts, knots) + 0.4 * rise
    return Scale(tuple(knots.tolist()), tuple((floor + (1 - floor) * np.clip(rise, 0, 1)).tolist()), mode, lone)


def _equalized(counts: Numbers, knots: Numbers) -> Numbers:
    """The share of the pixels with a smaller count, among those with more than one row."""
    log = np.log(counts)
    distinct, first = np.unique(log, return_index=True)
    last = np.append(first[1:], len(log)) - 1
    share = _QUANTILES[last] if len(distinct) > 1 else np.array([1.0])
    begin = share[0] if distinct[0] <= 0 else 0.0
    rise = np.interp(np.log(knots), distinct, share)
    return np.asarray(np.clip((rise - begin) / max(1e-9, 1 - begin), 0, 1))


@dataclass(frozen=True, eq=False)
class ManifestKey:
    """A manifest that hashes by its fingerprint: the scales of a store are found once for all who open it."""

    manifest: Manifest

    def __hash__(self) -> int:
        return hash(self.manifest.fingerprint)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ManifestKey) and other.manifest.fingerprint == self.manifest.fingerprint


def scale_of(manifest: Manifest, zoom: float, mode: Mode) -> Scale:
    """Return the scale of a store at a zoom."""
    return scale_at(ManifestKey(manifest), zoom, mode)


def radius_at(manifest: Manifest, zoom: float, most: int = 5) -> int:
    """Return the radius in pixels to which lone rows grow at a zoom: as far as half the rows stay apart; 1 at the least."""
    for radius in range(most, 1, -1):
        _, lone = _at(manifest, zoom - math.log2(2 * radius + 1))
        if lone >= 0.5:
            return radius
    return 1
