"""From vectors to places on a map.

`fit` looks at a sample and returns a projector, a value that goes to workers; `place` of the projector turns any block of rows into positions, the
same whichever worker does it and however the rows are cut into blocks. `project` does both in this process and says how good the map is.
"""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from bigview.build import layout
from bigview.build.landmarks import Landmarks
from bigview.build.quality import Preservation, preservation
from bigview.build.vectors import Metric, Vectors, VectorsLike, as_vectors, prepared
from bigview.config import limits
from bigview.errors import OptionError, closest

Floats = NDArray[np.float32]
Report = Callable[[str, int, int], None]

# More dimensions than this are turned to their main ones before neighbours are looked up. For the 256 of the words that costs one in a hundred
# neighbours and saves a third of the time.
MOST_DIMENSIONS = 192
# Rows read to find the main directions and distinct landmarks.
SAMPLE_ROWS = 100_000
# Neighbours of a landmark in the layout, and landmarks that place a row.
NEIGHBOURS, ANCHORS = 15, 12
# With fewer different vectors there are no neighbourhoods to lay out; the principal axes are drawn.
FEWEST = 10
# Rows placed by one thread at once.
CHUNK_ROWS = 8_192


class Projector(Protocol):
    """Knows where any vector lies on the map."""

    @property
    def method(self) -> str:
        """What was done, in words."""

    @property
    def metric(self) -> Metric:
        """What near means among the vectors."""

    def place(self, block: NDArray[Any], first: int) -> Floats:
        """Return positions, shape (rows, 2); NaN for a vector that has none.

        Parameters
        ----------
        block : (n, d) array
            Consecutive rows.
        first : int
            Number of the first of them in the whole source.
        """


@dataclass(frozen=True)
class Principal:
    """The first two principal axes."""

    mean: NDArray[np.float64]
    axes: NDArray[np.float64]
    method: str = "pca"
    metric: Metric = "euclidean"

    def place(self, block: NDArray[Any], first: int) -> Floats:
        """Return the coordinates along the axes."""
        values = np.asarray(block, np.float64)
        good = np.asarray(np.isfinite(values).all(axis=1), bool)
        with np.errstate(invalid="ignore", over="ignore"):
            out = ((np.where(good[:, None], values, 0.0) - self.mean) @ self.axes).astype(np.float32)
        out[~good] = np.nan
        return out


@dataclass(frozen=True)
class Neighbourly:
    """Landmarks laid out by UMAP; rows go where their nearest landmarks are."""

    landmarks: Landmarks
    positions: Floats
    turn: Floats | None
    seed: int
    method: str = "umap"

    @property
    def metric(self) -> Metric:
        """What near means among the vectors."""
        return self.landmarks.metric

    def place(self, block: NDArray[Any], first: int) -> Floats:
        """Return positions near the landmarks that are nearest in the space of the vectors."""
        rows, good = prepared(block, self.metric)
        if self.turn is not None:
            rows = _turned(rows, self.turn, self.metric)
        near, far = self.landmarks.nearest(rows, ANCHORS)
        out = np.empty((len(rows), 2), np.float32)

        def part(low: int) -> None:
            cut = slice(low, low + CHUNK_ROWS)
            out[cut] = layout.placed(self.positions, near[cut], far[cut], first + low, self.seed)

        with ThreadPoolExecutor(self.landmarks.threads) as pool:
            list(pool.map(part, range(0, len(rows), CHUNK_ROWS)))
        out[~good] = np.nan
        return out


