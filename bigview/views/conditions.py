"""Columns and conditions that stand for themselves: HoloViews' expressions become filters, and no row is read.

HoloViews applies `dim("x") > 1` to whatever an interface hands out as the column x. A store hands out a `Column`, whose comparisons give a
`Condition`, which is a filter.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from bigview.errors import ExpressionError
from bigview.spec import Filter, Filters
from bigview.store.axis import Axis
from bigview.store.phrases import quoted, text_of

_MOST_CORNERS = 100  # of a polygon written as SQL: the parser takes 20,000 characters


def literal(value: Any) -> str:
    """Return a value as SQL writes it."""
    if isinstance(value, (np.bool_, np.integer, np.floating, np.str_)):
        value = value.item()
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and np.isinf(value):
        return "1e999" if value > 0 else "-1e999"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return text_of(value)
    try:
        stamp = pd.Timestamp(value)
    except (TypeError, ValueError) as error:
        raise ExpressionError(f"A store cannot compare a column with {value!r}. Use a number, a text, a datetime or a boolean.") from error
    if stamp.tzinfo is not None:
        stamp = stamp.tz_convert("UTC").tz_localize(None)
    kind = "TIMESTAMP_NS" if stamp.nanosecond else "TIMESTAMP"
    return f"CAST('{stamp.isoformat(sep=' ')}' AS {kind})"


@dataclass(frozen=True, eq=False)
class Condition:
    """Which rows, as a filter that has not been evaluated; `&`, `|` and `~` combine conditions."""

    filters: Filters

    @classmethod
    def sql(cls, text: str) -> "Condition":
        """Return the condition an SQL expression states."""
        return cls(Filters.of(text))

    def __and__(self, other: Any) -> "Condition":
        return Condition(Filters.of(self.filters, _condition(other).filters))

    def __or__(self, other: Any) -> "Condition":
        return Condition.sql(f"({self.text()}) OR ({_condition(other).text()})")

    def __invert__(self) -> "Condition":
        return Condition.sql(f"NOT ({self.text()})")

    def text(self) -> str:
        """Return the condition as one SQL expression."""
        parts = []
        for kind, value in self.filters.clauses:
            if kind == "sql":
                parts.append(f"({value})")
            else:
                raise ExpressionError(f"A selection by {kind} can be narrowed with &, but not united with others or inverted.")
        return " AND ".join(parts) or "TRUE"

    def __bool__(self) -> bool:
        _no_values("a condition on a store")

    def __array__(self, dtype: Any = None, copy: Any = None) -> NoReturn:
        _no_values("a condition on a store")


@dataclass(frozen=True, eq=False)
class Lasso(Condition):
    """The rows inside a polygon; united or inverted it becomes SQL over the two columns."""

    columns: tuple[str, str]

    @classmethod
    def of(cls, x: "Column", y: "Column", corners: Any) -> Condition:
        """Return the rows whose values in two columns lie inside the corners."""
        points = [(_corner(a, x.axis), _corner(b, y.axis)) for a, b in corners]
        if x.axis is not None and y.axis is not None and x.axis.column != y.axis.column:
            if not x.first:
                points, x, y = [(b, a) for a, b in points], y, x
            return cls(Filters.of(Filter(polygon=points)), (x.text, y.text))
        return Condition.sql(_even_odd((x.text, y.text), points))

    def text(self) -> str:
        """Return the even-odd rule as one SQL expression."""
        corners = next(value for kind, value in self.filters.clauses if kind == "polygon")
        return _even_odd(self.columns, corners)


def _corner(value: Any, axis: Axis | None) -> Any:
    """A coordinate as the axis means it: the browser gives moments as milliseconds since 1970."""
    if axis is not None and axis.kind == "datetime" and isinstance(value, (int, float, np.number)):
        return np.datetime64(round(float(value) * 1e6), "ns")
    return value


def _even_odd(columns: tuple[str, str], corners: Any) -> str:
    """The polygon as SQL: a ray crosses an odd number of edges."""
    if any(isinstance(end, np.datetime64) for corner in corners for end in corner):
        raise ExpressionError("A lasso over datetimes can be narrowed, but not united with others or inverted. Draw a box.")
    if len(corners) > _MOST_CORNERS:
        raise ExpressionError(
            f"A lasso of {len(corners)} corners can be narrowed, but not united with others or inverted: that takes at most "
            f"{_MOST_CORNERS} corners. Draw a simpler outline, or a box."
        )
    x, y = columns
    edges = []
    for (x0, y0), (x1, y1) in zip(corners, (*corners[1:], corners[0]), strict=True):
        if y0 == y1:
            continue
        slope = _double((x1 - x0) / (y1 - y0))
        side = f"{x} < {slope} * ({y} - {_double(y0)}) + {_double(x0)}"
        edges.append(f"((({y} < {_double(y0)}) <> ({y} < {_double(y1)})) AND {side})")
    return _odd(edges)


def _double(value: Any) -> str:
    """A number as SQL's double, never its decimal."""
    text = repr(float(value))
    return text if "e" in text else f"{text}e0"


