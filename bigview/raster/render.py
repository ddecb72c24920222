"""render(): an image of a store with title, and legend or colour bar. No browser is involved."""

import os
import unicodedata
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from bigview.errors import OptionError, closest
from bigview.raster.canvas import WRITERS, Box, Raster, Sheet, Text, text_width
from bigview.raster.frame import Frame, frame
from bigview.raster.legend import ColorBar, LegendEntry, number_text, round_marks
from bigview.raster.palettes import background, ink, muted, rgb
from bigview.raster.shade import blended
from bigview.spec import Filters, Style, View
from bigview.state import Spec
from bigview.store.axis import Axis
from bigview.store.manifest import Column
from bigview.store.points import PointTable
from bigview.store.saved import Selections

Ranges = tuple[tuple[Any, Any], tuple[Any, Any]]

_NAMELESS = ("x", "y", "umap", "tsne", "t-sne", "pca", "pc", "dim", "component", "embedding", "proj")
"""Beginnings of the names of axes that mean nothing in themselves; they get no labels."""
_SAME = 5.0
"""Axes of floats whose extents differ by no more than this factor are drawn to one scale."""
_LONGEST = 36  # characters of a category's name in the legend


@dataclass(frozen=True, eq=False)
class Picture:
    """A rendered image.

    Attributes
    ----------
    frame : Frame
        The map in it, pixel by pixel the one that `bigview.raster.frame.frame` gives for `view`.
    view : View
    left, top : int
        Where the map begins in the image, in pixels.
    sheet : Sheet
    """

    frame: Frame
    view: View
    left: int
    top: int
    sheet: Sheet = field(repr=False)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.sheet.width, self.sheet.height

    def save(self, path: Any) -> Path:
        """Write the image; the file appears whole or not at all.

        Parameters
        ----------
        path : path
            Its suffix, .png, .svg or .pdf, is the format.
        """
        target = Path(os.fspath(path)).expanduser()
        data = self.sheet.write(suffix_of(target))
        temporary = target.with_name(f".{target.name}.{uuid4().hex}")
        try:
            temporary.write_bytes(data)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        return target

    def _repr_png_(self) -> bytes:
        return self.sheet.write(".png")


def suffix_of(path: Path) -> str:
    """Return the suffix of an image's path, if there is a writer for it and a folder to write to."""
    suffix = path.suffix.lower()
    if suffix not in WRITERS:
        raise OptionError(f"{path.name} has no suffix that says what to write. {closest(suffix, WRITERS)}")
    if not path.parent.is_dir():
        raise OptionError(f"The folder {path.parent} does not exist; make it first.")
    return suffix


def dpi_of(given: Any) -> int | None:
    """Return pixels an inch, if that is what was given."""
    if given is not None and (isinstance(given, bool) or not isinstance(given, int) or not 10 <= given <= 10_000):
        raise OptionError(f"dpi must be a whole number of pixels an inch, 10 to 10,000 (300 for print), not {given!r}.")
    return given


def render(table: PointTable, path: Any = None, width: int = 4096, height: int | None = None, **options: Any) -> Picture:
    """Draw an image of a store.

    Parameters
    ----------
    table : PointTable
    path : path, optional
        File to write, .png, .svg or .pdf; None only returns the image.
    width, height : int
        Size of the image in pixels; the height follows from the shape of the data.
    **options
        by : str, the column that gives the colour; where : str or Filter; view : View, whose pixels the map then has exactly, or ranges
        ((x0, x1), (y0, y1)); style : Style; title : str, "" for none; dark : bool; dpi : int, pixels an inch, for the size in print; spec : Spec,
        of which the others replace parts (`where` adds to its filters); rows that are not in its selection are grey.

    Returns
    -------
    Picture
        Shows itself in Jupyter.
    """
    wanted = Options.of(options, table)
    if path is not None:
        suffix_of(Path(os.fspath(path)).expanduser())
    for name, size in (("width", width), ("height", height)):
        if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 64):
            raise OptionError(f"{name} must be a whole number of pixels, 64 or more, not {size!r}.")
    picture = _Layout(table, wanted, width, height).picture()
    if path is not None:
        picture.save(path)
    return picture


@dataclass(frozen=True)
class Options:
    """What may be said about an image besides its size."""

    style: Style
    where: Filters
    view: View | Ranges | None = None
    title: str | None = None
    dpi: int | None = None
    selected: Filters | None = None

    @classmethod
    def of(cls, given: dict[str, Any], table: PointTable) -> "Options":
        """Return the options from keywords; an unknown one is refused with the list. What a spec has under a name is looked up beside the store."""
        known = ("by", "where", "view", "style", "title", "dark", "dpi", "spec")
        for name in given:
            if name not in known:
                raise OptionError(f"render() has no option {name!r}. {closest(name, ('width', 'height', *known))}")
        spec = Spec() if given.get("spec") is None else given["spec"]
        if not isinstance(spec, Spec):
            raise OptionError(f"spec must be a bigview.Spec, not {type(spec).__name__}; Spec.from_json reads one.")
        beside = Selections(table)
        spec = beside.whole(spec)
        style: Style = given.get("style") or spec.style
        changes = {name: given[name] for name in ("by", "dark") if given.get(name) is not None}
        view = spec.view if given.get("view") is None else given["view"]
        named = beside.named(spec)
        where = Filters.of(spec.where(named), given.get("where"))
        return cls(replace(style, **changes), where, view, given.get("title"), dpi_of(given.get("dpi")), spec.selected(named))


