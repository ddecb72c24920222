"""A sheet with a picture, boxes and texts on it, written as PNG, SVG or PDF."""

import base64
import html
import io
import struct
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bigview.errors import PackageMissingError
from bigview.raster.fonts import Run, main_font, runs, tell_of_boxes
from bigview.store import pool

Anchor = Literal["left", "middle", "right"]
_DPI = 100  # pixels an inch of a PDF where nothing else is said: 4096 pixels are about a metre, a poster
_FAMILY = "DejaVu Sans, Verdana, Noto Sans, sans-serif"


@dataclass(frozen=True)
class Box:
    """A filled rectangle; all measures in pixels from the left and from the top."""

    left: float
    top: float
    width: float
    height: float
    fill: str


@dataclass(frozen=True)
class Text:
    """A line of text. `left` is where its anchor is, `baseline` is where the letters stand."""

    left: float
    baseline: float
    text: str
    size: float
    fill: str
    anchor: Anchor = "left"
    bold: bool = False
    upright: bool = False


@dataclass(frozen=True, eq=False)
class Raster:
    """Pixels, shape (height, width, 3), the top row first; never resampled."""

    left: int
    top: int
    pixels: NDArray[np.uint8] = field(repr=False)


@dataclass(frozen=True, eq=False)
class Sheet:
    """What is to be drawn: the later items over the earlier ones.

    `dpi`, pixels an inch, is what a printer goes by; None where only pixels matter.
    """

    width: int
    height: int
    background: str
    items: tuple[Box | Text | Raster, ...]
    dpi: int | None = None

    def write(self, suffix: str) -> bytes:
        """Return the bytes of a file: ".png", ".svg" or ".pdf"."""
        return WRITERS[suffix](self)

    def image(self) -> Any:
        """Return the sheet as a Pillow image."""
        from PIL import Image, ImageDraw

        self.tell()
        image = Image.new("RGB", (self.width, self.height), self.background)
        draw = ImageDraw.Draw(image)
        for item in self.items:
            if isinstance(item, Raster):
                image.paste(Image.fromarray(item.pixels), (item.left, item.top))
            elif isinstance(item, Box):
                # Pillow's rectangles include their last pixel.
                right, bottom = round(item.left + item.width) - 1, round(item.top + item.height) - 1
                if right >= round(item.left) and bottom >= round(item.top):
                    draw.rectangle((round(item.left), round(item.top), right, bottom), fill=item.fill)
            elif item.upright:
                _upright(image, item)
            else:
                for left, run in _placed(item):
                    draw.text((left, item.baseline), run.text, item.fill, _font(run.font, item.size), "ls")
        return image

    def tell(self) -> None:
        """Say which characters will be boxes, since no font has them."""
        tell_of_boxes("".join(item.text for item in self.items if isinstance(item, Text)))


_BEFORE = {"left": 0.0, "middle": 0.5, "right": 1.0}
"""The share of a text that stands before its anchor."""


def text_width(text: str, size: float, bold: bool = False) -> float:
    """Return the width of a text in pixels."""
    return sum(float(_font(run.font, size).getlength(run.text)) for run in runs(text, bold))


def _placed(item: Text) -> list[tuple[float, Run]]:
    """Return the parts of a text with the place where each begins, along its line."""
    found, at = [], item.left - _BEFORE[item.anchor] * text_width(item.text, item.size, item.bold)
    for run in runs(item.text, item.bold):
        found.append((at, run))
        at += float(_font(run.font, item.size).getlength(run.text))
    return found


@lru_cache(maxsize=256)
def _font(path: str | None, size: float) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(round(size)) if path is None else ImageFont.truetype(path, round(size))


def _upright(image: Any, item: Text) -> None:
    """Draw a text that reads from below upwards."""
    from PIL import Image, ImageDraw

    long = text_width(item.text, item.size, item.bold)
    width, height = round(long) + 2, round(item.size * 1.5)
    mask = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(mask)
    for left, run in _placed(replace(item, left=1.0, anchor="left")):
        draw.text((left, item.size * 1.1), run.text, 255, _font(run.font, item.size), "ls")
    mask = mask.rotate(90, expand=True)
    above = width * (1 - _BEFORE[item.anchor])
    image.paste(item.fill, (round(item.left - item.size * 1.1), round(item.baseline - above)), mask)


def _png(sheet: Sheet) -> bytes:
    return png(np.asarray(sheet.image()), sheet.dpi)


def png(pixels: NDArray[np.uint8], dpi: int | None = None) -> bytes:
    """Return a PNG of pixels, shape (height, width, 3), that says how many are an inch; large ones are compressed in stripes, by all threads at once.

    The stripes are one deflate stream: each but the last ends with a full flush (RFC 1950 and 1951; PNG, 2003).
    """
    height, width = pixels.shape[:2]
    stripes = pool.slices(height, 256)
    parts = pool.run(lambda span: _deflated(pixels, span, span[1] == height), stripes)
    check = 1
    for _, checked, length in parts:
        check = _adler_joined(check, checked, length)
    stream = b"".join([b"\x78\x01", *(part for part, _, _ in parts), struct.pack(">I", check)])
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    metre = round((dpi or 0) / 0.0254)  # a PNG counts pixels a metre
    size = _chunk(b"pHYs", struct.pack(">IIB", metre, metre, 1)) if dpi else b""
    return b"".join([b"\x89PNG\r\n\x1a\n", _chunk(b"IHDR", header), size, _chunk(b"IDAT", stream), _chunk(b"IEND", b"")])


