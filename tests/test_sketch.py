"""Sketches before slow pictures, work that is given up, and frames on the wire."""

import threading
import zlib
from pathlib import Path

import numpy as np
import pytest

import bigview as bv
from bigview.config import override
from bigview.raster.frame import forget_frames, frame
from bigview.raster.plan import Lattice
from bigview.raster.shade import coloured
from bigview.raster.sketch import Haste, sketch
from bigview.raster.tones import Tones
from bigview.spec import Style, View
from bigview.store import pool
from bigview.store.recent import Recent
from bigview.views.picture import Painter, Wish
from bigview.views.wire import Wire, coarser, encode
from tests.views import store, table

HOME = View((-1.5, 5.5), (-2, 4.5), 40, 30)
LARGE = {"exact_rows": 0, "quick_rows": 0, "summary_rows": 1}


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> bv.PointStore:
    """Return a store with summaries."""
    with override(**LARGE):
        return store(tmp_path_factory.mktemp("sketch"), table())


@pytest.fixture(autouse=True)
def _large():
    forget_frames()
    with override(**LARGE):
        yield


def cold(points: bv.PointStore) -> bv.PointStore:
    """Return the store with nothing in memory."""
    return bv.open(points.reader.folder.url)


@pytest.mark.parametrize("style", [Style(by="label"), Style(by="score"), Style()])
def test_a_sketch_says_so_and_the_exact_picture_replaces_it(points, style):
    pictures = list(Painter(cold(points)).paint(Wish(HOME, style, settled=True)))
    assert [picture.frame.exact for picture in pictures] == [False, True, True]
    assert pictures[0].wire.facts["approximate"]
    assert not pictures[1].wire.facts["approximate"]
    assert pictures[0].frame.error > pictures[1].frame.error
    assert pictures[-1].count == points.count(HOME)
    assert pictures[0].count is None, "no number is told before it is known"
    truth = frame(points, HOME, style)
    assert (pictures[-1].frame.rgba == truth.rgba).all()


def test_rows_between_cells_that_have_to_be_read_have_a_sketch_first(points):
    fresh = cold(points)
    level = Lattice.of(fresh.manifest, HOME).level
    cells = fresh.reader.level(level)[1]
    with cells.pinned(["key", "start", "count"], np.arange(len(cells.pins))):
        assert sketch(fresh, HOME, Style()) is not None
        frame(fresh, HOME, Style())
        assert sketch(fresh, HOME, Style()) is None


def test_while_the_map_moves_sketches_have_larger_pixels(points):
    frame(points, HOME, Style())
    still, moving = (sketch(points, HOME, Style(by="label"), haste=Haste(moving=moving)) for moving in (False, True))
    assert (still.shape, moving.shape) == ((15, 20), (7, 10))


def test_what_is_at_hand_has_no_sketch(points):
    painter = Painter(points)
    assert len(list(painter.paint(Wish(HOME, Style(by="label"))))) == 2
    assert len(list(painter.paint(Wish(HOME, Style(by="label"))))) == 1
    assert len(list(painter.paint(Wish(HOME, Style(by="label", dark=False))))) == 1, "other colours draw nothing"
    frame(points, HOME, Style())
    assert sketch(points, HOME, Style()) is None, "the cells are in memory"
    assert sketch(points, HOME, Style(), "votes > 5") is None


def test_the_sketch_of_a_density_has_all_rows_in_larger_pixels(points):
    rough = sketch(cold(points), HOME, Style())
    assert rough is not None
    assert not rough.exact
    assert rough.shape in [(15, 20), (7, 10), (3, 5)]
    inside = points.count(View(rough.x_range, rough.y_range))
    assert rough.count == inside


def test_nobody_waits_for_an_exact_picture_that_came_too_late(points):
    asked = []

    def stale() -> bool:
        asked.append(1)
        return True

    pictures = list(Painter(cold(points)).paint(Wish(HOME, Style(by="label"), settled=True), stale))
    assert [picture.frame.exact for picture in pictures] == [False]
    assert asked
    pictures = list(Painter(cold(points)).paint(Wish(HOME, Style(), settled=True), lambda: False))
    assert pictures[-1].frame.exact


