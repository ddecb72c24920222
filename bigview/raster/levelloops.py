"""The loop that gathers the cells of a level of a matrix's pyramid into pixels. It is serial, takes a slice, and lets other threads run."""

import numba as nb
import numpy as np


@nb.njit(nogil=True, cache=True, error_model="numpy")
def add_level(planes, place, pixels, centre, out):  # type: ignore[no-untyped-def]
    """Add a block of a level's cells to the pixels that hold their centres.

    Parameters
    ----------
    planes : five arrays, shape (r, c)
        Sum, least, greatest; squares about each cell's own mean, empty where they are not wanted; missing cells, empty where there are none.
    place : (int, ...)
        First row and column of the block in the level, rows and columns of the matrix in a cell of the level, and the matrix's shape.
    pixels : (int, array of int64, int, array of int64)
        Pixel row of the block's first row, and the level's rows at which pixel rows begin; the same of columns.
    centre : float
        What the pixels' squares are taken about.
    out : five arrays, shape (height, width)
        Sum, count, least, greatest, squares; added to.
    """
    total, low, high, squares, gone = planes
    top, left, tall, wide, all_rows, all_cols = place
    y, edges, first, columns = pixels
    rows, cols = total.shape
    wanted, holes = squares.shape[0] > 0, gone.shape[0] > 0
    kept, held, about = np.empty(cols), np.empty(cols, np.int64), np.zeros(cols)
    lows, highs = np.empty(cols, low.dtype), np.empty(cols, low.dtype)
    across = np.empty(cols, np.int64)
    for c in range(cols):
        across[c] = min(wide, all_cols - (left + c) * wide)
    r = 0
    while r < rows:
        while edges[y + 1] <= top + r:
            y += 1
        begin, r = r, min(rows, edges[y + 1] - top)
        if holes:
            _add_with_holes((total, low, high, gone), (begin, r, top, tall, all_rows), across, (kept, held, lows, highs))
        else:
            covered = min((top + r) * tall, all_rows) - (top + begin) * tall
            for c in range(cols):
                kept[c], lows[c], highs[c] = total[begin, c], low[begin, c], high[begin, c]
                held[c] = covered * across[c]
            for row in range(begin + 1, r):
                _add_whole(total[row], low[row], high[row], (kept, lows, highs))
        if wanted:
            about[:] = 0.0
            for row in range(begin, r):
                down = min(tall, all_rows - (top + row) * tall)
                for c in range(cols):
                    n = down * across[c] - (nb.int64(gone[row, c]) if holes else 0)
                    away = total[row, c] / n - centre if n > 0 else 0.0
                    about[c] += squares[row, c] + n * away * away
        _gather((kept, held, lows, highs, about), (y, first, columns, left), wanted, out)


@nb.njit(nogil=True, cache=True)
def _add_whole(total, low, high, into):  # type: ignore[no-untyped-def]
    """Add a row of the level's cells, of which none holds missing cells."""
    kept, lows, highs = into
    for c in range(kept.shape[0]):
        kept[c] += total[c]
        lows[c] = low[c] if low[c] < lows[c] else lows[c]
        highs[c] = high[c] if high[c] > highs[c] else highs[c]


@nb.njit(nogil=True, cache=True)
def _add_with_holes(planes, rows, across, into):  # type: ignore[no-untyped-def]
    """Add rows of the level's cells, of which some hold missing cells, or nothing else."""
    total, low, high, gone = planes
    begin, stop, top, tall, all_rows = rows
    kept, held, lows, highs = into
    for c in range(kept.shape[0]):
        kept[c], held[c] = 0.0, 0
    for row in range(begin, stop):
        down = min(tall, all_rows - (top + row) * tall)
        for c in range(kept.shape[0]):
            n = down * across[c] - nb.int64(gone[row, c])
            fresh = held[c] == 0
            lows[c] = low[row, c] if n > 0 and (fresh or low[row, c] < lows[c]) else lows[c]
            highs[c] = high[row, c] if n > 0 and (fresh or high[row, c] > highs[c]) else highs[c]
            kept[c] += total[row, c]  # the sum of nothing is zero
            held[c] += n


@nb.njit(nogil=True, cache=True)
def _gather(buffers, pixels, wanted, out):  # type: ignore[no-untyped-def]
    """Add what the columns of a row of pixels hold to the pixels."""
    kept, held, lows, highs, about = buffers
    y, first, columns, left = pixels
    sums, counts, least, greatest, seconds = out
    stop, x = left + kept.shape[0], first
    while x < sums.shape[1] and columns[x] < stop:
        count, total, low, high, second = 0, 0.0, least[y, x], greatest[y, x], 0.0
        before = counts[y, x]
        for c in range(max(columns[x], left) - left, min(columns[x + 1], stop) - left):
            if held[c] > 0:
                low = lows[c] if before + count == 0 or lows[c] < low else low
                high = highs[c] if before + count == 0 or highs[c] > high else high
                count += held[c]
                total += kept[c]
                second += about[c]
        sums[y, x] += total
        counts[y, x] += count
        least[y, x], greatest[y, x] = low, high
        if wanted:
            seconds[y, x] += second
        x += 1
