"""The frozen values that cross layers: what to look at, which rows, how to draw them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from bigview.config import limits
from bigview.errors import OptionError, TooLargeError, ViewError

Range = tuple[Any, Any]


@dataclass(frozen=True)
class View:
    """A viewport: a rectangle of data space and its size in pixels.

    Parameters
    ----------
    x_range, y_range : (low, high)
        Half-open ranges, low ≤ x < high. Numbers, or datetimes (NumPy, pandas, standard library, ISO text) where the axis holds datetimes.
    width, height : int
        Pixels.

    Raises
    ------
    ViewError
        When a range is inverted, has no size or is not finite, or the size is not a positive whole number.
    """

    x_range: Range
    y_range: Range
    width: int = 900
    height: int = 600

    def __post_init__(self) -> None:
        for name in ("x_range", "y_range"):
            object.__setattr__(self, name, _checked_range(name, getattr(self, name)))
        for name in ("width", "height"):
            size = getattr(self, name)
            if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
                raise ViewError(f"{name} must be a whole number of pixels, 1 or more, not {size!r}.")
            object.__setattr__(self, name, int(size))
        if self.width * self.height > limits().max_pixels:
            raise TooLargeError(
                f"A view of {self.width} × {self.height} pixels is over the limit of {limits().max_pixels:,} pixels; "
                f"{math.isqrt(limits().max_pixels)} × {math.isqrt(limits().max_pixels)} would fit."
            )

    def resized(self, width: int, height: int) -> Self:
        """Return the same ranges with another size in pixels."""
        return replace(self, width=width, height=height)


def _checked_range(name: str, value: Any) -> Range:
    try:
        low, high = value
    except (TypeError, ValueError) as error:
        raise ViewError(f"{name} must be a pair (low, high), not {value!r}.") from error
    low, high = _plain(low), _plain(high)
    try:
        finite = all(not isinstance(end, float) or math.isfinite(end) for end in (low, high))
        ordered = bool(low < high)
    except TypeError as error:
        raise ViewError(f"{name} mixes kinds of values: {low!r} and {high!r}.") from error
    if not finite or np.any([isinstance(end, np.datetime64) and np.isnat(end) for end in (low, high)]):
        raise ViewError(f"{name} must be finite, not ({low!r}, {high!r}).")
    if not ordered:
        kind = "has no size" if low == high else "is inverted"
        raise ViewError(f"{name} {kind}: ({low!r}, {high!r}). The first number must be the smaller one.")
    return (low, high)


def _plain(end: Any) -> Any:
    """NumPy numbers become Python's, so that equal views hash alike."""
    return end.item() if isinstance(end, (np.floating, np.integer)) else end


@dataclass(frozen=True)
class Filter:
    """Which rows: a conjunction of clauses, each of which may be absent.

    Parameters
    ----------
    sql : str or sequence of str
        SQL boolean expressions over the store's columns.
    polygon : sequence of (x, y)
        Rows inside the polygon (even-odd rule), in data coordinates.
    rows : sequence of int
        Rows by `__row`.
    split : (part, parts) or (part, parts, seed)
        A share of the rows chosen by a hash of `__row`: part 0 … parts − 1.

    Examples
    --------
    >>> Filter("zipf > 3") & Filter("lang = 'de'")
    Filter(sql=('zipf > 3', "lang = 'de'"))
    """

    sql: tuple[str, ...] = ()
    polygon: tuple[tuple[Any, Any], ...] = ()
    rows: "RowSet | None" = None
    split: tuple[int, int, int] | None = None

    def __init__(
        self,
        sql: str | Sequence[str] = (),
        polygon: Sequence[tuple[Any, Any]] | NDArray[Any] | None = None,
        rows: "Iterable[int] | RowSet | None" = None,
        split: Sequence[int] | None = None,
    ) -> None:
        texts = (sql,) if isinstance(sql, str) else tuple(sql)
        object.__setattr__(self, "sql", tuple(text.strip() for text in texts if text.strip()))
        corners = _corners(() if polygon is None else polygon)
        if corners and len(corners) < 3:
            raise OptionError(f"A polygon needs three corners or more; this one has {len(corners)}.")
        object.__setattr__(self, "polygon", corners)
        object.__setattr__(self, "rows", rows if rows is None or isinstance(rows, RowSet) else RowSet.of(rows))
        object.__setattr__(self, "split", None if split is None else _checked_split(split))

    def __and__(self, other: "Filter") -> "Filters":
        return Filters.of(self, other)

    def __bool__(self) -> bool:
        return bool(self.sql or self.polygon or self.rows is not None or self.split is not None)

    def __repr__(self) -> str:
        parts = [f"{name}={getattr(self, name)!r}" for name in ("sql", "polygon", "rows", "split") if getattr(self, name) not in ((), None)]
        return f"Filter({', '.join(parts)})"


