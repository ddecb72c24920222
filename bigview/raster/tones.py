"""From grids to tones: for each pixel a small number that says what is shown there, before it has a colour.

A tone is a byte; 0 is an empty pixel. Where there are categories each pixel has a hue besides. A table, shape (hues, 256), gives the colours: another
palette is another table, and a browser gets a byte or two for each pixel, which compress well.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from bigview.raster.scale import Scale
from bigview.store import pool

SHARES, STRENGTHS = 8, 31
"""Steps of share and of strength in the tones of categories: finer ones cannot be seen."""
HUES = 128
"""Hues of categories before they begin again."""
TOP = 254
"""Steps of a density above its faintest tone, and the last tone of numbers; the tone after it is for rows without a number."""

_EXACT, _OCTAVE, _OCTAVES = 4096, 64, 28
"""Tones are looked up: every count below 4096 by itself, above that 64 steps an octave up to 2**40."""


@dataclass(frozen=True, eq=False)
class Tones:
    """What each pixel shows.

    Attributes
    ----------
    tone : ndarray of uint8, shape (height, width)
        Row 0 has the lowest y.
    hue : ndarray of uint8, shape (height, width), or None
        Row of the table of colours; None where there is one row only.
    """

    tone: NDArray[np.uint8]
    hue: NDArray[np.uint8] | None = None


def of_counts(grid: NDArray[Any], scale: Scale) -> Tones:
    """Return the tones of a density: 1 … 255 by strength."""
    table = (1 + np.rint(_strengths(scale) * TOP)).astype(np.uint8)
    table[0] = 0
    out = np.empty(grid.shape, np.uint8)
    source = np.ascontiguousarray(grid)
    pool.run(lambda span: _tone_counts(source, table, span, out), pool.slices(grid.shape[0], 64))
    return Tones(out)


def of_numbers(grid: NDArray[Any], counts: NDArray[Any], limits: tuple[float, float]) -> Tones:
    """Return the tones of numbers: 1 … 254 from limit to limit, 255 where there are rows but no number."""
    low, high = limits
    per_unit = TOP / (high - low) if high > low else 0.0
    values, there = np.ascontiguousarray(grid, np.float64), np.ascontiguousarray(counts)
    out = np.empty(grid.shape, np.uint8)
    pool.run(lambda span: _tone_numbers(values, there, (low, per_unit), span, out), pool.slices(grid.shape[0], 64))
    return Tones(out)


def of_dominant(grid: NDArray[np.int64], categories: int, scale: Scale) -> Tones:
    """Return the tones of the most frequent categories.

    Parameters
    ----------
    grid : ndarray, shape (height, width, 3)
        Code, its count, and the count of all rows of each pixel.
    categories : int
        The hue of a code is the code modulo so many, at most `HUES`; the hue after the last is for rows without a category.
    scale : Scale

    Returns
    -------
    Tones
        1 + share × `STRENGTHS` + strength, share and strength in steps from 0.
    """
    bins = np.rint(_strengths(scale) * (STRENGTHS - 1)).astype(np.uint8)
    known = min(categories, HUES)
    tone, hue = np.empty(grid.shape[:2], np.uint8), np.empty(grid.shape[:2], np.uint8)
    pool.run(lambda span: _tone_dominant(grid, bins, known, span, (tone, hue)), pool.slices(grid.shape[0], 64))
    return Tones(tone, hue)


def with_context(shown: Tones, counts: NDArray[Any], scale: Scale, row: int) -> Tones:
    """Return tones in which pixels that show nothing, but hold rows, have tones of a density in a hue of their own.

    Parameters
    ----------
    shown : Tones
    counts : ndarray, shape (height, width)
        Rows of each pixel, selected or not.
    scale : Scale
    row : int
        The hue.
    """
    around = of_counts(counts, scale).tone
    only = (shown.tone == 0) & (around > 0)
    hue = np.zeros_like(shown.tone) if shown.hue is None else shown.hue
    return Tones(np.where(only, around, shown.tone), np.where(only, np.uint8(row), hue))


@lru_cache(maxsize=64)
def _strengths(scale: Scale) -> NDArray[np.float64]:
    counts = np.concatenate([np.arange(_EXACT), _EXACT * 2 ** ((np.arange(_OCTAVE * _OCTAVES) + 0.5) / _OCTAVE)])
    return scale.strength(counts)


@nb.njit(inline="always")
def _place(count):  # type: ignore[no-untyped-def]
    """Return where a count stands in a table of strengths."""
    if count < _EXACT:
        return nb.int64(count)
    step = int((math.log2(float(count)) - 12.0) * _OCTAVE)  # 2**12 is _EXACT
    return _EXACT + min(step, _OCTAVE * _OCTAVES - 1)


@nb.njit(nogil=True, cache=True)
def _tone_counts(grid, table, span, out):  # type: ignore[no-untyped-def]
    for i in range(span[0], span[1]):
        for j in range(grid.shape[1]):
            out[i, j] = table[_place(grid[i, j])]


@nb.njit(nogil=True, cache=True)
def _tone_numbers(grid, counts, scale, span, out):  # type: ignore[no-untyped-def]
    for i in range(span[0], span[1]):
        for j in range(grid.shape[1]):
            value = grid[i, j]
            if np.isnan(value):
                out[i, j] = 255 if counts[i, j] else 0
            elif scale[1] == 0.0:
                out[i, j] = TOP // 2 if value == scale[0] else 1 if value < scale[0] else TOP
            else:
                step = min(max((value - scale[0]) * scale[1], 0.0), nb.float64(TOP - 1))
                out[i, j] = 1 + nb.int64(step)


@nb.njit(nogil=True, cache=True)
def _tone_dominant(grid, bins, known, span, out):  # type: ignore[no-untyped-def]
    tone, hue = out
    for i in range(span[0], span[1]):
        for j in range(grid.shape[1]):
            total = grid[i, j, 2]
            if total == 0:
                tone[i, j] = 0
                hue[i, j] = 0
                continue
            code, count = grid[i, j, 0], grid[i, j, 1]
            hue[i, j] = code % known if code >= 0 and known > 0 else known
            share = nb.int64(count / total * (SHARES - 1) + 0.5) if code >= 0 else 0
            tone[i, j] = 1 + share * STRENGTHS + bins[_place(total)]
