"""One axis of a store: how its values become numbers, and where its cells begin.

Inside bigview a position is a float: the value itself for floats, and the distance from `origin` for integers and datetimes. The finest cell
of a position u is ``floor(u · 2**exponent) - base``. Multiplying by a power of two is exact, so are the cells and their edges; and since `base`
is a multiple of 2**31, cells at every level from 1 on lie at absolute multiples of their size.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bigview.errors import InputError, ViewError
from bigview.store.morton import BITS

_HALF = 1 << (BITS - 1)
_EXACT = 53  # bits of a float64's mantissa: larger cell numbers would not be exact

Kind = Literal["float", "integer", "datetime"]


@dataclass(frozen=True)
class Axis:
    """Where the cells of one axis lie.

    Attributes
    ----------
    column : str
        The column that holds the axis' values.
    kind : {"float", "integer", "datetime"}
    unit : str
        The unit of datetimes, as NumPy names it ("ns", "us", "ms", "s"); empty otherwise.
    origin : int
        Subtracted from integers and datetimes, so that a float64 holds them exactly.
    exponent, base : int
        The finest cell of position u is ``floor(u · 2**exponent) - base``.
    low, high : float
        Least and greatest position of the placed rows; 0 and 0 where there are none.
    """

    column: str
    kind: Kind
    unit: str
    origin: int
    exponent: int
    base: int
    low: float
    high: float

    @classmethod
    def fit(cls, column: str, dtype: np.dtype, low: Any, high: Any) -> Self:
        """Return the axis for values of `dtype` between `low` and `high` (raw values; None where there are none)."""
        kind: Kind = "datetime" if dtype.kind == "M" else "float" if dtype.kind == "f" else "integer"
        unit = np.datetime_data(dtype)[0] if kind == "datetime" else ""
        if dtype.kind not in "Mfiu":
            raise InputError(f"Column {column!r} holds {dtype}, which is no position; choose a number or datetime column.")
        low, high = (0, 0) if low is None else (low, high)
        if kind == "float":
            return cls._fitted(column, kind, unit, 0, float(low), float(high))
        first, last = int(low), int(high)
        origin = 0 if max(abs(first), abs(last)) < 1 << 50 else (first >> 40) << 40
        return cls._fitted(column, kind, unit, origin, float(first - origin), float(last - origin))

    @classmethod
    def _fitted(cls, column: str, kind: Kind, unit: str, origin: int, low: float, high: float) -> Self:
        largest = max(abs(low), abs(high))
        bits = math.frexp(largest)[1] if largest else -990
        span = high / 2 - low / 2  # halved: the span of ±1.7e308 is no float
        exponent = BITS - 2 - (math.frexp(span)[1] if span else 0)
        exponent = max(-1000, min(exponent, _EXACT - bits, 1000))
        base = (math.floor(math.ldexp(low, exponent)) // _HALF) * _HALF
        if math.floor(math.ldexp(high, exponent)) - base >= (1 << BITS) - 1:  # the last cell stands for "unplaced"
            exponent -= 1
            base = (math.floor(math.ldexp(low, exponent)) // _HALF) * _HALF
        return cls(column, kind, unit, origin, exponent, base, low, high)

    @property
    def cells(self) -> tuple[float, int]:
        """Finest cells a unit of u, and the number of the first cell."""
        return math.ldexp(1.0, self.exponent), self.base

    @property
    def dtype(self) -> np.dtype:
        """The type of a value as the user sees it."""
        return np.dtype({"float": "f8", "integer": "i8", "datetime": f"M8[{self.unit or 'ns'}]"}[self.kind])

    def size(self, level: int) -> float:
        """Return the side of a cell of `level`."""
        return math.ldexp(1.0, BITS - level - self.exponent)

    def edge(self, cell: int, level: int) -> float:
        """Return the lower edge of a cell."""
        return math.ldexp(float(self.base + (cell << (BITS - level))), -self.exponent)

    def cell(self, position: float, level: int) -> int:
        """Return the cell that holds a position; may lie outside 0 … 2**level - 1."""
        try:
            finest = math.floor(math.ldexp(position, self.exponent))
        except OverflowError:  # a view that reaches far beyond the store
            finest = int(math.copysign(1 << 1000, position))
        return (finest - self.base) >> (BITS - level)

    def encode(self, values: NDArray[Any]) -> NDArray[np.floating]:
        """Return positions for raw values (floats pass as they are; missing datetimes become NaN)."""
        if self.kind == "float":
            return values if values.dtype in (np.float32, np.float64) else values.astype(np.float64)
        if values.dtype.kind == "f":  # integers with missing values
            return values.astype(np.float64) - self.origin
        if values.dtype.kind == "M":
            raw = values.astype(self.dtype).view(np.int64)
            positions = (raw - np.int64(self.origin)).astype(np.float64)
            positions[np.isnat(values)] = np.nan
            return positions
        if values.dtype == np.uint64:
            # Wrapping subtraction is exact as long as the difference fits, which `fit` saw to.
            return (values - np.uint64(self.origin % (1 << 64))).view(np.int64).astype(np.float64)
        return (values.astype(np.int64) - np.int64(self.origin)).astype(np.float64)

    def position(self, value: Any) -> float:
        """Return the position of one value given by the user: a number, or a datetime for a datetime axis."""
        if self.kind == "datetime":
            return self._moment(value)
        if isinstance(value, np.datetime64) or not np.isscalar(value) or isinstance(value, (str, bytes)):
            raise ViewError(f"The range of {self.column!r} must be numbers, not {value!r}.")
        if self.kind == "integer" and isinstance(value, (int, np.integer)):
            return float(int(value) - self.origin)
        return float(value) - self.origin  # type: ignore[arg-type]

    def _moment(self, value: Any) -> float:
        if isinstance(value, (float, int, np.floating, np.integer)) and not isinstance(value, bool):
            return float(value) - self.origin if isinstance(value, (float, np.floating)) else float(int(value) - self.origin)
        try:
            stamp = pd.Timestamp(value)
            if stamp.tzinfo is not None:
                stamp = stamp.tz_convert("UTC").tz_localize(None)
            exact = stamp.as_unit("ns").value if self.unit == "ns" else int(stamp.to_datetime64().astype(self.dtype).astype("i8"))
        except (ValueError, TypeError) as error:
            raise ViewError(f"The range of {self.column!r} must be datetimes, not {value!r}.") from error
        return float(exact - self.origin)

    def value(self, position: float) -> Any:
        """Return the value, as the user sees it, of a position.

        Datetimes are rounded up: a whole number is below an edge exactly when it is below the next whole number.
        """
        if self.kind == "datetime":
            return np.array(math.ceil(position) + self.origin, np.int64).astype(self.dtype)[()]
        return position + self.origin

    def to_json(self) -> dict[str, Any]:
        """Return plain values; `from_json` reads them."""
        return {**asdict(self), "low": self.low.hex(), "high": self.high.hex()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Return the axis that `to_json` wrote."""
        return cls(**{**values, "low": float.fromhex(values["low"]), "high": float.fromhex(values["high"])})
