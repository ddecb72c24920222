"""What each pixel of a view of a matrix holds, however its cells are kept. One pass gives every statistic, and is kept for the next one asked."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bigview.config import limits
from bigview.raster.blocks import Reduced
from bigview.raster.matrixpyramid import pyramid_cells
from bigview.raster.ordered import Ordered, centre_of, reduced_cells
from bigview.raster.similar import reduce_similar
from bigview.raster.sparseblocks import reduce_sparse
from bigview.spec import View
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
    kept = _kept.peek((*key, True))
    return kept if kept is not None else _kept.get((*key, squares), lambda: _made(table, Ordered.of(table, view, rows, cols), squares))


def _made(table: MatrixTable, found: Ordered, squares: bool) -> Planes:
    if table.manifest.layout == "sparse":
        return Planes(reduce_sparse(table.sparse, found.rows, found.cols, centre_of(table) if squares else None))
    if found.is_native and table.manifest.levels:
        made = pyramid_cells(table, found.y, found.x, squares)
        return Planes(made.found, made.level, made.error)
    return Planes(reduced_cells(table, found, squares))


def _bytes(planes: Planes) -> int:
    return sum(plane.nbytes for plane in vars(planes.found).values() if isinstance(plane, np.ndarray))


_kept: "Recent[Planes]" = Recent(_bytes, lambda: limits().frame_bytes)


def forget_planes() -> None:
    """Forget what was computed, to measure or to test."""
    _kept.clear()
