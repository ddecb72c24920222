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
    pixels : (int, array of int64, array of int32)
        Pixel row of the block's first row, the level's rows at which pixel rows begin, and the pixel column of each of the block's columns.
    centre : float
        What the pixels' squares are taken about.
    out : five arrays, shape (height, width)
        Sum, count, least, greatest, squares; added to.
    """
    total, low, high, squares, gone = planes
    top, left, tall, wide, all_rows, all_cols = place
    y, edges, column = pixels
    sums, counts, least, greatest, seconds = out
    rows, cols = total.shape
    wanted, holes = squares.shape[0] > 0, gone.shape[0] > 0
    kept, held = np.empty(cols), np.empty(cols, np.int64)
    lows, highs, about = np.empty(cols, low.dtype), np.empty(cols, low.dtype), np.empty(cols)
    across = np.empty(cols, np.int64)
    for c in range(cols):
        across[c] = min(wide, all_cols - (left + c) * wide)
    r = 0
    while r < rows:
        while edges[y + 1] <= top + r:
            y += 1
        stop = min(rows, edges[y + 1] - top)
        fresh = True
        while r < stop:
            down = min(tall, all_rows - (top + r) * tall)
            a, b, d = total[r], low[r], high[r]
            if holes:
                _with_holes((a, b, d, gone[r], across), down, fresh, (kept, held, lows, highs))
            else:
                _whole((a, b, d, across), down, fresh, (kept, held, lows, highs))
            if wanted:
                for c in range(cols):
                    n = down * across[c] - (nb.int64(gone[r, c]) if holes else 0)
                    away = a[c] / n - centre if n > 0 else 0.0
                    about[c] = (0.0 if fresh else about[c]) + squares[r, c] + n * away * away
            fresh = False
            r += 1
        for c in range(cols):
            if held[c] > 0:
                x = column[c]
                sums[y, x] += kept[c]
                first = counts[y, x] == 0
                counts[y, x] += held[c]
                least[y, x] = lows[c] if first or lows[c] < least[y, x] else least[y, x]
                greatest[y, x] = highs[c] if first or highs[c] > greatest[y, x] else greatest[y, x]
                if wanted:
                    seconds[y, x] += about[c]


@nb.njit(inline="always")
def _whole(row, down, fresh, into):  # type: ignore[no-untyped-def]
    """Add a row of the level's cells, of which none holds missing cells."""
    total, low, high, across = row
    kept, held, lows, highs = into
    if fresh:
        for c in range(total.shape[0]):
            kept[c] = total[c]
            held[c] = down * across[c]
            lows[c] = low[c]
            highs[c] = high[c]
    else:
        for c in range(total.shape[0]):
            kept[c] += total[c]
            held[c] += down * across[c]
            lows[c] = low[c] if low[c] < lows[c] else lows[c]
            highs[c] = high[c] if high[c] > highs[c] else highs[c]


@nb.njit(inline="always")
def _with_holes(row, down, fresh, into):  # type: ignore[no-untyped-def]
    """Add a row of the level's cells, of which some hold missing cells, or nothing else."""
    total, low, high, gone, across = row
    kept, held, lows, highs = into
    for c in range(total.shape[0]):
        n = down * across[c] - nb.int64(gone[c])
        if fresh:
            kept[c], held[c] = 0.0, 0
        if n > 0:
            lows[c] = low[c] if held[c] == 0 or low[c] < lows[c] else lows[c]
            highs[c] = high[c] if held[c] == 0 or high[c] > highs[c] else highs[c]
            kept[c] += total[c]
            held[c] += n
