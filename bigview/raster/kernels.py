"""The loops of a frame. Each takes a slice of the work, is serial, and lets other threads run."""

import numba as nb
import numpy as np

from bigview.store.bits import bit_at, count_run
from bigview.store.morton import gather

_ACROSS, _ALONG = (np.array([sum((code >> (2 * bit + side) & 1) << bit for bit in range(4)) for code in range(256)]) for side in (0, 1))
"""The cell, within a square of 16 × 16, of the last eight bits of a key."""

_ONE, _FOURS = np.uint64(1), np.uint64(0xFFFFFFFFFFFFFFFC)
_FEW = 4  # rows of a pixel, times so many, below which its rows are gone through again rather than all codes: measured


@nb.njit(inline="always")
def _corner(high, i0, j0):  # type: ignore[no-untyped-def]
    """The first cell of a square of 16 × 16, by its key, counted from i0 and j0."""
    return (np.int64(gather(high)) << 4) - i0, (np.int64(gather(high >> nb.uint64(1))) << 4) - j0


@nb.njit(inline="always")
def _dither(start):  # type: ignore[no-untyped-def]
    """A fixed number in [0, 1) for a cell: Fibonacci hash of its first row (Knuth, The Art of Computer Programming 3, 6.4)."""
    return nb.float64(nb.int64((nb.uint64(start) * nb.uint64(0x9E3779B97F4A7C15)) >> nb.uint64(32))) * (1.0 / 4294967296.0)


@nb.njit(inline="always")
def _cuts(rows, start, share_x, share_y):  # type: ignore[no-untyped-def]
    """Cut a cell's run at its pixels' edges, in proportion: ends of the parts lower left, lower right and upper left.

    Rounding by a number of the cell's own keeps smooth density smooth; the same cut serves every filter and category.
    """
    u = _dither(start)
    lower = rows if share_y >= 1.0 else np.int64(rows * share_y + u)
    first = lower if share_x >= 1.0 else min(np.int64(rows * share_x * share_y + u), lower)
    third = rows if share_x >= 1.0 or share_y >= 1.0 else max(np.int64(rows * (share_y + share_x * (1.0 - share_y)) + u), lower)
    return first, lower, third


@nb.njit(inline="always")
def _pixel(x, y, row, frame):  # type: ignore[no-untyped-def]
    """The pixel of a row, or −1 outside the grid."""
    x0, x1, x_scale, width, top_x, y0, y1, y_scale, height, top_y = frame
    a, b = nb.float64(x[row]), nb.float64(y[row])
    if not (a >= x0 and b >= y0 and (a < x1 or (top_x and a == x1)) and (b < y1 or (top_y and b == y1))):
        return -1
    column = min(np.int64((a - x0) * x_scale), width - 1)
    return min(np.int64((b - y0) * y_scale), height - 1) * width + column


@nb.njit(nogil=True, cache=True)
def count_cells(cells, c0, c1, tables, width, grid):  # type: ignore[no-untyped-def]
    """Add the rows of cells to a grid of counts, those of cells that cross an edge divided."""
    key, start, count = cells
    i0, px, fx, j0, py, fy = tables
    high, left, low = nb.uint64(0xFFFFFFFFFFFFFFFF), np.int64(0), np.int64(0)
    for q in range(c0.shape[0]):
        for c in range(c0[q], c1[q]):
            if nb.uint64(key[c]) >> nb.uint64(8) != high:  # keys ascend: most share these bits with the one before
                high = nb.uint64(key[c]) >> nb.uint64(8)
                left, low = _corner(high, i0, j0)
            code = np.int64(nb.uint64(key[c]) & nb.uint64(255))
            i, j = left + _ACROSS[code], low + _ALONG[code]
            if i < 0 or j < 0 or i >= px.shape[0] or j >= py.shape[0]:
                continue
            rows, pixel = np.int64(count[c]), py[j] * width + px[i]
            if fx[i] >= 1.0 and fy[j] >= 1.0:
                grid[pixel] += nb.uint32(rows)
                continue
            first, lower, third = _cuts(rows, start[c], fx[i], fy[j])
            grid[pixel] += nb.uint32(first)
            if fx[i] < 1.0:
                grid[pixel + 1] += nb.uint32(lower - first)
            if fy[j] < 1.0:
                grid[pixel + width] += nb.uint32(third - lower)
                if fx[i] < 1.0:
                    grid[pixel + width + 1] += nb.uint32(rows - third)


