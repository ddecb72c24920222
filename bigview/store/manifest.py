"""The manifest: what is in a store, and the commit that makes it one.

`manifest.json` names every data file with its size and checksum. Data files carry the name of their generation and are never overwritten, so
replacing the manifest is the only step that changes what a reader sees.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from bigview.errors import StoreDamagedError, StoreMissingError, StoreVersionError, missing_column
from bigview.store.axis import Axis
from bigview.store.files import Folder

VERSION = 1
"""Format version. A reader refuses newer ones; additions that old readers may ignore do not raise it."""

NAME = "manifest.json"

Kind = Literal["number", "integer", "datetime", "boolean", "category", "text", "list", "binary"]


@dataclass(frozen=True)
class Column:
    """One column of a store.

    Attributes
    ----------
    name : str
    kind : {"number", "integer", "datetime", "boolean", "category", "text", "list", "binary"}
    dtype : str
        Arrow's name of the type in the file ("float", "double", "int64", "timestamp[us]", "string", …).
    part : {"rows", "text"}
        The folder whose files hold it.
    low, high : float or None
        Extent of the finite values of numbers; for datetimes and integers of 64 bits the exact value as an int.
    missing : int
        Rows without a value (null or NaN).
    distinct : int
        Number of categories; 0 for other kinds.
    """

    name: str
    kind: Kind
    dtype: str
    part: Literal["rows", "text"] = "rows"
    low: float | int | None = None
    high: float | int | None = None
    missing: int = 0
    distinct: int = 0


@dataclass(frozen=True)
class SourceFile:
    """A file the store was made from: enough to tell whether it has changed since."""

    path: str
    bytes: int
    modified: str
    rows: int


@dataclass(frozen=True)
class DataFile:
    """A file of the store, with its size and the SHA-256 of its bytes."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Level:
    """One level of cells.

    Attributes
    ----------
    level : int
        The grid has 2**level cells on an axis.
    cells : int
        Cells in the store.
    rows : int
        Rows those cells cover.
    histogram : tuple of int
        Cells by count, in the bins of `COUNT_EDGES`: the scale of colours (law 7) is drawn from it.
    largest : int
        Largest count of a cell.
    """

    level: int
    cells: int
    rows: int
    histogram: tuple[int, ...] = ()
    largest: int = 0


COUNT_EDGES: tuple[float, ...] = (*range(1, 17), *(round(16 * 2 ** (step / 4), 3) for step in range(1, 145)))
"""Lower edges of the bins of `Level.histogram`: every count up to 16, then four bins an octave."""


@dataclass(frozen=True)
class Manifest:
    """Everything about a store but its data.

    Attributes
    ----------
    generation : str
        Prefix of the names of the data files.
    fingerprint : str
        SHA-256 over the data files' checksums: equal for equal stores.
    rows, placed : int
        All rows, and those with a finite position (they come first).
    x, y : Axis
    home : tuple of 4 float
        Positions (x0, x1, y0, y1), in the axes' own coordinates, of the view to begin with: outliers do not flatten it.
    columns : tuple of Column
        In the order of the source, `__row` last.
    key : str or None
        The column declared as the user's id.
    levels : tuple of Level
    files : tuple of DataFile
    groups, categories : str
        Names of the tables of row groups and of categories.
    sources : tuple of SourceFile
    options : dict
        How the store was built.
    vectors : dict or None
        Where the vectors are: {"path", "column", "dimensions", "bytes", "modified"}.
    report : dict
        What the build has to tell: counts of unplaced rows, quality of a projection, licence of the data.
    """

    generation: str
    fingerprint: str
    created: str
    rows: int
    placed: int
    x: Axis
    y: Axis
    home: tuple[float, float, float, float]
    columns: tuple[Column, ...]
    key: str | None
    levels: tuple[Level, ...]
    files: tuple[DataFile, ...]
    groups: str
    categories: str
    sources: tuple[SourceFile, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    vectors: dict[str, Any] | None = None
    report: dict[str, Any] = field(default_factory=dict)
    title: str = ""

    def column(self, name: str) -> Column:
        """Return a column by name; an error lists the columns and the closest."""
        for column in self.columns:
            if column.name == name:
                return column
        raise missing_column(name, [column.name for column in self.columns], "the store")

    def dumps(self) -> str:
        """Return the JSON text of the manifest."""
        values = asdict(self)
        values.update(format="bigview-points", version=VERSION, x=self.x.to_json(), y=self.y.to_json())
        return json.dumps(values, indent=1, ensure_ascii=False)

    @classmethod
    def loads(cls, text: str, where: str) -> Self:
        """Return the manifest from its JSON text."""
        try:
            values = json.loads(text)
            version, kind = values.pop("version"), values.pop("format")
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise StoreDamagedError(f"{where}/{NAME} is no manifest of bigview ({error}). Build the store again.") from error
        if version > VERSION or kind != "bigview-points":
            raise StoreVersionError(
                f"{where} has format {kind} {version}; this bigview reads bigview-points up to {VERSION}. Install a newer bigview."
            )
        try:
            values.update(
                x=Axis.from_json(values["x"]),
                y=Axis.from_json(values["y"]),
                home=tuple(values["home"]),
                columns=tuple(Column(**entry) for entry in values["columns"]),
                levels=tuple(Level(**{**entry, "histogram": tuple(entry["histogram"])}) for entry in values["levels"]),
                files=tuple(DataFile(**entry) for entry in values["files"]),
                sources=tuple(SourceFile(**entry) for entry in values["sources"]),
            )
            return cls(**values)
        except (KeyError, TypeError, ValueError) as error:
            raise StoreDamagedError(f"{where}/{NAME} lacks or mistypes an entry: {error}. Build the store again.") from error


def read_manifest(folder: Folder) -> Manifest:
    """Return the manifest of a store."""
    if not folder.exists(NAME):
        if folder.exists(""):
            raise StoreMissingError(f"{folder.url} is not a bigview store: it has no {NAME}. Build one with `bigview build points`.")
        raise StoreMissingError(f"There is no store at {folder.url}. Check the path, or build it with `bigview build points`.")
    return Manifest.loads(folder.read(NAME).decode("utf-8", errors="replace"), folder.url)


def commit(folder: Folder, manifest: Manifest) -> None:
    """Make `manifest` the store's, atomically."""
    folder.replace(NAME, manifest.dumps().encode())
