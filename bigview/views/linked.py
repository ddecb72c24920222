"""One selection for the explorer and a user's own plots: as a HoloViews stream, as an expression, and in both directions with `link_selections`."""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import holoviews as hv
import numpy as np
import param
from holoviews.streams import Stream
from numpy.typing import NDArray

from bigview.errors import BigviewError, ExpressionError, OptionError
from bigview.spec import Clause, Filter, Filters, Op
from bigview.store.bits import tested
from bigview.store.lookup import positions_of_rows
from bigview.store.packed import digest_of
from bigview.store.points import PointTable
from bigview.store.reader import ROW
from bigview.views.conditions import Condition
from bigview.views.interface import StoreInterface
from bigview.views.live import sentence
from bigview.views.subset import Subset

Steps = tuple[tuple[Op, Filter], ...]


class Selected(Stream):
    """What is selected in an explorer, as a HoloViews stream: a DynamicMap that has it is drawn anew whenever it changes."""

    selection_expr = param.Parameter(default=None, constant=True, doc="What is selected, as a hv.dim expression; None where nothing is.")
    where = param.Parameter(default=Filters(), constant=True, doc="What is selected, as a filter; every row where nothing is.")
    filters = param.Parameter(default=Filters(), constant=True, doc="The filters in force.")


def _selecting(table: PointTable, where: Filters) -> Callable[[Any], Condition | NDArray[np.bool_]]:
    """Return what tells which rows of some data pass: of the store itself as a condition, of a table by the numbers of its rows."""

    def select(data: Any) -> Condition | NDArray[np.bool_]:
        if isinstance(data, StoreInterface.types):
            return Condition(where)
        try:
            rows = np.asarray(data[ROW], np.int64)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise ExpressionError(
                f"A table beside the store needs the column {ROW!r}, which store.rows(…) gives, to show what is selected in the explorer."
            ) from error
        return passing(table, rows, where)

    select.__name__ = f"selected_{digest_of(where)}"  # HoloViews tells expressions apart by their text
    return select


def passing(table: PointTable, rows: NDArray[np.int64], where: Filters) -> NDArray[np.bool_]:
    """Tell of rows, by their numbers in the source, whether they pass a filter."""
    bits = table.bits(where)
    return np.ones(len(rows), bool) if bits is None else tested(bits, positions_of_rows(table.reader, rows))


def expression(table: PointTable, where: Filters) -> Any:
    """Return a filter as a hv.dim expression, for plots of the store and of tables with `__row`; None for every row."""
    return hv.dim("*", _selecting(table, where)) if where else None


def steps_of(table: PointTable, expr: Any) -> Steps:
    """Return a hv.dim expression over the store's columns as the steps of a selection.

    Raises
    ------
    ExpressionError
        When it has to do with anything else.
    """
    if expr is None:
        return ()
    _register()
    try:
        chosen = Subset.of(hv.Dataset(table).select(expr).data).conditions
    except KeyError as error:
        raise ExpressionError(f"The selection of the plot needs columns that the store does not have: {expr!r}.") from error
    return _as_steps(chosen.clauses)


def _register() -> None:
    """Make HoloViews know stores. It loads Datashader, which takes half a second; a server has no use for either."""
    from bigview.views.register import register

    register()


def _as_steps(clauses: Iterable[Clause]) -> Steps:
    """Return clauses that all hold as steps; the steps of a selection among them come first."""
    ordered = sorted(clauses, key=lambda clause: clause[0] != "steps")
    made: list[tuple[Op, Filter]] = []
    for kind, value in ordered:
        if kind != "steps":
            made.append(("intersect" if made else "add", Filter(**{kind: value})))
        elif made or any(len(part.clauses) != 1 or part.clauses[0][0] == "steps" for _, part in value):
            raise ExpressionError("The explorer cannot take over a selection that is made of two of its own.")
        else:
            made += [(op, Filter(**dict(part.clauses))) for op, part in value]
    return tuple(made)


class Page(Protocol):
    """What a link may use of the explorer."""

    table: PointTable

    @property
    def selected(self) -> Filters:
        """What is selected; no filter where nothing is."""

    @property
    def where(self) -> Filters:
        """All filters in force."""

    def select(self, steps: Steps) -> None:
        """Select what steps lead to."""

    def failed(self, text: str) -> None:
        """Say a sentence to the visitor."""


class Link:
    """Keeps the selection of an explorer and that of a `link_selections` the same.

    Parameters
    ----------
    page : Page
        The explorer.
    linked : link_selections
        An instance; what is selected in its plots is selected in the explorer, and the other way round.
    """

    def __init__(self, page: Page, linked: Any) -> None:
        self._page, self.linked = page, linked
        self._agreed: Filters | None = None
        self._telling = False
        linked.param.watch(self._theirs, "selection_expr")
        if linked.selection_expr is None:
            self.follow()
        else:
            self._take(linked.selection_expr)

    def follow(self) -> None:
        """Let the plots show what is selected in the explorer."""
        selected = self._page.selected
        if selected == self._agreed:
            return
        self._agreed, self._telling = selected, True
        try:
            expr = expression(self._page.table, selected)
            self.linked.selection_expr = expr
            if repr(self.linked.selection_expr) != repr(expr):
                self.linked.selection_expr = expr  # HoloViews forgets an expression that replaces one that was set in this way
        except Exception as error:  # noqa: BLE001  whatever the user's own plots make of it, the explorer stays
            self._page.failed(sentence(error))
        finally:
            self._telling = False

    def _theirs(self, event: Any) -> None:
        if not self._telling:
            self._take(event.new)

    def _take(self, expr: Any) -> None:
        try:
            steps = steps_of(self._page.table, expr)
        except BigviewError as error:
            self._page.failed(str(error))
            return
        self._agreed = Filters.stepwise(steps)
        self._page.select(steps)


class Shared:
    """What an explorer shares of its selection.

    Parameters
    ----------
    page : Page
        The explorer.
    """

    def __init__(self, page: Page) -> None:
        self._page = page
        self._links: list[Link] = []
        self.stream = Selected()

    def link(self, linked: Any = None) -> Any:
        """Keep the selection and that of a `link_selections` the same; return the latter, a new one by default."""
        found = hv.link_selections.instance() if linked is None else linked
        if not hasattr(found, "selection_expr"):
            raise OptionError(f"link() takes what hv.link_selections.instance() gives, not {type(linked).__name__}.")
        _register()
        if all(link.linked is not found for link in self._links):
            self._links.append(Link(self._page, found))
        return found

    def follow(self) -> None:
        """Tell plots and streams of a change, if there is one."""
        where, filters = self._page.selected, self._page.where
        for link in self._links:
            link.follow()
        if (where, filters) != (self.stream.where, self.stream.filters):
            self.stream.event(selection_expr=expression(self._page.table, where), where=where, filters=filters)

    def close(self) -> None:
        """Let go of all."""
        self._links.clear()
