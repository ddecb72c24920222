"""aggregate(): the grid of a view. The one place where a store becomes pixels."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from bigview.config import limits
from bigview.errors import TooLargeError
from bigview.raster import kernels, sweep
from bigview.raster.plan import Lattice
from bigview.raster.reductions import Reduction, columns_read, reduction_of
from bigview.spec import Dominant, Filters, View, Where
from bigview.store.bits import Bits, unpack
from bigview.store.phrases import quoted
from bigview.store.points import PointTable
from bigview.store.reader import MISSING_TIME, ROW, Reader

_lock = threading.Lock()
_kept: OrderedDict[Any, sweep.Runs] = OrderedDict()
_NO_BITS = np.empty(0, np.uint64)
DOMINANT = ("dominant", ["code", "count", "total"])
"""The planes of a grid of most frequent categories."""


def aggregate(table: PointTable, view: View, agg: Any = "count", where: Where = None) -> xr.DataArray:
    """Return the grid of a view.

    Parameters
    ----------
    table : PointTable
    view : View
    agg : datashader reduction, str, By or Dominant
        ``count, any, sum, mean, min, max, std, var``, ``by(column)``, or any other reduction of Datashader, which then draws the rows itself.
    where : str or Filter, optional
        Only rows that pass.

    Returns
    -------
    xarray.DataArray, shape (height, width) or (height, width, categories)
        y ascending, coordinates at pixel centres. Types and empties are Datashader's: counts are uint32, `any` is boolean, numbers are float64
        with NaN for empty pixels. Attributes: `bounds` (x0, x1, y0, y1), `exact` (every row is counted), `error` (the furthest that a row may be
        drawn from its place, in pixels), `level` (of the cells drawn; −1 for rows). `dominant` gives int64 planes "code", "count", "total".

    Raises
    ------
    TooLargeError
        When the result is over `limits().result_bytes`.
    """
    reduction = reduction_of(table, agg)
    lattice = Lattice.of(table.manifest, view)
    _check_size(table, lattice, reduction)
    values, planes = _values(table, lattice, reduction, where)
    return labelled(table, lattice, values, planes)


def dominant_counts(table: PointTable, view: View, column: str, where: Where = None) -> tuple[xr.DataArray, NDArray[np.int64]]:
    """Return the grid of `bigview.dominant`, and from the same sweep the rows of each category, by code, in all its pixels."""
    reduction = reduction_of(table, Dominant(column))
    lattice = Lattice.of(table.manifest, view)
    _check_size(table, lattice, reduction)
    planes, totals = _dominant(table, lattice, reduction, (_runs(table.reader, lattice), table.bits(where)))
    return labelled(table, lattice, planes, DOMINANT), totals


def _values(table: PointTable, lattice: Lattice, reduction: Reduction, where: Where) -> tuple[NDArray[Any], tuple[str, Any] | None]:
    bits = table.bits(where)
    if reduction.kind in ("count", "any"):
        if reduction.column is not None:
            column = f"{quoted(reduction.column)} IS NOT NULL"
            bits = table.bits(Filters.of(where, column))
        grid = sweep.counts(table.reader, lattice, bits)
        return (grid > 0 if reduction.kind == "any" else grid), None
    if reduction.kind == "other":
        return _by_datashader(table, lattice, reduction, where)
    runs = _runs(table.reader, lattice)
    if reduction.kind == "by":
        return _by_category(table, lattice, reduction, (runs, bits))
    if reduction.kind == "dominant":
        return _dominant(table, lattice, reduction, (runs, bits))[0], DOMINANT
    return _numbers(table, lattice, reduction, (runs, bits)), None


def _check_size(table: PointTable, lattice: Lattice, reduction: Reduction) -> None:
    height, width = lattice.shape
    planes, item = 1, 8
    if reduction.kind == "by":
        planes, item = _planes(table, reduction), 4
    size = height * width * planes * item
    if size > limits().result_bytes:
        fits = max(1, limits().result_bytes // (height * width * item))
        limit = f"the limit is {limits().result_bytes / 1e6:,.0f} MB"
        if reduction.kind != "by":
            raise TooLargeError(f"A grid of {width} × {height} pixels takes {size / 1e6:,.0f} MB; {limit}. Ask for fewer pixels.")
        fits = max(1, limits().result_bytes // (height * width * item) - 1)
        raise TooLargeError(
            f"A grid of {width} × {height} pixels × {planes:,} categories of {reduction.column!r} takes {size / 1e6:,.0f} MB; {limit}. "
            f"bigview.by({reduction.column!r}, top={fits}) would fit, and so does bigview.dominant({reduction.column!r})."
        )


def _planes(table: PointTable, reduction: Reduction) -> int:
    categories = len(table.reader.categories(str(reduction.column)))
    return categories if reduction.top is None or reduction.top >= categories else reduction.top + 1


def _runs(reader: Reader, lattice: Lattice) -> sweep.Runs:
    """The runs of a frame; the last ones are kept, because changing the colour or the filter needs the same ones again."""
    key = (reader.folder.url, reader.manifest.generation, lattice)
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    found = sweep.runs(reader, lattice)
    with _lock:
        _kept[key] = found
        while len(_kept) > 1 and sum(2 * entry.start.nbytes + 8 * len(entry.offsets) for entry in _kept.values()) > limits().frame_bytes:
            _kept.popitem(last=False)
    return found


def swept(reader: Reader, lattice: Lattice) -> bool:
    """Tell whether it is known which rows each pixel of a grid holds, as it is after a picture in the colours of a column."""
    with _lock:
        return (reader.folder.url, reader.manifest.generation, lattice) in _kept


Found = tuple[sweep.Runs, Bits | None]


def _numbers(table: PointTable, lattice: Lattice, reduction: Reduction, found: Found) -> NDArray[Any]:
    runs, bits = found
    stats = np.empty((5, lattice.shape[0] * lattice.shape[1]))
    words = _NO_BITS if bits is None else bits
    entry = table.manifest.column(str(reduction.column))

    simple = reduction.kind in ("mean", "sum")  # the others need a second pass over the values

    def kernel(values: NDArray[Any], span: tuple[int, int]) -> None:
        (kernels.sums_by_pixel if simple else kernels.numbers_by_pixel)(as_numbers(values, entry.kind), runs.arrays, words, span, stats)

    sweep.over_pixels(table.reader, runs, entry.name, kernel)
    n, total, squares, low, high = stats
    with np.errstate(invalid="ignore", divide="ignore"):
        if reduction.kind in ("mean", "var", "std"):
            found_values = (total if reduction.kind == "mean" else squares) / n
        else:
            found_values = {"sum": total, "min": low, "max": high}[reduction.kind]
        if reduction.kind == "std":
            found_values = np.sqrt(found_values)
    found_values[n == 0] = np.nan
    return found_values.reshape(lattice.shape)


def as_numbers(values: NDArray[Any], kind: str) -> NDArray[Any]:
    """Return decoded values of a column as numbers, missing ones as NaN."""
    if kind in ("datetime", "boolean"):
        missing = MISSING_TIME if kind == "datetime" else -1
        return np.where(values == missing, np.nan, values.astype(np.float64))
    return values


def _by_category(table: PointTable, lattice: Lattice, reduction: Reduction, found: Found) -> tuple[NDArray[Any], tuple[str, Any]]:
    runs, bits = found
    column = str(reduction.column)
    names = table.reader.categories(column)
    planes = _planes(table, reduction)
    slots = np.minimum(np.arange(max(1, len(names))), max(0, planes - 1))
    out = np.zeros((lattice.shape[0] * lattice.shape[1], planes), np.uint32)
    words = _NO_BITS if bits is None else bits

    def kernel(codes: NDArray[Any], span: tuple[int, int]) -> None:
        kernels.codes_by_pixel(codes, runs.arrays, words, span, slots, out)

    sweep.over_pixels(table.reader, runs, column, kernel)
    labels = [*names[: planes - 1], "other"] if planes < len(names) else list(names)
    return out.reshape(*lattice.shape, planes), (column, labels)


def _dominant(table: PointTable, lattice: Lattice, reduction: Reduction, found: Found) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the planes code, count and total, and the rows of each category in all pixels."""
    runs, bits = found
    column = str(reduction.column)
    categories = max(1, len(table.reader.categories(column)))
    out = np.empty((lattice.shape[0] * lattice.shape[1], 3), np.int64)
    words = _NO_BITS if bits is None else bits
    totals: list[NDArray[np.int64]] = []  # of each slice; appending is safe from any thread

    def kernel(codes: NDArray[Any], span: tuple[int, int]) -> None:
        mine = np.zeros(categories + 1, np.int64)
        kernels.dominant_by_pixel(codes, runs.arrays, words, span, out, mine)
        totals.append(mine[1:])

    sweep.over_pixels(table.reader, runs, column, kernel)
    return out.reshape(*lattice.shape, 3), np.sum([np.zeros(categories, np.int64), *totals], axis=0)


