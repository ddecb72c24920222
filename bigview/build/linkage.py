"""Agglomerative clustering of a few thousand weighted items, exact, in steps that can be stopped.

The nearest-neighbour chain (Murtagh, A survey of recent advances in hierarchical clustering algorithms, Computer Journal 26, 1983) with the updates
of Lance and Williams (A general theory of classificatory sorting strategies, Computer Journal 9, 1967). It gives what SciPy and fastcluster give, and
takes weights, which they do not: equal rows are one item, and so is the middle of a cluster.
"""

from typing import Literal

import numba as nb
import numpy as np
from numpy.typing import NDArray

from bigview.store import pool

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]
Method = Literal["ward", "average", "complete", "single"]
METHODS = ("ward", "average", "complete", "single")
WARD, AVERAGE, COMPLETE, SINGLE = range(4)
# Merges between two looks whether to stop: a tenth of a second at 8,192 items.
STEP = 256


def linkage(far: Floats, weights: NDArray[np.float64], method: Method) -> tuple[Ids, NDArray[np.float64]]:
    """Return the merges of items by their distances.

    Parameters
    ----------
    far : (n, n) array of float32
        Finite distances, symmetric; for Ward's method the squares of Euclidean ones. It is overwritten.
    weights : (n,) array
        How many leaves each item stands for.
    method : {"ward", "average", "complete", "single"}

    Returns
    -------
    children : (n − 1, 2) array of int64
        Nodes: an item, or n + the number of an earlier merge. Children come before parents; heights are not in order.
    heights : (n − 1,) array of float64
        No merge is lower than its children. Ward's are those of SciPy: the root of twice the growth of the sum of squares.

    Raises
    ------
    Stopped
        When the thread's work was told to stop (`bigview.store.pool.stoppable`).
    """
    items = len(far)
    kind = METHODS.index(method)
    if kind == WARD:
        _weigh(far, weights)
    np.fill_diagonal(far, np.inf)
    children, heights = np.empty((max(items - 1, 0), 2), np.int64), np.empty(max(items - 1, 0))
    node, weight = np.arange(items), weights.astype(np.float64)
    chain, state = np.empty(items + 1, np.int64), np.zeros(2, np.int64)
    while state[1] < items - 1:
        if pool.stopped():
            raise pool.Stopped
        _chain(far, kind, (node, weight, chain, state), children, heights, min(state[1] + STEP, items - 1))
    if kind == WARD:
        np.sqrt(heights, out=heights)
    rising(children, heights, items)
    return children, heights


@nb.njit(nogil=True, cache=True)
def _weigh(far, weights):  # type: ignore[no-untyped-def]
    for i in range(far.shape[0]):
        for j in range(far.shape[0]):
            far[i, j] *= 2 * weights[i] * weights[j] / (weights[i] + weights[j])


@nb.njit(nogil=True, cache=True)
def rising(children, heights, leaves):  # type: ignore[no-untyped-def]
    """Raise merges to the height of their children, where rounding or a choice of parts left them lower; children come before parents."""
    for merge in range(children.shape[0]):
        for side in range(2):
            child = children[merge, side] - leaves
            if child >= 0 and heights[child] > heights[merge]:
                heights[merge] = heights[child]


@nb.njit(nogil=True, cache=True, fastmath={"nnan", "nsz", "reassoc"})
def _least(row):  # type: ignore[no-untyped-def]
    least = np.float32(np.inf)
    for k in range(row.shape[0]):
        value = row[k]
        least = value if value < least else least
    return least


@nb.njit(nogil=True, cache=True)
def _first(row, value):  # type: ignore[no-untyped-def]
    for k in range(row.shape[0]):
        if row[k] == value:
            return k
    return 0


@nb.njit(nogil=True, cache=True)
def _chain(far, kind, work, children, heights, until):  # type: ignore[no-untyped-def]
    """Merge until so many merges are made. What has been merged away has infinite distances, so that a row's least is one plain loop."""
    node, weight, chain, state = work
    items = far.shape[0]
    length, merges = state[0], state[1]
    while merges < until:
        if length == 0:
            for k in range(items):
                if node[k] >= 0:
                    chain[0] = k
                    length = 1
                    break
        tip = chain[length - 1]
        least = _least(far[tip])
        # Among equals the one that the chain came from, or else the chain would run in a circle.
        if length > 1 and far[tip, chain[length - 2]] <= least:
            near = chain[length - 2]
        else:
            near = _first(far[tip], least)
        if length < 2 or near != chain[length - 2]:
            chain[length] = near
            length += 1
            continue
        length -= 2
        keep, gone = min(tip, near), max(tip, near)
        children[merges, 0], children[merges, 1] = node[keep], node[gone]
        heights[merges] = far[keep, gone]
        _merge(far, kind, weight, keep, gone)
        node[keep], node[gone] = items + merges, -1
        weight[keep] += weight[gone]
        merges += 1
    state[0], state[1] = length, merges


@nb.njit(nogil=True, cache=True, fastmath={"nnan", "nsz", "reassoc"})
def _merge(far, kind, weight, keep, gone):  # type: ignore[no-untyped-def]
    """Update the distances to a merged item, by Lance and Williams."""
    one, other = far[keep], far[gone]
    height = one[gone]
    a, b = weight[keep], weight[gone]
    items = far.shape[0]
    if kind == WARD:
        for k in range(items):
            c = weight[k]
            one[k] = np.float32(((a + c) * one[k] + (b + c) * other[k] - c * height) / (a + b + c))
    elif kind == AVERAGE:
        p, q = np.float32(a / (a + b)), np.float32(b / (a + b))
        for k in range(items):
            one[k] = p * one[k] + q * other[k]
    elif kind == COMPLETE:
        for k in range(items):
            one[k] = max(one[k], other[k])
    else:
        for k in range(items):
            one[k] = min(one[k], other[k])
    one[keep] = np.inf
    one[gone] = np.inf
    for k in range(items):
        far[k, keep] = one[k]
        far[k, gone] = np.inf
