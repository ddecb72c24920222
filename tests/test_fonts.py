"""Fonts of images: characters that DejaVu Sans lacks are drawn in a font that has them, and what no font has is said once."""

import io
import logging
import unicodedata
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.ft2font import FT2Font
from PIL import Image, ImageDraw, ImageFont

from bigview.raster import fonts
from bigview.raster.canvas import Sheet, Text, text_width
from bigview.raster.fonts import Run, main_font, runs, tell_of_boxes
from bigview.raster.heattexts import _fitted, _wide

OTHER = str(Path(str(main_font(False))).with_name("STIXGeneral.ttf"))
_LACKING = sorted(set(FT2Font(OTHER).get_charmap()) - set(FT2Font(str(main_font(False))).get_charmap()))
ALONE = [chr(code) for code in _LACKING if unicodedata.category(chr(code))[0] in "LS"]
NOWHERE = "\U000e0fff\u0378"


@pytest.fixture
def other(monkeypatch):
    """Let STIX be the only font of the machine besides DejaVu Sans."""
    monkeypatch.setattr(fonts, "_others", lambda bold: (OTHER,))
    monkeypatch.setattr(fonts, "_told", set())
    fonts._font_of.cache_clear()
    yield OTHER
    fonts._font_of.cache_clear()


def pixels(*items: Text) -> np.ndarray:
    return np.asarray(Sheet(200, 60, "#ffffff", items).image())


@given(st.text(st.one_of(st.sampled_from([*ALONE[:20], "a", " ", "é", "ж", "\u0301"]), st.characters(exclude_categories=("Cs",))), max_size=12))
def test_a_text_is_cut_into_what_one_font_has(text):
    found = runs(text)
    assert "".join(run.text for run in found) == text
    assert all(run.text for run in found) or not text
    for one, next_one in pairwise(found):
        assert one.font != next_one.font


def test_each_part_is_drawn_in_its_font(other):
    glyphs = "".join(ALONE[:3])
    assert runs(f"abc {glyphs} d é") == [Run("abc ", main_font(False)), Run(f"{glyphs} ", OTHER), Run("d é", main_font(False))]
    assert runs("Zürich, 5 µm → ж") == [Run("Zürich, 5 µm → ж", main_font(False))]
    image = Image.new("RGB", (200, 60), "#ffffff")
    ImageDraw.Draw(image).text((10, 40), glyphs, "#000000", ImageFont.truetype(OTHER, 20), "ls")
    assert (np.asarray(image) == pixels(Text(10, 40, glyphs, 20, "#000000"))).all()
    assert text_width(f"ab{glyphs}", 20) == pytest.approx(text_width("ab", 20) + text_width(glyphs, 20))


@pytest.mark.parametrize("upright", [False, True])
def test_texts_of_two_fonts_end_at_their_anchor(other, upright):
    text = f"ab{ALONE[0]}{ALONE[1]}x"
    wide = text_width(text, 16)
    places = {}
    for anchor in ("left", "middle", "right"):
        ink = np.argwhere(pixels(Text(100, 30, text, 16, "#000000", anchor, upright=upright)).min(axis=2) < 128)
        low, high = ink[:, 0 if upright else 1].min(), ink[:, 0 if upright else 1].max()
        places[anchor] = (low, high)
    if not upright:
        assert abs(places["right"][0] - (places["left"][0] - wide)) <= 1
        assert abs(places["middle"][0] - (places["left"][0] - wide / 2)) <= 1
        assert places["right"][1] <= 101


def test_a_pdf_holds_the_other_font(other):
    one = Sheet(200, 60, "#ffffff", (Text(10, 40, "plain", 12, "#000000"),)).write(".pdf")
    two = Sheet(200, 60, "#ffffff", (Text(10, 40, f"a{ALONE[0]}", 12, "#000000"), Text(90, 50, ALONE[1], 12, "#000000", upright=True))).write(".pdf")
    assert b"STIXGeneral" not in one
    assert b"STIXGeneral" in two
    assert io.BytesIO(two).read(4) == b"%PDF"


def test_what_no_font_has_is_said_once(other, caplog, recwarn):
    with caplog.at_level(logging.WARNING):
        for suffix in (".png", ".pdf", ".png"):
            Sheet(200, 60, "#ffffff", (Text(10, 40, f"a{NOWHERE[1]}{ALONE[0]}", 12, "#000000"),)).write(suffix)
    assert len(caplog.messages) == 1
    assert "U+0378" in caplog.messages[0]
    assert f"U+{ord(ALONE[0]):04X}" not in caplog.messages[0]
    assert not [one for one in recwarn if "Glyph" in str(one.message)]
    caplog.clear()
    tell_of_boxes("plain é →\n\t")
    assert not caplog.messages


def test_fonts_of_this_machine_are_read_or_left_out(tmp_path):
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"\0\1\0\0" + b"x" * 50)
    assert not len(fonts._codes(str(broken)))
    assert len(fonts._codes(OTHER)) == len(FT2Font(OTHER).get_charmap())
    assert len(set(fonts._others(False))) == len(fonts._others(False))


@given(st.floats(-1e9, 1e9) | st.floats(-2, 2), st.floats(25, 80), st.booleans())
def test_values_in_cells_fit_and_are_near(value, room, whole):
    text = _fitted(value, room, whole)
    if text == "…":
        assert abs(value) >= 950  # "-960" fits into the smallest cell that has a text
        return
    assert _wide(text) <= room
    shown = float(text.replace(",", "").replace("\u2212", "-"))
    assert abs(shown - value) <= max(0.05, 0.5 * 10 ** np.floor(np.log10(abs(value))) if value else 0.05) + 1e-9
