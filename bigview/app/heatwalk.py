"""Going from branch to branch of a tree by keys. Pure."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from bigview.raster.dendrogram import Dendrogram
from bigview.raster.heat import HeatLook
from bigview.raster.heatchosen import counted
from bigview.raster.heatlabels import names_at
from bigview.raster.heatlegend import value_text
from bigview.store.matrix import MatrixTable, Side


@dataclass(frozen=True, eq=False)
class Walk:
    """Where one is in a tree.

    Attributes
    ----------
    shown : Dendrogram
    place : int
        A leaf of the branch, by its place.
    below : int
        All merges with smaller numbers, which are those that are not higher, are within branches; the branch is the one of the leaf.
    """

    shown: Dendrogram
    place: int
    below: int

    @classmethod
    def begin(cls, shown: Dendrogram, cut: float | None, place: int | None) -> Self:
        """Return the cluster of a cut at a place, or else the whole tree."""
        merges = len(shown.tree.heights)
        below = merges if cut is None else int(np.searchsorted(shown.tree.heights, cut, "right"))
        return cls(shown, min(max(place or 0, 0), len(shown.tree) - 1), below)

    @property
    def span(self) -> tuple[int, int]:
        """The places of its leaves: the first, and the one past the last."""
        return self.shown.around(self.place, self.below)

    @property
    def _merge(self) -> int:
        """The merge that joins all of the branch; −1 for a leaf."""
        first, last = self.span
        return int(self.shown.tree.gaps[first : last - 1].max(initial=-1))

    @property
    def height(self) -> float:
        """The height at which the branch is joined; 0 for a leaf."""
        merge = self._merge
        return min(float(self.shown.tree.heights[merge]), self.shown.tree.top) if merge >= 0 else 0.0

    def gone(self, way: str) -> Self:
        """Return the branch around this one ("out"), the first one within it ("in"), or the one "before" or "after" it, if there is one."""
        (first, last), gaps = self.span, self.shown.tree.gaps
        if way == "out" and (first > 0 or last < len(self.shown.tree)):
            joins = [int(gaps[gap]) for gap in (first - 1, last - 1) if 0 <= gap < len(gaps)]
            return replace(self, below=min(joins) + 1)
        if way == "in" and last - first > 1:
            return replace(self, place=first, below=self._merge)
        if way == "before" and first > 0:
            return replace(self, place=first - 1)
        if way == "after" and last < len(self.shown.tree):
            return replace(self, place=last)
        return self

    def told(self, table: MatrixTable, look: HeatLook, side: Side) -> str:
        """Return what is read aloud of the branch."""
        first, last = self.span
        names = names_at(table, look, side, np.array([first, last - 1]))
        what = "row" if side == "rows" else "column"
        if last - first == 1:
            return f"{what} {names[0]}, a leaf"
        merge, tree = self._merge, self.shown.tree
        sizes = " and ".join(f"{int(tree.spans[1][child]):,}" for child in tree.children[merge])
        height = tree.heights[merge]
        at = f"joined at {value_text(float(height))}" if np.isfinite(height) else "of groups that were clustered apart"
        return f"branch of {counted(last - first, what)}, {names[0]} to {names[1]}, {at}: {sizes}"
