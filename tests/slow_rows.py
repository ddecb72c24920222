"""Rows for builds that are disturbed: importable by workers, and slow enough to be caught in the middle."""

import time

import numpy as np
import pyarrow as pa


def rows(first: int, count: int) -> pa.Table:
    """Return the rows from `first` on, after a moment."""
    if count > 100:
        time.sleep(0.05)
    numbers = np.arange(first, first + count)
    return pa.table({"x": np.cos(numbers), "y": np.sin(numbers * 0.7), "n": numbers, "t": [f"row {n}" for n in numbers]})
