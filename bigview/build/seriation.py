"""The order of a tree's leaves: each merge may turn, so that neighbours are alike.

The best of the 2^(n − 1) orders (Bar-Joseph, Gifford and Jaakkola, Fast optimal leaf ordering for hierarchical clustering, Bioinformatics 17, 2001).
"""

import numba as nb
import numpy as np
from numpy.typing import NDArray

from bigview.store import pool

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]


def optimal_order(far: Floats, children: Ids) -> Ids:
    """Return the order of the leaves that keeps the tree and has the least sum of distances between neighbours.

    Parameters
    ----------
    far : (n, n) array of float32
        Distances.
    children : (n − 1, 2) array of int64
        Merges, children before parents.

    Returns
    -------
    (n,) array of int64
        Leaves, from the first to the last.

    Raises
    ------
    Stopped
        When the thread's work was told to stop.

    Notes
    -----
    At most n³ / 4 steps of a loop that the processor's vector units do, and 8 n² bytes.
    """
    leaves = len(far)
    order, starts, middles, sizes = _laid_out(children, leaves)
    near = np.ascontiguousarray(far[np.ix_(order, order)])
    # best[i, j] is the least sum for the smallest subtree that has both, with i at one end and j at the other.
    best = np.zeros((leaves, leaves), np.float32)
    scratch = np.empty((leaves, leaves), np.float32)
    tables = (starts, middles, sizes)
    for merge in range(leaves - 1):
        if sizes[leaves + merge] > 64 and pool.stopped():
            raise pool.Stopped
        _best_ends(near, best, scratch, tables, children[merge], leaves + merge)
    return np.asarray(order[_traced(near, best, tables, children)] if leaves > 1 else order)


def turned(children: Ids, order: Ids) -> Ids:
    """Return merges whose first child stands first in an order of the leaves that keeps the tree."""
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return np.asarray(_turned(children, place))


@nb.njit(nogil=True, cache=True)
def _turned(children, place):  # type: ignore[no-untyped-def]
    leaves = place.shape[0]
    first, result = np.empty(2 * leaves - 1, np.int64), children.copy()
    first[:leaves] = place
    for merge in range(children.shape[0]):
        a, b = children[merge]
        if first[a] > first[b]:
            result[merge, 0], result[merge, 1] = b, a
        first[leaves + merge] = min(first[a], first[b])
    return result


@nb.njit(nogil=True, cache=True)
def _laid_out(children, leaves):  # type: ignore[no-untyped-def]
    """Put the leaves in a line as the children stand: node v has positions starts[v] … starts[v] + sizes[v], its second child from middles[v] on."""
    nodes = 2 * leaves - 1
    starts, middles, sizes = np.zeros(nodes, np.int64), np.zeros(nodes, np.int64), np.ones(nodes, np.int64)
    for merge in range(leaves - 1):
        sizes[leaves + merge] = sizes[children[merge, 0]] + sizes[children[merge, 1]]
    for merge in range(leaves - 2, -1, -1):
        node = leaves + merge
        a, b = children[merge]
        starts[a], starts[b] = starts[node], starts[node] + sizes[a]
        middles[node] = starts[b]
    order = np.empty(leaves, np.int64)
    for leaf in range(leaves):
        order[starts[leaf]] = leaf
        middles[leaf] = starts[leaf]
    return order, starts, middles, sizes


@nb.njit(nogil=True, cache=True)
def _other(tables, node, end, leaves):  # type: ignore[no-untyped-def]
    """Return the run of positions that may be at the other end of a subtree that has `end` at one end."""
    starts, middles, sizes = tables
    if node < leaves:
        return starts[node], starts[node] + 1
    if end < middles[node]:
        return middles[node], starts[node] + sizes[node]
    return starts[node], middles[node]


@nb.njit(nogil=True, cache=True, fastmath={"nnan", "nsz"})
def _best_ends(near, best, scratch, tables, pair, node):  # type: ignore[no-untyped-def]
    starts, _, sizes = tables
    leaves = near.shape[0]
    a, b = pair
    a0, a1, b0, b1 = starts[a], starts[a] + sizes[a], starts[b], starts[b] + sizes[b]
    for i in range(a0, a1):
        # From i through the first child to any of its other ends, and over to l in the second child.
        k0, k1 = _other(tables, a, i, leaves)
        over = scratch[i, b0:b1]
        over[:] = np.float32(np.inf)
        for k in range(k0, k1):
            so_far, step = best[i, k], near[k, b0:b1]
            for at in range(b1 - b0):
                value = so_far + step[at]
                over[at] = value if value < over[at] else over[at]
        best[i, b0:b1] = np.float32(np.inf)
        for at in range(b1 - b0):
            j0, j1 = _other(tables, b, b0 + at, leaves)
            so_far, step, found = over[at], best[b0 + at, j0:j1], best[i, j0:j1]
            for j in range(j1 - j0):
                value = so_far + step[j]
                found[j] = value if value < found[j] else found[j]
    for i in range(a0, a1):
        for j in range(b0, b1):
            best[j, i] = best[i, j]


@nb.njit(nogil=True, cache=True)
def _traced(near, best, tables, children):  # type: ignore[no-untyped-def]
    """Return the positions in their best order."""
    starts, middles, _ = tables
    leaves = near.shape[0]
    root = 2 * leaves - 2
    node, left, right = np.empty(leaves, np.int64), np.empty(leaves, np.int64), np.empty(leaves, np.int64)
    order, done = np.empty(leaves, np.int64), 0
    node[0], depth = root, 1
    least = np.float32(np.inf)
    left[0], right[0] = 0, 0
    for i in range(starts[root], middles[root]):
        for j in range(middles[root], leaves):
            if best[i, j] < least:
                least, left[0], right[0] = best[i, j], i, j
    # What is still to be put down, the next one on top.
    while depth:
        depth -= 1
        here, i, j = node[depth], left[depth], right[depth]
        if here < leaves:
            order[done] = i
            done += 1
            continue
        a, b = children[here - leaves]
        if i >= middles[here]:
            a, b = b, a
        k0, k1 = _other(tables, a, i, leaves)
        l0, l1 = _other(tables, b, j, leaves)
        least, one, other = np.float32(np.inf), k0, l0
        for k in range(k0, k1):
            for m in range(l0, l1):
                value = best[i, k] + near[k, m] + best[m, j]
                if value < least:
                    least, one, other = value, k, m
        node[depth], left[depth], right[depth] = b, other, j
        node[depth + 1], left[depth + 1], right[depth + 1] = a, i, one
        depth += 2
    return order
