"""Downloads: exports over HTTP, under addresses that only the page knows that asked for them."""

import asyncio
import logging
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from bokeh.server.views.auth_request_handler import AuthRequestHandler
from tornado.iostream import StreamClosedError
from tornado.routing import PathMatches, Rule
from tornado.web import authenticated

from bigview.spec import Filters, View
from bigview.store.export import export_chunks
from bigview.store.points import PointTable

_AT_ONCE = 4  # exports under way: each keeps a core busy and holds a few row groups; more wait for their turn
_FOLDER = "export"

log = logging.getLogger(__name__)


class Exported(Protocol):
    """What may be exported."""

    def chunks(self) -> tuple[str, str, Iterator[bytes]]:
        """Return the name of the file, its media type, and its bytes piece by piece."""


@dataclass(frozen=True)
class Wanted:
    """Rows that are to be exported; all columns where none are named."""

    table: PointTable
    where: Filters
    view: View | None
    columns: tuple[str, ...] | None
    format: str

    def chunks(self) -> tuple[str, str, Iterator[bytes]]:
        """Return the name of the file, its media type, and its bytes piece by piece."""
        return export_chunks(self.table, self.where, view=self.view, columns=self.columns, format=self.format)


class Desk:
    """Gives out addresses for exports and takes them back. It works in the event loop alone."""

    def __init__(self) -> None:
        self._wanted: dict[str, Exported] = {}
        self.open = False  # whether a server of this process answers there
        self.turns = asyncio.Semaphore(_AT_ONCE)

    def serve(self, server: Any) -> None:
        """Answer at a server, to whom it lets in."""
        matches = PathMatches(rf"{server.prefix}(?:/.*)?/{_FOLDER}/(?P<ticket>[\w-]+)")
        server._tornado.default_router.rules.insert(0, Rule(matches, DownloadHandler, {"desk": self}))
        self.open = True

    def address(self, wanted: Exported) -> str:
        """Return a new address, relative to the page's own."""
        ticket = secrets.token_urlsafe(32)
        self._wanted[ticket] = wanted
        return f"{_FOLDER}/{ticket}"

    def revoke(self, addresses: Iterable[str]) -> None:
        """Let addresses end."""
        for address in addresses:
            self._wanted.pop(address.removeprefix(f"{_FOLDER}/"), None)

    def find(self, ticket: str) -> Exported | None:
        """Return what an address stands for."""
        return self._wanted.get(ticket)


@cache
def desk() -> Desk:
    """Return the desk of this process."""
    return Desk()


class DownloadHandler(AuthRequestHandler):
    """Sends an export piece by piece, as it is made and as fast as it is taken."""

    def initialize(self, desk: Desk) -> None:
        """Take what the rule gives."""
        self._desk = desk

    @authenticated
    async def get(self, ticket: str) -> None:
        """Send the file."""
        wanted = self._desk.find(ticket)
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        if wanted is None:
            self.set_status(404)
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            self.finish("This download has ended with the page that offered it. Open Export there again.")
            return
        async with self._desk.turns:
            await self._send(wanted)

    async def _send(self, wanted: Exported) -> None:
        name, media, chunks = await asyncio.to_thread(wanted.chunks)
        self.set_header("Content-Type", media)
        self.set_header("Content-Disposition", f'attachment; filename="{name}"')
        try:
            while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
                self.write(chunk)
                await self.flush()
        except StreamClosedError:
            return  # the browser has left
        except Exception:
            # A proper end would make half a file look whole: the connection is cut, and the browser says so.
            log.exception("an export failed")
            self.detach().close()
        finally:
            await asyncio.to_thread(getattr(chunks, "close", lambda: None))
