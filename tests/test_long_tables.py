"""Long tables and queries become matrices as pandas pivots them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bigview as bv
from bigview.errors import InputError, OptionError, SpaceError

RNG = np.random.default_rng(5)
TABLE = pd.DataFrame(
    {
        "gene": RNG.choice(["a", "b", "ü", "d e", None], 500),
        "hour": RNG.integers(0, 24, 500),
        "value": np.where(RNG.random(500) < 0.1, np.nan, RNG.normal(size=500)),
        "text": "x",
    }
)


def build(source, tmp_path, **options):
    return bv.build_matrix(source, tmp_path / "m.bv", quiet=True, **options)


@pytest.mark.parametrize("agg", ["mean", "sum", "min", "max"])
def test_as_pandas_pivots(tmp_path, agg):
    store = build(TABLE, tmp_path, rows="gene", cols="hour", value="value", agg=agg)
    wanted = TABLE.dropna().pivot_table(index="gene", columns="hour", values="value", aggfunc=agg).reindex(index=sorted(["a", "b", "ü", "d e"]))
    assert store.rows.names.tolist() == ["a", "b", "d e", "ü"]
    assert store.cols.names.tolist() == [str(hour) for hour in range(24)]
    assert store.cols.column("hour").tolist() == list(range(24))
    assert np.allclose(store.cells(), wanted.to_numpy(), equal_nan=True)
    assert store.manifest.report["lines_without_a_place"] == TABLE.gene.isna().sum()


@given(lines=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 7), st.integers(-5, 5)), min_size=1, max_size=40))
def test_counts_of_any_lines(tmp_path_factory, lines):
    table = pd.DataFrame(lines, columns=["r", "c", "v"])
    store = bv.build_matrix(table, tmp_path_factory.mktemp("m") / "m.bv", quiet=True, rows="r", cols="c")
    wanted = pd.crosstab(table.r, table.c)
    assert store.kind == "integer"
    assert (store.cells() == wanted.to_numpy()).all()
    assert store.rows.names.tolist() == [str(name) for name in wanted.index]


def test_files_queries_and_expressions(tmp_path):
    path = tmp_path / "long.parquet"
    TABLE.to_parquet(path)
    by_file = build(path, tmp_path, rows="gene", cols="hour", value="value").cells()
    TABLE.to_csv(tmp_path / "long.csv", index=False)
    assert np.allclose(build(tmp_path / "long.csv", tmp_path, rows="gene", cols="hour", value="value").cells(), by_file, equal_nan=True)
    query = f"SELECT gene, hour % 2 AS odd, value FROM '{path}'"
    assert build(query, tmp_path, rows="gene", cols="odd", value="value").shape == (4, 2)
    binned = build(path, tmp_path, rows="floor(value)", cols="hour // 6")
    assert binned.cells().sum() == TABLE.value.notna().sum()
    assert binned.cols.names.tolist() == ["0", "1", "2", "3"]


def test_many_columns_stay_sparse(tmp_path):
    table = pd.DataFrame({"r": np.arange(200_000), "c": RNG.permutation(200_000)})
    store = build(table, tmp_path, rows="r", cols="c")
    assert store.shape == (200_000, 200_000)
    assert store.manifest.layout == "sparse"
    grid = store.aggregate(bv.View((0, 200_000), (0, 200_000), 10, 10), "sum")
    assert grid.sum() == 200_000
    with pytest.raises(SpaceError, match="cells needs about"):
        bv.build_matrix(table.assign(v=1.0), tmp_path / "dense.bv", quiet=True, rows="r", cols="c", value="v")
    assert not (tmp_path / "dense.bv").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rows": "gen", "cols": "hour"}, "Did you mean 'gene'"),
        ({"rows": "gene", "cols": "hour", "value": "text"}, "holds texts, which have no"),
        ({"rows": "gene", "cols": "hour", "value": "valeu"}, "Did you mean 'value'"),
        ({"rows": "gene +", "cols": "hour"}, "DuckDB"),
        ({"rows": "gene", "cols": "hour", "agg": "median"}, "no way 'median'"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, options, words):
    with pytest.raises((InputError, OptionError), match=words):
        build(TABLE, tmp_path, **options)
    assert not (tmp_path / "m.bv").exists()


def test_a_query_needs_rows_and_columns(tmp_path):
    with pytest.raises(OptionError, match="rows=… and cols=…"):
        build("SELECT 1 AS a", tmp_path)
    with pytest.raises(InputError, match="DuckDB"):
        build("SELECT nothing FROM nowhere", tmp_path, rows="a", cols="b")


def test_no_lines(tmp_path):
    store = build(TABLE.head(0), tmp_path, rows="gene", cols="hour", value="value")
    assert store.shape == (0, 0)
