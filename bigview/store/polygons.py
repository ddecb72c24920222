"""Polygons to bits: cells that no edge comes near are inside or outside as a whole; only rows in the other cells are tested, each exactly."""

from dataclasses import dataclass
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from bigview.errors import OptionError
from bigview.store import pool
from bigview.store.bits import Bits, words
from bigview.store.loose import loose_rows
from bigview.store.morton import gather
from bigview.store.reader import Reader, X, Y
from bigview.store.selection import Box, covering

_MOST_CELLS = 1 << 24  # of the grid over the polygon: 16 MB, about 4096 × 4096
_MOST_OCCUPIED = 1 << 22  # cells of a level, all of which are gone through
_FARTHEST = 1e12  # cells from the grid to a corner: beyond, rounding might move an edge by more than `_MARGIN`
_MARGIN = 0.01  # cells around an edge that count as near it
_FEW_CELLS = 1 << 12  # a grid with fewer would leave most rows to be tested; such a polygon is small, and so is the number of its rows
_BAND = 1 << 20  # rows of a task
_STRIPS = 1 << 12  # horizontal strips that know their edges, so that a row is tested against a few of them
_OUTSIDE, _INSIDE, _NEAR = 0, 1, 2

Edges = tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64], tuple[float, float, float, float, float]]


@dataclass(frozen=True, eq=False)
class Grid:
    """Cells of a level over a polygon: `states` of those from `column` and `row` on."""

    level: int
    column: int
    row: int
    states: NDArray[np.uint8]


def polygon_bits(reader: Reader, corners: tuple[tuple[Any, Any], ...]) -> Bits:
    """Return the bits of the rows inside a polygon (even-odd rule), its corners in data coordinates."""
    x, y = reader.manifest.x, reader.manifest.y
    outline = np.array([(x.position(a), y.position(b)) for a, b in corners], np.float64)
    if not np.isfinite(outline).all():
        raise OptionError("The corners of a polygon must be finite numbers.")
    edges = _edges(outline)
    (left, bottom), (right, top) = outline.min(0), outline.max(0)
    bits = np.zeros(words(reader.manifest.rows), np.uint64)
    if reader.manifest.placed and left <= x.high and right >= x.low and bottom <= y.high and top >= y.low:
        box = Box(max(left, x.low), min(right, x.high), max(bottom, y.low), min(top, y.high), True, True)
        grid = _grid(reader, outline, box)
        if grid is None:
            spans = covering(reader, box)
            _test(reader, edges, (spans.r0, spans.r1), bits)
        else:
            _with_cells(reader, edges, grid, bits)
    return bits


def _edges(outline: NDArray[np.float64]) -> Edges:
    """Return the edges, those of each horizontal strip (as in CSR: offsets and numbers), and the frame: left, right, bottom, top, strips a unit."""
    lines = np.ascontiguousarray(np.hstack([outline, np.roll(outline, 1, 0)]))
    bottom, top = float(outline[:, 1].min()), float(outline[:, 1].max())
    frame = (float(outline[:, 0].min()), float(outline[:, 0].max()), bottom, top, _STRIPS / max(top - bottom, 1e-300))
    offsets = np.zeros(_STRIPS + 1, np.int64)
    _strips(lines, frame, offsets, np.empty(0, np.int64))
    offsets = np.concatenate([[0], np.cumsum(offsets[:-1])])
    numbers = np.empty(int(offsets[-1]), np.int64)
    _strips(lines, frame, offsets.copy(), numbers)
    return lines, offsets, numbers, frame


@nb.njit(inline="always")
def _strip(b, frame):  # type: ignore[no-untyped-def]
    return min(max(np.int64(min((b - frame[2]) * frame[4], 1e9)), 0), _STRIPS - 1)


@nb.njit(nogil=True, cache=True)
def _strips(lines, frame, cursor, out):  # type: ignore[no-untyped-def]
    """Count the edges of each strip in `cursor`, or, with room in `out`, write them where `cursor` points."""
    for q in range(lines.shape[0]):
        low, high = min(lines[q, 1], lines[q, 3]), max(lines[q, 1], lines[q, 3])
        for strip in range(_strip(low, frame), _strip(high, frame) + 1):
            if out.shape[0]:
                out[cursor[strip]] = q
            cursor[strip] += 1