@dataclass(frozen=True)
class Projection:
    """A map and what is known about it.

    Attributes
    ----------
    xy : (n, 2) array of float32
        A memory map if a file was asked for. Rows whose vectors have no place have NaN.
    projector : Projector
        Places further rows on the same map.
    unplaced : int
        Rows without a place: NaN or infinity in the vector, or, by cosine, all zero.
    quality : Preservation
        How much of the neighbourhoods is kept.
    seconds : dict of str to float
        Time of each stage.
    """

    xy: Floats
    projector: Projector
    unplaced: int
    quality: Preservation
    seconds: dict[str, float]

    def text(self) -> str:
        """Return the report as lines to read."""
        lines = [f"{len(self.xy):,} rows placed by {self.projector.method}, {self.projector.metric} distance."]
        if self.unplaced:
            lines.append(f"{self.unplaced:,} rows have no place: their vectors hold NaN or infinity, or are all zero.")
        lines.append(self.quality.text())
        lines.append("Seconds: " + ", ".join(f"{name} {value:.1f}" for name, value in self.seconds.items()))
        return "\n".join(lines)


def project(
    vectors: VectorsLike | Vectors,
    method: Literal["umap", "pca"] = "umap",
    seed: int = 0,
    metric: Literal["auto", "cosine", "euclidean"] = "auto",
    out: str | Path | None = None,
    progress: Report | None = None,
) -> Projection:
    """Place every vector on a map.

    Parameters
    ----------
    vectors : array, path of a ``.npy`` file, list of blocks, or function that returns an iterator of blocks
        One vector a row. They are read block by block, several times.
    method : {"umap", "pca"}
        UMAP on landmarks and every row placed among them, or the first two principal axes.
    seed : int
        The same seed gives the same map.
    metric : {"auto", "cosine", "euclidean"}
        What near means. "auto" is the cosine from four dimensions on, as embeddings want it. PCA is always euclidean.
    out : path, optional
        ``.npy`` file for the positions, which then need no memory. It appears when it is whole.
    progress : callable, optional
        Called with (stage, done, total).
    """
    source, report, seconds = as_vectors(vectors), progress or _silent, {}
    began = time.perf_counter()
    projector = fit(source, method, seed, metric, report)
    seconds["fit"] = -began + (began := time.perf_counter())
    xy = _place_all(source, projector, None if out is None else Path(out), report)
    seconds["place"] = -began + (began := time.perf_counter())
    unplaced = sum(int(np.isnan(xy[low : low + (1 << 20), 0]).sum()) for low in range(0, len(xy), 1 << 20))
    report("judge", 0, 1)
    quality = preservation(source, xy, projector.metric, seed)
    report("judge", 1, 1)
    seconds["judge"] = time.perf_counter() - began
    return Projection(xy, projector, unplaced, quality, seconds)


def fit(
    vectors: VectorsLike | Vectors,
    method: Literal["umap", "pca"] = "umap",
    seed: int = 0,
    metric: Literal["auto", "cosine", "euclidean"] = "auto",
    progress: Report | None = None,
) -> Projector:
    """Return the projector of some vectors. The parameters are those of `project`."""
    if method not in ("umap", "pca"):
        raise OptionError(f"There is no projection {method!r}. {closest(method, ['umap', 'pca'])}")
    if metric not in ("auto", "cosine", "euclidean"):
        raise OptionError(f"There is no metric {metric!r}. {closest(metric, ['auto', 'cosine', 'euclidean'])}")
    source, report = as_vectors(vectors), progress or _silent
    if method == "pca":
        return _principal(source, report)
    chosen: Metric = metric if metric != "auto" else "cosine" if source.width > 3 else "euclidean"
    return _neighbourly(source, seed, chosen, report)


def _silent(stage: str, done: int, total: int) -> None:
    pass


def _place_all(source: Vectors, projector: Projector, out: Path | None, report: Report) -> Floats:
    part = None if out is None else out.with_name(f".{out.name}.{os.getpid()}.part")
    shape = (source.rows, 2)
    try:
        xy: Floats = np.empty(shape, np.float32) if part is None else np.lib.format.open_memmap(part, "w+", np.float32, shape)
        for low, block in source.blocks():
            report("place", low, source.rows)
            xy[low : low + len(block)] = projector.place(block, low)
        report("place", source.rows, source.rows)
        if part is None or out is None:
            return xy
        np.asanyarray(xy).flush()  # type: ignore[attr-defined]
        os.replace(part, out)
    finally:
        if part is not None:
            part.unlink(missing_ok=True)
    return np.asanyarray(np.load(out, mmap_mode="r")) if source.rows else xy


