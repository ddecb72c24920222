"""Expressions: what a filter may say, and everything that it may not."""

import copy

import numpy as np
import pyarrow as pa
import pytest

from bigview.errors import ExpressionError
from bigview.store.clauses import evaluate, parse

BATCH = pa.table(
    {
        "a": pa.array([1, 2, None, 4]),
        "my label": pa.array(["de", "en", None, "fr"]).dictionary_encode(),
        "f": pa.array([0.1, 0.2, float("nan"), None], pa.float32()),
        "when": pa.array([0, 1, 2, 3], pa.timestamp("us")),
    }
)


def true_rows(text: str) -> list[int]:
    expression = parse(text, BATCH.column_names)
    return np.flatnonzero(evaluate(expression, BATCH)).tolist()


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a > 1", [1, 3]),
        ("a > 1 -- a comment", [1, 3]),
        ("\"my label\" LIKE 'd%'", [0]),
        ("\"MY Label\" IN ('de', 'xx')", [0]),
        ("f = 0.1", [0]),  # a float32 literal means what DuckDB means by it
        ("f > 0.15", [1, 2]),  # NaN is the greatest number
        ("f IS NULL", [3]),
        ("NOT f > 0.15", [0]),
        ("\"when\" > TIMESTAMP '1970-01-01 00:00:00.000001'", [2, 3]),
        ("DATE '2000-01-01' > \"when\"", [0, 1, 2, 3]),
        ("a = -1 OR a + 1 = 2", [0]),
        ("a NOT IN (1, 2)", [3]),
        ("\"my label\" > 'dx'", [1, 3]),
        ("\"my label\" LIKE 'd\\_%' ESCAPE '\\'", []),
        ("regexp_matches(\"my label\", '^[de]')", [0, 1]),
        ("NOT regexp_matches(\"my label\", '^D', 'i')", [1, 3]),
        ("regexp_matches(\"my label\", '(a+)+$') OR a = 1", [0]),
        ("true", [0, 1, 2, 3]),
        ("a / 0 IS NULL", [2]),
    ],
)
def test_allowed(text: str, rows: list[int]) -> None:
    assert true_rows(text) == rows


REFUSED = [
    "",
    "  ",
    "a >",
    "(a > 1",
    "a > 1) ; DROP TABLE batch --",
    "a > 1; DROP TABLE batch",
    "1=1) FROM batch; COPY batch TO '/tmp/x' --",
    "1) FROM batch, (SELECT 1) t WHERE (1=1",
    "a > 1 LIMIT 1",
    "a > 1 UNION SELECT true",
    "(SELECT true)",
    "a IN (SELECT a FROM batch)",
    "EXISTS (SELECT 1)",
    "a = ANY([1, 2])",
    "read_text('/etc/passwd') IS NOT NULL",
    "(FROM read_csv('/etc/passwd')) IS NOT NULL",
    "a IN (FROM '/etc/passwd')",
    "getenv('HOME') = 'x'",
    "current_setting('threads') = '1'",
    "sqrt(a) > 1",
    'regexp_matches("my label", "my label")',
    "regexp_matches(\"my label\", '(')",
    "regexp_matches(\"my label\", 'a', 'no such option')",
    "regexp_matches(\"my label\", 'a' || 'b')",
    "regexp_matches(\"my label\", '((((x{1000}){1000}){1000}){1000}){1000}')",
    'regexp_matches("my label")',
    "regexp_replace(\"my label\", 'a', 'b') = 'b'",
    "other.regexp_matches(\"my label\", 'a')",
    "regexp_extract_all(\"my label\", 'a') IS NULL",
    "\"my label\" SIMILAR TO '(a+)+$'",
    "pg_sleep(9) IS NULL",
    "sum(a) > 1",
    "count(*) > 1",
    "row_number() OVER () > 1",
    "CASE WHEN a > 1 THEN true END",
    "a::VARCHAR = '1'",
    "CAST(a AS BLOB) IS NULL",
    "a = ?",
    "a = $1",
    "COLUMNS(*) > 1",
    "*",
    "batch.a > 1",
    "a.b.c > 1",
    "[x FOR x IN [1]] = [1]",
    "{'a': 1} = 1",
    "a -> 1",
    "a COLLATE nocase = 'x'",
    "__import__('os').system('true')",
    "b > 1",
    "a = 'word'",
    "INSTALL httpfs",
    "PRAGMA database_list",
    "ATTACH '/tmp/x.db'",
    "a > 1 /* unclosed",
    "x" * 30_000,
    "NOT " * 2_000 + "true",
]


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:40])
def test_refused(text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        true_rows(text)
    assert len(str(caught.value).splitlines()) == 1


def test_errors_help() -> None:
    with pytest.raises(ExpressionError, match="Did you mean 'my label'"):
        parse('"my lable" = 1', BATCH.column_names)
    with pytest.raises(ExpressionError, match="missing at its end, after character 3"):
        parse("a >", BATCH.column_names)
    with pytest.raises(ExpressionError, match="double quotes"):
        parse("my label = 1", BATCH.column_names)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a >", 3),
        ("a = 1 AND foo > 2", 10),
        ("a = 1 AND sqrt(a) > 2", 10),
        ("a = 1 AND 'wörter 日本' = b c", 26),
        ("'wörter 日本' = 'x' AND b > 1", 22),
        ("a = 1 AND regexp_matches(\"my label\", '(')", 37),
        ("a::VARCHAR = '1'", 1),
        ("  ", 0),
    ],
)
def test_errors_tell_where(text: str, place: int) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text, BATCH.column_names)
    assert caught.value.position == place
    assert copy.copy(caught.value).position == place


def test_a_regex_takes_time_in_proportion_to_the_text() -> None:
    """A backtracking engine would not come back from this one."""
    batch = pa.table({"t": ["a" * 5_000 + "!"]})
    expression = parse("regexp_matches(t, '^(a+)+$')", ["t"])
    assert not evaluate(expression, batch).any()
