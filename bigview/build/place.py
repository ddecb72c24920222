"""The place where a store is made: whose it is, and that nothing half written stays there."""

import datetime as dt
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from bigview.build.lock import BuildLock, is_ours
from bigview.errors import OptionError
from bigview.store.files import Folder
from bigview.store.manifest import NAME
from bigview.store.matrixmanifest import FORMAT, MatrixManifest, is_matrix, read_matrix_manifest


def new_generation() -> str:
    """Return a name that was never used before."""
    return f"{int(dt.datetime.now(dt.UTC).timestamp()):08x}{secrets.token_hex(2)}"


def current_matrix(folder: Folder, overwrite: bool) -> MatrixManifest | None:
    """Return what is at the place now; refuse a place that is somebody else's."""
    if folder.exists(NAME):
        if not is_matrix(folder):
            raise OptionError(f"There is another store at {folder.url}, which is not a matrix ({FORMAT}). Choose another place, or remove it first.")
        found = read_matrix_manifest(folder)  # a newer format is not written over
        if not overwrite:
            raise OptionError(f"There is a store at {folder.url} already. Choose another place, or allow it with overwrite=True.")
        return found
    check_empty(folder)
    return None


def check_empty(folder: Folder) -> None:
    """Refuse a directory with files that no build has written."""
    strange = [name for name in folder.names() if not name.startswith(".") and not is_ours(name)]
    if strange:
        raise OptionError(f"{folder.url} is a directory with other files ({strange[0]}, …). Choose a new or an empty one.")


def sweep_matrix(folder: Folder, manifest: MatrixManifest | None) -> None:
    """Remove what earlier builds left: unfinished work, and generations before the one that readers see."""
    keep = None if manifest is None else manifest.generation
    tops = {name.split("/")[0] for name in folder.names() if is_ours(name) and "/" in name}
    for top in tops - {keep}:
        folder.remove(top)
    for name in folder.names():
        if name.startswith(f".{NAME}.") and is_ours(name):
            folder.remove(name)


@contextmanager
def nothing_half_written(folder: Folder, generation: str) -> Iterator[None]:
    """Hold the lock; remove the work folder in any case, and everything of this generation when it fails."""
    there = folder.exists("")
    with BuildLock(folder):
        try:
            yield
        except BaseException:
            for name in folder.names():
                if generation in name:
                    folder.remove(name)
            folder.remove(generation)
            folder.remove(f".build-{generation}")
            raise
        finally:
            folder.remove(f".build-{generation}")
            if not folder.exists(NAME) and not there:
                _remove_empty(folder)


def _remove_empty(folder: Folder) -> None:
    if all(name.startswith(".build") for name in folder.names()):
        folder.remove("")
