"""A two-dimensional array in raw chunks, laid out as Zarr v3 has it: a chunk is a file of plain numbers, mapped and not decoded."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigview.errors import StoreDamagedError, StoreMissingError
from bigview.store.files import Folder
from bigview.store.maps import mapped

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
        return self.chunk_rows(i, j, 0, self.chunk[0])

    def chunk_rows(self, i: int, j: int, first: int, stop: int) -> NDArray[Any]:
        """Return rows of a chunk, counted from its own first; read-only. Only these are read."""
        width, cells = self.chunk[1] * self.dtype.itemsize, (stop - first) * self.chunk[1]
        name = self.key(i, j)
        if self.folder.is_local:
            return np.frombuffer(self._mapped(name), self.dtype, cells, first * width).reshape(stop - first, self.chunk[1])
        data = self.folder.read(name, first * width, stop * width)
        if len(data) != (stop - first) * width:
            raise self._damaged(name, self.folder.size(name))
        return np.frombuffer(data, self.dtype).reshape(stop - first, self.chunk[1])

    @property
    def _bytes(self) -> int:
        return self.chunk[0] * self.chunk[1] * self.dtype.itemsize

    def _mapped(self, name: str) -> Any:
        try:
            data = mapped(self.folder.path(name))
        except FileNotFoundError as error:
            raise StoreMissingError(f"{self.folder.url}/{name} is missing. Run `bigview verify {self.folder.url}`.") from error
        if len(data) != self._bytes:
            raise self._damaged(name, len(data))
        return data

    def _damaged(self, name: str, size: int) -> StoreDamagedError:
        where = f"{self.folder.url}/{name}"
        return StoreDamagedError(f"{where} has {size:,} bytes instead of {self._bytes:,}. Run `bigview verify {self.folder.url}`.")

    def blocks(self, rows: tuple[int, int], cols: tuple[int, int]) -> Iterator[tuple[int, int, NDArray[Any]]]:
        """Yield (first row, first column, values) of the chunks that ranges of rows and columns touch, cut to them."""
        (r0, r1), (c0, c1), (height, width) = rows, cols, self.chunk
        if r1 <= r0 or c1 <= c0:
            return
        for i in range(r0 // height, -(-r1 // height)):
            top, bottom = max(r0, i * height), min(r1, (i + 1) * height)
            for j in range(c0 // width, -(-c1 // width)):
                left, right = max(c0, j * width), min(c1, (j + 1) * width)
                values = self.chunk_rows(i, j, top - i * height, bottom - i * height)
                yield top, left, values[:, left - j * width : right - j * width]

    def take(self, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> NDArray[Any]:
        """Return the values at rows × columns."""
        out = np.empty((len(rows), len(cols)), self.dtype)
        (height, width) = self.chunk
        of_row, of_col = rows // height, cols // width
        for i in np.unique(of_row):
            here = np.flatnonzero(of_row == i)
            for j in np.unique(of_col):
                there = np.flatnonzero(of_col == j)
                inner = rows[here] - i * height
                first = int(inner.min())
                chunk = self.chunk_rows(int(i), int(j), first, int(inner.max()) + 1)
                out[np.ix_(here, there)] = chunk[np.ix_(inner - first, cols[there] - j * width)]
        return out
