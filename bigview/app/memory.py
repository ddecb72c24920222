"""Memory that sessions leave behind goes back to the system.

The C library keeps what was freed, in pieces among what is still held: by itself a server grows with every visitor, though none of his objects lives.
"""

import ctypes
import os
from functools import cache
from threading import Timer
from typing import Any

_REST = 10.0  # seconds from the end of a session: Panel collects its garbage in 5
_ARENAS = 4  # or as many as there are processors: by default eight times as many, each with gaps of its own, cost a server a fifth of its memory
_M_ARENA_MAX = -8  # from malloc.h


class Returned:
    """Gives memory back some time after a session has ended; once for all that end meanwhile."""

    def __init__(self) -> None:
        self._waiting = False

    def ended(self, _: Any) -> None:
        """Take note that a session has ended."""
        if self._waiting or not _library():
            return
        self._waiting = True
        timer = Timer(_REST, self._give)
        timer.daemon = True
        timer.start()

    def _give(self) -> None:
        self._waiting = False
        give_back()


def give_back() -> None:
    """Give memory that is free back to the system; some milliseconds, during which the interpreter is free."""
    if _library():
        _library().malloc_trim(0)


def share_out() -> None:
    """Let the threads of this process share a few arenas. Called before there are threads."""
    if _library():
        _library().mallopt(_M_ARENA_MAX, max(_ARENAS, os.cpu_count() or 1))


@cache
def _library() -> Any:
    """Return the C library where it can do this, as GNU's; else None."""
    try:
        library = ctypes.CDLL(None)
    except (OSError, TypeError):
        return None
    return library if hasattr(library, "malloc_trim") and hasattr(library, "mallopt") else None
