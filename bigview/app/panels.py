"""The panels that open on request beside the map, by name."""

from collections.abc import Callable
from typing import Any

from bigview.app.chartpanel import ChartPanel
from bigview.app.filterpanel import FilterPanel
from bigview.app.gallery import Gallery
from bigview.app.host import Panel
from bigview.app.savedpanel import SavedPanel
from bigview.app.tablepanel import TablePanel

PANELS: dict[str, Callable[[Any], Panel]] = {
    "filters": FilterPanel,
    "table": TablePanel,
    "gallery": Gallery,
    "charts": ChartPanel,
    "saved": SavedPanel,
}
INSTEAD = {"gallery": "table", "table": "gallery"}
"""Panels that have one place on the page: the one that opens closes the other."""
