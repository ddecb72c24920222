"""The rows nearest to a place: boxes that grow until the k-th distance lies inside."""

import math

import numba as nb
import numpy as np
from numpy.typing import NDArray

from bigview.store.bits import Bits, bit_at
from bigview.store.reader import Reader, X, Y
from bigview.store.selection import Box, select


@nb.njit(nogil=True, cache=True)
def _best(x, y, starts, stops, bits, target, best):  # type: ignore[no-untyped-def]
    """Keep the k nearest rows by insertion; equal distances keep the earlier row."""
    place, scale = target
    best_row, best_distance = best
    k, found = best_row.shape[0], 0
    for q in range(starts.shape[0]):
        for row in range(starts[q], stops[q]):
            if bits.shape[0] and not bit_at(bits, row):
                continue
            dx, dy = (x[row] - place[0]) * scale[0], (y[row] - place[1]) * scale[1]
            distance = np.sqrt(dx * dx + dy * dy)
            if found == k and distance >= best_distance[k - 1]:
                continue
            at = min(found, k - 1)
            while at > 0 and best_distance[at - 1] > distance:
                best_distance[at], best_row[at] = best_distance[at - 1], best_row[at - 1]
                at -= 1
            best_distance[at], best_row[at] = distance, row
            found = min(found + 1, k)
    return found


def nearest_rows(
    reader: Reader,
    place: tuple[float, float],
    k: int,
    bits: Bits | None,
    window: tuple[Box | None, tuple[int, int] | None],
    within: float = math.inf,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the positions and distances of the k rows nearest to a place, nearest first.

    Parameters
    ----------
    place : (float, float)
        In the axes' own coordinates.
    bits : ndarray of uint64 or None
        Rows that count.
    window : (Box or None, (width, height) or None)
        Only rows in the box count; distances are then in its pixels.
    within : float
        Rows further away are not found. Far from all rows this saves a search through very many of them.
    """
    box, pixels = window
    x, y = reader.manifest.x, reader.manifest.y
    scale = (1.0, 1.0)
    if box is not None and pixels is not None:
        scale = (pixels[0] / (box.x1 - box.x0), pixels[1] / (box.y1 - box.y0))
    words = np.empty(0, np.uint64) if bits is None else bits
    outer = box or Box(x.low, math.nextafter(x.high, math.inf), y.low, math.nextafter(y.high, math.inf), True, True)
    reach = min(max(_first_reach(reader, k, scale), 1e-300), within)
    while True:
        part, whole = _around(place, reach, scale, outer)
        if part is not None:
            selection = select(reader, part, bits)
            rows, distance = np.full(k, -1, np.int64), np.full(k, np.inf)
            with reader.pages.pinned([X, Y], reader.pages.groups_of(selection.starts, selection.stops)) as (px, py):
                found = _best(px, py, selection.starts, selection.stops, words, (place, scale), (rows, distance))
            if whole or reach >= within or (found == k and distance[k - 1] <= reach):
                near = distance[:found] <= within
                return rows[:found][near], distance[:found][near]
        elif whole or reach >= within:
            return np.empty(0, np.int64), np.empty(0)
        reach = min(reach * 4, within)


def _first_reach(reader: Reader, k: int, scale: tuple[float, float]) -> float:
    """A radius that would hold some rows if they lay evenly."""
    x, y = reader.manifest.x, reader.manifest.y
    area = max(x.high - x.low, 1e-300) * scale[0] * max(y.high - y.low, 1e-300) * scale[1]
    even = math.sqrt(area * k / max(1, reader.manifest.placed)) / 2
    return even if scale == (1.0, 1.0) else min(even, 2.0) + 1e-300


def _around(place: tuple[float, float], reach: float, scale: tuple[float, float], outer: Box) -> tuple[Box | None, bool]:
    """The square around a place, cut to the outer box; and whether it is all of it."""
    x0, x1 = place[0] - reach / scale[0], place[0] + reach / scale[0]
    y0, y1 = place[1] - reach / scale[1], place[1] + reach / scale[1]
    whole = x0 <= outer.x0 and x1 >= outer.x1 and y0 <= outer.y0 and y1 >= outer.y1
    a0, a1, b0, b1 = max(x0, outer.x0), min(x1, outer.x1), max(y0, outer.y0), min(y1, outer.y1)
    if not (a0 < a1 and b0 < b1):
        return None, whole or not math.isfinite(reach)
    return Box(a0, a1, b0, b1, outer.top_x and a1 == outer.x1, outer.top_y and b1 == outer.y1), whole