def _odd(parts: list[str]) -> str:
    """Whether an odd number of parts is true, as a balanced tree."""
    if len(parts) <= 1:
        return parts[0] if parts else "FALSE"
    half = len(parts) // 2
    return f"({_odd(parts[:half])} <> {_odd(parts[half:])})"


def _condition(value: Any) -> Condition:
    if isinstance(value, Condition):
        return value
    if isinstance(value, Column):
        return Condition.sql(value.text)
    if isinstance(value, (bool, np.bool_)):
        return Condition.sql(literal(bool(value)))
    raise ExpressionError(f"A condition on a store cannot be combined with {type(value).__name__}; combine it with other conditions.")


def _no_values(what: str) -> NoReturn:
    raise ExpressionError(
        f"{what} has no values to compute with: it is evaluated in the store. Use comparisons, isin, + - * /, & | ~ in the expression, "
        "or ask the store: store.histogram(column), store.rows()."
    )


_UFUNCS: dict[Any, str] = {
    np.greater: ">", np.greater_equal: ">=", np.less: "<", np.less_equal: "<=", np.equal: "=", np.not_equal: "<>",
    np.add: "+", np.subtract: "-", np.multiply: "*", np.true_divide: "/",
}  # fmt: skip
_COMPARISONS = {">", ">=", "<", "<=", "=", "<>"}


@dataclass(frozen=True, eq=False)
class Column:
    """A column, or arithmetic on columns, that has not been read.

    Attributes
    ----------
    text : str
        The SQL expression.
    axis : Axis or None
        Set when it is the column of one of the store's axes.
    first : bool
        Whether that is the x axis.
    """

    text: str
    axis: Axis | None = None
    first: bool = False

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def named(cls, name: str) -> "Column":
        """Return the column of that name."""
        return cls(quoted(name))

    def _binary(self, sign: str, other: Any, reverse: bool = False) -> Any:
        left, right = self.text, other.text if isinstance(other, Column) else literal(other)
        text = f"({right} {sign} {left})" if reverse else f"({left} {sign} {right})"
        return Condition.sql(text[1:-1]) if sign in _COMPARISONS else Column(text)

    def __lt__(self, other: Any) -> Any:
        return self._binary("<", other)

    def __le__(self, other: Any) -> Any:
        return self._binary("<=", other)

    def __gt__(self, other: Any) -> Any:
        return self._binary(">", other)

    def __ge__(self, other: Any) -> Any:
        return self._binary(">=", other)

    def __eq__(self, other: object) -> Any:
        return self._binary("=", other)

    def __ne__(self, other: object) -> Any:
        return self._binary("<>", other)

    def __add__(self, other: Any) -> Any:
        return self._binary("+", other)

    def __radd__(self, other: Any) -> Any:
        return self._binary("+", other, reverse=True)

    def __sub__(self, other: Any) -> Any:
        return self._binary("-", other)

    def __rsub__(self, other: Any) -> Any:
        return self._binary("-", other, reverse=True)

    def __mul__(self, other: Any) -> Any:
        return self._binary("*", other)

    def __rmul__(self, other: Any) -> Any:
        return self._binary("*", other, reverse=True)

    def __truediv__(self, other: Any) -> Any:
        return self._binary("/", other)

    def __rtruediv__(self, other: Any) -> Any:
        return self._binary("/", other, reverse=True)

    def __neg__(self) -> Any:
        return Column(f"(0 - {self.text})")

    def __invert__(self) -> Condition:
        return ~_condition(self)

    def __and__(self, other: Any) -> Condition:
        return _condition(self) & _condition(other)

    def __or__(self, other: Any) -> Condition:
        return _condition(self) | _condition(other)

    def isin(self, values: Iterable[Any]) -> Condition:
        """Return the rows whose value is one of `values`."""
        listed = [literal(value) for value in values]
        return Condition.sql(f"{self.text} IN ({', '.join(listed)})" if listed else "FALSE")

    def isnull(self) -> Condition:
        """Return the rows without a value."""
        return Condition.sql(f"{self.text} IS NULL")

    def __array_ufunc__(self, ufunc: Callable[..., Any], method: str, *inputs: Any, **options: Any) -> Any:
        sign = _UFUNCS.get(ufunc)
        if sign is None or method != "__call__" or len(inputs) != 2 or options:
            _no_values(f"the column {self.text}")
        left, right = inputs
        return left._binary(sign, right) if isinstance(left, Column) else right._binary(sign, left, reverse=True)

    def __array_function__(self, function: Callable[..., Any], types: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        if function is np.isin and len(args) == 2 and args[0] is self:
            return self.isin(args[1])
        _no_values(f"the column {self.text}")

    def __bool__(self) -> bool:
        _no_values(f"the column {self.text}")

    def __len__(self) -> int:
        _no_values(f"the column {self.text}")

    def __array__(self, dtype: Any = None, copy: Any = None) -> NoReturn:
        _no_values(f"the column {self.text}")
