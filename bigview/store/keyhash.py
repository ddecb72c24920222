"""The hash by which rows are found from the user's own key."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_SEED = "bigview-key-0001"  # part of the format: 16 bytes for SipHash


def key_hashes(values: pa.Array) -> NDArray[np.uint64]:
    """Return the hash of each value; equal values of different widths (int8 and int64, float and double) have equal ones.

    Missing values have a hash too, of no meaning; the index leaves them out.
    """
    if pa.types.is_dictionary(values.type):
        return np.asarray(key_hashes(values.dictionary)[values.indices.fill_null(0).to_numpy(zero_copy_only=False)])
    if pa.types.is_floating(values.type):
        numbers = pc.cast(values, pa.float64()).to_numpy(zero_copy_only=False) + 0.0  # -0.0 equals 0.0
        return np.asarray(pd.util.hash_array(numbers))
    if pa.types.is_timestamp(values.type):
        values = values.view(pa.int64())
    if pa.types.is_boolean(values.type):
        values = pc.cast(values, pa.int64())
    if pa.types.is_integer(values.type):
        whole = values if values.type == pa.uint64() else pc.cast(values, pa.int64())
        return np.asarray(pd.util.hash_array(whole.fill_null(0).to_numpy(zero_copy_only=False).view(np.uint64)))
    texts = values.fill_null(b"" if pa.types.is_binary(values.type) else "").to_numpy(zero_copy_only=False)
    return np.asarray(pd.util.hash_array(texts.astype(object), hash_key=_SEED, categorize=False))
