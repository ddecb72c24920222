"""A tree of any number of vectors: exact where they are few, in two stages where they are many.

Many vectors are parted by k-means into cells; each cell has its exact tree, and the middles of the cells, weighted by their rows, have theirs on
top. With Ward's method the whole is the exact tree given the parts, because a cell's middle and weight are all that the method looks at.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bigview.build.distances import squared_distances
from bigview.build.kmeans import kmeans
from bigview.build.linkage import Method, linkage, rising
from bigview.build.progress import Progress
from bigview.build.seriation import optimal_order, turned
from bigview.config import limits
from bigview.store import pool
from bigview.store.tree import Tree, by_height

Floats = NDArray[np.float32]
Weights = NDArray[np.float64]
Ids = NDArray[np.int64]

# Rows of a cell up to which its tree and the order of its leaves are exact: both take 12 ms of one core. Twice as many take five times as long.
CELL = 512
# Rows for each cell that a larger one is parted into.
WITHIN = 256
# Cells between two reports of progress.
BATCH = 32


@dataclass(frozen=True)
class Merges:
    """A tree of items 0 … n − 1: merges, of which none is lower than its children or comes before them, and an order of the items that keeps it."""

    children: Ids
    heights: Weights
    order: Ids


def exact(far: Floats, weights: Weights, method: Method, angular: bool = False) -> Merges:
    """Return the tree of items by the squares of their distances, its leaves in the best order.

    Parameters
    ----------
    far : (n, n) array of float32
    weights : (n,) array
    method : {"ward", "average", "complete", "single"}
    angular : bool
        Whether the vectors have length 1, so that half the square of a distance is one less their cosine: the height of a merge, but for Ward's.
    """
    plain: Floats = np.sqrt(far)
    given: Floats = plain.copy()
    if method == "ward":
        given = far.copy()
    elif angular:
        given = np.asarray(far / 2, np.float32)
    children, heights = linkage(given, weights, method)
    del given
    return Merges(children, heights, optimal_order(plain, children))


@dataclass
class _Cell:
    rows: Ids
    parts: list[int]
    middles: Floats | None = None
    tree: Merges | None = None


def agglomerate(values: Floats, weights: Weights, method: Method, seed: int, tell: Progress, angular: bool = False) -> Merges:
    """Return the tree of vectors, no two of them equal.

    Parameters
    ----------
    values : (n, d) array of float32
        NaN where a value is missing.
    weights : (n,) array
        How many leaves each one stands for.
    method, angular
        As for `exact`.
    seed : int
        For k-means.
    tell : Progress

    Raises
    ------
    Stopped
        When the thread's work was told to stop.
    """
    if len(values) <= limits().exact_leaves:
        tell.stage("linkage", len(values), "leaves")
        tree = exact(squared_distances(values), weights, method, angular)
        tell.advance(len(values))
        return tree
    cells = _parted(values, weights, seed, tell)
    _grow(cells, values, weights, tell, lambda far, heavy: exact(far, heavy, method, angular))
    grown = cells[0].tree
    assert grown is not None
    return grown


def _parted(values: Floats, weights: Weights, seed: int, tell: Progress) -> list[_Cell]:
    """Return cells, the whole first and parts after what they are parts of; those without parts are small."""
    cells = [_Cell(np.arange(len(values)), [])]
    for number, cell in enumerate(cells):  # it grows meanwhile
        size = len(cell.rows)
        if size <= CELL:
            continue
        count = limits().middles if number == 0 else min(limits().middles, -(-size // WITHIN))
        inner, heavy = (values, weights) if number == 0 else (values[cell.rows], weights[cell.rows])
        codes, middles = kmeans(inner, heavy, count, seed, tell if number == 0 else None)
        if len(middles) < 2:  # rows that differ by less than rounding
            codes = (np.arange(size) >= size // 2).astype(np.int32)
            middles = np.repeat(middles, 2, axis=0)
        cell.middles = middles
        order = np.argsort(codes, kind="stable")
        for rows in np.split(cell.rows[order], np.flatnonzero(np.diff(codes[order])) + 1):
            cell.parts.append(len(cells))
            cells.append(_Cell(rows, []))
    return cells


def _grow(cells: list[_Cell], values: Floats, weights: Weights, tell: Progress, tree_of: Callable[[Floats, Weights], Merges]) -> None:
    """Give every cell its tree, parts before the whole."""

    def small(cell: _Cell) -> None:
        cell.tree = tree_of(squared_distances(values[cell.rows]), weights[cell.rows])

    smalls = [cell for cell in cells if not cell.parts]
    tell.stage("linkage", len(values), "leaves")
    for low in range(0, len(smalls), BATCH):
        batch = smalls[low : low + BATCH]
        pool.run(small, batch)
        tell.advance(sum(len(cell.rows) for cell in batch))
    for cell in reversed(cells):
        if cell.middles is not None:
            parts = [cells[number] for number in cell.parts]
            heavy = np.array([weights[part.rows].sum() for part in parts])
            top = tree_of(squared_distances(cell.middles), heavy)
            # Local numbers: a part's rows are places among the cell's.
            places = np.split(np.arange(len(cell.rows)), np.cumsum([len(part.rows) for part in parts])[:-1])
            cell.rows = np.concatenate([part.rows for part in parts])
            cell.tree = _composed(top, [part.tree for part in parts if part.tree], places, values[cell.rows])
            for part in parts:
                part.tree = None
    whole = cells[0].tree
    assert whole is not None
    if len(cells) > 1:
        number = np.concatenate([cells[0].rows, np.arange(len(values), 2 * len(values) - 1)])
        cells[0].tree = Merges(number[whole.children], whole.heights, cells[0].rows[whole.order])


def _composed(top: Merges, parts: Sequence[Merges], places: Sequence[Ids], values: Floats) -> Merges:
    """Return one tree of a tree whose items are trees; `places` has the numbers of each one's leaves."""
    leaves = len(values)
    children, heights, roots = [], [], []
    merges = leaves
    for part, own in zip(parts, places, strict=True):
        number = np.concatenate([own, np.arange(merges, merges + len(part.children))])
        children.append(number[part.children])
        heights.append(part.heights)
        merges += len(part.children)
        roots.append(number[-1])
    number = np.concatenate([roots, np.arange(merges, merges + len(top.children))]).astype(np.int64)
    children.append(number[top.children])
    heights.append(top.heights)
    nodes, high = np.concatenate(children), np.concatenate(heights)
    rising(nodes, high, leaves)
    runs = [places[number][parts[number].order] for number in top.order]
    return Merges(nodes, high, np.concatenate(_turned_runs(runs, values)))


