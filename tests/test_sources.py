"""Every source gives the same store, and bad ones one clear sentence and nothing on disk."""

import gzip
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from bigview.build.parts import GeneratedSource
from bigview.build.points import build_points
from bigview.build.space import Estimate
from bigview.config import override
from bigview.errors import (
    BigviewError,
    ColumnError,
    InputError,
    OptionError,
    SpaceError,
    StoreDamagedError,
    StoreMissingError,
    StoreVersionError,
)
from bigview.store.manifest import Manifest
from tests.test_build import Stored, check, mixture

ROWS = 900


def frame_of(rows: int = ROWS) -> pd.DataFrame:
    frame = mixture(rows)
    frame.loc[frame.index % 11 == 0, "label"] = None
    frame.loc[frame.index % 13 == 0, "y"] = np.nan
    return frame


def parquet(frame: pd.DataFrame, path: Path) -> Any:
    pq.write_table(pa.Table.from_pandas(frame), path / "a.parquet", row_group_size=100)
    return path / "a.parquet"


def parquet_glob(frame: pd.DataFrame, path: Path) -> Any:
    for i in range(3):
        frame[i * 300 : (i + 1) * 300].to_parquet(path / f"part-{i}.parquet", row_group_size=100)
    return str(path / "part-*.parquet")


def parquet_folder(frame: pd.DataFrame, path: Path) -> Any:
    (path / "folder").mkdir()
    (path / "folder" / "_SUCCESS").write_text("")
    (path / "folder" / "_metadata.parquet").write_text("nothing to read")
    parquet_glob(frame, path / "folder")
    return path / "folder"


def parquet_list(frame: pd.DataFrame, path: Path) -> Any:
    parquet_glob(frame, path)
    return [path / f"part-{i}.parquet" for i in range(3)]


def memory_url(frame: pd.DataFrame, path: Path) -> Any:
    import fsspec

    parquet(frame, path)
    fsspec.filesystem("memory").pipe_file(f"/{path.name}/a.parquet", (path / "a.parquet").read_bytes())
    return f"memory://{path.name}/a.parquet"


def csv(frame: pd.DataFrame, path: Path) -> Any:
    frame.to_csv(path / "a.csv", index=False, float_format="%.17g")
    return path / "a.csv"


def csv_gz(frame: pd.DataFrame, path: Path) -> Any:
    (path / "a.csv.gz").write_bytes(gzip.compress(csv(frame, path).read_bytes()))
    return path / "a.csv.gz"


def csv_semicolon(frame: pd.DataFrame, path: Path) -> Any:
    frame.to_csv(path / "b.csv", index=False, sep=";", float_format="%.17g")
    return path / "b.csv"


def tsv(frame: pd.DataFrame, path: Path) -> Any:
    frame.to_csv(path / "a.tsv", index=False, sep="\t", float_format="%.17g")
    return path / "a.tsv"


def arrow_file(frame: pd.DataFrame, path: Path) -> Any:
    table = pa.Table.from_pandas(frame)
    with pa.ipc.new_file(path / "a.arrow", table.schema) as writer:
        writer.write_table(table, max_chunksize=128)
    return path / "a.arrow"


def feather_file(frame: pd.DataFrame, path: Path) -> Any:
    feather.write_feather(frame, path / "a.feather")
    return path / "a.feather"


def polars_frame(frame: pd.DataFrame, path: Path) -> Any:
    import polars as pl

    return pl.from_arrow(pa.Table.from_pandas(frame))


def polars_lazy(frame: pd.DataFrame, path: Path) -> Any:
    return polars_frame(frame, path).lazy()


def arrow_table(frame: pd.DataFrame, path: Path) -> Any:
    return pa.Table.from_pandas(frame)


def arrow_reader(frame: pd.DataFrame, path: Path) -> Any:
    return pa.Table.from_pandas(frame).to_reader(100)


def arrow_dataset(frame: pd.DataFrame, path: Path) -> Any:
    import pyarrow.dataset as dataset

    return dataset.dataset(parquet(frame, path))


def dask_frame(frame: pd.DataFrame, path: Path) -> Any:
    import dask.dataframe as dd

    return dd.from_pandas(frame, npartitions=4)


def duckdb_relation(frame: pd.DataFrame, path: Path) -> Any:
    import duckdb

    return duckdb.connect().sql(f"SELECT * FROM '{parquet(frame, path)}'")


def sql(frame: pd.DataFrame, path: Path) -> Any:
    return f"SELECT * FROM '{parquet(frame, path)}';"


