"""What controls of columns ask for: made as SQL, read back, and evaluated as DuckDB and pandas do."""

import re
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from bigview.app.asked import Asked, asked_of, asking, told_asked
from bigview.app.columncontrol import LISTED, Control
from bigview.app.picks import column_of, picking, told
from bigview.app.state import State
from bigview.app.stops import Slider, neat, read, value_of
from bigview.build.points import build_points
from bigview.errors import ExpressionError, OptionError
from bigview.part import Saved
from bigview.spec import Filter, Filters
from bigview.state import Spec
from bigview.store.clauses import parse
from bigview.store.manifest import Column
from bigview.stores import open as open_store

ROWS = 4_000
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
NAMES = TEXTS.filter(bool)
NUMBERS = st.one_of(st.integers(-(10**18), 10**18).map(str), st.floats(allow_nan=False, allow_infinity=False).map(repr))
MOMENTS = st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)).map(lambda moment: moment.isoformat(sep=" "))
ENDS = st.one_of(NUMBERS, MOMENTS)


@st.composite
def wishes(draw):
    column = draw(NAMES)
    kind = draw(st.sampled_from(["range", "contains", "regex", "missing", "present"]))
    if kind == "range":
        low, high = draw(st.tuples(st.none() | ENDS, st.none() | ENDS).filter(any))
        return Asked(column, "range", low, high)
    return Asked(column, kind, text=draw(TEXTS) if kind in ("contains", "regex") else "")


@given(wishes(), st.booleans())
@example(Asked("a", "contains", text=r"100%_\ '"), False)
@example(Asked('"', "contains", text="\\"), False)
@example(Asked("a", "contains", text="\n%"), False)
def test_what_is_asked_is_read_back(asked: Asked, nan: bool) -> None:
    made = asking(asked, nan)
    assert asked_of(made) == asked
    assert column_of(made) == asked.column
    assert asked_of(asking(Asked(asked.column + "x", "missing"))) != asked
    (kept,) = Spec(filters=[made]).filters
    assert asked_of(kept) == asked, "a link keeps it"
    assert told_asked(asked) == told(made)


@pytest.mark.parametrize("part", [Filter("a > 1"), Filter("\"a\" ILIKE '%a_b%'"), Filter("\"a\" ILIKE 'a%'"), Saved("s"), Filter(rows=[1])])
def test_other_filters_are_no_controls(part) -> None:
    assert asked_of(part) is None
    assert column_of(part) is None


def test_only_what_is_on_the_list_is_written() -> None:
    """Whatever a visitor types into a control, the SQL is one condition on its column."""
    for text in ("'; DROP TABLE batch; --", "') OR (1=1", "\\' OR 1=1 --", "x' ESCAPE '\\' OR 'a' = 'a"):
        for kind in ("contains", "regex"):
            try:
                expression = parse(asking(Asked('a"b', kind, text=text)).sql[0], ['a"b', "other"])
            except ExpressionError as error:
                assert "no regular expression" in str(error)  # noqa: PT017
            else:
                assert expression.columns == ('a"b',)
                assert expression.tree["class"] == "FUNCTION"


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    score = rng.normal(size=ROWS).astype(np.float32)
    score[::50] = np.nan
    grade = rng.integers(0, 100, ROWS).astype(float)
    grade[::70] = np.nan
    words = np.array(["alpha", "Beta", "50%", "a_b", "back\\slash", "it's", "", "Änderung", "100", "1000"])
    note = pd.Series([f"{words[k % 10]} {k}" for k in rng.integers(0, 10_000, ROWS)])
    note[::90] = None
    day = pd.Timestamp("2020-02-28") + pd.to_timedelta(rng.integers(0, 900 * 86_400, ROWS), unit="s")
    return pd.DataFrame(
        {
            "x": rng.normal(size=ROWS),
            "y": rng.normal(size=ROWS),
            "score": score,
            "grade": pd.array(np.where(np.isnan(grade), 0, grade), "Int64"),
            "count": rng.integers(-3, 30, ROWS).astype(np.int16),
            "day": pd.Series(day).where(rng.random(ROWS) > 0.02),
            "ok": pd.array(rng.random(ROWS) > 0.3, "boolean"),
            "many": pd.Categorical([f"kind {k}" for k in np.minimum(rng.geometric(0.01, ROWS), 350)]),
            "note": note,
            "one": 7,
        }
    )


