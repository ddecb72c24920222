"""A server shows what was built since it began, and never half of it."""

import numpy as np
import pandas as pd

import bigview as bv
from bigview.app.mapchart import Look, pictured
from bigview.app.newest import Newest
from bigview.app.server import _pages
from bigview.chart import Chart
from bigview.spec import Filters
from bigview.store.manifest import NAME
from tests.views import store, table


def test_a_new_index_and_a_new_store_are_seen_at_the_next_page(tmp_path):
    opened = store(tmp_path, table(3000))
    folder = opened.reader.folder
    newest = Newest(opened)
    assert newest.table is opened
    opened.index("score", "votes", quiet=True)
    seen = newest.table
    assert seen is newest.table is not opened
    assert pictured(seen, Chart("map", ("score", "votes")), (Filters(), Filters()), Look(), sampled=False).exact
    assert type(seen) is type(opened)
    bv.build_points(table(700, seed=2), folder.url, x="x", y="y", quiet=True)
    assert newest.table.count() == 700
    assert seen.manifest.rows == 3000
    [page] = _pages([opened])[0].values()
    assert page().table.manifest.rows == 700


def test_what_cannot_be_read_leaves_the_last_store(tmp_path):
    opened = bv.open(store(tmp_path, table(500)).reader.folder.url, selections=tmp_path / "team.db")
    newest, folder = Newest(opened), opened.reader.folder
    whole = folder.read(NAME)
    for broken in (b"{", b"[]", whole[: len(whole) // 2]):
        folder.replace(NAME, broken)
        assert newest.table is opened
    folder.remove(NAME)
    assert newest.table is opened
    folder.replace(NAME, whole)
    assert newest.table is opened
    assert newest.table.saved_at == str(tmp_path / "team.db")


def test_stores_that_are_elsewhere_and_matrices_are_seen_too(tmp_path):
    values = np.arange(12.0).reshape(3, 4)
    matrix = bv.build_matrix(values, str(tmp_path / "m.bv"), quiet=True)
    newest = Newest(matrix)
    assert newest.table is matrix
    bv.build_matrix(values.T + 1, str(tmp_path / "m.bv"), quiet=True)
    assert newest.table.shape == (4, 3)
    far = bv.build_points(table(50), "memory://newest/a.bv", x="x", y="y", quiet=True)
    newest = Newest(far)
    assert newest.table is far
    bv.build_points(table(60), "memory://newest/a.bv", x="x", y="y", quiet=True)
    assert newest.table.count() == 60
    pd.testing.assert_frame_equal(newest.table.rows(limit=3), bv.open("memory://newest/a.bv").rows(limit=3))
