"""What is clustered: the rows or the columns of a matrix as vectors, read block by block, and what one pass tells of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numba as nb
import numpy as np
from numpy.typing import NDArray

from bigview.build.progress import Progress, Silent
from bigview.store import pool
from bigview.store.matrix import MatrixTable
from bigview.store.sparse import Half

Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]
Side = Literal["rows", "cols"]
Entries = tuple[NDArray[np.int64], NDArray[Any], Doubles]
Metric = Literal["euclidean", "cosine", "correlation"]

# Leaves and features read at once: 64 MB in double precision.
TALL, WIDE = 4_096, 2_048


@dataclass(frozen=True)
class Leaves:
    """Vectors to be clustered.

    Attributes
    ----------
    count, width : int
        How many, and of how many features.
    read : callable
        Returns the block of a range of leaves and a range of features (two pairs of first and one past the last), of any numeric type; NaN, or what
        `missing` says, where a value is missing.
    entries : callable, optional
        Returns what is stored of a range of leaves, where all else is 0: where each leaf's entries begin, their features, their values.
    """

    count: int
    width: int
    read: Callable[[tuple[int, int], tuple[int, int]], NDArray[Any]]
    missing: int | None = None
    entries: Callable[[tuple[int, int]], Entries] | None = None

    def block(self, leaves: tuple[int, int], features: tuple[int, int]) -> Doubles:
        """Return a block in double precision, NaN where there is no finite value."""
        given = self.read(leaves, features)
        values = given.astype(np.float64)
        if self.missing is not None:
            values[given == self.missing] = np.nan
        elif given.dtype.kind == "f":
            values[~np.isfinite(values)] = np.nan
        return values

    def blocks(self) -> Iterator[tuple[int, int, Doubles]]:
        """Yield (first leaf, first feature, block), all features of some leaves before other leaves."""
        for low in range(0, self.count, TALL):
            for left in range(0, self.width, WIDE):
                if pool.stopped():
                    raise pool.Stopped
                yield low, left, self.block((low, min(low + TALL, self.count)), (left, min(left + WIDE, self.width)))


def leaves_of_array(values: NDArray[Any]) -> Leaves:
    """Return the rows of an array."""
    return Leaves(values.shape[0], values.shape[1], lambda rows, cols: values[slice(*rows), slice(*cols)])


def leaves_of(table: MatrixTable, side: Side) -> Leaves:
    """Return the rows, or the columns, of a matrix.

    Those of a similarity are its vectors. Categories have a feature for each category, 1 / √2 where it is there: then the square of a distance is the
    number of cells that differ.
    """
    count, width = table.shape if side == "rows" else table.shape[::-1]
    if table.manifest.layout == "similarity":
        vectors = table.similar
        return Leaves(count, vectors.width, lambda leaves, features: vectors.prepared(np.arange(*leaves))[:, slice(*features)])
    if table.manifest.layout == "sparse":
        half = table.sparse.by_row if side == "rows" else table.sparse.by_col
        return Leaves(count, width, partial(_cells, table, side), table.missing, partial(_entries, half))
    if table.kind == "category":
        codes = len(table.manifest.categories)
        return Leaves(count, width * codes, partial(_indicators, table, side, codes))
    return Leaves(count, width, partial(_cells, table, side), table.missing)


def _cells(table: MatrixTable, side: Side, leaves: tuple[int, int], features: tuple[int, int]) -> NDArray[Any]:
    (r0, r1), (c0, c1) = (leaves, features) if side == "rows" else (features, leaves)
    out = np.empty((r1 - r0, c1 - c0), table.dtype)
    for row, col, values in table.blocks(slice(r0, r1), slice(c0, c1)):
        out[row - r0 : row - r0 + values.shape[0], col - c0 : col - c0 + values.shape[1]] = values
    return out if side == "rows" else out.T


def _entries(half: Half, leaves: tuple[int, int]) -> Entries:
    begin, features, values, first = half.entries(slice(*leaves))
    found = values.astype(np.float64)
    found[~np.isfinite(found)] = np.nan
    return begin[leaves[0] : leaves[1] + 1] - first, features, found


def _indicators(table: MatrixTable, side: Side, codes: int, leaves: tuple[int, int], features: tuple[int, int]) -> Floats:
    first, last = features[0] // codes, -(-features[1] // codes)
    cells = _cells(table, side, leaves, (first, last))
    there = np.where(cells[..., None] == np.arange(codes), np.float32(np.sqrt(0.5)), np.float32(0))
    there[(cells < 0) | (cells >= codes) if table.missing is None else cells == table.missing] = np.nan
    return there.reshape(len(cells), -1)[:, features[0] - first * codes : features[1] - first * codes]


@dataclass(frozen=True)
class Survey:
    """What one pass tells of leaves.

    Attributes
    ----------
    kind : (n,) array of int64
        Equal leaves have the same number; numbers go by the first leaf of each kind.
    first : (k,) array of int64
        The first leaf of each kind, ascending.
    shift, factor : arrays, of shape (1 or n, 1 or m)
        What is taken from values, and what the rest is multiplied by.
    scale : float
        What distances have to be multiplied by to be in the unit of the values; a power of two.
    """

    kind: NDArray[np.int64]
    first: NDArray[np.int64]
    shift: Doubles
    factor: Doubles
    scale: float

    def ready(self, values: Doubles, leaves: tuple[int, int], features: tuple[int, int]) -> Floats:
        """Return a block as it is compared: shifted, scaled, in single precision."""
        shift, factor = (part[slice(*leaves) if part.shape[0] > 1 else slice(None)] for part in (self.shift, self.factor))
        shift, factor = (part[:, slice(*features) if part.shape[1] > 1 else slice(None)] for part in (shift, factor))
        return np.asarray((values - shift) * factor, np.float32)


def survey(leaves: Leaves, metric: Metric, standard: bool, tell: Progress | None = None) -> Survey:
    """Read leaves once: which are equal, and what makes them comparable.

    Parameters
    ----------
    leaves : Leaves
    metric : {"euclidean", "cosine", "correlation"}
        Cosine and correlation are Euclidean distances between vectors of length 1, for correlation after their mean is taken away. With gaps, mean
        and length are those of the values there are.
    standard : bool
        Whether each feature is divided by its standard deviation; for Euclidean distances.
    tell : Progress, optional
    """
    tell = tell or Silent()
    tell.stage("survey", leaves.count, "leaves")
    sums, squares, counts = (np.zeros(leaves.width) for _ in range(3))
    own = np.zeros((leaves.count, 3))
    hashes = np.zeros(leaves.count, np.uint64)
    largest = 0.0
    if leaves.entries is not None:
        largest = _survey_sparse(leaves, (sums, squares, counts), own, hashes, tell)
    for low, left, block in leaves.blocks() if leaves.entries is None else ():
        high, right = low + block.shape[0], left + block.shape[1]
        largest = max(largest, float(np.nanmax(np.abs(block), initial=0.0, where=~np.isnan(block))))
        _survey(block, left, (sums[left:right], squares[left:right], counts[left:right]), own[low:high], hashes[low:high])
        tell.advance(block.shape[0] if right == leaves.width else 0)
    first, kind = equal(hashes)
    if metric == "euclidean":
        mean = sums / np.maximum(counts, 1)
        shift = mean[None, :]
        # A power of two makes the largest value about 1, so that squares have room, and loses nothing.
        power = 2.0 ** np.floor(np.log2(largest)) if largest > 0 else 1.0
        if not standard:
            return Survey(kind, first, shift, np.array([[1 / power]]), power)
        deviation = np.sqrt(np.maximum(squares / np.maximum(counts, 1) - mean * mean, 0))
        flat = deviation <= 1e-12 * np.abs(mean)  # a feature that never changes tells nothing
        return Survey(kind, first, shift, np.where(flat, 0, 1 / np.where(flat, 1, deviation))[None, :], 1.0)
    there = np.maximum(own[:, 2], 1)
    mean = own[:, 0] / there if metric == "correlation" else np.zeros(leaves.count)
    power_of = np.maximum(own[:, 1] / there - mean * mean, 0) * leaves.width
    flat = power_of <= 1e-24 * own[:, 1]
    return Survey(kind, first, mean[:, None], np.where(flat, 0, 1 / np.sqrt(np.where(flat, 1, power_of)))[:, None], 1.0)


def _survey_sparse(leaves: Leaves, features: tuple[Doubles, Doubles, Doubles], own: Doubles, hashes: NDArray[np.uint64], tell: Progress) -> float:
    """Do the same for what is stored of sparse leaves; what is not stored is 0. Returns the largest size of a value."""
    assert leaves.entries is not None
    features[2][:] = leaves.count
    own[:, 2] = leaves.width
    largest = 0.0
    for low in range(0, leaves.count, TALL):
        if pool.stopped():
            raise pool.Stopped
        high = min(low + TALL, leaves.count)
        begin, numbers, values = leaves.entries((low, high))
        largest = max(largest, float(np.nanmax(np.abs(values), initial=0.0, where=~np.isnan(values))))
        _survey_entries(begin, numbers, values, features, own[low:high], hashes[low:high])
        tell.advance(high - low)
    return largest


@nb.njit(nogil=True, cache=True)
def _survey_entries(begin, numbers, values, features, own, hashes):  # type: ignore[no-untyped-def]
    sums, squares, counts = features
    bits = values.view(np.uint64)
    for i in range(begin.shape[0] - 1):
        for at in range(begin[i], begin[i + 1]):
            value, j = values[at], numbers[at]
            if value == value:  # not NaN
                sums[j] += value
                squares[j] += value * value
                own[i, 0] += value
                own[i, 1] += value * value
                if value != 0:
                    hashes[i] += _mixed(bits[at], j)
            else:
                counts[j] -= 1
                own[i, 2] -= 1
                hashes[i] += _mixed(nb.uint64(0x7FF8000000000000), j)


@nb.njit(nogil=True, cache=True)
def _mixed(bits, feature):  # type: ignore[no-untyped-def]
    # SplitMix64 of the value, then of the value and its feature.
    mixed = nb.uint64(bits)
    for _ in range(2):
        mixed += nb.uint64(0x9E3779B97F4A7C15) * nb.uint64(feature + 1)
        mixed = (mixed ^ (mixed >> nb.uint64(30))) * nb.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> nb.uint64(27))) * nb.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> nb.uint64(31)
    return mixed


@nb.njit(nogil=True, cache=True)
def _survey(block, left, features, own, hashes):  # type: ignore[no-untyped-def]
    """Add a block to sums over features and over leaves, and to a hash of each leaf that does not depend on the order of the blocks."""
    sums, squares, counts = features
    bits = block.view(np.uint64)
    for i in range(block.shape[0]):
        for j in range(block.shape[1]):
            value = block[i, j]
            if value == 0:
                counts[j] += 1
                own[i, 2] += 1
                continue
            mixed = nb.uint64(0x7FF8000000000000)
            if value == value:  # not NaN
                sums[j] += value
                squares[j] += value * value
                counts[j] += 1
                own[i, 0] += value
                own[i, 1] += value * value
                own[i, 2] += 1
                mixed = bits[i, j]
            hashes[i] += _mixed(mixed, left + j)


def equal(hashes: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first leaf of each kind, ascending, and the kind of each leaf.

    Two different ones of ten million have the same 64 bits with a chance of one in 400,000.
    """
    _, first, kind = np.unique(hashes, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty(len(first), np.int64)
    rank[order] = np.arange(len(first))
    return first[order].astype(np.int64), rank[kind]
