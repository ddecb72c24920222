"""What a build will cost: rows, disk, memory and minutes."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from bigview.build.columns import Kept, as_category, kept
from bigview.build.progress import span
from bigview.build.sources import partition_size
from bigview.config import limits
from bigview.errors import SpaceError
from bigview.store.files import Folder
from bigview.store.summaries import chosen

# Bytes a row, measured on 100 M rows (see benchmarks/build.py): cells 0.5, `__row` 3.7, index 3.8, and of the key's index.
_CELLS, _ROW, _INDEX, _KEY = 0.6, 3.8, 3.8, 11.5
# Of each summarised column: bytes a row, and microseconds a row and core.
_SUMMARY, _SUMMING = 0.25, 0.035
_SHRUNK = {"number": 0.9, "integer": 0.7, "datetime": 0.7, "boolean": 0.2, "category": 0.5, "text": 0.5, "list": 0.95, "binary": 0.95}
_TEXT = 24
"""Bytes of a text where nothing is known about it."""
# Microseconds a row and core: fixed, and for each byte; measured at 17 bytes.
_FIXED, _EACH, _STREAM, _PROJECT = 0.5, 0.016, 1.0, 90.0


@dataclass(frozen=True)
class Estimate:
    """What a build would cost.

    Attributes
    ----------
    rows : int or None
        None when only reading the source would tell.
    store, work : int
        Bytes of the store, and of what is only needed during the build.
    memory : int
        Bytes of all processes together.
    seconds : float
    free : int or None
        Bytes free on the disk; None when that cannot be known.
    exact : bool
        Whether the number of rows is exact.
    unit : str
        What is counted: rows, or cells of a matrix.
    """

    rows: int | None
    store: int
    work: int
    memory: int
    seconds: float
    free: int | None
    exact: bool = True
    unit: str = "rows"

    def __str__(self) -> str:
        if self.rows is None:
            return f"{self.unit:<9}unknown until the source is read"
        about = "" if self.exact else "about "
        lines = [
            f"{self.unit:<9}{about}{self.rows:,}",
            f"disk     {size(self.store)} for the store{f', and {size(self.work)} while it is built' if self.work or self.unit == 'rows' else ''}",
            f"memory   about {size(self.memory)}",
            f"time     about {span(self.seconds)} on {threads()} cores",
        ]
        return "\n".join([*lines, f"free     {size(self.free)}"] if self.free is not None else lines)


def threads() -> int:
    """Return the number of tasks at a time."""
    return limits().threads or os.cpu_count() or 1


def size(count: int) -> str:
    """Return a number of bytes for reading."""
    amount = float(count)
    for unit in ("bytes", "KB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if amount >= 100 or unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


@dataclass(frozen=True)
class Amount:
    """What is known about a source before it is read."""

    rows: int | None
    bytes_per_row: float
    exact: bool = True
    streamed: bool = False
    projected: bool = False


def estimate(folder: Folder, schema: pa.Schema, amount: Amount, keyed: bool) -> Estimate:
    """Return what a build would cost."""
    columns = [_guessed(field) for field in schema]
    fixed = sum(_width(column) for column in columns if column.part == "rows")
    loose = sum(column.part == "text" for column in columns)
    text = max(amount.bytes_per_row - fixed, 8.0 * loose) if loose else 0.0
    shrunk = sum(_SHRUNK[column.kind] * _width(column) for column in columns if column.part == "rows")
    shrunk += text * max((_SHRUNK[column.kind] for column in columns if column.part == "text"), default=0.0)
    summed = _summarised(columns) if (amount.rows or 0) > limits().exact_rows else 0
    store = shrunk + _ROW + _INDEX + _CELLS + _SUMMARY * summed + (_KEY if keyed else 0)
    work = fixed + text + 4 + 8 + (12 if keyed else 0) + (fixed + text if amount.streamed else 0) + (8 if amount.projected else 0)
    rows = amount.rows
    count = rows or 0
    per_row = _FIXED + _EACH * (fixed + text) + _SUMMING * summed + (_STREAM if amount.streamed else 0) + (_PROJECT if amount.projected else 0)
    seconds = count * per_row * 1e-6 / threads() + (30 if amount.projected and count > 50_000 else 0)
    memory = 300e6 + threads() * min(count, partition_size(count, fixed + text)) * (fixed + text + 12) * 5
    return Estimate(
        rows, int(count * store) + 20_000, int(count * work), int(memory), max(seconds, 0.1), free_bytes(folder), amount.exact
    )  # fmt: skip


def _summarised(columns: list[Kept]) -> int:
    """Return how many columns have summaries, two of them taken for the positions."""
    counted, summed = chosen(columns, ())
    return len(counted) + max(0, len(summed) - 2)


def _guessed(field: pa.Field) -> Kept:
    column = kept(field.name, field.type)
    return as_category(column, 1000) if column.kind == "text" and pa.types.is_dictionary(field.type) else column


def _width(column: Kept) -> int:
    if column.part == "text":
        return _TEXT
    return max(1, int(column.type.bit_width) // 8)


def free_bytes(folder: Folder) -> int | None:
    """Return the bytes free on the disk of a folder; None when that cannot be known."""
    if not folder.is_local:
        return None
    place = Path(folder.path()).absolute()
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


def check_space(folder: Folder, expected: Estimate) -> None:
    """Refuse a build that the disk has no room for."""
    need = expected.store + expected.work
    if expected.free is not None and need > expected.free:
        raise SpaceError(
            f"The build of {expected.rows or 0:,} {expected.unit} needs about {size(need)} on the disk of {folder.url}, which has "
            f"{size(expected.free)} free. Make room, build to another disk, or take fewer"
            f"{' rows with limit=… (--limit)' if expected.unit == 'rows' else ''}."
        )
