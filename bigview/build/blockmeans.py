"""How the means of blocks are spread, by the cells of a block: what the colours of an overview are taken from."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigview.store.similarity import SimilarCells, bin_sums
from bigview.store.sparse import Entries
from bigview.store.sparseloops import reduce_entries

_QUANTILES = 257
_PIXELS = 1024
"""Blocks across the whole matrix that are about the pixels of a screen."""
_BINS = 384
"""Blocks along each side of a sample."""
_WINDOWS = 4


def _steps(shape: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Yield rows and columns of blocks, those of a small picture of the whole matrix first."""
    for power in range(1, -40, -1):
        tall, wide = (max(1, math.floor(size * 2.0**power / _PIXELS)) for size in shape)
        if tall * wide <= 1:
            return
        yield tall, wide


def _spread(cells: int, means: NDArray[Any]) -> dict[str, Any]:
    """Return the quantiles of means; zeros that are more than half of them are as many as the others: else they would be all there is to see."""
    good = means[np.isfinite(means)]
    some = good[good != 0]
    good = np.append(some, np.zeros(min(len(some), len(good) - len(some)))) if len(some) else good
    found = np.quantile(good, np.linspace(0, 1, _QUANTILES)) if len(good) else np.empty(0)
    return {"cells": cells, "quantiles": [float(value) for value in found]}


def _bins(random: np.random.Generator, size: int, step: int, parts: int) -> NDArray[np.int64]:
    """Return where some of the whole blocks along an axis begin: `parts` runs of neighbours, since neighbours are what one sees."""
    count = max(1, size // step)
    if count <= _BINS:
        return np.arange(count) * step
    each = _BINS // parts
    first = random.integers(0, count - each + 1, parts)
    return np.unique((first[:, None] + np.arange(each)).ravel()) * step


def sparse_means(entries: Entries, shape: tuple[int, int]) -> list[dict[str, Any]]:
    """Return the spread of the means of blocks of a sparse matrix, zeros included, from samples of the blocks.

    Parameters
    ----------
    entries : tuple
        By rows, as `bigview.store.sparse.Half.entries` gives them.
    shape : (int, int)
    """
    random, found = np.random.default_rng(0), []
    for tall, wide in _steps(shape):
        rows, cols = (_bins(random, size, step, _WINDOWS) for size, step in zip(shape, (tall, wide), strict=True))
        place = np.full(shape[1], len(cols), np.uint32)
        for bin_, first in enumerate(cols.tolist()):
            place[first : first + wide] = bin_
        members = (rows[:, None] + np.arange(min(tall, shape[0]))).ravel()
        planes = [np.zeros((len(rows), len(cols) + 1), kind) for kind in (np.float64, np.int64, np.int64)]
        ends = [np.zeros((len(rows), len(cols) + 1), entries[2].dtype) for _ in range(2)]
        bins = members, np.arange(len(rows) + 1) * min(tall, shape[0])
        reduce_entries(entries, bins, (0, len(rows)), place, np.nan, (planes[0], np.zeros((0, 0)), planes[1], planes[2], *ends))
        held = tall * wide - planes[2][:, :-1]
        with np.errstate(invalid="ignore", divide="ignore"):
            found.append(_spread(tall * wide, planes[0][:, :-1] / held))
    return found


def similar_means(cells: SimilarCells) -> list[dict[str, Any]]:
    """Return the spread of the means of blocks of a similarity, from samples of the blocks; of Euclidean distances nothing is known."""
    random, found = np.random.default_rng(0), []
    for step, _ in _steps((cells.size, cells.size)) if cells.metric != "euclidean" else ():
        first = _bins(random, cells.size, step, _WINDOWS)
        sums = bin_sums(cells, (first[:, None] + np.arange(step)).ravel(), np.arange(len(first) + 1) * step)
        width = cells.width
        total, count = sums[:, :width] @ sums[:, :width].T, np.multiply.outer(sums[:, -1], sums[:, -1])
        if cells.metric == "sqeuclidean":
            total = np.multiply.outer(sums[:, width], sums[:, -1]) + np.multiply.outer(sums[:, -1], sums[:, width]) - 2 * total
        with np.errstate(invalid="ignore", divide="ignore"):
            found.append(_spread(step * step, total / count))
    return found
