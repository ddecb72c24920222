"""The colours of an overview come from the means of blocks as they are, not from single cells."""

import numpy as np
import pytest
from scipy import sparse

import bigview as bv
from bigview.build import blockmeans
from bigview.build.blockmeans import similar_means, sparse_means
from bigview.raster.heat import heat_frame, spread_of
from tests.test_similarity import made, slow

RANKS = np.linspace(0, 1, 257)


def grouped(shape=(3000, 2000), groups=6):
    """Rows in groups, each of which uses some of the columns more than others: one entry in a hundred is stored."""
    rng = np.random.default_rng(0)
    rate = rng.gamma(0.3, 1, (groups, 40))[np.arange(shape[0]) * groups // shape[0]][:, np.arange(shape[1]) * 40 // shape[1]]
    return sparse.csr_array((rng.random(shape) < 0.01 * rate / rate.mean()) * rng.integers(1, 9, shape).astype("f4"))


def test_means_of_blocks_of_a_sparse_matrix(monkeypatch):
    monkeypatch.setattr(blockmeans, "_PIXELS", 64)
    matrix = grouped((640, 320))
    matrix.data[::50] = np.nan
    found = sparse_means((matrix.indptr.astype(np.int64), matrix.indices, matrix.data, 0), matrix.shape)
    assert [entry["cells"] for entry in found] == [200, 50, 10, 2]
    dense = matrix.toarray()
    for entry, (tall, wide) in zip(found[:2], ((20, 10), (10, 5)), strict=True):
        means = np.nanmean(dense.reshape(640 // tall, tall, 320 // wide, wide), axis=(1, 3)).ravel()
        some = means[means != 0]
        kept = np.append(some, np.zeros(min(len(some), len(means) - len(some))))
        assert np.allclose(entry["quantiles"], np.quantile(kept, RANKS))


@pytest.mark.parametrize("metric", ["cosine", "dot", "sqeuclidean"])
def test_means_of_blocks_of_a_similarity(tmp_path, monkeypatch, metric):
    monkeypatch.setattr(blockmeans, "_PIXELS", 64)
    vectors = np.random.default_rng(0).normal(1, 1, size=(320, 5))
    [first, *_] = similar_means(made(tmp_path, vectors, metric).similar)
    assert first["cells"] == 100
    assert np.allclose(first["quantiles"], np.quantile(slow(vectors, metric).reshape(32, 10, 32, 10).mean((1, 3)), RANKS))


def test_the_overview_of_a_sparse_matrix_has_colours(tmp_path):
    store = bv.build_matrix(grouped(), tmp_path / "s.bv", quiet=True)
    frame = heat_frame(store, bv.View((0, 2000), (0, 3000), 100, 75))
    assert len(np.unique(frame.drawing.tones.tone)) > 50
    assert tuple(spread_of(store).quantiles[::256]) == (0.0, 8.0)
    wide, near = (np.ptp(spread_of(store, cells).quantiles) for cells in (1e9, 3.0))
    assert wide < near < 8
    assert spread_of(store, 1e9, "max") == spread_of(store)
