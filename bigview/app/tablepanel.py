"""The table of records: all rows of the filters and the selection, a page at a time."""

from collections.abc import Callable, Iterator
from typing import Any

import param

from bigview.app.component import HERE, Component
from bigview.app.downloads import Wanted
from bigview.app.host import Attached, Host
from bigview.app.tableexport import TableExport, open_desk
from bigview.app.tablepages import (
    LONGEST_SEARCH,
    PAGE,
    Asked,
    Order,
    Shown,
    arriving,
    first_columns,
    is_numeric,
    pages_of,
    searchable,
    searching,
    turned,
)
from bigview.spec import Filters, View
from bigview.views.live import sentence
from bigview.views.pointer import Found

_MESSAGES = {
    "columns": "_choose",
    "follow": "_follow_map",
    "page": "_turn",
    "row": "_row_clicked",
    "search": "_look_for",
    "shown": "_uncovered",
    "sort": "_sort",
    "weigh": "_weigh",
}


class Table(Component):
    """The table as the page shows it. It takes plain values; tablepanel.js shows them as text."""

    busy = param.Boolean(default=False, doc="Whether a newer page is being fetched.")
    export = param.Dict(default={}, doc="What can be downloaded, and how large it is.")
    facts = param.Dict(default={}, doc="All columns with their kinds, those that are shown, whether there is text to search.")
    marked = param.Integer(default=None, allow_None=True, doc="The row whose record is pinned on the map.")
    page = param.Dict(default={}, doc="Rows as text, and which they are of how many.")
    trouble = param.String(default="", doc="What went wrong; the last page stays.")

    _esm = HERE / "tablepanel.js"
    _parts = ("paging.js",)
    _stylesheets = (str(HERE / "tablepanel.css"),)


