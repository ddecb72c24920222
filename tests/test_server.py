"""The server with real websocket visitors: its cap, odd visitors, what a session leaves behind, and fairness."""

import asyncio
import gc
import json
import logging
import threading
from collections import Counter
from contextlib import asynccontextmanager, nullcontext, suppress

import numpy as np
import pandas as pd
import pytest
from bokeh.document import Document
from bokeh.models import ColumnDataSource
from bokeh.plotting import figure as Figure
from bokeh.server.session import ServerSession
from bokeh.server.views.ws import WSHandler
from bokeh.util.token import generate_jwt_token, generate_session_id
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClosedError, websocket_connect

from bigview.app import memory
from bigview.app import server as server_module
from bigview.app.explorer import Explorer, Stage
from bigview.app.server import SIZE, make_server
from bigview.app.state import State
from bigview.build.points import build_points
from bigview.config import limits, override
from bigview.spec import View
from bigview.stores import open as open_store
from bigview.views import picture
from bigview.views import scene as scene_module
from bigview.views.live import Door, Latest
from bigview.views.map import Map
from tests.loops import run
from tests.visitor import Visitor

ROWS = 20_000


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"x": rng.normal(size=ROWS), "y": rng.normal(size=ROWS), "kind": pd.Categorical(rng.choice(["a", "b", "c"], ROWS))},
    )
    folder = tmp_path_factory.mktemp("store")
    build_points(table, str(folder / "a.bv"), x="x", y="y")
    return str(folder / "a.bv")


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    """Let servers look often for sessions that nobody uses, and write no log, of which pytest would keep every word and what it is about."""
    monkeypatch.setattr(server_module, "CHECK", 50)
    logging.disable(logging.INFO)
    yield
    logging.disable(logging.NOTSET)


@asynccontextmanager
async def serving(*paths, **options):
    """Run a server in this loop; give it and its address."""
    server = make_server(list(paths), **options)
    server.start()
    try:
        yield server, f"http://localhost:{server.port}"
        await cleared(server)
    finally:
        server.stop()


async def cleared(server):
    """Wait until the server has dropped all sessions."""
    async with asyncio.timeout(20):
        while sessions := server.get_sessions():
            for session in sessions:
                session.request_expiration()
            await asyncio.sleep(0.02)


async def asked(url, method="GET", **headers):
    """Return the answer to a request, whatever its status."""
    return await AsyncHTTPClient().fetch(HTTPRequest(url, method, headers=headers), raise_error=False)


async def left(server, visitors):
    """Wait until the server has noticed that visitors went away."""
    while sum(session.connection_count for session in server.get_sessions()) > visitors:
        await asyncio.sleep(0.01)


def test_a_full_server_says_so_before_it_makes_anything(path):
    async def scene():
        async with serving(path) as (server, url):
            with override(sessions=2):
                first, second = await Visitor(f"{url}/").enter(), await Visitor(f"{url}/").enter()
                answer = await asked(f"{url}/")
                assert answer.code == 503
                assert int(answer.headers["Retry-After"]) > 0
                assert "no-store" in answer.headers["Cache-Control"]
                text = answer.body.decode()
                assert "All places are taken" in text
                assert "2 people" in text
                assert 'role="status"' in text
                assert (await asked(f"{url}/", "HEAD")).code == 503
                assert (await asked(f"{url}/autoload.js?bokeh-autoload-element=a")).code == 503
                assert len(server.get_sessions()) == 2
                assert (await asked(f"{url}/static/js/bokeh.min.js")).code == 200  # what pages need is not refused

                await first.leave()
                await left(server, 1)
                assert (await asked(f"{url}/", "HEAD")).code == 200
                third = await Visitor(f"{url}/").enter()  # at once: a visitor who reloads keeps his place
                assert (await asked(f"{url}/")).code == 503
                await second.leave()
                await third.leave()

    run(scene())


def test_a_full_server_refuses_websockets_of_new_sessions_and_takes_back_who_was_cut_off(path):
    async def opened(url, token):
        request = HTTPRequest(url.replace("http", "ws", 1) + "/ws", headers={"Origin": url})
        return await websocket_connect(request, subprotocols=["bokeh", token])

    async def scene():
        async with serving(path) as (server, url):
            with override(sessions=1):
                visitor = await Visitor(f"{url}/").enter()
                for token in (generate_jwt_token(generate_session_id()), "nonsense", ""):
                    with pytest.raises(HTTPClientError, match="503"):
                        await opened(url, token)
                (session,) = server.get_sessions()
                again = await opened(url, session.token)
                assert json.loads(await again.read_message())["msgtype"] == "ACK"
                again.close()
                await visitor.leave()

    run(scene())


