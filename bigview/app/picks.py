"""Filters that the page makes and tells: categories picked in the legend, and chips."""

import re
from collections.abc import Sequence
from typing import Any

from bigview.app.asked import COLUMN, TEXT, asked_of, literal, plain_name, plain_text, told_asked
from bigview.part import Part, Saved
from bigview.spec import Filter
from bigview.store.phrases import quoted
from bigview.store.points import PointTable

_ONE = rf"(?:{TEXT}|TRUE|FALSE)"
_PICKED = re.compile(rf"({COLUMN}) IN \(({_ONE}(?:, {_ONE})*)\)")


def picking(column: str, names: Sequence[Any]) -> Filter:
    """Return the filter for the rows of some categories."""
    return Filter(f"{quoted(column)} IN ({', '.join(literal(name) for name in names)})")


def picked(column: str, filters: Sequence[Part]) -> tuple[str, ...]:
    """Return the categories of a column that a filter made by `picking` lets through; none where there is no such filter."""
    place = place_of(column, filters)
    return () if place is None else _names(filters[place])[1]


def place_of(column: str, filters: Sequence[Part]) -> int | None:
    """Return where in the filters the picks of a column are."""
    return next((place for place, part in enumerate(filters) if _names(part)[0] == column), None)


def column_of(part: Part) -> str | None:
    """Return the column whose control can show a filter; None where none can."""
    asked = asked_of(part)
    return _names(part)[0] if asked is None else asked.column


def toggled(column: str, name: str, filters: Sequence[Part], also: bool, boolean: bool = False) -> tuple[Part, ...]:
    """Return the filters after a category was clicked: only that one, or, with `also`, it besides those picked before; a second click lets go."""
    place, before = place_of(column, filters), picked(column, filters)
    if also:
        wanted = [one for one in before if one != name] if name in before else [*before, name]
    else:
        wanted = [] if before == (name,) else [name]
    kept = [part for number, part in enumerate(filters) if number != place]
    if not wanted:
        return tuple(kept)
    at = len(kept) if place is None else place
    return (*kept[:at], picking(column, [one == "True" for one in wanted] if boolean else wanted), *kept[at:])


def _names(part: Part) -> tuple[str | None, tuple[str, ...]]:
    """Return column and categories of a filter made by `picking`."""
    if isinstance(part, Saved) or len(part.sql) != 1 or not (found := _PICKED.fullmatch(part.sql[0])):
        return None, ()
    texts = re.findall(_ONE, found.group(2))
    names = tuple(plain_text(text) if text.startswith("'") else text.capitalize() for text in texts)
    return plain_name(found.group(1)), names


def told(part: Part) -> str:
    """Return what a chip says."""
    if isinstance(part, Saved):
        return part.name
    column, names = _names(part)
    if column is not None:
        names = tuple(_TRUTH.get(name, name) for name in names) if isinstance(part, Filter) and not part.sql[0].endswith("')") else names
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")
        return f"{column}: {shown}"
    asked = asked_of(part)
    if asked is not None:
        return told_asked(asked)
    if part.polygon:
        return f"inside a lasso of {len(part.polygon):,} corners"
    if part.rows is not None:
        return f"{len(part.rows.ids):,} rows"
    if part.split is not None:
        return f"part {part.split[0] + 1} of {part.split[1]}, by hash"
    return ranged(part.sql[0]) if part.sql else "every row"


def spoken_names(table: PointTable, column: str, names: Sequence[str]) -> list[str]:
    """Return the names of a column's values as people say them: yes and no of truth values."""
    return [_TRUTH.get(name, name) for name in names] if table.columns[column] == "boolean" else list(names)


_TRUTH = {"True": "yes", "False": "no"}
_NUMBER = r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?"
_RANGE = re.compile(rf'("(?:[^"]|"")+") (?:BETWEEN|>=) ({_NUMBER}) AND (?:\1 < )?({_NUMBER})')
_DATES = re.compile(r"""("(?:[^"]|"")+") (?:BETWEEN|>=) '([-\d :.]+)' AND (?:\1 < )?'([-\d :.]+)'""")


def ranged(text: str) -> str:
    """Return an expression with the ranges of its numbers and dates as people write them."""
    text = _DATES.sub(lambda found: f"{found[1][1:-1]}: {found[2]} – {found[3]}", text)
    return _RANGE.sub(lambda found: f"{found[1][1:-1]}: {float(found[2]):.4g} – {float(found[3]):.4g}", text)
