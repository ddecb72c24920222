"""The second map among the charts: its picture, and what a rectangle drawn on it asks. Plain values for the page."""

import base64
import io
import math
import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image

from bigview.chart import Chart
from bigview.raster.frame import Frame
from bigview.raster.legend import number_text
from bigview.raster.secondmap import SecondMap
from bigview.spec import Filters
from bigview.store.axis import Axis
from bigview.store.pairs import command
from bigview.store.phrases import quoted
from bigview.store.points import PointTable

SIZE = (360, 252)
"""Width and height of the picture in pixels: a panel is about as wide."""
_FINE = 10  # a rectangle's edges are told to a tenth of a pixel, so that they are short numbers
_NEAREST = 1e-9  # of the home view: floats come to an end

Ends = tuple[float, float, float, float]


@dataclass(frozen=True)
class Look:
    """How a second map is looked at: positions (x0, x1, y0, y1), None for all of it; and whether the page is dark."""

    ends: Ends | None = None
    dark: bool = True


@dataclass(frozen=True)
class Pictured:
    """A picture of a second map.

    Attributes
    ----------
    image : str
        A PNG as a data URL.
    bounds : tuple of 4 float
        Positions at its edges.
    texts : tuple of 4 str
        The same, as people read them.
    count : int
        Rows in colour; of a sample about how many.
    exact : bool
    advice : str
        How it would become exact; empty where it is, or soon will be.
    """

    image: str
    bounds: Ends
    texts: tuple[str, str, str, str]
    count: int
    exact: bool
    advice: str = ""


def pictured(table: PointTable, chart: Chart, filters: tuple[Filters, Filters], look: Look, sampled: bool) -> Pictured:
    """Return the picture of a second map.

    Parameters
    ----------
    table : PointTable
    chart : Chart
    filters : (Filters, Filters)
        What all rows pass, and what those in colour pass.
    look : Look
    sampled : bool
        From a sample, quickly; so it is without an index, too.
    """
    found = SecondMap.of(table, *chart.columns)
    base, others = filters
    view = found.view(*SIZE, look.ends)
    draw = found.sampled if sampled or found.pair is None else found.exact
    frame = draw(view, look.dark, base, None if others == base else others)
    ends = _positions(found, frame)
    texts = tuple(_text(table, axis, end) for axis, end in zip((found.x, found.x, found.y, found.y), ends, strict=True))
    advice = f"`{command(table.reader.folder.url, *chart.columns)}` makes it exact." if found.pair is None and not frame.exact else ""
    return Pictured(_url(frame), ends, texts, frame.count, frame.exact, advice)  # type: ignore[arg-type]


def _positions(found: SecondMap, frame: Frame) -> Ends:
    (x0, x1), (y0, y1) = frame.x_range, frame.y_range
    return found.x.position(x0), found.x.position(x1), found.y.position(y0), found.y.position(y1)


def _url(frame: Frame) -> str:
    height, width = frame.shape
    pixels = np.ascontiguousarray(frame.rgba[::-1]).astype("<u4", copy=False).view(np.uint8).reshape(height, width, 4)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _text(table: PointTable, axis: Axis, position: float) -> str:
    value = math.ceil(position) + axis.origin if axis.kind == "datetime" else position + axis.origin
    return number_text(table.manifest.column(axis.column), value, axis.high - axis.low)


def look_of(table: PointTable, chart: Chart, dark: bool) -> Look:
    """Return how a second map is looked at, by the view that its chart has."""
    if chart.view is None:
        return Look(None, dark)
    found = SecondMap.of(table, *chart.columns)
    (x0, x1), (y0, y1) = chart.view
    return Look((found.x.position(x0), found.x.position(x1), found.y.position(y0), found.y.position(y1)), dark)


