"""What comes from elsewhere: the spec of a link, made to fit the store that is here."""

from dataclasses import replace

from bigview.app.charting import choices
from bigview.chart import Chart
from bigview.errors import BigviewError
from bigview.part import Part, Saved, kept_for_link
from bigview.raster.frame import kind_of
from bigview.spec import Filter, Filters, Where
from bigview.state import Spec
from bigview.store.clauses import parse
from bigview.store.packed import expressions
from bigview.store.points import PointTable
from bigview.store.saved import Selections


def usable(spec: Spec, table: PointTable, plain: Spec) -> tuple[Spec, dict[str, Where], str]:
    """Return what a store can show of a spec, what its saved selections hold, and a sentence about what it cannot show.

    The style of `plain` stands in for one that it cannot.
    """
    saved: dict[str, Where] = {}
    try:
        spec, lost = Selections(table).whole(spec), []
    except BigviewError as error:
        spec, lost = spec.replaced(kept=None), [f"Filters, charts and selection were left out: {error}"]
    said, wrong = spec.differences(table.manifest.fingerprint, table.columns) + lost, list[str]()

    def fitting(part: Part) -> list[Part]:
        """Return the part, or nothing; one that was kept for the link as it was before."""
        try:
            if isinstance(part, Saved) and part.name not in saved:
                saved[part.name] = Selections(table).get(part.name, part.digest).where
            where = Filters.of(saved[part.name] if isinstance(part, Saved) else part)
            for text in expressions(where):
                parse(text, list(table.columns))
        except BigviewError as error:
            wrong.append(str(error))
            return []
        return [_unfolded(where) or part] if isinstance(part, Saved) and kept_for_link(part) else [part]

    filters = [one for part in spec.filters for one in fitting(part)]
    selection = [(op, one) for op, part in spec.selection for one in fitting(part)]
    said += [f"{'A filter was' if (times := wrong.count(why)) == 1 else f'{times} filters were'} left out: {why}" for why in dict.fromkeys(wrong)]
    known = set(table.columns)
    style = spec.style if spec.style.by is None or spec.style.by in known else plain.style
    try:
        kind_of(table, style)
    except BigviewError as error:
        said.append(str(error))
        style = plain.style
    charts = [one for chart in spec.charts if known.issuperset(chart.columns) for one in _chart(chart, table, said)]
    made = spec.replaced(style=style, filters=filters, charts=charts, selection=selection, fingerprint=table.manifest.fingerprint)
    return made, saved, " ".join(said)


def _chart(chart: Chart, table: PointTable, said: list[str]) -> list[Chart]:
    """Return a chart as the store can show it, or nothing; what was left out is said."""
    name = f"The {'second map' if chart.kind == 'map' else chart.kind} of {' × '.join(chart.columns)}"
    allowed = next((one["columns"] for one in choices(table) if one["kind"] == chart.kind), None)
    if allowed is None or any(column not in names for column, names in zip(chart.columns, allowed, strict=True)):
        held = ", ".join(f"{column} holds {table.columns[column]}" for column in chart.columns)
        said.append(f"{name} was left out: {held}.")
        return []
    try:
        if chart.brush:
            parse(chart.brush, list(table.columns))
    except BigviewError as error:
        said.append(f"{name} has lost its brush: {error}")
        chart = replace(chart, brush=None)
    for column, ends in zip(chart.columns, chart.view or (), strict=False):
        times = table.columns[column] == "datetime"
        if any(isinstance(end, str) != times for end in ends):
            said.append(f"{name} shows all of it: {column} holds {'times' if times else 'numbers'}.")
            return [replace(chart, view=None)]
    return [chart]


def _unfolded(where: Filters) -> Filter | None:
    """Return a condition of one clause as a filter."""
    if len(where.clauses) != 1 or where.clauses[0][0] == "steps":
        return None
    [(kind, value)] = where.clauses
    return Filter(**{kind: value})
