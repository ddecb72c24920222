"""What is shown of a matrix, as frozen values: how its cells become colours, which part is seen, what is selected. They know no store."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, Self, get_args, get_type_hints

from bigview.errors import OptionError, TooLargeError, closest
from bigview.matrixorder import Lines, Ordering, lines_from, ordering_from
from bigview.plain import Ranges, built, entries_of, fits, link_text, no_number, packed_link, ranges, view_of
from bigview.state import LONGEST_QUERY

Agg = Literal["mean", "min", "max", "extreme", "sum", "count", "std", "mode"]
MatrixScale = Literal["linear", "log", "symlog", "quantile"]
AGGS: tuple[str, ...] = get_args(Agg)
MATRIX_SCALES: tuple[str, ...] = get_args(MatrixScale)
How = Literal["difference", "ratio", "log_ratio"]
HOWS: tuple[str, ...] = get_args(How)
PANELS = ("table", "profile", "keys")
"""What may be open beside a matrix: the window as a table, the profiles of a part, the keys."""
LONGEST_SEARCH = 200  # characters
VERSION = 1


@dataclass(frozen=True)
class MatrixStyle:
    """How the cells of a matrix become a picture.

    Attributes
    ----------
    agg : {"mean", "min", "max", "extreme", "sum", "count", "std", "mode"}
        What a pixel shows of several cells; "extreme" is the value furthest from the centre (from the mean without one), so that a lone spike
        stays visible. Categories are always shown by "mode".
    palette : str or None
        Name of a palette; None takes a diverging one where there is a centre, a sequential one elsewhere.
    scale : {"linear", "log", "symlog", "quantile"}
        How values run along the palette; "symlog" is linear about zero and logarithmic beyond, on both sides.
    center : float or None
        The value of the middle colour; the colours on both sides of it then run equally far.
    limits : (float, float) or None
        Values at the ends of the palette; None for those of the store.
    clip : float or None
        Percentile of the store's values beyond which, at both ends, colours are full; 99 by default.
    dark : bool
        Whether the background is dark.
    """

    agg: Agg = "mean"
    palette: str | None = None
    scale: MatrixScale = "linear"
    center: float | None = None
    limits: tuple[float, float] | None = None
    clip: float | None = None
    dark: bool = True

    def __post_init__(self) -> None:
        for name, known in (("agg", AGGS), ("scale", MATRIX_SCALES)):
            if getattr(self, name) not in known:
                raise OptionError(f"There is no {name} {getattr(self, name)!r} for a matrix. {closest(str(getattr(self, name)), known)}")
        if self.center is not None and not math.isfinite(self.center):
            raise OptionError(f"center must be a finite number, not {self.center!r}.")
        if self.limits is not None:
            if not (len(self.limits) == 2 and -math.inf < self.limits[0] < self.limits[1] < math.inf):
                raise OptionError(f"limits must be two finite numbers, the lower one first, not {self.limits!r}.")
            object.__setattr__(self, "limits", (float(self.limits[0]), float(self.limits[1])))
        if self.clip is not None and not 50 < self.clip <= 100:
            raise OptionError(f"clip must be a percentile above 50 and up to 100, not {self.clip!r}.")


@dataclass(frozen=True)
class MatrixSpec:
    """All that is shown of a matrix: what a link, `explore` and `render` hold.

    Parameters
    ----------
    view : ((x0, x1), (y0, y1)), optional
        Columns and rows by their places in the order shown; None: all of it.
    style : MatrixStyle, optional
    rows, cols : Ordering, optional
        None: as they are stored.
    swipe : float, optional
        Of a comparison: show the two matrices themselves, the first one at the left of this share of the map's width (0 … 1), the other one at the
        right of it. None: show their difference or ratio.
    how : {"difference", "ratio", "log_ratio"}, optional
        Of a comparison: what the cells of the two matrices become. None: as the comparison was made.
    clusters : (int or None, int or None), optional
        Into how many clusters the trees of rows and columns are cut, where they are in the order of one.
    margins : bool
        Show the mean of each row and each column of the window beside it.
    selection : (Lines or None, Lines or None), optional
        The rows and the columns that are selected; None in the pair: all of them. None: nothing is selected.
    search : str
        What names are searched for.
    panels : sequence of {"table", "profile", "keys"}
        What is open beside the matrix.
    fingerprint : str
        Of the store; "" where it is not known.

    Examples
    --------
    >>> spec = MatrixSpec(style=MatrixStyle(scale="log"), rows=Ordering("column", "lang"))
    >>> MatrixSpec.from_json(spec.to_json()) == spec == MatrixSpec.from_query(spec.to_query())
    True
    """

    view: Ranges | None = None
    style: MatrixStyle = field(default_factory=MatrixStyle)
    rows: Ordering | None = None
    cols: Ordering | None = None
    swipe: float | None = None
    how: How | None = None
    clusters: tuple[int | None, int | None] | None = None
    margins: bool = False
    selection: tuple[Lines | None, Lines | None] | None = None
    search: str = ""
    panels: tuple[str, ...] = ()
    fingerprint: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.style, MatrixStyle) or not isinstance(self.fingerprint, str):
            raise OptionError(f"A spec of a matrix takes a bigview.MatrixStyle and a fingerprint as text, not {self.style!r}.")
        for name in ("rows", "cols"):
            if not isinstance(getattr(self, name), (Ordering, type(None))):
                raise OptionError(f"{name} must be a bigview.Ordering, not {getattr(self, name)!r:.60}.")
        if self.swipe is not None and not (type(self.swipe) in (int, float) and 0 <= self.swipe <= 1):
            raise OptionError(f"swipe is where the divider stands, from 0 (left) to 1 (right), not {self.swipe!r:.60}.")
        if self.how is not None and self.how not in HOWS:
            raise OptionError(f"There is no comparison {self.how!r:.60}. {closest(str(self.how), HOWS)}")
        if self.clusters is not None:
            object.__setattr__(self, "clusters", _clusters(self.clusters))
        if not isinstance(self.margins, bool):
            raise OptionError(f"margins is True or False, not {self.margins!r:.60}.")
        if self.selection is not None:
            object.__setattr__(self, "selection", _selection(self.selection))
        if not isinstance(self.search, str) or len(self.search) > LONGEST_SEARCH:
            raise OptionError(f"search is a text of up to {LONGEST_SEARCH} characters, not {self.search!r:.60}.")
        object.__setattr__(self, "panels", _panels(self.panels))
        if self.view is not None:
            object.__setattr__(self, "view", ranges(self.view))

    def replaced(self, **changes: Any) -> Self:
        """Return the spec with other entries."""
        known = [entry.name for entry in fields(self)]
        for name in changes:
            if name not in known:
                raise OptionError(f"A spec of a matrix has no {name!r}. {closest(name, known)}")
        return replace(self, **changes)

    def to_json(self) -> str:
        """Return the spec as JSON text."""
        return json.dumps(self._plain({}), ensure_ascii=False, allow_nan=False)

    def _plain(self, kept: Mapping[Ordering, str]) -> dict[str, Any]:
        found: dict[str, Any] = {"version": VERSION}
        if self.fingerprint:
            found["fingerprint"] = self.fingerprint
        if self.view is not None:
            found["view"] = [list(pair) for pair in self.view]
        if self.swipe is not None:
            found["swipe"] = self.swipe
        if self.how is not None:
            found["how"] = self.how
        if self.clusters is not None:
            found["clusters"] = list(self.clusters)
        if self.margins:
            found["margins"] = True
        if style := _changed(self.style, MatrixStyle()):
            found["style"] = style
        if self.search:
            found["search"] = self.search
        if self.panels:
            found["panels"] = list(self.panels)
        shown = {"rows": self.rows, "cols": self.cols}
        found |= {name: ordering.plain(kept) for name, ordering in shown.items() if ordering is not None}
        if self.selection is not None:
            sides = zip(shown.items(), self.selection, strict=True)
            found["selection"] = {name: lines.plain(order, kept) for (name, order), lines in sides if lines is not None}
        return found

    @classmethod
    def from_json(cls, text: "str | bytes | Mapping[str, Any]") -> Self:
        """Return the spec that `to_json` wrote.

        Raises
        ------
        OptionError
            When an entry is unknown or malformed; the message says which, and what may be there.
        """
        try:
            values = text if isinstance(text, Mapping) else json.loads(text, parse_constant=no_number)
        except (ValueError, RecursionError) as error:
            raise OptionError(f"The spec is no JSON text: {error}.") from error
        return cls(**_read(values))

    def to_query(self, kept: Mapping[Ordering, str] | None = None) -> str:
        """Return the spec as the query of a URL, such as "spec=1.eJyrVk…".

        Parameters
        ----------
        kept : mapping of Ordering to str, optional
            Names under which orders were kept beside the store: the query carries those instead.

        Raises
        ------
        TooLargeError
            When it is over `bigview.state.LONGEST_QUERY` characters.
        """
        text = json.dumps(self._plain(kept or {}), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        query = packed_link(text, VERSION)
        if len(query) > LONGEST_QUERY:
            raise TooLargeError(
                f"The link would have {len(query):,} characters; the limit is {LONGEST_QUERY:,}. Orders by hand take the most: choose another one."
            )
        return query

    def orders(self) -> tuple[Ordering, ...]:
        """Return the orders in it, the longest first: what a link may have no room for."""
        lines = self.selection or (None, None)
        found = dict.fromkeys([self.rows, self.cols, *(one.order for one in lines if one is not None)])
        return tuple(sorted((one for one in found if one is not None), key=lambda one: one.length, reverse=True))

    @classmethod
    def from_query(cls, query: str) -> Self:
        """Return the spec in the query of a URL; other parameters beside it are left alone."""
        return cls.from_json(link_text(query, VERSION))


def _clusters(value: Any) -> tuple[int | None, int | None] | None:
    pair = tuple(value) if isinstance(value, (list, tuple)) else ()
    if len(pair) != 2 or not all(one is None or (type(one) is int and one > 0) for one in pair):
        raise OptionError(f"clusters are two whole numbers above 0, or None: of the rows and of the columns; not {value!r:.60}.")
    return None if pair == (None, None) else pair


def _selection(value: Any) -> tuple[Lines | None, Lines | None]:
    pair = tuple(value) if isinstance(value, (list, tuple)) else ()
    if len(pair) != 2 or pair == (None, None) or not all(isinstance(one, (Lines, type(None))) for one in pair):
        raise OptionError(f"selection is a pair of bigview.Lines: of the rows and of the columns; None for all of them; not {value!r:.60}.")
    return pair


def _panels(value: Any) -> tuple[str, ...]:
    names = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    for name in names:
        if name not in PANELS:
            raise OptionError(f"There is no panel {name!r:.60}. {closest(str(name), PANELS)}")
    return tuple(name for name in PANELS if name in names)


def _changed(style: MatrixStyle, usual: MatrixStyle) -> dict[str, Any]:
    found = {entry.name: value for entry in fields(style) if (value := getattr(style, entry.name)) != getattr(usual, entry.name)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


def _read(values: Any) -> dict[str, Any]:
    """Return the arguments of a spec from plain values."""
    entries = entries_of(values, "the spec", ("version", *(entry.name for entry in fields(MatrixSpec))))
    version = entries.pop("version", None)
    if type(version) is not int or not 1 <= version <= VERSION:
        raise OptionError(f"The spec has version {version!r:.60}; this bigview reads versions up to {VERSION}.")
    if entries.get("view") is not None:
        entries["view"] = view_of(entries["view"])
    entries["style"] = _style(entries.get("style", {}))
    for name in ("rows", "cols"):
        if entries.get(name) is not None:
            entries[name] = ordering_from(entries[name], name)
    if entries.get("selection") is not None:
        given = entries_of(entries["selection"], "selection", ("rows", "cols"))
        sides = ("rows", "cols")
        entries["selection"] = [lines_from(given[name], entries.get(name), f"selection.{name}") if name in given else None for name in sides]
    for name in ("search", "panels"):
        if name in entries and not isinstance(entries[name], str if name == "search" else list):
            raise OptionError(f"{name} cannot be {entries[name]!r:.60}.")
    return entries


def _style(values: Any) -> MatrixStyle:
    hints = get_type_hints(MatrixStyle)
    entries = entries_of(values, "style", hints)
    for name, value in entries.items():
        if not fits(value, hints[name]):
            raise OptionError(f"style.{name} cannot be {value!r:.60}.")
    given: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in entries.items()}
    made: MatrixStyle = built("style", lambda: MatrixStyle(**given))
    return made
