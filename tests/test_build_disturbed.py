"""Law 8: a store is whole or absent, whatever happens to a build."""

import hashlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bigview.build.lock import LOCK, BuildLock
from bigview.build.parts import GeneratedSource
from bigview.build.points import build_points
from bigview.errors import StoreBusyError
from bigview.store.files import Folder
from bigview.store.manifest import read_manifest
from tests.slow_rows import rows
from tests.test_build import check

ROOT = Path(__file__).parent.parent

BUILD = """
import os, pathlib, signal, sys
import bigview.build.merge, bigview.build.points, bigview.build.sampling, bigview.build.split
from bigview.config import override
from bigview.build.points import build_points
from bigview.build.parts import GeneratedSource
from tests.slow_rows import rows

folder, *moments = sys.argv[1:]

def die_at(function, number, fits=lambda *arguments: True):
    calls = []
    def wrapped(*arguments):
        if fits(*arguments):
            calls.append(1)
            if len(calls) == number:
                os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments)
    return wrapped

def build(moment):
    if moment == "split":
        bigview.build.split.spill = die_at(bigview.build.split.spill, 3)
    if moment == "merge":
        bigview.build.merge.write_file = die_at(bigview.build.merge.write_file, 4)
    if moment == "sample":
        bigview.build.sampling.write_file = die_at(bigview.build.sampling.write_file, 1)
    if moment == "commit":
        pathlib.Path.replace = die_at(pathlib.Path.replace, 1, lambda path, target: pathlib.Path(target).name == "manifest.json")
    if moment == "after":
        commit = bigview.build.points.commit
        bigview.build.points.commit = lambda *arguments: (commit(*arguments), os.kill(os.getpid(), signal.SIGKILL))
    with override(sampled_rows=0):
        build_points(GeneratedSource(3000, 500, rows), f"{folder}/{moment}.bv", key="n", quiet=True, partition_rows=500)

# One process imports for all: each build is a fork of it.
for moment in moments:
    pid = os.fork()
    if pid == 0:
        build(moment)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL, moment
"""


def run(*arguments: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})


@pytest.mark.parametrize(("old", "moments"), [(True, ("split", "merge", "sample", "commit", "after")), (False, ("merge", "commit"))])
def test_a_killed_build_leaves_the_old_store_or_none(tmp_path: Path, old: bool, moments: tuple[str, ...]) -> None:
    first = tmp_path / "first.bv"
    before = build_points(GeneratedSource(700, 300, rows), str(first), quiet=True)
    for moment in moments:
        if old:
            shutil.copytree(first, tmp_path / f"{moment}.bv")
    assert run("-c", BUILD, str(tmp_path), *moments).wait(100) == 0
    for moment in moments:
        path = tmp_path / f"{moment}.bv"
        assert list(path.glob(".build-*")), "it died too late"
        if moment != "after":
            assert (path / "manifest.json").exists() == old
            if old:
                assert read_manifest(Folder(str(path))) == before
                assert all((path / file.name).stat().st_size == file.bytes for file in before.files)
        manifest = build_points(GeneratedSource(900, 400, rows), str(path), key="n", quiet=True)
        check(path, rows(0, 900), manifest)
        assert not [p for p in path.rglob("*") if p.name.startswith(".") or (p.is_file() and p.parent.name.startswith(".build"))]


def test_readers_keep_the_generation_they_opened_until_the_next_build(tmp_path: Path) -> None:
    path = tmp_path / "s.bv"
    generations = [build_points(GeneratedSource(300, 100, rows), str(path), quiet=True) for _ in range(3)]

    def there(number: int) -> bool:
        return all((path / file.name).exists() for file in generations[number].files)

    assert [there(number) for number in range(3)] == [False, True, True]
    assert generations[1].fingerprint == generations[2].fingerprint


def test_one_build_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "s.bv"
    with BuildLock(Folder(str(path))):
        with pytest.raises(StoreBusyError, match=f"process {os.getpid()} on {socket.gethostname()}"):
            build_points(GeneratedSource(10, 10, rows), str(path), quiet=True)
        assert path.exists()
    assert build_points(GeneratedSource(10, 10, rows), str(path), quiet=True).rows == 10
    assert not (path / LOCK).exists()


