"""Matrices on the command line: built, described, checked."""

import json

import numpy as np
import pandas as pd
import pytest

import bigview as bv
from bigview.cli import FAILED, main
from bigview.store.matrix import MatrixTable
from bigview.store.matrixverify import verify_matrix


@pytest.fixture
def store(tmp_path):
    values = np.random.default_rng(0).normal(size=(3001, 2003)).astype("f4")
    values[:100, :200] = np.nan
    frame = pd.DataFrame({"kind": ["a", "b", "c"] * 1000 + ["a"]}, index=[f"r{number}" for number in range(3001)])
    np.save(tmp_path / "v.npy", values)
    frame.to_parquet(tmp_path / "rows.parquet")
    path = tmp_path / "m.bv"
    assert (
        main(["build", "matrix", str(tmp_path / "v.npy"), "-o", str(path), "--rows", str(tmp_path / "rows.parquet"), "--title", "Try", "--quiet"])
        == 0
    )
    return path


def test_build_info_and_verify(store, capsys):
    made = bv.open(store)
    assert (made.shape, made.rows.columns) == ((3001, 2003), {"kind": "category"})
    assert main(["info", str(store)]) == 0
    told = capsys.readouterr().out
    assert "3,001 rows × 2,003 columns" in told
    assert "20,000 cells are missing" in told
    assert main(["info", str(store), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["facts"]["missing"] == 20_000
    assert main(["verify", str(store)]) == 0
    assert "is whole: 6,011,003 cells" in capsys.readouterr().out


def test_dry_run_writes_nothing(tmp_path, capsys):
    np.save(tmp_path / "v.npy", np.zeros((10, 10)))
    assert main(["build", "matrix", str(tmp_path / "v.npy"), "-o", str(tmp_path / "m.bv"), "--dry-run"]) == 0
    assert "cells    100" in capsys.readouterr().out
    assert not (tmp_path / "m.bv").exists()


def test_keep_refuses(store, capsys):
    assert main(["build", "matrix", str(store.parent / "v.npy"), "-o", str(store), "--keep", "--quiet"]) == FAILED
    assert "There is a store" in capsys.readouterr().err


def test_a_damaged_chunk_is_found(store, capsys):
    chunk = next(path for path in store.rglob("values/c/0/0"))
    data = bytearray(chunk.read_bytes())
    data[999_999] ^= 1
    chunk.write_bytes(data)
    assert main(["verify", str(store)]) == FAILED
    assert "values/c/0/0 is altered" in capsys.readouterr().out
    chunk.write_bytes(data[:-5])
    assert main(["verify", str(store)]) == FAILED
    chunk.unlink()
    assert main(["verify", str(store)]) == FAILED
    assert "is missing" in capsys.readouterr().out


def test_a_level_that_does_not_fit_is_found(store, monkeypatch):
    level = next(path for path in store.rglob("levels/4x4/max/c/0/0"))
    values = np.frombuffer(level.read_bytes(), "f4").copy()
    values[1000] += 1
    level.write_bytes(values.tobytes())
    monkeypatch.setattr("bigview.store.matrixverify.file_problem", lambda folder, file: None)
    assert verify_matrix(MatrixTable.open(str(store))) == ["The level of 4 × 4 cells does not fit the cells: its max differs."]


def test_a_point_store_is_not_written_over(tmp_path, capsys):
    bv.build_points(pd.DataFrame({"x": [1.0], "y": [2.0]}), tmp_path / "p.bv", quiet=True)
    np.save(tmp_path / "v.npy", np.zeros((10, 10)))
    assert main(["build", "matrix", str(tmp_path / "v.npy"), "-o", str(tmp_path / "p.bv"), "--quiet"]) == FAILED
    assert "another store" in capsys.readouterr().err
    assert len(bv.open(tmp_path / "p.bv")) == 1
    matrix = bv.build_matrix(np.zeros((2, 2)), tmp_path / "m.bv", quiet=True)
    with pytest.raises(bv.BigviewError, match="matrix"):
        bv.build_points(pd.DataFrame({"x": [1.0], "y": [2.0]}), tmp_path / "m.bv", quiet=True)
    assert matrix.cells().sum() == 0
