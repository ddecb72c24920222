"""Orders that are too long for a link, kept with the generation of the store that they belong to: gone with the data whose places they name."""

import json
import re
import zlib
from hashlib import blake2b
from typing import cast

from bigview.errors import InputError, OptionError, TooLargeError
from bigview.matrixorder import Ordering, ordering_from
from bigview.plain import no_number
from bigview.store.matrix import MatrixTable

MOST = 10_000
"""Orders that are kept of one store: whoever may look at it may keep some, and none of them may fill the disk."""
LARGEST = 1 << 20
"""Bytes of one: some hundred thousand places."""
_UNPACKED = 1 << 24  # bytes that one may unpack to
_NAME = re.compile(r"[0-9a-f]{16}")


def keep_order(table: MatrixTable, ordering: Ordering) -> str:
    """Keep an order beside the cells of a store, and return its name; the same order has the same name.

    Raises
    ------
    TooLargeError, InputError
        When it is too long, when too many are kept, or when nothing can be written there.
    """
    text = json.dumps(ordering.plain({}), ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass")
    packed, name = zlib.compress(text, 9), blake2b(text, digest_size=8).hexdigest()
    table = _home(table)
    place, file = _place(table), f"{_place(table)}/{name}.json.z"
    if len(packed) > LARGEST:
        raise TooLargeError(f"The order takes {len(packed):,} bytes; up to {LARGEST:,} can be kept. Sort in another way, and move fewer lines.")
    try:
        if table.folder.exists(file):
            return name
        table.folder.within(place).make()
        if len(table.folder.names(place)) >= MOST:
            raise TooLargeError(f"{MOST:,} orders are kept in {table.folder.url}/{place} already. Remove those that no link needs.")
        table.folder.replace(file, packed)
    except OSError as error:
        raise InputError(
            f"The order cannot be kept in {table.folder.url}: {error}. Make the folder writable, or choose an order that fits a link."
        ) from error
    return name


def kept_order(table: MatrixTable, name: str) -> Ordering:
    """Return an order that was kept.

    Raises
    ------
    OptionError
        When there is none of that name, or it cannot be read.
    """
    table = _home(table)
    file = f"{_place(table)}/{name}.json.z"
    if not _NAME.fullmatch(name) or not table.folder.exists(file):
        raise OptionError(f"The order {name!r:.40} was kept with another build of {table.folder.url}, or was removed. Choose one anew.")
    try:
        unpack = zlib.decompressobj()
        text = unpack.decompress(table.folder.read(file), _UNPACKED)
        if not unpack.eof:
            raise ValueError("it is cut")
        found = ordering_from(json.loads(text, parse_constant=no_number), "the order")
    except (OSError, ValueError, RecursionError, zlib.error, OptionError) as error:
        raise OptionError(f"The order {name} in {table.folder.url} cannot be read: {error}") from error
    if any(one.by == "kept" for one in found.chain()):
        raise OptionError(f"The order {name} in {table.folder.url} stands on another one that is kept; none is written so.")
    return found


def _home(table: MatrixTable) -> MatrixTable:
    """Return the matrix beside whose cells orders are kept: of a comparison that is not written, the first of the two."""
    passing = table.manifest.layout == "comparison" and not table.folder.is_local
    return cast(MatrixTable, table.compared.pair[0]) if passing else table


def _place(table: MatrixTable) -> str:
    return f"{table.manifest.generation}/orders"