def pandas_frame(frame: pd.DataFrame, path: Path) -> Any:
    return frame


SOURCES = [
    parquet, parquet_glob, parquet_folder, parquet_list, memory_url, csv, csv_gz, csv_semicolon, tsv, arrow_file, feather_file, polars_frame,
    polars_lazy, arrow_table, arrow_reader, arrow_dataset, dask_frame, duckdb_relation, sql, pandas_frame,
]  # fmt: skip


@pytest.mark.parametrize("make", SOURCES, ids=lambda make: make.__name__)
def test_every_source_gives_every_row_once(tmp_path: Path, make: Callable[[pd.DataFrame, Path], Any]) -> None:
    frame = frame_of()
    manifest = build_points(make(frame, tmp_path), str(tmp_path / "s.bv"), key="id", quiet=True, partition_rows=250)
    stored = check(tmp_path / "s.bv", frame, manifest)
    found = stored.frame()
    for name in ("label", "word", "id"):
        assert found[name].tolist() == frame[name].astype(object).where(frame[name].notna(), None).tolist()
    for name in ("x", "y", "score"):
        assert np.allclose(found[name].astype(float), frame[name], rtol=1e-6, equal_nan=True)
    assert stored.manifest.column("label").kind == "category"


@pytest.mark.parametrize("make", [parquet, csv, pandas_frame, sql], ids=lambda make: make.__name__)
def test_a_limit_takes_the_first_rows(tmp_path: Path, make: Callable[[pd.DataFrame, Path], Any]) -> None:
    frame = frame_of()
    manifest = build_points(make(frame, tmp_path), str(tmp_path / "s.bv"), limit=333, quiet=True, partition_rows=200)
    check(tmp_path / "s.bv", frame[:333], manifest)
    assert build_points(make(frame, tmp_path), str(tmp_path / "s.bv"), limit=0, quiet=True).rows == 0


def test_folders_named_by_values_give_columns(tmp_path: Path) -> None:
    for lang in ("de", "ja"):
        for year in (1999, 2000):
            folder = tmp_path / "d" / f"lang={lang}" / f"year={year}"
            folder.mkdir(parents=True)
            mixture(50).to_parquet(folder / "p.parquet")
    build_points(tmp_path / "d", str(tmp_path / "s.bv"), quiet=True)
    frame = Stored(tmp_path / "s.bv").frame()
    assert frame["lang"].tolist() == ["de"] * 100 + ["ja"] * 100
    assert frame["year"].tolist() == ([1999] * 50 + [2000] * 50) * 2