def viewed(table: PointTable, chart: Chart, look: Look) -> Chart:
    """Return the chart with the view of a look, whose ends are short numbers: a link has room for them."""
    if look.ends is None:
        return replace(chart, view=None)
    found, ends = SecondMap.of(table, *chart.columns), []
    for place, (axis, pixels) in enumerate(zip((found.x, found.y), SIZE, strict=True)):
        low, high = look.ends[2 * place : 2 * place + 2]
        texts = [_literal(axis, end, (high - low) / pixels) for end in (low, high)]
        values = [text.strip("'") if axis.kind == "datetime" else float(text) if axis.kind == "float" else int(text) for text in texts]
        if values[0] == values[1]:
            return chart
        ends.append((values[0], values[1]))
    return replace(chart, view=(ends[0], ends[1]))


def looked(table: PointTable, chart: Chart, look: Look, shown: Pictured, value: dict[str, Any]) -> Look:
    """Return the look after a step of the wheel or a key.

    Parameters
    ----------
    value : dict
        ``{"zoom": factor, "at": [right, up]}``, the place that stays as a share of the picture, or ``{"pan": [right, up]}``, or nothing: all of it.
    """
    x0, x1, y0, y1 = shown.bounds
    if "pan" in value:
        right, up = ((x1 - x0) * float(value["pan"][0]), (y1 - y0) * float(value["pan"][1]))
        return replace(look, ends=(x0 + right, x1 + right, y0 + up, y1 + up))
    if "zoom" not in value:
        return replace(look, ends=None)
    h0, h1, g0, g1 = SecondMap.of(table, *chart.columns).home
    factor = max(float(value["zoom"]), _NEAREST * (h1 - h0) / (x1 - x0), _NEAREST * (g1 - g0) / (y1 - y0))
    right, up = (min(1.0, max(0.0, float(share))) for share in value["at"])
    if not math.isfinite(factor) or factor * (x1 - x0) >= h1 - h0 or factor * (y1 - y0) >= g1 - g0:
        return replace(look, ends=None)
    x, y = x0 + right * (x1 - x0), y0 + up * (y1 - y0)
    return replace(look, ends=(x - (x - x0) * factor, x + (x1 - x) * factor, y - (y - y0) * factor, y + (y1 - y) * factor))


def boxed(table: PointTable, chart: Chart, shown: Pictured, box: list[float]) -> str:
    """Return the clause for a rectangle, given as shares (left, right, lower, upper) of the picture."""
    found = SecondMap.of(table, *chart.columns)
    clauses = []
    for place, (axis, pixels) in enumerate(zip((found.x, found.y), SIZE, strict=True)):
        low, high = shown.bounds[2 * place : 2 * place + 2]
        ends = sorted(low + min(1.0, max(0.0, float(share))) * (high - low) for share in box[2 * place : 2 * place + 2])
        texts = [_literal(axis, end, (high - low) / pixels) for end in ends]
        clauses.append(f"{quoted(axis.column)} >= {texts[0]} AND {quoted(axis.column)} < {texts[1]}")
    return " AND ".join(clauses)


def _literal(axis: Axis, position: float, pixel: float) -> str:
    if axis.kind == "datetime":
        return f"'{axis.value(position)}'"
    if axis.kind == "integer":
        return str(math.ceil(position) + axis.origin)  # below an edge is below the next whole number
    digits = 1 + math.ceil(math.log10(max(abs(position), pixel) / pixel * _FINE))
    return repr(float(f"{position:.{min(17, digits)}g}"))


def box_of(table: PointTable, chart: Chart, shown: Pictured) -> list[float] | None:
    """Return the rectangle of a brush as shares of the picture; None for any other brush."""
    x, y = (quoted(name) for name in chart.columns)
    pattern = " AND ".join(rf"{re.escape(name)} >= (\S+) AND {re.escape(name)} < (\S+)" for name in (x, y))
    match = re.fullmatch(pattern, chart.brush or "")
    if match is None:
        return None
    found = SecondMap.of(table, *chart.columns)
    shares = []
    for place, text in enumerate(match.groups()):
        axis, (low, high) = (found.x, shown.bounds[:2]) if place < 2 else (found.y, shown.bounds[2:])
        value = text.strip("'")
        position = axis.position(value if axis.kind == "datetime" else int(value) if axis.kind == "integer" else float(value))
        shares.append((position - low) / (high - low))
    return shares
