"""Linked views: what each of them is filtered by, and what has to be counted again when one of them is brushed. Plain values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from bigview.errors import OptionError
from bigview.spec import Filters, Where


@dataclass(frozen=True)
class Crossfilter:
    """The filters of a page by who made them: chips, the selection on the map, the brush of each chart.

    Parameters
    ----------
    parts : mapping of str to Filter, or iterable of (owner, Filter)
        Owners in the order in which they are shown; None for one that filters nothing.

    Examples
    --------
    >>> page = Crossfilter({"chips": "zipf > 3", "map": None, "chart 1": "lang = 'de'", "chart 2": None})
    >>> page.others("chart 1") == page.others("chips") == page.all()
    False
    >>> page.replaced("chart 1", "lang = 'en'").recount(page, drawn=["map", "chart 1", "chart 2"], first="chart 2")
    ('chart 2', 'map')
    """

    parts: tuple[tuple[str, Filters], ...]

    def __init__(self, parts: Mapping[str, Where] | Iterable[tuple[str, Where]] = ()) -> None:
        given = list(parts.items() if isinstance(parts, Mapping) else parts)
        owners = [owner for owner, _ in given]
        if len(set(owners)) < len(owners):
            raise OptionError(f"Each owner of a filter has one: {', '.join(owners)}.")
        object.__setattr__(self, "parts", tuple((owner, Filters.of(where)) for owner, where in given))

    @property
    def owners(self) -> tuple[str, ...]:
        """Who may filter, in order."""
        return tuple(owner for owner, _ in self.parts)

    def of(self, owner: str) -> Filters:
        """Return an owner's own filter; an empty one for somebody who has none."""
        return dict(self.parts).get(owner, Filters())

    def all(self) -> Filters:
        """Return all filters as one: what the table and the counts of the page show."""
        return Filters.of(*(where for _, where in self.parts))

    def others(self, owner: str) -> Filters:
        """Return what filters an owner's view: everything but its own filter."""
        return Filters.of(*(where for name, where in self.parts if name != owner))

    def replaced(self, owner: str, where: Where) -> Self:
        """Return the page with another filter of one owner, who comes last where he is new."""
        parts = [(name, Filters.of(where) if name == owner else known) for name, known in self.parts]
        return type(self)(parts if owner in self.owners else [*parts, (owner, Filters.of(where))])

    def without(self, owner: str) -> Self:
        """Return the page without an owner: a chart that was closed."""
        return type(self)([part for part in self.parts if part[0] != owner])

    def recount(self, before: "Crossfilter | None", drawn: Iterable[str], first: str | None = None) -> tuple[str, ...]:
        """Return the views that show something else now, in the order in which they are to be counted.

        Parameters
        ----------
        before : Crossfilter or None
            The page as it was counted; None counts everything.
        drawn : iterable of str
            The views, in order. A view that was not there before is counted.
        first : str, optional
            The view under the pointer: its turn comes first.
        """
        views = list(dict.fromkeys(drawn))
        known = () if before is None else before.owners
        changed = [view for view in views if before is None or view not in known or self.others(view) != before.others(view)]
        return tuple(sorted(changed, key=lambda view: view != first))
