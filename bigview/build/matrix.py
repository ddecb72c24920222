"""Build a matrix store: the door."""

import datetime as dt
import hashlib
import secrets
from pathlib import Path
from typing import Any

import numpy as np

from bigview.build.writing import write_file
from bigview.errors import InputError
from bigview.store.chunks import zarr_metadata
from bigview.store.files import Folder
from bigview.store.manifest import NAME
from bigview.store.matrixmanifest import AxisEntry, MatrixManifest


def build_matrix(source: Any, store: str, **options: Any) -> MatrixManifest:
    """Build a matrix store."""
    array = np.load(source, mmap_mode="r", allow_pickle=False) if isinstance(source, (str, Path)) else np.asarray(source)
    if array.ndim != 2:
        raise InputError(f"A matrix has two axes, not {array.ndim}.")
    folder, generation = Folder(store), f"{int(dt.datetime.now(dt.UTC).timestamp()):08x}{secrets.token_hex(2)}"
    shape = (int(array.shape[0]), int(array.shape[1]))
    chunk = (min(1024, max(1, shape[0])), min(1024, max(1, shape[1])))
    kind = {"f": "number", "i": "integer", "u": "integer", "b": "boolean"}[array.dtype.kind]
    name, dtype = f"{generation}/values", array.dtype.newbyteorder("<")
    files = [write_file(folder, f"{name}/zarr.json", zarr_metadata(shape, chunk, dtype, "NaN" if kind == "number" else 0, {}))]
    for i in range(-(-shape[0] // chunk[0])):
        for j in range(-(-shape[1] // chunk[1])):
            block = array[i * chunk[0] : (i + 1) * chunk[0], j * chunk[1] : (j + 1) * chunk[1]]
            whole = np.zeros(chunk, dtype)
            whole[: block.shape[0], : block.shape[1]] = block
            files.append(write_file(folder, f"{name}/c/{i}/{j}", whole.reshape(-1).view(np.uint8).data))
    made = MatrixManifest(
        generation=generation,
        fingerprint=hashlib.sha256("".join(file.sha256 for file in files).encode()).hexdigest(),
        created=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        shape=shape,
        layout="dense",
        kind=kind,  # type: ignore[arg-type]
        dtype=dtype.str,
        missing=None,
        chunk=chunk,
        rows=AxisEntry(shape[0]),
        cols=AxisEntry(shape[1]),
        files=tuple(files),
    )
    folder.replace(NAME, made.dumps().encode())
    return made
