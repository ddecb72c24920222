"""The scripts of pipelines/: each runs, and uses the public API."""

import runpy
import sys
from pathlib import Path

import pytest

import bigview as bv
from tests.views import store, table

SCRIPTS = Path(__file__).parent.parent / "pipelines"


def run(name: str, *arguments: object) -> None:
    before, sys.argv = sys.argv, [name, *(str(argument) for argument in arguments)]
    try:
        runpy.run_path(str(SCRIPTS / name), run_name="__main__")
    finally:
        sys.argv = before


def test_build_points(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table(300).to_parquet(tmp_path / "a.parquet")
    table(200, seed=1).to_parquet(tmp_path / "b.parquet")
    run("build_points.py", tmp_path / "a.parquet", tmp_path / "b.parquet", tmp_path / "made.bv", "--key", "votes")
    assert "500 rows" in capsys.readouterr().out
    assert bv.open(tmp_path / "made.bv").manifest.key == "votes"


def test_render_overview(tmp_path: Path) -> None:
    made = store(tmp_path, table(300))
    run("render_overview.py", made.reader.folder.url, tmp_path / "images", "--width", 300)
    assert {"density.png", "score.png", "label.png"} <= {path.name for path in (tmp_path / "images").iterdir()}


def test_every_script_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    for script in SCRIPTS.glob("*.py"):
        with pytest.raises(SystemExit) as stop:
            run(script.name, "--help")
        assert stop.value.code == 0
        assert "usage" in capsys.readouterr().out
