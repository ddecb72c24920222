"""Spreading: lone points grow, so that they can be seen. Only the picture changes, never a count.

Whether a point grows depends on the pixels around it alone, so it does not change when the view is moved.
"""

import math

import numba as nb
import numpy as np
from numpy.typing import NDArray

from bigview.raster.shade import Picture
from bigview.store import pool

_COVER = 1.3
"""Discs grow until they would cover the neighbourhood about so many times: far apart they are large, and in a crowd they only close gaps."""
_SOFT = 0.6
"""Pixels over which the rim of a disc fades."""


def spread(picture: Picture, radius: int) -> Picture:
    """Return the picture with its lone pixels grown to discs.

    Parameters
    ----------
    picture : ndarray of uint32
    radius : int
        Largest radius in pixels; 0 returns the picture itself.
    """
    if radius <= 0:
        return picture
    out = np.empty_like(picture)
    disc = _disc(radius)
    pool.run(lambda span: _grow(picture, radius, disc, span, out), pool.slices(picture.shape[0], 64))
    return out


def _disc(radius: int) -> NDArray[np.float64]:
    """Offsets and distance, shape (n, 3): rows of (down, right, distance), the nearest first."""
    steps = range(-radius - 1, radius + 2)
    found = sorted((math.hypot(i, j), i, j) for i in steps for j in steps if i or j)
    return np.array([(i, j, distance) for distance, i, j in found if distance < radius + _SOFT])


@nb.njit(nogil=True, cache=True)
def _reaches(picture, radius, top, end):  # type: ignore[no-untyped-def]
    """How far each occupied pixel of the rows top … end grows, by the number of occupied pixels around it."""
    height, width = picture.shape
    around = 2 * radius
    first, last = max(0, top - around), min(height, end + around)
    sums = np.zeros((last - first + 1, width + 1), np.int32)  # of occupied pixels above and left: any window is four numbers
    for i in range(first, last):
        line = 0
        for j in range(width):
            line += 1 if picture[i, j] else 0
            sums[i - first + 1, j + 1] = sums[i - first, j + 1] + line
    out = np.zeros((end - top, width), np.float32)
    for i in range(top, end):
        a, b = max(0, i - around) - first, min(height, i + around + 1) - first
        for j in range(width):
            if picture[i, j]:
                c, d = max(0, j - around), min(width, j + around + 1)
                found = sums[b, d] - sums[a, d] - sums[b, c] + sums[a, c]
                out[i - top, j] = min(float(radius), math.sqrt(_COVER * (b - a) * (d - c) / (math.pi * found)))
    return out


@nb.njit(nogil=True, cache=True)
def _grow(picture, radius, disc, span, out):  # type: ignore[no-untyped-def]
    """Give every empty pixel of the rows `span` the colour of the pixel whose disc covers it most, the first of equals."""
    height, width = picture.shape
    top, end = max(0, span[0] - radius - 1), min(height, span[1] + radius + 1)
    reach = _reaches(picture, radius, top, end)
    out[span[0] : span[1]] = picture[span[0] : span[1]]
    for k in range(top, end):
        for m in range(width):
            if not picture[k, m]:
                continue
            for q in range(disc.shape[0]):
                cover = reach[k - top, m] + _SOFT - disc[q, 2]
                if cover < 0.04:
                    break
                i, j = k + int(disc[q, 0]), m + int(disc[q, 1])
                if i < span[0] or i >= span[1] or j < 0 or j >= width or picture[i, j]:
                    continue
                alpha = np.uint32(min(1.0, cover) * 255.0 + 0.5)
                if alpha > out[i, j] >> 24:
                    out[i, j] = (picture[k, m] & np.uint32(0x00FFFFFF)) | (alpha << np.uint32(24))
