"""Filters made in the legend, what chips say, and the way back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigview.app.picks import picked, picking, toggled, told
from bigview.app.state import State
from bigview.part import Saved
from bigview.spec import Filter
from bigview.state import Spec

NAMES = st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=8), min_size=1, max_size=4, unique=True)


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=8), NAMES)
def test_picks_are_read_back_whatever_the_names(column: str, names: "list[str]") -> None:
    assert picked(column, [Filter("1 = 1"), picking(column, names)]) == tuple(names)
    assert picked(column + "x", [picking(column, names)]) == ()


def test_clicks_pick_one_or_several_and_let_go() -> None:
    other = Filter("x > 1")
    one = toggled("c", "a", (other,), also=False)
    assert picked("c", one) == ("a",)
    two = toggled("c", "b", one, also=True)
    assert picked("c", two) == ("a", "b")
    assert two[0] == other
    assert picked("c", toggled("c", "a", two, also=True)) == ("b",)
    assert toggled("c", "a", one, also=False) == (other,)
    assert picked("c", toggled("c", "z", two, also=False)) == ("z",)
    assert toggled("f", "True", (), also=False, boolean=True) == (Filter('"f" IN (TRUE)'),)
    assert picked("f", [Filter('"f" IN (TRUE, FALSE)')]) == ("True", "False")


@pytest.mark.parametrize(
    ("part", "text"),
    [
        (picking("c", list("abcde")), "c: a, b, c and 2 more"),
        (Filter("x > 1"), "x > 1"),
        (Filter('"a b" BETWEEN 1 AND 2.50001'), "a b: 1 to 2.50001"),
        (Filter('"x" >= 4.519999980926514 AND "x" < 6e3'), "x: 4.52 – 6000"),
        (Filter(polygon=[(0, 0), (1, 0), (1, 1)]), "inside a lasso of 3 corners"),
        (Filter(rows=[1, 2]), "2 rows"),
        (Saved("mine"), "mine"),
    ],
)
def test_what_chips_say(part: object, text: str) -> None:
    assert told(part) == text  # type: ignore[arg-type]


def test_undo_takes_filters_back_and_leaves_the_style() -> None:
    state = State(spec=Spec())
    state.change(filters=["a > 1"])
    state.restyle(by="c")
    state.change(filters=["a > 1", "b > 2"])
    assert state.undo()
    assert (state.spec.filters, state.style.by) == ((Filter("a > 1"),), "c")
    assert state.redo()
    assert len(state.spec.filters) == 2
    assert state.undo()
    assert state.undo()
    assert not state.undo()
    assert state.spec.filters == ()
    state.change(filters=["c > 3"])
    assert not state.redoable
