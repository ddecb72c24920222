"""Which names of rows and columns fit beside a picture: they thin out, never overlap, and appear as one zooms."""

import math
from itertools import count

import numpy as np
from numpy.typing import NDArray

LINE = 14.0
"""Pixels from one name to the next, where they stand below each other."""
SLANTED = 19.0
"""The same for names that lean to one side by 45 degrees."""


def step_of(pixels: float, least: float, numbered: bool = False) -> int:
    """Return how many rows (or columns) lie between those whose names are shown.

    Parameters
    ----------
    pixels : float
        Pixels of a row.
    least : float
        Pixels that a name needs.
    numbered : bool
        Whether the names are numbers: then steps are round (1, 2, 5, 10, …); else they double, so that a name that is shown stays as one zooms in.
    """
    wanted = least / pixels
    if wanted <= 1:
        return 1
    if not numbered:
        return 1 << math.ceil(math.log2(wanted) - 1e-9)
    for power in count(max(0, math.floor(math.log10(wanted)))):
        for digit in (1, 2, 5):
            if digit * 10**power >= wanted * (1 - 1e-9):
                return int(digit * 10**power)
    raise AssertionError


def shown_places(low: float, high: float, size: int, step: int) -> NDArray[np.int64]:
    """Return the places between `low` and `high` whose names are shown: the multiples of a step."""
    first, last = max(0, math.floor(low)), min(size, math.ceil(high))
    return np.arange(-(-first // step) * step, max(first, last), step, dtype=np.int64)
