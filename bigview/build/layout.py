"""A neighbour graph laid out in the plane: the algorithm of UMAP, in parallel and the same at every run.

Every point has its own stream of random numbers and moves by what its neighbours were before the step. So the work can be cut among threads
anywhere, and the picture depends on nothing but the graph and the seed. The points that are laid out together and the rows that are placed later
among them, when they stand still, go through the same kernel.
"""

from concurrent.futures import ThreadPoolExecutor

import numba as nb
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Floats = NDArray[np.float32]
Codes = NDArray[np.int32]

# The curve 1 / (1 + a d^2b) fitted to UMAP's default: spread 1, minimum distance 0.1.
CURVE_A, CURVE_B = 1.577, 0.8951
GRAVITY = 0.002
# Random points that push, for each neighbour that pulls. UMAP's 5 for a pull on both ends of an edge.
PUSHES = 2.5
# Longest move of one pull or push, in units of the layout.
LONGEST = 4.0


@nb.njit(nogil=True, cache=True)
def memberships(distances: Floats) -> Floats:
    """Return how surely each neighbour belongs: 1 for the nearest, falling so that a row's sum is log2 of the number of neighbours."""
    rows, k = distances.shape
    out = np.empty((rows, k), np.float32)
    wanted = np.log2(k)
    for i in range(rows):
        nearest = distances[i, 0]
        mean = 0.0
        for j in range(k):
            mean += distances[i, j] / k
        low, high, width = 0.0, np.inf, max(mean - nearest, 1e-12)
        for _ in range(48):
            total = 0.0
            for j in range(k):
                total += np.exp(-(distances[i, j] - nearest) / width)
            if abs(total - wanted) < 1e-4:
                break
            if total > wanted:
                high = width
                width = (low + high) / 2
            else:
                low = width
                width = width * 2 if high == np.inf else (low + high) / 2
        width = max(width, 1e-3 * mean, 1e-12)
        for j in range(k):
            out[i, j] = np.exp(-(distances[i, j] - nearest) / width)
    return out


def fuzzy_graph(neighbours: Codes, distances: Floats) -> csr_array:
    """Return the symmetric graph: an edge is there unless neither end holds it (probabilistic or)."""
    rows, k = neighbours.shape
    weight = memberships(distances).ravel()
    source = np.repeat(np.arange(rows, dtype=np.int32), k)
    keep = neighbours.ravel() != source
    one = csr_array((weight[keep], (source[keep], neighbours.ravel()[keep])), shape=(rows, rows))
    back = one.T.tocsr()
    both = one.multiply(back)
    graph = csr_array(one + back - both)
    graph.sort_indices()
    return graph


@nb.njit(inline="always")
def _mixed(value: int) -> int:
    # SplitMix64: a good 64-bit hash of a counter.
    z = nb.uint64(value) + nb.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> nb.uint64(30))) * nb.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> nb.uint64(27))) * nb.uint64(0x94D049BB133111EB)
    return z ^ (z >> nb.uint64(31))


@nb.njit(nogil=True, cache=True, fastmath=True)
def settle(
    moving: Floats, fixed: Floats, starts: NDArray[np.int64], neighbours: Codes, weights: Floats, first: int, clock: tuple[int, int, int, int], a: float = 1.577, b: float = 0.8951, g: float = 0.0
) -> None:
    """Move points by the pull of their neighbours and the push of random others, which stand still meanwhile.

    Parameters
    ----------
    moving : (n, 2) array
        Changed in place.
    fixed : (m, 2) array
        Where the neighbours are.
    starts, neighbours, weights
        Edges of moving point i: ``starts[i]`` to ``starts[i + 1]``; a neighbour pulls in the share `weights` of the epochs.
    first : int
        Number of the first moving point; with the seed it chooses the point's random numbers.
    clock : (int, int, int, int)
        Seed, first epoch, end epoch, all epochs; the step shrinks to nothing over all epochs.
    """
    seed, begin, end, epochs = clock
    count = fixed.shape[0]
    for i in range(moving.shape[0]):
        x, y = moving[i, 0], moving[i, 1]
        for epoch in range(begin, end):
            step = np.float32(1.0 - epoch / epochs)
            state = _mixed(nb.uint64(first + i) * nb.uint64(0x2545F4914F6CDD1D) ^ _mixed(nb.uint64(seed) + (nb.uint64(epoch) << nb.uint64(32))))
            x -= np.float32(g) * step * x
            y -= np.float32(g) * step * y
            for e in range(starts[i], starts[i + 1]):
                state = _mixed(state)
                if np.float32(state >> nb.uint64(40)) * np.float32(1 / 16777216) >= weights[e]:
                    continue
                j = neighbours[e]
                dx, dy = x - fixed[j, 0], y - fixed[j, 1]
                square = dx * dx + dy * dy
                if square > 0:
                    power = np.float32(np.exp(np.float32(b) * np.log(square)))
                    pull = np.float32(-2 * a*b) * power / (square * (1 + np.float32(a) * power)) * step
                    pull = min(max(pull, -LONGEST*step / np.sqrt(square)), LONGEST*step / np.sqrt(square))
                    x += pull * dx
                    y += pull * dy
                pushes = 2 + (state & nb.uint64(1))
                for _ in range(pushes):
                    state = _mixed(state)
                    j = nb.int64((state >> nb.uint64(33)) % nb.uint64(count))
                    dx, dy = x - fixed[j, 0], y - fixed[j, 1]
                    square = dx * dx + dy * dy
                    if square > 0:
                        power = np.float32(np.exp(np.float32(b) * np.log(square)))
                        push = np.float32(2 * b) / ((np.float32(0.001) + square) * (1 + np.float32(a) * power)) * step
                        push = min(push, LONGEST*step / np.sqrt(square))
                        x += push * dx
                        y += push * dy
        moving[i, 0], moving[i, 1] = x, y


def lay_out(graph: csr_array, start: Floats, epochs: int, seed: int, threads: int = 2, report=None, curve=(1.577, 0.8951, 0.0)) -> Floats:
    """Lay out a graph from a first position, all points at once."""
    starts, neighbours, weights = graph.indptr.astype(np.int64), graph.indices.astype(np.int32), graph.data.astype(np.float32)
    weights = weights / weights.max()
    new = start.astype(np.float32).copy()
    cuts = np.linspace(0, len(start), threads * 2 + 1).astype(int)
    with ThreadPoolExecutor(threads) as pool:
        for epoch in range(epochs):
            old = new.copy()
            tasks = [
                pool.submit(settle, new[a:b], old, starts[a : b + 1], neighbours, weights, a, (seed, epoch, epoch + 1, epochs), *curve)
                for a, b in zip(cuts, cuts[1:])
            ]
            for task in tasks:
                task.result()
    return new
