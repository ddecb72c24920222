"""Makes HoloViews know stores. Runs when HoloViews looks at a store for the first time, not when bigview is imported."""

from typing import Any

import holoviews as hv
from holoviews.core.data import Interface
from holoviews.operation.datashader import rasterize, regrid

from bigview.views import gridded, selection, warm
from bigview.views.gridded import MatrixInterface
from bigview.views.gridding import grid_matrix, holds_matrix
from bigview.views.interface import DATATYPE, StoreInterface
from bigview.views.operation import aggregate_store, holds_store

_ELEMENTS = (hv.Dataset, hv.Points, hv.Scatter, hv.Curve, hv.Table)
_GRIDS = (hv.Dataset, hv.Image, hv.QuadMesh, hv.HeatMap)  # the last one to be told what to take instead


def register() -> None:
    """Register the interface for stores, their aggregation and their selection with HoloViews; any number of times.

    A store's property `interface` calls this: HoloViews reads `data.interface` of whatever an element is made from. The answer is None, so
    that it goes on to ask each interface whether it applies, and now there is one that does.
    """
    Interface.register(StoreInterface)
    for element in _ELEMENTS:
        if DATATYPE not in element.datatype:
            element.datatype = [*element.datatype, DATATYPE]
    Interface.register(MatrixInterface)
    for element in _GRIDS:
        if gridded.DATATYPE not in element.datatype:
            element.datatype = [*element.datatype, gridded.DATATYPE]
    if not any(transform is grid_matrix for _, transform in rasterize._transforms):
        place = next(number for number, (_, transform) in enumerate(rasterize._transforms) if transform is regrid)
        rasterize._transforms[place : place + 1] = [(_is_image, regrid), (holds_matrix, grid_matrix)]
    if not any(transform is aggregate_store for _, transform in rasterize._transforms):
        # After the first entry, which resamples images: ours would otherwise be resampled again.
        rasterize._transforms.insert(1, (_holds_store, aggregate_store))
    selection.install()
    warm.install()


def _is_image(element: Any) -> bool:
    """Tell whether an element is an image of an array, which HoloViews resamples itself."""
    return isinstance(element, hv.Image) and not holds_matrix(element)


def _holds_store(element: Any) -> bool:
    if not holds_store(element):
        return False
    warm.install()  # Bokeh's side of HoloViews may have been loaded since
    return True
