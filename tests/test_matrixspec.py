"""What is shown of a matrix, as a value: it survives a link, and says what is wrong with it."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigview.errors import OptionError, TooLargeError
from bigview.matrixorder import DEEPEST, Lines, Move, Ordering, by_hand, by_search, landed
from bigview.matrixspec import AGGS, HOWS, MATRIX_SCALES, PANELS, MatrixSpec, MatrixStyle
from bigview.state import LONGEST_QUERY
from bigview.store.orders import moved, spans_of

NUMBERS = st.floats(-1e300, 1e300)
PAIRS = st.tuples(NUMBERS, NUMBERS).filter(lambda pair: pair[0] < pair[1])
STYLES = st.builds(
    MatrixStyle,
    agg=st.sampled_from(AGGS),
    palette=st.none() | st.text(),
    scale=st.sampled_from(MATRIX_SCALES),
    center=st.none() | NUMBERS,
    limits=st.none() | PAIRS,
    clip=st.none() | st.floats(50.5, 100),
    dark=st.booleans(),
)
SPANS = st.lists(st.integers(0, 10_000), min_size=2, max_size=8, unique=True).map(lambda ends: sorted(ends)[: len(ends) // 2 * 2])
MOVES = st.builds(Move, SPANS.map(lambda ends: [ends[at : at + 2] for at in range(0, len(ends), 2)]), st.integers(0, 10_000))
SORTED = st.builds(Ordering, st.sampled_from(["column", "values", "cluster", "kept"]), st.text(max_size=40), st.booleans())
STACKED = st.recursive(
    SORTED,
    lambda base: (
        st.builds(lambda one, text: Ordering("search", text, base=one), st.none() | base, st.text(max_size=40))
        | st.builds(lambda one, moves: Ordering("hand", "", base=one, moves=moves), st.none() | base, st.lists(MOVES, min_size=1, max_size=4))
    ),
    max_leaves=4,
)
ORDERINGS = st.none() | STACKED
SIDES = st.none() | st.builds(lambda first, more, order: Lines(first, first + more, order), st.integers(0, 10**12), st.integers(1, 10**9), ORDERINGS)
SELECTIONS = st.none() | st.tuples(SIDES, SIDES).filter(lambda pair: pair != (None, None))
SPECS = st.builds(
    MatrixSpec,
    view=st.none() | st.tuples(PAIRS, PAIRS),
    style=STYLES,
    rows=ORDERINGS,
    cols=ORDERINGS,
    swipe=st.none() | st.floats(0, 1),
    how=st.none() | st.sampled_from(HOWS),
    clusters=st.none() | st.tuples(st.none() | st.integers(1, 10**6), st.none() | st.integers(1, 10**6)),
    margins=st.booleans(),
    selection=SELECTIONS,
    search=st.text(max_size=200),
    panels=st.lists(st.sampled_from(PANELS)),
    fingerprint=st.text(),
)


@given(SPECS)
def test_a_spec_survives_json_and_a_link(spec):
    assert MatrixSpec.from_json(spec.to_json()) == spec
    assert hash(spec) == hash(dataclasses.replace(spec))
    try:
        query = spec.to_query()
    except TooLargeError:
        query = spec.replaced(rows=None, cols=None, selection=None, search="").to_query()
    else:
        assert MatrixSpec.from_query(f"?other=1&{query}") == spec
    assert len(query) <= LONGEST_QUERY


@given(st.data(), st.integers(1, 30))
def test_moves_by_hand_are_those_of_a_list(data, size):
    """Each move on a list, one by one, against the recipe that joins steps of the same lines."""
    shown, ordering, last = list(range(size)), None, None
    for _ in range(data.draw(st.integers(1, 6))):
        if last is not None and data.draw(st.booleans()):
            places = list(range(*last))  # the same lines go on
        else:
            places = sorted(data.draw(st.sets(st.integers(0, size - 1), min_size=1)))
        to = data.draw(st.integers(0, size))
        move = Move(tuple(spans_of(np.array(places))), to)
        taken = [shown[place] for place in places]
        before = [one for place, one in enumerate(shown) if place < to and place not in places]
        behind = [one for place, one in enumerate(shown) if place >= to and place not in places]
        shown, ordering, last = before + taken + behind, by_hand(ordering, move), landed(move)
        assert shown[slice(*last)] == taken
        index = np.arange(size)
        for one in () if ordering is None else ordering.moves:
            index = moved(index, one.spans, one.to)
        assert index.tolist() == shown


def test_steps_of_the_same_lines_are_one_move():
    ordering = by_hand(None, Move(((4, 6),), 3))
    for place in (3, 2, 1):
        ordering = by_hand(ordering, Move(((place, place + 2),), place - 1))
    assert ordering == Ordering("hand", "", moves=(Move(((4, 6),), 0),))
    assert by_hand(ordering, Move(((0, 2),), 6)) is None, "they are where they came from"
    assert by_hand(by_hand(Ordering("column", "a"), Move(((0, 1),), 2)), Move(((1, 2),), 0)) == Ordering("column", "a")


def test_hits_of_another_search_are_not_first_any_more():
    by_name = Ordering("column", "name")
    assert by_search("b", by_search("a", by_name)) == Ordering("search", "b", base=by_name)


def test_a_link_names_what_is_kept():
    long = Ordering("hand", "", moves=[Move([[2 * k, 2 * k + 1] for k in range(1_000)], 7_000 + k) for k in range(20)])
    spec = MatrixSpec(rows=long, selection=(Lines(0, 5, long), None))
    assert spec.orders() == (long,)
    with pytest.raises(TooLargeError, match="limit is 2,000"):
        MatrixSpec(rows=Ordering("values", "".join(map(chr, range(1_000, 3_000))))).to_query()
    kept = Ordering("kept", "0123456789abcdef")
    assert MatrixSpec.from_query(spec.to_query({long: kept.name})) == MatrixSpec(rows=kept, selection=(Lines(0, 5, kept), None))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"version": 1, "style": {"agg": "meen"}}, "style.agg"),
        ({"version": 1, "style": {"dark": 1}}, "style.dark"),
        ({"version": 1, "style": {"limits": [2, 1]}}, "lower one first"),
        ({"version": 1, "style": {"clip": 10}}, "percentile"),
        ({"version": 1, "rows": {"by": "magic", "name": "a"}}, "magic"),
        ({"version": 1, "rows": {"by": "column", "name": 3}}, "has a name"),
        ({"version": 1, "rows": {"by": "hand", "name": ""}}, "1 to 1,000 moves"),
        ({"version": 1, "rows": {"by": "column", "name": "a", "moves": [[[0, 1], 2]]}}, "has no moves"),
        ({"version": 1, "rows": {"by": "hand", "name": "", "moves": [[[3, 1], 2]]}}, "ascending"),
        ({"version": 1, "rows": {"by": "hand", "name": "", "moves": [[[0, 1, 2], 2]]}}, "A move has spans"),
        ({"version": 1, "rows": {"by": "hand", "name": "", "moves": 3}}, "rows.moves"),
        ({"version": 1, "selection": {"rows": {"ends": [5, 5]}}}, "selection.rows"),
        ({"version": 1, "selection": {"rows": {"ends": [0.5, 5]}}}, "selection.rows"),
        ({"version": 1, "selection": {}}, "selection is a pair"),
        ({"version": 1, "selection": {"depth": 1}}, "unknown entry"),
        ({"version": 1, "search": 3}, "search"),
        ({"version": 1, "search": "a" * 201}, "up to 200"),
        ({"version": 1, "panels": ["tabel"]}, "Did you mean 'table'"),
        ({"version": 1, "panels": "table"}, "panels"),
        ({"version": 1, "cols": [1]}, "cols"),
        ({"version": 1, "colour": "red"}, "unknown entry"),
        ({"version": 7}, "reads versions up to"),
        ({"version": 1, "view": [[0, 1], [5, 2]]}, "y range"),
    ],
)
def test_a_malformed_spec_says_where(values, said):
    with pytest.raises(OptionError, match=said):
        MatrixSpec.from_json(values)


def test_orders_do_not_nest_without_end():
    values = {"by": "search", "name": "a"}
    for _ in range(DEEPEST):
        values = {"by": "search", "name": "a", "base": values}
    with pytest.raises(OptionError, match="stand on each other"):
        MatrixSpec.from_json({"version": 1, "rows": values})


def test_a_cut_link_is_refused():
    query = MatrixSpec(style=MatrixStyle(scale="log")).to_query()
    with pytest.raises(OptionError, match="cut or altered"):
        MatrixSpec.from_query(query[:-6])


def test_an_unknown_statistic_is_refused_with_the_list():
    with pytest.raises(OptionError, match=r"mean, min, max.*Did you mean 'mean'"):
        MatrixStyle(agg="meen")
