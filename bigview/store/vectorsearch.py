"""The rows whose vectors are nearest to that of a row: an exact pass over all vectors, wherever they are."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bigview.errors import InputError, OptionError
from bigview.store import pool
from bigview.store.bits import Bits, tested
from bigview.store.lookup import positions_of_rows
from bigview.store.manifest import Manifest
from bigview.store.reader import ROW, Reader
from bigview.store.vectorplaces import Block, Vectors, column_vectors, place_of, source_vectors, vector_columns


def searchable(manifest: Manifest) -> tuple[str, ...]:
    """Return whose nearest vectors can be looked for: "" for those that the map was made from, and the names of list columns."""
    return (*([""] if source_vectors(manifest) is not None else []), *vector_columns(manifest))


def similar_rows(reader: Reader, row: int, k: int, bits: Bits | None = None, column: str = "") -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the numbers in the source of the rows with the vectors nearest to that of `row`, nearest first, and their distances.

    Parameters
    ----------
    reader : Reader
    row : int
        Its number in the source. It is among the rows found, where it passes itself.
    k : int
        How many at most.
    bits : ndarray of uint64, optional
        Rows that count, in store order.
    column : str
        A column of lists; by default the vectors that the map was made from.

    Returns
    -------
    rows, distances : ndarray, shape (found,)
        Cosine distances, or Euclidean ones where the map was made with those. Rows with equal distances come in the order of their vectors; rows
        whose vectors have no distance are not found.

    Raises
    ------
    InputError
        When the vectors are not there, or the row's own has no distance.
    """
    if k < 1:
        raise OptionError(f"The number of nearest rows must be 1 or more, not {k}.")
    if not 0 <= row < reader.manifest.rows:
        raise InputError(f"There is no row {row} in the store; rows are numbered 0 to {reader.manifest.rows - 1}.")
    vectors = _vectors(reader, column)
    place = place_of(vectors, reader, row)
    wanted = vectors.one(place)
    distances = _distances(vectors, wanted, bool(column) or _is_cosine(reader.manifest)) if len(wanted) else np.full(vectors.rows, np.inf, np.float32)
    if not np.isfinite(distances[place]):
        raise InputError("The vector of this row is missing, all zero or has no finite length: nothing is near to it.")
    found = _nearest(distances, k) if bits is None else _passing(reader, vectors.in_store, (distances, k), bits)
    rows = reader.records(found, [ROW])[ROW].to_numpy().astype(np.int64) if vectors.in_store else found
    return rows, distances[found]


def _vectors(reader: Reader, column: str) -> Vectors:
    if column:
        if column not in vector_columns(reader.manifest):
            raise OptionError(f"{column!r} is no column of vectors. There are: {', '.join(vector_columns(reader.manifest)) or 'none'}.")
        return column_vectors(reader, column)
    found = source_vectors(reader.manifest)
    if found is None:
        raise InputError("The vectors that the store was made from are no longer where they were, or are too many to be searched.")
    return found


def _is_cosine(manifest: Manifest) -> bool:
    return bool(manifest.report.get("projection", {}).get("metric", "cosine") == "cosine")


def _distances(vectors: Vectors, wanted: NDArray[np.float32], cosine: bool) -> NDArray[np.float32]:
    """Return the distance of each vector; infinity where there is none."""
    out = np.empty(vectors.rows, np.float32)

    def compare(piece: Block) -> None:
        block = vectors.block(piece, len(wanted))
        with np.errstate(all="ignore"):
            if cosine:
                lengths = np.sqrt(np.einsum("ij,ij->i", block, block)) * np.sqrt(wanted @ wanted)
                found = 1 - (block @ wanted) / lengths
            else:
                block = block - wanted
                found = np.sqrt(np.einsum("ij,ij->i", block, block))
        out[slice(*piece)] = np.where(np.isfinite(found), found, np.inf)

    pool.run(compare, vectors.blocks)
    return out


def _nearest(distances: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Return the places of the `k` least finite distances, ascending; of equal ones the first."""
    if k < len(distances):
        last = np.partition(distances, k - 1)[k - 1]
        near = np.flatnonzero(distances <= last)
    else:
        near = np.arange(len(distances))
    near = near[np.isfinite(distances[near])]
    return near[np.argsort(distances[near], kind="stable")][:k].astype(np.int64)


def _passing(reader: Reader, in_store: bool, wanted: tuple[NDArray[np.float32], int], bits: Bits) -> NDArray[np.int64]:
    """Return the nearest vectors whose rows pass: the nearest of all are tested, then more of them, until enough do."""
    passing = np.empty(0, np.int64)
    distances, k = wanted
    for most in _growing(k, len(distances)):
        near = _nearest(distances, most)
        passing = near[tested(bits, near if in_store else positions_of_rows(reader, near))]
        if len(passing) >= k or len(near) < most:
            break
    return passing[:k]


def _growing(k: int, most: int) -> Iterator[int]:
    size = 16 * k
    while size < most:
        yield size
        size *= 16
    yield most
