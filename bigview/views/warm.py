"""Frames computed off the event loop: the stock callback of a zoom then finds its grids ready.

HoloViews runs everything that a zoom triggers on the server's event loop, where one slow frame stops every session. Here the callback first
computes, in a thread, what the plot drew last, at the new ranges; events that arrive meanwhile become one.
"""

import asyncio
import sys
import threading
from collections import OrderedDict
from typing import Any

from holoviews.streams import RangeXY, Stream

from bigview.errors import BigviewError
from bigview.spec import View
from bigview.views.grids import grid
from bigview.views.subset import Subset

DEBOUNCE = 30
"""Milliseconds without a further event before a frame is computed. HoloViews waits 100: it expects frames to be slow."""

IDLE = 30
"""Milliseconds without a turn of the wheel before Bokeh reports the new ranges. It waits 500 by itself."""

_REMEMBERED = 64  # bounds of frames: more than the plots on a page

_lock = threading.Lock()
_drawn: OrderedDict[tuple[Any, ...], dict[Any, tuple[Subset, Any]]] = OrderedDict()


def note(subset: Subset, view: View, reduction: Any, bounds: tuple[Any, ...]) -> None:
    """Remember what was drawn at some bounds, (x0, x1, y0, y1), so that it can be computed ahead at other ones."""
    place = tuple(str(end) for end in (bounds[0], bounds[2], bounds[1], bounds[3]))
    with _lock:
        entry = _drawn.setdefault(place, {})
        entry[(subset, str(reduction), view.width, view.height)] = (subset, reduction)
        _drawn.move_to_end(place)
        while len(_drawn) > _REMEMBERED:
            _drawn.popitem(last=False)


def drawn(bounds: tuple[Any, ...]) -> list[tuple[Subset, Any, int, int]]:
    """Return what was drawn at an image's bounds, (left, bottom, right, top): parts of stores, reductions, sizes."""
    with _lock:
        entry = dict(_drawn.get(tuple(str(end) for end in bounds), {}))
    return [(subset, reduction, key[2], key[3]) for key, (subset, reduction) in entry.items()]


def _images(frame: Any) -> list[Any]:
    """The pictures in what a plot shows now."""
    if frame is None:
        return []
    return [image for image in frame.traverse(lambda element: element) if hasattr(image, "bounds") and hasattr(image, "xdensity")]


def recipes(frame: Any) -> list[tuple[Subset, Any, int, int]]:
    """Return what has to be computed to draw a frame again at other ranges."""
    found = {}
    for image in _images(frame):
        height, width = image.interface.shape(image, gridded=True)[:2]
        for subset, reduction, columns, rows in drawn(image.bounds.lbrt()):
            if (columns, rows) == (width, height):
                found[(subset, str(reduction), columns, rows)] = (subset, reduction, columns, rows)
    return list(found.values())


def compute(wanted: list[tuple[Subset, Any, int, int]], ranges: dict[str, Any], axes: tuple[str, str] | None = None) -> None:
    """Compute grids at new ranges; what cannot be computed is left to the callback proper, which reports it."""
    for subset, reduction, width, height in wanted:
        try:
            grid(subset, View(ranges["x_range"], ranges["y_range"], width, height), reduction)
        except BigviewError:
            continue


def _callback() -> type:
    """The callback's class, made when Bokeh's side of HoloViews is loaded: loading it takes a second."""
    from holoviews.plotting.bokeh.callbacks import RangeXYCallback

    class WarmRange(RangeXYCallback):
        """Computes the frame of a store in a thread, then lets HoloViews draw it."""

        @property
        def debounce(self) -> int:
            return DEBOUNCE if self._wanted() else int(RangeXYCallback.debounce)

        def _wanted(self) -> list[tuple[Subset, Any, int, int]]:
            return recipes(self.plot.current_frame) if self.plot is not None else []

        def initialize(self, plot_id: Any = None) -> None:
            super().initialize(plot_id)
            if self._wanted():
                self.plot.state.lod_timeout = IDLE

        async def on_msg(self, msg: dict[str, Any]) -> None:
            wanted = self._wanted()
            ranges = self._process_msg(dict(msg)) if wanted else {}
            if {"x_range", "y_range"} <= set(ranges or {}):
                await asyncio.get_running_loop().run_in_executor(None, compute, wanted, ranges)
            if self.plot is not None:  # the page may have been closed meanwhile
                await super().on_msg(msg)

    return WarmRange


def install() -> bool:
    """Put the callback in HoloViews' place for it, once its Bokeh side is loaded; tell whether it is there."""
    if "holoviews.plotting.bokeh.callbacks" not in sys.modules:
        return False
    known = Stream._callbacks["bokeh"]
    if getattr(known.get(RangeXY), "__name__", "") != "WarmRange":
        known[RangeXY] = _callback()
    return True
