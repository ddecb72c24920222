"""Two matrices of the same rows and columns, compared cell by cell: a matrix that is never written."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bigview.errors import InputError
from bigview.matrixspec import How
from bigview.store.files import Folder
from bigview.store.matrixmanifest import MatrixManifest
from bigview.store.orders import Order
from bigview.store.sparse import FlatArray

Floats = NDArray[np.float64]
Pieces = Iterator[tuple[int, int, Floats, Floats]]

_TILE = 1024
"""Rows and columns of a piece, where the pieces of the first matrix cannot be taken as they are."""


class Compared(Protocol):
    """A matrix that can be compared; `MatrixTable` is one."""

    manifest: MatrixManifest

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""

    @property
    def missing(self) -> int | None:
        """The whole number that stands for a missing cell."""

    def cells(self, rows: Any = slice(None), cols: Any = slice(None)) -> NDArray[Any]:
        """Return the values of some rows and columns."""

    def blocks(self, rows: slice = slice(None), cols: slice = slice(None)) -> Iterator[tuple[int, int, NDArray[Any]]]:
        """Yield the chunks that rows and columns touch."""


@dataclass(frozen=True, eq=False)
class ComparedCells:
    """The cells of a comparison.

    Attributes
    ----------
    folder : Folder
    generation : str
    shape : (int, int)
    options : dict
        "how", and "of": for both matrices their "path", "fingerprint", and "picked": for rows and columns the length of a list of those that
        take part, 0 where all do in their own order.
    opened : callable
        Opens a matrix by its address.
    """

    folder: Folder
    generation: str
    shape: tuple[int, int]
    options: dict[str, Any]
    opened: Callable[[str], Compared]

    @property
    def how(self) -> How:
        """What the two cells become."""
        return self.options["how"]  # type: ignore[no-any-return]

    @cached_property
    def pair(self) -> tuple[Compared, Compared]:
        """The two matrices."""
        one, other = (self._opened(known) for known in self.options["of"])
        return one, other

    def _opened(self, known: dict[str, Any]) -> Compared:
        found = self.opened(known["path"])
        if found.manifest.fingerprint != known["fingerprint"]:
            raise InputError(f"{known['path']} has been built again since it was compared. Compare the two matrices again.")
        return found

    @cached_property
    def plain(self) -> bool:
        """Whether both have a finite value everywhere: then the means of blocks can be compared without a look at the cells."""
        return all(table.manifest.facts.get("missing") == 0 and table.manifest.facts.get("infinite") == 0 for table in self.pair)

    @cached_property
    def _picked(self) -> tuple[tuple[Order | None, Order | None], ...]:
        """For each matrix the rows and the columns that take part, in the comparison's order; None where that is its own."""
        return tuple((self._list(which, 0, table.shape[0]), self._list(which, 1, table.shape[1])) for which, table in enumerate(self.pair))

    def _list(self, which: int, axis: int, size: int) -> Order | None:
        count = self.options["of"][which]["picked"][axis]
        return Order.of(picked_array(self.folder, self.generation, (which, axis), count).part(0, count), size) if count else None

    def orders(self, which: int, rows: Any, cols: Any) -> tuple[Any, Any]:
        """Return orders of the comparison as orders of one of the two matrices."""
        return tuple(_through(picked, order) for picked, order in zip(self._picked[which], (rows, cols), strict=True))

    def take(self, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> Floats:
        """Return the cells at rows × columns; NaN where one of the two has none."""
        return compare(*_where_both(*self.both(rows, cols)), self.how)

    def both(self, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Return the cells of both matrices at rows × columns of the comparison; NaN where one is missing."""
        found = []
        for table, picked in zip(self.pair, self._picked, strict=True):
            places = (part if order is None else order.index[part] for order, part in zip(picked, (rows, cols), strict=True))
            found.append(as_numbers(table, table.cells(*places)))
        return found[0], found[1]

    @property
    def titles(self) -> tuple[str, str]:
        """What the two matrices are called."""
        known = zip(self.pair, self.options["of"], strict=True)
        one, other = (table.manifest.title or Path(entry["path"].rstrip("/")).stem for table, entry in known)
        return one, other

    def pieces(self, rows: tuple[int, int], cols: tuple[int, int]) -> Pieces:
        """Yield (first row, first column, values of the first, values of the second); NaN in both where one has no value."""
        one, other = self.pair
        if one.manifest.layout == "dense" and all(order is None for picked in self._picked for order in picked):
            for top, left, block in one.blocks(slice(*rows), slice(*cols)):
                beside = other.cells(slice(top, top + block.shape[0]), slice(left, left + block.shape[1]))
                yield top, left, *_where_both(as_numbers(one, block), as_numbers(other, beside))
            return
        for top in range(rows[0], rows[1], _TILE):
            for left in range(cols[0], cols[1], _TILE):
                places = np.arange(top, min(rows[1], top + _TILE)), np.arange(left, min(cols[1], left + _TILE))
                yield top, left, *_where_both(*self.both(*places))

    def blocks(self, rows: tuple[int, int], cols: tuple[int, int]) -> Iterator[tuple[int, int, Floats]]:
        """Yield (first row, first column, values)."""
        for top, left, one, other in self.pieces(rows, cols):
            yield top, left, compare(one, other, self.how)


def picked_array(folder: Folder, generation: str, place: tuple[int, int], count: int) -> FlatArray:
    """Return the file of the rows (or columns) of a matrix that take part."""
    return FlatArray(folder, f"{generation}/picked-{place[0]}-{place[1]}", (count, 1), (max(1, count), 1), np.dtype("<i8"))


def compare(one: Floats, other: Floats, how: How) -> Floats:
    """Return what two values become; NaN where that is no finite number, as with a ratio to nothing."""
    with np.errstate(all="ignore"):
        if how == "difference":
            made = one - other
        else:
            made = one / other
            if how == "log_ratio":
                made = np.log2(made)
    return np.where(np.isfinite(made), made, np.nan)


def as_numbers(table: Compared, values: NDArray[Any]) -> Floats:
    """Return the values of a matrix as numbers, NaN where they are missing."""
    plain = np.ma.getdata(values)
    numbers = plain.astype(np.float64)
    if table.missing is not None:
        numbers[plain == table.missing] = np.nan
    return numbers


def _where_both(one: Floats, other: Floats) -> tuple[Floats, Floats]:
    lost = ~(np.isfinite(one) & np.isfinite(other))
    if lost.any():
        one[lost] = other[lost] = np.nan
    return one, other


def _through(picked: Order | None, order: Any) -> Any:
    if picked is None or order is None:
        return order if picked is None else picked
    return Order.of(picked.index[order.index], picked.size)
