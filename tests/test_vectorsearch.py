"""The nearest vectors, beside a plain sort of all distances."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigview.build.points import build_points
from bigview.config import override
from bigview.errors import InputError, OptionError
from bigview.store import vectorplaces
from bigview.store.points import PointTable
from bigview.store.vectorsearch import searchable, similar_rows
from bigview.stores import open as open_store

ROWS = 700


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("vectors"), np.random.default_rng(0)
    vectors = rng.normal(size=(ROWS, 8)).astype(np.float32)
    vectors[rng.integers(0, ROWS, 60)] = vectors[3]  # equal distances
    vectors[20], vectors[21] = 0, np.nan
    np.save(folder / "vectors.npy", vectors)
    table = pd.DataFrame({"number": np.arange(ROWS), "score": rng.random(ROWS)})
    build_points(table, str(folder / "a.bv"), vectors=str(folder / "vectors.npy"), project="pca", quiet=True)
    return open_store(str(folder / "a.bv"))


@given(st.integers(0, ROWS - 1), st.integers(1, 2 * ROWS), st.sampled_from([None, "score > 0.99", "score < 0.3", "number < 0"]), st.integers(1, 900))
def test_the_nearest_of_all(store, row, k, where, block):
    vectors = np.load(store.manifest.vectors["path"]).astype(np.float64)
    cosine = store.manifest.report["projection"]["metric"] == "cosine"
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(vectors, axis=1)
        truth = 1 - vectors @ vectors[row] / lengths / lengths[row] if cosine else np.linalg.norm(vectors - vectors[row], axis=1)
    vectorplaces._BLOCK = block
    try:
        if not np.isfinite(truth[row]):
            with pytest.raises(InputError, match="nothing is near"):
                similar_rows(store.reader, row, k)
            return
        found, distances = similar_rows(store.reader, row, k, store.bits(where))
    finally:
        vectorplaces._BLOCK = 16_384
    passing = np.isin(np.arange(ROWS), store.rows(where=where, limit=ROWS)["__row"]) & np.isfinite(truth)
    assert len(found) == min(k, passing.sum())
    assert passing[found].all()
    np.testing.assert_allclose(distances, truth[found], atol=1e-5)
    np.testing.assert_allclose(distances, np.sort(truth[passing])[: len(found)], atol=1e-5)


def _lists(rng):
    """Return lists as a source may have them: some missing, short, long or with gaps."""
    lists = list(rng.normal(size=(ROWS, 8)).astype(np.float32))
    for row in rng.choice(np.arange(50, ROWS), 60, replace=False):
        lists[row] = [None, lists[row][:3], np.append(lists[row], 1), [], [*lists[row][:7], None], np.zeros(8)][row % 6]
    return lists


@dataclass(repr=False)
class Listed:
    """A store, its vectors, and their column; Hypothesis would print them all."""

    store: PointTable
    lists: list
    column: str


@pytest.fixture(scope="module", params=["store", "files"])
def listed(request, tmp_path_factory):
    """Return a store with vectors in a column of it, or of the files that it was made from; and the vectors."""
    folder, rng = tmp_path_factory.mktemp(request.param), np.random.default_rng(1)
    lists = _lists(rng) if request.param == "store" else list(rng.normal(size=(ROWS, 8)).astype(np.float32))
    table = pd.DataFrame({"number": np.arange(ROWS), "score": rng.random(ROWS), "x": rng.random(ROWS), "y": rng.random(ROWS)})
    table["embedding"] = [None if one is None else [None if value is None else float(value) for value in one] for one in lists]
    for part, (low, high) in enumerate([(0, 300), (300, ROWS)]):
        table[low:high].to_parquet(folder / f"part{part}.parquet", row_group_size=128)
    names = {"x": "x", "y": "y"} if request.param == "store" else {"vectors": "embedding", "project": "pca"}
    files = str(folder / "*.parquet")
    if request.param == "files":
        for path in folder.glob("*.parquet"):
            pd.read_parquet(path).drop(columns=["x", "y"]).to_parquet(path, row_group_size=128)
    build_points(files, str(folder / "a.bv"), quiet=True, **names)
    return Listed(open_store(str(folder / "a.bv")), lists, "embedding" if request.param == "store" else "")


@given(row=st.integers(0, ROWS - 1), k=st.integers(1, ROWS), where=st.sampled_from([None, "score < 0.3"]), groups=st.integers(1, 3))
def test_the_nearest_in_a_column(listed, row, k, where, groups):
    store, lists, column = listed.store, listed.lists, listed.column
    assert searchable(store.manifest) == (column,)
    fit = [one is not None and len(one) == len(lists[row] if lists[row] is not None else ()) for one in lists]
    width = 0 if lists[row] is None else len(lists[row])
    vectors = np.array([np.array(one, np.float64) if fits else np.full(width, np.nan) for one, fits in zip(lists, fit, strict=True)])
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(vectors, axis=1)
        near = 1 - vectors @ vectors[row] / lengths / lengths[row]
    truth = near if column else np.linalg.norm(vectors - vectors[row], axis=1)  # as the map was made: by PCA
    vectorplaces._GROUPS = groups
    try:
        if not width or not np.isfinite(truth[row]):
            with pytest.raises(InputError, match="nothing is near"):
                similar_rows(store.reader, row, k, column=column)
            return
        found, distances = similar_rows(store.reader, row, k, store.bits(where), column)
    finally:
        vectorplaces._GROUPS = 16
    passing = np.isin(np.arange(ROWS), store.rows(where=where, limit=ROWS)["__row"]) & np.isfinite(truth)
    assert len(found) == min(k, passing.sum())
    assert passing[found].all()
    np.testing.assert_allclose(distances, truth[found], atol=1e-5)
    np.testing.assert_allclose(distances, np.sort(truth[passing])[: len(found)], atol=1e-5)


def test_vectors_that_cannot_be_searched(store, listed):
    with override(vector_bytes=100):
        assert searchable(store.manifest) == ()
        with pytest.raises(InputError, match="too many"):
            similar_rows(store.reader, 0, 5)
    for row in (-1, ROWS):
        with pytest.raises(InputError, match="no row"):
            similar_rows(store.reader, row, 5)
    with pytest.raises(OptionError, match="no column of vectors"):
        similar_rows(store.reader, 0, 5, column="score")
    other = listed.store
    if not listed.column:
        path = Path(other.manifest.sources[0].path)
        whole = path.read_bytes()
        path.write_bytes(whole + b" ")
        assert searchable(other.manifest) == ()
        path.unlink()
        assert searchable(other.manifest) == ()
        path.write_bytes(whole)
