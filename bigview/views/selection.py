"""Lassos as filters: the seams where HoloViews would test, or fetch, every row."""

from collections.abc import Callable
from typing import Any

import holoviews as hv
import holoviews.element.selection as selection
import pandas as pd
from holoviews.operation.datashader import inspect_base
from holoviews.selection import link_selections

from bigview.config import limits
from bigview.views.conditions import Column, Lasso
from bigview.views.interface import StoreInterface
from bigview.views.subset import Subset

_MARK = "_bigview"


def install() -> None:
    """Wrap HoloViews' spatial selection and its inspection; a second call does nothing."""
    if not hasattr(selection.spatial_select, _MARK):
        selection.spatial_select = _with_lasso(selection.spatial_select)
    if not hasattr(link_selections.filter, _MARK):
        link_selections.filter = _with_store(link_selections.filter)
    if not hasattr(inspect_base._mask_dataframe.__func__, _MARK):
        inspect_base._mask_dataframe = classmethod(_with_nearest(inspect_base._mask_dataframe.__func__))


def _with_lasso(stock: Callable[..., Any]) -> Callable[..., Any]:
    def spatial_select(xvals: Any, yvals: Any, geometry: Any) -> Any:
        if isinstance(xvals, Column) and isinstance(yvals, Column):
            return Lasso.of(xvals, yvals, geometry)
        return stock(xvals, yvals, geometry)

    setattr(spatial_select, _MARK, stock)
    return spatial_select


def _with_store(stock: Callable[..., Any]) -> Callable[..., Any]:
    """What link_selections shows as selected, as a part of the store."""

    def filter(self: Any, data: Any, selection_expr: Any = None) -> Any:
        expression = self.selection_expr if selection_expr is None else selection_expr
        is_dataset = isinstance(data, hv.Dataset)
        if expression is None or not (isinstance(data, StoreInterface.types) or (is_dataset and data.interface is StoreInterface)):
            return stock(self, data, selection_expr)
        chosen = (data if is_dataset else hv.Dataset(data)).select(expression)
        return chosen if is_dataset else chosen.data

    setattr(filter, _MARK, stock)
    return filter


def _with_nearest(stock: Callable[..., Any]) -> Callable[..., Any]:
    """The rows near the pointer: HoloViews sorts them by distance, so of very many the nearest are enough."""

    def _mask_dataframe(cls: Any, raster: Any, x: Any, y: Any, xdelta: Any, ydelta: Any) -> pd.DataFrame:
        dataset = raster.dataset
        if dataset.interface is not StoreInterface:
            return stock(cls, raster, x, y, xdelta, ydelta)
        first, second = (dimension.name for dimension in raster.kdims)
        near = dataset.select(**{first: (x - xdelta, x + xdelta), second: (y - ydelta, y + ydelta)})
        subset = Subset.of(near.data)
        names = list(dict.fromkeys([*(d.name for d in dataset.dimensions()), *subset.columns]))
        if subset.count() <= limits().inspect_rows or subset.view is None:
            return subset.rows(names)
        place = {first: x, second: y}
        found = subset.table.nearest(
            place[subset.axes[0]], place[subset.axes[1]], limits().inspect_rows, where=subset.where, view=subset.view, columns=names
        )
        return found.drop(columns="distance")

    setattr(_mask_dataframe, _MARK, stock)
    return _mask_dataframe
