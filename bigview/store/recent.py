"""What was just computed, kept within a budget of bytes; what several threads ask for at once is computed by one of them."""

import copy
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

from bigview.errors import BigviewError
from bigview.store.pool import Stopped, stopped

T = TypeVar("T")


class Recent(Generic[T]):
    """The newest results within a budget of bytes.

    Different keys are computed side by side; a key is computed once, and who asks for it meanwhile waits for that result. When the computation
    fails, those who wait get the same error; the next one who asks tries again. The newest result is kept even where it alone is over the budget.

    Parameters
    ----------
    size : callable
        Bytes of a result.
    budget : callable
        Bytes that may be kept; asked each time, because limits change.
    """

    def __init__(self, size: Callable[[T], int], budget: Callable[[], int]) -> None:
        self._size, self._budget = size, budget
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self._making: dict[Hashable, Future[T]] = {}
        self._bytes = 0

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the result of a key, computed by `make` where it is not kept."""
        while True:
            with self._lock:
                if key in self._kept:
                    self._kept.move_to_end(key)
                    return self._kept[key][0]
                waiting = self._making.get(key)
                if waiting is None:
                    mine = self._making[key] = Future()
            if waiting is None:
                return self._make(key, mine, make)
            try:
                return _shared(waiting)
            except Stopped:  # the other one lost interest, we did not
                if stopped():
                    raise

    def peek(self, key: Hashable) -> T | None:
        """Return the result of a key if it is kept."""
        with self._lock:
            found = self._kept.get(key)
            return None if found is None else found[0]

    def _make(self, key: Hashable, mine: "Future[T]", make: Callable[[], T]) -> T:
        try:
            made = make()
        except BaseException as error:
            with self._lock:
                del self._making[key]
            mine.set_exception(error)
            raise
        with self._lock:
            del self._making[key]
            self._kept[key] = made, self._size(made)
            self._bytes += self._kept[key][1]
            while self._bytes > self._budget() and len(self._kept) > 1:
                self._bytes -= self._kept.popitem(last=False)[1][1]
        mine.set_result(made)
        return made

    @property
    def nbytes(self) -> int:
        """Bytes kept."""
        with self._lock:
            return self._bytes

    def __len__(self) -> int:
        with self._lock:
            return len(self._kept)

    def clear(self) -> None:
        """Forget every result."""
        with self._lock:
            self._kept.clear()
            self._bytes = 0


def _shared(waiting: "Future[T]") -> T:
    error = waiting.exception()
    if isinstance(error, BigviewError):  # each thread raises its own, with its own traceback
        raise copy.copy(error) from error
    return waiting.result()
