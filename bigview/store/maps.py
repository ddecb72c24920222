"""Files of the machine, mapped into memory and kept mapped: to map one anew costs more than to read it, once its pages are in memory.

Data files are never written over, so a path always means the same bytes. A map needs no open file but a place in the process's table of them, of
which a share is used.
"""

import mmap
import os
import threading
from collections import OrderedDict

_MOST = 512
_SHARE = 4

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
        found = mmap.mmap(handle, size, access=mmap.ACCESS_READ)
    finally:
        os.close(handle)
    with _lock:
        _kept[path] = found
        while len(_kept) > _most():
            _kept.popitem(last=False)  # unmapped once nobody holds an array of it
    return found


def _most() -> int:
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