@nb.njit(inline="always")
def _inside(a, b, edges):  # type: ignore[no-untyped-def]
    """Even-odd rule, a ray towards +x (Shimrat, 1962), against the edges of the row's own strip."""
    lines, offsets, numbers, frame = edges
    if not (frame[0] <= a <= frame[1] and frame[2] <= b <= frame[3]):
        return False
    odd, strip = False, _strip(b, frame)
    for place in range(offsets[strip], offsets[strip + 1]):
        q = numbers[place]
        x0, y0, x1, y1 = lines[q, 0], lines[q, 1], lines[q, 2], lines[q, 3]
        if (y0 > b) != (y1 > b) and a < (x1 - x0) * (b - y0) / (y1 - y0) + x0:
            odd = not odd
    return odd


@nb.njit(nogil=True, cache=True)
def _test_rows(x, y, runs, edges, first, bits):  # type: ignore[no-untyped-def]
    """Set the bits of the rows of runs that are inside; `first` is the row of the first bit, positions stand at row − shift."""
    starts, stops, shifts = runs
    for q in range(starts.shape[0]):
        for row in range(starts[q], stops[q]):
            if _inside(nb.float64(x[row - shifts[q]]), nb.float64(y[row - shifts[q]]), edges):
                bits[(row - first) >> 6] |= nb.uint64(1) << nb.uint64((row - first) & 63)


