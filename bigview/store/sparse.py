"""Sparse matrices: the stored entries by rows and once more by columns, as raw arrays that are mapped and never made dense.

Each half is a group of Zarr arrays laid out as AnnData has it ("csr_matrix", "csc_matrix"), of one raw chunk each.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bigview.config import limits
from bigview.errors import TooLargeError
from bigview.store import sparseloops
from bigview.store.chunks import ChunkedArray, zarr_metadata
from bigview.store.files import Folder

_TILE = 1024
"""Rows and columns of the dense windows that `blocks` gives."""

Side = Literal["csr", "csc"]
Entries = tuple[NDArray[np.int64], NDArray[Any], NDArray[Any], int]
"""Where each row's entries begin and end, the column of each entry, its value; and the number of the first entry that is there."""


def short_type(shape: tuple[int, int]) -> np.dtype[Any]:
    """Return the type of the numbers of rows and columns."""
    return np.dtype("<i4") if max(shape) < 1 << 31 else np.dtype("<i8")


class FlatArray(ChunkedArray):
    """An array of one axis, in one raw chunk."""

    def key(self, i: int, j: int) -> str:
        """Return the name of the chunk's file."""
        return f"{self.name}/c/{i}"

    def part(self, first: int, stop: int) -> NDArray[Any]:
        """Return a part of the array; read-only. Only this part is read."""
        return np.empty(0, self.dtype) if stop <= first else self.chunk_rows(0, 0, first, stop).reshape(-1)

    @property
    def metadata(self) -> bytes:
        """The `zarr.json` of the array."""
        values = json.loads(zarr_metadata(self.shape, self.chunk, self.dtype, False if self.dtype.kind == "b" else 0, {}))
        values.update(shape=[self.shape[0]], dimension_names=None)
        values["chunk_grid"]["configuration"]["chunk_shape"] = [self.chunk[0]]
        return json.dumps(values, indent=1).encode()


@dataclass(frozen=True)
class Half:
    """The entries of a sparse matrix by one of its axes.

    Attributes
    ----------
    folder : Folder
    generation : str
    side : {"csr", "csc"}
        By rows, or by columns.
    shape : (int, int)
        Of the matrix.
    stored : int
        Entries.
    dtype : dtype
        Of the values.
    """

    folder: Folder
    generation: str
    side: Side
    shape: tuple[int, int]
    stored: int
    dtype: np.dtype[Any]

    @property
    def name(self) -> str:
        """The folder of the group."""
        return f"{self.generation}/{self.side}"

    @property
    def arrays(self) -> dict[str, FlatArray]:
        """The arrays of the group: "indptr", "indices", "data"."""
        long = self.shape[0 if self.side == "csr" else 1]
        kinds = {"indptr": (long + 1, np.dtype("<i8")), "indices": (self.stored, short_type(self.shape)), "data": (self.stored, self.dtype)}
        return {name: FlatArray(self.folder, f"{self.name}/{name}", (size, 1), (max(1, size), 1), kind) for name, (size, kind) in kinds.items()}

    @property
    def metadata(self) -> bytes:
        """The `zarr.json` of the group."""
        attributes = {"encoding-type": f"{self.side}_matrix", "encoding-version": "0.1.0", "shape": list(self.shape)}
        return json.dumps({"zarr_format": 3, "node_type": "group", "attributes": attributes}).encode()

    @cached_property
    def begin(self) -> NDArray[np.int64]:
        """Where the entries of each row (or column) begin, and at last where they end."""
        array = self.arrays["indptr"]
        return np.asarray(array.part(0, array.shape[0]))

    def count(self, members: NDArray[np.int64]) -> int:
        """Return how many entries some rows (or columns) have."""
        return int((self.begin[members + 1] - self.begin[members]).sum())

    def entries(self, span: slice) -> Entries:
        """Return the entries of the rows (or columns) of a span, as the loops take them."""
        if span.stop <= span.start:
            return self.begin, np.empty(0, short_type(self.shape)), np.empty(0, self.dtype), 0
        first, stop = int(self.begin[span.start]), int(self.begin[span.stop])
        value = self.arrays["data"].part(first, stop)
        return self.begin, self.arrays["indices"].part(first, stop), value.view(np.uint8) if value.dtype.kind == "b" else value, first


@dataclass(frozen=True)
class SparseCells:
    """A sparse matrix, by rows and by columns."""

    by_row: Half
    by_col: Half

    @classmethod
    def of(cls, folder: Folder, generation: str, shape: tuple[int, int], stored: int, dtype: np.dtype[Any]) -> "SparseCells":
        """Return the halves of a generation."""
        return cls(*(Half(folder, generation, side, shape, stored, dtype) for side in ("csr", "csc")))

    def take(self, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> NDArray[Any]:
        """Return the values at rows × columns as a dense array, 0 where nothing is stored.

        Raises
        ------
        TooLargeError
            When it is over `limits().result_bytes`.
        """
        dtype, most = self.by_row.dtype, limits().result_bytes
        if len(rows) * len(cols) * dtype.itemsize > most:
            raise TooLargeError(
                f"{len(rows):,} × {len(cols):,} cells take {len(rows) * len(cols) * dtype.itemsize / 1e6:,.0f} MB with their zeros; "
                f"the limit is {most / 1e6:,.0f} MB. {most // max(1, len(cols) * dtype.itemsize):,} of these rows would fit."
            )
        turned = _cheaper(self, rows, cols)
        half, long, short = (self.by_col, cols, rows) if turned else (self.by_row, rows, cols)
        out = np.zeros((len(long), len(short)), np.uint8 if dtype.kind == "b" else dtype)
        place = np.full(half.shape[0 if turned else 1], -1, np.int64)
        place[short] = np.arange(len(short))
        if len(long) and len(short):
            sparseloops.take_entries(half.entries(slice(int(long.min()), int(long.max()) + 1)), long, place, out)
            out = out[:, place[short]]  # a number may be asked for twice
        return (out.T if turned else out).view(dtype)

    def blocks(self, rows: tuple[int, int], cols: tuple[int, int]) -> Iterator[tuple[int, int, NDArray[Any]]]:
        """Yield (first row, first column, values) of dense windows, one after the other."""
        for top in range(rows[0], rows[1], _TILE):
            for left in range(cols[0], cols[1], _TILE):
                yield top, left, self.take(np.arange(top, min(rows[1], top + _TILE)), np.arange(left, min(cols[1], left + _TILE)))


def _cheaper(cells: SparseCells, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> bool:
    """Whether fewer entries are read by columns than by rows."""
    return cells.by_col.count(cols) < cells.by_row.count(rows)


def turned(cells: SparseCells, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> bool:
    """Whether a window of these rows and columns is better read by columns: only where that spares many entries, as rows are drawn."""
    return 4 * cells.by_col.count(cols) < 3 * cells.by_row.count(rows)
