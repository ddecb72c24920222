"""The explorer of a matrix: one visitor's map of it, with names, legend, orders, and the cell under the pointer."""

from pathlib import Path
from typing import Any
from uuid import uuid4
from weakref import ref

import holoviews as hv
import numpy as np
import panel as pn

from bigview.app.component import on_page, own_theme, room_of
from bigview.app.heatacts import CLOSEST, HeatActs
from bigview.app.heatcontrols import HeatControls
from bigview.app.heatlink import HeatLink
from bigview.app.heatorders import HeatOrders
from bigview.app.heatpicks import HeatPicks
from bigview.app.heatsides import HeatSides
from bigview.app.heatstage import HeatStage
from bigview.app.heatstate import HeatState, first_spec, look_of, relooked, usable_spec
from bigview.app.heatswipe import HeatSwipe
from bigview.app.heattold import bar_of, hover_of, names_told, texts_told
from bigview.app.heatwindow import HeatWindow
from bigview.matrixspec import MatrixSpec
from bigview.raster.heat import HeatLook, locked_of
from bigview.raster.heatlabels import axis_of, names_at, steps_of
from bigview.raster.render import readable
from bigview.spec import View
from bigview.store.matrix import MatrixTable
from bigview.views.heatcells import Cell
from bigview.views.heatscene import HeatPicture, HeatScene
from bigview.views.map import Map
from bigview.views.picture import Wish

_FURTHEST = 5  # times as wide and as high as the matrix: as far as one can zoom out
_SAMPLED = 2_000  # names from which the longest is taken


