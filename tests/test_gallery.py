"""Small images: what is no image is not decoded, and a page of a gallery is that of the table."""

import base64
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bigview.app.gallery import PAGE, Page, pages_of, tiles
from bigview.app.images import kind_of
from bigview.app.thumbnails import SIDE, image_columns, small, thumbnails
from bigview.build.points import build_points
from bigview.spec import Filters
from bigview.store.files import Folder
from bigview.stores import open as open_store
from tests.test_images import PNG, SVG

ROWS = 130


def image(format: str, size: tuple[int, int], mode: str = "RGB") -> bytes:
    made = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], len(mode)), np.uint8)
    Image.fromarray(noise, mode if mode == "RGBA" else None).save(made, format)
    return made.getvalue()


def opened(url: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "WEBP"])
def test_a_large_image_becomes_small(format):
    made = opened(small(image(format, (700, 350))))
    assert made.size == (SIDE, SIDE // 2)


def test_what_is_small_stays_as_it_is_and_what_is_clear_stays_clear():
    assert base64.b64decode(small(PNG).partition(",")[2]) == PNG
    assert opened(small(image("PNG", (400, 400), "RGBA"))).mode == "RGBA"


def test_what_is_no_image_is_not_shown():
    bomb = bytearray(image("PNG", (300, 300)))
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2
    for data in (b"", SVG, image("PNG", (300, 300))[:40], image("BMP", (9, 9)), bytes(bomb)):
        assert small(data) is None


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("gallery"), np.random.default_rng(1)
    table = pd.DataFrame(
        {
            "x": rng.normal(size=ROWS),
            "y": rng.normal(size=ROWS),
            "photo": [image("JPEG", (300, 200)) if row % 5 else None for row in range(ROWS)],
            "file": [f"images/{row}.png" for row in range(ROWS)],
            "web": [f"https://pictures.example.org/{row}.jpg" for row in range(ROWS)],
            "sound": [b"RIFF\0\0\0\0WAVE"] * ROWS,
            "text": [f"number {row}" for row in range(ROWS)],
        }
    )
    build_points(table, str(folder / "a.bv"), x="x", y="y", quiet=True, texts=["file", "web"])
    (folder / "a.bv" / "images").mkdir()
    (folder / "a.bv" / "images" / "7.png").write_bytes(PNG)
    return open_store(str(folder / "a.bv"))


def test_columns_of_images(store):
    assert set(image_columns(store)) == {"photo", "file", "web"}


@pytest.mark.parametrize("mixed", [False, True])
def test_pages_are_those_of_the_table(store, mixed):
    where = Filters.of("x > -1")
    truth = store.rows(where=where, sample=mixed, limit=ROWS)
    assert len(truth) > PAGE
    for number in range(pages_of(len(truth))):
        found = tiles(store, Page(where, None, "photo", mixed, number))
        part = truth.iloc[number * PAGE : (number + 1) * PAGE]
        assert [tile["id"] for tile in found.tiles] == part["__row"].tolist()
        assert [tile["title"] for tile in found.tiles] == part["text"].tolist()
        for tile, value in zip(found.tiles, part["photo"], strict=True):
            assert ("data" in tile) == (value is not None)
            assert value is not None or tile["note"] == "no image"
        assert found.total == len(truth)
    assert tiles(store, Page(where, None, "photo", mixed, 99)).number == number
    assert tiles(store, Page(Filters.of("x > 99"), None, "photo", mixed)).tiles == []


def test_files_and_addresses(store):
    found = {tile["title"]: tile for number in range(3) for tile in tiles(store, Page(Filters(), None, "file", False, number)).tiles}
    assert kind_of(base64.b64decode(found["number 7"]["data"].partition(",")[2])) == "image/png"
    assert found["number 8"]["note"] == "no such file"
    web = tiles(store, Page(Filters(), None, "web", False)).tiles[0]
    assert web["host"] == "pictures.example.org"
    assert "data" not in web
    assert thumbnails(Folder("."), "file", ["../../etc/passwd.png", "javascript://a.png", None, 5]) == [{"note": "no image"}] * 4
