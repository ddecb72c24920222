"""Orders that take long: told, cancelled, left, and what is said when there is none."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import bigview as bv
from bigview.app.heatorders import HeatOrders, Telling
from bigview.app.heatstate import HeatState
from bigview.matrixorder import Ordering
from bigview.matrixspec import MatrixSpec
from bigview.raster.heat import HeatLook
from bigview.store.pool import stopped

PLAIN = MatrixSpec()
TREE = MatrixSpec(rows=Ordering("cluster", "ward euclidean"))


class Page:
    """A page without a browser, whose workers work when they are told to."""

    def __init__(self, table: Any) -> None:
        self.table, self.state, self.said, self.asked = table, HeatState(spec=PLAIN), "", []
        self.stage, self.look = SimpleNamespace(work={}), HeatLook()
        self.map = SimpleNamespace(worker=self._worker, soon=lambda call: call())
        self.state.param.watch(lambda event: self.orders.find(event.old, event.new, None), "spec")
        self.looks: list[Any] = []
        self.orders = HeatOrders(self, self.looks.append)  # type: ignore[arg-type]

    def _worker(self, work: Any, deliver: Any) -> Any:
        self._work, self._deliver = work, deliver
        return SimpleNamespace(request=self.asked.append)

    def run(self) -> None:
        asked = self.asked.pop()
        for found in self._work(asked, lambda: False):
            self._deliver(asked, found)

    def say(self, text: str) -> None:
        self.said = text


@pytest.fixture
def page(tmp_path):
    values = np.random.default_rng(0).normal(size=(200, 6))
    return Page(bv.build_matrix(values, tmp_path / "m.bv", quiet=True))


def test_a_tree_tells_how_far_it_is_and_is_shown(page, monkeypatch):
    told: list[Any] = []
    monkeypatch.setattr(HeatOrders, "_tell", lambda self, text, share: told.append((text, share)))
    page.state.spec = TREE
    assert page.stage.work == {"text": "Clustering …"}
    page.run()
    assert page.stage.work == {}
    assert len(page.looks[0].rows) == 200
    assert ("Clustering: equal ones, 0%", 0.0) in told
    assert any("linkage" in text for text, _ in told)


def test_cancel_goes_back_to_what_is_shown(page):
    page.state.spec = TREE
    left = page.asked.pop()
    page.orders.cancel()
    assert page.state.spec == PLAIN
    assert page.stage.work == {}
    assert list(page._work(left, lambda: False)) == [], "it stops where it is"
    page.run()
    assert page.looks[0].rows is None


def test_what_was_left_halfway_stops_nothing_else(page):
    page.state.spec = TREE
    left = page.asked.pop()
    steps = page._work(left, lambda: False)
    next(steps)  # and no further: a newer request has come, and this thread goes on with other work
    page.state.spec = PLAIN
    assert not stopped()


def test_what_cannot_be_clustered_is_said_and_left(page):
    page.state.spec = MatrixSpec(rows=Ordering("cluster", "ward nonsense"))
    page.run()
    assert "nonsense" in page.said
    assert page.state.spec == PLAIN
    assert page.stage.work == {}


def test_the_bar_runs():
    told: list[Any] = []
    telling = Telling(lambda text, share: told.append((text, share)))
    telling.stage("reduce", 10, "leaves")
    telling._told = 0.0
    telling.advance(5)
    telling.advance(5)  # too soon after the last
    telling.stage("linkage", 0, "")
    assert told == [("Clustering: principal components, 0%", 0.0), ("Clustering: principal components, 50%", 0.5), ("Clustering: linkage", None)]
