"""The aggregation that HoloViews' rasterize and datashade run on elements that hold a store."""

from functools import partial
from typing import Any

import datashader.reductions as rd
import holoviews as hv
import xarray as xr
from holoviews.operation.datashader import AggregationOperation, AggState, aggregate

from bigview.config import limits
from bigview.errors import OptionError
from bigview.spec import View
from bigview.views.grids import grid
from bigview.views.hover import with_records
from bigview.views.interface import StoreInterface
from bigview.views.subset import Subset
from bigview.views.warm import Recipe, note


def holds_store(element: Any) -> bool:
    """Tell whether an element is of points that are in a store."""
    return isinstance(element, (hv.Points, hv.Scatter)) and element.interface is StoreInterface


class aggregate_store(AggregationOperation):
    """Rasterize points that are in a store: the index finds what the view needs, however many rows there are."""

    def _process(self, element: Any, key: Any = None) -> Any:
        reduction, selector, state = self._get_agg_state(element)
        x, y = element.dimensions()[:2]
        subset = Subset.of(element.data)
        if {x.name, y.name} != set(subset.axes):
            return self._in_memory(element, subset, (x.name, y.name))
        (x_range, y_range), (xs, ys), (width, height), types = self._get_sampling(element, x, y)
        ends, (xs, ys) = self._dt_transform(x_range, y_range, xs, ys, *types)
        params = self._get_agg_params(element, x, y, reduction, (*ends[0][:1], *ends[1][:1], *ends[0][1:], *ends[1][1:]))
        if width == 0 or height == 0:
            return self._empty_agg(element, x, y, width, height, xs, ys, reduction, **params)
        view = View(ends[0], ends[1], width, height)
        parts = list(zip(reduction.keys, reduction.values, strict=True)) if isinstance(reduction, rd.summary) else [("", reduction)]
        planes = [(name, _plane(subset, view, part, (x.name, y.name))) for name, part in parts]
        for _, part in parts:
            ahead = partial(_plane, subset, reduction=part, names=(x.name, y.name))
            note(Recipe((subset, str(part), x.name, width, height), width, height, ahead), planes[0][1].attrs["bounds"])
        x0, x1, y0, y1 = planes[0][1].attrs["bounds"]
        params["bounds"] = (x0, y0, x1, y1)
        if AggState.has_by(state):
            params["vdims"] = [str(name) for name in planes[0][1].coords[reduction.cat_column].values]
        if not AggState.has_sel(state) and len(planes) == 1:
            return self.p.element_type(planes[0][1], **params)
        dataset = _dataset(planes, reduction.cat_column if AggState.has_by(state) else None, params["vdims"])
        if AggState.has_sel(state):
            dataset = with_records(dataset, subset, (x.name, y.name), (x0, x1, y0, y1), selector)
            if AggState.has_by(state):
                params["vdims"] = [name for name in dataset.data_vars if name not in dataset.attrs["selector_columns"]]
        return self.p.element_type(dataset, **params)

    def _in_memory(self, element: Any, subset: Subset, names: tuple[str, str]) -> Any:
        """Columns other than the store's axes: HoloViews' own aggregation, if there are few rows."""
        if subset.count() > limits().element_rows:
            raise OptionError(
                f"The store is sorted by {subset.axes}, and draws those two columns only, not {names}. "
                f"Build another store with x={names[0]!r}, y={names[1]!r}, or select fewer than {limits().element_rows:,} rows."
            )
        options = {name: getattr(self.p, name) for name in self.param if name in aggregate.param and name not in ("name", "dynamic")}
        small = element.clone(element.dframe(), datatype=["dataframe"])
        return aggregate(small, dynamic=False, **options)


def _plane(subset: Subset, view: View, reduction: Any, names: tuple[str, str]) -> xr.DataArray:
    """One reduction's grid, named as the element's dimensions; a plot of y against x is the store's, turned."""
    turned = names[0] != subset.axes[0]
    found = grid(subset, View(view.y_range, view.x_range, view.height, view.width) if turned else view, reduction)
    x0, x1, y0, y1 = found.attrs["bounds"]
    if turned:
        found = found.rename({"x": "y", "y": "x"}).transpose("y", "x", ...)
        x0, x1, y0, y1 = y0, y1, x0, x1
    called = dict(zip(found.dims, (names[1], names[0], getattr(reduction, "cat_column", "")), strict=False))
    # HoloViews' hover on the server takes the coordinates in the order x, y.
    coords = {called[dim]: found.coords[dim].values for dim in ("x", "y", *found.dims[2:])}
    return xr.DataArray(found.data, coords=coords, dims=list(called.values()), attrs={**found.attrs, "bounds": (x0, x1, y0, y1)})


def _dataset(planes: list[tuple[str, xr.DataArray]], category: str | None, dimensions: Any) -> xr.Dataset:
    if category is not None:
        return planes[0][1].to_dataset(dim=category)
    if len(planes) > 1:
        return xr.Dataset(dict(planes), attrs=planes[0][1].attrs)
    return planes[0][1].to_dataset(name=str(dimensions[0] if isinstance(dimensions, list) else dimensions))
