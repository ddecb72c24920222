"""Wide tables as matrices: pandas and Polars DataFrames, and files of them; arrays with coordinates of xarray."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bigview.build.axes import Axis, axis_of_index
from bigview.build.csvs import broken_line, csv_bytes, separator_of
from bigview.build.found import described, find_files
from bigview.build.matrixarrays import ZarrReader, dask_source, is_dask, zarr_node, zarr_place, zarr_source
from bigview.build.matrixsource import Held, MatrixSource, array_source, check_shape, check_type
from bigview.errors import InputError

_SHOWN = 5


@dataclass(frozen=True)
class FrameReader:
    """Reads a pandas DataFrame block by block, so that no copy of all of it is made."""

    held: Held
    dtype: str

    def block(self, rows: tuple[int, int], cols: tuple[int, int]) -> NDArray[Any]:
        """Return the cells of a range of rows and of columns."""
        return numbers_of_frame(self.held.value.iloc[slice(*rows), slice(*cols)], self.dtype)


def numbers_of_frame(part: pd.DataFrame, dtype: str) -> NDArray[Any]:
    """Return the cells of a DataFrame of numbers; a masked array where some are missing."""
    out = np.empty(part.shape, dtype)
    mask = np.zeros(part.shape, bool)
    for place in range(part.shape[1]):
        column = part.iloc[:, place]
        if isinstance(column.dtype, np.dtype):
            out[:, place] = column.to_numpy()
        else:
            mask[:, place] = column.isna().to_numpy()
            out[:, place] = column.fillna(column.dtype.type(0)).to_numpy(dtype) if mask[:, place].any() else column.to_numpy(dtype)
    return np.ma.array(out, mask=mask) if mask.any() else out


@dataclass(frozen=True)
class CodesReader:
    """Reads a pandas DataFrame of categories as codes of common categories."""

    held: Held

    def block(self, rows: tuple[int, int], cols: tuple[int, int]) -> NDArray[Any]:
        """Return the codes of a range of rows and of columns; −1 for missing ones."""
        frame, place = self.held.value
        return codes_of_frame(frame.iloc[slice(*rows), slice(*cols)], place)


def codes_of_frame(part: pd.DataFrame, place: dict[str, int]) -> NDArray[np.int32]:
    """Return the codes of a DataFrame of categories; −1 for missing ones."""
    out = np.empty(part.shape, np.int32)
    for number in range(part.shape[1]):
        values = part.iloc[:, number].astype("category").cat
        strange = [str(name) for name in values.categories if str(name) not in place]
        if strange:
            raise InputError(f"Column {part.columns[number]!r} holds {min(strange)!r}, which is none of the categories.")
        table = np.array([*(place[str(name)] for name in values.categories), -1], np.int32)
        out[:, number] = table[values.codes.to_numpy()]
    return out


def frame_source(frame: Any, where: str, categories: Any = None) -> MatrixSource:
    """Return a wide pandas DataFrame as a source: its index and its columns are names and metadata."""
    rows, cols = axis_of_index(frame.index), axis_of_index(frame.columns)
    shape = len(frame), len(frame.columns)
    categorical = [isinstance(dtype, pd.CategoricalDtype) for dtype in frame.dtypes]
    if shape[1] and (all(categorical) or (categories and not any(is_number(dtype) for dtype in frame.dtypes))):
        names = common_categories(frame, categories)
        reader = CodesReader(Held.of((frame, {name: code for code, name in enumerate(names)})))
        return MatrixSource(where, reader, shape, np.dtype(np.int32), rows, cols, False, names, (shape[0], 1), local=True)
    strange = [place for place, dtype in enumerate(frame.dtypes) if not is_number(dtype)]
    if strange:
        raise no_numbers(frame, strange, where)
    numpy_types = [dtype if isinstance(dtype, np.dtype) else dtype.numpy_dtype for dtype in frame.dtypes]
    dtype = np.result_type(*numpy_types) if numpy_types else np.dtype(np.float64)
    check_type(dtype, where)
    masked = any(not isinstance(dtype, np.dtype) and frame.iloc[:, place].hasnans for place, dtype in enumerate(frame.dtypes))
    return MatrixSource(where, FrameReader(Held.of(frame), dtype.str), shape, dtype, rows, cols, masked, chunk=(shape[0], 1), local=True)


def no_numbers(frame: Any, strange: list[int], where: str) -> InputError:
    """Return what is said of the columns, by number, that hold no numbers."""
    column = frame.iloc[:, strange[0]]
    name, known = str(frame.columns[strange[0]]), column.dropna()
    example = known.iloc[0] if len(known) else None
    shown = f", such as {str(example)!r:.60}" if example is not None else ""
    more = f" So do {len(strange) - 1:,} more." if len(strange) > 1 else ""
    said = _said(column.dtype)
    if said == "texts" and example is not None and not isinstance(example, str) and not isinstance(column.dtype, pd.CategoricalDtype):
        return InputError(f"Column {name!r} of {where} holds Python objects{shown}. Make them numbers: frame.astype(float).{more}")
    otherwise = ", or keep texts as categories with categories=True" if said == "texts" else ", or turn them into numbers"
    return InputError(
        f"Column {name!r} of {where} holds {said}{shown}, where numbers are needed.{more} Make it the names with "
        f"frame.set_index({name!r}), leave it out{otherwise}."
    )


def is_number(dtype: Any) -> bool:
    """Whether a column's type, of NumPy or of pandas, is one of numbers or truth values."""
    if isinstance(dtype, np.dtype):
        return dtype.kind in "biuf"
    return getattr(getattr(dtype, "numpy_dtype", None), "kind", "O") in "biuf"


