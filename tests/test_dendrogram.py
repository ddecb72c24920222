"""Dendrograms at screen resolution, against the naive drawing of every merge."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigview.raster.dendrogram import BINS, Dendrogram
from bigview.store.tree import Tree, by_height, joined


def random_tree(rng: np.random.Generator, leaves: int, kind: str = "any") -> Tree:
    """Return a tree by merging neighbours at random, or one leaf after the other from one end (a chain)."""
    nodes, children, heights = list(range(leaves)), [], []
    height = 0.0
    while len(nodes) > 1:
        place = {"any": int(rng.integers(len(nodes) - 1)), "left": 0, "right": len(nodes) - 2}[kind]
        height += float(rng.integers(0, 3))
        children.append((nodes[place], nodes[place + 1]))
        heights.append(height)
        nodes[place : place + 2] = [leaves + len(children) - 1]
    array = np.array(children, np.int64).reshape(-1, 2)
    return Tree(np.arange(leaves), *by_height(array, np.array(heights, float), leaves))


def zigzag(leaves: int) -> Tree:
    """Return a tree that begins in the middle and grows by one leaf at the left and one at the right."""
    low = high = leaves // 2
    node, children = low, []
    for number in range(leaves - 1):
        if (number % 2 and low > 0) or high == leaves - 1:
            low -= 1
            children.append((low, node))
        else:
            high += 1
            children.append((node, high))
        node = leaves + number
    return Tree(np.arange(leaves), np.array(children), np.arange(1.0, leaves))


def naive(tree: Tree) -> set[tuple[float, ...]]:
    """Return the three lines of every merge."""
    leaves = len(tree)
    x = {leaf: leaf + 0.5 for leaf in range(leaves)}
    high = dict.fromkeys(range(leaves), 0.0)
    lines = set()
    for merge, ((a, b), height) in enumerate(zip(tree.children.tolist(), tree.heights.tolist(), strict=True)):
        x[leaves + merge], high[leaves + merge] = (x[a] + x[b]) / 2, height
        if np.isfinite(height):
            lines |= {(x[a], height, x[b], height), (x[a], height, x[a], high[a]), (x[b], height, x[b], high[b])}
    return lines


def told(lines: np.ndarray) -> set[tuple[float, ...]]:
    return {tuple(line) for line in lines.tolist()}


@given(st.integers(0, 2**32), st.integers(1, 60), st.sampled_from(["any", "left", "right"]))
def test_close_up_it_is_the_naive_drawing(seed, leaves, kind):
    tree = random_tree(np.random.default_rng(seed), leaves, kind)
    drawn = Dendrogram(tree).drawn(0, leaves)
    assert drawn.exact
    assert told(drawn.lines) == naive(tree)


@given(st.integers(0, 2**32), st.integers(2, 60), st.floats(0, 1), st.floats(0.01, 1))
def test_a_window_has_every_line_that_is_in_it(seed, leaves, start, share):
    tree = random_tree(np.random.default_rng(seed), leaves)
    low, high = start * leaves, (start + share) * leaves
    drawn = told(Dendrogram(tree).drawn(low, high).lines)
    inner = {line for line in naive(tree) if low < max(line[0], line[2]) and min(line[0], line[2]) < high}
    # Of merges whose gap is far outside only the highest of each run is drawn.
    near = {line for line in inner if line[0] != line[2] and low + 1 <= line[0] and line[2] <= high - 1 and _gap_inside(tree, line, low, high)}
    assert near <= drawn


def _gap_inside(tree: Tree, line: tuple[float, ...], low: float, high: float) -> bool:
    places, starts = Dendrogram(tree).places, tree.spans[0]
    for merge, (a, b) in enumerate(tree.children.tolist()):
        if (places[a], places[b], tree.heights[merge]) == (line[0], line[2], line[1]):
            return bool(low < starts[b] < high)
    raise AssertionError


TREES = {
    "any": lambda: random_tree(np.random.default_rng(1), 3_000),
    "left": lambda: random_tree(np.random.default_rng(2), 3_000, "left"),
    "right": lambda: random_tree(np.random.default_rng(3), 3_000, "right"),
    "zigzag": lambda: zigzag(3_000),
    "equal": lambda: Tree(np.arange(3_000), random_tree(np.random.default_rng(4), 3_000, "left").children, np.zeros(2_999)),
}


@pytest.mark.parametrize("kind", TREES)
@pytest.mark.parametrize("window", [(0, 3_000), (700.5, 1_900.25), (2_990, 3_000), (-500, 200), (0, 1)])
def test_few_lines_and_true_ones(kind, window):
    tree = TREES[kind]()
    shown = Dendrogram(tree)
    drawn = shown.drawn(*window, bins=100)
    leaves = len(tree)
    assert len(drawn.lines) <= 5 * 150
    # Every bar is that of a real merge, or a joint that ends on one.
    high = np.concatenate([np.zeros(leaves), tree.heights])
    a, b = tree.children.T
    real = {*zip(shown.places[a].tolist(), shown.places[b].tolist(), tree.heights.tolist(), strict=True)}
    bars = drawn.lines[(drawn.lines[:, 1] == drawn.lines[:, 3]) & (drawn.lines[:, 0] != drawn.lines[:, 2])]
    levels = set(high.tolist())
    assert all(line[1] in levels for line in bars.tolist())
    wanted = sum((line[0], line[2], line[1]) in real for line in bars.tolist())
    assert wanted >= len(bars) / 3
    # What is left out has a branch narrower than a bin.
    if window == (0, 3_000):
        width = 1
        while (leaves - 1) / width > 100:
            width *= 2
        sizes = tree.spans[1]
        small = np.minimum(sizes[a], sizes[b])
        out = np.setdiff1d(np.arange(leaves - 1), drawn.merges)
        assert (small[out] <= width).all()


@pytest.mark.parametrize("kind", TREES)
def test_all_lines_hang_together(kind):
    tree = TREES[kind]()
    lines = Dendrogram(tree).drawn(0, 3_000, bins=80).lines
    # Each line touches another one at an end, or is met by one.
    parent = list(range(len(lines)))

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    for i, (x0, y0, x1, y1) in enumerate(lines.tolist()):
        for j, (u0, v0, u1, v1) in enumerate(lines.tolist()[:i]):
            apart = max(min(x0, x1), min(u0, u1)) > min(max(x0, x1), max(u0, u1)) or max(min(y0, y1), min(v0, v1)) > min(max(y0, y1), max(v0, v1))
            if not apart:
                parent[root(i)] = root(j)
    assert len({root(number) for number in range(len(lines))}) == 1


def test_panning_moves_nothing():
    tree = random_tree(np.random.default_rng(0), 5_000)
    shown = Dendrogram(tree)
    one, other = (shown.drawn(low, low + 2_000, bins=200) for low in (1_000, 1_003))
    first, second = (
        {line for line, merge in zip(told(found.lines), found.merges, strict=False) if 1_200 < line[0] < 2_800 and 1_200 < line[2] < 2_800}
        for found in (one, other)
    )
    assert len(first ^ second) <= 0.05 * len(first)


@given(st.integers(0, 2**32), st.integers(1, 70), st.floats(-1, 80))
def test_the_branch_under_a_point(seed, leaves, height):
    rng = np.random.default_rng(seed)
    tree = random_tree(rng, leaves, ["any", "left", "right"][seed % 3])
    shown = Dendrogram(tree)
    for x in rng.uniform(0, leaves, 5):
        assert shown.at(x, height) == tree.branch(int(x), height)
    assert shown.at(-0.1, height) is None
    assert shown.at(leaves, height) is None


@given(st.integers(0, 2**32), st.integers(1, 40), st.sampled_from(["any", "left", "right"]))
def test_the_tree_of_some_rows_joins_them_as_the_whole_one_does(seed, leaves, kind):
    rng = np.random.default_rng(seed)
    whole = random_tree(rng, leaves, kind)
    tree = Tree(rng.permutation(leaves), whole.children, whole.heights, "rows")
    chosen = rng.random(leaves) < 0.5
    part = tree.kept(chosen if seed % 2 else rng.permutation(np.flatnonzero(chosen)))
    assert part.index.tolist() == [row for row in tree.index.tolist() if chosen[row]]
    assert part.title == "rows"
    assert len(part.children) == max(0, len(part) - 1)
    assert (np.diff(part.heights) >= 0).all()
    starts, sizes = part.spans
    first, second = part.children.T
    assert (starts[first] + sizes[first] == starts[second]).all(), "merges join neighbours"
    places = np.flatnonzero(chosen[tree.index])
    pairs = [(a, b) for b in range(len(places)) for a in range(b)]
    if pairs:
        mine, theirs = np.array(pairs), places[np.array(pairs)]
        assert (part.cophenetic(mine) == tree.cophenetic(theirs)).all()
    assert len(tree.kept(np.arange(leaves))) == leaves


def test_groups_stand_apart():
    tree = joined([random_tree(np.random.default_rng(seed), 20) for seed in range(3)])
    shown = Dendrogram(tree)
    assert told(shown.drawn(0, 60).lines) == naive(tree)
    assert shown.at(25, np.inf) == (0, 60)
    assert shown.at(25, tree.top) == (20, 40)


def test_many_leaves_few_lines():
    rng = np.random.default_rng(0)
    tree = zigzag(200_000)
    shown = Dendrogram(tree)
    for share in (1, 0.3, 0.01, 0.0005):
        low = rng.uniform(0, 1 - share) * len(tree)
        assert len(shown.drawn(low, low + share * len(tree)).lines) <= 5 * BINS
