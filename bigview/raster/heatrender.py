"""render() of a matrix: an image with the names of rows and columns, and the colour bar. No browser is involved."""

import math
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigview.errors import OptionError, closest
from bigview.matrixspec import MatrixSpec, MatrixStyle
from bigview.plain import Ranges
from bigview.raster.canvas import Box, Raster, Sheet, Text, text_width
from bigview.raster.heat import HeatFrame, HeatLook, heat_frame, locked_of
from bigview.raster.heatbeside import CLUSTER, Along, Beside
from bigview.raster.heatchosen import CHOSEN, Chosen, Pair, Part
from bigview.raster.heatkeys import Keys
from bigview.raster.heatlabels import axis_of, names_at, shown_places, step_of, steps_of
from bigview.raster.heatlook import first_style, shown_as
from bigview.raster.heattexts import cell_texts
from bigview.raster.palettes import background, ink, muted
from bigview.raster.render import Picture, dpi_of, readable, shortened, suffix_of
from bigview.raster.shade import blended
from bigview.raster.tracks import KINDS, Track, track_names
from bigview.spec import View
from bigview.store.matrix import MatrixTable, Side
from bigview.store.tree import Tree

SIDES: tuple[Side, Side] = ("rows", "cols")
LETTERS = ("#10141c", "#ffffff")
"""Of a value on a light cell and on a dark one."""
_BESIDE = ("names", "tracks", "trees", "texts")
_KNOWN = ("view", "style", "rows", "cols", "title", "dark", "dpi", "spec", "clusters", "locked", *_BESIDE)
_SQUARE = 2.5  # times as many columns as rows up to which cells are squares, as in the explorer
_NAME = 28  # characters of a name
_SAMPLE = 400  # names whose widths are looked at
_COLUMNS = 3  # of keys, where the image is too low for one
_FREE = 6  # names of each list beside an image that may be as high as they need


@dataclass(frozen=True)
class HeatOptions:
    """What may be said about an image of a matrix besides its size."""

    look: HeatLook
    view: Any = None
    title: str | None = None
    dpi: int | None = None
    names: bool = True
    texts: bool = True
    tracks: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    trees: tuple[Tree | None, Tree | None] = (None, None)
    clusters: tuple[int | None, int | None] = (None, None)
    chosen: Pair | None = None

    @classmethod
    def of(cls, table: MatrixTable, given: dict[str, Any]) -> "HeatOptions":
        """Return the options from keywords; an unknown one is refused with the list."""
        for name in given:
            if name not in _KNOWN:
                raise OptionError(f"render() of a matrix has no option {name!r}. {closest(name, ('width', 'height', *_KNOWN))}")
        spec = given.get("spec")
        if spec is not None and not isinstance(spec, MatrixSpec):
            raise OptionError(f"spec must be a bigview.MatrixSpec, not {type(spec).__name__}.")
        style: MatrixStyle = given.get("style") or (first_style(table) if spec is None else spec.style)
        if given.get("dark") is not None:
            style = replace(style, dark=bool(given["dark"]))
        asked = {side: given[side] if given.get(side) is not None else getattr(spec, side, None) for side in ("rows", "cols")}
        (rows, one), (cols, other) = shown_as(table, "rows", asked["rows"]), shown_as(table, "cols", asked["cols"])
        view = given.get("view") if given.get("view") is not None else None if spec is None else spec.view
        return cls(
            HeatLook(style, rows, cols, locked_of(given.get("locked"))),
            view,
            given.get("title"),
            dpi_of(given.get("dpi")),
            bool(given.get("names", True)),
            bool(given.get("texts", True)),
            _tracks_of(table, given.get("tracks", True)),
            (one, other) if given.get("trees", True) else (None, None),
            _clusters_of(given["clusters"] if given.get("clusters") is not None else getattr(spec, "clusters", None)),
            None if spec is None else spec.selection,
        )