def _corners(polygon: Sequence[tuple[Any, Any]] | NDArray[Any]) -> tuple[tuple[Any, Any], ...]:
    if isinstance(polygon, np.ndarray) and polygon.dtype.kind in "fiu":
        return tuple((px, py) for px, py in polygon.tolist())
    return tuple((_plain(px), _plain(py)) for px, py in polygon)


def _checked_split(split: Sequence[int]) -> tuple[int, int, int]:
    part, parts, seed = (*split, 0)[:3]
    if not 0 <= part < parts:
        raise OptionError(f"A split must be (part, parts) with 0 ≤ part < parts, not {tuple(split)!r}.")
    return int(part), int(parts), int(seed)


@dataclass(frozen=True, eq=False)
class RowSet:
    """A set of `__row` numbers, sorted; hashable by its content."""

    ids: NDArray[np.int64]
    digest: str

    @classmethod
    def of(cls, ids: Iterable[int]) -> Self:
        """Return the set of the given numbers."""
        array = np.array(ids if isinstance(ids, (np.ndarray, list, tuple)) else list(ids), np.int64).ravel()
        if not (array[1:] > array[:-1]).all():  # np.unique takes ten times as long as the sort, also where nothing is to be sorted
            array.sort()
            array = array[np.append(True, array[1:] != array[:-1])]
        array.setflags(write=False)
        return cls(array, blake2b(array.tobytes(), digest_size=16).hexdigest())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RowSet) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"<{len(self.ids):,} rows {self.digest[:8]}>"


Clause = tuple[Literal["sql", "polygon", "rows", "split", "steps"], Any]
Op = Literal["add", "subtract", "intersect"]


@dataclass(frozen=True)
class Filters:
    """A conjunction in its normal form: distinct clauses, in a fixed order."""

    clauses: tuple[Clause, ...] = ()

    @classmethod
    def of(cls, *conditions: "str | Filter | Filters | None") -> Self:
        """Return the conjunction of SQL texts and filters; None stands for "every row"."""
        clauses: dict[Clause, None] = {}
        for condition in conditions:
            if condition is None:
                continue
            if isinstance(condition, Filters):
                clauses.update(dict.fromkeys(condition.clauses))
                continue
            if not isinstance(condition, (str, Filter)):
                raise OptionError(f"`where` takes an SQL expression or a bigview.Filter, not {type(condition).__name__}.")
            entry = Filter(condition) if isinstance(condition, str) else condition
            clauses.update(dict.fromkeys(("sql", text) for text in entry.sql))
            for name in ("polygon", "rows", "split"):
                if getattr(entry, name) not in ((), None):
                    clauses[(name, getattr(entry, name))] = None
        return cls(tuple(sorted(clauses, key=_rank)))

    @classmethod
    def stepwise(cls, steps: "Iterable[tuple[Op, str | Filter | Filters]]") -> Self:
        """Return the rows that steps lead to, from none (from all, where the first one subtracts or intersects)."""
        made = tuple((op, Filters.of(part)) for op, part in steps)
        if not made:
            return cls()
        return cls(made[0][1].clauses) if len(made) == 1 and made[0][0] != "subtract" else cls((("steps", made),))

    def __and__(self, other: "str | Filter | Filters") -> "Filters":
        return Filters.of(self, other)

    def __bool__(self) -> bool:
        return bool(self.clauses)


