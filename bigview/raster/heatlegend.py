"""Colours of matrices, and the colour bar that says what they mean."""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bigview.matrixspec import MatrixStyle
from bigview.raster.heatscale import MISSING, TONES, HeatScale, Spread
from bigview.raster.legend import ColorBar, number_text, round_marks
from bigview.raster.palettes import DEFAULTS, STEPS, background, category_colours, hexes, muted, oklab, ramp, rgb, srgb
from bigview.raster.shade import packed
from bigview.raster.tones import HUES
from bigview.store.manifest import Column
from bigview.store.matrix import MatrixTable

_NUMBER = Column("", "number", "double")
_APART = 0.11  # of the bar's length, between two ticks


def palette_of(style: MatrixStyle) -> str:
    """Return the palette that a style stands for."""
    return style.palette or DEFAULTS["numbers" if style.center is None else "diverging"]


@lru_cache(maxsize=64)
def heat_table(palette: str, dark: bool) -> NDArray[np.uint32]:
    """Return the colours of the tones of values, shape (1, 256)."""
    table = np.zeros((1, 256), np.uint32)
    table[0, 1 : TONES + 1] = packed(ramp(palette, dark)[_steps()])
    table[0, list(MISSING)] = _missing(dark)
    table.setflags(write=False)
    return table


def painted(table: NDArray[np.uint32], colours: NDArray[np.float64]) -> NDArray[np.uint32]:
    """Return the table of values' tones in other colours, as many as a palette has; what is missing stays as it is."""
    made = table.copy()
    made[0, 1 : TONES + 1] = packed(colours[_steps()])
    return made


@lru_cache(maxsize=32)
def category_heat_table(categories: int, dark: bool) -> NDArray[np.uint32]:
    """Return the colours of the most frequent category of a pixel, shape (hues, 256): tone 1 + share of it in 252 steps."""
    colours = oklab(category_colours(max(1, min(categories, HUES)), dark))[:, None, :]
    grey = oklab(rgb([muted(dark)]))[0]
    share = 0.25 + 0.75 * np.linspace(0, 1, TONES)[:, None] ** 0.8
    table = np.zeros((len(colours), 256), np.uint32)
    table[:, 1 : TONES + 1] = packed(srgb(grey + (colours - grey) * share))
    table[:, list(MISSING)] = _missing(dark)
    table.setflags(write=False)
    return table


def like_cells(table: MatrixTable, labels: Sequence[str], colours: list[str], dark: bool) -> list[str]:
    """Return the colours of a track of categories beside a matrix of the same categories: those of its cells; else as they are.

    Parameters
    ----------
    table : MatrixTable
    labels : sequence of str
        Names that the track's colours stand for, one by one; none for numbers.
    colours : list of str
        The track's own, which may be more.
    dark : bool
    """
    codes = {name: code for code, name in enumerate(table.manifest.categories)}
    if not labels or not codes.keys() >= set(labels):
        return colours
    known = hexes(category_colours(len(codes), dark))
    return [*(known[codes[label]] for label in labels), *colours[len(labels) :]]


def _steps() -> NDArray[np.intp]:
    return np.rint(np.linspace(0, STEPS - 1, TONES)).astype(np.intp)


def _missing(dark: bool) -> NDArray[np.uint32]:
    """Return the two colours of the stripes of what is missing: greys near the background, which no palette has side by side."""
    ground, grey = oklab(rgb([background(dark), muted(dark)]))
    return packed(srgb(ground + (grey - ground) * np.array([[0.12], [0.4]])))


def heat_bar(scale: HeatScale, palette: str, spread: Spread, title: str, dark: bool) -> ColorBar:
    """Return the colour bar of a scale: the colours it gives to values, evenly spaced as the scale runs.

    Where values lie beyond an end the end says so.
    """
    colours = tuple(hexes(ramp(palette, dark)[_steps()]))
    marks = [scale.low, *_marks(scale), scale.high]
    places = scale.place(np.array(marks)).tolist()
    kept = _apart(list(zip(places, marks, strict=True)), scale.center)
    texts = [value_text(mark, _nearest(kept, mark)) for _, mark in kept]
    if spread.low < scale.low:
        texts[0] = f"≤ {texts[0]}"
    if spread.high > scale.high:
        texts[-1] = f"≥ {texts[-1]}"
    return ColorBar(colours, tuple((place, text) for (place, _), text in zip(kept, texts, strict=True)), title)


def _marks(scale: HeatScale) -> list[float]:
    """Return values to be named between the ends."""
    if scale.mode == "linear":
        found = round_marks(_NUMBER, scale.low, scale.high)
    elif scale.mode == "quantile":
        found = scale.value(np.array([0.25, 0.5, 0.75])).tolist()
    else:
        top = max(abs(scale.low), abs(scale.high))
        least = scale.threshold if scale.mode == "symlog" else scale.low
        powers = [10.0**power for power in range(math.floor(math.log10(top)), math.floor(math.log10(least)) - 1, -1)]
        found = [*powers, 0.0, *(-power for power in powers)] if scale.mode == "symlog" else powers
    marks = [mark for mark in found if scale.low < mark < scale.high]
    return sorted({*marks, scale.center} if scale.center is not None and scale.low < scale.center < scale.high else marks)


def _apart(marks: list[tuple[float, float]], center: float | None) -> list[tuple[float, float]]:
    """Return the marks that have room: the ends, the middle, then whatever lies apart from those before."""
    wanted = [marks[0], marks[-1], *(mark for mark in marks[1:-1] if mark[1] == center)]
    for mark in sorted(marks[1:-1], key=lambda mark: (_roundness(mark[1]), -mark[0])):
        if all(abs(mark[0] - other[0]) >= _APART for other in wanted):
            wanted.append(mark)
    return sorted(set(wanted))


def _roundness(value: float) -> int:
    """Return the number of digits of a value: the fewer, the better a mark it makes."""
    return len(f"{abs(value):.6g}".strip("0.").replace(".", ""))


def _nearest(marks: list[tuple[float, float]], value: float) -> float:
    return min((abs(value - other) for _, other in marks if other != value), default=0.0)


def value_text(value: float, apart: float = 0.0, whole: bool = False) -> str:
    """Return a value of a cell as people read it.

    Parameters
    ----------
    value : float
    apart : float
        How far the next value lies from which it must be told; 0 gives four digits.
    whole : bool
        Whether values are whole numbers.
    """
    if not math.isfinite(value):
        return "missing" if math.isnan(value) else "∞" if value > 0 else "−∞"
    if whole and abs(value) < 1e15 and value == round(value):
        return f"{value:,.0f}"
    if apart > 0:
        return _unsigned(number_text(_NUMBER, value, 4 * apart))
    size = abs(value)
    if size and (size >= 1e7 or size < 1e-3):
        return f"{value:.3g}"
    digits = 0 if size >= 1000 else max(0, 3 - len(str(int(size)))) if size >= 1 else 3
    text = f"{value:,.{digits}f}"
    return _unsigned(text.rstrip("0").rstrip(".") if "." in text else text)


def _unsigned(text: str) -> str:
    """Return a number's text; what is rounded to nothing has no sign."""
    return "0" if text in ("-0", "−0") else text