def test_after_a_picture_the_next_filter_is_prepared(points):
    fresh = cold(points)
    pictures = Painter(fresh).paint(Wish(HOME, Style(by="label"), "score > 0.25 AND votes > 3", settled=True))
    last = next(picture for picture in pictures if picture.count is not None)
    assert last.count == points.count(HOME, "score > 0.25 AND votes > 3")
    assert fresh.unread("score > 0.35") > 0, "the visitor waits for the picture alone"
    assert list(pictures) == []
    assert fresh.unread("score > 0.35 AND votes > 5") == 0
    hurried = Painter(fresh).paint(Wish(HOME, Style(), "score > 0.45", settled=True), lambda: True)
    assert list(hurried)[-1].count == points.count(HOME, "score > 0.45")


def test_slices_stop_between_two_and_their_caller_waits_for_those_that_run():
    done, running = [], []

    def work(number: int) -> None:
        running.append(number)
        done.append(number)

    with pool.stoppable(lambda: len(done) >= 3), pytest.raises(pool.Stopped):
        pool.run(work, range(50))
    assert 3 <= len(done) < 50
    assert len(done) == len(running)
    pool.run(work, range(2))
    assert not pool.stopped()


def test_who_still_wants_what_another_gave_up_makes_it_himself():
    cache: Recent[str] = Recent(len, lambda: 1000)
    begun, go, found = threading.Event(), threading.Event(), []

    def given_up() -> str:
        begun.set()
        assert go.wait(10)
        raise pool.Stopped

    def first() -> None:
        with pytest.raises(pool.Stopped):
            cache.get("key", given_up)

    threads = [threading.Thread(target=first), threading.Thread(target=lambda: found.append(cache.get("key", lambda: "made")))]
    threads[0].start()
    assert begun.wait(10)
    threads[1].start()
    go.set()
    for thread in threads:
        thread.join()
    assert found == ["made"]


def decoded(wire: Wire) -> Tones:
    """Return the tones on the wire."""
    raw = np.frombuffer(zlib.decompress(wire.body.tobytes()), np.uint8)
    shape = wire.facts["height"], wire.facts["width"]
    tone, rest = raw[: shape[0] * shape[1]].reshape(shape), raw[shape[0] * shape[1] :]
    hue = None
    if wire.facts["hues"]:
        hue = np.zeros(shape, np.uint8)
        hue[tone > 0] = rest
    return Tones(tone, hue)


@pytest.mark.parametrize("style", [Style(by="label"), Style(by="score"), Style(), Style(by="flag")])
def test_the_wire_brings_the_frame_and_a_coarse_one_is_like_it(points, style):
    made = frame(points, HOME, style)
    wire, rough = encode(made), encode(made, coarse=True)
    assert wire.table is not None
    assert (coloured(decoded(wire), wire.table) == made.flat).all()
    flat = coloured(decoded(rough), wire.table)
    assert ((flat > 0) == (made.flat > 0)).all()
    apart = np.abs(flat.view(np.uint8).astype(int) - made.flat.view(np.uint8)).max()
    assert apart < 60


def test_mixed_colours_travel_as_they_are(points):
    made = frame(points, HOME, Style(by="label", mix=True))
    wire = encode(made)
    raw = np.frombuffer(zlib.decompress(wire.body.tobytes()), np.uint8).reshape(4, *made.shape)
    assert (np.ascontiguousarray(raw.transpose(1, 2, 0)).view(np.uint32)[..., 0] == made.flat).all()


@pytest.mark.parametrize("kind", ["count", "number", "category"])
def test_coarser_tones_keep_emptiness_and_are_fewer(kind):
    tones = coarser(kind)
    assert tones[0] == 0
    assert (tones[1:] > 0).all()
    assert len(np.unique(tones)) < 130
    assert (tones[tones] == tones).all(), "coarse tones stand for themselves"


def test_an_empty_store_has_a_picture_and_no_sketch(tmp_path: Path) -> None:
    empty = store(tmp_path, table().iloc[:0])
    assert sketch(empty, View((0, 1), (0, 1), 10, 10), Style()) is None
    assert not frame(empty, View((0, 1), (0, 1), 10, 10)).rgba.any()
