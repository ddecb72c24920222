"""render(): images with title, legend or colour bar, pixel for pixel the frame's."""

import io
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import bigview as bv
from bigview.config import override
from bigview.errors import ColumnError, OptionError, TooLargeError
from bigview.raster.canvas import png
from bigview.raster.frame import frame
from bigview.raster.palettes import background
from bigview.raster.render import readable, shortened
from bigview.raster.shade import blended
from tests.views import store, table


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> bv.PointStore:
    """Return a store with a title and a credit."""
    report = {"credit": "Rows & numbers: the test", "licence": "CC0"}
    return store(tmp_path_factory.mktemp("render"), table(5000), title="Points <b>of</b> the test", report=report)


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


@pytest.mark.parametrize("by", [None, "label", "score"])
@pytest.mark.parametrize("dark", [True, False])
def test_the_map_is_the_frame(points: bv.PointStore, tmp_path: Path, by: "str | None", dark: bool) -> None:
    path = tmp_path / "map.png"
    picture = points.render(path, width=700, by=by, dark=dark, where="votes > 100")
    assert pixels(path).shape[1::-1] == picture.size
    assert picture.size[0] == 700
    style = bv.Style(by=by, dark=dark)
    wanted = blended(frame(points, picture.view, style, "votes > 100").rgba, background(dark))[::-1]
    height, width = wanted.shape[:2]
    assert (pixels(path)[picture.top : picture.top + height, picture.left : picture.left + width] == wanted).all()


def test_a_view_is_drawn_with_exactly_its_pixels(points: bv.PointStore) -> None:
    view = bv.View((0, 2), (0, 1), 300, 200)
    picture = points.render(view=view)
    assert picture.view == view
    assert picture.frame.drawing is frame(points, view).drawing
    assert picture.size[0] > 300
    assert picture.size[1] > 200


def test_width_and_height_are_those_of_the_image(points: bv.PointStore, tmp_path: Path) -> None:
    points.render(tmp_path / "a.png", width=640, height=480)
    assert pixels(tmp_path / "a.png").shape == (480, 640, 3)
    (x0, x1), (y0, y1) = points.render(width=640, height=480).view.x_range, points.render(width=640, height=480).view.y_range
    (a, b), (c, d) = points.home
    assert x0 <= a
    assert x1 >= b
    assert y0 <= c
    assert y1 >= d


def test_ranges_choose_a_part(points: bv.PointStore) -> None:
    picture = points.render(width=500, view=((0, 1), (0, 1)))
    assert picture.view.x_range == (0, 1)
    assert picture.view.width == picture.view.height


def test_svg_holds_texts_as_texts_and_the_same_pixels(points: bv.PointStore, tmp_path: Path) -> None:
    path = tmp_path / "map.svg"
    picture = points.render(path, width=600, by="label")
    root = ET.fromstring(path.read_text(encoding="utf-8"))
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "Points <b>of</b> the test" in texts
    assert "Rows & numbers: the test · CC0" in texts
    assert {"a", "b", "c", "d"} < set(texts)
    image = next(root.iter("{http://www.w3.org/2000/svg}image"))
    assert (image.get("width"), image.get("height")) == (str(picture.view.width), str(picture.view.height))
    import base64

    inner = np.asarray(Image.open(io.BytesIO(base64.b64decode(str(image.get("href")).partition(",")[2]))))
    assert (inner == blended(picture.frame.rgba, background(True))[::-1]).all()