def test_files_may_lack_columns_and_differ_in_width(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": pa.array([1, 2], pa.int32()), "y": [1.0, 2.0]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"y": [3.0], "x": pa.array([2**40], pa.int64()), "t": ["new"]}), tmp_path / "b.parquet")
    build_points(str(tmp_path / "*.parquet"), str(tmp_path / "s.bv"), quiet=True)
    frame = Stored(tmp_path / "s.bv").frame()
    assert frame["x"].tolist() == [1, 2, 2**40]
    assert frame["t"].tolist() == [None, None, "new"]


def test_a_huge_row_group_is_read_as_a_stream(tmp_path: Path) -> None:
    frame = frame_of(5000)
    frame.to_parquet(tmp_path / "a.parquet")
    with override(row_group=100):
        manifest = build_points(tmp_path / "a.parquet", str(tmp_path / "s.bv"), quiet=True, partition_rows=500)
    check(tmp_path / "s.bv", frame, manifest)


def made(first: int, rows: int) -> pa.Table:
    numbers = np.arange(first, first + rows)
    return pa.table({"x": np.cos(numbers), "y": np.sin(numbers * 0.7), "n": numbers})


def test_rows_may_be_made_by_a_function(tmp_path: Path) -> None:
    manifest = build_points(GeneratedSource(1000, 130, made), str(tmp_path / "s.bv"), quiet=True)
    assert check(tmp_path / "s.bv", made(0, 1000), manifest).frame()["n"].tolist() == list(range(1000))


def test_csv_types_widen_when_later_values_ask_for_it(tmp_path: Path) -> None:
    with override(row_group=100), pytest.MonkeyPatch.context() as patch:
        patch.setattr("bigview.build.csvs._BLOCK", 300)
        rows = [f'{i},{i},{"" if i < 50 else i},{i % 3},"a\nb"' for i in range(200)]
        rows += ["1.5,2,3,word,", "2,3,,2001-01-01,x"]
        (tmp_path / "a.csv").write_text("x,y,late,mixed,t\n" + "\n".join(rows) + "\n")
        manifest = build_points(tmp_path / "a.csv", str(tmp_path / "s.bv"), quiet=True)
    frame = Stored(tmp_path / "s.bv").frame()
    assert {c.name: c.kind for c in manifest.columns}["x"] == "number"
    assert frame["late"].tolist() == [None] * 50 + list(range(50, 200)) + [3, None]
    assert frame["mixed"].tolist()[-2:] == ["word", "2001-01-01"]
    assert frame["t"].tolist()[-3:] == ["a\nb", None, "x"]


def test_vectors_beside_a_table(tmp_path: Path) -> None:
    frame = mixture(500)[["label", "word"]]
    r = np.random.default_rng(0)
    vectors = r.normal(size=(500, 8)).astype("f4")
    np.save(tmp_path / "v.npy", vectors)
    manifest = build_points(frame, str(tmp_path / "s.bv"), vectors=str(tmp_path / "v.npy"), project="pca", quiet=True, partition_rows=120)
    stored = Stored(tmp_path / "s.bv").frame()
    centred = vectors - vectors.mean(axis=0)
    axes = np.linalg.svd(centred.astype("f8"), full_matrices=False)[2][:2]
    expected = np.abs(centred @ axes.T)
    assert np.allclose(np.abs(stored[["x", "y"]].to_numpy(float)), expected, atol=1e-4)
    assert stored["word"].tolist() == frame["word"].tolist()
    assert manifest.vectors is not None
    assert manifest.vectors["dimensions"] == 8
    assert manifest.report["projection"]["method"] == "pca"


@pytest.mark.parametrize("kind", [pa.list_(pa.float32()), pa.list_(pa.float64(), 4), pa.large_list(pa.float16())])
def test_vectors_in_a_column_are_projected_and_left_where_they_are(tmp_path: Path, kind: pa.DataType) -> None:
    r = np.random.default_rng(0)
    vectors: list[object] = [row.tolist() for row in r.integers(-9, 9, (300, 4)).astype("f2")]
    vectors[7] = None
    table = pa.table({"x": np.arange(300), "emb": pa.array(vectors, kind)})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=70)
    options = {"vectors": "emb", "project": "pca", "quiet": True, "partition_rows": 100}
    manifest = build_points(tmp_path / "a.parquet", str(tmp_path / "s.bv"), **options)
    assert [column.name for column in manifest.columns] == ["x", "pca_x", "pca_y", "__row"]
    assert manifest.placed == 299
    assert manifest.vectors is not None
    assert manifest.vectors["column"] == "emb"
    again = build_points(table, str(tmp_path / "t.bv"), **options)
    assert again.x.low == manifest.x.low


def test_umap_of_a_few_vectors(tmp_path: Path) -> None:
    vectors = np.repeat(np.eye(3, 5, dtype="f4"), 60, axis=0) + np.random.default_rng(0).normal(0, 0.05, (180, 5)).astype("f4")
    np.save(tmp_path / "v.npy", vectors)
    manifest = build_points(tmp_path / "v.npy", str(tmp_path / "s.bv"), vectors=tmp_path / "v.npy", quiet=True)
    assert manifest.rows == manifest.placed == 180
    assert manifest.report["projection"]["method"].startswith("umap")


def test_a_matrix_of_two_columns_is_positions(tmp_path: Path) -> None:
    matrix = np.random.default_rng(0).normal(size=(400, 2))
    np.save(tmp_path / "xy.npy", matrix)
    manifest = build_points(tmp_path / "xy.npy", str(tmp_path / "s.bv"), quiet=True, partition_rows=150)
    check(tmp_path / "s.bv", pd.DataFrame(matrix, columns=["x", "y"]), manifest)


def test_a_dry_run_tells_the_cost_and_writes_nothing(tmp_path: Path) -> None:
    for make in (parquet, csv, sql, pandas_frame):
        found = build_points(make(frame_of(), tmp_path), str(tmp_path / "s.bv"), dry_run=True)
        assert isinstance(found, Estimate)
        assert found.rows is not None
        assert abs(found.rows - ROWS) < ROWS / 2
        assert "free" in str(found)
        assert not (tmp_path / "s.bv").exists()


def test_an_estimate_is_near_the_truth(tmp_path: Path) -> None:
    frame = mixture(200_000).drop(columns="word")
    told = build_points(frame, str(tmp_path / "s.bv"), dry_run=True, key="id")
    manifest = build_points(frame, str(tmp_path / "s.bv"), quiet=True, key="id")
    assert isinstance(told, Estimate)
    assert isinstance(manifest, Manifest)
    assert 0.7 < told.store / sum(file.bytes for file in manifest.files) < 1.5


