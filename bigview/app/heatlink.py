"""The link to what the page of a matrix shows: written at each rest, read when one goes back. What has no room in it is kept with the store."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from bigview.app.heathost import HeatPage
from bigview.app.heatstate import first_spec, usable_spec
from bigview.errors import BigviewError, TooLargeError
from bigview.matrixorder import Ordering
from bigview.matrixspec import MatrixSpec
from bigview.store.keptorders import keep_order
from bigview.store.matrix import MatrixTable
from bigview.views.live import sentence

_AT_ONCE = 50_000  # characters of an order of which the event loop makes a link: 5 ms


def link_of(spec: MatrixSpec, table: MatrixTable, kept: dict[Ordering, str]) -> tuple[str, dict[Ordering, str], str]:
    """Return the link to a spec, the names of the orders that were kept for it, and what has no place in it, as a sentence. Writes files."""
    known, orders = dict(kept), [one for one in spec.orders() if one not in kept]
    while True:
        try:
            return spec.to_query(known), known, ""
        except TooLargeError as error:
            if not orders:
                return _without(spec, known, str(error))
        longest = orders.pop(0)
        try:
            known[longest] = keep_order(table, longest)
        except BigviewError as error:
            return _without(spec, known, str(error))


def _without(spec: MatrixSpec, kept: dict[Ordering, str], why: str) -> tuple[str, dict[Ordering, str], str]:
    """Return the link without the selection, then without the orders."""
    for left_out, what in (({"selection": None}, "the selection"), ({"rows": None, "cols": None, "clusters": None}, "the order of rows and columns")):
        spec = spec.replaced(**left_out)
        try:
            return spec.to_query(kept), kept, f"The address shows all but {what}, which has no room in it: {why}"
        except TooLargeError:
            continue
    return "", kept, f"The address stays without what is shown: {why}"


class HeatLink:
    """The link of one visitor's page.

    Parameters
    ----------
    page : HeatPage
        The explorer.

    Attributes
    ----------
    jump : bool
        Whether the next link gets an entry of its own in the browser's history; moving about does not.
    """

    def __init__(self, page: HeatPage) -> None:
        self._page = page
        self._kept: dict[Ordering, str] = {}
        self._said = ""
        self._worker: Any = None
        self.jump = False

    def renew(self) -> None:
        """Give the page the link to what is shown."""
        if not self._page.stage.facts["page"]:
            return
        spec, push, self.jump = self._page.spec, self.jump, False
        if all(one in self._kept or one.length <= _AT_ONCE for one in spec.orders()):
            with suppress(TooLargeError):
                self._tell(spec.to_query(self._kept), push)
                return
        if self._worker is None:
            self._worker = self._page.map.worker(self._make, self._made)
        self._worker.request((spec, push))

    def _make(self, job: tuple[MatrixSpec, bool], _: Callable[[], bool]) -> Iterator[tuple[str, dict[Ordering, str], str]]:
        yield link_of(job[0], self._page.table, self._kept)

    def _made(self, job: tuple[MatrixSpec, bool], found: tuple[str, dict[Ordering, str], str]) -> None:
        query, self._kept, said = found
        self._tell(query, job[1])
        if said and said != self._said:
            self._page.say(said)  # once: the next rest would say the same
        self._said = said

    def _tell(self, query: str, push: bool) -> None:
        self._page.stage.link = {"query": query, "push": push}

    def travelled(self, query: str) -> None:
        """Show what a link of the browser's history holds."""
        page = self._page
        plain = first_spec(page.table, page.state.style.dark)
        try:
            found, said = usable_spec(page.table, MatrixSpec.from_query(query)) if "spec=" in query else (plain, "")
        except BigviewError as error:
            found, said = plain, sentence(error)
        page.map.go(found.view)
        page.state.spec = found.replaced(view=None)
        self.jump = False
        if said:
            page.failed(said)
