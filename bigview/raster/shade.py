"""From tones to colours. Pure functions.

A picture is an array of uint32, each red | green << 8 | blue << 16 | alpha << 24, row 0 at the bottom; empty pixels are 0. A table of colours
has one such row of 256 for each hue; the first entry, for empty pixels, is 0.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from bigview.raster.palettes import STEPS, background, category_colours, muted, oklab, ramp, rgb, srgb
from bigview.raster.scale import Scale
from bigview.raster.tones import HUES, SHARES, STRENGTHS, TOP, Tones
from bigview.store import pool

Picture = NDArray[np.uint32]

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
    return np.ascontiguousarray(picture, "<u4").view(np.uint8).reshape((*picture.shape, 4))


def blended(picture: Picture, ground: str) -> NDArray[np.uint8]:
    """Return the picture over a background colour: bytes, shape (height, width, 3)."""
    out = np.empty((*picture.shape, 3), np.uint8)
    below = np.rint(rgb([ground])[0] * 255).astype(np.int64)
    pool.run(lambda span: _blend(picture, below, span, out), pool.slices(picture.shape[0], 64))
    return out


def coloured(tones: Tones, table: NDArray[np.uint32]) -> Picture:
    """Return the picture of tones in the colours of a table."""
    out = np.empty_like(tones.tone, np.uint32)
    hue = np.zeros((1, 1), np.uint8) if tones.hue is None else tones.hue
    pool.run(lambda span: _colour(tones.tone, hue, table, span, out), pool.slices(out.shape[0], 64))
    return out


@lru_cache(maxsize=128)
def table_of(kind: str, colours: str | int, dark: bool, context: bool) -> NDArray[np.uint32]:
    """Return the colours of a kind of picture.

    Parameters
    ----------
    kind : {"count", "number", "category"}
    colours : str or int
        The palette, or the number of categories.
    dark : bool
    context : bool
        Whether one more row is wanted, the last, for pixels whose rows are not selected.
    """
    make: dict[str, Callable[[Any, bool], NDArray[np.uint32]]] = {"count": count_table, "number": number_table, "category": category_table}
    table = make[kind](colours, dark)
    if not context:
        return table
    table = np.concatenate([table, _context_row(dark)])
    table.setflags(write=False)
    return table


def _context_row(dark: bool) -> NDArray[np.uint32]:
    """Return quiet greys, from the background's neighbour on."""
    ground, grey = oklab(rgb([background(dark)]))[0], oklab(rgb([muted(dark)]))[0] * [1, 0, 0]
    share = 0.22 + 0.38 * np.linspace(0, 1, TOP + 1)
    return _table(packed(srgb(ground + (grey - ground) * share[:, None]))[None])


@lru_cache(maxsize=64)
def count_table(palette: str, dark: bool) -> NDArray[np.uint32]:
    """Return the colours of a density, shape (1, 256)."""
    return _table(packed(ramp(palette, dark))[np.rint(np.linspace(0, STEPS - 1, TOP + 1)).astype(np.intp)][None])


@lru_cache(maxsize=64)
def number_table(palette: str, dark: bool) -> NDArray[np.uint32]:
    """Return the colours of numbers, shape (1, 256); grey for rows without a number."""
    colours = packed(ramp(palette, dark))[np.rint(np.linspace(0, STEPS - 1, TOP)).astype(np.intp)]
    return _table(np.append(colours, packed(rgb([muted(dark)])))[None])


@lru_cache(maxsize=32)
def category_table(categories: int, dark: bool) -> NDArray[np.uint32]:
    """Return the colours of categories, shape (hues + 1, 256); the last row is for rows without a category.

    A colour is the stronger the more rows there are, and the greyer the smaller the category's share among them.
    """
    colours = np.concatenate([category_colours(min(categories, HUES), dark), rgb([muted(dark)])])
    lab, ground = oklab(colours)[:, None, None, :], oklab(rgb([background(dark)]))[0]
    grey = lab * [1, 0, 0]  # of the same lightness
    grey[..., 0] = 0.5 * grey[..., 0] + 0.5 * oklab(rgb([muted(dark)]))[0, 0]
    share = (_PURE + (1 - _PURE) * np.linspace(0, 1, SHARES) ** 0.7)[:, None, None]
    strength = (_FAINTEST + (1 - _FAINTEST) * np.linspace(0, 1, STRENGTHS))[:, None]
    return _table(packed(srgb(ground + (grey + (lab - grey) * share - ground) * strength)).reshape(len(colours), -1))


def _table(colours: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return a whole table from the colours of the tones from 1 on."""
    table = np.zeros((len(colours), 256), np.uint32)
    table[:, 1 : 1 + colours.shape[1]] = colours
    table.setflags(write=False)
    return table


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


@nb.njit(nogil=True, cache=True)
def _colour(tone, hue, table, span, out):  # type: ignore[no-untyped-def]
    single = table.shape[0] == 1
    for i in range(span[0], span[1]):
        for j in range(tone.shape[1]):
            out[i, j] = table[0 if single else hue[i, j], tone[i, j]]


@nb.njit(nogil=True, cache=True)
def _blend(picture, below, span, out):  # type: ignore[no-untyped-def]
    for i in range(span[0], span[1]):
        for j in range(picture.shape[1]):
            pixel = np.int64(picture[i, j])
            alpha = pixel >> 24
            for plane in range(3):
                value = (pixel >> (8 * plane)) & 255
                out[i, j, plane] = (value * alpha + below[plane] * (255 - alpha) + 127) // 255