def broken_csv(path: Path) -> Any:
    (path / "b.csv").write_text("x,y\n1,2\n3,4,5\n6,7\n")
    return path / "b.csv"


def cut_parquet(path: Path) -> Any:
    source = parquet(frame_of(), path)
    source.write_bytes(source.read_bytes()[:-100])
    return source


def holed_parquet(path: Path) -> Any:
    source = parquet(frame_of(), path)
    data = bytearray(source.read_bytes())
    data[10:4000] = bytes(3990)
    source.write_bytes(data)
    return source


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


XY = pd.DataFrame({"x": [1.0], "y": [2.0]})


@pytest.mark.parametrize(
    ("source", "options", "error", "message"),
    [
        (lambda p: p / "nothing.parquet", {}, StoreMissingError, "There is no file"),
        (lambda p: parquet(frame_of(), p).with_name("b.parquet"), {}, StoreMissingError, "Did you mean .*a.parquet"),
        (lambda p: p / "no" / "a.parquet", {}, StoreMissingError, "folder .*no does not exist"),
        (lambda p: str(p / "*.parquet"), {}, StoreMissingError, "No file matches"),
        (lambda p: p, {}, StoreMissingError, "holds no Parquet"),
        (lambda p: write(p / "a.xls", "x"), {}, InputError, "ending that says nothing"),
        (lambda p: [parquet(frame_of(), p), csv(frame_of(), p)], {}, InputError, "mixes formats"),
        (lambda p: object(), {}, InputError, "cannot be built from"),
        (lambda p: XY, {"x": "X2", "y": "y"}, ColumnError, "No column 'X2' in the table. There are: x, y. Did you mean 'x'"),
        (lambda p: XY, {"key": "id"}, ColumnError, "No column 'id'"),
        (lambda p: XY, {"x": "x"}, OptionError, "Say x="),
        (lambda p: XY.rename(columns={"x": "a"}), {}, OptionError, "Which columns"),
        (lambda p: XY.assign(x="word"), {}, InputError, "Column 'x' holds text values"),
        (lambda p: XY.assign(x=True), {}, InputError, "Column 'x' holds boolean values"),
        (lambda p: XY.assign(__row=1), {}, InputError, "rename={'__row': 'old_row'}"),
        (lambda p: XY, {"limits": 3}, OptionError, "Did you mean 'limit'"),
        (lambda p: XY, {"limit": -1}, OptionError, "0 or more"),
        (lambda p: XY, {"project": "tsne"}, OptionError, "no projection"),
        (lambda p: XY, {"rename": {"z": "a"}}, ColumnError, "No column 'z'"),
        (lambda p: XY, {"rename": {"x": "y"}}, OptionError, "two columns"),
        (lambda p: XY.set_axis(["x", "x"], axis=1), {}, InputError, "several columns of the name 'x'"),
        (lambda p: pa.table([[1], [2]], ["x", "x"]), {}, InputError, "several columns of the name 'x'"),
        (lambda p: pd.DataFrame({"x": [1, 2], "y": [1, 2], "t": [1, "a"]}), {}, InputError, "mixed types"),
        (broken_csv, {}, InputError, r"b.csv has a broken line.*Expected 2 columns, got 3"),
        (lambda p: write(p / "e.csv", ""), {}, InputError, "e.csv is empty"),
        (lambda p: write(p / "l.csv", "x,y,t\n1,2,Stra\xdfe\n".encode("latin-1")), {}, InputError, "not in UTF-8"),
        (lambda p: write(csv_gz(frame_of(), p), csv_gz(frame_of(), p).read_bytes()[:-500]), {}, InputError, "a.csv.gz"),
        (cut_parquet, {}, InputError, "no whole Parquet file"),
        (holed_parquet, {}, InputError, "a.parquet is damaged"),
        (lambda p: write(p / "a.arrow", b"ARROW1\0\0rubbish"), {}, InputError, "no whole Arrow file"),
        (lambda p: write(p / "a.npy", b"\x93NUMPY rubbish"), {}, InputError, "not a whole .npy"),
        (lambda p: "SELECT nonsense FROM nowhere", {}, InputError, "DuckDB cannot run the query"),
        (lambda p: "SELECT x, 1/x AS y, error('Halt') AS z FROM range(5) AS t(x)", {}, InputError, "Halt"),
        (lambda p: XY, {"vectors": "emb"}, ColumnError, "No column 'emb'"),
        (lambda p: XY.assign(t="a"), {"vectors": "t"}, InputError, "vectors are lists of numbers"),
        (lambda p: XY, {"vectors": np.zeros((3, 4))}, InputError, "3 vectors for 1 rows"),
        (lambda p: pd.DataFrame({"e": [[1.0, 2.0], [1.0]]}), {"vectors": "e", "project": "pca"}, InputError, "unequal length"),
        (lambda p: XY, {"vectors": "x.npy"}, StoreMissingError, "no file of vectors"),
        (lambda p: XY, {"scheduler": "tcp://127.0.0.1:1"}, OptionError, "No Dask scheduler answers"),
    ],
)
def test_bad_input_gets_one_clear_sentence_and_leaves_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    source: Callable[[Path], Any],
    options: dict[str, Any],
    error: type[BigviewError],
    message: str,
) -> None:
    (tmp_path / "in").mkdir()
    target = tmp_path / "out" / "s.bv"
    given = source(tmp_path / "in")
    monkeypatch.setattr("bigview.build.executor.PATIENCE", 1)
    with pytest.raises(error) as caught:
        build_points(given, str(target), quiet=True, **options)
    assert re.search(message, str(caught.value)), str(caught.value)
    assert "\n" not in str(caught.value).strip()
    assert not target.exists()


