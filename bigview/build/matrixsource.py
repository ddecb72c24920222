"""What a matrix is built from: its shape, its names, and how blocks of it are read."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import uuid4

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bigview.build.axes import Axis
from bigview.build.matrixjob import Reads
from bigview.errors import BigviewError, InputError
from bigview.store.manifest import SourceFile
from bigview.store.matrixmanifest import Values


@dataclass(frozen=True)
class MatrixSource:
    """A source that is ready to be read.

    Attributes
    ----------
    where : str
        For messages.
    reader : Reads
    shape : (int, int)
    dtype : dtype
        Of the values that `reader` gives: numbers or booleans, codes for categories.
    rows, cols : Axis
    masked : bool
        Whether some cells may be masked.
    categories : tuple of str
        What codes mean; empty for numbers.
    chunk : (int, int) or None
        Shape of the pieces that the source is best read in.
    files : tuple of SourceFile
    local : bool
        Whether the reader works in this process alone, because it holds an object in memory.
    """

    where: str
    reader: Reads
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    rows: Axis
    cols: Axis
    masked: bool = False
    categories: tuple[str, ...] = ()
    chunk: tuple[int, int] | None = None
    files: tuple[SourceFile, ...] = ()
    local: bool = False
    report: dict[str, Any] = field(default_factory=dict)

    def release(self) -> None:
        """Let go of what is held for the reader, in memory or in files."""
        for owner in (self.reader, getattr(self.reader, "held", None)):
            release = getattr(owner, "release", None)
            if release is not None:
                release()

    @property
    def kind(self) -> Values:
        """What the cells hold."""
        return "category" if self.categories else kind_of(self.dtype)


def kind_of(dtype: np.dtype[Any]) -> Literal["number", "integer", "boolean"]:
    """Return what values of a type are."""
    return "boolean" if dtype.kind == "b" else "integer" if dtype.kind in "iu" else "number"


def stored_type(source: MatrixSource) -> tuple[np.dtype[Any], int | None]:
    """Return the type that values are stored in, little-endian, and the number that stands for a masked cell.

    Masked whole numbers get the next wider type, whose least value stands for a missing one; NaN does in floats.
    """
    dtype = source.dtype.newbyteorder("<")
    if source.categories:
        codes = np.int8 if len(source.categories) < 1 << 7 else np.int16 if len(source.categories) < 1 << 15 else np.int32
        return np.dtype(codes).newbyteorder("<"), -1
    if dtype.kind == "f":
        return np.dtype("<f8") if dtype.itemsize > 8 else dtype, None
    if not source.masked:
        return dtype, None
    if dtype.kind == "b":
        return np.dtype("i1"), -1
    if dtype == np.dtype("<u8"):
        return dtype, int(np.iinfo(dtype).max)
    wider = np.dtype(f"<i{min(8, 2 * dtype.itemsize)}")
    return wider, int(np.iinfo(wider).min)


_held: dict[str, Any] = {}
_lock = threading.Lock()


@dataclass(frozen=True)
class Held:
    """An object in memory, by a name that pickles: tasks on this process's threads find it, and no copy is made."""

    name: str

    @classmethod
    def of(cls, value: Any) -> "Held":
        """Return the name of an object from now on; `release` forgets it."""
        name = uuid4().hex
        with _lock:
            _held[name] = value
        return cls(name)

    @property
    def value(self) -> Any:
        """The object."""
        return _held[self.name]

    def release(self) -> None:
        """Forget the object."""
        with _lock:
            _held.pop(self.name, None)


@dataclass(frozen=True)
class ArrayReader:
    """Reads a NumPy array (also a masked one, or a memory map) or what is sliced like one."""

    held: Held

    def block(self, rows: tuple[int, int], cols: tuple[int, int]) -> NDArray[Any]:
        """Return the cells of a range of rows and of columns."""
        found = self.held.value[slice(*rows), slice(*cols)]
        return found if isinstance(found, np.ndarray) else np.asarray(found)


@dataclass(frozen=True)
class NpyReader:
    """Reads a `.npy` file on this machine; a number that stands for missing cells becomes a mask."""

    path: str
    missing: int | None = None

    def block(self, rows: tuple[int, int], cols: tuple[int, int]) -> NDArray[Any]:
        """Return the cells of a range of rows and of columns."""
        with readable(self.path):
            found = np.asarray(np.load(self.path, mmap_mode="r", allow_pickle=False)[slice(*rows), slice(*cols)])
        return found if self.missing is None else np.ma.masked_equal(found, self.missing, copy=False)


@contextmanager
def readable(where: str) -> Iterator[None]:
    """Turn whatever a library says of a damaged file into a sentence."""
    try:
        yield
    except BigviewError:
        raise
    except (OSError, ValueError, RuntimeError, KeyError, EOFError) as error:
        told = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{where} cannot be read ({told[:300]}). It may have been cut short; fetch or write it again.") from error


