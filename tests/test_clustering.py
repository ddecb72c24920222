"""Clustering of many rows: k-means, features made fewer, two stages, groups, equal rows, gaps."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from scipy.cluster.hierarchy import linkage as scipy_linkage
from scipy.spatial.distance import cdist, pdist

import bigview as bv
from bigview.build.clustering import ClusterOptions, cluster
from bigview.build.kmeans import kmeans, nearest
from bigview.build.leaves import Leaves, leaves_of, leaves_of_array, survey
from bigview.build.progress import Silent
from bigview.build.reduce import reduced
from bigview.config import override
from bigview.errors import OptionError
from bigview.store import pool
from bigview.store.tree import Tree


def whole(tree: Tree, leaves: int) -> bool:
    """Tell whether every leaf is there once, merges join neighbours, and none is lower than its children."""
    starts, sizes = tree.spans
    first, second = tree.children.T
    neighbours = (starts[first] + sizes[first] == starts[second]).all()
    high = np.concatenate([np.zeros(leaves), tree.heights])
    return bool(
        sorted(tree.index.tolist()) == list(range(leaves)) and neighbours and (high[tree.children].max(axis=1, initial=0) <= tree.heights).all()
    )


def of_array(values: np.ndarray, groups: "np.ndarray | None" = None, **options: object) -> Tree:
    return cluster(leaves_of_array(values), ClusterOptions.of(options), groups)


def blobs(rows: int, width: int, count: int, seed: int = 0, gaps: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return rows in well parted groups, and each one's group."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, count, rows)
    values = (rng.normal(size=(count, width)) * 8)[label] + rng.normal(size=(rows, width))
    values[rng.random(values.shape) < gaps] = np.nan
    return values.astype(np.float32), label


def same_groups(one: np.ndarray, other: np.ndarray) -> bool:
    pairs = {*zip(one.tolist(), other.tolist(), strict=True)}
    return len(pairs) == len(set(one.tolist())) == len(set(other.tolist()))


@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(1, 20), st.sampled_from([0, 0.3]))
def test_each_row_goes_to_its_nearest_middle(seed, rows, count, gaps):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(rows, 4)).astype(np.float32)
    values[rng.random(values.shape) < gaps] = np.nan
    middles = rng.normal(size=(count, 4)).astype(np.float32)
    codes, far = nearest(values, middles)
    slow = np.nansum((values[:, None].astype(float) - middles) ** 2, axis=2)
    np.testing.assert_allclose(far, slow.min(axis=1), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(slow[np.arange(rows), codes], slow.min(axis=1), rtol=1e-4, atol=1e-4)


def test_k_means_finds_what_is_parted():
    values, label = blobs(5_000, 6, 12)
    weights = np.random.default_rng(1).integers(1, 4, len(values)).astype(float)
    codes, middles = kmeans(values, weights, 12, seed=0)
    assert len(middles) == 12
    again, _ = kmeans(values, weights, 12, seed=0)
    assert (codes == again).all()
    for code in range(12):
        mine = codes == code
        np.testing.assert_allclose(middles[code], np.average(values[mine], axis=0, weights=weights[mine]), rtol=1e-3, atol=1e-4)
    spread = ((values - middles[codes]) ** 2).sum()
    truth = np.array([values[label == number].mean(axis=0) for number in range(12)])
    assert spread < 2 * ((values - truth[label]) ** 2).sum()


def test_fewer_cells_than_asked_where_rows_are_few():
    codes, middles = kmeans(np.array([[0.0], [0.0], [5.0]], np.float32), np.ones(3), 3, seed=0)
    assert sorted(middles[codes].ravel().tolist()) == [0, 0, 5]


@pytest.mark.parametrize("gaps", [0, 0.1])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_two_stages_find_the_groups(gaps, metric):
    values, label = blobs(3_000, 20, 15, gaps=gaps)
    with override(exact_leaves=200, middles=64):
        tree = of_array(values, metric=metric)
        again = of_array(values, metric=metric)
    assert whole(tree, len(values))
    assert same_groups(tree.clusters(tree.height_for(15)), label[tree.index])
    assert (tree.index == again.index).all()
    assert (tree.heights == again.heights).all()


def test_two_stages_come_near_the_exact_tree():
    values, _ = blobs(900, 5, 6)
    exact = of_array(values)
    with override(exact_leaves=100, middles=128):
        staged = of_array(values)
    np.testing.assert_allclose(staged.heights[-20:], exact.heights[-20:], rtol=0.15)

    def walk(tree: Tree) -> float:
        return float(np.sqrt((np.diff(values[tree.index], axis=0) ** 2).sum(axis=1)).sum())

    assert walk(staged) < 1.25 * walk(exact)


@pytest.mark.parametrize("method", ["ward", "average", "complete", "single"])
def test_parts_of_parts(method):
    # Few cells for many rows: each is parted again.
    rng = np.random.default_rng(0)
    values = rng.normal(size=(4_000, 3)).astype(np.float32)
    with override(exact_leaves=100, middles=3):
        assert whole(of_array(values, method=method), 4_000)


def test_rows_that_differ_by_less_than_rounding():
    values = np.full((3_000, 2), 1.0)
    values[:, 0] += np.arange(3_000) * 1e-13
    with override(exact_leaves=100, middles=16):
        assert whole(of_array(values), 3_000)


@pytest.mark.parametrize("rows", [100_000, 1])
def test_equal_rows_are_one(rows):
    tree = of_array(np.ones((rows, 50), np.float32))
    assert whole(tree, rows)
    assert tree.index.tolist() == list(range(rows))
    assert tree.count(0) == 1


def test_binary_rows_many_of_them_equal():
    rng = np.random.default_rng(0)
    values = rng.random((6_597, 686)) < 0.02
    values[:6_000] = values[rng.integers(0, 40, 6_000)]
    tree = of_array(values)
    assert whole(tree, len(values))
    assert tree.count(0) == len(np.unique(values, axis=0))


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "correlation"])
def test_metrics_are_scipys(metric):
    values = np.random.default_rng(0).normal(size=(80, 9)) + 100.0
    tree = of_array(values, metric=metric, method="average")
    np.testing.assert_allclose(tree.heights, scipy_linkage(pdist(values, metric), "average")[:, 2], rtol=1e-3)
    standard = of_array(values, standard=True, method="average")
    np.testing.assert_allclose(standard.heights, scipy_linkage(pdist(values / values.std(axis=0)), "average")[:, 2], rtol=1e-4)


def test_large_and_small_numbers():
    values = np.random.default_rng(0).normal(size=(40, 3))
    heights = of_array(values).heights
    for factor in (1e-30, 1e30):
        np.testing.assert_allclose(of_array(values * factor).heights, heights * factor, rtol=1e-5)


def test_rows_without_any_value_come_together():
    values, _ = blobs(60, 8, 3)
    values[[3, 30, 50]] = np.nan
    values[7, 2] = np.inf
    tree = of_array(values)
    assert whole(tree, 60)
    places = np.flatnonzero(np.isin(tree.index, [3, 30, 50]))
    assert places[2] - places[0] == 2


def test_groups_stand_side_by_side():
    values, label = blobs(400, 6, 5)
    kind = np.array(["b", "a", None, "c"], object)[label % 4]
    tree = of_array(values, kind)
    assert whole(tree, 400)
    assert tree.groups == 4
    assert [kind[tree.index[np.flatnonzero(tree.clusters(tree.top) == number)[0]]] for number in range(4)] == ["a", "b", "c", None]
    for number, name in enumerate(["a", "b", "c"]):
        inner = of_array(values[kind == name])
        mine = tree.clusters(tree.top) == number
        assert (tree.index[mine] == np.flatnonzero(kind == name)[inner.index]).all()
    with pytest.raises(OptionError, match="3 values to group 400"):
        of_array(values, np.arange(3))


@pytest.mark.parametrize("width", [200, 3_000])
def test_fewer_features_keep_distances(width):
    values, label = blobs(600, width, 10)
    leaves = leaves_of_array(values)
    found = reduced(leaves, survey(leaves, "euclidean", standard=False), 0, Silent())
    assert found.shape == (600, 64)
    scale = survey(leaves, "euclidean", standard=False).scale
    ours, theirs = pdist(found) * scale, pdist(values)
    apart = pdist(label[:, None]) > 0
    np.testing.assert_allclose(ours[apart], theirs[apart], rtol=0.15)
    with override(exact_leaves=100, middles=32):
        tree = of_array(values)
    assert same_groups(tree.clusters(tree.height_for(10)), label[tree.index])


def test_equal_wide_rows_stay_equal():
    values = np.repeat(np.random.default_rng(0).normal(size=(200, 2_500)), 20, axis=0)
    with override(exact_leaves=50, middles=16):
        tree = of_array(values)
    assert tree.count(0) == 200


def test_rows_and_columns_of_a_store(tmp_path: Path):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(30, 1_200))
    store = bv.build_matrix(values, tmp_path / "m.bv")
    for side, array in (("rows", values), ("cols", values.T)):
        mine, theirs = cluster(leaves_of(store, side), ClusterOptions()), of_array(array)
        assert (mine.index == theirs.index).all()
        assert (mine.heights == theirs.heights).all()


def test_missing_whole_numbers(tmp_path: Path):
    values = np.random.default_rng(0).integers(0, 9, (40, 6)).astype(float)
    values[::3, 2] = np.nan
    leaves = leaves_of_array(np.where(np.isnan(values), -1, values).astype(np.int16))
    given = Leaves(leaves.count, leaves.width, leaves.read, missing=-1)
    assert (cluster(given, ClusterOptions()).heights == of_array(values).heights).all()


def test_categories_are_compared_cell_by_cell(tmp_path: Path):
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, (50, 12))
    store = bv.build_matrix(np.array(list("abcd"), object)[codes], tmp_path / "m.bv", categories=True)
    assert store.kind == "category"
    tree = cluster(leaves_of(store, "rows"), ClusterOptions(method="single"))
    theirs = scipy_linkage(np.sqrt(cdist(codes, codes, "hamming")[np.triu_indices(50, 1)] * 12), "single")
    np.testing.assert_allclose(tree.heights, theirs[:, 2], rtol=1e-4)


def test_options_are_checked():
    for options, words in (
        ({"method": "wards"}, "ward"),
        ({"metric": "cos"}, "cosine"),
        ({"linkage": "ward"}, "no option 'linkage'"),
        ({"metric": "cosine", "standard": True}, "standard=True"),
    ):
        with pytest.raises(OptionError, match=words):
            ClusterOptions.of(options)


def test_many_rows_can_be_stopped():
    values, _ = blobs(20_000, 5, 4)
    for most in (1, 20, 40):
        looks = itertools.count()
        with pool.stoppable(lambda looks=looks, most=most: next(looks) > most), pytest.raises(pool.Stopped):
            of_array(values)


def test_nothing_and_no_features():
    assert len(of_array(np.empty((0, 4)))) == 0
    assert whole(of_array(np.empty((5, 0))), 5)


@pytest.mark.parametrize(
    ("metric", "exact"),
    [
        ("euclidean", True),
        ("cosine", True),
        ("correlation", True),
        ("correlation", False),
        pytest.param("euclidean", False, marks=pytest.mark.slow),
        pytest.param("cosine", False, marks=pytest.mark.slow),
    ],
)
def test_sparse_rows_are_clustered_as_dense_ones(tmp_path: Path, metric: str, exact: bool):
    rng = np.random.default_rng(0)
    label = rng.integers(0, 6, 700)
    chance = rng.random((6, 2_300)) < 0.03
    values = np.where(rng.random((700, 2_300)) < 0.8, chance[label], 0) * rng.uniform(1, 2, (700, 2_300))
    values[5], label[5] = values[17], label[17]
    store = bv.build_matrix(sparse.csr_array(values), tmp_path / "m.bv", quiet=True)
    assert store.manifest.layout == "sparse"
    options = ClusterOptions(metric=metric)
    with override(exact_leaves=5_000 if exact else 100, middles=64):
        found, dense = cluster(leaves_of(store, "rows"), options), cluster(leaves_of_array(values), options)
        across = cluster(leaves_of(store, "cols"), options)
    assert whole(found, 700)
    assert whole(across, 2_300)
    assert found.count(0) == dense.count(0) == 699
    if exact:
        np.testing.assert_allclose(found.heights, dense.heights, rtol=1e-5)
    assert same_groups(found.clusters(found.height_for(6)), label[found.index])
