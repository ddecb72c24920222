"""Wide Dask DataFrames as matrices, read partition by partition: the rows are in the order of the partitions, and inside of each in its own."""

from bisect import bisect_right
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bigview.build.axes import Axis, axis_of_index
from bigview.build.matrixframes import codes_of_frame, common_categories, is_number, no_numbers, numbers_of_frame
from bigview.build.matrixsource import Held, MatrixSource, check_type
from bigview.errors import InputError


@dataclass(frozen=True)
class PartitionReader:
    """Reads a Dask DataFrame block by block.

    Attributes
    ----------
    held : Held
        Of the frame, and of the code of each category; None for numbers.
    starts : tuple of int
        The first row of each partition, and the one after the last.
    dtype : str
    """

    held: Held
    starts: tuple[int, ...]
    dtype: str

    def block(self, rows: tuple[int, int], cols: tuple[int, int]) -> NDArray[Any]:
        """Return the cells of a range of rows and of columns."""
        frame, place = self.held.value
        parts = []
        for number in range(max(0, bisect_right(self.starts, rows[0]) - 1), len(self.starts) - 1):
            first, stop = self.starts[number], self.starts[number + 1]
            if first >= rows[1]:
                break
            if stop > first:
                kept = _columns(frame.partitions[number], cols)
                if len(kept) != stop - first:
                    raise InputError(
                        f"Partition {number} of the Dask DataFrame has {len(kept):,} rows, and had {stop - first:,} when they were counted. "
                        "What changes from one reading to the next cannot be built from: write it to Parquet, or call persist() first."
                    )
                part = kept.iloc[max(rows[0], first) - first : min(rows[1], stop) - first]
                parts.append(numbers_of_frame(part, self.dtype) if place is None else codes_of_frame(part, place))
        if not parts:
            return np.empty((0, cols[1] - cols[0]), self.dtype)
        masked = any(isinstance(part, np.ma.MaskedArray) for part in parts)
        return np.ma.concatenate(parts) if masked else np.concatenate(parts)  # type: ignore[no-untyped-call]


def _columns(partition: Any, cols: tuple[int, int]) -> pd.DataFrame:
    """Return some columns of a partition, of which a file reads no others where it can."""
    names = partition.columns
    if names.is_unique:
        return partition[list(names[slice(*cols)])].compute(scheduler="synchronous")
    return partition.compute(scheduler="synchronous").iloc[:, slice(*cols)]


def dask_frame_source(frame: Any, where: str, categories: Any = None) -> MatrixSource:
    """Return a wide Dask DataFrame as a source.

    Its rows are in the order of its partitions, and inside of each in that of the partition; nothing sorts them. Its index gives the names of the
    rows, unless it is a count without a name: that of files begins anew in each. The partitions are counted once, and read once more for the cells.
    """
    meta, shown = frame._meta, frame.dtypes
    categorical = [isinstance(dtype, pd.CategoricalDtype) for dtype in shown]
    coded = bool(categorical) and (all(categorical) or (bool(categories) and not any(is_number(dtype) for dtype in shown)))
    if coded and categories in (None, True) and not _is_known(frame):
        raise InputError(
            f"The categories of {where} are not known before it is read. Name them, categories=['first', 'second', …], or call "
            "frame.categorize() first."
        )
    strange = [place for place, dtype in enumerate(shown) if not is_number(dtype)]
    if strange and not coded:
        raise no_numbers(frame.head(1), strange, where)
    axis, starts = _rows_of(frame)
    shape, cols = (starts[-1], len(frame.columns)), axis_of_index(meta.columns)
    chunk = max((stop - first for first, stop in pairwise(starts)), default=1) or 1, max(1, shape[1])
    if coded:
        names = common_categories(meta, None) if categories in (None, True) else tuple(str(name) for name in categories)
        reader = PartitionReader(Held.of((frame, {name: code for code, name in enumerate(names)})), starts, "<i4")
        return MatrixSource(where, reader, shape, np.dtype(np.int32), axis, cols, False, names, chunk, local=True)
    plain = [dtype if isinstance(dtype, np.dtype) else dtype.numpy_dtype for dtype in shown]
    dtype = np.result_type(*plain) if plain else np.dtype(np.float64)
    check_type(dtype, where)
    masked = any(not isinstance(one, np.dtype) for one in shown)
    reader = PartitionReader(Held.of((frame, None)), starts, dtype.str)
    return MatrixSource(where, reader, shape, dtype, axis, cols, masked, chunk=chunk, local=True)


def _is_known(frame: Any) -> bool:
    return all(isinstance(dtype, pd.CategoricalDtype) and frame.iloc[:, place].cat.known for place, dtype in enumerate(frame.dtypes))


def _rows_of(frame: Any) -> tuple[Axis, tuple[int, ...]]:
    """Return what the index says of the rows, and where each partition begins."""
    import dask

    index = frame._meta.index
    wanted = not (index.dtype.kind in "iu" and index.name is None and not isinstance(index, pd.MultiIndex))
    lengths, found = dask.compute(frame.map_partitions(len), frame.index if wanted else None)  # type: ignore[attr-defined, no-untyped-call]
    starts = (0, *accumulate(int(length) for length in lengths))
    axis = axis_of_index(found) if wanted else Axis(starts[-1])
    return replace(axis, size=starts[-1]), starts
