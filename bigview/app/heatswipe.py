"""The divider between two matrices that are compared: where it stands, and the picture at its right."""

from dataclasses import replace
from typing import Any, cast

import numpy as np
from bokeh.models import ColumnDataSource

from bigview.app.heathost import HeatPage
from bigview.app.heatstate import first_spec
from bigview.build.comparison import passing_comparison
from bigview.matrixspec import How, MatrixSpec
from bigview.raster.heatlook import first_style
from bigview.raster.heatswipe import first_swipe_style
from bigview.raster.render import readable
from bigview.views.feed import Feed
from bigview.views.heatscene import HeatPicture
from bigview.views.live import sentence
from bigview.views.picture import Wish


class HeatSwipe:
    """The divider of one visitor; it does nothing where the matrix is no comparison.

    The second picture is fed into a source that no plot draws: the page draws it itself, at the right of the divider, so that dragging it costs
    nothing here.

    Parameters
    ----------
    page : HeatPage
        The explorer.
    """

    def __init__(self, page: HeatPage) -> None:
        self._page = page
        self._compares = page.table.manifest.layout == "comparison"
        self._feed: Feed | None = None
        self._at: float | None = None  # where the page says that the divider is
        self._turn = 0

    def attach(self, figure: Any) -> None:
        """Make the way of the second picture into a new plot."""
        if self._compares:
            one = {"x": [0], "y": [0], "dw": [0], "dh": [0]}
            source = ColumnDataSource({"image": [np.zeros((1, 1), np.uint32)], **one}, name=f"{figure.name}-beside")
            figure.tags = [*figure.tags, source]
            self._feed = Feed(figure, source, around=False)

    def pictured(self, picture: HeatPicture, wish: Wish) -> None:
        """Send the second picture."""
        if self._feed is not None and picture.beside is not None:
            self._feed.put(picture.beside.frame, picture.beside.wire, wish.style)

    def told(self, kind: Any, value: Any) -> bool:
        """Take note of where the page has put the divider; False for a message about something else."""
        if kind != "swipe":
            return False
        self._page.map.soon(lambda: self._moved(value))
        return True

    def _moved(self, value: Any) -> None:
        try:
            spec = self._page.state.spec
            if spec.swipe is not None:
                self._at = round(min(max(float(value), 0.0), 1.0), 4)
                self._page.state.spec = spec.replaced(swipe=self._at)
        except Exception as error:  # noqa: BLE001  a message must never end the session
            self._page.failed(sentence(error))

    def show(self, way: str) -> None:
        """Show the two matrices with a divider ("swipe"), or what they compare to."""
        if not self._compares:
            return
        state, table = self._page.state, self._page.table
        both = way == "swipe"
        if not both and way != table.compared.how:
            self._go(cast(How, way))
        elif both != (state.spec.swipe is not None):
            dark = state.style.dark
            usual = first_swipe_style(table, dark) if both else first_style(table, dark)
            state.show((first_spec(table).swipe or 0.5) if both else None, replace(state.style, center=usual.center, limits=usual.limits))

    def _go(self, how: How) -> None:
        """Go to the page of another comparison of the two, with the same part and the same orders."""
        table, spec = self._page.table, self._page.spec
        usual = first_style(passing_comparison(*table.compared.pair, how), spec.style.dark)  # type: ignore[arg-type]
        style = replace(spec.style, center=usual.center, limits=usual.limits)
        self._page.stage.link = {"query": spec.replaced(how=how, swipe=None, style=style, fingerprint="").to_query(), "go": True}

    def follow(self, old: MatrixSpec, new: MatrixSpec) -> None:
        """Move the divider to where a spec has it, unless it is the page that moved it."""
        if new.swipe != old.swipe and (new.swipe is None or new.swipe != self._at):
            self._turn += 1
            self._page.stage.swipe = self.told_of(new)

    def told_of(self, spec: MatrixSpec) -> dict[str, Any]:
        """Return what the page is told of the divider."""
        if spec.swipe is None or not self._compares:
            return {}
        return {"turn": self._turn, "at": spec.swipe, "names": [readable(name) for name in self._page.table.compared.titles]}
