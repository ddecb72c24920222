"""Newest wins: the worker of a view, and the way into its document."""

from functools import cache
from threading import Event

import pytest

from bigview.errors import InputError
from bigview.views import live
from bigview.views.lanes import Lanes
from bigview.views.live import Door, Latest, sentence


class _Document:
    """A document that runs its next tick at once."""

    def __init__(self) -> None:
        self.session_context = object()
        self.callbacks = self
        self.hold_value = None
        self.log: list[str] = []

    def add_next_tick_callback(self, call):
        call()

    def hold(self, policy):
        self.hold_value = policy
        self.log.append("hold")

    def unhold(self):
        self.hold_value = None
        self.log.append("unhold")


def _direct(call):
    call()


def test_only_the_newest_waits():
    started, go, done = Event(), Event(), Event()
    delivered, worked = [], []

    def work(wish, stale):
        worked.append(wish)
        started.set()
        assert go.wait(10)
        yield wish * 10

    def deliver(wish, result):
        delivered.append((wish, result))
        if wish == 5:
            done.set()

    worker = Latest(work, deliver, pytest.fail, _direct)
    worker.request(1)
    assert started.wait(10)
    for wish in (2, 3, 4, 5):
        worker.request(wish)
    go.set()
    assert done.wait(10)
    assert worked == [1, 5]
    assert delivered == [(1, 10), (5, 50)]


def test_better_results_of_a_stale_request_are_left():
    first, go, done = Event(), Event(), Event()
    delivered = []

    def work(wish, stale):
        yield f"{wish} quick"
        yield f"{wish} exact"

    def deliver(wish, result):
        delivered.append(result)
        first.set()
        assert go.wait(10)
        if result == "b exact":
            done.set()

    worker = Latest(work, deliver, pytest.fail, _direct)
    worker.request("a")
    assert first.wait(10)
    worker.request("b")
    go.set()
    assert done.wait(10)
    assert delivered == ["a quick", "b quick", "b exact"]


def test_a_request_whose_results_serve_the_next_one_too_is_finished():
    first, done = Event(), Event()
    delivered = []

    def work(wish, stale):
        yield f"{wish} quick"
        assert not stale()
        yield f"{wish} exact"

    def deliver(wish, result):
        delivered.append(result)
        if len(delivered) == 1:
            worker.request("A")
            first.set()
        if len(delivered) == 4:
            done.set()

    worker = Latest(work, deliver, pytest.fail, _direct, lambda one, other: one.lower() == other.lower())
    worker.request("a")
    assert done.wait(10)
    assert delivered == ["a quick", "a exact", "A quick", "A exact"]


def test_a_failure_is_a_sentence_and_the_next_request_works():
    said, done = [], Event()

    def work(wish, stale):
        if wish == "bad":
            raise InputError("Not like this. Try that.")
        yield wish

    def failed(text):
        said.append(text)
        worker.request("good")

    worker = Latest(work, lambda wish, result: done.set(), failed, _direct)
    worker.request("bad")
    assert done.wait(10)
    assert said == ["Not like this. Try that."]


def test_a_closed_worker_starts_nothing():
    worker = Latest(lambda wish, stale: pytest.fail("worked"), lambda *_: None, pytest.fail, _direct)
    worker.close()
    worker.request(1)


def test_an_unknown_error_shows_no_inner_text():
    assert "secret" not in sentence(RuntimeError("secret path"))
    assert "memory" in sentence(MemoryError())


def test_changes_go_out_together_and_not_after_closing():
    document = _Document()
    door = Door(lambda: document, lambda: None)
    door(lambda: document.log.append("call"))
    assert document.log == ["hold", "call", "unhold"]
    door.close()
    door(lambda: pytest.fail("closed"))


def test_an_ended_session_is_no_error():
    document = _Document()
    document.add_next_tick_callback = lambda call: (_ for _ in ()).throw(RuntimeError("gone"))
    Door(lambda: document, lambda: None)(lambda: None)


def test_views_take_turns_with_their_results(monkeypatch):
    """All first results come before any second one."""
    monkeypatch.setattr(live, "_lanes", cache(lambda: Lanes(1, patience=60)))
    begun, go, done = Event(), Event(), Event()
    order = []

    def work(wish, stale):
        begun.set()
        assert go.wait(10)
        yield from range(3)

    def deliver(wish, result):
        order.append((result, wish))
        if len(order) == 9:
            done.set()

    workers = [Latest(work, deliver, pytest.fail, _direct) for _ in range(3)]
    workers[0].request(0)
    assert begun.wait(10)
    for k in (1, 2):
        workers[k].request(k)
    go.set()
    assert done.wait(10)
    assert order == sorted(order)


def test_a_new_request_does_not_wait_where_the_better_picture_of_an_old_one_waits(monkeypatch):
    monkeypatch.setattr(live, "_lanes", cache(lambda: Lanes(1, patience=60, age=60)))
    held, go, done = Event(), Event(), Event()
    order = []

    def work(wish, stale):
        yield "quick"
        yield "exact"

    def deliver(wish, result):
        order.append((wish, result))
        if wish == "a":
            live._lanes().submit(hold)  # comes before a's better picture
        if wish == "z" and result == "exact":
            done.set()

    def hold():
        held.set()
        assert go.wait(10)

    worker = Latest(work, deliver, pytest.fail, _direct)
    other = Latest(work, lambda wish, result: order.append((wish, result)), pytest.fail, _direct)
    worker.request("a")
    assert held.wait(10)
    other.request("o")
    worker.request("z")
    go.set()
    assert done.wait(10)
    assert order == [("a", "quick"), ("o", "quick"), ("z", "quick"), ("o", "exact"), ("z", "exact")]


def test_results_of_a_request_end_in_the_middle_when_a_newer_one_comes():
    got, done = [], Event()

    def work(wish, stale):
        yield from range(1000)

    def deliver(wish, result):
        got.append((wish, result))
        if (wish, result) == ("a", 3):
            worker.request("b")
        if (wish, result) == ("b", 999):
            done.set()

    worker = Latest(work, deliver, pytest.fail, _direct)
    worker.request("a")
    assert done.wait(20)
    assert got == [("a", k) for k in range(4)] + [("b", k) for k in range(1000)]
