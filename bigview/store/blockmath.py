"""Statistics of blocks of cells: a chunk's cells are counted into the pixels (or the level's cells) that they belong to.

A run of rows of the same pixel is added up column by column, in buffers that stay in the first cache and that the compiler vectorises; only
then columns are gathered into pixels.
"""

import numba as nb
import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int32]


@nb.njit(nogil=True, cache=True, error_model="numpy")
def add_block(
    values: NDArray[np.generic],
    missing: tuple[bool, int],
    places: tuple[Ints, Ints],
    low: NDArray[np.generic],
    high: NDArray[np.generic],
    total: NDArray[np.float64],
    count: NDArray[np.int64],
) -> None:
    """Add the cells of a block to the pixels that hold them.

    Parameters
    ----------
    values : (r, c) array of numbers
    missing : (bool, int)
        Whether a whole number stands for a missing cell, and which. NaN always does.
    places : ((r,) array, (c,) array)
        Pixel row of each row and pixel column of each column; −1 outside, else ascending.
    low, high : (h, w) arrays of the type of the values
        Changed in place; undefined where `count` is 0 before.
    total, count : (h, w) arrays
        Changed in place.
    """
    row_of, col_of = places
    has, sentinel = missing
    rows, cols = values.shape
    sums, numbers = np.zeros(cols), np.zeros(cols, np.int32)
    lows, highs = np.zeros(cols, values.dtype), np.zeros(cols, values.dtype)
    r = 0
    while r < rows:
        y = row_of[r]
        if y < 0:
            r += 1
            continue
        sums[:] = 0.0
        numbers[:] = 0
        while r < rows and row_of[r] == y:
            for c in range(cols):
                v = values[r, c]
                if v != v or (has and v == sentinel):
                    continue
                if numbers[c] == 0:
                    lows[c] = v
                    highs[c] = v
                else:
                    lows[c] = min(lows[c], v)
                    highs[c] = max(highs[c], v)
                sums[c] += v
                numbers[c] += 1
            r += 1
        for c in range(cols):
            x = col_of[c]
            if x < 0 or numbers[c] == 0:
                continue
            if count[y, x] == 0:
                low[y, x] = lows[c]
                high[y, x] = highs[c]
            else:
                low[y, x] = min(low[y, x], lows[c])
                high[y, x] = max(high[y, x], highs[c])
            total[y, x] += sums[c]
            count[y, x] += numbers[c]