def _test(reader: Reader, edges: Edges, runs: tuple[NDArray[np.int64], NDArray[np.int64]], bits: Bits) -> None:
    """Test the rows of ascending runs, a band of rows a task: bands begin with a word, so that no two write to one."""
    starts, stops = runs

    def part(first: int) -> None:
        a, b = int(np.searchsorted(stops, first, "right")), int(np.searchsorted(starts, first + _BAND, "left"))
        mine = np.maximum(starts[a:b], first), np.minimum(stops[a:b], first + _BAND)
        with reader.pages.pinned([X, Y], reader.pages.groups_of(*mine)) as (x, y):
            _test_rows(x, y, (*mine, np.zeros(len(mine[0]), np.int64)), edges, first, bits[first // 64 :])

    crossed = np.zeros(reader.manifest.rows // _BAND + 2, np.int64)
    there = stops > starts
    np.add.at(crossed, starts[there] // _BAND, 1)
    np.add.at(crossed, (stops[there] - 1) // _BAND + 1, -1)
    pool.run(part, (np.flatnonzero(np.cumsum(crossed)) * _BAND).tolist())


def _grid(reader: Reader, outline: NDArray[np.float64], box: Box) -> Grid | None:
    """Return the finest grid over the polygon that is not too large; None where only its rows help."""
    x, y = reader.manifest.x, reader.manifest.y
    best: tuple[int, int, int, int, int] | None = None
    for level in reader.levels():
        i0, j0 = x.cell(box.x0, level), y.cell(box.y0, level)
        columns, rows = x.cell(box.x1, level) - i0 + 1, y.cell(box.y1, level) - j0 + 1
        occupied = int(reader.level(level)[0].offsets[-1])
        if columns * rows > _MOST_CELLS or occupied > _MOST_OCCUPIED or loose_rows(reader, level) is None:
            break
        best = level, i0, j0, columns, rows
    if best is None or best[3] * best[4] < _FEW_CELLS:
        return None
    level, i0, j0, columns, rows = best
    scaled = (outline - (x.edge(i0, level), y.edge(j0, level))) / (x.size(level), y.size(level))
    if not np.abs(scaled).max() < _FARTHEST:
        return None
    states = np.zeros((rows, columns), np.uint8)
    lines = np.ascontiguousarray(np.hstack([scaled, np.roll(scaled, 1, 0)]))
    _fill(lines, states)
    _mark(lines, states)
    return Grid(level, i0, j0, states)


@nb.njit(nogil=True, cache=True)
def _fill(lines, states):  # type: ignore[no-untyped-def]
    """Whether the centre of each cell is inside: every edge turns over all cells to its left."""
    rows, columns = states.shape
    for q in range(lines.shape[0]):
        x0, y0, x1, y1 = lines[q, 0], lines[q, 1], lines[q, 2], lines[q, 3]
        if y0 == y1:
            continue
        low, high = min(y0, y1), max(y0, y1)
        for j in range(np.int64(max(low - 1.0, 0.0)), np.int64(max(min(high + 1.0, nb.float64(rows)), 0.0))):
            b = j + 0.5
            if (y0 > b) != (y1 > b):
                last = np.int64(np.floor(min(max((x1 - x0) * (b - y0) / (y1 - y0) + x0 - 0.5, -1.0), nb.float64(columns))))
                if last >= 0:
                    states[j, min(last, columns - 1)] ^= 1
    for j in range(rows):
        odd = 0
        for i in range(columns - 1, -1, -1):
            odd ^= states[j, i]
            states[j, i] = odd


@nb.njit(nogil=True, cache=True)
def _mark(lines, states):  # type: ignore[no-untyped-def]
    """Mark the cells that an edge passes through or comes near."""
    rows, columns = states.shape
    for q in range(lines.shape[0]):
        x0, y0, x1, y1 = lines[q, 0], lines[q, 1], lines[q, 2], lines[q, 3]
        if y0 > y1:
            x0, y0, x1, y1 = x1, y1, x0, y0
        for j in range(np.int64(max(np.floor(y0 - _MARGIN), 0.0)), np.int64(min(np.floor(y1 + _MARGIN) + 1, nb.float64(rows)))):
            low, high = min(max(y0, j - _MARGIN), y1), max(min(y1, j + 1 + _MARGIN), y0)
            a = x0 if y1 == y0 else x0 + (x1 - x0) * ((low - y0) / (y1 - y0))
            b = x1 if y1 == y0 else x0 + (x1 - x0) * ((high - y0) / (y1 - y0))
            first, last = np.floor(min(a, b) - _MARGIN), np.floor(max(a, b) + _MARGIN) + 1
            for i in range(np.int64(max(first, 0.0)), np.int64(min(last, nb.float64(columns)))):
                states[j, i] = _NEAR


def _with_cells(reader: Reader, edges: Edges, grid: Grid, bits: Bits) -> None:
    packed, (groups, cells) = loose_rows(reader, grid.level), reader.level(grid.level)
    if packed is None:
        raise AssertionError("a grid is made of a level whose loose rows are known")
    frame = (grid.column, grid.row)
    near: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    with cells.pinned(["key", "start", "count"], np.arange(len(groups.files))) as (key, start, count):
        bands = np.arange(0, reader.manifest.placed, _BAND)
        # In the type of the starts: any other would have them converted, all of them, for every band.
        cuts = np.searchsorted(start, np.minimum(np.append(bands, reader.manifest.placed), np.iinfo(start.dtype).max).astype(start.dtype))

        def part(band: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
            first, a, b = int(bands[band]), max(0, int(cuts[band]) - 1), int(cuts[band + 1])
            starts, stops = np.empty(b - a, np.int64), np.empty(b - a, np.int64)
            found = _whole_cells((key[a:b], start[a:b], count[a:b]), frame, grid.states, (first, first + _BAND), bits, (starts, stops))
            return starts[:found], stops[:found]

        near += pool.run(part, range(len(bands)))
    _test(reader, edges, (np.concatenate([run[0] for run in near]), np.concatenate([run[1] for run in near])), bits)
    with packed.table.pinned([X, Y], np.arange(len(packed.table.offsets) - 1)) as (x, y):
        _test_rows(x, y, (packed.begins, packed.stops, packed.begins - packed.before), edges, 0, bits)


@nb.njit(nogil=True, cache=True)
def _whole_cells(cells, frame, states, band, bits, out):  # type: ignore[no-untyped-def]
    """Set the bits of cells inside, and list the runs of cells near an edge, both cut to a band of rows that begins with a word."""
    key, start, count = cells
    found = 0
    for c in range(key.shape[0]):
        i, j = nb.int64(gather(key[c])) - frame[0], nb.int64(gather(nb.uint64(key[c]) >> nb.uint64(1))) - frame[1]
        if i < 0 or j < 0 or i >= states.shape[1] or j >= states.shape[0]:
            continue
        state = states[j, i]
        first, stop = max(np.int64(start[c]), band[0]), min(np.int64(start[c]) + np.int64(count[c]), band[1])
        if state == _OUTSIDE or first >= stop:
            continue
        if state == _INSIDE:
            _set_run(bits, first, stop)
        elif found and out[1][found - 1] == first:
            out[1][found - 1] = stop
        else:
            out[0][found], out[1][found] = first, stop
            found += 1
    return found


@nb.njit(inline="always")
def _set_run(bits, start, stop):  # type: ignore[no-untyped-def]
    first, last = start >> 6, (stop - 1) >> 6
    low = nb.uint64(0xFFFFFFFFFFFFFFFF) << nb.uint64(start & 63)
    high = nb.uint64(0xFFFFFFFFFFFFFFFF) >> nb.uint64(63 - ((stop - 1) & 63))
    if first == last:
        bits[first] |= low & high
        return
    bits[first] |= low
    for word in range(first + 1, last):
        bits[word] = nb.uint64(0xFFFFFFFFFFFFFFFF)
    bits[last] |= high
