"""Statistics of blocks of cells: from cells to a level of the pyramid, from one level to the next, and from a level to pixels.

Rows of a block are first added up column by column, in buffers that stay in the first cache and that the compiler vectorises; only then columns
are gathered. Squares are sums of squared distances from a block's own mean, joined as in Chan, Golub and LeVeque, "Updating formulae and a
pairwise algorithm for computing sample variances" (1979): they keep their digits whatever the size of the values.
"""

import numba as nb
import numpy as np
from numpy.typing import NDArray


@nb.njit(inline="always")
def _good(value, missing, masked):  # type: ignore[no-untyped-def]
    return (value == value) & ((not masked) | (value != missing))


@nb.njit(nogil=True, cache=True, error_model="numpy")
def reduce_cells(values, missing, factors, out):  # type: ignore[no-untyped-def]
    """Reduce blocks of cells to one cell of a level each.

    Parameters
    ----------
    values : (r, c) array of numbers
    missing : (array of 1 value of that type, bool)
        The number that stands for a missing cell, and whether one does. NaN always does.
    factors : (int, int)
        Rows and columns of a block; those at the ends may be smaller.
    out : five arrays of shape (ceil(r / rows), ceil(c / columns))
        Sum and squares (float64), least and greatest (of the type of the values; 0 where nothing has a value), missing cells (int64).
    """
    sentinel, masked = missing[0][0], missing[1]
    total, squares, low, high, gone = out
    rows, cols = values.shape
    tall, wide = factors
    shift, sums, seconds, seen = np.empty(cols), np.empty(cols), np.empty(cols), np.empty(cols, np.int64)
    least, greatest = np.empty(cols, values.dtype), np.empty(cols, values.dtype)
    for y in range(total.shape[0]):
        top, bottom = y * tall, min(rows, (y + 1) * tall)
        _shifts(values[top], sentinel, masked, wide, shift)
        sums[:] = 0.0
        seconds[:] = 0.0
        seen[:] = 0
        for c in range(cols):
            least[c] = values[top, c]
            greatest[c] = values[top, c]
        for r in range(top, bottom):
            row = values[r]
            for c in range(cols):
                v = row[c]
                good = _good(v, sentinel, masked)
                off = (nb.float64(v) - shift[c]) if good else 0.0
                sums[c] += off
                seconds[c] += off * off
                lo = least[c] if _good(least[c], sentinel, masked) else v
                hi = greatest[c] if _good(greatest[c], sentinel, masked) else v
                least[c] = v if good & (v < lo) else lo
                greatest[c] = v if good & (v > hi) else hi
                seen[c] += nb.int64(good)
        for x in range(total.shape[1]):
            left, right = x * wide, min(cols, (x + 1) * wide)
            n, s, q = 0, 0.0, 0.0
            for c in range(left, right):
                if seen[c] > 0:
                    low[y, x] = least[c] if n == 0 or least[c] < low[y, x] else low[y, x]
                    high[y, x] = greatest[c] if n == 0 or greatest[c] > high[y, x] else high[y, x]
                    n += seen[c]
                    s += sums[c]
                    q += seconds[c]
            gone[y, x] = (bottom - top) * (right - left) - n
            total[y, x] = s + n * shift[left] if n else 0.0
            squares[y, x] = max(q - s * s / n, 0.0) if n else 0.0


@nb.njit(inline="always")
def _shifts(row, sentinel, masked, wide, shift):  # type: ignore[no-untyped-def]
    """Take a value of each block, near which its squares keep their digits."""
    for left in range(0, row.shape[0], wide):
        v = row[left]
        known = nb.float64(v) if _good(v, sentinel, masked) & (abs(nb.float64(v)) < np.inf) else 0.0
        for c in range(left, min(row.shape[0], left + wide)):
            shift[c] = known


