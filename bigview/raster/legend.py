"""Legends and colour bars: what the colours of a frame stand for."""

import math
import threading
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigview.raster.palettes import STEPS, category_colours, hexes, muted, ramp
from bigview.raster.scale import Scale
from bigview.store.manifest import Column
from bigview.store.points import PointTable
from bigview.store.reader import MISSING_TIME

ENTRIES = 30
"""Categories listed by name; the others are one entry."""
CLIP = 98.0
"""Percentile of a number's values at the upper end of its colours, and 100 minus it at the lower end."""
_SAMPLED = 24
"""Row groups from which the limits of a number's colours are taken: three million rows, spread evenly over the map."""


@dataclass(frozen=True)
class LegendEntry:
    """A category in the picture: its name, its colour ("#rrggbb") and its rows there."""

    name: str
    color: str
    count: int


@dataclass(frozen=True)
class ColorBar:
    """A colour bar.

    Attributes
    ----------
    colors : tuple of str
        From its lower end to its upper end, evenly spaced.
    ticks : tuple of (float, str)
        Place, 0 … 1, and text.
    title : str
    """

    colors: tuple[str, ...]
    ticks: tuple[tuple[float, str], ...]
    title: str = ""


def of_counts(scale: Scale, palette: str, dark: bool) -> ColorBar:
    """Return the colour bar of a density; even in the logarithm of the count, or in the count for a linear scale."""
    top = max(2.0, scale.counts[-1])
    places = np.linspace(0, 1, STEPS)
    counts = 1 + places * (top - 1) if scale.mode == "linear" else top**places
    colours = ramp(palette, dark)[np.rint(scale.strength(counts) * (STEPS - 1)).astype(int)]
    marks = [1, *(m * 10**p for p in range(13) for m in (1, 2, 5) if 1 < m * 10**p < top)]
    if len(marks) > 5:
        marks = [mark for mark in marks if str(mark)[0] == "1"]
    ticks = [((mark - 1) / (top - 1) if scale.mode == "linear" else math.log(mark) / math.log(top), _count(mark)) for mark in marks]
    last = (1.0, f"≥ {_count(top)}")
    apart = [tick for tick in ticks if last[0] - tick[0] > 0.12]
    return ColorBar(tuple(hexes(colours)), tuple(_thinned([*apart, last])), "rows per pixel")


def of_numbers(column: Column, limits: tuple[float, float], palette: str, dark: bool) -> ColorBar:
    """Return the colour bar of a number column; where values lie beyond its ends the end says so."""
    low, high = limits
    inner = [mark for mark in round_marks(column, low, high) if low + 0.1 * (high - low) < mark < high - 0.1 * (high - low)]
    marks = [low, *inner, high] if high > low else [low]
    texts = [number_text(column, mark, high - low) for mark in marks]
    if column.low is not None and float(column.low) < low:
        texts[0] = f"≤ {texts[0]}"
    if column.high is not None and float(column.high) > high:
        texts[-1] = f"≥ {texts[-1]}"
    places = [(mark - low) / (high - low) if high > low else 0.5 for mark in marks]
    return ColorBar(tuple(hexes(ramp(palette, dark))), tuple(_thinned(list(zip(places, texts, strict=True)))), column.name)


def of_categories(names: Sequence[Any] | NDArray[Any], counts: NDArray[np.int64], dark: bool) -> tuple[LegendEntry, ...]:
    """Return the categories that occur, the most frequent one first, the rest as one entry; `names` and `counts` are by code."""
    occurring = int(np.count_nonzero(counts))
    if occurring <= ENTRIES + 1:
        return by_rank(names, counts, dark, ENTRIES + 1)
    listed = by_rank(names, counts, dark, ENTRIES)
    rest = int(np.sum(counts)) - sum(entry.count for entry in listed)
    return (*listed, LegendEntry(f"{occurring - ENTRIES:,} others", muted(dark), rest))


def by_rank(
    names: Sequence[Any] | NDArray[Any], counts: NDArray[np.int64], dark: bool, most: int, always: Collection[str] = ()
) -> tuple[LegendEntry, ...]:
    """Return the categories that occur, the most frequent one first: so many, and those of the names that are always wanted."""
    order = np.argsort(-counts, kind="stable")
    order = order[counts[order] > 0]
    later = [code for code in order[most:].tolist() if str(names[code]) in always] if always else []
    order = np.append(order[:most], np.array(later, order.dtype))
    colours = hexes(category_colours(len(names), dark)[order])
    return tuple(LegendEntry(str(names[code]), colour, int(counts[code])) for code, colour in zip(order.tolist(), colours, strict=True))


