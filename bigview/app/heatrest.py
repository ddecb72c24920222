"""What tells a selected part of a matrix from the rest: both distributions, and the lines that differ most. Pure, off the event loop."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigview.app.heatpanels import compared_as
from bigview.raster.heat import HeatLook
from bigview.raster.heatchosen import Box
from bigview.raster.heatlabels import axis_of, native
from bigview.raster.heatlegend import value_text
from bigview.raster.render import readable
from bigview.store.contrast import Contrast, contrast
from bigview.store.matrix import MatrixTable, Side

_DIFFERING = 8  # lines that differ most from the rest
_CONTRASTED = 2_000_000_000
"""Cells of a matrix in which they are looked for: one pass over all of it, 4 s of one core for 1,000 M."""
_BINS = 40  # of the distributions: a bar of 7 pixels each
_TAIL = 1  # quantiles of 256 at each end whose values are in the bins at the ends: an outlier would push all others into one bin


def against_rest(table: MatrixTable, look: HeatLook, box: Box, down: bool = True) -> dict[str, Any]:
    """Return what tells the rows of a box from all other rows, in the columns of the box; or its columns from the others.

    Parameters
    ----------
    down : bool
        Of the rows, and not of the columns.

    Returns
    -------
    dict
        "differs": name and text of the lines that differ most; "spread": both distributions. Empty where there is no rest, no mean, or too much to
        read.
    """
    rows, cols = box
    side: Side = "rows" if down else "cols"
    chosen, lines = (native(order, np.arange(*ends)) for order, ends in ((look.rows, rows), (look.cols, cols)))
    if not down:
        chosen, lines = lines, chosen
    unknown = table.kind == "category" or table.manifest.layout == "similarity" or table.size > _CONTRASTED
    if unknown or len(chosen) == axis_of(table, side).size:
        return {}
    axis = axis_of(table, "cols" if down else "rows")
    found = contrast(table, chosen, side, _BINS, None if len(lines) == axis.size else lines, _span(table))
    leading, effect = found.leading(_DIFFERING), found.effect
    differs = [
        [readable(name), f"{effect[line]:+.2f} sd: {value_text(float(found.means[0, line]))}, the rest {value_text(float(found.means[1, line]))}"]
        for name, line in zip(axis.names_of(leading), leading.tolist(), strict=True)
    ]
    rest = axis_of(table, side).size - len(chosen)
    what = "row" if down else "column"
    of = f" ({compared_as(table)})" if table.manifest.layout == "comparison" else ""
    return {
        "title": f"Against the rest{of}",
        "differs": differs,
        "spread": _spread(found, f"Values of the selection, and of the other {rest:,} {what}{'s' * (rest != 1)}"),
    }


def _span(table: MatrixTable) -> tuple[float, float] | None:
    """Return the ends of the distributions: those of the store's values but for the outermost."""
    quantiles = table.manifest.facts.get("quantiles") or []
    if len(quantiles) <= 2 * _TAIL + 1:
        return None
    low, high = float(quantiles[_TAIL]), float(quantiles[-1 - _TAIL])
    return (low, high) if np.isfinite(low + high) and low < high else None


def _spread(found: Contrast, title: str) -> dict[str, Any]:
    """Return both distributions as shares of their own values."""
    here, rest = (_shares(counts) for counts in found.histogram)
    ends = [value_text(float(found.edges[0])), value_text(float(found.edges[-1]))]
    spoken = "no values"
    if sum(here):
        middle = [value_text(_middle(counts, found.edges)) for counts in found.histogram]
        spoken = f"half of the selected values lie below about {middle[0]}" + (f", half of the rest below about {middle[1]}" if sum(rest) else "")
    return {"title": title, "here": here, "rest": rest, "first": ends[0], "last": ends[1], "spoken": f"{title}: {spoken}"}


def _shares(counts: NDArray[np.int64]) -> list[float]:
    return [round(float(share), 6) for share in (counts / max(1, counts.sum())).tolist()]


def _middle(counts: NDArray[np.int64], edges: NDArray[np.float64]) -> float:
    """Return about the median, from the counts of bins."""
    return float(np.interp(counts.sum() / 2, np.concatenate([[0], np.cumsum(counts)]), edges))
