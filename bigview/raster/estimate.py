"""Pictures of a sample of the rows: what is shown of a filter whose rows have yet to be found among all.

Counts are those of the sample, multiplied by what a row of it stands for, so that the colours of the store's scale mean what they always mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigview.config import limits
from bigview.raster import kernels, legend, tones
from bigview.raster.aggregate import Grid, as_numbers
from bigview.raster.frame import Drawing, category_drawing, context_drawing, drawing_of, kind_of, scale_for
from bigview.raster.plan import Lattice
from bigview.raster.sweep import Runs, frame_of
from bigview.spec import Filters, Style, View
from bigview.store.axis import Axis
from bigview.store.bits import pack
from bigview.store.points import PointTable
from bigview.store.reader import MISSING_TIME, X, Y
from bigview.store.recent import Recent

_FEWEST = 10
"""Rows of the sample in a picture below which it says nothing: what is rarer would be missing rather than faint."""

_A_PIXEL = 8
"""Rows of the sample a pixel from which smaller pixels are worth while: their counts are off by a third."""


def sampled_positions(table: PointTable, axis: Axis) -> NDArray[np.floating]:
    """Return the positions of the sample's rows on an axis; NaN where they have none."""
    values = table.sampled.column(axis.column)
    if axis.kind != "datetime":
        return axis.encode(values)
    return np.where(values == MISSING_TIME, np.nan, (values - np.int64(axis.origin)).astype(np.float64))


@dataclass(frozen=True, eq=False)
class Sheet:
    """The rows of a sample over the pixels of a grid.

    Attributes
    ----------
    lattice : Lattice
    x, y : ndarray of float
        Positions of the rows.
    """

    lattice: Lattice
    x: NDArray[np.floating]
    y: NDArray[np.floating]

    @classmethod
    def of(cls, table: PointTable, view: View) -> "Sheet":
        """Return the sheet of a view: the same one as before where it is asked for again, under another filter."""
        manifest, sample = table.manifest, table.sampled
        lattice = Lattice.of(manifest, view)

        def made() -> Sheet:
            if sample.reader is table.reader:
                return cls(lattice, sample.column(X), sample.column(Y))
            return cls(lattice, *(sampled_positions(table, axis) for axis in (manifest.x, manifest.y)))  # an index over other columns

        store = table.reader.folder.url, manifest.generation, manifest.fingerprint, sample.rows
        return _sheets.get((*store, manifest.x.column, manifest.y.column, lattice), made)

    def counts(self, mask: NDArray[np.bool_]) -> NDArray[np.uint32]:
        """Return how many of some rows lie in each pixel, shape (height, width)."""
        grid = np.zeros(self.lattice.shape[0] * self.lattice.shape[1], np.uint32)
        kernels.count_rows((self.x, self.y), self._all, np.empty(0, np.uint32), frame_of(self.lattice), pack(mask), grid)
        return grid.reshape(self.lattice.shape)

    @property
    def _all(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return np.zeros(1, np.int64), np.array([len(self.x)])

    @cached_property
    def runs(self) -> Runs:
        """The rows of each pixel."""
        pixels = self.lattice.shape[0] * self.lattice.shape[1]
        task = (self.x, self.y), self._all, np.empty(0, np.uint32), frame_of(self.lattice)
        counted = np.zeros(pixels, np.int64)
        kernels.row_runs(*task, counted, (np.empty(0, np.int64), np.empty(0, np.int64)))
        offsets = np.concatenate([[0], np.cumsum(counted)])
        out = np.empty(offsets[-1], np.uint32), np.empty(offsets[-1], np.uint32)
        if offsets[-1]:
            kernels.row_runs(*task, offsets[:-1].copy(), out)
        return Runs(offsets, *out)


_sheets: Recent[Sheet] = Recent(lambda sheet: 8 * (len(sheet.x) + sheet.lattice.shape[0] * sheet.lattice.shape[1]), lambda: limits().frame_bytes // 2)
"""Sheets that were drawn on, by the size that their runs have."""


def estimate(table: PointTable, views: Sequence[View], style: Style, where: Filters, selected: Filters) -> tuple[Drawing, View] | None:
    """Return the drawing of a sample of the rows that pass, and the view it has; None where too few of them are in view.

    Parameters
    ----------
    table : PointTable
    views : sequence of View
        The same place in ever fewer pixels: the first of them is taken whose pixels have enough rows, or else the last.
    style : Style
    where, selected : Filters
    """
    sample = table.sampled
    mask = sample.mask(where=where)
    chosen = sample.mask(where=where & selected) if selected else mask
    for view in views:
        sheet = Sheet.of(table, view)
        counts = sheet.counts(chosen)
        found = int(counts.sum(dtype=np.int64))
        if found < _FEWEST:
            return None
        if found >= _A_PIXEL * np.count_nonzero(counts):
            break
    grid = _grid(table, sheet, counts * np.float64(sample.scale))
    drawing = {"count": _density, "category": _category, "number": _number}[kind_of(table, style)](table, sheet, style, (chosen, counts, grid))
    if selected:
        drawing = context_drawing(table, drawing, style, _grid(table, sheet, sheet.counts(mask) * np.float64(sample.scale)))
    return replace(drawing, exact=False, share=1 / sample.scale), view


Found = tuple[NDArray[np.bool_], NDArray[np.uint32], Grid]
"""Which rows of the sample are drawn, how many of them each pixel has, and how many of all rows they stand for."""


def _grid(table: PointTable, sheet: Sheet, values: NDArray[Any]) -> Grid:
    whole = np.rint(values).astype(np.int64)
    return Grid.of(table, sheet.lattice, whole)


def _density(table: PointTable, sheet: Sheet, style: Style, found: Found) -> Drawing:
    grid = found[2]
    scale = scale_for(table, grid, style)
    return drawing_of(table, grid, style, int(grid.values.sum()), tones=tones.of_counts(grid.values, scale), scale=scale)


def _category(table: PointTable, sheet: Sheet, style: Style, found: Found) -> Drawing:
    mask, _, grid = found
    column, pixels = str(style.by), grid.values.size
    categories = max(1, len(table.reader.categories(column)))
    planes, totals = np.empty((pixels, 3), np.int64), np.zeros(categories + 1, np.int64)
    kernels.dominant_by_pixel(table.sampled.column(column), sheet.runs.arrays, pack(mask), (0, pixels), planes, totals)
    planes[:, 1:] = np.rint(planes[:, 1:] * table.sampled.scale).astype(np.int64)
    return category_drawing(
        table, Grid(planes.reshape(*sheet.lattice.shape, 3), grid.attrs), style, np.rint(totals[1:] * table.sampled.scale).astype(np.int64)
    )


def _number(table: PointTable, sheet: Sheet, style: Style, found: Found) -> Drawing:
    mask, counts, grid = found
    entry = table.manifest.column(str(style.by))
    stats = np.empty((2, counts.size))
    kernels.sums_by_pixel(as_numbers(table.sampled.column(entry.name), entry.kind), sheet.runs.arrays, pack(mask), (0, counts.size), stats)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = (stats[1] / stats[0]).reshape(counts.shape)
    span = style.limits or legend.number_limits(table, entry, style.clip)
    return drawing_of(table, Grid(means, grid.attrs), style, int(grid.values.sum()), tones=tones.of_numbers(means, counts, span), span=span)