def _turned_runs(runs: list[Ids], values: Floats) -> list[Ids]:
    """Return runs of leaves, each as it is or backwards, so that the distances where they meet add up to the least (Viterbi's algorithm)."""
    ends = values[np.array([[run[0], run[-1]] for run in runs])]
    # step[r, a, b]: from run r to the next one, turned (1) or not (0).
    gaps = ends[:-1, ::-1, None] - ends[1:, None, :]
    there = np.isfinite(gaps)
    squares = np.square(gaps, where=there, out=np.zeros_like(gaps)).sum(axis=-1)
    step = np.sqrt(squares * (values.shape[1] / np.maximum(there.sum(axis=-1), 1)))
    cost, came = np.zeros(2), np.zeros((len(runs), 2), np.int64)
    for place in range(1, len(runs)):
        ways = cost[:, None] + step[place - 1]
        came[place] = ways.argmin(axis=0)
        cost = ways.min(axis=0)
    state = int(cost.argmin())
    result = list(runs)
    for place in range(len(runs) - 1, -1, -1):
        if state:
            result[place] = runs[place][::-1]
        state = int(came[place, state])
    return result


def planted(tree: Merges, kind: Ids, index: Ids, title: str) -> Tree:
    """Return the tree of all leaves from that of the different ones: equal leaves are merged at height 0, one after the other.

    Parameters
    ----------
    tree : Merges
        Of the kinds of leaves.
    kind : (n,) array
        The kind of each leaf.
    index : (n,) array
        The native number of each leaf.
    title : str
    """
    leaves, kinds = len(kind), len(tree.order)
    members = np.argsort(kind, kind="stable")
    starts = np.searchsorted(kind[members], np.arange(kinds))
    sizes = np.diff(np.append(starts, leaves))
    again = np.ones(leaves, bool)
    again[starts] = False
    later = np.flatnonzero(again)  # each of them is merged with what is before it
    before = np.where(again[later - 1], leaves + np.arange(len(later)) - 1, members[later - 1])
    equal = np.column_stack([before, members[later]])
    ends = np.cumsum(sizes - 1)
    roots = np.where(sizes > 1, leaves + ends - 1, members[starts])
    number = np.concatenate([roots, np.arange(leaves + len(later), leaves + len(later) + len(tree.children))])
    children = np.concatenate([equal, number[tree.children]]).astype(np.int64).reshape(-1, 2)
    heights = np.concatenate([np.zeros(len(later)), tree.heights])
    order = np.concatenate([members[starts[one] : starts[one] + sizes[one]] for one in tree.order]) if kinds < leaves else members[tree.order]
    return _displayed(Merges(children, heights, order), index, title)


def _displayed(tree: Merges, index: Ids, title: str) -> Tree:
    """Return a tree with its leaves numbered by their place in the order."""
    leaves = len(tree.order)
    place = np.empty(leaves, np.int64)
    place[tree.order] = np.arange(leaves)
    number = np.concatenate([place, np.arange(leaves, 2 * leaves - 1)])
    children, heights = by_height(number[turned(tree.children, tree.order)], tree.heights, leaves)
    return Tree(index[tree.order], children, heights, title)
