"""The command line, as a person meets it: what it prints, and one sentence for whatever goes wrong."""

import json
import pickle
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import bigview as bv
from bigview import cli
from bigview.build import demo
from bigview.cli import facts
from bigview.cli.command import rows_of
from bigview.config import limits
from tests.views import store, table


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a Parquet file."""
    path = tmp_path_factory.mktemp("rows") / "rows.parquet"
    data = table(3000)
    data.loc[5, "x"] = np.nan
    data.to_parquet(path)
    return path


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory, rows: Path) -> Path:
    """Return a store that the command line built."""
    path = tmp_path_factory.mktemp("cli") / "points.bv"
    assert cli.main(["build", "points", str(rows), "-o", str(path), "--x", "x", "--y", "y", "--key", "votes", "--quiet"]) == 0
    return path


def fails(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 2) -> str:
    """Run a command that must fail, and return its one sentence."""
    assert cli.main([str(argument) for argument in arguments]) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1, shown.err
    assert shown.err.startswith("bigview: ")
    assert "Traceback" not in shown.err
    return shown.err


def test_help_is_quick_and_loads_nothing_heavy() -> None:
    code = (
        "import sys; from bigview.cli import main; main(['--help']); "
        "bad = {'numpy', 'pandas', 'pyarrow', 'numba', 'datashader', 'dask', 'panel', 'bokeh', 'holoviews', 'sqlalchemy'} & set(sys.modules); "
        "sys.exit(f'loaded {bad}' if bad else 0)"
    )
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < 5  # 0.1 s on a quiet machine
    for word in ("build", "serve", "render", "export", "selections", "info", "verify", "demo"):
        assert word in done.stdout


def test_import_of_the_package_is_light() -> None:
    code = "import sys, bigview; bad = [m for m in ('numpy', 'numba', 'panel', 'holoviews') if m in sys.modules]; sys.exit(str(bad) if bad else 0)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_public_names() -> None:
    for name in bv.__all__:
        assert getattr(bv, name).__name__ == name
    assert set(bv.__all__) <= set(dir(bv))
    with pytest.raises(AttributeError, match="has no attribute 'pandas'"):
        _ = bv.pandas


def test_python_m_bigview() -> None:
    done = subprocess.run([sys.executable, "-m", "bigview", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"bigview {bv.__version__}\n"


@pytest.mark.parametrize(
    "command", [["build"], ["build", "points"], ["index"], ["serve"], ["render"], ["export"], ["selections"], ["info"], ["verify"], ["demo"]]
)
def test_every_command_has_help(command: "list[str]", capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "--debug" in shown or command == ["build"]


# --- build --------------------------------------------------------------------------------------------------------------------------------


def test_build_takes_the_options(rows: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "some.bv"
    command = ["build", "points", rows, "-o", path, "--x", "x", "--y", "y", "--limit", "1K", "--rename", "votes=likes", "--title", "Some"]
    assert cli.main([str(part) for part in command]) == 0
    assert "1,000 rows" in capsys.readouterr().out
    made = bv.open(path)
    assert made.count() == 1000
    assert "likes" in made.columns
    assert made.manifest.title == "Some"
    told = fails(capsys, *command, "--keep", "--quiet")
    assert "already" in told
    assert "leave out --keep" in told


def test_a_dry_run_writes_nothing(rows: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "none.bv"
    assert cli.main(["build", "points", str(rows), "-o", str(path), "--x", "x", "--y", "y", "--dry-run"]) == 0
    assert "3,000" in capsys.readouterr().out
    assert not path.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none.parquet", "--x", "x", "--y", "y"], "none.parquet"),
        (["{rows}", "--x", "lable", "--y", "y"], "Did you mean 'label'"),
        (["{rows}", "--x", "text", "--y", "y"], "text"),
        (["{rows}", "--limit", "many"], "no number of rows"),
        (["{rows}", "--project", "tsne"], "There is no --project 'tsne'"),
        (["{rows}", "--x", "x", "--y", "y", "--rename", "votes"], "OLD=NEW"),
        (["{cut}", "--x", "x", "--y", "y"], "cut.parquet"),
        (["{csv}", "--x", "x", "--y", "y"], "broken.csv"),
    ],
)
def test_bad_input_gets_one_sentence(arguments: "list[str]", said: str, rows: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cut, csv = tmp_path / "cut.parquet", tmp_path / "broken.csv"
    cut.write_bytes(rows.read_bytes()[:-500])
    csv.write_text("x,y\n1,2\n3,4,5\n6\n")
    filled = [text.format(rows=rows, cut=cut, csv=csv) for text in arguments]
    out = tmp_path / "out.bv"
    assert said in fails(capsys, "build", "points", *filled, "-o", out, "--quiet")
    assert not (out / "manifest.json").exists()


def test_mistyped_commands_and_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert "Did you mean 'render'" in fails(capsys, "rendr")
    assert "--help" in fails(capsys)
    assert "kind 'point'" in fails(capsys, "build", "point")
    assert "-o" in fails(capsys, "build", "points", "a.parquet")
    assert "--prot" in fails(capsys, "serve", "a.bv", "--prot", "3")
    assert "invalid int value" in fails(capsys, "serve", "a.bv", "--port", "web")


@pytest.mark.parametrize("text", ["5", "5_000", "5,000", "2k", "1.5M", "1G", "0"])
def test_numbers_of_rows(text: str) -> None:
    wanted = {"5": 5, "5_000": 5000, "5,000": 5000, "2k": 2000, "1.5M": 1_500_000, "1G": 10**9, "0": 0}
    assert rows_of(text) == wanted[text]


# --- info, verify, render ---------------------------------------------------------------------------------------------------------------------


def test_info_tells_what_is_in_a_store(points: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", str(points)]) == 0
    shown = capsys.readouterr().out
    for word in ("3,000 rows", "1 row has no finite position", "key: votes", "score", "category", "2020-01-01 00:00:00", "rows.parquet"):
        assert word in shown
    assert "CHANGED" not in shown


def test_info_as_json(points: Path, rows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", str(points), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["rows"] == 3000
    assert facts["unplaced"] == 1
    assert [source["change"] for source in facts["sources"]] == [None]
    assert facts["sources"][0]["path"].endswith(rows.name)


def test_info_tells_when_a_source_has_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "source.parquet"
    table(100).to_parquet(source)
    assert cli.main(["build", "points", str(source), "-o", str(tmp_path / "a.bv"), "--x", "x", "--y", "y", "--quiet"]) == 0
    table(101).to_parquet(source)
    assert cli.main(["info", str(tmp_path / "a.bv")]) == 0
    assert "CHANGED since the build" in capsys.readouterr().out
    source.unlink()
    assert cli.main(["info", str(tmp_path / "a.bv")]) == 0
    assert "no longer there" in capsys.readouterr().out


def test_names_from_the_data_are_not_markup(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    strange = pd.DataFrame({"x": [1.0, 2], "y": [1.0, 2], "[bold red]z[/]": [1, 2]})
    made = store(tmp_path, strange, title="[blink]hm")
    assert cli.main(["info", made.reader.folder.url]) == 0
    shown = capsys.readouterr().out
    assert "[bold red]z[/]" in shown
    assert "[blink]hm" in shown


def test_verify(points: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["verify", str(points)]) == 0
    assert "is whole: 3,000 rows" in capsys.readouterr().out
    made = store(tmp_path, table(200))
    next((tmp_path / "points.bv" / "rows").iterdir()).write_bytes(b"no")
    assert cli.main(["verify", made.reader.folder.url]) == 2
    shown = capsys.readouterr()
    assert "has 2 bytes instead of" in shown.out
    assert "damaged in 1 place" in shown.err


def test_index(points: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "points.bv"
    shutil.copytree(points, path)
    assert cli.main(["index", str(path), "--x", "votes", "--y", "score", "--dry-run"]) == 0
    assert "3,000" in capsys.readouterr().out
    assert cli.main(["index", str(path), "--x", "votes", "--y", "score", "--quiet"]) == 0
    assert cli.main(["info", str(path)]) == 0
    assert "index: votes × score, " in capsys.readouterr().out
    assert cli.main(["verify", str(path)]) == 0
    assert "is whole" in capsys.readouterr().out
    assert "Did you mean 'score'" in fails(capsys, "index", path, "--x", "votes", "--y", "scores")
    assert "holds category" in fails(capsys, "index", path, "--x", "votes", "--y", "label")
    assert "--y" in fails(capsys, "index", path, "--x", "votes")


def test_render(points: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "map.png"
    command = ["render", points, "-o", path, "--width", "300", "--by", "label", "--where", "votes > 10", "--light", "--view", 0, 1, 0, 1]
    assert cli.main([str(part) for part in command]) == 0
    assert "300 ×" in capsys.readouterr().out
    assert path.read_bytes().startswith(b"\x89PNG")
    assert "Did you mean 'label'" in fails(capsys, "render", points, "-o", path, "--by", "lable")
    assert "no suffix" in fails(capsys, "render", points, "-o", tmp_path / "map.gif")
    for expression in ("votes >", "1; drop table x", "read_csv('/etc/passwd')", "vots > 3"):
        fails(capsys, "render", points, "-o", path, "--where", expression)


@pytest.mark.parametrize("command", ["info", "verify", "serve", "render -o a.png"])
def test_what_is_no_store(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, *more = command.split()
    assert "no store at" in fails(capsys, name, tmp_path / "nowhere", *more)
    assert "is not a bigview store" in fails(capsys, name, tmp_path, *more)
    (tmp_path / "manifest.json").write_text('{"format": "bigview-points", "version": 99}')
    assert "newer bigview" in fails(capsys, name, tmp_path, *more)
    (tmp_path / "manifest.json").write_text("{")
    assert "is no manifest" in fails(capsys, name, tmp_path, *more)


# --- what else may go wrong ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "stopped."),
        (OSError(28, "No space left on device"), 2, "disk is full"),
        (PermissionError(13, "Permission denied", "/a/b"), 2, "Permission denied: /a/b."),
        (MemoryError(), 2, "memory is used up"),
        (ZeroDivisionError("division by zero"), 2, "unexpected ZeroDivisionError: division by zero. Add --debug"),
        (bv.InputError("Two\nlines"), 2, "Two lines."),
        (bv.ColumnError("No column 'a'."), 2, "No column 'a'."),
    ],
)
def test_whatever_happens_is_one_sentence(
    error: BaseException, code: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr(facts, "_info", fail)
    assert said in fails(capsys, "info", "a.bv", code=code)
    for arguments in (["--debug", "info", "a.bv"], ["info", "a.bv", "--debug"]):
        assert cli.main(arguments) == code
        assert "Traceback" in capsys.readouterr().err


# --- demo and serve ------------------------------------------------------------------------------------------------------------------


def test_demo_clusters_are_built_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("BIGVIEW_HOME", str(tmp_path))
    for _ in range(2):
        assert cli.main(["demo", "clusters", "--rows", "2K", "--no-serve", "--quiet"]) == 0
        path = Path(capsys.readouterr().out.strip())
        assert path == tmp_path / "clusters-2000.bv"
        before = (path / "manifest.json").stat().st_mtime_ns
    assert bv.open(path).count() == 2000
    assert (path / "manifest.json").stat().st_mtime_ns == before
    next((path / "rows").iterdir()).unlink()
    assert cli.main(["demo", "clusters", "--rows", "2K", "--no-serve", "--quiet"]) == 0
    assert bv.open(path).count(where="score >= 0") > 0, "a damaged one is built again"


def test_demo_words_tells_its_licence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    data = table(500)
    data.to_parquet(tmp_path / "words.parquet")
    np.save(tmp_path / "words.npy", np.random.default_rng(0).normal(size=(500, 8)).astype("f2"))
    files = SimpleNamespace(metadata=tmp_path / "words.parquet", vectors=tmp_path / "words.npy")
    assert pq.read_metadata(files.metadata).num_rows == 500
    monkeypatch.setattr(demo, "words_table", lambda rows, folder, progress: files)
    whole = demo.build_points
    monkeypatch.setattr(demo, "build_points", lambda *args, **kw: whole(*args, **{**kw, "project": "pca", "rename": {"x": "a", "y": "b"}}))
    assert cli.main(["demo", "--rows", "all", "--no-serve", "--quiet", "--folder", str(tmp_path)]) == 0
    path = capsys.readouterr().out.strip()
    assert path == str(tmp_path / "words-all.bv")
    assert cli.main(["info", path]) == 0
    assert "CC BY-SA 4.0" in capsys.readouterr().out


def test_demo_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    assert "Did you mean 'words'" in fails(capsys, "demo", "word")
    assert "no number of rows" in fails(capsys, "demo", "--rows", "lots")
    assert "at least one" in fails(capsys, "demo", "--rows", "0")


def test_serve_passes_its_options_on(points: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bigview.app import server

    calls: list[object] = []
    monkeypatch.setattr(server, "serve", lambda paths, **options: calls.append((paths, options)))
    assert cli.main(["serve", str(points), "--port", "0", "--show", "--origin", "maps.example.org"]) == 0
    told = {"port": 0, "show": True, "address": "127.0.0.1", "public": False, "origin": ["maps.example.org"]}
    assert calls == [([str(points)], told)]


def test_serve_caps_the_visitors_and_refuses_a_cap_of_nobody(
    points: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from bigview.app import server

    caps: list[int] = []
    monkeypatch.setattr(server, "serve", lambda paths, **options: caps.append(limits().sessions))
    assert cli.main(["serve", str(points), "--sessions", "7"]) == 0
    assert cli.main(["serve", str(points)]) == 0
    assert caps == [7, limits().sessions]
    assert "let nobody in" in fails(capsys, "serve", str(points), "--sessions", "0")


def test_serve_saves_in_the_database_of_a_team(
    points: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from bigview.app import server

    stores: list[Any] = []
    monkeypatch.setattr(server, "serve", lambda paths, **options: stores.extend(paths))
    assert cli.main(["serve", str(points), "--selections", f"sqlite:///{tmp_path}/team.db"]) == 0
    stores[0].selections().save("some", "score > 0.5")
    assert pickle.loads(pickle.dumps(stores[0])).selections().get("some").rows
    assert (tmp_path / "team.db").exists()
    assert "no URL of a database" in fails(capsys, "serve", str(points), "--selections", "here://::")
    assert "SQLAlchemy knows no database" in fails(capsys, "serve", str(points), "--selections", "nothing://here/there")


# --- export and selections -----------------------------------------------------------------------------------------------------------


def test_export(points: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "good.parquet"
    command = ["export", points, "-o", path, "--where", "score > 0.5", "--columns", "label, text", "--view", 0, 2, 0, "2"]
    assert cli.main([*map(str, command), "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "about" in told
    assert not path.exists()
    assert cli.main([str(part) for part in command]) == 0
    rows = bv.open(points).count(bv.View((0, 2), (0, 2)), "score > 0.5")
    assert f"{rows:,} rows" in told
    assert capsys.readouterr().out.startswith(told)
    assert pq.read_table(path).column_names == ["__row", "votes", "label", "text"]
    assert pq.read_metadata(path).num_rows == rows
    assert "Did you mean 'label'" in fails(capsys, "export", points, "-o", path, "--columns", "lable")
    assert "does not tell the format" in fails(capsys, "export", points, "-o", tmp_path / "a.xls")
    assert "There is no format" in fails(capsys, "export", points, "-o", tmp_path / "a", "--format", "xls")


def test_an_export_that_does_not_fit_is_refused(
    points: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=10))
    assert cli.main(["export", str(points), "-o", str(tmp_path / "a.csv")]) == 2
    shown = capsys.readouterr()
    assert "3,000 rows" in shown.out
    assert "10 bytes free" in shown.err
    assert not list(tmp_path.iterdir())


def test_export_for_a_spreadsheet(points: Path, tmp_path: Path) -> None:
    for flags, begins in (([], b'"__row"'), (["--spreadsheet"], b"\xef\xbb\xbf")):
        assert cli.main(["export", str(points), "-o", str(tmp_path / "a.csv"), *flags]) == 0
        assert (tmp_path / "a.csv").read_bytes().startswith(begins)


def test_selections(points: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["selections", str(points)]) == 0
    assert capsys.readouterr().out == "No selections are saved.\n"
    for url in ([], ["--selections", str(tmp_path / "team.db")]):
        saved = bv.open(points).selections(*url[1:])
        saved.save("good", bv.Filter("score > 0.5") & bv.Filter(rows=range(1000)), note="the better\nhalf", author="Ann")
        assert cli.main(["selections", str(points), "rename", "good", "better", *url]) == 0
        assert cli.main(["selections", str(points), *url]) == 0
        shown = capsys.readouterr().out
        rows = saved.get("better").rows
        assert f"better  ({rows:,} rows, Ann, " in shown
        assert "the better half" in shown
        assert cli.main(["selections", str(points), "note", "better", "fine", *url]) == 0
        assert cli.main(["selections", str(points), "show", "better", *url]) == 0
        shown = capsys.readouterr().out
        assert "1,000 rows by number AND (score > 0.5)" in shown
        assert "note: fine" in shown
        path = tmp_path / "better.csv"
        assert cli.main(["export", str(points), "-o", str(path), "--selection", "better", "--where", "votes > 10", *url]) == 0
        assert len(pd.read_csv(path)) == saved._table.count(where="score > 0.5 AND votes > 10 AND __row < 1000")
        capsys.readouterr()
        assert "Did you mean 'better'" in fails(capsys, "export", points, "-o", path, "--selection", "bettr", *url)
        assert "takes a name, not nothing" in fails(capsys, "selections", points, "show", *url)
        assert "Did you mean 'rename'" in fails(capsys, "selections", points, "renam", "a", "b", *url)
        assert cli.main(["selections", str(points), "delete", "better", *url]) == 0
        capsys.readouterr()
        assert "Nothing is saved yet" in fails(capsys, "selections", points, "delete", "better", *url)
