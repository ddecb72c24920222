"""A store holds every row once, in order, with the cells that follow from the rows."""

import datetime as dt
import hashlib
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
from bigview.build.sort import order_of
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
            x, y = (
                pa.concat_arrays(x.chunks) if x.num_chunks else pa.array([], x.type),
                pa.concat_arrays(y.chunks) if y.num_chunks else pa.array([], y.type),
            )
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
    position = np.concatenate(
        [np.zeros(0, int), *(pq.ParquetFile(stored.path / g.file).read_row_group(g.group).column("position").to_numpy() for g in groups.itertuples())]
    )
    assert np.array_equal(order[position.astype(int)], np.arange(len(order)))
    if stored.manifest.key is None:
        return
    groups = stored.groups[stored.groups["kind"] == "key"].sort_values("first")
    pieces = [pq.ParquetFile(stored.path / g.file).read_row_group(g.group) for g in groups.itertuples()]
    if not pieces:
        assert not stored.frame()[stored.manifest.key].notna().any()
        return
    table = pa.concat_tables(pieces).to_pandas()
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


def build(tmp_path: Path, source: object, **options: object) -> Stored:
    manifest = build_points(source, str(tmp_path / "s.bv"), quiet=True, **options)
    table = source if isinstance(source, (pd.DataFrame, pa.Table)) else pa.table(source)
    return check(tmp_path / "s.bv", table, manifest)


def points(x: object, y: object, **more: object) -> pa.Table:
    return pa.table({"x": x, "y": y, **more})


@pytest.mark.parametrize("partition", [None, 13])
@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([0.5], [0.25]),
        ([1.0] * 100, [-2.0] * 100),
        ([np.nan] * 40, [np.nan] * 40),
        ([np.inf, -np.inf, 1.0, np.nan] * 10, [0.0, 1.0, 2.0, 3.0] * 10),
        (np.append(np.random.default_rng(1).normal(size=99), 1e30), np.arange(100.0)),
        (np.append(np.random.default_rng(1).normal(size=99), -1.7e308), np.append(np.arange(99.0), 1.7e308)),
        (1.0 + np.arange(100) * 1e-12, 1e12 + np.arange(100)),
        ([5e-324, 0.0, -0.0, 1e-310] * 10, [0.0] * 40),
        (pa.array([1, None, 3] * 20, pa.int64()), pa.array([2**62, 2**62 + 1, None] * 20, pa.int64())),
        (pa.array([2**64 - 1, 2**64 - 2] * 20, pa.uint64()), pa.array([-(2**63), -(2**63) + 1] * 20, pa.int64())),
        (pa.array([1, 2] * 20, pa.int8()), pa.array([0.5, 1.5] * 20, pa.float16())),
        (pd.date_range("2024-01-01", periods=60, freq="37min").to_numpy(), np.arange(60.0)),
        (pa.array([0, None, 2**60] * 20, pa.timestamp("ns", tz="Europe/Berlin")), np.arange(60)),
    ],
)
def test_degenerate_positions_are_ordinary(tmp_path: Path, x: object, y: object, partition: int | None) -> None:
    stored = build(tmp_path, points(x, y), partition_rows=partition)
    x0, x1, y0, y1 = stored.manifest.home
    assert x0 < x1
    assert y0 < y1
    assert np.isfinite([x0, x1, y0, y1]).all()


def test_a_table_without_rows_is_a_store(tmp_path: Path) -> None:
    stored = build(tmp_path, points(pa.array([], pa.float32()), pa.array([], pa.float32()), t=pa.array([], pa.string())))
    assert stored.manifest.rows == 0
    assert stored.manifest.levels == ()


def test_rows_without_a_position_come_last_in_source_order_and_are_counted(tmp_path: Path) -> None:
    x = [np.nan, 1.0, np.inf, 2.0, 3.0, None]
    stored = build(tmp_path, points(pa.array(x), pa.array([1.0, 1.0, 1.0, np.nan, 1.0, 1.0])), partition_rows=2)
    assert stored.rows.column("__row").to_pylist() == [1, 4, 0, 2, 3, 5]
    assert stored.manifest.report["unplaced"] == 4


