"""Matrices as pages of a server: the page, its place in the list of stores, and the first picture."""

from pathlib import Path

import numpy as np
import panel as pn
from numpy.typing import NDArray

from bigview.app.heatmap import HeatmapExplorer
from bigview.errors import BigviewError
from bigview.matrixspec import MatrixSpec
from bigview.raster.heat import HeatLook, heat_frame
from bigview.raster.heatlook import first_style
from bigview.raster.heatrender import pixels_of
from bigview.spec import View
from bigview.store.matrix import MatrixTable
from bigview.store.points import PointTable

Table = PointTable | MatrixTable


def heatmap_page(table: MatrixTable) -> HeatmapExplorer:
    """Return the explorer of a matrix as a page of its own, with what the link to it says."""
    pn.extension()
    asked = pn.state.session_args.get("spec") if pn.state.session_args else None
    if not asked:
        return HeatmapExplorer(table)
    try:
        return HeatmapExplorer(table, spec=MatrixSpec.from_query(f"spec={asked[-1].decode(errors='replace')}"))
    except BigviewError as error:
        explorer = HeatmapExplorer(table)
        explorer.say(str(error))
        return explorer


def address_of(table: Table) -> str:
    """Return where a store is."""
    return str((table.folder if isinstance(table, MatrixTable) else table.reader.folder).url)


def title_of(table: Table) -> str:
    """Return a store's title, or the name of its folder."""
    return str(table.manifest.title or Path(address_of(table).rstrip("/")).stem)


def about(table: Table) -> str:
    """Return the size of a store in a few words."""
    if isinstance(table, MatrixTable):
        return f"{table.shape[0]:,} rows × {table.shape[1]:,} columns"
    return f"{table.manifest.rows:,} rows · {len(table.columns) - 1} columns"


def first_picture(table: MatrixTable, size: tuple[int, int], dark: bool = True) -> NDArray[np.uint32]:
    """Return the whole matrix in so many pixels (width, height), the first row on top."""
    rows, cols = table.shape
    view = View((0, max(1, cols)), (0, max(1, rows)), *size)
    return pixels_of(heat_frame(table, view, HeatLook(first_style(table, dark))), view)