def test_a_failed_build_leaves_the_old_store_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "s.bv"
    manifest = build_points(frame_of(), str(target), quiet=True)
    files = sorted(path for path in target.rglob("*"))
    with pytest.raises(InputError):
        build_points(holed_parquet(tmp_path), str(target), quiet=True, partition_rows=100)
    assert sorted(path for path in target.rglob("*")) == files
    check(target, frame_of(), manifest)


def test_targets_that_are_not_ours_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("dear")
    with pytest.raises(OptionError, match="other files"):
        build_points(XY, str(tmp_path / "home"), quiet=True)
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "manifest.json").write_text('{"format": "bigview-points", "version": 99}')
    with pytest.raises(StoreVersionError):
        build_points(XY, str(tmp_path / "new"), quiet=True)
    (tmp_path / "new" / "manifest.json").write_text("{}")
    with pytest.raises(StoreDamagedError):
        build_points(XY, str(tmp_path / "new"), quiet=True)
    build_points(XY, str(tmp_path / "s.bv"), quiet=True)
    with pytest.raises(OptionError, match="overwrite=True"):
        build_points(XY, str(tmp_path / "s.bv"), quiet=True, overwrite=False)


def test_a_renamed_column_is_read_under_its_old_name(tmp_path: Path) -> None:
    frame = frame_of(300).assign(__row=np.arange(300))
    for make in (parquet, csv, pandas_frame):
        manifest = build_points(make(frame, tmp_path), str(tmp_path / "s.bv"), quiet=True, rename={"__row": "old", "x": "a"}, x="a", y="y")
        assert manifest.x.column == "a"
        assert Stored(tmp_path / "s.bv").frame()["old"].tolist() == list(range(300))


def test_a_full_disk_is_said_before_and_while_building(tmp_path: Path) -> None:
    import errno
    import shutil

    usage = shutil.disk_usage(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda path: usage._replace(free=1000))
        with pytest.raises(SpaceError, match="needs about"):
            build_points(frame_of(), str(tmp_path / "s.bv"), quiet=True)
    assert not (tmp_path / "s.bv").exists()

    rename = Path.replace

    def full(path: Path, target: Path) -> Path:
        if target.suffix == ".parquet":
            raise OSError(errno.ENOSPC, "No space left on device")
        return rename(path, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pathlib.Path.replace", full)
        with pytest.raises(SpaceError, match="is full"):
            build_points(frame_of(), str(tmp_path / "s.bv"), quiet=True)
    assert not (tmp_path / "s.bv").exists()


def test_a_store_may_lie_at_a_url(tmp_path: Path) -> None:
    from bigview.store.files import Folder
    from bigview.store.manifest import read_manifest

    url = f"memory://{tmp_path.name}/s.bv"
    manifest = build_points(frame_of(), url, quiet=True, partition_rows=200, key="id")
    assert read_manifest(Folder(url)) == manifest
    assert {name.split("/")[0] for name in Folder(url).names()} >= {"rows", "text", "levels", "index", "manifest.json"}
    assert not [name for name in Folder(url).names() if name.startswith(".build-")]
