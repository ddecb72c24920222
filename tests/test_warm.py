"""A zoom is computed in a thread, and the event loop goes on."""

import asyncio
import threading
import time

import datashader as ds
import holoviews as hv
import pytest
from holoviews.operation.datashader import datashade, rasterize

from bigview.raster import frame as frames
from bigview.views import grids, warm
from tests import loops
from tests.views import store as built
from tests.views import table as made

PAUSE = 0.15


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    hv.extension("bokeh")
    return built(tmp_path_factory.mktemp("warm"), made(5000))


@pytest.fixture
def slow(monkeypatch):
    """Every aggregation takes a while; the threads that ran one."""
    threads = []

    def slowed(stock):
        def aggregate(*args, **options):
            threads.append(threading.current_thread() is threading.main_thread())
            time.sleep(PAUSE)
            return stock(*args, **options)

        return aggregate

    grids.cache.clear()
    for module, name in ((grids, "aggregate"), (frames, "aggregate"), (frames, "dominant_counts")):
        monkeypatch.setattr(module, name, slowed(getattr(module, name)))
    return threads


def callback_of(plot):
    parts = [part for part in plot.traverse(lambda part: part) if hasattr(part, "callbacks")]
    return next(entry for part in parts for entry in part.callbacks if type(entry).__name__ == "WarmRange")


def zoom(plot, ranges):
    """Send a zoom as the browser does; return the beats of the event loop while it is worked on."""

    async def run():
        beats = 0

        async def beat():
            nonlocal beats
            while True:
                await asyncio.sleep(0.01)
                beats += 1

        task = asyncio.create_task(beat())
        callback = callback_of(plot)
        ends = zip(("x0", "x1", "y0", "y1"), ranges, strict=True)
        await callback.on_msg({name: {"id": callback.plot.state.ref["id"], "value": end} for name, end in ends})
        task.cancel()
        return beats

    return loops.run(run())


PICTURES = {
    "rasterize": lambda points: rasterize(points),
    "mean": lambda points: rasterize(points, aggregator=ds.mean("score")),
    "datashade": lambda points: datashade(points, aggregator=ds.by("label")),
    "overlay": lambda points: rasterize(points) * hv.Points([(0, 0)]),
    "selected": lambda points: hv.link_selections.instance(selection_expr=hv.dim("label") == "a")(rasterize(points)),
    "hvplot": lambda points: points.data.hvplot.points(by="label"),
}


@pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES)
def test_frames_are_computed_off_the_event_loop(store, slow, picture):
    plot = hv.renderer("bokeh").get_plot(picture(hv.Points(store, ["x", "y"])))
    slow.clear()
    beats = zoom(plot, (0.5, 1.5, 0.25, 1.25))
    assert slow
    assert not any(slow), "in the main thread nothing is computed"
    assert beats > PAUSE / 0.02, "the loop went on"
    image = plot.current_frame.traverse(lambda part: part, [hv.Image, hv.RGB, hv.ImageStack])[0]
    assert image.bounds.lbrt() == (0.5, 0.25, 1.5, 1.25)
    assert plot.state.lod_timeout == warm.IDLE
    assert callback_of(plot).debounce == warm.DEBOUNCE
    slow.clear()
    zoom(plot, (0.6, 1.4, 0.25, 1.25))
    assert slow
    assert not any(slow), "and so on"


def test_an_error_ahead_is_left_to_the_frame_itself(store):
    recipe = warm.Recipe("broken", 10, 10, lambda view: grids.grid(grids.Subset.of(store), view, ds.mean("nothing")))
    assert warm.compute([recipe], (0, 1), (0, 1)) is None
    assert warm.compute([recipe], (1, 0), (0, 1)) is None


def test_what_was_drawn_is_forgotten_in_the_end(store):
    for step in range(200):
        warm.note(warm.Recipe(step, 10, 10, lambda view: None), (step, step + 1, 0, 1))
    assert len(warm._drawn) <= 64


def test_a_page_that_is_closed_meanwhile(store, slow):
    plot = hv.renderer("bokeh").get_plot(rasterize(hv.Points(store, ["x", "y"])))
    callback = callback_of(plot)

    async def run():
        task = asyncio.create_task(callback.on_msg({"x0": 0, "x1": 1, "y0": 0, "y1": 1}))
        await asyncio.sleep(0.05)
        callback.cleanup()
        await task

    loops.run(run())
