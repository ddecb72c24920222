"""Checking a store: every checksum, count and level against the rows. Reads everything once, a row group at a time."""

import hashlib
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bigview.errors import BigviewError
from bigview.store.cellcheck import LevelCheck
from bigview.store.files import Folder
from bigview.store.keyhash import key_hashes
from bigview.store.manifest import Column, DataFile
from bigview.store.mixing import mixed
from bigview.store.morton import UNPLACED, keys_of
from bigview.store.paircheck import index_problems
from bigview.store.pairreader import PairReader
from bigview.store.pairs import pairs_of
from bigview.store.reader import ROW, Groups, Reader, raw_values
from bigview.store.samplecheck import SampleCheck
from bigview.store.summarycheck import SummaryChecks

_BLOCK = 1 << 22  # bytes hashed at a time
_WORD = 1 << 64


def whole(reader: Reader) -> bool:
    """Whether every file is there in its full size: the quick check; `verify` is the thorough one."""
    folder = reader.folder
    return all(folder.exists(file.name) and folder.size(file.name) == file.bytes for file in _files(reader))


def _files(reader: Reader) -> list[DataFile]:
    return [*reader.manifest.files, *(file for pair in pairs_of(reader.manifest) for file in pair.files)]


def verify(reader: Reader) -> list[str]:
    """Return what is wrong with a store, a sentence each; an empty list for a store that is whole.

    Where files are damaged they are named; counts and levels are then left alone, because nothing can be said about them.
    """
    files = [problem for file in _files(reader) if (problem := file_problem(reader.folder, file))]
    if files:
        return files
    try:
        return list(_directory(reader, _wanted(reader))) or [*_rows(reader), *_keys(reader), *_indexes(reader)]
    except (BigviewError, pa.ArrowException, KeyError, IndexError, ValueError) as error:
        return [f"The files do not fit together: {error}"]


def file_problem(folder: Folder, file: DataFile) -> str | None:
    """Return what is wrong with a file: its absence, its size or its checksum."""
    if not folder.exists(file.name):
        return f"{file.name} is missing."
    size = folder.size(file.name)
    if size != file.bytes:
        return f"{file.name} has {size:,} bytes instead of {file.bytes:,}."
    digest = hashlib.sha256()
    with folder.open(file.name) as source:
        while block := source.read(_BLOCK):
            digest.update(block)
    if digest.hexdigest() != file.sha256:
        return f"{file.name} is altered: its checksum is not the one written at the build."
    return None


def _wanted(reader: Reader) -> dict[tuple[str, int], int]:
    """Return how many rows the row groups of each kind and level must have."""
    manifest = reader.manifest
    wanted = {("rows", -1): manifest.rows, ("row", -1): manifest.rows, **{("level", level.level): level.cells for level in manifest.levels}}
    wanted |= {("summary", level.level): level.cells for level in manifest.levels if reader.groups("summary", level.level).files}
    if reader.sample_groups.files:
        wanted["sample", -1] = int(reader.sample_groups.offsets[-1])
    if any(column.part == "text" for column in manifest.columns):
        wanted["text", -1] = manifest.rows
    return wanted


def _indexes(reader: Reader) -> Iterator[str]:
    """Check the indexes over other columns."""
    for pair in pairs_of(reader.manifest):
        index = PairReader(reader, pair)
        wanted = {("rows", -1): reader.manifest.rows, **{("level", level.level): level.cells for level in pair.levels}}
        yield from list(_directory(index, wanted)) or index_problems(index)


def _directory(reader: Reader, wanted: dict[tuple[str, int], int]) -> Iterator[str]:
    """Check that the table of row groups names every row group, and that they add up."""
    manifest = reader.manifest
    known = {file.name for file in manifest.files}
    named: dict[str, list[int]] = {}
    for (kind, level), rows in wanted.items():
        groups = reader.groups(kind, level)
        if int(groups.offsets[-1]) != rows:
            place = f"{kind} {level}" if level >= 0 else {"row": "the index of rows"}.get(kind, kind)
            yield f"{manifest.groups}: the row groups of {place} hold {int(groups.offsets[-1]):,} instead of {rows:,}."
        for number, name in enumerate(groups.files):
            if name not in known:
                yield f"{manifest.groups} names {name}, which the manifest does not."
                continue
            named.setdefault(name, []).append(int(groups.offsets[number + 1] - groups.offsets[number]))
    for name, sizes in named.items():
        with reader.folder.parquet(name) as file:
            held = sum(file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups))
        if held != sum(sizes):
            yield f"{name} has {held:,} rows; {manifest.groups} says {sum(sizes):,}."


