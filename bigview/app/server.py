"""The server: explorers of stores over HTTP, one process, safe by default."""

import errno
import json
import logging
import re
import secrets
import socket
from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations
from pathlib import Path
from threading import Thread
from typing import Any

import panel as pn

from bigview.app.downloads import desk
from bigview.app.explorer import Explorer
from bigview.app.full import Room, said_in_page
from bigview.app.index import index_page
from bigview.app.matrixpages import Table, address_of, comparable, compared_page, first_picture, heatmap_page, title_of
from bigview.app.memory import Returned, share_out
from bigview.app.newest import Newest
from bigview.app.state import first_coloring
from bigview.config import limits
from bigview.errors import BigviewError, InputError, OptionError, PortError
from bigview.spec import Style, View
from bigview.state import Spec
from bigview.store.matrix import MatrixTable
from bigview.store.points import PointTable
from bigview.stores import open as open_store
from bigview.views.picture import Painter, Wish

LOCAL = ("127.0.0.1", "localhost", "::1")
COMPRESSION: int | None = None  # none by the websocket, on the loop: frames come deflated, and another pass takes 5 ms to save nothing
UNUSED = 15_000  # ms that a session without a browser lives: a slow line takes this long to load a page, and a lost one to come back
CHECK = 2_000  # ms between looks for such sessions
_COMPARED = 3  # pairs of matrices that the list of stores offers to compare
_PAUSE = 0.1  # seconds before the warm-up: it would take the interpreter from the page of who waits already, and his browser then needs a second
SIZE = (1280, 800)  # pixels of the picture that warms a store up

_LEFT = "Failed sending message as connection was closed"  # Bokeh's words

log = logging.getLogger(__name__)


def serve(
    paths: str | Table | Sequence[str | Table],
    port: int = 5006,
    show: bool = False,
    address: str = "127.0.0.1",
    auth: str | None = None,
    public: bool = False,
    origin: Sequence[str] = (),
) -> None:
    """Serve the explorers of stores until interrupted.

    Parameters
    ----------
    paths : str, open store, or sequence of these
        Stores: paths or fsspec URLs, or what `bigview.open` gives. With several of them, the first page lists them.
    port : int
        0 takes a free one.
    show : bool
        Open the browser.
    address : str
        Where to listen. Any address but this machine's own needs `auth` or `public`.
    auth : str, optional
        A JSON file of users and passwords, ``{"name": "password"}``.
    public : bool
        Let anyone in who reaches the address.
    origin : sequence of str
        Hosts (``name:port``) under which browsers come, behind a proxy.

    Raises
    ------
    PortError
        When the port is in use or not allowed, or the address is open to others without `auth` or `public`.
    """
    share_out()
    server = make_server(paths, port, address, auth, public, origin)
    where = f"http://{'localhost' if address in LOCAL else address}:{server.port}/"
    print(f"bigview is at {where}  (stop it with Ctrl+C)", flush=True)  # noqa: T201  the one thing to know
    if show:
        server.show("/")
    server.run_until_shutdown()


def make_server(
    paths: str | Table | Sequence[str | Table],
    port: int = 0,
    address: str = "127.0.0.1",
    auth: str | None = None,
    public: bool = False,
    origin: Sequence[str] = (),
) -> Any:
    """Return the server of `serve`, listening, not yet running."""
    if address not in LOCAL and not (auth or public):
        raise PortError(
            f"Anyone who reaches {address} could see the data. Give a file of users and passwords with --auth FILE, or say --public if that is meant."
        )
    named = [paths] if isinstance(paths, (str, Path, PointTable, MatrixTable)) else paths
    tables = [path if isinstance(path, (PointTable, MatrixTable)) else open_store(path) for path in named]
    if not tables:
        raise OptionError("Name one store or more.")
    port = _usable_port(address, port)
    room = Room()
    pages, titles = _pages(tables)
    memory = Returned()
    pages = {where: _page(make, room, memory) for where, make in pages.items()}
    hosts = _hosts(address, port, public, origin)
    options: dict[str, Any] = {
        "check_unused_sessions_milliseconds": CHECK,
        "title": titles,
        "unused_session_lifetime_milliseconds": UNUSED,
        "websocket_compression_level": COMPRESSION,
    }
    if auth:
        options.update(basic_auth=_users(auth), cookie_secret=secrets.token_hex(32))
    try:
        server = pn.io.server.get_server(pages, port=port, address=address, start=False, show=False, verbose=False, websocket_origin=hosts, **options)
    except OSError as error:
        raise _port_error(error, address, port) from error
    room.open(server, pages)
    logging.getLogger("bokeh.server.views.ws").addFilter(_is_news)
    desk().serve(server)
    warmth = Thread(target=warm, args=(tables, lambda: room.visited), name="bigview-warm-up", daemon=True)
    server.io_loop.add_callback(_load, partial(server.io_loop.call_later, _PAUSE, warmth.start))
    return server


def explorer_page(table: PointTable) -> Explorer:
    """Return the explorer as a page of its own, with what the link to it says."""
    pn.extension()
    asked = pn.state.session_args.get("spec") if pn.state.session_args else None
    if not asked:
        return Explorer(table)
    try:
        return Explorer(table, spec=Spec.from_query(f"spec={asked[-1].decode(errors='replace')}"))
    except BigviewError as error:
        explorer = Explorer(table)
        explorer.say(str(error))
        return explorer


def _page(make: Callable[[], Any], room: Room, memory: Returned) -> Callable[[], Any]:
    """Return the function that makes a page for a visitor, or says that there is no place."""

    def page() -> Any:
        # Requests that came together have all passed the door before the first of them became a session.
        if room.full:
            return pn.pane.HTML(said_in_page())
        room.visited = True
        document = pn.state.curdoc
        pn.state.onload(lambda: room.arrived(document))
        pn.state.on_session_destroyed(memory.ended)
        return make()

    return page


