"""Tracks: metadata of rows or columns as a strip of colours beside a matrix, and places of search hits, at the resolution of the screen."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bigview.raster.palettes import category_colours, hexes, muted, ramp
from bigview.raster.sides import MatrixSide
from bigview.store.axistable import AxisTable

Ids = NDArray[np.int64]

CATEGORIES = 40
"""Categories with a colour of their own, the most frequent ones; the others are grey."""
SHOWN = 4
"""Tracks of an axis: as many as there is room for beside a map."""
TONES = 64
MISSING = 255
KINDS = ("category", "boolean", "number", "integer")


@dataclass(frozen=True)
class Track:
    """A metadata column, ready to be coloured.

    Attributes
    ----------
    name : str
    values : (n,) array
        In native order: codes by frequency, −1 where missing; or shares of the way from the lowest to the highest value, NaN where missing.
    labels : tuple of str
        Names of the codes that have a colour; empty for numbers.
    ends : (float, float) or None
        The numbers that have the colours at the ends; None for categories.
    skip : int
        Colours of categories that are left to other tracks.
    """

    name: str
    values: NDArray[Any]
    labels: tuple[str, ...]
    ends: tuple[float, float] | None = None
    skip: int = 0

    @classmethod
    def of(cls, axis: AxisTable, name: str) -> "Track":
        """Return the track of a column. The lowest and the highest 1 % of numbers have the colours at the ends."""
        column = pd.Series(axis.column(name))
        if axis.columns[name] in ("number", "integer"):
            numbers = column.to_numpy(np.float64, na_value=np.nan)
            finite = numbers[np.isfinite(numbers)]
            low, high = np.quantile(finite, [0.01, 0.99]).tolist() if len(finite) else (0.0, 1.0)
            numbers = np.where(np.isfinite(numbers), numbers, np.nan)
            return cls(name, np.clip((numbers - low) / ((high - low) or 1.0), 0, 1), (), (low, high))
        texts = column.astype(object).where(column.notna(), None)
        codes, names = pd.factorize(texts, use_na_sentinel=True)
        rank = np.argsort(-np.bincount(codes[codes >= 0], minlength=len(names)), kind="stable")
        place = np.empty(len(names) + 1, np.int64)
        place[rank] = np.arange(len(names))
        place[-1] = -1
        return cls(name, place[codes], tuple(str(names[code]) for code in rank[:CATEGORIES]))

    @property
    def kinds(self) -> int:
        """How many categories there are, also without a colour of their own."""
        return int(self.values.max(initial=-1)) + 1 if self.labels else 0

    def colours(self, dark: bool) -> list[str]:
        """Return the colours that `tones` numbers."""
        if not self.labels:
            return hexes(ramp("viridis", dark)[np.linspace(0, len(ramp("viridis", dark)) - 1, TONES).astype(int)])
        return [*hexes(category_colours(self.skip + len(self.labels), dark)[self.skip :]), muted(dark)]

    def tones(self, order: Ids | None, low: float, high: float, pixels: int) -> NDArray[np.uint8]:
        """Return the number of each pixel's colour: the most frequent category (the more frequent one overall of equals), or the mean.

        Parameters
        ----------
        order : array of int64 or None
            The native number at each place.
        low, high : float
            The places in view; a place belongs to the pixel that holds its middle, and where there are more pixels than places each pixel
            shows the place under its middle.
        pixels : int

        Returns
        -------
        (pixels,) array of uint8
            255 where there is nothing.
        """
        side = MatrixSide(low, high, pixels, len(self.values) if order is None else len(order))
        if not side.is_plain:
            inside = side.shown >= 0
            out = np.full(pixels, MISSING, np.uint8)
            out[inside] = self._toned(self.values[self._native(order, side.edges[0] + side.shown[inside])])
            return out
        places = np.arange(side.edges[0], side.edges[-1])
        pixel = np.repeat(np.arange(pixels), np.diff(side.edges))
        found = self.values[self._native(order, places)]
        if self.labels:
            most = len(self.labels) + 1
            there = found >= 0
            counts = np.bincount(pixel[there] * most + np.minimum(found[there], most - 1), minlength=pixels * most).reshape(pixels, most)
            return np.where(counts.any(axis=1), counts.argmax(axis=1), MISSING).astype(np.uint8)
        there = np.isfinite(found)
        counts = np.bincount(pixel[there], minlength=pixels)
        with np.errstate(invalid="ignore"):
            return self._toned(np.bincount(pixel[there], found[there], minlength=pixels) / counts)

    @staticmethod
    def _native(order: Ids | None, places: Ids) -> Ids:
        return places if order is None else order[places]

    def _toned(self, found: NDArray[Any]) -> NDArray[np.uint8]:
        if self.labels:
            return np.where(found < 0, MISSING, np.minimum(found, len(self.labels))).astype(np.uint8)
        return np.where(np.isfinite(found), np.nan_to_num(found) * (TONES - 1) + 0.5, MISSING).astype(np.uint8)


def track_names(axis: AxisTable) -> list[str]:
    """Return the metadata columns that are shown as tracks."""
    return [name for name, kind in axis.columns.items() if kind in KINDS][:SHOWN]


def marks(places: Ids, low: float, high: float, pixels: int) -> list[float]:
    """Return where in a view ascending places lie, as shares of it; of several in a pixel one."""
    inside = places[np.searchsorted(places, low - 0.5) : np.searchsorted(places, high - 0.5)]
    return list((np.unique(((inside + 0.5 - low) * pixels / (high - low)).astype(np.int64)) / pixels).tolist())
