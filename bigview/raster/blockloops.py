"""The loops that reduce blocks of cells to pixels. Each is serial, takes a slice of the pixel rows, and lets other threads run.

Rows come as addresses, since the rows of a pixel lie in many blocks. The rows of a pixel are first added up column by column, four at a time, which
the processor does for many columns at once; only what comes of it is scattered over the pixels of the row.
"""

from typing import Any

import numba as nb
import numpy as np
from numba import types
from numba.extending import intrinsic

_LONG = 12
"""Columns a pixel, on average, from which each statistic is gathered in a loop of its own."""


@intrinsic
def _pointer(context: Any, address: Any, like: Any) -> Any:
    """Turn an address into a pointer to values of the type of an array."""
    pointer = types.CPointer(like.dtype)  # type: ignore[no-untyped-call]

    def build(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], target.get_value_type(pointer))

    return pointer(address, like), build


@nb.njit(inline="always")
def _row(address, like, columns):  # type: ignore[no-untyped-def]
    return nb.carray(_pointer(address, like), (columns,))  # type: ignore[attr-defined, call-arg]


@nb.njit(inline="always")
def _good(value, missing, masked):  # type: ignore[no-untyped-def]
    return (value == value) & ((not masked) | (value != missing))


@nb.njit(inline="always")
def _rows(addresses, q, n, picks, buffer):  # type: ignore[no-untyped-def]
    """The band's part of rows q … q + n, and the last of them again up to four; with picks these columns alone, in the buffer."""
    columns, last = buffer.shape[1], q + n - 1
    if picks.shape[0] == 0:
        return (
            _row(addresses[q], buffer, columns),
            _row(addresses[min(q + 1, last)], buffer, columns),
            _row(addresses[min(q + 2, last)], buffer, columns),
            _row(addresses[min(q + 3, last)], buffer, columns),
        )
    for k in range(n):
        row = _row(addresses[q + k], buffer, columns)
        for i in range(columns):
            buffer[k, i] = row[picks[i]]
    return (buffer[0], buffer[1], buffer[2], buffer[3])


@nb.njit(inline="always")
def _add_four(rows, known, sums):  # type: ignore[no-untyped-def]
    """Add four rows to the sums, counts and extremes of their columns."""
    a, b, c, d = rows
    missing, masked = known
    total, seen, low, high = sums
    for i in range(total.shape[0]):
        v0, v1, v2, v3 = a[i], b[i], c[i], d[i]
        g0, g1, g2, g3 = _good(v0, missing, masked), _good(v1, missing, masked), _good(v2, missing, masked), _good(v3, missing, masked)
        f0, f1 = nb.float64(v0) if g0 else 0.0, nb.float64(v1) if g1 else 0.0
        f2, f3 = nb.float64(v2) if g2 else 0.0, nb.float64(v3) if g3 else 0.0
        total[i] += (f0 + f1) + (f2 + f3)
        seen[i] += nb.int32(g0) + nb.int32(g1) + nb.int32(g2) + nb.int32(g3)
        lo, hi = low[i], high[i]
        lo = v0 if g0 & (v0 < lo) else lo
        hi = v0 if g0 & (v0 > hi) else hi
        lo = v1 if g1 & (v1 < lo) else lo
        hi = v1 if g1 & (v1 > hi) else hi
        lo = v2 if g2 & (v2 < lo) else lo
        hi = v2 if g2 & (v2 > hi) else hi
        lo = v3 if g3 & (v3 < lo) else lo
        hi = v3 if g3 & (v3 > hi) else hi
        low[i], high[i] = lo, hi


