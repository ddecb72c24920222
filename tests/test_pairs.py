"""An index over two other columns: the laws of the contract, against a store that was built by these columns, and against the slow way."""

import json
import pickle
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import datashader as ds
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bigview as bv
from bigview.build.lock import BuildLock
from bigview.build.pairs import index_points
from bigview.build.points import build_points
from bigview.config import override
from bigview.raster.aggregate import aggregate
from bigview.spec import Filter, View, by, dominant
from bigview.store.axis import Axis
from bigview.store.bits import unpack
from bigview.store.files import Folder
from bigview.store.manifest import read_manifest
from bigview.store.morton import keys_of
from bigview.store.pairreader import pair_reader
from bigview.store.pairs import pairs_of, positions_of, rests_of
from bigview.store.pairtable import PairTable
from bigview.store.points import PointTable
from bigview.store.reader import Reader, X, Y
from bigview.store.verify import verify
from tests.strategies import AXES, axis_values, expressions, tables, views
from tests.test_laws import ambiguous, inside
from tests.test_verify import forge, one


@contextmanager
def indexed(table: pd.DataFrame, cells: bool, parts: int = 1000) -> Iterator[PairTable]:
    """Build a store of a table by two columns of its own, and index it by the table's x and y."""
    rng = np.random.default_rng(len(table))
    source = table.assign(u=rng.normal(size=len(table)), v=rng.random(len(table)).astype(np.float32))
    changed = {"exact_rows": 0 if cells else 1 << 40, "cell_rows": 1 if cells else 6, "row_group": 64, "partition_rows": parts}
    with tempfile.TemporaryDirectory() as folder, override(**changed):
        build_points(source, f"{folder}/s.bv", x="u", y="v", quiet=True, partition_rows=parts)
        index_points(f"{folder}/s.bv", "x", "y", quiet=True)
        store = PointTable.open(f"{folder}/s.bv")
        yield PairTable(store, pair_reader(store.reader, "x", "y"))


@settings(max_examples=30)
@given(st.data(), st.booleans(), st.sampled_from([1000, 1000, 1000, 150]))
def test_conservation(data: st.DataObject, cells: bool, parts: int) -> None:
    table = data.draw(tables())
    with indexed(table, cells, parts) as pair:
        view, where = data.draw(views(table)), data.draw(st.none() | expressions())
        grid = aggregate(pair, view, ds.count(), where)
        assert grid.shape == (view.height, view.width)
        x0, x1, y0, y1 = grid.attrs["bounds"]
        own = View((x0, x1), (y0, y1))
        total = int(grid.sum())
        keep = inside(table, (x0, x1), (y0, y1))
        if where is None:
            assert total == keep.sum()
        passing = np.isin(np.arange(len(table)), pair.base.rows(where=where, limit=1000)["__row"])
        assert total == pair.count(own, where) == (keep & passing).sum()
        assert set(pair.rows(own, where, limit=1000)["__row"]) == set(np.flatnonzero(keep & passing))
        split = aggregate(pair, view, by("lang"), where)
        assert int(split.sum()) == pair.count(own, Filter(["lang IS NOT NULL", where] if where else "lang IS NOT NULL"))
        most = aggregate(pair, view, dominant("lang"), where).to_numpy()
        np.testing.assert_array_equal(most[:, :, 2], grid)
        if split.shape[2]:
            np.testing.assert_array_equal(most[:, :, 1], split.max(split.dims[2]))


@settings(max_examples=15)
@given(st.data())
def test_fidelity_to_datashader(data: st.DataObject) -> None:
    kinds = ("normal", "outlier", "equal", "mixed")
    table = data.draw(tables(kinds, kinds))
    with indexed(table, cells=False) as pair:
        view = data.draw(views(table))
        canvas = ds.Canvas(view.width, view.height, view.x_range, view.y_range)
        doubtful = ambiguous(table, view)
        mine, theirs = aggregate(pair, view), canvas.points(table, "x", "y", ds.count())
        assert mine.dtype == theirs.dtype
        assert np.abs(mine.to_numpy().astype(int) - theirs.to_numpy().astype(int)).sum() <= 2 * doubtful
        if doubtful:
            return
        for reduction in (ds.any(), ds.count("zipf"), ds.min("zipf"), ds.max("zipf")):
            np.testing.assert_array_equal(aggregate(pair, view, reduction), canvas.points(table, "x", "y", reduction))
        for reduction in (ds.sum("zipf"), ds.mean("zipf"), ds.std("zipf")):
            mine, theirs = aggregate(pair, view, reduction), canvas.points(table, "x", "y", reduction)
            np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-9)