@pytest.mark.parametrize(("age", "busy"), [(5.0, True), (100.0, False)])
def test_a_build_on_another_machine_counts_as_dead_after_a_minute(tmp_path: Path, age: float, busy: bool) -> None:
    (tmp_path / LOCK).write_text(json.dumps({"token": "t", "pid": 1, "host": "elsewhere", "beat": time.time() - age}))
    if busy:
        with pytest.raises(StoreBusyError):
            build_points(GeneratedSource(10, 10, rows), str(tmp_path), quiet=True)
        assert (tmp_path / LOCK).exists()
    else:
        assert build_points(GeneratedSource(10, 10, rows), str(tmp_path), quiet=True).rows == 10


class Cluster:
    """A real scheduler and two real workers."""

    def __init__(self, folder: Path) -> None:
        file = folder / "scheduler.json"
        dask = ["-m", "distributed.cli.dask_scheduler", "--port", "0", "--host", "127.0.0.1", "--no-dashboard"]
        self.scheduler = run(*dask, "--scheduler-file", str(file))
        self.address = json.loads(_awaited(file))["address"]
        options = ["--no-nanny", "--no-dashboard", "--nthreads", "1", "--memory-limit", "0", "--local-directory", str(folder)]
        self.workers = [run("-m", "distributed.cli.dask_worker", self.address, *options) for _ in range(2)]

    def stop(self) -> None:
        for process in [*self.workers, self.scheduler]:
            process.kill()
            process.wait(10)


def _awaited(file: Path) -> str:
    for _ in range(300):
        if file.exists() and (text := file.read_text()).endswith("}"):
            return text
        time.sleep(0.05)
    raise AssertionError(f"{file} did not appear")


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    started = Cluster(tmp_path_factory.mktemp("dask"))
    yield started
    started.stop()


def test_a_real_cluster_loses_a_worker_and_the_build_finishes(tmp_path: Path, cluster: Cluster) -> None:
    path = tmp_path / "s.bv"
    killed = threading.Event()

    def kill() -> None:
        for _ in range(600):
            if len(list(path.glob(".build-*/part-*.arrow"))) >= 4:
                cluster.workers[0].kill()
                killed.set()
                return
            time.sleep(0.02)

    watcher = threading.Thread(target=kill)
    watcher.start()
    manifest = build_points(GeneratedSource(4000, 200, rows), str(path), key="n", quiet=True, scheduler=cluster.address)
    watcher.join(20)
    assert killed.is_set()
    assert cluster.workers[0].wait(10) == -signal.SIGKILL
    stored = check(path, rows(0, 4000), manifest)
    assert stored.frame()["t"].tolist() == rows(0, 4000).column("t").to_pylist()
    # A table in memory reaches the workers too.
    manifest = build_points(rows(0, 300), str(tmp_path / "t.bv"), quiet=True, scheduler=cluster.address)
    check(tmp_path / "t.bv", rows(0, 300), manifest)


@pytest.mark.bench
def test_many_builds_killed_at_any_moment(tmp_path: Path) -> None:
    path = tmp_path / "s.bv"
    code = """
import sys
from bigview.build.points import build_points
from bigview.build.parts import GeneratedSource
from tests.slow_rows import rows
print("ready", flush=True)
build_points(GeneratedSource(int(sys.argv[2]), 2000, rows), sys.argv[1], key="n", quiet=True, partition_rows=2000)
"""
    chance = random.Random(0)
    seen = {"none": 0, "old": 0, "new": 0}
    known = None
    for attempt in range(24):
        count = 40_000 + attempt
        command = [sys.executable, "-c", code, str(path), str(count)]
        process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(chance.uniform(0, 4))
        process.kill()
        process.wait()
        process.stdout.close()
        if not (path / "manifest.json").exists():
            assert known is None
            seen["none"] += 1
            continue
        manifest = read_manifest(Folder(str(path)))
        seen["old" if manifest == known else "new"] += 1
        assert manifest == known or manifest.rows == count
        known = manifest
        for file in manifest.files:
            assert hashlib.sha256((path / file.name).read_bytes()).hexdigest() == file.sha256
    assert all(seen.values()), seen
    check(path, rows(0, 900), build_points(GeneratedSource(900, 400, rows), str(path), key="n", quiet=True))
