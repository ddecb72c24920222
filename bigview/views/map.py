"""The map: a HoloViews element whose picture follows the ranges of its plot while they change.

HoloViews draws the element once. From then on the frames go straight into the plot's data source: a refresh through a DynamicMap costs the
event loop 15 to 30 ms a frame, the source 1 ms, and it waits for the end of a gesture, where this listens to every step of it.
"""

from collections.abc import Callable, Iterable
from typing import Any, Protocol
from weakref import WeakMethod

import holoviews as hv
import numpy as np
from bokeh.core.property.descriptors import UnsetValueError
from bokeh.events import MouseLeave, MouseMove, PressUp, RangesUpdate, SelectionGeometry, Tap
from bokeh.models import BoxSelectTool, ColumnDataSource, LassoSelectTool

from bigview.config import limits
from bigview.plain import Ranges
from bigview.raster.palettes import background
from bigview.raster.palettes import ink as ink_of
from bigview.spec import View, Where
from bigview.views.camera import Camera
from bigview.views.feed import Feed, corners_of, simplified
from bigview.views.live import Door, Latest, crowded
from bigview.views.picture import NO_MARGIN, Look, Picture, Wish
from bigview.views.pointer import Pointed
from bigview.views.scene import Scene

TICK = 10  # ms after a wheel step at which the browser reports the new ranges; its default of 500 is most of what people wait for
_WIDEST = 1 << 15  # pixels: no screen is wider, and a browser may say anything


class Listener(Protocol):
    """Who is told what the map shows. All of it happens in the document."""

    def covers(self, width: int, height: int) -> tuple[int, int]:
        """Return the pixels at the left and at the top of a map of this size that lie under something else."""

    def pictured(self, wish: Wish, picture: Picture) -> None:
        """Take note of a new picture."""

    def hovered(self, found: Any) -> None:
        """Take note of what the scene found under the pointer; None where nothing is."""

    def picked(self, found: Any) -> None:
        """Take note of what was clicked."""

    def outlined(self, corners: list[tuple[float, float]]) -> None:
        """Take note of an area that was drawn on the map, in plot coordinates."""

    def failed(self, text: str) -> None:
        """Say that a picture could not be drawn."""


