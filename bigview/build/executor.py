"""Where tasks run: in the calling thread, on a local Dask cluster, or on a cluster by its address."""

import logging
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Self

from bigview.config import limits
from bigview.errors import BigviewError, OptionError

Task = tuple[Any, ...]
PATIENCE = 20
"""Seconds to wait for a scheduler's answer."""


class Inline(AbstractContextManager["Inline"]):
    """Runs tasks one after the other in the calling thread: a small table needs no cluster."""

    def run(self, function: Callable[..., Any], tasks: Sequence[Task]) -> Iterator[tuple[int, Any]]:
        """Yield the number and the result of each task."""
        for number, task in enumerate(tasks):
            yield number, function(*task)

    def __exit__(self, *_: object) -> None:
        return None


class OnDask(AbstractContextManager["OnDask"]):
    """Runs tasks on Dask.

    Parameters
    ----------
    address : str or None
        Of a running scheduler; None starts a cluster of threads inside this process. The kernels release the GIL, so threads are as
        fast as processes, start at once, and need no guard in a script.
    """

    def __init__(self, address: str | None) -> None:
        self._address = address
        self._cluster: Any = None
        self._client: Any = None

    def __enter__(self) -> Self:
        from distributed import Client, LocalCluster

        if self._address is not None:
            try:
                self._client = Client(self._address, timeout=PATIENCE, set_as_default=False)
            except (OSError, ValueError) as error:
                raise OptionError(f"No Dask scheduler answers at {self._address}: {error}. Start one with `dask scheduler`.") from error
            return self
        threads = limits().threads or os.cpu_count() or 1
        with warnings.catch_warnings():
            # Offline, Dask misses an address of this machine; threads of one process need none.
            warnings.filterwarnings("ignore", "Couldn't detect a suitable IP address", RuntimeWarning)
            self._cluster = LocalCluster(
                n_workers=1,
                threads_per_worker=threads,
                processes=False,
                dashboard_address="127.0.0.1:0",  # any free port: without an address the scheduler takes 8787, and warns
                scheduler_kwargs={"dashboard": False},
                memory_limit=0,
                silence_logs=logging.ERROR,
            )
        self._client = Client(self._cluster, set_as_default=False)
        return self

    def run(self, function: Callable[..., Any], tasks: Sequence[Task]) -> Iterator[tuple[int, Any]]:
        """Yield the number and the result of each task, as they come; a lost worker costs its tasks, which run again elsewhere."""
        from distributed import as_completed

        numbers = {}
        try:
            for number, task in enumerate(tasks):
                numbers[self._client.submit(function, *task, pure=False, priority=-number)] = number
            done = as_completed(list(numbers), loop=self._client.loop, raise_errors=False)
            for future in done:
                number = numbers.pop(future)
                if future.status != "finished":
                    raise _cause(future)
                yield number, future.result()
                future.release()
        finally:
            if numbers:
                self._client.cancel(list(numbers))

    def __exit__(self, *_: object) -> None:
        if self._client is not None:
            self._client.close()
        if self._cluster is not None:
            self._cluster.close()


def _cause(future: Any) -> BaseException:
    error = future.exception()
    if isinstance(error, BaseException) and not isinstance(error, BigviewError):
        error.add_note("This happened in a task of the build; its data of earlier stores are untouched.")
    return error if isinstance(error, BaseException) else RuntimeError(f"A task of the build was {future.status}.")


Executor = Inline | OnDask


def executor(parts: int, address: str | None) -> Executor:
    """Return where the tasks of a build run."""
    return Inline() if parts <= 1 and address is None else OnDask(address)
