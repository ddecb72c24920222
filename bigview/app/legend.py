"""The legend as plain values for the page: names, colours, counts; never markup."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bigview.config import limits
from bigview.raster.frame import Frame
from bigview.raster.legend import by_rank
from bigview.store.points import PointTable


def legend(table: PointTable, frame: Frame, by: str | None, dark: bool, picked: Sequence[str] = (), totals: Any = None) -> dict[str, Any]:
    """Return the legend of a frame: its categories by rank, or its colour bar.

    Parameters
    ----------
    table : PointTable
    frame : Frame
    by : str or None
        Column that gives the colour.
    dark : bool
    picked : sequence of str
        Categories that a filter lets through; with none of them all are shown.
    totals : ndarray of int64, optional
        Rows of each category in view, by code, where those of the frame lack the ones that were not picked.
    """
    if frame.colorbar is not None:
        bar = frame.colorbar
        ticks = [{"at": float(at), "text": text} for at, text in bar.ticks]
        return {"kind": "bar", "title": bar.title, "colors": list(bar.colors), "ticks": ticks}
    counts = frame.drawing.totals if totals is None else totals
    if by is None or counts is None:
        return {}
    names = table.reader.categories(by)
    most, total = limits().legend_items, max(1, int(np.sum(counts)))
    keep = set(picked)
    entries = by_rank(names, counts, dark, most, keep)
    items = [
        {
            "name": str(entry.name),
            "color": entry.color,
            "count": f"{entry.count:,}",
            "share": entry.count / total,
            "on": not keep or str(entry.name) in keep,
        }
        for entry in entries
    ]
    rest = int(np.count_nonzero(counts)) - len(items)
    more = f"{rest:,} more, {int(np.sum(counts)) - sum(entry.count for entry in entries):,} rows" if rest > 0 else ""
    return {"kind": "categories", "title": by, "items": items, "more": more, "picked": len(keep)}


def summary(count: int, rows: int, shown: dict[str, Any], filters: int = 0) -> str:
    """Return one sentence about what is in view, for those who do not see it."""
    text = f"{count:,} of {rows:,} rows in view."
    if shown.get("kind") == "categories" and shown["items"]:
        first = shown["items"][0]
        text += f" Most frequent {shown['title']}: {first['name']}, {first['share']:.0%}."
    if filters:
        text += f" {filters:,} filter{'s' if filters > 1 else ''} in force."
    return text
