"""The manifest of a matrix store: its shape, its arrays, its two axes. As in a point store, it is the commit."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from bigview.errors import StoreDamagedError, StoreMissingError, StoreVersionError
from bigview.store.files import Folder
from bigview.store.manifest import NAME, Column, DataFile, SourceFile

FORMAT = "bigview-matrix"
VERSION = 1
"""Format version. A reader refuses newer ones; additions that old readers may ignore do not raise it."""

Values = Literal["number", "integer", "boolean", "category"]
Layout = Literal["dense", "sparse", "similarity", "comparison"]


@dataclass(frozen=True)
class AxisEntry:
    """One axis of a matrix.

    Attributes
    ----------
    size : int
    file : str or None
        Parquet file with a column `name` and the columns below, one line a row (or column) of the matrix; None where there is nothing to say.
    named : bool
        Whether the file has names; without them the number of a row is its name.
    columns : tuple of Column
        What else is known of each row or column.
    """

    size: int
    file: str | None = None
    named: bool = False
    columns: tuple[Column, ...] = ()


@dataclass(frozen=True)
class MatrixLevel:
    """One level of the pyramid: blocks of `rows` × `cols` cells become one.

    Attributes
    ----------
    rows, cols : int
        Cells of the matrix in a cell of the level, along each axis.
    planes : dict
        Statistic ("sum", "squares", "min", "max", "count") to NumPy's name of its type.
    chunk : (int, int)
        Shape of its chunks.
    quantiles : tuple of float
        The means of its cells at equal steps of rank, from a sample: colours by rank are drawn from them (law 7).
    """

    rows: int
    cols: int
    planes: dict[str, str]
    chunk: tuple[int, int]
    quantiles: tuple[float, ...] = ()


@dataclass(frozen=True)
class MatrixManifest:
    """Everything about a matrix store but its data.

    Attributes
    ----------
    generation : str
        Folder of the data files.
    fingerprint : str
        SHA-256 over the data files' checksums.
    created : str
    shape : (int, int)
    layout : {"dense", "sparse", "similarity", "comparison"}
    kind : {"number", "integer", "boolean", "category"}
        What the cells hold.
    dtype : str
        NumPy's name of the stored type, little-endian ("<f4").
    missing : int or None
        The whole number that stands for a missing cell; None where NaN does, or nothing is missing.
    chunk : (int, int)
        Shape of the chunks of the values.
    rows, cols : AxisEntry
    levels : tuple of MatrixLevel
    categories : tuple of str
        What the codes mean, for kind "category".
    files : tuple of DataFile
    facts : dict
        What is known of the values: low, high (finite), mean, std, missing, infinite, quantiles.
    sources, options, report, title
        As in a point store.
    """

    generation: str
    fingerprint: str
    created: str
    shape: tuple[int, int]
    layout: Layout
    kind: Values
    dtype: str
    missing: int | None
    chunk: tuple[int, int]
    rows: AxisEntry
    cols: AxisEntry
    levels: tuple[MatrixLevel, ...] = ()
    categories: tuple[str, ...] = ()
    files: tuple[DataFile, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    sources: tuple[SourceFile, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)
    title: str = ""

    def dumps(self) -> str:
        """Return the JSON text of the manifest."""
        return json.dumps({"format": FORMAT, "version": VERSION, **asdict(self)}, indent=1, ensure_ascii=False)

    @classmethod
    def loads(cls, text: str, where: str) -> Self:
        """Return the manifest from its JSON text."""
        try:
            values = json.loads(text)
            version, kind = values.pop("version"), values.pop("format")
        except (ValueError, KeyError, AttributeError) as error:
            raise StoreDamagedError(f"{where}/{NAME} is no manifest of bigview ({error}). Build the store again.") from error
        if kind != FORMAT:
            raise StoreVersionError(f"{where} is a store of the format {kind}, not of a matrix. Open it with bigview.open.")
        if version > VERSION:
            raise StoreVersionError(f"{where} has format {kind} {version}; this bigview reads {FORMAT} up to {VERSION}. Install a newer bigview.")
        try:
            values.update(
                shape=tuple(values["shape"]),
                chunk=tuple(values["chunk"]),
                rows=_axis(values["rows"]),
                cols=_axis(values["cols"]),
                levels=tuple(_level(entry) for entry in values["levels"]),
                categories=tuple(values["categories"]),
                files=tuple(DataFile(**entry) for entry in values["files"]),
                sources=tuple(SourceFile(**entry) for entry in values["sources"]),
            )
            return cls(**values)
        except (KeyError, TypeError, ValueError) as error:
            raise StoreDamagedError(f"{where}/{NAME} lacks or mistypes an entry: {error}. Build the store again.") from error


def _level(entry: dict[str, Any]) -> MatrixLevel:
    return MatrixLevel(**{**entry, "chunk": tuple(entry["chunk"]), "quantiles": tuple(entry["quantiles"])})


def _axis(entry: dict[str, Any]) -> AxisEntry:
    return AxisEntry(**{**entry, "columns": tuple(Column(**column) for column in entry["columns"])})


def read_matrix_manifest(folder: Folder) -> MatrixManifest:
    """Return the manifest of a matrix store."""
    if not folder.exists(NAME):
        if folder.exists(""):
            raise StoreMissingError(f"{folder.url} is not a bigview store: it has no {NAME}. Build one with `bigview build matrix`.")
        raise StoreMissingError(f"There is no store at {folder.url}. Check the path, or build it with `bigview build matrix`.")
    return MatrixManifest.loads(folder.read(NAME).decode("utf-8", errors="replace"), folder.url)


def is_matrix(folder: Folder) -> bool:
    """Whether a store's manifest says that it holds a matrix. What cannot be read is left to the one who reads it as points."""
    if not folder.exists(NAME):
        return False
    try:
        return bool(json.loads(folder.read(NAME)).get("format") == FORMAT)
    except (ValueError, AttributeError):
        return False
