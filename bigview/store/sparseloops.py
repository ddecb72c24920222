"""The loops over sparse matrices. Each is serial, takes a slice of the bins, and lets other threads run.

A matrix is kept by rows and by columns; "long" is the axis whose cells' entries lie together, "short" the other one. What is not stored is 0.
"""

import numba as nb


@nb.njit(nogil=True, cache=True, error_model="numpy")
def reduce_entries(entries, bins, span, place, centre, out):  # type: ignore[no-untyped-def]
    """Add the stored entries of the long bins of `span` to their pixels.

    Parameters
    ----------
    entries : (array of int64, array of int, array of numbers, int)
        Where each row's entries begin and end, the column of each entry, its value; and the number of the first entry that is there.
    bins : (array of int64, array of int64)
        The long cells of bin p are ``bins[0][bins[1][p]:bins[1][p + 1]]``.
    span : (int, int)
        First bin, and the one after the last.
    place : array of uint32
        The short bin of each short cell; one after the last for those that are not shown.
    centre : float
        What squares are taken about; NaN for none.
    out : tuple of arrays, shape (long bins, short bins + 1)
        Sum, squares, entries that have a value, entries that are missing, least, greatest; added to.
    """
    begin, short, value, shift = entries
    members, starts = bins
    squared = centre == centre
    for p in range(span[0], span[1]):
        total, stored, gone, least, greatest = out[0][p], out[2][p], out[3][p], out[4][p], out[5][p]
        for q in range(starts[p], starts[p + 1]):
            for k in range(begin[members[q]] - shift, begin[members[q] + 1] - shift):
                x, v = place[short[k]], value[k]
                good = v == v
                total[x] += nb.float64(v) if good else 0.0
                stored[x] += nb.int64(good)
                gone[x] += nb.int64(not good)
                least[x] = v if good & (v < least[x]) else least[x]
                greatest[x] = v if good & (v > greatest[x]) else greatest[x]
                if squared and good:
                    off = nb.float64(v) - centre
                    out[1][p, x] += off * off


@nb.njit(nogil=True, cache=True)
def take_entries(entries, members, place, out):  # type: ignore[no-untyped-def]
    """Write the stored entries of some long cells into a dense array of zeros, shape (long, short).

    `place` has the column of `out` of each short cell, −1 for none.
    """
    begin, short, value, shift = entries
    for q in range(members.shape[0]):
        for k in range(begin[members[q]] - shift, begin[members[q] + 1] - shift):
            if place[short[k]] >= 0:
                out[q, place[short[k]]] = value[k]
