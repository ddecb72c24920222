"""How much of the neighbourhoods a map keeps."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from bigview.build.vectors import Metric, Vectors, VectorsLike, as_vectors, prepared

SIZES = (10, 100, 1000)
# Rows whose neighbours are looked up, and rows among which: the standard error of a share is then below 0.01.
QUERIES, AMONG = 1_000, 200_000
# Queries compared at once: 100 MB of similarities.
CHUNK = 128


@dataclass(frozen=True)
class Preservation:
    """Which share of a row's nearest neighbours are also its nearest on the map.

    Attributes
    ----------
    neighbours : tuple of int
        Sizes of the neighbourhoods.
    kept : tuple of float
        The share kept at each size, the mean over the queries.
    random : tuple of float
        The share that positions drawn by lot would keep.
    queries, among : int
        Rows asked, and rows among which the neighbours were looked for.
    """

    neighbours: tuple[int, ...]
    kept: tuple[float, ...]
    random: tuple[float, ...]
    queries: int
    among: int

    def text(self) -> str:
        """Return the numbers as lines to read."""
        if not self.neighbours:
            return "Neighbourhoods: too few rows to compare."
        lines = [f"Neighbourhoods kept ({self.queries:,} rows asked, among {self.among:,}):"]
        for size, kept, by_lot in zip(self.neighbours, self.kept, self.random, strict=True):
            lines.append(f"  {size:>5,} nearest: {kept:6.1%} kept   (by lot {by_lot:.2%})")
        return "\n".join(lines)


def preservation(vectors: VectorsLike | Vectors, xy: NDArray[np.floating], metric: Metric, seed: int = 0) -> Preservation:
    """Compare neighbourhoods in the space of the vectors with those on the map.

    Parameters
    ----------
    vectors : array, path, blocks
        As for `bigview.build.project.project`.
    xy : (n, 2) array
        Their positions; rows without one are left out.
    metric : {"cosine", "euclidean"}
        What near means among the vectors.
    seed : int
        Chooses the sample.
    """
    source = as_vectors(vectors)
    rows = source.sample(AMONG, seed)
    flat = np.asarray(xy[rows], np.float64)
    space, good = prepared(source.take(rows), metric)
    good &= np.isfinite(flat).all(axis=1)
    space, flat = space[good], flat[good]
    sizes = tuple(size for size in SIZES if size < len(flat))
    if not sizes:
        return Preservation((), (), (), 0, len(flat))
    asked = np.random.default_rng(seed).permutation(len(flat))[:QUERIES]
    tree = cKDTree(flat)
    # Squares of huge vectors would leave float32; neighbours do not depend on the unit.
    space /= max(float(np.abs(space).max()), 1e-30)
    length = np.einsum("ij,ij->i", space, space) / 2
    kept = np.zeros(len(sizes))
    for low in range(0, len(asked), CHUNK):
        chunk = asked[low : low + CHUNK]
        # Half the squared distance, up to a constant of the query; the row itself is put last.
        far = length - space[chunk] @ space.T
        far[np.arange(len(chunk)), chunk] = np.inf
        near = _nearest(far, sizes[-1])
        drawn = tree.query(flat[chunk], sizes[-1] + 1)[1]
        for row, here in enumerate(chunk):
            others = drawn[row][drawn[row] != here]
            for number, size in enumerate(sizes):
                kept[number] += len(np.intersect1d(near[row, :size], others[:size])) / size
    shares = tuple(float(value) for value in kept / len(asked))
    return Preservation(sizes, shares, tuple(size / (len(flat) - 1) for size in sizes), len(asked), len(flat))


def _nearest(far: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    near = np.argpartition(far, count - 1, axis=1)[:, :count]
    order = np.argsort(np.take_along_axis(far, near, axis=1), axis=1, kind="stable")
    return np.take_along_axis(near, order, axis=1)
