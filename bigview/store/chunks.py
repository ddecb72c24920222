"""A two-dimensional array in raw chunks, laid out as Zarr v3 has it: a chunk is a file of plain numbers, mapped and not decoded."""

import json
import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigview.errors import StoreDamagedError, StoreMissingError
from bigview.store.files import Folder

_POPULATE = getattr(mmap, "MAP_POPULATE", 0)

_ZARR_TYPES = {
    "b1": "bool",
    **{f"{kind}{size}": f"{name}{8 * size}" for kind, name in (("i", "int"), ("u", "uint"), ("f", "float")) for size in (1, 2, 4, 8)},
}


def zarr_metadata(shape: tuple[int, int], chunk: tuple[int, int], dtype: np.dtype[Any], fill: Any, attributes: dict[str, Any]) -> bytes:
    """Return the `zarr.json` of an array (Zarr v3 core specification, section "Array metadata")."""
    values = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(shape),
        "data_type": _ZARR_TYPES[f"{dtype.kind}{dtype.itemsize}"],
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [max(1, size) for size in chunk]}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": fill,
        "codecs": [{"name": "bytes", "configuration": {"endian": "little"}} if dtype.itemsize > 1 else {"name": "bytes"}],
        "attributes": attributes,
        "dimension_names": ["y", "x"],
    }
    return json.dumps(values, indent=1).encode()


@dataclass(frozen=True)
class ChunkedArray:
    """Where an array is, and how it is cut.

    Attributes
    ----------
    folder : Folder
        Of the store.
    name : str
        The array's folder in it.
    shape, chunk : (int, int)
    dtype : numpy.dtype
    """

    folder: Folder
    name: str
    shape: tuple[int, int]
    chunk: tuple[int, int]
    dtype: np.dtype[Any]

    def key(self, i: int, j: int) -> str:
        """Return the name of a chunk's file."""
        return f"{self.name}/c/{i}/{j}"

    def chunk_at(self, i: int, j: int) -> NDArray[Any]:
        """Return a chunk, full-sized also at the ends of the array; read-only."""
        rows, cols = self.chunk
        size = rows * cols * self.dtype.itemsize
        data = self._mapped(self.key(i, j), size) if self.folder.is_local else self.folder.read(self.key(i, j))
        if len(data) != size:
            where = f"{self.folder.url}/{self.key(i, j)}"
            raise StoreDamagedError(f"{where} has {len(data):,} bytes instead of {size:,}. Run `bigview verify {self.folder.url}`.")
        return np.frombuffer(data, self.dtype).reshape(rows, cols)

    def _mapped(self, name: str, size: int) -> Any:
        try:
            handle = os.open(self.folder.path(name), os.O_RDONLY)
        except FileNotFoundError as error:
            raise StoreMissingError(f"{self.folder.url}/{name} is missing. Run `bigview verify {self.folder.url}`.") from error
        try:
            if os.fstat(handle).st_size != size or not size:
                return b""
            return mmap.mmap(handle, size, mmap.MAP_SHARED | _POPULATE, mmap.PROT_READ)
        finally:
            os.close(handle)

    def blocks(self, rows: tuple[int, int], cols: tuple[int, int]) -> Iterator[tuple[int, int, NDArray[Any]]]:
        """Yield (first row, first column, values) of the chunks that ranges of rows and columns touch, cut to them."""
        (r0, r1), (c0, c1), (height, width) = rows, cols, self.chunk
        if r1 <= r0 or c1 <= c0:
            return
        for i in range(r0 // height, -(-r1 // height)):
            top, bottom = max(r0, i * height), min(r1, (i + 1) * height)
            for j in range(c0 // width, -(-c1 // width)):
                left, right = max(c0, j * width), min(c1, (j + 1) * width)
                values = self.chunk_at(i, j)
                yield top, left, values[top - i * height : bottom - i * height, left - j * width : right - j * width]

    def take(self, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> NDArray[Any]:
        """Return the values at rows × columns."""
        out = np.empty((len(rows), len(cols)), self.dtype)
        (height, width) = self.chunk
        of_row, of_col = rows // height, cols // width
        for i in np.unique(of_row):
            here = np.flatnonzero(of_row == i)
            for j in np.unique(of_col):
                there = np.flatnonzero(of_col == j)
                chunk = self.chunk_at(int(i), int(j))
                out[np.ix_(here, there)] = chunk[np.ix_(rows[here] - i * height, cols[there] - j * width)]
        return out