def test_every_type_is_kept(tmp_path: Path) -> None:
    n = 60
    day = dt.date(2020, 2, 29)
    table = points(
        np.arange(n, dtype="f4"),
        np.arange(n, dtype="f8"),
        small=pa.array([None, 1, -128] * 20, pa.int8()),
        large=pa.array([2**63 - 1, None, -(2**63)] * 20, pa.int64()),
        huge=pa.array([2**64 - 1, 0, None] * 20, pa.uint64()),
        half=pa.array(np.arange(n, dtype="f2")),
        money=pa.array(["1.25", None, "-3.50"] * 20).cast(pa.decimal128(10, 2)),
        yes=pa.array([True, None, False] * 20),
        day=pa.array([day, None, dt.date(2020, 3, 1)] * 20, pa.date32()),
        when=pa.array([0, None, 10**15] * 20, pa.timestamp("us", tz="Asia/Tokyo")),
        clock=pa.array([0, None, 86_399] * 20, pa.time32("s")),
        lasts=pa.array([5, None, 7] * 20, pa.duration("s")),
        kind=pa.array(["b", None, "a", "b", "ü", "b"] * 10).dictionary_encode(),
        numbers=pa.array([7, None, 9] * 20).dictionary_encode(),
        text=pa.array([f"Zeile {i} — 文" for i in range(n)], pa.large_string()),
        view=pa.array([None if i % 7 == 0 else f"v{i}" for i in range(n)], pa.string_view()),
        nothing=pa.nulls(n),
        list=pa.array([[1, 2], None, []] * 20),
        fixed=pa.array([[1.0, 2.0]] * n, pa.list_(pa.float32(), 2)),
        record=pa.array([{"a": 1, "b": "<script>"}, None, {"a": None, "b": "ü"}] * 20),
        blob=pa.array([b"\x00\xff", None, b""] * 20, pa.large_binary()),
    )
    stored = build(tmp_path, table, partition_rows=17)
    frame = stored.frame()
    for name in ("small", "large", "huge", "yes", "kind", "numbers", "text", "view", "list", "fixed", "blob", "nothing"):
        assert frame[name].tolist() == table.column(name).to_pylist(), name
    assert frame["money"].tolist() == [1.25, None, -3.5] * 20
    assert frame["record"].tolist() == ['{"a": 1, "b": "<script>"}', None, '{"a": null, "b": "ü"}'] * 20
    assert frame["day"].tolist()[:3] == [pd.Timestamp("2020-02-29").to_pydatetime(), None, pd.Timestamp("2020-03-01").to_pydatetime()]
    assert frame["clock"].tolist()[2] == pd.Timestamp("1970-01-01 23:59:59").to_pydatetime()
    assert frame["when"].tolist()[2] == pd.Timestamp(10**15, unit="us").to_pydatetime()
    columns = {column.name: column for column in stored.manifest.columns}
    assert columns["kind"].kind == "category"
    assert columns["kind"].missing == 10
    assert (columns["large"].low, columns["large"].high, columns["large"].missing) == (-(2**63), 2**63 - 1, 20)
    assert columns["when"].high == 10**15
    assert columns["half"].dtype == "float"
    assert columns["view"].kind == "text"


def test_categories_are_ranked_by_count_then_value(tmp_path: Path) -> None:
    stored = build(tmp_path, points(np.arange(6.0), np.arange(6.0), c=["b", "a", "c", "c", None, "ä"]), partition_rows=2)
    table = pq.read_table(stored.path / stored.manifest.categories).to_pylist()
    assert [(entry["value"], entry["code"], entry["count"]) for entry in table] == [("c", 0, 2), ("a", 1, 1), ("b", 2, 1), ("ä", 3, 1)]
    assert stored.manifest.column("c").missing == 1


def test_many_categories_and_the_choice_between_category_and_text(tmp_path: Path) -> None:
    n = 40_000
    values = [f"c{i % 3000}" for i in range(n)]
    table = points(np.zeros(n), np.zeros(n), many=values, unique=[f"u{i}" for i in range(n)], told=values)
    manifest = build_points(table, str(tmp_path / "s.bv"), quiet=True, partition_rows=9000, texts=["told"], categories=["unique"])
    assert {c.name: (c.kind, c.dtype, c.distinct) for c in manifest.columns if c.part == "text" or c.kind == "category"} == {
        "many": ("category", "int16", 3000), "unique": ("category", "int32", n), "told": ("text", "string", 0),
    }  # fmt: skip
    frame = Stored(tmp_path / "s.bv").frame()
    assert frame["many"].tolist() == values == frame["told"].tolist()
    assert frame["unique"].tolist() == table.column("unique").to_pylist()


@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 9), max_size=400), st.integers(0, 63))
def test_the_radix_sort_is_numpys_stable_sort(values: list[int], shift: int) -> None:
    keys = np.array(values, np.uint64) >> np.uint64(shift)
    assert np.array_equal(order_of(keys), np.argsort(keys, kind="stable"))


numbers = st.one_of(st.floats(width=32), st.floats(-2, 2, width=32), st.sampled_from([0.0, 1.0, np.nan, None]))


@given(
    rows=st.lists(st.tuples(numbers, numbers, st.text(max_size=3) | st.none(), st.integers(-5, 5) | st.none()), max_size=60),
    size=st.integers(1, 40),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_small_table(tmp_path: Path, rows: list[tuple[object, ...]], size: int) -> None:
    x, y, text, number = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [], [])
    table = points(pa.array(x, pa.float32()), pa.array(y, pa.float64()), t=pa.array(text, pa.string()), n=pa.array(number, pa.int16()))
    stored = build(tmp_path, table, partition_rows=max(size, len(rows) // 3), key="n")
    assert stored.frame()["t"].tolist() == text
    assert stored.frame()["n"].tolist() == number
