"""MatrixTable: the cells of a matrix store, asked for by rows and columns."""

from collections.abc import Iterator
from functools import cached_property
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bigview.store.axistable import AxisTable
from bigview.store.chunks import ChunkedArray
from bigview.store.files import Folder
from bigview.store.matrixmanifest import MatrixManifest, read_matrix_manifest
from bigview.store.similarity import SimilarCells
from bigview.store.sparse import SparseCells


class MatrixTable:
    """A matrix store, open for reading.

    Safe from any number of threads; pickles as its address; a context manager, though nothing is held open.

    Parameters
    ----------
    folder : Folder
    manifest : MatrixManifest, optional
        The generation to read; that of the folder by default.
    """

    def __init__(self, folder: Folder, manifest: MatrixManifest | None = None) -> None:
        self.folder = folder
        self.manifest = manifest or read_matrix_manifest(folder)
        self.rows = AxisTable(folder, "rows", self.manifest.rows)
        self.cols = AxisTable(folder, "cols", self.manifest.cols)

    @classmethod
    def open(cls, url: str) -> Self:
        """Return the store at a path or an fsspec URL."""
        return cls(Folder(str(url)))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.folder, self.manifest)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None

    def __repr__(self) -> str:
        rows, cols = self.shape
        return f"<{type(self).__name__} {self.folder.url}: {rows:,} × {cols:,} {self.manifest.dtype}>"

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.manifest.shape

    @property
    def size(self) -> int:
        """Number of cells."""
        return self.shape[0] * self.shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the stored values; codes for categories."""
        return np.dtype(self.manifest.dtype)

    @property
    def kind(self) -> str:
        """What the cells hold: "number", "integer", "boolean" or "category"."""
        return self.manifest.kind

    @property
    def missing(self) -> int | None:
        """The whole number that stands for a missing cell; None where NaN does, or nothing is missing."""
        return self.manifest.missing

    @property
    def values(self) -> ChunkedArray | SparseCells | SimilarCells:
        """The array of the values; of a sparse matrix its stored entries, of a similarity its vectors."""
        layout = self.manifest.layout
        return self.sparse if layout == "sparse" else self.similar if layout == "similarity" else self.dense

    @cached_property
    def similar(self) -> SimilarCells:
        """The vectors of a similarity."""
        return SimilarCells(self.folder, self.manifest.generation, self.shape[0], self.manifest.options)

    @cached_property
    def sparse(self) -> SparseCells:
        """The stored entries of a sparse matrix, by rows and by columns."""
        return SparseCells.of(self.folder, self.manifest.generation, self.shape, int(self.manifest.facts["stored"]), self.dtype)

    @property
    def dense(self) -> ChunkedArray:
        """The array of a dense matrix."""
        return ChunkedArray(self.folder, f"{self.manifest.generation}/values", self.shape, self.manifest.chunk, self.dtype)

    def cells(self, rows: Any = slice(None), cols: Any = slice(None)) -> NDArray[Any]:
        """Return the values of some rows and columns, in native numbers.

        Parameters
        ----------
        rows, cols : slice, index array or int

        Returns
        -------
        ndarray, shape (rows, columns)
        """
        return self.values.take(_numbers(rows, self.shape[0]), _numbers(cols, self.shape[1]))

    def blocks(self, rows: slice = slice(None), cols: slice = slice(None)) -> Iterator[tuple[int, int, NDArray[Any]]]:
        """Yield (first row, first column, values) for the chunks that rows and columns touch, cut to them; values are views onto the file."""
        yield from self.values.blocks(rows.indices(self.shape[0])[:2], cols.indices(self.shape[1])[:2])


def _numbers(index: Any, size: int) -> NDArray[np.int64]:
    if isinstance(index, slice):
        return np.arange(*index.indices(size), dtype=np.int64)
    found = np.atleast_1d(np.asarray(index))
    if found.dtype == bool:
        found = np.flatnonzero(found)
    found = found.astype(np.int64)
    if len(found) and (found.min() < -size or found.max() >= size):
        raise IndexError(f"There are {size:,}; {int(found.max())} is beyond them.")
    return np.where(found < 0, found + size, found)
