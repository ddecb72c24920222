"""The cap on visitors: nobody's map gets slow because one more came, and who finds no place is told so."""

from collections.abc import Callable, Collection
from functools import cache
from html import escape
from pathlib import Path
from typing import Any
from weakref import WeakSet

from bokeh.util.token import get_session_id
from tornado.httputil import HTTPServerRequest
from tornado.routing import Matcher, Rule
from tornado.web import RequestHandler

from bigview.config import limits

_RETRY = 5  # seconds after which it is worth asking again: people come and go by the minute
_ENDINGS = ("/ws", "/autoload.js", "")  # of the addresses that open a session: Bokeh's websocket, its script for other pages, the page


class Room:
    """Who is visiting, and whether one more may come.

    A session counts from its making until its browser goes away. Who went away does not count, though his session lives on for a while in case he
    was only cut off: a visitor who reloads the page of a full server gets his place back.
    """

    def __init__(self) -> None:
        self.visited = False  # whether anybody has ever come
        self._arrived: WeakSet[Any] = WeakSet()
        self._sessions: Callable[[], Collection[Any]] = list

    def open(self, server: Any, addresses: Collection[str]) -> None:
        """Watch over a server's sessions, and turn away who finds no place before anything is made for him."""
        self._sessions = server.get_sessions
        paths = {f"{server.prefix}{address}".rstrip("/") for address in addresses}
        server._tornado.default_router.rules.insert(0, Rule(_Door(self, paths), FullHandler, {"room": self}))

    def arrived(self, document: Any) -> None:
        """Note that a browser shows the document."""
        self._arrived.add(document)

    @property
    def visitors(self) -> int:
        """Sessions that a browser shows, or will show once it has loaded the page."""
        return sum(1 for session in self._sessions() if session.connection_count or session.document not in self._arrived)

    @property
    def full(self) -> bool:
        """Whether one more would be too many."""
        return self.visitors >= limits().sessions

    def knows(self, name: str) -> bool:
        """Tell whether there is a session of that name."""
        return any(session.id == name for session in self._sessions())


class _Door(Matcher):
    """Matches requests that would open a session while the room is full, and questions whether it is (HEAD)."""

    def __init__(self, room: Room, paths: Collection[str]) -> None:
        self._room, self._paths = room, paths

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        ending = next((ending for ending in _ENDINGS if self._leads(request.path.rstrip("/"), ending)), None)
        if ending is None:
            return None
        if request.method == "HEAD":
            return {}
        if ending == "/ws" and self._room.knows(_named(request)):
            return None
        return {} if self._room.full else None

    def _leads(self, path: str, ending: str) -> bool:
        return path.endswith(ending) and path.removesuffix(ending) in self._paths


def _named(request: HTTPServerRequest) -> str:
    """Return the name of the session that a websocket asks for; it comes in a token in the header of the protocol."""
    token = request.headers.get("Sec-WebSocket-Protocol", "").rpartition(",")[2].strip()
    try:
        return str(get_session_id(token))
    except Exception:  # noqa: BLE001  whatever else was sent names no session
        return ""


class FullHandler(RequestHandler):
    """Says that there is no place, in words and in HTTP: 503, with the time after which to ask again."""

    def initialize(self, room: Room) -> None:
        """Take what the rule gives."""
        self._room = room

    def head(self) -> None:
        """Answer the page that waits: 503 while there is no place."""
        self._say(self._room.full)

    def get(self) -> None:
        """Send the page."""
        self._say(True)
        self.write(full_page())

    def _say(self, full: bool) -> None:
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Type", "text/html; charset=utf-8")
        if full:
            self.set_status(503)
            self.set_header("Retry-After", str(_RETRY))


def full_page() -> str:
    """Return the page for who finds no place."""
    return _template().replace("$SESSIONS", escape(f"{limits().sessions:,}")).replace("$RETRY", str(_RETRY))


def said_in_page() -> str:
    """Return what that page says, for a page that is Bokeh's already."""
    return "<main>" + full_page().partition("<main>")[2].partition('<p id="said"')[0] + "</main>"


@cache
def _template() -> str:
    return (Path(__file__).parent / "full.html").read_text(encoding="utf-8")
