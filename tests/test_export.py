"""Exports: the same rows as everywhere else, in every format, whole or absent."""

import base64
import csv
import errno
import io
import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import duckdb
import fsspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bigview as bv
from bigview.config import override
from bigview.store import stream
from bigview.store.export import export, export_chunks, export_size
from bigview.store.formats import _guarded
from bigview.stores import PointStore
from tests.views import table

ROWS = 30_000
FORMATS = ["parquet", "csv", "arrow"]


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Return rows of every kind, in the order of `__row`."""
    rng = np.random.default_rng(2)
    made = table(ROWS)
    made.loc[::1000, "x"] = np.nan
    made["id"] = [f"k{number * 7 % ROWS}" for number in range(ROWS)]
    made["text"] = [None if number % 50 == 0 else f'{"=-+@ "[number % 5]}"{number}",\n{"é" * (number % 9)}' for number in range(ROWS)]
    made["tags"] = [None if number % 9 == 0 else [f"t{number % 3}", None][: number % 3] for number in range(ROWS)]
    made["raw"] = [bytes([number % 256]) * (number % 4) for number in range(ROWS)]
    made["small"] = pd.array(np.where(rng.random(ROWS) < 0.1, None, rng.integers(-100, 100, ROWS)), "Int16")
    made["nanos"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 10**15, ROWS), unit="ns")
    made["=sum(1)"] = rng.random(ROWS)
    return made


@pytest.fixture(scope="module")
def store(frame: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> PointStore:
    path = tmp_path_factory.mktemp("export") / "my points.bv"
    with override(partition_rows=9_000, row_group=1_000, text_group=130):
        return bv.build_points(frame, path, x="x", y="y", key="id", quiet=True)


def read(data: bytes, format: str) -> pd.DataFrame:
    """Return a file's rows in the order of the source."""
    if format == "csv":
        return pd.read_csv(io.BytesIO(data), keep_default_na=False, na_values={"small": [""]}).sort_values("__row", ignore_index=True)
    whole = pq.read_table(io.BytesIO(data)) if format == "parquet" else pa.ipc.open_file(io.BytesIO(data)).read_all()
    return whole.to_pandas().sort_values("__row", ignore_index=True)


def exported(store: PointStore, format: str, **options: object) -> bytes:
    file = io.BytesIO()
    size = store.export(file, format=format, **options)
    assert size.bytes == len(file.getvalue())
    assert size.rows == store.count(options.get("view"), options.get("where"))
    return file.getvalue()


WHERES = [None, "score > 0.5 AND label = 'a'", "text IS NULL", "votes < -100", bv.Filter(rows=range(0, ROWS, 997)), bv.Filter(split=(1, 3))]
VIEWS = [None, bv.View((0, 2), (-1, 1))]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("view", VIEWS, ids=["all", "view"])
@pytest.mark.parametrize("where", WHERES, ids=str)
def test_the_same_rows_as_everywhere(store: PointStore, format: str, view: "bv.View | None", where: object) -> None:
    found = read(exported(store, format, view=view, where=where, columns=["votes"]), format)
    wanted = store.rows(view, where, columns=["id", "votes"], limit=ROWS).sort_values("__row", ignore_index=True)
    pd.testing.assert_frame_equal(found, wanted, check_dtype=False)


def test_duckdb_reads_the_rows_of_the_source(store: PointStore, frame: pd.DataFrame, tmp_path: Path) -> None:
    source = frame.assign(__row=np.arange(ROWS), label=frame["label"].astype(object))
    where = "score > 0.25 AND (label IN ('a', 'b') OR flag) AND day < TIMESTAMP '2020-01-15'"
    names = ["__row", "x", "y", "score", "votes", "label", "day", "flag", "id", "small"]
    asked = ", ".join(names)
    wanted = duckdb.sql(f"SELECT {asked} FROM source WHERE {where} ORDER BY __row").fetchall()
    assert len(wanted) > 1000
    assert len(source)
    for ending in ("parquet", "csv"):
        path = tmp_path / f"out.{ending}"
        store.export(path, where=where, columns=names)
        found = duckdb.sql(f"SELECT {asked} FROM '{path}' ORDER BY __row").fetchall()
        if ending == "csv":  # a CSV has no float32, and no NaN but by name
            found = [(row[0], np.float32(row[1]).item(), np.float32(row[2]).item(), *row[3:]) for row in found]
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            assert [None if value != value else value for value in one] == [None if value != value else value for value in other]


