"""What a chart shows and what its brush asks: plain values for the page. No chart filters itself."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigview.app.asked import Asked, asked_of, asking
from bigview.app.picks import picked, toggled
from bigview.app.record import spoken
from bigview.chart import Chart
from bigview.errors import OptionError
from bigview.raster.legend import number_text
from bigview.spec import Filter, Filters, Histogram
from bigview.store.binned import calendar_bins, equal_bins
from bigview.store.charts import Side, side_of
from bigview.store.manifest import Column
from bigview.store.phrases import quoted
from bigview.store.points import PointTable
from bigview.store.sampled import SampledTable

BRUSHED = ("histogram", "dates", "bars")
"""Charts of one column: what a brush on one of them changes in the others is counted beforehand."""

BINS, BARS, CELLS, LINES = 48, 12, 48, 12
"""Bins of a histogram, bars of a chart of categories, cells along a side of a density, categories along a side of a cross table."""


@dataclass(frozen=True)
class Counts:
    """What was counted for a chart.

    Attributes
    ----------
    labels : tuple of list
        For each axis the texts of its bars, or the edges of its bins as texts.
    ends : tuple of list or None
        For each axis of bins the edges as a clause takes them.
    everything, some : list of int
        All rows, and those that pass the other filters; of two axes row by row, the first axis downwards.
    exact : bool
        False for estimates from a sample.
    rest : int
        Categories that occur and have no bar.
    """

    labels: tuple[list[str], ...]
    ends: tuple[list[str] | None, ...]
    everything: list[int]
    some: list[int]
    exact: bool = True
    rest: int = 0


def choices(table: PointTable) -> list[dict[str, Any]]:
    """Return the charts that a store's columns allow."""
    kinds: dict[str, list[str]] = {"number": [], "date": [], "category": []}
    for name, kind in table.columns.items():
        group = {"number": "number", "integer": "number", "datetime": "date", "category": "category", "boolean": "category"}.get(kind)
        if group and name != "__row":
            kinds[group].append(name)
    numbers = [*kinds["number"], *kinds["date"]]
    found = [
        {"kind": "histogram", "label": "Histogram", "columns": [kinds["number"]]},
        {"kind": "dates", "label": "Dates", "columns": [kinds["date"]]},
        {"kind": "bars", "label": "Categories", "columns": [kinds["category"]]},
        {"kind": "map", "label": "Second map", "columns": [numbers, numbers]},
        {"kind": "density", "label": "Density of two numbers", "columns": [numbers, numbers]},
        {"kind": "crosstab", "label": "Category × category", "columns": [kinds["category"], kinds["category"]]},
    ]
    return [one for one in found if all(one["columns"])]


def first_charts(table: PointTable, by: str | None) -> list[Chart]:
    """Return the charts to begin with: the column that gives the colour, and the first number that is no place."""
    places = {table.manifest.x.column, table.manifest.y.column, "__row"}
    categories = [name for name, kind in table.columns.items() if kind == "category"]
    numbers = [name for name, kind in table.columns.items() if kind in ("number", "integer") and name not in places]
    wanted = [*([by] if by in categories else categories)[:1], *([by] if by in numbers else numbers)[:1]]
    return [Chart("bars" if name in categories else "histogram", (str(name),)) for name in wanted]


def counts_of(table: PointTable, chart: Chart, base: Filters, others: Filters) -> Counts:
    """Count a chart: all rows, and those that pass the filters of everything else."""
    labels, ends, everything = _bars(table, table, chart, base)
    _, _, some = _bars(table, table, chart, others)
    return _ranked(chart, Counts(labels, ends, [], []), everything, some)


def sides_of(table: PointTable, chart: Chart) -> tuple[Side, ...]:
    """Return the columns of a chart as they are counted; none for a map."""
    reader, name = table.reader, chart.columns[0]
    if chart.kind == "histogram":
        return (Side.of_bins(reader, equal_bins(reader, name, BINS)),)
    if chart.kind == "dates":
        return (Side.of_bins(reader, calendar_bins(reader, name, BINS)[0]),)
    if chart.kind == "bars":
        return (Side.of_categories(reader, name),)
    if chart.kind == "map":
        return ()
    return tuple(side_of(reader, column, CELLS if chart.kind == "density" else LINES)[0] for column in chart.columns)


