"""Compiled kernels have a place wherever anything can be written."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from bigview.store import kernelfolder


@pytest.fixture
def nothing(monkeypatch, tmp_path):
    """Make everything unwritable but the temporary folder."""
    monkeypatch.setattr(kernelfolder, "_writable", lambda folder: False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv(kernelfolder.VARIABLE, raising=False)
    monkeypatch.setattr(sys.modules["numba"].config, "CACHE_DIR", "") if "numba" in sys.modules else None
    yield tmp_path
    os.environ.pop(kernelfolder.VARIABLE, None)


def test_where_there_is_a_place_nothing_changes(monkeypatch):
    monkeypatch.delenv(kernelfolder.VARIABLE, raising=False)
    kernelfolder.ensure()
    assert kernelfolder.VARIABLE not in os.environ


def test_a_folder_that_is_named_stays(nothing, monkeypatch):
    monkeypatch.setenv(kernelfolder.VARIABLE, "/somewhere")
    kernelfolder.ensure()
    assert os.environ[kernelfolder.VARIABLE] == "/somewhere"


def test_the_folder_is_shared_by_starts_and_closed_to_others(nothing):
    kernelfolder.ensure()
    first = Path(os.environ.pop(kernelfolder.VARIABLE))
    kernelfolder.ensure()
    assert Path(os.environ[kernelfolder.VARIABLE]) == first
    assert first.parent == nothing
    assert first.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("trap", ["open", "link"])
def test_a_folder_that_others_can_write_is_not_used(nothing, trap):
    first = kernelfolder._own(nothing)
    if trap == "open":
        first.chmod(0o777)
    else:
        first.rmdir()
        (nothing / "elsewhere").mkdir()
        first.symlink_to(nothing / "elsewhere")
    kernelfolder.ensure()
    found = Path(os.environ[kernelfolder.VARIABLE])
    assert found != first
    assert found.stat().st_mode & 0o077 == 0


def test_kernels_compile_into_it(nothing):
    kernelfolder.ensure()
    code = "from bigview.store.morton import keys_of; from bigview.store import bits; print('ok')"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], env=dict(os.environ), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "ok"
    assert not done.stderr


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="folders have no rights here")
def test_rights_are_read_where_folders_exist_and_where_they_do_not(tmp_path):
    assert kernelfolder._writable(tmp_path)
    assert kernelfolder._writable(tmp_path / "a" / "b")
    if os.getuid():
        tmp_path.chmod(0o500)
        assert not kernelfolder._writable(tmp_path / "a")
        tmp_path.chmod(0o700)
