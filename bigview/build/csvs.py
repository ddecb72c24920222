"""CSV files as a stream of Arrow batches."""

import re
from collections.abc import Iterator

import fsspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from bigview.build.found import Found, described
from bigview.build.tables import Stream, StreamRestartError, check_names
from bigview.errors import InputError

_BLOCK = 1 << 24  # bytes read at once; types are guessed from the first block
_WIDER = {pa.null(): pa.int64(), pa.int64(): pa.float64()}
_CODECS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}

Types = dict[str, pa.DataType]


def csv_stream(files: list[Found]) -> Stream:
    """Return CSV files as one stream.

    Types are guessed from the first block. When a later value does not fit, the stream asks to be read again with a wider type: whole
    numbers become floats, and everything else becomes text. Empty cells are missing values.
    """
    types: Types = {}
    first = files[0].path
    with _opened(first, types) as reader:
        schema = reader.schema
    check_names(list(schema.names), first)

    def batches() -> Iterator[pa.RecordBatch]:
        for file in files:
            yield from _batches(file, types, schema)

    where = first if len(files) == 1 else f"{len(files)} files from {first}"
    told = tuple(described(file.path, -1) for file in files)
    for name, value in files[0].constants:
        schema = schema.append(pa.field(name, pa.scalar(value).type))
    return Stream(where, schema, batches, told, bytes=sum(file.bytes * _packed(file.path) for file in told), block=_BLOCK)


def _packed(path: str) -> int:
    """Return how many times smaller a packed file is, as a rule."""
    return 4 if path.lower().endswith(tuple(_CODECS)) else 1


def _batches(file: Found, types: Types, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    path = file.path
    with _opened(path, types) as reader:
        own = reader.schema
        inside = [name for name in schema.names if name not in dict(file.constants)]
        if own.names != inside:
            raise InputError(f"{path} has the columns {', '.join(own.names)}; the first file has {', '.join(inside)}.")
        for field in own:
            types.setdefault(field.name, field.type)
        while True:
            try:
                batch = reader.read_next_batch()
            except StopIteration:
                return
            except pa.ArrowInvalid as error:
                _widen(path, error, own, types)
                raise StreamRestartError from error
            except OSError as error:
                raise InputError(f"{path} is damaged: {error}. It may have been cut short; fetch it again.") from error
            yield _tidy(batch, file, path)


def _tidy(batch: pa.RecordBatch, file: Found, path: str) -> pa.RecordBatch:
    """Return a batch with empty texts as missing values, and the columns of the file's path."""
    arrays = []
    for field, values in zip(batch.schema, batch.columns, strict=True):
        if pa.types.is_binary(field.type):
            raise InputError(
                f"{path} is not in UTF-8 (column {field.name!r}). Convert it, or load it with pandas.read_csv(…, encoding='latin-1') and "
                "build from the DataFrame."
            )
        arrays.append(pc.if_else(pc.equal(values, ""), None, values) if pa.types.is_string(field.type) else values)
    names = list(batch.schema.names)
    for name, value in file.constants:
        arrays.append(pa.repeat(pa.scalar(value), batch.num_rows))
        names.append(name)
    return pa.record_batch(arrays, names)


def _widen(path: str, error: pa.ArrowInvalid, schema: pa.Schema, types: Types) -> None:
    found = re.search(r"In CSV column #(\d+)", str(error))
    if found is None:
        raise broken_line(path, error) from error
    field = schema.field(int(found.group(1)))
    if types.get(field.name, field.type) == pa.string():
        raise broken_line(path, error) from error
    types[field.name] = _WIDER.get(types.get(field.name, field.type), pa.string())


def broken_line(path: str, error: Exception) -> InputError:
    """Return what is said of a CSV file that cannot be read."""
    text = " ".join(str(error).split())
    if "Empty CSV file" in text:
        return InputError(f"{path} is empty: not even a line with the names of the columns.")
    text = re.sub(r"^CSV parse error: ", "", text)
    return InputError(f"{path} has a broken line. {text[:300]}. Mend or remove that line.")


def _opened(path: str, types: Types) -> pyarrow.csv.CSVStreamingReader:
    try:
        with csv_bytes(path) as head:
            separator = separator_of(path, head.read(1 << 16))
        return pyarrow.csv.open_csv(
            csv_bytes(path),
            read_options=pyarrow.csv.ReadOptions(block_size=_BLOCK),
            parse_options=pyarrow.csv.ParseOptions(delimiter=separator, newlines_in_values=True),
            convert_options=pyarrow.csv.ConvertOptions(column_types=types, strings_can_be_null=False),
        )
    except pa.ArrowInvalid as error:
        raise broken_line(path, error) from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}.") from error


def csv_bytes(path: str) -> pa.NativeFile:
    """Open a file, unpacked."""
    filesystem, inner = fsspec.core.url_to_fs(path)
    if "file" in filesystem.protocol:
        return pa.input_stream(inner)  # unpacks by the ending of the name
    file = pa.PythonFile(filesystem.open(inner, "rb"), mode="r")
    codec = next((name for ending, name in _CODECS.items() if path.endswith(ending)), None)
    return pa.CompressedInputStream(file, codec) if codec else file


def separator_of(path: str, head: bytes) -> str:
    """Return what stands between the values of a CSV file, by its first line."""
    line = re.sub(rb'"[^"]*"', b"", head.split(b"\n", 1)[0])
    if ".tsv" in path.lower().rpartition("/")[2]:
        return "\t"
    counts = {sign: line.count(sign.encode()) for sign in ",;\t|"}
    return max(counts, key=lambda sign: counts[sign]) if any(counts.values()) else ","
