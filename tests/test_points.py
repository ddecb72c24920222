"""The table of points: records by place, condition, number and key; errors; threads; other file systems."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import numpy as np
import pandas as pd
import pytest
from fsspec.registry import known_implementations

from bigview import config
from bigview.build.points import build_points
from bigview.errors import (
    BigviewError,
    ColumnError,
    InputError,
    OptionError,
    PackageMissingError,
    StoreDamagedError,
    StoreMissingError,
    StoreVersionError,
    TooLargeError,
    ViewError,
)
from bigview.raster.aggregate import aggregate
from bigview.spec import Filter, View, by, dominant
from bigview.store import sample
from bigview.store.pages import cached_bytes
from bigview.store.points import PointTable

ROWS = 20_000
EVERYTHING = View((-10, 10), (-10, 10), 40, 30)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    return pd.DataFrame(
        {
            "x": rng.normal(size=ROWS).astype(np.float32),
            "y": rng.normal(size=ROWS),
            "lang": rng.choice(["de", "en", "fr"], ROWS, p=[0.6, 0.3, 0.1]),
            "zipf": rng.random(ROWS).astype(np.float32),
            "when": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 10**6, ROWS), unit="s"),
            "word": [f"word {number}" for number in range(ROWS)],
            "id": [f"k{number * 7 % ROWS}" for number in range(ROWS)],
        }
    )


@pytest.fixture(scope="module")
def store(table: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> PointTable:
    path = tmp_path_factory.mktemp("points") / "s.bv"
    with config.override(partition_rows=6_000):
        build_points(table, str(path), x="x", y="y", key="id", quiet=True)
    return PointTable.open(str(path))


def test_take_gives_records_in_the_order_asked(store: PointTable, table: pd.DataFrame) -> None:
    rows = [17, 3, 19_999, 3]
    found = store.take(rows)
    assert found["__row"].tolist() == rows
    assert found["word"].tolist() == table["word"].iloc[rows].tolist()
    keys = ["k8", "k0", "k19999"]
    assert store.take(keys=keys)["id"].tolist() == keys
    assert store.take([], columns=["word"]).columns.tolist() == ["__row", "word"]


def test_what_is_not_there(store: PointTable) -> None:
    with pytest.raises(InputError, match="no row 20000"):
        store.take([ROWS])
    with pytest.raises(InputError, match="'nobody'"):
        store.take(keys=["nobody"])
    with pytest.raises(InputError, match="do not fit"):
        store.take(keys=[object()])
    with pytest.raises(ColumnError, match="Did you mean 'zipf'"):
        store.rows(columns=["zpif"])
    with pytest.raises(OptionError, match="category_counts"):
        store.histogram("lang")
    with pytest.raises(OptionError, match="category or boolean"):
        store.category_counts("zipf")
    with pytest.raises(OptionError, match="category or boolean"):
        aggregate(store, EVERYTHING, by("zipf"))
    with pytest.raises(OptionError, match="Did you mean"):
        aggregate(store, EVERYTHING, "cuont")
    with pytest.raises(ViewError, match=r"datetimes|numbers"):
        store.count(View((np.datetime64("2020"), np.datetime64("2021")), (0, 1)))
    with pytest.raises(OptionError):
        store.count(where=3)  # type: ignore[arg-type]


def test_pages_of_rows(store: PointTable, table: pd.DataFrame) -> None:
    ordered = table.sort_values("zipf", ascending=False, kind="stable")
    found = store.rows(order_by="-zipf", offset=50, limit=5)
    assert found["zipf"].tolist() == ordered["zipf"].iloc[50:55].tolist()
    assert store.rows(order_by="word", limit=3)["word"].tolist() == sorted(table["word"])[:3]
    pages = [store.rows(where="lang = 'fr'", offset=offset, limit=500)["__row"] for offset in range(0, 3000, 500)]
    assert sorted(pd.concat(pages)) == np.flatnonzero(table["lang"] == "fr").tolist()


def test_samples_are_without_regard_to_place_and_repeat(store: PointTable, table: pd.DataFrame) -> None:
    first, again = store.rows(sample=True, limit=4_000), store.rows(sample=True, limit=4_000)
    pd.testing.assert_frame_equal(first, again)
    assert first["__row"].is_unique
    assert abs(first["x"].mean() - table["x"].mean()) < 0.05
    some = store.rows(sample=True, where="lang = 'fr'", limit=100)
    assert len(some) == 100
    assert set(some["lang"]) == {"fr"}


def splitmix(row: int) -> int:
    """Return the hash of a row's number, in whole numbers of any size: the obvious version."""
    z = (row + 0x9E3779B97F4A7C15) % 2**64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)