@nb.njit(inline="always")
def _add_four_known(rows, sums):  # type: ignore[no-untyped-def]
    """Add four rows of which every cell has a value to the sums and extremes of their columns: nothing to test, and nothing to count."""
    a, b, c, d = rows
    total, _, low, high = sums
    for i in range(total.shape[0]):
        v0, v1, v2, v3 = a[i], b[i], c[i], d[i]
        total[i] += (nb.float64(v0) + nb.float64(v1)) + (nb.float64(v2) + nb.float64(v3))
        lo0, hi0, lo1, hi1 = v0 if v0 < v1 else v1, v0 if v0 > v1 else v1, v2 if v2 < v3 else v3, v2 if v2 > v3 else v3
        lo0, hi0 = lo0 if lo0 < lo1 else lo1, hi0 if hi0 > hi1 else hi1
        low[i] = lo0 if lo0 < low[i] else low[i]
        high[i] = hi0 if hi0 > high[i] else high[i]


@nb.njit
def _begin_known(rows, n, sums):  # type: ignore[no-untyped-def]
    """Put the first n of four rows, of which every cell has a value, where the sums and extremes of their columns are to be."""
    a, b, c, _ = rows
    total, _, low, high = sums
    if n == 1:
        for i in range(total.shape[0]):
            total[i], low[i], high[i] = nb.float64(a[i]), a[i], a[i]
    elif n == 2:
        for i in range(total.shape[0]):
            v0, v1 = a[i], b[i]
            total[i] = nb.float64(v0) + nb.float64(v1)
            low[i], high[i] = v0 if v0 < v1 else v1, v1 if v0 < v1 else v0
    elif n == 3:
        for i in range(total.shape[0]):
            v0, v1, v2 = a[i], b[i], c[i]
            total[i] = (nb.float64(v0) + nb.float64(v1)) + nb.float64(v2)
            lo, hi = v0 if v0 < v1 else v1, v1 if v0 < v1 else v0
            low[i], high[i] = v2 if v2 < lo else lo, v2 if v2 > hi else hi
    else:
        for i in range(total.shape[0]):
            total[i], low[i], high[i] = 0.0, a[i], a[i]
        _add_four_known(rows, sums)


@nb.njit(inline="always")
def _add_one(row, known, sums):  # type: ignore[no-untyped-def]
    missing, masked = known
    total, seen, low, high = sums
    for i in range(total.shape[0]):
        value = row[i]
        good = _good(value, missing, masked)
        total[i] += nb.float64(value) if good else 0.0
        seen[i] += nb.int32(good)
        low[i] = value if good & (value < low[i]) else low[i]
        high[i] = value if good & (value > high[i]) else high[i]


@nb.njit(inline="always")
def _add(rows, n, known, sums):  # type: ignore[no-untyped-def]
    """Add the first n of four rows."""
    if n == 4:
        _add_four(rows, known, sums)
    else:
        for k in range(n):
            _add_one(rows[k], known, sums)


@nb.njit(inline="always")
def _add_squares(row, known, centre, squares):  # type: ignore[no-untyped-def]
    missing, masked = known
    for i in range(squares.shape[0]):
        value = row[i]
        off = nb.float64(value) - centre
        squares[i] += off * off if _good(value, missing, masked) else 0.0


@nb.njit(inline="always")
def _scatter(pixel, sums, out):  # type: ignore[no-untyped-def]
    """Add the columns' sums to a row of pixels. Without branches, which a random order would make the processor guess wrongly."""
    total, count, least, greatest = out
    for i in range(pixel.shape[0]):
        k = pixel[i]
        total[k] += sums[0][i]
        count[k] += sums[1][i]
        least[k] = sums[2][i] if sums[2][i] < least[k] else least[k]
        greatest[k] = sums[3][i] if sums[3][i] > greatest[k] else greatest[k]


@nb.njit(fastmath={"reassoc", "nsz"})
def sum_between(values, first, stop):  # type: ignore[no-untyped-def]
    """Return the sum of a part of an array, in whichever sequence is quickest."""
    total = 0.0
    for i in range(first, stop):
        total += values[nb.uint64(i)]
    return total


@nb.njit
def extremes_between(low, high, first, stop):  # type: ignore[no-untyped-def]
    """Return the least of a part of an array, and the greatest of the same part of another."""
    least, greatest = low[first], high[first]
    for i in range(first, stop):
        lower, higher = low[nb.uint64(i)], high[nb.uint64(i)]
        least = lower if lower < least else least
        greatest = higher if higher > greatest else greatest
    return least, greatest