class TablePanel(Attached):
    """The table of one visitor.

    Parameters
    ----------
    host : Host
        The explorer it belongs to.
    """

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self._table = host.table
        self._columns = first_columns(self._table.columns)
        self._order: Order | None = None
        self._search = ""
        self._follows = False
        self._pin: int | None = None
        self._asked: Asked | None = None
        self._shown = Shown()
        self._visible = True
        at = open_desk()
        self._exports = None if at is None else TableExport(host, at, lambda offer: self.component.param.update(export=offer))
        self.component = Table(facts=self._facts(), told=self._told, sizing_mode="stretch_both", margin=0)
        self._worker = self._worker_of(self._work, self._deliver)
        self._attach(self._refresh, settled=self._refresh, pinned=self._pinned)
        self._ask()

    def _facts(self) -> dict[str, Any]:
        kinds = self._table.columns
        columns = [{"name": name, "kind": kind, "on": name in self._columns} for name, kind in kinds.items() if name != "__row"]
        return {"columns": columns, "export": self._exports is not None, "searchable": bool(searchable(kinds)), "longest": LONGEST_SEARCH}

    # What is asked for, and what comes back.

    def _ask(self, number: int = 0, jump: bool = False) -> None:
        """Ask for a page of what is chosen now."""
        where, view = self._chosen()
        asked = Asked(where, view, self._search, self._columns, self._order, number, self._pin, jump)
        if asked != self._asked or jump:
            self._asked, self.component.busy = asked, True
            self._worker.request(asked)

    def _chosen(self) -> tuple[Filters, View | None]:
        """Return filters and selection together, and the place to which the rows are confined."""
        return Filters.of(self._host.where, self._host.selected), self._host.map.view if self._follows else None

    def _work(self, asked: Asked, _: Callable[[], bool]) -> Iterator[Shown]:
        try:
            yield from arriving(self._table, asked)
        except Exception as error:  # noqa: BLE001  the last page stays, and says why
            yield Shown(error=sentence(error))

    def _deliver(self, asked: Asked, shown: Shown) -> None:
        if asked is not self._asked:
            return  # a newer page is under way
        if shown.error:
            self._asked = None  # the same may be asked again
            self.component.param.update(busy=False, trouble=shown.error)
            return
        self._shown = shown
        if self._exports is not None and self.component.export:
            self._exports.withdraw()
        self.component.param.update(page=self._page(asked, shown), marked=self._pin, busy=shown.total is None, trouble="")

    def _page(self, asked: Asked, shown: Shown) -> dict[str, Any]:
        kinds = self._table.columns
        first = shown.number * PAGE
        return {
            "columns": [{"name": name, "numeric": is_numeric(kinds[name])} for name in asked.columns],
            "ids": shown.ids,
            "cells": shown.cells,
            "found": None if shown.found is None else {"id": asked.find, "cells": shown.found},
            "first": first,
            "total": shown.total,
            "range": _range(asked, shown),
            "number": shown.number + 1,
            "pages": pages_of(shown.total or 0),
            "order": None if asked.order is None else {"name": asked.order.column, "descending": asked.order.descending},
            "empty": "" if shown.ids else _nothing(asked),
        }

    # What the map and the state tell.

    def _refresh(self) -> None:
        """Show other rows where filters, selection or, if it counts, the view have changed."""
        if not self._visible:
            return
        try:
            before = self._asked
            if before is None or (before.where, before.view) != self._chosen():
                self._ask()
        except Exception as error:  # noqa: BLE001  such as a saved selection that is gone
            self.component.trouble = sentence(error)

    def _pinned(self, found: Found | None) -> None:
        """Mark the record that was clicked, and show it: on its page in store order, above the page in another one."""
        self._pin = None if found is None else int(found.record["__row"].iloc[0])
        if self._pin is None or self._pin in self._shown.ids:
            shown = self.component.page
            self.component.param.update(marked=self._pin, page={**shown, "found": None} if shown.get("found") else shown)
        elif self._visible:
            self._ask(self._shown.number, jump=True)

    # What the visitor does.

    def _told(self, kind: Any, value: Any) -> None:
        """Act on a message of the page, in its turn."""
        if kind in _MESSAGES:
            self._host.map.soon(lambda: self._heard(_MESSAGES[kind], value))

    def _heard(self, act: str, value: Any) -> None:
        try:
            getattr(self, act)(value)
        except Exception as error:  # noqa: BLE001  a message must never end the session
            self.component.trouble = sentence(error)

    def _turn(self, value: Any) -> None:
        self._ask(min(max(int(value) - 1, 0), pages_of(self._shown.total or 0) - 1))

    def _sort(self, value: Any) -> None:
        if value in self._table.columns:
            self._order = turned(self._order, value, self._table.columns)
            self._ask()

    def _look_for(self, value: Any) -> None:
        self._search = str(value)[:LONGEST_SEARCH]
        self._ask()

    def _follow_map(self, value: Any) -> None:
        self._follows = bool(value)
        self._ask()

    def _choose(self, value: Any) -> None:
        """Show these columns, in the store's order."""
        self._columns = tuple(name for name in self._table.columns if name in value and name != "__row")
        self.component.facts = self._facts()
        self._ask(self._shown.number)

    def _weigh(self, value: Any) -> None:
        """Offer the rows of the table as files: all of their columns, or those that are shown."""
        if self._exports is not None:
            where, view = self._chosen()
            where = Filters.of(where, searching(self._table.columns, self._search))
            self._exports.weigh(Wanted(self._table, where, view, self._columns if value else None, "parquet"))

    def _row_clicked(self, value: Any) -> None:
        self._host.show([int(value)])

    def _uncovered(self, value: Any) -> None:
        """Take note of whether the table is on the screen: what is not seen is not fetched."""
        self._visible = bool(value)
        self._refresh()

    def close(self) -> None:
        """Stop all work, and listen no more."""
        super().close()
        if self._exports is not None:
            self._exports.close()


def _range(asked: Asked, shown: Shown) -> str:
    """Return which rows are shown, and of how many."""
    if not shown.ids:
        return ""
    first = shown.number * PAGE
    rows = f"{first + 1:,}–{first + len(shown.ids):,}"
    if shown.total is None:
        return f"{rows}; counting the hits…"
    return f"{rows} of {shown.total:,}" + (" hits" if asked.search and shown.total != 1 else " hit" if asked.search else "")


def _nothing(asked: Asked) -> str:
    """Return the sentence for a table without rows."""
    what = f"No record contains “{asked.search}”" if asked.search else "No record passes the filters"
    return f"{what} in the visible part of the map." if asked.view is not None else f"{what}."
