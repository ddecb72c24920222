"""Users' own plots of a store, served, in a real browser."""

import itertools
import re
import socket
import time
from contextlib import suppress

import datashader as ds
import holoviews as hv
import panel as pn
import pytest
from holoviews.operation.datashader import rasterize

from tests.views import store as built
from tests.views import table as made


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    hv.extension("bokeh")
    return built(tmp_path_factory.mktemp("served"), made())


@pytest.fixture
def served():
    servers = []

    def serve(make):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        servers.append(pn.serve(make, port=port, threaded=True, show=False, verbose=False))
        assert until(lambda: socket.create_connection(("127.0.0.1", port)).close() is None)
        return f"http://localhost:{port}/"

    yield serve
    for server in servers:
        server.stop()


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(ConnectionError):
            if condition():
                return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("kind", ["rasterize", "hvplot"])
def test_wheel_and_hover(store, served, page, kind):
    plots = {
        "rasterize": lambda: rasterize(hv.Points(store, ["x", "y"]), selector=ds.first()).opts(
            width=600, height=500, tools=["hover"], active_tools=["wheel_zoom"]
        ),
        "hvplot": lambda: store.hvplot.points(by="label", width=600, height=500, hover_cols=["text", "label"]).opts(
            hv.opts.RGB(active_tools=["wheel_zoom"])
        ),
    }
    shown = []

    def make():
        pane = pn.pane.HoloViews(plots[kind]())
        shown.append(pane)
        return pane

    page.goto(served(make))
    canvas = page.locator(".bk-Canvas").first
    canvas.wait_for()
    box = canvas.bounding_box()
    place = box["x"] + 250, box["y"] + 230

    def bounds():
        return next(iter(shown[-1]._plots.values()))[0].current_frame.bounds.lbrt()

    assert until(lambda: shown and shown[-1]._plots)
    page.mouse.move(*place)
    before = bounds()
    # One tick at a time: ticks sent faster than frames come would zoom to an empty place.
    ticked = lambda: page.mouse.wheel(0, -200) or until(lambda: bounds()[2] - bounds()[0] < 0.97 * (before[2] - before[0]), 8)  # noqa: E731
    assert until(ticked, 30)
    page.mouse.move(place[0] + 3, place[1] + 3)
    record = page.get_by_text(re.compile(r"^row <b>\d+</b>$"))
    wander = itertools.count()  # most pixels of a zoomed picture are empty; records come when the pointer rests
    rested = lambda: page.mouse.move(place[0] + next(wander) % 97, place[1]) or page.wait_for_timeout(250)  # noqa: E731
    assert until(lambda: rested() or record.count()), "the text is text, not markup"