def _said(dtype: Any) -> str:
    name = str(dtype)
    return "texts" if name in ("object", "str", "string", "category") else "times" if "time" in name else name


def common_categories(frame: Any, categories: Any) -> tuple[str, ...]:
    """Return the categories of all columns: those that are given, or those that occur."""
    if categories and categories is not True:
        names = [str(name) for name in categories]
    else:
        found: dict[str, None] = {}
        for place in range(frame.shape[1]):
            column = frame.iloc[:, place].astype("category")
            found.update(dict.fromkeys(str(name) for name in column.cat.categories))
        ordered = all(isinstance(dtype, pd.CategoricalDtype) for dtype in frame.dtypes)
        names = list(found) if ordered else sorted(found)
    for place in range(frame.shape[1]):
        strange = set(map(str, frame.iloc[:, place].astype("category").cat.categories)) - set(names)
        if strange:
            raise InputError(f"Column {frame.columns[place]!r} holds {min(strange)!r}, which is none of the categories.")
    return tuple(names)


def polars_source(frame: Any, where: str, categories: Any = None) -> MatrixSource:
    """Return a wide Polars DataFrame as a source; its first column of texts is the names of the rows."""
    return frame_source(_named(frame.to_arrow()), where, categories)


def table_file_source(path: str, categories: Any = None) -> MatrixSource:
    """Return a wide table in a Parquet or CSV file as a source; its first column of texts is the names of the rows."""
    [file] = find_files(path)
    try:
        if path.lower().endswith((".parquet", ".pq", ".parq")):
            table = pq.read_table(file.path)
            kept = table.to_pandas()
            frame = kept if not isinstance(kept.index, pd.RangeIndex) else _named_frame(kept)
        else:
            frame = _named_frame(_csv(file.path))
    except (pa.ArrowException, ValueError, OSError) as error:
        raise InputError(f"{file.path} is no table that can be read: {' '.join(str(error).split())[:300]}") from error
    made = frame_source(frame, file.path, categories)
    return replace(made, files=(described(file.path, made.shape[0]),))


def _csv(path: str) -> pd.DataFrame:
    """Return a CSV file, whose first line is names unless it is plainly numbers; a first column without a name is the names of the rows."""
    with csv_bytes(path) as file:
        size, head = described(path, 0).bytes, file.read(1 << 24)
    line = head.split(b"\n", 1)[0]
    sign = separator_of(path, head)
    if ".txt" in path.lower() and not any(other in line for other in b",;\t|"):
        plain = _is_data(line.decode("utf-8", "replace").split())
        read = pd.read_csv(path, sep=r"\s+", header=None if plain else 0)
        return read.set_axis(pd.RangeIndex(read.shape[1]), axis=1) if plain else read
    first = [text.strip().strip('"') for text in line.decode("utf-8", "replace").split(sign)]
    block = min(max(1 << 20, 10 * size if size < len(head) else 2 * size), 1 << 30)  # types are guessed from the first one
    plain = _is_data(first)
    try:
        table = pyarrow.csv.read_csv(
            csv_bytes(path),
            read_options=pyarrow.csv.ReadOptions(block_size=block, autogenerate_column_names=plain),
            parse_options=pyarrow.csv.ParseOptions(delimiter=sign, newlines_in_values=True),
        )
    except pa.ArrowInvalid as error:
        raise broken_line(path, error) from error
    empty = [pa.float64() if pa.types.is_null(field.type) else field.type for field in table.schema]
    table = table.cast(pa.schema(list(zip(table.column_names, empty, strict=True))))
    frame = pd.DataFrame({place: column.to_pandas() for place, column in enumerate(table.columns)})
    if plain:
        return frame
    frame.columns = pd.Index(table.column_names)
    return frame.set_index(frame.columns[0]).rename_axis(None) if frame.shape[1] > 1 and not first[0] else frame


