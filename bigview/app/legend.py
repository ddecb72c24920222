"""The legend as plain values for the page: names, colours, counts; never markup."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bigview.app.picks import spoken_names
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
            "label": spoken_names(table, by, [str(entry.name)])[0],
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


def summary(count: int, rows: int, shown: dict[str, Any], filters: int = 0, selected: int | None = None, densest: str = "") -> str:
    """Return one sentence about what is in view, for those who do not see it.

    Parameters
    ----------
    count, rows : int
        Rows in view, and in the store.
    shown : dict
        The legend.
    filters : int
        How many are in force.
    selected : int, optional
        Rows that are selected, where there is a selection.
    densest : str
        Where most rows are; of categories the most frequent one is told instead.
    """
    parts = [f"{_brief(count)} of {_brief(rows)} rows in view"]
    if shown.get("kind") == "categories":
        # One that a filter keeps out is listed, so that it can be picked, and is not in view.
        seen = [item for item in shown["items"] if item["on"]]
        whole = sum(item["share"] for item in seen) if shown.get("picked") else 1.0
        densest = f"{seen[0]['label']}, {seen[0]['share'] / whole:.0%}" if seen and whole else ""
    if densest and count:
        parts.append(f"densest: {densest}")
    if filters:
        parts.append(f"{filters:,} filter{'s' if filters > 1 else ''}")
    if selected is not None:
        parts.append(f"{_brief(selected)} selected")
    return "; ".join(parts) + "."


def remark(count: int, rows: int, filters: int, selected: int | None) -> str:
    """Return what to say where what was asked for leaves nothing to see, or takes nothing away; see `summary`."""
    if not count and filters:
        return "No row in view passes the filters. Take one away above the map, or look at all of it (0)."
    if not count:
        return "No row is in view. Look at all of the map (0)." if rows else "The store has no rows."
    if selected == 0:
        return "Nothing is selected: no row is in what was drawn or chosen. × beside “0 selected” lets go of it."
    return "Every row is selected: nothing is left out." if selected == rows > 0 else ""


def _brief(count: int) -> str:
    """Return a number as one says it: 1.2 M."""
    for size, name in ((1_000_000_000, "billion"), (1_000_000, "M")):
        if count >= size:
            return f"{count / size:.1f}".removesuffix(".0") + f" {name}"
    return f"{count:,}"


def densest_part(frame: Frame) -> str:
    """Return which part of a picture of density has most of its densest pixels, such as "upper left"; nothing for other pictures."""
    drawing = frame.drawing
    if drawing.tones is None or drawing.scale is None or not drawing.tones.tone.any():
        return ""
    tone = drawing.tones.tone
    y, x = np.nonzero(tone == tone.max())
    ninths = np.bincount(y * 3 // tone.shape[0] * 3 + x * 3 // tone.shape[1], minlength=9)
    high, wide = divmod(int(np.argmax(ninths)), 3)
    return f"{('lower', 'middle', 'upper')[high]} {('left', 'middle', 'right')[wide]}".replace("middle middle", "the middle")
