"""Matrices as pages of a server: the page, its place in the list of stores, and the first picture.

What draws matrices is loaded with the first of them: a server of points has no use for it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import panel as pn
from numpy.typing import NDArray

from bigview.errors import BigviewError, OptionError
from bigview.spec import View
from bigview.store.matrix import MatrixTable
from bigview.store.points import PointTable

if TYPE_CHECKING:
    from bigview.app.heatmap import HeatmapExplorer

Table = PointTable | MatrixTable


def comparable(one: Table, other: Table) -> bool:
    """Tell whether two stores may be matrices of the same rows and columns, without reading their names."""
    if not (isinstance(one, MatrixTable) and isinstance(other, MatrixTable)):
        return False
    return one.shape == other.shape and not any(table.kind == "category" or table.manifest.layout == "comparison" for table in (one, other))


def compared(stores: Sequence[Table]) -> MatrixTable:
    """Return the comparison of two stores, to be served."""
    matrices = [table for table in stores if isinstance(table, MatrixTable)]
    if len(matrices) != 2 or len(stores) != 2:
        names = ", ".join(f"{title_of(table)} ({'matrix' if isinstance(table, MatrixTable) else 'points'})" for table in stores)
        raise OptionError(f"Two matrices are compared with each other, not {names}. Name two matrices, or leave out --compare.")
    from bigview.build.comparison import passing_comparison

    return passing_comparison(matrices[0], matrices[1])


def compared_page(one: Table, other: Table) -> "HeatmapExplorer":
    """Return two matrices in one place with a divider, as a page of its own; the first alone, with a sentence, where they do not match."""
    try:
        return heatmap_page(compared((one, other)))
    except BigviewError as error:
        if not isinstance(one, MatrixTable):
            raise
        from bigview.app.heatmap import HeatmapExplorer

        alone = HeatmapExplorer(one)
        alone.say(str(error))
        return alone


def heatmap_page(table: MatrixTable) -> "HeatmapExplorer":
    """Return the explorer of a matrix as a page of its own, with what the link to it says."""
    from bigview.app.heatmap import HeatmapExplorer
    from bigview.build.comparison import passing_comparison
    from bigview.matrixspec import MatrixSpec

    pn.extension()
    asked = pn.state.session_args.get("spec") if pn.state.session_args else None
    if not asked:
        return HeatmapExplorer(table)
    try:
        spec = MatrixSpec.from_query(f"spec={asked[-1].decode(errors='replace')}")
        if spec.how is not None and table.manifest.layout == "comparison" and spec.how != table.compared.how:
            table = passing_comparison(*table.compared.pair, spec.how)  # type: ignore[arg-type]
        return HeatmapExplorer(table, spec=spec)
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
    from bigview.raster.heat import HeatLook, heat_frame
    from bigview.raster.heatlook import first_style
    from bigview.raster.heatrender import pixels_of

    rows, cols = table.shape
    view = View((0, max(1, cols)), (0, max(1, rows)), *size)
    return pixels_of(heat_frame(table, view, HeatLook(first_style(table, dark))), view)
