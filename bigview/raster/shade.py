"""From grids to colours. Pure functions: a grid and a scale in, RGBA out.

A picture is an array of uint32, each red | green << 8 | blue << 16 | alpha << 24, row 0 at the bottom; empty pixels are 0.
"""

import math
from functools import lru_cache
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from bigview.raster.palettes import STEPS, background, category_colours, muted, oklab, ramp, rgb, srgb
from bigview.raster.scale import Scale
from bigview.store import pool

Picture = NDArray[np.uint32]

_EXACT, _OCTAVE, _OCTAVES = 4096, 64, 28
"""Strengths are looked up: every count below 4096 by itself, above that 64 steps an octave up to 2**40."""
_STRENGTHS, _SHARES = 64, 16
"""Steps of strength and of share in the colours of categories: finer ones cannot be seen."""
_FAINTEST = 0.45
"""Part of its colour that the faintest pixel of a category keeps: below that hues cannot be told apart."""
_PURE = 0.4
"""Part of its colour that a category keeps where its share is least; the rest is grey."""


def packed(colours: NDArray[np.float64]) -> Picture:
    """Return opaque pixels for screen colours, shape (…, 3)."""
    levels = np.rint(np.clip(colours, 0, 1) * 255).astype(np.uint32)
    return np.asarray(levels[..., 0] | levels[..., 1] << 8 | levels[..., 2] << 16 | np.uint32(255 << 24))


def unpacked(picture: Picture) -> NDArray[np.uint8]:
    """Return bytes, shape (height, width, 4), in the order red, green, blue, alpha."""
    return np.ascontiguousarray(picture, "<u4").view(np.uint8).reshape(*picture.shape, 4)


def blended(picture: Picture, ground: str) -> NDArray[np.uint8]:
    """Return the picture over a background colour: bytes, shape (height, width, 3)."""
    out = np.empty((*picture.shape, 3), np.uint8)
    below = np.rint(rgb([ground])[0] * 255).astype(np.int64)
    pool.run(lambda span: _blend(picture, below, span, out), pool.slices(picture.shape[0], 64))
    return out


def shade_counts(grid: NDArray[Any], scale: Scale, palette: str, dark: bool) -> Picture:
    """Return the picture of a density: one colour for each count."""
    colours = packed(ramp(palette, dark))
    table = colours[np.rint(_strengths(scale) * (STEPS - 1)).astype(np.intp)]
    table[0] = 0
    return _over_rows(_paint_counts, grid.shape, np.ascontiguousarray(grid), table)


def shade_numbers(grid: NDArray[Any], counts: NDArray[Any], limits: tuple[float, float], palette: str, dark: bool) -> Picture:
    """Return the picture of numbers between two limits; grey where there are rows but no number."""
    low, high = limits
    per_unit = STEPS / (high - low) if high > low else 0.0
    grey = packed(rgb([muted(dark)]))[0]
    values = np.ascontiguousarray(grid, np.float64)
    return _over_rows(_paint_numbers, grid.shape, values, np.ascontiguousarray(counts), (low, per_unit), (packed(ramp(palette, dark)), grey))


def shade_dominant(grid: NDArray[np.int64], categories: int, scale: Scale, dark: bool) -> Picture:
    """Return the picture of the most frequent categories.

    Parameters
    ----------
    grid : ndarray, shape (height, width, 3)
        Code, its count, and the count of all rows of each pixel.
    categories : int
    scale : Scale
    dark : bool

    Returns
    -------
    ndarray of uint32
        The category's colour: stronger the more rows there are, greyer the smaller the category's share among them.
    """
    bins = np.rint(_strengths(scale) * (_STRENGTHS - 1)).astype(np.uint8)
    return _over_rows(_paint_dominant, grid.shape[:2], grid, bins, _category_table(categories, dark))


def shade_mix(grid: NDArray[Any], total: NDArray[Any], scale: Scale, dark: bool) -> Picture:
    """Return the picture of categories mixed by their counts.

    Parameters
    ----------
    grid : ndarray, shape (height, width, categories)
        Counts of the first categories.
    total : ndarray, shape (height, width)
        Counts of all rows: those beyond the categories of `grid`, and those without one, are grey.
    scale : Scale
    dark : bool
    """
    lab = oklab(np.concatenate([category_colours(grid.shape[2], dark), rgb([muted(dark)])]))
    ground = oklab(rgb([background(dark)]))
    picture = np.zeros(total.shape, np.uint32)
    for row in range(len(total)):  # a row at a time: the grid may be large
        there = total[row] > 0
        counts, rows = grid[row][there].astype(np.float64), total[row][there].astype(np.float64)
        rest = rows - counts.sum(axis=1)
        mixed = (counts @ lab[:-1] + rest[:, None] * lab[-1]) / rows[:, None]
        strength = _FAINTEST + (1 - _FAINTEST) * scale.strength(rows)
        picture[row, there] = packed(srgb(ground + (mixed - ground) * strength[:, None]))
    return picture


