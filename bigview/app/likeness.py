"""Everything like this row: what of a record others may have in common, and the filter for those that have it."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from bigview.app.asked import Asked, asking
from bigview.app.picks import column_of, picking
from bigview.app.record import spoken
from bigview.app.stops import NANOSECONDS, unit_of, written
from bigview.errors import InputError, OptionError
from bigview.part import Part
from bigview.spec import Filter, Filters, Where
from bigview.store.manifest import Column, Manifest
from bigview.store.phrases import quoted, text_of
from bigview.store.points import PointTable
from bigview.store.vectorsearch import searchable, similar_rows

MOST = 10_000  # nearest rows: a set of them is kept as numbers
_LONGEST = 500  # characters of a text that others may have, too
_SHARE = 0.05  # of a column's extent: what is near at first
_MEASURED = ("number", "integer", "datetime")
_NUMBER = re.compile(r"\d{1,30}(?:\.\d{0,30})?(?:[eE][-+]?\d{1,3})?|\.\d{1,30}")
_DAY = 86_400_000_000_000  # ns

_COLUMN = "column:"  # before the name of a column of vectors


@dataclass(frozen=True)
class Alike:
    """What is wanted of other rows.

    Attributes
    ----------
    row : int
        The row, by its number in the source.
    columns : tuple of (str, str)
        Columns that are to agree, each with what it may differ by: a number, of days for moments; "" for not at all.
    near : str
        Only the nearest: on the "map", by the "vectors" that it was made from, or by those of a column ("column:" and its name).
    count : int
        How many of the nearest.
    """

    row: int
    columns: tuple[tuple[str, str], ...] = ()
    near: str = ""
    count: int = 100

    @classmethod
    def of(cls, row: int, value: Mapping[str, Any]) -> "Alike":
        """Return what the page asks for."""
        columns = tuple((str(name), str(most).strip()) for name, most in value.get("columns", ()))
        near = str(value.get("near", ""))
        if near not in ("", "map", "vectors") and not near.startswith(_COLUMN):
            raise OptionError(f"The nearest are those on the map or by vector, not {near!r:.40}.")
        if not columns and not near:
            raise OptionError("Choose a column that is to agree, or the nearest rows.")
        text = str(value.get("count", "")).replace(",", "").strip()
        if near and not (text.isdecimal() and 0 < int(text) <= MOST):
            raise OptionError(f"The number of nearest rows is a whole number from 1 to {MOST:,}, not {text!r:.40}.")
        return cls(row, columns, near, int(text) if near else 0)


def traits(record: pd.DataFrame, table: PointTable, chosen: str | None = None) -> dict[str, Any]:
    """Return what the page offers: the columns that others may have in common with a record, as plain values.

    Parameters
    ----------
    record : DataFrame
        One row.
    table : PointTable
    chosen : str, optional
        Column that is chosen at first: the one that gives the colour.
    """
    manifest = table.manifest
    own = (manifest.x.column, manifest.y.column, manifest.key, "__row")
    columns = []
    for column in manifest.columns:
        if column.name in own or column.name not in record.columns or column.kind in ("list", "binary"):
            continue
        text = spoken(record[column.name].iloc[0])
        if column.kind == "text" and not 0 < len(text) <= _LONGEST:
            continue
        most = _first_tolerance(column) if text and column.kind in _MEASURED else ""
        unit = "days" if column.kind == "datetime" else ""
        columns.append({"name": column.name, "text": text or "missing", "most": most, "unit": unit, "on": column.name == chosen})
    nears = ["map"] if _is_placed(record, manifest) else []
    return {"columns": columns, "nears": [*nears, *(f"{_COLUMN}{name}" if name else "vectors" for name in searchable(manifest))]}


def _is_placed(record: pd.DataFrame, manifest: Manifest) -> bool:
    return bool(record[[manifest.x.column, manifest.y.column]].notna().all(axis=None))


def _first_tolerance(column: Column) -> str:
    """Return a twentieth of a column's extent, rounded to one digit."""
    span = (float(column.high) - float(column.low)) * _SHARE if column.low is not None and column.high is not None else 0.0
    if column.kind == "datetime":
        span *= NANOSECONDS[unit_of(column)] / _DAY
    if not (0 < span < math.inf):
        return "0"
    if column.kind == "integer":
        span = max(span, 1.0)
    return f"{span:.0e}" if not 1e-4 <= span < 1e7 else f"{float(f'{span:.0e}'):g}"


