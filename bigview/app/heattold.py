"""What the page around a matrix is told, as plain values; never markup."""

from typing import Any

import numpy as np

from bigview.app.heatpanels import compared_as, said, swatches_of, told
from bigview.raster.heat import HeatLook
from bigview.raster.heatlabels import names_at
from bigview.raster.heatlegend import value_text
from bigview.raster.heatscale import MISSING
from bigview.raster.palettes import hexes
from bigview.raster.render import readable
from bigview.raster.shade import unpacked
from bigview.store.matrix import MatrixTable
from bigview.views.heatcells import Cell, facts_of, pair_at, value_at
from bigview.views.heatscene import HeatPicture, Names

_LINES = 8  # columns of metadata of a row, and of a column, that hover tells


def names_told(picture: HeatPicture, look: HeatLook) -> dict[str, Any]:
    """Return the names beside a picture. The page keeps those it knows for as long as the order is the same."""

    def one(names: Names, order: Any) -> dict[str, Any]:
        return {"order": "" if order is None else order.digest, "places": names.places, "texts": names.texts}

    return {"rows": one(picture.rows, look.rows), "cols": one(picture.cols, look.cols)}


def texts_told(picture: HeatPicture) -> dict[str, Any]:
    """Return what is written into cells."""
    found, beside = picture.texts, None if picture.beside is None else picture.beside.texts
    if found is None:
        return {}
    other = {} if beside is None else {"beside": {"texts": beside.texts, "light": beside.light}}
    return {"row": found.row, "col": found.col, "texts": found.texts, "light": found.light, **other}


def bar_of(table: MatrixTable, picture: HeatPicture) -> dict[str, Any]:
    """Return the legend of a picture: its colour bar, or its categories."""
    frame = picture.frame
    shown: dict[str, Any]
    if frame.colorbar is not None:
        bar = frame.colorbar
        ticks = [{"at": float(at), "text": text} for at, text in bar.ticks]
        shown = {"kind": "bar", "title": bar.title, "colors": list(bar.colors), "ticks": ticks}
        return shown | ({"missing": _stripes(frame)} if frame.table is not None and table.manifest.facts.get("missing") else {})
    total = max(1, sum(entry.count for entry in frame.legend))
    occurring = 0 if frame.drawing.totals is None else int(np.count_nonzero(frame.drawing.totals))
    listed, more = list(frame.legend), ""
    if occurring > len(listed):  # the last entry is all the others, which have colours of their own on the map
        others = listed.pop()
        more = f"{occurring - len(listed):,} more with {others.count:,} cells; each has its colour, hover names it"
    items = [{"name": entry.name, "color": entry.color, "count": f"{entry.count:,}", "share": entry.count / total, "on": True} for entry in listed]
    shown = {"kind": "categories", "title": frame.title, "items": items, "more": more, "picked": 0}
    return shown | ({"missing": _stripes(frame)} if table.manifest.facts.get("missing") else {})


def _stripes(frame: Any) -> list[str]:
    """Return the colours of the stripes of what is missing."""
    return hexes(unpacked(frame.table[:1, list(MISSING)])[0, :, :3] / 255)


def spoken_value(table: MatrixTable, look: HeatLook, row: int, col: int) -> str:
    """Return what is read aloud of a cell at its places in the order shown."""
    value = told(table, value_at(table, look, row, col)) or "missing"
    both = _pair(table, pair_at(table, look, row, col))
    return ", ".join([*(f"{name} {text}" for name, text in both), f"{compared_as(table)} {value}"]) if both else value


def hover_of(table: MatrixTable, look: HeatLook, found: Cell) -> dict[str, Any]:
    """Return the card of the cell under the pointer."""
    row, col = (names_at(table, look, side, np.array([place]))[0] for side, place in (("rows", found.row), ("cols", found.col)))
    labels = [str(table.manifest.report.get(side) or usual) for side, usual in (("rows", "row"), ("cols", "column"))]
    value = told(table, found.value) or "missing"
    fields = [[labels[0], row], [labels[1], col], *_pair(table, found.pair)]
    if found.cells > 1:
        fields.append(["this cell" if found.pair is None else compared_as(table), value])
        fields += _block(table, look, found)
    for known in found.facts:
        fields += _facts(known)
    title = (value if found.pair is None else f"{compared_as(table)} {value}") if found.cells == 1 else f"1 pixel = {found.cells:,} cells"
    swatch = swatches_of(table, np.array([found.value]), look.style.dark)[0] if table.kind == "category" and found.value >= 0 else ""
    shown = {"title": title, "swatch": swatch, "fields": fields, "row": found.row, "col": found.col, "names": {"row": row, "col": col}}
    return {**shown, "x": found.pixel[0], "y": found.pixel[1], "rows": list(found.rows), "cols": list(found.cols)}


def _pair(table: MatrixTable, pair: tuple[float, float] | None, begin: str = "") -> list[list[str]]:
    """Return the values of the two matrices of a comparison by their names."""
    if pair is None:
        return []
    both = zip(table.compared.titles, pair, strict=True)
    return [[f"{begin}{readable(name)}", "missing" if value != value else value_text(value)] for name, value in both]


def _block(table: MatrixTable, look: HeatLook, found: Cell) -> list[list[str]]:
    block = found.block
    if block is None:
        return []
    if not block.count:
        return [["values", "none"]]
    if block.means is not None:
        return [*_pair(table, block.means, "mean of "), [f"{compared_as(table)} of the means", value_text(block.mean)]]
    fields = [["mean", value_text(block.mean)]]
    for label, value, at in (("least", block.low, block.low_at), ("greatest", block.high, block.high_at)):
        if value != value:
            continue
        names = [names_at(table, look, side, np.array([place]))[0] for side, place in zip(("rows", "cols"), at, strict=True)] if at else []
        fields.append([label, told(table, value) + (f"  at {', '.join(names)}" if names else "")])
    if block.count < found.cells:
        fields.append(["missing", f"{found.cells - block.count:,}"])
    return fields


def _facts(found: dict[str, Any]) -> list[list[str]]:
    return [[name, said(value)] for name, value in list(found.items())[:_LINES]]


def known_of_cell(table: MatrixTable, look: HeatLook, row: int, col: int) -> str:
    """Return what else is known of the row and of the column of a cell, to be read aloud."""
    told_of = []
    for side, place in (("rows", row), ("cols", col)):
        fields = _facts(facts_of(table, look, side, place))
        name = names_at(table, look, side, np.array([place]))[0]
        told_of.append(f"{name}: {', '.join(f'{what} {text}' for what, text in fields)}" if fields else f"{name}: nothing more is known")
    return "; ".join(told_of)


def name_card(table: MatrixTable, look: HeatLook, side: str, place: int, at: tuple[float, float]) -> dict[str, Any]:
    """Return the card of the name under the pointer."""
    name = names_at(table, look, side, np.array([place]))[0]
    key = "row" if side == "rows" else "col"
    fields = _facts(facts_of(table, look, side, place))
    size = look.shape(table)[0 if side == "rows" else 1]
    label = str(table.manifest.report.get(side) or ("row" if side == "rows" else "column"))
    shown = fields or [[label, f"{place + 1:,} of {size:,}"]]
    return {"title": name, "fields": shown, "x": at[0], "y": at[1], "page": True, key: place, "names": {key: name}}
