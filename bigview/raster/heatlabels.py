"""Which names of rows and columns fit beside a picture: they thin out, never overlap, and appear as one zooms."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LINE = 14.0
"""Pixels from one name to the next, where they stand below each other."""
SLANTED = 19.0
"""The same for names that lean to one side by 45 degrees."""


ROUND = tuple(digit * 10**power for power in range(12) for digit in (1, 2, 5))
"""Steps between names that are numbers."""


def step_of(pixels: float, least: float, steps: Sequence[int] = ()) -> int:
    """Return how many rows (or columns) lie between those whose names are shown.

    Parameters
    ----------
    pixels : float
        Pixels of a row.
    least : float
        Pixels that a name needs.
    steps : sequence of int
        Steps that make round names, ascending. Without them they double, so that a name that is shown stays as one zooms in.
    """
    wanted = least / pixels * (1 - 1e-9)
    found = next((step for step in steps if step >= wanted), None)
    if found is not None:
        return found
    last = steps[-1] if steps else 1
    return last if wanted <= last else last * (1 << math.ceil(math.log2(wanted / last)))


def shown_places(low: float, high: float, size: int, step: int) -> NDArray[np.int64]:
    """Return the places between `low` and `high` whose names are shown: the multiples of a step."""
    first, last = max(0, math.floor(low)), min(size, math.ceil(high))
    return np.arange(-(-first // step) * step, max(first, last), step, dtype=np.int64)