@nb.njit(nogil=True, cache=True)
def count_cell_bits(cells, c0, c1, tables, width, bits, grid):  # type: ignore[no-untyped-def]
    """Like `count_cells`, for the rows whose bits are set."""
    key, start, count = cells
    i0, px, fx, j0, py, fy = tables
    high, left, low = nb.uint64(0xFFFFFFFFFFFFFFFF), np.int64(0), np.int64(0)
    for q in range(c0.shape[0]):
        for c in range(c0[q], c1[q]):
            if nb.uint64(key[c]) >> nb.uint64(8) != high:  # keys ascend: most share these bits with the one before
                high = nb.uint64(key[c]) >> nb.uint64(8)
                left, low = _corner(high, i0, j0)
            code = np.int64(nb.uint64(key[c]) & nb.uint64(255))
            i, j = left + _ACROSS[code], low + _ALONG[code]
            if i < 0 or j < 0 or i >= px.shape[0] or j >= py.shape[0]:
                continue
            row, rows, pixel = np.int64(start[c]), np.int64(count[c]), py[j] * width + px[i]
            if fx[i] >= 1.0 and fy[j] >= 1.0:
                grid[pixel] += nb.uint32(count_run(bits, row, row + rows))
                continue
            first, lower, third = _cuts(rows, row, fx[i], fy[j])
            grid[pixel] += nb.uint32(count_run(bits, row, row + first))
            if fx[i] < 1.0:
                grid[pixel + 1] += nb.uint32(count_run(bits, row + first, row + lower))
            if fy[j] < 1.0:
                grid[pixel + width] += nb.uint32(count_run(bits, row + lower, row + third))
                if fx[i] < 1.0:
                    grid[pixel + width + 1] += nb.uint32(count_run(bits, row + third, row + rows))


@nb.njit(nogil=True, cache=True)
def count_rows(places, runs, numbers, frame, bits, grid):  # type: ignore[no-untyped-def]
    """Add single rows to a grid of counts. Runs are of places in x and y; `numbers` has the rows there, and is empty where they are the places."""
    x, y = places
    for q in range(runs[0].shape[0]):
        for place in range(runs[0][q], runs[1][q]):
            if bits.shape[0] and not bit_at(bits, np.int64(numbers[place]) if numbers.shape[0] else place):
                continue
            pixel = _pixel(x, y, place, frame)
            if pixel >= 0:
                grid[pixel] += nb.uint32(1)


@nb.njit(inline="always")
def _note(pixel, start, stop, cursor, out):  # type: ignore[no-untyped-def]
    """Count a run of a pixel, or, once there is room, write it in the pixel's next place."""
    if out[0].shape[0]:
        out[0][cursor[pixel]], out[1][cursor[pixel]] = start, stop
    cursor[pixel] += 1


@nb.njit(nogil=True, cache=True)
def cell_runs(cells, c0, c1, tables, width, cursor, out):  # type: ignore[no-untyped-def]
    """List runs of rows by pixel, in the way that `count_cells` counts them.

    Called twice: with no room in `out` it counts the runs of each pixel in `cursor`; then `cursor` holds the first place of each pixel.
    """
    key, start, count = cells
    i0, px, fx, j0, py, fy = tables
    high, left, low = nb.uint64(0xFFFFFFFFFFFFFFFF), np.int64(0), np.int64(0)
    for q in range(c0.shape[0]):
        for c in range(c0[q], c1[q]):
            if nb.uint64(key[c]) >> nb.uint64(8) != high:  # keys ascend: most share these bits with the one before
                high = nb.uint64(key[c]) >> nb.uint64(8)
                left, low = _corner(high, i0, j0)
            code = np.int64(nb.uint64(key[c]) & nb.uint64(255))
            i, j = left + _ACROSS[code], low + _ALONG[code]
            if i < 0 or j < 0 or i >= px.shape[0] or j >= py.shape[0]:
                continue
            row, rows, pixel = np.int64(start[c]), np.int64(count[c]), py[j] * width + px[i]
            first, lower, third = _cuts(rows, row, fx[i], fy[j])
            if first > 0:
                _note(pixel, row, row + first, cursor, out)
            if lower > first:
                _note(pixel + 1, row + first, row + lower, cursor, out)
            if third > lower:
                _note(pixel + width, row + lower, row + third, cursor, out)
            if rows > third:
                _note(pixel + width + 1, row + third, row + rows, cursor, out)