class _ColumnCheck:
    """Extent, missing values and categories of a column of the rows."""

    def __init__(self, column: Column, counts: NDArray[np.int64] | None) -> None:
        self.column, self.counts = column, counts
        self.low = self.high = None
        self.missing = 0
        self.seen = np.zeros(column.distinct + 1, np.int64)
        self.strange = 0

    def see(self, values: pa.ChunkedArray) -> None:
        """Take in a row group."""
        if self.column.kind == "category":
            codes = values.to_numpy().astype(np.int64)
            good = (codes >= -1) & (codes < self.column.distinct)
            self.strange += int((~good).sum())
            self.seen += np.bincount(codes[good] + 1, minlength=len(self.seen))
            self.missing = int(self.seen[0])
            return
        self.missing += values.null_count
        if self.column.kind == "number":
            numbers = values.drop_null().to_numpy()
            self.missing += int(np.isnan(numbers).sum())
            numbers = numbers[np.isfinite(numbers)]
            low, high = (numbers.min().item(), numbers.max().item()) if len(numbers) else (None, None)
        elif self.column.kind in ("integer", "datetime"):
            plain = values.cast(pa.int64()) if self.column.kind == "datetime" else values
            low, high = pc.min_max(plain).as_py().values()
        else:
            return
        if low is not None:
            self.low = low if self.low is None else min(low, self.low)
            self.high = high if self.high is None else max(high, self.high)

    def problems(self) -> Iterator[str]:
        """Say what is wrong."""
        name = self.column.name
        if self.strange:
            yield f"Column {name!r}: {self.strange:,} category codes are out of range."
        if self.missing != self.column.missing:
            yield f"Column {name!r} lacks {self.missing:,} values; the manifest says {self.column.missing:,}."
        if self.column.kind != "category" and (self.low, self.high) != (self.column.low, self.column.high):
            yield f"Column {name!r} runs from {self.low} to {self.high}; the manifest says {self.column.low} to {self.column.high}."
        if self.counts is not None and self.seen[1:].tolist() != self.counts.tolist():
            yield f"Column {name!r}: the table of categories counts its categories wrongly."


def _rows(reader: Reader) -> Iterator[str]:
    """Check order, columns, levels and the index of rows in one pass."""
    manifest = reader.manifest
    table = reader._table(manifest.categories)
    columns = [column for column in manifest.columns if column.part == "rows" and column.name != ROW]
    checks = [_ColumnCheck(column, _category_counts(table, column)) for column in columns]
    levels = [LevelCheck(reader, level) for level in manifest.levels]
    summaries, sample = SummaryChecks(reader), SampleCheck(reader, columns)
    before: tuple[int, int] | None = None
    placed, disorder, rows_sum = 0, 0, 0
    names = [*(column.name for column in columns), ROW]
    for number in range(len(reader.row_groups.files)):
        first = int(reader.row_groups.offsets[number])
        rows = reader._read_groups(reader.row_groups, [number], names)[0]
        for check in checks:
            check.see(rows[check.column.name])
        x, y = (axis.encode(raw_values(rows[axis.column])) for axis in (manifest.x, manifest.y))
        keys, source = keys_of(x, y, manifest.x.cells, manifest.y.cells), rows[ROW].to_numpy()
        disorder += _disorder(keys, source, before)
        rows_sum += mixed(source.astype(np.uint64), first)
        sample.see(first, rows)
        count = int((keys != UNPLACED).sum())
        if count:
            for level in levels:
                level.see(first, keys[:count], None if before is None else before[0])
            summaries.see(first, rows, count)
        placed += count
        before = (int(keys[-1]), int(source[-1])) if len(keys) else before
    if disorder:
        yield f"{disorder:,} rows are out of order."
    if placed != manifest.placed:
        yield f"{placed:,} rows have a position; the manifest says {manifest.placed:,}."
    for check in checks:
        yield from check.problems()
    covered = manifest.placed
    for level in levels:
        yield from level.problems(manifest.placed, covered)
        covered = level.deep_rows
    yield from summaries.problems()
    yield from sample.problems()
    if (rows_sum - _index_of_rows(reader)) % _WORD:
        yield "The index of rows does not lead to the rows."


def _category_counts(table: pa.Table, column: Column) -> NDArray[np.int64] | None:
    if column.kind != "category":
        return None
    mine = table.filter(pc.equal(table["column"], column.name)).sort_by("code")
    return np.asarray(mine["count"].to_numpy())


def _disorder(keys: NDArray[np.uint64], source: NDArray[np.int64], before: tuple[int, int] | None) -> int:
    wrong = (keys[1:] < keys[:-1]) | ((keys[1:] == keys[:-1]) & (source[1:] <= source[:-1]))
    begin = before is not None and len(keys) > 0 and (int(keys[0]), int(source[0])) <= before
    return int(wrong.sum()) + int(begin)


def _index_of_rows(reader: Reader) -> int:
    groups, total = reader.groups("row"), 0
    for number, positions in _each(reader, groups, "position"):
        first = int(groups.offsets[number])
        total += mixed(np.arange(first, first + len(positions)).astype(np.uint64), positions.astype(np.int64))
    return total


def _each(reader: Reader, groups: Groups, name: str) -> Iterator[tuple[int, NDArray[np.generic]]]:
    for number in range(len(groups.files)):
        yield number, reader._read_groups(groups, [number], [name])[0][name].to_numpy()


def _keys(reader: Reader) -> Iterator[str]:
    """Check the index of the user's keys."""
    name = reader.manifest.key
    if name is None:
        return
    column = reader.manifest.column(name)
    groups = reader.row_groups if column.part == "rows" else reader.text_groups
    told = found = 0
    for number in range(len(groups.files)):
        table = reader._with_categories(reader._read_groups(groups, [number], [name])[0])
        values = table[name].combine_chunks()
        there = pc.is_valid(values).to_numpy(zero_copy_only=False)
        hashes, places = key_hashes(values), np.arange(len(values)) + int(groups.offsets[number])
        told += mixed(hashes[there], places[there])
    index = reader.groups("key")
    for number in range(len(index.files)):
        table = reader._read_groups(index, [number], ["hash", "position"])[0]
        hashes = table["hash"].to_numpy()
        if (hashes[1:] < hashes[:-1]).any():
            yield f"{index.files[number]}: the hashes of the keys are out of order."
        found += mixed(hashes, table["position"].to_numpy().astype(np.int64))
    if (found - told) % _WORD:
        yield f"The index of the key {name!r} does not lead to the rows."
