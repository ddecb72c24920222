"""A store holds every row once, in order, with the cells that follow from the rows."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bigview.build.columns import positions
from bigview.build.points import build_points
from bigview.store.files import Folder
from bigview.store.keyhash import key_hashes
from bigview.store.manifest import Manifest, read_manifest
from bigview.store.morton import UNPLACED, keys_of

LEAST = 6


class Stored:
    """A store read in the obvious way."""

    def __init__(self, path: Path) -> None:
        self.path, self.manifest = path, read_manifest(Folder(str(path)))
        groups = pq.read_table(path / self.manifest.groups)
        self.groups = groups.to_pandas()
        self.rows = self._read("rows")
        self.text = self._read("text")

    def _read(self, part: str) -> pa.Table | None:
        names = [file.name for file in self.manifest.files if file.name.startswith(f"{part}/")]
        return pa.concat_tables([pq.read_table(self.path / name, partitioning=None) for name in names]) if names else None

    def frame(self) -> pd.DataFrame:
        """All columns, with categories as texts, in the order of the source."""
        columns = {}
        categories = pq.read_table(self.path / self.manifest.categories).to_pandas()
        for column in self.manifest.columns:
            table = self.rows if column.part == "rows" else self.text
            values = table.column(column.name)
            if column.kind == "category":
                names = categories[categories["column"] == column.name].sort_values("code")["value"].to_numpy(object)
                codes = values.to_numpy()
                columns[column.name] = pd.Series([names[c] if c >= 0 else None for c in codes], dtype=object)
            else:
                columns[column.name] = pd.Series(values.to_pylist(), dtype=object)
        return pd.DataFrame(columns).sort_values("__row").reset_index(drop=True)

    def keys(self) -> np.ndarray:
        m = self.manifest
        x, y = (self.rows.column(axis.column).combine_chunks() for axis in (m.x, m.y))
        if isinstance(x, pa.ChunkedArray):
            x, y = pa.concat_arrays(x.chunks) if x.num_chunks else pa.array([], x.type), pa.concat_arrays(y.chunks) if y.num_chunks else pa.array([], y.type)
        return keys_of(positions(x, m.x), positions(y, m.y), m.x.cells, m.y.cells)

    def level(self, level: int) -> pd.DataFrame:
        found = self.groups[(self.groups["kind"] == "level") & (self.groups["level"] == level)].sort_values("first")
        pieces = [pq.ParquetFile(self.path / g.file).read_row_group(g.group).to_pandas() for g in found.itertuples()]
        return pd.concat(pieces, ignore_index=True) if pieces else pd.DataFrame({"key": [], "start": [], "count": []})


def obvious_levels(keys: np.ndarray) -> dict[int, dict[int, tuple[int, int]]]:
    """Level to key to (first row, number of rows), by the words of the format."""
    levels: dict[int, dict[int, tuple[int, int]]] = {}
    wanted = None
    for level in range(3, 33):
        cells: dict[int, tuple[int, int]] = {}
        for row, key in enumerate(keys.tolist()):
            cell = key >> 2 * (32 - level)
            if wanted is not None and (cell >> 2) not in wanted:
                continue
            start, count = cells.get(cell, (row, 0))
            cells[cell] = (start, count + 1)
        if not cells:
            break
        levels[level] = cells
        wanted = {cell for cell, (_, count) in cells.items() if count > LEAST}
    return levels


def check(path: Path, source: pd.DataFrame | pa.Table, manifest: Manifest) -> Stored:
    """Compare a store with its source by every rule of the format."""
    table = source if isinstance(source, pa.Table) else pa.Table.from_pandas(source, preserve_index=False)
    stored = Stored(path)
    assert stored.manifest == manifest
    assert manifest.rows == table.num_rows == stored.rows.num_rows
    order = stored.rows.column("__row").to_numpy()
    assert sorted(order.tolist()) == list(range(table.num_rows))
    keys = stored.keys()
    assert np.all(keys[1:] >= keys[:-1])
    same = keys[1:] == keys[:-1]
    assert np.all(order[1:][same] > order[:-1][same])
    placed = int((keys != UNPLACED).sum())
    assert placed == manifest.placed
    if stored.text is not None:
        assert stored.text.num_rows == table.num_rows
    check_levels(stored, keys[:placed])
    check_groups(stored, keys)
    check_index(stored)
    for file in manifest.files:
        data = (path / file.name).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (file.bytes, file.sha256)
    assert not list(path.glob(".build*"))
    return stored


def check_levels(stored: Stored, keys: np.ndarray) -> None:
    expected = obvious_levels(keys) if len(keys) else {}
    assert [level.level for level in stored.manifest.levels] == list(expected)
    for entry in stored.manifest.levels:
        found = stored.level(entry.level)
        assert len(found) == entry.cells == sum(entry.histogram)
        assert found["key"].is_monotonic_increasing
        merged = found.groupby("key").agg(start=("start", "min"), count=("count", "sum"), last=("start", "max"))
        cells = {int(k): (int(s), int(c)) for k, s, c in zip(merged.index, merged["start"], merged["count"], strict=True)}
        assert cells == expected[entry.level]
        assert entry.rows == int(found["count"].sum())
        if entry.level <= 10:
            assert found["key"].is_unique


def check_groups(stored: Stored, keys: np.ndarray) -> None:
    for kind, total in (("rows", len(keys)), ("text", len(keys) if stored.text is not None else 0)):
        groups = stored.groups[stored.groups["kind"] == kind].sort_values("first")
        assert groups["rows"].sum() == total
        assert groups["first"].tolist() == [0, *groups["rows"].cumsum().tolist()[:-1]][: len(groups)]
        assert groups["key"].tolist() == [int(keys[first]) for first in groups["first"]]
        for group in groups.itertuples():
            assert pq.ParquetFile(stored.path / group.file).metadata.row_group(group.group).num_rows == group.rows


def check_index(stored: Stored) -> None:
    order = stored.rows.column("__row").to_numpy()
    groups = stored.groups[stored.groups["kind"] == "row"].sort_values("first")
    position = np.concatenate([np.zeros(0, int), *(pq.ParquetFile(stored.path / g.file).read_row_group(g.group).column("position").to_numpy() for g in groups.itertuples())])
    assert np.array_equal(order[position.astype(int)], np.arange(len(order)))
    if stored.manifest.key is None:
        return
    groups = stored.groups[stored.groups["kind"] == "key"].sort_values("first")
    table = pa.concat_tables([pq.ParquetFile(stored.path / g.file).read_row_group(g.group) for g in groups.itertuples()]).to_pandas()
    assert table["hash"].is_monotonic_increasing
    source = stored.frame().set_index("__row")[stored.manifest.key]
    for hashed, place in zip(table["hash"], table["position"], strict=True):
        assert key_hashes(pa.array([source[order[place]]]))[0] == hashed
    assert len(table) == source.notna().sum()
    assert sorted(table["position"]) == sorted(position[source.notna().to_numpy()].tolist())


def mixture(rows: int, seed: int = 0) -> pd.DataFrame:
    r = np.random.default_rng(seed)
    centre = r.normal(0, 10, (9, 2))
    label = r.choice(9, rows, p=np.arange(1, 10) / 45)
    xy = centre[label] + r.standard_normal((rows, 2))
    return pd.DataFrame(
        {
            "x": xy[:, 0].astype("f4"),
            "y": xy[:, 1],
            "label": np.array(list("abcdefghi"))[label],
            "word": [f"wörter-{i}-日本" for i in range(rows)],
            "score": r.random(rows),
            "id": r.permutation(rows) * 3,
        }
    )


@pytest.mark.parametrize("partition", [None, 700, 97])
def test_every_row_is_there_once_in_order_with_its_cells(tmp_path: Path, partition: int | None) -> None:
    frame = mixture(2500)
    manifest = build_points(frame, str(tmp_path / "s.bv"), key="id", partition_rows=partition, quiet=True)
    stored = check(tmp_path / "s.bv", frame, manifest)
    assert stored.frame().drop(columns="__row").equals(frame.astype(object))
    assert {c.name: c.kind for c in manifest.columns} == {
        "x": "number", "y": "number", "label": "category", "word": "text", "score": "number", "id": "integer", "__row": "integer",
    }  # fmt: skip


def test_the_order_of_rows_does_not_depend_on_the_partitions(tmp_path: Path) -> None:
    frame = mixture(3000)
    frame.loc[100:900, ["x", "y"]] = 3.25
    frame.loc[1000:1100, "x"] = np.nan
    orders = []
    for size in (5000, 611, 100):
        path = tmp_path / f"{size}.bv"
        manifest = build_points(frame, str(path), partition_rows=size, quiet=True)
        orders.append(check(path, frame, manifest).rows.column("__row").to_numpy())
    assert all(np.array_equal(orders[0], other) for other in orders)
