"""Where the vectors of a store's rows are: a file of them, a column of the files the store was made from, or a list column of the store itself."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bigview.config import limits
from bigview.errors import StoreMissingError
from bigview.store.lookup import positions_of_rows
from bigview.store.manifest import Column, Manifest, SourceFile
from bigview.store.reader import Reader

_BLOCK = 16_384  # vectors read at once: 16 MB at 256 dimensions
_GROUPS = 16  # small row groups read at once

Block = tuple[int, int]


@dataclass(frozen=True)
class Vectors:
    """Vectors of all rows, read block by block; holds addresses, no open files.

    Attributes
    ----------
    rows : int
    blocks : tuple of (first, stop)
        Pieces that `read` takes, in order.
    read : callable
        Gives the column of a piece, or an array of shape (stop − first, dimensions).
    in_store : bool
        Whether they are in the order of the store and not of the source.
    """

    rows: int
    blocks: tuple[Block, ...]
    read: Callable[[Block], "pa.ChunkedArray | NDArray[Any]"]
    in_store: bool = False

    def block(self, block: Block, width: int) -> NDArray[np.float32]:
        """Return the vectors of a piece; NaN for rows that have none of this width."""
        found = self.read(block)
        if isinstance(found, np.ndarray):
            return np.asarray(found, np.float32)
        return matrix_of(found, width)

    def one(self, place: int) -> NDArray[np.float32]:
        """Return the vector at a place; an empty one where there is none."""
        block = next(block for block in self.blocks if block[0] <= place < block[1])
        found = self.read(block)
        if isinstance(found, np.ndarray):
            return np.asarray(found[place - block[0]], np.float32)
        values = found[place - block[0]].as_py()
        return np.array([np.nan if value is None else value for value in values or ()], np.float32)


def matrix_of(column: pa.ChunkedArray, width: int) -> NDArray[np.float32]:
    """Return a column of lists as an array, shape (rows, width); NaN where a row has no list of that many numbers, or a number is missing."""
    out = np.full((len(column), width), np.nan, np.float32)
    first = 0
    for chunk in column.chunks:
        there = np.flatnonzero(chunk.is_valid().to_numpy(zero_copy_only=False))
        kept = chunk.drop_null()
        lengths = np.asarray(pc.list_value_length(kept).to_numpy(zero_copy_only=False), np.int64)
        flat = pc.list_flatten(kept).to_numpy(zero_copy_only=False).astype(np.float32, copy=False)
        fits = lengths == width
        if fits.all():
            out[first + there] = flat.reshape(-1, width)
        else:
            starts = (np.cumsum(lengths) - lengths)[fits]
            out[first + there[fits]] = flat[starts[:, None] + np.arange(width)]
        first += len(chunk)
    return out


def vector_columns(manifest: Manifest) -> tuple[str, ...]:
    """Return the columns of the store that hold lists of numbers; none where their files are more than can be searched."""
    if sum(file.bytes for file in manifest.files if file.name.startswith("text/")) > limits().vector_bytes:
        return ()
    return tuple(column.name for column in manifest.columns if _holds_vectors(column))


def _holds_vectors(column: Column) -> bool:
    if column.kind != "list":
        return False
    inner = column.dtype.partition("<item: ")[2].removesuffix(">").removesuffix(" not null")
    return inner in ("float", "double", "halffloat") or inner.startswith(("int", "uint"))


def column_vectors(reader: Reader, column: str) -> Vectors:
    """Return the vectors in a list column of the store."""
    groups = reader.text_groups
    firsts = range(0, len(groups.offsets) - 1, _GROUPS)
    pieces = {}
    for first in firsts:
        last = min(first + _GROUPS, len(groups.offsets) - 1)
        pieces[int(groups.offsets[first]), int(groups.offsets[last])] = range(first, last)

    def read(block: Block) -> pa.ChunkedArray:
        return pa.concat_tables(reader._read_groups(groups, pieces[block], [column]))[column]

    return Vectors(reader.manifest.rows, tuple(pieces), read, in_store=True)


def source_vectors(manifest: Manifest) -> Vectors | None:
    """Return the vectors that the map was made from; None where they are elsewhere, have changed since, or are more than can be searched."""
    known = manifest.vectors or {}
    if known.get("bytes", 0) > limits().vector_bytes:
        return None
    if known.get("column"):
        return _of_files(manifest, str(known["column"]))
    path = Path(str(known.get("path") or ""))
    if path.suffix != ".npy" or _size(path) != known.get("bytes"):
        return None

    def read(block: Block) -> NDArray[Any]:
        found: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)[slice(*block)]
        return found

    return Vectors(manifest.rows, tuple(_pieces(0, manifest.rows)), read)


def _of_files(manifest: Manifest, column: str) -> Vectors | None:
    """Return the vectors in a column of Parquet files, which are as they were."""
    files = manifest.sources
    if sum(file.rows for file in files) != manifest.rows or not all(_is_same(file) for file in files):
        return None
    blocks: dict[Block, tuple[str, int]] = {}
    first = 0
    for file in files:
        with pq.ParquetFile(file.path) as found:
            if column not in found.schema_arrow.names or found.metadata.num_rows != file.rows:
                return None
            for group in range(found.metadata.num_row_groups):
                stop = first + found.metadata.row_group(group).num_rows
                blocks[first, stop] = file.path, group
                first = stop
    return Vectors(manifest.rows, tuple(block for block in blocks if block[0] < block[1]), partial(_read_group, blocks, column))


def _read_group(blocks: dict[Block, tuple[str, int]], column: str, block: Block) -> pa.ChunkedArray:
    path, group = blocks[block]
    try:
        with pq.ParquetFile(path) as file:
            return file.read_row_group(group, columns=[column], use_threads=False)[column]
    except (OSError, pa.ArrowException) as error:
        raise StoreMissingError(f"The vectors in {path} cannot be read: {error}.") from error


def place_of(vectors: Vectors, reader: Reader, row: int) -> int:
    """Return the place of a row, given by its number in the source, among the vectors."""
    return int(positions_of_rows(reader, np.array([row]))[0]) if vectors.in_store else row


def _is_same(file: SourceFile) -> bool:
    return file.path.endswith((".parquet", ".pq")) and _size(Path(file.path)) == file.bytes


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _pieces(first: int, last: int) -> list[Block]:
    return [(start, min(start + _BLOCK, last)) for start in range(first, last, _BLOCK)]
