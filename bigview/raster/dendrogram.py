"""Dendrograms at the resolution of the screen.

Merges join neighbours, so each gap between two leaves has one merge. Leaves are taken in bins of a power of two, no wider than a pixel or two, and of
each bin the highest merge is drawn, at its own place and height; a merge that is left out joins a branch narrower than a bin. The bins lie on the
leaves, not on the view, so that nothing changes while one pans. Preparing takes O(n), a picture O(pixels + log n), whatever the depth of the tree.
"""

from dataclasses import dataclass
from functools import cached_property

import numba as nb
import numpy as np
from numpy.typing import NDArray

from bigview.store.tree import Tree

Ids = NDArray[np.int64]

# Bins across a view: each has one merge, of at most three lines and two joints more.
BINS = 600


@dataclass(frozen=True)
class Branches:
    """What is drawn of a tree.

    Attributes
    ----------
    lines : (k, 4) array of float64
        x0, height0, x1, height1: x in leaves from the tree's first one (the leaf i has its middle at i + ½).
    merges : (k,) array of int64
        The merge that each line belongs to.
    spans : (k, 2) array of int64
        The leaves of that merge: the first, and one past the last.
    exact : bool
        Whether every merge is drawn whose lines are in view.
    """

    lines: NDArray[np.float64]
    merges: Ids
    spans: Ids
    exact: bool

    def top(self, low: float, high: float) -> float:
        """Return the height of the highest merge that lies within a view of leaves as a whole; 0 where there is none."""
        flat = self.lines[:, 1] == self.lines[:, 3]
        within = self.lines[flat & (self.lines[:, 0] >= low) & (self.lines[:, 2] <= high)]
        return float(within[:, 1].max()) if len(within) else 0.0


class Dendrogram:
    """A tree, prepared for drawing.

    Parameters
    ----------
    tree : Tree
    """

    def __init__(self, tree: Tree) -> None:
        self.tree = tree

    @cached_property
    def places(self) -> NDArray[np.float64]:
        """The x of every node, leaves first: halfway between its children."""
        return np.asarray(_places(self.tree.children, len(self.tree)))

    @cached_property
    def highest(self) -> list[Ids]:
        """The highest merge of 1, 2, 4, … gaps; the gap p lies between the leaves p and p + 1."""
        found = [self.tree.gaps]
        while len(found[-1]) > 1:
            level = found[-1]
            if len(level) % 2:
                level = np.append(level, -1)
            found.append(np.maximum(level[::2], level[1::2]))
        return found

    def drawn(self, low: float, high: float, bins: int = BINS) -> Branches:
        """Return the lines that the view of leaves low … high shows.

        Parameters
        ----------
        low, high : float
            Places of leaves, low < high.
        bins : int
            Bins across the view, at most; there are at least half as many where there are so many leaves.
        """
        merges, exact = self._chosen(low, high, max(1, bins))
        tree = self.tree
        if not len(merges):
            return Branches(np.empty((0, 4)), np.empty(0, np.int64), np.empty((0, 2), np.int64), exact)
        starts, sizes = tree.spans
        gap = starts[tree.children[merges, 1]] - 1
        order = np.argsort(gap)
        # Merges are numbered by height: the same order, and no two are equal.
        lines, owner = _lines(merges[order], tree.children, tree.heights, self.places)
        seen = (lines[:, [0, 2]].max(axis=1) >= low) & (lines[:, [0, 2]].min(axis=1) <= high)
        lines, owner = lines[seen], owner[seen]
        nodes = len(tree) + owner
        return Branches(lines, owner, np.column_stack([starts[nodes], starts[nodes] + sizes[nodes]]), exact)

    def _chosen(self, low: float, high: float, bins: int) -> tuple[Ids, bool]:
        """Return the merges to be drawn, and whether these are all that could be seen."""
        gaps = len(self.tree.gaps)
        first, last = int(np.clip(np.floor(low) - 1, 0, gaps)), int(np.clip(np.ceil(high), 0, gaps))
        level = 0
        while ((last - first) >> level) > bins and level < len(self.highest) - 1:
            level += 1
        begin, end = first >> level, -(-last >> level)
        found = [self.highest[level][begin:end]]
        # Beyond the view only merges matter that reach into it: fewer and wider bins, the farther they are.
        found += [_beyond(self.highest, begin << level, left=True), _beyond(self.highest, min(end << level, gaps), left=False)]
        merges = np.concatenate(found)
        return merges[merges >= 0], level == 0

    def at(self, x: float, height: float) -> tuple[int, int] | None:
        """Return the branch under a point: the leaves, first and one past the last, that are joined at most at this height to the leaf there.

        Returns
        -------
        (int, int) or None
            None beside the leaves.
        """
        if not 0 <= x < len(self.tree):
            return None
        return self.around(int(x), int(np.searchsorted(self.tree.heights, height, "right")))

    def around(self, leaf: int, below: int) -> tuple[int, int]:
        """Return the leaves, first and one past the last, that merges with numbers under `below` join to a leaf."""
        return _reach(self.highest, leaf - 1, below, -1) + 1, _reach(self.highest, leaf, below, 1) + 1


