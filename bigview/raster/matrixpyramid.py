"""Matrices in their own order: views are drawn from a level of the pyramid, and from the cells themselves where these are few."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bigview.config import limits
from bigview.raster.blocks import BlockReduction, Reduced
from bigview.raster.levelloops import add_level
from bigview.raster.pixels import AxisPixels
from bigview.raster.sides import MatrixSide
from bigview.store import pool
from bigview.store.matrix import MatrixTable
from bigview.store.matrixlevels import LevelArrays, level_arrays

_SLICES = 4
"""Slices of pixel rows a thread: threads that others slow down are helped out."""

Span = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Pyramidal:
    """What each pixel of a view holds.

    Attributes
    ----------
    found : Reduced
    level : int
        0 for the cells themselves, else the number of the level, from 1 on.
    error : float
        The furthest that a cell may be counted from its place, in pixels; 0 where every cell counts in the pixel that holds its centre.
    """

    found: Reduced
    level: int
    error: float


class Cut(NamedTuple):
    """One axis of a view over a level: which of the level's cells are whole inside, and which rows (or columns) beside them are not."""

    inner: Span
    outer: Span
    edges: NDArray[np.int64]

    @classmethod
    def of(cls, side: MatrixSide, step: int) -> "Cut":
        """Return the cut of a side for a level that covers `step` rows (or columns) in a cell."""
        first, stop = int(side.edges[0]), int(side.edges[-1])
        low = -(-first // step)
        high = -(-stop // step) if stop == side.size else stop // step
        # A level's cell belongs to the pixel that holds its centre, as a cell does.
        edges = np.clip(np.floor((side.edges + (step - 1) // 2) / step).astype(np.int64), low, max(low, high))
        edges[0], edges[-1] = low, max(low, high)
        return cls((low, max(low, high)), (first, stop), edges)


def pyramid_cells(table: MatrixTable, y: MatrixSide, x: MatrixSide, squares: bool = False) -> Pyramidal:
    """Return what each pixel of a view of a dense matrix holds, in the matrix's own order.

    Parameters
    ----------
    y, x : MatrixSide
    squares : bool
        Whether the sums of squares are wanted too.
    """
    number = choose_level(table, y, x)
    rows, cols = AxisPixels.of(y), AxisPixels.of(x)
    centre = float(table.manifest.facts.get("mean") or 0.0) if squares else None
    if number == 0:
        found = _raw(table, (rows, cols), centre, [((rows.span.start, rows.span.stop), (cols.span.start, cols.span.stop))])
        return Pyramidal(found, 0, 0.0)
    level = level_arrays(table.folder, table.manifest, table.manifest.levels[number - 1])
    down, across = Cut.of(y, level.rows), Cut.of(x, level.cols)
    found = _raw(table, (rows, cols), centre, list(ring(down, across, level))) + _from_level(table, level, (down, across), centre).by_pixel(
        rows, cols
    )
    error = max(error_of(y, level.rows), error_of(x, level.cols))
    return Pyramidal(found, number, error)


def choose_level(table: MatrixTable, y: MatrixSide, x: MatrixSide) -> int:
    """Return the number of the level to draw a view from, 0 for the cells.

    Fine enough is a level whose cells are at most half a pixel. Of these the coarsest is taken whose edges are those of the pixels, because it is
    exact, unless it is much to read; then the one with the least to read. The cells themselves are taken where they are few.
    """
    cells = math.prod(int(side.edges[-1] - side.edges[0]) for side in (y, x))
    if cells <= limits().exact_cells:
        return 0
    costs = [(float(cells * table.dtype.itemsize), 0)]
    exact = []
    for number, level in enumerate(table.manifest.levels, 1):
        if is_fine(level.rows, y) and is_fine(level.cols, x):
            width = sum(np.dtype(level.planes[plane]).itemsize for plane in ("sum", "min", "max"))
            costs.append((cells / (level.rows * level.cols) * width, number))
            if max(error_of(y, level.rows), error_of(x, level.cols)) == 0 and cells / (level.rows * level.cols) <= limits().exact_cells / 2:
                exact.append(number)
    return exact[-1] if exact else min(costs)[1]


def is_fine(step: int, side: MatrixSide) -> bool:
    """Whether a level's cells are at most half a pixel."""
    return step == 1 or 2 * step <= side.step


def error_of(side: MatrixSide, step: int) -> float:
    """Return the furthest that a cell may be counted from its place: nowhere if all edges between pixels are edges of the level's cells."""
    inner = side.edges[1:-1]
    exact = ((inner % step == 0) | (inner == side.edges[0]) | (inner == side.edges[-1])).all()
    return 0.0 if exact else step / 2 / side.step


def ring(down: Cut, across: Cut, level: LevelArrays) -> Iterator[tuple[Span, Span]]:
    """Yield the rectangles of cells inside the view that the whole cells of the level leave over, at its edges."""
    (top, bottom), (left, right) = down.outer, across.outer
    r0, r1 = (min(max(end * level.rows, top), bottom) for end in down.inner)
    c0, c1 = (min(max(end * level.cols, left), right) for end in across.inner)
    for rows, cols in (((top, r0), (left, right)), ((r1, bottom), (left, right)), ((r0, r1), (left, c0)), ((r0, r1), (c1, right))):
        if rows[1] > rows[0] and cols[1] > cols[0]:
            yield rows, cols


def _raw(table: MatrixTable, pixels: tuple[AxisPixels, AxisPixels], centre: float | None, parts: list[tuple[Span, Span]]) -> Reduced:
    """Return what the pixels hold of rectangles of cells."""
    rows, cols = pixels
    reduction = BlockReduction(rows, cols, table.shape, table.dtype, table.missing, centre, table.whole)
    for down, across in parts:
        reduction.add(list(table.blocks(slice(*down), slice(*across))))
    return reduction.result()


def _from_level(table: MatrixTable, level: LevelArrays, cuts: tuple[Cut, Cut], centre: float | None) -> Reduced:
    """Return what the pixels hold of the whole cells of a level."""
    down, across = cuts
    shape = len(down.edges) - 1, len(across.edges) - 1
    kind = level.arrays["min"].dtype
    kind = np.dtype(np.uint8) if kind.kind == "b" else np.dtype(np.float32) if kind == np.float16 else kind
    bound: Any = np.finfo(kind) if kind.kind == "f" else np.iinfo(kind)
    least, greatest = (-np.inf, np.inf) if kind.kind == "f" else (bound.min, bound.max)
    squares = None if centre is None else np.zeros(shape)
    out = Reduced(np.zeros(shape, np.int64), np.zeros(shape), np.full(shape, greatest, kind), np.full(shape, least, kind), squares, centre or 0.0)
    names = {file.name for file in table.manifest.files} if table.manifest.facts.get("missing") else set()

    def work(span: Span) -> None:
        _add_span(level, cuts, (span, names, table.shape), out)

    pool.run(work, _spans(down.edges))
    return out


def _spans(edges: NDArray[np.int64]) -> list[Span]:
    """Cut pixel rows into slices of about as many of the level's rows."""
    parts = max(1, min(_SLICES * pool.threads(), len(edges) - 1))
    at = np.searchsorted(edges, edges[0] + np.arange(1, parts) * (edges[-1] - edges[0]) / parts)
    found = np.unique([0, *at.tolist(), len(edges) - 1])
    return [(int(a), int(b)) for a, b in pairwise(found)]


def _add_span(level: LevelArrays, cuts: tuple[Cut, Cut], work: tuple[Span, set[str], tuple[int, int]], out: Reduced) -> None:
    """Add the level's cells of some pixel rows."""
    (down, across), (span, names, shape) = cuts, work
    rows, cols = (int(down.edges[span[0]]), int(down.edges[span[1]])), across.inner
    arrays, none = level.arrays, np.empty((0, 0), level.arrays["missing"].dtype)
    wanted = ["min", "max", *(["squares"] if out.squares is not None else [])]
    others = [arrays[name].blocks(rows, cols) for name in wanted]
    for top, left, total in arrays["sum"].blocks(rows, cols):
        low, high, *seconds = (next(blocks)[2] for blocks in others)
        key = arrays["missing"].key(top // arrays["sum"].chunk[0], left // arrays["sum"].chunk[1])
        gone = next(arrays["missing"].blocks((top, top + total.shape[0]), (left, left + total.shape[1])))[2] if key in names else none
        first = (int(np.searchsorted(cut.edges, at, "right")) - 1 for cut, at in ((down, top), (across, left)))
        pixels = (next(first), down.edges, next(first), across.edges)
        planes = (total, _plain(low), _plain(high), seconds[0] if seconds else np.empty((0, 0), total.dtype), gone)
        squares = np.empty((0, 0)) if out.squares is None else out.squares
        add_level(planes, (top, left, level.rows, level.cols, *shape), pixels, out.centre, (out.total, out.count, out.low, out.high, squares))


def _plain(values: NDArray[Any]) -> NDArray[Any]:
    return values.view(np.uint8) if values.dtype.kind == "b" else values.astype(np.float32) if values.dtype == np.float16 else values
