"""tools/run.py: it starts on any Python 3, sets up once, and says in one sentence what is missing."""

import ast
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools import run

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Return a project folder of its own, with an environment that claims to be installed."""
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    monkeypatch.setattr(run, "ROOT", tmp_path)
    monkeypatch.setattr(run, "ENVIRONMENT", tmp_path / ".venv")
    monkeypatch.setattr(run, "STAMP", tmp_path / ".venv" / "bigview-installed")
    Path(run.inside("python")).parent.mkdir(parents=True)
    Path(run.inside("python")).write_text("")
    run.STAMP.write_text(run.wanted_stamp(), encoding="utf-8")
    return tmp_path


def test_an_old_python_can_read_it():
    source = (ROOT / "tools" / "run.py").read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 8))
    used = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    used |= {node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert used <= sys.stdlib_module_names


def test_an_old_python_is_told_so():
    with pytest.raises(run.Missing, match=r"Python 3\.11 or newer is needed, this is 3\.9"):
        run.check_python((3, 9, 2))


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_a_missing_venv_module_is_named(monkeypatch, module):
    monkeypatch.setattr(run, "find_spec", lambda name: None if name == module else object())
    with pytest.raises(run.Missing, match=f"lacks the module `{module}`"):
        run.check_python()


def test_the_second_run_installs_nothing(project, monkeypatch):
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("a program was started"))
    run.set_up()


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_changed_requirement_is_noticed(project, name):
    with (project / name).open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    assert not run.installed()


def test_an_install_cut_off_is_taken_up_again(project, monkeypatch):
    run.STAMP.unlink()
    monkeypatch.setattr(run, "environment_works", lambda: True)
    monkeypatch.setattr(subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 1))
    with pytest.raises(run.Missing, match="needs a network"):
        run.set_up()
    assert not run.installed()
    monkeypatch.setattr(subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 0))
    run.set_up()
    assert run.installed()


def test_a_broken_environment_is_made_anew(project):
    assert not run.environment_works()


def test_failures_are_one_sentence_and_exit_code_2(project, monkeypatch, capsys):
    def fail():
        raise run.Missing("Something is missing.")

    monkeypatch.setattr(run, "set_up", fail)
    assert run.main(["test"]) == 2
    assert capsys.readouterr().err == "bigview: Something is missing.\n"


def test_an_unknown_command_lists_the_known():
    command = [sys.executable, "tools/run.py", "dance"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == "usage: python3 tools/run.py demo|test|lint|bench|clean [arguments]\n"


def test_a_browser_named_in_the_variable_wins(monkeypatch, tmp_path):
    monkeypatch.setenv("BIGVIEW_CHROMIUM", sys.executable)
    assert run.find_browser() == sys.executable
    monkeypatch.setenv("BIGVIEW_CHROMIUM", str(tmp_path / "nothing"))
    assert run.find_browser() is None


class TestWithoutABrowser:
    @pytest.fixture(autouse=True)
    def nowhere(self, monkeypatch):
        monkeypatch.setattr(run, "find_browser", lambda: None)
        monkeypatch.delenv("CI", raising=False)

    def test_root_gets_debians(self, monkeypatch):
        started = []
        monkeypatch.setattr(run, "may_install", list)
        monkeypatch.setattr(subprocess, "run", lambda command, **_: started.append(command))
        run.get_browser()
        assert [command[:1] + command[-1:] for command in started] == [["apt-get", "update"], ["apt-get", "chromium"]]

    def test_others_are_told_loudly(self, monkeypatch, capsys):
        monkeypatch.setattr(run, "may_install", lambda: None)
        monkeypatch.setattr(run, "run", lambda _: 0)
        assert run.test([]) == 0
        said = capsys.readouterr().out
        assert said.count("NO BROWSER") == 2
        assert "apt-get install chromium" in said

    def test_a_build_server_fails(self, monkeypatch):
        monkeypatch.setattr(run, "may_install", lambda: None)
        monkeypatch.setenv("CI", "true")
        with pytest.raises(run.Missing, match="no browser for the browser tests"):
            run.get_browser()


class TestFailedTests:
    @pytest.fixture(autouse=True)
    def started(self, monkeypatch):
        monkeypatch.setattr(run, "find_browser", lambda: sys.executable)
        monkeypatch.setenv("BIGVIEW_CHROMIUM", sys.executable)
        started = []
        monkeypatch.setattr(run, "run", lambda command: started.append(command[3:]) or int(len(started) == 1))
        return started

    def test_are_run_once_more_alone_by_a_build_server(self, started, monkeypatch, capsys):
        monkeypatch.setenv("CI", "true")
        assert run.test(["-x"]) == 0
        assert [("-n" in options, "--last-failed" in options, "-x" in options) for options in started] == [(True, False, True), (False, True, True)]
        assert "SOME TESTS FAILED" in capsys.readouterr().out

    def test_stay_failed_for_a_person(self, started, monkeypatch):
        monkeypatch.delenv("CI", raising=False)
        assert run.test([]) == 1
        assert len(started) == 1


@pytest.mark.parametrize("given", [["--no-serve"], ["--show"], ["--rows", "all"]])
def test_the_demo_shows_itself_where_it_can(monkeypatch, given):
    commands = []
    monkeypatch.setattr(run, "run", commands.append)
    monkeypatch.setattr(run, "can_show", lambda: True)
    run.demo(given)
    assert commands[0][1:] == ["demo", *given, *(["--show"] if given[0] == "--rows" else [])]


class TestBench:
    @pytest.fixture(autouse=True)
    def started(self, project, monkeypatch):
        (project / "benchmarks").mkdir()
        for name in ("frames", "build"):
            (project / "benchmarks" / f"{name}.py").write_text('import shared\n\nif __name__ == "__main__":\n    ...\n')
        (project / "benchmarks" / "shared.py").write_text("")
        started = []
        monkeypatch.setattr(run, "run", lambda command: started.append(command[1:]) or 5)
        return started

    def test_all_and_the_tests_with_the_mark(self, started):
        run.bench([])
        assert started == [["-m", "benchmarks.report"], ["-m", "pytest", "-m", "bench or slow"]]

    def test_the_one_named_gets_the_arguments(self, started):
        assert run.bench(["frames", "emb.bv", "--views", "9"]) == 5
        assert started == [["-m", "benchmarks.frames", "emb.bv", "--views", "9"]]

    def test_an_unknown_name_lists_the_known(self):
        with pytest.raises(run.Missing, match="no benchmark 'shared'; there are: build, frames"):
            run.bench(["shared"])


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM to pass on")
def test_stopping_the_script_stops_what_it_runs(tmp_path):
    """`make demo` stopped from outside leaves no server behind."""
    note = tmp_path / "pid"
    inner = f"import os, pathlib, time; pathlib.Path({str(note)!r}).write_text(str(os.getpid())); time.sleep(60)"
    outer = f"import sys; from tools import run; sys.exit(run.run([sys.executable, '-c', {inner!r}]))"
    script = subprocess.Popen([sys.executable, "-c", outer], cwd=ROOT)
    with script:
        for _ in range(200):
            if note.exists() and note.read_text():
                break
            time.sleep(0.05)
        script.terminate()
        assert script.wait(timeout=20) != 0
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text()), 0)
