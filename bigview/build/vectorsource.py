"""Vectors that a similarity is made of: where they are, and what is known of each."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bigview.build.axes import Axis
from bigview.errors import InputError, StoreMissingError, missing_column
from bigview.store.axistable import NAME as LABEL
from bigview.store.points import PointTable
from bigview.store.reader import ROW

_PIECE = 1 << 20
"""Records read at once."""


@dataclass(frozen=True)
class VectorSource:
    """Vectors, and what is known of each.

    Attributes
    ----------
    where : str
        For messages.
    vectors : array, shape (rows, dimensions)
    path : str or None
        The `.npy` file that they stay in; None where they are in memory and have to be written.
    axis : Axis
    title : str
    options : dict
        What the manifest keeps of the source.
    order : array of int64, or None
        The vector of each row, where rows are in an order of their own.
    """

    where: str
    vectors: NDArray[Any]
    path: str | None
    axis: Axis
    title: str = ""
    options: dict[str, Any] | None = None
    order: NDArray[np.int64] | None = None


def vector_source(source: Any) -> VectorSource:
    """Return vectors of any accepted kind, or say what is wrong with them."""
    if isinstance(source, np.ndarray):
        return VectorSource("The array", _checked(source, "The array"), None, Axis(len(source)))
    if isinstance(source, PointTable):
        return _of_points(source)
    path = str(Path(str(source)).expanduser())
    if not path.endswith(".npy"):
        return _of_points(PointTable.open(path))
    return VectorSource(path, _mapped(path), str(Path(path).resolve()), Axis(len(_mapped(path))))


def sorted_by(source: VectorSource, column: str) -> VectorSource:
    """Return a source whose rows are in the order of a column."""
    table = source.axis.table
    if table is None or column not in table.column_names:
        raise missing_column(column, [] if table is None else table.column_names, "what is known of the vectors")
    values = table[column].to_pandas()
    if values.dtype.name == "category":  # by their names, as wherever else one sorts by them
        codes = values.cat.reorder_categories(sorted(values.cat.categories, key=str)).cat.codes.to_numpy()
    else:
        codes = pd.factorize(values, sort=True)[0]
    order = np.argsort(np.where(codes < 0, len(codes), codes), kind="stable")
    names = source.axis.names
    axis = replace(source.axis, names=None if names is None else names.take(pa.array(order)), table=table.take(pa.array(order)))
    return replace(source, axis=axis, options={**(source.options or {}), "by": column}, order=order.astype(np.int64))


def _mapped(path: str) -> NDArray[Any]:
    try:
        return _checked(np.load(path, mmap_mode="r", allow_pickle=False), path)
    except FileNotFoundError as error:
        raise StoreMissingError(f"There is no file of vectors at {path}.") from error
    except (ValueError, EOFError, OSError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is not a whole .npy file of numbers: {error}") from error


def _checked(vectors: NDArray[Any], where: str) -> NDArray[Any]:
    if vectors.ndim != 2 or not vectors.shape[1]:
        raise InputError(f"{where} has the shape {vectors.shape}; vectors need (rows, dimensions), with at least one dimension.")
    if vectors.dtype.kind not in "fiub":
        raise InputError(f"{where} holds {vectors.dtype}; vectors need numbers.")
    if vectors.dtype.itemsize > 8 or not vectors.dtype.isnative:
        raise InputError(f"{where} holds {vectors.dtype}, which is not kept as it is. Save the vectors as float32.")
    return vectors


def _of_points(table: PointTable) -> VectorSource:
    known, where = table.manifest.vectors, table.reader.folder.url
    if not known:
        raise InputError(f"{where} was not made from vectors. Give the vectors themselves, an array or a .npy file, and the store's rows by rows=….")
    if known.get("column") or not str(known.get("path", "")).endswith(".npy"):
        raise InputError(f"The vectors of {where} are no .npy file, but {known.get('column') or known.get('path')!r}. Give them as an array.")
    path = str(known["path"])
    vectors = _mapped(path)
    if Path(path).stat().st_size != known["bytes"] or len(vectors) != table.manifest.rows:
        raise InputError(f"{path} is no longer what {where} was made from. Build the store again, or give the vectors themselves.")
    options = {"store": where, "store_fingerprint": table.manifest.fingerprint}
    return VectorSource(where, vectors, path, axis_of_points(table), table.manifest.title, options)


def axis_of_points(table: PointTable) -> Axis:
    """Return what a point store knows of its rows, in the order of its source."""
    names, count = [name for name in table.columns if name != ROW], table.manifest.rows
    pieces = [table.reader.records(np.arange(low, min(count, low + _PIECE)), [*names, ROW]) for low in range(0, max(1, count), _PIECE)]
    whole = pa.concat_tables(pieces).unify_dictionaries().combine_chunks()
    made = whole.take(pc.sort_indices(whole[ROW])).drop_columns([ROW])
    return Axis(count, _unique_names(made, table.manifest.key), made.drop_columns([LABEL]) if LABEL in made.column_names else made)


def _unique_names(table: pa.Table, key: str | None) -> pa.Array | None:
    """Return a name for each line: its key, or its first text, with its category and at last its number where others have the same."""
    texts = [field.name for field in table.schema if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)]
    first = key if key is not None else next(iter(texts), None)
    if first is None:
        return None
    names = pc.fill_null(pc.cast(table[first], pa.string()), "").combine_chunks()
    for other in [field.name for field in table.schema if pa.types.is_dictionary(field.type)][:1]:
        if not _different(names):
            names = pc.binary_join_element_wise(names, pc.fill_null(pc.cast(table[other], pa.string()), "").combine_chunks(), " · ")
    if _different(names):
        return names
    numbers = pc.cast(pa.array(np.arange(len(names))), pa.string())
    return pc.binary_join_element_wise(names, numbers, " · ")


def _different(names: pa.Array) -> bool:
    return bool(pc.count_distinct(names, mode="all").as_py() == len(names))