def array_source(array: Any, where: str, categories: Any = None) -> MatrixSource:
    """Return a NumPy array as a source."""
    array = _numbers(array, where)
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8", "replace")
    check_shape(array.shape, where)
    rows, cols = int(array.shape[0]), int(array.shape[1])
    masked = isinstance(array, np.ma.MaskedArray) and np.ma.is_masked(array)
    names = category_names(categories, array.dtype, where)
    if array.dtype.kind in "UTO":
        array, names, masked = coded(array, categories, where)
    check_type(array.dtype, where)
    held = Held.of(array)
    return MatrixSource(where, ArrayReader(held), (rows, cols), array.dtype, Axis(rows), Axis(cols), masked, names, local=True)


def _numbers(array: Any, where: str) -> Any:
    if isinstance(array, np.ndarray):
        if array.dtype != object or array.ndim != 1 or not len(array) or not hasattr(array[0], "__len__"):
            return array
        array = list(array)
    if isinstance(array, (list, tuple)):
        lengths = [len(row) if hasattr(row, "__len__") and not isinstance(row, str) else -1 for row in array]
        ragged = next((place for place, length in enumerate(lengths) if length != lengths[0]), None)
        if ragged is not None and lengths[0] >= 0:
            raise InputError(f"The rows have different lengths: row {ragged} has {max(lengths[ragged], 0)} values, row 0 has {lengths[0]}.")
    try:
        return np.asarray(array)
    except (ValueError, TypeError) as error:
        raise InputError(f"{where} is no matrix: {error}") from error


def check_shape(shape: tuple[int, ...], where: str) -> None:
    """Refuse what has not two axes."""
    if len(shape) != 2:
        hint = " Make it one, for example with array[:, None]." if len(shape) == 1 else ""
        raise InputError(
            f"{where} has {len(shape)} {'axis' if len(shape) == 1 else 'axes'} (shape {tuple(shape)}); a matrix has two, rows and columns.{hint}"
        )


def said_of_nothing(shape: tuple[int, int]) -> str | None:
    """Return what is to be said of a matrix without cells; None of others."""
    missing = " and no ".join(name for name, size in zip(("rows", "columns"), shape, strict=True) if not size)
    return f"The matrix has no {missing}: there is nothing to show. The store is made, and opens empty." if missing else None


def check_type(dtype: np.dtype[Any], where: str) -> None:
    """Refuse values that are no numbers."""
    if dtype.kind in "biuf":
        return
    if dtype.kind == "c":
        raise InputError(f"{where} holds complex numbers. Take their absolute value, real or imaginary part.")
    if dtype.kind in "mM":
        raise InputError(f"{where} holds times. Turn them into numbers first, for example days: (values - start) / numpy.timedelta64(1, 'D').")
    hint = " Take one of its fields: array['NAME']." if dtype.names else " Texts can be kept as categories: categories=True."
    raise InputError(f"{where} holds {dtype}, which are no numbers.{hint}")


def category_names(categories: Any, dtype: np.dtype[Any], where: str) -> tuple[str, ...]:
    """Return the names that were given for codes; none for numbers."""
    if categories is None or categories is False or categories is True:
        if categories is True and dtype.kind in "iub":
            raise InputError(f"{where} holds {dtype}. Say what the codes mean: categories=['first', 'second', …].")
        return ()
    names = tuple(str(name) for name in categories)
    if len(set(names)) < len(names) or not names:
        raise InputError("categories=… must be different names, one for each code from 0 on.")
    if dtype.kind not in "iubUTO":
        raise InputError(f"{where} holds {dtype}; codes of categories are whole numbers.")
    return names


_FEW = 1000


def coded(array: Any, categories: Any, where: str) -> tuple[NDArray[Any], tuple[str, ...], bool]:
    """Return an array of texts as codes, with their names, and whether some are missing."""
    if not categories:
        plain = np.ma.getdata(array).ravel()
        example = next((entry for entry in plain[:10_000].tolist() if isinstance(entry, str)), None)
        if example is None and array.dtype.kind == "O":
            return _from_objects(array, where)
        raise InputError(f"{where} holds texts, such as {str(example)!r:.60}, which are no numbers. To keep them as categories say categories=True.")
    values = pa.array(np.ma.getdata(array).astype(object).ravel(), from_pandas=True)
    encoded = values.cast(pa.string()).dictionary_encode()
    found = encoded.dictionary.to_pylist()
    names = sorted(found) if categories is True else [str(name) for name in categories]
    if len(names) > _FEW * 100:
        raise InputError(f"{where} has {len(names):,} different texts, too many for categories.")
    strange = [name for name in found if name not in set(names)]
    if strange:
        raise InputError(f"{where} holds {strange[0]!r}, which is none of the categories.")
    place = {name: code for code, name in enumerate(names)}
    table = np.array([*(place[name] for name in found), -1], np.int32)
    codes = table[encoded.indices.fill_null(len(found)).to_numpy(zero_copy_only=False)]
    mask = np.ma.getmaskarray(array).ravel()
    return np.where(mask, -1, codes).reshape(array.shape).astype(np.int32), tuple(names), False


def _from_objects(array: Any, where: str) -> tuple[NDArray[Any], tuple[str, ...], bool]:
    try:
        return np.ma.getdata(array).astype(np.float64), (), False
    except (TypeError, ValueError) as error:
        raise InputError(f"{where} holds Python objects that are no numbers: {error}") from error
