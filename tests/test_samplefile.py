"""The file of the sample: the rows with the smallest hashes as they are in the store, and what reads it agrees with what reads the rows."""

import shutil
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bigview.build import sampling
from bigview.build.points import build_points
from bigview.config import override
from bigview.store import sample, sampled
from bigview.store.files import Folder
from bigview.store.points import PointTable
from bigview.store.reader import PLACE, ROW, Reader
from bigview.store.sampled import quick_only
from bigview.store.verify import verify, whole
from tests.test_fast_filters import table
from tests.test_verify import forge, one, problems

COLUMNS = ("f4", "f8", "lang", "flag", "us", "i8 gaps", "x")


def built(path: Path, frame: pd.DataFrame, **options: object) -> PointTable:
    """Build a store with a file of its sample, however small it is."""
    with override(sampled_rows=0, row_group=100):
        build_points(frame, str(path), **{"x": "x", "y": "y", "quiet": True, "partition_rows": 500, "texts": ("text",), **options})
    return PointTable.open(str(path))


@pytest.fixture(autouse=True)
def _small():
    sampled._columns.clear()
    sample._orders.clear()
    with patch.object(sample, "_FEWEST", 400), patch.object(sample, "SHARE", 4):
        yield
    sampled._columns.clear()
    sample._orders.clear()


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> "tuple[PointTable, PointTable]":
    """Return the same rows with a file of the sample and without, for all examples of a test."""
    folder = tmp_path_factory.mktemp("samples")
    with patch.object(sample, "_FEWEST", 400), patch.object(sample, "SHARE", 4), override(row_group=100):
        build_points(table(), str(folder / "plain.bv"), x="x", y="y", quiet=True, partition_rows=500, texts=("text",))
        return built(folder / "kept.bv", table()), PointTable.open(str(folder / "plain.bv"))


def test_the_sample_is_that_of_the_rows(shared):
    kept, plain = shared
    assert len(kept.reader.sample_groups.files) > 3, "several row groups"
    assert not plain.reader.sample_groups.files
    records = plain.rows(limit=len(plain))
    limit = sample.hash_limit(len(plain), sample.size_of(len(plain)))
    truth = np.flatnonzero(sample.row_hashes(records[ROW].to_numpy()) <= limit)
    assert kept.reader.sampled(PLACE).tolist() == truth.tolist()
    assert kept.sampled.positions.tolist() == plain.sampled.positions.tolist()
    for column in (*COLUMNS, "@x", "@y"):
        assert np.array_equal(kept.sampled.column(column), plain.sampled.column(column), equal_nan=kept.sampled.column(column).dtype.kind == "f")
    assert kept.sampled.scale == plain.sampled.scale


@settings(max_examples=20)
@given(st.sampled_from([1, 3, 60, 200, 399, 1000]), st.sampled_from([None, "f8 > 0", "lang = 'de'"]))
def test_rows_by_hash_are_the_same_with_the_file_and_without(shared, limit, where):
    kept, plain = shared
    sample._orders.clear()
    with patch.object(sample, "_SMALLEST", 8):
        mine, theirs = (store.rows(where=where, columns=["f8"], limit=limit, sample=True) for store in (kept, plain))
    pd.testing.assert_frame_equal(mine, theirs)


def test_charts_of_a_column_that_nobody_has_read_are_there_at_once(shared):
    kept, plain = (PointTable.open(store.reader.folder.url) for store in shared)
    truth = plain.sampled.histogram("f8", 7, where="lang = 'de'").counts.tolist()
    sampled._columns.clear()
    with quick_only():
        assert kept.sampled.histogram("f8", 7, where="lang = 'de'").counts.tolist() == truth
    assert not kept.reader.pages.held(["f8"]).any()


def test_a_wide_sample_is_several_files_and_elsewhere_the_same(tmp_path: Path):
    frame, sums = table(), []
    with patch.object(sampling, "_FILE_BYTES", 10_000):
        for url in (str(tmp_path / "s.bv"), f"memory://{tmp_path.name}/s.bv"):
            with override(sampled_rows=0, row_group=100):
                build_points(frame, url, x="x", y="y", quiet=True, partition_rows=500, texts=("text",))
            store = PointTable.open(url)
            files = [file for file in store.manifest.files if "-sample-" in file.name]
            sums.append([file.sha256 for file in files])
            assert verify(store.reader) == []
    assert sums[0] == sums[1]
    assert len(sums[0]) > 2


@pytest.mark.parametrize("frame", [pd.DataFrame({"x": [], "y": []}, dtype="f4"), pd.DataFrame({"x": [np.nan], "y": [1.0]})], ids=["none", "one"])
def test_degenerate_stores(tmp_path: Path, frame: pd.DataFrame):
    made = built(tmp_path / "s.bv", frame, texts=())
    assert verify(made.reader) == []
    assert len(made.sampled.positions) == len(frame)
    assert made.sampled.count(where="x IS NULL OR x != x") == len(frame)


def test_a_column_of_the_name_of_the_places_means_no_file(tmp_path: Path):
    frame = pd.DataFrame({"x": np.arange(900.0), "y": 1.0, PLACE: 5, "position": 7})
    assert not built(tmp_path / "a.bv", frame, texts=()).reader.sample_groups.files
    found = built(tmp_path / "b.bv", frame.drop(columns=PLACE), texts=())
    assert (found.sampled.column("position") == 7).all()


def test_a_small_store_has_no_file(tmp_path: Path):
    build_points(table(), str(tmp_path / "s.bv"), x="x", y="y", quiet=True)
    assert not list((tmp_path / "s.bv" / "index").glob("*sample*"))


def test_verify_knows_the_file(tmp_path: Path):
    path = tmp_path / "s.bv"
    built(path, table().drop_columns(["large", "large gaps"]))  # pandas, which forges, has no such numbers
    assert whole(Reader(Folder(str(path))))
    assert problems(path) == []
    name = one(path, "index/*sample*")

    def other(rows: pd.DataFrame) -> pd.DataFrame:
        rows.loc[5, "f8"] += 1
        return rows

    again = tmp_path / "again.bv"
    shutil.copytree(path, again)
    forge(again, name, other)
    assert problems(again) == ["The sample has 1 other values of column 'f8' than the rows."]
    again = tmp_path / "third.bv"
    shutil.copytree(path, again)
    forge(again, name, lambda rows: rows.assign(**{PLACE: rows[PLACE] + (rows.index == len(rows) - 1)}))
    assert problems(again) == ["The sample lacks rows, or has others: 2 of them."]
    (path / name).unlink()
    assert problems(path) == [f"{name} is missing."]


def test_the_next_build_removes_the_file(tmp_path: Path):
    for _ in range(3):
        built(tmp_path / "s.bv", table())
    assert len(list((tmp_path / "s.bv" / "index").glob("*sample*"))) == 2, "that of the generation before stays for its readers"
