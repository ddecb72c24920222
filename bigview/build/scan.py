"""The first look at the rows: extents, categories and a sample."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bigview.build.columns import Kept, convert, raw_numbers
from bigview.build.parts import Part, Reading, read_part

SMALL = 50
"""Distinct texts up to which a column is a category, however few rows there are."""
_ANY = 1 << 31


@dataclass(frozen=True)
class Question:
    """What a scan looks for.

    Attributes
    ----------
    x, y : Kept
    texts : tuple of str
        Columns of texts, which may turn out to be categories.
    most : int
        With more distinct texts than this a column is no category.
    share : float
        Rows of the sample for each row of the source.
    seed : int
    always : tuple of str
        Columns that are categories however many texts they have.
    """

    x: Kept
    y: Kept
    texts: tuple[str, ...]
    most: int
    share: float
    seed: int
    always: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scanned:
    """What one partition holds.

    Attributes
    ----------
    extent : tuple or None
        Raw (x low, x high, y low, y high) of the placed rows.
    placed : int
    sample : (pyarrow.Array, pyarrow.Array)
        x and y of some rows.
    texts : dict
        Distinct texts and their counts as a `pyarrow.StructArray`, or None when there are too many.
    """

    extent: tuple[Any, Any, Any, Any] | None
    placed: int
    sample: tuple[pa.Array, pa.Array]
    texts: dict[str, pa.StructArray | None]


def scan_part(reading: Reading, question: Question, part: Part) -> Scanned:
    """Return what a partition holds."""
    table = read_part(reading, part, list(dict.fromkeys([question.x.name, question.y.name, *question.texts, *question.always])))
    x = convert(table.column(question.x.name), question.x)
    y = convert(table.column(question.y.name), question.y)
    (u, u_there), (v, v_there) = raw_numbers(x), raw_numbers(y)
    there = u_there & v_there
    extent = None
    if there.any():
        extent = (*extent_of(u, there), *extent_of(v, there))
    size = min(part.rows, int(np.ceil(part.rows * question.share)))
    chosen = np.sort(np.random.default_rng([question.seed, part.first]).integers(0, max(part.rows, 1), size))
    texts = {name: _distinct(table.column(name), question.most) for name in question.texts}
    texts.update({name: _distinct(table.column(name), _ANY) for name in question.always})
    return Scanned(extent, int(there.sum()), (x.take(pa.array(chosen)), y.take(pa.array(chosen))), texts)


def extent_of(values: NDArray[Any], there: NDArray[np.bool_]) -> tuple[Any, Any]:
    """Return the least and the greatest of the values that are there; some are."""
    low = values.min(where=there, initial=_largest(values.dtype))
    high = values.max(where=there, initial=-_largest(values.dtype) if values.dtype.kind == "f" else np.iinfo(values.dtype).min)
    return low.item(), high.item()


def _largest(dtype: np.dtype) -> Any:
    return np.inf if dtype.kind == "f" else np.iinfo(dtype).max


def _distinct(values: pa.ChunkedArray, most: int) -> pa.StructArray | None:
    """Return the distinct texts with their counts, or None when there are more than `most`."""
    pieces = []
    for chunk in values.chunks:
        if pa.types.is_dictionary(chunk.type):
            codes = chunk.indices.drop_null().to_numpy(zero_copy_only=False)
            counts = np.bincount(codes, minlength=len(chunk.dictionary))
            used = np.flatnonzero(counts)
            pieces.append((pc.cast(chunk.dictionary, pa.string()).take(pa.array(used)), pa.array(counts[used])))
        else:
            found = pc.value_counts(pc.cast(chunk, pa.string()).drop_null())
            pieces.append((found.field("values"), found.field("counts")))
        if len(pieces[-1][0]) > most:
            return None
    if not pieces:
        return pa.StructArray.from_arrays([pa.array([], pa.string()), pa.array([], pa.int64())], ["value", "count"])
    table = pa.table({"value": pa.chunked_array([p[0] for p in pieces]), "count": pa.chunked_array([p[1] for p in pieces])})
    table = table.group_by("value").aggregate([("count", "sum")])
    if table.num_rows > most:
        return None
    arrays = [table.column(name).combine_chunks() for name in ("value", "count_sum")]
    return pa.StructArray.from_arrays(arrays, ["value", "count"])


class Census:
    """What all partitions together hold."""

    def __init__(self, question: Question) -> None:
        self.extent: tuple[Any, Any, Any, Any] | None = None
        self.placed = 0
        self.samples: dict[int, tuple[pa.Array, pa.Array]] = {}
        self._most = dict.fromkeys(question.texts, question.most) | dict.fromkeys(question.always, _ANY)
        self._texts: dict[str, Counter[str] | None] = {name: Counter() for name in self._most}

    def add(self, number: int, scanned: Scanned) -> None:
        """Add what partition `number` holds."""
        self.placed += scanned.placed
        self.samples[number] = scanned.sample
        if scanned.extent is not None:
            a, b = self.extent or scanned.extent, scanned.extent
            self.extent = (min(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), max(a[3], b[3]))
        for name, found in scanned.texts.items():
            counter = self._texts[name]
            if counter is None or found is None:
                self._texts[name] = None
                continue
            counter.update(dict(zip(found.field("value").to_pylist(), found.field("count").to_pylist(), strict=True)))
            if len(counter) > self._most[name]:
                self._texts[name] = None

    def may_be_category(self, name: str) -> bool:
        """Whether a column has not yet shown too many texts."""
        return self._texts[name] is not None

    def categories(self) -> dict[str, tuple[pa.Array, NDArray[np.int64]]]:
        """Return values and counts of the columns that are categories, by descending count, ties by value."""
        found = {}
        for name, counter in self._texts.items():
            if counter is not None:
                ranked = sorted(counter.items(), key=lambda item: (-item[1], item[0]))
                values = pa.array([value for value, _ in ranked], pa.string())
                found[name] = (values, np.array([count for _, count in ranked], np.int64))
        return found

    def sample(self) -> tuple[pa.Array, pa.Array, NDArray[np.int64]]:
        """Return x, y and the partition of the sampled rows."""
        numbers: Sequence[int] = sorted(self.samples)
        x = pa.concat_arrays([self.samples[number][0] for number in numbers])
        y = pa.concat_arrays([self.samples[number][1] for number in numbers])
        return x, y, np.repeat(numbers, [len(self.samples[number][0]) for number in numbers])
