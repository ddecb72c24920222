"""Similarity of vectors as a matrix that is never written: each cell is computed when it is asked for.

The mean of a block of dot products is the dot product of two means, so that any block, however large, costs two vectors; see `VectorAxis`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bigview.config import limits
from bigview.errors import InputError, StoreMissingError, TooLargeError
from bigview.store import pool
from bigview.store.files import Folder
from bigview.store.sparse import FlatArray
from bigview.store.vectorloops import halves, prepare, sum_bins, sum_stretches

Metric = Literal["cosine", "dot", "sqeuclidean", "euclidean"]
METRICS: tuple[Metric, ...] = ("cosine", "dot", "sqeuclidean", "euclidean")
Floats = NDArray[np.float64]
Source = tuple[NDArray[Any], NDArray[np.float32], Floats, Floats]
"""Vectors, what 16 bits mean, the weight of each vector, the centre: as the loops take them."""

_TILE = 1024
"""Rows and columns computed at once by `SimilarCells.blocks`."""

_STRETCH = 64
"""Places of an order between two sums that are kept, at least."""

_PREFIX_BYTES = 64 << 20
"""Bytes of the sums kept for an order."""

_SLICE = 1 << 12
"""Vectors of the smallest slice."""


def open_vectors(known: dict[str, Any]) -> tuple[NDArray[Any], NDArray[np.float32]]:
    """Return the vectors of a similarity as a read-only map, as the loops read them, and what 16 bits mean.

    Parameters
    ----------
    known : dict
        "path" of a `.npy` file, its "bytes", and the "dimensions".
    """
    path = Path(str(known["path"]))
    if not path.exists():
        raise StoreMissingError(f"The vectors of this similarity are no longer at {path}. Bring them back, or make the similarity again.")
    if path.stat().st_size != known["bytes"]:
        raise InputError(f"{path} has {path.stat().st_size:,} bytes, and had {known['bytes']:,}. Make the similarity again.")
    return as_loops(np.load(path, mmap_mode="r", allow_pickle=False))


def as_loops(vectors: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.float32]]:
    """Return vectors as the loops read them, and what 16 bits mean."""
    plain = np.asarray(vectors)
    if plain.dtype == np.float16:
        return plain.view(np.uint16), halves()
    if plain.dtype == np.uint16:
        return plain, np.arange(1 << 16, dtype=np.float32)
    return plain.view(np.uint8) if plain.dtype.kind == "b" else plain, np.empty(0, np.float32)


@dataclass(frozen=True)
class SimilarCells:
    """The cells of a similarity.

    Attributes
    ----------
    folder : Folder
    generation : str
    size : int
        Vectors: rows as well as columns.
    options : dict
        "metric", "vectors": where they are, and "by": the column that rows are sorted by, where they are not in the order of the vectors.
    """

    folder: Folder
    generation: str
    size: int
    options: dict[str, Any]

    @property
    def metric(self) -> Metric:
        """How alike two vectors are, or how far apart."""
        return self.options["metric"]  # type: ignore[no-any-return]

    @property
    def width(self) -> int:
        """Dimensions of a vector."""
        return int(self.options["vectors"]["dimensions"])

    @property
    def squares(self) -> FlatArray:
        """The squared length of each vector; not finite where it has none."""
        return FlatArray(self.folder, f"{self.generation}/squares", (self.size, 1), (max(1, self.size), 1), np.dtype("<f8"))

    @property
    def centre(self) -> FlatArray:
        """The mean of the vectors."""
        return FlatArray(self.folder, f"{self.generation}/centre", (self.width, 1), (self.width, 1), np.dtype("<f8"))

    @property
    def order(self) -> FlatArray:
        """The vector of each row, where rows are in an order of their own."""
        return FlatArray(self.folder, f"{self.generation}/order", (self.size, 1), (max(1, self.size), 1), np.dtype("<i8"))

    @cached_property
    def _order(self) -> NDArray[np.int64] | None:
        return np.asarray(self.order.part(0, self.size)) if self.options.get("by") else None

    def vector_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the numbers of the vectors of rows."""
        return rows if self._order is None else self._order[rows]

    @cached_property
    def source(self) -> Source:
        """What the loops take."""
        known = self.options["vectors"]
        if known["path"] is None:
            known = {**known, "path": self.folder.path(f"{self.generation}/vectors.npy")}
        (vectors, table), squares = open_vectors(known), self.squares.part(0, self.size)
        about = self.centre.part(0, self.width) if self.metric.endswith("euclidean") else np.zeros(self.width)
        return vectors, table, weights(squares, self.metric), np.ascontiguousarray(about)

    def prepared(self, rows: NDArray[np.int64]) -> Floats:
        """Return vectors as cells are computed from them; NaN where one has no length."""
        out, vectors = np.empty((len(rows), self.width)), self.vector_of(rows)
        pool.run(lambda span: prepare(self.source, vectors, span, out), pool.slices(len(rows), _SLICE))
        return out

    def take(self, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> Floats:
        """Return the cells at rows × columns; NaN where a vector has no length (for the cosine: no direction)."""
        size, most = len(rows) * len(cols) * 8, limits().result_bytes
        if size > most:
            raise TooLargeError(
                f"{len(rows):,} × {len(cols):,} cells take {size / 1e6:,.0f} MB; the limit is {most / 1e6:,.0f} MB. "
                f"{most // (8 * max(1, len(cols))):,} of these rows would fit."
            )
        return compared(self.prepared(rows), self.prepared(cols), self.metric)

    def blocks(self, rows: tuple[int, int], cols: tuple[int, int]) -> Iterator[tuple[int, int, Floats]]:
        """Yield (first row, first column, values) of windows, computed one after the other."""
        for top in range(rows[0], rows[1], _TILE):
            for left in range(cols[0], cols[1], _TILE):
                yield top, left, self.take(np.arange(top, min(rows[1], top + _TILE)), np.arange(left, min(cols[1], left + _TILE)))


def weights(squares: Floats, metric: Metric) -> Floats:
    """Return what each vector is multiplied by; 0 where it counts in nothing."""
    finite = np.isfinite(squares)
    if metric != "cosine":
        return finite.astype(np.float64)
    with np.errstate(divide="ignore"):
        return np.where(finite & (squares > 0), 1 / np.sqrt(squares), 0.0)


def compared(one: Floats, other: Floats, metric: Metric) -> Floats:
    """Return the cells of vectors that `SimilarCells.prepared` gives."""
    dots = np.asarray(one @ other.T)
    if metric in ("cosine", "dot"):
        return np.clip(dots, -1, 1, out=dots) if metric == "cosine" else dots  # rounding may go beyond
    squared = np.maximum(np.einsum("ij,ij->i", one, one)[:, None] + np.einsum("ij,ij->i", other, other) - 2 * dots, 0.0)
    return squared if metric == "sqeuclidean" else np.asarray(np.sqrt(squared))


@dataclass(frozen=True, eq=False)
class VectorAxis:
    """The vectors of a similarity in some order, with the sums of all before every so many places: so any run of them is added up at once.

    The sums are kept in float64: of a million vectors of length 1 they lose less than 1e-9.

    Attributes
    ----------
    index : ndarray of int64
        The vector at each place.
    prefix : ndarray of float64, shape (stretches + 1, dimensions + 2)
    step : int
        Places of a stretch.
    """

    index: NDArray[np.int64]
    prefix: Floats
    step: int

    @classmethod
    def of(cls, cells: SimilarCells, rows: NDArray[np.int64]) -> "VectorAxis":
        """Return the sums of an order of the rows, from one pass over their vectors."""
        index, width = cells.vector_of(rows), cells.width + 2
        step = max(_STRETCH, -(-len(index) * width * 8 // _PREFIX_BYTES))
        count = len(index) // step  # what is left over at the end belongs to no stretch
        prefix = np.zeros((count + 1, width))
        source = cells.source
        pool.run(lambda span: sum_stretches(source, index, step, span, prefix[1:]), _stretches(count, step))
        np.cumsum(prefix, axis=0, out=prefix)
        return cls(index, prefix, step)

    @property
    def nbytes(self) -> int:
        """Bytes that are kept."""
        return self.prefix.nbytes + self.index.nbytes


def _stretches(count: int, step: int) -> list[tuple[int, int]]:
    parts = max(1, min(8 * pool.threads(), count * step // _SLICE))
    return [(count * part // parts, count * (part + 1) // parts) for part in range(parts)]


def bin_sums(cells: SimilarCells, axis: "VectorAxis | NDArray[np.int64]", edges: NDArray[np.int64]) -> Floats:
    """Return the sums of the vectors of bins, of their squared lengths, and how many count, shape (bins, dimensions + 2).

    Parameters
    ----------
    axis : VectorAxis, or ndarray of int64
        The whole order with its sums; or the rows from ``edges[0]`` to ``edges[-1]`` alone.
    edges : ndarray of int64
    """
    out = np.zeros((len(edges) - 1, cells.width + 2))
    whole = isinstance(axis, VectorAxis)
    prefix = (axis.prefix, axis.step) if isinstance(axis, VectorAxis) else (np.empty((0, 0)), 1)
    index, source = axis.index if isinstance(axis, VectorAxis) else cells.vector_of(axis), cells.source
    least = 16 if whole else max(1, _SLICE * len(out) // max(1, len(index)))
    pool.run(lambda span: sum_bins(source, index, edges, prefix, span, out), pool.slices(len(out), least))
    return out
