"""A matrix store is whole or absent, whatever happens to its build."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import bigview as bv
from bigview.errors import StoreBusyError
from bigview.store.matrixverify import verify_matrix

ROOT = Path(__file__).parent.parent
OLD = np.arange(12.0).reshape(3, 4)

BUILD = """
import os, signal, sys
import numpy as np
import bigview.build.matrixjob as job
from bigview.build.matrix import build_matrix

path, moment = sys.argv[1:]
write, calls = job.write_file, []

def dying(*arguments, **options):
    calls.append(1)
    if moment == "chunk" and len(calls) == 20:
        os.kill(os.getpid(), signal.SIGKILL)
    if moment == "wait" and len(calls) == 20:
        print("half", flush=True)
        import time
        time.sleep(60)
    return write(*arguments, **options)

job.write_file = dying
if moment == "commit":
    from bigview.store.files import Folder
    replace = Folder.replace
    Folder.replace = lambda folder, name, data: os.kill(os.getpid(), signal.SIGKILL) if name == "manifest.json" else replace(folder, name, data)
build_matrix(np.random.default_rng(0).normal(size=(3000, 2500)), path, quiet=True)
"""


def start(path: Path, moment: str) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-c", BUILD, str(path), moment], cwd=ROOT, env=environment, stdout=subprocess.PIPE)


@pytest.mark.parametrize("moment", ["chunk", "commit"])
def test_a_killed_build_leaves_the_old_store_or_none(tmp_path, moment):
    path = tmp_path / "m.bv"
    for old in (False, True):
        if old:
            bv.build_matrix(OLD, path, quiet=True)  # also sweeps what the dead one left
            assert verify_matrix(bv.open(path)) == []
        build = start(path, moment)
        assert build.wait(120) == -signal.SIGKILL
        build.stdout.close()
        assert (path / "manifest.json").exists() == old
        if old:
            assert (bv.open(path).cells() == OLD).all()
    bv.build_matrix(OLD + 1, path, quiet=True)
    bv.build_matrix(OLD + 2, path, quiet=True)
    assert (bv.open(path).cells() == OLD + 2).all()
    assert len([entry for entry in path.iterdir() if entry.is_dir()]) == 2


def test_one_build_at_a_time(tmp_path):
    path = tmp_path / "m.bv"
    build = start(path, "wait")
    try:
        assert build.stdout.readline() == b"half\n"
        with pytest.raises(StoreBusyError, match="Another build"):
            bv.build_matrix(OLD, path, quiet=True)
    finally:
        build.kill()
        build.wait(30)
        build.stdout.close()
    time.sleep(0.1)
    assert (bv.build_matrix(OLD, path, quiet=True).cells() == OLD).all()
