"""What each pixel of a view of a matrix holds, however its cells are kept. One pass gives every statistic, and is kept for the next one asked."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bigview.config import limits
from bigview.matrixspec import How
from bigview.raster.blocks import BlockReduction, Reduced
from bigview.raster.matrixpyramid import pyramid_cells
from bigview.raster.ordered import Ordered, centre_of, reduced_cells
from bigview.raster.similar import reduce_similar
from bigview.raster.sparseblocks import reduce_sparse
from bigview.spec import View
from bigview.store.comparison import compare
from bigview.store.matrix import MatrixTable
from bigview.store.recent import Recent


@dataclass(frozen=True, eq=False)
class Planes:
    """The planes of a view.

    Attributes
    ----------
    found : Reduced
    level : int
        Level of the pyramid that they were taken from; 0 for the cells themselves.
    error : float
        The furthest that a cell may be counted from its place, in pixels.
    """

    found: Reduced
    level: int = 0
    error: float = 0.0


def planes_of(table: MatrixTable, view: View, rows: Any = None, cols: Any = None, squares: bool = False, every: bool = False) -> Planes:
    """Return the planes of a view.

    Parameters
    ----------
    table : MatrixTable
    view : View
    rows, cols : Order, optional
    squares : bool
        Whether the standard deviation will be asked for.
    every : bool
        Whether the least and the greatest will be: of a stored matrix they come along in any case, of a similarity they are computed then only.
    """
    key = table.folder.url, table.manifest.fingerprint, view, rows, cols
    if table.manifest.layout == "similarity":
        wanted = Ordered.of(table, view, rows, cols)
        centre = centre_of(table) if squares else None
        return _kept.get((*key, squares, every), lambda: Planes(reduce_similar(table, wanted, (rows, cols), centre, every)))
    if table.manifest.layout == "comparison":
        return _kept.get((*key, squares, every), lambda: _compared(table, view, (rows, cols), squares, every))
    kept = _kept.peek((*key, True))
    return kept if kept is not None else _kept.get((*key, squares), lambda: _made(table, Ordered.of(table, view, rows, cols), squares))


def _made(table: MatrixTable, found: Ordered, squares: bool) -> Planes:
    if table.manifest.layout == "sparse":
        return Planes(reduce_sparse(table.sparse, found.rows, found.cols, centre_of(table) if squares else None))
    if found.is_native and table.manifest.levels and table.kind != "category":
        made = pyramid_cells(table, found.y, found.x, squares)
        return Planes(made.found, made.level, made.error)
    return Planes(reduced_cells(table, found, squares))


def _compared(table: MatrixTable, view: View, orders: tuple[Any, Any], squares: bool, every: bool) -> Planes:
    """Return the planes of a comparison.

    The mean of differences is the difference of the means, and what a block's ratio means is the ratio of its means: two pictures, at any size.
    Everything else is known of the cells alone.
    """
    cells, found = table.compared, Ordered.of(table, view, *orders)
    single = max(int(axis.sizes.max(initial=0)) for axis in (found.rows, found.cols)) <= 1
    if single or squares or every:
        return Planes(reduced_cells(table, found, squares))
    if cells.plain:
        one, other = (planes_of(part, view, *cells.orders(which, *orders)) for which, part in enumerate(cells.pair))  # type: ignore[arg-type]
        return Planes(_joined(one.found, other.found, cells.how), max(one.level, other.level), max(one.error, other.error))
    both = [BlockReduction(found.rows, found.cols, table.shape, np.float64) for _ in "ab"]
    for top, left, *pair in cells.pieces(_ends(found.rows.span), _ends(found.cols.span)):
        for reduction, values in zip(both, pair, strict=True):
            reduction.add([(top, left, values)])
    return Planes(_joined(both[0].result(), both[1].result(), cells.how))


def _ends(span: Any) -> tuple[int, int]:
    return span.start, span.stop


def _joined(one: Reduced, other: Reduced, how: How) -> Reduced:
    made = compare(one.value("mean"), other.value("mean"), how)
    count = np.where(np.isnan(made), 0, one.count)
    return Reduced(count, np.where(np.isnan(made), 0.0, made * count), None, None)


def _bytes(planes: Planes) -> int:
    return sum(plane.nbytes for plane in vars(planes.found).values() if isinstance(plane, np.ndarray))


_kept: "Recent[Planes]" = Recent(_bytes, lambda: limits().frame_bytes)


def forget_planes() -> None:
    """Forget what was computed, to measure or to test."""
    _kept.clear()
