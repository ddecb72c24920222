"""Islands of a layout moved together, so that a map is not mostly sea.

How far apart two islands lie says little in a layout of neighbours: only that they are apart. Here each island glides towards the largest until it
would touch what is there; its shape and its turn stay, and its direction as far as there is room.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Cells = NDArray[np.int64]

# Points belong to one island if they are nearer than so many times the usual distance of a point's fifth neighbour.
REACH, NEIGHBOUR = 6.0, 5
# Water round an island and the share of the points from which it counts as large, in shares of the map's half width.
NARROW, WIDE, LARGE = 0.015, 0.05, 0.01
# Cells across the half width of the chart on which places are taken.
CELLS = 128
# How far an island may leave its direction, in radians, and what a radian costs, in shares of the way to the middle.
SWERVES = np.linspace(-1.2, 1.2, 13)
SWERVE_COST = 0.3


def gathered(positions: Floats) -> Floats:
    """Return the positions with the islands moved together, the whole turned so that it is wider than high, its middle at zero."""
    label = _islands(positions)
    size = np.bincount(label)
    moved = positions.astype(np.float64)
    moved -= moved[label == size.argmax()].mean(axis=0)
    members = np.split(np.argsort(label, kind="stable"), np.cumsum(size)[:-1])
    # The largest stays; the next are those near it, then those behind them.
    distance = np.array([np.hypot(*moved[rows].mean(axis=0)) for rows in members])
    distance[size.argmax()] = -1.0
    chart = _Chart(float(np.abs(moved).max()))
    for number in np.argsort(distance, kind="stable"):
        rows = members[number]
        if distance[number] > 0:
            moved[rows] += chart.glide(moved[rows])
        chart.take(moved[rows], WIDE if len(rows) > LARGE * len(positions) else NARROW)
    return _turned(moved).astype(np.float32)


def _islands(positions: Floats) -> NDArray[np.int32]:
    near, which = cKDTree(positions).query(positions, k=min(2 * NEIGHBOUR, len(positions)))
    usual = float(np.median(near[:, min(NEIGHBOUR, near.shape[1] - 1)]))
    source, column = np.nonzero(near <= REACH * usual)
    graph = csr_array((np.ones(len(source), np.int8), (source, which[source, column])), shape=(len(positions),) * 2)
    return np.asarray(connected_components(graph, directed=False)[1], np.int32)


class _Chart:
    """Which cells of the plane are taken."""

    def __init__(self, half: float) -> None:
        self.cell = max(half, 1e-30) / CELLS
        # Room for islands that swerve, and for their water.
        self.middle = 3 * CELLS
        self.taken = np.zeros((6 * CELLS, 6 * CELLS), bool)

    def _cells(self, points: Doubles) -> Cells:
        cells = np.floor(points / self.cell).astype(np.int64) + self.middle
        return np.asarray(np.unique(cells, axis=0), np.int64)

    def _place(self, cells: Cells) -> tuple[Cells, Cells]:
        inside = np.clip(cells, 0, len(self.taken) - 1)
        return inside[..., 0], inside[..., 1]

    def take(self, points: Doubles, water: float) -> None:
        """Mark the cells of these points and of the water round them."""
        cells, reach = self._cells(points), int(np.ceil(water * CELLS))
        for dx in range(-reach, reach + 1):
            for dy in range(-reach, reach + 1):
                if dx * dx + dy * dy <= reach * reach:
                    self.taken[self._place(cells + np.array([dx, dy]))] = True

    def glide(self, points: Doubles) -> Doubles:
        """Return the move of these points that brings them nearest to the middle without touching a taken cell on the way."""
        cells, centre = self._cells(points), points.mean(axis=0)
        far, heading = float(np.hypot(*centre)), float(np.arctan2(centre[1], centre[0]))
        best, cost = np.zeros(2), np.inf
        for swerve in SWERVES:
            radius = np.arange(far, 0, -self.cell)
            ray = np.array([np.cos(heading + swerve), np.sin(heading + swerve)])
            moves = np.rint((radius[:, None] * ray - centre) / self.cell).astype(np.int64)
            hit = self.taken[self._place(cells[None, :, :] + moves[:, None, :])].any(axis=1)
            free = int(hit.argmax()) if hit.any() else len(hit)
            if free == 0:
                continue
            price = radius[free - 1] + SWERVE_COST * abs(swerve) * far
            if price < cost:
                best, cost = moves[free - 1] * self.cell, price
        return best


def _turned(points: Doubles) -> Doubles:
    """Return the points turned to the angle at which their box is the flattest, with the middle of the box at zero."""
    boxes = []
    for angle in np.linspace(0, np.pi, 36, endpoint=False):
        x = points @ np.array([np.cos(angle), np.sin(angle)])
        y = points @ np.array([-np.sin(angle), np.cos(angle)])
        boxes.append((np.ptp(y) / max(np.ptp(x), 1e-30), angle))
    angle = min(boxes)[1]
    turned = points @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray(turned - (turned.min(axis=0) + turned.max(axis=0)) / 2)
