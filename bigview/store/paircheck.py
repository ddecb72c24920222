"""Checking an index: every key and place against the store's own columns, and its levels, in one pass over each."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bigview.store.cellcheck import LevelCheck
from bigview.store.mixing import mixed
from bigview.store.morton import UNPLACED, keys_of
from bigview.store.pairreader import PairReader
from bigview.store.pairs import KEY, POSITION, REST_X, REST_Y, rests_of
from bigview.store.reader import raw_values

_WORD = 1 << 64
_ODD = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)


def index_problems(reader: PairReader) -> Iterator[str]:
    """Say what is wrong with an index whose files are unaltered."""
    name = f"The index over {' × '.join(reader.pair.columns)}"
    manifest = reader.manifest
    levels = [LevelCheck(reader, level) for level in manifest.levels]
    before: tuple[int, int] | None = None
    placed, disorder, found = 0, 0, 0
    for number in range(len(reader.row_groups.files)):
        first = int(reader.row_groups.offsets[number])
        table = reader._read_groups(reader.row_groups, [number], [KEY, POSITION, REST_X, REST_Y])[0]
        keys, places = table[KEY].to_numpy(), table[POSITION].to_numpy().astype(np.int64)
        disorder += _disorder(keys, places, before)
        found += mixed(_as_one(keys, table[REST_X].to_numpy(), table[REST_Y].to_numpy()), places)
        count = int((keys != UNPLACED).sum())
        if count:
            for level in levels:
                level.see(first, keys[:count], None if before is None else before[0])
        placed += count
        before = (int(keys[-1]), int(places[-1])) if len(keys) else before
    if disorder:
        yield f"{name}: {disorder:,} rows are out of order."
    if placed != manifest.placed:
        yield f"{name}: {placed:,} rows have a position; the manifest says {manifest.placed:,}."
    covered = manifest.placed
    for check in levels:
        yield from (f"{name}: {text}" for text in check.problems(manifest.placed, covered))
        covered = check.deep_rows
    if (found - _of_rows(reader)) % _WORD:
        yield f"{name} does not lead to the rows."


def _disorder(keys: NDArray[np.uint64], places: NDArray[np.int64], before: tuple[int, int] | None) -> int:
    wrong = (keys[1:] < keys[:-1]) | ((keys[1:] == keys[:-1]) & (places[1:] <= places[:-1]))
    begin = before is not None and len(keys) > 0 and (int(keys[0]), int(places[0])) <= before
    return int(wrong.sum()) + int(begin)


def _as_one(*values: NDArray[np.unsignedinteger]) -> NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        parts = [part.astype(np.uint64) * np.uint64(odd) for part, odd in zip(values, _ODD, strict=True)]
        return np.asarray(parts[0] ^ parts[1] ^ parts[2])


def _of_rows(reader: PairReader) -> int:
    """Return the sum that the places of the index must have, from the store's columns."""
    base, x_axis, y_axis = reader.base, reader.manifest.x, reader.manifest.y
    total = 0
    for number in range(len(base.row_groups.files)):
        table = base._read_groups(base.row_groups, [number], sorted(set(reader.pair.columns)))[0]
        x, y = (axis.encode(raw_values(table[axis.column])) for axis in (x_axis, y_axis))
        keys = keys_of(x, y, x_axis.cells, y_axis.cells)
        total += mixed(_as_one(keys, rests_of(x, keys, x_axis, 0), rests_of(y, keys, y_axis, 1)), int(base.row_groups.offsets[number]))
    return total
