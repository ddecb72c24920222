"""What stands beside the map of a matrix: trees with their cut, tracks of metadata, hits of a search. One visitor's."""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigview.app.heathost import HeatPage
from bigview.app.heatstate import SIDES
from bigview.app.heatwalk import Walk
from bigview.matrixorder import Ordering, by_search
from bigview.matrixspec import LONGEST_SEARCH, MatrixSpec
from bigview.raster.dendrogram import Dendrogram
from bigview.raster.heatchosen import Chosen, counted
from bigview.raster.heatlabels import axis_of
from bigview.raster.heatlegend import like_cells, value_text
from bigview.raster.heatlook import tree_of
from bigview.raster.heatswipe import SwipeLook
from bigview.raster.margins import Margins, has_margins, margins
from bigview.raster.tracks import Track, marks, track_names
from bigview.spec import View
from bigview.store.axistable import is_expression
from bigview.store.matrix import MatrixTable, Side
from bigview.views.live import sentence

EDGES = 400
"""Edges of clusters that are sent for a view; more would be a solid line."""
Ids = NDArray[np.int64]
_MESSAGES = {"cut": "_cut", "clusters": "_step", "branch": "_branch", "walk": "_walk", "track": "_track", "margins": "_margin"}
_MESSAGES |= {"search": "_search", "hit": "_next", "first": "_first"}


@dataclass(frozen=True)
class _Asked:
    view: View
    look: Any
    recipes: tuple[str, str]
    cuts: tuple[float | None, float | None]
    clusters: tuple[int | None, int | None]
    text: str
    margins: bool
    chosen: Chosen | None


