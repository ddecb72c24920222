"""Palettes: colours in order, for dark and for light backgrounds, all legible with a colour-blind eye.

Ramps run evenly in lightness (Oklab; Ottosson, 2020), so that order shows without hue. The colours of categories were found once and are kept here,
so that start-up costs nothing: each is the colour furthest from all before it, for the common eye and for those without one kind of cone (Machado,
Oliveira and Fernandes, 2009); the first eight were tuned together.
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
    # From the depth of the sea to sand, or from shallow water to forest.
    "atlas": (
        ("#0e2740", "#164562", "#2f6f7d", "#6f9a86", "#b3b98a", "#e6d7a8", "#fbf3dc"),
        ("#d3e6ef", "#a9cfd6", "#86b7a6", "#6b9a6d", "#4d7743", "#2f5127"),
    ),
    "grey": (
        ("#3d434d", "#6b717c", "#9aa0aa", "#c9cdd4", "#ffffff"),
        ("#c3c8d0", "#959ba6", "#69707c", "#414854", "#161a21"),
    ),
}  # fmt: skip

_DIVERGING = {
    "cold-warm": (("#4aa8ff", "#7fb2d9", "#9aa1ad", "#d9a073", "#ff8a3d"), ("#0b5fb0", "#6fa3cf", "#c9ccd2", "#dd9a66", "#b34700")),
    # The middle is close to the background: what is ordinary recedes.
    "polar": (
        ("#c8f1ff", "#6cc4f5", "#2f86c9", "#22517f", "#1b2230", "#7c3b26", "#cf6a30", "#f7ab57", "#fff0cf"),
        ("#0a2f66", "#1f63ab", "#5b9fd3", "#afd0e8", "#f2f3f5", "#f3c8a4", "#e0904f", "#b65a1c", "#6b2c05"),
    ),
}  # fmt: skip

_CATEGORIES = {
    True: (
        "45c3fcf6852cb6d136de2c4c9465d1fbed3747af73ee9ad100ffaad068ffc642aa7155ffff4caaa1ff7b00ec7100c65eec71e3"
        "b37b00aa42e371b300d0e300d95ec6bd8eff7bd05e009768d02f848e68ffb368e3ffbdec5e8efff62f8ee3a1ffd95e4cff68c6"
        "b342bd7bf66897c600d942bd97e355bd5e00c642d0b3ec8eff84ecff714cd968e300d97b55aa0097a1553971ec7be38ebdff55"
        "5e9726c66871f6aa0000e3ffe339a1ff5e4ca17bd071bd84bd4ce3bd8ebdd08e97ffb3bdc6aa68aa689797f6ffbd7baaa197d0"
        "d0ecb3a1d09797b3ecd997b36884bdf68e9771bdd984975ed07b8ed9d08ed0bd7b7baaeca1ecc6bdd9a12fa184b3b34cffd9a1"
        "e3c6ffb3685e8e7b267bd0bdd97168d9b3ececd04c6871c600b3aa68d9d97b97ec8e8ed94c8e42aa7bf6b38e42d04c7b8ee3d9"
        "4c84aabd5eaaec7baae3b342e39784d94c55aab3ffe3e355aaa1ffbd7b7baac64c7b7becd984715eb384a1ffd0c6d926c697d0"
        "ecb3e3c67b554c7bf61ca1e3d9f68ef61c394cf67b6897c68ed0aa"
    ),
    False: (
        "415597fd5405619812b34f5f8934d8db966836a9c1b162f771004c4c0097970000ff5ebd7bc600c60000a1138ebd97f6d042d0"
        "7100b33955f6a14cb3d02f84d968ecb3095e68137b6842bd8e8effe342aa8e0068f671e300c6978e2faa7b71d94c1cc642aa00"
        "4271002f09aa8e55e3268e39d92626bd09978eb3397b00007b1397bd2fc65e2fd0bd68bdd07b5ec639a1717bff844239e368d0"
        "a10968d05e4cc609688e55fff65e558e1384b355bd554ce30071ec8e5e39004c26bd84aa712f4255427b13717bbd687171b371"
        "395526a1427184975e8e8ed097a1e3d98ed0d0848e5e7baa139771aa685ed95e977baaffaa8e427b427b97688eec84845e5e09"
        "095e4c715e97b3b355a1557b97394c68095e68a1717b84e3842f39d94c5ed98e00a1aa5571bdaa7b00681c97bd84711c5e1c8e"
        "7b55d07197e34c39a1977b39ec8ea19700b3844c5eaa2faa1c712fd971005eaa8eaa5ed0bd7bf67b26718e00427b1c2f844caa"
        "c65eecc64c4c1c4c718e55c6ff55a1a17bff68261c682f555e4200"
    ),
}

DEFAULTS = {"density": "ember", "numbers": "viridis", "diverging": "polar"}


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


def has_palette(name: str) -> bool:
    """Tell whether bigview or colorcet has a palette."""
    if name in _RAMPS or name in _DIVERGING:
        return True
    import colorcet

    return name in colorcet.palette


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
