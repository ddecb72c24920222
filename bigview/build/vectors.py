"""High-dimensional vectors, wherever they are, read block by block."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bigview.errors import InputError, StoreMissingError

Floats = NDArray[np.float32]
Metric = Literal["cosine", "euclidean"]
# What may be projected: an array or memory map; the path of a .npy file; a list of blocks; a function that returns an iterator of blocks.
VectorsLike = NDArray[Any] | str | Path | Sequence[NDArray[Any]] | Callable[[], Iterator[NDArray[Any]]]

# Rows read at once: 64 MB of float32 at 256 dimensions.
BLOCK_ROWS = 65_536


@dataclass(frozen=True)
class Vectors:
    """Vectors that can be read from the beginning as often as needed.

    Attributes
    ----------
    rows, width : int
        The shape.
    read : callable
        Returns an iterator of blocks, arrays of shape (some rows, width).
    array : array or None
        The same as one array or memory map, where there is one: then single rows need no pass over all.
    """

    rows: int
    width: int
    read: Callable[[], Iterator[NDArray[Any]]] = field(repr=False)
    array: NDArray[Any] | None = field(default=None, repr=False)

    def blocks(self) -> Iterator[tuple[int, NDArray[Any]]]:
        """Yield (number of the first row, block)."""
        low = 0
        for block in self.read():
            for part in range(0, len(block), BLOCK_ROWS):
                yield low + part, block[part : part + BLOCK_ROWS]
            low += len(block)

    def take(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Return the rows of these ascending numbers."""
        if self.array is not None:
            return np.asarray(self.array[rows])
        parts = []
        for low, block in self.blocks():
            begin, end = np.searchsorted(rows, [low, low + len(block)])
            if end > begin:
                parts.append(np.asarray(block[rows[begin:end] - low]))
        return np.concatenate(parts) if parts else np.empty((0, self.width), np.float32)

    def sample(self, count: int, seed: int) -> NDArray[np.int64]:
        """Return the ascending numbers of a random sample of the rows; all of them if there are not more than `count`."""
        if self.rows <= count:
            return np.arange(self.rows)
        # Floyd's method inside NumPy: costs the sample, not the rows.
        return np.sort(np.random.default_rng(seed).choice(self.rows, count, replace=False, shuffle=False)).astype(np.int64)


def as_vectors(source: VectorsLike | Vectors) -> Vectors:
    """Return vectors of any accepted form as `Vectors`, or say what is wrong with them.

    Parameters
    ----------
    source : array, path of a ``.npy`` file, list of blocks, or function that returns an iterator of blocks
        Rows are vectors. A function is called once for each pass.
    """
    if isinstance(source, Vectors):
        return source
    if isinstance(source, str | Path):
        source = _opened(Path(source))
    if isinstance(source, np.ndarray):
        array = _checked(source, None, "The vectors")
        return Vectors(len(array), array.shape[1], lambda: iter([array]), array)
    if callable(source):
        make = source
    elif isinstance(source, Sequence) and not isinstance(source, str):
        make = _Blocks(source)
    else:
        raise InputError(
            f"Vectors cannot be read from a {type(source).__name__}: an iterator ends after one pass, and several are needed. Give an array, "
            "the path of a .npy file, a list of arrays, or a function that returns a new iterator of arrays."
        )
    rows, width = 0, None
    for number, block in enumerate(make()):
        width = _checked(block, width, f"Block {number} of the vectors").shape[1]
        rows += len(block)
    if width is None:
        raise InputError("There are no vectors: no block at all. An empty array needs its shape, (0, dimensions).")
    return Vectors(rows, width, lambda: (np.asarray(block) for block in make()))


@dataclass(frozen=True)
class _Blocks:
    blocks: Sequence[NDArray[Any]]

    def __call__(self) -> Iterator[NDArray[Any]]:
        return iter(self.blocks)


def _opened(path: Path) -> NDArray[Any]:
    try:
        # Pickled objects are refused: reading them would run their code.
        return np.asanyarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except FileNotFoundError as error:
        raise StoreMissingError(f"There is no file of vectors at {path}.") from error
    except (ValueError, EOFError, OSError) as error:
        raise InputError(f"{path} is not a whole .npy file of numbers: {error}") from error


def _checked(block: Any, width: int | None, name: str) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.asanyarray(block)
    except ValueError as error:
        raise InputError(f"{name} have unequal lengths: every vector needs the same number of dimensions.") from error
    if array.dtype.kind not in "fiub":
        raise InputError(f"{name}: {array.dtype} cannot be projected; numbers are needed, one vector a row.")
    if array.ndim != 2 or array.shape[1] == 0:
        raise InputError(f"{name}: an array of shape {array.shape}; (rows, dimensions) is needed, with at least one dimension.")
    if width is not None and array.shape[1] != width:
        raise InputError(f"{name}: {array.shape[1]} dimensions, those before {width}. Every vector needs the same number.")
    return array


def prepared(block: NDArray[Any], metric: Metric) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the vectors as float32, of length 1 if the metric is the cosine, and which of them have a place at all.

    A vector with NaN or infinity has none, and with the cosine neither has the zero vector, which points nowhere. They come back as zeros.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        out = np.array(block, np.float32)
        square = np.einsum("ij,ij->i", out, out, dtype=np.float64)
    good = np.isfinite(square)
    if metric == "cosine":
        good &= square > 0
        out /= np.sqrt(np.where(good, square, 1.0)).astype(np.float32)[:, None]
    out[~good] = 0
    return out, good
