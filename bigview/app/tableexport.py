"""The export of what the table shows: its size first, then the links."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import panel as pn

from bigview.app.downloads import Desk, Wanted, desk
from bigview.app.host import Host
from bigview.build.space import size
from bigview.store.export import ExportSize, export_size
from bigview.store.points import PointTable
from bigview.views.live import sentence

_NAMES = {"parquet": "Parquet", "csv": "CSV", "arrow": "Arrow"}


@dataclass(frozen=True)
class _Weighed:
    sizes: tuple[tuple[Wanted, ExportSize], ...] = ()
    error: str = ""


def open_desk() -> Desk | None:
    """Return the desk whose server the page at hand comes from; None in a notebook."""
    document = pn.state.curdoc
    return desk() if desk().open and document is not None and document.session_context is not None else None


class TableExport:
    """Tells how large the files would be, and offers them.

    Parameters
    ----------
    host : Host
    at : Desk
    offer : callable
        Shows what is offered, plain values.
    """

    def __init__(self, host: Host, at: Desk, offer: Callable[[dict[str, Any]], None]) -> None:
        self._desk, self._offer = at, offer
        self._worker = host.map.worker(self._work, self._deliver)
        self._links: list[str] = []
        self._asked: Wanted | None = None

    def weigh(self, wanted: Wanted) -> None:
        """Find out how large the files would be, in any format."""
        self.withdraw({"note": "Counting…"})
        self._asked = wanted
        self._worker.request(wanted)

    def _work(self, wanted: Wanted, _: Callable[[], bool]) -> Iterator[_Weighed]:
        try:
            yield _Weighed(tuple(_weighed(replace(wanted, format=format)) for format in _NAMES))
        except Exception as error:  # noqa: BLE001  it is said in the menu
            yield _Weighed(error=sentence(error))

    def _deliver(self, wanted: Wanted, found: _Weighed) -> None:
        if wanted is not self._asked:
            return
        if found.error:
            self._offer({"note": found.error})
            return
        rows = found.sizes[0][1].rows
        if not rows:
            self._offer({"note": "There are no rows to export."})
            return
        links = [(one, self._desk.address(one), known) for one, known in found.sizes]
        self._links = [link for _, link, _ in links]
        files = [{"name": _NAMES[one.format], "link": link, "size": f"about {size(known.bytes)}"} for one, link, known in links]
        columns = len(found.sizes[0][1].columns)
        self._offer({"note": f"{rows:,} row{'s' if rows != 1 else ''}, {columns} columns", "files": files})

    def withdraw(self, offer: dict[str, Any] | None = None) -> None:
        """Take the links back, as when other rows are shown."""
        self._asked = None
        if self._links:
            self._desk.revoke(self._links)
            self._links = []
        self._offer(offer or {})

    def close(self) -> None:
        """Stop all work."""
        self._worker.close()
        self._desk.revoke(self._links)


def _weighed(wanted: Wanted) -> tuple[Wanted, ExportSize]:
    table: PointTable = wanted.table
    columns = None if wanted.columns is None else list(wanted.columns)
    return wanted, export_size(table, wanted.where, wanted.view, columns, wanted.format, spreadsheet=True)