@nb.njit(nogil=True, cache=True)
def row_runs(places, runs, numbers, frame, cursor, out):  # type: ignore[no-untyped-def]
    """List single rows by pixel, like `cell_runs`; neighbours in store order and pixel become one run. Arguments as of `count_rows`."""
    x, y = places
    for q in range(runs[0].shape[0]):
        last, begin, end = np.int64(-1), np.int64(0), np.int64(0)
        for place in range(runs[0][q], runs[1][q]):
            row = np.int64(numbers[place]) if numbers.shape[0] else np.int64(place)
            pixel = _pixel(x, y, place, frame)
            if pixel != last or row != end:
                if last >= 0:
                    _note(last, begin, end, cursor, out)
                last, begin = pixel, row
            end = row + 1
        if last >= 0:
            _note(last, begin, end, cursor, out)


@nb.njit(nogil=True, cache=True)
def join_runs(offsets, start, stop):  # type: ignore[no-untyped-def]
    """Make one run of runs of a pixel that follow each other, in place; `offsets` then has the places of the runs that are left."""
    place, first = np.int64(0), np.int64(0)
    for p in range(offsets.shape[0] - 1):
        begin = place
        for q in range(first, offsets[p + 1]):
            if place > begin and stop[place - 1] == start[q]:
                stop[place - 1] = stop[q]
            else:
                start[place], stop[place] = start[q], stop[q]
                place += 1
        first = offsets[p + 1]
        offsets[p + 1] = place


@nb.njit(nogil=True, cache=True)
def rows_before(offsets, start, stop, out):  # type: ignore[no-untyped-def]
    """Count the rows before each pixel, and before the end of the last one."""
    rows = np.int64(0)
    for p in range(offsets.shape[0] - 1):
        for q in range(offsets[p], offsets[p + 1]):
            rows += np.int64(stop[q]) - np.int64(start[q])
        out[p + 1] = rows


@nb.njit(nogil=True, cache=True)
def sums_by_pixel(values, runs, bits, span, out):  # type: ignore[no-untyped-def]
    """Count and sum of a column's values in pixels first … last. Adding nothing is quicker than asking whether to add."""
    offsets, start, stop = runs
    for p in range(span[0], span[1]):
        n, total = 0, 0.0
        for q in range(offsets[p], offsets[p + 1]):
            if bits.shape[0] == 0:
                for row in range(start[q], stop[q]):
                    value = nb.float64(values[row])
                    there = value == value
                    n += there
                    total += value if there else 0.0
                continue
            for row in range(start[q], stop[q]):
                value = nb.float64(values[row])
                there = (value == value) & (bit_at(bits, row) > 0)
                n += there
                total += value if there else 0.0
        out[0, p], out[1, p] = n, total


@nb.njit(nogil=True, cache=True)
def numbers_by_pixel(values, runs, bits, span, out):  # type: ignore[no-untyped-def]
    """Count, sum, mean, sum of squared deviations, least and greatest of a column's values in pixels first … last.

    The deviations are taken from the mean in a second pass, so that their squares do not lose digits.
    """
    offsets, start, stop = runs
    for p in range(span[0], span[1]):
        n, total, low, high = 0, 0.0, np.inf, -np.inf
        for q in range(offsets[p], offsets[p + 1]):
            for row in range(start[q], stop[q]):
                value = nb.float64(values[row])
                if value == value and (bits.shape[0] == 0 or bit_at(bits, row)):
                    n += 1
                    total += value
                    low, high = min(low, value), max(high, value)
        out[0, p], out[1, p], out[3, p], out[4, p] = n, total, low, high
        mean, squares = total / n if n else np.nan, 0.0
        for q in range(offsets[p], offsets[p + 1]):
            for row in range(start[q], stop[q]):
                value = nb.float64(values[row])
                if value == value and (bits.shape[0] == 0 or bit_at(bits, row)):
                    squares += (value - mean) * (value - mean)
        out[2, p] = squares


@nb.njit(nogil=True, cache=True)
def codes_by_pixel(codes, runs, bits, span, slots, out):  # type: ignore[no-untyped-def]
    """Count rows by category in pixels first … last; `slots[code]` is the place of a code among the last axis of `out`."""
    offsets, start, stop = runs
    for p in range(span[0], span[1]):
        for q in range(offsets[p], offsets[p + 1]):
            for row in range(start[q], stop[q]):
                code = np.int64(codes[row])
                if code >= 0 and (bits.shape[0] == 0 or bit_at(bits, row)):
                    out[p, slots[code]] += nb.uint32(1)


