"""A neighbour graph laid out in the plane: the algorithm of UMAP, parallel, and the same at every run.

Every point has its own stream of random numbers, and sees its neighbours where they were before the step. So the work can be cut among threads
anywhere, and the picture depends on nothing but the graph and the seed. Landmarks, which are laid out together, and rows, which are placed among
landmarks that stand still, go through the same kernel.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numba as nb
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Floats = NDArray[np.float32]
Codes = NDArray[np.int32]
Offsets = NDArray[np.int64]

# Nearness in the plane is 1 / (1 + STEEP d²): UMAP's curve for a minimum distance of 0.1, with the exponent rounded to 2. A power
# that needs no logarithm makes the kernel five times faster, and the picture does not tell.
STEEP = 1.8
# Longest move by one pull or push, in units of the layout, where neighbours lie about 0.1 apart.
LONGEST = 4.0
# A weak pull to the middle across and along, the share of the way in a first step. Without it what has no tie to the rest drifts far away
# and the map is mostly sea: the distance between two islands says little but that they are two. Weaker along, for screens are wide.
GRAVITY, POWER, WIDER = 0.002, 4, 1.4
# How wide the first positions spread.
WIDTH = 5.0
# A row is placed in so many epochs; it begins near its end, and so with half the landmarks' first step.
PLACING = 30


@nb.njit(nogil=True, cache=True)
def memberships(distances: Floats) -> Floats:
    """Return how surely each neighbour belongs, in (0, 1].

    The nearest has 1; the others fall with the distance beyond it, so fast that a row's sum is log2 of the number of neighbours.
    """
    rows, k = distances.shape
    out = np.empty((rows, k), np.float32)
    wanted = np.log2(k)
    for i in range(rows):
        nearest, mean = distances[i, 0], 0.0
        for j in range(k):
            mean += (distances[i, j] - nearest) / k
        low, high, width = 0.0, np.inf, max(mean, 1e-12)
        for _ in range(40):
            total = 0.0
            for j in range(k):
                total += np.exp(-(distances[i, j] - nearest) / width)
            if abs(total - wanted) < 1e-3:
                break
            if total > wanted:
                high = width
                width = (low + high) / 2
            else:
                low = width
                width = width * 2 if high == np.inf else (low + high) / 2
        for j in range(k):
            out[i, j] = np.exp(-(distances[i, j] - nearest) / max(width, 1e-3 * mean, 1e-12))
    return out


def fuzzy_graph(neighbours: Codes, distances: Floats) -> csr_array:
    """Return the symmetric graph of the neighbours: two points belong together unless neither takes the other for its own."""
    rows, k = neighbours.shape
    source = np.repeat(np.arange(rows, dtype=np.int32), k)
    one = csr_array((memberships(distances).ravel(), (source, neighbours.ravel())), shape=(rows, rows))
    back = one.T.tocsr()
    graph = csr_array(one + back - one.multiply(back))
    graph.sort_indices()
    return graph


@nb.njit(nogil=True, cache=True)
def _mixed(value: np.uint64) -> np.uint64:
    # SplitMix64: hashes a counter to 64 good bits.
    z = value + nb.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> nb.uint64(30))) * nb.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> nb.uint64(27))) * nb.uint64(0x94D049BB133111EB)
    return z ^ (z >> nb.uint64(31))


@nb.njit(nogil=True, cache=True, fastmath=True)
def settle(
    moving: Floats,
    fixed: Floats,
    starts: Offsets,
    neighbours: Codes,
    weights: Floats,
    first: int,
    clock: tuple[int, int, int, int],
) -> None:
    """Move points by the pull of their neighbours and the push of random others, which stand still meanwhile.

    Parameters
    ----------
    moving : (n, 2) array
        Changed in place.
    fixed : (m, 2) array
        Where the neighbours are.
    starts, neighbours, weights : arrays
        Point i has the edges ``starts[i]`` to ``starts[i + 1]``; a neighbour pulls in the share `weights` of the epochs.
    first : int
        Number of the first moving point: with the seed it gives each point its own random numbers.
    clock : (int, int, int, int)
        Seed, first epoch, end epoch, all epochs. The step shrinks from 1 to nothing over all epochs.
    """
    seed, begin, end, epochs = clock
    count = nb.uint64(fixed.shape[0])
    for i in range(moving.shape[0]):
        x, y = moving[i, 0], moving[i, 1]
        own = _mixed(nb.uint64(first + i) ^ (nb.uint64(seed) << nb.uint64(40)))
        for epoch in range(begin, end):
            step = np.float32(1.0 - epoch / epochs)
            longest = np.float32(LONGEST) * step
            state = _mixed(own + nb.uint64(epoch))
            for e in range(starts[i], starts[i + 1]):
                state = _mixed(state)
                if np.float32(state >> nb.uint64(40)) * np.float32(1 / 16777216) >= weights[e]:
                    continue
                dx, dy = fixed[neighbours[e], 0] - x, fixed[neighbours[e], 1] - y
                square = dx * dx + dy * dy
                pull = np.float32(2 * STEEP) / (1 + np.float32(STEEP) * square) * step
                # Cut by length, not by axis, or far clusters grow diagonal crosses.
                if pull * pull * square > longest * longest:
                    pull = longest / np.sqrt(square)
                x += pull * dx
                y += pull * dy
                # UMAP pushes five times for a pull at both ends of an edge; here each end pulls for itself: twice or three times.
                for _ in range(2 + (state & nb.uint64(1))):
                    state = _mixed(state)
                    j = ((state >> nb.uint64(32)) * count) >> nb.uint64(32)  # type: ignore[operator]
                    dx, dy = x - fixed[j, 0], y - fixed[j, 1]
                    square = dx * dx + dy * dy
                    push = np.float32(2) / ((np.float32(0.001) + square) * (1 + np.float32(STEEP) * square)) * step
                    if push * push * square > longest * longest:
                        push = longest / np.sqrt(square)
                    x += push * dx
                    y += push * dy
        moving[i, 0], moving[i, 1] = x, y


def lay_out(graph: csr_array, start: Floats, seed: int, threads: int, report: Callable[[int, int], None]) -> Floats:
    """Return positions for the points of a graph, which move all together from `start`."""
    starts, neighbours = graph.indptr.astype(np.int64), graph.indices.astype(np.int32)
    weights = graph.data.astype(np.float32) / np.float32(graph.data.max())
    # Small graphs are cheap and need longer to unfold.
    epochs = 400 if len(start) > 10_000 else 600
    middle = start.mean(axis=0)
    positions: Floats = (start - middle) * np.float32(WIDTH / max(float(start.std()), 1e-30))
    cuts = np.linspace(0, len(start), threads * 2 + 1).astype(int).tolist()
    with ThreadPoolExecutor(threads) as pool:
        for epoch in range(epochs):
            report(epoch, epochs)
            before, clock = positions.copy(), (seed, epoch, epoch + 1, epochs)
            tasks = [pool.submit(settle, positions[a:b], before, starts[a : b + 1], neighbours, weights, a, clock) for a, b in pairwise(cuts)]
            for task in tasks:
                task.result()
            positions *= _held(positions, 1 - epoch / epochs)
    report(epochs, epochs)
    return positions


def _held(positions: Floats, step: float) -> Floats:
    oval = np.hypot(positions[:, 0] / WIDER, positions[:, 1])
    beyond = np.minimum(oval / max(float(np.median(oval)), 1e-30), 3) ** POWER
    return np.asarray(1 - GRAVITY * step * beyond, np.float32)[:, None]


@nb.njit(nogil=True, cache=True)
def beginnings(landmarks: Floats, neighbours: Codes, weights: Floats) -> Floats:
    """Return a first place for each row: the mean of those of its neighbours that lie together.

    The mean of all would lie in the empty space between two clusters when they disagree, and draw threads there.
    """
    rows, k = neighbours.shape
    out = np.empty((rows, 2), np.float32)
    for i in range(rows):
        best, middle = -1.0, 0
        for j in range(k):
            support = 0.0
            for other in range(k):
                dx = landmarks[neighbours[i, j], 0] - landmarks[neighbours[i, other], 0]
                dy = landmarks[neighbours[i, j], 1] - landmarks[neighbours[i, other], 1]
                support += weights[i, other] / (1 + dx * dx + dy * dy)
            if support > best:
                best, middle = support, neighbours[i, j]
        x, y, total = 0.0, 0.0, 0.0
        for j in range(k):
            near = neighbours[i, j]
            dx, dy = landmarks[near, 0] - landmarks[middle, 0], landmarks[near, 1] - landmarks[middle, 1]
            if dx * dx + dy * dy <= 1:
                x += weights[i, j] * landmarks[near, 0]
                y += weights[i, j] * landmarks[near, 1]
                total += weights[i, j]
        out[i, 0], out[i, 1] = x / total, y / total
    return out


def placed(landmarks: Floats, neighbours: Codes, distances: Floats, first: int, seed: int) -> Floats:
    """Return positions for rows among landmarks that stand still.

    Parameters
    ----------
    landmarks : (m, 2) array
        Positions.
    neighbours, distances : (n, k) arrays
        The nearest landmarks of each row, nearest first.
    first : int
        Number of the first row: a row's place does not depend on how the rows are cut into blocks.
    seed : int
        Chooses the random numbers.
    """
    weights = memberships(distances)
    positions = beginnings(landmarks, neighbours, weights)
    starts = np.arange(len(neighbours) + 1, dtype=np.int64) * neighbours.shape[1]
    clock = (seed + 1, PLACING, 2 * PLACING, 2 * PLACING)
    settle(positions, landmarks, starts, neighbours.ravel(), weights.ravel(), first, clock)
    return positions
