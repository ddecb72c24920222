"""The second map: the rows of a store over two other columns. Exact from an index over them; without one from a sample, which says so."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bigview.errors import OptionError
from bigview.raster import kernels, tones
from bigview.raster.estimate import sampled_positions
from bigview.raster.frame import Drawing, Frame, dressed, frame
from bigview.raster.palettes import DEFAULTS
from bigview.raster.plan import Lattice, Side
from bigview.raster.scale import FLOOR, Scale
from bigview.raster.shade import table_of
from bigview.raster.sweep import frame_of
from bigview.spec import Filters, Style, View, Where
from bigview.store.axis import Axis
from bigview.store.bits import pack
from bigview.store.home import home_range
from bigview.store.pairs import pairs_of
from bigview.store.pairtable import PairTable, over
from bigview.store.points import PointTable
from bigview.store.recent import Recent

_homes: "Recent[tuple[float, float, float, float]]" = Recent(lambda home: 8 * len(home), lambda: 1 << 14)
_TOP = 99.5  # per cent of the pixels of a sample below full strength


@dataclass(frozen=True, eq=False)
class SecondMap:
    """The rows of a store over two columns.

    Attributes
    ----------
    table : PointTable
    pair : PairTable or None
        From the index over the columns; None without one.
    x, y : Axis
    home : tuple of 4 float
        Positions (x0, x1, y0, y1) of the view to begin with.
    """

    table: PointTable
    pair: PairTable | None
    x: Axis
    y: Axis
    home: tuple[float, float, float, float]

    @classmethod
    def of(cls, table: PointTable, x: str, y: str) -> "SecondMap":
        """Return the map of two columns.

        Raises
        ------
        ColumnError, OptionError
            When there are no such columns, or they hold no numbers or datetimes.
        """
        first, second = (_axis(table, name) for name in (x, y))
        if any(pair.columns == (x, y) for pair in pairs_of(table.manifest)):
            pair = over(table, x, y, PairTable)
            return cls(table, pair, pair.manifest.x, pair.manifest.y, pair.manifest.home)
        key = (table.reader.folder.url, table.manifest.fingerprint, x, y)
        if _homes.peek(key) is None:  # what fails, fails here, and not for others who wait for the same
            _ = table.sampled.column(x), table.sampled.column(y)
        home = _homes.get(key, lambda: (*home_range(sampled_positions(table, first), first), *home_range(sampled_positions(table, second), second)))
        return cls(table, None, first, second, home)

    def view(self, width: int, height: int, ends: tuple[float, float, float, float] | None = None) -> View:
        """Return the view between positions (x0, x1, y0, y1), the home view by default."""
        x0, x1, y0, y1 = ends or self.home
        return View((self.x.value(x0), self.x.value(x1)), (self.y.value(y0), self.y.value(y1)), width, height)

    def exact(self, view: View, dark: bool, where: Where = None, selected: Where = None) -> Frame:
        """Return the picture of a view in the colours of a density; where rows are `selected`, the others are grey.

        Raises
        ------
        OptionError
            When there is no index.
        """
        if self.pair is None:
            raise OptionError(f"There is no index over {self.x.column} × {self.y.column}.")
        return frame(self.pair, view, Style(dark=dark), where, selected)

    def sampled(self, view: View, dark: bool, where: Where = None, selected: Where = None) -> Frame:
        """Return the picture of a view from a sample of the rows; its counts are estimates for all of them, and it says that it is not exact."""
        sides = [
            Side(axis.position(ends[0]), axis.position(ends[1]), pixels, top=axis.position(ends[1]) == axis.high)
            for axis, ends, pixels in ((self.x, view.x_range, view.width), (self.y, view.y_range, view.height))
        ]
        lattice = Lattice(sides[0], sides[1], None)
        sample, style = self.table.sampled, Style(dark=dark)
        u, v = (sampled_positions(self.table, axis) for axis in (self.x, self.y))
        everything = _counted(u, v, lattice, sample.mask(where=where))
        grid = _counted(u, v, lattice, sample.mask(where=Filters.of(where, selected))) if selected else everything
        scale = _scale(everything)
        shown = tones.of_counts(grid, scale)
        if selected:
            rows = len(table_of("count", DEFAULTS["density"], dark, context=False))
            shown = tones.with_context(shown, everything, scale, rows)
        count = round(int(grid.sum(dtype=np.int64)) * sample.scale)
        bounds = (*view.x_range, *view.y_range)
        grown = 1 if np.count_nonzero(everything) < everything.size / 4 else 0
        facts: dict[str, Any] = {"scale": _scaled(scale, sample.scale), "context": bool(selected), "share": 1 / sample.scale}
        drawing = Drawing(bounds, count, sample.exact, 0.0, -1, grown, tones=shown, **facts)
        return dressed(self.table, drawing, style)


def _axis(table: PointTable, name: str) -> Axis:
    column = table.manifest.column(name)
    if column.kind not in ("number", "integer", "datetime"):
        raise OptionError(f"{column.name!r} holds {column.kind}; a map needs numbers or datetimes.")
    dtype = table.manifest_dtype(name) if column.kind == "datetime" else np.dtype(pa.type_for_alias(column.dtype).to_pandas_dtype())
    return Axis.fit(column.name, dtype, column.low, column.high)


def _counted(u: NDArray[Any], v: NDArray[Any], lattice: Lattice, mask: NDArray[np.bool_]) -> NDArray[np.uint32]:
    height, width = lattice.shape
    grid = np.zeros(height * width, np.uint32)
    runs = np.zeros(1, np.int64), np.array([len(u)])
    kernels.count_rows((u, v), runs, np.empty(0, np.uint32), frame_of(lattice), pack(mask), grid)
    return grid.reshape(height, width)


def _scale(counts: NDArray[np.uint32]) -> Scale:
    occupied = counts[counts > 0]
    top = max(2.0, float(np.percentile(occupied, _TOP))) if len(occupied) else 2.0
    return Scale((1.0, top), (FLOOR, 1.0), "log")


def _scaled(scale: Scale, by: float) -> Scale:
    return replace(scale, counts=tuple(count * by for count in scale.counts))
