"""Marginal profiles: the mean of each row and of each column of a window, from the same numbers as its picture."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bigview.raster.heat import HeatLook, window_of
from bigview.raster.heatswipe import SwipeLook, swiped
from bigview.raster.matrixplanes import planes_of
from bigview.spec import View
from bigview.store.matrix import MatrixTable

Means = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Margins:
    """The profiles of a window.

    Attributes
    ----------
    rows, cols : tuple of ndarray
        Means along the pixels of the picture, first row and first column first, NaN where nothing has a value: of a matrix one array, of two that are
        swiped two.
    bounds : (float, float, float, float)
        x0, x1, y0, y1 of the window in places of the order shown.
    """

    rows: tuple[Means, ...]
    cols: tuple[Means, ...]
    bounds: tuple[float, float, float, float]


def has_margins(table: MatrixTable) -> bool:
    """Whether rows and columns have a mean: categories have none, and that of ratios would be the ratio of nothing."""
    ratio = table.manifest.layout == "comparison" and table.compared.how != "difference"
    return table.kind != "category" and not ratio and not _distant(table)


def _distant(table: MatrixTable) -> bool:
    # The mean of Euclidean distances is known in small windows alone.
    return table.manifest.layout == "similarity" and table.similar.metric == "euclidean"


def margins(table: MatrixTable, view: View, look: HeatLook) -> Margins | None:
    """Return the profiles of a view; None where nothing of the matrix is in it, or where there are none.

    They are exact for the window, which ends where pixels end, and cost nothing once its picture is drawn.

    Parameters
    ----------
    table : MatrixTable
    view : View
    look : HeatLook
    """
    window = window_of(view, look.shape(table))
    if window is None or not (isinstance(look, SwipeLook) or has_margins(table)):
        return None
    sides = swiped(table, look) if isinstance(look, SwipeLook) else ((table, look),)
    found = [planes_of(part, window.view, own.rows, own.cols).found for part, own in sides]
    down, across = (tuple(_mean(one.total.sum(axis), one.count.sum(axis)) for one in found) for axis in (1, 0))
    return Margins(down, across, (*window.view.x_range, *window.view.y_range))


def _mean(total: Means, count: NDArray[np.int64]) -> Means:
    with np.errstate(all="ignore"):
        return np.where(count > 0, total / count, np.nan)