@pytest.mark.parametrize("format", ["parquet", "arrow"])
def test_every_kind_of_column_comes_back(store: PointStore, frame: pd.DataFrame, format: str) -> None:
    data = exported(store, format)
    found = read(data, format)
    assert list(found.columns) == ["__row", *frame.columns]
    for name in frame.columns:
        wanted = frame[name].astype(object).where(frame[name].notna(), None)
        plain = found[name].astype(object).where(found[name].notna(), None)
        assert [_listed(value) for value in plain] == [_listed(value) for value in wanted], name
    if format == "parquet":
        parts = pq.ParquetFile(io.BytesIO(data)).metadata
        assert parts.num_row_groups == 1


def _listed(value: object) -> object:
    return list(value) if isinstance(value, np.ndarray) else value


def test_csv_holds_every_value(store: PointStore, frame: pd.DataFrame) -> None:
    text = exported(store, "csv").decode()
    lines = sorted(csv.DictReader(io.StringIO(text)), key=lambda line: int(line["__row"]))
    assert len(lines) == ROWS
    for line, row in zip(lines[:2000], frame[:2000].itertuples(index=False), strict=True):
        assert line["text"] == ("" if pd.isna(row.text) else row.text)
        assert line["tags"] == ("" if row.tags is None else json.dumps(row.tags))
        assert base64.b64decode(line["raw"]) == row.raw
        assert float(line["score"] or "nan") == row.score or pd.isna(row.score)
        assert pd.Timestamp(line["nanos"]) == row.nanos
        assert np.float32(line["y"]) == np.float32(row.y)


def test_missing_and_empty_texts_differ_in_csv(tmp_path: Path) -> None:
    made = bv.build_points(pd.DataFrame({"x": [1.0, 2], "y": [1.0, 2], "t": ["", None]}), tmp_path / "a.bv", x="x", y="y", texts=["t"], quiet=True)
    assert sorted(exported(made, "csv", columns=["t"]).decode().splitlines()) == ['"__row","t"', '0,""', "1,"]


# --- columns ---------------------------------------------------------------------------------------------------------------------------------


def test_row_and_key_always_come_along(store: PointStore) -> None:
    for columns, names in (
        (["votes"], "__row id votes"),
        (["votes", "id"], "__row votes id"),
        ("y", "__row id y"),
        (["y", "y", "__row"], "__row id y"),
    ):
        data = exported(store, "parquet", columns=columns, where="votes = 7")
        assert pq.read_schema(io.BytesIO(data)).names == names.split()
    with pytest.raises(bv.ColumnError, match="Did you mean 'votes'"):
        store.export("x.csv", columns=["vots"])


@pytest.mark.parametrize("format", FORMATS)
def test_no_rows_make_a_file_with_the_same_columns(store: PointStore, format: str) -> None:
    data = exported(store, format, where="votes > 99999")
    found = read(data, format)
    assert len(found) == 0
    assert found.columns[0] == "__row"
    if format != "csv":
        some = exported(store, format, where="votes = 7")
        schemas = [pq.read_schema(io.BytesIO(part)) if format == "parquet" else pa.ipc.open_file(io.BytesIO(part)).schema for part in (data, some)]
        assert schemas[0].equals(schemas[1])


@pytest.mark.parametrize("format", FORMATS)
def test_a_store_without_rows(tmp_path: Path, format: str) -> None:
    none = pd.DataFrame({"x": np.empty(0), "y": np.empty(0), "t": np.empty(0, object)})
    made = bv.build_points(none, tmp_path / "none.bv", x="x", y="y", quiet=True)
    assert len(read(exported(made, format), format)) == 0
    assert export_size(made, format=format).rows == 0


def test_many_categories_are_texts_in_parquet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    many = pd.DataFrame({"x": rng.random(2000), "y": rng.random(2000), "c": [f"c{number % 100}" for number in range(2000)]})
    made = bv.build_points(many, tmp_path / "many.bv", x="x", y="y", categories=["c"], quiet=True)
    monkeypatch.setattr("bigview.store.formats._FEW", 50)
    for where in (None, "c = 'none'"):
        data = exported(made, "parquet", where=where)
        assert pa.types.is_string(pq.read_schema(io.BytesIO(data)).field("c").type)
    assert read(exported(made, "parquet"), "parquet")["c"].tolist() == many["c"].tolist()


