"""Links that are longer than a link may be: their parts are kept beside the store, and opening them gives the same rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bigview as bv
from bigview.app.links import usable
from bigview.app.permalink import link_of
from bigview.state import LONGEST_QUERY, Saved, Spec, kept_for_link
from bigview.stores import open as open_store
from tests.views import store, table


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return store(tmp_path_factory.mktemp("links"), table(2000))


def lasso(corners: int) -> bv.Filter:
    turn, rng = np.linspace(0, 2 * np.pi, corners, endpoint=False), np.random.default_rng(corners)
    return bv.Filter(polygon=np.column_stack([np.cos(turn), np.sin(turn)]) * rng.uniform(1, 3, (corners, 1)))


def reopened(query: str, table) -> Spec:
    found, _, said = usable(Spec.from_query(query), table, Spec())
    assert not said
    return found


@given(st.integers(3, 900), st.integers(0, 3000), st.integers(1, 400), st.sampled_from(["add", "subtract", "intersect"]))
def test_a_link_brings_back_all_of_it(built, corners, rows, names, op):
    listed = ", ".join(f"'name {number * 7919 % 65536:x}'" for number in range(names))
    parts = [lasso(corners), bv.Filter(rows=np.random.default_rng(rows).choice(10**9, rows, replace=False)), bv.Filter(f"label IN ({listed})")]
    spec = Spec(view=((0, 1), (0, 2)), style=bv.Style(by="label"), filters=parts[1:], selection=[("add", "score > 0.5"), (op, parts[0])])
    spec = spec.replaced(fingerprint=built.manifest.fingerprint)
    link = link_of(spec, built, {})
    assert len(link.query) <= LONGEST_QUERY
    assert not link.said
    assert reopened(link.query, built) == spec
    again = link_of(spec, built, link.names)
    assert again.query == link.query


def test_what_fits_is_not_kept(built, tmp_path):
    with open_store(built.reader.folder.url, selections=tmp_path / "none.db") as table:
        link = link_of(Spec(selection=lasso(20)), table, {})
        assert not link.names
        assert not (tmp_path / "none.db").exists()
        link = link_of(Spec(selection=lasso(20_000)), table, {})
        [kept] = table.selections().list()
        assert kept.link == Saved(*link.names.values(), kept.digest)
        assert kept_for_link(kept.link)
        assert reopened(link.query, table).selection == Spec(selection=lasso(20_000)).selection


def test_where_nothing_can_be_kept_the_rest_is_in_the_link(built, tmp_path):
    with open_store(built.reader.folder.url, selections=f"sqlite:///{tmp_path}/no/folder.db") as table:
        spec = Spec(view=((0, 1), (0, 2)), filters=["score > 0.5", lasso(30)], selection=lasso(3000))
        link = link_of(spec, table, {})
        assert Spec.from_query(link.query) == spec.replaced(selection=())
        assert "cannot be kept" in link.said
        brush = f"score IN ({', '.join(map(str, np.random.default_rng(0).random(300)))})"
        link = link_of(Spec(charts=[bv.Chart("histogram", ("score",), brush)]), table, {})
        assert link.query == ""
        assert link.said


def test_a_link_to_what_was_forgotten_says_so(built, tmp_path):
    with open_store(built.reader.folder.url, selections=tmp_path / "team.db") as table:
        link = link_of(Spec(filters=["score > 0.5"], selection=lasso(3000)), table, {})
        table.selections().delete(*link.names.values())
        found, _, said = usable(Spec.from_query(link.query), table, Spec())
        assert found == Spec(filters=["score > 0.5"], fingerprint=table.manifest.fingerprint)
        assert "left out" in said
