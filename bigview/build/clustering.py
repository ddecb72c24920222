"""Cluster the rows or the columns of a matrix, of any size: the door."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bigview.build.agglomerate import Merges, agglomerate, exact, planted
from bigview.build.distances import gathered_distances
from bigview.build.leaves import Leaves, Metric, Side, Survey, leaves_of, survey
from bigview.build.linkage import METHODS, Method
from bigview.build.progress import Progress, Silent
from bigview.build.reduce import reduced, strips
from bigview.config import limits
from bigview.errors import OptionError, closest
from bigview.store.matrix import MatrixTable
from bigview.store.tree import Tree, joined
from bigview.store.trees import TreeFile

METRICS = ("euclidean", "cosine", "correlation")
# Multiplications up to which all distances are computed from all features: 20 s of two cores.
EXACT_WORK = 4e11
Far = NDArray[np.float32]
Ids = NDArray[np.int64]


@dataclass(frozen=True)
class ClusterOptions:
    """How to cluster.

    Attributes
    ----------
    method : {"ward", "average", "complete", "single"}
        How far two clusters are from each other.
    metric : {"euclidean", "cosine", "correlation"}
        How far two rows are from each other. A pair with gaps is compared by the values that both have.
    standard : bool
        Divide each feature by its standard deviation first; for Euclidean distances.
    within : str or None
        A metadata column: its groups stand side by side, each with a tree of its own.
    seed : int
        For what is random where there are many rows.
    """

    method: Method = "ward"
    metric: Metric = "euclidean"
    standard: bool = False
    within: str | None = None
    seed: int = 0

    @classmethod
    def of(cls, given: dict[str, Any]) -> "ClusterOptions":
        """Return options from keywords, or say which one is wrong."""
        known = [field.name for field in fields(cls)]
        for name in given:
            if name not in known:
                raise OptionError(f"There is no option {name!r} of clustering. {closest(name, known)}")
        options = cls(**given)
        for name, value, choice in (("method", options.method, METHODS), ("metric", options.metric, METRICS)):
            if value not in choice:
                raise OptionError(f"There is no {name} {value!r} of clustering. {closest(str(value), choice)}")
        if options.standard and options.metric != "euclidean":
            raise OptionError(f"standard=True goes with Euclidean distances; {options.metric} has a scale of its own. Leave one of the two out.")
        return options

    @classmethod
    def of_recipe(cls, text: str) -> "ClusterOptions":
        """Return the options that `recipe` wrote."""
        plain, _, within = text.partition(" within ")
        words = plain.split()
        if len(words) not in (2, 3) or words[2:] not in ([], ["standard"]):
            raise OptionError(f'{text!r:.80} is no way to cluster; one is "ward euclidean", "average correlation", "ward euclidean within COLUMN".')
        return cls.of({"method": words[0], "metric": words[1], "standard": len(words) == 3, "within": within or None})

    @property
    def recipe(self) -> str:
        """The options as a few words, but for the seed."""
        standard = " standard" if self.standard else ""
        return f"{self.method} {self.metric}{standard}{f' within {self.within}' if self.within else ''}"

    def title(self, side: str) -> str:
        """Return what was done, for reading."""
        parts = [
            f"{side} by {self.method}",
            self.metric,
            *(["standardised"] if self.standard else []),
            *([f"within {self.within}"] if self.within else []),
        ]
        return ", ".join(parts)

    def facts(self) -> dict[str, Any]:
        """Return the options for JSON."""
        return asdict(self)


def cluster(leaves: Leaves, options: ClusterOptions, groups: Any = None, tell: Progress | None = None, title: str = "") -> Tree:
    """Return the tree of leaves.

    Parameters
    ----------
    leaves : Leaves
        See `bigview.build.leaves`.
    options : ClusterOptions
    groups : (n,) array, optional
        A value for each leaf: groups stand side by side, in ascending order, those without a value last.
    tell : Progress, optional
    title : str

    Raises
    ------
    Stopped
        When the thread's work was told to stop (`bigview.store.pool.stoppable`).

    Notes
    -----
    Equal leaves count once. Up to 5,000 different ones the tree is exact and its leaves are in the best order; above they are parted by k-means first
    (`bigview.build.agglomerate`). More than 64 features become 64 principal components where the tree is not exact, or all distances too much work.
    """
    tell = tell or Silent()
    if leaves.count == 0:
        return joined([], title)
    known = survey(leaves, options.metric, options.standard, tell)
    tree_of = _tree_of(leaves, known, options, tell)
    trees = []
    for members in _members(groups, leaves.count):
        kinds, own = np.unique(known.kind[members], return_inverse=True)
        # Numbers by the first leaf of each kind, so that equal leaves come in their own order.
        merges = tree_of(kinds, np.bincount(own).astype(np.float64))
        merges = Merges(merges.children, merges.heights * known.scale, merges.order)
        trees.append(planted(merges, own, members, title))
    return joined(trees, title)


def _tree_of(leaves: Leaves, known: Survey, options: ClusterOptions, tell: Progress) -> Callable[[Ids, NDArray[np.float64]], Merges]:
    """Return what makes a tree of some kinds of leaves."""
    kinds = len(known.first)
    angular = options.metric != "euclidean"
    if kinds <= limits().exact_leaves and float(kinds) ** 2 * leaves.width <= EXACT_WORK:
        tell.stage("distances", leaves.width, "features")
        far = gathered_distances(strips(leaves, known, tell), kinds)
        tell.stage("linkage", 0, "")
        return lambda chosen, weights: exact(_among(far, chosen), weights, options.method, angular)
    values = reduced(leaves, known, options.seed, tell)
    return lambda chosen, weights: agglomerate(
        values if len(chosen) == kinds else values[chosen], weights, options.method, options.seed, tell, angular
    )


def _among(far: Far, chosen: Ids) -> Far:
    return far if len(chosen) == len(far) else far[np.ix_(chosen, chosen)]


def _members(groups: Any, count: int) -> list[Ids]:
    if groups is None:
        return [np.arange(count)]
    codes, values = pd.factorize(np.asarray(groups), sort=True)
    if len(codes) != count:
        raise OptionError(f"There are {len(codes):,} values to group {count:,} leaves by. Give one for each.")
    codes = np.where(codes < 0, len(values), codes)
    order = np.argsort(codes, kind="stable")
    return [part for part in np.split(order, np.flatnonzero(np.diff(codes[order])) + 1) if len(part)]


def clustered(table: MatrixTable, side: Side = "rows", options: ClusterOptions | None = None, tell: Progress | None = None) -> Tree:
    """Return the tree of a matrix's rows or columns: the one kept with the store, or a new one, which is kept from now on.

    Parameters
    ----------
    table : MatrixTable
    side : {"rows", "cols"}
    options : ClusterOptions, optional
    tell : Progress, optional

    Raises
    ------
    ColumnError
        When there is no column to group by.
    OptionError
        When the side does not exist.
    Stopped
        When the thread's work was told to stop.
    """
    options, tell = options or ClusterOptions(), tell or Silent()
    if side not in ("rows", "cols"):
        raise OptionError(f"A matrix has rows and cols, not {side!r}.")
    file = TreeFile(table, side, options.facts())
    groups = None if options.within is None else getattr(table, side).column(options.within)
    tree = file.read()
    if tree is None:
        tree = cluster(leaves_of(table, side), options, groups, tell, options.title(side))
        if not file.write(tree):
            tell.note(f"{table.folder.url} cannot be written to: the tree is not kept.")
    return tree
