"""Loose rows against the obvious way: a list of all rows less those of the cells; and memory that is given back."""

import mmap

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigview.build.points import build_points
from bigview.config import override
from bigview.store import loose
from bigview.store.loose import Loose
from bigview.store.pages import PagedTable, cached_bytes
from bigview.store.reader import X, Y
from bigview.stores import open as open_store


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store with dense and thin places, duplicates, rows without a place, and many small row groups."""
    rng = np.random.default_rng(2)
    places = [rng.normal(size=(3000, 2)), rng.normal(3, 0.01, size=(2000, 2)), np.full((700, 2), 1.25), np.full((300, 2), np.nan)]
    x, y = np.vstack(places).T
    folder = tmp_path_factory.mktemp("loose")
    with override(row_group=128, exact_rows=10):
        build_points(pd.DataFrame({"x": x, "y": y}), str(folder / "a.bv"), x="x", y="y")
    return open_store(str(folder / "a.bv"))


def expected(reader, level):
    """Return the numbers of the rows that no cell of a level covers."""
    _, cells = reader.level(level)
    total = int(cells.offsets[-1])
    free = np.ones(reader.manifest.placed, bool)
    for start, count in zip(cells.read("start", 0, total).tolist(), cells.read("count", 0, total).tolist(), strict=True):
        free[start : start + count] = False
    return np.flatnonzero(free)


@given(data=st.data())
def test_the_loose_rows_of_runs_are_those_that_no_cell_covers(store, data):
    reader = open_store(store.reader.folder.url).reader if data.draw(st.booleans(), label="cold") else store.reader
    level = data.draw(st.sampled_from(reader.levels()), label="level")
    fewest, common = data.draw(st.sampled_from([1, 60, 1 << 20]), label="fewest"), data.draw(st.sampled_from([0.0, 0.2, 2.0]), label="common")
    ends = sorted(data.draw(st.lists(st.integers(0, reader.manifest.rows), min_size=2, max_size=12), label="ends"))
    starts, stops = np.array(ends[: len(ends) // 2 * 2 : 2]), np.array(ends[1::2])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loose, "_FEWEST", fewest)
        patch.setattr(loose, "_COMMON", common)
        found = Loose(reader, level)
    with found.pinned(found.blocks(starts, stops), starts, stops) as (x, y, numbers, runs):
        parts = [slice(a, b) for a, b in zip(*(side.tolist() for side in runs), strict=True)]
        got, at_x, at_y = ([value for part in parts for value in values[part].tolist()] for values in (numbers, x, y))
    wanted = [row for row in expected(reader, level).tolist() if any(a <= row < b for a, b in zip(starts, stops, strict=True))]
    assert got == wanted
    with reader.pages.pinned([X, Y], np.arange(len(reader.row_groups.keys))) as (all_x, all_y):
        assert (at_x, at_y) == (all_x[wanted].tolist(), all_y[wanted].tolist())


@pytest.mark.skipif(not hasattr(mmap, "MAP_PRIVATE"), reason="the system gives memory back in another way")
def test_what_is_evicted_is_given_back_to_the_system():
    rows = 4 * mmap.PAGESIZE
    offsets = np.arange(5) * rows
    table = PagedTable({"a": np.dtype(np.int32)}, offsets, lambda groups, names: [{"a": np.full(rows, group + 1, np.int32)} for group in groups])
    with override(cache_bytes=1):
        for group in range(4):
            with table.pinned(["a"], np.array([group])) as (values,):
                assert (values[group * rows : (group + 1) * rows] == group + 1).all()
        gone = ~table.held(["a"])
        assert gone.any()
        assert not values.reshape(4, rows)[gone].any(), "what the system has taken back reads as nothing"


def test_rows_that_turn_out_fewer_are_counted_as_what_they_take():
    before, room = cached_bytes(), 8 * mmap.PAGESIZE
    offsets = np.arange(4) * room
    table = PagedTable({"a": np.dtype(np.int64)}, offsets, lambda groups, _: [{"a": np.arange(group)} for group in groups], about=np.full(3, room))
    with table.pinned(["a"], np.arange(3)) as (values,):
        assert [values[offset : offset + group].tolist() for group, offset in enumerate(offsets[:3])] == [[], [0], [0, 1]]
        assert cached_bytes() - before == 2 * mmap.PAGESIZE
