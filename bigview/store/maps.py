"""Files of the machine, mapped into memory and kept mapped: to map one anew costs more than to read it, once its pages are in memory.

Data files are never written over, so a path always means the same bytes. What is mapped is the system's cache of the disk: it counts as memory of
the process, and is given back when memory is asked for. Before Python 3.13 a map needs a place in the process's table of open files, of which a share
is used.
"""

import mmap
import os
import sys
import threading
from collections import OrderedDict
from typing import Any

_MOST = 2048
"""Maps that are kept: chunks of 8 GB of cells. A picture of more than are kept maps all of them anew, which takes as long as to add them up."""

_SHARE = 2
_UNTRACKED: dict[str, Any] = {"trackfd": False} if sys.version_info >= (3, 13) else {}

_lock = threading.Lock()
_kept: OrderedDict[str, mmap.mmap] = OrderedDict()


def mapped(path: str) -> mmap.mmap | bytes:
    """Return the bytes of a file.

    Raises
    ------
    FileNotFoundError
    """
    with _lock:
        found = _kept.get(path)
        if found is not None:
            _kept.move_to_end(path)
            return found
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        size = os.fstat(handle).st_size
        if not size:
            return b""
        found = mmap.mmap(handle, size, access=mmap.ACCESS_READ, **_UNTRACKED)
    finally:
        os.close(handle)
    with _lock:
        _kept[path] = found
        while len(_kept) > _most():
            _kept.popitem(last=False)  # unmapped once nobody holds an array of it
    return found


def _most() -> int:
    if _UNTRACKED:
        return _MOST
    try:
        import resource
    except ImportError:  # not on Windows
        return _MOST // 4
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return _MOST if soft == resource.RLIM_INFINITY else max(8, min(_MOST, soft // _SHARE))


def forget_maps() -> None:
    """Let go of every map, to measure or to test."""
    with _lock:
        _kept.clear()
