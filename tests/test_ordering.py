"""Pages in the order of a column: what sorting all rows would show, for columns of every kind, near the start and far from it."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigview.build.points import build_points
from bigview.config import override
from bigview.errors import ColumnError, OptionError, TooLargeError
from bigview.spec import View
from bigview.store import ordering, textorder
from bigview.store.points import PointTable
from tests.test_fast_filters import ROWS, table

SOURCE = table().append_column("word", [[f"w{number * 7919 % 300}" if number % 9 else None for number in range(ROWS)]])
SOURCE = SOURCE.append_column("list", [[[number] for number in range(ROWS)]])
COLUMNS = [name for name in SOURCE.column_names if name != "list"] + ["__row"]
CONDITIONS = (None, "f8 > 0", "lang = 'de' OR lang IS NULL", "i4 < -2000000000", "false", '"i8 gaps" IS NULL', "u8 > 9223372036854780000")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> PointTable:
    """Many small row groups in several files."""
    path = str(tmp_path_factory.mktemp("ordering") / "s.bv")
    with override(row_group=50, text_group=20):
        build_points(SOURCE, path, x="x", y="y", quiet=True, partition_rows=500, texts=("text", "word"))
    return PointTable.open(path)


WAYS = {
    "near": {},
    "few": {"_NEAR": 0, "_FEW": 60, "_DIGIT": 5},
    "ties": {"_NEAR": 0, "_FEW": 0, "_STEP": 3},
    "buckets": {},
}
TEXT_WAYS = {
    "near": {"_FEW": ROWS},
    "few": {"_WALK": 0, "_FEW": 0, "_MANY": 0, "_FEWER": 5, "_SAMPLE": 2},
    "ties": {"_FEW": 0, "_TOGETHER": 0},
    "buckets": {"_FEW": 0},
}


def sorted_rows(store: PointTable, column: str, descending: bool, view: View | None, where: str | None) -> list[int]:
    """All rows, sorted by pandas."""
    frame = store.rows(view=view, where=where, columns=[column], limit=ROWS)
    keys = frame[column].astype(object) if isinstance(frame[column].dtype, pd.CategoricalDtype) else frame[column]
    order = keys.sort_values(ascending=not descending, kind="stable", na_position="last").index
    return list(frame["__row"].loc[order])


@pytest.mark.parametrize("way", WAYS)
@given(data=st.data())
def test_pages_are_slices_of_the_sorted_rows(store: PointTable, way: str, data: st.DataObject) -> None:
    column = data.draw(st.sampled_from(COLUMNS))
    descending, where = data.draw(st.booleans()), data.draw(st.sampled_from(CONDITIONS))
    view = data.draw(st.sampled_from([None, View((-0.7, 1.1), (-0.3, 2.0)), View((50, 51), (0, 1))]))
    offset, limit = data.draw(st.sampled_from([0, 1, 90, 700, ROWS - 5, ROWS + 9])), data.draw(st.sampled_from([0, 1, 40, ROWS]))
    with pytest.MonkeyPatch.context() as patch:
        for module, constants in ((ordering, WAYS), (textorder, TEXT_WAYS)):
            for name, value in constants[way].items():
                patch.setattr(module, name, value)
        store.reader.buckets.clear()
        found = store.rows(view, where, [column], ("-" if descending else "") + column, offset, limit)
    assert list(found["__row"]) == sorted_rows(store, column, descending, view, where)[offset : offset + limit]


def test_what_cannot_be_sorted(store: PointTable, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OptionError, match="holds list"):
        store.rows(order_by="list")
    with pytest.raises(ColumnError, match="'wort'"):
        store.rows(order_by="-wort")
    monkeypatch.setattr(textorder, "_FEW", ROWS)
    with override(result_bytes=50_000), pytest.raises(TooLargeError, match="781 would fit"):
        store.rows(columns=["x"], order_by="word", offset=1_000, limit=5)


def test_the_last_moments_and_the_largest_numbers(tmp_path: object) -> None:
    """Values whose bits are those that stand for missing ones elsewhere."""
    top = np.iinfo(np.int64).max
    frame = pd.DataFrame(
        {
            "x": np.zeros(6),
            "y": np.zeros(6),
            "when": np.array([top, -top, top, 0, np.iinfo(np.int64).min, top - 1], np.int64).view("M8[us]"),
            "unsigned": np.array([2**64 - 1, 0, 5, 2**64 - 1, 7, 2**63], np.uint64),
            "signed": np.array([top, -top - 1, 5, top, 0, -1], np.int64),
        }
    )
    build_points(frame, f"{tmp_path}/s.bv", x="x", y="y", quiet=True)
    store = PointTable.open(f"{tmp_path}/s.bv")
    for column, up, down in (
        ("when", [1, 3, 5, 0, 2, 4], [0, 2, 5, 3, 1, 4]),
        ("unsigned", [1, 2, 4, 5, 0, 3], [0, 3, 5, 4, 2, 1]),
        ("signed", [1, 5, 4, 2, 0, 3], [0, 3, 2, 4, 5, 1]),
    ):
        for near in (100, 0):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(ordering, "_NEAR", near)
                assert store.rows(columns=["x"], order_by=column)["__row"].tolist() == up
                assert store.rows(columns=["x"], order_by=f"-{column}")["__row"].tolist() == down


TEXTS = st.one_of(st.none(), st.sampled_from(["", "the same", "the same, but longer than eight bytes"]), st.text(max_size=12))


@given(texts=st.lists(TEXTS, min_size=1, max_size=60), bounds=st.integers(1, 9), longest=st.integers(1, 30))
def test_buckets_have_the_order_of_their_texts(texts: list[str | None], bounds: int, longest: int) -> None:
    values = pa.array([None if text is None else text.encode() for text in texts], pa.large_binary())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(textorder, "_LONGEST", longest)
        found = textorder.bounds_of(values, bounds)
        numbers = textorder._numbers(values, found).tolist()
    for text, number in zip(values.to_pylist(), numbers, strict=True):
        assert (text is None) == (number == 2 * len(found[2]) + 1)
    known = sorted((text, number) for text, number in zip(values.to_pylist(), numbers, strict=True) if text is not None)
    assert [number for _, number in known] == sorted(number for _, number in known)
    for odd in {number for _, number in known if number % 2}:
        assert len({text for text, number in known if number == odd}) == 1, "rows of such a bucket have the same text"
