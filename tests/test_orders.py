"""Orders of rows and columns: by metadata, by values, by names, by numbers, by search."""

import pickle

import numpy as np
import pandas as pd
import pytest

import bigview as bv
from bigview.store.orders import Order, sorted_places


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> bv.MatrixStore:
    values = np.array([[3.0, 1.0], [np.nan, 5.0], [1.0, 1.0], [2.0, 7.0]])
    rows = pd.DataFrame({"kind": ["b", None, "a", "b"], "size": [4, 2, 9, 1]}, index=["w", "x", "y", "z"])
    cols = pd.DataFrame(index=["left", "right"])
    return bv.build_matrix(values, tmp_path_factory.mktemp("o") / "m.bv", rows=rows, cols=cols, quiet=True)


def test_by_a_column(store):
    assert store.order("rows", by="size").index.tolist() == [3, 1, 0, 2]
    assert store.order("rows", by="size", descending=True).index.tolist() == [2, 0, 1, 3]
    assert store.order("rows", by="kind").index.tolist() == [2, 0, 3, 1]
    assert store.order("rows", by="kind", descending=True).index.tolist() == [0, 3, 2, 1]
    assert store.order("rows", by=["kind", "size"]).index.tolist() == [2, 3, 0, 1]
    assert store.order("rows", by="name", descending=True).index.tolist() == [3, 2, 1, 0]


def test_by_values(store):
    assert store.order("rows", values_of="left").index.tolist() == [2, 3, 0, 1]
    assert store.order("rows", values_of=-1, descending=True).index.tolist() == [3, 1, 0, 2]
    assert store.order("cols", values_of="w").index.tolist() == [1, 0]


def test_by_names_numbers_and_search(store):
    order = store.order("rows", names=["z", "w"])
    assert order.index.tolist() == [3, 0]
    assert order.inverse.tolist() == [1, -1, -1, 0]
    assert store.order("rows", index=np.array([False, True, False, True])).index.tolist() == [1, 3]
    assert store.rows.search("^[WX]").tolist() == [0, 1]
    assert store.order("rows", index=store.rows.search("w|z")) == Order.of([0, 3], 4)
    assert order.kept([0, 1]).index.tolist() == [0]


def test_equal_orders_are_one(store):
    one, other = store.order("rows", by="size"), store.order("rows", index=[3, 1, 0, 2])
    assert one == other
    assert len({one, other, pickle.loads(pickle.dumps(one))}) == 1
    assert one != store.order("rows", index=[3, 1, 0])


def test_an_order_is_drawn(store):
    order = store.order("rows", by="size", descending=True)
    grid = store.aggregate(bv.View((0, 2), (0, 4), 2, 4), rows=order)
    assert np.array_equal(grid, store.cells()[order.index], equal_nan=True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"by": "siez"}, "Did you mean 'size'"),
        ({"values_of": "lefd"}, "Did you mean 'left'"),
        ({"values_of": 2}, "no column 2"),
        ({"names": ["w", "q"]}, "'q'"),
        ({"index": [0, 0]}, "more than once"),
        ({"index": [9]}, "there are 4"),
        ({"index": [0.5]}, "whole numbers"),
        ({}, "given are none"),
        ({"by": "size", "index": [1]}, "given are by, index"),
    ],
)
def test_what_is_wrong_is_said(store, options, words):
    with pytest.raises(bv.BigviewError, match=words):
        store.order("rows", **options)


def test_a_pattern_that_is_none(store):
    with pytest.raises(bv.ExpressionError, match="regular expression"):
        store.rows.search("(")


def test_sorting_is_stable_and_missing_last():
    values = np.array([2.0, np.nan, 2.0, 1.0])
    assert sorted_places([values], False).tolist() == [3, 0, 2, 1]
    assert sorted_places([values], True).tolist() == [0, 2, 3, 1]
    times = np.array(["2024-01-02", "NaT", "2023-01-01"], "M8[ns]")
    assert sorted_places([times], False).tolist() == [2, 0, 1]
