"""What a map shows: the seam between the map, which moves, asks and delivers, and the kind of store that it is a map of."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import numpy as np
import pandas as pd

from bigview.plain import Ranges
from bigview.store.points import PointTable
from bigview.views.camera import AIR, Camera
from bigview.views.picture import Painter, Picture, Wish, plotted, to_plot, to_value
from bigview.views.pointer import Found, Pointed, find


class Paints(Protocol):
    """Who makes the pictures of one map."""

    def paint(self, wish: Wish, stale: Callable[[], bool] = lambda: False) -> Iterable[Picture]:
        """Yield the picture of a wish, then better ones."""


class Scene(Protocol):
    """What a map shows.

    Attributes
    ----------
    equal : bool
        Whether all of it is shown to one scale.
    apart : bool
        Whether one axis may be zoomed without the other.
    axes : bool
        Whether the plot draws its own axes.
    air : float
        Space around all of it, as a share of its size on each side.
    """

    equal: bool
    apart: bool
    axes: bool
    air: float

    def home(self, style: Any) -> Camera:
        """Return all of it in plot coordinates."""

    def ranges(self, camera: Camera) -> Ranges:
        """Return what is visible, as values of the axes."""

    def camera(self, ends: Ranges) -> Camera:
        """Return what shows these values of the axes; the inverse of `ranges`."""

    def painter(self, busy: Callable[[], bool]) -> Paints:
        """Return a painter for one map; `busy` tells whether other maps wait."""

    def find(self, pointed: Pointed) -> Iterator[Any]:
        """Yield what lies under the pointer, then more of it; None where nothing does."""


class PointScene:
    """The map of a store of points.

    Parameters
    ----------
    table : PointTable
    """

    apart, air = False, AIR

    def __init__(self, table: PointTable) -> None:
        self.table = table
        self.equal = _one_scale(table)
        self.axes = not self.equal

    def home(self, style: Any) -> Camera:  # noqa: D102
        (x0, x1), (y0, y1) = (tuple(to_plot(end) for end in ends) for ends in self.table.home)
        return with_size(Camera(x0, x1, y0, y1))

    def ranges(self, camera: Camera) -> Ranges:  # noqa: D102
        x, y = self.table.manifest.x, self.table.manifest.y
        return (to_value(x, camera.x0), to_value(x, camera.x1)), (to_value(y, camera.y0), to_value(y, camera.y1))

    def camera(self, ends: Ranges) -> Camera:  # noqa: D102
        return camera_of(ends)

    def painter(self, busy: Callable[[], bool]) -> Painter:  # noqa: D102
        return Painter(self.table, busy)

    def find(self, pointed: Pointed) -> Iterator[Found | None]:  # noqa: D102
        return find(self.table, pointed)


def place_of(table: PointTable, record: pd.DataFrame) -> tuple[float, float]:
    """Return the plot coordinates of a record."""
    x, y = table.manifest.x.column, table.manifest.y.column
    return float(plotted(record[x])[0]), float(plotted(record[y])[0])


def camera_of(ends: Ranges) -> Camera:
    """Return the camera of ranges given as values of the axes; times may be ISO text."""
    x, y = ([to_plot(np.datetime64(end, "us") if isinstance(end, str) else end) for end in pair] for pair in ends)
    return with_size(Camera(x[0], x[1], y[0], y[1]))


def _one_scale(table: PointTable) -> bool:
    """Tell whether both axes measure the same, as in a projection: plain numbers of similar extent."""
    x, y = table.manifest.x, table.manifest.y
    wide, high = x.high - x.low, y.high - y.low
    return x.kind == y.kind == "float" and high <= 4 * wide and wide <= 4 * high


def with_size(camera: Camera) -> Camera:
    """Return the camera with room around a single place or line."""
    wide, high = camera.span
    pad_x = 0.0 if wide > 0 else max(abs(camera.x0) * 1e-6, 0.5)
    pad_y = 0.0 if high > 0 else max(abs(camera.y0) * 1e-6, 0.5)
    return Camera(camera.x0 - pad_x, camera.x1 + pad_x, camera.y0 - pad_y, camera.y1 + pad_y)
