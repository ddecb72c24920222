"""What colours mean, in a column beside the image of a matrix: its colour bar or its categories, and those of the tracks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigview.raster.canvas import Box, Raster, Text, text_width
from bigview.raster.heat import HeatFrame
from bigview.raster.heatlegend import value_text
from bigview.raster.legend import ColorBar
from bigview.raster.palettes import ink, muted, rgb
from bigview.raster.render import readable, shortened
from bigview.raster.shade import unpacked
from bigview.raster.tracks import Track

_NAME = 24  # characters of a name
_LINE, _HEAD = 1.35, 1.7  # em: of a name, and of a title


@dataclass
class Keys:
    """A column of keys, from the top down.

    Parameters
    ----------
    left, top : float
        Where it begins, in pixels.
    bottom : float
        Where it should end: lists are cut short for that.
    em : float
        Size of the letters.
    dark : bool
    fewest : int
        Names of a list that is cut short, at least.
    columns : int
        Side by side; in the last one keys may go beyond the bottom where `free`, elsewhere those that do not fit are counted.
    wide : int
        Pixels of a column.
    free : bool
    """

    left: int
    top: float
    bottom: float
    em: float
    dark: bool
    fewest: int
    columns: int
    wide: int
    free: bool
    items: list[Box | Text | Raster] = field(default_factory=list)

    @staticmethod
    def width(em: float, category: Sequence[str], tracks: Sequence[Track]) -> int:
        """Return the pixels that a column takes: known before anything is drawn."""
        names = [*category[:60], *(name for track in tracks for name in track.labels)]
        widths = [text_width(shortened(readable(name), _NAME), 0.85 * em) + 1.5 * em for name in names]
        widths += [text_width(shortened(readable(track.name), _NAME), 0.85 * em, bold=True) for track in tracks]
        return round(max([*widths, 7.5 * em]) + 2 * em)

    @staticmethod
    def height(em: float, tracks: Sequence[Track], fewest: int) -> float:
        """Return about the pixels down to which a column reaches whose lists are cut to so many names."""
        each = (_HEAD + (0.7 + _LINE * min(len(track.labels), fewest) if track.labels else 2.6) for track in tracks)
        return em * (17 + sum(each))

    def __post_init__(self) -> None:
        self.start = self.top

    def matrix(self, made: HeatFrame, missing: bool, tracks: int) -> None:
        """Add what the cells' own colours mean."""
        if made.legend:
            fit = int((self.bottom - self.top) / (_LINE * self.em)) - 2 - tracks * (self.fewest + 2)
            self._list(made.title, [(entry.name, entry.color) for entry in made.legend], max(self.fewest, fit), len(made.legend))
        elif made.colorbar is not None:
            self._bar(made.colorbar, made.title, 26 if not tracks else 11)
        if missing and made.table is not None:
            self._missing(made.table)

    def tracks(self, tracks: Sequence[Track]) -> None:
        """Add what the colours of tracks mean."""
        room = (self.bottom - self.top + (self.columns - 1) * (self.bottom - self.start)) / self.em
        room -= sum(_HEAD + (0.7 if track.labels else 2.6) for track in tracks)
        lists = [len(track.labels) for track in tracks]
        most = max([self.fewest, *(fit for fit in range(self.fewest, 41) if sum(min(fit, size) for size in lists) * _LINE <= room)])
        for number, track in enumerate(tracks):
            tall = self.em * (_HEAD + (_LINE * min(len(track.labels), most) if track.labels else 2))
            if self.top + tall > self.bottom and self.columns > 1:
                self.columns, self.left, self.top = self.columns - 1, self.left + self.wide, self.start
            if self.top + tall > self.bottom and not self.free:
                if self.top + self.em < self.bottom:
                    self.top += self.em
                    self._text(0, f"and {len(tracks) - number} more", 0.8, muted(self.dark))
                return
            if track.labels:
                self._list(track.name, list(zip(track.labels, track.colours(self.dark), strict=False)), most, track.kinds)
            else:
                self._ramp(track)

    def _text(self, right: float, text: str, size: float, fill: str, **more: Any) -> None:
        self.items.append(Text(self.left + right * self.em, self.top, readable(text), size * self.em, fill, **more))

    def _title(self, text: str) -> None:
        self.top += self.em
        self._text(0, shortened(text, _NAME), 0.85, ink(self.dark), bold=True)
        self.top += (_HEAD - 1) * self.em

    def _list(self, title: str, entries: list[tuple[str, str]], most: int, kinds: int) -> None:
        self._title(title)
        shown = entries if kinds <= min(most + 1, len(entries)) else [*entries[: most - 1], (f"{kinds - most + 1} others", "")]
        for name, colour in shown:
            if colour:
                self.items.append(Box(self.left, round(self.top - 0.1 * self.em), round(0.9 * self.em), round(0.9 * self.em), colour))
            self.top += 0.68 * self.em
            self._text(1.4, shortened(name, _NAME), 0.85, ink(self.dark) if colour else muted(self.dark))
            self.top += (_LINE - 0.68) * self.em
        self.top += 0.7 * self.em

    def _ramp(self, track: Track) -> None:
        """Add the colours of a track of numbers, with its ends."""
        self._title(track.name)
        colours = np.rint(rgb(track.colours(self.dark)) * 255).astype(np.uint8)
        line = colours[np.arange(round(7 * self.em)) * len(colours) // round(7 * self.em)]
        self.items.append(Raster(self.left, round(self.top - 0.1 * self.em), np.repeat(line[None], max(1, round(0.8 * self.em)), axis=0)))
        self.top += 1.6 * self.em
        low, high = track.ends or (0.0, 1.0)
        self._text(0, value_text(low, high - low), 0.75, ink(self.dark))
        self._text(7, value_text(high, high - low), 0.75, ink(self.dark), anchor="right")
        self.top += self.em

    def _bar(self, bar: ColorBar, title: str, most: float) -> None:
        words, lines = title.split(), [""]
        for word in words:  # the title may be longer than the column is wide
            lines = [*lines[:-1], f"{lines[-1]} {word}".strip()] if len(lines[-1]) + len(word) < 14 else [*lines, word]
        for line in lines[:3]:
            self.top += 1.1 * self.em
            self._text(0, shortened(line, 18), 0.85, ink(self.dark), bold=True)
        start, em = round(self.top + self.em), self.em  # the first tick stands at its edge, and must not touch the title
        length = max(1, round(min(self.bottom - start - em, most * em)))
        colours = np.rint(rgb(bar.colors)[::-1] * 255).astype(np.uint8)
        rows = colours[np.arange(length) * len(colours) // length]
        self.items.append(Raster(self.left, start, np.repeat(rows[:, None, :], max(1, round(1.3 * em)), axis=1)))
        last = np.inf
        for place, text in sorted(bar.ticks):
            self.top = start + (1 - place) * length
            if last - self.top < 0.9 * em and place < 1:
                continue  # on a short bar
            last = self.top
            self.items.append(Box(self.left + round(1.3 * em), self.top - 0.5, 0.4 * em, max(1.0, em / 14), muted(self.dark)))
            self.top += 0.3 * em
            self._text(2, text, 0.8, ink(self.dark))
        self.top = start + length + 1.2 * em

    def _missing(self, table: NDArray[np.uint32]) -> None:
        """Add what missing cells look like."""
        size = max(8, round(1.1 * self.em))
        place = np.add.outer(np.arange(size), np.arange(size)) % max(4, size // 3) < max(1, size // 8)
        pair = unpacked(table[:1, 254:256])[0, :, :3]
        self.items.append(Raster(self.left, round(self.top), pair[place.astype(int)]))
        self.top += 0.9 * self.em
        self._text(1.7, "missing", 0.8, ink(self.dark))
        self.top += self.em
