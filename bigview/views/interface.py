"""HoloViews' data interface for a store: what an element may know without reading rows, and what it may read."""

from collections.abc import Callable
from typing import Any

import holoviews as hv
import numpy as np
import pandas as pd
from holoviews.core.data import Interface, PandasInterface
from holoviews.core.data.interface import DataError
from holoviews.core.dimension import dimension_name
from holoviews.core.ndmapping import NdMapping, item_check, sorted_context
from holoviews.core.util import get_param_values

from bigview.errors import ExpressionError, OptionError, TooLargeError, closest
from bigview.store.points import PointTable
from bigview.views.conditions import Column, Condition
from bigview.views.subset import Subset

DATATYPE = "bigview"
_MOST_GROUPS = 100  # elements of their own: each is an aggregation a frame


class StoreInterface(Interface):
    """Lets HoloViews' elements hold a store, or a part of one, in place of a table in memory.

    Types and ranges come from the store's manifest. A selection stays a filter. Values are read only where they are few rows
    (`bigview.config.limits().element_rows`); otherwise an error says what to do instead.
    """

    types = (PointTable, Subset)
    datatype = DATATYPE
    gridded = False
    multi = False

    @classmethod
    def applies(cls, obj: Any) -> bool:
        """Tell whether this interface is for an object."""
        return isinstance(obj, cls.types)

    @classmethod
    def init(cls, eltype: Any, data: Any, kdims: Any, vdims: Any) -> tuple[Any, dict[str, Any], dict[str, Any]]:
        """Return data and dimensions of a new element; without dimensions the store's axes come first, then its other columns."""
        if not cls.applies(data):
            raise ValueError(f"{type(data).__name__} is not a store.")
        subset = Subset.of(data)
        settings = eltype.param.objects("existing")
        most = settings["kdims"].bounds[1] if settings["kdims"].bounds else None
        given = {dimension_name(dimension) for dimension in vdims or ()}
        if kdims is None:
            kdims = [name for name in subset.axes if name not in given][: 2 if most is None else most]
        keys = {dimension_name(dimension) for dimension in kdims}
        if vdims is None:
            rest = [name for name in subset.columns if name not in keys]
            first = [name for name in subset.axes if name in rest]  # the y of a chart is its first value
            limit = settings["vdims"].bounds[1] if settings["vdims"].bounds else None
            vdims = [*first, *(name for name in rest if name not in first)][:limit]
        return data, {"kdims": kdims, "vdims": vdims}, {}

    @classmethod
    def validate(cls, dataset: Any, vdims: bool = True) -> None:
        """Check that the dimensions are columns."""
        known = Subset.of(dataset.data).table.columns
        for name in dataset.dimensions("all" if vdims else "key", label="name"):
            if name not in known:
                raise DataError(f"No column {name!r} in the store. {closest(name, known)}")

    @classmethod
    def length(cls, dataset: Any) -> int:
        """Return the number of rows."""
        return Subset.of(dataset.data).count()

    @classmethod
    def shape(cls, dataset: Any) -> tuple[int, int]:
        """Return the number of rows and of dimensions."""
        return cls.length(dataset), len(dataset.dimensions())

    @classmethod
    def nonzero(cls, dataset: Any) -> bool:
        """Tell that there is something to draw, without counting."""
        return Subset.of(dataset.data).table.manifest.rows > 0

    @classmethod
    def dtype(cls, dataset: Any, dimension: Any) -> np.dtype:
        """Return the type of a column."""
        return Subset.of(dataset.data).dtype(_name(dataset, dimension))

    @classmethod
    def dimension_type(cls, dataset: Any, dim: Any) -> type:
        """Return the type of a column's values."""
        return cls.dtype(dataset, dim).type

    @classmethod
    def range(cls, dataset: Any, dimension: Any) -> tuple[Any, Any]:
        """Return the extent of a column in the whole store: a selection does not move the axes."""
        return Subset.of(dataset.data).range(_name(dataset, dimension))

    @classmethod
    def isscalar(cls, dataset: Any, dim: Any) -> bool:
        """Tell whether a column holds a single value, as far as the store knows."""
        values = Subset.of(dataset.data).unique(_name(dataset, dim))
        return values is not None and len(values) == 1

    @classmethod
    def values(cls, dataset: Any, dimension: Any, expanded: bool = True, flat: bool = True, compute: bool = True, keep_index: bool = False) -> Any:
        """Return a column: to be computed with, when HoloViews asks for it lazily; its categories; or its values, if they are few rows."""
        subset, name = Subset.of(dataset.data), _name(dataset, dimension)
        if keep_index or not compute:
            return subset.column(name)
        if not expanded:
            known = subset.unique(name)
            if known is not None:
                return known
        values = subset.frame([name], f"{type(dataset).__name__}.dimension_values({name!r})")[name]
        array = values.astype(object).to_numpy() if isinstance(values.dtype, pd.CategoricalDtype) else values.to_numpy()
        return array if expanded else pd.unique(array)

    @classmethod
    def select(cls, dataset: Any, selection_mask: Any = None, **selection: Any) -> Any:
        """Return the part of the store that a condition or ranges, values and lists of values by dimension select."""
        subset = Subset.of(dataset.data)
        if selection_mask is not None:
            if isinstance(selection_mask, Column):
                selection_mask = Condition.sql(selection_mask.text)
            if not isinstance(selection_mask, Condition):
                raise ExpressionError(
                    "A store is selected from by a condition, such as hv.dim('score') > 0.5, not by a mask with a value for each row."
                )
            return subset.filtered(selection_mask)
        for dimension, chosen in selection.items():
            subset = _chosen(subset, _name(dataset, dimension), chosen)
        return subset

    @classmethod
    def iloc(cls, dataset: Any, index: Any) -> Any:
        """Return rows by their place in store order."""
        rows, columns = index
        names = _names_at(dataset, columns)
        subset = Subset.of(dataset.data)
        if isinstance(rows, slice) and rows.step in (None, 1) and min(rows.start or 0, 0 if rows.stop is None else rows.stop) >= 0:
            start, stop = rows.start or 0, rows.stop
            if stop is not None:
                return subset.rows(names, offset=start, limit=max(0, stop - start))[names]
        if isinstance(rows, (int, np.integer)) and rows >= 0:
            found = subset.rows(names, offset=int(rows), limit=1)[names]
            return found.iloc[0, 0] if np.isscalar(columns) and len(found) else found
        return subset.frame(names, f"{type(dataset).__name__}.iloc").iloc[rows]

    @classmethod
    def dframe(cls, dataset: Any, dimensions: Any) -> pd.DataFrame:
        """Return the rows, if they are few."""
        names = [_name(dataset, dimension) for dimension in dimensions or dataset.dimensions()]
        return Subset.of(dataset.data).frame(names, f"{type(dataset).__name__}.dframe()")

    @classmethod
    def reindex(cls, dataset: Any, kdims: Any = None, vdims: Any = None) -> Any:
        """Return the data: dimensions are names only."""
        return dataset.data

    @classmethod
    def redim(cls, dataset: Any, dimensions: Any) -> Any:
        """Refuse to rename: the store knows its columns by their names."""
        first, second = next(iter(dimensions.items()))
        label = f"hv.Dimension({first!r}, label={str(second)!r})"
        raise OptionError(f"The columns of a store cannot be renamed; give {first!r} a label instead: {label}.")

    @classmethod
    def unpack_scalar(cls, dataset: Any, data: Any) -> Any:
        """Return an aggregate of one value as that value."""
        return PandasInterface.unpack_scalar(dataset, data)

    @classmethod
    def groupby(cls, dataset: Any, dimensions: Any, container_type: Any, group_type: Any, **options: Any) -> Any:
        """Return a container with the part of each category."""
        name = _name(dataset, dimensions[0])
        subset = Subset.of(dataset.data)
        known = subset.unique(name) if len(dimensions) == 1 else None
        if known is None:
            return _in_memory("groupby")(dataset, dimensions, container_type, group_type, **options)
        if len(known) > _MOST_GROUPS:
            raise TooLargeError(
                f"{name!r} has {len(known):,} categories; up to {_MOST_GROUPS} become elements of their own. Colour by it instead: "
                f"rasterize(…, aggregator=datashader.by({name!r})), or store.hvplot.points(by={name!r})."
            )
        if isinstance(group_type, type) and issubclass(group_type, hv.Element):
            rest = [dimension for dimension in dataset.kdims if dimension.name != name]
            options = {**get_param_values(dataset), "kdims": rest, **options, "dataset": dataset.dataset}
        make = (lambda part, **_: part) if group_type == "raw" else group_type
        parts = [(value, make(subset.filtered(Column.named(name) == value), **options)) for value in known]
        if not issubclass(container_type, NdMapping):
            return container_type(parts)
        with item_check(False), sorted_context(False):
            return container_type(parts, kdims=[dataset.get_dimension(name)])