@nb.njit(nogil=True, cache=True)
def _places(children, leaves):  # type: ignore[no-untyped-def]
    found = np.empty(2 * leaves - 1 if leaves else 0)
    for leaf in range(leaves):
        found[leaf] = leaf + 0.5
    for merge in range(children.shape[0]):
        found[leaves + merge] = (found[children[merge, 0]] + found[children[merge, 1]]) / 2
    return found


def _beyond(highest: list[Ids], edge: int, left: bool) -> Ids:
    """Return the highest merges of runs of gaps that double in length, from an edge to the end of the tree."""
    found = []
    if left:
        while edge > 0:
            level = (edge & -edge).bit_length() - 1  # the longest aligned run that ends here
            level = min(level, len(highest) - 1)
            found.append(highest[level][(edge >> level) - 1])
            edge -= 1 << level
    else:
        while edge < len(highest[0]):
            level = min((edge & -edge).bit_length() - 1 if edge else len(highest) - 1, len(highest) - 1)
            found.append(highest[level][edge >> level])
            edge += 1 << level
    return np.array(found, np.int64)


def _reach(highest: list[Ids], gap: int, below: int, step: int) -> int:
    """Return the first gap, from one on leftwards (−1) or rightwards (1), whose merge is not below a number; −1 or the number of gaps without one."""
    gaps = len(highest[0])
    level = 0
    while 0 <= gap < gaps:
        if highest[level][gap >> level] >= below:
            if level == 0:
                return gap
            level -= 1
            continue
        # The whole run is below: go to the next one, and to a longer one where that begins there.
        run = gap >> level
        gap = ((run + 1) << level) if step > 0 else (run << level) - 1
        aligned = gap if step > 0 else gap + 1
        while level + 1 < len(highest) and 0 <= gap < gaps and aligned % (2 << level) == 0:
            level += 1
    return -1 if step < 0 else gaps


@nb.njit(nogil=True, cache=True)
def _lines(merges, children, heights, places):  # type: ignore[no-untyped-def]
    """Return the lines of merges that are sorted by gap. Each child's line goes down to the highest merge drawn below it."""
    count, leaves = merges.shape[0], heights.shape[0] + 1
    below = np.full((count, 2), -1, np.int64)
    stack, depth = np.empty(count, np.int64), 0
    for at in range(count):  # the tree of what is drawn, from left to right
        last = -1
        while depth and merges[stack[depth - 1]] < merges[at]:
            depth -= 1
            last = stack[depth]
        below[at, 0] = last
        if depth:
            below[stack[depth - 1], 1] = at
        stack[depth] = at
        depth += 1
    lines, owner, used = np.empty((7 * count, 4)), np.empty(7 * count, np.int64), 0
    for at in range(count):
        merge = merges[at]
        top = heights[merge]
        if top == np.inf:  # groups stand side by side
            continue
        a, b = places[children[merge, 0]], places[children[merge, 1]]
        lines[used, 0], lines[used, 1], lines[used, 2], lines[used, 3] = a, top, b, top
        owner[used] = merge
        used += 1
        for side in range(2):
            child, x = children[merge, side], places[children[merge, side]]
            other = below[at, side]
            foot, to = 0.0, x
            if other >= 0:
                inner = leaves + merges[other]
                foot, to = heights[child - leaves], places[inner]
            lines[used, 0], lines[used, 1], lines[used, 2], lines[used, 3] = x, top, x, foot
            owner[used] = merge
            used += 1
            if to != x:  # over what is left out, to what is drawn
                lines[used, 0], lines[used, 1], lines[used, 2], lines[used, 3] = x, foot, to, foot
                owner[used] = merges[other]
                used += 1
            if other >= 0 and heights[merges[other]] < foot:
                lines[used, 0], lines[used, 1], lines[used, 2], lines[used, 3] = to, foot, to, heights[merges[other]]
                owner[used] = merges[other]
                used += 1
    return lines[:used], owner[:used]
