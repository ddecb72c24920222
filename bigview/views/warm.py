"""Frames computed off the event loop: the stock callback of a zoom then finds its grids ready.

HoloViews runs everything that a zoom triggers on the server's event loop, where one slow frame stops every session. Here the callback first
computes, in a thread, what the plot drew last, at the new ranges; events that arrive meanwhile become one.
"""

import asyncio
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import holoviews as hv
from holoviews.streams import RangeXY, Stream

from bigview.errors import BigviewError
from bigview.spec import View

DEBOUNCE = 30
"""Milliseconds without a further event before a frame is computed. HoloViews waits 100: it expects frames to be slow."""

IDLE = 30
"""Milliseconds without a turn of the wheel before Bokeh reports the new ranges. It waits 500 by itself."""

_REMEMBERED = 64  # bounds of frames: more than the plots on a page

_lock = threading.Lock()
_drawn: OrderedDict[tuple[str, ...], dict[Hashable, "Recipe"]] = OrderedDict()


@dataclass(frozen=True)
class Recipe:
    """How to compute again, at other ranges, what a picture was made from.

    Attributes
    ----------
    key : hashable
        Equal for equal recipes.
    width, height : int
        Size of the picture.
    compute : callable
        Takes the view; its result is kept by a cache, so nothing is returned here.
    """

    key: Hashable
    width: int
    height: int
    compute: Callable[[View], Any]


def note(recipe: Recipe, bounds: tuple[Any, ...]) -> None:
    """Remember what was drawn at some bounds, (x0, x1, y0, y1), so that it can be computed ahead at other ones."""
    place = tuple(str(end) for end in (bounds[0], bounds[2], bounds[1], bounds[3]))
    with _lock:
        _drawn.setdefault(place, {})[recipe.key] = recipe
        _drawn.move_to_end(place)
        while len(_drawn) > _REMEMBERED:
            _drawn.popitem(last=False)


def recipes(frame: Any) -> list[Recipe]:
    """Return what has to be computed to draw again, at other ranges, what a plot shows."""
    found: dict[Hashable, Recipe] = {}
    images = [] if frame is None else frame.traverse(lambda image: image, [hv.Image, hv.RGB, hv.ImageStack])
    for image in images:
        height, width = image.interface.shape(image, gridded=True)[:2]
        with _lock:
            drawn = dict(_drawn.get(tuple(str(end) for end in image.bounds.lbrt()), {}))
        found.update((key, recipe) for key, recipe in drawn.items() if (recipe.width, recipe.height) == (width, height))
    return list(found.values())


def compute(wanted: list[Recipe], x_range: tuple[Any, Any], y_range: tuple[Any, Any]) -> None:
    """Compute recipes at new ranges; what cannot be computed is left to the callback proper, which reports it."""
    for recipe in wanted:
        try:
            recipe.compute(View(x_range, y_range, recipe.width, recipe.height))
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

        def _wanted(self) -> list[Recipe]:
            return recipes(self.plot.current_frame) if self.plot is not None else []

        def initialize(self, plot_id: Any = None) -> None:
            super().initialize(plot_id)
            if self._wanted():
                self._report_soon()

        def _ranges(self, msg: dict[str, Any]) -> dict[str, Any]:
            """The ranges in a message, read as the stock callback does for each of its streams."""
            ids = [known for stream in self.streams for known in self.handle_ids[stream].values()]
            return self._process_msg(self._filter_msg(msg, ids)) or {}

        def _report_soon(self) -> None:
            # The option too, where it is the default: HoloViews sets the figure's properties from its options now and then.
            plot = self.plot
            if "timeout" not in plot.lod or plot.lod["timeout"] == type(plot).param["lod"].default["timeout"]:
                plot.lod = {**plot.lod, "timeout": IDLE}
            plot.state.lod_timeout = plot.lod["timeout"]

        async def on_msg(self, msg: dict[str, Any]) -> None:
            wanted = self._wanted()
            ranges = self._ranges(msg) if wanted else {}
            if {"x_range", "y_range"} <= set(ranges):
                await asyncio.get_running_loop().run_in_executor(None, compute, wanted, ranges["x_range"], ranges["y_range"])
            if self.plot is not None:  # the page may have been closed meanwhile
                await super().on_msg(msg)
            if wanted and self.plot is not None:
                self._report_soon()

    return WarmRange


def install() -> bool:
    """Put the callback in HoloViews' place for it, once its Bokeh side is loaded; tell whether it is there."""
    if "holoviews.plotting.bokeh.callbacks" not in sys.modules:
        return False
    known = Stream._callbacks["bokeh"]
    if getattr(known.get(RangeXY), "__name__", "") != "WarmRange":
        known[RangeXY] = _callback()
    return True
