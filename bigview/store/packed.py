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
from bigview.part import digest
from bigview.spec import Clause, Filter, Filters, RowSet
from bigview.state import VERSION, Spec

_FEW_CORNERS = 100  # of a polygon in the JSON text; larger ones and all sets of rows are bytes
_LONGEST = 1 << 28  # bytes that a polygon may unpack to: five million corners


@dataclass(frozen=True)
class Packed:
    """An expression as it is kept: JSON text, bytes of the parts it refers to by number, and a digest of the content."""

    text: str
    parts: tuple[bytes, ...]
    digest: str


def pack(where: Filters) -> Packed:
    """Return the form in which a condition is kept."""
    parts: list[bytes] = []
    values = {"version": VERSION, "filters": _entries(where, parts)}
    return Packed(json.dumps(values, ensure_ascii=False, allow_nan=False), tuple(parts), digest_of(where))


def digest_of(where: Filters) -> str:
    """Return the digest of a condition; of one clause it is the digest that a link has for it."""
    found = sorted(map(_clause_digest, where.clauses))
    return found[0] if len(found) == 1 else blake2b(json.dumps(found).encode(), digest_size=8).hexdigest()


def _clause_digest(clause: Clause) -> str:
    kind, value = clause
    if kind == "steps":
        return blake2b(json.dumps([[op, digest_of(part)] for op, part in value]).encode(), digest_size=8).hexdigest()
    return digest(_plain(clause))


def _plain(clause: Clause) -> Filter:
    """Return a clause as the part of a spec, where times are texts, whatever library they came from."""
    kind, value = clause
    [part] = Spec(filters=[Filter(**{kind: value})]).filters
    if not isinstance(part, Filter):
        raise OptionError(f"A saved selection holds conditions, not {part!r}.")
    return part


def _entries(where: Filters, parts: list[bytes]) -> list[dict[str, Any]]:
    return [_entry(clause, parts) for clause in where.clauses]


def _entry(clause: Clause, parts: list[bytes]) -> dict[str, Any]:
    kind, value = clause
    if kind == "steps":
        return {"steps": [{"op": op, "filters": _entries(part, parts)} for op, part in value]}
    if kind == "rows":
        parts.append(_packed_rows(value))
        return {"rows": {"part": len(parts) - 1}}
    [entry] = json.loads(Spec(filters=[_plain(clause)]).to_json())["filters"]
    if kind == "polygon" and len(value) > _FEW_CORNERS:
        parts.append(zlib.compress(json.dumps(entry["polygon"]).encode(), 6))
        return {"polygon": {"part": len(parts) - 1}}
    return dict(entry)


def _packed_rows(rows: RowSet) -> bytes:
    """Return ascending numbers as a Parquet file of their differences: half a byte to two bytes each."""
    sink = pa.BufferOutputStream()
    options = {"compression": "zstd", "use_dictionary": False, "column_encoding": {"row": "DELTA_BINARY_PACKED"}, "write_statistics": False}
    pq.write_table(pa.table({"row": pa.array(rows.ids, pa.int64())}), sink, **options)
    return bytes(sink.getvalue())


def unpack(text: str, parts: Sequence[bytes]) -> Filters:
    """Return the condition of a kept expression.

    Raises
    ------
    InputError
        When the text or a part is not what `pack` makes.
    """
    try:
        return _filters(json.loads(text)["filters"], parts)
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


def _filters(entries: list[dict[str, Any]], parts: Sequence[bytes]) -> Filters:
    return Filters.of(*(_condition(entry, parts) for entry in entries))


def _condition(entry: dict[str, Any], parts: Sequence[bytes]) -> Filter | Filters:
    [(kind, value)] = entry.items()
    if kind == "steps":
        return Filters.stepwise((step["op"], _filters(step["filters"], parts)) for step in value)
    if isinstance(value, dict):
        data = parts[int(value["part"])]
        if kind == "rows":
            return Filter(rows=RowSet.of(_rows(data)))
        value = json.loads(zlib.decompressobj().decompress(data, _LONGEST))
    [part] = Spec.from_json({"version": VERSION, "filters": [{kind: value}]}).filters
    if not isinstance(part, Filter):
        raise OptionError("it refers to another selection")
    return part


def _rows(data: bytes) -> NDArray[np.int64]:
    return np.asarray(pq.read_table(pa.BufferReader(data))["row"].to_numpy(), np.int64)


def described(where: Filters) -> str:
    """Return a condition in words, for people."""
    return " AND ".join(_told(clause) for clause in where.clauses) or "all rows"


def _told(clause: Clause) -> str:
    kind, value = clause
    if kind == "steps":
        return "(" + ", ".join(f"{op} {described(part)}" for op, part in value) + ")"
    if kind == "rows":
        return f"{len(value.ids):,} rows by number"
    if kind == "polygon":
        return f"a polygon of {len(value):,} corners"
    return f"part {value[0] + 1} of {value[1]} by a hash" if kind == "split" else f"({value})"


def expressions(where: Filters) -> list[str]:
    """Return the SQL expressions of a condition, those within its steps too."""
    found = [value for kind, value in where.clauses if kind == "sql"]
    return found + [text for kind, value in where.clauses if kind == "steps" for _, part in value for text in expressions(part)]


def kinds(where: Filters) -> set[str]:
    """Return the kinds of clauses of a condition, those within its steps too."""
    found = {str(kind) for kind, _ in where.clauses}
    return found.union(*(kinds(part) for kind, value in where.clauses if kind == "steps" for _, part in value))
