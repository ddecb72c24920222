"""The algebra of linked views: no view filters itself, and only what changed is counted again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigview.errors import OptionError
from bigview.spec import Filter, Filters, Where
from bigview.views.crossfilter import Crossfilter

OWNERS = ("chips", "map", "chart 1", "chart 2", "chart 3")
wheres: st.SearchStrategy[Where] = st.sampled_from(
    [None, "", "a > 1", "b = 'x'", Filter("a > 1") & Filter(split=(0, 3)), Filter(polygon=[(0, 0), (1, 0), (0, 1)])]
).map(lambda where: where or None)
pages = st.lists(st.tuples(st.sampled_from(OWNERS), wheres), unique_by=lambda part: part[0]).map(Crossfilter)


@given(pages, st.sampled_from(OWNERS))
def test_all_is_others_and_own(page: Crossfilter, owner: str) -> None:
    assert page.others(owner) & page.of(owner) == page.all()
    assert page.others(owner) == page.without(owner).all() == page.replaced(owner, None).all()


@given(pages, st.sampled_from(OWNERS), wheres)
def test_a_view_never_filters_itself(page: Crossfilter, owner: str, where: Where) -> None:
    after = page.replaced(owner, where)
    assert after.others(owner) == page.others(owner)
    assert after.of(owner) == Filters.of(where)
    if owner in page.owners:
        assert after.owners == page.owners
        assert owner not in after.recount(page, page.owners)


@given(pages, pages, st.permutations(OWNERS), st.sampled_from(OWNERS))
def test_what_is_counted_again_is_what_changed(before: Crossfilter, after: Crossfilter, drawn: list[str], first: str) -> None:
    found = after.recount(before, drawn, first)
    assert set(found) == {view for view in drawn if view not in before.owners or after.others(view) != before.others(view)}
    rest = [view for view in found if view != first]
    assert rest == [view for view in drawn if view in rest]
    assert first not in found or found[0] == first
    assert after.recount(None, drawn) == tuple(drawn)
    assert after.recount(after, after.owners) == ()


def test_the_same_filter_of_two_owners_stays_when_one_lets_go() -> None:
    page = Crossfilter({"chips": "a > 1", "chart": "a > 1", "map": None})
    assert page.others("chart") == page.all() == Filters.of("a > 1")
    assert page.replaced("chart", None).recount(page, ["map", "chart"]) == ()
    with pytest.raises(OptionError, match="has one"):
        Crossfilter([("map", None), ("map", "a > 1")])
    assert hash(page) == hash(Crossfilter(page.parts))
