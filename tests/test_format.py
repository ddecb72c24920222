"""docs/format.md is true: its examples run on a real store, and what it says of files and types is what the build writes."""

import contextlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import bigview as bv
from bigview.build.cells import FIRST
from bigview.build.merge import INDEX_ROWS, TOP
from bigview.build.scan import SMALL
from bigview.config import limits
from bigview.store.axis import Axis
from bigview.store.manifest import COUNT_EDGES, VERSION
from bigview.store.morton import keys_of
from bigview.store.summaries import MOST
from tests.pages import ROOT, cells

PAGE = ROOT / "docs" / "format.md"
ROWS = 60_000


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Return the folder of a store in several buckets, with a column of every kind."""
    random = np.random.default_rng(3)
    number = np.arange(ROWS)
    table = pd.DataFrame(
        {
            "x": random.normal(size=ROWS).astype("float32"),
            "when": pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 10**6, ROWS), unit="s"),
            "kind": np.where(number % 7 == 0, None, np.array(["ash", "beech", "cedar"])[number % 3]),
            "n": random.integers(0, 9, ROWS).astype("int16"),
            "flag": number % 2 == 0,
            "note": [f"tree {i}" for i in number],
            "tags": [[i, i + 1] for i in number],
            "raw": [b"\x00"] * ROWS,
        }
    )
    table.loc[::1000, "x"] = np.nan
    folder = tmp_path_factory.mktemp("format") / "trees.bv"
    bv.build_points(table, folder, x="x", y="when", key="note", partition_rows=15_000, quiet=True)
    return folder


@pytest.fixture(scope="module")
def manifest(store):
    return json.loads((store / "manifest.json").read_text(encoding="utf-8"))


def test_examples_run(tmp_path):
    names: dict[str, object] = {}
    with contextlib.chdir(tmp_path):
        for cell in cells(PAGE):
            exec(compile(cell, str(PAGE), "exec"), names)  # the page is ours


def test_the_page_names_every_entry_of_the_manifest(manifest):
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in manifest if f"`{name}`" not in text] == []
    assert manifest["version"] == VERSION
    assert f"version {VERSION}" in text.splitlines()[0]


def test_the_page_gives_the_numbers_in_force():
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    assert f"row groups of {limits().row_group:,} rows" in text
    assert f"row groups of {limits().text_group:,}," in text
    assert f"more than {limits().cell_rows} rows" in text
    assert f"The first level is {FIRST} " in text
    assert f"Levels up to {TOP} are" in text
    assert f"{INDEX_ROWS:,} rows a file" in text
    assert f"at most {SMALL} distinct values" in text
    assert f"at most {limits().category_limit:,}" in text
    assert limits().category_share == 0.1
    assert f"more than {limits().exact_rows:,} placed rows" in text
    assert f"at least {limits().summary_rows} rows a cell on average and at most {limits().summary_cells:,} cells" in text
    assert f"the first {MOST} columns" in text
    assert COUNT_EDGES[:17] == (*range(1, 17), pytest.approx(16 * 2 ** (1 / 4), abs=1e-3))


def test_every_file_is_named_and_has_the_columns_told(store, manifest):
    gen = manifest["generation"]
    found = {str(path.relative_to(store).as_posix()) for path in store.rglob("*.parquet")}
    assert found == {entry["name"] for entry in manifest["files"]}
    told = {
        "rows": {"x": "float", "when": None, "kind": "int8", "n": "int16", "flag": "bool", "__row": "int64"},
        "text": {"note": "string", "tags": "list<element: int64>", "raw": "binary"},
        "levels": {"key": "uint64", "start": "int64", "count": "uint32"},
        "index/row": {"position": "uint32"},
        "index/key": {"hash": "uint64", "position": "uint32"},
        "groups": {"kind": "string", "level": "int8", "file": "string", "group": "int32", "rows": "int64", "first": "int64", "key": "uint64"},
        "categories": {"column": "string", "code": "int32", "value": "string", "count": "int64"},
    }
    for name in found:
        assert Path(name).name.startswith(gen)
        kind = name.split("/")[0] if "/" in name else name.split("-")[1].split(".")[0]
        kind = f"index/{name.split('-')[1]}" if kind == "index" else kind
        schema = pq.read_schema(store / name)
        assert schema.names == list(told[kind])
        for field in schema:
            assert told[kind][field.name] in (None, str(field.type)), field


def test_rows_are_in_the_order_told(store, manifest):
    rows = pd.concat([pd.read_parquet(path) for path in sorted((store / "rows").iterdir())], ignore_index=True)
    texts = pd.concat([pd.read_parquet(path) for path in sorted((store / "text").iterdir())], ignore_index=True)
    assert (texts.note == "tree " + rows["__row"].astype(str)).all()
    x, y = (Axis.from_json(manifest[name]) for name in "xy")
    key = keys_of(x.encode(rows.x.to_numpy()), y.encode(rows.when.to_numpy()), x.cells, y.cells)
    pairs = np.rec.fromarrays([key, rows["__row"].to_numpy()])
    assert (np.sort(pairs) == pairs).all()
    position = pd.concat([pd.read_parquet(path) for path in sorted((store / "index").glob("*-row-*"))]).position
    assert (rows["__row"].to_numpy()[position] == np.arange(ROWS)).all()


def test_levels_are_those_told(store, manifest):
    rows = pd.concat([pd.read_parquet(path, columns=["x", "when"]) for path in sorted((store / "rows").iterdir())], ignore_index=True)
    placed = rows[: manifest["placed"]]
    x, y = (Axis.from_json(manifest[name]) for name in "xy")
    key = keys_of(x.encode(placed.x.to_numpy()), y.encode(placed.when.to_numpy()), x.cells, y.cells)
    groups = pd.read_parquet(store / manifest["groups"])
    wanted = None
    for level in sorted(groups[groups.kind == "level"].level.unique()):
        parts = []
        for group in groups[(groups.kind == "level") & (groups.level == level)].itertuples():
            part = pq.ParquetFile(store / group.file).read_row_group(group.group).to_pandas()
            assert len(part) == group.rows
            assert part.key[0] == group.key
            assert part.key.is_monotonic_increasing
            parts.append(part)
        cells_here = pd.concat(parts)
        runs = cells_here.groupby("key")["count"].sum()  # a cell across two buckets has two entries
        counted = pd.Series(key >> np.uint64(2 * (32 - level))).value_counts().sort_index()
        if wanted is not None:
            counted = counted[np.isin(counted.index.to_numpy() >> np.uint64(2), wanted)]
        assert runs.to_dict() == counted.to_dict()
        wanted = counted.index[counted > limits().cell_rows].to_numpy()


def test_a_newer_version_is_refused(store, manifest, tmp_path):
    (tmp_path / "manifest.json").write_text(json.dumps({**manifest, "version": VERSION + 1}), encoding="utf-8")
    with pytest.raises(bv.StoreVersionError, match="newer bigview"):
        bv.open(tmp_path)
