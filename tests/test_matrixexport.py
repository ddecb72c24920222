"""Cells as files: what is read back is what the store holds, in the order asked for."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import zarr

import bigview as bv
from bigview.errors import OptionError, TooLargeError
from bigview.store.matrixexport import export_matrix

RNG = np.random.default_rng(3)
VALUES = RNG.normal(size=(70, 40)).astype(np.float32)
VALUES[3, 5] = np.nan


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    names = {"rows": [f"row {k}" for k in range(70)], "cols": ["=evil()", *(f"c{k}" for k in range(1, 40))]}
    return bv.build_matrix(VALUES, str(tmp_path_factory.mktemp("export") / "m.bv"), quiet=True, **names)


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".arrow", ".npz"])
def test_a_file_holds_the_cells_asked_for(store, tmp_path, suffix):
    rows, cols = RNG.permutation(70)[:20], RNG.permutation(40)[:7]
    target = tmp_path / f"part{suffix}"
    size = export_matrix(store, target, rows, cols)
    assert size == target.stat().st_size
    assert [path.name for path in tmp_path.iterdir()] == [target.name]
    expected = VALUES[np.ix_(rows, cols)]
    if suffix == ".npz":
        found = np.load(target, allow_pickle=False)
        assert np.array_equal(found["values"], expected, equal_nan=True)
        assert found["rows"].tolist() == [f"row {k}" for k in rows]
        assert found["cols"].tolist() == store.cols.names[cols].tolist()
        return
    read = {".parquet": pd.read_parquet, ".csv": pd.read_csv, ".arrow": pd.read_feather}[suffix](target)
    assert read.columns.tolist() == ["name", *store.cols.names[cols]]
    assert read["name"].tolist() == [f"row {k}" for k in rows]
    assert np.allclose(read.iloc[:, 1:].to_numpy(np.float64), expected, equal_nan=True)


@pytest.mark.parametrize("piece", [100, 1 << 22])
def test_zarr_is_what_others_open(store, tmp_path, monkeypatch, piece):
    monkeypatch.setattr("bigview.store.matrixexport._PIECE", piece)
    rows, cols = RNG.permutation(70)[:33], RNG.permutation(40)[:7]
    size = export_matrix(store, tmp_path / "part.zarr.zip", rows, cols)
    assert size == (tmp_path / "part.zarr.zip").stat().st_size
    with zarr.storage.ZipStore(tmp_path / "part.zarr.zip", mode="r") as opened:
        found = xr.open_zarr(opened).load()
    assert np.array_equal(found["values"], VALUES[np.ix_(rows, cols)], equal_nan=True)
    assert found["values"].dtype == np.float32
    assert found.rows.values.tolist() == [f"row {k}" for k in rows]
    assert found.cols.values.tolist() == store.cols.names[cols].tolist()


def test_zarr_keeps_what_is_missing_and_categories(tmp_path):
    masked = np.ma.masked_equal(RNG.integers(0, 9, (30, 8)), 4)
    whole = bv.build_matrix(masked, tmp_path / "whole.bv", quiet=True)
    export_matrix(whole, tmp_path / "whole.zarr.zip")
    with zarr.storage.ZipStore(tmp_path / "whole.zarr.zip", mode="r") as opened:
        found = xr.open_zarr(opened)["values"].to_numpy()
    assert np.array_equal(found, masked.astype(float).filled(np.nan), equal_nan=True)
    texts = np.array([["a", "b"], ["b", "b"], ["c", "a"]])
    export_matrix(bv.build_matrix(texts, tmp_path / "texts.bv", categories=True, quiet=True), tmp_path / "texts.zarr.zip")
    with zarr.storage.ZipStore(tmp_path / "texts.zarr.zip", mode="r") as opened:
        group = zarr.open_group(opened, mode="r")
        names = np.array(group["values"].attrs["categories"])
        assert names[group["values"][:]].tolist() == texts.tolist()
    nothing = export_matrix(whole, tmp_path / "none.zarr.zip", rows=[])
    assert nothing > 0


def test_everything_streams_in_pieces(store, tmp_path, monkeypatch):
    monkeypatch.setattr("bigview.store.matrixexport._PIECE", 100)
    export_matrix(store, tmp_path / "all.npz")
    assert np.array_equal(np.load(tmp_path / "all.npz")["values"], VALUES, equal_nan=True)


def test_a_spreadsheet_runs_no_name_as_a_formula(store, tmp_path):
    export_matrix(store, tmp_path / "all.csv", spreadsheet=True)
    assert "'=evil()" in (tmp_path / "all.csv").read_text("utf-8-sig").splitlines()[0]


def test_what_cannot_be_written_is_said_first(store, tmp_path, monkeypatch):
    with pytest.raises(OptionError, match="does not tell the format"):
        export_matrix(store, tmp_path / "all.xyz")
    monkeypatch.setattr("bigview.store.matrixexport.WIDEST", 10)
    with pytest.raises(TooLargeError, match="Take NPZ"):
        export_matrix(store, tmp_path / "all.csv")
    assert not list(tmp_path.iterdir())


def test_a_few_names_are_read_as_all_of_them(tmp_path):
    names = [f"größe {number}" for number in range(50)]
    table = bv.build_matrix(pd.DataFrame(np.eye(50), index=names), tmp_path / "m.bv", quiet=True)
    numbers = np.array([49, 0, 7, 7])
    assert table.rows.names_of(numbers) == [names[number] for number in numbers] == table.rows.names[numbers].tolist()
    assert table.rows.names_of(np.empty(0, int)) == []
    plain = bv.build_matrix(np.eye(3), tmp_path / "plain.bv", quiet=True)
    assert plain.rows.names_of(np.array([2, 0])) == ["2", "0"]
