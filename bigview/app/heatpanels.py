"""What the panels beside a matrix show: the window as a table, and the profiles of a part of it. Pure, off the event loop."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigview.build.space import size as size_text
from bigview.errors import BigviewError
from bigview.raster.heat import HeatLook
from bigview.raster.heatchosen import Box
from bigview.raster.heatlabels import axis_of, names_at, native
from bigview.raster.heatlegend import value_text
from bigview.raster.heatswipe import SwipeLook, swiped
from bigview.raster.matrixgrid import aggregate_matrix
from bigview.raster.palettes import category_colours, hexes
from bigview.raster.render import readable
from bigview.spec import View
from bigview.store.matrix import MatrixTable
from bigview.store.matrixexport import ARRAYS, MATRIX_FORMATS, WIDEST, CellExport
from bigview.views.heatcells import numbers_of

_TABLE = (60, 24)  # rows and columns of the table: what a person reads
_KNOWN = 6  # columns of metadata beside it
_LONGEST = 160  # characters of a value
_BINS = 300  # of a profile: what the panel is wide


def box_of(view: View, shape: tuple[int, int]) -> Box:
    """Return the rows and columns that a view shows, also those of which it shows a part."""
    (x0, x1), (y0, y1) = view.x_range, view.y_range
    sides = [(min(max(0, math.floor(low)), size), min(size, math.ceil(high))) for low, high, size in ((y0, y1, shape[0]), (x0, x1, shape[1]))]
    (r0, r1), (c0, c1) = ((low, max(low, high)) for low, high in sides)
    return (r0, r1), (c0, c1)


def told(table: MatrixTable, value: float) -> str:
    """Return the value of a cell as people read it; empty where it is missing."""
    if table.kind == "category":
        return "" if value != value or value < 0 else str(table.manifest.categories[int(value)])
    if table.kind == "boolean" and value in (0.0, 1.0):
        return "yes" if value else "no"
    return "" if value != value else value_text(value, whole=table.kind == "integer")


def compared_as(table: MatrixTable) -> str:
    """Return what two cells of a comparison become, in a word or two."""
    return table.compared.how.replace("_", " ")


def swatches_of(table: MatrixTable, codes: NDArray[Any], dark: bool) -> list[str]:
    """Return the colours that categories have on the map; "" for what is missing."""
    known = [*hexes(category_colours(len(table.manifest.categories), dark)), ""]
    return [known[int(code) if code >= 0 else -1] for code in codes.tolist()]


def table_of(table: MatrixTable, look: HeatLook, box: Box) -> dict[str, Any]:
    """Return the first rows and columns of a box as a table, with what is known of the rows, and a sentence that says so."""
    (r0, r1), (c0, c1) = box
    rows, cols = np.arange(r0, min(r1, r0 + _TABLE[0])), np.arange(c0, min(c1, c0 + _TABLE[1]))
    if not len(rows) or not len(cols):
        return {"note": "Nothing of the matrix is in view."}
    numbers = native(look.rows, rows), native(look.cols, cols)
    values = numbers_of(table, table.cells(*numbers)).tolist()
    note = f"{r1 - r0:,} rows × {c1 - c0:,} columns"
    if len(rows) < r1 - r0 or len(cols) < c1 - c0:
        note += f"; the first {len(rows):,} × {len(cols):,} of them are here. Zoom in to see others."
    names = (names_at(table, look, side, places) for side, places in (("cols", cols), ("rows", rows)))
    more = {"swatches": [swatches_of(table, np.array(line), look.style.dark) for line in values]} if table.kind == "category" else {}
    more |= known_of(table, look, rows)
    texts = [[told(table, value) for value in line] for line in values]
    if isinstance(look, SwipeLook):  # what is seen of them
        one, other = ([[told(table, value) or "–" for value in line] for line in part.tolist()] for part in table.compared.both(*numbers))
        texts = [[f"{a} | {b}" for a, b in zip(*lines, strict=True)] for lines in zip(one, other, strict=True)]
        note = f"{' | '.join(table.compared.titles)}: {note}"
    elif table.manifest.layout == "comparison":
        note = f"{compared_as(table)}: {note}"
    return more | {"cols": next(names), "rows": next(names), "values": texts, "note": note}


def known_of(table: MatrixTable, look: HeatLook, rows: NDArray[np.int64]) -> dict[str, Any]:
    """Return the metadata of some rows, by their places in the order shown: names of the columns, and a text for each row and column."""
    axis = axis_of(table, "rows")
    names = list(axis.columns)[:_KNOWN]
    if not names:
        return {}
    lines = [list(axis.line(int(number)).values()) for number in native(look.rows, rows)]
    return {"known": [readable(name) for name in names], "facts": [[said(value) for value in line[:_KNOWN]] for line in lines]}


def said(value: Any) -> str:
    """Return a value of a column as people read it; a year has no comma."""
    if value is None or value != value:
        return "–"
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) < 10_000 and value == int(value) else value_text(value)
    return readable(str(value))[:_LONGEST]


def profile_of(table: MatrixTable, look: HeatLook, box: Box) -> dict[str, Any]:
    """Return the profiles of a box: its values along the rows and the columns, and what they are as a whole; of both matrices that are swiped."""
    if isinstance(look, SwipeLook):
        parts = [profile_of(one, own, box) for one, own in swiped(table, look)]
        both = list(zip(map(readable, table.compared.titles), parts, strict=True))
        fields = [[f"{name}: {what}", text] for name, part in both for what, text in part["fields"]]
        lines = [{**line, "title": f"{name}. {line['title']}"} for name, part in both for line in part["lines"]]
        return {"title": parts[0]["title"], "fields": fields, "lines": lines}
    (r0, r1), (c0, c1) = box
    wide, high = c1 - c0, r1 - r0
    if not wide or not high:
        return {"title": "Nothing of the matrix is in view", "fields": [], "lines": []}
    names = [names_at(table, look, side, np.array([low, upper - 1])) for side, (low, upper) in (("rows", box[0]), ("cols", box[1]))]
    title = f"{high:,} row{'s' * (high != 1)} × {wide:,} column{'s' * (wide != 1)}"
    title += f": {compared_as(table)}" if table.manifest.layout == "comparison" else ""
    if table.kind == "category":
        return {"title": title, "fields": _counted(table, look, box), "lines": []}
    whole, why = _statistics(table, look, box, (1, 1))
    fields = [[name, value_text(float(whole[agg][0, 0]))] for name, agg in _FIELDS.items() if agg in whole]
    fields.append(["missing", f"{wide * high - int(whole['count'][0, 0]):,} of {wide * high:,}"])
    lines = []
    for title_of, size, shape, ends in (
        ("Along the columns", wide, (1, min(_BINS, wide)), names[1]),
        ("Along the rows", high, (min(_BINS, high), 1), names[0]),
    ):
        found = _statistics(table, look, box, shape)[0] if size > 1 else {}
        if "mean" in found:
            lines.append(_line(title_of, found, ends))
    return {"title": title, "fields": [*fields, *([["not known", why]] if why else [])], "lines": lines}


def _statistics(table: MatrixTable, look: HeatLook, box: Box, shape: tuple[int, int]) -> tuple[dict[str, NDArray[Any]], str]:
    """Return what is known of blocks of a box, and why the rest is not: what is computed when it is asked for knows no extremes of many cells."""
    view, found, why = View(box[1], box[0], shape[1], shape[0]), {}, ""
    for agg in ("count", "mean", "min", "max"):
        try:
            found[agg] = aggregate_matrix(table, view, agg, look.rows, look.cols).to_numpy()
        except BigviewError as error:
            why = str(error)
    return found, why


def _counted(table: MatrixTable, look: HeatLook, box: Box) -> list[list[str]]:
    """Return how often the most frequent category is there."""
    code, count, total = aggregate_matrix(table, View(box[1], box[0], 1, 1), "mode", look.rows, look.cols).to_numpy()[0, 0].tolist()
    cells = (box[0][1] - box[0][0]) * (box[1][1] - box[1][0])
    most = [["most frequent", f"{table.manifest.categories[int(code)]} ({count / total:.0%})"]] if total else []
    return [*most, ["missing", f"{cells - int(total):,} of {cells:,}"]]


def _line(title: str, found: dict[str, NDArray[Any]], names: list[str]) -> dict[str, Any]:
    extremes = "min" in found and "max" in found
    found = found if extremes else {**found, "min": found["mean"], "max": found["mean"]}
    series = {name: [None if value != value else float(value) for value in found[agg].ravel().tolist()] for name, agg in _SERIES.items()}
    low, high = (float(pick(found[agg])) for pick, agg in ((np.nanmin, "min"), (np.nanmax, "max"))) if (found["count"] > 0).any() else (0.0, 1.0)
    mean = found["mean"].ravel()
    spoken = f"{title}: no values"
    if (found["count"] > 0).any():
        spoken = f"{title}: the mean runs from {value_text(float(np.nanmin(mean)))} to {value_text(float(np.nanmax(mean)))}"
    return {
        "title": f"{title}: mean{', least and greatest' if extremes else ''}",
        **series,
        "ends": [low, high],
        "first": names[0],
        "last": names[-1],
        "spoken": spoken,
    }


_SERIES = {"mean": "mean", "low": "min", "high": "max"}
_FIELDS = {"mean": "mean", "least": "min", "greatest": "max"}


def exports_of(table: MatrixTable, look: HeatLook, box: Box) -> list[tuple[CellExport, str]]:
    """Return the files that a box can be exported to, and about how large each would be."""
    rows, cols = native(look.rows, np.arange(*box[0])), native(look.cols, np.arange(*box[1]))
    made = [CellExport(table, rows, cols, name) for name in MATRIX_FORMATS if name != "arrow"]
    return [(one, size_text(one.size)) for one in made if one.format in ARRAYS or len(cols) <= WIDEST]
