"""Plain values: numbers and times in the forms that JSON holds, read strictly, with the place of whatever is wrong."""

import base64
import datetime as dt
import math
import re
import sys
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args
from urllib.parse import parse_qsl

import numpy as np

from bigview.errors import BigviewError, OptionError, closest

_UTC = re.compile(r"(?<=\d)([Zz]|[+-]00:?00)$")
_ZONED = re.compile(r"[T ]\d\d:.*[+-]\d\d(:?\d\d)?$")

_LONGEST_JSON = 1 << 24  # bytes that a query may unpack to

Ranges = tuple[tuple[Any, Any], tuple[Any, Any]]


def ranges(view: Any) -> Ranges:
    """Return a view's ranges with plain ends, checked."""
    try:
        (x0, x1), (y0, y1) = view if not hasattr(view, "x_range") else (view.x_range, view.y_range)
    except (TypeError, ValueError) as error:
        raise OptionError(f"view must be ((x0, x1), (y0, y1)), not {view!r}.") from error
    pairs = []
    for name, low, high in (("x", x0, x1), ("y", y0, y1)):
        ends = end_of(f"the {name} range", low), end_of(f"the {name} range", high)
        times = [isinstance(end, str) for end in ends]
        if all(times):
            ordered = bool(np.datetime64(ends[0]) < np.datetime64(ends[1]))
        else:
            ordered = not any(times) and ends[0] < ends[1]
        if not ordered:
            raise OptionError(f"The {name} range must be two numbers or two times, the lower one first, not {ends!r}.")
        pairs.append(ends)
    return pairs[0], pairs[1]


def end_of(what: str, value: Any) -> Any:
    """Return a finite number as Python's, a time as ISO text in UTC."""
    if isinstance(value, (np.integer, np.floating)):
        value = value.item()
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not -sys.float_info.max <= value <= sys.float_info.max:
            raise OptionError(f"{what} must be finite, not {value!r:.60}.")
        return value
    try:
        return _moment(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise OptionError(f"{what} must be numbers or times, not {value!r:.60}.") from error


def _moment(value: Any) -> str:
    if isinstance(value, str):
        text = _UTC.sub("", value.strip())
        value = dt.datetime.fromisoformat(text) if _ZONED.search(text) else np.datetime64(text)
    if getattr(value, "tzinfo", None) is not None:
        value = value.tz_convert("UTC").tz_localize(None) if hasattr(value, "tz_convert") else value.astimezone(dt.UTC).replace(tzinfo=None)
    if hasattr(value, "to_datetime64"):
        value = value.to_datetime64()
    if not isinstance(value, (np.datetime64, dt.date)):
        raise TypeError("no time")
    moment = np.datetime64(value)
    if np.isnat(moment):
        raise ValueError("no time")
    fine = np.datetime_data(moment.dtype)[0] in ("us", "ns", "ps", "fs", "as")
    text = str(moment if fine else moment.astype("M8[us]"))
    return text.rstrip("0").removesuffix(".") if "." in text else text


def plain(value: Any) -> Any:
    """Return the JSON form of a plain end."""
    return {"time": value} if isinstance(value, str) else value


def no_number(name: str) -> Any:
    """Refuse NaN and Infinity, which Python's JSON would take."""
    raise ValueError(f"{name} is not a finite number")


def built(where: str, make: Any, *values: Any) -> Any:
    """Return ``make(*values)``; an error tells where the values stand."""
    try:
        return make(*values)
    except BigviewError as error:
        raise OptionError(f"{where}: {error}") from error
    except (TypeError, ValueError, OverflowError) as error:
        raise OptionError(f"{where} is malformed: {error}.") from error


def entries_of(values: Any, where: str, known: Iterable[str]) -> dict[str, Any]:
    """Return the named entries of an object; an unknown one is refused with the list."""
    if not isinstance(values, Mapping):
        raise OptionError(f"{where} must be an object of named entries, not {values!r:.60}.")
    for name in values:
        if name not in known:
            raise OptionError(f"{where} has an unknown entry {name!r}. {closest(str(name), known)}")
    return dict(values)


def listed(entries: dict[str, Any], name: str) -> list[Any]:
    """Return a list among entries; an absent one is empty."""
    found = entries.get(name, [])
    if not isinstance(found, list):
        raise OptionError(f"{name} must be a list, not {found!r:.60}.")
    return found


def view_of(values: Any, where: str = "view") -> list[list[Any]]:
    """Return ranges from their JSON form."""
    if not isinstance(values, list) or [type(pair) for pair in values] != [list, list]:
        raise OptionError(f"{where} must be [[x0, x1], [y0, y1]], not {values!r:.60}.")
    return [[end_from(end, f"{where}[{place}]") for end in pair] for place, pair in enumerate(values)]


def end_from(value: Any, where: str) -> Any:
    """Return a plain end from its JSON form."""
    if isinstance(value, Mapping):
        moment = entries_of(value, where, ("time",)).get("time")
        if not isinstance(moment, str):
            raise OptionError(f"{where}: a time is written as text, not {moment!r:.60}.")
        return end_of(where, moment)
    if type(value) not in (int, float):
        raise OptionError(f"{where} must hold numbers or times, not {value!r:.60}.")
    return end_of(where, value)


def fits(value: Any, hint: Any) -> bool:
    """Whether a JSON value has the type of an annotation: a plain type, a choice, a pair, or one of several."""
    if hint in (None, type(None)):
        return value is None
    if hint is float:
        return type(value) in (int, float) and math.isfinite(value)
    if isinstance(hint, type) and not get_args(hint):
        return type(value) is hint
    if getattr(hint, "__origin__", None) is Literal:
        return type(value) is str and value in get_args(hint)
    if getattr(hint, "__origin__", None) is tuple:
        return isinstance(value, list) and len(value) == len(get_args(hint)) and all(map(fits, value, get_args(hint)))
    return any(fits(value, choice) for choice in get_args(hint))


def packed_link(text: str, version: int) -> str:
    """Return a text as the query of a URL, such as "spec=1.eJyrVk…"."""
    packed = zlib.compress(text.encode(errors="surrogatepass"), 9)
    return f"spec={version}." + base64.urlsafe_b64encode(packed).decode().rstrip("=")


def link_text(query: str, newest: int) -> bytes:
    """Return the text in the query of a URL; other parameters beside it are left alone."""
    found = [value for name, value in parse_qsl(query.lstrip("?#")) if name == "spec"]
    if not found:
        raise OptionError(f"There is no spec in the query {query[:80]!r}. A link from bigview has spec=….")
    version, _, packed = found[-1].partition(".")
    if not version.isdecimal() or int(version) > newest:
        raise OptionError(f"The link has version {version[:20]!r}; this bigview reads versions up to {newest}. Install a newer bigview.")
    try:
        unpack = zlib.decompressobj()
        text = unpack.decompress(base64.b64decode(packed + "=" * (-len(packed) % 4), b"-_", validate=True), _LONGEST_JSON)
        whole = unpack.eof and not unpack.unused_data
    except (ValueError, zlib.error):
        whole = False
    if not whole:
        raise OptionError("The link is cut or altered: its spec cannot be unpacked. Copy the whole link again.")
    return text
