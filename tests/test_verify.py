"""verify(): names what is damaged, and finds counts and levels that do not fit the rows though every checksum is right."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import bigview as bv
from bigview.config import override
from bigview.store.files import Folder
from bigview.store.reader import Reader
from bigview.store.verify import verify, whole
from tests.views import store, table


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store of several buckets and row groups, with unplaced rows and a key."""
    rows = table(9000)
    rows.loc[::100, "x"] = np.nan
    with override(row_group=1000, text_group=500):
        made = store(tmp_path_factory.mktemp("verify"), rows.assign(id=rows.index * 3 + 1), key="id", partition_rows=3000)
    return Path(made.reader.folder.url)


@pytest.fixture
def copy(sound: Path, tmp_path: Path) -> Path:
    """Return a copy that a test may damage."""
    return Path(shutil.copytree(sound, tmp_path / "copy.bv"))


def problems(path: Path) -> "list[str]":
    return verify(Reader(Folder(str(path))))


def one(path: Path, pattern: str) -> str:
    return sorted(str(file.relative_to(path)) for file in path.glob(pattern))[0]


def forge(path: Path, name: str, change: "Callable[[pd.DataFrame], pd.DataFrame]") -> None:
    """Change a Parquet file, its row groups kept, and put right its checksum in the manifest."""
    source = pq.ParquetFile(path / name)
    sizes = [source.metadata.row_group(number).num_rows for number in range(source.metadata.num_row_groups)]
    changed = pa.Table.from_pandas(change(source.read().to_pandas(ignore_metadata=True)), source.schema_arrow, preserve_index=False)
    with pq.ParquetWriter(path / name, source.schema_arrow) as writer:
        for number, size in enumerate(sizes):
            writer.write_table(changed.slice(sum(sizes[:number]), size), row_group_size=max(size, 1))
    data = (path / name).read_bytes()
    manifest = json.loads((path / "manifest.json").read_text())
    indexes = [file for index in manifest["report"].get("indexes", ()) for file in index["files"]]
    for file in [*manifest["files"], *indexes]:
        if file["name"] == name:
            file.update(bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    (path / "manifest.json").write_text(json.dumps(manifest))


def reword(path: Path, change: "Callable[[dict], None]") -> None:
    manifest = json.loads((path / "manifest.json").read_text())
    change(manifest)
    (path / "manifest.json").write_text(json.dumps(manifest))


def test_a_sound_store_has_no_problems(sound: Path) -> None:
    assert len(list(sound.glob("rows/*"))) > 1
    assert problems(sound) == []
    assert whole(Reader(Folder(str(sound))))


@pytest.mark.parametrize(
    "numbers", [[], [np.nan] * 3, [1.0], [2.0] * 500, [0, 1e300, -1e300, np.inf, 5e-324]], ids=["none", "unplaced", "one", "equal", "far"]
)
def test_degenerate_stores_are_sound(tmp_path: Path, numbers: "list[float]") -> None:
    made = store(tmp_path, pd.DataFrame({"x": numbers, "y": numbers}, dtype="f8"))
    assert verify(made.reader) == []


@pytest.mark.parametrize("pattern", ["rows/*", "text/*", "levels/*", "index/*row*", "index/*key*", "*groups*", "*categories*"])
def test_every_file_is_checked(copy: Path, pattern: str) -> None:
    name = one(copy, pattern)
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    assert problems(copy) == [f"{name} is altered: its checksum is not the one written at the build."]
    (copy / name).write_bytes(data[:-7])
    assert problems(copy) == [f"{name} has {len(data) - 7:,} bytes instead of {len(data):,}."]
    assert not whole(Reader(Folder(str(copy))))
    (copy / name).unlink()
    assert problems(copy) == [f"{name} is missing."]
    assert not whole(Reader(Folder(str(copy))))


def test_a_cell_with_a_wrong_count(copy: Path) -> None:
    def change(cells: pd.DataFrame) -> pd.DataFrame:
        cells.loc[3, "count"] += 1
        return cells

    forge(copy, one(copy, "levels/*"), change)
    found = problems(copy)
    assert any("does not fit the rows" in text for text in found)
    assert any("its cells count" in text for text in found)


def test_a_cell_at_a_wrong_place(copy: Path) -> None:
    def change(cells: pd.DataFrame) -> pd.DataFrame:
        cells.loc[5, "start"] += 1
        cells.loc[5, "count"] -= 1
        cells.loc[4, "count"] += 1
        return cells

    forge(copy, one(copy, "levels/*"), change)
    assert any("does not fit the rows" in text for text in problems(copy))


def test_a_cell_with_a_wrong_key(copy: Path) -> None:
    def change(cells: pd.DataFrame) -> pd.DataFrame:
        cells.loc[len(cells) - 1, "key"] += 1
        return cells

    forge(copy, one(copy, "levels/*"), change)
    assert any(text.startswith("Level ") for text in problems(copy))


def test_rows_out_of_order(copy: Path) -> None:
    def change(rows: pd.DataFrame) -> pd.DataFrame:
        order = np.arange(len(rows))
        order[[10, 700]] = order[[700, 10]]
        return rows.iloc[order]

    forge(copy, one(copy, "rows/*"), change)
    found = problems(copy)
    assert any("out of order" in text for text in found)
    assert any("index of rows" in text for text in found)


def test_a_changed_value(copy: Path) -> None:
    def change(rows: pd.DataFrame) -> pd.DataFrame:
        rows.loc[17, "votes"] = 99_999
        rows.loc[18, "label"] = 77
        rows.loc[20:60, "label"] = 2
        return rows

    forge(copy, one(copy, "rows/*"), change)
    found = problems(copy)
    assert any(text.startswith("Column 'votes' runs from") for text in found)
    assert any("1 category codes are out of range" in text for text in found)
    assert any("counts its categories wrongly" in text for text in found)


def test_a_row_that_lost_its_place(copy: Path) -> None:
    def change(rows: pd.DataFrame) -> pd.DataFrame:
        rows.loc[len(rows) - 1, "x"] = 0.5
        return rows

    forge(copy, sorted(str(file.relative_to(copy)) for file in copy.glob("rows/*"))[-1], change)
    assert any("the manifest says" in text for text in problems(copy))


@pytest.mark.parametrize(("pattern", "word"), [("index/*row*", "index of rows"), ("index/*key*", "index of the key 'id'")])
def test_an_index_that_misleads(copy: Path, pattern: str, word: str) -> None:
    def change(index: pd.DataFrame) -> pd.DataFrame:
        index.loc[[0, 1], "position"] = index.loc[[1, 0], "position"].to_numpy()
        return index

    forge(copy, one(copy, pattern), change)
    assert [word in text for text in problems(copy)] == [True]


def test_a_manifest_that_counts_wrongly(copy: Path) -> None:
    def change(manifest: dict) -> None:
        manifest["levels"][1]["largest"] += 1
        manifest["columns"][2]["missing"] += 1

    reword(copy, change)
    found = problems(copy)
    assert any("the manifest's numbers" in text for text in found)
    assert any("lacks" in text for text in found)
    reword(copy, lambda manifest: manifest.update(rows=manifest["rows"] + 1))
    assert any("instead of 9,001" in text for text in problems(copy))


def test_the_store_knows_its_name(copy: Path) -> None:
    assert isinstance(bv.open(copy), bv.PointStore)


def test_a_store_is_checked_by_the_rule_it_was_built_with(tmp_path: Path) -> None:
    with override(cell_rows=2):
        store(tmp_path, table(3000), partition_rows=1000)
    path = next(tmp_path.glob("*.bv"), tmp_path)
    assert problems(path) == []
    reword(path, lambda manifest: manifest["options"].update(cell_rows=3))
    assert any("instead of" in text for text in problems(path))
