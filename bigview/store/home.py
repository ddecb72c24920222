"""The view to begin with: everything, unless a few outliers would make the rest small."""

import numpy as np
from numpy.typing import NDArray

from bigview.store.axis import Axis


def home_range(sample: NDArray[np.floating], axis: Axis) -> tuple[float, float]:
    """Return the ends of one axis of the view to begin with, from a sample of its positions."""
    # Halves: the width of ±1.7e308 is no float.
    low, high = axis.low / 2, axis.high / 2
    finite = sample[np.isfinite(sample)].astype(np.float64) / 2
    if len(finite):
        inner = np.quantile(finite, [0.001, 0.999])
        width = inner[1] - inner[0]
        if width > 0 and high - low > 1.5 * width:
            low, high = max(low, inner[0] - 0.05 * width), min(high, inner[1] + 0.05 * width)
    margin = 0.02 * (high - low)
    if low - margin == low or high + margin == high:
        margin = max(abs(low), abs(high)) * 1e-3 or 0.25
    largest = float(np.finfo(np.float64).max)
    return max(2 * max(low - margin, -largest / 2), -largest), min(2 * min(high + margin, largest / 2), largest)