class HeatmapExplorer(pn.viewable.Viewer):
    """The explorer of a matrix, for one visitor; displays itself in Jupyter.

    Parameters
    ----------
    table : MatrixTable
        The store.
    dark : bool
    height : int, optional
        Pixels; in a notebook 640 by default. A matrix without a height fills the window of a server's page: give one where the page has more on it.
    spec : MatrixSpec, optional
        All that is to be shown.
    locked : MatrixTable or list of MatrixTable, optional
        Other matrices whose values the colours span too, so that a colour means the same in explorers of all of them.
    """

    def __init__(self, table: MatrixTable, dark: bool = True, height: int | None = None, spec: MatrixSpec | None = None, locked: Any = None) -> None:
        super().__init__()
        if not hv.Store.loaded_backends():
            hv.extension("bokeh", logo=False)
        found, said = (first_spec(table, dark), "") if spec is None else usable_spec(table, spec)
        self.table = table
        self.state = HeatState(spec=found.replaced(view=None))
        self.look = look_of(table, found, locked=locked_of(locked))
        self.shown = (found.rows, found.cols)
        self._holding, self.only = bool(said), None
        self.scene = HeatScene(table)
        self.map = Map(self.scene, self.look, self, None, None if found.view is None else self.scene.camera(found.view))
        page, room = room_of(height)
        with own_theme():
            self._controls = HeatControls(table, self.state, self._press, page)
        self.sides, self.swipe, self.link = HeatSides(self), HeatSwipe(self), HeatLink(self)
        self._name_plot()
        rows, cols = table.shape
        self.stage = HeatStage(
            controls=self._controls.widgets,
            facts=self._facts(page),
            map=pn.pane.HoloViews(self.map.element, linked_axes=False, sizing_mode="stretch_both", margin=0),
            opened=list(found.panels),
            sort=self._sorted(),
            swipe=self.swipe.told_of(found),
            status={"view": "…", "all": f" of {rows:,} × {cols:,} cells", "message": said},
            told=self._told,
            **room,
        )
        self.window = HeatWindow(self)
        self.acts, self.picks, self.orders = HeatActs(self), HeatPicks(self), HeatOrders(self, self._looked)
        self.state.param.watch(lambda event: self.map.soon(lambda: self._changed(event.old, event.new)), "spec")
        if on_page():
            pn.state.on_session_destroyed(lambda _: self.close())

    def __panel__(self) -> Any:
        return self.stage

    @property
    def spec(self) -> MatrixSpec:
        """All that is shown now."""
        view = self.map.view if self.map.ready else None
        return self.state.spec.replaced(view=None if view is None else (view.x_range, view.y_range))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns that are shown."""
        return self.look.shape(self.table)

    def _told(self, kind: Any, value: Any) -> None:
        if not self.map.ready or (not self.sides.told(kind, value) and not self.swipe.told(kind, value)):
            self.acts.told(kind, value)

    def _press(self, what: str) -> None:
        self.map.soon(lambda: self.acts.press(what))

    def _name_plot(self) -> None:
        """Give the plot a name by which the page finds it: a notebook has many."""
        self._plot_name = f"matrix-{uuid4().hex}"
        name, (rows, cols), swipe = self._plot_name, self.shape, ref(self.swipe)  # HoloViews would keep what it holds
        furthest = [_FURTHEST * max(1, size, rows if self.scene.equal else 0, cols if self.scene.equal else 0) for size in (cols, rows)]

        def prepare(plot: Any, _: Any) -> None:
            plot.state.update(name=name)
            if (known := swipe()) is not None:
                known.attach(plot.state)
            for axis, most in zip(("x_range", "y_range"), furthest, strict=True):
                plot.handles[axis].update(min_interval=CLOSEST, max_interval=most)

        self.map.element = self.map.element.opts(hooks=[*self.map.element.opts.get().kwargs["hooks"], prepare])

    def _facts(self, page: bool) -> dict[str, Any]:
        manifest = self.table.manifest
        title = manifest.title or Path(self.table.folder.url.rstrip("/")).stem
        notes = list(dict.fromkeys(str(manifest.report[name]) for name in ("credit", "licence", "license") if manifest.report.get(name)))
        label = f"Matrix {title}. Arrow keys move from cell to cell and read it, with Shift they select, ? lists all keys."
        return {
            "title": title,
            "note": " · ".join(notes),
            "label": label,
            "dark": self.state.style.dark,
            "page": page,
            "figure": self._plot_name,
            "rows": self._axis("rows"),
            "cols": self._axis("cols"),
            "beside": self.sides.expected(),
        }

    def _axis(self, side: str) -> dict[str, Any]:
        axis, size = axis_of(self.table, side), self.shape[0 if side == "rows" else 1]
        longest = str(max(0, axis.size - 1))
        if axis.named and axis.size:
            # By lot: the names at even steps may be the round, short ones.
            some = np.arange(axis.size) if axis.size <= _SAMPLED else np.random.default_rng(0).integers(0, axis.size, _SAMPLED)
            longest = readable(max(axis.names_of(some), key=len))[:60]
        return {
            "size": size,
            "named": axis.named,
            "steps": list(steps_of(self.table, side)),
            "longest": longest,
            "label": str(self.table.manifest.report.get(side) or ""),
        }

    def _sorted(self) -> dict[str, Any]:
        found = {side: getattr(self.state.spec, side) for side in ("rows", "cols")}
        return {side: {"by": one.by, "name": one.name, "descending": one.descending} for side, one in found.items() if one is not None}

    def _changed(self, old: MatrixSpec, new: MatrixSpec) -> None:
        """Show another spec; a new order is found off the event loop."""
        if self.stage.facts["dark"] != new.style.dark:
            self.stage.facts = {**self.stage.facts, "dark": new.style.dark}
        self._controls.follow()
        self.swipe.follow(old, new)
        self.sides.follow(new)
        self.window.follow(new)
        if self.map.ready and (old.rows, old.cols) == (new.rows, new.cols) and relooked(self.look, new) == self.look:
            self.link.renew()  # nothing of the picture has changed
            return
        self.link.jump = True
        if (old.rows, old.cols) == (new.rows, new.cols):
            self._looked(relooked(self.look, new))
        elif not self.map.ready:
            self._looked(look_of(self.table, new, self.only, locked=self.look.locked))
        else:
            self.orders.find(old, new, self.only)

    def narrow(self, rows: Any) -> None:
        """Show only some rows, by their native numbers, in the order that is chosen; all of them for None."""
        self.only = rows
        self.map.aside(lambda: look_of(self.table, self.state.spec, rows, locked=self.look.locked), self._narrowed)

    def _narrowed(self, look: HeatLook) -> None:
        self.window.clear()
        self._looked(look)
        self.stage.facts = {**self.stage.facts, "rows": self._axis("rows")}
        self.map.reset()

    def _looked(self, look: HeatLook) -> None:
        if (look.rows, look.cols) != (self.look.rows, self.look.cols):
            self.stage.param.update(sort=self._sorted(), texts={}, hover={}, box={})
            self.acts.follow(self.look, look)
            self.picks.forget()
        self.look, self.shown = look, (self.state.spec.rows, self.state.spec.cols)
        self.map.restyle(look)
        self.window.renew()

    # What the map asks and tells.

    def covers(self, width: int, height: int) -> tuple[int, int]:
        """Return the pixels under something else: nothing lies on a matrix."""
        return 0, 0

    def pictured(self, wish: Wish, picture: HeatPicture) -> None:
        """Show names, legend and counts; say of a sketch that it is one."""
        if wish.style != self.look:
            return
        self.swipe.pictured(picture, wish)
        if not pn.state.loaded:
            # Panel drops what it is told between the first connection and the end of loading; the picture itself is Bokeh's.
            pn.state.onload(lambda: self.map.soon(lambda: self.pictured(wish, picture)))
            return
        sketch = "" if picture.frame.exact else "Approximate picture; the exact one is being drawn"
        told = {"names": names_told(picture, self.look), "texts": texts_told(picture), "sketch": sketch}
        self.stage.param.update(**{name: value for name, value in told.items() if getattr(self.stage, name) != value})
        if picture.count is not None:
            self._settled(wish, picture)

    def _settled(self, wish: Wish, picture: HeatPicture) -> None:
        self.window.settled(wish.view, picture)
        self.sides.settled(wish.view)
        message = self.stage.status.get("message", "") if self._holding else ""
        self._holding = False
        self.stage.param.update(legend=bar_of(self.table, picture), status=self._status(wish.view, picture, message))
        self.link.renew()

    def _status(self, view: View, picture: HeatPicture, message: str) -> dict[str, Any]:
        (r0, r1), (c0, c1) = self.window.box
        rows, cols = self.shape
        per = picture.cells
        aggregated = f" 1 pixel = {max(1, round(per[0] * per[1])):,} cells." if max(per) > 1 else ""
        part = "nothing of the matrix is in view; 0 shows all of it"
        if r0 < r1 and c0 < c1:
            first, last = (", ".join(self.cell_names(*place)) for place in ((r0, c0), (r1 - 1, c1 - 1)))
            part = f"{r1 - r0:,} of {rows:,} rows and {c1 - c0:,} of {cols:,} columns in view, from {first} to {last}"
        return {
            "view": f"{r1 - r0:,} × {c1 - c0:,}",
            "all": f" of {rows:,} × {cols:,} cells.{aggregated}",
            "summary": f"{part}.{aggregated}",
            "place": f"{self.window.box}",
            "message": message,
        }

    def cell_names(self, row: int, col: int) -> tuple[str, str]:
        """Return the names of a row and a column by their places in the order shown."""
        names = [names_at(self.table, self.look, side, np.array([place])) for side, place in (("rows", row), ("cols", col))]
        return names[0][0], names[1][0]

    def hovered(self, found: Cell | None) -> None:
        """Show the cell under the pointer."""
        shown = {} if found is None else hover_of(self.table, self.look, found)
        if self.stage.hover != shown:
            self.stage.hover = shown

    def picked(self, found: Cell | None) -> None:
        """Move the cell cursor to the cell that was clicked."""
        if found is None:
            self.acts.leave()
        else:
            self.acts.go(found.row, found.col)

    def outlined(self, corners: list[tuple[float, float]]) -> None:
        """Select the rows and columns inside a box that was drawn."""
        xs, ys = [x for x, _ in corners], [-y for _, y in corners]
        self.window.select(View((min(xs), max(xs)), (min(ys), max(ys)), 1, 1))

    def say(self, text: str) -> None:
        """Say a sentence that stays until the second picture."""
        self._holding = True
        self.failed(text)

    def failed(self, text: str) -> None:
        """Say what went wrong; the last picture stays."""
        self.stage.status = {**self.stage.status, "message": text}

    def tell(self, text: str) -> None:
        """Have a sentence read aloud; nothing is shown."""
        self.stage.said = {"turn": self.stage.said.get("turn", 0) + 1, "text": text}

    def close(self) -> None:
        """Stop all work; called when the visitor leaves."""
        self.window.close()
        self.map.close()
