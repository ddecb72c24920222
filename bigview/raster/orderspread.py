"""How the means of blocks are spread where rows and columns stand in another order than they are stored in.

What is alike stands together in a good order, and the means of its blocks lie as far apart as the cells do, while in the store's own order they may
all be alike. Colours that span the means of native blocks would then all be full.
"""

import numpy as np

from bigview.config import limits
from bigview.raster.matrixgrid import aggregate_matrix
from bigview.spec import View
from bigview.store.matrix import MatrixTable
from bigview.store.orders import Order
from bigview.store.recent import Recent

_PIXELS = 768  # blocks along an axis, and those of four and of sixteen of them along each
_LEAST = 64  # of which four are taken together: fewer columns are seen one by one at every zoom
_SAMPLE = 2_000_000  # cells of the blocks that are looked at in a matrix too large to look at all: 30 ms on two cores
_KEPT = 4_000_000  # bytes

Known = dict[float, tuple[float, ...]]


def block_means(table: MatrixTable, rows: Order | None, cols: Order | None, count: int) -> Known:
    """Return the quantiles of the means of blocks all over a matrix in an order, by the cells of a block.

    Parameters
    ----------
    rows, cols : Order or None
    count : int
        Quantiles, evenly spaced from the least to the greatest.

    Returns
    -------
    dict
        Empty where these are the store's own orders, and where the matrix is not stored cell by cell. Of a large matrix
        (`bigview.config.limits().exact_cells`) some of the smallest blocks are looked at, evenly spaced along both axes.
    """
    rows, cols = (None if order is None else order.coloured_as for order in (rows, cols))
    high, wide = (size if order is None else len(order) for order, size in zip((rows, cols), table.shape, strict=True))
    native = rows is None and cols is None
    if native or table.manifest.layout != "dense" or table.kind == "category" or not high * wide:
        return {}
    key = (table.folder.url, table.manifest.fingerprint, rows, cols, count)
    measured = _measured if high * wide <= limits().exact_cells else _sampled
    return _known.get(key, lambda: measured(table, rows, cols, (high, wide), count))


def _measured(table: MatrixTable, rows: Order | None, cols: Order | None, shape: tuple[int, int], count: int) -> Known:
    view = View((0, shape[1]), (0, shape[0]), min(_PIXELS, shape[1]), min(_PIXELS, shape[0]))
    # The sum of a block without values is no number, and would make one of all blocks that it is taken with.
    planes = [np.nan_to_num(aggregate_matrix(table, view, agg, rows, cols).to_numpy(), nan=0.0) for agg in ("sum", "count")]
    found: Known = {}
    for _ in range(3):
        cells = shape[0] * shape[1] / planes[0].size
        there = planes[1] > 0
        if cells > 1 and there.any():
            found[cells] = tuple(np.quantile(planes[0][there] / planes[1][there], np.linspace(0, 1, count)).tolist())
        for axis in (0, 1):
            if planes[0].shape[axis] >= _LEAST:
                planes = [np.add.reduceat(plane, np.arange(0, plane.shape[axis], 4), axis) for plane in planes]
    return found


def _sampled(table: MatrixTable, rows: Order | None, cols: Order | None, shape: tuple[int, int], count: int) -> Known:
    high, wide = (max(1, size // _PIXELS) for size in shape)
    most = [size // step for size, step in zip(shape, (high, wide), strict=True)]
    blocks = _SAMPLE / (high * wide)
    across = max(1, min(most[1], round(blocks**0.5)))
    down = max(1, min(most[0], round(blocks / across)))
    across = max(1, min(most[1], round(blocks / down)))
    some = _some(rows, shape[0], high, down), _some(cols, shape[1], wide, across)
    view = View((0, across * wide), (0, down * high), across, down)
    total, there = (aggregate_matrix(table, view, agg, *some).to_numpy() for agg in ("sum", "count"))
    means = total[there > 0] / there[there > 0]
    return {float(high * wide): tuple(np.quantile(means, np.linspace(0, 1, count)).tolist())} if len(means) and high * wide > 1 else {}


def _some(order: Order | None, size: int, step: int, count: int) -> Order:
    """Return the order of the rows of some blocks: `count` of `step` neighbours each, evenly spaced."""
    first = np.linspace(0, size - step, count).astype(np.int64)
    places = (first[:, None] + np.arange(step)).ravel()
    return Order.of(places if order is None else order.index[places], size if order is None else order.size)


_known: "Recent[Known]" = Recent(lambda found: 64 + 40 * sum(map(len, found.values())), lambda: _KEPT)
