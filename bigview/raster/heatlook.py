"""How a matrix is shown at first, and the orders that recipes stand for."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Lock
from typing import Any

import numpy as np

from bigview.build.clustering import ClusterOptions, clustered
from bigview.build.progress import Progress
from bigview.errors import BigviewError, OptionError, closest
from bigview.matrixorder import Ordering
from bigview.matrixspec import MatrixSpec, MatrixStyle
from bigview.raster.heatlabels import axis_of
from bigview.store.keptorders import kept_order
from bigview.store.matrix import MatrixTable, Side
from bigview.store.orders import Order, hits_first, moved
from bigview.store.pool import Stopped, stopped
from bigview.store.tree import Tree
from bigview.store.trees import TreeFile, kept_trees

_TREES = 8
"""Trees that the process holds: one of a million leaves takes 32 MB."""

_PATIENCE = 0.1
"""Seconds between two looks whether who waits for a tree has left."""

_BY_CHANCE = 8
"""Rows that hardly come in a tree's sequence by chance: once in 40,000 times."""

_trees: dict[tuple[str, str, str, str], Tree] = {}
_making = Lock()


def first_style(table: MatrixTable, dark: bool = True) -> MatrixStyle:
    """Return how a matrix is shown at first: as its builder wished, else with a centre where values lie on both sides of zero."""
    wished = table.manifest.report.get("style")
    if isinstance(wished, dict):
        try:
            return replace(MatrixSpec.from_json({"version": 1, "style": wished}).style, dark=dark)
        except BigviewError:  # of a newer bigview
            pass
    low, high = (float(table.manifest.facts.get(name) or 0.0) for name in ("low", "high"))
    middle = table.manifest.report.get("center")
    if isinstance(middle, (int, float)) and math.isfinite(middle):
        return MatrixStyle(center=float(middle), dark=dark)
    both = low < 0 < high and min(-low, high) > 0.05 * max(-low, high)
    return MatrixStyle(center=0.0 if both and math.isfinite(low + high) else None, dark=dark)


def order_of(table: MatrixTable, side: Side, ordering: Ordering | None, tell: Progress | None = None) -> Order | None:
    """Return the order that a recipe stands for, None for the native one; a tree that is made tells how far it is.

    Raises
    ------
    ColumnError, OptionError
        When the column, the line, or the order that was kept is not there, or nothing can be clustered so.
    Stopped
        When the thread's work was told to stop (`bigview.store.pool.stoppable`), while a tree is made.
    """
    if ordering is None:
        return None
    if ordering.by == "cluster":
        tree = tree_of(table, side, ordering.name, tell)
        return Order.of(tree.index, axis_of(table, side).size, ordering.title.removeprefix("by "))
    if ordering.by == "kept":
        return order_of(table, side, kept_order(table, ordering.name), tell)
    if ordering.by in ("search", "hand"):
        size = axis_of(table, side).size
        base = order_of(table, side, ordering.base, tell)
        index = np.arange(size) if base is None else base.index
        if ordering.by == "search":
            index = hits_first(index, axis_of(table, side).find(ordering.name), ordering.descending)
        for move in ordering.moves:
            index = moved(index, move.spans, move.to)
        return Order.of(index, size, "hand" if ordering.moves else f"search {ordering.name}").rearranging(base)
    if ordering.by == "column":
        return table.order(side, by=ordering.name, descending=ordering.descending)
    across = axis_of(table, "cols" if side == "rows" else "rows")
    place = across.position(ordering.name)
    if place < 0:
        raise OptionError(
            f"There is no {'column' if side == 'rows' else 'row'} {ordering.name!r} to sort by. {closest(ordering.name, across.names[:1000])}"
        )
    return table.order(side, values_of=place, descending=ordering.descending)


def tree_of(table: MatrixTable, side: Side, recipe: str, tell: Progress | None = None) -> Tree:
    """Return a tree by its recipe (`bigview.build.clustering.ClusterOptions.recipe`): one at hand, one kept with the store, or a new one.

    One tree is made at a time: it takes all cores and much memory, and who else waits may want the same.
    """
    key = (table.folder.url, table.manifest.fingerprint, side, recipe)
    found = _trees.get(key)
    if found is None:
        options = ClusterOptions.of_recipe(recipe)
        with _turn():
            found = _trees.pop(key, None) or clustered(table, side, options, tell)
            _trees[key] = found
            while len(_trees) > _TREES:
                del _trees[next(iter(_trees))]
    return found


@contextmanager
def _turn() -> Iterator[None]:
    while not _making.acquire(timeout=_PATIENCE):
        if stopped():
            raise Stopped
    try:
        yield
    finally:
        _making.release()


def shown_as(table: MatrixTable, side: Side, given: Any) -> tuple[Order | None, Tree | None]:
    """Return an order and the tree that belongs to it, from whatever may say so.

    Parameters
    ----------
    given : Order, Tree, Ordering or None
        With an Order that is a tree's, or a part of it in the same sequence, comes that tree, if it is kept with the store.

    Raises
    ------
    OptionError
        When it is nothing of these, or of another matrix.
    """
    if given is None:
        return None, None
    size = axis_of(table, side).size
    if isinstance(given, Ordering):
        order = order_of(table, side, given)
        return order, tree_of(table, side, given.name) if given.by == "cluster" else None
    if isinstance(given, Tree):
        return Order.of(given.index, size, given.title.removeprefix(f"{side} by ")), given
    if not isinstance(given, Order):
        raise OptionError(f"{side} must be an order of the store, such as store.order({side!r}, by=…), or a tree, not {type(given).__name__}.")
    if given.size != size:
        raise OptionError(f"The order is one of {given.size:,} {side}; this matrix has {size:,}.")
    return given, _tree_in(table, side, given)


def _tree_in(table: MatrixTable, side: Side, order: Order) -> Tree | None:
    """Return the tree of what an order shows, where a tree that is kept with the store has it in this sequence."""
    for file in kept_trees(table):
        tree = file.read() if file.side == side else None
        if tree is None:
            continue
        place = np.full(order.size, -1, np.int64)
        place[tree.index] = np.arange(len(tree))
        found = place[order.index]
        in_turn = len(found) > 1 and found[0] >= 0 and bool((np.diff(found) > 0).all())
        if in_turn and (len(found) >= _BY_CHANCE or found[-1] - found[0] == len(found) - 1):
            return tree if len(found) == len(tree) else tree.kept(order.index)
    return None


def has_tree(table: MatrixTable, side: Side, recipe: str) -> bool:
    """Whether a tree is made already."""
    return TreeFile(table, side, ClusterOptions.of_recipe(recipe).facts()).read() is not None
