"""Summaries of cells: exact for every cell, against a count and a sum over the cell's own rows."""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bigview import config
from bigview.build.points import build_points
from bigview.store.points import PointTable
from bigview.store.reader import MISSING_TIME
from bigview.store.summaries import MOST, TOPS, code_columns, count_columns, rows_column, sum_column
from bigview.store.verify import verify
from tests.strategies import tables
from tests.test_verify import forge, one, problems
from tests.views import table as clusters


def deep(rows: int) -> pd.DataFrame:
    """Return a table whose levels go deep, because one row lies far away."""
    found = clusters(rows).drop(columns="text")
    found.loc[0, ["x", "y"]] = [3000, -2000]
    return found


@contextmanager
def summarised(table: pd.DataFrame, **options: object) -> Iterator[PointTable]:
    """Build a store of a table that has summaries however small it is."""
    with tempfile.TemporaryDirectory() as folder, config.override(exact_rows=0, summary_rows=1, quick_rows=0):
        build_points(table, f"{folder}/s.bv", **{"x": "x", "y": "y", "quiet": True, **options})
        yield PointTable.open(f"{folder}/s.bv")


def summary_of(store: PointTable, level: int, names: "list[str]") -> "list[np.ndarray]":
    paged = store.reader.summaries(level)
    assert paged is not None
    return [paged.read(name, 0, int(paged.offsets[-1])) for name in names]


def runs_of(store: PointTable, level: int) -> "list[slice]":
    groups, cells = store.reader.level(level)
    start, count = (cells.read(name, 0, int(groups.offsets[-1])).astype(int) for name in ("start", "count"))
    return [slice(a, a + n) for a, n in zip(start, count, strict=True)]


def check(store: PointTable) -> None:
    """Compare every summary with the rows of its cell."""
    manifest, pages = store.manifest, store.reader.pages
    for level in store.reader.levels():
        runs = runs_of(store, level)
        for column in manifest.columns:
            if column.part != "rows" or column.name in ("x", "y", "__row"):
                continue
            values = pages.read(column.name, 0, manifest.rows)
            if column.kind in ("category", "boolean"):
                codes, counts = (np.stack(summary_of(store, level, names(column.name)), 1) for names in (code_columns, count_columns))
                for run, code, count in zip(runs, codes, counts, strict=True):
                    there = pd.Series(values[run][values[run] >= 0]).value_counts()
                    best = sorted(zip(-there, there.index, strict=True))[:TOPS]
                    assert [(c, n) for c, n in zip(code, count, strict=True) if n] == [(c, -n) for n, c in best]
                    assert all(c == -1 for c, n in zip(code, count, strict=True) if not n)
                there = values >= 0
            else:
                numbers = np.where(values == MISSING_TIME, np.nan, values.astype(float)) if column.kind == "datetime" else values.astype(float)
                there = ~np.isnan(numbers)
                [sums] = summary_of(store, level, [sum_column(column.name)])
                np.testing.assert_allclose(sums, [np.nansum(numbers[run]) for run in runs], rtol=1e-9, atol=1e-9)
            if column.missing:
                [rows] = summary_of(store, level, [rows_column(column.name)])
                assert rows.tolist() == [int(there[run].sum()) for run in runs]


@settings(max_examples=15)  # most of them start a cluster
@given(st.data())
def test_every_summary_is_that_of_its_rows(data: st.DataObject) -> None:
    table = data.draw(tables())
    table["flag"] = table["flag"].astype(object).where(table.index % 7 != 0, None)
    small = config.override(row_group=data.draw(st.sampled_from([16, 1 << 17])))
    with small, summarised(table, partition_rows=data.draw(st.sampled_from([20, 150, 1000]))) as store:
        assert all(store.reader.summaries(level) is not None for level in store.reader.levels())
        check(store)
        assert verify(store.reader) == []


