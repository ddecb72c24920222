"""The nearest vectors, beside a plain sort of all distances."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bigview.store.vectorsearch as vectorsearch
from bigview.build.points import build_points
from bigview.config import override
from bigview.errors import InputError
from bigview.store.vectorsearch import similar_rows, vector_file
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
    vectors = np.load(vector_file(store.manifest)).astype(np.float64)
    cosine = store.manifest.report["projection"]["metric"] == "cosine"
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(vectors, axis=1)
        truth = 1 - vectors @ vectors[row] / lengths / lengths[row] if cosine else np.linalg.norm(vectors - vectors[row], axis=1)
    vectorsearch._BLOCK = block
    try:
        if not np.isfinite(truth[row]):
            with pytest.raises(InputError, match="nothing is near"):
                similar_rows(store.reader, row, k)
            return
        found, distances = similar_rows(store.reader, row, k, store.bits(where))
    finally:
        vectorsearch._BLOCK = 16_384
    passing = np.isin(np.arange(ROWS), store.rows(where=where, limit=ROWS)["__row"]) & np.isfinite(truth)
    assert len(found) == min(k, passing.sum())
    assert passing[found].all()
    np.testing.assert_allclose(distances, truth[found], atol=1e-5)
    np.testing.assert_allclose(distances, np.sort(truth[passing])[: len(found)], atol=1e-5)


def test_vectors_that_cannot_be_searched(store):
    with override(vector_bytes=100):
        assert vector_file(store.manifest) is None
        with pytest.raises(InputError, match="too many"):
            similar_rows(store.reader, 0, 5)
    with pytest.raises(InputError, match="not those"):
        similar_rows(store.reader, ROWS, 5)
