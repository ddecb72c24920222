"""Grids that were just computed: HoloViews asks for the same one several times a frame."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import xarray as xr

from bigview.config import limits
from bigview.raster.aggregate import aggregate
from bigview.raster.reductions import reduction_of
from bigview.spec import View
from bigview.views.subset import Subset


class GridCache:
    """The newest grids within a budget of bytes. A grid asked for by several threads at once is computed by one of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Any, xr.DataArray] = OrderedDict()
        self._busy: dict[Any, threading.Lock] = {}

    def get(self, key: Any, make: Callable[[], xr.DataArray]) -> xr.DataArray:
        """Return the grid of a key, computed by `make` where it is not kept."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            single = self._busy.setdefault(key, threading.Lock())
        with single:
            with self._lock:
                if key in self._kept:
                    return self._kept[key]
            try:
                grid = make()
            finally:
                with self._lock:
                    self._busy.pop(key, None)
            with self._lock:
                self._kept[key] = grid
                while len(self._kept) > 1 and sum(entry.nbytes for entry in self._kept.values()) > limits().frame_bytes:
                    self._kept.popitem(last=False)
            return grid

    def clear(self) -> None:
        """Forget all grids."""
        with self._lock:
            self._kept.clear()


cache = GridCache()


def grid(subset: Subset, view: View, agg: Any) -> xr.DataArray:
    """Return the grid of a part of a store; see `aggregate`. Its values are shared: do not write into them."""
    manifest = subset.table.manifest
    reduction = reduction_of(subset.table, agg)
    asked = agg if reduction.kind == "other" else reduction.key
    key = (subset.table.reader.folder.url, manifest.generation, manifest.fingerprint, view, asked, subset.conditions)
    found = cache.get(key, lambda: aggregate(subset.table, view, reduction, subset.conditions))
    return found.copy(deep=False)