class _Layout:
    """Where everything stands on the sheet. Sizes follow the width of the image, so that it looks alike at every size."""

    def __init__(self, table: PointTable, wanted: Options, width: int, height: int | None) -> None:
        self.table, self.wanted, self.dark = table, wanted, wanted.style.dark
        self.fixed = wanted.view if isinstance(wanted.view, View) else None
        self.width, self.height = (self.fixed.width if self.fixed else width), height
        self.em = max(9.0, self.width / 105)
        self.pad = round(self.em)
        title = wanted.title if wanted.title is not None else table.manifest.title or _name(table)
        self.title = readable(title)
        self.items: list[Box | Text | Raster] = []
        self.axes = [_labelled(axis) for axis in (table.manifest.x, table.manifest.y)]

    def picture(self) -> Picture:
        """Draw the map and lay out the rest."""
        left = round(6.5 * self.em) if self.axes[1] else self.pad
        below = round(3.2 * self.em) if self.axes[0] else round(0.4 * self.em)
        top = round(self.em * 4.6) if self.title else self.pad
        credit = self._credit()
        bottom = below + (round(1.9 * self.em) if credit else self.pad)
        side = self._side()
        view = self.fixed or self._view(max(32, self.width - left - side), top + bottom)
        shown = frame(self.table, view, self.wanted.style, self.wanted.where, self.wanted.selected)
        sheet_width = left + view.width + side
        sheet_height = top + view.height + bottom if self.fixed or self.height is None else self.height
        self.items.append(Raster(left, top, blended(shown.rgba, background(self.dark))[::-1]))
        self._heading(shown)
        if shown.legend:
            self._legend(shown, left + view.width + self.pad, top, view.height)
        elif shown.colorbar:
            self._bar(shown.colorbar, shown.title, left + view.width + self.pad, top, view.height)
        self._scales(shown, left, top, view)
        if credit:
            self._text(self.pad, sheet_height - 0.8 * self.em, credit, 0.72, muted(self.dark))
        sheet = Sheet(sheet_width, sheet_height, background(self.dark), tuple(self.items), self.wanted.dpi)
        return Picture(shown, view, left, top, sheet)

    def _side(self) -> int:
        """Width of the column with the legend or the colour bar: known before the map is drawn, from the store's own names."""
        kind = None if self.wanted.style.by is None else self.table.manifest.column(self.wanted.style.by).kind
        if kind not in ("category", "boolean"):
            return round(8.5 * self.em)
        names = [readable(str(name)) for name in self.table.reader.categories(str(self.wanted.style.by))[:60]]
        longest = max([text_width(shortened(name), 0.9 * self.em) for name in names] + [7 * self.em])
        return round(longest + 9.5 * self.em)

    def _view(self, width: int, around: int) -> View:
        """Return the view of the map: both axes to one scale where they are alike."""
        ranges = self.wanted.view or self.table.home
        (x0, x1), (y0, y1) = _checked(ranges)  # type: ignore[arg-type]
        x, y = self.table.manifest.x, self.table.manifest.y
        across, along = x.position(x1) - x.position(x0), y.position(y1) - y.position(y0)
        alike = x.kind == y.kind == "float" and across > 0 and along > 0 and max(across / along, along / across) <= _SAME
        if self.height is None:
            height = round(width * along / across) if alike else round(width * 0.62)
            return View((x0, x1), (y0, y1), width, max(32, height))
        height = max(32, self.height - around)
        if not alike:
            return View((x0, x1), (y0, y1), width, height)
        pixel = max(across / width, along / height)
        grow_x, grow_y = (pixel * width - across) / 2, (pixel * height - along) / 2
        return View((x0 - grow_x, x1 + grow_x), (y0 - grow_y, y1 + grow_y), width, height)

    def _text(self, left: float, baseline: float, text: str, size: float, fill: str, **more: Any) -> None:
        self.items.append(Text(left, baseline, readable(text), size * self.em, fill, **more))

    def _heading(self, shown: Frame) -> None:
        if not self.title:
            return
        self._text(self.pad, 2.1 * self.em, shortened(self.title, 90), 1.6, ink(self.dark), bold=True)
        facts = [f"{shown.count:,} {'selected' if self.wanted.selected else 'rows'}"]
        if self.wanted.style.by:
            facts.append(f"colour: {shown.title}")
        facts += [str(value) for kind, value in self.wanted.where.clauses if kind == "sql"]
        self._text(self.pad, 3.7 * self.em, shortened(" · ".join(facts), 140), 0.9, muted(self.dark))

    def _credit(self) -> str:
        report = self.table.manifest.report
        said = [str(report[name]) for name in ("credit", "licence") if isinstance(report.get(name), str)]
        if len(said) == 2 and said[1] in said[0]:
            said.pop()
        return shortened(" · ".join(said), 160)

    def _legend(self, shown: Frame, left: int, top: int, height: int) -> None:
        line = 1.55 * self.em
        self._text(left, top + self.em, shortened(shown.title), 1.0, ink(self.dark), bold=True)
        fit = max(1, int((height - 2 * self.em) // line))
        for number, entry in enumerate(_fitting(shown.legend, fit, muted(self.dark))):
            baseline = top + 2 * self.em + (number + 0.72) * line
            self.items.append(Box(left, baseline - 0.78 * self.em, 0.9 * self.em, 0.9 * self.em, entry.color))
            self._text(left + 1.5 * self.em, baseline, shortened(entry.name), 0.9, ink(self.dark))
            right = left - self.pad + self._side() - self.pad
            self._text(right, baseline, f"{entry.count:,}", 0.85, muted(self.dark), anchor="right")

    def _bar(self, bar: ColorBar, title: str, left: int, top: int, height: int) -> None:
        self._text(left, top + self.em, shortened(title, 24), 0.9, ink(self.dark), bold=True)
        start, length = round(top + 2.2 * self.em), round(min(height - 3 * self.em, 26 * self.em))
        colours = np.rint(rgb(bar.colors)[::-1] * 255).astype(np.uint8)
        rows = colours[np.arange(max(1, length)) * len(colours) // max(1, length)]
        self.items.append(Raster(left, start, np.repeat(rows[:, None, :], max(1, round(1.3 * self.em)), axis=1)))
        for place, text in bar.ticks:
            at = start + (1 - place) * length
            self.items.append(Box(left + round(1.3 * self.em), at - 0.5, 0.4 * self.em, max(1.0, self.em / 14), muted(self.dark)))
            self._text(left + 2 * self.em, at + 0.3 * self.em, text, 0.8, ink(self.dark))

    def _scales(self, shown: Frame, left: int, top: int, view: View) -> None:
        """Draw ticks and names of the axes that mean something."""
        line = max(1.0, self.em / 14)
        floor = top + view.height
        if self.axes[0]:
            for share, text in _ticks(self.table.manifest.x, shown.x_range):
                at = left + share * view.width
                self.items.append(Box(at - line / 2, floor, line, 0.4 * self.em, muted(self.dark)))
                self._text(at, floor + 1.4 * self.em, text, 0.8, ink(self.dark), anchor="middle")
            self._text(left + view.width / 2, floor + 2.7 * self.em, self.axes[0], 0.9, ink(self.dark), anchor="middle")
        if self.axes[1]:
            for share, text in _ticks(self.table.manifest.y, shown.y_range):
                at = floor - share * view.height
                self.items.append(Box(left - 0.4 * self.em, at - line / 2, 0.4 * self.em, line, muted(self.dark)))
                self._text(left - 0.6 * self.em, at + 0.3 * self.em, text, 0.8, ink(self.dark), anchor="right")
            self._text(1.4 * self.em, top + view.height / 2, self.axes[1], 0.9, ink(self.dark), anchor="middle", upright=True)


def _name(table: PointTable) -> str:
    return table.reader.folder.url.rstrip("/").rpartition("/")[2].removesuffix(".bv")


def _labelled(axis: Axis) -> str:
    """Return the label of an axis; empty where its name means nothing, such as "x" or "umap_1"."""
    plain = axis.column.lower().rstrip("0123456789 _-.[]()xy")
    nameless = axis.kind == "float" and (not plain or any(plain == word or plain.startswith(word + "_") for word in _NAMELESS))
    return "" if nameless else shortened(axis.column)


def _ticks(axis: Axis, span: tuple[Any, Any]) -> list[tuple[float, str]]:
    kind = {"float": "number", "integer": "integer", "datetime": "datetime"}[axis.kind]
    column = Column(axis.column, kind, f"timestamp[{axis.unit}]" if axis.unit else "double")  # type: ignore[arg-type]
    low, high = (axis.position(end) + axis.origin for end in span)
    marks = round_marks(column, low, high)
    return [((mark - low) / (high - low), number_text(column, mark, high - low)) for mark in marks]


def _checked(ranges: Ranges) -> Ranges:
    try:
        (x0, x1), (y0, y1) = ranges
    except (TypeError, ValueError) as error:
        raise OptionError(f"view must be a View, or ranges ((x0, x1), (y0, y1)), not {ranges!r}.") from error
    return (x0, x1), (y0, y1)


def _fitting(legend: tuple[LegendEntry, ...], fit: int, grey: str) -> list[LegendEntry]:
    """Return at most so many entries; what does not fit is summed."""
    if len(legend) <= fit:
        return list(legend)
    rest = legend[fit - 1 :]
    return [*legend[: fit - 1], LegendEntry("others", grey, sum(entry.count for entry in rest))]


def readable(text: str) -> str:
    """Return a text on one line without control characters."""
    return "".join(" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c)[0] != "C").strip()


def shortened(text: str, most: int = _LONGEST) -> str:
    """Return a text of at most so many characters."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
