"""Many features made few, so that vectors fit into memory: a random sketch of very many, then the principal components of a sample.

The sketch adds each feature, with random signs, to four of 1,024 sums (Kane and Nelson, Sparser Johnson-Lindenstrauss transforms, Journal of the ACM
61, 2014); the components come from a randomized range finder (Halko, Martinsson and Tropp, Finding structure with randomness, SIAM Review 53, 2011).
Gaps count as the mean of their feature.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

from bigview.build.leaves import TALL, WIDE, Doubles, Floats, Leaves, Survey
from bigview.build.progress import Progress
from bigview.store import pool

# Sums of the sketch: a squared distance is kept to √(2 / 1,024), 4 %.
SKETCH, SPREAD = 1_024, 4
# Features up to which they are taken as they are, without a sketch.
PLAIN = 2_048
# Components, and as many more as the range finder needs to find these well.
COMPONENTS, SPARE, TURNS = 64, 16, 3
SAMPLE = 8_192


def reduced(leaves: Leaves, known: Survey, seed: int, tell: Progress) -> Floats:
    """Return the leaves of each kind (the first one stands for all) with at most 64 features.

    Returns
    -------
    (k, d) array of float32
        As they are, with NaN for gaps, where there are not more features; else their principal components, without gaps.
    """
    if leaves.width <= COMPONENTS:
        tell.stage("read", leaves.count, "leaves")
        found = np.empty((len(known.first), leaves.width), np.float32)
        for low, high, block in _strips(leaves, known, tell):
            found[low:high] = block
        return found
    base = _Base.of(leaves.width, seed)
    random = np.random.default_rng(seed)
    chosen = np.sort(random.choice(len(known.first), min(SAMPLE, len(known.first)), replace=False, shuffle=False))
    sample = np.empty((len(chosen), base.width), np.float32)
    tell.stage("sample", len(chosen), "leaves")
    for low, high in _ranges(known.first[chosen], leaves.count):
        if high > low:
            sample[low:high] = base.rows(leaves, known, known.first[chosen[low:high]])
            tell.advance(high - low)
    middle, components, share = _components(sample, random)
    tell.stage("reduce", leaves.count, "leaves")
    found = np.empty((len(known.first), components.shape[1]), np.float32)
    for low, high in _ranges(known.first, leaves.count):
        if high > low:
            found[low:high] = (base.rows(leaves, known, known.first[low:high]) - middle) @ components
        tell.advance(min(TALL, leaves.count))
    tell.note(f"{leaves.width:,} features became {components.shape[1]}, with {share:.0%} of what leaves differ by.")
    return found


def strips(leaves: Leaves, known: Survey, tell: Progress) -> Iterator[Floats]:
    """Yield some features of one leaf of each kind, again and again until all features have come."""
    each = max(1, min(WIDE, (1 << 24) // max(1, len(known.first))))
    for left in range(0, leaves.width, each):
        right = min(left + each, leaves.width)
        found = np.empty((len(known.first), right - left), np.float32)
        for low, high in _ranges(known.first, leaves.count):
            if high > low:
                found[low:high] = _picked(leaves, known, known.first[low:high], (left, right))
        yield found
        tell.advance(right - left)


def _ranges(first: NDArray[np.int64], count: int) -> Iterator[tuple[int, int]]:
    """Yield for each run of leaves that is read at once where it begins and ends among the ascending `first`."""
    for low in range(0, count, TALL):
        if pool.stopped():
            raise pool.Stopped
        begin, end = np.searchsorted(first, [low, low + TALL])
        yield int(begin), int(end)


def _picked(leaves: Leaves, known: Survey, picked: NDArray[np.int64], features: tuple[int, int]) -> Floats:
    """Return some leaves, ascending and close to each other, ready to be compared."""
    span = int(picked[0]), int(picked[-1]) + 1
    block = known.ready(leaves.block(span, features), span, features)
    return block if len(block) == len(picked) else block[picked - span[0]]


def _strips(leaves: Leaves, known: Survey, tell: Progress) -> Iterator[tuple[int, int, Floats]]:
    for low, high in _ranges(known.first, leaves.count):
        if high > low:
            yield low, high, _picked(leaves, known, known.first[low:high], (0, leaves.width))
        tell.advance(min(TALL, leaves.count))


@dataclass(frozen=True)
class _Base:
    """The features that components are made of: all of them, or sums of a sketch."""

    width: int
    place: NDArray[np.int32] | None
    sign: Floats | None

    @classmethod
    def of(cls, width: int, seed: int) -> "_Base":
        if width <= PLAIN:
            return cls(width, None, None)
        random = np.random.default_rng([seed, 1])
        place = random.integers(0, SKETCH, (width, SPREAD)).astype(np.int32)
        return cls(SKETCH, place, (random.integers(0, 2, (width, SPREAD)) * 2 - 1).astype(np.float32) / np.float32(np.sqrt(SPREAD)))

    def rows(self, leaves: Leaves, known: Survey, picked: NDArray[np.int64]) -> Floats:
        """Return some leaves."""
        found = np.zeros((len(picked), self.width), np.float32)
        if leaves.entries is not None and self.place is not None and self.sign is not None:
            span = int(picked[0]), int(picked[-1]) + 1
            stored, (shift, factor) = leaves.entries(span), (known.shift, known.factor)
            ones = np.zeros((1, self.width), np.float32)
            _sketch(np.ones((1, leaves.width), np.float32), self.place, self.sign, ones)
            if shift.shape[0] > 1:  # by leaves
                _sketch_entries(stored, picked - span[0], self.place, self.sign, (np.zeros(1), np.ones(1)), found)
                found -= shift[picked].astype(np.float32) * ones
                found *= factor[picked].astype(np.float32)
            else:  # by features; what every leaf is shifted by changes no distance
                _sketch_entries(stored, picked - span[0], self.place, self.sign, (shift[0], factor[0]), found)
            return found
        for left in range(0, leaves.width, WIDE):
            right = min(left + WIDE, leaves.width)
            block = _picked(leaves, known, picked, (left, right))
            if self.place is None or self.sign is None:
                found[:, left:right] = np.nan_to_num(block, copy=False, nan=0.0)
            else:
                place, sign = self.place[left:right], self.sign[left:right]
                pool.run(lambda part: _sketch(block[slice(*part)], place, sign, found[slice(*part)]), pool.slices(len(block), 64))  # noqa: B023
        return found


@nb.njit(nogil=True, cache=True)
def _sketch(block, place, sign, found):  # type: ignore[no-untyped-def]
    for i in range(block.shape[0]):
        for j in range(block.shape[1]):
            value = block[i, j]
            if value == value and value != 0:
                for k in range(place.shape[1]):
                    found[i, place[j, k]] += sign[j, k] * value


@nb.njit(nogil=True, cache=True)
def _sketch_entries(stored, picked, place, sign, about, found):  # type: ignore[no-untyped-def]
    """Sketch what is stored; a missing value is the mean of its feature."""
    begin, numbers, values = stored
    shift, factor = about
    for i in range(picked.shape[0]):
        for at in range(begin[picked[i]], begin[picked[i] + 1]):
            j = numbers[at]
            value = values[at]
            if value != value:
                value = shift[j if shift.shape[0] > 1 else 0]
            value *= factor[j if factor.shape[0] > 1 else 0]
            for k in range(place.shape[1]):
                found[i, place[j, k]] += sign[j, k] * np.float32(value)


def _components(sample: Floats, random: np.random.Generator) -> tuple[Floats, Floats, float]:
    """Return the mean of a sample, its first principal components as columns, and their share of the variance."""
    middle = sample.mean(axis=0, dtype=np.float64).astype(np.float32)
    sample -= middle
    wanted = min(COMPONENTS + SPARE, *sample.shape)
    found: Doubles | Floats = sample @ random.normal(size=(sample.shape[1], wanted)).astype(np.float32)
    for _ in range(TURNS):
        found = sample @ (sample.T @ np.linalg.qr(found)[0])
    small = np.linalg.qr(found)[0].T @ sample
    _, size, across = np.linalg.svd(small, full_matrices=False)
    whole = float(np.square(sample, dtype=np.float64).sum())
    size = size[:COMPONENTS]
    return middle, np.ascontiguousarray(across[:COMPONENTS].T), float((size.astype(np.float64) ** 2).sum() / whole) if whole else 1.0