def _in_memory(name: str) -> Callable[..., Any]:
    """A step that HoloViews' interface for pandas does, on the few rows that may be read."""

    def step(dataset: Any, *args: Any, **options: Any) -> Any:
        names = [dimension.name for dimension in dataset.dimensions()]
        frame = Subset.of(dataset.data).frame(names, f"{type(dataset).__name__}.{name}()")
        small = dataset.clone(frame, datatype=["dataframe"])
        return getattr(PandasInterface, name)(small, *args, **options)

    return step


def _delegated(name: str) -> Any:
    def step(cls: Any, dataset: Any, *args: Any, **options: Any) -> Any:
        return _in_memory(name)(dataset, *args, **options)

    step.__doc__ = f"Do what a table in memory does for {name}, if there are few rows."
    return classmethod(step)


for _step in ("sort", "aggregate", "sample", "add_dimension", "assign", "mask"):
    setattr(StoreInterface, _step, _delegated(_step))


def _name(dataset: Any, dimension: Any) -> str:
    return str(dataset.get_dimension(dimension, strict=True).name)


def _names_at(dataset: Any, columns: Any) -> list[str]:
    dimensions = dataset.dimensions()
    if isinstance(columns, slice):
        return [dimension.name for dimension in dimensions[columns]]
    return [_name(dataset, column) for column in ([columns] if np.isscalar(columns) else columns)]


def _chosen(subset: Subset, name: str, chosen: Any) -> Subset:
    if isinstance(chosen, tuple) and len(chosen) == 2:
        chosen = slice(*chosen)
    if isinstance(chosen, slice):
        return subset.windowed(name, chosen.start, chosen.stop)
    if callable(chosen):
        raise ExpressionError(f"A function cannot select from the store's column {name!r}; use hv.dim({name!r}) and comparisons.")
    column = Column.named(name)
    if isinstance(chosen, (set, list, np.ndarray)):
        return subset.filtered(column.isin(chosen))
    return subset.filtered(column == chosen)