def sampled_counts(table: PointTable, chart: Chart, base: Filters, others: Filters, before: Counts | None) -> Counts:
    """Estimate the counts of a chart from a sample, quickly; `before` has the exact ones of all rows where they are known."""
    sample = table.sampled
    _, _, some = _bars(table, sample, chart, others)
    some = np.rint(some * sample.scale).astype(np.int64)
    if before is not None and before.exact:
        if chart.kind == "bars":
            places = {str(name): place for place, name in enumerate(table.reader.categories(chart.columns[0]))}
            some = some[[places[label] for label in before.labels[0]]]
        return replace(before, some=np.minimum(some.ravel(), before.everything).tolist(), exact=sample.exact)
    labels, ends, everything = _bars(table, sample, chart, base)
    everything = np.rint(everything * sample.scale).astype(np.int64)
    return _ranked(chart, Counts(labels, ends, [], [], sample.exact), everything, some)


def _ranked(chart: Chart, shown: Counts, everything: NDArray[np.int64], some: NDArray[np.int64]) -> Counts:
    labels = shown.labels
    if chart.kind == "bars":  # by rank among all rows, so that bars stay where they are
        order = np.argsort(-everything, kind="stable")[:BARS]
        keep = np.array([place for place in order if everything[place] > 0], np.int64)
        rest = int(np.count_nonzero(everything)) - len(keep)
        return replace(
            shown, labels=([labels[0][place] for place in keep],), everything=everything[keep].tolist(), some=some[keep].tolist(), rest=rest
        )
    return replace(shown, everything=everything.ravel().tolist(), some=some.ravel().tolist())


def _bars(
    table: PointTable, counted: PointTable | SampledTable, chart: Chart, where: Filters
) -> tuple[tuple[list[str], ...], tuple[list[str] | None, ...], NDArray[np.int64]]:
    name = chart.columns[0]
    if chart.kind in ("histogram", "dates"):
        found: Histogram = counted.dates(name, BINS, where=where) if chart.kind == "dates" else counted.histogram(name, BINS, where=where)
        labels, ends = _edges(table, name, found.edges)
        return (labels,), (ends,), found.counts
    if chart.kind == "bars":
        names = table.reader.categories(name)
        series = counted.category_counts(name, where=where).reindex(names, fill_value=0)
        return ([str(one) for one in names],), (None,), series.to_numpy(np.int64)
    size = CELLS if chart.kind == "density" else LINES
    first, second = chart.columns
    cross = counted.cross(first, second, bins=(size, size), where=where)
    sides = [_side(table, column, ends) for column, ends in zip(chart.columns, (cross.first, cross.second), strict=True)]
    return tuple(side[0] for side in sides), tuple(side[1] for side in sides), cross.counts


def _side(table: PointTable, column: str, ends: NDArray[Any]) -> tuple[list[str], list[str] | None]:
    if table.columns[column] in ("category", "boolean"):
        return ["others" if one is None else str(one) for one in ends], None
    return _edges(table, column, ends)


def _edges(table: PointTable, name: str, edges: NDArray[Any]) -> tuple[list[str], list[str]]:
    """Return the edges as people read them, and as a clause takes them."""
    entry = table.manifest.column(name)
    if edges.dtype.kind == "M":
        texts = [spoken(edge) for edge in edges]
        return texts, texts
    span = float(edges[-1]) - float(edges[0])
    return [number_text(entry, float(edge), span) for edge in edges], [_exact(entry, float(edge)) for edge in edges]


def _exact(entry: Column, edge: float) -> str:
    return str(round(edge)) if entry.kind == "integer" and edge == round(edge) else repr(edge)