# --- size ------------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("where", WHERES, ids=str)
def test_the_size_is_told_first(store: PointStore, format: str, where: object) -> None:
    told = export_size(store, where, format=format)
    data = exported(store, format, where=where)
    assert told.rows == store.count(where=where)
    assert 0.5 * len(data) < told.bytes < 2 * len(data)


# --- the stream --------------------------------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 300), max_size=40), st.lists(st.integers(1, 40), min_size=1, max_size=12), st.booleans(), st.integers(0, 2**32))
def test_counts_and_masks(edges: "list[int]", groups: "list[int]", filtered: bool, seed: int) -> None:
    from bigview.store.bits import pack
    from bigview.store.selection import Selection

    offsets = np.concatenate([[0], np.cumsum(groups)]).astype(np.int64)
    rows = int(offsets[-1])
    cuts = np.unique(np.minimum(edges, rows)).astype(np.int64)
    starts, stops = cuts[: len(cuts) // 2 * 2 : 2], cuts[1::2]
    keep = np.random.default_rng(seed).random(rows) < 0.5
    wanted = np.zeros(rows, bool)
    for start, stop in zip(starts, stops, strict=True):
        wanted[start:stop] = True
    if filtered:
        wanted &= keep
    selection = Selection(starts, stops, pack(keep) if filtered else None)
    assert stream.group_counts(selection, offsets).tolist() == [int(wanted[a:b].sum()) for a, b in pairwise(offsets)]
    for a, b in pairwise(offsets.tolist()):
        assert stream.selected_mask(selection, a, b).tolist() == wanted[a:b].tolist()


def test_long_texts_are_read_few_at_a_time(store: PointStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_TEXT_BYTES", 20_000)
    selection = store.selected(where="votes > 200")
    groups = np.flatnonzero(stream.group_counts(selection, store.reader.row_groups.offsets))
    pieces = list(stream.tables(store.reader, selection, ["__row", "text", "raw", "votes"], groups))
    assert len(pieces) > len(groups)
    assert max(piece.num_rows for piece in pieces) <= 8 * 130
    wanted = store.rows(where="votes > 200", columns=["text", "raw", "votes"], limit=ROWS)
    pd.testing.assert_frame_equal(pa.concat_tables(pieces).to_pandas(), wanted)


@pytest.mark.slow
def test_memory_is_bounded(tmp_path: Path) -> None:
    """280 MB of texts go through less than half as much."""
    rng = np.random.default_rng(0)
    words = np.array([rng.bytes(2000).hex() for _ in range(200)], object)
    rows = 70_000
    frame = pd.DataFrame({"x": rng.random(rows), "y": rng.random(rows), "t": words[rng.integers(0, 200, rows)]})
    frame["t"] += [str(number) for number in range(rows)]
    bv.build_points(frame, tmp_path / "long.bv", x="x", y="y", texts=["t"], quiet=True)
    code = (
        "import sys, pyarrow as pa, bigview as bv; store = bv.open(sys.argv[1])\n"
        "for format in sys.argv[3:]: store.export(sys.argv[2], format=format)\n"
        "print(pa.default_memory_pool().max_memory())"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "long.bv"), str(tmp_path / "out"), *FORMATS]
    assert int(subprocess.run(command, check=True, capture_output=True, text=True).stdout) < 140_000_000


def test_chunks_for_a_server(store: PointStore) -> None:
    name, media, chunks = export_chunks(store, "score > 0.5", columns=["text"], format="csv")
    assert name == f"my-points-{store.count(where='score > 0.5')}.csv"
    assert media == "text/csv; charset=utf-8"
    data = b"".join(chunks)
    assert data.startswith(b"\xef\xbb\xbf")
    assert data[3:].count(b"\n") > 1000
    for wrong, error in (({"where": "scor > 1"}, bv.ExpressionError), ({"columns": ["no"]}, bv.ColumnError), ({"format": "xls"}, bv.OptionError)):
        with pytest.raises(error):
            export_chunks(store, **wrong)
    _, _, chunks = export_chunks(store)
    next(chunks)
    chunks.close()  # the browser has gone


# --- spreadsheets ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "guarded"),
    [
        ("=1+1", True),
        ("=cmd|' /C calc'!A0", True),
        ("+1+cmd", True),
        ("-2+3", True),
        ("@SUM(A1)", True),
        ("\t=1", True),
        ("\r=1", True),
        ("\n=1", True),
        ("-", True),
        ("plain", False),
        (" =1", False),
        ("a=1", False),
        ("-5", False),
        ("+4.25", False),
        ("-1,000.5", False),
        ("-1e-7", False),
        ("'=1", False),
        ("", False),
        (None, False),
    ],
)
def test_formulas_are_guarded(text: "str | None", guarded: bool) -> None:
    assert _guarded(pa.array([text], pa.string())).to_pylist() == [f"'{text}" if guarded else text]


