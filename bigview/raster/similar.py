"""Similarities reduced to pixels: means of blocks of any size from sums of vectors, and everything else from the cells where they are few."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigview.config import limits
from bigview.errors import TooLargeError
from bigview.raster.blocks import BlockReduction, Reduced
from bigview.raster.ordered import Ordered
from bigview.raster.pixels import AxisPixels
from bigview.store.matrix import MatrixTable
from bigview.store.recent import Recent
from bigview.store.similarity import SimilarCells, VectorAxis, bin_sums

CELLS = 50_000_000
"""Cells in view up to which each is computed where its value is needed: 0.4 s of two cores at 256 dimensions."""

_DIRECT = 1 << 18
"""Vectors along a side of a view up to which they are added up for it alone: a tenth of a second. Beyond that the sums of the whole order are
made, and kept."""

_TILE = 1024


def reduce_similar(table: MatrixTable, found: Ordered, orders: tuple[Any, Any], centre: float | None = None, every: bool = False) -> Reduced:
    """Return what each pixel holds.

    Parameters
    ----------
    table : MatrixTable
        Of the layout "similarity".
    found : Ordered
    orders : (Order or None, Order or None)
        Of rows and columns.
    centre : float, optional
        Squares are taken about this, and only if it is given.
    every : bool
        Whether the least and the greatest are wanted.

    Raises
    ------
    TooLargeError
        When these, or Euclidean distances, are wanted of more cells than can be computed.
    """
    rows, cols, cells = found.rows, found.cols, table.similar
    single = is_single(found)
    needed = "the least and the greatest" if every else "the standard deviation" if centre is not None else ""
    if cells.metric == "euclidean":
        needed = needed or "a mean of Euclidean distances"
    if needed and not single:
        _check_few(rows, cols, needed, cells.metric)
        return _from_cells(cells, rows, cols, centre)
    sums = [_sums(table, *side) for side in ((rows, found.y.edges, orders[0]), (cols, found.x.edges, orders[1]))]
    return _joined(sums, cells, single, centre).by_pixel(rows, cols)


def is_single(found: Ordered) -> bool:
    """Whether a pixel shows one cell at most."""
    return max(int(axis.sizes.max(initial=0)) for axis in (found.rows, found.cols)) <= 1


def _check_few(rows: AxisPixels, cols: AxisPixels, needed: str, metric: str) -> None:
    count = len(rows.members) * len(cols.members)
    if count <= CELLS:
        return
    known = " 'sqeuclidean' has exact means of any view." if metric == "euclidean" else " The mean is exact in any view."
    raise TooLargeError(f"{count:,} cells are in view; {needed} can be computed of {CELLS:,} at most. Zoom in.{known}")


def _sums(table: MatrixTable, axis: AxisPixels, edges: NDArray[np.int64], order: Any) -> NDArray[np.float64]:
    """Return the sums of each bin of an axis."""
    cells = table.similar
    if len(axis.members) <= _DIRECT:
        return bin_sums(cells, axis.members, axis.starts)
    index = np.arange(cells.size) if order is None else np.asarray(order.index, np.int64)
    key = table.folder.url, table.manifest.fingerprint, order
    whole = _axes.get(key, lambda: VectorAxis.of(cells, index))
    return bin_sums(cells, whole, edges)


def _joined(sums: list[NDArray[np.float64]], cells: SimilarCells, single: bool, centre: float | None) -> Reduced:
    """Return the reduction of blocks of products from the sums of both sides."""
    (one, other), width = sums, cells.width
    total, count = one[:, :width] @ other[:, :width].T, np.multiply.outer(one[:, -1], other[:, -1])
    if cells.metric == "cosine":
        total = np.clip(total, -count, count)  # rounding may go beyond
    if cells.metric.endswith("euclidean"):
        total = np.maximum(np.multiply.outer(one[:, width], other[:, -1]) + np.multiply.outer(one[:, -1], other[:, width]) - 2 * total, 0.0)
        total = np.sqrt(total) if cells.metric == "euclidean" else total
    extreme = total if single else None
    squares = None if centre is None else count * (total - centre) ** 2  # asked for of single cells alone
    return Reduced(count.astype(np.int64), total, extreme, extreme, squares, centre or 0.0)


def _from_cells(cells: SimilarCells, rows: AxisPixels, cols: AxisPixels, centre: float | None) -> Reduced:
    """Return the reduction of the cells themselves, computed tile by tile."""
    places = [AxisPixels(np.arange(len(axis.members)), axis.starts, axis.shown) for axis in (rows, cols)]
    shape = len(rows.members), len(cols.members)
    reduction = BlockReduction(places[0], places[1], shape, np.float64, centre=centre)
    for left in range(0, shape[1], _TILE):
        for top in range(0, shape[0], 8 * _TILE):
            part = cells.take(rows.members[top : top + 8 * _TILE], cols.members[left : left + _TILE])
            reduction.add([(top, left, part)])
    return reduction.result()


_axes: "Recent[VectorAxis]" = Recent(lambda axis: axis.nbytes, lambda: limits().vector_sum_bytes)


def forget_sums() -> None:
    """Forget the sums of orders, to measure or to test."""
    _axes.clear()
