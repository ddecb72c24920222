"""The way of pictures into a plot, and of outlines out of it."""

from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, CustomJS

from bigview.raster.frame import Frame
from bigview.views.picture import to_plot
from bigview.views.wire import Wire, deflated, script


class Feed:
    """Takes frames and their colours to the browser, where wire.js makes the plot's picture of them.

    Parameters
    ----------
    figure : bokeh.models.Plot
    image : ColumnDataSource
        What the plot draws; the browser alone writes to it.
    """

    def __init__(self, figure: Any, image: ColumnDataSource) -> None:
        self._frames = ColumnDataSource({"facts": [], "body": []}, name="bigview-frame")
        self._colours = ColumnDataSource({"id": [], "body": []}, name="bigview-colours")
        react = CustomJS(args={"frames": self._frames, "colours": self._colours, "image": image}, code=script())
        for source in (self._frames, self._colours):
            source.js_on_change("data", react)
        figure.tags = [*figure.tags, self._frames, self._colours]  # a source that nothing draws is in the document all the same
        self._shown: Wire | None = None
        self._table: Any = None
        self._table_id = self._number = 0

    def put(self, frame: Frame, wire: Wire) -> None:
        """Send a picture, unless it is there."""
        if wire is self._shown:
            return
        if wire.table is not None and wire.table is not self._table:
            self._table, self._table_id = wire.table, self._table_id + 1
            self._colours.data = {"body": [deflated(wire.table)], "id": [self._table_id]}
        (x0, x1), (y0, y1) = (tuple(to_plot(end) for end in ends) for ends in (frame.x_range, frame.y_range))
        self._send({**wire.facts, "table": self._table_id, "x": x0, "y": y0, "dw": x1 - x0, "dh": y1 - y0}, wire.body)
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
