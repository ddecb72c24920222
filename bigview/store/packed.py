"""The expression of a saved selection: JSON in the form of a spec, and its large parts as compressed bytes. No pickle anywhere."""

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bigview.errors import BigviewError, InputError, OptionError
from bigview.spec import Filter, Filters, RowSet
from bigview.state import VERSION, Op, Part, Saved, Spec, digest

_FEW_CORNERS = 100  # of a polygon in the JSON text; larger ones and all sets of rows are bytes
_LONGEST = 1 << 28  # bytes that a polygon may unpack to: five million corners

Steps = tuple[tuple[Op, Part], ...]


@dataclass(frozen=True)
class Packed:
    """An expression as it is kept: JSON text, bytes of the parts it refers to by number, and a digest of the content."""

    text: str
    parts: tuple[bytes, ...]
    digest: str


def pack(where: Filters, steps: Steps = ()) -> Packed:
    """Return the form in which a conjunction, and the steps of a selection, are kept."""
    filters = Spec(filters=[Filter(**{kind: value}) for kind, value in where.clauses]).filters
    if any(isinstance(part, Saved) for _, part in steps):
        raise OptionError("A saved selection cannot hold another one by its name as a step. Open that one, and save its parts.")
    parts: list[bytes] = []
    entries = [_entry(part, parts) for part in filters]
    taken = [{"op": op, **_entry(part, parts)} for op, part in steps]
    values = {"version": VERSION, "filters": entries, **({"selection": taken} if taken else {})}
    return Packed(json.dumps(values, ensure_ascii=False, allow_nan=False), tuple(parts), _digest(filters, steps))


def _digest(filters: Sequence[Part], steps: Steps) -> str:
    every = [("", part) for part in filters] + list(steps)
    found = [(op, digest(part)) for op, part in every if isinstance(part, Filter)]
    if len(found) == 1 and not steps:
        return found[0][1]  # the digest that a link has for a part saved under a name
    return blake2b(json.dumps(found).encode(), digest_size=8).hexdigest()


def _entry(part: Part, parts: list[bytes]) -> dict[str, Any]:
    large = isinstance(part, Filter) and (part.rows is not None or len(part.polygon) > _FEW_CORNERS)
    if not large or not isinstance(part, Filter):
        found: dict[str, Any] = json.loads(Spec(filters=[part]).to_json())["filters"][0]
        return found
    if part.rows is not None:
        parts.append(_packed_rows(part.rows))
        return {"rows": {"part": len(parts) - 1}}
    parts.append(zlib.compress(json.dumps(json.loads(Spec(filters=[part]).to_json())["filters"][0]["polygon"]).encode(), 6))
    return {"polygon": {"part": len(parts) - 1}}


def _packed_rows(rows: RowSet) -> bytes:
    """Return ascending numbers as a Parquet file of their differences: half a byte to two bytes each."""
    sink = pa.BufferOutputStream()
    options = {"compression": "zstd", "use_dictionary": False, "column_encoding": {"row": "DELTA_BINARY_PACKED"}, "write_statistics": False}
    pq.write_table(pa.table({"row": pa.array(rows.ids, pa.int64())}), sink, **options)
    return bytes(sink.getvalue())


def unpack(text: str, parts: Sequence[bytes]) -> tuple[Filters, Steps]:
    """Return the conjunction and the steps of a kept expression.

    Raises
    ------
    InputError
        When the text or a part is not what `pack` makes.
    """
    try:
        values = json.loads(text)
        filters = [_part(entry, parts) for entry in values["filters"]]
        steps = tuple(
            (entry["op"], _part({name: value for name, value in entry.items() if name != "op"}, parts)) for entry in values.get("selection", [])
        )
        spec = Spec(filters=filters, selection=steps)
        return Filters.of(*(part for part in spec.filters if isinstance(part, Filter))), spec.selection
    except (
        BigviewError,
        ValueError,
        KeyError,
        TypeError,
        IndexError,
        AttributeError,
        RecursionError,
        zlib.error,
        pa.ArrowException,
        OSError,
    ) as error:
        raise InputError(f"The expression of the saved selection cannot be read ({error}). Delete the selection, and save it again.") from error


def _part(entry: dict[str, Any], parts: Sequence[bytes]) -> Part:
    for kind, value in entry.items():
        if isinstance(value, dict):
            data = parts[int(value["part"])]
            if kind == "rows":
                return Filter(rows=RowSet.of(_rows(data)))
            unpacking = zlib.decompressobj()
            entry = {**entry, kind: json.loads(unpacking.decompress(data, _LONGEST))}
    return Spec.from_json({"version": VERSION, "filters": [entry]}).filters[0]


def _rows(data: bytes) -> NDArray[np.int64]:
    return np.asarray(pq.read_table(pa.BufferReader(data))["row"].to_numpy(), np.int64)