@nb.njit(inline="always")
def _tally(codes, bits, begin, end, seen):  # type: ignore[no-untyped-def]
    """Count the codes of a run, missing ones in the first place, neighbours apart: a counter just written is slow to read.

    Rows are unsigned, because a signed place is tried for a place from the end.
    """
    row, end = nb.uint64(begin), nb.uint64(end)
    if bits.shape[0]:
        while row < end:  # what one word of bits covers
            stop = min(end, (row | nb.uint64(63)) + _ONE)
            word = bits[row >> nb.uint64(6)] >> (row & nb.uint64(63))
            last = row + ((stop - row) & _FOURS)
            while row < last:
                seen[0, nb.uint64(np.int64(codes[row]) + 1)] += np.int64(word & _ONE)
                seen[1, nb.uint64(np.int64(codes[row + _ONE]) + 1)] += np.int64(word >> _ONE & _ONE)
                seen[2, nb.uint64(np.int64(codes[row + nb.uint64(2)]) + 1)] += np.int64(word >> nb.uint64(2) & _ONE)
                seen[3, nb.uint64(np.int64(codes[row + nb.uint64(3)]) + 1)] += np.int64(word >> nb.uint64(3) & _ONE)
                word >>= nb.uint64(4)
                row += nb.uint64(4)
            while row < stop:
                seen[0, nb.uint64(np.int64(codes[row]) + 1)] += np.int64(word & _ONE)
                word >>= _ONE
                row += _ONE
        return
    last = row + ((end - row) & _FOURS)
    while row < last:
        seen[0, nb.uint64(np.int64(codes[row]) + 1)] += 1
        seen[1, nb.uint64(np.int64(codes[row + _ONE]) + 1)] += 1
        seen[2, nb.uint64(np.int64(codes[row + nb.uint64(2)]) + 1)] += 1
        seen[3, nb.uint64(np.int64(codes[row + nb.uint64(3)]) + 1)] += 1
        row += nb.uint64(4)
    while row < end:
        seen[0, nb.uint64(np.int64(codes[row]) + 1)] += 1
        row += _ONE


@nb.njit(inline="always")
def _most_of_all(seen, sums, totals):  # type: ignore[no-untyped-def]
    """Return the most frequent code, its count and the count of all, from counters of all codes, which are zeroed. Many codes at a time."""
    total, most, best = np.int64(0), np.int64(0), np.int64(-1)
    for place in range(sums.shape[0]):
        count = seen[0, place] + seen[1, place] + seen[2, place] + seen[3, place]
        sums[place] = count
        totals[place] += count
        total += count
        seen[0, place], seen[1, place], seen[2, place], seen[3, place] = 0, 0, 0, 0
    for place in range(1, sums.shape[0]):
        most = max(most, sums[place])
    if most:
        best = np.int64(0)
        while sums[best + 1] != most:
            best += 1
    return best, most, total


@nb.njit(nogil=True, cache=True)
def dominant_by_pixel(codes, runs, bits, span, out, totals):  # type: ignore[no-untyped-def]
    """The most frequent code of each pixel (the lower one of equals), its count, and the count of all rows.

    `totals` gathers the rows of each code in all pixels, those without one in the first place.
    """
    offsets, start, stop = runs
    seen, sums = np.zeros((4, totals.shape[0]), np.int64), np.empty(totals.shape[0], np.int64)
    for p in range(span[0], span[1]):
        rows = np.int64(0)
        for q in range(offsets[p], offsets[p + 1]):
            rows += np.int64(stop[q]) - np.int64(start[q])
            _tally(codes, bits, start[q], stop[q], seen)
        best, most, total = np.int64(-1), np.int64(0), np.int64(0)
        if rows * _FEW >= totals.shape[0]:
            best, most, total = _most_of_all(seen, sums, totals)
        else:
            for q in range(offsets[p], offsets[p + 1]):
                for row in range(start[q], stop[q]):
                    code = np.int64(codes[row])
                    count = seen[0, code + 1] + seen[1, code + 1] + seen[2, code + 1] + seen[3, code + 1]
                    if count == 0:
                        continue
                    total += count
                    totals[code + 1] += count
                    for lane in range(4):
                        seen[lane, code + 1] = 0
                    if code >= 0 and (count > most or (count == most and code < best)):
                        best, most = code, count
        out[p, 0], out[p, 1], out[p, 2] = best, most, total