@lru_cache(maxsize=64)
def _strengths(scale: Scale) -> NDArray[np.float64]:
    counts = np.concatenate([np.arange(_EXACT), _EXACT * 2 ** ((np.arange(_OCTAVE * _OCTAVES) + 0.5) / _OCTAVE)])
    return scale.strength(counts)


@lru_cache(maxsize=32)
def _category_table(categories: int, dark: bool) -> NDArray[np.uint32]:
    """Return pixels, shape (categories + 1, shares, strengths); the last one is for rows without a category."""
    colours = np.concatenate([category_colours(min(categories, 128), dark), rgb([muted(dark)])])
    lab, ground = oklab(colours)[:, None, None, :], oklab(rgb([background(dark)]))[0]
    grey = lab * [1, 0, 0]  # of the same lightness
    grey[..., 0] = 0.5 * grey[..., 0] + 0.5 * oklab(rgb([muted(dark)]))[0, 0]
    share = (_PURE + (1 - _PURE) * np.linspace(0, 1, _SHARES) ** 0.7)[:, None, None]
    strength = (_FAINTEST + (1 - _FAINTEST) * np.linspace(0, 1, _STRENGTHS))[:, None]
    return packed(srgb(ground + (grey + (lab - grey) * share - ground) * strength))


def _over_rows(kernel: Any, shape: tuple[int, ...], *arguments: Any) -> Picture:
    out = np.empty(shape, np.uint32)
    pool.run(lambda span: kernel(*arguments, span, out), pool.slices(shape[0], 64))
    return out


@nb.njit(inline="always")
def _place(count):  # type: ignore[no-untyped-def]
    """Return where a count stands in a table of strengths."""
    if count < _EXACT:
        return nb.int64(count)
    step = int((math.log2(float(count)) - 12.0) * _OCTAVE)  # 2**12 is _EXACT
    return _EXACT + min(step, _OCTAVE * _OCTAVES - 1)


@nb.njit(nogil=True, cache=True)
def _paint_counts(grid, table, span, out):  # type: ignore[no-untyped-def]
    for i in range(span[0], span[1]):
        for j in range(grid.shape[1]):
            out[i, j] = table[_place(grid[i, j])]


@nb.njit(nogil=True, cache=True)
def _paint_numbers(grid, counts, scale, colours, span, out):  # type: ignore[no-untyped-def]
    table, grey = colours
    last = table.shape[0] - 1
    for i in range(span[0], span[1]):
        for j in range(grid.shape[1]):
            value = grid[i, j]
            if np.isnan(value):
                out[i, j] = grey if counts[i, j] else np.uint32(0)
            elif scale[1] == 0.0:
                out[i, j] = table[last // 2] if value == scale[0] else table[0] if value < scale[0] else table[last]
            else:
                out[i, j] = table[nb.int64(min(max((value - scale[0]) * scale[1], 0.0), nb.float64(last)))]


@nb.njit(nogil=True, cache=True)
def _paint_dominant(grid, bins, colours, span, out):  # type: ignore[no-untyped-def]
    known, shares = colours.shape[0] - 1, colours.shape[1]
    for i in range(span[0], span[1]):
        for j in range(grid.shape[1]):
            total = grid[i, j, 2]
            if total == 0:
                out[i, j] = np.uint32(0)
                continue
            code, count = grid[i, j, 0], grid[i, j, 1]
            hue = code % known if code >= 0 and known > 0 else known
            share = nb.int64(count / total * (shares - 1) + 0.5) if code >= 0 else 0
            out[i, j] = colours[hue, share, bins[_place(total)]]


@nb.njit(nogil=True, cache=True)
def _blend(picture, below, span, out):  # type: ignore[no-untyped-def]
    for i in range(span[0], span[1]):
        for j in range(picture.shape[1]):
            pixel = np.int64(picture[i, j])
            alpha = pixel >> 24
            for plane in range(3):
                value = (pixel >> (8 * plane)) & 255
                out[i, j, plane] = (value * alpha + below[plane] * (255 - alpha) + 127) // 255
