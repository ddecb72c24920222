"""What the parts of a matrix's page may use of each other."""

from typing import Any, Protocol

from bigview.app.heatstage import HeatStage
from bigview.app.heatstate import HeatState
from bigview.matrixspec import MatrixSpec
from bigview.raster.heat import HeatLook
from bigview.store.matrix import MatrixTable
from bigview.views.map import Map


class HeatPage(Protocol):
    """The explorer of a matrix, as its parts see it."""

    table: MatrixTable
    state: HeatState
    map: Map
    stage: HeatStage
    look: HeatLook
    window: Any
    acts: Any
    orders: Any
    swipe: Any

    @property
    def spec(self) -> MatrixSpec:
        """All that is shown now."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns that are shown."""

    def cell_names(self, row: int, col: int) -> tuple[str, str]:
        """Return the names of a row and a column by their places in the order shown."""

    def travelled(self, query: str) -> None:
        """Show what a link of the browser's history holds."""

    def relink(self) -> None:
        """Give the page the link to what is shown."""

    def say(self, text: str) -> None:
        """Say a sentence that stays until the second picture."""

    def failed(self, text: str) -> None:
        """Say what went wrong."""
