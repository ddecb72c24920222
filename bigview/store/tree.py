"""A tree of leaves in display order: merges of neighbouring runs, each at a height; its cuts, and a file of it."""

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from bigview.errors import InputError, StoreDamagedError

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]

# Of the file's layout.
VERSION = 1


@dataclass(frozen=True, eq=False, repr=False)
class Tree:
    """A binary tree whose leaves stand in display order.

    A node is a leaf (its position, 0 … n − 1) or a merge (n + its number). Merges are in ascending order of height, so a node's children always
    have smaller numbers, and everything here is a loop over merges: nothing recurses, whatever the depth.

    Attributes
    ----------
    index : (n,) array of int64
        The native row (or column) at each display position.
    children : (n − 1, 2) array of int64
        The two nodes of each merge; the first one's leaves stand before the second one's.
    heights : (n − 1,) array of float64
        Not descending. Infinite where groups are joined that were clustered apart.
    title : str
        What was clustered, and how, for reading.
    """

    index: Ids
    children: Ids
    heights: Floats
    title: str = ""

    def __len__(self) -> int:
        return len(self.index)

    def __repr__(self) -> str:
        return f"<Tree of {len(self):,} leaves{f': {self.title}' if self.title else ''}>"

    @cached_property
    def spans(self) -> tuple[Ids, Ids]:
        """The first display position and the number of leaves of every node, leaves first; (2 n − 1,) arrays."""
        starts, sizes = _spans(self.children, len(self))
        return starts, sizes

    @cached_property
    def gaps(self) -> Ids:
        """The merge that joins display positions p and p + 1, for each p; an (n − 1,) array.

        Because merges are numbered by height, the largest number between two positions is the merge that joins them.
        """
        starts, _ = self.spans
        found = np.empty(len(self.children), np.int64)
        found[starts[self.children[:, 1]] - 1] = np.arange(len(self.children))
        return found

    @cached_property
    def top(self) -> float:
        """The largest finite height; 0 where there is none."""
        finite = int(np.searchsorted(self.heights, np.inf))
        return float(self.heights[finite - 1]) if finite else 0.0

    @property
    def groups(self) -> int:
        """How many trees stand side by side: groups that were clustered apart."""
        return 1 + len(self.heights) - int(np.searchsorted(self.heights, np.inf))

    def clusters(self, height: float) -> Ids:
        """Return the number of each display position's cluster, 0, 1, … in display order, when the tree is cut at a height.

        Leaves that a merge of at most this height joins are in one cluster.

        Returns
        -------
        (n,) array of int64
        """
        if not len(self):
            return np.empty(0, np.int64)
        parted = self.heights[self.gaps] > height
        return np.concatenate([[0], np.cumsum(parted)])

    def count(self, height: float) -> int:
        """Return how many clusters a cut at a height gives."""
        return len(self) - int(np.searchsorted(self.heights, height, "right"))

    def height_for(self, count: int) -> float:
        """Return a height, halfway between two merges, at which a cut gives `count` clusters, or the next number of them that a cut can give."""
        merges = int(np.clip(len(self) - count, 0, len(self.heights) - self.groups + 1))
        below = float(self.heights[merges - 1]) if merges else 0.0
        # Equal heights are cut together: there is no place between them.
        above = int(np.searchsorted(self.heights, below, "right"))
        over = float(self.heights[above]) if above < len(self.heights) else np.inf
        return (below + over) / 2 if np.isfinite(over) else below

    def branch(self, position: int, height: float) -> tuple[int, int]:
        """Return the display positions, first and one past the last, of the cluster round a leaf when the tree is cut at a height."""
        if not 0 <= position < len(self):
            raise InputError(f"There is no leaf {position}; leaves are numbered 0 to {len(self) - 1}.")
        from_merge = int(np.searchsorted(self.heights, height, "right"))
        first, last = _branch(self.gaps, position, from_merge)
        return int(first), int(last)

    def kept(self, chosen: Any) -> "Tree":
        """Return the tree of some native rows only, in this sequence: of a branch, or of a selection.

        Two rows come together at the height at which they did before.

        Parameters
        ----------
        chosen : array of int or of bool
            Native numbers, or a mask over them; what is not in this tree is left out.
        """
        given = np.asarray(chosen)
        numbers = np.flatnonzero(given) if given.dtype == bool else given.astype(np.int64)
        places = np.flatnonzero(np.isin(self.index, numbers))
        if len(places) < 2:
            return Tree(self.index[places], np.empty((0, 2), np.int64), np.empty(0), self.title)
        joins = np.maximum.reduceat(self.gaps[: places[-1]], places[:-1])
        by_merge = np.argsort(joins)
        return Tree(self.index[places], _from_gaps(by_merge), self.heights[joins[by_merge]], self.title)

    def linkage(self) -> Floats:
        """Return the tree as SciPy's linkage matrix, of native rows: (n − 1, 4) with the two nodes, the height and the number of leaves.

        Infinite heights are given as they are. Only where `index` has each of the rows 0 … n − 1 are its numbers those of rows.
        """
        nodes = np.concatenate([self.index, np.arange(len(self), 2 * len(self) - 1)])
        found = np.empty((len(self.children), 4))
        found[:, :2] = np.sort(nodes[self.children], axis=1)
        found[:, 2] = self.heights
        found[:, 3] = self.spans[1][len(self) :]
        return found

    def cophenetic(self, pairs: Ids) -> Floats:
        """Return the height at which two display positions come together, for each row of an (m, 2) array of different positions."""
        low, high = np.sort(pairs, axis=1).T
        return np.array([self.heights[self.gaps[a:b].max()] for a, b in zip(low.tolist(), high.tolist(), strict=True)])