class HeatSides:
    """What one visitor sees beside the map.

    Parameters
    ----------
    page : HeatPage
        The explorer.
    """

    def __init__(self, page: HeatPage) -> None:
        self._page = page
        self._view: View | None = None
        self._trees: dict[str, Dendrogram] = {}
        self._cuts: dict[str, float | None] = dict.fromkeys(SIDES)
        self._cut_of: dict[str, str] = dict.fromkeys(SIDES, "")
        self._counts: dict[str, int | None] = dict.fromkeys(SIDES)
        self._walks: dict[Side, Walk] = {}
        self._chosen: Chosen | None = None
        self._text, self._hits, self._at = page.state.spec.search, {side: np.empty(0, np.int64) for side in SIDES}, -1
        self._worker: Any = None
        self._margins = page.state.spec.margins
        self._known: dict[Any, Any] = {}

    def expected(self) -> dict[str, Any]:
        """Return what will stand beside the map, so that the page can keep room for it."""
        spec = self._page.state.spec
        found: dict[str, Any] = {}
        for side in SIDES:
            one = getattr(spec, side)
            found[side] = {"tracks": len(self._columns(side)), "tree": one is not None and one.by == "cluster", "margin": spec.margins}
        return found

    def follow(self, spec: MatrixSpec) -> None:
        """Show the clusters and the margins that a spec has."""
        counts = dict(zip(SIDES, spec.clusters or (None, None), strict=True))
        changed = [side for side in SIDES if counts[side] != self._counts[side]]
        for side in changed:
            self._counts[side], self._cuts[side] = counts[side], None
        chosen = self._page.window.chosen
        now = spec.margins, spec.search, chosen
        if changed or now[:2] != (self._margins, self._text) or chosen is not self._chosen:
            self._at = self._at if spec.search == self._text else -1
            self._margins, self._text, self._chosen = now
            self.renew()

    def _columns(self, side: Side) -> list[str]:
        return track_names(axis_of(self._page.table, side))

    def told(self, kind: Any, value: Any) -> bool:
        """Act on a message of the page, in its turn; False for one that is not about the sides."""
        if kind not in _MESSAGES:
            return False
        self._page.map.soon(lambda: self._heard(_MESSAGES[kind], value))
        return True

    def _heard(self, act: str, value: Any) -> None:
        try:
            getattr(self, act)(value)
        except Exception as error:  # noqa: BLE001  a message must never end the session
            self._page.failed(sentence(error))

    def settled(self, view: View) -> None:
        """Take note of what is in view."""
        self._view = view
        self.renew()

    def renew(self) -> None:
        """Show what belongs to the view."""
        if self._view is None:
            return
        spec = self._page.state.spec
        recipes = tuple(one.name if one is not None and one.by == "cluster" else "" for one in (spec.rows, spec.cols))
        for side, recipe in zip(SIDES, recipes, strict=True):
            if self._cut_of[side] != recipe:
                self._cut_of[side], self._cuts[side] = recipe, None
                self._counts[side] = (spec.clusters or (None, None))[SIDES.index(side)]
        if self._worker is None:
            self._worker = self._page.map.worker(self._work, self._deliver)
        cuts = (self._cuts["rows"], self._cuts["cols"])
        clusters = (self._counts["rows"], self._counts["cols"])
        self._worker.request(_Asked(self._view, self._page.look, (recipes[0], recipes[1]), cuts, clusters, self._text, self._margins, self._chosen))

    def _work(self, asked: _Asked, _: Callable[[], bool]) -> Iterator[Any]:
        table = self._page.table
        hits = {side: self._found(table, asked, side) for side in SIDES}
        made = {side: self._tree(table, asked, side, recipe) for side, recipe in zip(SIDES, asked.recipes, strict=True)}
        trees = {side: tree for side, tree in made.items() if tree is not None}
        shown: dict[str, Any] = {}
        beside = margins(table, asked.view, asked.look) if asked.margins else None
        for number, side in enumerate(SIDES):
            (low, high), pixels = (asked.view.y_range, asked.view.height) if side == "rows" else (asked.view.x_range, asked.view.width)
            order = getattr(asked.look, side)
            index = None if order is None else order.index
            part: dict[str, Any] = {"low": low, "high": high, "tracks": self._tracks(side, asked.look.style.dark, index, (low, high, pixels))}
            if side in trees:
                part["tree"] = tree_told(trees[side], low, high, cut_of(trees[side], asked.cuts[number], asked.clusters[number]))
            if asked.margins:
                part["margin"] = margin_told(beside, side)
            if asked.text:
                size = axis_of(table, side).size if index is None else len(index)
                found = hits[side]
                part["hits"] = {"here": marks(found, low, high, pixels), "all": marks(found, 0, max(1, size), 300), "count": len(found)}
            if asked.chosen is not None and asked.chosen.numbers[number] is not None:
                part["chosen"] = marks(self._standing(asked, number), low, high, pixels)
            shown[side] = part
        yield hits, trees, shown

    def _deliver(self, asked: _Asked, found: Any) -> None:
        self._hits, self._trees, shown = found
        shown |= {"text": asked.text, "first": self._sorted(), "plain": not is_expression(asked.text)}
        for number, side in enumerate(SIDES):
            if "tree" in shown[side] and self._cuts[side] is None and self._counts[side] == asked.clusters[number]:
                self._cuts[side] = shown[side]["tree"]["cut"]
        self._page.stage.sides = shown

    def _tree(self, table: MatrixTable, asked: _Asked, side: Side, recipe: str) -> Dendrogram | None:
        order = getattr(asked.look, side)
        if not recipe or order is None:
            return None
        key = ("tree", side)
        known = self._known.get(key)
        if known is None or known[0] != recipe:
            known = self._known[key] = recipe, Dendrogram(tree_of(table, side, recipe))
        dendrogram: Dendrogram = known[1]
        # Until a new order is shown the tree would stand beside the rows of another.
        return dendrogram if len(dendrogram.tree) == len(order) and (dendrogram.tree.index[:64] == order.index[:64]).all() else None

    def _tracks(self, side: Side, dark: bool, index: Ids | None, place: tuple[float, float, int]) -> list[dict[str, Any]]:
        axis = axis_of(self._page.table, side)
        told = []
        for name in self._columns(side):
            track = self._known.get(("track", side, name))
            if track is None:
                track = self._known["track", side, name] = Track.of(axis, name)
            tones = track.tones(index, place[0], place[1], max(1, min(place[2], 4_000)))
            colors = like_cells(self._page.table, track.labels, track.colours(dark), dark)
            told.append({"name": name, "tones": base64.b64encode(tones.tobytes()).decode(), "colors": colors})
        return told

    def _standing(self, asked: _Asked, number: int) -> Ids:
        """Return where the rows (0) or the columns (1) that are selected stand."""
        order = (asked.look.rows, asked.look.cols)[number]
        key = (asked.chosen, None if order is None else order.digest)
        known = self._known.get(("chosen", number))
        if known is None or known[0] != key:
            known = self._known["chosen", number] = key, asked.chosen.places(asked.look, number)  # type: ignore[union-attr]
        return np.asarray(known[1])

    def _found(self, table: MatrixTable, asked: _Asked, side: Side) -> Ids:
        """Return the places of the names in which a text, or a regular expression, is found, ascending."""
        if not asked.text:
            return np.empty(0, np.int64)
        order = getattr(asked.look, side)
        key = (asked.text, None if order is None else order.digest)
        known = self._known.get(("hits", side))
        if known is None or known[0] != key:
            numbers = axis_of(table, side).find(asked.text)
            places = numbers if order is None else np.sort(order.inverse[numbers])
            known = self._known["hits", side] = key, places[places >= 0]
        return np.asarray(known[1])

    def _cut(self, value: Any) -> None:
        side = _side(value)
        if side in self._trees:
            top = self._trees[side].tree.top
            self._set(side, None if value["height"] is None else min(max(float(value["height"]), 0.0), top))

    def _set(self, side: Side, cut: float | None) -> None:
        """Cut a tree at a height; the link has the number of its clusters."""
        self._cuts[side] = cut
        self._counts[side] = None if cut is None else self._trees[side].tree.count(cut)
        self._page.state.cut(side, self._counts[side])
        self.renew()

    def _step(self, value: Any) -> None:
        """Cut the tree into more, or fewer, clusters."""
        side = _side(value)
        if side in self._trees:
            tree = self._trees[side].tree
            cut = self._cuts[side]
            now = tree.groups if cut is None else tree.count(cut)
            step = value["step"]
            wanted = tree.groups if step is None else max(tree.groups, now + int(step))
            self._set(side, None if wanted == tree.groups else tree.height_for(wanted))

    def _margin(self, value: Any) -> None:
        """Show the means of rows and columns beside the map, or take them away."""
        state = self._page.state
        if value and not isinstance(self._page.look, SwipeLook) and not has_margins(self._page.table):
            self._page.failed("Rows and columns have no mean here: the cells hold categories, ratios, or distances that are known close by only.")
        else:
            state.spec = state.spec.replaced(margins=bool(value))

    def _branch(self, value: Any) -> None:
        """Select the rows (or the columns) of a branch."""
        side = _side(value)
        found = self._trees[side].at(float(value["place"]), float(value["height"])) if side in self._trees else None
        if found is not None:
            self._take(side, found)

    def _take(self, side: Side, ends: tuple[int, int]) -> None:
        rows, cols = self._page.shape
        self._page.window.choose((ends, (0, cols)) if side == "rows" else ((0, rows), ends))

    def _walk(self, value: Any) -> None:
        """Go to another branch of a tree, by keys, and read it aloud; "take" selects it."""
        side, way = _side(value), str(value["way"])
        if side not in self._trees:
            return
        page, walk = self._page, self._walks.get(side)
        if walk is None or walk.shown is not self._trees[side]:
            cell = page.acts.cell
            walk = self._walks[side] = Walk.begin(self._trees[side], self._cuts[side], None if cell is None else cell[SIDES.index(side)])
        elif way != "take":
            walk = self._walks[side] = walk.gone(way)
        if way == "take":
            self._take(side, walk.span)
        page.stage.walk = {} if way == "leave" else {"side": side, "ends": list(walk.span), "height": walk.height}
        if way != "leave":
            page.tell(("Selected: " if way == "take" else "") + walk.told(page.table, page.look, side))

    def _track(self, value: Any) -> None:
        """Sort by a track: ascending, then descending, then as before."""
        side, name = _side(value), str(value["name"])
        known = getattr(self._page.state.spec, side)
        same = known is not None and known.by == "column" and known.name == name
        self._page.state.sort(side, None if same and known.descending else Ordering("column", name, same))

    def _search(self, value: Any) -> None:
        state = self._page.state
        state.spec = state.spec.replaced(search=str(value)[:LONGEST_SEARCH])

    def _first(self, _: Any) -> None:
        """Put the hits before all other rows and columns, or back to where they were."""
        state, text = self._page.state, self._text
        if self._sorted():
            for side in SIDES:
                one = getattr(state.spec, side)
                if one is not None and one.by == "search" and one.name == text:
                    state.sort(side, one.base)
            return
        some = [side for side in SIDES if 0 < len(self._hits[side]) < self._page.shape[SIDES.index(side)]]
        for side in some:
            state.sort(side, by_search(text, getattr(state.spec, side)))
        if some:
            self._page.tell(f"Hits first: {' and '.join(counted(len(self._hits[side]), 'row' if side == 'rows' else 'column') for side in some)}")
        else:
            self._page.failed("Nothing is found that could stand before the others.")

    def _sorted(self) -> bool:
        """Whether the hits of this search stand first."""
        spec = self._page.state.spec
        return any(one is not None and one.by == "search" and one.name == self._text for one in (spec.rows, spec.cols))

    def _next(self, value: Any) -> None:
        """Go to the next hit, or the one before."""
        rows, cols = self._hits["rows"], self._hits["cols"]
        total = len(rows) + len(cols)
        if total:
            self._at = (self._at + (1 if value == 1 else -1)) % total if self._at >= 0 or value != 1 else 0
            (r0, _), (c0, _) = self._page.window.box
            place = (int(rows[self._at]), c0) if self._at < len(rows) else (r0, int(cols[self._at - len(rows)]))
            self._page.acts.go(*place)


