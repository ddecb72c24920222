"""Which font draws which part of a text: DejaVu Sans, and for the characters that it lacks a font of the machine that has them."""

import logging
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

log = logging.getLogger(__name__)

_SURE = frozenset({*map(chr, range(0x20, 0x250)), *"–—‘’“”…→−≈≤≥"})
"""Characters that DejaVu Sans is known to have: texts of these alone need no look into a font."""

_UNLIKE = (
    "italic",
    "oblique",
    "light",
    "thin",
    "black",
    "condensed",
    "narrow",
    "mono",
    "serif",
    "unifont",
    "ultra",
    "extra",
    "demi",
    "semi",
    "medium",
)
"""Parts of names of fonts that do not look like the rest of an image."""

_PLACEHOLDERS = ("lastresort", "adobeblank")
"""Fonts that have a box, or nothing, for every character."""

_LISTED = 12  # characters that a message names


@dataclass(frozen=True)
class Run:
    """A part of a text, and the file of the font that it is drawn in; None for Pillow's own."""

    text: str
    font: str | None


def runs(text: str, bold: bool = False) -> list[Run]:
    """Cut a text into parts of one font each."""
    if _SURE.issuperset(text):
        return [Run(text, main_font(bold))]
    chosen: list[str | None] = []
    for character in text:
        before = chosen[-1] if chosen else None
        # What belongs to the character before it is drawn with it; and one name is not drawn in two fonts where one has all that DejaVu Sans lacks.
        if chosen and (_is_joined(character) or (before and not _is_main(character, bold) and _has(before, character))):
            chosen.append(before)
        else:
            chosen.append(_font_of(character, bold))
    pairs = groupby(zip(chosen, text, strict=True), key=lambda pair: pair[0])
    return [Run("".join(character for _, character in pair), font) for font, pair in pairs]


@lru_cache(maxsize=2)
def main_font(bold: bool) -> str | None:
    """Return the file of DejaVu Sans, which matplotlib brings along; the module itself is not loaded."""
    found = find_spec("matplotlib")
    if found is None or found.origin is None:
        return None
    path = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")
    return str(path) if path.exists() else None


def tell_of_boxes(text: str) -> None:
    """Say, once for each character, which of a text no font of this machine has."""
    lacking = [one for one in dict.fromkeys(text) if one not in _SURE and one not in _told and _is_lacking(one)]
    if not lacking:
        return
    _told.update(lacking)
    listed = ", ".join(f"{one} (U+{ord(one):04X})" for one in lacking[:_LISTED]) + (
        f" and {len(lacking) - _LISTED} more" if lacking[_LISTED:] else ""
    )
    log.warning("No font of this machine has %s: drawn as boxes. Install a font that has them, such as Noto Sans CJK for Chinese.", listed)


_told: set[str] = set()


def _is_lacking(character: str) -> bool:
    font = None if _is_joined(character) else _font_of(character, False)
    return font is not None and not _has(font, character)


def _is_joined(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in ("Mn", "Me", "Cf")


def _is_main(character: str, bold: bool) -> bool:
    main = main_font(bold)
    return main is None or _has(main, character)


@lru_cache(maxsize=1 << 16)
def _font_of(character: str, bold: bool) -> str | None:
    """Return the font of a character: the first that has it, else the main one, which draws a box."""
    main = main_font(bold)
    return main if _is_main(character, bold) else next((path for path in _others(bold) if _has(path, character)), main)


def _has(path: str, character: str) -> bool:
    codes = _codes(path)
    at = int(np.searchsorted(codes, ord(character)))
    return at < len(codes) and int(codes[at]) == ord(character)


_reading = Lock()


@lru_cache(maxsize=1 << 14)
def _codes(path: str) -> NDArray[np.int32]:
    """Return the characters that a font has, ascending; none if it cannot be drawn at every size."""
    with _reading:  # FreeType's library is not made for threads
        try:
            from matplotlib.ft2font import FT2Font
            from PIL import ImageFont

            ImageFont.truetype(path, 12)
            font: Any = FT2Font(path)
            found = font.get_charmap() if font.scalable else {}
        except (ImportError, OSError, RuntimeError, ValueError):  # an image format, a damaged file
            found = {}
    return np.fromiter(sorted(found), np.int32, len(found))


@lru_cache(maxsize=2)
def _others(bold: bool) -> tuple[str, ...]:
    """Return the fonts of the machine, those first that look like DejaVu Sans."""
    try:
        from matplotlib.font_manager import findSystemFonts
    except ImportError:
        return ()

    def likeness(path: str) -> tuple[bool, int, bool, bool, str]:
        name = Path(path).stem.lower()
        plain = name.replace("sansserif", "")
        return name.startswith(_PLACEHOLDERS), sum(part in plain for part in _UNLIKE), ("bold" in name) != bold, "sans" not in name, name

    return tuple(path for path in sorted(map(str, findSystemFonts()), key=likeness) if not Path(path).stem.lower().startswith(_PLACEHOLDERS))
