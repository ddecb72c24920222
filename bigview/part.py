"""A part of a spec: a filter of one clause, or a selection that is saved beside the store; and the plain form in which JSON holds it."""

import json
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from bigview.errors import OptionError, TooLargeError
from bigview.plain import built, end_from, end_of, entries_of, plain
from bigview.spec import Filter, RowSet

_KEPT = "link"  # what names begin with under which something was kept for a link
_MOST_ROWS = 100_000  # rows by number in a spec; more are saved under a name


@dataclass(frozen=True)
class Saved:
    """A selection saved beside the store.

    Attributes
    ----------
    name : str
    digest : str
        Of its content (`digest`), so that a changed selection of the same name is noticed.
    """

    name: str
    digest: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip() or not isinstance(self.digest, str):
            raise OptionError(f"A saved selection has a name and a digest, both texts, not {self.name!r} and {self.digest!r}.")


Part = Filter | Saved


def digest(part: Filter) -> str:
    """Return a short digest of the content of a filter."""
    return digest_of_text(part.rows.digest if part.rows is not None else json.dumps(part_plain(part), ensure_ascii=False))


def digest_of_text(text: str) -> str:
    """Return a short digest of a text."""
    return blake2b(text.encode(errors="surrogatepass"), digest_size=8).hexdigest()


def kept_name(digest: str) -> str:
    """Return the name under which what has no room in a link is kept, by its digest: the same content has the same name."""
    return f"{_KEPT} {digest}"


def kept_for_link(part: Saved) -> bool:
    """Tell whether a saved selection was kept for a link, and not named by a person."""
    return part.name == kept_name(part.digest)


def size_of(part: Filter) -> int:
    """Return the number of rows or corners of a part."""
    return len(part.rows.ids) if part.rows is not None else len(part.polygon)


def told(part: Filter) -> str:
    """Return what an area or a set of rows is, in words."""
    return f"{size_of(part):,} rows" if part.rows is not None else f"a polygon of {size_of(part):,} corners"


def parts_of(given: Any) -> list[Part]:
    """Return the clauses of a condition, each by itself."""
    if isinstance(given, Saved):
        return [given]
    entry = Filter(given) if isinstance(given, str) else given
    if not isinstance(entry, Filter):
        raise OptionError(f"A filter is an SQL expression, a bigview.Filter or a saved selection, not {given!r}.")
    found: list[Part] = [Filter(sql) for sql in entry.sql]
    if entry.polygon:
        found.append(Filter(polygon=[(end_of("a corner", x), end_of("a corner", y)) for x, y in entry.polygon]))
    if entry.rows is not None:
        found.append(Filter(rows=entry.rows))
    if entry.split is not None:
        found.append(Filter(split=entry.split))
    return found


def part_plain(part: Part) -> dict[str, Any]:
    """Return the JSON form of a part."""
    if isinstance(part, Saved):
        return {"saved": part.name, "digest": part.digest}
    if part.polygon:
        return {"polygon": [[plain(x), plain(y)] for x, y in part.polygon]}
    if part.rows is not None:
        if len(part.rows.ids) > _MOST_ROWS:
            raise TooLargeError(f"A spec holds up to {_MOST_ROWS:,} rows by number, not {len(part.rows.ids):,}. Save them as a named selection.")
        return {"rows": part.rows.ids.tolist()}
    if part.split is not None:
        return {"split": list(part.split)}
    return {"sql": part.sql[0]}


def part_from(values: Any, where: str) -> Part:
    """Return a part from its JSON form, read strictly; `where` tells where it stands."""
    kinds = ("sql", "polygon", "rows", "split", "saved")
    entries = entries_of(values, where, (*kinds, "digest"))
    named = [name for name in kinds if name in entries]
    if len(named) != 1 or ("digest" in entries and named != ["saved"]):
        raise OptionError(f"{where} must have one of {', '.join(kinds)}, not {list(entries)!r:.60}.")
    kind, value = named[0], entries[named[0]]
    if kind == "saved":
        made: Part = built(where, Saved, value, entries.get("digest", ""))
        return made
    where = f"{where}.{kind}"
    if kind == "sql":
        if not isinstance(value, str) or not value.strip():
            raise OptionError(f"{where} must be an expression, not {value!r:.60}.")
        return Filter(value)
    if not isinstance(value, list):
        raise OptionError(f"{where} must be a list, not {value!r:.60}.")
    if kind == "polygon":
        if not all(isinstance(corner, list) and len(corner) == 2 for corner in value) or not value:
            raise OptionError(f"{where} must be a list of [x, y], not {value!r:.60}.")
        corners: list[Any] = [[end_from(end, f"{where}[{place}]") for end in corner] for place, corner in enumerate(value)]
        polygon: Filter = built(where, lambda: Filter(polygon=corners))
        return polygon
    if any(type(number) is not int for number in value):
        raise OptionError(f"{where} must be a list of whole numbers, not {value!r:.60}.")
    numbers: Filter = built(where, lambda: Filter(rows=RowSet.of(value)) if kind == "rows" else Filter(split=value))
    return numbers
