"""MatrixTable: the cells of a matrix store, asked for by rows and columns."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from bigview.config import limits
from bigview.errors import OptionError, TooLargeError, closest
from bigview.store.axistable import AxisTable
from bigview.store.chunks import ChunkedArray
from bigview.store.comparison import ComparedCells
from bigview.store.files import Folder
from bigview.store.matrixmanifest import MatrixManifest, read_matrix_manifest
from bigview.store.orders import Order, order_by_columns, order_by_names, sorted_places
from bigview.store.similarity import SimilarCells
from bigview.store.sparse import SparseCells

Side = Literal["rows", "cols"]


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
    def whole(self) -> bool:
        """Whether every cell is stored and has a value, as the build has found."""
        return self.manifest.layout == "dense" and self.manifest.facts.get("missing") == 0

    @property
    def values(self) -> ChunkedArray | SparseCells | SimilarCells | ComparedCells:
        """The array of the values; of a sparse matrix its stored entries, of a similarity its vectors, of a comparison both matrices."""
        layout = self.manifest.layout
        if layout == "comparison":
            return self.compared
        return self.sparse if layout == "sparse" else self.similar if layout == "similarity" else self.dense

    @cached_property
    def compared(self) -> ComparedCells:
        """The two matrices of a comparison."""
        return ComparedCells(self.folder, self.manifest.generation, self.shape, self.manifest.options, MatrixTable.open)

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
            At most as large as `bigview.config.limits().result_bytes`. A masked array where a whole number stands for missing cells; the codes of
            categories, −1 for missing ones.
        """
        down, across = _numbers(rows, self.shape[0]), _numbers(cols, self.shape[1])
        size, most = len(down) * len(across) * self.dtype.itemsize, limits().result_bytes
        if size > most:
            fits = most // max(1, len(across) * self.dtype.itemsize)
            raise TooLargeError(
                f"{len(down):,} × {len(across):,} cells take {size / 1e6:,.0f} MB; the limit is {most / 1e6:,.0f} MB. "
                f"{fits:,} rows of as many columns would fit; blocks() gives all of them piece by piece."
            )
        found = self.values.take(down, across)
        return found if self.missing is None or self.kind == "category" else np.ma.array(found, mask=found == self.missing)

    def blocks(self, rows: slice = slice(None), cols: slice = slice(None)) -> Iterator[tuple[int, int, NDArray[Any]]]:
        """Yield (first row, first column, values) for the chunks that rows and columns touch, cut to them; values are views onto the file."""
        yield from self.values.blocks(rows.indices(self.shape[0])[:2], cols.indices(self.shape[1])[:2])

    def order(
        self,
        side: Side,
        *,
        by: str | Sequence[str] | None = None,
        values_of: Any = None,
        names: Iterable[Any] | None = None,
        index: Any = None,
        descending: bool = False,
    ) -> Order:
        """Return an order of the rows or of the columns, to give to `aggregate` and to pictures. It costs nothing to the store.

        Parameters
        ----------
        side : {"rows", "cols"}
        by : str or sequence of str
            Metadata columns of the side ("name" for the names).
        values_of : int or str
            Of rows: the column, by number or name, whose values they are sorted by; of columns the row.
        names : iterable of str
            The names to show, in this sequence.
        index : array of int or of bool
            Native numbers in the sequence to show; may leave some out.
        descending : bool
            Largest first. Missing values come last in any case.

        Returns
        -------
        Order

        Raises
        ------
        OptionError, ColumnError
        """
        if side not in ("rows", "cols"):
            raise OptionError(f"There is no side {side!r} of a matrix. {closest(str(side), ('rows', 'cols'))}")
        ways = [way for way, given in (("by", by), ("values_of", values_of), ("names", names), ("index", index)) if given is not None]
        if len(ways) != 1:
            raise OptionError(f"An order is by one of by=…, values_of=…, names=… and index=…; given are {', '.join(ways) or 'none'}.")
        axis = self.rows if side == "rows" else self.cols
        if by is not None:
            return order_by_columns(axis, by, descending)
        if names is not None:
            return order_by_names(axis, names)
        if index is not None:
            return Order.of(index, axis.size, "index")
        number, title = self._line("cols" if side == "rows" else "rows", values_of)
        cells = self.cells(slice(None), [number]) if side == "rows" else self.cells([number], slice(None))
        return Order.of(sorted_places([values_or_nan(cells.ravel(), self.missing)], descending), axis.size, title)

    def _line(self, side: Side, which: Any) -> tuple[int, str]:
        """Return number and name of a row or a column given by either."""
        axis = self.rows if side == "rows" else self.cols
        number = -1
        if isinstance(which, (int, np.integer)) and not isinstance(which, bool):
            number = int(which) + (axis.size if which < 0 else 0)
        elif axis.named:
            number = axis.position(which)
        if not 0 <= number < axis.size:
            hint = closest(str(which), axis.names[:10_000]) if axis.named else f"They have numbers from 0 to {axis.size - 1:,}."
            raise OptionError(f"There is no {'row' if side == 'rows' else 'column'} {which!r}. {hint}")
        return number, axis.names_of(np.array([number]))[0]


def values_or_nan(values: NDArray[Any], missing: int | None) -> NDArray[Any]:
    """Return values with NaN where a number stands for a missing one."""
    plain = np.ma.getdata(values)
    if missing is None:
        return plain
    return np.where(plain == missing, np.nan, plain.astype(np.float64))


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
