"""The aggregation that HoloViews' rasterize runs on elements that hold a matrix."""

from typing import Any

import datashader.reductions as rd
import holoviews as hv
import numpy as np
import param
import xarray as xr
from holoviews.operation.datashader import AggregationOperation

from bigview.errors import OptionError
from bigview.raster.heat import HeatLook
from bigview.raster.matrixgrid import aggregate_matrix, reduction_name
from bigview.spec import View
from bigview.views.gridded import MatrixInterface
from bigview.views.heataxes import naming
from bigview.views.matrixpart import MatrixPart


def holds_matrix(element: Any) -> bool:
    """Tell whether an element is of a matrix that is in a store."""
    return isinstance(element, (hv.Image, hv.QuadMesh)) and element.interface is MatrixInterface


class grid_matrix(AggregationOperation):
    """Reduce what is in view of a matrix to the pixels of a plot, from the blocks that the store keeps.

    Where cells are larger than pixels the result has a pixel for each cell that is in view, as HoloViews' own regridding does.
    """

    aggregator = param.ClassSelector(default="default", class_=(rd.Reduction, rd.summary, str), doc="mean, min, max, sum, count, std; mode.")

    expand = param.Boolean(default=False, doc="Whether the result may go beyond the matrix.")

    def _process(self, element: Any, key: Any = None) -> Any:
        part = MatrixPart.of(element.data)
        for name in ("x_range", "y_range"):  # an inverted axis reports its ends the other way round
            ends = getattr(self.p, name)
            if ends is not None and None not in ends and ends[0] > ends[1]:
                setattr(self.p, name, (ends[1], ends[0]))
        x, y = element.kdims
        (x_range, y_range), _, size, _ = self._get_sampling(element, x, y)
        (x0, x1, width), (y0, y1, height) = (_whole(ends, pixels) for ends, pixels in zip((x_range, y_range), size, strict=True))
        if width <= 0 or height <= 0:
            return hv.Image(([], [], np.zeros((0, 0))), [x, y], element.vdims)
        view = View((x0, x1), (y0, y1), width, height)
        found = aggregate_matrix(part.table, view, self._reduction(part, element), part.rows, part.cols)
        values = found.to_numpy()
        if values.ndim == 3:  # the most frequent category, and its share
            values = np.where(values[..., 2] > 0, values[..., 0], np.nan)
        coords = {x.name: found.coords["x"].to_numpy(), y.name: found.coords["y"].to_numpy()}
        grid = xr.DataArray(values, coords=coords, dims=(y.name, x.name), name=element.vdims[0].name, attrs=found.attrs)
        made = element.clone(grid, new_type=hv.Image, datatype=["xarray"], bounds=(x0, y0, x1, y1), xdensity=None, ydensity=None)
        if "bokeh" not in hv.Store.loaded_backends():
            return made
        hook = naming(part.table, View(view.x_range, view.y_range, *size), HeatLook(rows=part.rows, cols=part.cols))
        return made.opts(hv.opts.Image(backend="bokeh", invert_yaxis=True, hooks=[hook]))

    def _reduction(self, part: MatrixPart, element: Any) -> str:
        asked = self.p.aggregator
        if isinstance(asked, str) and asked == "default":
            return "mode" if part.table.kind == "category" else "mean"
        column = getattr(asked, "column", None)
        if column is not None and column not in element.vdims:
            raise OptionError(f"A matrix has no {column!r}; its values are called {element.vdims[0].name!r}. Leave the name out of the aggregator.")
        return reduction_name(asked)


def _whole(ends: Any, pixels: int) -> tuple[float, float, int]:
    """Return ends and pixels of an axis: a pixel for each cell where cells are larger."""
    low, high = ends
    if not np.isfinite(low + high) or high <= low or pixels <= 0:
        return low, high, 0
    if high - low >= pixels:
        return float(low), float(high), pixels
    first, last = np.floor(low), np.ceil(high)
    return float(first), float(last), int(last - first)