@nb.njit
def _gather(pixel, runs, each, sums, out):  # type: ignore[no-untyped-def]
    """Add the columns' sums to a row of pixels where neighbours share one; `each` is what every column counts for, if that is the same.

    Those of a pixel are added up before, and one statistic after the other: a pixel's memory would be waited for each time.
    """
    total, count, least, greatest = out
    for r in range(runs.shape[0] - 1):
        first, stop = runs[r], runs[r + 1]
        k, seen = pixel[first], nb.int64(each * (stop - first))
        if each == 0:
            for i in range(first, stop):
                seen += sums[1][nb.uint64(i)]
        low, high = extremes_between(sums[2], sums[3], first, stop)
        total[k] += sum_between(sums[0], first, stop)
        count[k] += seen
        least[k] = low if low < least[k] else least[k]
        greatest[k] = high if high > greatest[k] else greatest[k]


@nb.njit(inline="always")
def _gather_short(pixel, runs, each, sums, out):  # type: ignore[no-untyped-def]
    """Do the same where few neighbours share a pixel: in one go, since a loop costs more to begin than it has to do."""
    total, count, least, greatest = out
    for r in range(runs.shape[0] - 1):
        a, b = runs[r], runs[r + 1]
        k, seen = pixel[a], nb.int64(each * (b - a))
        s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
        lo0, hi0 = sums[2][a], sums[3][a]
        lo1, hi1 = lo0, hi0
        i = a
        while i + 4 <= b:
            s0 += sums[0][i]
            s1 += sums[0][i + 1]
            s2 += sums[0][i + 2]
            s3 += sums[0][i + 3]
            if each == 0:
                seen += sums[1][i] + sums[1][i + 1] + sums[1][i + 2] + sums[1][i + 3]
            lo0 = sums[2][i] if sums[2][i] < lo0 else lo0
            hi0 = sums[3][i] if sums[3][i] > hi0 else hi0
            lo1 = sums[2][i + 1] if sums[2][i + 1] < lo1 else lo1
            hi1 = sums[3][i + 1] if sums[3][i + 1] > hi1 else hi1
            lo0 = sums[2][i + 2] if sums[2][i + 2] < lo0 else lo0
            hi0 = sums[3][i + 2] if sums[3][i + 2] > hi0 else hi0
            lo1 = sums[2][i + 3] if sums[2][i + 3] < lo1 else lo1
            hi1 = sums[3][i + 3] if sums[3][i + 3] > hi1 else hi1
            i += 4
        while i < b:
            s0 += sums[0][i]
            if each == 0:
                seen += sums[1][i]
            lo0 = sums[2][i] if sums[2][i] < lo0 else lo0
            hi0 = sums[3][i] if sums[3][i] > hi0 else hi0
            i += 1
        total[k] += (s0 + s1) + (s2 + s3)
        count[k] += seen
        lo0, hi0 = (lo1 if lo1 < lo0 else lo0), (hi1 if hi1 > hi0 else hi0)
        least[k] = lo0 if lo0 < least[k] else least[k]
        greatest[k] = hi0 if hi0 > greatest[k] else greatest[k]


@nb.njit(inline="always")
def _sum_rows(addresses, span, picks, cells, about, sums, buffer):  # type: ignore[no-untyped-def]
    """Add up the rows of a pixel row, column by column; their squares if there is something to take them about."""
    (known, like, whole), (centre, square) = cells, about
    first, stop = span
    squared = centre == centre
    if not whole:
        sums[0][:], sums[1][:], sums[2][:], sums[3][:] = 0.0, 0, like[0], like[1]
    if squared:
        square[:] = 0.0
    # Where the first rows are put instead of added they are those left over by fours.
    q, n = first, (stop - first - 1) % 4 + 1 if whole else min(4, stop - first)
    while q < stop:
        rows = _rows(addresses, q, n, picks, buffer)
        if not whole:
            _add(rows, n, known, sums)
        elif q == first:
            _begin_known(rows, n, sums)
        else:
            _add_four_known(rows, sums)
        if squared:
            for k in range(n):
                _add_squares(rows[k], known, centre, square)
        q += n
        n = min(4, stop - q)


