"""The slider of a column: the values it stops at, where they lie on it, and the bars behind it."""

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigview.errors import OptionError
from bigview.store.manifest import Column

_STOPS = 400  # at most about as many as pixels
_BARS = 64
_EACH = 2_000  # whole numbers up to which the bars count each value
_SECOND = 1_000_000_000
_TIMES = [1, 10, 100, 1_000, 15_000, 60_000, 900_000, 3_600_000, 10_800_000, 21_600_000, 43_200_000]  # ms
NANOSECONDS = {"s": _SECOND, "ms": 1_000_000, "us": 1_000, "ns": 1}  # ns
_MOMENT = re.compile(r"\d{4}(?:-\d\d(?:-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)?)?)?")
_PERIODS = (4, 7, 10, 16, 19)  # characters of moments that last for a year, a month, a day, a minute or a second
_LAST = re.compile(r"(?:(?: 23:59)?:59)?\.9{3,9}$")  # of the last moment of a day, a minute or a second
_MOST = int(np.iinfo(np.int64).max)


@dataclass(frozen=True)
class Slider:
    """A slider over a column.

    Attributes
    ----------
    texts : tuple of str
        The values it stops at, ascending, as the filter and the page write them; the first and the last are the column's own extent.
    starts, ends : tuple of float
        Where they lie, 0 … 1: for the lower handle and for the upper one. A bar of a whole number lies between the two.
    bins : int
        Of the histogram behind it.
    join : int
        Whole numbers of one bar; 0 where a bar is a bin.
    """

    column: Column
    texts: tuple[str, ...]
    starts: tuple[float, ...]
    ends: tuple[float, ...]
    bins: int
    join: int

    @classmethod
    def of(cls, column: Column) -> "Slider | None":
        """Return the slider of a column of numbers or moments; None where it has no finite values."""
        if column.kind not in ("number", "integer", "datetime") or column.low is None or column.high is None:
            return None
        low, high = column.low, column.high
        if not math.isfinite(float(high) - float(low)):
            return None
        values = _stops(column)
        # Moments and whole numbers may be beyond what a float tells apart.
        exact = [Fraction(value) for value in values]
        span, join, width = int(high - low) if column.kind == "integer" else 0, 0, Fraction(high) - Fraction(low)
        if column.kind == "integer" and 0 < span <= _EACH:
            join = -(-(span + 1) // _BARS)
            width = Fraction(join * -(-(span + 1) // join))
        width = width or Fraction(1)
        starts = tuple(float((value - exact[0]) / width) for value in exact)
        ends = tuple(float((value + 1 - exact[0]) / width) for value in exact) if join else starts
        texts = tuple(written(column, value) for value in values)
        return cls(column, texts, starts, ends if len(values) > 1 else (1.0,), 2 * span if join else _BARS, join)

    @property
    def extent(self) -> tuple[str, str]:
        """The first and the last value, in brief."""
        first, last = self.texts[0], self.texts[-1]
        if self.column.kind == "datetime":
            return (first[:10], last[:10]) if first[:10] != last[:10] else (first[11:], last[11:])
        if self.column.kind == "integer":
            return first, last
        return tuple(min(text, f"{float(text):.5g}", key=len) for text in (first, last))  # type: ignore[return-value]

    def bars(self, counts: NDArray[np.int64]) -> list[int]:
        """Return the heights of the bars: the counts of the histogram's bins, or of groups of whole numbers."""
        if not self.join:
            return [int(count) for count in counts]
        # Each whole number begins a pair of bins; only the last one shares its pair with its forerunner.
        each = np.append(counts[0::2], counts[-1])
        padded = np.zeros(-(-len(each) // self.join) * self.join, np.int64)
        padded[: len(each)] = each
        return [int(count) for count in padded.reshape(-1, self.join).sum(axis=1)]

    def place(self, text: str, upper: bool) -> float:
        """Return where a value lies, as the lower end of a range or as the `upper` one."""
        places = self.ends if upper else self.starts
        if text in self.texts:
            return places[self.texts.index(text)]
        low, high = Fraction(self.column.low or 0), Fraction(self.column.high or 0)
        try:
            value = Fraction(value_of(self.column, text))
        except (OptionError, ValueError, OverflowError):
            return 1.0 if upper else 0.0
        # Fractions until it lies between the ends: a value far beyond a narrow range is no float in its measure.
        share = float(min(max((value - low) / (high - low), Fraction(0)), Fraction(1))) if high > low else 0.0
        return places[0] + share * (places[-1] - places[0])


def read(column: Column, text: str, upper: bool = False) -> str:
    """Return a value that was typed, as a filter writes it; a year, a day or a minute that is an upper end counts to its last moment.

    Raises
    ------
    OptionError
        When it is none of the column's kind.
    """
    text = text.strip()
    value = value_of(column, text)
    if column.kind == "datetime":
        if upper and len(text) in _PERIODS:
            value = value_of(column, str(np.datetime64(text.replace(" ", "T")) + 1)) - 1  # a moment counts in the unit of its text
        return written(column, value)
    return str(value) if isinstance(value, int) else _shortest(repr(value))


def neat(text: str) -> str:
    """Return an upper end as people write it: the last moment of a day is that day."""
    return _LAST.sub("", text) if ":" in text else text


def value_of(column: Column, text: str) -> int | float:
    """Return the number that a text means; for moments their count in the column's unit."""
    if column.kind == "datetime":
        try:
            moment = np.datetime64(text.replace(" ", "T")) if _MOMENT.fullmatch(text) else None
        except ValueError:
            moment = None
        if moment is None:
            raise OptionError(f"{text!r} is no date. Write it as 2024-05-31, or 2024-05-31 14:30.")
        exact = moment.astype(f"M8[{unit_of(column)}]")
        if exact.astype(moment.dtype) != moment and np.datetime_data(moment.dtype)[0] in ("Y", "M", "D", "m", "s"):
            return _MOST if moment > np.datetime64(0, "s") else -_MOST  # beyond what the unit counts
        return int(exact.astype(np.int64))
    if re.fullmatch(r"[-+]?\d+", text) and len(text) < 20:
        return int(text)
    try:
        number = float(text) if re.fullmatch(r"[-+0-9.eE]+", text) else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise OptionError(f"{text!r} is no number. Write it as 1234.5 or 1e6.")
    return number


def unit_of(column: Column) -> Any:
    """Return the unit in which the moments of a column are counted, such as "us"."""
    return column.dtype.partition("[")[2].rstrip("]").split(",")[0] or "ns"


def written(column: Column, value: Any) -> str:
    """Return a number or, by its count in the column's unit, a moment, as a filter writes it."""
    if column.kind == "datetime":
        text = str(np.datetime_as_string(np.datetime64(int(value), unit_of(column)))).replace("T", " ")
        return (text.rstrip("0").rstrip(".") if "." in text else text).removesuffix(" 00:00:00")
    if column.kind == "integer":
        return str(int(value))
    # The shortest text that gives this very number.
    return _shortest(str(np.float32(value)) if column.dtype == "float" else repr(float(value)))


def _shortest(text: str) -> str:
    return text.removesuffix(".0")


def _stops(column: Column) -> list[Any]:
    low, high = column.low or 0, column.high or 0
    if high <= low:
        return [low]
    step = _step(column, high - low)
    first, last = math.floor(Fraction(low) / step) + 1, math.ceil(Fraction(high) / step) - 1
    between = [number * step for number in range(first, last + 1)]
    whole = column.kind != "number"
    return [low, *(int(value) if whole else float(value) for value in between), high]


def _step(column: Column, span: int | float) -> Fraction:
    """Return a round distance of stops."""
    least = Fraction(span) / _STOPS
    if column.kind == "datetime":
        unit = NANOSECONDS[unit_of(column)]
        steps = [Fraction(step * 1_000_000, unit) for step in _TIMES]
        fits = next((step for step in steps if step >= max(least, Fraction(1)) and step.denominator == 1), None)
        return fits or _round(least / Fraction(86_400 * _SECOND, unit)) * Fraction(86_400 * _SECOND, unit)
    step = _round(least)
    return max(step, Fraction(1)) if column.kind == "integer" else step


def _round(least: Fraction) -> Fraction:
    """Return the least of 1, 2 and 5 times a power of ten that is not less."""
    power = Fraction(10) ** (math.floor(math.log10(least)) if least > 0 else 0)
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least)
