"""Cells of a matrix as a file: Parquet, CSV, Arrow or NPZ, some rows at a time, with little memory whatever their number."""

import re
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bigview.errors import OptionError, SpaceError, TooLargeError, closest
from bigview.store.axistable import NAME
from bigview.store.export import written
from bigview.store.files import Folder
from bigview.store.formats import FORMATS, encoded
from bigview.store.matrix import MatrixTable
from bigview.store.zarrzip import COLS, ROWS, VALUES, ZarrZip, zarr_pieces

MATRIX_FORMATS = {
    **{name: (kind.suffixes, kind.media) for name, kind in FORMATS.items()},
    "npz": ((".npz",), "application/octet-stream"),
    "zarr": ((".zarr.zip",), "application/zip"),
}
ARRAYS = ("npz", "zarr")
"""Formats that hold an array, however wide, and not a table."""
WIDEST = 20_000  # columns of a table: each costs a file its own description, and readers their patience
_TOLD = ("value", "credit", "licence", "license")  # of a report, what a file takes along
_PIECE = 1 << 22  # cells read at once: 32 MB as float64


@dataclass(frozen=True, eq=False)
class CellExport:
    """Cells that are to be exported.

    Attributes
    ----------
    table : MatrixTable
    rows, cols : ndarray of int
        Native numbers, in the order wanted.
    format : {"parquet", "csv", "arrow", "npz", "zarr"}
    spreadsheet : bool
        Make a CSV file safe to open in a spreadsheet: a name that would be run as a formula begins with a single quote.
    """

    table: MatrixTable
    rows: NDArray[np.int64]
    cols: NDArray[np.int64]
    format: str
    spreadsheet: bool = True

    @property
    def size(self) -> int:
        """About the size of the file: before compression, CSV by eight letters a cell."""
        return len(self.rows) * len(self.cols) * (8 if self.format == "csv" else self.table.dtype.itemsize)

    def check(self) -> None:
        """Raise what would keep this from being written."""
        if self.format not in MATRIX_FORMATS:
            raise OptionError(f"There is no format {self.format!r}. {closest(self.format, MATRIX_FORMATS)}")
        if self.format not in ARRAYS and len(self.cols) > WIDEST:
            raise TooLargeError(f"A table of {len(self.cols):,} columns is too wide; up to {WIDEST:,} fit. Take NPZ or Zarr, or fewer columns.")

    def chunks(self) -> tuple[str, str, Iterator[bytes]]:
        """Return the name of the file, its media type, and its bytes piece by piece."""
        self.check()
        title = re.sub(r"[^\w.-]+", "-", Path(self.table.folder.path()).name.removesuffix(".bv"), flags=re.ASCII).strip("-.") or "matrix"
        (suffix, *_), media = MATRIX_FORMATS[self.format]
        if self.format in ARRAYS:
            data = self._npz() if self.format == "npz" else self._zarr()
        else:
            data = encoded(self._tables(), self._none(), self.format, self.spreadsheet)  # type: ignore[arg-type]
        return f"{title}-{len(self.rows)}x{len(self.cols)}{suffix}", media, data

    @property
    def _step(self) -> int:
        return min(max(1, _PIECE // max(1, len(self.cols))), max(1, len(self.rows)))

    def _pieces(self) -> Iterator[tuple[NDArray[np.int64], NDArray[Any]]]:
        step = self._step
        for first in range(0, len(self.rows), step):
            rows = self.rows[first : first + step]
            yield rows, np.ma.getdata(self.table.cells(rows, self.cols))

    def _tables(self) -> Iterator[pa.Table]:
        for rows, values in self._pieces():
            columns = [pa.array(self.table.rows.names_of(rows)), *(self._column(values[:, k]) for k in range(values.shape[1]))]
            yield pa.Table.from_arrays(columns, names=self._header())

    def _none(self) -> pa.Table:
        empty = np.zeros(0, self.table.dtype)
        return pa.Table.from_arrays([pa.array([], pa.string()), *(self._column(empty) for _ in self.cols)], names=self._header())

    def _header(self) -> list[str]:
        names = self.table.cols.names_of(self.cols)
        first = NAME
        while first in names:
            first += "_"
        return [first, *names]

    def _column(self, values: NDArray[Any]) -> pa.Array:
        """Return values as Arrow holds them: missing ones null, categories by name."""
        missing = (
            np.isnan(values)
            if values.dtype.kind == "f"
            else np.zeros(len(values), bool)
            if self.table.missing is None
            else values == self.table.missing
        )
        if self.table.kind == "category":
            names = np.array([*self.table.manifest.categories, ""], object)
            return pa.array(names[np.where(missing, -1, values)], pa.string(), mask=missing)
        found = values.astype(np.float32) if values.dtype == np.float16 else values
        made = pa.array(np.ascontiguousarray(found), mask=missing if missing.any() else None)
        return made.cast(pa.bool_()) if self.table.kind == "boolean" and not pa.types.is_boolean(made.type) else made

    def _npz(self) -> Iterator[bytes]:
        sink = _Poured()
        stream: Any = sink  # zipfile takes a stream that can only be written to
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
            shape, dtype = (len(self.rows), len(self.cols)), np.dtype(self.table.dtype)
            with archive.open("values.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array_header_1_0(file, {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape})
                for _, values in self._pieces():
                    file.write(np.ascontiguousarray(values, dtype).tobytes())
                    yield sink.taken()
            for name, axis, index in (("rows", self.table.rows, self.rows), ("cols", self.table.cols, self.cols)):
                held = BytesIO()
                np.lib.format.write_array(held, np.array(axis.names_of(index), np.str_), allow_pickle=False)
                archive.writestr(f"{name}.npy", held.getvalue())
        yield sink.taken()

    def _zarr(self) -> Iterator[bytes]:
        sink, table = _Poured(), self.table
        group = ZarrZip(
            sink, {"title": table.manifest.title or "", **{name: str(text) for name, text in table.manifest.report.items() if name in _TOLD}}
        )
        known: dict[str, Any] = {"categories": list(table.manifest.categories)} if table.kind == "category" else {}
        known |= {} if table.missing is None else {"_FillValue": int(table.missing)}
        like = np.empty((self._step, len(self.cols)), np.dtype(table.dtype).newbyteorder("<"))
        group.array(VALUES, (ROWS, COLS), like, (len(self.rows), len(self.cols)), known)
        group.names(ROWS, table.rows.names_of(self.rows))
        group.names(COLS, table.cols.names_of(self.cols))
        yield from zarr_pieces(sink, group, (values for _, values in self._pieces()))


class _Poured:
    """A stream that keeps what is written until it is taken."""

    def __init__(self) -> None:
        self._held: list[bytes] = []

    def write(self, data: Any) -> int:
        """Take some bytes."""
        self._held.append(bytes(data))
        return len(self._held[-1])

    def flush(self) -> None:
        """Nothing waits anywhere."""

    def taken(self) -> bytes:
        """Return what was written since the last call."""
        found, self._held = b"".join(self._held), []
        return found


def export_matrix(table: MatrixTable, target: Any, rows: Any = None, cols: Any = None, format: str | None = None, spreadsheet: bool = False) -> int:
    """Write cells to a file, whole or not at all; see `bigview.MatrixStore.export`.

    Returns
    -------
    int
        Its size in bytes.
    """
    chosen = format or next((name for name, (suffixes, _) in MATRIX_FORMATS.items() if str(target).lower().endswith(suffixes)), None)
    if chosen is None:
        raise OptionError(
            f"The name {str(target)!r} does not tell the format. End it with .parquet, .csv, .arrow, .npz or .zarr.zip, or give the format."
        )
    export = CellExport(table, _numbers(rows, table.shape[0]), _numbers(cols, table.shape[1]), chosen, spreadsheet)
    _, _, chunks = export.chunks()
    _check_room(export, str(target))
    return written(str(target), chunks)


def _check_room(export: CellExport, target: str) -> None:
    """Refuse what the disk has no room for, where that is known before: NPZ is not compressed, a cell of CSV takes two letters or more."""
    cells = len(export.rows) * len(export.cols)
    least = {**dict.fromkeys(ARRAYS, cells * export.table.dtype.itemsize), "csv": 2 * cells}.get(export.format, 0)
    place = Folder(target)
    if not place.is_local:
        return
    parent = Path(place.path()).absolute().parent
    free = shutil.disk_usage(parent).free if parent.exists() else least
    if least > free:
        raise SpaceError(
            f"{len(export.rows):,} × {len(export.cols):,} cells take at least {least / 1e9:,.1f} GB; the disk of {target} has {free / 1e9:,.1f} GB "
            f"free. {len(export.rows) * free // max(1, least):,} rows of as many columns would fit; Parquet packs zeros well."
        )


def _numbers(which: Any, size: int) -> NDArray[np.int64]:
    """Return native numbers of an order, a slice, numbers, or everything."""
    if which is None:
        return np.arange(size)
    if isinstance(which, slice):
        return np.arange(*which.indices(size))
    index = getattr(which, "index", None)  # of an order or a tree; lists and tables have one that is something else
    found = np.asarray(index if isinstance(index, np.ndarray) else which)
    return np.flatnonzero(found) if found.dtype == bool else found.astype(np.int64)