@pytest.fixture(scope="module")
def store(frame, tmp_path_factory):
    frame.loc[::70, "grade"] = pd.NA
    frame.loc[::33, "ok"] = pd.NA
    path = tmp_path_factory.mktemp("asked") / "a.bv"
    build_points(frame, str(path), x="x", y="y")
    return open_store(str(path))


def _rows(store, filters) -> set[int]:
    where = Spec(filters=filters).where()
    return set(store.rows(where=where, columns=[], limit=ROWS)["__row"])


def _control(store, name) -> Control:
    return Control(store, store.manifest.column(name))


@pytest.mark.parametrize("name", ["score", "grade", "count", "day", "x"])
def test_every_pair_of_stops_means_a_closed_range(store, frame, name) -> None:
    """The handles, the fields, the SQL and pandas agree; an end at the column's own is open; values that are missing pass only without a range."""
    control, rng = _control(store, name), np.random.default_rng(0)
    texts = control.slider.texts
    last = len(texts) - 1
    picks = [(0, last), (0, 1), (last - 1, last), (3, 3), *(sorted(rng.integers(0, last + 1, 2)) for _ in range(12))]
    values = frame[name]
    for low, high in picks:
        filters = control.stopped(control.stopped((), "low", int(low)), "high", int(high))
        read_as = pd.Timestamp if name == "day" else values.dtype.type if name in ("score", "x") else float
        passes = values.between(read_as(texts[low]) if low else values.min(), read_as(texts[high]) if high < last else values.max())
        if (low, high) == (0, last):
            assert filters == ()
            continue
        assert _rows(store, filters) == set(np.flatnonzero(passes.fillna(False)))
        shown = control.shown(filters)
        assert shown["active"]
        assert shown["low"] == (texts[low] if low else "")
        assert shown["high"] in ((texts[high],) if high < last else ("", texts[-1]))
        assert shown["from"] == pytest.approx(control.slider.starts[low])
        assert shown["to"] == pytest.approx(control.slider.ends[high])


@pytest.mark.parametrize("name", ["score", "grade", "count", "day", "x", "one"])
def test_the_bars_count_every_value_where_the_slider_has_it(store, frame, name) -> None:
    control = _control(store, name)
    counts = control.counted(Filters(), (), "")
    values, slider = frame[name].dropna(), control.slider
    assert counts["all"] == counts["some"]
    assert sum(counts["all"]) == len(values)
    assert list(slider.starts) == sorted(slider.starts)
    assert 0 <= slider.starts[0] < slider.ends[-1] <= 1
    for stop in range(1, len(slider.texts) - 1, 7):
        # Bars wholly left of the lower handle hold only rows that it shuts out.
        whole = int(slider.starts[stop] * len(counts["all"]) + 1e-9)
        under = values.astype("int64" if name == "day" else float) < (
            pd.Timestamp(slider.texts[stop]).value // (1000 if "us" in str(values.dtype) else 1) if name == "day" else float(slider.texts[stop])
        )
        assert sum(counts["all"][:whole]) <= under.sum()


