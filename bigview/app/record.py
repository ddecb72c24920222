"""A record as text: every value of it, as one would read it aloud. Nothing here makes markup; the page shows text as text."""

import datetime as dt
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from bigview.store.manifest import Manifest

BRIEF = 160  # characters of a text beside the pointer
LONGEST = 20_000  # characters of a text in the panel: a page of a book has 3,000
Fields = list[tuple[str, str]]


def fields(record: pd.DataFrame, manifest: Manifest, brief: bool = False) -> Fields:
    """Return (name, text) of each value of a one-row table.

    The key comes first, then texts and categories, then numbers, and last the position and the row's number. A `brief` list, to be read
    beside the pointer, has no position, no missing values, and its texts are cut.
    """
    kinds = {column.name: column.kind for column in manifest.columns}
    last = (manifest.x.column, manifest.y.column, "__row")
    names = [name for name in record.columns if name in kinds]
    names.sort(key=lambda name: (name in last, name != manifest.key, kinds[name] in ("number", "integer", "datetime", "boolean")))
    made: Fields = []
    for name in names:
        text = spoken(record[name].iloc[0])
        if not brief:
            made.append((name, _cut(text, LONGEST) if text else "—"))
        elif text and (name not in last or name == manifest.key):
            made.append((name, _cut(text, BRIEF)))
    return made


def headline(record: pd.DataFrame, manifest: Manifest) -> str:
    """Return the one value that names a record: its shortest text, else its key, else its row's number."""
    for kind in ("text", "category"):
        texts = [spoken(record[c.name].iloc[0]) for c in manifest.columns if c.kind == kind and c.name in record.columns]
        texts = [text for text in texts if text]
        if texts and kind == "text":
            return _cut(min(texts, key=len), 80)
    if manifest.key and manifest.key in record.columns:
        return _cut(spoken(record[manifest.key].iloc[0]), 80)
    return f"Row {int(record['__row'].iloc[0]):,}"


def spoken(value: Any) -> str:
    """Return a value as text; nothing for a missing one."""
    if value is None or value is pd.NaT or value is pd.NA:
        return ""
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (int, np.integer)):
        return f"{int(value):,}" if abs(int(value)) >= 100_000 else str(int(value))
    if isinstance(value, (float, np.floating)):
        return "" if math.isnan(value) else _number(value)
    if isinstance(value, (pd.Timestamp, dt.datetime)):
        return value.isoformat(sep=" ").removesuffix(" 00:00:00")
    if isinstance(value, np.datetime64):
        text = str(value).replace("T", " ")
        return (text.rstrip("0").rstrip(".") if "." in text else text).removesuffix(" 00:00:00")
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    if isinstance(value, (list, tuple, np.ndarray)):
        return _listed(value)
    return str(value)


def _number(value: Any) -> str:
    if isinstance(value, np.float32):
        return str(value)  # the shortest text that gives this float32
    return f"{float(value):.12g}"


def _listed(values: Sequence[Any] | np.ndarray) -> str:
    shown = ", ".join(spoken(value) or "—" for value in values[:12])
    return f"[{shown}, … ({len(values):,} in all)]" if len(values) > 12 else f"[{shown}]"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
