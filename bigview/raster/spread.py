"""Spreading: lone points grow, so that they can be seen. Only the picture changes, never a count.

Whether a point grows depends on the pixels around it alone, so it does not change when the view is moved.
"""

import math

import numba as nb
import numpy as np
from numpy.typing import NDArray

from bigview.raster.shade import Picture
from bigview.store import pool

_FEW = 0.2
"""A pixel grows where at most this part of the pixels around it is occupied."""


def spread(picture: Picture, radius: int) -> Picture:
    """Return the picture with its lone pixels grown to discs.

    Parameters
    ----------
    picture : ndarray of uint32
    radius : int
        Pixels; 0 returns the picture itself.
    """
    if radius <= 0:
        return picture
    out = picture.copy()
    disc = _disc(radius)
    pool.run(lambda span: _grow(picture, radius, disc, _FEW * (4 * radius + 1) ** 2, span, out), pool.slices(picture.shape[0], 64))
    return out


def _disc(radius: int) -> NDArray[np.float64]:
    """Offsets and coverage, shape (n, 3): rows of (down, right, 0 … 1), the nearest first."""
    steps = range(-radius - 1, radius + 2)
    found = [(math.hypot(i, j), i, j) for i in steps for j in steps if i or j]
    cover = [(i, j, min(1.0, radius + 0.6 - distance)) for distance, i, j in sorted(found)]
    return np.array([entry for entry in cover if entry[2] > 0.05])


@nb.njit(nogil=True, cache=True)
def _grow(picture, radius, disc, few, span, out):  # type: ignore[no-untyped-def]
    """Give every empty pixel of the rows `span` the colour of the nearest lone pixel whose disc covers it."""
    height, width = picture.shape
    reach = 2 * radius
    # Occupied pixels above and left, of the rows that this slice looks at: any window is four numbers.
    top = max(0, span[0] - radius - 1 - reach)
    end = min(height, span[1] + radius + 1 + reach)
    sums = np.zeros((end - top + 1, width + 1), np.int32)
    for i in range(top, end):
        line = 0
        for j in range(width):
            line += 1 if picture[i, j] else 0
            sums[i - top + 1, j + 1] = sums[i - top, j + 1] + line
    for i in range(span[0], span[1]):
        for j in range(width):
            if picture[i, j]:
                continue
            a, b = max(top, i - radius - 1) - top, min(end, i + radius + 2) - top
            c, d = max(0, j - radius - 1), min(width, j + radius + 2)
            if sums[b, d] - sums[a, d] - sums[b, c] + sums[a, c] == 0:
                continue
            for q in range(disc.shape[0]):
                k, m = i + nb.int64(disc[q, 0]), j + nb.int64(disc[q, 1])
                if k < 0 or k >= height or m < 0 or m >= width or not picture[k, m]:
                    continue
                a, b = max(0, k - reach) - top, min(height, k + reach + 1) - top
                c, d = max(0, m - reach), min(width, m + reach + 1)
                if sums[b, d] - sums[a, d] - sums[b, c] + sums[a, c] > few:
                    continue
                alpha = nb.uint32(disc[q, 2] * 255.0 + 0.5)
                out[i, j] = nb.uint32((picture[k, m] & nb.uint32(0x00FFFFFF)) | (alpha << nb.uint32(24)))
                break