def test_visitors_who_come_together_do_not_slip_in_together(path):
    async def scene():
        async with serving(path) as (server, url):
            with override(sessions=3):
                answers = await asyncio.gather(*(asked(f"{url}/") for _ in range(12)))
                assert all(answer.code in (200, 503) for answer in answers)
                figures = [doc for doc in (session.document for session in server.get_sessions()) if doc.select_one({"type": Figure})]
                assert len(figures) == 3

    run(scene())


def test_several_stores_share_one_cap(path):
    async def scene():
        async with serving(path, path) as (_, url), asyncio.timeout(30):
            with override(sessions=1):
                visitor = await Visitor(f"{url}/a").enter()
                for page in ("/", "/a", "/a/", "/a-2", "/a-2/autoload.js?bokeh-autoload-element=a"):
                    assert (await asked(url + page)).code == 503, page
                assert (await asked(f"{url}/nothing")).code == 404
                await visitor.leave()

    run(scene())


def test_the_cap_is_a_limit():
    assert limits().sessions >= 50


# --- odd visitors --------------------------------------------------------------------------------------------------------------------

SIZES = [(10**9, 10**9), (10**9, 2), (2, 10**9), (10**400, 3), (-5, 600), (0, 0), (1, 1), (float("nan"), 600), ("wide", 600), (None, None)]
VIEWS = [
    (float("nan"), 1.0, 0.0, 1.0),
    (float("-inf"), float("inf"), 0.0, 1.0),
    (-1e308, 1e308, -1e308, 1e308),
    (1.0, 0.0, 1.0, 0.0),
    (0.0, 0.0, 0.0, 0.0),
    ("2020-01-01", "2021-01-01", 0.0, 1.0),
    ("a", "b", 0.0, 1.0),
    (None, None, None, None),
]


@pytest.fixture
def drawn(monkeypatch):
    """Return the sizes of the frames that maps have asked for."""
    sizes = []
    plain = picture.frame

    def noted(table, view, *rest):
        if (view.width, view.height) != SIZE:  # that of the warm-up
            sizes.append((view.width, view.height))
        return plain(table, view, *rest)

    monkeypatch.setattr(picture, "frame", noted)
    return sizes


def test_no_size_that_a_browser_tells_makes_a_larger_picture(path, drawn):
    async def scene():
        async with serving(path) as (_, url):
            for size in SIZES:
                visitor = await Visitor(f"{url}/").enter()
                visitor.resize(*size)
                x0, x1, y0, y1 = visitor.view
                visitor.look((x0 + 1, x1 + 1, y0, y1))  # dragging: the picture has a margin
                await asyncio.sleep(0.1)
                await visitor.leave()  # Bokeh closes the connection of one who sends no number
            await (await Visitor(f"{url}/").enter()).leave()

    with override(picture_pixels=400_000):
        run(scene())
        most = limits().picture_pixels * (1 + 2 * limits().margin) ** 2
        assert max(width * height for width, height in drawn) <= 1.01 * most


@pytest.mark.parametrize("view", VIEWS)
def test_no_range_that_a_browser_tells_ends_its_map_or_another(path, view):
    async def scene():
        async with serving(path) as (_, url):
            odd, other = await Visitor(f"{url}/").enter(), await Visitor(f"{url}/").enter()
            home = other.view
            odd.look(view, settled=True)
            await asyncio.sleep(0.1)
            half = tuple(end / 2 for end in home)
            # Bokeh itself refuses what is no number, and says so when it comes to it.
            with nullcontext() if all(isinstance(end, float) for end in view) else suppress(ConnectionError):
                await odd.see(half, settled=True)
            await other.see(half, settled=True)
            await odd.leave()
            await other.leave()

    run(scene())


# --- what a session leaves behind ----------------------------------------------------------------------------------------------------

HELD = (Explorer, Stage, Map, Latest, Door, picture.Painter, State, ServerSession, Document, Figure, ColumnDataSource)


def live():
    """Return how many objects of each kind that a session has are alive."""
    gc.collect()
    found = Counter(type(thing) for thing in gc.get_objects())
    return {kind.__name__: sum(count for held, count in found.items() if issubclass(held, kind)) for kind in HELD}


async def visit(url):
    """Open the map, zoom in twice, and go."""
    visitor = await Visitor(url).enter()
    for _ in range(2):
        x0, x1, y0, y1 = visitor.view
        await visitor.see((0.9 * x0 + 0.1 * x1, 0.1 * x0 + 0.9 * x1, 0.9 * y0 + 0.1 * y1, 0.1 * y0 + 0.9 * y1), settled=True)
    await visitor.leave()


def test_sessions_that_close_leave_nothing(path):
    async def scene():
        async with serving(path) as (server, url):
            for _ in range(2):
                await visit(f"{url}/")
            await cleared(server)
            before = live()
            for _ in range(2):
                await asyncio.gather(visit(f"{url}/"), visit(f"{url}/"))
            await cleared(server)
            assert live() == before

    run(scene())