_limits: "OrderedDict[tuple[str, str, float], tuple[float, float]]" = OrderedDict()
_limits_lock = threading.Lock()


def number_limits(table: PointTable, column: Column, clip: float | None = None) -> tuple[float, float]:
    """Return the limits of a column's colours, in its own numbers: these percentiles of the store's values, by default 2 and 98."""
    clip = CLIP if clip is None else clip
    key = (table.manifest.fingerprint, column.name, clip)
    with _limits_lock:
        if key in _limits:
            return _limits[key]
    found = _quantiles(table, column, clip / 100)
    with _limits_lock:
        _limits[key] = found
        while len(_limits) > 1000:
            _limits.popitem(last=False)
    return found


def _quantiles(table: PointTable, column: Column, clip: float) -> tuple[float, float]:
    pages = table.reader.pages
    groups = len(pages.offsets) - 1
    if column.low is None or column.high is None or not groups:
        return 0.0, 1.0
    chosen = np.unique(np.linspace(0, groups - 1, min(groups, _SAMPLED)).astype(int))
    values = np.concatenate([_finite(pages.read(column.name, *pages.offsets[group : group + 2].tolist())) for group in chosen])
    if not len(values):
        return float(column.low), float(column.high)
    low, high = np.quantile(values, [1 - clip, clip]).tolist()
    span = float(column.high) - float(column.low)
    if high - low > 0.7 * span or high <= low:  # nothing stands far out: the extent itself makes the plainer bar
        return float(column.low), float(column.high)
    return low, high


def _finite(values: NDArray[Any]) -> NDArray[np.float64]:
    plain = values[values != MISSING_TIME] if values.dtype == np.int64 else values
    found = plain.astype(np.float64)
    return found[np.isfinite(found)]


def round_marks(column: Column, low: float, high: float) -> list[float]:
    """Return some three round numbers, or even parts for datetimes."""
    if not high > low:
        return []
    if column.kind == "datetime":
        return [low + (high - low) * part / 4 for part in (1, 2, 3)]
    raw = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
    if column.kind == "integer":
        step = max(1.0, round(step))
    first = math.ceil(low / step)
    return [number * step for number in range(first, first + 8) if number * step <= high]


def number_text(column: Column, value: float, span: float) -> str:
    """Return a value as people read it: a date, a count, or as many digits as tell it from its neighbours."""
    if column.kind == "datetime":
        unit = column.dtype.partition("[")[2].rstrip("]").split(",")[0] or "ns"
        seconds = span / {"s": 1, "ms": 1e3, "us": 1e6, "ns": 1e9}[unit]
        precision = "D" if seconds > 4 * 86400 else "m" if seconds > 600 else "s"
        return str(np.array(int(value)).astype(f"M8[{unit}]").astype(f"M8[{precision}]")).replace("T", " ")
    if value == 0:
        return "0"
    largest = max(abs(value), span)
    # So many digits that two marks differ, wherever the zero is.
    figures = 3 if span <= 0 else max(3, min(17, 2 + math.ceil(math.log10(largest / span))))
    if column.kind == "integer" and figures > 5:
        return f"{value:,.0f}"
    if largest >= 1e7 or largest < 1e-4:
        return f"{value:.{figures}g}"
    digits = 0 if column.kind == "integer" and span >= 4 else max(0, 2 - math.floor(math.log10(span))) if span > 0 else 3
    text = f"{value:,.{min(digits, 14)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _count(value: float) -> str:
    if value < 1000:
        return f"{value:.0f}"
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g} {unit}".replace(" ", "\u202f")
    return f"{value:.0f}"


def _thinned(ticks: Sequence[tuple[float, str]], most: int = 6) -> list[tuple[float, str]]:
    """Drop inner ticks until at most `most` are left."""
    if len(ticks) <= most:
        return list(ticks)
    step = -(-(len(ticks) - 1) // (most - 1))
    return [*ticks[:-1:step], ticks[-1]]