# --- principal axes --------------------------------------------------------------------------------------------------------------------


def _principal(source: Vectors, report: Report, name: str = "pca") -> Principal:
    """Return the exact axes of all rows, from the sums of one pass."""
    count, total, product = 0, np.zeros(source.width), np.zeros((source.width, source.width))
    shift: NDArray[np.float64] | None = None
    for low, block in source.blocks():
        report("axes", low, source.rows)
        values = np.asarray(block, np.float64)
        values = values[np.isfinite(values).all(axis=1)]
        if not len(values):
            continue
        # Sums of what is left after a first guess of the mean: the difference of two huge sums would lose the digits.
        shift = values.mean(axis=0) if shift is None else shift
        values = values - shift
        count, total, product = count + len(values), total + values.sum(axis=0), product + values.T @ values
    report("axes", source.rows, source.rows)
    if shift is None:
        return Principal(np.zeros(source.width), np.zeros((source.width, 2)), name)
    mean = total / count
    return Principal(shift + mean, _main_axes(product / count - np.outer(mean, mean), 2), name)


def _main_axes(covariance: NDArray[np.floating], count: int) -> NDArray[np.float64]:
    """Return the main axes as columns, with a sign that does not depend on the machine; zeros where there are too few dimensions."""
    _, axes = np.linalg.eigh(covariance.astype(np.float64))
    axes = axes[:, ::-1][:, :count]
    largest = np.abs(axes).argmax(axis=0)
    axes = axes * np.where(axes[largest, np.arange(axes.shape[1])] < 0, -1.0, 1.0)
    return np.pad(axes, ((0, 0), (0, count - axes.shape[1])))


# --- neighbours ------------------------------------------------------------------------------------------------------------------------


def _neighbourly(source: Vectors, seed: int, metric: Metric, report: Report) -> Projector:
    report("sample", 0, 1)
    rows, good = prepared(source.take(source.sample(SAMPLE_ROWS, seed)), metric)
    rows = _distinct(rows[good], seed)
    turn = None
    if source.width > MOST_DIMENSIONS:
        turn = _main_axes(rows.T @ rows, MOST_DIMENSIONS).astype(np.float32)
        rows = _turned(rows, turn, metric)
    report("sample", 1, 1)
    if len(rows) < FEWEST:
        return _principal(source, report, "pca (too few different vectors for umap)")
    threads = limits().threads or os.cpu_count() or 1
    landmarks = Landmarks(rows[: limits().landmarks], metric, threads)
    report("neighbours", 0, 1)
    near, far = landmarks.among_themselves(NEIGHBOURS)
    graph = layout.fuzzy_graph(near, far)
    report("neighbours", 1, 1)
    centred = landmarks.vectors - landmarks.vectors.mean(axis=0)
    start = centred @ _main_axes(centred.T @ centred, 2).astype(np.float32)
    positions = layout.lay_out(graph, start, seed, threads, lambda done, total: report("layout", done, total))
    return Neighbourly(landmarks, positions, turn, seed)


def _distinct(rows: Floats, seed: int) -> Floats:
    """Return the different rows in random order: equal ones would spend landmarks, and stand on one point."""
    bits = np.ascontiguousarray(rows).view(np.uint32)
    odd = np.asarray(np.random.default_rng(seed).integers(1 << 63, size=rows.shape[1], dtype=np.uint64)) | np.uint64(1)
    code = np.zeros(len(rows), np.uint64)
    for column in range(rows.shape[1]):
        code += bits[:, column] * odd[column]
    first = np.unique(code, return_index=True)[1]
    return np.asarray(rows[np.random.default_rng(seed).permutation(np.sort(first))], np.float32)


def _turned(rows: Floats, turn: Floats, metric: Metric) -> Floats:
    return prepared(rows @ turn, metric)[0]
