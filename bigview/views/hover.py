"""The record under the pointer: fetched when a pixel is asked for, not for every pixel of every frame."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import datashader.reductions as rd
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bigview.errors import TooLargeError
from bigview.spec import View
from bigview.store.reader import ROW
from bigview.views.conditions import Column
from bigview.views.subset import Subset

_MOST_CELLS = 64  # records fetched at once: a hover asks for one
_REMEMBERED = 256  # records kept: the pointer goes back and forth


class PixelRecords:
    """For each pixel of a frame the record that a selector picks: the first or last of the source, or the least or greatest of a column.

    Parameters
    ----------
    subset : Subset
    edges : (x_edges, y_edges)
        Of the pixels, in the columns' own values, as the picture shows them.
    order_by : str or None
        Column that decides, "-" first for the greatest. None takes the record nearest to the pixel's centre.
    turned : bool
        Whether the picture's x is the store's y.
    """

    def __init__(self, subset: Subset, edges: tuple[NDArray[Any], NDArray[Any]], order_by: str | None, turned: bool = False) -> None:
        self._subset = subset
        self._x, self._y = edges
        self._order_by = order_by
        self._turned = turned
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, dict[str, Any]] = OrderedDict()

    def record(self, cell: int) -> dict[str, Any]:
        """Return the record of a pixel, numbered row by row; empty where it has none."""
        with self._lock:
            if cell in self._kept:
                self._kept.move_to_end(cell)
                return self._kept[cell]
        found = self._fetch(cell)
        with self._lock:
            self._kept[cell] = found
            while len(self._kept) > _REMEMBERED:
                self._kept.popitem(last=False)
        return found

    def _fetch(self, cell: int) -> dict[str, Any]:
        row, column = divmod(cell, len(self._x) - 1)
        x_range, y_range = self._x[column : column + 2], self._y[row : row + 2]
        if self._turned:
            x_range, y_range = y_range, x_range
        table, where = self._subset.table, self._subset.conditions
        rows = None
        if self._order_by is not None:
            view = View(tuple(x_range), tuple(y_range), 1, 1)
            rows = table.rows(view=view, where=where, order_by=self._order_by, limit=1)
        if rows is None or not len(rows):
            # Also where a row at a pixel's border was drawn one pixel off.
            x, y = (low + (high - low) / 2 for low, high in (x_range, y_range))
            rows = table.nearest(x, y, where=where).drop(columns="distance")
        return {str(name): value for name, value in rows.iloc[0].items()} if len(rows) else {}


class RecordColumn(np.lib.mixins.NDArrayOperatorsMixin):
    """One column of the records of pixels, in the shape of a picture; an array as far as xarray and HoloViews need it.

    Parameters
    ----------
    records : PixelRecords
    name : str
        The column.
    cells : ndarray of int64
        Number of the pixel at each place, −1 where there is none.
    dtype : dtype
        Floats, datetimes, or objects.
    """

    def __init__(self, records: PixelRecords, name: str, cells: NDArray[np.int64], dtype: np.dtype) -> None:
        self._records, self._name, self._cells, self.dtype = records, name, cells, dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the picture."""
        return self._cells.shape

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return self._cells.ndim

    @property
    def size(self) -> int:
        """Number of places."""
        return self._cells.size

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._cells.nbytes

    def _with(self, cells: Any) -> "RecordColumn":
        return RecordColumn(self._records, self._name, np.asarray(cells), self.dtype)

    def __getitem__(self, place: Any) -> "RecordColumn":
        return self._with(self._cells[place])

    def ravel(self) -> "RecordColumn":
        """Return the places in one row."""
        return self._with(self._cells.ravel())

    def reshape(self, *shape: Any) -> "RecordColumn":
        """Return the places in another shape."""
        return self._with(self._cells.reshape(*shape))

    def copy(self) -> "RecordColumn":
        """Return the column: it never changes."""
        return self

    def astype(self, dtype: Any, **_: Any) -> "RecordColumn":
        """Return the column with another type."""
        return RecordColumn(self._records, self._name, self._cells, np.dtype(dtype))

    def transpose(self, axes: Any = None) -> "RecordColumn":
        """Return the column with its axes in another order."""
        return self._with(self._cells.transpose(axes))

    def _value(self, cell: int) -> Any:
        value = self._records.record(cell).get(self._name) if cell >= 0 else None
        if value is None or value is np.nan:
            return {"f": np.nan, "M": np.datetime64("NaT"), "O": "-"}.get(self.dtype.kind, -1)
        return value.item() if self.dtype.kind == "O" and isinstance(value, np.generic) else value

    def __array__(self, dtype: Any = None, copy: Any = None) -> NDArray[Any]:
        if self._cells.size > _MOST_CELLS:
            raise TooLargeError(
                f"The records of {self._cells.size:,} pixels are not fetched at once; up to {_MOST_CELLS} are. Use store.rows(view=…) for many."
            )
        out = np.empty(self._cells.shape, self.dtype)
        for place, cell in np.ndenumerate(self._cells):
            out[place] = self._value(int(cell))
        return out if dtype is None else out.astype(dtype)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        plain = [np.asarray(value) if isinstance(value, RecordColumn) else value for value in inputs]
        return getattr(ufunc, method)(*plain, **options)

    def __array_function__(self, function: Any, types: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        if function is np.shape:
            return self.shape
        if function in (np.ravel, np.copy):
            return self.ravel() if function is np.ravel else self
        if function is np.transpose:
            return self.transpose(*args[1:])
        if function is np.result_type:
            return np.result_type(*(entry.dtype if isinstance(entry, RecordColumn) else entry for entry in args))
        return NotImplemented


def with_records(dataset: xr.Dataset, subset: Subset, axes: tuple[str, str], bounds: tuple[Any, ...], selector: Any) -> xr.Dataset:
    """Return a picture's dataset with the columns of the selected records, as HoloViews' hover on the server reads them."""
    there = np.logical_or.reduce([_occupied(dataset[name].data) for name in dataset.data_vars])
    records = PixelRecords(_with_value(subset, selector), _grid_edges(bounds, there.shape), _order(selector), turned=axes != subset.axes)
    columns = [name for name in subset.columns if name not in axes and name not in dataset.data_vars]
    _add(dataset, axes, there, (records, subset), columns)
    dataset.attrs["selector"] = _named(selector)
    return dataset


def with_nearest(
    dataset: xr.Dataset, subset: Subset, axes: tuple[str, str], drawn: tuple[tuple[Any, ...], NDArray[np.bool_]], columns: Sequence[str]
) -> xr.Dataset:
    """Return a picture's dataset with columns of the record nearest to each pixel; `drawn` is (bounds, which pixels show anything)."""
    bounds, there = drawn
    records = PixelRecords(subset, _grid_edges(bounds, there.shape), None)
    _add(dataset, axes, there, (records, subset), [name for name in columns if name not in dataset.data_vars])
    return dataset


def _add(
    dataset: xr.Dataset,
    axes: tuple[str, str],
    there: NDArray[np.bool_],
    source: tuple[PixelRecords, Subset],
    columns: Sequence[str],
) -> None:
    x, y = axes
    records, subset = source
    cells = np.where(there, np.arange(there.size, dtype=np.int32).reshape(there.shape), np.int32(-1))
    names = [ROW, *(name for name in columns if name != ROW and name not in axes)]
    dataset["__index__"] = ((y, x), cells)
    for name in names:
        dataset[name] = ((y, x), RecordColumn(records, name, cells, _shown_dtype(subset, name)))
    dataset.attrs["selector_columns"] = ["__index__", *names]


def _grid_edges(bounds: tuple[Any, ...], shape: tuple[int, ...]) -> tuple[NDArray[Any], NDArray[Any]]:
    return _edges(bounds[0], bounds[1], shape[1]), _edges(bounds[2], bounds[3], shape[0])


def _occupied(values: NDArray[Any]) -> NDArray[np.bool_]:
    return np.asarray(~np.isnan(values) if values.dtype.kind == "f" else values != 0)


def _edges(low: Any, high: Any, pixels: int) -> NDArray[Any]:
    if isinstance(low, np.datetime64):
        unit = np.datetime_data(low.dtype)[0]
        ends = np.array([low, high]).astype(f"M8[{unit}]").view(np.int64)
        return np.linspace(ends[0], ends[1], pixels + 1).round().astype(np.int64).view(f"M8[{unit}]")
    return np.linspace(low, high, pixels + 1)


def _order(selector: Any) -> str:
    """The column that decides: the source's order for first and last."""
    if isinstance(selector, (rd.first, rd.last)):
        return ROW if isinstance(selector, rd.first) else f"-{ROW}"
    name = selector.column if isinstance(selector.column, str) else ROW
    return name if isinstance(selector, rd.min) else f"-{name}"


def _with_value(subset: Subset, selector: Any) -> Subset:
    """The rows among which a selector picks: those with a value in its column."""
    if not isinstance(selector.column, str):
        return subset
    subset.kind(selector.column)
    return subset.filtered(~Column.named(selector.column).isnull())


def _named(selector: Any) -> str:
    column = selector.column if isinstance(selector.column, str) else ""
    return f"{type(selector).__name__}({column!r})" if column else f"{type(selector).__name__}()"


def _shown_dtype(subset: Subset, name: str) -> np.dtype:
    if name == ROW:
        return np.dtype(np.int64)
    dtype = subset.dtype(name)
    return dtype if dtype.kind == "M" else np.dtype(np.float64) if dtype.kind == "f" else np.dtype(object)