def cut_of(shown: Dendrogram, cut: float | None, clusters: int | None) -> float | None:
    """Return the height at which a tree is cut: where it was cut last, or so that there are so many clusters."""
    tree = shown.tree
    return cut if cut is not None or clusters is None or clusters <= tree.groups else tree.height_for(min(clusters, len(tree)))


def margin_told(found: Margins | None, side: Side) -> dict[str, Any]:
    """Return what a page draws of the means along a side: numbers in single precision, where they are, and their ends."""
    if found is None:
        return {}
    lines = getattr(found, side)
    finite = np.concatenate([line[np.isfinite(line)] for line in lines])
    low, high = found.bounds[2:] if side == "rows" else found.bounds[:2]
    ends = [float(finite.min()), float(finite.max())] if len(finite) else [0.0, 1.0]
    packed = [base64.b64encode(line.astype("<f4").tobytes()).decode() for line in lines]
    return {"lines": packed, "low": low, "high": high, "ends": ends, "texts": [value_text(end) for end in ends]}


def tree_told(shown: Dendrogram, low: float, high: float, cut: float | None) -> dict[str, Any]:
    """Return what a page draws of a tree in a view: lines in single precision (place from `low`, height, place, height), the cut and its clusters."""
    tree = shown.tree
    drawn = shown.drawn(low, high)
    top = drawn.top(low, high) or tree.top
    lines = drawn.lines - np.array([low, 0, low, 0])
    edges: list[int] = []
    if cut is not None:
        first, last = max(0, int(low) - 1), min(len(tree) - 1, int(np.ceil(high)))
        parted = first + 1 + np.flatnonzero(tree.heights[tree.gaps[first:last]] > cut)
        edges = parted.tolist() if len(parted) <= EDGES else []
    count = tree.groups if cut is None else tree.count(cut)
    packed = base64.b64encode(lines.astype("<f4").tobytes()).decode()
    return {"lines": packed, "top": top or 1.0, "whole": tree.top, "cut": cut, "count": count, "edges": edges, "title": tree.title}


def _side(value: Any) -> Side:
    return "cols" if value["side"] == "cols" else "rows"
