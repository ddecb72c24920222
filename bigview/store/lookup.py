"""From a row's number in the source, or the user's key, to its place in the store."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bigview.errors import InputError
from bigview.store.reader import Reader

HASH_KEY = "bigview-key-hash"
"""Key of the hash; 16 characters, as pandas asks. Part of the format."""


def hash_keys(values: Any) -> NDArray[np.uint64]:
    """Return the 64-bit hashes of keys: texts as they are, numbers by their value as int64 or float64."""
    series = pd.Series(values)
    if series.dtype.kind in "iub":
        series = series.astype("int64")
    elif series.dtype.kind == "f":
        series = series.astype("float64")
    elif series.dtype.kind != "M":
        series = series.astype(object)
    return np.asarray(pd.util.hash_array(series.to_numpy(), hash_key=HASH_KEY, categorize=False), np.uint64)


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
    found = np.full(len(keys), -1, np.int64)
    for place, (key, wanted) in enumerate(zip(keys, hash_keys(list(keys)), strict=True)):
        for candidate in _candidates(reader, groups, wanted):
            if reader.records(np.array([candidate]), [name])[name].to_pylist()[0] == key:
                found[place] = candidate
                break
    if (found < 0).any():
        raise InputError(f"No row has {name} = {keys[int(np.argmin(found))]!r}.")
    return found


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
