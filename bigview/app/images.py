"""Images of a record: bytes, files in the store's own folder, and addresses elsewhere, fetched only when the visitor says so."""

import base64
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import pandas as pd

from bigview.store.files import Folder
from bigview.store.manifest import Manifest

LARGEST = 2 << 20  # bytes of one image: it goes through the page's websocket, as a map does
MOST = 4  # images of a record
_ENDINGS = (".png", ".jpg", ".jpeg", ".gif", ".webp")
_LONGEST = 2_000  # characters of an address


@dataclass(frozen=True)
class Place:
    """A value that may stand for an image: bytes, the name of a file in the store's folder, or an address."""

    column: str
    held: bytes | str
    remote: str = ""  # the host, where it is an address


def places(record: pd.DataFrame, manifest: Manifest, folder: Folder) -> list[Place]:
    """Return the values of a one-row table that may stand for images, without a look at any file."""
    found: list[Place] = []
    for column in manifest.columns:
        if column.name in record.columns and column.kind in ("binary", "text", "category"):
            place = place_of_value(column.name, record[column.name].iloc[0], folder)
            if place is not None:
                found.append(place)
    return found[:MOST]


def place_of_value(column: str, value: Any, folder: Folder) -> Place | None:
    """Return what a value stands for; None where it cannot stand for an image."""
    if isinstance(value, bytes):
        return Place(column, value) if kind_of(value) else None
    if not isinstance(value, str) or len(value) > _LONGEST or any(ord(letter) < 32 for letter in value):
        return None
    value = own_name(value, folder)
    if "://" not in value:
        return Place(column, value) if value.lower().endswith(_ENDINGS) and inside(value) else None
    try:
        address = urlsplit(value)
    except ValueError:
        return None
    shown = address.scheme in ("http", "https") and address.hostname and address.path.lower().endswith(_ENDINGS)
    return Place(column, value, str(address.hostname)) if shown else None


def own_name(value: str, folder: Folder) -> str:
    """Return the name within the store's folder of a file that is given by its whole path or address; anything else as it is."""
    addresses = [folder.url]
    if folder.is_local:
        addresses += [folder.path(), Path(folder.path()).as_uri()]
    for address in addresses:
        start = address.rstrip("/") + "/"
        if value.startswith(start):
            return unquote(value[len(start) :]) if "://" in start else value[len(start) :]
    return value


def inside(name: str) -> bool:
    """Tell whether a name leads to a file inside the folder it is relative to, as it is written."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\\" not in name and ":" not in name


def kind_of(data: bytes) -> str | None:
    """Return the media type of an image by its first bytes; None for all else, SVG too: that is a program."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    return "image/webp" if data.startswith(b"RIFF") and data[8:12] == b"WEBP" else None


def images(folder: Folder, found: list[Place]) -> list[dict[str, str]]:
    """Return what the page shows of them: an image as a data URL, an address with its host, or a sentence. Reads files; not for the event loop."""
    shown: list[dict[str, str]] = []
    for place in found:
        if place.remote:
            shown.append({"name": place.column, "address": str(place.held), "host": place.remote})
            continue
        data = place.held if isinstance(place.held, bytes) else read_file(folder, place.held)
        kind = None if data is None else kind_of(data)
        if data is not None and len(data) > LARGEST:
            shown.append({"name": place.column, "note": f"The image is larger than {LARGEST >> 20} MB."})
        elif data is not None and kind is not None:
            shown.append({"name": place.column, "data": data_url(kind, data)})
    return shown


def data_url(kind: str, data: bytes) -> str:
    """Return bytes as an address that holds them."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def read_file(folder: Folder, name: str, most: int = LARGEST) -> bytes | None:
    """Return the first bytes of a file of the folder, one more than `most`; None where there is no such file inside it."""
    try:
        if not folder.is_local:
            return folder.read(name) if folder.size(name) <= most else bytes(most + 1)
        root = Path(folder.path()).resolve()
        path = (root / name).resolve()  # a link may lead elsewhere
        if not path.is_relative_to(root) or not path.is_file():
            return None
        with path.open("rb") as file:
            return file.read(most + 1)
    except (OSError, ValueError, RuntimeError):  # whatever a name of the data does to a file system
        return None
