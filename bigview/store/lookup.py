"""From a row's number in the source, or the user's key, to its place in the store."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from bigview.errors import InputError
from bigview.store.keyhash import key_hashes
from bigview.store.reader import Reader


def positions_of_rows(reader: Reader, row_ids: Iterable[int]) -> NDArray[np.int64]:
    """Return the places of source rows."""
    ids = np.asarray(list(row_ids) if not isinstance(row_ids, (np.ndarray, list, pd.Series)) else row_ids, np.int64).ravel()
    outside = ids[(ids < 0) | (ids >= reader.manifest.rows)]
    if len(outside):
        raise InputError(f"There is no row {outside[0]} in the store; rows are numbered 0 to {reader.manifest.rows - 1}.")
    if not len(ids):
        return ids
    groups = reader.groups("row")
    table = reader._gathered(groups, ids, ["position"])
    return np.asarray(table["position"].to_numpy(), np.int64)


def positions_of_keys(reader: Reader, keys: Sequence[Any]) -> NDArray[np.int64]:
    """Return the places of the rows with the given keys; the first such row in the store where a key occurs more than once."""
    name = reader.manifest.key
    if name is None:
        raise InputError("The store has no key column. Build it with key=… (--key COLUMN) to find records by your own ids.")
    if not keys:
        return np.empty(0, np.int64)
    groups = reader.groups("key")
    column = reader.manifest.column(name)
    try:
        wanted_keys = pa.array(keys, pa.string() if column.kind == "category" else _arrow_type(column.dtype))
    except (pa.ArrowException, OverflowError, TypeError) as error:
        raise InputError(f"The keys do not fit {name}, which holds {column.dtype}: {error}.") from error
    found = np.full(len(keys), -1, np.int64)
    for place, (key, wanted) in enumerate(zip(wanted_keys.to_pylist(), key_hashes(wanted_keys), strict=True)):
        for candidate in _candidates(reader, groups, wanted):
            if reader.records(np.array([candidate]), [name])[name].to_pylist()[0] == key:
                found[place] = candidate
                break
    if (found < 0).any():
        raise InputError(f"No row has {name} = {keys[int(np.argmin(found))]!r}.")
    return found


def _arrow_type(name: str) -> pa.DataType:
    if name.startswith("timestamp["):
        unit, _, zone = name[len("timestamp[") : -1].partition(", tz=")
        return pa.timestamp(unit, zone or None)
    return pa.type_for_alias(name)


def _candidates(reader: Reader, groups: Any, wanted: np.uint64) -> list[int]:
    """Places whose key has the wanted hash, ascending: a run in the sorted hashes that may cross row groups."""
    first = max(0, int(np.searchsorted(groups.keys, wanted, "left")) - 1)
    last = int(np.searchsorted(groups.keys, wanted, "right"))
    places: list[int] = []
    for table in reader._read_groups(groups, range(first, last), ["hash", "position"]):
        hashes = table["hash"].to_numpy()
        a, b = np.searchsorted(hashes, wanted, "left"), np.searchsorted(hashes, wanted, "right")
        places += table["position"].to_numpy()[a:b].tolist()
    return sorted(places)
