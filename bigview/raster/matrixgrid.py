"""Aggregating a matrix: from a view to a grid."""

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bigview.errors import OptionError, closest
from bigview.raster.sides import MatrixSide, sides_of
from bigview.spec import View
from bigview.store.blockmath import add_block
from bigview.store.matrix import MatrixTable

REDUCTIONS = ("mean", "min", "max", "sum", "count", "std", "mode")


def aggregate_matrix(table: MatrixTable, view: View, agg: Any = "mean", rows: Any = None, cols: Any = None) -> xr.DataArray:
    """Return a grid of the view's size over a matrix; see `bigview.MatrixStore.aggregate`."""
    name = reduction_name(agg)
    y, x = sides_of(view, table.shape)
    total, count, low, high = _native(table, y, x)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = {"mean": total / count, "sum": total, "count": count, "min": low, "max": high}[name]
    if name not in ("count",):
        found = np.where(count > 0, found, np.nan)
    return labelled_matrix(spread_out(found, y, x, 0 if name == "count" else np.nan), y, x, {"exact": True, "error": 0.0, "level": 0})


def reduction_name(agg: Any) -> str:
    """Return the name of a reduction given by name or as an object of Datashader."""
    name = agg if isinstance(agg, str) else type(agg).__name__
    if name not in REDUCTIONS:
        raise OptionError(f"There is no reduction {name!r} of a matrix. {closest(name, REDUCTIONS)}")
    return name


def _native(table: MatrixTable, y: MatrixSide, x: MatrixSide) -> tuple[NDArray[Any], ...]:
    shape = (len(y.edges) - 1, len(x.edges) - 1)
    total, count = np.zeros(shape), np.zeros(shape, np.int64)
    low, high = np.zeros(shape, table.dtype), np.zeros(shape, table.dtype)
    has = (table.missing is not None, table.missing or 0)
    for r, c, values in table.blocks(slice(y.edges[0], y.edges[-1]), slice(x.edges[0], x.edges[-1])):
        places = y.bin_of[r : r + values.shape[0]], x.bin_of[c : c + values.shape[1]]
        add_block(values, has, places, low, high, total, count)
    return total, count, low, high


def spread_out(found: NDArray[Any], y: MatrixSide, x: MatrixSide, empty: Any) -> NDArray[Any]:
    """Return pixels from bins."""
    if y.is_plain and x.is_plain:
        return found
    padded = np.pad(found, ((0, 1), (0, 1)), constant_values=empty)  # −1 takes the row and the column beyond
    return padded[np.ix_(y.shown, x.shown)]


def labelled_matrix(values: NDArray[Any], y: MatrixSide, x: MatrixSide, attrs: dict[str, Any]) -> xr.DataArray:
    """Return a grid with its coordinates and what is known of it."""
    known = {"bounds": (x.low, x.high, y.low, y.high), **attrs, "cells": (y.step, x.step)}
    return xr.DataArray(values, coords={"y": y.centres(), "x": x.centres()}, dims=("y", "x"), attrs=known)
