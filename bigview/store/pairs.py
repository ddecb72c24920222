"""Indexes: a second order of the same rows, by the place that two other columns give them.

An index holds keys, levels, and for each row of its order the row's place in the store; no column is copied. A position is the corner of the key's
finest cell and a remainder: how many numbers that the axis' type can hold lie between the two. So positions are exact, and the remainder, which is
mostly zero for 32-bit floats, takes next to no room.
"""

from dataclasses import asdict, dataclass
from typing import Any, Self

import numba as nb
import numpy as np
from numpy.typing import NDArray

from bigview.errors import OptionError, StoreDamagedError
from bigview.store.axis import Axis
from bigview.store.manifest import DataFile, Level, Manifest
from bigview.store.morton import gather

ENTRY = "indexes"
"""Where the manifest's report lists the indexes; readers that do not know it ignore it."""

KEY, POSITION, REST_X, REST_Y = "key", "position", "x_rest", "y_rest"
"""The columns of an index."""


@dataclass(frozen=True)
class Pair:
    """An index over two columns, as the manifest names it.

    Attributes
    ----------
    generation : str
        Prefix of the names of its files.
    created : str
    x, y : Axis
    placed : int
        Rows with a finite position, which come first.
    home : tuple of 4 float
        Positions (x0, x1, y0, y1) of the view to begin with.
    levels : tuple of Level
    cell_rows : int
        A cell with more rows than this has its quarters in the next level.
    groups : str
        Name of the table of its row groups.
    files : tuple of DataFile
    """

    generation: str
    created: str
    x: Axis
    y: Axis
    placed: int
    home: tuple[float, float, float, float]
    levels: tuple[Level, ...]
    cell_rows: int
    groups: str
    files: tuple[DataFile, ...]

    @property
    def columns(self) -> tuple[str, str]:
        """The columns of x and y."""
        return self.x.column, self.y.column

    @property
    def bytes(self) -> int:
        """Size of its files."""
        return sum(file.bytes for file in self.files)

    def to_json(self) -> dict[str, Any]:
        """Return plain values; `from_json` reads them."""
        return {**asdict(self), "x": self.x.to_json(), "y": self.y.to_json()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Return the index that `to_json` wrote."""
        levels = tuple(Level(**{**entry, "histogram": tuple(entry["histogram"])}) for entry in values["levels"])
        files = tuple(DataFile(**entry) for entry in values["files"])
        axes = {name: Axis.from_json(values[name]) for name in ("x", "y")}
        return cls(**{**values, **axes, "levels": levels, "files": files, "home": tuple(values["home"])})


def pairs_of(manifest: Manifest) -> tuple[Pair, ...]:
    """Return the indexes of a store."""
    try:
        return tuple(Pair.from_json(entry) for entry in manifest.report.get(ENTRY, ()))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreDamagedError(
            f"The manifest lacks or mistypes an entry of an index: {error}. Build the index again with `bigview index`."
        ) from error


def find_pair(manifest: Manifest, x: str, y: str, where: str) -> Pair:
    """Return the index over two columns.

    Raises
    ------
    ColumnError
        When the store has no such column.
    OptionError
        When there is no such index; it says how one is made.
    """
    for name in (x, y):
        manifest.column(name)
    found = pairs_of(manifest)
    for pair in found:
        if pair.columns == (x, y):
            return pair
    others = f" It has {', '.join(' × '.join(pair.columns) for pair in found)}." if found else ""
    raise OptionError(f"The store has no index over {x} × {y}.{others} Make one with `{command(where, x, y)}`.")


def command(where: str, x: str, y: str) -> str:
    """Return the command that makes an index."""
    return f"bigview index {where} --x {_word(x)} --y {_word(y)}"


def _word(name: str) -> str:
    plain = name.replace("_", "").replace("-", "").replace(".", "")
    return name if plain.isalnum() and not name.startswith("-") else "'" + name.replace("'", "'\\''") + "'"


def rest_dtype(floats: np.dtype) -> np.dtype:
    """Return the type of the remainders of positions of a type."""
    return np.dtype(np.uint32 if floats == np.float32 else np.uint64)


@nb.njit(inline="always")
def _ordinal(bits, least):  # type: ignore[no-untyped-def]
    """Number floats by size, from their bits: neighbours differ by one, and both zeros are 0."""
    return bits if bits >= 0 else least - bits


@nb.njit(inline="always")
def _corner(cell, axis):  # type: ignore[no-untyped-def]
    """The lower edge of a finest cell. Scaling by a power of two is exact, in two steps because one may overflow."""
    half, other, base = axis
    return (nb.float64(nb.int64(cell) + base) * half) * other


@nb.njit(nogil=True, cache=True)
def _rests32(u, keys, shift, axis, out):  # type: ignore[no-untyped-def]
    least = np.int32(-(2**31))
    for q in range(u.shape[0]):
        out[q] = 0
        if keys[q] != nb.uint64(0xFFFFFFFFFFFFFFFF):
            edge = _corner(gather(keys[q] >> nb.uint64(shift)), axis)
            near = np.float32(edge)
            first = nb.int64(_ordinal(near.view(np.int32), least)) + (nb.float64(near) < edge)
            out[q] = nb.int64(_ordinal(np.float32(u[q]).view(np.int32), least)) - first


@nb.njit(nogil=True, cache=True)
def _rests64(u, keys, shift, axis, out):  # type: ignore[no-untyped-def]
    least = np.int64(-(2**63))
    for q in range(u.shape[0]):
        out[q] = 0
        if keys[q] != nb.uint64(0xFFFFFFFFFFFFFFFF):
            edge = _corner(gather(keys[q] >> nb.uint64(shift)), axis)
            out[q] = nb.uint64(_ordinal(np.float64(u[q]).view(np.int64), least)) - nb.uint64(_ordinal(np.float64(edge).view(np.int64), least))


@nb.njit(nogil=True, cache=True)
def _positions32(keys, rests, shift, axis, out):  # type: ignore[no-untyped-def]
    least = np.int32(-(2**31))
    for q in range(keys.shape[0]):
        out[q] = np.nan
        if keys[q] != nb.uint64(0xFFFFFFFFFFFFFFFF):
            edge = _corner(gather(keys[q] >> nb.uint64(shift)), axis)
            near = np.float32(edge)
            number = nb.int64(_ordinal(near.view(np.int32), least)) + (nb.float64(near) < edge) + nb.int64(rests[q])
            out[q] = np.int32(_ordinal(np.int32(number), least)).view(np.float32)


@nb.njit(nogil=True, cache=True)
def _positions64(keys, rests, shift, axis, out):  # type: ignore[no-untyped-def]
    least = np.int64(-(2**63))
    for q in range(keys.shape[0]):
        out[q] = np.nan
        if keys[q] != nb.uint64(0xFFFFFFFFFFFFFFFF):
            edge = _corner(gather(keys[q] >> nb.uint64(shift)), axis)
            number = nb.int64(nb.uint64(_ordinal(np.float64(edge).view(np.int64), least)) + nb.uint64(rests[q]))
            out[q] = np.int64(_ordinal(number, least)).view(np.float64)


def _scaling(axis: Axis) -> tuple[np.float64, np.float64, np.int64]:
    half = -axis.exponent // 2
    return np.ldexp(1.0, half), np.ldexp(1.0, -axis.exponent - half), np.int64(axis.base)


def rests_of(positions: NDArray[np.floating], keys: NDArray[np.uint64], axis: Axis, place: int) -> NDArray[Any]:
    """Return what the keys leave of the positions on one axis (`place` 0 for x, 1 for y); 0 where a key says that there is none."""
    out = np.empty(len(keys), rest_dtype(positions.dtype))
    (_rests32 if positions.dtype == np.float32 else _rests64)(positions, keys, place, _scaling(axis), out)
    return out


def positions_of(keys: NDArray[np.uint64], rests: NDArray[Any], axis: Axis, place: int) -> NDArray[np.floating]:
    """Return the positions on one axis, the inverse of `rests_of`; NaN where there are none."""
    narrow = rests.dtype == np.uint32
    out: NDArray[Any] = np.empty(len(keys), np.float32 if narrow else np.float64)
    (_positions32 if narrow else _positions64)(keys, rests, place, _scaling(axis), out)
    return out
