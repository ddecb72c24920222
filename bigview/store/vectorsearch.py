"""The rows whose vectors are nearest to that of a row: an exact pass over the file of vectors that the store was projected from."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bigview.config import limits
from bigview.errors import InputError, OptionError
from bigview.store import pool
from bigview.store.bits import Bits, tested
from bigview.store.lookup import positions_of_rows
from bigview.store.manifest import Manifest
from bigview.store.reader import Reader

_BLOCK = 16_384  # vectors compared at once: 16 MB at 256 dimensions


def vector_file(manifest: Manifest) -> Path | None:
    """Return the file of the store's vectors; None where they are elsewhere, have changed since, or are more than can be searched."""
    known = manifest.vectors
    if not known or known.get("column") or not str(known.get("path", "")).endswith(".npy"):
        return None
    path = Path(str(known["path"]))
    try:
        size = path.stat().st_size
    except OSError:
        return None
    return path if size == known.get("bytes") and size <= limits().vector_bytes else None


def similar_rows(reader: Reader, row: int, k: int, bits: Bits | None = None) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
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

    Returns
    -------
    rows, distances : ndarray, shape (found,)
        Cosine distances, or Euclidean ones where the map was made with those. Rows with equal distances come in their order in the source; rows
        whose vectors have no distance are not found.

    Raises
    ------
    InputError
        When the vectors are not there, or the row's own has no distance.
    """
    if k < 1:
        raise OptionError(f"The number of nearest rows must be 1 or more, not {k}.")
    path = vector_file(reader.manifest)
    if path is None:
        raise InputError("The vectors that the store was made from are no longer where they were, or are too many to be searched.")
    vectors = np.load(path, mmap_mode="r", allow_pickle=False)
    if vectors.ndim != 2 or not 0 <= row < len(vectors):
        raise InputError(f"The vectors of {path.name} are not those of the store's rows.")
    distances = _distances(vectors, np.asarray(vectors[row], np.float32), _is_cosine(reader.manifest))
    if not np.isfinite(distances[row]):
        raise InputError("The vector of this row is all zero or has no finite length: nothing is near to it.")
    found = _nearest(distances, k) if bits is None else _passing(reader, distances, k, bits)
    return found, distances[found]


def _is_cosine(manifest: Manifest) -> bool:
    return bool(manifest.report.get("projection", {}).get("metric", "cosine") == "cosine")


def _distances(vectors: NDArray[np.floating], wanted: NDArray[np.float32], cosine: bool) -> NDArray[np.float32]:
    """Return the distance of each vector; infinity where there is none."""
    out = np.empty(len(vectors), np.float32)

    def compare(start: int) -> None:
        block = np.asarray(vectors[start : start + _BLOCK], np.float32)
        with np.errstate(all="ignore"):
            if cosine:
                lengths = np.sqrt(np.einsum("ij,ij->i", block, block)) * np.sqrt(wanted @ wanted)
                found = 1 - (block @ wanted) / lengths
            else:
                block = block - wanted
                found = np.sqrt(np.einsum("ij,ij->i", block, block))
        out[start : start + len(block)] = np.where(np.isfinite(found), found, np.inf)

    pool.run(compare, range(0, len(vectors), _BLOCK))
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


def _passing(reader: Reader, distances: NDArray[np.float32], k: int, bits: Bits) -> NDArray[np.int64]:
    """Return the nearest rows that pass: the nearest of all are tested, then more of them, until enough do."""
    passing = np.empty(0, np.int64)
    for most in _growing(k, len(distances)):
        near = _nearest(distances, most)
        passing = near[tested(bits, positions_of_rows(reader, near))]
        if len(passing) >= k or len(near) < most:
            break
    return passing[:k]


def _growing(k: int, most: int) -> Iterator[int]:
    size = 16 * k
    while size < most:
        yield size
        size *= 16
    yield most
