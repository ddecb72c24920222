"""The one pool of threads that runs slices of kernels and reads row groups."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import pairwise
from typing import TypeVar

from bigview.config import limits

Item = TypeVar("Item")
Result = TypeVar("Result")

_lock = threading.Lock()
_pools: dict[int, ThreadPoolExecutor] = {}
_inside = threading.local()


class Stopped(Exception):
    """Raised in work that was told to stop."""


@contextmanager
def stoppable(stop: Callable[[], bool]) -> Iterator[None]:
    """Let what this thread runs in the block, in slices or alone, end with `Stopped` between two slices once ``stop()`` is true."""
    before = getattr(_inside, "stop", None)
    _inside.stop = stop
    try:
        yield
    finally:
        _inside.stop = before


def stopped() -> bool:
    """Tell whether the work of this thread was told to stop."""
    stop = getattr(_inside, "stop", None)
    return stop is not None and stop()


@contextmanager
def alone(yes: bool = True) -> Iterator[None]:
    """Let this thread do all slices in the block itself: where many views are drawn at once, to share each of them out only costs."""
    before = getattr(_inside, "yes", False)
    _inside.yes = yes or before
    try:
        yield
    finally:
        _inside.yes = before


def _until(function: Callable[[Item], Result], stop: Callable[[], bool]) -> Callable[[Item], Result]:
    def run_one(item: Item) -> Result:
        if stop():
            raise Stopped
        with stoppable(stop):
            return function(item)

    return run_one


def threads() -> int:
    """Return how many slices of a call run at once: one of a call from inside a slice."""
    return 1 if getattr(_inside, "yes", False) else limits().threads or os.cpu_count() or 1


def _pool() -> ThreadPoolExecutor:
    # Keyed by process: threads do not survive a fork, so a child makes its own pool.
    with _lock:
        pool = _pools.get(os.getpid())
        if pool is None:
            pool = _pools[os.getpid()] = ThreadPoolExecutor(threads(), "bigview", initializer=_enter)
        return pool


def _enter() -> None:
    _inside.yes = True


def run(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Return ``[function(item) for item in items]``, worked on by the pool and by the calling thread.

    A slice that calls `run` itself does its work alone, so that slices never wait for a place in the pool they hold.
    """
    stop = getattr(_inside, "stop", None)
    if stop is not None:
        function = _until(function, stop)
    if len(items) <= 1 or threads() == 1 or getattr(_inside, "yes", False):
        return [function(item) for item in items]
    futures = [_pool().submit(function, item) for item in items[1:]]
    try:
        results = [function(items[0])]
        for place, future in enumerate(futures, 1):
            # What has not begun is done here: the caller never idles behind other callers' work.
            results.append(function(items[place]) if future.cancel() else future.result())
    except BaseException:
        # What the caller lends to the slices must not be taken back while one of them runs.
        wait([future for future in futures if not future.cancel()])
        raise
    return results


def slices(length: int, smallest: int) -> list[tuple[int, int]]:
    """Return (start, stop) pairs that share `length` among the threads; no slice but the last is under `smallest`."""
    parts = max(1, min(threads(), length // max(1, smallest)))
    edges = [length * part // parts for part in range(parts + 1)]
    return list(pairwise(edges))
