"""What the parts of a matrix's page may use of each other."""

from typing import Any, Protocol

from bigview.app.heatstage import HeatStage
from bigview.app.heatstate import HeatState
from bigview.matrixorder import Ordering
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
    picks: Any
    sides: Any
    orders: Any
    swipe: Any
    link: Any
    only: Any
    """The native rows to which the page is narrowed; None for all of them."""
    shown: tuple[Ordering | None, Ordering | None]
    """The recipes of the orders of rows and columns in `look`; those of the spec may still be looked for."""

    @property
    def spec(self) -> MatrixSpec:
        """All that is shown now."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns that are shown."""

    def cell_names(self, row: int, col: int) -> tuple[str, str]:
        """Return the names of a row and a column by their places in the order shown."""

    def say(self, text: str) -> None:
        """Say a sentence that stays until the second picture."""

    def failed(self, text: str) -> None:
        """Say what went wrong."""

    def tell(self, text: str) -> None:
        """Have a sentence read aloud; nothing is shown."""
