"""Which names of rows and columns fit beside a picture: they thin out, never overlap, and appear as one zooms."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigview.raster.heat import HeatLook
from bigview.raster.render import readable
from bigview.store.axistable import AxisTable
from bigview.store.matrix import MatrixTable

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


def native(order: Any, places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the native numbers at places of an order; None is the native order."""
    return np.asarray(places, np.int64) if order is None else np.asarray(order.index)[places]


def axis_of(table: MatrixTable, side: str) -> AxisTable:
    """Return the "rows" or the "cols" of a matrix."""
    return table.rows if side == "rows" else table.cols


def names_at(table: MatrixTable, look: HeatLook, side: str, places: NDArray[np.int64]) -> list[str]:
    """Return the names of rows or columns at places of the order shown."""
    order = look.rows if side == "rows" else look.cols
    numbers, axis = native(order, places), axis_of(table, side)
    return [readable(name) for name in axis.names_of(numbers)]


def steps_of(table: MatrixTable, side: str) -> tuple[int, ...]:
    """Return the steps that make round names along an axis: those of numbers, or those that the builder gave as `report["steps"][side]`."""
    if not axis_of(table, side).named:
        return ROUND
    wished = table.manifest.report.get("steps")
    given = wished.get(side) if isinstance(wished, dict) else None
    return tuple(sorted({int(step) for step in given if step >= 1})) if isinstance(given, list) else ()
