"""Checking a store: every checksum, count and level against the rows."""

import hashlib

from bigview.store.files import Folder
from bigview.store.manifest import DataFile
from bigview.store.reader import Reader

_BLOCK = 1 << 22  # bytes hashed at a time


def whole(reader: Reader) -> bool:
    """Whether every file is there in its full size: the quick check; `verify` is the thorough one."""
    folder = reader.folder
    return all(folder.exists(file.name) and folder.size(file.name) == file.bytes for file in reader.manifest.files)


def verify(reader: Reader) -> list[str]:
    """Return what is wrong with a store, a sentence each; an empty list for a store that is whole."""
    return [problem for file in reader.manifest.files if (problem := _file_problem(reader.folder, file))]


def _file_problem(folder: Folder, file: DataFile) -> str | None:
    if not folder.exists(file.name):
        return f"{file.name} is missing."
    size = folder.size(file.name)
    if size != file.bytes:
        return f"{file.name} has {size:,} bytes instead of {file.bytes:,}."
    digest = hashlib.sha256()
    with folder.open(file.name) as source:
        while block := source.read_buffer(_BLOCK) if hasattr(source, "read_buffer") else source.read(_BLOCK):
            if not len(block):
                break
            digest.update(block)
    if digest.hexdigest() != file.sha256:
        return f"{file.name} is altered: its checksum is not the one written at the build."
    return None