def page_of(table: Table) -> Any:
    """Return the explorer of a store as a page of its own."""
    return heatmap_page(table) if isinstance(table, MatrixTable) else explorer_page(table)


def _pages(tables: Sequence[Table]) -> tuple[dict[str, Callable[[], Any]], dict[str, str]]:
    """Return address to page, and to its title: the explorer alone, or a list of stores and an explorer for each."""
    if len(tables) == 1:
        alone = Newest(tables[0])
        return {"/": lambda: page_of(alone.table)}, {"/": title_of(tables[0])}
    from bigview.app.linked import linkable, linked_page

    slugs: dict[str, Table] = {}
    for table in tables:
        plain = re.sub(r"[^a-z0-9]+", "-", Path(address_of(table).rstrip("/")).stem.lower()).strip("-") or "store"
        slug = plain
        while slug in slugs:
            slug = f"{plain}-{len(slugs) + 1}"
        slugs[slug] = table
    listed = [(slug, title_of(table), table) for slug, table in slugs.items()]
    pairs = [(f"{one[0]}-with-{other[0]}", one, other) for one in listed for other in listed if linkable(one[2], other[2])]
    alike = [(f"{one[0]}-and-{other[0]}", one, other) for one, other in combinations(listed, 2) if comparable(one[2], other[2])]
    # Of many alike matrices the pairs would be all that is seen; `--compare` shows any two.
    alike = alike[:_COMPARED]
    newest = {slug: Newest(table) for slug, table in slugs.items()}

    def now(entry: tuple[str, str, Table]) -> tuple[str, str, Table]:
        return entry[0], entry[1], newest[entry[0]].table

    pages: dict[str, Callable[[], Any]] = {
        "/": lambda: index_page([now(entry) for entry in listed], [(slug, now(one), now(other)) for slug, one, other in [*pairs, *alike]]),
        **{f"/{slug}": partial(_newest_page, page_of, newest[slug]) for slug in slugs},
        **{f"/{slug}": partial(_newest_page, linked_page, newest[one[0]], newest[other[0]]) for slug, one, other in pairs},
        **{f"/{slug}": partial(_newest_page, compared_page, newest[one[0]], newest[other[0]]) for slug, one, other in alike},
    }
    titles = {f"/{slug}": title for slug, title, _ in listed} | {f"/{slug}": f"{one[1]} and {other[1]}" for slug, one, other in [*pairs, *alike]}
    return pages, {"/": "bigview", **titles}


def _newest_page(make: Callable[..., Any], *stores: Newest) -> Any:
    return make(*(store.table for store in stores))


def _usable_port(address: str, port: int) -> int:
    """Return the port, or a free one for 0. The allowed hosts must name it before the server takes it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does: a port just left is no port in use
        try:
            probe.bind((address, port))
        except OSError as error:
            raise _port_error(error, address, port) from error
        return int(probe.getsockname()[1])


def _hosts(address: str, port: int, public: bool, origin: Sequence[str]) -> list[str]:
    """Return the hosts whose pages may open a session."""
    named = [origin] if isinstance(origin, str) else list(origin)
    if named:
        return named
    if address in LOCAL:
        return [f"{name}:{port}" for name in ("localhost", "127.0.0.1")]
    # Other machines come by names this one does not know; who may look has been settled above.
    return ["*"] if address in ("0.0.0.0", "::") or public else [f"{address}:{port}"]


def _users(path: str) -> str:
    """Check the file of users and passwords and return its path; Panel reads it."""
    try:
        users = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"The file of users {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise InputError(f'{path} is no JSON ({error}). Write it as {{"name": "password"}}.') from error
    if not isinstance(users, dict) or not users or not all(isinstance(word, str) and word for word in users.values()):
        raise InputError(f'{path} must hold users and passwords, {{"name": "password"}}.')
    return path


def _port_error(error: OSError, address: str, port: int) -> PortError:
    if error.errno == errno.EADDRINUSE:
        return PortError(f"Port {port} of {address} is in use. Choose another with --port N; 0 takes a free one.")
    if error.errno == errno.EACCES:
        return PortError(f"Port {port} is not allowed for this user. Choose one above 1023 with --port N.")
    return PortError(f"The server cannot listen at {address}, port {port}: {error.strerror or error}. Check --address.")


def _is_news(said: logging.LogRecord) -> bool:
    """Tell whether a line belongs in the log: not that somebody left while a picture was on its way, which is how visitors leave."""
    return said.msg != _LEFT


def _load(then: Callable[[], object]) -> None:
    """Load what the first page would: a third of a second, on the loop as a page would, and mostly before anybody comes."""
    import holoviews.plotting.bokeh  # noqa: F401

    then()


def warm(tables: Sequence[Table], visited: Callable[[], bool] = lambda: False) -> None:
    """Draw the first picture of each store, so that the first visitor finds code compiled and cells in memory; then leave the work to him."""
    for table in tables:
        try:
            if isinstance(table, MatrixTable):
                first_picture(table, SIZE)
                continue
            style = Style(by=first_coloring(table))
            view = View(*table.home, *SIZE)
            for _ in Painter(table).paint(Wish(view, style, settled=True), visited):
                if visited():
                    break
            else:
                x, y = (low + (high - low) / 2 for low, high in table.home)
                table.nearest(x, y, view=view, within=limits().reach)
        except Exception:  # a page says in its place what is wrong with a store
            log.debug("no warm-up of %s", table, exc_info=True)
