"""What stands beside a matrix in an image: tracks of metadata and a tree, aligned with the cells to the pixel."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bigview.raster.canvas import Box, Raster
from bigview.raster.dendrogram import Branches, Dendrogram
from bigview.raster.palettes import background, muted, rgb
from bigview.raster.tracks import MISSING, Track
from bigview.store.matrix import Side
from bigview.store.orders import Order
from bigview.store.tree import Tree

Item = Box | Raster
CLUSTER = "cluster"
"""What the track of a cut is called."""
_COLOURS = 80  # of clusters
_TRACK, _GAP, _TREE = 1.0, 0.25, 7.0  # em: of a track, between two of them, and of a tree from its leaves to its top


@dataclass(frozen=True)
class Along:
    """A side of the map in an image.

    Attributes
    ----------
    low, high : float
        Places in view.
    pixels : int
    shown : array of int64
        For each pixel that of the picture's own grid that it shows, −1 beside it.
    grid : (float, float, int)
        The places that this grid covers, and its pixels.
    start, edge : int
        Where in the image the side begins, and where what stands beside it does.
    """

    low: float
    high: float
    pixels: int
    shown: NDArray[np.int64]
    grid: tuple[float, float, int]
    start: int
    edge: int

    def pixel(self, places: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the pixel of each place, within the side; those beyond are at its ends."""
        return np.clip(np.floor((places - self.low) * self.pixels / (self.high - self.low)), 0, self.pixels - 1).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Beside:
    """Tracks and tree of the rows, or of the columns.

    Parameters
    ----------
    side : {"rows", "cols"}
    order : Order or None
    tracks : tuple of Track
    tree : Tree or None
        Of what the order shows.
    clusters : int or None
        Into how many clusters the tree is cut; their branches have colours then.
    dark : bool
    em : float
        Size of the letters, in pixels.
    """

    side: Side
    order: Order | None
    tracks: tuple[Track, ...]
    tree: Tree | None
    clusters: int | None
    dark: bool
    em: float

    @cached_property
    def cut(self) -> float | None:
        """The height at which the tree is cut; None where it is not."""
        return (
            None if self.tree is None or self.clusters is None or len(self.tree) < 2 else self.tree.height_for(max(self.clusters, self.tree.groups))
        )

    @cached_property
    def strips(self) -> tuple[Track, ...]:
        """The tracks, and the clusters of the cut, which stand next to the tree."""
        if self.tree is None or self.order is None or self.cut is None:
            return self.tracks
        values = np.full(self.order.size, -1, np.int64)
        values[self.tree.index] = self.tree.clusters(self.cut) % _COLOURS  # many begin again: neighbours are told apart
        labels = tuple(str(number + 1) for number in range(min(self.tree.count(self.cut), _COLOURS)))
        return (*self.tracks, Track(CLUSTER, values, labels, skip=max((len(track.labels) for track in self.tracks), default=0)))

    @property
    def track(self) -> int:
        """Pixels of a track."""
        return max(4, round(_TRACK * self.em))

    @property
    def gap(self) -> int:
        """Pixels between two tracks."""
        return max(1, round(_GAP * self.em))

    @property
    def line(self) -> int:
        """Pixels of a line of the tree."""
        return max(1, round(self.em / 14))

    def offset(self, number: int) -> int:
        """Return how far from the map a track begins, in pixels."""
        return self.gap + self.line + number * (self.track + self.gap)

    @cached_property
    def depth(self) -> int:
        """Pixels from the map to where the next thing may stand."""
        return (self.offset(len(self.strips)) if self.strips or self.tree is not None else 0) + (0 if self.tree is None else round(_TREE * self.em))

    def items(self, along: Along) -> list[Item]:
        """Return what is to be drawn."""
        found: list[Item] = [self._strip(track, number, along) for number, track in enumerate(self.strips)]
        return found if self.tree is None else [*found, *self._branches(self.tree, along)]

    def _strip(self, track: Track, number: int, along: Along) -> Raster:
        tones = track.tones(None if self.order is None else self.order.index, *along.grid)
        colours = np.rint(rgb([*track.colours(self.dark), background(self.dark)]) * 255).astype(np.uint8)
        found = np.where(along.shown >= 0, tones[np.clip(along.shown, 0, len(tones) - 1)], MISSING)
        line = colours[np.where(found == MISSING, len(colours) - 1, found)]
        away = along.edge + self.offset(number)
        if self.side == "rows":
            return Raster(away, along.start, np.repeat(line[:, None], self.track, axis=1))
        return Raster(along.start, away, np.repeat(line[None], self.track, axis=0))

    def _branches(self, tree: Tree, along: Along) -> list[Item]:
        """Return the lines of a tree as boxes: those of a cluster in its colour."""
        drawn = Dendrogram(tree).drawn(along.low, along.high, max(64, min(2_000, along.pixels // 3)))
        if not len(drawn.lines):
            return []
        top, reach = drawn.top(along.low, along.high) or tree.top or 1.0, round(_TREE * self.em) - round(0.5 * self.em)
        ground = along.edge + self.offset(len(self.strips))
        near, far = (along.start + along.pixel(drawn.lines[:, end]) for end in (0, 2))
        # What joins beyond the view stands above its highest merge: lines lead there, and end.
        deep, high = (ground + np.rint(np.minimum(drawn.lines[:, end] / top, 1.05) * reach).astype(np.int64) for end in (1, 3))
        inside = (drawn.lines[:, [1, 3]].min(axis=1) <= top) & ~((near == far) & (deep == high))
        boxes = np.column_stack([np.minimum(near, far), np.minimum(deep, high), abs(far - near), abs(high - deep), self._groups(tree, drawn)])
        names = self.colours
        found: list[Item] = []
        for start, away, length, out, group in np.unique(boxes[inside], axis=0).tolist():
            place = start - self.line // 2, away, length + self.line, out + self.line
            left, up, wide, tall = place if self.side == "cols" else (place[1], place[0], place[3], place[2])
            found.append(Box(left, up, wide, tall, names[group]))
        return found + self._cut_line(top, ground, reach, along)

    @cached_property
    def colours(self) -> list[str]:
        """The colour of each cluster; the last one is that of lines that join them."""
        if not self.strips or self.cut is None:
            return [muted(self.dark)]
        given = self.strips[-1].colours(self.dark)
        return [*given, muted(self.dark)]

    def _groups(self, tree: Tree, drawn: Branches) -> NDArray[np.int64]:
        """Return the colour of each line: that of its cluster, the last one for lines above the cut."""
        last = len(self.colours) - 1
        if self.cut is None:
            return np.full(len(drawn.lines), last)
        numbers = tree.clusters(self.cut)[drawn.spans[:, 0]] % _COLOURS
        return np.where(tree.heights[drawn.merges] <= self.cut, numbers, last)

    def _cut_line(self, top: float, ground: int, reach: int, along: Along) -> list[Item]:
        """Return the dashes that show where the tree is cut."""
        if self.cut is None or not 0 < self.cut < top:
            return []
        away, dash = ground + round(self.cut / top * reach), max(2, round(0.5 * self.em))
        starts = range(along.start, along.start + along.pixels - dash, 2 * dash)
        if self.side == "cols":
            return [Box(start, away, dash, self.line, muted(self.dark)) for start in starts]
        return [Box(away, start, self.line, dash, muted(self.dark)) for start in starts]
