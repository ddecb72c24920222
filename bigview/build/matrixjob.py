"""What the tasks of a matrix build do: read a block of cells, write its chunks, and reduce it to every level of the pyramid."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bigview.build.categorylevels import MOST, counted_levels
from bigview.build.writing import make_durable, write_file
from bigview.errors import InputError
from bigview.store.blockmath import Planes, empty_planes, facts_of, join_cells, reduce_cells
from bigview.store.chunks import ChunkedArray, zarr_metadata
from bigview.store.files import Folder
from bigview.store.manifest import DataFile
from bigview.store.matrixlevels import PLANES, code_planes, level_name, plane_types
from bigview.store.matrixmanifest import MatrixLevel

_CHUNK = 1 << 20
"""Cells of a chunk: 4 MB of float32, which a network fetches in a tenth of a second and a disk in a hundredth."""
_SIDE = 1024
_ACROSS = 16
"""Chunks of a block, which a task reads at once."""
_ALIGNED = 64
_TOP = 512
"""A level is made while the one below has more cells than this along an axis: fewer than a small picture has pixels."""
_SMALL = 1 << 22
"""Cells up to which a matrix has no pyramid: drawing all of them costs some milliseconds."""
_ELONGATED = 8
_SAMPLE = 1 << 20
"""Cells, over the whole matrix, that quantiles are taken from."""


class Reads(Protocol):
    """Reads blocks of a source; it pickles."""

    def block(self, rows: tuple[int, int], cols: tuple[int, int]) -> NDArray[Any]:
        """Return the cells of a range of rows and of columns; a masked array where some are masked."""


@dataclass(frozen=True)
class Shape:
    """How a matrix is cut: into chunks, which are files, and into blocks of chunks, which are tasks.

    Attributes
    ----------
    shape, chunk, block : (int, int)
    """

    shape: tuple[int, int]
    chunk: tuple[int, int]
    block: tuple[int, int]

    @classmethod
    def of(cls, shape: tuple[int, int], source: tuple[int, int] | None = None) -> "Shape":
        """Return the cut of a matrix whose source is best read in chunks of the shape `source`."""
        rows, cols = shape
        wide = min(cols, _SIDE if rows >= _SIDE else max(_SIDE, _CHUNK // max(1, rows)))
        tall = min(rows, _SIDE if wide >= _SIDE else max(_SIDE, _CHUNK // max(1, wide)))
        chunk = _even(rows, tall), _even(cols, wide)
        return cls(shape, chunk, _block(shape, chunk, source))

    @property
    def blocks(self) -> list[tuple[int, int]]:
        """Numbers of the blocks along both axes, row after row."""
        down, across = (-(-size // step) for size, step in zip(self.shape, self.block, strict=True))
        return [(i, j) for i in range(down) for j in range(across)]

    def span(self, block: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return the rows and the columns of a block."""
        (i, j), (tall, wide), (rows, cols) = block, self.block, self.shape
        return (i * tall, min(rows, (i + 1) * tall)), (j * wide, min(cols, (j + 1) * wide))

    def cells(self, block: tuple[int, int]) -> int:
        """Return the number of cells of a block."""
        (r0, r1), (c0, c1) = self.span(block)
        return (r1 - r0) * (c1 - c0)


