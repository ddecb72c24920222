"""The panels that open on request beside the map, by name."""

from collections.abc import Callable
from typing import Any

from bigview.app.filterpanel import FilterPanel
from bigview.app.host import Panel
from bigview.app.tablepanel import TablePanel

PANELS: dict[str, Callable[[Any], Panel]] = {"filters": FilterPanel, "table": TablePanel}
