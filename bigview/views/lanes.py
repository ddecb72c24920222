"""The threads that prepare pictures and records: few at a time, in turn, first pictures before better ones, never all taken by slow work."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock, Timer
from time import monotonic

Job = Callable[[], None]

PATIENCE = 2.0  # seconds: a picture takes a tenth of that, so who takes longer is slow and no longer counts
_AGE = 2.0  # seconds after which better pictures do not wait for other people's first ones any more; then one at a time has its turn
_SLOW = 2  # times as many jobs in all, so that slow ones never fill the memory; then they too wait for each other


class Lanes:
    """Runs jobs on threads, first come, first served, `count` at a time; a job that takes long stops counting, and the next one begins.

    Jobs that may come later let others pass, for a while.

    Parameters
    ----------
    count : int
        Quick jobs that run at once: more would only take the processor from each other.
    patience : float
        Seconds after which a job does not count as quick.
    most : int, optional
        Jobs that run at once, quick and slow; twice `count` by default.
    age : float
        Seconds that a job lets others pass.
    """

    def __init__(self, count: int, patience: float = PATIENCE, most: int | None = None, age: float = _AGE) -> None:
        self._count, self._patience, self._most, self._age = count, patience, most or _SLOW * count, age
        self._threads = ThreadPoolExecutor(self._most, thread_name_prefix="bigview-view")
        self._lock = Lock()
        self._first: deque[Job] = deque()
        self._later: deque[tuple[float, Job]] = deque()
        self._began: dict[object, float] = {}
        self._better: set[object] = set()  # of those that run, the ones that came later
        self._looking = False

    def submit(self, job: Job, later: bool = False) -> None:
        """Run a job once its turn has come."""
        with self._lock:
            if later:
                self._later.append((monotonic() + self._age, job))
            else:
                self._first.append(job)
            self._start()

    @property
    def crowded(self) -> bool:
        """Whether jobs wait for their turn."""
        return bool(self._first or self._later)

    def _start(self) -> None:
        """Begin what may begin. Called with the lock held."""
        now = monotonic()
        quick = [began for began in self._began.values() if now - began < self._patience]
        free = min(self._count - len(quick), self._most - len(self._began))
        while self.crowded and free > 0:
            token, free = object(), free - 1
            self._began[token] = now
            quick.append(now)
            self._threads.submit(self._work, token, self._next(now, token))
        if self.crowded and quick and len(self._began) < self._most and not self._looking:
            # Nothing may end before the oldest of them is found to be slow: then it is time to look again.
            self._looking = True
            timer = Timer(min(quick) + self._patience - now, self._look)
            timer.daemon = True
            timer.start()

    def _next(self, now: float, token: object) -> Job:
        if self._later and (not self._first or (self._later[0][0] <= now and not self._better)):
            self._better.add(token)
            return self._later.popleft()[1]
        return self._first.popleft()

    def _look(self) -> None:
        with self._lock:
            self._looking = False
            self._start()

    def _work(self, token: object, job: Job) -> None:
        try:
            job()
        finally:
            with self._lock:
                del self._began[token]
                self._better.discard(token)
                self._start()