class Map:
    """The map of one visitor.

    Parameters
    ----------
    scene : Scene
    style : Look
        `Style`, or what the scene draws with instead.
    listener : Listener
    where : str or Filter, optional
    start : Camera, optional
        What to show first; the whole map by default.
    """

    def __init__(self, scene: Scene, style: Look, listener: Listener, where: Where = None, start: Camera | None = None) -> None:
        self._scene, self._style, self._where, self._listener = scene, style, where, listener
        self._facet: Where = None
        self._selected: Where = None
        self._density = 1.0
        self._start = start
        self._plot: Any = None
        self._size = (0, 0)
        self._asked: Camera | None = None
        self._opened: Camera | None = None
        self._pending = False
        self._close: list[Callable[[], None]] = []
        self.element = self._element()

    def _element(self) -> hv.RGB:
        """Return the transparent picture to begin with; its plot carries everything else."""
        home = self._scene.home(self._style)
        bounds = (home.x0, home.y0, home.x1, home.y1)
        axis = "bare" if self._scene.axes else None
        return hv.RGB(np.zeros((2, 2, 4), np.uint8), bounds=bounds).opts(
            active_tools=["pan", "wheel_zoom"],
            default_tools=[],
            hooks=[_weakly(self._attach)],
            responsive=True,
            show_frame=False,
            toolbar=None,
            tools=["pan", "wheel_zoom"],
            xaxis=axis,
            yaxis=axis,
        )

    def _attach(self, plot: Any, _: Any) -> None:
        """Take hold of a new plot: sources to write to, ranges and events to listen to."""
        if plot is self._plot:
            return
        self.close()
        self._plot, figure, shown = plot, plot.state, plot.handles
        self._size, self._asked = (0, 0), None
        figure.update(lod_timeout=TICK, lod_threshold=None, output_backend="canvas", outline_line_color=None)
        if not self._scene.axes:
            figure.update(**{f"min_border_{side}": 0 for side in ("left", "right", "top", "bottom")})
        self._paper()
        self._feed = Feed(figure, shown["source"])
        self._marks = ColumnDataSource({"x": [], "y": [], "color": [], "size": []})
        self._focus = ColumnDataSource({"x": [], "y": [], "color": [], "size": []})
        figure.scatter("x", "y", size="size", fill_color="color", line_color=None, source=self._marks)
        figure.scatter("x", "y", size="size", fill_color=None, line_color="color", line_width=2, source=self._focus)
        door = self._door = Door(lambda: plot.document, lambda: plot.comm)
        painter = self._scene.painter(crowded)
        self._pictures: Latest[Wish, Picture] = Latest(painter.paint, self._show, self._listener.failed, door, Wish.shows_as)
        self._pointer, self._clicks = self._finder(), self._finder()
        self._aside: Latest[Any, Any] = Latest(lambda job, _: [job[0]()], lambda job, result: job[1](result), self._listener.failed, door)
        self._close = [self._pictures.close, self._pointer.close, self._clicks.close, self._aside.close, door.close]
        for ends in (shown["x_range"], shown["y_range"]):
            ends.on_change("start", self._changed)
            ends.on_change("end", self._changed)
        figure.on_change("inner_width", self._changed)
        figure.on_change("inner_height", self._changed)
        figure.on_event(RangesUpdate, lambda _: self._ask(settled=True))
        figure.on_event(MouseMove, lambda event: self._pointed(event, False))
        for clicked in (Tap, PressUp):  # a button held for longer than Bokeh's tap is a click all the same
            figure.on_event(clicked, lambda event: self._pointed(event, True))
        figure.on_event(MouseLeave, lambda _: self._left())
        # They select no glyph: their outline is what counts.
        self._tools = {"box": BoxSelectTool(renderers=[]), "lasso": LassoSelectTool(renderers=[], continuous=False)}
        figure.add_tools(*self._tools.values())
        self._tools["pan"] = figure.toolbar.active_drag
        figure.on_event(SelectionGeometry, self._outlined)

    def take(self, tool: str) -> None:
        """Let a drag move the map ("pan"), or outline a "box" or a "lasso"."""
        if tool in self._tools:
            self._plot.state.toolbar.active_drag = self._tools[tool]

    def _outlined(self, event: SelectionGeometry) -> None:
        corners = corners_of(event.geometry) if event.final else []
        if len(corners) > 4:
            wide, high = self.camera.span
            corners = simplified(corners, (wide / self._size[0], high / self._size[1]))
        if corners:
            self._listener.outlined(corners)

    @property
    def ready(self) -> bool:
        """Whether the browser has shown the map."""
        return self._size[0] > 0

    @property
    def camera(self) -> Camera:
        """What is visible."""
        x, y = self._plot.handles["x_range"], self._plot.handles["y_range"]
        return Camera(x.start, x.end, y.start, y.end)

    def look(self, camera: Camera) -> None:
        """Show another part of the map."""
        x, y = self._plot.handles["x_range"], self._plot.handles["y_range"]
        x.update(start=camera.x0, end=camera.x1)
        y.update(start=camera.y0, end=camera.y1)
        self._ask(settled=True)

    @property
    def view(self) -> View:
        """What is visible, in pixels of the picture."""
        return self._view(self.camera)

    @property
    def home_view(self) -> View:
        """The whole map."""
        return self._view(self._fitted())

    @property
    def density(self) -> float:
        """Pixels of the screen along one of the page."""
        return self._density

    @density.setter
    def density(self, value: float) -> None:
        if value != self._density:
            self._density = value
            if self._size[0]:
                self._ask(settled=True)

    def worker(self, work: Callable[[Any, Callable[[], bool]], Iterable[Any]], deliver: Callable[[Any, Any], None]) -> Latest[Any, Any]:
        """Return a worker of the page's own, newest request first; see `Latest`. It ends with the map."""
        made: Latest[Any, Any] = Latest(work, deliver, self._listener.failed, self._door)
        self._close.append(made.close)
        return made

    def aside(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Run work off the event loop, newest first, and hand its result over in the document."""
        self._aside.request((work, then))

    def reset(self) -> None:
        """Show the whole map."""
        self.look(self._fitted())

    def _first(self) -> Camera:
        return self._fitted() if self._start is None else self._start.holding(self._size, self._scene.equal and not self._scene.apart)

    def go(self, ends: Ranges | None) -> None:
        """Show these ranges, given as values of the axes, or the whole map."""
        self._start = None if ends is None else self._scene.camera(ends)
        if self.ready:
            self.look(self._first())

    def _fitted(self) -> Camera:
        scene = self._scene
        return Camera.fitted(scene.home(self._style), self._size, scene.equal, self._listener.covers(*self._size), scene.air)

    def _paper(self) -> None:
        """Give the plot the palettes' background. Bokeh does not clear the rim of a plot without one."""
        paper, ink = background(self._style.dark), ink_of(self._style.dark)
        self._plot.state.update(background_fill_color=paper, border_fill_color=paper)
        self._plot.state.axis.major_label_text_color = ink

    def restyle(self, style: Look, where: Where = None, facet: Where = None, selected: Where = None) -> None:
        """Draw the same place in another style, or other rows; see `Wish`."""
        self._style, self._where, self._facet, self._selected = style, where, facet, selected
        if self._plot is not None:
            self._paper()
        if self._size[0]:
            self._ask(settled=True)

    def mark(self, rings: list[tuple[float, float, str, float]]) -> None:
        """Draw rings (x, y, colour, diameter in pixels) around records."""
        names = ("x", "y", "color", "size")
        self._focus.data = {name: [ring[k] for ring in rings] for k, name in enumerate(names)}

    def soon(self, call: Callable[[], None]) -> None:
        """Run a call that changes the page, in its turn; before the page is there, at once."""
        if self.ready:
            self._door(call)
        else:
            call()

    def close(self) -> None:
        """Start nothing more and deliver nothing more."""
        for close in self._close:
            close()

    def _changed(self, name: str, old: Any, new: Any) -> None:
        """Look at the ranges and the size once all of the changes that came together are in."""
        if not self._pending:
            self._pending = True
            self._door(self._collect)

    def _collect(self) -> None:
        self._pending = False
        figure = self._plot.state
        size = (_pixels(figure, "inner_width"), _pixels(figure, "inner_height"))
        if size[0] < 2 or size[1] < 2 or not self.camera.sane:
            return
        if size != self._size:
            old, self._size = self._size, size
            self.look(self._resized(old, size) if old[0] else self._opening())
        elif not self._halfway():
            self._ask(settled=False)

    def _opening(self) -> Camera:
        self._opened = self._first()
        return self._opened

    def _resized(self, old: tuple[int, int], new: tuple[int, int]) -> Camera:
        """Return what to show in a window of another size: the same scale; where axes go apart the same ranges."""
        camera = self.camera
        if not self._scene.apart:
            return camera.resized(old, new)
        if camera == self._opened:  # the page was still finding its size
            return self._opening()
        return camera.resized(old, new) if self._scene.equal else camera

    def _halfway(self) -> bool:
        """Tell whether nothing has changed, or only one axis of a zoom of both; the other follows in the browser's next message."""
        camera, asked = self.camera, self._asked
        if asked is None or camera == asked:
            return asked is not None
        zoomed = [abs(new - old) > 1e-9 * abs(old) for new, old in zip(camera.span, asked.span, strict=True)]
        return (self._scene.equal or self._scene.apart) and zoomed[0] != zoomed[1]

    def _ask(self, settled: bool) -> None:
        camera = self.camera
        if self._size[0] < 2 or not camera.sane:
            return
        if self._asked is not None and camera != self._asked:
            self._left()
        dragged = self._asked is not None and not settled and camera != self._asked and camera.same_scale(self._asked)
        margin = camera.margins(self._asked, limits().margin) if dragged and self._asked is not None else NO_MARGIN
        self._asked = camera
        self._pictures.request(Wish(self._view(camera), self._style, self._where, margin, settled, self._facet, self._selected))

    def _view(self, camera: Camera, density: float | None = None) -> View:
        width, height = self._size
        share = min(self._density if density is None else density, (limits().picture_pixels / (width * height)) ** 0.5)
        return View(*self._scene.ranges(camera), max(1, int(width * share)), max(1, int(height * share)))

    def _show(self, wish: Wish, picture: Picture) -> None:
        frame = picture.frame
        marks = picture.marks
        if marks is not None:
            self._marks.data = {"x": marks.x, "y": marks.y, "color": marks.colors, "size": np.full(len(marks.x), marks.size)}
            self._feed.blank(frame)
        elif picture.count is not None or not len(self._marks.data["x"]):
            self._feed.put(picture.frame, picture.wire, (wish.style, wish.where, wish.selected))
            if len(self._marks.data["x"]):
                self._marks.data = {"x": [], "y": [], "color": [], "size": []}
        self._listener.pictured(wish, picture)

    def _pointed(self, event: Any, click: bool) -> None:
        if self._size[0] and event.x is not None and self.camera.sane:
            place = (float(event.x), float(event.y))
            finder = self._clicks if click else self._pointer
            finder.request(Pointed(place, (float(event.sx), float(event.sy)), self._view(self.camera, 1.0), self._where, click, self._style))

    def _finder(self) -> Latest[Pointed, Any]:
        """Return a worker that finds what lies under the pointer. Clicks have their own: a finger leaves the map at once, and a pointer moves on."""
        return Latest(lambda pointed, _: self._scene.find(pointed), self._point, self._listener.failed, self._door)

    def _left(self) -> None:
        self._pointer.clear()
        self._listener.hovered(None)

    def _point(self, pointed: Pointed, found: Any) -> None:
        (self._listener.picked if pointed.click else self._listener.hovered)(found)


def _weakly(method: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    """Return a function that calls a method as long as its object lives. HoloViews keeps an element's options until the element is gone."""
    known = WeakMethod(method)

    def hook(plot: Any, element: Any) -> None:
        call = known()
        if call is not None:
            call(plot, element)

    return hook


def _pixels(figure: Any, name: str) -> int:
    """Return a size of the figure; 0 until the browser has told it, and no more than a browser can mean."""
    try:
        return min(int(getattr(figure, name) or 0), _WIDEST)
    except UnsetValueError:
        return 0
