"""Links that are longer than a link may be: their parts are kept beside the store, and opening them gives the same rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bigview as bv
from bigview.app.links import usable
from bigview.app.permalink import link_of
from bigview.part import Saved, kept_for_link
from bigview.state import LONGEST_QUERY, Spec
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
        assert Spec.from_query(link.query) == Spec()
        assert "all but the last chart" in link.said


def test_a_link_to_what_was_forgotten_says_so(built, tmp_path):
    with open_store(built.reader.folder.url, selections=tmp_path / "team.db") as table:
        link = link_of(Spec(filters=["score > 0.5"], selection=lasso(3000)), table, {})
        table.selections().delete(*link.names.values())
        found, _, said = usable(Spec.from_query(link.query), table, Spec())
        assert found == Spec(filters=["score > 0.5"], fingerprint=table.manifest.fingerprint)
        assert "left out" in said


def everything(table) -> Spec:
    """Return forty charts, fifty filters, 20,000 rows and five lassos at once."""
    kinds = [("histogram", ("score",)), ("bars", ("label",)), ("dates", ("day",)), ("density", ("score", "votes")), ("map", ("score", "votes"))]
    charts = [bv.Chart(*kinds[place % 5], f"votes < {900 + place}" if place % 3 else None) for place in range(40)]
    names = np.random.default_rng(4).bytes(1000).hex("-", 20).split("-")
    filters = [f"score > {place / 1000} OR text LIKE '%{name}%'" for place, name in enumerate(names)]
    rows = np.random.default_rng(3).choice(10**7, 20_000, replace=False)
    steps = [("add", bv.Filter(rows=rows)), *(("subtract", lasso(40 + place)) for place in range(4)), ("intersect", lasso(9_000))]
    return Spec(((0, 1), (0, 2)), bv.Style(by="label"), filters, charts, steps, table.manifest.fingerprint)


def test_forty_charts_fifty_filters_many_rows_and_lassos_at_once(built, tmp_path):
    with open_store(built.reader.folder.url, selections=tmp_path / "all.db") as table:
        spec = everything(table)
        link = link_of(spec, table, {})
        assert len(link.query) <= LONGEST_QUERY
        assert not link.said
        assert reopened(link.query, table) == spec
        kept = len(table.selections().list())
        moved = spec.replaced(view=((0, 0.5), (1, 2)), style=bv.Style(by="score"))
        again = link_of(moved, table, {})
        assert len(table.selections().list()) == kept, "another view of the same rows keeps nothing more"
        assert reopened(again.query, table) == moved
        short = Spec.from_query(link.query)
        assert kept_for_link(short.kept)
        assert table.selections().whole(short) == Spec.from_json(table.selections().whole(short).to_json())
        with pytest.raises(bv.errors.OptionError, match="saved view"):
            short.where()
        picture = table.render(width=200, height=150, spec=short)
        assert np.array_equal(picture.frame.rgba, table.render(width=200, height=150, spec=spec).frame.rgba)
        table.selections().delete(short.kept.name)
        found, _, said = usable(short, table, Spec())
        assert found == Spec(spec.view, spec.style, fingerprint=spec.fingerprint)
        assert "left out" in said


def test_so_much_at_once_where_nothing_can_be_kept(built, tmp_path):
    with open_store(built.reader.folder.url, selections=f"sqlite:///{tmp_path}/no/folder.db") as table:
        spec = everything(table)
        link = link_of(spec, table, {})
        assert 0 < len(link.query) <= LONGEST_QUERY
        assert "cannot be kept" in link.said
        found = reopened(link.query, table)
        assert (found.view, found.style) == (spec.view, spec.style)
        assert set(found.filters) <= set(spec.filters)


def test_many_small_areas_have_room_without_names(built, tmp_path):
    with open_store(built.reader.folder.url, selections=tmp_path / "none.db") as table:
        spec = Spec(selection=[("add", bv.Filter(polygon=[(place, 0), (place + 1, 0), (place, 1)])) for place in range(60)])
        assert not link_of(spec, table, {}).names
        assert not (tmp_path / "none.db").exists()


def test_a_folder_that_may_not_be_written_is_said(built, tmp_path, monkeypatch):
    with open_store(built.reader.folder.url, selections=tmp_path / "locked" / "team.db") as table:
        link = link_of(Spec(filters=["score > 0.5"], selection=lasso(3000)), table, {})
        assert Spec.from_query(link.query).filters == (bv.Filter("score > 0.5"),)
        assert "no room" in link.said
        assert str(tmp_path / "locked") in link.said
