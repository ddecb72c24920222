"""Sparse matrices reduced to pixels, in any order: every stored entry in view is visited once, and no zero is."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigview.raster.blocks import Reduced, Sampled, sampled_rows
from bigview.raster.pixels import AxisPixels
from bigview.store import pool
from bigview.store.sparse import Entries, SparseCells, turned
from bigview.store.sparseloops import reduce_entries

SAMPLE_ENTRIES = 10_000_000
"""Entries read for a quick picture: 50 ms."""

_SPANS = 4
"""Slices a thread."""

_SLICE_ENTRIES = 1 << 16
"""Entries of the smallest slice."""


def reduce_sparse(cells: SparseCells, rows: AxisPixels, cols: AxisPixels, centre: float | None = None) -> Reduced:
    """Return what each pixel holds. What is not stored counts as 0; `Reduced.stored` tells the entries that are.

    Parameters
    ----------
    cells : SparseCells
    rows, cols : AxisPixels
    centre : float, optional
        Squares are taken about this, and only if it is given.
    """
    by_col = turned(cells, rows.members, cols.members)
    half, long, short = (cells.by_col, cols, rows) if by_col else (cells.by_row, rows, cols)
    place = short.places(half.shape[0 if by_col else 1])
    shown = np.where(place < 0, short.bins, place).astype(np.uint32)
    planes = reduce_half(half.entries(long.span), long, (shown, short.bins), centre)
    total, squares, stored, gone, low, high = (plane[:, :-1].T if by_col else plane[:, :-1] for plane in planes)
    count = np.multiply.outer(rows.sizes, cols.sizes) - gone
    zeros = count - stored
    low, high = np.where((zeros > 0) & (low > 0), 0, low), np.where((zeros > 0) & (high < 0), 0, high)
    found = Reduced(count, np.ascontiguousarray(total), low, high, stored=np.ascontiguousarray(stored))
    if centre is not None:
        found = replace(found, squares=squares + zeros * (centre * centre), centre=centre)
    return found.by_pixel(rows, cols)


def sampled_sparse(cells: SparseCells, rows: AxisPixels, cols: AxisPixels, centre: float | None = None) -> Sampled:
    """Return about what each pixel holds, from some rows of each: about `SAMPLE_ENTRIES` entries, of two rows a pixel row or more."""
    share = SAMPLE_ENTRIES / max(1, cells.by_row.count(rows.members))
    most = max(2, int(share * len(rows.members) / max(1, rows.bins)))
    return sampled_rows(lambda part: reduce_sparse(cells, part, cols, centre), rows, most)


def reduce_half(entries: Entries, long: AxisPixels, short: tuple[NDArray[np.uint32], int], centre: float | None) -> tuple[NDArray[Any], ...]:
    """Return the planes of `bigview.store.sparseloops.reduce_entries`, worked on by the pool."""
    kind, shape = entries[2].dtype, (long.bins, short[1] + 1)
    limit: Any = np.finfo(kind) if kind.kind == "f" else np.iinfo(kind)
    least, greatest = (-np.inf, np.inf) if kind.kind == "f" else (limit.min, limit.max)
    squares = np.zeros(shape if centre is not None else (0, 0))
    whole = (
        np.zeros(shape),
        squares,
        np.zeros(shape, np.int64),
        np.zeros(shape, np.int64),
        np.full(shape, greatest, kind),
        np.full(shape, least, kind),
    )
    bins, about = (long.members, long.starts), np.nan if centre is None else float(centre)
    pool.run(lambda span: reduce_entries(entries, bins, span, short[0], about, whole), _spans(entries[0], long))
    return whole if centre is not None else (whole[0], np.zeros(shape), *whole[2:])


def _spans(begin: NDArray[np.int64], long: AxisPixels) -> list[tuple[int, int]]:
    """Return spans of bins of about the same number of entries."""
    load = np.concatenate([[0], np.cumsum(begin[long.members + 1] - begin[long.members])])[long.starts]
    parts = max(1, min(_SPANS * pool.threads(), int(load[-1]) // _SLICE_ENTRIES))
    cuts = np.searchsorted(load, np.arange(1, parts) * load[-1] / parts)
    return list(pairwise(np.unique([0, *cuts.tolist(), long.bins]).tolist()))
