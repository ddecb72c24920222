"""Similarities are never written, and every number of theirs is that of the matrix written out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bigview as bv
from bigview.build.similarity import build_similarity
from bigview.raster import similar
from bigview.raster.matrixgrid import extremes
from bigview.raster.matrixplanes import forget_planes
from tests.test_ordered import Index

METRICS = ["cosine", "dot", "sqeuclidean", "euclidean"]


def slow(vectors, metric):
    """The matrix written out."""
    wide = vectors.astype(np.float64)
    good = np.isfinite(wide).all(axis=1)
    if metric == "cosine":
        length = np.sqrt((wide**2).sum(axis=1))
        good &= length > 0
        wide = wide / np.where(good, length, 1)[:, None]
    if metric in ("cosine", "dot"):
        out = wide @ wide.T
    else:
        out = ((wide[:, None] - wide[None]) ** 2).sum(axis=2)
        out = out if metric == "sqeuclidean" else np.sqrt(out)
    out[~good], out[:, ~good] = np.nan, np.nan
    return out


def made(folder, vectors, metric, **options):
    path = folder / f"{metric}.bv"
    build_similarity(vectors, str(path), metric, quiet=True, **options)
    return bv.open(path)


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_grids_of_every_metric_in_every_order(tmp_path_factory, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    size, width = data.draw(st.integers(1, 300)), data.draw(st.integers(1, 9))
    vectors = (rng.normal(size=(size, width)) + data.draw(st.sampled_from([0, 3]))).astype(data.draw(st.sampled_from(["f2", "f4", "f8"])))
    if data.draw(st.booleans()):
        vectors[rng.random(size) < 0.1] = data.draw(st.sampled_from([0, np.nan, np.inf]))
    metric = data.draw(st.sampled_from(METRICS))
    store = made(tmp_path_factory.mktemp("s"), vectors, metric)
    with np.errstate(invalid="ignore"):
        whole = slow(vectors, metric)
    assert np.allclose(store.cells(), whole, atol=1e-6, equal_nan=True)
    index = [rng.permutation(size)[: data.draw(st.integers(1, size))] if data.draw(st.booleans()) else None for _ in "rc"]
    put = whole[np.ix_(*(np.arange(size) if one is None else one for one in index))]
    rows, cols = (None if one is None else Index(one) for one in index)
    (n, m), high, wide = put.shape, data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))
    old, similar._DIRECT = similar._DIRECT, data.draw(st.sampled_from([0, 1 << 18]))
    try:
        for agg in ("mean", "count", "sum", "min", "max", "std"):
            grid = store.aggregate(bv.View((0, m), (0, n), wide, high), agg, rows, cols).to_numpy()
            for p in range(high):
                for k in range(wide):
                    block = put[np.ix_(*(_shown(q, pixels, cells) for q, pixels, cells in ((p, high, n), (k, wide, m))))]
                    block = block[~np.isnan(block)]
                    expected = len(block) if agg == "count" else getattr(np, agg)(block) if len(block) else np.nan
                    assert np.isclose(grid[p, k], expected, rtol=1e-6, atol=1e-6, equal_nan=True), (agg, p, k)
    finally:
        similar._DIRECT = old


def _shown(pixel, pixels, cells):
    step = cells / pixels
    if step < 1:
        return np.array([int((pixel + 0.5) * step)])
    centres = np.arange(cells) + 0.5
    return np.flatnonzero((centres >= pixel * step - 1e-9) & (centres < (pixel + 1) * step - 1e-9))


def test_a_large_one_in_stretches(tmp_path, monkeypatch):
    """Bins longer than the stretches whose sums are kept, and shorter; edges that fall inside stretches."""
    monkeypatch.setattr(similar, "_DIRECT", 100)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(5000, 20)).astype("f2")
    store, order = made(tmp_path, vectors, "cosine"), Index(rng.permutation(5000))
    whole = slow(vectors, "cosine")[np.ix_(order.index, order.index)]
    grid = store.aggregate(bv.View((0, 5000), (0, 5000), 10, 20), "mean", order, order)
    assert np.allclose(grid, whole.reshape(20, 250, 10, 500).mean((1, 3)), atol=1e-9)
    part = store.aggregate(bv.View((37, 737), (1001, 4001), 7, 30), "mean", order, order)
    assert np.allclose(part, whole[1001:4001, 37:737].reshape(30, 100, 7, 100).mean((1, 3)), atol=1e-9)
    low, high = extremes(store, bv.View((0, 5000), (0, 5000), 10, 20), (3, 4), order, order)
    block = whole[750:1000, 2000:2500]
    assert np.allclose([low.value, high.value], [block.min(), block.max()])


def test_what_cannot_be_known_of_a_large_view_is_said(tmp_path, monkeypatch):
    forget_planes()
    monkeypatch.setattr(similar, "CELLS", 1000)
    vectors = np.random.default_rng(0).normal(size=(100, 3))
    view = bv.View((0, 100), (0, 100), 10, 10)
    with pytest.raises(bv.TooLargeError, match="sqeuclidean"):
        made(tmp_path, vectors, "euclidean").aggregate(view)
    with pytest.raises(bv.TooLargeError, match="Zoom in"):
        made(tmp_path, vectors, "cosine").aggregate(view, "max")
    assert made(tmp_path, vectors, "euclidean").aggregate(bv.View((0, 100), (0, 100), 100, 100)).shape == (100, 100)  # a cell each


def test_vectors_stay_where_they_are(tmp_path):
    vectors = np.random.default_rng(0).normal(size=(50, 4)).astype("f4")
    np.save(tmp_path / "v.npy", vectors)
    url, manifest = build_similarity(tmp_path / "v.npy", metric="dot", quiet=True, rows=[f"w{n}" for n in range(50)])
    assert url == str(tmp_path / "v-dot.bv")
    assert sum(file.bytes for file in manifest.files) < 5000
    store = bv.open(url)
    assert store.rows.names[3] == store.cols.names[3] == "w3"
    assert (store.manifest.layout, store.shape, store.manifest.options["metric"]) == ("similarity", (50, 50), "dot")
    np.save(tmp_path / "v.npy", vectors[:40])
    with pytest.raises(bv.InputError, match="again"):
        bv.open(url).cells(0, 0)
    (tmp_path / "v.npy").unlink()
    with pytest.raises(bv.StoreMissingError, match="no longer at"):
        bv.open(url).cells(0, 0)


def test_of_a_point_store_in_the_order_of_its_source(tmp_path):
    import pandas as pd

    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(300, 8)).astype("f4")
    np.save(tmp_path / "v.npy", vectors)
    words = pd.DataFrame({"word": ["same"] * 2 + [f"w{n}" for n in range(298)], "lang": rng.choice(["de", "en"], 300), "zipf": rng.normal(size=300)})
    bv.build_points(words, tmp_path / "p.bv", vectors=str(tmp_path / "v.npy"), project="pca", quiet=True)
    store = bv.similarity(bv.open(tmp_path / "p.bv"), quiet=True)
    assert store.folder.url == str(tmp_path / "p-cosine.bv")
    assert np.allclose(store.cells(5, 9), slow(vectors, "cosine")[5, 9])
    assert np.allclose(store.rows.column("zipf"), words["zipf"])
    assert store.rows.column("lang").tolist() == words["lang"].tolist()
    assert len(set(store.rows.names)) == 300
    sorted_ = bv.similarity(bv.open(tmp_path / "p.bv"), tmp_path / "by.bv", by="lang", quiet=True)
    place = np.argsort(words["lang"].to_numpy(), kind="stable")
    assert np.allclose(sorted_.cells(), slow(vectors, "cosine")[np.ix_(place, place)])
    assert sorted_.rows.column("lang").tolist() == sorted(words["lang"])
    assert sorted_.rows.names.tolist() == store.rows.names[place].tolist()
    assert np.allclose(sorted_.aggregate(bv.View((0, 300), (0, 300), 3, 3)), sorted_.cells().reshape(3, 100, 3, 100).mean((1, 3)))
    with pytest.raises(bv.ColumnError, match="zipf"):
        bv.similarity(bv.open(tmp_path / "p.bv"), tmp_path / "c.bv", by="zip", quiet=True)
    bv.build_points(words.assign(x=0.0, y=range(300)), tmp_path / "q.bv", x="x", y="y", quiet=True)
    with pytest.raises(bv.InputError, match="not made from vectors"):
        build_similarity(str(tmp_path / "q.bv"), quiet=True)


def test_a_cosine_is_never_beyond_one(tmp_path):
    vectors = np.repeat(np.random.default_rng(0).normal(size=(1, 256)), 50, axis=0)
    store = made(tmp_path, vectors, "cosine")
    assert 1 - 1e-12 < store.cells().max() <= 1.0
    assert float(store.aggregate(bv.View((0, 50), (0, 50), 50, 50)).max()) <= 1.0
    assert float(store.aggregate(bv.View((0, 50), (0, 50), 5, 5)).max()) <= 1.0


def test_bad_input(tmp_path):
    with pytest.raises(bv.OptionError, match="cosine"):
        build_similarity(np.ones((3, 2)), str(tmp_path / "s.bv"), "cosin")
    with pytest.raises(bv.OptionError, match="say where"):
        build_similarity(np.ones((3, 2)))
    for wrong in (np.ones(3), np.ones((3, 0)), np.array([["a"]]), np.ones((2, 2), complex)):
        with pytest.raises(bv.InputError):
            build_similarity(wrong, str(tmp_path / "s.bv"))
    with pytest.raises(bv.StoreMissingError):
        build_similarity(tmp_path / "none.npy", quiet=True)
    empty = made(tmp_path, np.zeros((4, 2)), "cosine")
    assert empty.manifest.facts["missing"] == 16
    assert np.isnan(empty.aggregate(bv.View((0, 4), (0, 4), 2, 2))).all()