def test_memory_goes_back_to_the_system_once_visitors_have_left(path, monkeypatch):
    given = threading.Event()
    monkeypatch.setattr(memory, "_REST", 0.01)
    monkeypatch.setattr(memory, "_library", lambda: True)
    monkeypatch.setattr(memory, "give_back", given.set)

    async def scene():
        async with serving(path) as (server, url):
            await visit(f"{url}/")
            await cleared(server)
            assert await asyncio.to_thread(given.wait, 20)

    run(scene())
    monkeypatch.undo()
    memory.give_back()


def test_that_somebody_left_while_a_picture_was_on_its_way_is_not_logged(path, monkeypatch):
    said, log = [], logging.getLogger(WSHandler.__module__)
    keeper = logging.Handler()
    keeper.emit = lambda record: said.append(record.getMessage())
    monkeypatch.setattr(log, "handlers", [keeper])
    monkeypatch.setattr(log, "disabled", False)
    monkeypatch.setattr(log, "level", logging.WARNING)
    log.manager._clear_cache()

    class Late:
        async def send(self, socket):
            raise WebSocketClosedError

    async def scene():
        async with serving(path):
            await WSHandler.send_message(None, Late())
            log.warning("something else")

    run(scene())
    log.manager._clear_cache()
    assert said == ["something else"]


def test_pages_that_never_connect_go_by_themselves(path, monkeypatch):
    monkeypatch.setattr(server_module, "UNUSED", 100)

    async def scene():
        async with serving(path) as (server, url), asyncio.timeout(20):
            before = live()["Map"]
            await asked(f"{url}/")
            while server.get_sessions():
                await asyncio.sleep(0.02)
            assert live()["Map"] <= before, "others may be gone as well"

    run(scene())


# --- fairness ------------------------------------------------------------------------------------------------------------------------

SLOW = (333, 222)


def test_visitors_whose_pictures_are_slow_do_not_hold_up_others(path, monkeypatch):
    """More of them than there are threads for quick pictures; they are let go only after the others have seen theirs."""
    go, under_way = threading.Event(), []
    plain = picture.frame

    def slow(table, view, *rest):
        if (view.width, view.height) == SLOW:
            under_way.append(view)
            assert go.wait(60)
        return plain(table, view, *rest)

    monkeypatch.setattr(picture, "frame", slow)

    async def scene():
        count = limits().view_threads + 2
        async with serving(path) as (_, url), asyncio.timeout(60):
            quick = [await Visitor(f"{url}/").enter() for _ in range(2)]
            held = [asyncio.create_task(Visitor(f"{url}/").enter(SLOW)) for _ in range(count)]
            while len(under_way) < count:
                await asyncio.sleep(0.01)
            for visitor in quick:
                for share in (0.8, 0.6, 0.4):
                    await visitor.see(tuple(end * share for end in visitor.view), settled=True)
            assert not any(task.done() for task in held)
            go.set()
            for visitor in [*quick, *await asyncio.gather(*held)]:
                await visitor.leave()

    try:
        run(scene())
    finally:
        go.set()


def test_each_visitor_sees_his_own_view_and_its_count(path):
    async def one(url, store, number):
        visitor = await Visitor(url).enter()
        view = tuple(end * (1 - 0.11 * number) for end in visitor.view)
        shown = await visitor.see(view, settled=True)
        rows = store.count(View(view[:2], view[2:]))
        await visitor.until(lambda: visitor.status.get("view") == f"{rows:,}")
        assert shown.shows(view)
        await visitor.leave()
        return rows

    async def scene():
        with open_store(path) as store:
            async with serving(path) as (_, url):
                counts = await asyncio.gather(*(one(f"{url}/", store, number) for number in range(8)))
        assert len(set(counts)) > 4

    run(scene())


@pytest.mark.parametrize("click", ["tap", "pressup"])
def test_a_click_counts_though_the_finger_has_left_before_anybody_looked(path, monkeypatch, click):
    """A finger leaves the map right after its tap, and a pointer moves on; neither may take the click back while the server is busy."""
    left, gone, find = threading.Event(), Map._left, scene_module.find

    def slow(table, pointed):
        assert pointed.click or left.wait(20)
        return find(table, pointed)

    def leaving(self):
        gone(self)
        left.set()

    monkeypatch.setattr(scene_module, "find", slow)

    async def scene():
        async with serving(path) as (_, url):
            visitor = await Visitor(f"{url}/").enter()
            row = open_store(path).rows(limit=1).iloc[0]
            place = (float(row["x"]), float(row["y"]))
            monkeypatch.setattr(Map, "_left", leaving)
            for name in ("mousemove", click, "mousemove", "mouseleave"):
                visitor.point(name, place)
            await visitor.until(lambda: visitor.record)
            shown = dict(visitor.record["fields"])
            assert float(shown["x"]) == pytest.approx(row["x"])
            await visitor.leave()

    run(scene())
