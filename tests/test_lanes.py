"""The threads of all views: in turn, few at a time, and slow work does not use them up."""

import random
from threading import Barrier, Event, Lock

import pytest

from bigview.views.lanes import Lanes


def test_jobs_run_in_their_order():
    done, order = Event(), []
    lanes = Lanes(1)
    for k in range(20):
        lanes.submit(lambda k=k: order.append(k))
    lanes.submit(done.set)
    assert done.wait(10)
    assert order == list(range(20))


def test_no_more_than_so_many_run_at_once():
    lock, done, now, most = Lock(), Event(), [0], [0]
    left = [60]

    def job():
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        Event().wait(random.random() / 200)
        with lock:
            now[0] -= 1
            left[0] -= 1
            if not left[0]:
                done.set()

    lanes = Lanes(3, patience=60)
    for _ in range(60):
        lanes.submit(job)
    assert done.wait(10)
    assert most[0] <= 3


def test_slow_jobs_make_room_for_others():
    go, quick = Event(), Event()
    lanes = Lanes(2, patience=0.05, most=8)
    for _ in range(6):
        lanes.submit(lambda: go.wait(30))
    lanes.submit(quick.set)  # nobody asks for anything afterwards
    assert quick.wait(10)
    go.set()


def test_there_are_no_more_threads_than_allowed():
    meet, late = Barrier(5), Event()
    go = Event()
    lanes = Lanes(1, patience=0.01, most=4)

    def job():
        meet.wait(10)
        go.wait(30)

    for _ in range(4):
        lanes.submit(job)
    lanes.submit(late.set)
    meet.wait(10)  # all four run
    assert not late.wait(0.1)
    go.set()
    assert late.wait(10)


def test_a_job_that_fails_gives_its_place_back():
    done = Event()
    lanes = Lanes(1, patience=60)

    def fails():
        raise RuntimeError("on purpose")

    lanes.submit(fails)
    lanes.submit(done.set)
    assert done.wait(10)


def test_what_may_come_later_lets_others_pass_but_not_for_ever():
    begun, go, done = Event(), Event(), Event()
    order = []
    lanes = Lanes(1, patience=60, age=0.2)

    def first():
        begun.set()
        assert go.wait(10)

    lanes.submit(first)
    assert begun.wait(10)
    lanes.submit(lambda: order.append("old"), later=True)
    Event().wait(0.3)  # its patience is over
    lanes.submit(lambda: order.append("late"), later=True)
    lanes.submit(lambda: order.append("a"))
    lanes.submit(lambda: order.append("b"))
    lanes.submit(done.set)
    assert lanes.crowded
    go.set()
    assert done.wait(10)
    lanes.submit(go.clear, later=True)
    while go.is_set():
        Event().wait(0.01)
    assert order == ["old", "a", "b", "late"]
    assert not lanes.crowded


@pytest.mark.parametrize("count", [1, 3])
def test_a_job_may_submit_the_next(count):
    lanes, done, steps = Lanes(count), Event(), []

    def step():
        steps.append(1)
        if len(steps) < 200:
            lanes.submit(step)
        else:
            done.set()

    lanes.submit(step)
    assert done.wait(10)
