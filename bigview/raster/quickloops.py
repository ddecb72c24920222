"""The loops of a quick picture: each pixel looks up the cells that touch it. Serial, over a band of pixel rows, with other threads running."""

import numba as nb
import numpy as np

from bigview.store.morton import gather


@nb.njit(nogil=True, cache=True)
def map_cells(key, c0, c1, corner, where):  # type: ignore[no-untyped-def]
    """Write the number of each cell at its place. Of a cell with several entries the first one counts; the others follow it."""
    i0, j0 = corner
    for q in range(c0.shape[0]):
        for c in range(c0[q], c1[q]):
            if c > c0[q] and key[c] == key[c - 1]:
                continue
            i, j = np.int64(gather(key[c])) - i0, np.int64(gather(nb.uint64(key[c]) >> nb.uint64(1))) - j0
            if 0 <= j < where.shape[0] and 0 <= i < where.shape[1]:
                where[j, i] = c


@nb.njit(inline="always")
def _overlap(low, high, cell):  # type: ignore[no-untyped-def]
    """The share of a cell that lies in low … high, which are counted in cells."""
    return max(0.0, min(high, cell + 1.0) - max(low, nb.float64(cell)))


@nb.njit(inline="always")
def _added(code, weight, seen, codes, m):  # type: ignore[no-untyped-def]
    """Add to the weight of a code; return the number of different ones so far.

    Without branches, which would be guessed wrongly half the time: a code that is not there, −1, comes with no weight and lands in the last place.
    """
    before = seen[code]
    codes[m] = code
    seen[code] = before + weight
    return m + ((before == 0.0) & (weight > 0.0))


@nb.njit(inline="always")
def _best(scale, seen, codes, m, totals):  # type: ignore[no-untyped-def]
    """Return the code of most weight, of equals the lower one, and its rows; `seen` is zeroed, and all rows are added to `totals`."""
    best, most = np.int64(-1), 0.0
    for e in range(m):
        code, weight = codes[e], seen[codes[e]]
        seen[code] = 0.0
        totals[code] += weight * scale
        if weight > most or (weight == most and code < best):
            best, most = code, weight
    return best, most * scale


@nb.njit(nogil=True, cache=True)
def dominant_pixels(band, rows, sheet, tops, results):  # type: ignore[no-untyped-def]
    """Find the most frequent code of the pixels that are to do. Returns how many rows are of unknown code, and how many pixels remain.

    A pixel holds of each cell that touches it the part that lies in it. It is sure when the cells that touch it, all together, hold fewer rows of
    other codes than half of the pixel's: whichever of them are its own, one code has the majority.
    """
    where, (i0, j0), key, (ix, x_low, x_high), (jy, y_low, y_high) = sheet
    todo, out, sure, totals = results
    (code1, code2, code3), (count1, count2, count3), known_rows, count = tops
    seen, codes = np.zeros(totals.shape[0] + 1), np.empty(totals.shape[0] + 1, np.int64)
    unknown, left, cells = 0.0, 0, key.shape[0]
    for j in range(band[0], band[1]):
        for i in range(rows.shape[1]):
            if not todo[j, i]:
                continue
            m, weight, dark, gaps, leader, others = 0, 0.0, 0.0, 0, np.int64(-1), np.int64(0)
            for b in range(jy[0, j], jy[1, j]):
                along = _overlap(y_low[j], y_high[j], b)
                for a in range(ix[0, i], ix[1, i]):
                    c = np.int64(where[b - j0, a - i0])
                    if c < 0:
                        gaps += 1
                    share = along * _overlap(x_low[i], x_high[i], a)
                    while c >= 0:
                        n, k1, k2, k3 = np.int64(count[c]), np.int64(count1[c]), np.int64(count2[c]), np.int64(count3[c])
                        weight += share * n
                        dark += share * ((np.int64(known_rows[c]) if known_rows.shape[0] else n) - k1 - k2 - k3)
                        if leader < 0:
                            leader = np.int64(code1[c])
                        others += n - (k1 if code1[c] == leader else k2 if code2[c] == leader else k3 if code3[c] == leader else 0)
                        m = _added(np.int64(code1[c]), share * k1, seen, codes, m)
                        m = _added(np.int64(code2[c]), share * k2, seen, codes, m)
                        m = _added(np.int64(code3[c]), share * k3, seen, codes, m)
                        c = c + 1 if c + 1 < cells and key[c + 1] == key[c] else np.int64(-1)
            if weight <= 0.0:
                left += 1
                continue
            todo[j, i] = False
            scale = rows[j, i] / weight
            unknown += dark * scale
            best, most = _best(scale, seen, codes, m, totals)
            proven = np.int64(rows[j, i]) - others
            if gaps == 0 and leader >= 0 and proven > others:
                sure[j, i] = True
                best, most = leader, max(most, nb.float64(proven))
            out[j, i, 0] = best
            out[j, i, 1] = 0 if best < 0 else min(np.int64(rows[j, i]), max(1, np.int64(most + 0.5)))
    return unknown, left


@nb.njit(nogil=True, cache=True)
def mean_pixels(band, todo, sheet, sums, out):  # type: ignore[no-untyped-def]
    """Find the mean of the pixels that are to do; return how many are still to do."""
    where, (i0, j0), key, (ix, x_low, x_high), (jy, y_low, y_high) = sheet
    total_of, known_rows, count = sums
    left, cells = 0, key.shape[0]
    for j in range(band[0], band[1]):
        for i in range(todo.shape[1]):
            if not todo[j, i]:
                continue
            weight, total, known = 0.0, 0.0, 0.0
            for b in range(jy[0, j], jy[1, j]):
                for a in range(ix[0, i], ix[1, i]):
                    c = np.int64(where[b - j0, a - i0])
                    if c < 0:
                        continue
                    share = _overlap(y_low[j], y_high[j], b) * _overlap(x_low[i], x_high[i], a)
                    while True:
                        n = nb.float64(count[c])
                        weight += share * n
                        known += share * (nb.float64(known_rows[c]) if known_rows.shape[0] else n)
                        total += share * total_of[c]
                        c += 1
                        if c >= cells or key[c] != key[c - 1]:
                            break
            if weight <= 0.0:
                left += 1
                continue
            todo[j, i] = False
            if known > 0.0:
                out[j, i] = total / known
    return left
