"""Everything like a row: the row itself is always among them, and they are those that a plain comparison finds."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigview.app.likeness import MOST, Alike, likeness, traits
from bigview.build.points import build_points
from bigview.errors import BigviewError, InputError, OptionError
from bigview.spec import Filters
from bigview.stores import open as open_store

ROWS = 400


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(2)
    made = pd.DataFrame(
        {
            "x": rng.normal(size=ROWS).astype(np.float32),
            "y": rng.normal(size=ROWS).astype(np.float32),
            "small": rng.integers(0, 9, ROWS).astype(np.float32) / 7,
            "wide": rng.normal(size=ROWS) * 1e12,
            "votes": rng.integers(-(2**53), 2**53, ROWS),
            "flag": rng.random(ROWS) < 0.5,
            "born": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 10**9, ROWS), "ms"),
            "kind": pd.Categorical(np.array(["it's", 'a "b"', "ж"])[rng.integers(0, 3, ROWS)]),
            "text": [f"note {number % 7} '" for number in range(ROWS)],
        }
    )
    for name in ("small", "wide", "born", "kind", "text"):
        made.loc[rng.integers(0, ROWS, 9), name] = None
    made.loc[5, ["x", "y"]] = np.nan
    return made


@pytest.fixture(scope="module")
def store(table, tmp_path_factory):
    folder = tmp_path_factory.mktemp("like")
    build_points(table, str(folder / "a.bv"), x="x", y="y", quiet=True, categories=["kind"], texts=["text"])
    return open_store(str(folder / "a.bv"))


MEASURED = {"small": "0.3", "wide": "2e11", "votes": "1e15", "born": "1.5"}


@given(st.integers(0, ROWS - 1), st.sets(st.sampled_from(["small", "wide", "votes", "flag", "born", "kind", "text"]), min_size=1), st.booleans())
def test_rows_that_agree(store, table, row, names, exactly):
    wanted = Alike(row, tuple((name, "" if exactly else MEASURED.get(name, "")) for name in sorted(names)))
    found = set(store.rows(where=Filters.of(*likeness(store, wanted)), limit=ROWS)["__row"])
    truth = np.ones(ROWS, bool)
    for name, most in wanted.columns:
        column, value = table[name], table[name].iloc[row]
        if pd.isna(value):
            truth &= column.isna()
        elif not most:
            truth &= column == value
        else:
            far = pd.Timedelta(days=float(most)) if name == "born" else float(most)
            truth &= (column - value).abs() <= far
    assert row in found
    assert found == set(np.flatnonzero(truth))


@given(st.integers(0, ROWS - 1), st.integers(1, 2 * ROWS), st.booleans())
def test_the_nearest_on_the_map_that_agree(store, table, row, count, filtered):
    wanted = Alike(row, (("flag", ""),), "map", count)
    if row == 5:
        with pytest.raises(InputError, match="no place"):
            likeness(store, wanted)
        return
    *_, chosen = likeness(store, wanted, "votes > 0" if filtered else None)
    far = np.hypot(table["x"] - table["x"].iloc[row], table["y"] - table["y"].iloc[row])
    passing = (table["flag"] == table["flag"].iloc[row]) & (table["votes"] > 0 if filtered else True) & far.notna()
    assert set(chosen.rows.ids) <= set(np.flatnonzero(passing))
    assert len(chosen.rows.ids) == min(count, passing.sum())
    assert far[chosen.rows.ids].max() <= np.sort(far[passing])[: len(chosen.rows.ids)].max() * (1 + 1e-6) + 1e-6


def test_what_is_offered(store):
    offered = traits(store.take(row_ids=[7]), store, "kind")
    columns = {column["name"]: column for column in offered["columns"]}
    assert set(columns) == {"small", "wide", "votes", "flag", "born", "kind", "text"}
    assert [name for name, column in columns.items() if column["on"]] == ["kind"]
    assert columns["born"]["unit"] == "days"
    assert 0 < float(columns["small"]["most"]) < 1
    assert columns["flag"]["most"] == ""
    assert offered["nears"] == ["map"]
    assert traits(store.take(row_ids=[5]), store)["nears"] == []


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"columns": [], "near": ""},
        {"near": "map", "count": "0"},
        {"near": "map", "count": "1e9"},
        {"near": "map", "count": MOST + 1},
        {"near": "elsewhere", "count": 5},
    ],
)
def test_what_makes_no_sense_is_refused(value):
    with pytest.raises(OptionError):
        Alike.of(0, value)


@pytest.mark.parametrize("most", ["-1", "nan", "inf", "1e999999999", "x", "1/0", "9" * 50])
def test_a_tolerance_is_a_number(store, most):
    with pytest.raises(OptionError, match="differ"):
        likeness(store, Alike(7, (("wide", most),)))


def test_columns_that_are_not_there_or_no_vectors(store):
    for wanted in (Alike(7, (("nothing", ""),)), Alike(7, (), "vectors", 5), Alike(ROWS, (("flag", ""),))):
        with pytest.raises(BigviewError):
            likeness(store, wanted)
