"""Vectors become two more columns: the positions."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bigview.build.found import described, is_address
from bigview.build.options import BuildOptions
from bigview.build.parts import Beside, Reading, Source, read_part
from bigview.build.progress import Progress, callback
from bigview.build.vectors import Vectors, as_vectors
from bigview.build.writing import disk_errors
from bigview.errors import InputError, OptionError, missing_column
from bigview.store.files import Folder


@dataclass(frozen=True)
class Placed:
    """A source with its positions, and what is known about them."""

    source: Source
    vectors: dict[str, Any]
    report: dict[str, Any]


def is_file(vectors: Any) -> bool:
    """Whether vectors are the path of a `.npy` file and not the name of a column."""
    return is_address(vectors) and str(vectors).lower().endswith(".npy")


def position_names(names: list[str], project: str) -> tuple[str, str]:
    """Return names for the positions that no column has."""
    for pair in (("x", "y"), (f"{project}_x", f"{project}_y")):
        if not set(pair) & set(names):
            return pair
    raise OptionError(f"The source has columns {project}_x or {project}_y already; the positions need these names. Rename yours (rename=…).")


def check_vectors(vectors: Any, schema: pa.Schema, where: str) -> None:
    """Refuse what are no vectors, before anything is read."""
    if not isinstance(vectors, str) or is_file(vectors):
        return
    if vectors not in schema.names:
        raise missing_column(vectors, schema.names, where)
    kind = schema.field(vectors).type
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if not lists or not (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)):
        raise InputError(f"Column {vectors!r} of {where} holds {kind}; vectors are lists of numbers, one list a row.")


def with_positions(source: Source, vectors: Any, options: BuildOptions, work: Folder, tell: Progress) -> Placed:
    """Project the vectors and return the source with the positions beside it."""
    from bigview.build.project import project

    found = _column(source, vectors) if isinstance(vectors, str) and not is_file(vectors) else _matrix(source, vectors, options.limit)
    with TemporaryDirectory() as scratch:
        local = work.is_local
        if local:
            work.make()
        out = Path(work.path("positions.npy")) if local else Path(scratch) / "positions.npy"
        with disk_errors(work):
            made = project(found, options.project, options.seed, out=out, progress=callback(tell))
        for line in made.text().splitlines():
            tell.note(line)
        if not local:
            with work.writer("positions.npy") as file:
                file.write(out.read_bytes())
    names = position_names(source.reading.schema.names, options.project)
    schema = source.reading.schema
    for name in names:
        schema = schema.append(pa.field(name, pa.float32()))
    path = str(out) if local else f"{work.url.rstrip('/')}/positions.npy"
    reading = Reading(schema, source.reading.renamed, (*source.reading.beside, Beside(path, names)))
    quality = {key: value.tolist() if hasattr(value, "tolist") else value for key, value in asdict(made.quality).items()}
    report = {"method": made.projector.method, "metric": made.projector.metric, "seed": options.seed, "preservation": quality}
    told = {**_origin(source, vectors), "dimensions": found.width}
    return Placed(replace(source, reading=reading), told, {"projection": {**report, "seconds": made.seconds}})


def _origin(source: Source, vectors: Any) -> dict[str, Any]:
    """Return where the vectors are, so that they need no copy."""
    if is_file(vectors):
        file = described(str(vectors), 0)
        return {"path": str(Path(file.path).absolute()), "column": None, "bytes": file.bytes, "modified": file.modified}
    files = source.files
    column = vectors if isinstance(vectors, str) else None
    if not files:
        return {"path": None, "column": column, "bytes": 0, "modified": ""}
    path = files[0].path if len(files) == 1 else [file.path for file in files]
    size, modified = sum(file.bytes for file in files), max(file.modified for file in files)
    return {"path": path, "column": source.reading.renamed.get(str(column), column), "bytes": size, "modified": modified}


def _matrix(source: Source, vectors: Any, limit: int | None) -> Vectors:
    found = as_vectors(vectors)
    rows = found.rows if limit is None else min(limit, found.rows)
    if rows != source.rows:
        raise InputError(f"There are {found.rows:,} vectors for {source.rows:,} rows of {source.where}. Row i of both must belong together.")
    if rows == found.rows:
        return found
    if found.array is None:
        raise OptionError("A limit needs vectors in one array or .npy file.")
    return as_vectors(found.array[:rows])


def _column(source: Source, name: str) -> Vectors:
    """Return a column of lists as vectors, read partition by partition as often as they are needed."""
    width = 0
    for part in source.parts:
        width = _width(read_part(source.reading, replace(part, rows=min(part.rows, 4096)), [name]).column(name))
        if width:
            break
    if not width and source.rows:
        raise InputError(f"Column {name!r} of {source.where} holds no vectors.")

    def read() -> Iterator[NDArray[Any]]:
        for part in source.parts:
            for chunk in read_part(source.reading, part, [name]).column(name).chunks:
                yield _dense(chunk, width, name)

    return Vectors(source.rows, max(width, 1), read)


def _width(column: pa.ChunkedArray) -> int:
    for chunk in column.chunks:
        lengths = pc.list_value_length(_plain(chunk).drop_null())
        if len(lengths):
            return int(lengths[0].as_py())
    return 0


def _plain(chunk: pa.Array) -> pa.Array:
    return chunk.storage if isinstance(chunk, pa.ExtensionArray) else chunk


def _dense(chunk: pa.Array, width: int, name: str) -> NDArray[Any]:
    """Return lists of equal length as a matrix; a missing vector becomes NaN."""
    chunk = _plain(chunk)
    there = chunk.is_valid().to_numpy(zero_copy_only=False)
    lists = chunk.drop_null()
    lengths = pc.list_value_length(lists).to_numpy(zero_copy_only=False)
    if (lengths != width).any():
        row = int(np.flatnonzero(lengths != width)[0])
        raise InputError(f"Column {name!r} holds vectors of unequal length: {width} numbers, and {int(lengths[row])} further on.")
    values = pc.cast(lists.flatten(), pa.float32(), safe=False).to_numpy(zero_copy_only=False)  # a missing number becomes NaN
    if there.all():
        return np.asarray(values.reshape(-1, width))
    out = np.full((len(chunk), width), np.nan, np.float32)
    out[there] = values.reshape(-1, width)
    return out