@nb.njit(nogil=True, cache=True)
def _spans(children, leaves):  # type: ignore[no-untyped-def]
    nodes = 2 * leaves - 1 if leaves else 0
    starts, sizes = np.zeros(nodes, np.int64), np.ones(nodes, np.int64)
    for merge in range(leaves - 1):
        sizes[leaves + merge] = sizes[children[merge, 0]] + sizes[children[merge, 1]]
    for merge in range(leaves - 2, -1, -1):
        first, second = children[merge]
        starts[first] = starts[leaves + merge]
        starts[second] = starts[first] + sizes[first]
    return starts, sizes


@nb.njit(nogil=True, cache=True)
def _from_gaps(order):  # type: ignore[no-untyped-def]
    """Return the children of merges that close the gaps between leaves, each once, in an order."""
    leaves = len(order) + 1
    first, last, node = np.arange(leaves), np.arange(leaves), np.arange(leaves)  # of runs: known at their last, first and first leaf
    children = np.empty((len(order), 2), np.int64)
    for merge in range(len(order)):
        left, right = first[order[merge]], order[merge] + 1
        children[merge, 0], children[merge, 1] = node[left], node[right]
        node[left] = leaves + merge
        last[left] = last[right]
        first[last[right]] = left
    return children


@nb.njit(nogil=True, cache=True)
def _branch(gaps, position, from_merge):  # type: ignore[no-untyped-def]
    low, high = position, position
    while low > 0 and gaps[low - 1] < from_merge:
        low -= 1
    while high < gaps.shape[0] and gaps[high] < from_merge:
        high += 1
    return low, high + 1


def joined(trees: Sequence[Tree], title: str = "") -> Tree:
    """Return trees side by side as one, joined at infinite height, in the order given; empty ones are left out."""
    trees = [tree for tree in trees if len(tree)]
    if len(trees) == 1:
        return Tree(trees[0].index, trees[0].children, trees[0].heights, title or trees[0].title)
    leaves = sum(len(tree) for tree in trees)
    children, heights, roots = [], [], []
    low, merges = 0, leaves
    for tree in trees:
        own = tree.children
        children.append(np.where(own < len(tree), own + low, own - len(tree) + merges))
        heights.append(tree.heights)
        merges += len(own)
        roots.append(merges - 1 if len(own) else low)
        low += len(tree)
    for place in range(1, len(roots)):
        children.append(np.array([[roots[0] if place == 1 else merges - 1, roots[place]]]))
        heights.append(np.array([np.inf]))
        merges += 1
    index = np.concatenate([tree.index for tree in trees]) if trees else np.empty(0, np.int64)
    nodes = np.concatenate([*children, np.empty((0, 2), np.int64)]).astype(np.int64)
    return Tree(index, *by_height(nodes, np.concatenate([*heights, np.empty(0)]), leaves), title)


def by_height(children: Ids, heights: Floats, leaves: int) -> tuple[Ids, Floats]:
    """Return merges, of which none is lower than its children or comes before them, in ascending order of height, with their nodes renumbered."""
    order = np.argsort(heights, kind="stable")
    number = np.empty(leaves + len(order), np.int64)
    number[:leaves] = np.arange(leaves)
    number[leaves + order] = leaves + np.arange(len(order))
    return number[children[order]], heights[order]


def packed(tree: Tree, about: dict[str, Any]) -> bytes:
    """Return a tree as the bytes of a file (NumPy's ``.npz``), with facts about it that JSON can hold."""
    buffer = io.BytesIO()
    facts = json.dumps({"version": VERSION, "title": tree.title, "about": about}, sort_keys=True)
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("facts.json", facts)
        for name, values in (("index", tree.index), ("children", tree.children), ("heights", tree.heights)):
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, _small(values), allow_pickle=False)
    return buffer.getvalue()


def unpacked(data: bytes, where: str) -> tuple[Tree, dict[str, Any]]:
    """Return the tree of a file's bytes, and the facts; `where` names the file in an error."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            facts = json.loads(archive.read("facts.json"))
            arrays = []
            for name in ("index", "children", "heights"):
                with archive.open(f"{name}.npy") as file:
                    arrays.append(np.lib.format.read_array(file, allow_pickle=False))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError) as error:
        raise StoreDamagedError(f"The tree {where} cannot be read: {error}. Remove the file and cluster again.") from error
    if facts.get("version") != VERSION:
        raise StoreDamagedError(f"The tree {where} was written by another version of bigview. Remove the file and cluster again.")
    tree = Tree(arrays[0].astype(np.int64), arrays[1].astype(np.int64).reshape(-1, 2), arrays[2].astype(np.float64), str(facts["title"]))
    if len(tree.children) != max(len(tree) - 1, 0) or len(tree.heights) != len(tree.children):
        raise StoreDamagedError(f"The tree {where} is not whole. Remove the file and cluster again.")
    return tree, dict(facts["about"])


def _small(values: NDArray[Any]) -> NDArray[Any]:
    return values.astype(np.int32) if values.dtype.kind == "i" and len(values) < 1 << 30 else values
