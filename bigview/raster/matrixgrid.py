"""Aggregating a matrix: from a view to a grid."""

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bigview.config import limits
from bigview.errors import OptionError, TooLargeError, closest
from bigview.raster.aggregate import DOMINANT
from bigview.raster.blocks import STORED
from bigview.raster.categorypyramid import pyramid_modes
from bigview.raster.matrixplanes import planes_of
from bigview.raster.ordered import Cell, Ordered, centre_of, extreme_cells, mode_cells, sampled_cells
from bigview.raster.similar import is_single
from bigview.raster.sparseblocks import sampled_sparse
from bigview.spec import View
from bigview.store.matrix import MatrixTable

REDUCTIONS = ("mean", "min", "max", "sum", "count", "std", "mode", "stored", "stored_mean")

QUICK_FROM = 250_000_000
"""Cells in view from which a quick picture comes before the exact one: fewer take less than 100 ms on two cores."""

QUICK_CODES = 100_000_000
"""The same of categories, which are counted one by one."""

QUICK_ENTRIES = 80_000_000
"""The same of a sparse matrix: stored entries of the rows in view, which take 200 ms."""


def aggregate_matrix(table: MatrixTable, view: View, agg: Any = "mean", rows: Any = None, cols: Any = None) -> xr.DataArray:
    """Return a grid of the view's size over a matrix; see `bigview.MatrixStore.aggregate`."""
    name = _checked(table, view, agg)
    if name == "mode":
        found = Ordered.of(table, view, rows, cols)
        made = pyramid_modes(table, found.y, found.x) if found.is_native and table.manifest.levels else None
        if made is not None:
            return _labelled(made[0], found, {"exact": True, "error": made[2], "level": made[1]})
        return _labelled(mode_cells(table, found), found, {"exact": True, "error": 0.0, "level": 0})
    planes = planes_of(table, view, rows, cols, squares=name == "std", every=name in ("min", "max"))
    found = Ordered.of(table, view, rows, cols)
    return _labelled(planes.found.value(name), found, {"exact": True, "error": planes.error, "level": planes.level})  # type: ignore[arg-type]


def quick_matrix(table: MatrixTable, view: View, agg: Any = "mean", rows: Any = None, cols: Any = None) -> xr.DataArray | None:
    """Return about what `aggregate_matrix` returns, from some rows of each pixel; None where the exact grid is quick itself.

    Returns
    -------
    xarray.DataArray or None
        The attribute `exact` is False, and `standard_error` is that of the means, in the unit of the cells. Sums and counts are scaled to all cells;
        the least and the greatest are those of the rows that were read.
    """
    name = _checked(table, view, agg)
    found = Ordered.of(table, view, rows, cols)
    sparse = table.manifest.layout == "sparse"
    if sparse and table.sparse.by_row.count(found.rows.members) < QUICK_ENTRIES:
        return None
    counted = table.kind == "category" and not table.manifest.levels  # one by one
    least = QUICK_CODES if counted else QUICK_FROM
    if not sparse and ((found.is_native and not counted) or table.manifest.layout != "dense" or found.cells < least):
        return None
    attrs = {"exact": False, "error": 0.0, "level": 0}
    if name == "mode":
        return _labelled(mode_cells(table, found.sampled()), found, {**attrs, "standard_error": float("nan")})
    if sparse:
        sample = sampled_sparse(table.sparse, found.rows, found.cols, centre_of(table) if name == "std" else None)
    else:
        sample = sampled_cells(table, found, squares=name == "std")
    values = sample.found.value(name)  # type: ignore[arg-type]
    if name in ("sum", "count", "stored"):
        values = values / np.where(sample.share > 0, sample.share, 1)
    if name in ("count", "stored"):
        values = np.round(values).astype(np.int64)
    return _labelled(values, found, {**attrs, "standard_error": sample.error})


def extremes(table: MatrixTable, view: View, pixel: tuple[int, int], rows: Any = None, cols: Any = None) -> tuple[Cell, Cell] | None:
    """Return the least and the greatest cell that a pixel shows, with their native rows and columns.

    Parameters
    ----------
    pixel : (int, int)
        Row and column of the grid of this view.

    Returns
    -------
    (Cell, Cell) or None
        None where nothing has a value.
    """
    return extreme_cells(table, Ordered.of(table, view, rows, cols), pixel)


def known_statistics(table: MatrixTable, view: View, rows: Any = None, cols: Any = None) -> tuple[str, ...]:
    """Return the statistics that one pass over a view gives: those that a frame may show beside its own at no cost."""
    if table.kind == "category":
        return ("count",)
    if table.manifest.layout == "comparison" and not is_single(Ordered.of(table, view, rows, cols)):
        return ("count", "mean")
    if table.manifest.layout != "similarity":
        return ("count", "mean", "min", "max")
    single = is_single(Ordered.of(table, view, rows, cols))
    return ("count", "mean", "min", "max") if single else ("count", "mean") if table.similar.metric != "euclidean" else ("count",)


def reduction_name(agg: Any) -> str:
    """Return the name of a reduction given by name or as an object of Datashader."""
    name = agg if isinstance(agg, str) else type(agg).__name__
    if name not in REDUCTIONS:
        raise OptionError(f"There is no reduction {name!r} of a matrix. {closest(name, REDUCTIONS)}")
    return name


def _checked(table: MatrixTable, view: View, agg: Any) -> str:
    name = reduction_name(agg)
    category = table.kind == "category"
    if category and name not in ("mode", "count"):
        raise OptionError(f"The cells hold categories, which have no {name}. Take 'mode', the most frequent one of each pixel, or 'count'.")
    if name in STORED and table.manifest.layout != "sparse":
        raise OptionError(f"{name!r} is known of sparse matrices only; in this one every cell is stored. Take 'count' or 'mean'.")
    if name == "mode" and not category:
        raise OptionError(f"'mode' needs cells that hold categories; these hold a {table.kind}. Take one of {', '.join(REDUCTIONS[:6])}.")
    size = view.width * view.height * 8 * (3 if name == "mode" else 1)
    if size > limits().result_bytes:
        limit = f"the limit is {limits().result_bytes / 1e6:,.0f} MB"
        raise TooLargeError(f"A grid of {view.width} × {view.height} pixels takes {size / 1e6:,.0f} MB; {limit}. Ask for fewer pixels.")
    return name


def _labelled(values: NDArray[Any], found: Ordered, attrs: dict[str, Any]) -> xr.DataArray:
    """Return a grid with its coordinates and what is known of it."""
    y, x = found.y, found.x
    dims, coords = ["y", "x"], {"y": y.centres(), "x": x.centres()}
    if values.ndim == 3:
        dims, coords = [*dims, DOMINANT[0]], {**coords, DOMINANT[0]: np.asarray(DOMINANT[1])}
    known = {"bounds": (x.low, x.high, y.low, y.high), **attrs, "cells": (y.step, x.step)}
    return xr.DataArray(values, coords=coords, dims=dims, attrs=known)
