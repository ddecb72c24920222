"""Exact clustering of a few vectors: distances with gaps, merges, the order of leaves, the tree."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster.hierarchy import cophenet, fcluster, is_valid_linkage
from scipy.cluster.hierarchy import linkage as scipy_linkage
from scipy.spatial.distance import pdist, squareform

from bigview.build.agglomerate import Merges, planted
from bigview.build.clustering import ClusterOptions, cluster
from bigview.build.distances import gathered_distances, squared_distances
from bigview.build.leaves import leaves_of_array
from bigview.build.linkage import METHODS, linkage
from bigview.build.seriation import optimal_order, turned
from bigview.errors import InputError, StoreDamagedError
from bigview.store import pool
from bigview.store.tree import Tree, joined, packed, unpacked


def slow_distances(values: np.ndarray) -> np.ndarray:
    """Return squared distances pair by pair."""
    items, width = values.shape
    found, shares = np.zeros((items, items)), np.zeros((items, items), int)
    for i, j in itertools.product(range(items), repeat=2):
        both = ~np.isnan(values[i]) & ~np.isnan(values[j])
        shares[i, j] = both.sum()
        if i != j and both.any():
            found[i, j] = ((values[i, both].astype(float) - values[j, both]) ** 2).sum() * width / both.sum()
    farthest = found.max(initial=0)
    for i, j in itertools.product(range(items), repeat=2):
        if i != j and not shares[i, j]:
            found[i, j] = farthest if shares[i, i] or shares[j, j] else 0
    return found


def orders(children: np.ndarray, leaves: int) -> list[list[int]]:
    """Return every order that keeps a tree."""
    found = []
    for turns in itertools.product([False, True], repeat=leaves - 1):
        runs = {leaf: [leaf] for leaf in range(leaves)}
        for number, ((a, b), turn) in enumerate(zip(children.tolist(), turns, strict=True)):
            runs[leaves + number] = runs[b] + runs[a] if turn else runs[a] + runs[b]
        found.append(runs[2 * leaves - 2])
    return found


def length(far: np.ndarray, order: "np.ndarray | list[int]") -> float:
    return float(sum(far[a, b] for a, b in itertools.pairwise(order)))


def tree_of(values: np.ndarray, method: str = "ward") -> Tree:
    return cluster(leaves_of_array(values), ClusterOptions(method=method), title=method)


def vectors(seed: int, items: int, width: int, whole: bool = False) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.integers(0, 2, (items, width)) if whole else rng.normal(size=(items, width))).astype(np.float32)


@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 6), st.sampled_from([0, 0.2, 0.8]))
def test_distances_are_those_of_each_pair(seed, items, width, gaps):
    values = vectors(seed, items, width)
    values[np.random.default_rng(seed).random(values.shape) < gaps] = np.nan
    found = squared_distances(values)
    np.testing.assert_allclose(found, slow_distances(values), rtol=1e-5, atol=1e-5)
    assert (found == found.T).all()
    parted = gathered_distances([values[:, : width // 2], values[:, width // 2 :]], items)
    np.testing.assert_allclose(parted, found, rtol=1e-5, atol=1e-5)


def test_equal_rows_far_from_zero_have_no_distance():
    values = np.repeat(vectors(0, 20, 7) * 1e-3 + 1e4, 2, axis=0)
    assert (squared_distances(values)[::2, 1::2].diagonal() == 0).all()


def test_distances_across_tiles():
    values = vectors(3, 700, 3)
    np.testing.assert_allclose(squared_distances(values), squareform(pdist(values, "sqeuclidean")), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
@given(seed=st.integers(0, 2**32), items=st.integers(2, 40))
def test_heights_are_scipys(method, seed, items):
    values = vectors(seed, items, 3)
    tree = tree_of(values, method)
    theirs = scipy_linkage(values.astype(float), method)
    np.testing.assert_allclose(tree.heights, theirs[:, 2], rtol=1e-4)
    ours = tree.linkage()
    assert is_valid_linkage(ours)
    np.testing.assert_allclose(cophenet(ours), cophenet(theirs), rtol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_weights_stand_for_equal_rows(method):
    values = vectors(5, 30, 4)
    heavy = np.random.default_rng(5).integers(1, 6, 30)
    theirs = scipy_linkage(np.repeat(values, heavy, axis=0).astype(float), method)[:, 2]
    far = squared_distances(values)
    _, heights = linkage(far if method == "ward" else np.sqrt(far), heavy.astype(float), method)
    np.testing.assert_allclose(np.sort(heights), theirs[theirs > 1e-9], rtol=1e-4)


@given(st.integers(0, 2**32), st.integers(1, 8), st.sampled_from(METHODS), st.booleans())
def test_no_order_is_better(seed, items, method, whole):
    far = np.sqrt(squared_distances(vectors(seed, items, 3, whole)))
    children, _ = linkage(far.copy(), np.ones(items), method)
    found = optimal_order(far, children).tolist()
    every = orders(children, items)
    assert found in every
    assert length(far, found) == pytest.approx(min(length(far, order) for order in every), abs=1e-5)
    assert orders(turned(children, np.array(found)), items)[0] == found


@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(1, 4), st.booleans())
def test_a_tree_is_whole(seed, items, width, whole):
    tree = tree_of(vectors(seed, items, width, whole))
    assert sorted(tree.index.tolist()) == list(range(items))
    assert (np.diff(tree.heights) >= 0).all()
    starts, sizes = tree.spans
    first, second = tree.children.T
    assert (starts[first] + sizes[first] == starts[second]).all()
    assert sizes[-1] == items
    assert sorted(tree.gaps.tolist()) == list(range(items - 1))


@given(st.integers(0, 2**32), st.integers(2, 40), st.booleans(), st.floats(0, 6))
def test_a_cut_is_scipys(seed, items, whole, height):
    tree = tree_of(vectors(seed, items, 3, whole), "average")
    ours = tree.clusters(height)
    theirs = fcluster(tree.linkage(), height, "distance")[tree.index]
    assert np.unique(np.column_stack([ours, theirs]), axis=0).shape[0] == len(set(ours.tolist())) == len(set(theirs.tolist()))
    assert (np.diff(ours) >= 0).all()
    assert tree.count(height) == ours[-1] + 1
    for position in range(items):
        low, high = tree.branch(position, height)
        assert (np.flatnonzero(ours == ours[position]) == np.arange(low, high)).all()


def test_a_height_for_so_many_clusters():
    tree = tree_of(vectors(1, 30, 3))
    assert [tree.count(tree.height_for(count)) for count in range(1, 31)] == list(range(1, 31))
    equal = tree_of(np.ones((5, 2), np.float32))
    assert equal.count(equal.height_for(3)) == 1


def test_where_two_leaves_come_together():
    tree = tree_of(vectors(2, 25, 3))
    pairs = np.array(list(itertools.combinations(range(25), 2)))
    theirs = squareform(cophenet(tree.linkage()))[tree.index[pairs[:, 0]], tree.index[pairs[:, 1]]]
    np.testing.assert_allclose(tree.cophenetic(pairs), theirs)


def test_trees_side_by_side():
    parts = [tree_of(vectors(seed, items, 2)) for seed, items in enumerate([4, 1, 7])]
    low, moved = 0, []
    for part in parts:
        moved.append(Tree(part.index + low, part.children, part.heights))
        low += len(part)
    tree = joined([moved[0], Tree(np.empty(0, np.int64), np.empty((0, 2), np.int64), np.empty(0)), *moved[1:]], "by kind")
    assert tree.groups == 3
    assert tree.count(tree.top) == 3
    assert tree.clusters(tree.top).tolist() == [0] * 4 + [1] + [2] * 7
    assert tree.index.tolist() == np.concatenate([part.index for part in moved]).tolist()
    assert tree.top == max(part.top for part in parts)
    assert tree.title == "by kind"
    assert repr(tree) == "<Tree of 12 leaves: by kind>"
    starts, sizes = tree.spans
    assert (starts[tree.children[:, 0]] + sizes[tree.children[:, 0]] == starts[tree.children[:, 1]]).all()
    assert joined([]).count(1) == 0


def test_no_leaf_and_one():
    empty = planted(Merges(np.empty((0, 2), np.int64), np.empty(0), np.array([0])), np.zeros(1, np.int64), np.array([7]), "one")
    assert empty.index.tolist() == [7]
    assert empty.clusters(0).tolist() == [0]
    assert empty.top == 0
    assert empty.branch(0, 1) == (0, 1)
    with pytest.raises(InputError, match="no leaf 1"):
        empty.branch(1, 1)


def test_a_file_of_a_tree():
    tree = joined([tree_of(vectors(4, 9, 2)), Tree(np.array([9]), np.empty((0, 2), np.int64), np.empty(0))], "rows, ward")
    again, about = unpacked(packed(tree, {"seed": 3}), "x.tree")
    assert about == {"seed": 3}
    assert again.title == tree.title
    for name in ("index", "children", "heights"):
        assert (getattr(again, name) == getattr(tree, name)).all()
    data = packed(tree, {})
    for broken in (b"", b"no archive", data[:-30], data[: len(data) // 2]):
        with pytest.raises(StoreDamagedError, match=r"x\.tree"):
            unpacked(broken, "x.tree")


def test_clustering_can_be_stopped():
    looks = itertools.count()
    with pool.stoppable(lambda: next(looks) > 2), pytest.raises(pool.Stopped):
        tree_of(vectors(0, 2_000, 5))


def test_a_long_chain_does_not_recurse():
    # Each merge adds one leaf, so that the tree is as deep as it has leaves.
    values = np.cumsum(np.arange(1, 1_500))[:, None].astype(np.float32)
    tree = tree_of(values, "single")
    assert tree.index.tolist() in (list(range(1_499)), list(range(1_498, -1, -1)))
    equal = tree_of(np.ones((100_000, 3), np.float32))
    assert equal.index.tolist() == list(range(100_000))
    assert equal.count(0) == 1
