"""Counts for charts: what pandas counts in all rows; and together with the rows without a value, all rows that are selected."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bigview.build.points import build_points
from bigview.config import override
from bigview.errors import OptionError
from bigview.spec import Filter, View
from bigview.store import sample, sampled
from bigview.store.binned import Bins, calendar_bins, decided, equal_bins, load_together, stop_bins
from bigview.store.bits import unpack
from bigview.store.clauses import parse
from bigview.store.filters import sql_bits
from bigview.store.points import PointTable
from bigview.store.sampled import SampledTable
from bigview.store.scan import bits_of
from bigview.store.valuesets import UnsureError, Values, plan
from tests.test_fast_filters import MOMENTS, NUMBERS, ROWS, table

CODED = ("lang", "flag")
NUMERIC = (*NUMBERS, *MOMENTS, "none")
CONDITIONS = (None, "f8 > 0", "lang = 'de' OR lang IS NULL", "false", '"i8 gaps" IS NULL', "i4 > -2147483648", "flag AND us IS NOT NULL")
VIEWS = (None, View((-0.7, 1.1), (-0.3, 2.0)), View((50, 51), (0, 1)), View((-9, 9), (-9, 9)))


def many_groups(path: str) -> PointTable:
    """Build a store of many small row groups in several files."""
    with override(row_group=100):
        build_points(table(), path, x="x", y="y", quiet=True, partition_rows=500, texts=("text",))
    return PointTable.open(path)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> PointTable:
    return many_groups(str(tmp_path_factory.mktemp("charts") / "s.bv"))


def places(store: PointTable, frame: pd.DataFrame, column: str, ends: np.ndarray, bins: int) -> np.ndarray:
    """Return the bar of each row, by the edges or labels told; −1 where it has no value."""
    values = frame[column]
    if column in CODED:
        where = {label: place for place, label in enumerate(ends)}
        return np.array([-1 if pd.isna(value) else where.get(value, len(ends) - 1) for value in values], int)
    plain = values.to_numpy()
    if plain.dtype.kind == "M":
        missing, plain, ends = np.isnat(plain), plain.view(np.int64), ends.view(np.int64)
    else:
        missing = ~np.isfinite(plain.astype(float))
    found = np.clip(np.searchsorted(ends, plain, "right") - 1, 0, bins - 1)
    return np.where(missing, -1, found)


@given(st.sampled_from(NUMERIC), st.sampled_from([1, 2, 7, 64, 250, 300]), st.sampled_from(VIEWS), st.sampled_from(CONDITIONS))
def test_histograms(store: PointTable, column: str, bins: int, view: View | None, where: str | None) -> None:
    found = store.histogram(column, bins, view, where)
    frame = store.rows(view, where, [column], limit=ROWS)
    place = places(store, frame, column, found.edges, bins)
    assert found.counts.tolist() == np.bincount(place[place >= 0], minlength=bins).tolist()
    assert found.missing == (place < 0).sum()
    assert found.counts.sum() + found.missing == store.count(view, where) == len(frame)
    assert (np.diff(found.edges.astype("i8") if column in MOMENTS else found.edges) >= 0).all()


@given(st.sampled_from(MOMENTS), st.integers(1, 200), st.sampled_from(CONDITIONS))
def test_dates(store: PointTable, column: str, bins: int, where: str | None) -> None:
    found = store.dates(column, bins, where=where)
    assert len(found.counts) <= bins or len(found.counts) == 2  # two units meet within the extent
    place = places(store, store.rows(where=where, columns=[column], limit=ROWS), column, found.edges, len(found.counts))
    assert found.counts.tolist() == np.bincount(place[place >= 0], minlength=len(found.counts)).tolist()
    assert found.missing == (place < 0).sum()


@given(st.data(), st.sampled_from(VIEWS), st.sampled_from(CONDITIONS))
def test_pairs(store: PointTable, data: st.DataObject, view: View | None, where: str | None) -> None:
    columns = [data.draw(st.sampled_from((*NUMERIC, *CODED))) for _ in range(2)]
    bins = tuple(data.draw(st.sampled_from([1, 3, 64])) for _ in range(2))
    found = store.cross(columns[0], columns[1], (bins[0], bins[1]), view, where)
    frame = store.rows(view, where, sorted(set(columns)), limit=ROWS)
    a, b = (places(store, frame, *given) for given in zip(columns, found[:2], bins, strict=True))
    both = (a >= 0) & (b >= 0)
    expected = np.zeros_like(found.counts)
    np.add.at(expected, (a[both], b[both]), 1)
    np.testing.assert_array_equal(found.counts, expected)
    assert found.missing == (~both).sum()
    assert found.counts.sum() + found.missing == store.count(view, where)


@given(st.sampled_from(CODED), st.sampled_from(VIEWS), st.sampled_from(CONDITIONS))
def test_categories(store: PointTable, column: str, view: View | None, where: str | None) -> None:
    values = store.rows(view, where, [column], limit=ROWS)[column].astype(object)
    found = store.category_counts(column, view, where)
    assert found.to_dict() == values.value_counts().to_dict()
    assert found.is_monotonic_decreasing
    assert found.sum() + values.isna().sum() == store.count(view, where)


@given(st.data(), st.sampled_from(NUMERIC), st.integers(1, 20), st.sampled_from(["in", "beside"]))
def test_brushes_on_edges_are_decided_by_codes_and_mean_the_same(store: PointTable, data: st.DataObject, column: str, bins: int, kind: str) -> None:
    if store.manifest.column(column).low is None:
        return
    found = equal_bins(store.reader, column, bins)
    store.histogram(column, bins)
    ends = sorted(data.draw(st.lists(st.integers(0, bins), min_size=2, max_size=2)))
    low, high = (found.edges[end] for end in ends)
    if kind == "beside" and column not in MOMENTS:
        low = np.nextafter(low, np.inf)
    text = [f"'{np.datetime64(int(end), store.manifest_dtype(column).str[4:-1])}'" if column in MOMENTS else repr(float(end)) for end in (low, high)]
    upper = "<=" if ends[1] == bins else "<"
    negated = data.draw(st.sampled_from(["", "NOT "]))
    expression = parse(f'{negated}("{column}" >= {text[0]} AND "{column}" {upper} {text[1]})', store.columns)
    expected = unpack(sql_bits(store.reader, expression), 0, ROWS)
    try:
        found_bits = bits_of(store.reader, plan(store.reader, expression))
    except UnsureError:  # left to DuckDB
        return
    np.testing.assert_array_equal(unpack(found_bits, 0, ROWS), expected)


def test_a_brush_reads_the_codes_alone(store: PointTable) -> None:
    edges = store.histogram("y", 16).edges.tolist()
    for low, high, by_codes in ((edges[3], edges[9], True), (edges[0], edges[1], True), (edges[3] + 1e-3, edges[9], False)):
        values = plan(store.reader, parse(f"y >= {low!r} AND y < {high!r}", store.columns))
        assert isinstance(values, Values)
        answer = decided(store.reader, values, absent=False)
        assert (answer is not None and answer[0].startswith("@bins:")) == by_codes


@settings(max_examples=60)
@given(st.data(), st.sampled_from((*NUMBERS, *MOMENTS)), st.integers(1, 9))
def test_the_stops_of_a_slider_are_decided_by_codes_and_mean_the_same(store: PointTable, data: st.DataObject, column: str, size: int) -> None:
    """Every comparison with a stop is: open or closed, from both sides. The numbers themselves are not read."""
    fresh = PointTable.open(store.reader.folder.url)
    entry = fresh.manifest.column(column)
    present = fresh.rows(columns=[column], limit=ROWS)[column].dropna()
    plain = present.to_numpy() if column not in MOMENTS else present.to_numpy(fresh.manifest_dtype(column)).astype(np.int64)
    plain = plain[(plain >= entry.low) & (plain <= entry.high)]
    stops = sorted(data.draw(st.lists(st.sampled_from(plain.tolist()), min_size=size, max_size=size)))
    bins = stop_bins(fresh.reader, column, stops)
    if max(abs(entry.low), abs(entry.high)) >= 1 << 53 and column not in MOMENTS:
        assert bins is None or entry.kind == "number"
        return
    assert bins is not None
    load_together(fresh.reader, [bins.of(fresh.reader)])
    low, high = data.draw(st.sampled_from([*stops, entry.low])), data.draw(st.sampled_from([*stops, entry.high]))
    unit = None if column not in MOMENTS else fresh.manifest_dtype(column).str[4:-1]
    texts = [f"'{np.datetime64(int(end), unit)}'" if unit else repr(np.float32(end).item() if entry.dtype == "float" else end) for end in (low, high)]
    form = data.draw(st.sampled_from(["{0} BETWEEN {1} AND {2}", "{0} >= {1} AND {0} < {2}", "{0} > {1}", "{0} <= {2}", "{0} = {1}", "{0} != {2}"]))
    expression = parse(form.format(f'"{column}"', *texts), fresh.columns)
    expected = unpack(sql_bits(fresh.reader, expression), 0, ROWS)
    try:
        values = plan(fresh.reader, expression)
        found_bits = bits_of(fresh.reader, values)
    except UnsureError:  # left to DuckDB
        return
    np.testing.assert_array_equal(unpack(found_bits, 0, ROWS), expected)
    if isinstance(values, Values) and values.constant is None and values.nan == values.missing:
        assert not fresh.reader.pages.held([column]).any()


@pytest.mark.parametrize(
    ("first", "last", "most", "unit", "count"),
    [
        ("2024-01-15", "2024-01-15T00:00:30", 60, "second", 31),
        ("2024-01-15", "2024-03-15", 100, "day", 61),
        ("2024-01-15", "2025-01-15", 100, "week", 53),
        ("2024-01-15", "2029-01-15", 100, "month", 61),
        ("1900-01-15", "2020-01-15", 130, "year", 121),
        ("1000-01-15", "2020-01-15", 30, "100 years", 11),
        ("2024-01-15T10:59", "2024-01-15T11:01", 2, "5 minutes", 2),
        ("2024-01-15T10:59", "2024-01-17T11:01", 50, "hour", 50),
    ],
)
def test_units_of_the_calendar(tmp_path: object, first: str, last: str, most: int, unit: str, count: int) -> None:
    days = np.array([first, last], "M8[us]")
    build_points(pd.DataFrame({"x": [0.0, 1.0], "y": [0.0, 1.0], "when": days}), f"{tmp_path}/s.bv", x="x", y="y", quiet=True)
    bins, told = calendar_bins(PointTable.open(f"{tmp_path}/s.bv").reader, "when", most)
    edges = bins.edges.view("M8[us]")
    assert (told, bins.size) == (unit, count)
    assert edges[0] <= days[0] < edges[1]
    assert edges[-2] <= days[1] < edges[-1]
    if unit == "week":
        assert {pd.Timestamp(edge).day_name() for edge in edges} == {"Monday"}


def test_what_cannot_be_counted(store: PointTable) -> None:
    with pytest.raises(OptionError, match="holds text"):
        store.cross("text", "lang")
    with pytest.raises(OptionError, match="over the limit"):
        store.cross("f8", "i4", (3_000, 3_000))
    with pytest.raises(OptionError, match="1 or more"):
        store.cross("lang", "i4", (0, 3))
    with pytest.raises(OptionError, match="calendar"):
        store.dates("f8")
    with pytest.raises(OptionError, match="1 or more"):
        store.dates("us", 0)


def test_codes_share_the_budget_of_the_columns(store: PointTable) -> None:
    with override(cache_bytes=4_000):
        for bins in range(1, 30):
            assert store.histogram("f8", bins).counts.sum() > 0
        assert isinstance(store.reader.derived("f8")[0], Bins)


@settings(max_examples=20)
@given(st.data(), st.sampled_from(VIEWS), st.sampled_from((*CONDITIONS, "text LIKE '%7%'")))
def test_a_sample_counts_its_own_rows(store: PointTable, data: st.DataObject, view: View | None, where: str | None) -> None:
    """With a filter of these rows the store counts the same; a sample of all rows counts all."""
    columns = data.draw(st.sampled_from(NUMERIC)), data.draw(st.sampled_from((*NUMERIC, *CODED)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sample, "_FEWEST", data.draw(st.sampled_from([100, 10_000])))
        few = SampledTable(store.reader)
        sampled._columns.clear()
        rows = Filter(rows=store.reader.records(few.positions, ["__row"])["__row"].to_numpy())
        both = rows if where is None else rows & Filter(where)
        assert few.exact == (len(few.positions) == ROWS)
        assert few.scale == ROWS / len(few.positions)
        assert few.count(view, where) == store.count(view, both)
        for name, given_ in (("histogram", (columns[0], 9)), ("cross", (*columns, (5, 7)))):
            mine, theirs = getattr(few, name)(*given_, view, where), getattr(store, name)(*given_, view, both)
            assert all(np.array_equal(a, b) for a, b in zip(mine, theirs, strict=True))
        assert few.dates("us", 9, view, where).counts.tolist() == store.dates("us", 9, view, both).counts.tolist()
        assert few.category_counts("lang", view, where).to_dict() == store.category_counts("lang", view, both).to_dict()
    sampled._columns.clear()
