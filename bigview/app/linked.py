"""A map and a matrix of the same records, side by side: what is selected in one is shown in the other."""

from functools import cached_property
from typing import Any

import numpy as np
import panel as pn
from numpy.typing import NDArray

from bigview.app.explorer import Explorer
from bigview.app.heatmap import HeatmapExplorer
from bigview.errors import InputError
from bigview.raster.heatlabels import axis_of
from bigview.spec import Filter, Filters
from bigview.state import Spec
from bigview.store.matrix import MatrixTable
from bigview.store.points import PointTable
from bigview.store.reader import ROW

MOST_RECORDS = 20_000_000
"""Selected records that become rows of the matrix: about three seconds, off the event loop."""
MOST_ROWS = 2_000_000
"""Rows of the matrix that are selected on the map, as a list of their records: about a second."""

Ids = NDArray[np.int64]


class Records:
    """Which row of a matrix is which record of a map.

    Parameters
    ----------
    points : PointTable
    matrix : MatrixTable
        Its rows have the names that the key of the points has; or it is the similarity of the points' own vectors.

    Raises
    ------
    InputError
        When nothing tells which row is which record.
    """

    def __init__(self, points: PointTable, matrix: MatrixTable) -> None:
        self._points, self._matrix = points, matrix
        self._same = matrix.manifest.options.get("store_fingerprint") == points.manifest.fingerprint
        if not linkable(points, matrix):
            raise InputError(
                f"Nothing tells which row of {matrix.folder.url} is which record of {points.reader.folder.url}. "
                "Build the points with --key COLUMN, and name the matrix's rows by the values of that column."
            )
        if not self._same and not (self._rows >= 0).any():
            raise InputError(f"No row of {matrix.folder.url} has a name that {points.manifest.key!r} of the points has, such as {self._sample!r}.")

    @cached_property
    def _rows(self) -> Ids:
        """The row of the matrix of each record, by its number in the source; −1 where it has none."""
        key, count = str(self._points.manifest.key), self._points.manifest.rows
        found = self._points.records(np.arange(count), [key, ROW])
        rows = np.full(count, -1, np.int64)
        rows[found[ROW].to_numpy()] = axis_of(self._matrix, "rows").positions(found[key])
        return rows

    @cached_property
    def _records(self) -> Ids:
        """The record of each row of the matrix; −1 where it has none."""
        known = np.flatnonzero(self._rows >= 0)
        records = np.full(self._matrix.shape[0], -1, np.int64)
        records[self._rows[known]] = known
        return records

    @property
    def _sample(self) -> str:
        key = str(self._points.manifest.key)
        return str(self._points.rows(columns=[key], limit=1)[key].iloc[0])

    def rows_of(self, where: Filters) -> Ids:
        """Return the native rows of the matrix of the records that pass, ascending."""
        found = self._points.rows(None, where, columns=[ROW], limit=MOST_RECORDS)[ROW].to_numpy(np.int64)
        rows = found if self._same else self._rows[found]
        return np.sort(rows[rows >= 0])

    def beyond(self, where: Filters) -> str:
        """Return a sentence where more records pass than become rows; nothing elsewhere."""
        count = self._points.count(None, where)
        return (
            ""
            if count <= MOST_RECORDS
            else f"{MOST_RECORDS:,} of the {count:,} selected records are the rows here; more take too long to carry over."
        )

    def records_of(self, rows: Ids) -> list[int]:
        """Return the records of native rows of the matrix, by their numbers in the source."""
        found = rows if self._same else self._records[rows]
        kept: list[int] = found[found >= 0].tolist()
        return kept


