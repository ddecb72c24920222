"""Texts that contain a text, against DuckDB's own answer."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bigview.errors import ExpressionError
from bigview.store.clauses import lowered, parse
from bigview.store.filters import sql_bits
from bigview.store.phrases import contains, text_of
from bigview.store.textsearch import first_found, searched, sought
from bigview.stores import build_points

ROWS = 5_000
SIGNS = "aAbBkK\u212aiIİıßẞσςΣéÉ\u0301猫😀ДжДЖ%_\\'\" 1"


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    rng = np.random.default_rng(5)
    texts = ["".join(rng.choice(list(SIGNS), rng.integers(0, 9))) for _ in range(ROWS)]
    frame = pd.DataFrame(
        {
            "x": rng.normal(size=ROWS),
            "y": rng.normal(size=ROWS),
            "text": [None if row % 11 == 0 else text for row, text in enumerate(texts)],
            "other": [f"{row} of {text}" for row, text in enumerate(reversed(texts))],
            "kind": pd.Categorical(np.array(["Kiste", "baum", "Äpfel"])[rng.integers(0, 3, ROWS)]),
            "score": rng.random(ROWS),
        }
    )
    return build_points(frame, tmp_path_factory.mktemp("search") / "texts.bv", x="x", y="y", quiet=True)


def bits_of(table, text):
    expression = parse(text, table.columns)
    return searched(table.reader, expression, lambda part: sql_bits(table.reader, part)), sql_bits(table.reader, expression)


NEEDLES = st.text(st.sampled_from(SIGNS) | st.characters(exclude_categories=["Cs"]), min_size=1, max_size=3)


@settings(max_examples=200, deadline=None)
@given(NEEDLES, st.booleans())
@example("k", True)
@example("i", True)
@example("ΣΑΣ", True)
def test_it_finds_what_duckdb_finds(table, text, any_case):
    condition = contains("text", text)
    mine, theirs = bits_of(table, condition if any_case else condition.replace("ILIKE", "LIKE"))
    assert mine is None if "\0" in text else np.array_equal(mine, theirs)


@settings(max_examples=80, deadline=None)
@given(st.text(st.sampled_from("aAk%_\\b"), max_size=6), st.sampled_from(["LIKE", "ILIKE"]), st.sampled_from(["", " ESCAPE '\\'", " ESCAPE 'a'"]))
def test_a_pattern_that_is_more_than_a_text_is_left_to_duckdb(table, pattern, operator, escape):
    text = f"text {operator} {text_of(f'%{pattern}%')}{escape}"
    try:
        theirs = sql_bits(table.reader, parse(text, table.columns))
    except ExpressionError:
        return  # an escape at the end
    mine = bits_of(table, text)[0]
    assert mine is None or np.array_equal(mine, theirs)


CONDITIONS = ["text ILIKE '%a%'", "other LIKE '%7%'", "kind ILIKE '%k%'", "score > 0.5", "text NOT LIKE '%b%'", "text IS NULL", "other > text"]
MIXED = st.recursive(
    st.sampled_from(CONDITIONS),
    lambda inner: st.tuples(inner, st.sampled_from([" AND ", " OR "]), inner).map(lambda parts: f"({''.join(parts)})"),
    max_leaves=5,
)


@settings(max_examples=60, deadline=None)
@given(MIXED)
def test_beside_other_conditions(table, text):
    mine, theirs = bits_of(table, text)
    assert mine is None or np.array_equal(mine, theirs)
    assert (mine is None) == ("text ILIKE" not in text and "other LIKE" not in text)
    assert np.array_equal(table.bits(text), theirs)


TEXTS = st.sampled_from(["a", "k", "7", "baum", "no such"])


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.sampled_from([None, "score < 0.3", "kind = 'baum'"]), st.integers(1, 300), st.booleans())
def test_the_first_rows_are_those_of_all(table, text, where, limit, everywhere):
    columns = ["text", "other"] if everywhere else ["text"]
    others = contains("kind", text)
    search = " OR ".join([*(contains(name, text) for name in columns), others])
    found = first_found(table.reader, text, columns, table.bits(others), table.selected(None, where), limit)
    whole = table.selected(None, search if where is None else f"({where}) AND ({search})").positions(0, limit)
    assert found is None if len(whole) < limit else np.array_equal(found, whole)


def test_where_no_text_is_searched_nothing_is_found(table):
    assert first_found(table.reader, "a", [], None, table.selected(), 1) is None
    assert first_found(table.reader, "", ["text"], None, table.selected(), 1) is None


def test_cases_lie_in_the_planes_that_are_asked_for():
    assert max(map(ord, lowered())) < 0x1F000
    assert all(len(small) == 1 for small in lowered().values())
    assert {"K", "\u212a", "İ"} <= set(lowered())


def test_a_category_is_no_text(table):
    assert sought(table.reader, parse("kind ILIKE '%k%'", table.columns).tree) is None
