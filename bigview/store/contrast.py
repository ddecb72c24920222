"""What tells a selection of rows (or columns) from the rest: the lines of the other axis by effect size, and both distributions, in one pass."""

from dataclasses import dataclass
from typing import Any, Literal

import numba as nb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bigview.errors import InputError, OptionError
from bigview.store import pool
from bigview.store.matrix import MatrixTable

Floats = NDArray[np.float64]
# Rows that a slice reads at once: 16 MB of a thousand columns.
BAND = 4_096


@dataclass(frozen=True)
class Contrast:
    """A selection against the rest.

    Attributes
    ----------
    counts, means, deviations : (2, m) arrays
        Values that are there, their mean and their standard deviation (of the sample), in each line of the other axis: of the selection, then of the
        rest. NaN where there is none.
    edges : (b + 1,) array
        Of the bins of the distributions.
    histogram : (2, b) array of int64
        Values in each bin, of the selection and of the rest. What lies beyond the edges is in the bins at the ends.
    """

    counts: NDArray[np.int64]
    means: Floats
    deviations: Floats
    edges: Floats
    histogram: NDArray[np.int64]

    @property
    def effect(self) -> Floats:
        """Cohen's d of each line: the difference of the means in pooled standard deviations; NaN where that cannot be told.

        Infinite where both sides are constant and differ (Cohen, Statistical power analysis for the behavioral sciences, 1988).
        """
        freedom = np.maximum(self.counts - 1, 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            pooled = np.sqrt(np.nansum(freedom * np.nan_to_num(self.deviations) ** 2, axis=0) / freedom.sum(axis=0))
            difference = self.means[0] - self.means[1]
            # What rounding alone can make of a line that never changes is no difference.
            same = np.abs(difference) <= 1e-12 * np.abs(self.means).max(axis=0)
            return np.where(same, 0.0, difference / pooled)

    def leading(self, most: int = 20) -> NDArray[np.int64]:
        """Return the native numbers of the lines that differ most, the first one most of all; those that cannot be told are left out."""
        effect = self.effect
        order = np.argsort(-np.abs(np.nan_to_num(effect)), kind="stable")
        return order[~np.isnan(effect[order])][:most]

    def top(self, names: NDArray[Any], most: int = 20) -> pd.DataFrame:
        """Return the lines that differ most, with columns name, effect, mean, rest; those that cannot be told are left out."""
        order, effect = self.leading(most), self.effect
        return pd.DataFrame({"name": names[order], "effect": effect[order], "mean": self.means[0, order], "rest": self.means[1, order]}, index=order)


def contrast(
    table: MatrixTable,
    chosen: Any,
    side: Literal["rows", "cols"] = "rows",
    bins: int = 64,
    lines: Any = None,
    span: tuple[float, float] | None = None,
) -> Contrast:
    """Compare some rows (or columns) with the others.

    Parameters
    ----------
    table : MatrixTable
        Of numbers or booleans.
    chosen : array of int
        Native numbers.
    side : {"rows", "cols"}
    bins : int
        Of the distributions.
    lines : array of int, optional
        Native numbers on the other axis: only their cells count. All of them.
    span : (float, float), optional
        Ends of the distributions; the lowest and the highest value of the matrix.

    Raises
    ------
    OptionError
        When the matrix holds categories.
    InputError
        When a number is not that of a row.
    Stopped
        When the thread's work was told to stop.
    """
    if table.kind == "category":
        raise OptionError("Categories have no mean: only matrices of numbers can be contrasted.")
    size, width = table.shape if side == "rows" else table.shape[::-1]
    part = np.ones(size, np.int64)
    part[_numbers(chosen, size, side)] = 0
    counted = np.full(width, lines is None)
    if lines is not None:
        counted[_numbers(lines, width, "cols" if side == "rows" else "rows")] = True
    low, high = span or (float(table.manifest.facts.get(name) or 0.0) for name in ("low", "high"))
    edges = np.linspace(low, high if high > low else low + 1.0, bins + 1)
    middle = float(table.manifest.facts.get("mean") or 0.0)
    rows = table.shape[0]

    def band(ends: tuple[int, int]) -> tuple[Floats, NDArray[np.int64]]:
        sums, histogram = np.zeros((3, 2, width)), np.zeros((2, bins), np.int64)
        for first in range(*ends, BAND):
            if pool.stopped():
                raise pool.Stopped
            for row, col, values in table.blocks(slice(first, min(first + BAND, ends[1]))):
                _add(_plain(values, table.missing), side == "rows", (row, col), (part, counted), (middle, edges[0], edges[-1]), sums, histogram)
        return sums, histogram

    done = pool.run(band, pool.slices(rows, BAND))
    counts, totals, squares = np.sum([sums for sums, _ in done], axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = totals / counts
        deviations = np.sqrt(np.maximum(squares - totals * means, 0) / np.where(counts > 1, counts - 1, np.nan))
    return Contrast(counts.astype(np.int64), means + middle, deviations, edges, np.sum([histogram for _, histogram in done], axis=0))


def _numbers(given: Any, size: int, side: str) -> NDArray[np.int64]:
    numbers = np.asarray(given, np.int64).ravel()
    beyond = numbers[(numbers < 0) | (numbers >= size)]
    if len(beyond):
        raise InputError(f"There is no number {beyond[0]:,} among the {side}; there are {size:,}, counted from 0.")
    return numbers


def _plain(values: NDArray[Any], missing: int | None) -> NDArray[Any]:
    if missing is not None:
        return np.where(values == missing, np.nan, values.astype(np.float64))
    return values.astype(np.float32) if values.dtype in (np.float16, np.bool_) else values


@nb.njit(nogil=True, cache=True)
def _add(values, by_rows, corner, parted, about, sums, histogram):  # type: ignore[no-untyped-def]
    part, counted = parted
    middle, low, high = about
    bins = histogram.shape[1]
    scale = bins / (high - low)
    for i in range(values.shape[0]):
        for j in range(values.shape[1]):
            value = np.float64(values[i, j])
            own, across = (corner[0] + i, corner[1] + j) if by_rows else (corner[1] + j, corner[0] + i)
            if not (np.isfinite(value) and counted[across]):
                continue
            here = part[own]
            off = value - middle
            sums[0, here, across] += 1
            sums[1, here, across] += off
            sums[2, here, across] += off * off
            histogram[here, min(max(np.int64((value - low) * scale), 0), bins - 1)] += 1