class Linked(pn.viewable.Viewer):
    """A map and a matrix side by side, for one visitor.

    A selection on the map leaves its records as the rows of the matrix; rows that are selected in the matrix, by a box or as a branch of its tree,
    are selected on the map.

    Parameters
    ----------
    points : PointTable
    matrix : MatrixTable
    height : int
        Pixels, in a notebook. On a page of its own the two fill the window.

    Raises
    ------
    InputError
        When nothing tells which row is which record.
    """

    def __init__(self, points: PointTable, matrix: MatrixTable, height: int = 640) -> None:
        super().__init__()
        self._known = Records(points, matrix)
        self.points, self.matrix = Explorer(points), HeatmapExplorer(matrix)
        self._height = height
        self._carried: Any = None  # the selection that came from the matrix, which is not sent back
        stages = self.points.stage, self.matrix.stage
        self._page = stages[0].facts["page"]
        for stage in stages:
            # One address has no room for the links of two, and one window no room for two that fill it.
            facts, tall = {**stage.facts, "page": False}, None if self._page else height
            stage.param.update(facts=facts, styles={"position": "relative"}, sizing_mode="stretch_both", min_width=0, height=tall)
        self.points.state.param.watch(lambda event: self._selected(event.old, event.new), "spec")
        self.matrix.window.listeners.append(self._chosen)
        self.matrix.window.opens = ""  # the map answers; a panel would lie over half of so narrow a matrix

    def __panel__(self) -> Any:
        place = {"styles": {"position": "fixed", "inset": "0"}} if self._page else {"height": self._height}
        return pn.Row(self.points.stage, self.matrix.stage, sizing_mode="stretch_both" if self._page else "stretch_width", margin=0, **place)

    def _selected(self, old: Spec, new: Spec) -> None:
        """Leave the selected records as the rows of the matrix."""
        if old.selection == new.selection or new.selection == self._carried:
            return
        if not new.selection:
            self.matrix.narrow(None)
            return
        where = Filters.of(self.points.where, self.points.selected)
        self.points.map.aside(lambda: (self._known.rows_of(where), self._known.beyond(where)), lambda found: self._narrow(*found))

    def _narrow(self, rows: Ids, beyond: str) -> None:
        if len(rows):
            self.matrix.map.soon(lambda: self.matrix.narrow(rows))
        if beyond or not len(rows):
            said = beyond or "None of the selected records is a row of this matrix."
            self.matrix.map.soon(lambda: self.matrix.say(said))

    def _chosen(self, rows: Ids | None) -> None:
        """Select the records of the rows that were selected; where these are none any more, what came from them."""
        state = self.points.state
        if rows is None:
            if self._carried is not None and state.spec.selection == self._carried:
                self.points.map.soon(lambda: state.change(selection=()))
            return
        if len(rows) > MOST_ROWS:
            self.matrix.say(f"The first {MOST_ROWS:,} of these {len(rows):,} rows are selected on the map; more take too long to carry over.")
        some = rows[:MOST_ROWS]
        self.matrix.map.aside(lambda: self._known.records_of(some), self._light)

    def _light(self, records: list[int]) -> None:
        if not records:
            self.matrix.failed("None of these rows is a record of the map.")
            return
        state = self.points.state
        self._carried = (("add", Filter(rows=records)),)
        self.points.map.soon(lambda: state.change(selection=self._carried))


def linkable(points: Any, matrix: Any) -> bool:
    """Tell whether rows of a matrix may be records of a map, without reading either."""
    if not (isinstance(points, PointTable) and isinstance(matrix, MatrixTable)):
        return False
    same = matrix.manifest.options.get("store_fingerprint") == points.manifest.fingerprint
    return same or (points.manifest.key is not None and matrix.rows.named)


def linked_page(points: Any, matrix: Any) -> Any:
    """Return a map and a matrix as a page of their own; the map alone, with a sentence, where they have nothing in common."""
    if not (isinstance(points, PointTable) and isinstance(matrix, MatrixTable)):
        raise InputError("A map and a matrix are linked: name a store of points first, then a matrix.")
    pn.extension()
    try:
        return Linked(points, matrix)
    except InputError as error:
        alone = Explorer(points)
        alone.say(str(error))
        return alone
