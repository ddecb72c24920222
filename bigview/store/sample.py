"""Samples of rows by the hash of their number: without regard to place, the same each time, and steady when a filter narrows.

The sample of a selection is its rows with the smallest hashes. So a row in the sample of all rows is also in that of any part it belongs to. The
rows with the smallest hashes in the store are found once: a large store has them in a file of their own, of another they follow from the numbers
alone. A selection then takes the first of them that belong to it.
"""

import math
from typing import NamedTuple

import numba as nb
import numpy as np
from numpy.typing import NDArray

from bigview.config import limits
from bigview.store import pool
from bigview.store.bits import Bits
from bigview.store.reader import PLACE, ROW, Groups, Reader
from bigview.store.recent import Recent
from bigview.store.selection import Selection

Rows = NDArray[np.int64]

SHARE = 100
"""One row of so many is in the sample of a store."""
_FEWEST = 10_000  # rows of that sample: of a small store it is a larger share
_MOST = 2_000_000
_SMALLEST = 1 << 6  # rows looked for at once, at least: then four, sixteen, … times as many
_LARGEST = 1 << 20  # rows in hash order kept for a store: 8 MB. A selection with fewer of them than wanted is read itself
_PART = 1 << 22  # numbers hashed by a task
_GROUPS = 8  # row groups of the index read by a task: 1 M rows
_CHUNK = 1 << 16  # rows in hash order looked up in a selection at once


class Order(NamedTuple):
    """Positions of the rows with the smallest hashes, ascending by hash; `whole` where these are all rows."""

    positions: Rows
    whole: bool


_orders: Recent[Order] = Recent(lambda order: order.positions.nbytes, lambda: limits().frame_bytes)


@nb.njit(inline="always")
def _mixed(row, shift):  # type: ignore[no-untyped-def]
    z = nb.uint64(row) + shift + nb.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> nb.uint64(30))) * nb.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> nb.uint64(27))) * nb.uint64(0x94D049BB133111EB)
    return z ^ (z >> nb.uint64(31))


@nb.njit(nogil=True, cache=True)
def _hashes(rows, shift, out):  # type: ignore[no-untyped-def]
    for q in range(rows.shape[0]):
        out[q] = _mixed(rows[q], shift)


@nb.njit(nogil=True, cache=True)
def _below(start, stop, most, out_rows, out_hashes):  # type: ignore[no-untyped-def]
    """List the numbers whose hash is at most `most`; returns how many there are, also where there is room for fewer."""
    found = 0
    for row in range(start, stop):
        value = _mixed(row, nb.uint64(0))
        if value <= most:
            if found < out_rows.shape[0]:
                out_rows[found], out_hashes[found] = row, value
            found += 1
    return found


def row_hashes(rows: NDArray[np.integer], seed: int = 0) -> NDArray[np.uint64]:
    """Return a hash of each row's number: SplitMix64 (Steele et al., 2014) of the number and the seed."""
    out = np.empty(len(rows), np.uint64)
    _hashes(rows, np.uint64(seed * 0xD1342543DE82EF95 % (1 << 64)), out)
    return out


