"""What comes from elsewhere: the spec of a link, made to fit the store that is here."""

from bigview.errors import BigviewError
from bigview.spec import Filters, Where
from bigview.state import Part, Saved, Spec
from bigview.store.clauses import parse
from bigview.store.packed import expressions
from bigview.store.points import PointTable
from bigview.store.saved import Selections


def usable(spec: Spec, table: PointTable, plain: Spec) -> tuple[Spec, dict[str, Where], str]:
    """Return what a store can show of a spec, what its saved selections hold, and a sentence about what it cannot show.

    The style of `plain` stands in for one that it cannot.
    """
    said = spec.differences(table.manifest.fingerprint, table.columns)
    saved: dict[str, Where] = {}

    def fits(part: Part) -> bool:
        try:
            if isinstance(part, Saved) and part.name not in saved:
                saved[part.name] = Selections(table).get(part.name, part.digest).where
            for text in expressions(Filters.of(saved[part.name] if isinstance(part, Saved) else part)):
                parse(text, list(table.columns))
        except BigviewError as error:
            said.append(f"A filter was left out: {error}")
            return False
        return True

    filters = [part for part in spec.filters if fits(part)]
    selection = [(op, part) for op, part in spec.selection if fits(part)]
    known = set(table.columns)
    style = spec.style if spec.style.by is None or spec.style.by in known else plain.style
    charts = [chart for chart in spec.charts if known.issuperset(chart.columns)]
    made = spec.replaced(style=style, filters=filters, charts=charts, selection=selection, fingerprint=table.manifest.fingerprint)
    return made, saved, " ".join(said)
