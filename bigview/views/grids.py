"""What was just computed: HoloViews asks for the same grid several times a frame."""

from collections.abc import Hashable
from typing import Any

import xarray as xr

from bigview.config import limits
from bigview.raster.aggregate import aggregate
from bigview.raster.reductions import reduction_of
from bigview.spec import View
from bigview.store.recent import Recent
from bigview.views.subset import Subset

cache: Recent[xr.DataArray] = Recent(lambda grid: int(grid.nbytes), lambda: limits().frame_bytes)


def store_key(subset: Subset) -> tuple[Hashable, ...]:
    """Return what tells apart parts of stores, and generations of a store."""
    manifest = subset.table.manifest
    return (subset.table.reader.folder.url, manifest.generation, manifest.fingerprint, subset.conditions)


def grid(subset: Subset, view: View, agg: Any) -> xr.DataArray:
    """Return the grid of a part of a store; see `aggregate`. Its values are shared: do not write into them."""
    reduction = reduction_of(subset.table, agg)
    asked = agg if reduction.kind == "other" else reduction.key
    key = (*store_key(subset), view, asked)
    found = cache.get(key, lambda: aggregate(subset.table, view, reduction, subset.conditions))
    return found.copy(deep=False)
