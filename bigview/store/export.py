"""Export: the selected rows as a file, whole or absent, of any number of rows."""

import errno
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import fsspec
import numpy as np
import pyarrow as pa

from bigview.errors import OptionError, SpaceError, missing_column
from bigview.spec import View, Where
from bigview.store.formats import FORMATS, Format, encoded, format_of
from bigview.store.points import PointTable
from bigview.store.reader import ROW
from bigview.store.selection import Selection
from bigview.store.stream import ahead, empty, gathered, group_counts, tables

_ROWS = 1 << 19  # of a row group of the file
_BYTES = 32 << 20  # decoded bytes of one, about: what an export holds in memory a few times
_SAMPLED = 4  # row groups that the size is told from
_FEWEST = 20_000  # rows that it is told from, where so many are selected


@dataclass(frozen=True)
class ExportSize:
    """How large an export is.

    Attributes
    ----------
    rows : int
        Exactly.
    bytes : int
        About, where it is told before the export; exactly afterwards.
    columns : tuple of str
    """

    rows: int
    bytes: int
    columns: tuple[str, ...]


@dataclass(frozen=True)
class _Plan:
    """The rows and columns of an export: found once, before a byte is written, so that what is wrong is said at once."""

    table: PointTable
    selection: Selection
    names: list[str]
    counts: Any

    @classmethod
    def of(cls, table: PointTable, where: Where, view: View | None, columns: Sequence[str] | None) -> "_Plan":
        selection = table.selected(view, where)
        return cls(table, selection, columns_of(table, columns), group_counts(selection, table.reader.row_groups.offsets))

    @property
    def rows(self) -> int:
        return int(self.counts.sum())

    def tables(self) -> Iterator[pa.Table]:
        groups = np.flatnonzero(self.counts).tolist()
        return gathered(tables(self.table.reader, self.selection, self.names, groups), _ROWS, _BYTES)

    def chunks(self, format: Format, spreadsheet: bool) -> Iterator[bytes]:
        # Decoding, encoding and writing are three threads, each one piece ahead of the next.
        return ahead(encoded(ahead(self.tables()), empty(self.table.reader, self.names), format, spreadsheet))

    def sampled(self) -> pa.Table:
        """Return some of the rows, from row groups all over the selection; of each what is read at once."""
        held = np.flatnonzero(self.counts)
        wanted = max(_SAMPLED, min(16, int(-(-_FEWEST * len(held) // max(1, self.rows)))))
        chosen = np.unique(held[np.linspace(0, len(held) - 1, wanted).round().astype(int)]) if len(held) else held
        pieces = [next(tables(self.table.reader, self.selection, self.names, [group])) for group in chosen.tolist()]
        return pa.concat_tables([empty(self.table.reader, self.names), *pieces])


def columns_of(table: PointTable, columns: Sequence[str] | None) -> list[str]:
    """Return the columns of an export: `__row` first, then the user's key, whether asked for or not; all columns where none are named."""
    wanted = [columns] if isinstance(columns, str) else list(table.columns if columns is None else columns)
    for name in wanted:
        if name not in table.columns:
            raise missing_column(name, table.columns, "the store")
    key = table.manifest.key
    return list(dict.fromkeys([ROW, *([key] if key and key not in wanted else []), *wanted]))


def export_size(
    table: PointTable,
    where: Where = None,
    view: View | None = None,
    columns: Sequence[str] | None = None,
    format: str = "parquet",
    spreadsheet: bool = False,
) -> ExportSize:
    """Return how many rows an export would have, and about how many bytes, from a few row groups written in memory."""
    chosen, plan = format_of("", format), _Plan.of(table, where, view, columns)
    part, none = plan.sampled(), empty(table.reader, plan.names)
    frame = sum(map(len, encoded([], none, chosen, spreadsheet)))
    size = sum(map(len, encoded([part], none, chosen, spreadsheet))) if part.num_rows else frame
    return ExportSize(plan.rows, frame + (size - frame) * plan.rows // max(1, part.num_rows), tuple(plan.names))


def export_chunks(
    table: PointTable,
    where: Where = None,
    view: View | None = None,
    columns: Sequence[str] | None = None,
    format: str = "parquet",
    spreadsheet: bool = True,
) -> tuple[str, str, Iterator[bytes]]:
    """Return an export for a server: a name for the file, its media type, and its bytes piece by piece.

    What is wrong with the arguments is raised here, not by the iterator. The one who asks is a person with a browser, so CSV files are made for
    spreadsheets unless told otherwise.
    """
    chosen, plan = format_of("", format), _Plan.of(table, where, view, columns)
    title = re.sub(r"[^\w.-]+", "-", Path(table.reader.folder.path()).name.removesuffix(".bv"), flags=re.ASCII).strip("-.") or "rows"
    return f"{title}-{plan.rows}{FORMATS[chosen].suffixes[0]}", FORMATS[chosen].media, plan.chunks(chosen, spreadsheet)


def export(
    table: PointTable,
    target: Any,
    where: Where = None,
    view: View | None = None,
    columns: Sequence[str] | None = None,
    format: str | None = None,
    spreadsheet: bool = False,
) -> ExportSize:
    """Write the selected rows to a file, in store order.

    Parameters
    ----------
    table : PointTable
    target : path, fsspec URL or binary file
        A file by its name appears whole or not at all, and replaces one that is there.
    where, view : optional
        Which rows; all of them by default.
    columns : sequence of str, optional
        All by default; `__row` and the declared key are always among them.
    format : {"parquet", "csv", "arrow"}, optional
        By default what the end of the name tells.
    spreadsheet : bool
        Make a CSV file safe to open in a spreadsheet: texts that would be run as formulas begin with a single quote.

    Returns
    -------
    ExportSize
    """
    is_file = hasattr(target, "write")
    if is_file and format is None:
        raise OptionError("Give the format of what is written to a file object: format='parquet', 'csv' or 'arrow'.")
    chosen, plan = format_of("" if is_file else str(target), format), _Plan.of(table, where, view, columns)
    chunks = plan.chunks(chosen, spreadsheet)
    size = _poured(target, chunks) if is_file else written(str(target), chunks)
    return ExportSize(plan.rows, size, tuple(plan.names))


def _poured(file: Any, chunks: Iterator[bytes]) -> int:
    size = 0
    for chunk in chunks:
        file.write(chunk)
        size += len(chunk)
    return size


def written(target: str, chunks: Iterator[bytes]) -> int:
    """Write a file, whole or not at all, and return its size."""
    filesystem, path = fsspec.core.url_to_fs(target)
    protocol = filesystem.protocol
    local = "file" in (protocol if isinstance(protocol, (tuple, list)) else (protocol,))
    folder, _, name = path.rpartition("/")
    if filesystem.isdir(path):
        raise OptionError(f"{target} is a folder. Give the name of a file.")
    if local and not filesystem.isdir(folder or "/"):
        raise OptionError(f"There is no folder {folder}. Make it, or give another one.")
    temporary = f"{folder}/.{name}.{uuid4().hex}"
    try:
        with filesystem.open(temporary, "wb") as file:
            size = _poured(file, chunks)
            if local:
                file.flush()
                os.fsync(file.fileno())
        if local:
            Path(temporary).replace(path)
        else:
            filesystem.mv(temporary, path)
    except BaseException as error:
        with suppress(OSError):
            filesystem.rm(temporary)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise SpaceError(f"The disk of {target} is full. Nothing was left there; make room, choose fewer columns, or write elsewhere.") from error
        raise
    return size
