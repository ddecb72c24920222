"""A build tells how far it is: a bar on a terminal, lines elsewhere, nothing when told to be quiet."""

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from bigview.build.points import build_points
from bigview.build.progress import Bar, Lines, Silent, callback, progress, span

TABLE = pa.table({"x": np.arange(3000.0), "y": np.arange(3000.0)})


def test_lines_where_there_is_no_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    build_points(TABLE, str(tmp_path / "s.bv"))
    out, told = capfd.readouterr()
    assert out == ""
    assert [line.split(":")[0] for line in told.splitlines()] == ["scan", "split", "merge", "index rows"]
    assert "3,000 rows in" in told
    assert "rows/s" in told


def test_nothing_when_quiet(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    build_points(TABLE, str(tmp_path / "s.bv"), quiet=True, partition_rows=1000)
    assert capfd.readouterr() == ("", "")


def test_lines_tell_share_rate_and_time_left(capfd: pytest.CaptureFixture[str]) -> None:
    with Lines(every=0) as tell:
        tell.stage("merge", 1000)
        tell.advance(250)
        tell.stage("read", 0)
        tell.advance(10)
    told = capfd.readouterr().err.splitlines()
    assert told[0].startswith("merge: 25 %, 250 of 1,000 rows, ")
    assert told[0].endswith(" left")
    assert told[2].startswith("read: 10 rows, ")


def test_a_bar_on_a_terminal(tmp_path: Path) -> None:
    script = (
        "import pyarrow as pa; from bigview.build.points import build_points; build_points(pa.table({'x': [1.0] * 500, 'y': [2.0] * 500}), 's.bv')"
    )
    leader, follower = pty.openpty()
    root = str(Path(__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": root, "TERM": "xterm", "COLUMNS": "120"}
    process = subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, stdout=follower, stderr=follower, env=environment)
    os.close(follower)
    shown = io.BytesIO()
    while True:
        try:
            block = os.read(leader, 4096)
        except OSError:  # the other side has closed
            break
        if not block:
            break
        shown.write(block)
    os.close(leader)
    assert process.wait(30) == 0
    text = shown.getvalue().decode()
    for word in ("scan", "merge", "500/500", "rows/s", "left"):
        assert word in text


def test_the_way_of_telling_fits_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(progress(quiet=True), Silent)
    assert isinstance(progress(quiet=False), Lines)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert isinstance(progress(quiet=False), Bar)


def test_a_table_in_a_notebook() -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    code = """
import tempfile
import pyarrow as pa
from bigview.build.points import build_points
table = pa.table({"x": [1.0, None] * 500, "y": [2.0] * 1000})
with tempfile.TemporaryDirectory() as folder:
    build_points(table, folder + "/s.bv", partition_rows=300);
"""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbclient.NotebookClient(book, kernel_name="python3", resources={"metadata": {"path": Path(__file__).parent.parent}}).execute()
    outputs = book.cells[0].outputs
    assert [output.output_type for output in outputs] == ["display_data"]
    shown = outputs[0].data["text/html"]
    for word in ("<progress", "merge", "1,000 of 1,000 rows", "rows/s", "500 of 1,000 rows have no finite position"):
        assert word in shown


def test_a_callback_moves_the_bar(capfd: pytest.CaptureFixture[str]) -> None:
    with Lines(every=100) as tell:
        report = callback(tell)
        for done in (0, 40, 100):
            report("place", done, 100)
        for stage, total in (("judge", 1), ("read words", 42), ("layout", 500)):
            report(stage, 0, total)
            report(stage, total, total)
    place, judge, words, layout = capfd.readouterr().err.splitlines()
    assert place.startswith("place: 100 rows in ")
    assert judge == "judge: 0.0 s"
    assert words.startswith("read words: 42 languages in ")
    assert layout.startswith("layout: 500 rounds in ")
    assert "rows" not in judge + words + layout


@pytest.mark.parametrize(("seconds", "text"), [(0.04, "0.0 s"), (12.3, "12 s"), (150, "2 min"), (7300, "2.0 h")])
def test_spans_are_for_reading(seconds: float, text: str) -> None:
    assert span(seconds) == text
