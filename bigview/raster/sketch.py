"""Sketches: a quick picture that stands in while the exact one is drawn, and says that it is one.

Two things make a frame slow. The category or the number of every row in view has to be read: then summaries of coarse cells give the colours. And a
level of cells was not in memory yet: then a coarser one that is there gives larger pixels.
"""

from dataclasses import replace

import numpy as np

from bigview.config import limits
from bigview.raster import legend, tones
from bigview.raster.aggregate import aggregate
from bigview.raster.frame import Drawing, Frame, category_drawing, drawing_of, dressed, kind_of, scale_for
from bigview.raster.plan import Lattice
from bigview.raster.quick import bare_dominant, bare_mean
from bigview.spec import Style, View, Where
from bigview.store.locate import covered
from bigview.store.loose import loose_rows
from bigview.store.points import PointTable
from bigview.store.reader import Reader
from bigview.store.regions import key_ranges

_COARSER = (2, 4, 8)
"""How many times as large the pixels of a sketch may be. Colours begin with the first of them: a quarter of the work, for the blink of an eye. While
the map moves, or other people wait, they begin with the second: a sixteenth."""


def sketch(table: PointTable, view: View, style: Style, where: Where = None, busy: bool = False, moving: bool = False) -> Frame | None:
    """Return a quick picture of a view; None where the exact one is as quick, or none can be made.

    Where other views wait (`busy`), less counts as quick, and where the map is `moving` the pixels are larger. Its `exact` is False, and `error` the
    furthest that a colour may be from its place, in pixels of the view.
    """
    if where or style.mix:
        return None
    kind = kind_of(table, style)
    times, ready = _times(table, view, kind, busy or moving)
    if kind == "count":
        drawing = _density(table, _coarse(view, times), style) if times > 1 else None  # what is in memory is drawn at once
    else:
        fewest = min(limits().busy_rows, limits().quick_rows) if busy or not ready else limits().quick_rows
        drawing = (_category if kind == "category" else _number)(table, _coarse(view, times), style, fewest)
    if drawing is None:
        return None
    return dressed(table, replace(drawing, exact=False, error=max(drawing.error, 0.5) * times), style)


def _times(table: PointTable, view: View, kind: str, quicker: bool) -> tuple[int, bool]:
    """Return how many times as large the pixels become, as far as needed for cells that are in memory; and whether those of the view itself are."""

    def ready(times: int) -> bool:
        return _ready(table.reader, Lattice.of(table.manifest, _coarse(view, times)))

    choice = _COARSER[1:] if quicker and kind != "count" else _COARSER
    if ready(1):
        return (1 if kind == "count" else choice[0]), True  # the next coarser level may be absent, but is a fraction of this one
    return next((times for times in choice if ready(times)), choice[-1]), False


def _coarse(view: View, times: int) -> View:
    return view if times == 1 else replace(view, width=max(1, view.width // times), height=max(1, view.height // times))


def _ready(reader: Reader, lattice: Lattice) -> bool:
    """Tell whether all cells of a grid, and the rows between them, are in memory."""
    if lattice.level is None:
        return True
    ranges = key_ranges((lattice.x.first, lattice.x.first + lattice.x.cells), (lattice.y.first, lattice.y.first + lattice.y.cells), lattice.level)
    groups, cells = reader.level(lattice.level)
    if not len(groups.keys):
        return True
    first = np.maximum(np.searchsorted(groups.keys, ranges.first, "right") - 1, 0)
    last = np.maximum(np.searchsorted(groups.keys, ranges.last, "right") - 1, 0)
    touched = np.zeros(len(groups.keys) + 1, np.int64)
    np.add.at(touched, first, 1)
    np.add.at(touched, last + 1, -1)
    if not cells.present(("key", "start", "count"), np.flatnonzero(np.cumsum(touched[:-1]))):
        return False
    loose = loose_rows(reader, lattice.level)
    return loose.present(loose.blocks(*covered(reader, lattice.level, ranges)[2:]))


def _density(table: PointTable, view: View, style: Style) -> Drawing:
    grid = aggregate(table, view, "count")
    scale = scale_for(table, grid, style)
    return drawing_of(table, grid, style, int(grid.sum(dtype=np.int64)), tones=tones.of_counts(grid.to_numpy(), scale), scale=scale)


def _category(table: PointTable, view: View, style: Style, fewest: int) -> Drawing | None:
    found = bare_dominant(table, view, str(style.by), fewest)
    return None if found is None else category_drawing(table, found[0], style, found[1])


def _number(table: PointTable, view: View, style: Style, fewest: int) -> Drawing | None:
    column = table.manifest.column(str(style.by))
    grid = bare_mean(table, view, column.name, fewest)
    if grid is None:
        return None
    values, span = grid.to_numpy(), style.limits or legend.number_limits(table, column, style.clip)
    return drawing_of(table, grid, style, 0, tones=tones.of_numbers(values, ~np.isnan(values), span), span=span)
