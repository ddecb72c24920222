"""The part of a matrix that is in view, or selected: as a table, as profiles, as files."""

from collections.abc import Callable, Iterator
from typing import Any

from bigview.app.heathost import HeatPage
from bigview.app.heatimage import IMAGES, HeatImage
from bigview.app.heatpanels import Box, box_of, exports_of, profile_of, table_of
from bigview.app.heatrest import against_rest
from bigview.app.tableexport import open_desk
from bigview.raster.heat import HeatLook
from bigview.raster.heatswipe import SwipeLook
from bigview.spec import View
from bigview.store.pool import Stopped, stoppable
from bigview.views.heatscene import HeatPicture
from bigview.views.live import sentence

_FILES = {"parquet": "Parquet", "csv": "CSV", "npz": "NPZ", "zarr": "Zarr"}


class HeatWindow:
    """The window of one visitor, and the box that was selected in it.

    Parameters
    ----------
    page : HeatPage
        The explorer.

    Attributes
    ----------
    box : Box
        Rows and columns in view.
    chosen : list of callable
        Called with the box that is selected, or with None.
    """

    def __init__(self, page: HeatPage) -> None:
        self._page = page
        rows, cols = page.shape
        self.box: Box = ((0, rows), (0, cols))
        self._selected: Box | None = None
        self._worker: Any = None
        self._desk = open_desk()
        self._links: list[str] = []
        self._shown: Any = None
        self.chosen: list[Callable[[Box | None], None]] = []

    def settled(self, view: View, picture: HeatPicture) -> None:
        """Take note of what is in view."""
        self.box = box_of(view, self._page.shape)
        self.renew()

    def select(self, view: View) -> None:
        """Select the rows and columns of a view."""
        box = box_of(view, self._page.shape)
        if box[0][1] > box[0][0] and box[1][1] > box[1][0]:
            self._selected = box
            self._tell()
            opened = self._page.stage.opened
            self._page.stage.param.update(box={"rows": list(box[0]), "cols": list(box[1])}, opened=[*opened, *{"profile"}.difference(opened)])
            self.renew()

    def clear(self) -> None:
        """Select nothing."""
        if self._selected is not None:
            self._selected = None
            self._tell()
            self._page.stage.box = {}
            self.renew()

    def _tell(self) -> None:
        for call in self.chosen:
            call(self._selected)

    def renew(self) -> None:
        """Fill the panels that are open."""
        opened = self._page.stage.opened
        asked = (self._selected or self.box, self._selected is not None, self._page.look, tuple(opened))
        if not opened or asked == self._shown:
            return
        if self._worker is None:
            self._worker = self._page.map.worker(self._work, self._deliver)
        self._worker.request(asked)

    def _work(self, asked: Any, stale: Callable[[], bool]) -> Iterator[dict[str, Any]]:
        box, chosen, look, opened = asked
        table = self._page.table
        found: dict[str, Any] = {}
        if "table" in opened:
            found["grid"] = table_of(table, look, box)
        if "profile" in opened:
            found["profile"] = {**profile_of(table, look, box), "note": "" if self._desk is not None else "Files: store.export(…)"}
        yield found
        if "profile" in opened and chosen:
            with stoppable(stale):
                try:
                    yield {"rest": against_rest(table, look, box)}
                except Stopped:
                    return

    def _deliver(self, asked: Any, found: dict[str, Any]) -> None:
        box, _, look, _ = asked
        if "rest" in found:
            self._page.stage.rest = found["rest"]
            return
        self._page.stage.rest = {}
        if "profile" in found and self._desk is not None:
            found["profile"]["files"] = self._offered(look, box)
        self._shown = asked
        self._page.stage.param.update(**found)

    def _offered(self, look: HeatLook, box: Box) -> list[dict[str, str]]:
        """Offer files of a box, and take the last ones back."""
        if self._desk is None:
            return []
        self._desk.revoke(self._links)
        if not all(low < high for low, high in box):
            return []
        try:
            files = exports_of(self._page.table, look, box)
        except Exception as error:  # noqa: BLE001  the profile is worth showing without
            self._page.failed(sentence(error))
            return []
        found = [{"name": _FILES[one.format], "link": self._desk.address(one), "size": f"about {size}"} for one, size in files]
        if not isinstance(look, SwipeLook):  # an image shows one matrix
            clusters = self._page.state.spec.clusters or (None, None)
            images = [HeatImage(self._page.table, look, box, clusters, format) for format in IMAGES]
            found += [{"name": one.format.upper(), "link": self._desk.address(one), "size": "image"} for one in images]
        self._links = [one["link"] for one in found]
        return found

    def close(self) -> None:
        """Take the files back."""
        if self._desk is not None:
            self._desk.revoke(self._links)