def _deflated(pixels: NDArray[np.uint8], span: tuple[int, int], last: bool) -> tuple[bytes, int, int]:
    """Compress rows, each against the one above it; return the bytes, the checksum and the length of what went in."""
    first, stop = span
    rows = pixels[first:stop].reshape(stop - first, -1)
    above = np.vstack([np.zeros_like(rows[:1]) if first == 0 else pixels[first - 1].reshape(1, -1), rows[:-1]])
    lines = np.empty((stop - first, rows.shape[1] + 1), np.uint8)
    lines[:, 0] = 2  # the filter "up"
    np.subtract(rows, above, out=lines[:, 1:])
    data = lines.data.cast("B")
    squeeze = zlib.compressobj(1, zlib.DEFLATED, -15)  # higher levels take ten times as long for some hundredths less
    return squeeze.compress(data) + squeeze.flush(zlib.Z_FINISH if last else zlib.Z_FULL_FLUSH), zlib.adler32(data), len(data)


def _adler_joined(first: int, second: int, length: int) -> int:
    """Return the Adler-32 of two texts from theirs and the length of the second."""
    base = 65521
    low = (first & 0xFFFF) + (second & 0xFFFF) - 1
    high = (first >> 16) + (second >> 16) + length * ((first & 0xFFFF) - 1)
    return (high % base) << 16 | low % base


def _chunk(kind: bytes, data: bytes) -> bytes:
    return b"".join([struct.pack(">I", len(data)), kind, data, struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))])


def _svg(sheet: Sheet) -> bytes:
    width, height = (f"{size / sheet.dpi:g}in" if sheet.dpi else f"{size}" for size in (sheet.width, sheet.height))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {sheet.width} {sheet.height}" font-family="{_FAMILY}">',
        f'<rect width="100%" height="100%" fill="{sheet.background}"/>',
    ]
    for item in sheet.items:
        if isinstance(item, Raster):
            height, width = item.pixels.shape[:2]
            data = base64.b64encode(png(item.pixels)).decode()
            lines.append(
                f'<image x="{item.left}" y="{item.top}" width="{width}" height="{height}" image-rendering="pixelated" '
                f'href="data:image/png;base64,{data}"/>'
            )
        elif isinstance(item, Box):
            lines.append(f'<rect x="{item.left:g}" y="{item.top:g}" width="{item.width:g}" height="{item.height:g}" fill="{item.fill}"/>')
        else:
            lines.append(_svg_text(item))
    return "\n".join([*lines, "</svg>", ""]).encode()


def _svg_text(item: Text) -> str:
    anchor = {"left": "start", "middle": "middle", "right": "end"}[item.anchor]
    turn = f' transform="rotate(-90 {item.left:g} {item.baseline:g})"' if item.upright else ""
    weight = ' font-weight="bold"' if item.bold else ""
    return (
        f'<text x="{item.left:g}" y="{item.baseline:g}" font-size="{item.size:g}" fill="{item.fill}" '
        f'text-anchor="{anchor}"{weight}{turn}>{html.escape(item.text)}</text>'
    )


def _pdf(sheet: Sheet) -> bytes:
    try:
        from matplotlib.backends.backend_pdf import FigureCanvasPdf
        from matplotlib.figure import Figure
        from matplotlib.patches import Rectangle
    except ImportError as error:
        raise PackageMissingError("A PDF is written by matplotlib: pip install matplotlib. PNG and SVG need nothing more.") from error
    sheet.tell()
    dpi = sheet.dpi or _DPI
    figure = Figure(figsize=(sheet.width / dpi, sheet.height / dpi), dpi=dpi, facecolor=sheet.background)
    page = figure.add_axes((0, 0, 1, 1))
    page.set_xlim(0, sheet.width)
    page.set_ylim(sheet.height, 0)
    page.axis("off")
    for order, item in enumerate(sheet.items):
        if isinstance(item, Raster):
            height, width = item.pixels.shape[:2]
            edges = (item.left, item.left + width, item.top + height, item.top)
            page.imshow(item.pixels, extent=edges, interpolation="none", aspect="auto", zorder=order)
        elif isinstance(item, Box):
            page.add_patch(Rectangle((item.left, item.top), item.width, item.height, facecolor=item.fill, linewidth=0, zorder=order))
        else:
            _pdf_text(page, item, dpi, order)
    page.set_xlim(0, sheet.width)  # an image moves the limits
    page.set_ylim(sheet.height, 0)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)  # said already, once and not for each
        FigureCanvasPdf(figure).print_pdf(buffer, metadata={"Creator": "bigview", "CreationDate": None})
    return buffer.getvalue()


def _pdf_text(page: Any, item: Text, dpi: int, order: int) -> None:
    """Write a text on a page; each part that has a font of its own is embedded with it."""
    style: dict[str, Any] = {"color": item.fill, "fontsize": item.size * 72 / dpi, "zorder": order, "va": "baseline", "rotation_mode": "anchor"}
    style["rotation"] = 90 if item.upright else 0
    anchor, weight = "center" if item.anchor == "middle" else item.anchor, "bold" if item.bold else "normal"
    if all(run.font == main_font(item.bold) for run in runs(item.text, item.bold)):
        text = item.text.replace("$", r"\$")
        page.text(item.left, item.baseline, text, ha=anchor, weight=weight, family="DejaVu Sans", **style)
        return
    for left, run in _placed(item):
        along = left - item.left
        place = (item.left, item.baseline - along) if item.upright else (left, item.baseline)
        page.text(*place, run.text.replace("$", r"\$"), ha="left", font=Path(run.font or ""), **style)


WRITERS: dict[str, Callable[[Sheet], bytes]] = {".png": _png, ".svg": _svg, ".pdf": _pdf}
"""How each kind of file is written, by the suffix of its name."""
