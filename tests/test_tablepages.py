"""The pages of the table of records, against pandas."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bigview.app.tablepages import PAGE, Asked, Order, arriving, clamped, fetched, first_columns, pages_of, rank, searching, texts, turned
from bigview.build.points import build_points
from bigview.spec import Filters, View
from bigview.stores import PointStore
from bigview.stores import open as open_store

ROWS = 1_234
PIECES = ["%", "_", "\\", "'", '"', "<script>", "a", "É", "100%", "a_b", "\\%", "ß", "猫"]


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    texts = ["".join(rng.choice(PIECES, size=rng.integers(0, 5))) + f" {row}" for row in range(ROWS)]
    return pd.DataFrame(
        {
            "x": rng.normal(size=ROWS).astype(np.float32),
            "y": rng.normal(size=ROWS).astype(np.float32),
            'odd "name"': [None if row % 9 == 0 else text for row, text in enumerate(texts)],
            "kind": pd.Categorical(np.array(["a%", "a_b", "c"])[rng.integers(0, 3, ROWS)]),
            "score": np.where(rng.random(ROWS) < 0.1, np.nan, rng.integers(0, 50, ROWS) / 10).astype(np.float32),
            "list": [[row, 2] for row in range(ROWS)],
        }
    )


@pytest.fixture(scope="module")
def table(frame, tmp_path_factory) -> PointStore:
    folder = tmp_path_factory.mktemp("pages")
    frame.to_parquet(folder / "points.parquet")
    build_points(str(folder / "points.parquet"), str(folder / "points.bv"), x="x", y="y")
    return open_store(str(folder / "points.bv"))


@given(total=st.integers(0, 10**10), number=st.integers(-5, 10**9))
def test_every_row_is_on_one_page(total, number):
    pages = pages_of(total)
    assert pages >= 1
    assert (pages - 1) * PAGE < max(total, 1) <= pages * PAGE
    found = clamped(number, total)
    assert 0 <= found < pages
    assert found == number or not 0 <= number < pages


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=st.one_of(st.text(max_size=4), st.lists(st.sampled_from(PIECES), min_size=1, max_size=3).map("".join)))
def test_a_search_finds_what_contains_the_text_whatever_it_is(table, frame, wanted):
    condition = searching(table.columns, wanted)
    if not wanted:
        assert condition is None
        return
    found = set(table.rows(where=condition, limit=ROWS, columns=[])["__row"])
    if wanted.isascii():  # beyond ASCII, cases are a matter of DuckDB's own tables
        columns = [frame['odd "name"'].fillna("\0"), frame["kind"].astype(str)]
        lower = wanted.lower()
        assert found == {row for row in range(ROWS) if any(lower in column.iloc[row].lower() for column in columns)}
    else:
        assert all(any(wanted in str(value) for value in frame.loc[row, ['odd "name"', "kind"]]) for row in found) or wanted.lower() != wanted.upper()


def test_without_texts_nothing_is_searched():
    assert searching({"x": "number"}, "a") is None
    assert searching({"x": "text"}, "") is None


def test_a_header_turns_up_down_and_back():
    columns = {"a": "number", "b": "number", "-b": "number"}
    first = turned(None, "a", columns)
    assert first == Order("a")
    second = turned(first, "a", columns)
    assert second == Order("a", descending=True)
    assert turned(second, "a", columns) is None
    assert turned(second, "b", columns) == Order("b")
    assert turned(Order("b"), "b", columns) is None, "-b is another column"


def test_lists_are_not_shown_at_first():
    assert first_columns({"__row": "integer", "a": "text", "l": "list", "b": "binary", "c": "number"}) == ("a", "c")


VIEW = View((-1, 1), (-1, 1), 300, 200)


@pytest.mark.parametrize("where", [None, "score > 2"])
@pytest.mark.parametrize("view", [None, VIEW])
def test_rank_is_the_place_in_store_order(table, where, view):
    selection = table.selected(view, where)
    selected = selection.positions().tolist()
    places = {position: place for place, position in enumerate(selected)}
    assert [rank(selection, position) for position in range(ROWS)] == [places.get(position) for position in range(ROWS)]


@pytest.mark.parametrize("order", [None, Order("score"), Order("score", descending=True), Order("kind"), Order("__row")])
@pytest.mark.parametrize("number", [0, 3, 99])
def test_pages_are_those_of_rows(table, order, number):
    asked = Asked(Filters.of("score < 4 OR score IS NULL"), VIEW, "a", ("score", "kind"), order, number)
    where = Filters.of(asked.where, searching(table.columns, "a"))
    whole = table.rows(VIEW, where, limit=ROWS, order_by=order.text if order else None)
    shown = fetched(table, asked)
    assert shown.total == len(whole) == table.count(VIEW, where)
    first = shown.number * PAGE
    assert shown.ids == whole["__row"].iloc[first : first + PAGE].tolist()
    assert shown.number == min(number, pages_of(len(whole)) - 1)
    assert shown.cells == texts(whole.iloc[first : first + PAGE], asked.columns)


def test_a_row_is_found_on_its_page_or_shown_above(table):
    asked = Asked(Filters.of("score < 4"), None, "", ("score",), find=0, jump=True)
    ids = table.rows(where="score < 4", limit=ROWS)["__row"].tolist()
    for row in ids[::37]:
        shown = fetched(table, replace(asked, find=row))
        assert row in shown.ids
        assert shown.found is None
        assert shown.number == ids.index(row) // PAGE
    outside = next(row for row in range(ROWS) if row not in ids)
    shown = fetched(table, replace(asked, find=outside, number=1))
    assert shown.number == 1
    assert shown.found == texts(table.take(row_ids=[outside]), ["score"])[0]
    last = fetched(table, replace(asked, order=Order("score", descending=True), find=ids[-1], number=0))
    assert (ids[-1] in last.ids) == (last.found is None)


def test_values_as_text(table, frame):
    records = table.take(row_ids=[0, 1])
    made = texts(records, ["score", "list", 'odd "name"'])
    assert made[1][0] == ("" if np.isnan(frame["score"].iloc[1]) else str(frame["score"].iloc[1])), "float32 keeps its own digits"
    assert made[1][1] == "[1, 2]"
    assert made[0][2] == "", "a missing text is nothing"
    assert texts(pd.DataFrame({"t": ["x" * 5_000]}), ["t"])[0][0].endswith("…")
    assert texts(records, []) == [[], []]


@pytest.mark.parametrize("where", [Filters(), Filters.of("score > 2"), Filters.of("score > 4.8 AND kind = 'c'")])
@pytest.mark.parametrize("search", ["a", "É", "c", "no such"])
def test_the_first_page_of_a_search_stays_when_all_hits_are_counted(table, where, search):
    for view in (None, VIEW):
        asked = Asked(where, view, search, ("score", "kind"))
        *early, last = arriving(table, asked)
        assert last == fetched(table, asked)
        assert bool(early) == (last.total >= PAGE)
        for shown in early:
            assert (shown.total, shown.ids, shown.cells) == (None, last.ids, last.cells)
    for change in ({"order": Order("kind")}, {"number": 1}, {"find": 3, "jump": True}, {"search": ""}):
        assert len(list(arriving(table, replace(asked, **change)))) == 1
