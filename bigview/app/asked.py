"""What the control of a column asks for, as SQL, and back: a control owns the one filter that it can read."""

import re
from dataclasses import dataclass
from typing import Any, Literal

from bigview.app.stops import neat
from bigview.part import Part, Saved
from bigview.spec import Filter
from bigview.store.phrases import contains, quoted, text_of

TEXT = r"'(?:[^']|'')*'"
COLUMN = r'"(?:[^"]|"")+"'
_NUMBER = r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?"
_END = rf"{_NUMBER}|{TEXT}"
_PAST = "1e999"  # beyond all numbers but NaN, which DuckDB sorts last

Kind = Literal["range", "contains", "regex", "missing", "present"]


@dataclass(frozen=True)
class Asked:
    """What a control asks of its column.

    Attributes
    ----------
    column : str
    kind : str
        "range", "contains", "regex", "missing" or "present".
    low, high : str or None
        The ends of a range, both within it: numbers, or moments as ISO text; None where it is open.
    text : str
        What the column's text contains, or the pattern it matches.
    """

    column: str
    kind: Kind
    low: str | None = None
    high: str | None = None
    text: str = ""


def literal(value: Any) -> str:
    """Return a text or a truth value as SQL takes it."""
    return str(value).upper() if isinstance(value, bool) else text_of(str(value))


def plain_name(text: str) -> str:
    """Return the name of a column that is written in double quotes."""
    return text[1:-1].replace('""', '"')


def plain_text(text: str) -> str:
    """Return the text that is written in single quotes."""
    return text[1:-1].replace("''", "'")


def asking(asked: Asked, nan: bool = False) -> Filter:
    """Return the filter for what a control asks; `nan` says that missing values of the column may be NaN, which is no null."""
    name = quoted(asked.column)
    if asked.kind == "range":
        ends = [None if end is None else end if re.fullmatch(_NUMBER, end) else literal(end) for end in (asked.low, asked.high)]
        if None not in ends:
            return Filter(f"{name} BETWEEN {ends[0]} AND {ends[1]}")
        return Filter(f"{name} >= {ends[0]}" if ends[1] is None else f"{name} <= {ends[1]}")
    if asked.kind == "contains":
        return Filter(contains(asked.column, asked.text))
    if asked.kind == "regex":
        return Filter(f"regexp_matches({name}, {literal(asked.text)})")
    if asked.kind == "missing":
        return Filter(f"({name} IS NULL OR {name} > {_PAST})" if nan else f"{name} IS NULL")
    return Filter(f"{name} <= {_PAST}" if nan else f"{name} IS NOT NULL")


_FORMS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("missing", re.compile(rf"(?P<column>{COLUMN}) IS NULL")),
    ("missing", re.compile(rf"\((?P<column>{COLUMN}) IS NULL OR (?P=column) > {_PAST}\)")),
    ("present", re.compile(rf"(?P<column>{COLUMN}) IS NOT NULL")),
    ("present", re.compile(rf"(?P<column>{COLUMN}) <= {_PAST}")),
    ("range", re.compile(rf"(?P<column>{COLUMN}) BETWEEN (?P<low>{_END}) AND (?P<high>{_END})", re.IGNORECASE)),
    ("range", re.compile(rf"(?P<column>{COLUMN}) (?:>= (?P<low>{_END})|<= (?P<high>{_END}))", re.IGNORECASE)),
    ("contains", re.compile(rf"(?P<column>{COLUMN}) ILIKE (?P<text>{TEXT})(?P<escaped> ESCAPE '\\')?")),
    ("regex", re.compile(rf"regexp_matches\((?P<column>{COLUMN}), (?P<text>{TEXT})\)")),
)


def asked_of(part: Part) -> Asked | None:
    """Return what a filter asks of a column; None for one that `asking` does not make."""
    if isinstance(part, Saved) or len(part.sql) != 1:
        return None
    for kind, form in _FORMS:
        if found := form.fullmatch(part.sql[0]):
            entries = found.groupdict()
            low, high = (_plain_end(entries.get(end)) for end in ("low", "high"))
            text = plain_text(entries["text"]) if "text" in entries else ""
            if kind == "contains":
                within = _contained(text, bool(entries["escaped"]))
                if within is None:
                    return None
                text = within
            return Asked(plain_name(entries["column"]), kind, low, high, text)
    return None


def _plain_end(text: str | None) -> str | None:
    return plain_text(text) if text and text.startswith("'") else text


def _contained(pattern: str, escaped: bool) -> str | None:
    """Return the text that a pattern of LIKE looks for; None where it has other wildcards than one at each end."""
    if len(pattern) < 2 or pattern[0] != "%" or pattern[-1] != "%":
        return None
    inner = pattern[1:-1]
    if not escaped:
        return None if re.search("[%_]", inner) else inner
    if not re.fullmatch(r"(?:[^\\%_]|\\[\\%_])*", inner, re.DOTALL):
        return None
    return re.sub(r"\\(.)", r"\1", inner)


def told_asked(asked: Asked) -> str:
    """Return what a chip says."""
    name = asked.column
    if asked.kind == "range":
        high = None if asked.high is None else neat(asked.high)
        if asked.low is None:
            return f"{name} ≤ {high}"
        return f"{name} ≥ {asked.low}" if high is None else f"{name}: {asked.low} to {high}"
    if asked.kind == "contains":
        return f"{name} contains “{asked.text}”"
    if asked.kind == "regex":
        return f"{name} matches /{asked.text}/"
    return f"{name} is {'' if asked.kind == 'missing' else 'not '}missing"
