"""Nearest landmarks: exact where they are few, by usearch's graph where they are many."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigview.build.vectors import Metric
from bigview.errors import PackageMissingError

Floats = NDArray[np.float32]
Codes = NDArray[np.int32]

# Up to so many landmarks all distances are computed: 8 M rows a minute still, exact, and usearch is not needed.
EXACT_LANDMARKS = 4_096
EXACT_ROWS = 8_192
# Links of a vector in usearch's graph, candidates while it is built, candidates while it is asked. Measured on 75,000 word vectors:
# seven to eight of ten true neighbours, 25 s a million rows on two cores.
LINKS, WHEN_BUILT, WHEN_ASKED = 16, 64, 32


@dataclass(frozen=True)
class Landmarks:
    """Vectors among which the nearest are looked up; goes to workers as bytes.

    Attributes
    ----------
    vectors : (m, d) array
        Prepared by `bigview.build.vectors.prepared`.
    metric : {"cosine", "euclidean"}
    threads : int
        Of a lookup. The index is built by one thread, so that it is the same each time.
    """

    vectors: Floats
    metric: Metric
    threads: int

    def __getstate__(self) -> dict[str, Any]:
        # The index holds memory outside Python; a worker builds the same one from the vectors in seconds.
        return {"vectors": self.vectors, "metric": self.metric, "threads": self.threads}

    @cached_property
    def scale(self) -> float:
        """What vectors are divided by, so that usearch's half floats can hold their squares."""
        return 1.0 if self.metric == "cosine" else max(float(np.abs(self.vectors).max()), 1e-30)

    @cached_property
    def _index(self) -> Any:
        try:
            from usearch.index import Index
        except ImportError as error:
            raise PackageMissingError("Placing many vectors needs usearch: pip install 'bigview[project]'.") from error
        cosine = self.metric == "cosine"
        index = Index(
            ndim=self.vectors.shape[1],
            metric="cos" if cosine else "l2sq",
            # Eight bits hold a direction well enough, at half the time of sixteen.
            dtype="i8" if cosine else "f16",
            connectivity=LINKS,
            expansion_add=WHEN_BUILT,
            expansion_search=WHEN_ASKED,
        )
        index.add(np.arange(len(self.vectors)), self.vectors / np.float32(self.scale), threads=1)
        return index

    def nearest(self, rows: Floats, count: int) -> tuple[Codes, Floats]:
        """Return the numbers of the nearest landmarks of each row and their distances, nearest first."""
        count = min(count, len(self.vectors))
        near, far = self._exact(rows, count) if len(self.vectors) <= EXACT_LANDMARKS else self._by_graph(rows, count)
        return near, np.sqrt(np.maximum(far, 0)) if self.metric == "euclidean" else np.maximum(far, 0)

    def _exact(self, rows: Floats, count: int) -> tuple[Codes, Floats]:
        length = np.einsum("ij,ij->i", self.vectors, self.vectors)
        near, far = np.empty((len(rows), count), np.int32), np.empty((len(rows), count), np.float32)
        for low in range(0, len(rows), EXACT_ROWS):
            block = rows[low : low + EXACT_ROWS]
            if self.metric == "cosine":
                all_far = 1 - block @ self.vectors.T
            else:
                all_far = np.einsum("ij,ij->i", block, block)[:, None] + length - 2 * block @ self.vectors.T
            part = np.argpartition(all_far, count - 1, axis=1)[:, :count] if count < len(length) else np.argsort(all_far, axis=1)
            value = np.take_along_axis(all_far, part, axis=1)
            order = np.argsort(value, axis=1, kind="stable")
            near[low : low + len(block)] = np.take_along_axis(part, order, axis=1)
            far[low : low + len(block)] = np.take_along_axis(value, order, axis=1)
        return near, far

    def _by_graph(self, rows: Floats, count: int) -> tuple[Codes, Floats]:
        found = self._index.search(rows / np.float32(self.scale), count, threads=self.threads)
        if len(rows) == 1:
            return np.asarray(found.keys, np.int32)[None], np.asarray(found.distances, np.float32)[None] * np.float32(self.scale**2)
        near, far = np.asarray(found.keys).astype(np.int32), np.asarray(found.distances, np.float32) * np.float32(self.scale**2)
        # The graph may find fewer: the last one found stands for those that are missing.
        last = np.maximum(np.asarray(found.counts).astype(np.int64), 1) - 1
        column = np.minimum(np.arange(count), last[:, None])
        return np.take_along_axis(near, column, axis=1), np.take_along_axis(far, column, axis=1)

    def among_themselves(self, count: int) -> tuple[Codes, Floats]:
        """Return the nearest other landmarks of each landmark."""
        near, far = self.nearest(self.vectors, count + 1)
        own = near == np.arange(len(near), dtype=np.int32)[:, None]
        # The graph may miss the landmark itself: then the farthest found goes.
        own[~own.any(axis=1), -1] = True
        # Where the last one found stands for missing ones it may be itself, several times; one is dropped, the graph ignores the others.
        drop = own.argmax(axis=1)
        keep = np.ones(near.shape, bool)
        keep[np.arange(len(near)), drop] = False
        return near[keep].reshape(len(near), -1), far[keep].reshape(len(near), -1)
