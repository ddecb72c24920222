"""The server with real websocket visitors: its cap, odd visitors, what a session leaves behind, and fairness."""

import asyncio
import json
from contextlib import asynccontextmanager

import numpy as np
import pandas as pd
import pytest
from bokeh.util.token import generate_jwt_token, generate_session_id
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from bigview.app.server import make_server
from bigview.build.points import build_points
from bigview.config import limits, override
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


@asynccontextmanager
async def serving(*paths, **options):
    """Run a server in this loop; give it and its address."""
    server = make_server(list(paths), **options)
    server.start()
    try:
        yield server, f"http://localhost:{server.port}"
    finally:
        server.stop()


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

    asyncio.run(scene())


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

    asyncio.run(scene())


def test_visitors_who_come_together_do_not_slip_in_together(path):
    async def scene():
        async with serving(path) as (server, url):
            with override(sessions=3):
                answers = await asyncio.gather(*(asked(f"{url}/") for _ in range(12)))
                assert all(answer.code in (200, 503) for answer in answers)
                figures = [doc for doc in (session.document for session in server.get_sessions()) if doc.select_one({"type": _figure()})]
                assert len(figures) == 3

    asyncio.run(scene())


def _figure():
    from bokeh.plotting import figure

    return figure


def test_several_stores_share_one_cap(path):
    async def scene():
        async with serving(path, path) as (_, url), asyncio.timeout(30):
            with override(sessions=1):
                visitor = await Visitor(f"{url}/a").enter()
                for page in ("/", "/a", "/a/", "/a-2", "/a-2/autoload.js?bokeh-autoload-element=a"):
                    assert (await asked(url + page)).code == 503, page
                assert (await asked(f"{url}/nothing")).code == 404
                await visitor.leave()

    asyncio.run(scene())


def test_the_cap_is_a_limit():
    assert limits().sessions >= 50
