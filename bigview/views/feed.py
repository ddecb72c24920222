"""The way of pictures into a plot, and of outlines out of it."""

import math
from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, CustomJS
from numpy.typing import NDArray

from bigview.raster.frame import Frame
from bigview.views.picture import to_plot
from bigview.views.wire import Wire, deflated, script

_SLACK = 0.5  # pixels
_FAINT = 0.6  # opacity of an earlier picture around the newest one


class Feed:
    """Takes frames and their colours to the browser, where wire.js makes the plot's picture of them.

    Parameters
    ----------
    figure : bokeh.models.Plot
    image : ColumnDataSource
        What the plot draws; the browser alone writes to it.
    around : bool
        Draw an earlier picture around the newest one.
    """

    def __init__(self, figure: Any, image: ColumnDataSource, around: bool = True) -> None:
        self._frames = ColumnDataSource({"facts": [], "body": []}, name="bigview-frame")
        self._colours = ColumnDataSource({"id": [], "body": []}, name="bigview-colours")
        # What the browser puts around a picture: an earlier one, under it and fainter, for it is older and coarser.
        under = ColumnDataSource({name: [] for name in ("image", "x", "y", "dw", "dh")}, name="bigview-under", tags=["approximate"])
        if around:
            figure.image_rgba("image", "x", "y", "dw", "dh", source=under, level="underlay", global_alpha=_FAINT)
        react = CustomJS(args={"frames": self._frames, "colours": self._colours, "image": image, "under": under}, code=script())
        for source in (self._frames, self._colours):
            source.js_on_change("data", react)
        figure.tags = [*figure.tags, self._frames, self._colours]  # a source that nothing draws is in the document all the same
        self._shown: Wire | None = None
        self._table: Any = None
        self._table_id = self._number = self._kin_id = 0
        self._kin: Any = None

    def put(self, frame: Frame, wire: Wire, kin: Any = None) -> None:
        """Send a picture, unless it is there. Only pictures of the same `kin`, rows and colours, may stand around each other."""
        if wire is self._shown:
            return
        if kin != self._kin:
            self._kin, self._kin_id = kin, self._kin_id + 1
        if wire.table is not None and wire.table is not self._table:
            self._table, self._table_id = wire.table, self._table_id + 1
            self._colours.data = {"body": [deflated(wire.table)], "id": [self._table_id]}
        (x0, x1), (y0, y1) = (tuple(to_plot(end) for end in ends) for ends in (frame.x_range, frame.y_range))
        self._send({**wire.facts, "table": self._table_id, "kin": self._kin_id, "x": x0, "y": y0, "dw": x1 - x0, "dh": y1 - y0}, wire.body)
        self._shown = wire

    def blank(self, frame: Frame) -> None:
        """Take the picture away where marks stand in its place."""
        self._send({"blank": True, "x": to_plot(frame.x_range[0]), "y": to_plot(frame.y_range[0])}, np.zeros(0, np.uint8))
        self._shown = None

    def _send(self, facts: dict[str, Any], body: Any) -> None:
        self._number += 1
        self._frames.data = {"facts": [{**facts, "number": self._number}], "body": [body]}


def corners_of(shape: Any) -> list[tuple[float, float]]:
    """Return the corners of a box or a lasso as Bokeh reports it, in plot coordinates; none for other shapes."""
    if shape["type"] == "rect":
        (x0, x1), (y0, y1) = sorted((shape["x0"], shape["x1"])), sorted((shape["y0"], shape["y1"]))
        corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    elif shape["type"] == "poly":
        corners = list(zip(shape["x"], shape["y"], strict=True))
    else:
        corners = []
    return [(float(x), float(y)) for x, y in corners if x is not None and y is not None]


def simplified(corners: list[tuple[float, float]], pixel: tuple[float, float]) -> list[tuple[float, float]]:
    """Return the corners that an outline drawn by hand needs to stay within half a pixel (Douglas and Peucker, 1973).

    Parameters
    ----------
    corners : list of (float, float)
    pixel : (float, float)
        Width and height of a pixel. Corners are rounded to a fiftieth of it or finer: a hand is no more exact, and a link has little room.
    """
    places = np.array(corners) / pixel
    keep, waiting = {0, len(places) - 1}, [(0, len(places) - 1)]
    while waiting:
        first, last = waiting.pop()
        if last - first < 2:
            continue
        distances = _from_line(places[first + 1 : last], places[first], places[last])
        furthest = int(np.argmax(distances))
        if distances[furthest] > _SLACK:
            middle = first + 1 + furthest
            keep.add(middle)
            waiting += [(first, middle), (middle, last)]
    digits = [max(0, 2 - math.floor(math.log10(size))) if size > 0 else 15 for size in pixel]
    return [(round(corners[place][0], digits[0]), round(corners[place][1], digits[1])) for place in sorted(keep)]


def _from_line(places: NDArray[np.float64], start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distances of places from the line between two others, its ends included."""
    along, away = end - start, places - start
    share = np.clip(away @ along / max(float(along @ along), 1e-300), 0, 1)
    off = away - share[:, None] * along
    return np.asarray(np.hypot(off[:, 0], off[:, 1]))
