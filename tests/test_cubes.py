"""Counts foreseen for every brush: what counting the rows under the brush gives, to the last row."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bigview.spec import Filters
from bigview.store import cubes
from bigview.store.binned import calendar_bins, equal_bins
from bigview.store.charts import Side, counted_one, forget_counts
from bigview.store.points import PointTable
from tests.test_charts import CODED, CONDITIONS, many_groups
from tests.test_fast_filters import MOMENTS, NUMBERS


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> PointTable:
    """Missing values, infinities and whole numbers that no float holds."""
    return many_groups(str(tmp_path_factory.mktemp("cubes") / "s.bv"))


def side(store: PointTable, column: str, bins: int) -> Side:
    """Return a column as the side of a chart."""
    if column in CODED:
        return Side.of_categories(store.reader, column)
    found = calendar_bins(store.reader, column, bins)[0] if column in MOMENTS and bins % 2 else equal_bins(store.reader, column, bins)
    return Side.of_bins(store.reader, found)


def brushes(store: PointTable, column: str, bins: int) -> st.SearchStrategy[str]:
    """Return clauses of one column: those that charts make, and others, which bins do not decide or DuckDB alone does."""
    name = f'"{column}"'
    if column == "lang":
        return st.sampled_from([f"{name} = 'de'", f"{name} IN ('de', 'fr')", f"{name} IS NULL", f"NOT ({name} = 'de')", f"{name} LIKE 'd%'"])
    if column == "flag":
        return st.sampled_from([name, f"NOT {name}", f"{name} IS NULL"])
    if store.manifest.column(column).low is None:
        return st.just(f"{name} IS NULL")
    if column in MOMENTS:
        unit = store.manifest_dtype(column).str[4:-1]
        ends = [f"'{np.datetime64(int(edge), unit)}'" for edge in equal_bins(store.reader, column, bins).edges]
    else:
        ends = [repr(float(edge)) for edge in equal_bins(store.reader, column, bins).edges]
    compared = st.builds(lambda sign, end: f"{name} {sign} {end}", st.sampled_from(["<", "<=", ">", ">=", "="]), st.sampled_from([*ends, ends[0]]))
    ranged = st.builds(lambda a, b: f"{name} >= {a} AND {name} < {b}", st.sampled_from(ends), st.sampled_from(ends))
    return compared | ranged | st.just(f"{name} IS NOT NULL") | compared.map(lambda text: f"NOT ({text})")


@settings(max_examples=120)
@given(st.data())
def test_what_is_foreseen_is_what_is_counted(store: PointTable, data: st.DataObject) -> None:
    forget_counts()
    columns = st.sampled_from((*NUMBERS, *MOMENTS, *CODED))
    brushed, shown, bins = data.draw(columns), data.draw(columns), data.draw(st.sampled_from([1, 2, 7, 48]))
    rest = Filters.of(data.draw(st.sampled_from(CONDITIONS)), data.draw(st.sampled_from([None, "x > 0"])))
    brush = data.draw(brushes(store, brushed, bins))
    pivot, bars = side(store, brushed, bins), side(store, shown, data.draw(st.sampled_from([1, 4, 48])))
    where = Filters.of(rest, brush)
    if where == rest:
        return
    assert not store.foreseen([bars], where)
    store.foresee(pivot, bars, rest)
    found = cubes.foreseen(store._clauses, store.reader, bars, where)
    if found is not None:
        np.testing.assert_array_equal(found, counted_one(store.reader, store.selected(None, where), bars))
        assert store.foreseen([bars], where)


@pytest.mark.parametrize("brush", ["f8 >= {1} AND f8 < {3}", "f8 >= {0} AND f8 <= {4}", "f8 < {2}", "NOT (f8 < {2})"])
def test_brushes_of_charts_are_answered_without_a_row(store: PointTable, brush: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bins = equal_bins(store.reader, "f8", 4)
    text = brush.format(*[repr(float(edge)) for edge in bins.edges])
    expected = store.category_counts("lang", where=Filters.of("i8 > 0", text))
    forget_counts()
    store.foresee(Side.of_bins(store.reader, bins), Side.of_categories(store.reader, "lang"), "i8 > 0")
    monkeypatch.setattr(PointTable, "selected", lambda *_: pytest.fail("rows were selected"))
    assert store.category_counts("lang", where=Filters.of(text, "i8 > 0")).to_dict() == expected.to_dict()


def test_a_pass_is_for_every_brush_of_the_column_and_no_other_filter(store: PointTable) -> None:
    forget_counts()
    pivot, bars = Side.of_categories(store.reader, "lang"), Side.of_bins(store.reader, equal_bins(store.reader, "f8", 9))
    assert cubes.fits(pivot, [bars])
    assert not cubes.fits(pivot, [bars, bars])
    store.foresee(pivot, bars, "x > 0")
    assert store.foreseen([bars], Filters.of("x > 0", "lang = 'de'"))
    assert store.foreseen([bars], Filters.of("x > 0", "lang IN ('fr', 'de')"))
    assert not store.foreseen([bars], Filters.of("x > 1", "lang = 'de'"))
    assert not store.foreseen([bars], Filters.of("lang = 'de'"))
    assert not store.foreseen([bars], Filters.of("x > 0", "lang = 'de'", "y > 0"))
    assert not store.foreseen([bars], Filters.of("x > 0", "flag"))