def _is_data(first: list[str]) -> bool:
    """Whether the first line of a table is numbers that are no names: those of columns, such as years, ascend."""
    numbers = pd.to_numeric(pd.Series(first), errors="coerce").to_numpy()
    return bool(np.isfinite(numbers).all()) and not bool((np.diff(numbers) > 0).all())


def _named(table: pa.Table) -> pd.DataFrame:
    return _named_frame(table.to_pandas())


def _named_frame(frame: pd.DataFrame) -> pd.DataFrame:
    if frame.shape[1] > 1 and not is_number(frame.dtypes.iloc[0]) and all(is_number(dtype) for dtype in frame.dtypes.iloc[1:]):
        return frame.set_index(frame.columns[0])
    return frame


def xarray_source(given: Any, where: str, dataset: str | None, categories: Any = None) -> MatrixSource:
    """Return an xarray DataArray, or a variable of a Dataset, as a source; coordinates are names and metadata."""
    array = given
    if hasattr(given, "data_vars"):
        flat = [str(name) for name, values in given.data_vars.items() if values.ndim == 2]
        name = dataset if dataset is not None else flat[0] if len(flat) == 1 else None
        if name is None or name not in given.data_vars:
            listed = ", ".join(flat[:_SHOWN]) or "none"
            raise InputError(f"{where} has several variables; say which with dataset=…. With two axes there are: {listed}.")
        array = given[name]
    check_shape(array.shape, where)
    made = dask_source(array.data, where) if is_dask(array.data) else array_source(array.to_numpy(), where, categories)
    rows, cols = (_axis_of(array, dim) for dim in array.dims)
    return replace(made, rows=rows, cols=cols)


def zarr_file_source(path: str, dataset: str | None, categories: Any = None) -> MatrixSource:
    """Return a Zarr array at an address as a source, with the coordinates that xarray finds beside it."""
    made = zarr_source(path, dataset, categories)
    reader = made.reader
    if not isinstance(reader, ZarrReader):
        return made
    parent, _, name = reader.name.rpartition("/")
    attributes = zarr_node(reader.url, reader.name).attrs
    packed = any(packing in attributes for packing in ("scale_factor", "add_offset"))
    found = _labelled(reader.url, parent, name) if name else None
    if found is None:
        if packed:
            raise InputError(f"{path} is packed (it has a scale_factor or an add_offset). Open it with xarray, which unpacks it, and give that.")
        return made
    if packed:
        return replace(xarray_source(found.chunk(), path, None, categories), files=made.files)
    rows, cols = (_axis_of(found, dim) for dim in found.dims)
    return replace(made, rows=rows, cols=cols)


def _labelled(url: str, group: str, name: str) -> Any:
    """Return an array of Zarr as xarray sees it, not read; None where its dimensions have no names."""
    import xarray as xr

    try:
        found = xr.open_zarr(zarr_place(url), group=group or None, chunks=None, consolidated=False)[name]
    except (ValueError, KeyError, TypeError, AttributeError, OSError):
        return None
    return found if found.ndim == 2 else None


def _axis_of(array: Any, dim: Any) -> Axis:
    size = array.sizes[dim]
    axis = axis_of_index(array.indexes[dim].rename(str(dim))) if dim in array.indexes else Axis(size)
    beside = {str(name): coord for name, coord in array.coords.items() if coord.dims == (dim,) and name not in array.indexes}
    extra = {name: pa.array(coord.to_numpy(), from_pandas=True) for name, coord in beside.items()}
    if not extra:
        return axis
    table = axis.table if axis.table is not None else pa.table({})
    for name, values in extra.items():
        table = table.append_column(name, values) if table.num_columns else pa.table({name: values})
    return replace(axis, table=table)