def test_a_spreadsheet_gets_no_formula(store: PointStore) -> None:
    whole = exported(store, "csv", spreadsheet=True)
    assert whole.startswith(b"\xef\xbb\xbf")
    lines = list(csv.reader(io.StringIO(whole.decode("utf-8-sig"))))
    assert "'=sum(1)" in lines[0]
    for line in lines:
        for value in line:
            assert not value.startswith(("=", "+", "-", "@", "\t", "\r")) or float(value) <= 0, value
    plain = list(csv.reader(io.StringIO(exported(store, "csv").decode())))
    assert [[value.removeprefix("'") for value in line] for line in lines] == plain
    assert exported(store, "parquet", spreadsheet=True) == exported(store, "parquet")


# --- files ----------------------------------------------------------------------------------------------------------------------------------


def test_a_file_is_whole_or_absent(store: PointStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.csv"
    path.write_text("before")
    real = stream.tables

    def failing(*arguments: object) -> object:
        pieces = real(*arguments)
        yield next(pieces)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("bigview.store.export.tables", failing)
    with pytest.raises(bv.SpaceError, match="Nothing was left there"):
        store.export(path)
    assert path.read_text() == "before"
    assert [found.name for found in tmp_path.iterdir()] == ["out.csv"]
    monkeypatch.undo()
    store.export(path, where="votes = 7", columns=[])
    assert path.read_text().startswith('"__row","id"\n')
    assert [found.name for found in tmp_path.iterdir()] == ["out.csv"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_one_sentence(store: PointStore) -> None:
    with Path("/dev/full").open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        store.export(file, format="csv")


def test_other_file_systems(store: PointStore, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = fsspec.filesystem("memory")
    store.export("memory://out/rows.parquet", where="votes > 500")
    assert memory.ls("/out", detail=False) == ["/out/rows.parquet"]
    assert pq.read_table(io.BytesIO(memory.cat_file("/out/rows.parquet"))).num_rows == store.count(where="votes > 500")

    def failing(*arguments: object) -> object:
        raise RuntimeError("lost")
        yield

    monkeypatch.setattr("bigview.store.export.tables", failing)
    with pytest.raises(RuntimeError):
        store.export("memory://out/other.parquet")
    assert memory.ls("/out", detail=False) == ["/out/rows.parquet"]
    memory.rm("/out", recursive=True)


def test_what_cannot_be_written(store: PointStore, tmp_path: Path) -> None:
    for target, words in (
        (tmp_path / "x.xls", "does not tell the format"),
        (tmp_path / "no" / "x.csv", "no folder"),
        (tmp_path / "dir.csv", "is a folder"),
    ):
        (tmp_path / "dir.csv").mkdir(exist_ok=True)
        with pytest.raises(bv.OptionError, match=words):
            store.export(target)
    with pytest.raises(bv.OptionError, match="Give the format"):
        export(store, io.BytesIO())
    with pytest.raises(bv.OptionError, match="There are: parquet, csv, arrow"):
        export(store, "x", format="xls")


def test_readers_of_another_generation_are_not_disturbed(tmp_path: Path) -> None:
    """An export that runs while the store is built again has the rows of the store that it began with."""
    frame = table(5000)
    with override(row_group=500):
        made = bv.build_points(frame, tmp_path / "a.bv", x="x", y="y", quiet=True)
        _, _, chunks = export_chunks(made, format="arrow")
        first = next(chunks)
        bv.build_points(frame[:100], tmp_path / "a.bv", x="x", y="y", quiet=True)
    rows = pa.ipc.open_file(io.BytesIO(first + b"".join(chunks))).read_all()
    assert rows.num_rows == 5000
    assert pc.sum(rows["votes"]).as_py() == frame["votes"].sum()