def _tracks_of(table: MatrixTable, given: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the tracks of rows and columns: those that the explorer shows, or those that are named."""
    if isinstance(given, bool):
        return (tuple(track_names(table.rows)), tuple(track_names(table.cols))) if given else ((), ())
    names = [given] if isinstance(given, str) else list(given)
    known = [{name for name, kind in axis.columns.items() if kind in KINDS} for axis in (table.rows, table.cols)]
    for name in names:
        if name not in known[0] | known[1]:
            raise OptionError(f"No track can be made of {name!r}. {closest(str(name), sorted(known[0] | known[1]))}")
    rows, cols = (tuple(name for name in names if name in axis) for axis in known)
    return rows, cols


def _clusters_of(given: Any) -> tuple[int | None, int | None]:
    """Return the clusters of rows and columns, from a number or a pair."""
    pair = tuple(given) if isinstance(given, (tuple, list)) else (given, given)
    if len(pair) != 2 or any(one is not None and (isinstance(one, bool) or not isinstance(one, int) or one < 1) for one in pair):
        raise OptionError(f"clusters must be a whole number, 1 or more, or a pair of them for rows and columns, not {given!r}.")
    return pair[0], pair[1]


def render_matrix(table: MatrixTable, path: Any = None, width: int = 4096, height: int | None = None, **options: Any) -> Picture:
    """Draw an image of a matrix; see `bigview.MatrixStore.render`."""
    wanted = HeatOptions.of(table, options)
    if path is not None:
        suffix_of(Path(os.fspath(path)).expanduser())
    for name, size in (("width", width), ("height", height)):
        if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 64):
            raise OptionError(f"{name} must be a whole number of pixels, 64 or more, not {size!r}.")
    picture = _HeatLayout(table, wanted, width, height).picture()
    if path is not None:
        picture.save(path)
    return picture


def pixels_of(made: HeatFrame, view: View) -> NDArray[np.uint32]:
    """Return the picture of a view pixel by pixel, shape (height, width), the first row on top; what is beside the matrix is 0.

    A frame has one pixel a cell where cells are large, as a browser wants it; here each has as many as it takes.
    """
    flat = made.rgba[::-1]
    rows, cols = _places(made, view, "rows"), _places(made, view, "cols")
    inside = (rows >= 0)[:, None] & (cols >= 0)
    return np.asarray(np.where(inside, flat[rows[:, None], cols], np.uint32(0)))


def _places(made: HeatFrame, view: View, side: Side) -> NDArray[np.int64]:
    """Return the pixel of a frame that each pixel of a view shows, −1 beside it."""
    x0, x1, low, high = made.drawing.bounds
    first, last, size = (-high, -low, made.rgba.shape[0]) if side == "rows" else (x0, x1, made.rgba.shape[1])
    (start, stop), pixels = (view.y_range, view.height) if side == "rows" else (view.x_range, view.width)
    found = np.floor((start + (np.arange(pixels) + 0.5) * ((stop - start) / pixels) - first) / (last - first) * size).astype(np.int64)
    return np.where((found >= 0) & (found < size), found, -1)


class _HeatLayout:
    """Where everything stands on the sheet. Sizes follow the width of the image, so that it looks alike at every size."""

    def __init__(self, table: MatrixTable, wanted: HeatOptions, width: int, height: int | None) -> None:
        self.table, self.wanted, self.dark = table, wanted, wanted.look.dark
        self.fixed = wanted.view if isinstance(wanted.view, View) else None
        self.width, self.height = width, height
        self.em = max(9.0, self.width / 105)
        self.pad = round(self.em)
        title = wanted.title if wanted.title is not None else table.manifest.title or Path(table.folder.url.rstrip("/")).stem
        self.title = readable(title)
        self.items: list[Box | Text | Raster] = []
        self.beside = tuple(self._beside(side) for side in SIDES)

    def _beside(self, side: Side) -> Beside:
        number = SIDES.index(side)
        tracks = tuple(Track.of(axis_of(self.table, side), name) for name in self.wanted.tracks[number])
        order = self.wanted.look.rows if side == "rows" else self.wanted.look.cols
        return Beside(side, order, tracks, self.wanted.trees[number], self.wanted.clusters[number], self.dark, self.em)

    def picture(self) -> Picture:
        """Draw the matrix and lay out the rest."""
        right, below = (one.depth for one in self.beside)
        tracks = self._tracks()
        wide = Keys.width(self.em, self.table.manifest.categories, tracks)
        left, over = self._gutters(right + self.pad + wide)
        top = (round(self.em * 4.6) if self.title else self.pad) + over
        credit = self._credit()
        bottom = below + (round(1.9 * self.em) if credit else self.pad)
        free = self.fixed is not None or self.height is None
        fewest = _FREE if free else 3
        tall = Keys.height(self.em, tracks, fewest)
        columns = 1 if free else min(_COLUMNS, max(1, math.ceil(tall / max(1, (self.height or 0) - top - bottom + below))))
        side = right + self.pad + columns * wide
        view = self.fixed or self._view(max(32, self.width - left - side), top + bottom, tall - below)
        made = heat_frame(self.table, view, self.wanted.look)
        self.items.append(Raster(left, top, blended(pixels_of(made, view), background(self.dark))))
        self._heading(made)
        if self.wanted.names:
            self._rows(view, left, top)
            self._cols(view, left, top)
        if self.wanted.texts:
            self._texts(made, view, left, top)
        self._outlined(view, left, top)
        self._strips(made, view, left, top)
        keys = Keys(left + view.width + right + self.pad, top, top + view.height + below, self.em, self.dark, fewest, columns, wide, free)
        keys.matrix(made, bool(self.table.manifest.facts.get("missing")), len(tracks))
        keys.tracks(tracks)
        self.items += keys.items
        height = max(top + view.height + bottom, round(keys.top + bottom - below)) if free else self.height or 0
        if credit:
            self._text(self.pad, height - 0.8 * self.em, credit, 0.72, muted(self.dark))
        sheet = Sheet(left + view.width + side, height, background(self.dark), tuple(self.items), self.wanted.dpi)
        return Picture(made, view, left, top, sheet)

    def _tracks(self) -> list[Track]:
        """Return the tracks of both sides that need a key: one where rows and columns are the same; else each of two of one name says whose it is."""
        rows, cols = (list(one.strips) for one in self.beside)
        known = {(track.name, track.labels, track.ends) for track in self.beside[0].tracks}
        cols = [track for track in cols if track.name == CLUSTER or (track.name, track.labels, track.ends) not in known]
        both = {track.name for track in rows} & {track.name for track in cols}
        named = [(track, side) for side, tracks in (("rows", rows), ("columns", cols)) for track in tracks]
        return [replace(track, name=f"{track.name} ({side})") if track.name in both else track for track, side in named]

    def _gutters(self, beside: int) -> tuple[int, int]:
        """Return the room at the left, for the names of rows and of tracks below, and above, for those of columns and of tracks at the right."""
        widths = [max((self._wide(track.name) for track in other.strips), default=-1.0) for other in self.beside[::-1]]
        if self.wanted.names:
            widths[0] = max(widths[0], self._widest("rows")[0])
        left = self.pad if widths[0] < 0 else round(widths[0] + 2.2 * self.em)
        if self.wanted.names:
            widest, columns = self._widest("cols")
            # Names that lie flat need a line, and no more.
            flat = columns <= _SAMPLE and self.height is None and self.fixed is None and widest + self.em < (self.width - left - beside) / columns
            widths[1] = max(widths[1], 0.0 if flat else widest)
        return left, 0 if widths[1] < 0 else round(widths[1] + 1.6 * self.em)

    def _wide(self, name: str) -> float:
        return text_width(shortened(readable(name), _NAME), 0.8 * self.em)

    def _widest(self, side: Side) -> tuple[float, float]:
        """Return the width of the widest of the names in view, of some of them where there are many, and how many rows (or columns) that is."""
        number = SIDES.index(side)
        size = self.wanted.look.shape(self.table)[number]
        low, high = self._ends[1 - number]
        first, last = (int(min(max(0.0, end), max(0, size - 1))) for end in (low, math.ceil(high) - 1))
        sample = np.unique(np.linspace(first, last, min(last - first + 1, _SAMPLE)).astype(np.int64)) if size else np.empty(0, np.int64)
        return max(map(self._wide, names_at(self.table, self.wanted.look, side, sample)), default=0.0), high - low

    def _view(self, width: int, around: int, least: float) -> View:
        """Return the view of the map: cells are squares where there are about as many rows as columns, else it is as high as its keys."""
        (x0, x1), (y0, y1) = self._ends
        across, along = x1 - x0, y1 - y0
        square = max(across / along, along / across) <= _SQUARE
        if self.height is not None:
            return View((x0, x1), (y0, y1), width, max(32, self.height - around))
        return View((x0, x1), (y0, y1), width, max(32, round(width * along / across if square else max(width * 0.62, min(least, width * 1.2)))))

    def _text(self, left: float, baseline: float, text: str, size: float, fill: str, **more: Any) -> None:
        self.items.append(Text(left, baseline, readable(text), size * self.em, fill, **more))

    def _heading(self, made: HeatFrame) -> None:
        if not self.title:
            return
        self._text(self.pad, 2.1 * self.em, shortened(self.title, 90), 1.6, ink(self.dark), bold=True)
        rows, cols = self.wanted.look.shape(self.table)
        high, wide = self._seen
        part = f"{high:,} × {wide:,} of " if (high, wide) != (rows, cols) else ""
        facts = [f"{part}{rows:,} × {cols:,} cells", made.title]
        for name, one in zip(("rows", "columns"), self.beside, strict=True):
            if one.order is not None and one.order.title:
                number = "" if one.cut is None or one.tree is None else f", {one.tree.count(one.cut):,} clusters"
                facts.append(f"{name} by {one.order.title}{number}")
        if max(made.cells) > 1:
            facts.append(f"1 pixel = {max(1, round(made.cells[0] * made.cells[1])):,} cells")
        self._text(self.pad, 3.7 * self.em, shortened(" · ".join(fact for fact in facts if fact), 140), 0.9, muted(self.dark))

    @property
    def _ends(self) -> Ranges:
        """Return the columns and the rows in view."""
        if self.fixed is not None:
            return self.fixed.x_range, self.fixed.y_range
        rows, cols = self.wanted.look.shape(self.table)
        return _checked(self.wanted.view) if self.wanted.view is not None else ((0, max(1, cols)), (0, max(1, rows)))

    @property
    def _seen(self) -> tuple[int, int]:
        """Return how many rows and columns are in view, also those of which a part is."""
        sizes = self.wanted.look.shape(self.table)
        high, wide = (max(0, min(math.ceil(high), size) - max(0, math.floor(low))) for (low, high), size in zip(self._ends[::-1], sizes, strict=True))
        return high, wide

    def _credit(self) -> str:
        report = self.table.manifest.report
        return shortened(" · ".join(dict.fromkeys(str(report[name]) for name in ("credit", "licence") if isinstance(report.get(name), str))), 160)

    def _rows(self, view: View, left: int, top: int) -> None:
        (low, high), unit = view.y_range, view.height / (view.y_range[1] - view.y_range[0])
        size = self.wanted.look.shape(self.table)[0]
        places = shown_places(low, high, size, step_of(unit, 1.15 * self.em, steps_of(self.table, "rows")))
        for place, name in zip(places.tolist(), names_at(self.table, self.wanted.look, "rows", places), strict=True):
            at = top + (place + 0.5 - low) * unit
            if top <= at <= top + view.height:
                self.items.append(Box(left - 0.45 * self.em, at - self._line / 2, 0.35 * self.em, self._line, muted(self.dark)))
                self._text(left - 0.7 * self.em, at + 0.28 * self.em, shortened(name, _NAME), 0.8, ink(self.dark), anchor="right")

    def _cols(self, view: View, left: int, top: int) -> None:
        (low, high), unit = view.x_range, view.width / (view.x_range[1] - view.x_range[0])
        size = self.wanted.look.shape(self.table)[1]
        places = shown_places(low, high, size, step_of(unit, 1.15 * self.em, steps_of(self.table, "cols")))
        names = [shortened(name, _NAME) for name in names_at(self.table, self.wanted.look, "cols", places)]
        flat = len(places) > 0 and max((text_width(name, 0.8 * self.em) for name in names), default=0) + self.em < unit
        for place, name in zip(places.tolist(), names, strict=True):
            at = left + (place + 0.5 - low) * unit
            if not left <= at <= left + view.width:
                continue
            self.items.append(Box(at - self._line / 2, top - 0.45 * self.em, self._line, 0.35 * self.em, muted(self.dark)))
            if flat:
                self._text(at, top - 0.75 * self.em, name, 0.8, ink(self.dark), anchor="middle")
            else:
                self._text(at + 0.28 * self.em, top - 0.7 * self.em, name, 0.8, ink(self.dark), upright=True)

    def _texts(self, made: HeatFrame, view: View, left: int, top: int) -> None:
        """Write values into cells that are large enough."""
        found = cell_texts(self.table, made, view, self.em / 12)
        if found is None:
            return
        (x0, x1), (y0, y1) = view.x_range, view.y_range
        wide, high = view.width / (x1 - x0), view.height / (y1 - y0)
        size = min(0.9 * self.em, 0.72 * high)
        for down, (line, light) in enumerate(zip(found.texts, found.light, strict=True)):
            middle = (found.row + down + 0.5 - y0) * high
            for across, text in enumerate(line):
                at = (found.col + across + 0.5 - x0) * wide
                # Of a cell at the edge that is cut the middle may be beyond it.
                if text and wide / 2 <= at <= view.width - wide / 2 + 1 and high / 2 <= middle <= view.height - high / 2 + 1:
                    fill = LETTERS[light[across] == "1"]
                    self.items.append(Text(left + at, top + middle + 0.36 * size, readable(text), size, fill, anchor="middle"))

    def _strips(self, made: HeatFrame, view: View, left: int, top: int) -> None:
        """Draw tracks and trees, and the names of tracks."""
        bounds = made.drawing.bounds
        rows = (*view.y_range, view.height, _places(made, view, "rows"), (-bounds[3], -bounds[2], made.rgba.shape[0]), top, left + view.width)
        cols = (*view.x_range, view.width, _places(made, view, "cols"), (bounds[0], bounds[1], made.rgba.shape[1]), left, top + view.height)
        for one, place in zip(self.beside, (rows, cols), strict=True):
            self.items += one.items(Along(*place))
            for number, track in enumerate(one.strips):
                middle = place[-1] + one.offset(number) + one.track / 2 + 0.28 * self.em
                name = shortened(readable(track.name), _NAME)
                if one.side == "rows":
                    self._text(middle, top - 0.7 * self.em, name, 0.8, ink(self.dark), upright=True)
                else:
                    self._text(left - 0.7 * self.em, middle, name, 0.8, ink(self.dark), anchor="right")

    def _outlined(self, view: View, left: int, top: int) -> None:
        """Outline what is selected."""
        if self.wanted.chosen is None:
            return
        part, wide = Part.of(self.table, self.wanted.look, Chosen.of(self.table, self.wanted.chosen)), 2 * self._line
        outline = part.outline()
        sides = (("cols", view.x_range, view.width, left), ("rows", view.y_range, view.height, top))
        runs = []
        for side, (low, high), pixels, start in sides:
            at = [[start + (min(max(end, low), high) - low) * pixels / (high - low) for end in run] for run in outline.get(side, [])]
            runs.append([(first, last) for first, last in at if last > first])
        for x0, x1 in runs[0]:
            for y0, y1 in runs[1]:
                self.items += [Box(x0, y0, x1 - x0, wide, CHOSEN), Box(x0, y1 - wide, x1 - x0, wide, CHOSEN)]
                self.items += [Box(x0, y0, wide, y1 - y0, CHOSEN), Box(x1 - wide, y0, wide, y1 - y0, CHOSEN)]

    @property
    def _line(self) -> float:
        return max(1.0, self.em / 14)


def _checked(ranges: Any) -> tuple[tuple[float, float], tuple[float, float]]:
    try:
        (x0, x1), (y0, y1) = ranges
    except (TypeError, ValueError) as error:
        raise OptionError(f"view must be a View, or ranges ((x0, x1), (y0, y1)) of columns and rows, not {ranges!r}.") from error
    View((x0, x1), (y0, y1), 1, 1)
    return (float(x0), float(x1)), (float(y0), float(y1))
