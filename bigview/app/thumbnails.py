"""Small pictures of images, made on the server: a page of a gallery must not carry the images themselves."""

import io
from typing import Any
from weakref import WeakKeyDictionary

import pandas as pd
from PIL import Image

from bigview.app.images import Place, data_url, kind_of, place_of_value, read_file
from bigview.store import pool
from bigview.store.files import Folder
from bigview.store.points import PointTable

SIDE = 168  # pixels of a thumbnail, for a tile of 112 on a dense screen
LARGEST = 32 << 20  # bytes of a file that is made small
_PIXELS = 64_000_000  # of an image that is made small: 256 MB while it is decoded
_PLAIN = 16 << 10  # bytes of an image that goes as it is, where it is also small
_LOOKED = 50  # values looked at to tell whether a column holds images
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP")

_known: WeakKeyDictionary[PointTable, tuple[str, ...]] = WeakKeyDictionary()  # what was found out of each store


def image_columns(table: PointTable) -> tuple[str, ...]:
    """Return the columns that hold images, names of files in the store's folder, or addresses of images, by a look at a few rows."""
    if table not in _known:
        _known[table] = _image_columns(table)
    return _known[table]


def _image_columns(table: PointTable) -> tuple[str, ...]:
    names = [column.name for column in table.manifest.columns if column.kind in ("binary", "text")]
    records = table.rows(columns=names, limit=_LOOKED) if names else pd.DataFrame()
    found = []
    for column in table.manifest.columns:
        if column.kind == "category":
            values = list(table.reader.categories(column.name))[:_LOOKED]
        elif column.name in names:
            values = records[column.name].dropna().tolist()
        else:
            continue
        held = [value for value in values if value not in ("", b"")]
        if held and all(place_of_value(column.name, value, table.reader.folder) for value in held):
            found.append(column.name)
    return tuple(found)


def thumbnails(folder: Folder, name: str, values: list[Any]) -> list[dict[str, str]]:
    """Return what the page shows of the values of a column: a small image as a data URL, an address with its host, or a note. Reads files."""
    return pool.run(lambda value: _tile(folder, place_of_value(name, value, folder)), values)


def _tile(folder: Folder, place: Place | None) -> dict[str, str]:
    if place is None:
        return {"note": "no image"}
    if place.remote:
        return {"address": str(place.held), "host": place.remote}
    data = place.held if isinstance(place.held, bytes) else read_file(folder, place.held, LARGEST)
    if data is None:
        return {"note": "no such file"}
    if len(data) > LARGEST:
        return {"note": f"over {LARGEST >> 20} MB"}
    made = small(data)
    return {"note": "cannot be shown"} if made is None else {"data": made}


def small(data: bytes) -> str | None:
    """Return an image of at most `SIDE` pixels as a data URL; None for what is no image, or too large a one."""
    kind = kind_of(data)
    if kind is None:
        return None
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > _PIXELS:
                return None
            if max(image.size) <= SIDE and len(data) <= _PLAIN:
                return data_url(kind, data)
            image.draft("RGB", (SIDE, SIDE))
            image.thumbnail((SIDE, SIDE))
            clear = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
            made = io.BytesIO()
            image.convert("RGBA" if clear else "RGB").save(made, "PNG" if clear else "JPEG", quality=82)
    except Exception:  # noqa: BLE001  Pillow raises whatever a broken file leads to
        return None
    return data_url("image/png" if clear else "image/jpeg", made.getvalue())
