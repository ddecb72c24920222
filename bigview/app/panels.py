"""The panels that open on request beside the map, by name."""

from collections.abc import Callable
from typing import Any

from bigview.app.chartpanel import ChartPanel
from bigview.app.filterpanel import FilterPanel
from bigview.app.host import Panel
from bigview.app.savedpanel import SavedPanel
from bigview.app.tablepanel import TablePanel

PANELS: dict[str, Callable[[Any], Panel]] = {"charts": ChartPanel, "filters": FilterPanel, "saved": SavedPanel, "table": TablePanel}