@nb.njit(nogil=True, cache=True, error_model="numpy")
def reduce_band(addresses, starts, span, band, ends, centre, out):  # type: ignore[no-untyped-def]
    """Add a band of columns to the pixel rows of `span`.

    Parameters
    ----------
    addresses : array of int64
        Where the band's part of each row begins, pixel row after pixel row; each is contiguous.
    starts : array of int64
        The rows of pixel row p are ``addresses[starts[p]:starts[p + 1]]``.
    span : (int, int)
        First pixel row, and the one after the last.
    band : (array of uint32, array of int32, array of int64)
        The pixel column of each column used, one after the last for those that are not shown; the columns used, empty for all from 0 on; and where
        runs of columns of one pixel begin, and the last one ends, empty where neighbours have different pixels.
    ends : (array of 3 values, bool, bool)
        In the type of the cells: the greatest one, the least one, the one that stands for "missing"; whether one does; whether every cell is known
        to have a value.
    centre : float
        What squares are taken about; NaN for none.
    out : tuple of arrays, shape (height, width + 1)
        Sum, squares, count, least, greatest; added to.
    """
    pixel, picks, runs = band
    like, masked, whole = ends
    total, squares, count, least, greatest = out
    columns = pixel.shape[0]
    long = runs.shape[0] > 0 and columns >= _LONG * (runs.shape[0] - 1)
    sums = (np.empty(columns), np.empty(columns, np.int32), np.empty(columns, like.dtype), np.empty(columns, like.dtype))
    square, known, squared = np.empty(columns), (like[2], masked), centre == centre
    buffer = np.empty((4, columns), like.dtype)
    for p in range(span[0], span[1]):
        if starts[p] == starts[p + 1]:
            continue
        _sum_rows(addresses, (starts[p], starts[p + 1]), picks, (known, like, whole), (centre, square), sums, buffer)
        rows_in = starts[p + 1] - starts[p]
        if long:
            _gather(pixel, runs, rows_in if whole else 0, sums, (total[p], count[p], least[p], greatest[p]))
        elif runs.shape[0]:
            _gather_short(pixel, runs, rows_in if whole else 0, sums, (total[p], count[p], least[p], greatest[p]))
        else:
            if whole:
                sums[1][:] = rows_in
            _scatter(pixel, sums, (total[p], count[p], least[p], greatest[p]))
        if squared:
            for i in range(columns):
                squares[p, pixel[i]] += square[i]


@nb.njit(nogil=True, cache=True)
def count_band(addresses, starts, span, band, like, counts):  # type: ignore[no-untyped-def]
    """Count the codes of a band of columns in the pixel rows of `span`; a negative code, and one beyond the counts, is missing.

    Takes what `reduce_band` takes; `counts` has the shape (pixel rows of the span, width, codes).
    """
    pixel, picks, _ = band
    for p in range(span[0], span[1]):
        for q in range(starts[p], starts[p + 1]):
            row = _row(addresses[q], like, pixel.shape[0])
            for i in range(pixel.shape[0]):
                k, code = pixel[i], np.int64(row[picks[i]] if picks.shape[0] else row[i])
                if k < counts.shape[1] and 0 <= code < counts.shape[2]:
                    counts[p - span[0], k, code] += nb.uint32(1)


@nb.njit(nogil=True, cache=True)
def most_frequent(counts, out):  # type: ignore[no-untyped-def]
    """Find the most frequent code of each pixel (the lower one of equals; −1 for none), its count, and the count of all."""
    for p in range(counts.shape[0]):
        for k in range(counts.shape[1]):
            total, most = np.int64(0), np.uint32(0)
            for code in range(counts.shape[2]):
                total += counts[p, k, code]
                most = max(most, counts[p, k, code])
            best = np.int64(-1)
            while most and (best < 0 or counts[p, k, best] != most):
                best += 1
            out[p, k, 0], out[p, k, 1], out[p, k, 2] = best, most, total