def _even(size: int, most: int) -> int:
    """Return the length of a chunk: an axis is cut into like parts, whose edges are edges of the levels' cells."""
    if size <= most or not most:
        return max(1, size)
    length = -(-size // -(-size // most))
    unit = _ALIGNED if length < 1 << 14 else 1 << 10
    return -(-length // unit) * unit


def _block(shape: tuple[int, int], chunk: tuple[int, int], source: tuple[int, int] | None) -> tuple[int, int]:
    """Return the shape of blocks: `_ACROSS` chunks, put together so that chunks of the source are read as few times as possible."""
    down, across = (-(-size // step) for size, step in zip(shape, chunk, strict=True))
    shapes = [(tall, _ACROSS // tall) for tall in (4, 8, 2, 16, 1)]
    if down * across <= _ACROSS:
        return tuple(min(size, count * step) for size, count, step in zip(shape, (down, across), chunk, strict=True))  # type: ignore[return-value]

    def again(tall: int, wide: int) -> float:
        sides = (min(tall, down) * chunk[0], min(wide, across) * chunk[1])
        if source is None:
            return abs(math.log(sides[0] / sides[1]))
        return math.prod((side + step) / side for side, step in zip(sides, source, strict=True))

    tall, wide = min(shapes, key=lambda entry: again(*entry))
    tall, wide = (min(down, max(tall, _ACROSS // min(wide, across))), min(across, max(wide, _ACROSS // min(tall, down))))
    return min(shape[0], tall * chunk[0]), min(shape[1], wide * chunk[1])


def level_factors(cut: Shape) -> list[tuple[int, int]]:
    """Return the rows and columns that a cell of each level covers, finest first; the axes keep the proportion in which a screen shows them.

    A matrix much longer than wide (or wider than long) is first reduced along its long axis alone.
    """
    (rows, cols), found = cut.shape, []
    if rows * cols <= _SMALL:
        return []
    apart = rows / cols
    ratio = 2 ** max(0, round(math.log2(max(apart, 1 / apart))))
    ratio = 1 if ratio < _ELONGATED else ratio
    factor = 4 if ratio == 1 else 16
    while max(rows, cols) / factor > _TOP / 2:
        short = 1 if factor < 4 * ratio else factor // ratio
        pair = (factor, short) if rows >= cols else (short, factor)
        if any(step % f and step < size for step, f, size in zip(cut.block, pair, cut.shape, strict=True)):
            break
        found.append(pair)
        factor *= 2
    return found


@dataclass(frozen=True)
class Job:
    """What every task needs to know.

    Attributes
    ----------
    store : Folder
    generation : str
    source : Reads
    cut : Shape
    dtype : dtype
        Of the stored values.
    missing : int or None
        What stands for a masked cell.
    levels : tuple of MatrixLevel
    codes : int
        Number of categories; 0 for numbers.
    """

    store: Folder
    generation: str
    source: Reads
    cut: Shape
    dtype: np.dtype[Any]
    missing: int | None
    levels: tuple[MatrixLevel, ...]
    codes: int = 0

    @property
    def values(self) -> ChunkedArray:
        """The array of the values."""
        return ChunkedArray(self.store, f"{self.generation}/values", self.cut.shape, self.cut.chunk, self.dtype)

    @property
    def sentinel(self) -> tuple[NDArray[Any], bool]:
        """What stands for a missing cell, as the kernels take it."""
        return np.array([0 if self.missing is None else self.missing], loop_type(self.dtype)), self.missing is not None


@dataclass(frozen=True)
class Block:
    """What a task has found and written.

    Attributes
    ----------
    files : list of DataFile
    cells : int
    facts : ndarray, shape (7,)
        See `facts_of`.
    squares : float
        Sum of the squared distances of the finite values from their mean.
    sample : ndarray
        Some of the values, as float64, without missing ones.
    means : dict
        For each level some of the means of its cells.
    """

    files: list[DataFile]
    cells: int
    facts: NDArray[np.float64]
    squares: float
    sample: NDArray[np.float64]
    means: dict[int, NDArray[np.float64]] = field(default_factory=dict)


def loop_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type in which the kernels take values of a type."""
    return np.dtype(np.uint8) if dtype.kind == "b" else np.dtype(np.float32) if dtype == np.float16 else dtype


def levels_of(cut: Shape, dtype: np.dtype[Any], codes: int) -> tuple[MatrixLevel, ...]:
    """Return the levels of a matrix; of very many categories there are none."""
    if codes > MOST:
        return ()
    found = []
    for rows, cols in level_factors(cut):
        chunk = -(-cut.block[0] // rows), -(-cut.block[1] // cols)
        planes = code_planes(rows * cols, codes) if codes else plane_types(dtype, rows * cols)
        found.append(MatrixLevel(rows, cols, planes, chunk))
    return tuple(found)


def write_metadata(job: Job, attributes: dict[str, Any]) -> list[DataFile]:
    """Write the description of every array."""
    fill: Any = "NaN" if job.dtype.kind == "f" else False if job.dtype.kind == "b" else job.missing or 0
    group = b'{"zarr_format": 3, "node_type": "group", "attributes": {}}'
    texts = {
        f"{job.generation}/zarr.json": group,
        f"{job.values.name}/zarr.json": zarr_metadata(job.cut.shape, job.cut.chunk, job.dtype, fill, attributes),
    }
    for level in job.levels:
        shape = -(-job.cut.shape[0] // level.rows), -(-job.cut.shape[1] // level.cols)
        for plane, name in level.planes.items():
            dtype = np.dtype(name)
            empty: Any = 0 if dtype.kind in "iu" else False if dtype.kind == "b" else 0.0 if plane in ("sum", "squares") else "NaN"
            told = {"rows": level.rows, "cols": level.cols, "statistic": plane}
            texts[f"{level_name(job.generation, level, plane)}/zarr.json"] = zarr_metadata(shape, level.chunk, dtype, empty, told)
    files = [write_file(job.store, name, text, durable=False) for name, text in texts.items()]
    make_durable(job.store, files)
    return files


def build_block(job: Job, number: tuple[int, int]) -> Block:
    """Read a block, write its chunks and its part of every level."""
    rows, cols = job.cut.span(number)
    values = stored(job.source.block(rows, cols), job)
    files = list(_chunks(job, values, (rows[0], cols[0])))
    ready = values.view(np.uint8) if values.dtype.kind == "b" else values.astype(loop_type(values.dtype), copy=False)
    facts = np.zeros(7)
    facts_of(ready, job.sentinel, facts)
    whole: tuple[Planes, tuple[int, int]] | None = None
    means = {}
    counted = counted_levels(ready, job.levels, job.codes) if job.codes else []
    for level, counts in zip(job.levels, counted, strict=False):
        files += [file for code, plane in enumerate(level.planes) for file in _plane(job, level, (plane, counts[..., code]), number)]
    for place, level in enumerate(() if job.codes else job.levels):
        whole = _joined(whole, (level.rows, level.cols), ready.shape) or _reduced(ready, (level.rows, level.cols), job)
        files += _planes(job, level, whole[0], number)
        means[place] = _some(*_means(whole, ready.shape), job, number)
    make_durable(job.store, files)
    whole = whole or _reduced(ready, (_ALIGNED, _ALIGNED), job)
    return Block(files, values.size, facts, _squares(ready, whole, facts), _some(ready, None, job, number), means)


def stored(values: NDArray[Any], job: Job) -> NDArray[Any]:
    """Return values as they are stored."""
    mask = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) and values.mask is not np.ma.nomask else None
    plain = np.ma.getdata(values)
    if mask is not None and not mask.any():
        mask = None
    if job.codes and len(plain) and plain.size:
        _check_codes(plain if mask is None else plain[~mask], job.codes)
    if job.missing is not None and not job.codes and plain.dtype == job.dtype and (plain == job.missing).any():
        # Only 64-bit numbers have no wider type to put the missing ones in.
        kept = plain == job.missing if mask is None else (plain == job.missing) & ~mask
        if kept.any():
            raise InputError(f"The value {job.missing} occurs, but stands for masked cells. Fill the mask, or give the matrix as float64.")
    made = np.ascontiguousarray(plain, dtype=job.dtype)
    if mask is not None:
        made = made.copy() if np.may_share_memory(made, plain) else made
        made[mask] = np.nan if job.missing is None else job.missing
    return made


def _check_codes(codes: NDArray[Any], count: int) -> None:
    if codes.size and (codes.min() < -1 or codes.max() >= count):
        worst = codes.max() if codes.max() >= count else codes.min()
        raise InputError(f"The code {worst} stands for no category: there are {count}, counted from 0, and −1 for a missing one.")


def _chunks(job: Job, values: NDArray[Any], corner: tuple[int, int]) -> Iterator[DataFile]:
    (tall, wide), array = job.cut.chunk, job.values
    for top in range(0, values.shape[0], tall):
        for left in range(0, values.shape[1], wide):
            part = values[top : top + tall, left : left + wide]
            if part.shape != (tall, wide):
                whole = np.zeros((tall, wide), values.dtype)
                whole[: part.shape[0], : part.shape[1]] = part
                part = whole
            name = array.key((corner[0] + top) // tall, (corner[1] + left) // wide)
            yield write_file(job.store, name, _bytes(part), durable=False)


def _bytes(values: NDArray[Any]) -> memoryview:
    return np.ascontiguousarray(values).reshape(-1).view(np.uint8).data


def _reduced(values: NDArray[Any], factors: tuple[int, int], job: Job) -> tuple[Planes, tuple[int, int]]:
    shape = -(-values.shape[0] // factors[0]), -(-values.shape[1] // factors[1])
    planes = empty_planes(shape, values.dtype)
    reduce_cells(values, job.sentinel, factors, planes)
    return planes, factors


def _joined(finer: tuple[Planes, tuple[int, int]] | None, factors: tuple[int, int], cells: tuple[int, ...]) -> tuple[Planes, tuple[int, int]] | None:
    """Return the planes of a level from those of the one before, where that divides it."""
    if finer is None or factors[0] % finer[1][0] or factors[1] % finer[1][1]:
        return None
    step = factors[0] // finer[1][0], factors[1] // finer[1][1]
    shape = -(-cells[0] // factors[0]), -(-cells[1] // factors[1])
    planes = empty_planes(shape, finer[0][2].dtype)
    join_cells(finer[0], (cells[0], cells[1], *finer[1]), step, planes)
    return planes, factors


def _planes(job: Job, level: MatrixLevel, planes: Planes, number: tuple[int, int]) -> Iterator[DataFile]:
    for plane, values in zip(PLANES, planes, strict=True):
        if plane != "missing" or values.any():
            yield from _plane(job, level, (plane, values), number)


def _plane(job: Job, level: MatrixLevel, found: tuple[str, NDArray[Any]], number: tuple[int, int]) -> Iterator[DataFile]:
    plane, values = found
    kept = values.astype(np.dtype(level.planes[plane]), copy=False)
    if kept.shape != level.chunk:
        whole = np.zeros(level.chunk, kept.dtype)
        whole[: kept.shape[0], : kept.shape[1]] = kept
        kept = whole
    yield write_file(job.store, f"{level_name(job.generation, level, plane)}/c/{number[0]}/{number[1]}", _bytes(kept), durable=False)


def _means(found: tuple[Planes, tuple[int, int]], cells: tuple[int, ...]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    planes, (tall, wide) = found
    down = np.minimum(tall, cells[0] - tall * np.arange(planes[0].shape[0]))
    across = np.minimum(wide, cells[1] - wide * np.arange(planes[0].shape[1]))
    held = np.outer(down, across) - planes[4]
    with np.errstate(invalid="ignore", divide="ignore"):
        return planes[0] / held, held > 0


def _some(values: NDArray[Any], good: NDArray[np.bool_] | None, job: Job, number: tuple[int, int]) -> NDArray[np.float64]:
    """Return some of the values of a block, drawn by lot: as many as fall to it of the sample of the whole matrix."""
    share = job.cut.cells(number) / max(1, job.cut.shape[0] * job.cut.shape[1])
    most = min(values.size, math.ceil(_SAMPLE * share))
    at = np.random.default_rng([7, *number]).integers(0, max(1, values.size), most)
    taken = values[at // max(1, values.shape[1]), at % max(1, values.shape[1])]
    if good is not None:
        taken = taken[good[at // max(1, values.shape[1]), at % max(1, values.shape[1])]]
    elif job.missing is not None:
        taken = taken[taken != job.missing]
    taken = taken.astype(np.float64)
    return np.asarray(taken[np.isfinite(taken)])


def _squares(values: NDArray[Any], whole: tuple[Planes, tuple[int, int]], facts: NDArray[np.float64]) -> float:
    """Return the sum of the squared distances of the finite values of a block from their mean."""
    if facts[5]:
        plain = values[np.isfinite(values)].astype(np.float64)
        return float(((plain - plain.mean()) ** 2).sum()) if len(plain) else 0.0
    step = whole[0][0].shape
    planes = empty_planes((1, 1), values.dtype)
    join_cells(whole[0], (*values.shape, *whole[1]), step, planes)
    return float(planes[1][0, 0])
