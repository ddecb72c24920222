"""Which files a source means, in which format, and what tells later whether they have changed."""

import datetime as dt
import glob as globbing
import os
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import fsspec

from bigview.errors import InputError, StoreMissingError
from bigview.store.manifest import SourceFile

_ENDINGS = {
    **dict.fromkeys((".parquet", ".pq", ".parq"), "parquet"),
    **dict.fromkeys((".arrow", ".feather", ".ipc"), "arrow"),
    **dict.fromkeys((".csv", ".tsv", ".txt"), "csv"),
    **dict.fromkeys((".csv.gz", ".tsv.gz", ".txt.gz", ".csv.zst", ".tsv.zst", ".csv.bz2", ".tsv.bz2"), "csv"),
    ".npy": "npy",
}


@dataclass(frozen=True)
class Found:
    """A file of a source, and the columns that stand in its path."""

    path: str
    constants: tuple[tuple[str, Any], ...] = ()


def is_address(source: Any) -> bool:
    """Whether a source is a path, a URL, or a list of them."""
    if isinstance(source, (list, tuple)):
        return bool(source) and all(isinstance(item, (str, os.PathLike)) for item in source)
    return isinstance(source, (str, os.PathLike))


def format_of(path: str) -> str:
    """Return "parquet", "arrow", "csv" or "npy" by the ending of a file's name."""
    name = path.lower().rpartition("/")[2]
    for ending in sorted(_ENDINGS, key=len, reverse=True):
        if name.endswith(ending):
            return _ENDINGS[ending]
    known = ", ".join(sorted(_ENDINGS))
    raise InputError(f"{path} has an ending that says nothing about its format. Known are {known}; rename it, or load it as a DataFrame.")


def find_files(source: Any) -> list[Found]:
    """Return the files of paths, URLs, globs and directories, in the order of their names."""
    items = [os.fspath(item) for item in source] if isinstance(source, (list, tuple)) else [os.fspath(source)]
    files = [file for item in items for file in _expand(os.path.expanduser(item))]
    kinds = {format_of(file.path) for file in files}
    if len(kinds) > 1:
        raise InputError(f"The source mixes formats ({', '.join(sorted(kinds))}). Build from files of one format.")
    return files


def _expand(item: str) -> list[Found]:
    try:
        filesystem, path = fsspec.core.url_to_fs(item)
    except (ValueError, ImportError) as error:
        raise InputError(f"The address {item} cannot be used: {error}.") from error
    local = "file" in filesystem.protocol
    base = path
    if filesystem.isdir(path):
        found = [name for name in filesystem.find(path) if not _hidden(name[len(path) :]) and _known(name)]
        if not found:
            raise StoreMissingError(f"The directory {item} holds no Parquet, Arrow or CSV files.")
    elif filesystem.exists(path):
        found, base = [path], path.rpartition("/")[0]
    elif globbing.has_magic(path):
        found = [name for name in filesystem.glob(path) if not filesystem.isdir(name)]
        base = path[: min(path.find(sign) for sign in "*?[" if sign in path)].rpartition("/")[0]
        if not found:
            raise StoreMissingError(f"No file matches {item}.")
    else:
        raise StoreMissingError(f"There is no file {item}.{_near(path) if local else ''}")
    return [Found(name if local else filesystem.unstrip_protocol(name), _constants(name[len(base) :])) for name in sorted(found)]


def is_there(path: str) -> None:
    """Refuse a path at which there is no file, and name one that is nearly called so."""
    filesystem, inner = fsspec.core.url_to_fs(path)
    if not filesystem.exists(inner):
        raise StoreMissingError(f"There is no file {path}.{_near(inner) if 'file' in filesystem.protocol else ''}")


def _known(name: str) -> bool:
    return any(name.lower().endswith(ending) for ending, kind in _ENDINGS.items() if kind != "npy")


def _hidden(relative: str) -> bool:
    return any(piece.startswith((".", "_")) for piece in relative.strip("/").split("/"))


def _near(path: str) -> str:
    """Name a file of nearly this name, or say that its folder is not there."""
    folder = Path(path).parent
    if not folder.is_dir():
        return f" The folder {folder} does not exist either."
    near = get_close_matches(Path(path).name, [entry.name for entry in folder.iterdir()], n=1, cutoff=0.6)
    return f" Did you mean {folder / near[0]}?" if near else ""


def _constants(relative: str) -> tuple[tuple[str, Any], ...]:
    """Return the columns in a path such as ``lang=de/year=2020/part.parquet``."""
    pairs = [piece.split("=", 1) for piece in relative.split("/")[:-1] if "=" in piece]
    return tuple((name, None if value == "__HIVE_DEFAULT_PARTITION__" else _number(unquote(value))) for name, value in pairs)


def _number(text: str) -> int | str:
    # "007" stays a text: it is not how a number is written.
    return int(text) if len(text) < 18 and text.lstrip("-").isdecimal() and str(int(text)) == text else text


def described(path: str, rows: int) -> SourceFile:
    """Return what tells later whether a file has changed."""
    filesystem, inner = fsspec.core.url_to_fs(path)
    info = filesystem.info(inner)
    stamp = info.get("mtime") or info.get("LastModified") or info.get("created") or ""
    if isinstance(stamp, (int, float)):
        stamp = dt.datetime.fromtimestamp(stamp, dt.UTC)
    address = inner if "file" in filesystem.protocol else path
    return SourceFile(address, int(info.get("size") or 0), stamp.isoformat() if hasattr(stamp, "isoformat") else str(stamp), rows)


def described_folder(url: str, rows: int) -> SourceFile:
    """Return what tells later whether a folder of files has changed, as far as its address tells anything."""
    try:
        return described(url, rows)
    except (OSError, ValueError):  # a folder of a web server has no facts of its own
        return SourceFile(url, 0, "", rows)
