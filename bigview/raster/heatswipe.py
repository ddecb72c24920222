"""Two matrices in one place, of which a divider shows the one at its left and the other at its right: both in the same order and the same colours."""

from dataclasses import replace
from functools import lru_cache
from typing import cast

from bigview.matrixspec import MatrixStyle
from bigview.raster.heat import HeatLook
from bigview.raster.heatlook import first_style
from bigview.store.matrix import MatrixTable


class SwipeLook(HeatLook):
    """How a comparison is shown as the two matrices themselves; the orders are those of the comparison."""


Side = tuple[MatrixTable, HeatLook]


@lru_cache(maxsize=8)
def swiped(table: MatrixTable, look: SwipeLook) -> tuple[Side, Side]:
    """Return the two matrices of a comparison, and how each of them is shown: a colour means the same in both."""
    cells = table.compared
    one, other = cast("tuple[MatrixTable, MatrixTable]", cells.pair)
    first, second = (HeatLook(look.style, *cells.orders(which, look.rows, look.cols)) for which in (0, 1))
    return (one, replace(first, locked=(other,))), (other, replace(second, locked=(one,)))


def first_swipe_style(table: MatrixTable, dark: bool = True) -> MatrixStyle:
    """Return how the two matrices of a comparison are shown at first: as the first of them is alone."""
    one, _ = cast("tuple[MatrixTable, MatrixTable]", table.compared.pair)
    return first_style(one, dark)
