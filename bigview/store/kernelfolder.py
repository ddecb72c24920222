"""Where numba keeps compiled kernels: beside the code, else in the user's cache; and where neither can be written, in a folder for the time being.

Without any place numba refuses to load a kernel at all, as in a container whose user owns nothing but /tmp.
"""

import os
import stat
import sys
import tempfile
from pathlib import Path

VARIABLE = "NUMBA_CACHE_DIR"


def ensure() -> None:
    """Name a folder to numba if it would find none."""
    if os.environ.get(VARIABLE) or _writable(Path(__file__).parent) or _writable(_users()):
        return
    try:
        folder = _own(Path(tempfile.gettempdir()))
    except OSError:
        return  # numba says what is missing, once a kernel is loaded
    os.environ[VARIABLE] = str(folder)
    loaded = sys.modules.get("numba")
    if loaded is not None:
        loaded.config.CACHE_DIR = str(folder)


def _users() -> Path:
    """Return the folder of the user's caches."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path(os.path.expanduser("~")) / ".cache")


def _writable(folder: Path) -> bool:
    """Tell whether a folder can be written, or made and written."""
    existing = next((place for place in (folder, *folder.parents) if place.exists()), None)
    return existing is not None and os.access(existing, os.W_OK | os.X_OK)


def _own(temporary: Path) -> Path:
    """Return a folder that only this user can write: what lies in it is run. Starts share it; a stranger's is not trusted."""
    folder = temporary / f"bigview-kernels-{os.getuid() if hasattr(os, 'getuid') else 0}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    mine = not hasattr(os, "getuid") or found.st_uid == os.getuid()
    if stat.S_ISDIR(found.st_mode) and mine and not found.st_mode & 0o077:
        return folder
    return Path(tempfile.mkdtemp(prefix="bigview-kernels-", dir=temporary))
