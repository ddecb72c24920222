"""Rescaling: the colours of a style fitted to what one view shows, at a person's wish."""

from dataclasses import replace

import numpy as np

from bigview.raster.aggregate import aggregate
from bigview.raster.frame import kind_of, scale_for
from bigview.raster.legend import CLIP
from bigview.raster.scale import TOP
from bigview.spec import Style, View, Where
from bigview.store.points import PointTable


def rescaled(table: PointTable, view: View, style: Style, where: Where = None) -> Style:
    """Return the style with its colours spread over what a view shows.

    A density's counts are multiplied so that those of the view reach the end of the colours; numbers get the view's own limits. Both hold from then
    on at every place and zoom: a count keeps its colour while the map moves.
    """
    plain = unscaled(style)
    if kind_of(table, style) == "number":
        values = aggregate(table, view, f"mean:{style.by}", where).to_numpy()
        values = values[np.isfinite(values)]
        clip = (CLIP if style.clip is None else style.clip) / 100
        low, high = np.quantile(values, [1 - clip, clip]).tolist() if len(values) else (0.0, 0.0)
        return replace(plain, limits=(low, high)) if low < high else plain
    grid = aggregate(table, view, "count", where)
    counts = grid.to_numpy()
    if not counts.any():
        return plain
    top = float(np.quantile(counts[counts > 0], (TOP if style.clip is None else style.clip) / 100))
    return replace(plain, gain=scale_for(table, grid, plain).counts[-1] / max(top, 2.0))


def unscaled(style: Style) -> Style:
    """Return the style with the store's own scale."""
    return replace(style, gain=1.0, limits=None)
