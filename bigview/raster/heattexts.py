"""Values that are written into the cells of a matrix, where these are large enough to hold them."""

from dataclasses import dataclass

import numpy as np

from bigview.raster.heat import HeatFrame
from bigview.raster.heatlegend import value_text
from bigview.spec import View
from bigview.store.matrix import MatrixTable

TEXT_SIZE = (14.0, 28.0)
"""Pixels of height and width from which a cell holds its value as text, in letters of 11 pixels."""

_MARGIN = 3.0  # pixels of a cell that its text leaves free
_NARROW = {".": 3.5, ",": 3.5, "-": 4.0}


@dataclass(frozen=True)
class CellTexts:
    """Values to be written into their cells.

    Attributes
    ----------
    row, col : int
        Place of the first cell.
    texts : list of list of str
        By row.
    light : list of str
        For each row, "1" where a cell is dark and wants light letters, "0" elsewhere.
    """

    row: int
    col: int
    texts: list[list[str]]
    light: list[str]


def cell_texts(table: MatrixTable, made: HeatFrame, view: View, scale: float = 1.0) -> CellTexts | None:
    """Return what is written into the cells of a picture; nothing where they are too small.

    `scale` is the size of the letters, 1 for those of the explorer.
    """
    high = view.height / (view.y_range[1] - view.y_range[0])
    wide = view.width / (view.x_range[1] - view.x_range[0])
    if made.grid is None or high < TEXT_SIZE[0] * scale or wide < TEXT_SIZE[1] * scale or max(made.cells) > 1:
        return None
    values = made.grid.to_numpy()
    room = max(3, int((wide / scale - 6) / 7))
    col, _, row, _ = made.grid.attrs["bounds"]
    if values.ndim == 3:
        names = [*table.manifest.categories, ""]
        texts = [
            [_cut(names[code] if count else "", room) for code, count in zip(*pair, strict=True)]
            for pair in zip(values[..., 0].tolist(), values[..., 2].tolist(), strict=True)
        ]
    elif table.kind == "boolean":
        texts = [["" if value != value else "yes" if value else "no" for value in line] for line in values.tolist()]
    else:
        whole = table.kind == "integer"
        pixels = wide / scale - _MARGIN
        texts = [["" if value != value else _fitted(value, pixels, whole) for value in line] for line in values.tolist()]
    return CellTexts(int(row), int(col), texts, _light(made))


def _fitted(value: float, pixels: float, whole: bool) -> str:
    """Return a value in so many pixels: with fewer digits, and what is near 0 with one after the point, if it must be."""
    short = [f"{value:.{digits}g}".replace("e+0", "e").replace("e-0", "e-").replace("e+", "e") for digits in (3, 2, 1)]
    near = [f"{value:.1f}".replace("-0.0", "0.0")] if abs(value) < 1 else []
    return next((text for text in (value_text(value, whole=whole), *short, *near) if _wide(text) <= pixels), "…")


def _wide(text: str) -> float:
    """Return the pixels that a number takes at most, in letters of 11 pixels of the widest of usual fonts."""
    return sum(_NARROW.get(character, 7.0) for character in text)


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"


def _light(made: HeatFrame) -> list[str]:
    """Return for each cell whether it is so dark that letters must be light."""
    flat = made.flat[::-1]
    shape = made.grid.shape if made.grid is not None else flat.shape
    flat = flat[:: max(1, flat.shape[0] // shape[0]), :: max(1, flat.shape[1] // shape[1])]
    red, green, blue = (((flat >> shift) & 255).astype(np.float64) / 255 for shift in (0, 8, 16))
    # Relative luminance as in WCAG; at 0.18 black and white letters are equally well told from the ground.
    linear = (np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4) for part in (red, green, blue))
    bright = np.sum([weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True)], axis=0)
    return ["".join("1" if one else "0" for one in line) for line in (bright < 0.18).tolist()]
