"""Palettes: colours in order, for dark and for light backgrounds, all legible with a colour-blind eye.

Ramps run evenly in lightness (Oklab; Ottosson, 2020), so that order shows without hue. The colours of categories begin with eight chosen by
hand; the others were found once by glasbey with its constraint for deuteranomaly, and are kept here so that start-up costs nothing.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bigview.errors import OptionError, closest

Colours = NDArray[np.float64]
"""Shape (n, 3): red, green and blue as the screen takes them, 0 … 1."""

STEPS = 256
"""Colours of a ramp."""

_BACKGROUND = {True: "#0b0e14", False: "#ffffff"}
_INK = {True: "#e6e9ef", False: "#1b1f27"}
_MUTED = {True: "#6c7380", False: "#9aa1ad"}

_RAMPS = {
    # name: (for a dark background, from faint to strong; for a light one)
    "ember": (
        ("#2b3a67", "#5b4b9a", "#a3479b", "#e0526e", "#f98b4b", "#fccb6a", "#fff8d6"),
        ("#f7c99b", "#ee8f5c", "#d95361", "#a6337c", "#6a2b7d", "#2d1e52"),
    ),
    "ice": (
        ("#1f3b5c", "#225f86", "#2288a3", "#3fb1b0", "#7fd6b4", "#c9f2c7", "#fbfff0"),
        ("#a9d9d3", "#63b7c2", "#3a8fb3", "#2f669c", "#2c3f7d", "#221b4e"),
    ),
    "viridis": (
        ("#46327e", "#365c8d", "#277f8e", "#1fa187", "#4ac16d", "#a0da39", "#fde725"),
        ("#c9d94a", "#63bf66", "#2a9d84", "#2b768e", "#3a4d8a", "#440154"),
    ),
    "cividis": (
        ("#2a4a78", "#4f5f7c", "#6f757b", "#8f8b78", "#b2a26d", "#d7bb5a", "#fdea45"),
        ("#d9bd5a", "#b0a06f", "#8a8779", "#656d7a", "#3d5273", "#00204d"),
    ),
    "grey": (
        ("#3d434d", "#6b717c", "#9aa0aa", "#c9cdd4", "#ffffff"),
        ("#c3c8d0", "#959ba6", "#69707c", "#414854", "#161a21"),
    ),
}  # fmt: skip

_DIVERGING = {"cold-warm": (("#4aa8ff", "#7fb2d9", "#9aa1ad", "#d9a073", "#ff8a3d"), ("#0b5fb0", "#6fa3cf", "#c9ccd2", "#dd9a66", "#b34700"))}

_CATEGORIES = {
    True: (
        "4cc9f0ff9f1c8ac926ff5d8fb388ffffe0662ec4b6e76f51e6a5adc5efff9ca54a63adad52a5ff94ffc5c5b5f74adec500bd8c"
        "19e673ff5a7bbdad00ff9c7ba594ceff630010e6ef4adea584ffe6ffce9c8cef0800c5d631c500d684947bff8c8cbd7bff7b52"
        "6bbdff94c5ceefbd6300c5a5ffbdb5e69c4adeceff00f7c5ffe60000f7e621e63abd946bde9c94bdce9429ce5a84c5ad08f7a5"
        "bd9cff5ad6ff00b5de00f75aadadd6f7c53ab59c1000bd63add6e69cff5a73ad9caddebd42c5c5ff7b6bbdbd6ba5dece63f7ff"
        "b5de84efad9cffde8c00b5bdbda5ef84bd94bdf7adff7b9c94b531b5efd600bd3a63ded67bad7bc5bde6a5d6ff84c5bdff8400"
        "6bcedec5a5634ade8cff737bcede6384fff700f7d619deb5de8484c5c5427bb5c5ade6e6ffb584b5e6ad73adced68c3affadbd"
        "9cbdffc5ce0073adff3ab5a5ffa54ad6a57b9cc59419f78cff9c6300ce9c00d6ce19c584efde3ac5f77ba5d663f7bd9c5ad652"
        "adde42ffc57bd6947b00ffbd8ca5e684b59cff7b31a5ff299cb552"
    ),
    False: (
        "1273b8d1600a3f8f1fc2255c6741d9a67c000b8a7d8f3b1b8cb5c542633aff638c08ce639c8cff196b6b299c731942ffd61052"
        "7384a5ad0000ff84004ac5a508841000ad00ef7b5a5a52943aa59c9c214a7373ff0852d6b57352087b63b5737b31adce945a3a"
        "7bad7b006bff7b73c55ac5005a8c8c089c42007b94635a1000844aada5efff3163ce1921c58c29a51029945a6319c5b563ad52"
        "d69c847363ce8c730000bdff4aad94945a00009cd6f7423abdad4a3a637bc58473e621424a94849c9cc5ef196b42adb58c4a42"
        "a56b316b3affc5003a8c8cc5639c6352846bad843aad635ad6949c006b5a009cff008cad738452a5ad6b735ae6f75200219ca5"
        "107b7352bddeff733a3abd3a527b8c2973316b63a50063a5c5848c5ac584b58c5a73adad8c7bef0084ceff6b73427352b50042"
        "9c9400b51921e65a7b088c3a7373a500bd8c6ba584197300006bce6b6b218c9ce6bd4a00bd4a42bda519299cbdd65a63296b94"
        "006b4a529c2900c5ce8c4a00007bff00adff108c8cde312963638c"
    ),
}

DEFAULTS = {"density": "ember", "numbers": "viridis"}
CATEGORY = "glasbey"
"""The name of the palette for categories."""


def background(dark: bool) -> str:
    """Return the background that the palettes are made for."""
    return _BACKGROUND[dark]


def ink(dark: bool) -> str:
    """Return the colour of texts on the background."""
    return _INK[dark]


def muted(dark: bool) -> str:
    """Return the grey for what has no value, and for what is mixed."""
    return _MUTED[dark]


def names() -> tuple[str, ...]:
    """Return the names of the palettes for densities and numbers; any sequential one of colorcet works too."""
    return (*_RAMPS, *_DIVERGING)


@lru_cache(maxsize=64)
def ramp(name: str, dark: bool) -> Colours:
    """Return the `STEPS` colours of a palette, from faint to strong.

    Raises
    ------
    OptionError
        When neither bigview nor colorcet has it.
    """
    place = 0 if dark else 1
    if name in _RAMPS:
        return _even(_RAMPS[name][place])
    if name in _DIVERGING:
        return _interpolated(_DIVERGING[name][place], np.linspace(0, 1, STEPS))
    import colorcet

    if name not in colorcet.palette:
        known = [entry for entry in colorcet.palette if not entry.startswith(("glasbey", "CET"))]
        raise OptionError(f"There is no palette {name!r}. {closest(name, [*names(), *known])}")
    colours = colorcet.palette[name]
    return _interpolated([colours[i] for i in np.linspace(0, len(colours) - 1, 33).astype(int)], np.linspace(0, 1, STEPS))


def category_colours(count: int, dark: bool) -> Colours:
    """Return a colour for each category code; after 128 they begin again."""
    text = _CATEGORIES[dark]
    found = rgb([text[i : i + 6] for i in range(0, len(text), 6)])
    return np.asarray(found[np.arange(count) % len(found)])


def rgb(colours: Sequence[str]) -> Colours:
    """Return colours from their hexadecimal names."""
    numbers = np.array([int(colour.lstrip("#"), 16) for colour in colours], np.int64).reshape(-1)
    return np.stack([(numbers >> shift) & 255 for shift in (16, 8, 0)], axis=-1) / 255.0


def hexes(colours: Colours) -> list[str]:
    """Return the hexadecimal names of colours."""
    return ["#{:02x}{:02x}{:02x}".format(*row) for row in np.rint(np.clip(colours, 0, 1) * 255).astype(int).tolist()]


def _even(anchors: Sequence[str]) -> Colours:
    """A ramp on which equal steps are equal steps of lightness."""
    lab = oklab(rgb(anchors))
    fine = np.linspace(0, 1, 1025)
    path = _along(lab, fine)
    light = np.maximum.accumulate(path[:, 0] * np.sign(path[-1, 0] - path[0, 0]))  # ascending, also where it grows dark
    wanted = np.linspace(light[0], light[-1], STEPS)
    return np.clip(srgb(_along(lab, np.interp(wanted, light, fine))), 0, 1)


def _interpolated(anchors: Sequence[str], places: NDArray[np.float64]) -> Colours:
    return np.clip(srgb(_along(oklab(rgb(anchors)), places)), 0, 1)


def _along(lab: Colours, places: NDArray[np.float64]) -> Colours:
    knots = np.linspace(0, 1, len(lab))
    return np.stack([np.interp(places, knots, lab[:, axis]) for axis in range(3)], axis=-1)


_TO_CONE = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def oklab(colours: Colours) -> Colours:
    """Return lightness and the two colour axes of screen colours."""
    linear = np.where(colours <= 0.04045, colours / 12.92, ((np.maximum(colours, 0) + 0.055) / 1.055) ** 2.4)
    return np.asarray(np.cbrt(linear @ _TO_CONE.T) @ _TO_LAB.T)


def srgb(lab: Colours) -> Colours:
    """Return screen colours, not yet clipped to 0 … 1; the inverse of `oklab`."""
    linear = (lab @ np.linalg.inv(_TO_LAB).T) ** 3 @ np.linalg.inv(_TO_CONE).T
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055)
