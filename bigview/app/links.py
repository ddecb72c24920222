"""What comes from elsewhere: the spec of a link, made to fit the store that is here."""

from bigview.errors import BigviewError, OptionError
from bigview.spec import Filters
from bigview.state import Part, Saved, Spec
from bigview.store.clauses import parse
from bigview.store.points import PointTable
from bigview.store.saved import Selections


def usable(spec: Spec, table: PointTable, plain: Spec) -> tuple[Spec, str]:
    """Return what a store can show of a spec, and a sentence about what it cannot; the style of `plain` stands in for one that it cannot."""
    said = spec.differences(table.manifest.fingerprint, table.columns)

    def fitting(part: Part) -> list[Part]:
        try:
            parts = _opened(part, table)
            for kind, text in Filters.of(*(one for one in parts if not isinstance(one, Saved))).clauses:
                if kind == "sql":
                    parse(text, list(table.columns))
        except BigviewError as error:
            said.append(f"A filter was left out: {error}")
            return []
        return parts

    filters = [one for part in spec.filters for one in fitting(part)]
    selection = [(op, one) for op, part in spec.selection for one in fitting(part)[:1]]
    known = set(table.columns)
    style = spec.style if spec.style.by is None or spec.style.by in known else plain.style
    charts = [chart for chart in spec.charts if known.issuperset(chart.columns)]
    made = spec.replaced(style=style, filters=filters, charts=charts, selection=selection, fingerprint=table.manifest.fingerprint)
    return made, " ".join(said)


def _opened(part: Part, table: PointTable) -> list[Part]:
    """Return a part; for a saved selection what it holds."""
    if not isinstance(part, Saved):
        return [part]
    found = Selections(table).get(part.name, part.digest)
    if found.steps:
        raise OptionError(f"The selection {found.name!r} was made in steps: open it from the list of selections.")
    return list(found.spec.filters)
