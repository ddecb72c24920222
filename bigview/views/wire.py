"""Frames on their way to the browser: tones instead of colours, compressed before they reach the event loop; wire.js is the other end.

A picture of 900 × 600 pixels is 2.2 MB as colours. As tones it is a byte a pixel, and for categories one more for each pixel that is not empty; lone
rows grow in the browser. Compressing costs a worker 1 to 2 ms (isal's deflate is four times as quick as zlib's), where the websocket's own would cost
the loop 20.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from bigview.raster.frame import Frame, kind_of_drawing
from bigview.raster.tones import SHARES, STRENGTHS, TOP

_EFFORT = 1  # more of it makes frames hardly smaller


@dataclass(frozen=True, eq=False)
class Wire:
    """A frame as the browser gets it.

    Attributes
    ----------
    body : ndarray of uint8
        Deflated bytes: for mixed colours the planes red, green, blue, alpha; else the tones, then the hues of the pixels that are not empty.
    facts : dict
        Width, height, radius to which lone rows grow, hues (whether there are any), mixed, approximate.
    table : ndarray of uint32 or None
        The colours of the tones.
    """

    body: NDArray[np.uint8]
    facts: dict[str, Any]
    table: NDArray[np.uint32] | None


def encode(frame: Frame, coarse: bool = False) -> Wire:
    """Return a frame for the browser.

    Parameters
    ----------
    frame : Frame
    coarse : bool
        Keep fewer steps of strength: for frames that are seen for a moment while the map is dragged, with a margin around them.
    """
    height, width = frame.shape
    tones = frame.drawing.tones
    facts = {
        "width": width,
        "height": height,
        "radius": frame.spread,
        "hues": tones is not None and tones.hue is not None,
        "mixed": tones is None,
        "approximate": not frame.exact,
    }
    if tones is None:
        planes = np.ascontiguousarray(frame.flat.view(np.uint8).reshape(height, width, 4).transpose(2, 0, 1))
        return Wire(deflated(planes), facts, None)
    tone = tones.tone
    if coarse:
        tone = coarser(kind_of_drawing(frame.drawing))[tone]
    parts = [tone.ravel()]
    if tones.hue is not None:
        parts.append(tones.hue[tone > 0])
    return Wire(deflated(np.concatenate(parts) if len(parts) > 1 else parts[0]), facts, frame.table)


def deflated(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the bytes of an array, compressed as zlib does."""
    return np.frombuffer(isal_zlib.compress(np.ascontiguousarray(values), _EFFORT), np.uint8)


@cache
def coarser(kind: str) -> NDArray[np.uint8]:
    """Return the tone that stands for each tone in a coarse frame of "count", "number" or "category"."""
    tone = np.arange(256)
    if kind == "category":
        share, strength = np.divmod(tone - 1, STRENGTHS)
        half = np.minimum(share // 2 * 2 + 1, SHARES - 1) * STRENGTHS + np.minimum(strength // 3 * 3 + 1, STRENGTHS - 1)
        tone = np.where((tone > 0) & (tone <= SHARES * STRENGTHS), 1 + half, tone)
    elif kind == "count":
        tone = np.where(tone > 0, np.minimum((tone - 1) // 8 * 8 + 4, TOP + 1), 0)
    else:
        tone = np.where((tone > 0) & (tone <= TOP), np.minimum((tone - 1) // 8 * 8 + 4, TOP), tone)
    return tone.astype(np.uint8)


@cache
def script() -> str:
    """Return the browser's part."""
    return (Path(__file__).parent / "wire.js").read_text(encoding="utf-8")
