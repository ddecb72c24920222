"""What was just computed: HoloViews asks for the same grid several times a frame."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

import xarray as xr

from bigview.config import limits
from bigview.raster.aggregate import aggregate
from bigview.raster.reductions import reduction_of
from bigview.spec import View
from bigview.views.subset import Subset

T = TypeVar("T")


class Recent(Generic[T]):
    """The newest results within a budget of bytes. What several threads ask for at once is computed by one of them."""

    def __init__(self, size: Callable[[T], int]) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, T] = OrderedDict()
        self._busy: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the result of a key, computed by `make` where it is not kept."""
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
                made = make()
            finally:
                with self._lock:
                    self._busy.pop(key, None)
            with self._lock:
                self._kept[key] = made
                while len(self._kept) > 1 and self._bytes() > limits().frame_bytes:
                    self._kept.popitem(last=False)
            return made

    def _bytes(self) -> int:
        return sum(self._size(entry) for entry in self._kept.values())

    @property
    def nbytes(self) -> int:
        """Bytes kept."""
        with self._lock:
            return self._bytes()

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()


cache: "Recent[xr.DataArray]" = Recent(lambda grid: int(grid.nbytes))


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
