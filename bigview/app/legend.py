"""The legend as plain values for the page: names, colours, counts; never markup."""

from typing import Any

from bigview.config import limits
from bigview.raster.frame import Frame


def legend(frame: Frame, title: str) -> dict[str, Any]:
    """Return the legend of a frame: its categories by rank, or its colour bar; empty when it has neither."""
    if frame.legend:
        return _categories(frame, title)
    if frame.colorbar is not None:
        bar = frame.colorbar
        ticks = [{"at": float(at), "text": text} for at, text in bar.ticks]
        return {"kind": "bar", "title": bar.title, "colors": list(bar.colors), "ticks": ticks}
    return {}


def _categories(frame: Frame, title: str) -> dict[str, Any]:
    ranked = [entry for entry in frame.legend if entry.count > 0]  # by rank already, what is summed last
    most, total = limits().legend_items, max(1, sum(entry.count for entry in ranked))
    items = [{"name": str(entry.name), "color": entry.color, "count": f"{entry.count:,}", "share": entry.count / total} for entry in ranked[:most]]
    rest = ranked[most:]
    more = f"{len(rest):,} more, {sum(entry.count for entry in rest):,} rows" if rest else ""
    return {"kind": "categories", "title": title, "items": items, "more": more}


def summary(count: int, rows: int, shown: dict[str, Any]) -> str:
    """Return one sentence about what is in view, for those who do not see it."""
    text = f"{count:,} of {rows:,} rows in view."
    if shown.get("kind") == "categories" and shown["items"]:
        first = shown["items"][0]
        text += f" Most frequent {shown['title']}: {first['name']}, {first['share']:.0%}."
    return text
