"""The part of a matrix that is in view, or selected: as a table, as profiles, as files."""

from collections.abc import Callable, Iterator
from typing import Any

from bigview.app.heathost import HeatPage
from bigview.app.heatimage import IMAGES, HeatImage
from bigview.app.heatpanels import box_of, exports_of, profile_of, table_of
from bigview.app.heatrest import against_rest
from bigview.app.tableexport import open_desk
from bigview.matrixorder import Lines
from bigview.matrixspec import MatrixSpec
from bigview.raster.heat import HeatLook
from bigview.raster.heatchosen import SIDES, Box, Chosen, Pair, Part
from bigview.raster.heatswipe import SwipeLook, swiped
from bigview.raster.render import readable
from bigview.spec import View
from bigview.store.pool import Stopped, stoppable
from bigview.views.heatscene import HeatPicture
from bigview.views.live import sentence

Span = tuple[int, int]
_FILES = {"parquet": "Parquet", "csv": "CSV", "npz": "NPZ", "zarr": "Zarr"}


Asked = tuple[Pair | None, Chosen | None, Box, HeatLook, tuple[str, ...]]


class HeatWindow:
    """The window of one visitor, and what was selected in it.

    Parameters
    ----------
    page : HeatPage
        The explorer.

    Attributes
    ----------
    box : Box
        Rows and columns in view.
    chosen : Chosen or None
        What is selected.
    opens : str
        The panel that opens with a selection; "" for none.
    listeners : list of callable
        Called with the native rows that a visitor selects, None for all of them or for nothing selected.
    """

    def __init__(self, page: HeatPage) -> None:
        self._page = page
        rows, cols = page.shape
        self.box: Box = ((0, rows), (0, cols))
        self.chosen: Chosen | None = None
        self._worker: Any = None
        self._desk = open_desk()
        self._links: list[str] = []
        self._shown: Any = None
        self.opens = "profile"
        self.listeners: list[Callable[[Any], None]] = []

    def settled(self, view: View, picture: HeatPicture) -> None:
        """Take note of what is in view."""
        self.box = box_of(view, self._page.shape)
        self.renew()

    def select(self, view: View) -> None:
        """Select the rows and columns of a view."""
        box = box_of(view, self._page.shape)
        if box[0][1] > box[0][0] and box[1][1] > box[1][0]:
            self.choose(box)

    def choose(self, box: Box) -> tuple[Span | None, Span | None]:
        """Select rows and columns by their places in the order shown; return them, None for all of a side."""
        rows, cols = (None if span == (0, size) else span for span, size in zip(box, self._page.shape, strict=True))
        rows = box[0] if rows is None and cols is None else rows  # all of it: all rows
        shown = self._page.shown
        lines = tuple(None if span is None else Lines(*span, order) for span, order in zip((rows, cols), shown, strict=True))
        self.carry(Chosen.here(self._page.look, (lines[0], lines[1])))
        self._tell()
        self._page.stage.box = {side: [list(span)] for side, span in zip(SIDES, box, strict=True)}
        self._page.state.select((lines[0], lines[1]), self.opens)
        return rows, cols

    def carry(self, chosen: Chosen | None) -> None:
        """Take what a spec that comes next has selected, so that it is not looked for."""
        self.chosen = chosen

    def _tell(self) -> None:
        for call in self.listeners:
            call(None if self.chosen is None else self.chosen.numbers[0])

    def clear(self) -> None:
        """Select nothing."""
        if self._page.state.spec.selection is not None:
            self._page.state.select(None)
            self._page.tell("Nothing is selected any more")

    def follow(self, spec: MatrixSpec) -> None:
        """Show the selection and the panels that a spec has."""
        stage = self._page.stage
        if stage.opened != list(spec.panels):
            stage.opened = list(spec.panels)
        if spec.selection is None and self.chosen is not None:
            self.carry(None)
            self._tell()
        if spec.selection is None and stage.box:
            stage.box = {}
        self.renew()

    def renew(self) -> None:
        """Fill the panels that are open, and find out where the selection stands."""
        spec = self._page.state.spec
        chosen = self.chosen if self.chosen is not None and self.chosen.lines == spec.selection else None
        opened = tuple(name for name in spec.panels if name != "keys")
        asked: Asked = (spec.selection, chosen, self.box, self._page.look, opened)
        if not self._page.map.ready or not (opened or spec.selection is not None) or asked == self._shown:
            return
        if self._worker is None:
            self._worker = self._page.map.worker(self._work, self._deliver)
        self._worker.request(asked)

    def _work(self, asked: Asked, stale: Callable[[], bool]) -> Iterator[dict[str, Any]]:
        lines, chosen, box, look, opened = asked
        table = self._page.table
        found: dict[str, Any] = {}
        if lines is not None:
            chosen = Chosen.of(table, lines) if chosen is None else chosen
            part = Part.of(table, look, chosen)
            look, box = part.look, part.box
            found |= {"chosen": chosen, "box": part.outline()}
        if "table" in opened:
            found["grid"] = table_of(table, look, box)
        if "profile" in opened:
            found["profile"] = {**profile_of(table, look, box), "note": "" if self._desk is not None else "Files: store.export(…)"}
            found["part"] = (look, box)
        yield found
        if "profile" in opened and lines is not None:
            try:
                with stoppable(stale):  # no step may end within it: the next one may run on another thread
                    rest = against_rest(table, look, box, down=lines[0] is not None)
            except Stopped:
                return
            yield {"rest": rest}

    def _deliver(self, asked: Asked, found: dict[str, Any]) -> None:
        if asked[0] != self._page.state.spec.selection:
            return
        if "rest" in found:
            self._page.stage.rest = found["rest"]
            return
        self._page.stage.rest = {}
        self.chosen = found.pop("chosen", None)
        part = found.pop("part", None)
        if part is not None:
            lines = asked[0] or (None, None)
            found["profile"] |= {"movable": [side for side, one in zip(SIDES, lines, strict=True) if one is not None]}
            if self._desk is not None:
                found["profile"]["files"] = self._offered(*part)
        self._shown = asked
        self._page.stage.param.update(**found)
        self._page.sides.follow(self._page.state.spec)

    def _offered(self, look: HeatLook, box: Box) -> list[dict[str, str]]:
        """Offer files of a box, and take the last ones back."""
        if self._desk is None:
            return []
        self._desk.revoke(self._links)
        if not all(low < high for low, high in box):
            return []
        both = swiped(self._page.table, look) if isinstance(look, SwipeLook) else ((self._page.table, look),)
        found = []
        for number, (table, own) in enumerate(both):
            group = self._page.table.compared.titles[number] if len(both) > 1 else ""
            try:
                files = exports_of(table, own, box)
            except Exception as error:  # noqa: BLE001  the profile is worth showing without
                self._page.failed(sentence(error))
                return []
            made = [{"name": _FILES[one.format], "link": self._desk.address(one), "size": f"about {size}"} for one, size in files]
            clusters = self._page.state.spec.clusters or (None, None)
            images = [HeatImage(table, own, box, clusters, format) for format in IMAGES]
            made += [{"name": one.format.upper(), "link": self._desk.address(one), "size": "image"} for one in images]
            found += [{**one, "group": readable(group)} for one in made]
        self._links = [one["link"] for one in found]
        return found

    def close(self) -> None:
        """Take the files back."""
        if self._desk is not None:
            self._desk.revoke(self._links)