def _rank(clause: Clause) -> tuple[str, str, int]:
    """The place of a clause among others. Polygons may have 100,000 corners, whose text would take a tenth of a second."""
    kind, value = clause
    return (kind, repr((len(value), value[:8])), hash(value)) if kind == "polygon" else (kind, repr(value), 0)


Where = str | Filter | Filters | None


class Histogram(NamedTuple):
    """Counts of a column's values in equal bins.

    Attributes
    ----------
    edges : ndarray, shape (bins + 1,)
        Half-open bins; the last one includes its upper edge.
    counts : ndarray of int64, shape (bins,)
    missing : int
        Rows without a finite value.
    """

    edges: NDArray[Any]
    counts: NDArray[np.int64]
    missing: int


class Cross(NamedTuple):
    """Counts of two columns' values together.

    Attributes
    ----------
    first, second : ndarray
        Of a number or datetime the edges of its n equal bins, shape (n + 1,), as in `Histogram`; of a category or boolean its most frequent
        values, shape (n,), the last of which is None where all others are counted together.
    counts : ndarray of int64, shape (n of the first, n of the second)
    missing : int
        Rows without a finite value in one of the two.
    """

    first: NDArray[Any]
    second: NDArray[Any]
    counts: NDArray[np.int64]
    missing: int


@dataclass(frozen=True)
class By:
    """Counts by category; see `by`."""

    column: str
    top: int | None = None


@dataclass(frozen=True)
class Dominant:
    """The most frequent category of each pixel; see `dominant`."""

    column: str


def by(column: str, top: int | None = None) -> By:
    """Return the reduction "count of each category".

    Parameters
    ----------
    column : str
        A category or boolean column.
    top : int, optional
        Keep the most frequent ones in the store and sum the rest as "other".
    """
    if top is not None and top < 1:
        raise OptionError(f"top must be 1 or more, not {top!r}.")
    return By(column, top)


def dominant(column: str) -> Dominant:
    """Return the reduction "most frequent category": its code, its count and the total, for any number of categories."""
    return Dominant(column)


@dataclass(frozen=True)
class Style:
    """How a grid becomes a picture.

    Attributes
    ----------
    by : str or None
        Column that gives the colour: a category (most frequent one, strength by density) or a number (mean). None: density.
    palette : str or None
        Name of a palette; None takes a good one for the kind of picture and the theme.
    scale : {"eq_hist", "log", "linear"}
        How counts become strength.
    dark : bool
        Whether the background is dark.
    mix : bool
        Mix the colours of the categories of a pixel instead of taking the most frequent one.
    spread : int or None
        Radius in pixels to which lone points grow; None chooses by density.
    clip : float or None
        Percentile beyond which colours are full: of the occupied pixels for a density (99.98 by default), of the values, at both ends, for a
        number (98).
    gain : float
        A density takes each count as so many times as large: how a person rescales the colours to what is in view.
    limits : (float, float) or None
        Values at the ends of the colours of a number; None for those of the store.
    """

    by: str | None = None
    palette: str | None = None
    scale: Literal["eq_hist", "log", "linear"] = "eq_hist"
    dark: bool = True
    mix: bool = False
    spread: int | None = None
    clip: float | None = None
    gain: float = 1.0
    limits: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.clip is not None and not 50 < self.clip <= 100:
            raise OptionError(f"clip must be a percentile above 50 and up to 100, not {self.clip!r}.")
        if not 0 < self.gain < math.inf:
            raise OptionError(f"gain must be a number above 0, not {self.gain!r}.")
        if self.limits is not None and not (len(self.limits) == 2 and -math.inf < self.limits[0] < self.limits[1] < math.inf):
            raise OptionError(f"limits must be two finite numbers, the lower one first, not {self.limits!r}.")
        if self.scale not in ("eq_hist", "log", "linear"):
            raise OptionError(f"scale must be 'eq_hist', 'log' or 'linear', not {self.scale!r}.")