def test_pdf(points: bv.PointStore, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "map.pdf"
    picture = points.render(path, width=600, by="label", title="Costs $5_{x}")
    data = path.read_bytes()
    assert data.startswith(b"%PDF")
    assert data.rstrip().endswith(b"%%EOF")
    assert b"/Width %d" % picture.view.width in data
    assert path.with_suffix(".PDF").suffix.lower() == ".pdf"


def test_pixels_an_inch_are_the_size_in_print(points: bv.PointStore, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    for suffix in (".png", ".svg", ".pdf"):
        points.render(tmp_path / f"map{suffix}", width=600, height=450, dpi=300)
    with Image.open(tmp_path / "map.png") as image:
        assert image.size == (600, 450)
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.02)
    assert 'width="2in" height="1.5in" viewBox="0 0 600 450"' in (tmp_path / "map.svg").read_text()
    assert b"/MediaBox [ 0 0 144 108 ]" in (tmp_path / "map.pdf").read_bytes()
    with pytest.raises(OptionError, match="pixels an inch"):
        points.render(width=600, dpi=0.5)


def test_axes_are_named_where_they_mean_something(points: bv.PointStore, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    prices = pd.DataFrame({"when": pd.date_range("2021", periods=400, freq="D"), "price": random.random(400) * 1e6})
    dated = store(tmp_path, prices, x="when", y="price")
    texts = [item.text for item in dated.render(width=800).sheet.items if hasattr(item, "text")]
    assert "when" in texts
    assert "price" in texts
    assert any(text.startswith("2021-") for text in texts)
    assert any(text.endswith("00,000") for text in texts)
    plain = [item.text for item in points.render(width=800).sheet.items if hasattr(item, "text")]
    assert "x" not in plain
    assert "y" not in plain


def test_a_colour_bar_or_a_legend(points: bv.PointStore) -> None:
    texts = [item.text for item in points.render(width=800, by="score").sheet.items if hasattr(item, "text")]
    assert "mean score" in texts
    texts = [item.text for item in points.render(width=800, by="label").sheet.items if hasattr(item, "text")]
    assert any(text.replace(",", "").isdigit() for text in texts)


def test_a_legend_that_is_too_long_is_cut(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    many = pd.DataFrame({"x": random.random(3000), "y": random.random(3000), "kind": random.integers(0, 40, 3000).astype(str)})
    kinds = store(tmp_path, many, categories=["kind"])
    items = kinds.render(width=900, height=300, by="kind").sheet.items
    texts = [item.text for item in items if hasattr(item, "text")]
    assert "others" in texts
    assert all(item.baseline < 300 for item in items if hasattr(item, "text"))


def test_wrong_options(points: bv.PointStore, tmp_path: Path) -> None:
    for options, message in [
        ({"path": tmp_path / "a.gif"}, "no suffix that says"),
        ({"path": tmp_path / "none" / "a.png"}, "does not exist"),
        ({"width": 3}, "width must be"),
        ({"height": 2.5}, "height must be"),
        ({"colour": "label"}, "no option 'colour'"),
        ({"view": 3}, "view must be"),
    ]:
        with pytest.raises(OptionError, match=message):
            points.render(**options)
    with pytest.raises(ColumnError):
        points.render(by="labels")
    with pytest.raises(TooLargeError):
        points.render(width=20_000, height=20_000)
    assert list(tmp_path.iterdir()) == []


def test_an_image_is_whole_or_absent(points: bv.PointStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "map.png"
    points.render(path, width=200)
    before = path.read_bytes()

    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        points.render(path, width=220)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["map.png"]


def test_it_shows_itself_in_jupyter(points: bv.PointStore) -> None:
    assert points.render(width=200)._repr_png_().startswith(b"\x89PNG")


def test_strange_texts() -> None:
    assert readable("a\x00b\u202ec\nd\t") == "abc d"
    assert shortened("x" * 50, 10) == "x" * 9 + "…"


@given(st.integers(1, 900), st.integers(1, 40), st.integers(0, 2**31), st.integers(1, 4))
def test_png_in_stripes(height: int, width: int, seed: int, threads: int) -> None:
    picture = np.random.default_rng(seed).integers(0, 4, (height, width, 3)).astype(np.uint8) * 60
    with override(threads=threads):
        image = Image.open(io.BytesIO(png(picture)))
        image.load()
    assert (np.asarray(image) == picture).all()