@settings(max_examples=20)
@given(st.data(), st.booleans())
def test_it_draws_what_a_store_built_by_these_columns_draws(data: st.DataObject, cells: bool) -> None:
    table = data.draw(tables())
    with indexed(table, cells) as pair, tempfile.TemporaryDirectory() as folder:
        build_points(table, f"{folder}/s.bv", x="x", y="y", quiet=True)
        built = PointTable.open(f"{folder}/s.bv")
        view, where = data.draw(views(table)), data.draw(st.none() | expressions())
        assert pair.manifest.placed == built.manifest.placed
        assert (pair.manifest.x, pair.manifest.y) == (built.manifest.x, built.manifest.y)
        for agg in ("count", "mean:zipf", "max:length"):  # the rows of a cell that is cut may be others, for they come in another order
            mine, theirs = aggregate(pair, view, agg, where), aggregate(built, view, agg, where)
            assert mine.attrs == theirs.attrs
            if theirs.attrs["error"] == 0 or (agg == "count" and where is None and not table.duplicated(["x", "y"]).any()):
                np.testing.assert_allclose(mine, theirs, rtol=1e-9)


@settings(max_examples=20)
@given(st.data(), st.booleans())
def test_a_filter_means_the_same(data: st.DataObject, cells: bool) -> None:
    table = data.draw(tables())
    with indexed(table, cells) as pair:
        view, where = data.draw(views(table)), data.draw(expressions())
        passing = set(pair.base.rows(where=where, limit=1000)["__row"])
        keep = inside(table, view.x_range, view.y_range) & table.index.isin(passing)
        assert pair.count(where=where) == len(passing)
        assert pair.count(view, where) == keep.sum()
        rows = pair.rows(view, where, limit=1000)
        assert set(rows["__row"]) == set(table.index[keep])
        histogram = pair.histogram("zipf", 8, view, where)
        assert histogram.counts.sum() + histogram.missing == keep.sum()
        assert pair.category_counts("lang", view, where).to_dict() == table["lang"][keep].value_counts().to_dict()
        ranked = pair.rows(view, where, order_by="length", limit=1000)["length"]
        assert ranked.is_monotonic_increasing


