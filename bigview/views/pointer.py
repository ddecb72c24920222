"""Which record lies under the pointer: found through the index, at any zoom."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bigview.config import limits
from bigview.spec import View, Where
from bigview.store.points import PointTable
from bigview.views.picture import to_value

QUICK = ("number", "integer", "datetime", "boolean", "category")


@dataclass(frozen=True)
class Pointed:
    """Where the pointer is.

    Attributes
    ----------
    place : (float, float)
        Plot coordinates.
    pixel : (float, float)
        Pixels from the plot's upper left corner.
    view : View
        What is visible.
    where : str, Filter or None
    click : bool
    style : Style
        Or another `Look`.
    """

    place: tuple[float, float]
    pixel: tuple[float, float]
    view: View
    where: Where = None
    click: bool = False
    style: Any = None


@dataclass(frozen=True, eq=False)
class Found:
    """A record near the pointer; `complete` once its texts are there."""

    record: pd.DataFrame
    pixel: tuple[float, float]
    complete: bool


def find(table: PointTable, pointed: Pointed) -> Iterator[Found | None]:
    """Yield the record nearest to the pointer with its numbers, then with its texts; None where nothing is in reach."""
    axes = table.manifest.x, table.manifest.y
    x, y = (to_value(axis, place) for axis, place in zip(axes, pointed.place, strict=True))
    quick = [name for name, kind in table.columns.items() if kind in QUICK]
    near = table.nearest(x, y, 1, pointed.where, pointed.view, columns=quick, within=limits().reach)
    if near.empty:
        yield None
        return
    slow = len(quick) < len(table.columns)
    if not (pointed.click and slow):
        yield Found(near, pointed.pixel, not slow)
    if slow:
        yield Found(table.take(row_ids=[int(near["__row"].iloc[0])]), pointed.pixel, True)
