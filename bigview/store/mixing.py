"""Sums over pairs that do not depend on their order: what is listed in two orders is compared without sorting or keeping it."""

import numpy as np
from numpy.typing import NDArray


def mixed(values: NDArray[np.uint64], place: int | NDArray[np.int64]) -> int:
    """Return a sum over pairs of a value and its place that does not depend on their order (SplitMix64; Steele and others, 2014).

    `place` is that of the first value, or one for each. Two sets of pairs of equal sums, modulo 2**64, are equal but for a chance of 1 in 2**64.
    """
    places = np.arange(place, place + len(values)) if isinstance(place, int) else place
    with np.errstate(over="ignore"):
        z = values * np.uint64(0x9E3779B97F4A7C15) + places.astype(np.uint64) * np.uint64(0xC2B2AE3D27D4EB4F) + np.uint64(1)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return int((z ^ (z >> np.uint64(31))).sum(dtype=np.uint64))
