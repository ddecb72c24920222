"""A folder of files at a path or an fsspec URL: an address that pickles, never an open file."""

import io
import os
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from bigview.errors import PackageMissingError, StoreDamagedError, StoreMissingError


@dataclass(frozen=True)
class Folder:
    """The address of a folder.

    Attributes
    ----------
    url : str
        A local path or any fsspec URL ("memory://emb.bv", "s3://bucket/emb.bv").
    """

    url: str

    @cached_property
    def _filesystem(self) -> tuple[Any, str]:
        try:
            filesystem, path = fsspec.core.url_to_fs(self.url)
        except ImportError as error:
            raise PackageMissingError(f"{self.url} cannot be read yet: {error}. Install what is missing with pip, and try again.") from error
        except ValueError as error:
            raise StoreMissingError(f"The address {self.url} cannot be used: {error}. Give a path, or a URL such as s3://bucket/emb.bv.") from error
        return filesystem, path

    def __getstate__(self) -> dict[str, Any]:
        return {"url": self.url}

    @property
    def is_local(self) -> bool:
        """Whether the folder is on this machine's own file system."""
        protocol = self._filesystem[0].protocol
        return "file" in (protocol if isinstance(protocol, (tuple, list)) else (protocol,))

    def path(self, name: str = "") -> str:
        """Return the path of a file, as its file system knows it."""
        root = self._filesystem[1].rstrip("/")
        return f"{root}/{name}" if name else root or "/"

    def within(self, name: str) -> "Folder":
        """Return a folder inside this one."""
        return Folder(f"{self.url.rstrip('/')}/{name}")

    def exists(self, name: str) -> bool:
        """Whether a file (or, for an empty name, the folder) exists."""
        return bool(self._filesystem[0].exists(self.path(name)))

    def make(self) -> None:
        """Create the folder and its parents."""
        self._filesystem[0].makedirs(self.path(), exist_ok=True)

    def read(self, name: str, first: int | None = None, stop: int | None = None) -> bytes:
        """Return a file's bytes, or those from `first` to `stop`."""
        try:
            data = self._filesystem[0].cat_file(self.path(name), start=first, end=stop)
        except FileNotFoundError as error:
            raise StoreMissingError(f"{self.url}/{name} is missing. Run `bigview verify {self.url}`.") from error
        return bytes(data)

    def size(self, name: str) -> int:
        """Return a file's size in bytes."""
        return int(self._filesystem[0].size(self.path(name)))

    def stamp(self, name: str) -> object:
        """Return what changes when a file is replaced, without reading it; None where the file is away, or nothing tells."""
        filesystem = self._filesystem[0]
        try:
            if self.is_local:
                found = os.stat(self.path(name))
                return found.st_mtime_ns, found.st_size, found.st_ino
            filesystem.invalidate_cache(self.path())
            return str(filesystem.info(self.path(name)))
        except Exception:  # noqa: BLE001  each file system has errors of its own
            return None

    def replace(self, name: str, data: bytes) -> None:
        """Write a file so that readers see the old one or the whole new one."""
        if not self.is_local:
            self._filesystem[0].pipe_file(self.path(name), data)  # one PUT
            return
        target = Path(self.path(name))
        temporary = target.with_name(f".{target.name}.{uuid4().hex}")
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        with suppress(OSError):  # some systems cannot open a folder; the rename itself is atomic anyway
            handle = os.open(target.parent, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)

    def writer(self, name: str) -> Any:
        """Return a binary file open for writing; its folder is made when needed."""
        filesystem = self._filesystem[0]
        filesystem.makedirs(self.path(name).rpartition("/")[0], exist_ok=True)
        return filesystem.open(self.path(name), "wb")

    def open(self, name: str) -> pa.NativeFile:
        """Return a file open for random reading (memory-mapped where it is local)."""
        try:
            if self.is_local:
                return pa.memory_map(self.path(name), "r")
            return pa.PythonFile(self._filesystem[0].open(self.path(name), "rb"), mode="r")
        except FileNotFoundError as error:
            raise StoreMissingError(f"{self.url}/{name} is missing. Run `bigview verify {self.url}`.") from error

    def local(self, name: str) -> io.FileIO:
        """Return a file of a local folder open for reading, neither mapped nor buffered."""
        try:
            return io.FileIO(self.path(name))
        except FileNotFoundError as error:
            raise StoreMissingError(f"{self.url}/{name} is missing. Run `bigview verify {self.url}`.") from error

    def parquet(self, name: str) -> pq.ParquetFile:
        """Return a Parquet file open for reading; use it as a context manager."""
        try:
            return pq.ParquetFile(self.open(name))
        except (pa.ArrowInvalid, OSError) as error:
            if isinstance(error, StoreMissingError):
                raise
            raise StoreDamagedError(f"{self.url}/{name} cannot be read: {error}. Run `bigview verify {self.url}`.") from error

    def names(self, name: str = "") -> list[str]:
        """Return the files below a folder, as paths relative to this one."""
        root = self.path()
        found = self._filesystem[0].find(self.path(name)) if self.exists(name) else []
        return sorted(str(item)[len(root) :].lstrip("/") for item in found)

    def remove(self, name: str) -> None:
        """Remove a file or a folder, if it is there."""
        with suppress(FileNotFoundError):
            self._filesystem[0].rm(self.path(name), recursive=True)
