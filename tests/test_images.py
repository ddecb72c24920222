"""Images of records: only real ones, only from inside the store, nothing from elsewhere unasked."""

import base64
import struct
import zlib

import pandas as pd
import pytest
from fsspec.registry import _registry
from fsspec.spec import AbstractFileSystem

from bigview.app.images import LARGEST, Place, images, inside, kind_of, place_of_value, places
from bigview.app.state import first_coloring
from bigview.build.points import build_points
from bigview.store.files import Folder
from bigview.stores import open as open_store

SVG = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"


def _png() -> bytes:
    """Return a red pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head, body = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0), zlib.compress(b"\0\xff\0\0")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


PNG = _png()


@pytest.mark.parametrize("name", ["/etc/a.png", "../a.png", "a/../../b.png", "..\\a.png", "C:a.png", "file:///etc/a.png"])
def test_names_that_lead_out_are_no_places(name):
    assert not inside(name)


def test_kinds_are_told_by_their_bytes():
    assert kind_of(PNG) == "image/png"
    assert kind_of(b"\xff\xd8\xff\xe0") == "image/jpeg"
    assert kind_of(b"GIF89a") == "image/gif"
    assert kind_of(b"RIFF\0\0\0\0WEBPVP8 ") == "image/webp"
    for other in (SVG, b"", b"RIFF\0\0\0\0WAVE", b"<html>"):
        assert kind_of(other) is None


def test_files_of_the_folder_and_nothing_else(tmp_path):
    root = tmp_path / "a.bv"
    (root / "images").mkdir(parents=True)
    (root / "images" / "good.png").write_bytes(PNG)
    (root / "images" / "svg.png").write_bytes(SVG)
    (root / "images" / "huge.png").write_bytes(PNG + bytes(LARGEST))
    (tmp_path / "secret.png").write_bytes(PNG)
    (root / "images" / "link.png").symlink_to(tmp_path / "secret.png")
    names = ["images/good.png", "images/svg.png", "images/link.png", "images/none.png", "../secret.png", "images/huge.png"]
    shown = images(Folder(str(root)), [Place(name, name) for name in names])
    assert [one["name"] for one in shown] == ["images/good.png", "images/huge.png"]
    assert base64.b64decode(shown[0]["data"].removeprefix("data:image/png;base64,")) == PNG
    assert "larger" in shown[1]["note"]


def test_what_a_record_may_show(tmp_path):
    table = pd.DataFrame(
        {
            "x": [0.0],
            "y": [0.0],
            "bytes": [PNG],
            "program": [SVG],
            "file": ["images/a.JPG"],
            "web": ["https://example.org/a.png?size=2"],
            "script": ["javascript://example.org/%0aalert(1)//a.png"],
            "page": ["https://example.org/"],
            "outside": ["../../a.png"],
        }
    )
    build_points(table, str(tmp_path / "a.bv"), x="x", y="y")
    store = open_store(str(tmp_path / "a.bv"))
    found = {place.column: place for place in places(store.take(row_ids=[0]), store.manifest, store.reader.folder)}
    assert set(found) == {"bytes", "file", "web"}
    assert found["web"].remote == "example.org"
    (web,) = images(store.reader.folder, [found["web"]])
    assert web == {"name": "web", "address": "https://example.org/a.png?size=2", "host": "example.org"}, "it is fetched by the visitor's click alone"


class Web(AbstractFileSystem):
    """Stands for that of the web, which wants a package more: no file is read here."""

    protocol = "https"

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path


@pytest.mark.parametrize("url", ["{root}", "file://{root}", "memory://shelf/a.bv", "https://example.org/a%20shelf/a.bv"])
def test_addresses_of_the_store_s_own_folder_are_its_files(tmp_path, url, monkeypatch):
    monkeypatch.setitem(_registry, "https", Web)
    root = tmp_path / "a shelf" / "a.bv"
    folder = Folder(url.format(root=root))
    base = root.as_uri() if folder.is_local else folder.url
    assert place_of_value("a", f"{base}/images/a%20b.png", folder) == Place("a", "images/a b.png")
    assert place_of_value("a", f"{base}/../secret.png", folder) is None
    assert place_of_value("a", f"{base}/%2e%2e/secret.png", folder) is None
    assert place_of_value("a", f"{base}//etc/a.png", folder) is None
    other = place_of_value("a", f"{base}2/a.png", folder)
    assert other is None or other.remote == "example.org"
    if folder.is_local:
        assert place_of_value("a", f"{root}/images/a.png", folder) == Place("a", "images/a.png")
        assert place_of_value("a", f"{root.parent}/a.png", folder) is None


def test_names_of_images_give_no_colours(tmp_path):
    table = pd.DataFrame({"x": range(300), "y": range(300), "kind": ["a", "b", "c"] * 100, "file": [f"images/{row % 40}.png" for row in range(300)]})
    build_points(table, str(tmp_path / "a.bv"), x="x", y="y")
    store = open_store(str(tmp_path / "a.bv"))
    assert store.columns["file"] == "category"
    assert first_coloring(store) == "kind"
