"""render() of a matrix: an image with the names of rows and columns, and the colour bar. No browser is involved."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigview.errors import OptionError, closest
from bigview.matrixspec import MatrixSpec, MatrixStyle
from bigview.raster.canvas import Box, Raster, Sheet, Text, text_width
from bigview.raster.heat import HeatFrame, HeatLook, heat_frame
from bigview.raster.heatlabels import names_at, shown_places, step_of, steps_of
from bigview.raster.heatlook import first_style, order_of
from bigview.raster.legend import ColorBar, LegendEntry
from bigview.raster.palettes import background, ink, muted, rgb
from bigview.raster.render import Picture, readable, shortened, suffix_of
from bigview.raster.shade import blended, unpacked
from bigview.spec import View
from bigview.store.matrix import MatrixTable

_KNOWN = ("view", "style", "rows", "cols", "title", "dark", "spec", "names")
_SQUARE = 2.5  # times as many columns as rows up to which cells are squares, as in the explorer
_NAME = 28  # characters of a name


@dataclass(frozen=True)
class HeatOptions:
    """What may be said about an image of a matrix besides its size."""

    look: HeatLook
    view: Any = None
    title: str | None = None
    names: bool = True

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
        asked = (spec.rows, spec.cols) if spec is not None else (None, None)
        rows = given.get("rows") if given.get("rows") is not None else order_of(table, "rows", asked[0])
        cols = given.get("cols") if given.get("cols") is not None else order_of(table, "cols", asked[1])
        view = given.get("view") if given.get("view") is not None else None if spec is None else spec.view
        return cls(HeatLook(style, rows, cols), view, given.get("title"), bool(given.get("names", True)))


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
    x0, x1, low, high = made.drawing.bounds
    top = -high
    flat = made.rgba[::-1]
    (vx0, vx1), (vy0, vy1) = view.x_range, view.y_range
    across = (vx0 + (np.arange(view.width) + 0.5) * ((vx1 - vx0) / view.width) - x0) / (x1 - x0) * flat.shape[1]
    down = (vy0 + (np.arange(view.height) + 0.5) * ((vy1 - vy0) / view.height) - top) / (-low - top) * flat.shape[0]
    cols, rows = np.floor(across).astype(int), np.floor(down).astype(int)
    inside = ((rows >= 0) & (rows < flat.shape[0]))[:, None] & ((cols >= 0) & (cols < flat.shape[1]))
    found = flat[np.clip(rows, 0, flat.shape[0] - 1)[:, None], np.clip(cols, 0, flat.shape[1] - 1)]
    return np.asarray(np.where(inside, found, np.uint32(0)))


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

    def picture(self) -> Picture:
        """Draw the matrix and lay out the rest."""
        left, over = self._gutters()
        top = (round(self.em * 4.6) if self.title else self.pad) + over
        credit = self._credit()
        bottom = round(1.9 * self.em) if credit else self.pad
        side = round(9.5 * self.em) if self.table.kind != "category" else round(16 * self.em)
        view = self.fixed or self._view(max(32, self.width - left - side), top + bottom)
        made = heat_frame(self.table, view, self.wanted.look)
        self.items.append(Raster(left, top, blended(pixels_of(made, view), background(self.dark))))
        self._heading(made)
        if self.wanted.names:
            self._rows(view, left, top)
            self._cols(view, left, top)
        at = left + view.width + self.pad
        if made.legend:
            after = self._legend(made.title, made.legend, at, top)
        else:
            after = self._bar(made.colorbar, made.title, at, top, view.height)
        if self.table.manifest.facts.get("missing"):
            self._missing(made, at, after)
        height = top + view.height + bottom if self.fixed or self.height is None else self.height
        if credit:
            self._text(self.pad, height - 0.8 * self.em, credit, 0.72, muted(self.dark))
        return Picture(made, view, left, top, Sheet(left + view.width + side, height, background(self.dark), tuple(self.items)))

    def _gutters(self) -> tuple[int, int]:
        """Return the room for the names of rows, at the left, and of columns, above."""
        if not self.wanted.names:
            return self.pad, 0
        widths = []
        for side, size in zip(("rows", "cols"), self.wanted.look.shape(self.table), strict=True):
            sample = np.unique(np.linspace(0, max(0, size - 1), min(size, 400)).astype(np.int64))
            names = names_at(self.table, self.wanted.look, side, sample) or [""]
            widths.append(max(text_width(shortened(name, _NAME), 0.8 * self.em) for name in names))
        return round(widths[0] + 2.2 * self.em), round(widths[1] + 1.6 * self.em)

    def _view(self, width: int, around: int) -> View:
        """Return the view of the map: cells are squares where there are about as many rows as columns."""
        rows, cols = self.wanted.look.shape(self.table)
        (x0, x1), (y0, y1) = _checked(self.wanted.view) if self.wanted.view is not None else ((0, max(1, cols)), (0, max(1, rows)))
        across, along = x1 - x0, y1 - y0
        square = max(across / along, along / across) <= _SQUARE
        if self.height is not None:
            return View((x0, x1), (y0, y1), width, max(32, self.height - around))
        return View((x0, x1), (y0, y1), width, max(32, round(width * along / across) if square else round(width * 0.62)))

    def _text(self, left: float, baseline: float, text: str, size: float, fill: str, **more: Any) -> None:
        self.items.append(Text(left, baseline, readable(text), size * self.em, fill, **more))

    def _heading(self, made: HeatFrame) -> None:
        if not self.title:
            return
        self._text(self.pad, 2.1 * self.em, shortened(self.title, 90), 1.6, ink(self.dark), bold=True)
        rows, cols = self.wanted.look.shape(self.table)
        facts = [f"{rows:,} × {cols:,} cells", made.title]
        for side, order in (("rows", self.wanted.look.rows), ("columns", self.wanted.look.cols)):
            if order is not None and order.title:
                facts.append(f"{side} by {order.title}")
        if max(made.cells) > 1:
            facts.append(f"1 pixel = {max(1, round(made.cells[0] * made.cells[1])):,} cells")
        self._text(self.pad, 3.7 * self.em, shortened(" · ".join(fact for fact in facts if fact), 140), 0.9, muted(self.dark))

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

    @property
    def _line(self) -> float:
        return max(1.0, self.em / 14)

    def _bar(self, bar: ColorBar | None, title: str, left: int, top: int, height: int) -> float:
        if bar is None:
            return float(top)
        words, lines = title.split(), [""]
        for word in words:  # the title may be longer than the column is wide
            lines = [*lines[:-1], f"{lines[-1]} {word}".strip()] if len(lines[-1]) + len(word) < 14 else [*lines, word]
        for number, line in enumerate(lines[:3]):
            self._text(left, top + (1 + 1.15 * number) * self.em, shortened(line, 18), 0.85, ink(self.dark), bold=True)
        start = round(top + (1.2 + 1.15 * len(lines[:3])) * self.em)
        length = max(1, round(min(height - 6 * self.em, 26 * self.em)))
        colours = np.rint(rgb(bar.colors)[::-1] * 255).astype(np.uint8)
        rows = colours[np.arange(length) * len(colours) // length]
        self.items.append(Raster(left, start, np.repeat(rows[:, None, :], max(1, round(1.3 * self.em)), axis=1)))
        for place, text in bar.ticks:
            at = start + (1 - place) * length
            self.items.append(Box(left + round(1.3 * self.em), at - 0.5, 0.4 * self.em, self._line, muted(self.dark)))
            self._text(left + 2 * self.em, at + 0.3 * self.em, text, 0.8, ink(self.dark))
        return start + length + self.em

    def _legend(self, title: str, entries: tuple[LegendEntry, ...], left: int, top: int) -> float:
        self._text(left, top + self.em, shortened(title), 1.0, ink(self.dark), bold=True)
        baseline = top + 1.5 * self.em
        for entry in entries[:40]:
            baseline += 1.55 * self.em
            self.items.append(Box(left, baseline - 0.78 * self.em, 0.9 * self.em, 0.9 * self.em, entry.color))
            self._text(left + 1.5 * self.em, baseline, shortened(entry.name), 0.9, ink(self.dark))
        return baseline + self.em

    def _missing(self, made: HeatFrame, left: int, top: float) -> None:
        """Show what missing cells look like."""
        if made.table is None:
            return
        size = max(8, round(1.1 * self.em))
        place = np.add.outer(np.arange(size), np.arange(size)) % max(4, size // 3) < max(1, size // 8)
        pair = unpacked(made.table[:1, 254:256])[0, :, :3]
        self.items.append(Raster(left, round(top), pair[place.astype(int)]))
        self._text(left + 1.7 * self.em, top + 0.9 * self.em, "missing", 0.8, ink(self.dark))


def _checked(ranges: Any) -> tuple[tuple[float, float], tuple[float, float]]:
    try:
        (x0, x1), (y0, y1) = ranges
    except (TypeError, ValueError) as error:
        raise OptionError(f"view must be a View, or ranges ((x0, x1), (y0, y1)) of columns and rows, not {ranges!r}.") from error
    View((x0, x1), (y0, y1), 1, 1)
    return (float(x0), float(x1)), (float(y0), float(y1))
