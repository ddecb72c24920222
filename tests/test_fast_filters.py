"""Filters tested on decoded columns mean what DuckDB means, on columns of every kind, for random expressions."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bigview.build.points import build_points
from bigview.config import override
from bigview.errors import ExpressionError
from bigview.store import pages, scan
from bigview.store.bits import unpack
from bigview.store.clauses import parse
from bigview.store.filters import sql_bits
from bigview.store.points import PointTable
from bigview.store.scan import bits_of
from bigview.store.valuesets import Joined, UnsureError, Values, plan

ROWS = 1_900
WORDS = ("de", "en", "Füße", "日本", "<b>", "o'clock", "", "E_n", "100%")


def gaps(rng: np.random.Generator, values: np.ndarray, kind: pa.DataType, share: float = 0.1) -> pa.Array:
    return pa.array(values, kind, mask=rng.random(ROWS) < share)


def floats(rng: np.random.Generator) -> np.ndarray:
    special = [np.nan, np.inf, -np.inf, 0.0, -0.0, 0.1, 1e-45, 16_777_217.0, 3.4e38, -1.5]
    return np.where(rng.random(ROWS) < 0.3, rng.choice(special, ROWS), np.round(rng.normal(size=ROWS), 2))


def table() -> pa.Table:
    """Columns of every kind that the store decodes, with and without missing values."""
    rng = np.random.default_rng(5)
    large = 2**60 + rng.integers(-300, 300, ROWS)
    times = np.datetime64("2024-02-28", "us").astype(int) + (rng.normal(size=ROWS) * 86_400e6).astype(int)
    numbers = floats(rng)
    return pa.table(
        {
            "x": rng.normal(size=ROWS),
            "y": rng.normal(size=ROWS).astype(np.float32),
            "f4": pa.array(numbers.astype(np.float32), pa.float32()),
            "f4 gaps": gaps(rng, np.where(np.isnan(numbers), 7, numbers).astype(np.float32), pa.float32()),
            "f8": pa.array(numbers, pa.float64()),
            "f8 both": gaps(rng, numbers, pa.float64()),
            "i1": pa.array(rng.integers(-128, 128, ROWS), pa.int8()),
            "i4": pa.array(rng.integers(-(2**31), 2**31, ROWS), pa.int32()),
            "i8": pa.array(rng.integers(-5_000, 5_000, ROWS), pa.int64()),
            "i8 gaps": gaps(rng, rng.integers(-5_000, 5_000, ROWS), pa.int64()),
            "large": pa.array(large, pa.int64()),
            "large gaps": gaps(rng, large, pa.int64()),
            "u8": pa.array(np.uint64(2**63) + rng.integers(0, 9_000, ROWS).astype(np.uint64), pa.uint64()),
            "us": gaps(rng, times, pa.timestamp("us")),
            "ms": pa.array(times // 1000, pa.timestamp("ms")),
            "ns": gaps(rng, times * 1000 + rng.integers(0, 999, ROWS), pa.timestamp("ns")),
            "flag": gaps(rng, rng.random(ROWS) < 0.5, pa.bool_()),
            "lang": gaps(rng, rng.choice(WORDS, ROWS), pa.string()),
            "none": pa.nulls(ROWS, pa.float64()),
            "text": [f"word {number % 50}" for number in range(ROWS)],
        }
    )


SOURCE = table()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> PointTable:
    """Many small row groups in several files, so that tasks meet in the middle of words."""
    path = str(tmp_path_factory.mktemp("filters") / "s.bv")
    with override(row_group=50):
        build_points(SOURCE, path, x="x", y="y", quiet=True, partition_rows=500, texts=("text",))
    return PointTable.open(path)


COLUMNS = tuple(name for name in SOURCE.column_names if name != "text")
NUMBERS = ("f4", "f4 gaps", "f8", "f8 both", "i1", "i4", "i8", "i8 gaps", "large", "large gaps", "u8", "x", "y")
MOMENTS = ("us", "ms", "ns")
MOMENT_FORMS = ("'{}'", "TIMESTAMP '{}'", "DATE '{}'", "'{}'::TIMESTAMP_S", "'1500-01-01'", "'nonsense'", "NULL", "TIMESTAMPTZ '{}'")
LITERALS = """0 -0.0 0.1 -1.5 1e-1 16777217 16777216.0 1e400 -1e400 99999999999999999999 0.10000000000000001 NULL 3.4e38 1e-45 127 128 -129 2.5 9.3e18
1e0/0 7-2 1e0*0.1 1152921504606846976 1152921504606846976.5 1152921504606846976e0 9223372036854779808"""


@st.composite
def literals(draw: st.DrawFn, column: str) -> str:
    """Draw a constant for a column: often one of its own values, or a little beside it."""
    if column in MOMENTS:
        moment = np.datetime64(SOURCE[column][draw(st.integers(0, ROWS - 1))].as_py() or "2024-02-28")
        text = str(moment.astype(f"M8[{draw(st.sampled_from(['D', 'h', 's', 'ms', 'us']))}]")).replace("T", " ")
        text = text if ":" in text or " " not in text else text + ":00"
        form = draw(st.sampled_from(MOMENT_FORMS))
        return form.format(text)
    if column == "lang":
        return draw(st.sampled_from([f"'{word.replace(chr(39), chr(39) * 2)}'" for word in (*WORDS, "dx", "F")] + ["NULL"]))
    if column in ("flag", "none") or draw(st.booleans()):
        return draw(st.sampled_from(["true", "false", "1", "NULL"] if column == "flag" else LITERALS.split()))
    value = SOURCE[column][draw(st.integers(0, ROWS - 1))].as_py()
    if value is None or not np.isfinite(value):
        return "1"
    if isinstance(value, int):
        return str(value + draw(st.sampled_from([0, 1, -1]))) + draw(st.sampled_from(["", ".0", ".5", "e0"]))
    return draw(st.sampled_from(["{!r}", "{:.2f}", "{:.3e}", "{:.20f}"])).format(value)


@st.composite
def conditions(draw: st.DrawFn) -> str:
    """Draw a condition on one column."""
    column = draw(st.sampled_from(COLUMNS))
    name, kind = f'"{column}"', draw(st.sampled_from(["compare", "compare", "between", "in", "null", "mirrored", "distinct"]))
    if column == "lang" and draw(st.booleans()):
        return draw(st.sampled_from(["lang LIKE '%n%'", "lang NOT ILIKE 'e\\_%' ESCAPE '\\'", "regexp_matches(lang, '^[dF]')", "lang LIKE NULL"]))
    if column == "flag" and draw(st.booleans()):
        return "flag"
    one = literals(column)
    if kind == "null":
        return f"{name} IS {draw(st.sampled_from(['', 'NOT ']))}NULL"
    if kind == "between":
        return f"{name} {draw(st.sampled_from(['', 'NOT ']))}BETWEEN {draw(one)} AND {draw(one)}"
    if kind == "in":
        return f"{name} {draw(st.sampled_from(['', 'NOT ']))}IN ({', '.join(draw(st.lists(one, min_size=1, max_size=5)))})"
    if kind == "distinct":
        return f"{name} IS {draw(st.sampled_from(['', 'NOT ']))}DISTINCT FROM {draw(one)}"
    operator = draw(st.sampled_from(["<", "<=", ">", ">=", "=", "<>"]))
    return f"{draw(one)} {operator} {name}" if kind == "mirrored" else f"{name} {operator} {draw(one)}"


@st.composite
def combined(draw: st.DrawFn, depth: int = 2) -> str:
    """Draw conditions joined by AND, OR and NOT."""
    if depth == 0 or draw(st.integers(0, 2)) == 0:
        return draw(conditions())
    left, right = draw(combined(depth - 1)), draw(combined(depth - 1))
    text = f"({left}) {draw(st.sampled_from(['AND', 'OR', 'AND NOT', 'OR NOT']))} ({right})"
    return f"NOT ({text})" if draw(st.booleans()) else text


def fast(store: PointTable, text: str) -> np.ndarray:
    expression = parse(text, store.columns)
    return unpack(bits_of(store.reader, plan(store.reader, expression)), 0, ROWS)


def slow(store: PointTable, text: str) -> np.ndarray:
    return unpack(sql_bits(store.reader, parse(text, store.columns)), 0, ROWS)


@settings(max_examples=120)
@given(text=conditions())
def test_a_condition_means_what_duckdb_means(store: PointTable, text: str) -> None:
    same(store, text)


@settings(max_examples=50)
@given(text=combined())
def test_joined_conditions_mean_what_duckdb_means(store: PointTable, text: str) -> None:
    same(store, text)


def same(store: PointTable, text: str) -> None:
    try:
        found = fast(store, text)
    except UnsureError:
        return
    np.testing.assert_array_equal(found, slow(store, text), err_msg=text)


@pytest.mark.parametrize(
    ("text", "tests"),
    [
        ("f4 > 0.1", 1),
        ("f4 BETWEEN 0.1 AND 1", 1),
        ("f4 >= 0.1 AND f4 < 0.5 AND NOT f4 = 0.25", 1),
        ("f4 IN (0.1, 7, -1.5)", 1),
        ('"f4 gaps" IS NULL', 1),
        ("f8 <> 0.5", 1),
        ("i8 < 2.5 OR i8 = 4000", 1),
        ("i8 * 2 > 5000", 1),
        ("large > 1152921504606846977", 1),
        ("u8 <= 9223372036854780000", 1),
        ("us >= '2024-02-28'", 1),
        ("ns < TIMESTAMP '2024-02-28 01:02:03'", 1),
        ("ms BETWEEN DATE '2024-02-27' AND DATE '2024-02-29'", 1),
        ("flag", 1),
        ("NOT flag OR flag IS NULL", 1),
        ("lang = 'de'", 1),
        ("lang LIKE '%n%' OR lang IN ('日本')", 1),
        ("regexp_matches(lang, 'F.*e$')", 1),
        ("x > 0 AND lang = 'de'", 2),
        ("NOT (x > 0 AND (lang = 'de' OR i8 = 3))", 3),
        ("true", 0),
        ("x IS NOT NULL", 0),
        ("i8 > 5000 AND x > 0", 0),
    ],
)
def test_common_conditions_need_no_duckdb(store: PointTable, text: str, tests: int) -> None:
    def count(found: object) -> int:
        return sum(count(part) for part in found.parts) if isinstance(found, Joined) else int(isinstance(found, Values) and found.constant is None)

    assert count(plan(store.reader, parse(text, store.columns))) == tests
    np.testing.assert_array_equal(fast(store, text), slow(store, text))


@pytest.mark.parametrize(
    "text",
    ["text LIKE '%7%'", "x + y > 0", "i8 + i4 > 0", '"f8 both" > 1', '"large gaps" > 5', "f4 > '0.5'", "us > TIMESTAMPTZ '2024-02-28'"],
)
def test_the_rest_is_left_to_duckdb(store: PointTable, text: str) -> None:
    with pytest.raises(UnsureError):
        fast(store, text)
    assert store.count(where=text) == slow(store, text).sum()


def test_mistakes_are_told_as_before(store: PointTable) -> None:
    for text in ("us > 'nonsense'", "x = 'word'", "flag > 'maybe'"):
        with pytest.raises(ExpressionError):
            store.count(where=text)


def test_columns_larger_than_the_cache_are_streamed(store: PointTable, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "f8 > 0 AND i4 > 0"
    wanted, fresh = slow(store, text), PointTable.open(store.reader.folder.url)
    decoded, load = [], fresh.reader.pages._load
    monkeypatch.setattr(fresh.reader.pages, "_load", lambda groups, names: decoded.extend(groups) or load(groups, names))
    monkeypatch.setattr(pages, "_LATELY", 0.0)  # pictures of other tests do not count
    groups, passes = len(fresh.reader.row_groups.files), []
    with override(cache_bytes=12 * ROWS):
        for _ in range(4):
            decoded.clear()
            np.testing.assert_array_equal(fast(fresh, text), wanted)
            passes.append(len(decoded))
    assert passes[0] == groups
    assert passes[1] == passes[2] == passes[3]
    assert 0 < passes[1] <= 0.3 * groups  # what fits is kept, pass after pass


def test_bits_beyond_the_last_row_stay_clear(store: PointTable) -> None:
    for text in ("NOT x > 1e9", "true", "f8 > 0 OR f8 <= 0", "lang IS NULL OR lang IS NOT NULL", "i8 <> 3"):
        bits = bits_of(store.reader, plan(store.reader, parse(text, store.columns)))
        assert not unpack(bits, ROWS, 64 * len(bits)).any(), text


def test_many_ranges(store: PointTable) -> None:
    for text in (f"i4 IN ({', '.join(map(str, SOURCE['i4'].to_pylist()[:50]))})", f"f8 NOT IN ({', '.join(f'{v / 100}' for v in range(-90, 90))})"):
        np.testing.assert_array_equal(fast(store, text), slow(store, text))
    assert scan._FEW < 50
