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
    "grey": (
        ("#3d434d", "#6b717c", "#9aa0aa", "#c9cdd4", "#ffffff"),
        ("#c3c8d0", "#959ba6", "#69707c", "#414854", "#161a21"),
    ),
}  # fmt: skip

_DIVERGING = {"cold-warm": (("#4aa8ff", "#7fb2d9", "#9aa1ad", "#d9a073", "#ff8a3d"), ("#0b5fb0", "#6fa3cf", "#c9ccd2", "#dd9a66", "#b34700"))}

_CATEGORIES = {
    True: (
        "20aef6d7874faad233d8394e9752d5f3eba000928cfdaec268ffffb38ec68ed0ff7baa7bc655bdbdf65e847bd9a18400c6b37b"
        "d9d071558effe35597ff8ec6c6a10097b3e397ecd0aa6868a1bd4c09b355d97be368d09726ec97ff71aabd71b3aaffbd6871ec"
        "bd5e1cc68efff6b3ff68a1397b71aae3aa26aa71ecc6aaffe3e31cd0428484976868b3a1718ed084d05eaa4cbdec5e1cd9ec84"
        "e397d900c668bd7155c6d9a1bd4ca1d05e84ec8e68d9b3e309a18ef6d055428e4cd068c6a17ba17bff979797e384e37b7becec"
        "55d0ecf671397bbd8ea1d0aaaae34caaecaac68eb3718e5ed08e7bb38e39bdc67b8e71bdd9bd5e71bdffecd0ffd071847ba1d0"
        "ffc6ecc6f6d0f6a1bd97ffe3b3aa427b842fecbd00a17bffe397a1d05e395597717171d08eb3556884ecb37bd99784bda15ed0"
        "84e3d08ea1ff8e8ef68e9700ec7bd997a14caaa15e68c67b26c6b300b3b3ffbdb35eaa8ee34c7b4cd98e8468e3c6d05ec67baa"
        "b3ec68d9d98e7bd0d0e38497e37b1ce3f64ce37197aac64c00ffbd"
    ),
    False: (
        "3d5e8dfb700697a97494244b670ab1736a002d90c2b07387094c006800687b5ed900bdb3d0394cd07bec2f845ea142b3714268"
        "d055b3421397a171ec4c551c68aa1c7b003942428ed97b978e6897aa2f846842aa8e97ff552f5584974c5e84008e4c5ebd4c7b"
        "84137bb32642b38ed0a10000d05e264c5ec65e7bc6d097554c6839685ea109aa97005e39a1685e8484d9bd847b6839265e9768"
        "847baa7b84ff5539718e2f7baa5ed98e84395526a1a14c71007171680084c668d98e6839d97168685e1c5542bd7bb38eb34cb3"
        "682626b384b384000013a1ec84005e554c97b39700008e842fbd55682f84ec554ca18ee37b4c8e7b422f7b71e3a17ba11371bd"
        "bd5e7be3558ebd5ec65539a184b32f718e4c4ca15e392f8e5e2f42a1a142712668f668aa8e5ed0b34255714ca1974c2671004c"
        "7197bda11c68715e8e7b68aaaa711ce368b3684cbd4c714c265539395e00bd71427b2f5e71a1d0422f71395eaa842f3968428e"
        "d071c65ebd68c68e84c64ca16868c6428e26c6717b55aaf671264c"
    ),
}

DEFAULTS = {"density": "ember", "numbers": "viridis"}


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