@given(st.sampled_from(AXES), st.integers(0, 2**32), st.booleans())
def test_positions_come_back_from_keys_and_remainders(kind: str, seed: int, narrow: bool) -> None:
    rng = np.random.default_rng(seed)
    values = axis_values(kind, 50, rng)
    if values.dtype.kind == "f":
        values = (values * 10.0 ** rng.integers(-30, 30)).astype(np.float32 if narrow else np.float64)
        values[:3] = [0.0, -0.0, values[0]]
    there = ~np.isnan(values) & np.isfinite(values) if values.dtype.kind == "f" else np.ones(50, bool)
    raw = values.view(np.int64) if values.dtype.kind == "M" else values
    ends = (raw[there].min(), raw[there].max()) if there.any() else (None, None)
    axis = Axis.fit("x", values.dtype, *ends)
    u = axis.encode(values)
    for place in (0, 1):
        pair = (u, np.zeros(50)) if place == 0 else (np.zeros(50), u)
        other = Axis.fit("y", np.dtype(float), 0.0, 0.0)
        keys = keys_of(*pair, *((axis.cells, other.cells) if place == 0 else (other.cells, axis.cells)))
        back = positions_of(keys, rests_of(u, keys, axis, place), axis, place)
        assert back.dtype == u.dtype
        np.testing.assert_array_equal(back, np.where(there, u, np.nan))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an indexed store of several buckets, with unplaced rows."""
    rng = np.random.default_rng(5)
    table = pd.DataFrame({"x": rng.normal(size=5000), "y": rng.normal(size=5000), "price": rng.gamma(2, size=5000)})
    table["when"] = np.datetime64("2024-01-01", "us") + rng.integers(0, 10**12, 5000).astype("m8[us]")
    table["kind"], table["text"] = rng.choice(list("abc"), 5000), [f"text {row}" for row in range(5000)]
    table.loc[:9, "price"] = np.nan
    path = tmp_path_factory.mktemp("pairs") / "s.bv"
    with override(row_group=500, partition_rows=1500):
        build_points(table, str(path), x="x", y="y", key="text", quiet=True, texts=("text",), partition_rows=1500)
        index_points(str(path), "price", "when", quiet=True)
    return path


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    """Return a copy that a test may damage."""
    import shutil

    return Path(shutil.copytree(folder, tmp_path / "copy.bv"))


def problems(path: Path) -> "list[str]":
    return verify(Reader(Folder(str(path))))


def test_over(folder: Path) -> None:
    store = bv.open(folder)
    pair = store.over("price", "when")
    assert pair is store.over("price", "when")
    assert len(pair) == pair.count() == 5000
    (x0, x1), (y0, y1) = pair.bounds
    assert pair.count(View((x0, x1), (y0, y1))) == 4990 == pair.manifest.placed
    assert isinstance(y0, np.datetime64)
    grid = pair.aggregate(View((0, 3), ("2024-01-02", "2024-01-06"), 40, 30), "mean:x", "kind = 'a'")
    assert grid.shape == (30, 40)
    near = pair.nearest(1.0, np.datetime64("2024-01-05"), k=2)
    assert near["distance"].is_monotonic_increasing
    assert pair.take(keys=["text 7"])["__row"].tolist() == [7]
    assert pair.frame(View(*pair.home, 60, 50)).rgba.shape == (50, 60)
    again = pickle.loads(pickle.dumps(pair))
    np.testing.assert_array_equal(again.aggregate(View((0, 3), (y0, y1), 9, 9)), pair.aggregate(View((0, 3), (y0, y1), 9, 9)))
    np.testing.assert_array_equal(pair.reader.places(np.array([3, 0])), pair.reader.places(np.array([0, 3]))[::-1])


def test_a_column_larger_than_the_cache_is_gathered_bit_by_bit(folder: Path) -> None:
    view = View((0, 5), ("2024-01-01", "2024-01-13"), 50, 40)
    plain = bv.open(folder).over("price", "when").aggregate(view, "mean:y")
    with override(cache_bytes=20_000):
        np.testing.assert_array_equal(bv.open(folder).over("price", "when").aggregate(view, "mean:y"), plain)


def test_positions_are_not_read_from_the_store(folder: Path) -> None:
    pair = bv.open(folder).over("price", "when")
    pair.aggregate(View(*pair.bounds, 50, 40), "count")
    assert not {X, Y, "price", "when"} & set(pair.base.reader.pages.columns)


def test_without_an_index_it_says_how_one_is_made(folder: Path) -> None:
    store = bv.open(folder)
    with pytest.raises(bv.OptionError, match=r"no index over y × price\. It has price × when\. Make one with `bigview index .* --x y --y price`"):
        store.over("y", "price")
    with pytest.raises(bv.ColumnError):
        store.over("prize", "when")


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [("kind", "y", "holds category"), ("x", "y", "the order of the store itself"), ("y", "y", "two columns"), ("text", "y", "holds text")],
)
def test_what_is_no_pair(folder: Path, x: str, y: str, words: str) -> None:
    with pytest.raises(bv.OptionError, match=words):
        index_points(str(folder), x, y, quiet=True)


def test_a_matrix_has_no_index(tmp_path: Path) -> None:
    bv.build_matrix(np.ones((3, 4)), tmp_path / "m.bv", quiet=True)
    with pytest.raises(bv.OptionError, match="holds a matrix"):
        index_points(str(tmp_path / "m.bv"), "a", "b", quiet=True)


def test_an_index_is_replaced_and_others_stay(copy: Path) -> None:
    before = read_manifest(Folder(str(copy)))
    made = bv.open(copy).index("y", "price", quiet=True)
    assert made.count() == 5000
    index_points(str(copy), "price", "when", quiet=True)
    manifest = read_manifest(Folder(str(copy)))
    assert [pair.columns for pair in pairs_of(manifest)] == [("y", "price"), ("price", "when")]
    assert (manifest.generation, manifest.fingerprint, manifest.files) == (before.generation, before.fingerprint, before.files)
    assert problems(copy) == []
    reread = bv.open(copy).over("price", "when")
    assert reread.count(View(*reread.bounds)) == 4990
    assert not list(copy.glob(".build*"))


def test_a_dry_run_writes_nothing(copy: Path) -> None:
    names = sorted(copy.rglob("*"))
    told = bv.open(copy).index("y", "price", dry_run=True)
    assert told.rows == 5000
    assert sorted(copy.rglob("*")) == names


def test_an_index_that_fails_leaves_the_store_as_it_was(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = sorted(copy.rglob("*"))

    def broken(*_: object) -> None:
        raise OSError("no")

    monkeypatch.setattr("bigview.build.pairs.sort_bucket", broken)
    with pytest.raises(OSError, match="no"):
        index_points(str(copy), "y", "price", quiet=True)
    assert sorted(copy.rglob("*")) == names
    assert problems(copy) == []


def test_readers_that_know_no_indexes_read_the_store(copy: Path) -> None:
    manifest = json.loads((copy / "manifest.json").read_text())
    fixed = set(json.loads((copy / "manifest.json").read_text()))
    assert fixed == {"format", "version", *PointTable.open(str(copy)).manifest.__dataclass_fields__}
    assert not any("pair" in file["name"] for file in manifest["files"])


@pytest.mark.parametrize("pattern", ["index/*-pair-00001*", "levels/*top*"])
def test_verify_sees_damage(copy: Path, pattern: str) -> None:
    [pair] = pairs_of(read_manifest(Folder(str(copy))))
    name = one(copy, pattern.replace("*", f"{pair.generation}*", 1))
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    assert problems(copy) == [f"{name} is altered: its checksum is not the one written at the build."]


@pytest.mark.parametrize("column", ["position", "x_rest", "key"])
def test_verify_sees_an_index_that_misleads(copy: Path, column: str) -> None:
    def change(rows: pd.DataFrame) -> pd.DataFrame:
        rows.loc[[0, 1], column] = rows.loc[[1, 0], column].to_numpy() + (column == "key")
        return rows

    forge(copy, one(copy, "index/*-pair-00001*"), change)
    assert any("price × when does not lead to the rows" in text for text in problems(copy))


def test_what_a_killed_index_left_goes_with_the_next(copy: Path) -> None:
    left = copy / ".build-0123456789ab" / "part-00000.arrow", copy / "index" / "0123456789ab-pair-00000.parquet"
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"half")
    assert problems(copy) == []
    index_points(str(copy), "y", "price", quiet=True)
    assert not any(path.exists() for path in left)
    assert not left[0].parent.exists()
    assert problems(copy) == []


def test_one_writes_at_a_time(copy: Path) -> None:
    with BuildLock(Folder(str(copy))), pytest.raises(bv.StoreBusyError):
        index_points(str(copy), "y", "price", quiet=True)


def test_pictures_of_an_index(folder: Path, tmp_path: Path) -> None:
    pair = bv.open(folder).over("price", "when")
    pair.render(tmp_path / "map.png", width=300, by="kind")
    assert (tmp_path / "map.png").stat().st_size > 1000
    shown = pair.frame(View(*pair.home, 60, 50), bv.Style(by="kind"), "x > 0")
    assert sum(entry.count for entry in shown.legend) == shown.count == pair.count(View(*pair.home), "x > 0")


def test_a_build_sweeps_and_keeps_what_belongs(copy: Path) -> None:
    from bigview.build.lock import sweep

    folder = Folder(str(copy))
    manifest = read_manifest(folder)
    assert sweep(folder, manifest) == []
    index_points(str(copy), "price", "when", quiet=True)
    [old] = pairs_of(manifest)
    assert sorted(sweep(folder, read_manifest(folder))) == sorted(file.name for file in old.files)
    assert problems(copy) == []


def test_a_build_may_index_at_once(tmp_path: Path) -> None:
    table = pd.DataFrame({"x": [1.0, 2.0], "y": [3.0, 4.0], "a": [5, 6]})
    store = bv.build_points(table, tmp_path / "s.bv", x="x", y="y", indexes=[("a", "y")], quiet=True)
    assert store.over("a", "y").count(View((5, 6), (3, 3.5))) == 1
    with pytest.raises(bv.ColumnError, match="'b'"):
        bv.build_points(table, tmp_path / "t.bv", x="x", y="y", indexes=[("a", "b")], quiet=True)
    assert not (tmp_path / "t.bv").exists()


def test_bits_are_brought_over_by_the_places_as_they_stand_in_the_files(folder: Path) -> None:
    pair = bv.open(folder).over("price", "when")
    bits = pair.base.bits("kind = 'b'")
    places = pair.reader.places(np.arange(5000))
    wanted = unpack(bits, 0, 5000)[places]
    for _ in range(2):  # the second time without Parquet
        np.testing.assert_array_equal(unpack(pair.reader.brought(bits), 0, 5000), wanted)
    assert len(pair.reader._raw) > 5
    assert min(pair.reader._raw.values()) > 0
    pair.reader._raw.update(dict.fromkeys(pair.reader._raw, -1))
    np.testing.assert_array_equal(unpack(pair.reader.brought(bits), 0, 5000), wanted)
