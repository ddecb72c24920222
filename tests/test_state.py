"""Spec: one frozen value for all that is shown, in JSON and in a link and back."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bigview as bv
from bigview.chart import CHARTS, Chart
from bigview.errors import OptionError, TooLargeError
from bigview.part import Saved, digest
from bigview.raster.frame import frame
from bigview.spec import Filter, RowSet, Style
from bigview.state import LONGEST_QUERY, Spec

numbers = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
moments = st.datetimes() | st.datetimes(timezones=st.just(dt.UTC)) | st.integers(-(2**62), 2**62).map(lambda n: np.datetime64(n, "ns"))
moments |= st.dates() | st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)).map(pd.Timestamp)
texts = st.text(min_size=1).filter(lambda text: text.strip() != "")


def pairs(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    def ordered(pair: tuple[Any, Any]) -> bool:
        try:
            Spec(view=(pair, (0, 1)))
        except OptionError:
            return False
        return True

    return st.tuples(values, values).filter(ordered)


polygons = st.lists(st.tuples(numbers, numbers | moments), min_size=3, max_size=9).map(lambda corners: Filter(polygon=corners))
rows = st.lists(st.integers(0, 2**40), max_size=9).map(lambda ids: Filter(rows=ids))
splits = st.tuples(st.integers(0, 3), st.integers(4, 9), st.integers(0, 9)).map(lambda split: Filter(split=split))
parts = texts.map(Filter) | polygons | rows | splits | st.builds(Saved, texts, st.text())
charts = st.builds(
    Chart, st.just("map"), st.tuples(st.text(), st.text()), st.none() | texts, st.none() | st.tuples(pairs(numbers) | pairs(moments), pairs(numbers))
)
charts |= st.sampled_from(sorted(CHARTS)).flatmap(
    lambda kind: st.builds(Chart, st.just(kind), st.lists(st.text(), min_size=CHARTS[kind], max_size=CHARTS[kind]), st.none() | texts)
)
styles = st.builds(
    Style,
    by=st.none() | st.text(),
    palette=st.none() | st.text(),
    scale=st.sampled_from(["eq_hist", "log", "linear"]),
    dark=st.booleans(),
    mix=st.booleans(),
    spread=st.none() | st.integers(0, 9),
    clip=st.none() | st.floats(51, 100),
    gain=st.floats(1e-3, 1e3),
    limits=st.none() | st.tuples(st.floats(-9, 0), st.floats(0.5, 9)),
)
specs = st.builds(
    Spec,
    view=st.none() | st.tuples(pairs(numbers) | pairs(moments), pairs(numbers)),
    style=styles,
    filters=st.lists(parts, max_size=4),
    charts=st.lists(charts, max_size=3),
    selection=st.lists(st.tuples(st.sampled_from(["add", "subtract", "intersect"]), parts), max_size=3),
    fingerprint=st.text(),
)


@given(specs)
def test_json_and_back(spec: Spec) -> None:
    text = spec.to_json()
    again = Spec.from_json(text)
    assert again == spec
    assert hash(again) == hash(spec)
    assert again.to_json() == text
    assert Spec.from_json(json.loads(text)) == spec
    assert Spec.from_json(text.encode(errors="surrogatepass")) == spec


@given(specs)
def test_a_link_and_back(spec: Spec) -> None:
    try:
        query = spec.to_query()
    except TooLargeError:  # names the parts: see below
        return
    assert len(query) <= LONGEST_QUERY
    assert query.isascii()
    assert not set(query) & set("&#% \"'<>")
    assert Spec.from_query(f"?theme=dark&{query}&x=1") == spec


def test_an_ordinary_state_is_short() -> None:
    spec = Spec(
        view=((-3.25, 4.125), ("2024-01-01", "2024-06-30T12:00")),
        style=Style(by="语言", palette="fire", dark=False),
        filters=["zipf BETWEEN 3.1 AND 5.25", "lang IN ('de', 'en', 'Füße', '日本')", Filter(polygon=[(np.cos(a), np.sin(a)) for a in range(20)])],
        charts=[Chart("histogram", ("zipf",), "zipf > 2"), Chart("bars", ("lang",)), Chart("map", ("a", "b"))],
        fingerprint="1d47037adc78d8d27b93155d00d5808f1082463f4c9af2f3a3e9c8fb96373b2d",
    )
    assert len(spec.to_query()) < LONGEST_QUERY


def test_what_is_too_large_for_a_link_goes_by_name() -> None:
    rng = np.random.default_rng(1)
    lasso, chosen = Filter(polygon=rng.normal(size=(500, 2)).tolist()), Filter(rows=rng.integers(0, 10**9, 3_000))
    spec = Spec(filters=["zipf > 3", lasso], selection=chosen, fingerprint="f")
    with pytest.raises(TooLargeError, match="500 corners") as caught:
        spec.to_query()
    assert "3,000 rows" in str(caught.value)
    assert spec.bulky() == (chosen, lasso)
    short = Spec.from_query(spec.to_query({lasso: "my lasso", chosen: "日本"}))
    assert short.filters == (Filter("zipf > 3"), Saved("my lasso", digest(lasso)))
    assert short.selection == (("add", Saved("日本", digest(chosen))),)
    assert digest(lasso) != digest(Filter(polygon=[*lasso.polygon[:-1], (9, 9)]))
    with pytest.raises(OptionError, match="my lasso"):
        short.where()
    assert short.where({"my lasso": lasso}) == spec.where()


def test_equal_times_are_equal_however_they_are_given() -> None:
    same = [
        "2024-02-28T01:00:00.5",
        "2024-02-28 01:00:00.500",
        "2024-02-28T01:00:00.5Z",
        "2024-02-28T03:00:00.5+02:00",
        np.datetime64("2024-02-28T01:00:00.500000000", "ns"),
        np.datetime64("2024-02-28T01:00:00.500", "ms"),
        pd.Timestamp("2024-02-28T01:00:00.5"),
        pd.Timestamp("2024-02-28T03:00:00.5+02:00"),
        dt.datetime(2024, 2, 28, 1, 0, 0, 500_000),
        dt.datetime(2024, 2, 28, 1, 0, 0, 500_000, dt.UTC),
    ]
    found = {Spec(view=((0, 1), (moment, "2025-01-01"))) for moment in same}
    assert len(found) == 1
    assert found.pop().view == ((0, 1), ("2024-02-28T01:00:00.5", "2025-01-01T00:00:00"))


def test_a_filter_of_several_clauses_counts_as_several() -> None:
    spec = Spec(filters=Filter(["a > 1", "b > 2"], polygon=[(0, 0), (1, 0), (1, 1)], rows=[3, 1], split=(0, 2)))
    assert list(spec.filters[:2]) == [Filter("a > 1"), Filter("b > 2")]
    assert len(spec.filters) == 5
    assert spec.where() == bv.Filter("a > 1") & bv.Filter(["b > 2"], [(0, 0), (1, 0), (1, 1)], RowSet.of([1, 3]), (0, 2))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": 99}, "newer bigview"),
        ({"version": None}, "version"),
        ({"version": True}, "version"),
        ({"colour": 1}, "'colour'"),
        ({"filter": []}, "Did you mean 'filters'"),
        ({"view": [[0, 1]]}, "view"),
        ({"view": [[1, 0], [0, 1]]}, "x range"),
        ({"view": [[0, 1], [0, None]]}, r"view\[1\]"),
        ({"view": [[0, 1], [0, True]]}, r"view\[1\]"),
        ({"view": [[0, 1], [0, 10**400]]}, "finite"),
        ({"view": [[0, 1], [{"time": "yesterday"}, {"time": "2024"}]]}, r"view\[1\]"),
        ({"view": [[0, 1], [{"time": 3}, {"time": "2024"}]]}, r"view\[1\]"),
        ({"view": [[0, 1], [0, {"time": "2024"}]]}, "y range"),
        ({"style": []}, "style"),
        ({"style": {"by": 3}}, "style.by"),
        ({"style": {"scale": "cubic"}}, "style.scale"),
        ({"style": {"dark": 1}}, "style.dark"),
        ({"style": {"gain": 0}}, "gain"),
        ({"style": {"limits": [1]}}, "style.limits"),
        ({"style": {"pallete": "fire"}}, "Did you mean 'palette'"),
        ({"filters": "a > 1"}, "filters"),
        ({"filters": [{"sql": "a > 1"}, {"sql": ""}]}, r"filters\[1\].sql"),
        ({"filters": [{"sql": "a", "rows": []}]}, r"filters\[0\]"),
        ({"filters": [{"polygon": [[0, 0], [1, 1]]}]}, r"filters\[0\].polygon"),
        ({"filters": [{"polygon": [[0, 0], [1, 1], [2]]}]}, r"filters\[0\].polygon"),
        ({"filters": [{"polygon": [[0, 0], [1, 1], [2, "x"]]}]}, r"filters\[0\].polygon\[2\]"),
        ({"filters": [{"rows": [1.5]}]}, r"filters\[0\].rows"),
        ({"filters": [{"rows": [2**70]}]}, r"filters\[0\].rows"),
        ({"filters": [{"split": [3, 2]}]}, r"filters\[0\].split"),
        ({"filters": [{"saved": ""}]}, r"filters\[0\]"),
        ({"filters": [{"sql": "a > 1", "digest": "x"}]}, r"filters\[0\]"),
        ({"charts": [{"kind": "pie", "columns": ["a"]}]}, r"charts\[0\].*pie"),
        ({"charts": [{"kind": "map", "columns": ["a"]}]}, r"charts\[0\].*2 columns"),
        ({"charts": [{"kind": "map"}]}, r"charts\[0\].columns"),
        ({"charts": [{"kind": "map", "columns": ["a", "b"], "view": [[0, 1]]}]}, r"charts\[0\].view"),
        ({"charts": [{"kind": "map", "columns": ["a", "b"], "view": [[1, 0], [0, 1]]}]}, r"charts\[0\].*x range"),
        ({"charts": [{"kind": "bars", "columns": ["a"], "view": [[0, 1], [0, 1]]}]}, r"charts\[0\].*second map"),
        ({"selection": [{"sql": "a > 1"}]}, r"selection\[0\].op"),
        ({"selection": [7]}, r"selection\[0\]"),
        ({"fingerprint": 7}, "fingerprint"),
    ],
)
def test_malformed_entries_are_named(change: dict[str, Any], says: str) -> None:
    with pytest.raises(OptionError, match=says) as caught:
        Spec.from_json({"version": 1, **change})
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    "text", ["", "[]", "{", "NaN", '{"version": 1, "view": [[0, NaN], [0, 1]]}', '{"version":1,"view":[[0,1e999],[0,1]]}', "[" * 10**5]
)
def test_no_json(text: str) -> None:
    with pytest.raises(OptionError):
        Spec.from_json(text)


def test_links_that_are_cut_or_altered() -> None:
    query = Spec(filters=["zipf > 3"], fingerprint="abc").to_query()
    for wrong in (
        query[:-6],
        query.replace("spec=1.", "spec=1.AAAA"),
        "spec=2." + query[7:],
        "spec=",
        "spec=1.",
        "other=1",
        "spec=1.%00",
        "spec=¹.a",
    ):
        with pytest.raises(OptionError):
            Spec.from_query(wrong)


@pytest.mark.parametrize(
    "given",
    [
        {"view": ((0, float("nan")), (0, 1))},
        {"view": ((0, float("inf")), (0, 1))},
        {"view": ((np.datetime64("NaT"), np.datetime64("2024")), (0, 1))},
        {"view": (0, 1)},
        {"filters": [3]},
        {"filters": Filter(polygon=[(0, 0), (1, float("nan")), (1, 1)])},
        {"selection": [("xor", "a > 1")]},
        {"selection": [("add", Filter(["a > 1", "b > 1"]))]},
        {"charts": ["histogram"]},
        {"style": "dark"},
    ],
)
def test_what_is_no_state_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        Spec(**given)


def test_another_store_is_noticed() -> None:
    spec = Spec(style=Style(by="lang"), charts=[Chart("histogram", "zipf")], fingerprint="a")
    assert spec.differences("a", ["lang", "zipf"]) == []
    built, colour, chart = spec.differences("b", ["language", "zip"])
    assert "built again" in built
    assert "'lang'" in colour
    assert "language" in colour
    assert "'zipf'" in chart
    assert "histogram" in chart


def test_render_takes_a_spec(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    table = pd.DataFrame({"x": rng.normal(size=900), "when": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 10**6, 900), "s")})
    table["lang"] = rng.choice(["de", "en"], 900)
    store = bv.build_points(table, tmp_path / "s.bv", x="x", y="when", quiet=True)
    view, style = ((-1, 1), ("2024-01-02", "2024-01-09")), Style(by="lang", dark=False)
    spec = Spec.from_query(Spec(view, style, ["x > 0", "lang = 'de'"], fingerprint=store.manifest.fingerprint).to_query())
    wanted = store.render(width=400, view=spec.view, style=spec.style, where="x > 0 AND lang = 'de'")
    found = store.render(width=400, spec=spec)
    np.testing.assert_array_equal(found.frame.rgba, wanted.frame.rgba)
    assert found.frame.count == wanted.frame.count > 0
    assert store.render(width=400, spec=spec, where="x > 0.5").frame.count == store.count(found.view, "x > 0.5 AND lang = 'de'")
    chosen = store.render(width=400, spec=spec.replaced(selection="x > 0.5"))
    expected = frame(store, chosen.view, style, "x > 0 AND lang = 'de'", "x > 0.5")
    np.testing.assert_array_equal(chosen.frame.rgba, expected.rgba)
    assert 0 < chosen.frame.count < found.frame.count
    assert not np.array_equal(store.render(width=400, spec=spec, dark=True).frame.rgba, wanted.frame.rgba)
    with pytest.raises(OptionError, match=r"bigview\.Spec"):
        store.render(width=400, spec={})


def test_a_column_that_is_gone_is_told_once() -> None:
    charts = [Chart("histogram", "zipf"), Chart("density", ("zipf", "x"))]
    [told] = Spec(style=Style(by="zipf"), charts=charts).differences("", ["x"])
    assert told.startswith("Column 'zipf', which the colour and the chart 'histogram' and the chart 'density' need, is not in the store.")
