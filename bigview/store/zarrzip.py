"""A part of a matrix as a Zarr group in a ZIP file (format 2, as xarray lays it out), chunk by chunk, with little memory."""

import json
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROWS, COLS, VALUES = "rows", "cols", "values"


class ZarrZip:
    """A Zarr group being written.

    Parameters
    ----------
    stream : object with write
        It is never read, nor gone back in.
    attributes : mapping
        Of the group.
    """

    def __init__(self, stream: Any, attributes: Mapping[str, Any]) -> None:
        self._archive = zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED)
        self._known: dict[str, Any] = {".zgroup": {"zarr_format": 2}, ".zattrs": dict(attributes)}

    def array(
        self, name: str, dims: tuple[str, ...], like: NDArray[Any], shape: tuple[int, ...], attributes: Mapping[str, Any] | None = None
    ) -> None:
        """Declare an array.

        Parameters
        ----------
        name : str
        dims : tuple of str
            Names of its dimensions.
        like : ndarray
            Of the type and the shape of a chunk.
        shape : tuple of int
        attributes : mapping, optional
            "_FillValue" stands for what is missing.
        """
        known = dict(attributes or {})
        fill = known.get("_FillValue", "NaN" if like.dtype.kind == "f" else None)
        self._known[f"{name}/.zarray"] = {
            "zarr_format": 2,
            "shape": list(shape),
            "chunks": [max(1, size) for size in like.shape],
            "dtype": like.dtype.str,
            "compressor": None,
            "fill_value": fill,
            "order": "C",
            "filters": None,
        }
        self._known[f"{name}/.zattrs"] = {"_ARRAY_DIMENSIONS": list(dims), **known}

    def names(self, name: str, texts: list[str]) -> None:
        """Write the names along a dimension, one chunk of them."""
        found = np.array(texts, np.str_).astype("<U")
        found = found if found.dtype.itemsize else found.astype("<U1")
        self.array(name, (name,), found, found.shape)
        self.chunk(name, (0,), found)

    def chunk(self, name: str, place: tuple[int, ...], values: NDArray[Any]) -> None:
        """Write a chunk; the last one along the first dimension is filled up."""
        known = self._known[f"{name}/.zarray"]
        whole = np.ascontiguousarray(values, known["dtype"])
        lack = known["chunks"][0] - whole.shape[0]
        if lack > 0:
            fill = np.full((lack, *whole.shape[1:]), known["fill_value"] if whole.dtype.kind != "U" else "", whole.dtype)
            whole = np.concatenate([whole, fill]) if len(whole) else fill
        self._archive.writestr(f"{name}/{'.'.join(map(str, place))}", whole.tobytes())

    def close(self) -> None:
        """Write what the arrays are, also all together, as readers of remote files like it."""
        for name, content in [*self._known.items(), (".zmetadata", {"zarr_consolidated_format": 1, "metadata": self._known})]:
            self._archive.writestr(name, json.dumps(content))
        self._archive.close()


def zarr_pieces(sink: Any, group: ZarrZip, pieces: Iterator[NDArray[Any]]) -> Iterator[bytes]:
    """Yield the bytes of the values, as `sink` takes them, and then of all the rest."""
    for number, values in enumerate(pieces):
        group.chunk(VALUES, (number, 0), values)
        yield sink.taken()
    group.close()
    yield sink.taken()