@nb.njit(nogil=True, cache=True, error_model="numpy")
def join_cells(planes, cells, factors, out):  # type: ignore[no-untyped-def]
    """Join blocks of a level's cells to one cell of a coarser level each.

    Parameters
    ----------
    planes, out : five arrays
        As `reduce_cells` gives them.
    cells : (int, int, int, int)
        Rows and columns of the matrix that the planes cover in all, and in a cell of theirs.
    factors : (int, int)
        Cells of the level along each side of a block.
    """
    total, squares, low, high, gone = planes
    rows, cols, tall, wide = cells
    for y in range(out[0].shape[0]):
        for x in range(out[0].shape[1]):
            n, s, missing = 0, 0.0, 0
            for r in range(y * factors[0], min(total.shape[0], (y + 1) * factors[0])):
                for c in range(x * factors[1], min(total.shape[1], (x + 1) * factors[1])):
                    held = min(tall, rows - r * tall) * min(wide, cols - c * wide) - gone[r, c]
                    missing += gone[r, c]
                    if held > 0:
                        out[2][y, x] = low[r, c] if n == 0 or low[r, c] < out[2][y, x] else out[2][y, x]
                        out[3][y, x] = high[r, c] if n == 0 or high[r, c] > out[3][y, x] else out[3][y, x]
                        n += held
                        s += total[r, c]
            q, mean = 0.0, s / n if n else 0.0
            for r in range(y * factors[0], min(total.shape[0], (y + 1) * factors[0])):
                for c in range(x * factors[1], min(total.shape[1], (x + 1) * factors[1])):
                    held = min(tall, rows - r * tall) * min(wide, cols - c * wide) - gone[r, c]
                    if held > 0:
                        away = total[r, c] / held - mean
                        q += squares[r, c] + held * away * away
            out[0][y, x], out[1][y, x], out[4][y, x] = s, q, missing


@nb.njit(nogil=True, cache=True, error_model="numpy")
def facts_of(values, missing, out):  # type: ignore[no-untyped-def]
    """Find what the values are like: ``out`` takes the finite least and greatest, sum, least above zero, missing, infinite, zeros.

    Parameters
    ----------
    values : (r, c) array
    missing : (array of 1 value, bool)
    out : (7,) array of float64
    """
    sentinel, masked = missing[0][0], missing[1]
    low, high, total, positive = np.inf, -np.inf, 0.0, np.inf
    gone, endless, zeros = nb.int64(0), nb.int64(0), nb.int64(0)
    for r in range(values.shape[0]):
        row = values[r]
        for c in range(values.shape[1]):
            v = row[c]
            good = _good(v, sentinel, masked)
            f = nb.float64(v)
            finite = good & (abs(f) < np.inf)
            gone += nb.int64(not good)
            endless += nb.int64(good & (not finite))
            zeros += nb.int64(good & (f == 0.0))
            low = f if finite & (f < low) else low
            high = f if finite & (f > high) else high
            positive = f if finite & (f > 0.0) & (f < positive) else positive
            total += f if finite else 0.0
    out[0], out[1], out[2], out[3], out[4], out[5], out[6] = low, high, total, positive, gone, endless, zeros


Planes = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.generic], NDArray[np.generic], NDArray[np.int64]]


def empty_planes(shape: tuple[int, int], dtype: np.dtype) -> Planes:
    """Return planes to reduce into: sum, squares, least, greatest, missing."""
    return np.zeros(shape), np.zeros(shape), np.zeros(shape, dtype), np.zeros(shape, dtype), np.zeros(shape, np.int64)


@nb.njit(nogil=True, cache=True)
def count_codes_of(codes, places, counts):  # type: ignore[no-untyped-def]
    """Count the codes of a block of cells.

    Parameters
    ----------
    codes : (r, c) array of whole numbers
        Negative ones are missing.
    places : ((r,) array, (c,) array)
        Where each row and each column is counted; −1 for nowhere.
    counts : (h, w, k) array
        Added to.
    """
    rows, cols = places
    for r in range(codes.shape[0]):
        if rows[r] < 0:
            continue
        for c in range(codes.shape[1]):
            if cols[c] >= 0 and codes[r, c] >= 0:
                counts[rows[r], cols[c], codes[r, c]] += 1


@nb.njit(nogil=True, cache=True)
def add_counts(plane, places, code, counts):  # type: ignore[no-untyped-def]
    """Add the counts of one code in a block of a level's cells to pixels; see `count_codes_of`."""
    rows, cols = places
    for r in range(plane.shape[0]):
        if rows[r] < 0:
            continue
        for c in range(plane.shape[1]):
            if cols[c] >= 0:
                counts[rows[r], cols[c], code] += plane[r, c]
