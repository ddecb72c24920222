"""The aggregation that HoloViews' rasterize and datashade run on elements that hold a store."""

from typing import Any

import datashader as ds
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
from bigview.views.warm import note


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
        found, shown = self._grid(subset, view, reduction, x.name)
        note(subset, view, reduction, found.attrs["bounds"])
        return self._image((found, shown), (x, y), (reduction, selector, state), params)

    def _grid(self, subset: Subset, view: View, reduction: Any, x_name: str) -> tuple[xr.DataArray, Subset]:
        """The grid with the dimensions that the element has; a plot of y against x is the store's, turned."""
        if x_name == subset.axes[0]:
            return grid(subset, view, reduction), subset
        turned = View(view.y_range, view.x_range, view.height, view.width)
        found = grid(subset, turned, reduction)
        x0, x1, y0, y1 = found.attrs["bounds"]
        found = found.rename({"x": "y", "y": "x"}).transpose("y", "x", ...)
        return found.assign_attrs(bounds=(y0, y1, x0, x1)), subset

    def _image(self, found: tuple[xr.DataArray, Subset], axes: Any, asked: tuple[Any, Any, AggState], params: dict[str, Any]) -> Any:
        data, subset = found
        (x, y), (reduction, selector, state) = axes, asked
        bounds = data.attrs["bounds"]
        plane = data.dims[2] if data.ndim == 3 else None
        if isinstance(reduction, ds.count_cat | ds.by) and plane is not None:
            params["vdims"] = [hv.Dimension(str(name), nodata=0) for name in data.coords[plane].values]
        names = {"x": x.name, "y": y.name} | ({plane: reduction.cat_column} if plane else {})
        data = data.rename({old: new for old, new in names.items() if old != new})
        params["bounds"] = (bounds[0], bounds[2], bounds[1], bounds[3])
        if not AggState.has_sel(state):
            return self.p.element_type(data, **params)
        dataset = data.to_dataset(dim=str(reduction.cat_column)) if plane else data.to_dataset(name=str(_first(params["vdims"])))
        dataset = with_records(dataset, subset, (x.name, y.name), bounds, selector)
        params["vdims"] = [hv.Dimension(str(name)) for name in dataset.data_vars if name not in dataset.attrs["selector_columns"]]
        return self.p.element_type(dataset, **params)

    def _in_memory(self, element: Any, subset: Subset, names: tuple[str, str]) -> Any:
        """Columns other than the store's axes: HoloViews' own aggregation, if there are few rows."""
        if subset.count() > limits().element_rows:
            raise OptionError(
                f"The store is sorted by {subset.axes}, and draws those two columns only, not {names}. "
                f"Build another store with x={names[0]!r}, y={names[1]!r}, or select fewer than {limits().element_rows:,} rows."
            )
        options = {name: value for name, value in self.p.items() if name in aggregate.param and name not in ("name", "dynamic")}
        small = element.clone(element.dframe(), datatype=["dataframe"])
        return aggregate(small, dynamic=False, **options)


def _first(dimensions: Any) -> Any:
    return dimensions[0] if isinstance(dimensions, list) else dimensions
