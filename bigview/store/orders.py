"""Orders of the rows, or the columns, of a matrix: which ones are shown, and in which sequence. No cell is moved for them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bigview.errors import OptionError, closest
from bigview.store.axistable import AxisTable


@dataclass(frozen=True, eq=False)
class Order:
    """Which rows (or columns) are shown, and where; equal to any other of the same content.

    Attributes
    ----------
    index : ndarray of int64, read-only
        The native number of the row at each place. It may leave rows out.
    size : int
        Rows of the matrix.
    title : str
        What the order is by, for people.
    digest : str
    rearranges : (Order or None,), optional
        The order of which this one is a rearrangement that keeps its colours, (None,) for the native one; None where it has colours of its own.
    """

    index: NDArray[np.int64]
    size: int
    title: str
    digest: str
    rearranges: "tuple[Order | None] | None" = None

    @classmethod
    def of(cls, index: Any, size: int, title: str = "") -> Self:
        """Return the order of native numbers, each at most once; a boolean array chooses rows in their own order.

        Raises
        ------
        OptionError
            When a number is not that of a row, or comes twice.
        """
        given = np.asarray(index)
        if given.dtype == bool and given.shape == (size,):
            given = np.flatnonzero(given)
        if given.ndim != 1 or (given.dtype.kind not in "iu" and len(given)):
            raise OptionError(f"An order is a list of whole numbers, one for each row shown, not {given.dtype} of shape {given.shape}.")
        made = given.astype(np.int64)
        beyond = (made < 0) | (made >= size)
        if beyond.any():
            raise OptionError(f"An order names number {made[beyond][0]:,}, but there are {size:,}, counted from 0.")
        seen = np.zeros(size, bool)
        seen[made] = True
        if int(seen.sum()) != len(made):
            numbers, counts = np.unique(made, return_counts=True)
            raise OptionError(f"An order names number {numbers[counts > 1][0]:,} more than once.")
        made.setflags(write=False)
        return cls(made, size, title, blake2b(made.tobytes() + size.to_bytes(8, "little"), digest_size=16).hexdigest())

    def rearranging(self, base: "Order | None") -> "Order":
        """Return this order with the colours of another one, from which a few lines were moved: a step by hand must not change all colours."""
        known = b"" if base is None else base.digest.encode()
        return replace(self, rearranges=(base,), digest=blake2b(self.digest.encode() + b"of" + known, digest_size=16).hexdigest())

    @property
    def coloured_as(self) -> "Order | None":
        """The order whose blocks the colours span; None for the native one."""
        if self.rearranges is None:
            return self
        (base,) = self.rearranges
        return None if base is None else base.coloured_as

    @cached_property
    def inverse(self) -> NDArray[np.int64]:
        """The place of each native row, −1 for those that are left out."""
        found = np.full(self.size, -1, np.int64)
        found[self.index] = np.arange(len(self.index))
        found.setflags(write=False)
        return found

    def __len__(self) -> int:
        return len(self.index)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Order) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"<Order of {len(self):,} of {self.size:,}{f' by {self.title}' if self.title else ''}>"

    def kept(self, chosen: Any) -> "Order":
        """Return the order of some native rows only, in this sequence."""
        wanted = np.zeros(self.size, bool)
        wanted[np.asarray(chosen)] = True
        return Order.of(self.index[wanted[self.index]], self.size, self.title)


def order_by_columns(axis: AxisTable, names: str | Iterable[str], descending: bool = False) -> Order:
    """Return the order by metadata columns, the first one first; equals stay in their own order, missing values come last."""
    titles = [names] if isinstance(names, str) else list(names)
    return Order.of(sorted_places([axis.column(name) for name in titles], descending), axis.size, ", ".join(titles))


def order_by_names(axis: AxisTable, names: Iterable[Any]) -> Order:
    """Return the order of names as they are given; those not given are left out."""
    wanted = [str(name) for name in names]
    places = axis.positions(wanted)
    lost = [name for name, place in zip(wanted, places, strict=True) if place < 0]
    if lost:
        raise OptionError(f"{len(lost):,} of the names are not among the {axis.side}, such as {lost[0]!r}. {closest(lost[0], axis.names[:10_000])}")
    return Order.of(places, axis.size, "names")


def hits_first(index: NDArray[np.int64], hits: NDArray[np.int64], last: bool = False) -> NDArray[np.int64]:
    """Return native numbers with some of them before all others, or behind them; both keep their sequence."""
    chosen = np.zeros(int(max(index.max(initial=-1), hits.max(initial=-1))) + 1, bool)
    chosen[hits] = True
    there = chosen[index]
    return np.concatenate([index[~there], index[there]] if last else [index[there], index[~there]])


def moved(index: NDArray[np.int64], spans: Iterable[tuple[int, int]], to: int) -> NDArray[np.int64]:
    """Return native numbers with those at some spans of places before another place, in their own sequence; what is not there is left out."""
    chosen = np.zeros(len(index), bool)
    for first, last in spans:
        chosen[first:last] = True
    before, behind = index[:to][~chosen[:to]], index[to:][~chosen[to:]]
    return np.concatenate([before, index[chosen], behind])


def spans_of(places: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return ascending places as runs of neighbours, each from the first to the one past the last."""
    if not len(places):
        return []
    parted = np.flatnonzero(np.diff(places) > 1)
    return list(zip(places[np.r_[0, parted + 1]].tolist(), (places[np.r_[parted, len(places) - 1]] + 1).tolist(), strict=True))


def sorted_places(columns: list[NDArray[Any]], descending: bool) -> NDArray[np.int64]:
    """Return the numbers of rows sorted by columns of values; equals stay in sequence, missing values come last, also descending."""
    frame = pd.DataFrame({place: pd.Series(values) for place, values in enumerate(columns)})
    keys = []
    for place in frame.columns:
        values = frame[place]
        if values.dtype == object or isinstance(values.dtype, (pd.StringDtype, pd.CategoricalDtype)):
            texts = values.astype(object).where(values.notna(), None)
            codes, levels = pd.factorize(texts, use_na_sentinel=True)
            rank = np.empty(len(levels) + 1, np.int64)
            rank[np.argsort(np.asarray(levels, dtype=object).astype(str), kind="stable")] = np.arange(len(levels))
            rank[-1] = len(levels)
            numbers, missing = rank[codes].astype(float), codes < 0
        else:
            missing = values.isna().to_numpy()
            numbers = values.rank(method="dense").to_numpy()
        keys.append(np.where(missing, np.inf, -numbers if descending else numbers))
    return np.asarray(np.lexsort(keys[::-1]), np.int64) if keys else np.arange(len(frame))
