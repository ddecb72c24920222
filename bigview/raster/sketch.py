"""Sketches: a quick picture that stands in while the exact one is drawn, and says that it is one.

Three things make a frame slow. The category or the number of every row in view has to be read: then summaries of coarse cells give the colours. A
level of cells was not in memory yet: then a coarser one that is there gives larger pixels. And nobody has asked yet which rows pass a filter: then a
hundredth of the rows are asked, or, where the view holds few, these alone; and the latter picture is exact.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from bigview.config import limits
from bigview.raster import legend, tones
from bigview.raster.aggregate import aggregate, swept
from bigview.raster.estimate import Sheet, estimate
from bigview.raster.frame import Drawing, Frame, category_drawing, drawing_of, drawn, dressed, kind_of, scale_for
from bigview.raster.plan import Lattice
from bigview.raster.quick import bare_dominant, bare_mean, rows_about
from bigview.spec import Filters, Style, View, Where
from bigview.store.locate import covered
from bigview.store.loose import loose_rows
from bigview.store.points import PointTable
from bigview.store.reader import Reader
from bigview.store.regions import key_ranges
from bigview.store.sampled import ColdError, quick_only
from bigview.store.selection import select
from bigview.store.valuesets import UnsureError

_COARSER = (2, 4, 8)
"""How many times as large the pixels of a sketch may be. Colours begin with the first of them: a quarter of the work, for the blink of an eye. While
the map moves, or other people wait, they begin with the second: a sixteenth."""

_WORTH = 5
"""A sample of the rows that pass comes before what takes so many times as long as `limits().quick_rows` say, because it is coarser than summaries;
and all rows in view are tested where they are fewer than that part of those to be read."""

_IN_PLACE, _ELSEWHERE = 0.1, 0.3
"""What a row in memory takes for its colour, as a part of what reading one takes: where its pixel is known from the picture before, and where not."""


@dataclass(frozen=True)
class Haste:
    """Why a quick picture is wanted sooner.

    Attributes
    ----------
    busy : bool
        Other views wait: less counts as quick, and the pixels are larger.
    moving : bool
        The map moves: the pixels are larger.
    streaming : bool
        Filters come faster than their exact pictures: whatever takes longer than a picture of the sample has one before it.
    """

    busy: bool = False
    moving: bool = False
    streaming: bool = False

    @property
    def coarse(self) -> bool:
        """Whether the pixels are larger."""
        return self.busy or self.moving


_NONE = Haste()


def sketch(table: PointTable, view: View, style: Style, where: Where = None, selected: Where = None, haste: Haste = _NONE) -> Frame | None:
    """Return a quick picture of a view; None where the exact one is as quick, or none can be made.

    Its `exact` is False, and `error` the furthest that a colour may be from its place, in pixels of the view; a picture of a sample has its `share`
    of the rows.
    """
    if style.mix:
        return None
    filters, chosen = Filters.of(where), Filters.of(selected)
    kind = kind_of(table, style)
    if filters or chosen:
        return _filtered(table, view, style, (filters, chosen), haste)
    times, ready = _times(table, view, kind, haste.coarse)
    if kind == "count":
        drawing = _density(table, _coarse(view, times), style) if times > 1 else None  # what is in memory is drawn at once
    else:
        fewest = min(limits().busy_rows, limits().quick_rows) if haste.busy or not ready else limits().quick_rows
        drawing = (_category if kind == "category" else _number)(table, _coarse(view, times), style, fewest)
    return None if drawing is None else _rough(table, drawing, style, times)


def prepare(table: PointTable, view: View, style: Style) -> None:
    """Lay the sample over the pixels of a view, so that the first filter has its picture at once."""
    if table.sampled.in_file and not table.sampled.exact and not style.mix:
        sheet = Sheet.of(table, _coarse(view, _COARSER[0]))
        if style.by is not None:
            table.sampled.column(style.by)
            sheet.runs  # noqa: B018  kept with the sheet


def roughness(frame: Frame) -> str:
    """Say of a picture what is not exact in it; nothing of an exact one."""
    if frame.exact:
        return ""
    of = f"{100 * frame.share:.2g} % of the rows, " if frame.share < 1 else ""
    pixels = max(1, math.ceil(frame.error))
    return f"Approximate picture ({of}within {pixels} pixel{'s' * (pixels > 1)}); the exact one is being drawn"


def _rough(table: PointTable, drawing: Drawing, style: Style, times: int) -> Frame:
    return dressed(table, replace(drawing, exact=False, error=max(drawing.error, 0.5) * times), style)


def _filtered(table: PointTable, view: View, style: Style, filters: tuple[Filters, Filters], haste: Haste) -> Frame | None:
    """Return a quick picture of the rows that pass."""
    where, chosen = filters
    kind, both = kind_of(table, style), where & chosen
    choice = _COARSER[1:] if haste.coarse else _COARSER
    if kind == "count" and table.known(where) and table.known(both):
        times, _ = _times(table, view, kind, haste.coarse)
        return _rough(table, drawn(table, _coarse(view, times), style, where, chosen), style, times) if times > 1 else None
    unread, seen = table.unread(both), rows_about(table, view)
    if unread + _more(table, view, style, seen) <= (1 if haste.streaming else _WORTH) * limits().quick_rows:
        return None
    if unread > _WORTH * seen:
        near = _near(table, view, style, filters, unread // _WORTH)
        if near is not None:
            return dressed(table, near, style)
    if table.sampled.exact or not table.sampled.ready(both):
        return None
    try:
        with quick_only():
            found = estimate(table, [_coarse(view, times) for times in choice], style, where, chosen)
    except ColdError:
        return None
    return None if found is None else _rough(table, found[0], style, round(view.width / found[1].width))


def _more(table: PointTable, view: View, style: Style, seen: int) -> int:
    """Return how many values have to be read for the colours of the rows in view.

    What is in memory counts for a tenth, and for three where the rows of each pixel have yet to be found.
    """
    if style.by is None:
        return 0
    held = table.reader.pages.held([table.manifest.column(style.by).name]).mean()
    there = _IN_PLACE if swept(table.reader, Lattice.of(table.manifest, view)) else _ELSEWHERE
    return int(seen * (1 - held + there * held))


def _near(table: PointTable, view: View, style: Style, filters: tuple[Filters, Filters], most: int) -> Drawing | None:
    """Draw the rows in view, of which alone it is asked whether they pass; None where their row groups have more rows than `most`."""
    rows, pages = select(table.reader, Lattice.of(table.manifest, view).box, None), table.reader.pages
    groups = pages.groups_of(rows.starts, rows.stops)
    if int(np.diff(pages.offsets)[groups].sum()) > most:
        return None
    try:
        return drawn(table.near(groups), view, style, *filters)
    except UnsureError:
        return None


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