def _by_datashader(table: PointTable, lattice: Lattice, reduction: Reduction, where: Where) -> tuple[NDArray[Any], tuple[str, Any] | None]:
    """Hand the rows of the frame, at the places where they are drawn, to Datashader itself."""
    import datashader as ds

    frame = _drawn_rows(table, lattice, where)
    names = columns_read(reduction.source)
    for name in names:
        table.manifest.column(name)
    records = table.records(frame["row"].to_numpy(), names)
    for name in names:
        frame[name] = records[name].to_numpy() if table.columns[name] != "category" else records[name].array
    category = getattr(reduction.source, "cat_column", None)
    if category is not None:  # Datashader counts a missing category as the last one
        frame = frame.dropna(subset=[category])
    frame = frame.loc[records[ROW].sort_values().index.intersection(frame.index, sort=False)]  # "first" and "last" mean the source's order
    height, width = lattice.shape
    answer = ds.Canvas(width, height, (0, width), (0, height)).points(frame, "px", "py", reduction.source)
    if answer.ndim == 2:
        return answer.to_numpy(), None
    third = answer.dims[2]
    return answer.to_numpy(), (str(third), answer[third].to_numpy())


def _drawn_rows(table: PointTable, lattice: Lattice, where: Where) -> pd.DataFrame:
    runs, bits = _runs(table.reader, lattice), table.bits(where)
    total = int((runs.stop - runs.start).sum(dtype=np.int64))
    if total * 32 > limits().result_bytes:
        raise TooLargeError(
            f"This reduction needs every row by itself, and the view holds {total:,}; up to {limits().result_bytes // 32:,} fit. Zoom in."
        )
    sizes = (runs.stop - runs.start).astype(np.int64)
    row = np.repeat(runs.start.astype(np.int64) - np.concatenate([[0], np.cumsum(sizes)[:-1]]), sizes) + np.arange(total)
    pixel = np.repeat(np.repeat(np.arange(len(runs.offsets) - 1), np.diff(runs.offsets)), sizes)
    if bits is not None:
        keep = unpack(bits, 0, table.manifest.rows)[row]
        row, pixel = row[keep], pixel[keep]
    order = np.argsort(row, kind="stable")
    row, pixel = row[order], pixel[order]
    return pd.DataFrame({"row": row, "px": pixel % lattice.shape[1] + 0.5, "py": pixel // lattice.shape[1] + 0.5})


@dataclass(frozen=True, eq=False)
class Grid:
    """A grid without coordinates, which take a millisecond to make: what a picture needs of it. It is called like the xarray.DataArray of `labelled`.

    Attributes
    ----------
    values : ndarray
    attrs : dict
        `bounds`, `exact`, `error`, `level`.
    """

    values: NDArray[Any]
    attrs: dict[str, Any]

    @classmethod
    def of(cls, table: PointTable, lattice: Lattice, values: NDArray[Any], **facts: Any) -> Self:
        """Return the grid of values over a lattice; `facts` are known better than the lattice tells them."""
        x, y, box = table.manifest.x, table.manifest.y, lattice.box
        bounds = x.value(box.x0), x.value(box.x1), y.value(box.y0), y.value(box.y1)
        level = -1 if lattice.level is None else lattice.level
        return cls(values, {"bounds": bounds, "exact": True, "error": lattice.error(table.manifest), "level": level, **facts})

    @property
    def shape(self) -> tuple[int, ...]:  # noqa: D102
        return self.values.shape

    def to_numpy(self) -> NDArray[Any]:  # noqa: D102
        return self.values


def labelled(table: PointTable, lattice: Lattice, values: NDArray[Any], planes: tuple[str, Any] | None) -> xr.DataArray:
    """Return a grid with its coordinates and what is known of it; `planes` names the third axis."""
    x, y = table.manifest.x, table.manifest.y
    dims, coords = ["y", "x"], {"y": _centres(lattice.y.centres(), y), "x": _centres(lattice.x.centres(), x)}
    if planes is not None:
        name = planes[0] if planes[0] not in dims else f"{planes[0]}_category"
        dims, coords = [*dims, name], {**coords, name: np.asarray(planes[1], object if planes[0] != "dominant" else str)}
    return xr.DataArray(values, coords=coords, dims=dims, attrs=Grid.of(table, lattice, values).attrs)


def _centres(positions: NDArray[np.float64], axis: Any) -> NDArray[Any]:
    if axis.kind == "datetime":
        return np.asarray((np.round(positions).astype(np.int64) + axis.origin).view(axis.dtype))
    return np.asarray(positions + axis.origin)
