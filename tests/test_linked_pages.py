"""A map and a matrix of the same records: which row is which record, in both directions."""

import numpy as np
import pandas as pd
import panel as pn
import pytest

import bigview as bv
from bigview.app.linked import Linked, Records, linkable, linked_page
from bigview.app.server import _pages
from bigview.spec import Filters

SIZE = 500


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("linked"), np.random.default_rng(0)
    table = pd.DataFrame({"x": rng.normal(size=SIZE), "y": rng.normal(size=SIZE), "key": [f"doc {i}" for i in range(SIZE)]})
    points = bv.build_points(table, folder / "p.bv", x="x", y="y", key="key", quiet=True)
    picked = rng.permutation(SIZE)[:400]  # not every record is a row, and one row is no record
    cells = pd.DataFrame(rng.normal(size=(401, 5)), index=[*(f"doc {i}" for i in picked), "another"])
    return points, bv.build_matrix(cells, folder / "m.bv", quiet=True), table, picked


def test_rows_and_records_are_each_others(stores):
    points, matrix, table, picked = stores
    known = Records(points, matrix)
    rows = known.rows_of(Filters.of("x > 0"))
    assert {matrix.rows.names[row] for row in rows} == {f"doc {i}" for i in picked if table.x[i] > 0}
    assert sorted(known.records_of(np.arange(401))) == sorted(picked)
    assert known.records_of(np.array([0, 400, 7])) == [picked[0], picked[7]]


def test_a_similarity_knows_its_own_records(tmp_path):
    np.save(tmp_path / "v.npy", np.random.default_rng(0).normal(size=(60, 4)).astype("f4"))
    points = bv.build_points(str(tmp_path / "v.npy"), tmp_path / "p.bv", vectors=str(tmp_path / "v.npy"), project="pca", quiet=True)
    known = Records(points, bv.similarity(points, tmp_path / "s.bv", quiet=True))
    assert known.rows_of(Filters.of(bv.Filter(rows=[3, 50]))).tolist() == [3, 50]
    assert known.records_of(np.array([5])) == [5]


def test_what_has_nothing_in_common_is_said(stores, tmp_path):
    points, matrix, *_ = stores
    plain = bv.build_matrix(np.ones((3, 3)), tmp_path / "plain.bv", quiet=True)
    assert not linkable(points, plain)
    assert linkable(points, matrix)
    assert not linkable(matrix, points)
    with pytest.raises(bv.InputError, match="Nothing tells"):
        Linked(points, plain)
    other = bv.build_matrix(pd.DataFrame(np.ones((2, 2)), index=["a", "b"]), tmp_path / "o.bv", quiet=True)
    with pytest.raises(bv.InputError, match="'key'"):
        Linked(points, other)
    assert "No row of" in linked_page(points, other).stage.status["message"]


def test_a_selection_narrows_the_matrix_and_rows_of_it_are_selected(stores, monkeypatch):
    points, matrix, table, picked = stores
    linked = Linked(points, matrix)
    for one in (linked.points.map, linked.matrix.map):
        monkeypatch.setattr(one, "aside", lambda work, then: then(work()))
        monkeypatch.setattr(one, "reset", lambda: None)
    monkeypatch.setattr(linked.matrix.window, "renew", lambda: None)
    linked.points.state.select("replace", bv.Filter("x > 0"))
    assert linked.matrix.shape == (sum(table.x[i] > 0 for i in picked), 5)
    linked.matrix.window.select(bv.View((0, 5), (0, 10), 1, 1))
    index = linked.matrix.look.rows.index[:10]
    names = set(matrix.rows.names[index])
    assert {f"doc {i}" for i in points.rows(where=linked.points.selected, limit=1000)["__row"]} == names
    assert linked.matrix.shape[0] > 10  # what came from the matrix is not sent back
    linked.points.state.change(selection=())
    assert linked.matrix.shape == (401, 5)
    linked.points.close()
    linked.matrix.close()


def test_more_than_can_be_carried_is_said(stores, monkeypatch):
    points, matrix, *_ = stores
    monkeypatch.setattr("bigview.app.linked.MOST_RECORDS", 40)
    monkeypatch.setattr("bigview.app.linked.MOST_ROWS", 30)
    known = Records(points, matrix)
    assert known.beyond(Filters.of("x > 100")) == ""
    assert "40 of the 500 selected" in known.beyond(Filters())
    linked = Linked(points, matrix)
    monkeypatch.setattr(linked.matrix.map, "aside", lambda work, then: then(work()))
    monkeypatch.setattr(linked.matrix.window, "renew", lambda: None)
    linked.matrix.window.select(bv.View((0, 5), (0, 200), 1, 1))
    assert "first 30 of these 200 rows" in linked.matrix.stage.status["message"]
    assert len(linked.points.state.spec.selection) == 1
    linked.points.close()
    linked.matrix.close()


def test_the_server_lists_pairs(stores):
    points, matrix, *_ = stores
    pages, titles = _pages([points, matrix])
    assert list(pages) == ["/", "/p", "/m", "/p-with-m"] == list(titles)
    shown = pages["/"]()
    assert isinstance(shown, pn.pane.HTML)
    assert "./p-with-m" in shown.object
