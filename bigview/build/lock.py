"""One build at a time for a store, and nothing left behind by a dead one."""

import json
import os
import re
import socket
import threading
import time
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from bigview.build.writing import disk_errors
from bigview.errors import StoreBusyError
from bigview.store.files import Folder
from bigview.store.manifest import NAME, Manifest
from bigview.store.pairs import pairs_of

LOCK = ".build.lock"
BEAT = 10.0
"""Seconds between signs of life."""
SILENCE = 60.0
"""Seconds without a sign of life after which a build on another machine counts as dead."""

_OURS = re.compile(
    r"^(\.build-[0-9a-f]+/|[0-9a-f]{12}/|(rows|text|levels|index)/|[0-9a-f]+-(groups|categories)\.parquet$|\.manifest\.json\.|\.\.build\.lock\.)"
)


class BuildLock:
    """Held by the build that writes to a store: a file with process, machine and the last sign of life."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._token = uuid4().hex
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="bigview-build-lock", daemon=True)

    def __enter__(self) -> Self:
        with disk_errors(self._folder):
            self._folder.make()
        holder = self._holder()
        if holder is not None and _lives(holder):
            raise StoreBusyError(
                f"Another build writes to {self._folder.url}: process {holder.get('pid')} on {holder.get('host')}. "
                "Wait for it, stop it, or build to another place."
            )
        with disk_errors(self._folder):
            self._write()
        time.sleep(0.02 if self._folder.is_local else 1.0)  # two that found no holder at once: the later writer has it
        if (self._holder() or {}).get("token") != self._token:
            raise StoreBusyError(f"Another build has just begun to write to {self._folder.url}. Wait for it, or build to another place.")
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._done.set()
        self._thread.join(5)
        if (self._holder() or {}).get("token") == self._token:
            self._folder.remove(LOCK)

    def _write(self) -> None:
        entry = {"token": self._token, "pid": os.getpid(), "host": socket.gethostname(), "started": _started(os.getpid())}
        self._folder.replace(LOCK, json.dumps({**entry, "beat": time.time()}).encode())

    def _holder(self) -> dict[str, Any] | None:
        try:
            found = json.loads(self._folder.read(LOCK))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def _beat(self) -> None:
        while not self._done.wait(BEAT):
            try:
                self._write()
            except OSError:  # a full disk or a lost network stops the build itself, with its own words
                continue


def _lives(holder: dict[str, Any]) -> bool:
    if holder.get("host") == socket.gethostname():
        started = _started(int(holder.get("pid", -1)))
        return started is not None and started == holder.get("started")
    return bool(time.time() - float(holder.get("beat", 0)) < SILENCE)


def _started(pid: int) -> float | None:
    """Return when a process began: with its number it is unmistakable."""
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.Error:
        return None


def is_ours(name: str) -> bool:
    """Whether a file in a store's folder was written by a build."""
    return name in {NAME, LOCK} or _OURS.match(name) is not None


def sweep(folder: Folder, manifest: Manifest | None) -> list[str]:
    """Remove what earlier builds left: unfinished work, and generations before the one that readers see; return the names."""
    named = {NAME, LOCK}
    if manifest is not None:
        named |= {file.name for file in manifest.files} | {manifest.groups, manifest.categories}
        named |= {file.name for pair in pairs_of(manifest) for file in pair.files}
    old = [name for name in folder.names() if name not in named and is_ours(name)]
    for name in old:
        folder.remove(name)
    for work in {name.split("/")[0] for name in old if name.startswith(".build-")}:
        folder.remove(work)
    return old
