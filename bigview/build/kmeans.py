"""k-means with weights and gaps, for parting a million rows into a few thousand cells.

The middles are found on a random sample (Lloyd, Least squares quantization in PCM, IEEE Transactions on Information Theory 28, 1982), begun far from
each other (Bahmani and others, Scalable k-means++, 2012); then all rows are given to their nearest middle in one pass. A gap counts as no difference.
"""

from collections.abc import Callable

import numba as nb
import numpy as np
from numpy.typing import NDArray

from bigview.build.progress import Progress, Silent
from bigview.store import pool

Floats = NDArray[np.float32]
Codes = NDArray[np.int32]

# Rows of the sample for each middle: more changes the middles by less than their own spread.
SAMPLE = 48
ROUNDS = 10
# Of the sampling that begins the search: each adds an equal share of the middles.
STARTS = 6
# Rows whose distances to all middles are held at once: 16 MB at 2,048 middles.
BLOCK = 2_048


def kmeans(values: Floats, weights: NDArray[np.float64], count: int, seed: int, tell: Progress | None = None) -> tuple[Codes, Floats]:
    """Return the number of each row's cell, and the middles of the cells.

    Parameters
    ----------
    values : (n, d) array of float32
        NaN where a value is missing.
    weights : (n,) array
        How many rows each one stands for.
    count : int
        How many cells; fewer come back where there are not so many different rows.
    seed : int
        Chooses the sample and the first middles; the same seed gives the same cells.
    tell : Progress, optional

    Returns
    -------
    (n,) array of int32
        0 … k − 1; each cell has at least one row.
    (k, d) array of float32
        The mean of each cell's rows over the values there are; 0 where a cell has none.
    """
    tell = tell or Silent()
    tell.stage("k-means", ROUNDS, "rounds")
    random = np.random.default_rng(seed)
    rows = len(values)
    chosen = np.sort(random.choice(rows, min(rows, SAMPLE * count), replace=False, shuffle=False))
    sample, heavy = np.ascontiguousarray(values[chosen]), weights[chosen]
    middles = _starts(sample, heavy, min(count, len(sample)), random)
    for _ in range(ROUNDS):
        codes, far = nearest(sample, middles)
        found, used = means(sample, heavy, codes, len(middles))
        empty = np.flatnonzero(~used)
        # A middle without rows goes to one of the rows that are farthest from theirs.
        found[empty] = _whole(sample[np.argsort(-far, kind="stable")[: len(empty)]])
        if np.array_equal(found, middles):
            break
        middles = found
        tell.advance(1)
    tell.stage("cells", rows, "leaves")
    codes, _ = nearest(values, middles, tell.advance)
    middles, used = means(values, weights, codes, len(middles))
    return (np.cumsum(used) - 1).astype(np.int32)[codes], middles[used]


def _starts(sample: Floats, weights: NDArray[np.float64], count: int, random: np.random.Generator) -> Floats:
    """Return rows far from each other: those of each round are drawn by the square of their distance to the nearest of those before."""
    each = -(-count // STARTS)
    taken = random.choice(len(sample), min(each, count), replace=False, p=weights / weights.sum())
    middles = _whole(sample[taken])
    far = np.full(len(sample), np.inf, np.float32)
    new = middles
    while len(middles) < count:
        np.minimum(far, nearest(sample, new)[1], out=far)
        chance = far.astype(np.float64) * weights
        able = int(np.count_nonzero(chance))
        if not able:
            break  # every row is at a middle
        taken = random.choice(len(sample), min(each, count - len(middles), able), replace=False, p=chance / chance.sum())
        new = _whole(sample[taken])
        middles = np.concatenate([middles, new])
    return middles


def _whole(rows: Floats) -> Floats:
    return np.nan_to_num(rows, nan=0.0)


def nearest(values: Floats, middles: Floats, advance: Callable[[int], None] | None = None) -> tuple[Codes, Floats]:
    """Return the number of the nearest middle of each row, the first of equal ones, and the square of its distance over the row's values."""
    codes, far = np.empty(len(values), np.int32), np.empty(len(values), np.float32)
    squares = np.einsum("ij,ij->i", middles, middles)
    for low in range(0, len(values), BLOCK):
        if pool.stopped():
            raise pool.Stopped
        block = values[low : low + BLOCK]
        missing = np.isnan(block)
        if missing.any():
            block = np.where(missing, np.float32(0), block)
            products = (~missing).astype(np.float32) @ (middles * middles).T - 2 * (block @ middles.T)
        else:
            products = block @ (-2 * middles.T)
            products += squares
        own = np.einsum("ij,ij->i", block, block)
        _argmin(products, own, codes[low : low + BLOCK], far[low : low + BLOCK])
        if advance is not None:
            advance(len(block))
    return codes, far


@nb.njit(nogil=True, cache=True, fastmath={"nnan", "nsz", "reassoc"})
def _argmin(products, own, codes, far):  # type: ignore[no-untyped-def]
    for i in range(products.shape[0]):
        row = products[i]
        least = np.float32(np.inf)
        for j in range(row.shape[0]):
            value = row[j]
            least = value if value < least else least
        at = 0
        while row[at] != least:
            at += 1
        codes[i] = at
        far[i] = max(least + own[i], np.float32(0))


def means(values: Floats, weights: NDArray[np.float64], codes: Codes, count: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the weighted mean of each cell's rows, over the values there are, and which cells have rows."""
    sums, totals = np.zeros((count, values.shape[1])), np.zeros((count, values.shape[1]))
    _add(values, weights, codes, sums, totals)
    return (sums / np.maximum(totals, 1e-300)).astype(np.float32), np.bincount(codes, minlength=count) > 0


@nb.njit(nogil=True, cache=True)
def _add(values, weights, codes, sums, totals):  # type: ignore[no-untyped-def]
    for i in range(values.shape[0]):
        code, weight = codes[i], weights[i]
        for j in range(values.shape[1]):
            value = values[i, j]
            if value == value:  # not NaN
                sums[code, j] += weight * value
                totals[code, j] += weight
