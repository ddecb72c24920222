"""Finding the orders that a visitor has chosen, off the event loop: a tree may take minutes, tells how far it is, and can be cancelled."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from bigview.app.heathost import HeatPage
from bigview.app.heatstate import SIDES, look_of
from bigview.build.progress import Silent
from bigview.matrixorder import Ordering
from bigview.matrixspec import MatrixSpec
from bigview.raster.heat import HeatLook
from bigview.store.pool import Stopped, stoppable
from bigview.views.live import sentence

_EVERY = 0.2  # seconds between two steps of the bar
_WORDS = {"survey": "equal ones", "read": "reading", "reduce": "principal components", "cells": "linkage of parts"}


class HeatOrders:
    """Finds one visitor's orders.

    Parameters
    ----------
    page : HeatPage
    then : callable
        Takes the look with the new orders, in the document.
    """

    def __init__(self, page: HeatPage, then: Callable[[HeatLook], None]) -> None:
        self._page, self._then = page, then
        self._worker: Any = None
        self._before: MatrixSpec | None = None  # what was shown before the first of the orders that are still looked for

    def find(self, old: MatrixSpec, new: MatrixSpec, only: Any) -> None:
        """Look for the orders of a new spec, and no longer for those of another."""
        if self._worker is None:
            self._worker = self._page.map.worker(self._work, self._deliver)
        if self._before is None:
            self._before = old
        clustered = any(tree and tree != _tree(getattr(old, side)) for side, tree in ((side, _tree(one)) for side, one in _orders(new).items()))
        self._page.stage.work = {"text": "Clustering …"} if clustered else {}
        self._worker.request((new, only))

    def cancel(self) -> None:
        """Look no longer, and go back to the orders that are shown."""
        before, state = self._before, self._page.state
        if before is not None:
            self._before = None
            self._page.stage.work = {}
            state.spec = state.spec.replaced(rows=before.rows, cols=before.cols, clusters=before.clusters)

    def _work(self, asked: tuple[MatrixSpec, Any], stale: Callable[[], bool]) -> Iterator[HeatLook | Exception]:
        spec, only = asked
        # Where it was cancelled, or is sorted in yet another way, the state has other orders by then.
        found: HeatLook | Exception
        try:
            with stoppable(lambda: stale() or _orders(self._page.state.spec) != _orders(spec)):
                found = look_of(self._page.table, spec, only, Telling(self._tell), self._page.look.locked)
        except Stopped:
            return
        except Exception as error:  # noqa: BLE001  what was shown stays, and the page says why
            found = error
        yield found

    def _tell(self, text: str, share: float | None) -> None:
        def show() -> None:
            if self._page.stage.work:
                self._page.stage.work = {"text": text} if share is None else {"text": text, "share": share}

        self._page.map.soon(show)

    def _deliver(self, asked: tuple[MatrixSpec, Any], look: HeatLook | Exception) -> None:
        if _orders(asked[0]) != _orders(self._page.state.spec):
            return
        if isinstance(look, Exception):
            self.cancel()
            self._page.say(sentence(look))
        else:
            self._before = None
            self._page.stage.work = {}
            self._then(look)


def _orders(spec: MatrixSpec) -> dict[str, Any]:
    return {side: getattr(spec, side) for side in SIDES}


def _tree(ordering: Ordering | None) -> str:
    """Return the recipe of the tree that an order stands on; "" without one."""
    last = None if ordering is None else ordering.chain()[-1]
    return last.name if last is not None and last.by == "cluster" else ""


class Telling(Silent):
    """Tells a page how far a clustering is, a few times a second.

    Parameters
    ----------
    tell : callable
        Takes a sentence, and the share of the stage that is done, None where it has no steps. Called from any thread.
    """

    def __init__(self, tell: Callable[[str, float | None], None]) -> None:
        self._tell = tell
        self._name, self._total, self._done, self._told = "", 0, 0, 0.0

    def stage(self, name: str, rows: int, unit: str = "rows") -> None:
        """Begin a stage."""
        self._name, self._total, self._done, self._told = name, rows if unit else 0, 0, time.monotonic()
        self._say()

    def advance(self, rows: int) -> None:
        """Say that so many more are done."""
        self._done += rows
        if time.monotonic() - self._told >= _EVERY:
            self._told = time.monotonic()
            self._say()

    def _say(self) -> None:
        share = min(1.0, self._done / self._total) if self._total else None
        self._tell(f"Clustering: {_WORDS.get(self._name, self._name)}{'' if share is None else f', {share:.0%}'}", share)
