"""Columns in memory: what a picture shows outlasts what a filter passes over, and who waits for a picture waits for no memory."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigview.build.points import build_points
from bigview.config import override
from bigview.store import pages
from bigview.store.filters import forget_filters
from bigview.store.pages import PagedTable
from bigview.store.points import PointTable

GROUPS, SIZE = 12, 4096  # row groups, and rows of one: whole pages of memory


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> PagedTable:
    """Return a table that no other one shares its budget with."""
    return alone(monkeypatch)


def alone(patch: pytest.MonkeyPatch) -> PagedTable:
    patch.setattr(pages, "_budget", pages.Budget())

    def load(groups: Sequence[int], names: Sequence[str]) -> "list[dict[str, Any]]":
        return [{name: np.full(SIZE, group, np.float64) for name in names} for group in groups]

    return PagedTable({name: np.dtype(np.float64) for name in "abc"}, np.arange(GROUPS + 1) * SIZE, load)


EVERY = np.arange(GROUPS)
COLUMN = GROUPS * SIZE * 8  # bytes


def read(table: PagedTable, name: str, drawn: bool = False, groups: Any = EVERY) -> None:
    for group in groups:
        with table.pinned([name], np.array([group]), drawn=drawn) as (values,):
            assert (values[group * SIZE : (group + 1) * SIZE] == group).all()


def test_a_pass_drives_out_other_passes_before_what_a_picture_shows(table: PagedTable) -> None:
    with override(cache_bytes=2 * COLUMN + 1):
        read(table, "a", drawn=True)
        read(table, "b")
        read(table, "c")
        assert table.held(["a"]).all()
        assert not table.held(["b"]).all()


def test_what_pictures_showed_long_ago_goes_first_come_first_served(table: PagedTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_LATELY", 0.0)
    with override(cache_bytes=2 * COLUMN + 1):
        read(table, "a", drawn=True)
        read(table, "b")
        read(table, "c")
        assert table.held(["a"]).sum() < table.held(["b"]).sum()


@given(st.sets(st.integers(0, GROUPS - 1)), st.floats(0.1, 4), st.booleans())
def test_a_pass_keeps_what_there_is_room_for(present: "set[int]", room: float, drawn: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        made = alone(patch)
        with override(cache_bytes=10 * COLUMN):
            read(made, "a", drawn)
            read(made, "b", groups=np.array(sorted(present), int))
        with override(cache_bytes=int(room * COLUMN)):
            kept = made.keeps(["b"], EVERY)
        assert kept[sorted(present)].all()
        share = max(0.86 * room - drawn, 0.25 * room)
        assert kept.sum() == max(len(present), min(GROUPS, int(share * COLUMN) // (SIZE * 8)))


def test_who_waits_for_a_picture_waits_for_no_memory(tmp_path_factory: pytest.TempPathFactory) -> None:
    rng = np.random.default_rng(4)
    path = str(tmp_path_factory.mktemp("paging") / "s.bv")
    frame = pd.DataFrame({name: rng.normal(size=3_000) for name in ("x", "y", "score")})
    with override(row_group=500):
        build_points(frame, path, x="x", y="y", quiet=True)
    forget_filters()
    store = PointTable.open(path)
    held = lambda: store.reader.pages.held(["score"])  # noqa: E731
    assert store.passing.count(where="score > 0.5") == (frame["score"] > 0.5).sum()
    assert not held().any()
    with override(cache_bytes=8_000):
        store.load("score > 0.5")
    assert not held().any(), "a small part of it would come and go with every picture"
    store.load("score > 0.5 AND x > 0")
    assert held().all()
    assert store.unread("score > 0.7") == 0
    assert store.count(where="score > 0.7") == (frame["score"] > 0.7).sum()
    store.load("true")  # nothing to read
    store.load("score * x > 1")  # left to DuckDB
    assert type(store.passing) is type(store)
