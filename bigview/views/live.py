"""Newest wins: work off the event loop, one request at a time, stale ones dropped, results through one door.

HoloViews and Panel run their callbacks on the event loop, which all visitors share; a frame computed there would stall everybody. So a view
hands its newest wish to a worker thread, and what comes back enters the document through `Door`.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from threading import Lock
from typing import Any, Generic, TypeVar

from panel.io.notebook import push

from bigview.config import limits
from bigview.errors import BigviewError
from bigview.views.lanes import Lanes

Request = TypeVar("Request")
Result = TypeVar("Result")
Call = Callable[[], None]

log = logging.getLogger(__name__)


@cache
def _lanes() -> Lanes:
    """Return the threads of all views; made on first use, so that a server that forks first is safe."""
    return Lanes(limits().view_threads)


def crowded() -> bool:
    """Tell whether views wait for a thread: then whatever is quick should come first, and be quicker."""
    return _lanes().crowded


class Door:
    """The one way into a document from another thread: its next tick on a server, the kernel's loop in a notebook.

    Parameters
    ----------
    document, comm : callable
        Return the document, and the notebook's comm (None on a server); asked late, because a plot gets them after it is made.
    """

    def __init__(self, document: Callable[[], Any], comm: Callable[[], Any]) -> None:
        self._document, self._comm = document, comm
        self._closed = False
        self._loop = _running_loop()

    def __call__(self, call: Call) -> None:
        """Run `call` in the document soon."""
        if self._closed:
            return
        document = self._document()
        if document.session_context is None:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._in_notebook, call)
            return
        try:
            document.add_next_tick_callback(self._guarded(call))
        except (AttributeError, RuntimeError):  # the session ended while the work was under way
            self._closed = True

    def close(self) -> None:
        """Deliver nothing more."""
        self._closed = True

    def _guarded(self, call: Call) -> Call:
        def run() -> None:
            if not self._closed:
                _held(self._document(), call)

        return run

    def _in_notebook(self, call: Call) -> None:
        if self._closed:
            return
        call()
        comm = self._comm()
        if comm is not None:
            push(self._document(), comm)


def _held(document: Any, call: Call) -> None:
    """Run a call and send its changes together, in order.

    While a document holds, Panel leaves the sending to Bokeh, which waits for its turn. Panel's own way past a busy websocket can lose a
    change, and the websocket of a map is often busy.
    """
    if document.callbacks.hold_value:
        call()
        return
    document.hold("combine")
    try:
        call()
    finally:
        document.unhold()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class Latest(Generic[Request, Result]):
    """A worker with room for one wish: a new one replaces the one that waits.

    Parameters
    ----------
    work : callable
        Takes a request and `stale`, which tells whether a newer request waits, and yields results, each better than the one before. Each step
        runs on a thread of the pool and then lets other views have theirs: where many people look, all of them get a first picture before anybody
        gets a better one. It is left after a result when a newer request waits.
    deliver : callable
        Takes the request and a result; runs in the document.
    failed : callable
        Takes a sentence for the person who looks; runs in the document.
    door : callable
        Runs a call in the document.
    same : callable
        Tells of two requests whether the results of the first are good for the second; then the first is finished.
    """

    def __init__(
        self,
        work: Callable[[Request, Callable[[], bool]], Iterable[Result]],
        deliver: Callable[[Request, Result], None],
        failed: Callable[[str], None],
        door: Callable[[Call], None],
        same: Callable[[Request, Request], bool] = lambda first, second: False,
    ) -> None:
        self._same = same
        self._work, self._deliver, self._failed, self._door = work, deliver, failed, door
        self._lock = Lock()
        self._waiting: list[Request] = []
        self._steps: Iterator[Result] | None = None  # of the request under way
        self._wish: Any = None
        self._busy = self._parked = False  # parked: the next step of the request under way lets others pass
        self._turn = 0
        self._closed = False

    def request(self, wish: Request) -> None:
        """Ask for `wish`; any request that still waits is dropped."""
        with self._lock:
            self._waiting = [wish]
            if self._closed or (self._busy and not self._parked):
                return
            self._busy, self._parked = True, False
            self._turn += 1  # a step that is parked has lost its turn to this one
            run = partial(self._run, self._turn)
        _lanes().submit(run)

    def clear(self) -> None:
        """Drop the request that waits."""
        with self._lock:
            self._waiting = []

    def close(self) -> None:
        """Start nothing more."""
        with self._lock:
            self._closed, self._waiting = True, []

    def _stale(self, wish: Request) -> bool:
        waiting = self._waiting
        return self._closed or any(not self._same(wish, other) for other in waiting)

    def _run(self, turn: int) -> None:
        """Take one step: the next result of the request under way, or the first of a newer one. Then make room: other views share the threads."""
        with self._lock:
            if turn != self._turn:
                return
            self._parked = False
            if self._steps is not None and self._stale(self._wish):
                self._steps = None
            if self._steps is None:
                if self._closed or not self._waiting:
                    self._busy = False
                    return
                self._wish = self._waiting.pop()
        wish = self._wish
        try:
            if self._steps is None:
                self._steps = iter(self._work(wish, partial(self._stale, wish)))
            self._step(self._steps, wish)
        except Exception as error:  # noqa: BLE001  whatever fails, the page stays and says so
            self._steps = None
            text = sentence(error)
            self._door(lambda: self._failed(text))
        with self._lock:
            later = self._parked = self._steps is not None and not self._waiting
        _lanes().submit(partial(self._run, turn), later)

    def _step(self, steps: Iterator[Result], wish: Request) -> None:
        try:
            result = next(steps)
        except StopIteration:
            self._steps = None
            return
        self._door(lambda: self._deliver(wish, result))


def sentence(error: BaseException) -> str:
    """Return what to tell a person about an error: bigview's own words, or a plain sentence; the log has the rest."""
    if isinstance(error, BigviewError):
        return str(error)
    log.error("a view failed", exc_info=error)
    if isinstance(error, MemoryError):
        return "There is not enough memory for this picture. Zoom in, or make the window smaller."
    return f"This picture could not be drawn ({type(error).__name__}). The last one is kept; the server's log says more."