def size_of(rows: int) -> int:
    """Return about how many rows the sample of a store has."""
    return min(rows, max(_FEWEST, min(_MOST, rows // SHARE)))


def hash_limit(rows: int, size: int) -> np.uint64:
    """Return the greatest hash that about `size` of so many rows do not exceed."""
    return np.uint64((1 << 64) - 1) if size >= rows else np.uint64(size * ((1 << 64) - 1) // rows)


def sample(reader: Reader, selection: Selection, most: int) -> Rows:
    """Return the positions of at most `most` selected rows, those with the smallest hashes, ascending by hash."""
    total, rows = selection.count(), reader.manifest.rows
    if not total or not most:
        return np.empty(0, np.int64)
    share = min(1.0, most / total)
    size = _SMALLEST
    # So many of the store's first rows hold enough of the selection, but once in a million.
    while size < min(rows, rows * share + 5 * rows / total * math.sqrt(most)):
        size *= 4
    if min(size, rows) > max(_LARGEST, 4 * most):
        return _of_selected(reader, selection, most)
    found = _first(_order(reader, size), selection, most)
    return found if len(found) == min(most, total) else _of_selected(reader, selection, most)


def first_rows(reader: Reader, size: int) -> Rows:
    """Return the positions of about `size` rows, those with the smallest hashes in the store."""
    return _order(reader, size).positions


def _order(reader: Reader, size: int) -> Order:
    manifest = reader.manifest
    size = min(size, manifest.rows)
    return _orders.get((reader.folder.url, manifest.generation, manifest.fingerprint, size), lambda: _made(reader, size))


def _made(reader: Reader, size: int) -> Order:
    rows = reader.manifest.rows
    most = hash_limit(rows, size)
    kept = _in_file(reader, most) if len(reader.sample_groups.files) else None
    if kept is not None:
        return Order(kept, size >= rows)

    def part(start: int) -> tuple[Rows, NDArray[np.uint64]]:
        stop = min(start + _PART, rows)
        room = int((stop - start) * min(1.0, size / rows) * 1.1) + 100
        while True:
            numbers, hashes = np.empty(room, np.int64), np.empty(room, np.uint64)
            found = _below(start, stop, most, numbers, hashes)
            if found <= room:
                return numbers[:found], hashes[:found]
            room = found

    if not rows:
        return Order(np.empty(0, np.int64), True)
    parts = pool.run(part, range(0, rows, _PART))
    numbers = np.concatenate([found for found, _ in parts])
    order = np.argsort(np.concatenate([hashes for _, hashes in parts]))
    return Order(places_of(reader, numbers)[order], size >= rows)


def _in_file(reader: Reader, most: np.uint64) -> Rows | None:
    """Return the places of the rows up to a hash, ascending by it, from the file of the sample; None where that ends before."""
    hashes = row_hashes(reader.sampled(ROW))
    if not len(hashes) or hashes.max() < most:
        return None
    order = np.argsort(hashes)
    return np.asarray(reader.sampled(PLACE)[order[: np.searchsorted(hashes[order], most, "right")]])


def places_of(reader: Reader, numbers: Rows) -> Rows:
    """Return the places of source rows, which ascend: from the index, its row groups shared among the threads."""
    groups = reader.groups("row")
    out = np.empty(len(numbers), np.int64)
    edges = np.searchsorted(numbers, groups.offsets)
    wanted = np.flatnonzero(np.diff(edges))

    def part(first: int) -> None:
        _fill(reader, groups, wanted[first : first + _GROUPS].tolist(), (numbers, edges, out))

    pool.run(part, range(0, len(wanted), _GROUPS))
    return out


def _fill(reader: Reader, groups: Groups, wanted: list[int], work: tuple[Rows, Rows, Rows]) -> None:
    numbers, edges, out = work
    for group, table in zip(wanted, reader._read_groups(groups, wanted, ["position"]), strict=True):
        mine = slice(int(edges[group]), int(edges[group + 1]))
        out[mine] = table["position"].to_numpy()[numbers[mine] - groups.offsets[group]]


def _first(order: Order, selection: Selection, most: int) -> Rows:
    found: list[Rows] = []
    left = most
    for start in range(0, len(order.positions), _CHUNK):
        chunk = order.positions[start : start + _CHUNK]
        found.append(chunk[_inside(chunk, selection.starts, selection.stops, selection.bits)][:left])
        left -= len(found[-1])
        if not left:
            break
    return np.concatenate(found) if found else np.empty(0, np.int64)


def _inside(positions: Rows, starts: Rows, stops: Rows, bits: Bits | None) -> NDArray[np.bool_]:
    run = np.searchsorted(starts, positions, "right") - 1
    inside = (run >= 0) & (positions < stops[run])
    if bits is not None:
        inside &= (bits[positions >> 6] >> (positions & 63).astype(np.uint64)) & np.uint64(1) > 0
    return np.asarray(inside)


def _of_selected(reader: Reader, selection: Selection, most: int) -> Rows:
    """Sample a selection of few rows by their own numbers, read from the row groups that hold them."""
    positions = selection.positions()
    hashes = np.empty(len(positions), np.uint64)
    offsets = reader.row_groups.offsets
    edges = np.searchsorted(positions, offsets)

    def part(group: int) -> None:
        mine = slice(int(edges[group]), int(edges[group + 1]))
        (columns,) = reader.pages.decoded([group], [ROW])
        hashes[mine] = row_hashes(columns[ROW][positions[mine] - offsets[group]])

    pool.run(part, np.flatnonzero(np.diff(edges)).tolist())
    best = np.argpartition(hashes, most - 1)[:most] if most < len(hashes) else np.arange(len(hashes))
    return positions[best[np.argsort(hashes[best])]]