def likeness(table: PointTable, wanted: Alike, where: Where = None) -> tuple[Filter, ...]:
    """Return the filters for the rows like one: one for each column, then the set of the nearest. Reads rows; not for the event loop.

    The nearest are looked for among those that pass `where` and agree in the columns.
    """
    record = table.take(row_ids=[wanted.row])
    made = tuple(_agreeing(table.manifest.column(name), record[name].iloc[0], most) for name, most in wanted.columns)
    if not wanted.near:
        return made
    condition = Filters.of(where, *made)
    if wanted.near != "map":
        column = wanted.near.removeprefix(_COLUMN) if wanted.near.startswith(_COLUMN) else ""
        rows, _ = similar_rows(table.reader, wanted.row, wanted.count, table.bits(condition), column)
    else:
        if not _is_placed(record, table.manifest):
            raise InputError("This row has no place on the map: nothing is near to it.")
        x, y = (record[axis.column].to_numpy()[0] for axis in (table.manifest.x, table.manifest.y))
        rows = table.nearest(x, y, wanted.count, condition, columns=[])["__row"].to_numpy()
    return (*made, Filter(rows=rows))


def as_one(parts: Sequence[Filter]) -> Filter:
    """Return what `likeness` found as one clause, as a step of a selection takes it."""
    *_, last = parts
    texts = [text for part in parts for text in part.sql]
    return last if last.rows is not None else Filter(texts[0] if len(texts) == 1 else " AND ".join(f"({text})" for text in texts))


def merged(filters: Sequence[Part], found: Sequence[Filter]) -> tuple[Part, ...]:
    """Return the filters with those that were found; what was asked of their columns before gives way."""
    columns = {column_of(part) for part in found} - {None}
    return (*(part for part in filters if column_of(part) not in columns), *found)


def _agreeing(column: Column, value: Any, most: str) -> Filter:
    """Return the filter for the rows whose value of a column agrees with `value`, but for `most`."""
    if pd.isna(value):
        return asking(Asked(column.name, "missing"), nan=column.kind == "number")
    if column.kind in ("category", "boolean"):
        return picking(column.name, [bool(value) if column.kind == "boolean" else str(value)])
    if column.kind == "text":
        return Filter(f"{quoted(column.name)} = {text_of(str(value))}")
    if column.kind not in _MEASURED:
        raise OptionError(f"Rows cannot be compared by {column.name!r}, which holds {column.kind}.")
    low, high = _around(column, value, _tolerance(column, most))
    return asking(Asked(column.name, "range", low, high))


def _tolerance(column: Column, text: str) -> Fraction:
    plain = text.replace(",", "") or "0"
    if not _NUMBER.fullmatch(plain):
        raise OptionError(f"What {column.name!r} may differ by is a number, 0 or more, not {text!r:.40}.")
    return Fraction(plain)


def _around(column: Column, value: Any, most: Fraction) -> tuple[str, str]:
    """Return the ends of the range around a value, as a filter writes them."""
    if column.kind == "datetime":
        unit = unit_of(column)
        middle = int(pd.Timestamp(value).asm8.astype(f"M8[{unit}]").astype(np.int64))
        step = int(most * _DAY / NANOSECONDS[unit])
        most_ns = (1 << 63) - 1
        return written(column, max(middle - step, -most_ns)), written(column, min(middle + step, most_ns))
    if column.kind == "integer":
        return written(column, int(value) - int(most)), written(column, int(value) + int(most))
    if not math.isfinite(value):
        raise OptionError(f"{column.name!r} of this row has no finite value: nothing is near to it.")
    exact, far = Fraction(float(value)), Fraction(1.7e308)
    return written(column, float(max(exact - most, -far))), written(column, float(min(exact + most, far)))