@given(st.data())
def test_sliders_of_any_column(data) -> None:
    kind = data.draw(st.sampled_from(["number", "integer", "datetime"]))
    if kind == "number":
        ends = data.draw(st.tuples(*[st.floats(-1e300, 1e300)] * 2))
        column = Column("a", kind, "double", low=min(ends), high=max(ends))
    else:
        ends = data.draw(st.tuples(*[st.integers(-(2**62), 2**62)] * 2))
        unit = data.draw(st.sampled_from(["ms", "us", "ns"]))
        ends = [end // (10**6 if unit == "ms" else 1) for end in ends]
        column = Column("a", kind, "int64" if kind == "integer" else f"timestamp[{unit}]", low=min(ends), high=max(ends))
    slider = Slider.of(column)
    assert slider is not None
    assert len(slider.texts) == len(slider.starts) == len(slider.ends) <= 410
    assert list(slider.starts) == sorted(slider.starts)
    assert min(slider.starts) == 0
    assert max(slider.ends) <= 1
    for place in {0, len(slider.texts) // 2, len(slider.texts) - 1}:
        assert slider.place(slider.texts[place], upper=False) == slider.starts[slider.texts.index(slider.texts[place])]
    assert 0 <= slider.place("1", upper=True) <= 1
    if kind == "datetime":
        assume(abs(int(np.datetime64(column.low, unit).astype("M8[Y]").astype(int))) < 8000)
        for text in slider.texts[:3]:
            moment = np.datetime64(text.replace(" ", "T"))
            assert not np.isnat(moment)


@pytest.mark.parametrize(
    ("kind", "dtype", "text", "wanted"),
    [
        ("number", "float", " 1.50 ", "1.5"),
        ("number", "double", "123456789", "123456789"),
        ("number", "double", "1e20", "1e+20"),
        ("integer", "int64", "9007199254740993", "9007199254740993"),
        ("integer", "int64", "2.5", "2.5"),
        ("datetime", "timestamp[us]", "2024-05-31", "2024-05-31"),
        ("datetime", "timestamp[us]", "2024-05-31 14:30", "2024-05-31 14:30:00"),
        ("datetime", "timestamp[ns]", "2024-05-31T14:30:00.123456789", "2024-05-31 14:30:00.123456789"),
        ("number", "float", "1,5", None),
        ("number", "float", "nan", None),
        ("number", "float", "1e999", None),
        ("datetime", "timestamp[us]", "today", None),
        ("datetime", "timestamp[us]", "2024-02-31", None),
    ],
)
def test_values_that_are_typed(kind, dtype, text, wanted) -> None:
    column = Column("a", kind, dtype, low=0, high=100)
    if wanted is None:
        with pytest.raises(OptionError, match="Write it as"):
            read(column, text)
    else:
        assert read(column, text) == wanted
        assert asked_of(asking(Asked("a", "range", wanted))) == Asked("a", "range", wanted)


@pytest.mark.parametrize("text", ["alpha", "ALPHA", "%", "_", "\\", "'", "a_b", "0%", "%%", "änd", " 1", ""])
def test_contains_takes_signs_as_they_are(store, frame, text) -> None:
    rows = _rows(store, [asking(Asked("note", "contains", text=text))])
    assert rows == {row for row, note in frame["note"].items() if isinstance(note, str) and text.lower() in note.lower()}


@pytest.mark.parametrize("pattern", ["^a", r"\d{4}$", "(?i)BETA", "it's", "[%_]"])
def test_patterns(store, frame, pattern) -> None:
    rows = _rows(store, [asking(Asked("note", "regex", text=pattern))])
    assert rows == {row for row, note in frame["note"].items() if isinstance(note, str) and re.search(pattern, note)}


@pytest.mark.parametrize("name", ["score", "grade", "day", "ok", "note", "many", "count"])
def test_missing_and_not(store, frame, name) -> None:
    control = _control(store, name)
    missing, present = control.gapped((), "missing"), control.gapped((), "present")
    assert _rows(store, missing) == set(np.flatnonzero(frame[name].isna()))
    assert _rows(store, present) == set(np.flatnonzero(frame[name].notna()))
    assert control.facts["missing"] == frame[name].isna().sum()
    assert control.shown(missing)["gap"] == "missing"
    assert control.gapped(missing, "missing") == ()
    assert control.gapped(missing, "present") == present


def test_a_control_keeps_to_its_own_filter(store) -> None:
    control, kinds = _control(store, "count"), _control(store, "many")
    before = (Filter("x > 0"), picking("many", ["kind 1"]))
    filters = control.typed(before, "low", "5")
    assert filters == (*before, Filter('"count" >= 5'))
    filters = control.typed(filters, "high", "9")
    assert filters == (*before, Filter('"count" BETWEEN 5 AND 9'))
    filters = kinds.toggled(filters, "kind 2")
    assert kinds.shown(filters)["picked"] == ["kind 1", "kind 2"]
    assert kinds.gapped(filters, "missing")[1] == Filter('"many" IS NULL')
    assert kinds.toggled(kinds.gapped(filters, "missing"), "kind 2")[-1] == picking("many", ["kind 2"])
    assert control.changed(filters, None) == filters[:2]
    with pytest.raises(OptionError, match="above"):
        control.typed(filters, "low", "10")
    assert control.typed(filters, "low", "")[2] == Filter('"count" <= 9')


def test_categories_by_rank_and_by_search(store, frame) -> None:
    control = _control(store, "many")
    others = Filters.of("count > 10")
    part = picking("many", ["kind 3"])
    found = control.counted(others & part, (part,), "")
    truth = frame.loc[frame["count"] > 10, "many"].value_counts()
    assert found["count"] == f"{(frame['many'] == 'kind 3').sum():,} of {ROWS:,} rows"
    assert dict(found["items"]) == {name: f"{truth[name]:,}" for name, _ in found["items"]}
    numbers = [int(count) for _, count in found["items"]]
    assert numbers == sorted(truth, reverse=True)[:LISTED]
    assert found["more"].startswith(f"{frame['many'].nunique() - LISTED:,} more")
    searched = control.counted(others, (), "KIND 34")
    assert {name for name, _ in searched["items"]} == {name for name in frame["many"].unique() if "kind 34" in name}
    assert control.counted(others, (), "nothing")["items"] == []


def test_booleans(store, frame) -> None:
    control = _control(store, "ok")
    filters = control.toggled((), "False")
    assert filters == (Filter('"ok" IN (FALSE)'),)
    assert _rows(store, filters) == set(np.flatnonzero(frame["ok"].eq(False).fillna(False)))
    counts = dict(control.counted(Filters.of(*filters), filters, "")["items"])
    assert counts == {"True": f"{frame['ok'].sum():,}", "False": f"{(~frame['ok'].dropna()).sum():,}"}


def test_the_colour_leaves_out_the_column_itself(store, frame) -> None:
    control = _control(store, "count")
    own = Filter('"count" >= 20')
    found = control.counted(Filters.of(own, "x > 0"), (own, Filter("x > 0")), "")
    assert found["some"] == [int(n) for n in frame.loc[frame["x"] > 0, "count"].value_counts().sort_index()]
    assert found["count"] == f"{(frame['count'] >= 20).sum():,} of {ROWS:,} rows"


def test_a_drag_is_undone_as_one() -> None:
    state = State(spec=Spec())
    for stop in range(5):
        state.change(gesture=("a", 1), filters=[f"a > {stop}"])
    state.change(gesture=("a", 2), filters=["a > 9"])
    assert state.undo()
    assert state.spec.filters == (Filter("a > 4"),)
    assert state.undo()
    assert state.spec.filters == ()
    assert state.redo()
    state.change(gesture=("a", 1), filters=["a > 7"])
    assert state.undo()
    assert state.spec.filters == (Filter("a > 4"),), "after an undo a gesture begins anew"


def test_moments_far_apart(tmp_path) -> None:
    days = [datetime(1900, 1, 1) + timedelta(days=400 * k) for k in range(80)]
    table = pd.DataFrame({"x": range(80), "y": range(80), "day": pd.array(days, "datetime64[ms]")})
    build_points(table, str(tmp_path / "a.bv"), x="x", y="y")
    store = open_store(str(tmp_path / "a.bv"))
    control = _control(store, "day")
    filters = control.typed((), "low", "1950-01-01")
    assert _rows(store, filters) == {row for row, day in enumerate(days) if day >= datetime(1950, 1, 1)}


@pytest.mark.parametrize(
    ("typed", "low", "high", "shown"),
    [
        ("2020", "2020-01-01", "2020-12-31 23:59:59.999999", "2020-12-31"),
        ("2020-02", "2020-02-01", "2020-02-29 23:59:59.999999", "2020-02-29"),
        ("2020-02-03", "2020-02-03", "2020-02-03 23:59:59.999999", "2020-02-03"),
        ("2020-02-03 04:05", "2020-02-03 04:05:00", "2020-02-03 04:05:59.999999", "2020-02-03 04:05"),
        ("2020-02-03 04:05:06", "2020-02-03 04:05:06", "2020-02-03 04:05:06.999999", "2020-02-03 04:05:06"),
        ("2020-02-03 04:05:06.5", "2020-02-03 04:05:06.5", "2020-02-03 04:05:06.5", "2020-02-03 04:05:06.5"),
    ],
)
def test_an_upper_end_counts_to_its_last_moment(typed, low, high, shown):
    column = Column(name="day", part="rows", kind="datetime", dtype="timestamp[us]", low=0, high=1 << 50)
    assert read(column, typed) == low
    assert read(column, typed, upper=True) == high
    assert neat(high) == shown
    assert read(column, shown, upper=True) == high, "what is shown means the same when it is typed again"
    assert told_asked(Asked("day", "range", None, high)) == f"day ≤ {shown}"


def test_years_that_no_moment_has_are_the_last_ones():
    column = Column(name="day", part="rows", kind="datetime", dtype="timestamp[ns]", low=0, high=1 << 60)
    assert value_of(column, "3000") > value_of(column, "2261-01-01") > value_of(column, "1700-01-01") > value_of(column, "0001-01-01")


def test_a_chip_of_a_truth_value_says_yes_or_no():
    assert told(Filter('"flag" IN (TRUE)')) == "flag: yes"
    assert told(Filter("\"flag\" IN ('True')")) == "flag: True"
