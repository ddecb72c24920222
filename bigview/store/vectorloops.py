"""The loops over vectors. Each is serial, takes a slice of the work, and lets other threads run."""

from functools import cache

import numba as nb
import numpy as np
from numba import types
from numba.extending import overload
from numpy.typing import NDArray


@cache
def halves() -> NDArray[np.float32]:
    """Return what each pattern of 16 bits means as a half float, which the processor's compiler does not know."""
    return np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)


def _number(value, table):  # type: ignore[no-untyped-def]
    """Return a component as a float: 16 bits by the table, others as they are."""
    raise NotImplementedError


@overload(_number, inline="always")
def _number_of(value, table):  # type: ignore[no-untyped-def]
    if value == types.uint16:
        return lambda value, table: nb.float64(table[value])
    return lambda value, table: nb.float64(value)


@nb.njit(inline="always")
def _add(source, row, sums):  # type: ignore[no-untyped-def]
    """Add a vector, its squared length and itself as one; a vector without a weight is left out."""
    vectors, table, weight, centre = source
    w = weight[row]
    if not w > 0.0:
        return
    width = centre.shape[0]
    vector, squares = vectors[row], 0.0
    for k in range(width):
        x = _number(vector[k], table) * w - centre[k]
        sums[k] += x
    for k in range(width):
        x = _number(vector[k], table) * w - centre[k]
        squares += x * x
    sums[width] += squares
    sums[width + 1] += 1.0


@nb.njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def sum_stretches(source, index, step, span, out):  # type: ignore[no-untyped-def]
    """Add up the vectors of stretches of `step` places of an order.

    Parameters
    ----------
    source : (array (n, d), array of float32, array (n,) of float64, array (d,) of float64)
        Vectors (half floats as uint16), what 16 bits mean, the weight of each vector (0: it is left out), and the centre they are taken about.
    index : array of int64
        The vector at each place.
    span : (int, int)
        First stretch, and the one after the last.
    out : array, shape (stretches, d + 2)
        Sums of the components, of the squared lengths, and how many there are; added to.
    """
    for s in range(span[0], span[1]):
        for place in range(s * step, min(index.shape[0], (s + 1) * step)):
            _add(source, index[place], out[s])


@nb.njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def sum_bins(source, index, edges, prefix, span, out):  # type: ignore[no-untyped-def]
    """Add up the vectors of bins of an order.

    Parameters
    ----------
    source, index
        As `sum_stretches` takes them; the place p is ``index[p - edges[0]]``, or ``index[p]`` where there is a prefix.
    edges : array of int64
        Bin b holds the places ``edges[b] … edges[b + 1]``.
    prefix : (array, shape (stretches + 1, d + 2), int)
        Sums of everything before each stretch, and the places of a stretch; without any rows where there is none.
    span : (int, int)
        First bin, and the one after the last.
    out : array, shape (bins, d + 2)
        Zeros, to which is added.
    """
    before, step = prefix
    shift = 0 if before.shape[0] else edges[0]
    for b in range(span[0], span[1]):
        low, high = edges[b], edges[b + 1]
        first, last = -(-low // step), high // step
        if before.shape[0] and last > first:
            for k in range(out.shape[1]):
                out[b, k] += before[last, k] - before[first, k]
            for place in range(low, first * step):
                _add(source, index[place], out[b])
            low = last * step
        for place in range(low, high):
            _add(source, index[place - shift], out[b])


@nb.njit(nogil=True, cache=True)
def prepare(source, rows, span, out):  # type: ignore[no-untyped-def]
    """Write vectors, weighted and about the centre; NaN for one without a weight."""
    vectors, table, weight, centre = source
    for q in range(span[0], span[1]):
        w = weight[rows[q]]
        for k in range(centre.shape[0]):
            out[q, k] = _number(vectors[rows[q], k], table) * w - centre[k] if w > 0.0 else np.nan


@nb.njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def squared_lengths(vectors, table, span, out, total):  # type: ignore[no-untyped-def]
    """Find the squared length of vectors, and add those of finite length to `total`."""
    for row in range(span[0], span[1]):
        squares = 0.0
        for k in range(total.shape[0]):
            x = _number(vectors[row, k], table)
            squares += x * x
        out[row] = squares
        if squares < np.inf:
            for k in range(total.shape[0]):
                total[k] += _number(vectors[row, k], table)