def test_cells_across_many_buckets() -> None:
    """Buckets far smaller than the coarse cells, and one place with more rows than a bucket."""
    rng = np.random.default_rng(5)
    table = clusters(6000).drop(columns="text").assign(kind=rng.integers(0, 300, 6000).astype(str))
    table.loc[rng.random(6000) < 0.3, ["x", "y"]] = [0.5, 0.5]
    with summarised(table, partition_rows=300, categories=["kind"]) as store:
        assert len(store.reader.row_files) > 10
        check(store)


def test_small_stores_and_fine_levels_have_none() -> None:
    table = clusters(3000).drop(columns="text")
    with tempfile.TemporaryDirectory() as folder:
        build_points(table, f"{folder}/small.bv", x="x", y="y", quiet=True)
        store = PointTable.open(f"{folder}/small.bv")
        assert not any("summary" in file.name for file in store.manifest.files)
        assert store.reader.summaries(5) is None
        with config.override(exact_rows=2000, summary_rows=8):
            build_points(table, f"{folder}/large.bv", x="x", y="y", quiet=True)
        store = PointTable.open(f"{folder}/large.bv")
        worth = [level.level for level in store.manifest.levels if level.rows >= 8 * level.cells]
        assert [level for level in store.reader.levels() if store.reader.summaries(level) is not None] == worth
        with config.override(exact_rows=2000, summary_rows=1, summary_cells=50):
            build_points(table, f"{folder}/few.bv", x="x", y="y", quiet=True)
        store = PointTable.open(f"{folder}/few.bv")
        assert all(level.cells <= 50 for level in store.manifest.levels if store.reader.summaries(level.level) is not None)


def test_only_the_first_columns_are_summarised() -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"x": rng.normal(size=500), "y": rng.normal(size=500)} | {f"n{i}": rng.random(500) for i in range(MOST + 3)})
    with summarised(table) as store:
        paged = store.reader.summaries(4)
        assert paged is not None
        assert list(paged.dtypes) == [sum_column(f"n{i}") for i in range(MOST)]


def test_a_store_elsewhere_has_the_same_summaries(tmp_path: Path) -> None:
    table = deep(4000)
    digests = []
    with config.override(exact_rows=0, summary_rows=1):
        for url in (str(tmp_path / "s.bv"), f"memory://{tmp_path.name}/s.bv"):
            build_points(table, url, x="x", y="y", quiet=True, partition_rows=700)
            store = PointTable.open(url)
            check(store)
            digests.append([file.sha256 for file in store.manifest.files if "summary" in file.name])
    assert digests[0] == digests[1]
    assert len(digests[0]) > 3


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a store that a test may damage."""
    with config.override(exact_rows=0, summary_rows=1, row_group=500):
        build_points(deep(4000), f"{tmp_path}/s.bv", x="x", y="y", quiet=True, partition_rows=900)
    assert problems(tmp_path / "s.bv") == []
    return tmp_path / "s.bv"


@pytest.mark.parametrize(("column", "name"), [("label_count2", "label"), ("label_top1", "label"), ("score_sum", "score"), ("score_rows", "score")])
def test_verify_finds_a_wrong_summary(copy: Path, column: str, name: str) -> None:
    def change(cells: pd.DataFrame) -> pd.DataFrame:
        cells.loc[9, column] += 1
        return cells

    forge(copy, one(copy, "levels/*summary-0*"), change)
    found = problems(copy)
    assert len(found) == 1
    assert f"summaries of 1 cells do not fit column {name!r}" in found[0]


def test_a_store_is_the_same_at_every_build(tmp_path: Path) -> None:
    sums = []
    with config.override(exact_rows=0, summary_rows=1):
        for name in ("a", "b"):
            build_points(deep(3000), tmp_path / name, x="x", y="y", quiet=True, partition_rows=600)
            parts = sorted((tmp_path / name / "levels").glob("*summary*"))
            sums.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in parts])
    assert sums[0] == sums[1]