@pytest.mark.parametrize("where", [None, "lang = 'fr'", "lang = 'fr' AND x > 1", "x > 1e9"])
@pytest.mark.parametrize("limit", [1, 30, 5_000, 10**6])
def test_samples_are_the_rows_with_the_smallest_hashes(store: PointTable, where: str | None, limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = store.rows(where=where, limit=ROWS, columns=[])["__row"].tolist()
    wanted = sorted(ids, key=splitmix)[:limit]
    assert store.rows(where=where, sample=True, limit=limit, columns=[])["__row"].tolist() == wanted
    assert store.rows(where=where, sample=True, offset=7, limit=limit, columns=[])["__row"].tolist() == sorted(ids, key=splitmix)[7 : 7 + limit]
    # The same where the selection's own rows are read, and where the first guess is too small.
    monkeypatch.setattr(sample, "_LARGEST", 1)
    monkeypatch.setattr(sample, "_SMALLEST", 4)
    assert store.rows(where=where, sample=True, limit=limit, columns=[])["__row"].tolist() == wanted
    monkeypatch.setattr(sample, "_order", lambda reader, size: sample.Order(np.empty(0, np.int64), False))
    assert store.rows(where=where, sample=True, limit=limit, columns=[])["__row"].tolist() == wanted


def test_a_row_of_the_sample_stays_when_a_filter_narrows(store: PointTable) -> None:
    whole = store.rows(sample=True, limit=2_000)
    view = View((-0.5, 1.5), (-1, 1))
    for where, inside in (("lang = 'fr'", whole["lang"] == "fr"), ("x > 0", whole["x"] > 0)):
        part = store.rows(view, where, sample=True, limit=2_000)["__row"]
        kept = whole[inside & (whole["x"] >= -0.5) & (whole["x"] < 1.5) & (whole["y"] >= -1) & (whole["y"] < 1)]
        assert set(kept["__row"]) <= set(part)
        assert len(kept) > 20


def test_histograms_of_datetimes(store: PointTable, table: pd.DataFrame) -> None:
    histogram = store.histogram("when", 7)
    assert histogram.edges.dtype.kind == "M"
    assert histogram.counts.sum() == ROWS
    expected = np.histogram(table["when"].astype("int64"), histogram.edges.astype(table["when"].dtype).astype("int64"))[0]
    assert np.abs(histogram.counts - expected).max() <= 1


def test_results_over_the_limit_are_refused_with_what_fits(store: PointTable) -> None:
    with config.override(result_bytes=10_000):
        with pytest.raises(TooLargeError, match="would fit"):
            store.rows(limit=10_000)
        with pytest.raises(TooLargeError, match=r"top=\d+"):
            aggregate(store, EVERYTHING, by("lang"))
    with pytest.raises(TooLargeError, match="pixels"):
        View((0, 1), (0, 1), 100_000, 100_000)


def test_a_small_budget_gives_the_same_answers(store: PointTable) -> None:
    fresh = pickle.loads(pickle.dumps(store))  # our own bytes
    expected = aggregate(store, EVERYTHING, dominant("lang"))
    with config.override(cache_bytes=1, exact_rows=0):
        for _ in range(2):
            np.testing.assert_array_equal(aggregate(fresh, EVERYTHING, "count").sum(), ROWS)
            assert fresh.count(where="zipf > 0.5") == store.count(where="zipf > 0.5")
    assert int(expected[:, :, 2].sum()) == ROWS
    assert cached_bytes() >= 0


def test_many_threads_get_the_same_answers(store: PointTable) -> None:
    rng = np.random.default_rng(0)
    views = [View((x, x + 1), (y, y + 1), 30, 20) for x, y in rng.normal(size=(60, 2))]

    def ask(view: View) -> tuple[int, int, int]:
        grid = aggregate(store, view, dominant("lang"), "zipf > 0.25")
        return int(grid[:, :, 2].sum()), store.count(view, "zipf > 0.25"), len(store.rows(view, limit=10))

    alone = [ask(view) for view in views]
    with config.override(cache_bytes=300_000), ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, views * 3)) == alone * 3


def test_context_manager_and_pickle(store: PointTable) -> None:
    with pickle.loads(pickle.dumps(store)) as other:  # our own bytes
        assert other.count() == ROWS
        assert other.columns == store.columns
        assert other.bounds == store.bounds


def test_other_file_systems(table: pd.DataFrame) -> None:
    build_points(table, "memory://points/s.bv", x="when", y="y", quiet=True)
    store = PointTable.open("memory://points/s.bv")
    view = View(("2024-01-02", "2024-01-05T12:00"), (-1, 1), 50, 40)
    inside = table["when"].between("2024-01-02", "2024-01-05T12:00", inclusive="left") & table["y"].between(-1, 1, inclusive="left")
    grid = aggregate(store, view)
    assert int(grid.sum()) == store.count(view) == inside.sum()
    assert grid["x"].dtype.kind == "M"
    assert isinstance(grid.attrs["bounds"][0], np.datetime64)
    fsspec.filesystem("memory").rm("/points", recursive=True)


def test_addresses_of_which_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StoreMissingError, match=r"nowhere://a\.bv cannot be used: Protocol not known"):
        PointTable.open("nowhere://a.bv")
    monkeypatch.setitem(known_implementations, "far", {"class": "no_such_package.Far", "err": "Please install no_such_package"})
    with pytest.raises(PackageMissingError, match=r"far://a\.bv cannot be read yet: Please install no_such_package"):
        PointTable.open("far://a.bv")


def test_what_is_no_store(store: PointTable, tmp_path: Path) -> None:
    with pytest.raises(StoreMissingError, match="There is no store"):
        PointTable.open(str(tmp_path / "none"))
    with pytest.raises(StoreMissingError, match="not a bigview store"):
        PointTable.open(str(tmp_path))
    text = store.manifest.dumps()
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(StoreDamagedError):
        PointTable.open(str(tmp_path))
    (tmp_path / "manifest.json").write_text(text.replace('"version": 1', '"version": 99'))
    with pytest.raises(StoreVersionError, match="newer"):
        PointTable.open(str(tmp_path))
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(BigviewError, match="missing"):
        PointTable.open(str(tmp_path)).rows()


def test_filters_combine(store: PointTable, table: pd.DataFrame) -> None:
    both = Filter("zipf > 0.5") & Filter(["lang = 'de'"], rows=range(1000))
    expected = ((table["zipf"] > 0.5) & (table["lang"] == "de"))[:1000].sum()
    assert store.count(where=both) == expected
    assert store.count(where=Filter()) == ROWS
    assert store.count(where=Filter(rows=[])) == 0
    with pytest.raises(OptionError, match="three corners"):
        Filter(polygon=[(0, 0), (1, 1)])
    with pytest.raises(OptionError, match="split"):
        Filter(split=(3, 3))