def brushed(table: PointTable, chart: Chart, value: Any, shown: Counts) -> Chart:
    """Return the chart with another brush.

    Parameters
    ----------
    table : PointTable
    chart : Chart
    value : dict
        ``{"bins": [[first, last], …]}``, a range of bins on each axis, or ``{"bar": place, "also": bool}``, or ``{"cell": [place, place]}``;
        empty for no brush.
    shown : Counts
        What the page shows.
    """
    clauses: list[str] = []
    if "bar" in value:
        before = () if chart.brush is None else (Filter(chart.brush),)
        flags = table.columns[chart.columns[0]] == "boolean"
        made = toggled(chart.columns[0], shown.labels[0][int(value["bar"])], before, bool(value.get("also")), flags)
        clauses = [text for part in made if isinstance(part, Filter) for text in part.sql]
    elif "cell" in value:
        clauses = [_is(table, column, labels[int(at)]) for column, labels, at in zip(chart.columns, shown.labels, value["cell"], strict=True)]
    elif "bins" in value:
        sides = list(zip(chart.columns, shown.ends, value["bins"], strict=True))
        if not all(_whole(ends, bins) for _, ends, bins in sides):  # all that there is is no choice
            clauses = [_between(table, *one) for one in sides]
    brush = " AND ".join(clauses) or None
    return Chart(chart.kind, chart.columns, None if brush == chart.brush and "cell" in value else brush)


def _is(table: PointTable, column: str, label: str) -> str:
    if label == "others":
        raise OptionError(f"The cell stands for all other values of {column!r}; only single ones can be chosen.")
    made = toggled(column, label, (), also=False, boolean=table.columns[column] == "boolean")[0]
    return made.sql[0] if isinstance(made, Filter) else ""


def _whole(ends: list[str] | None, bins: tuple[int, int]) -> bool:
    return ends is not None and min(bins) <= 0 and max(bins) >= len(ends) - 2


def _between(table: PointTable, column: str, ends: list[str] | None, bins: tuple[int, int]) -> str:
    """Return the clause for a range of bins: half-open as bins are, but for the last one, which has its upper edge."""
    if ends is None:
        raise OptionError(f"{column!r} has no range.")
    first, last = sorted((max(0, int(bins[0])), min(len(ends) - 2, int(bins[1]))))
    if last == len(ends) - 2:
        return asking(Asked(column, "range", ends[first], ends[-1])).sql[0]
    text = [end if table.columns[column] in ("number", "integer") else f"'{end}'" for end in (ends[first], ends[last + 1])]
    return f"{quoted(column)} >= {text[0]} AND {quoted(column)} < {text[1]}"


def marked(chart: Chart, shown: Counts) -> dict[str, Any]:
    """Return which bars or bins of a chart its brush covers, for the page."""
    if chart.brush is None:
        return {}
    if chart.kind == "bars":
        names = picked(chart.columns[0], (Filter(chart.brush),))
        return {"bars": [place for place, label in enumerate(shown.labels[0]) if label in names]}
    ends = shown.ends[0]
    if chart.kind in ("histogram", "dates") and ends is not None:
        places = [_ends_of(chart.columns[0], chart.brush, ends)]
        return {"bins": [list(place) for place in places if place is not None], "text": chart.brush}
    if chart.kind == "density":
        pieces = chart.brush.split(" AND ")
        for cut in range(1, len(pieces)):  # a range holds the word itself
            texts = " AND ".join(pieces[:cut]), " AND ".join(pieces[cut:])
            sides = [_ends_of(name, text, ends or []) for name, text, ends in zip(chart.columns, texts, shown.ends, strict=True)]
            if None not in sides:
                return {"bins": [list(side) for side in sides if side is not None], "text": chart.brush}
    return {"text": chart.brush}


def _ends_of(column: str, brush: str, ends: list[str]) -> tuple[int, int] | None:
    """Return the bins that a brush made by `_between` covers; None for any other."""
    asked = asked_of(Filter(brush))
    if asked is not None and asked.low in ends and asked.high == ends[-1]:
        return ends.index(str(asked.low)), len(ends) - 2
    parts = brush.replace("'", "").split(f" AND {quoted(column)} < ")
    low = parts[0].removeprefix(f"{quoted(column)} >= ")
    if len(parts) == 2 and low in ends and parts[1] in ends:
        return ends.index(low), ends.index(parts[1]) - 1
    return None
