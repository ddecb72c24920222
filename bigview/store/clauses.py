"""SQL expressions: read by DuckDB's own parser, checked against a list of what is allowed, and only then run.

What runs is not the user's text but the text that DuckDB writes from the checked tree, in a database that has no files, no network, no settings
to change and no table but the batch of rows at hand.
"""

import json
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bigview.errors import ExpressionError, closest

if TYPE_CHECKING:
    import duckdb

_ALLOWED_TYPES = {
    "CONJUNCTION": {"CONJUNCTION_AND", "CONJUNCTION_OR"},
    "COMPARISON": {
        "COMPARE_EQUAL",
        "COMPARE_NOTEQUAL",
        "COMPARE_LESSTHAN",
        "COMPARE_GREATERTHAN",
        "COMPARE_LESSTHANOREQUALTO",
        "COMPARE_GREATERTHANOREQUALTO",
        "COMPARE_DISTINCT_FROM",
        "COMPARE_NOT_DISTINCT_FROM",
    },
    "BETWEEN": {"COMPARE_BETWEEN"},
    "OPERATOR": {"OPERATOR_NOT", "OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL", "COMPARE_IN", "COMPARE_NOT_IN"},
    "CONSTANT": {"VALUE_CONSTANT"},
    "COLUMN_REF": {"COLUMN_REF"},
    "FUNCTION": {"FUNCTION"},
    "CAST": {"OPERATOR_CAST"},
}
# LIKE, ILIKE, their negations, and arithmetic; all of them operators, never calls by name.
_ALLOWED_OPERATORS = {"~~", "!~~", "~~*", "!~~*", "like_escape", "not_like_escape", "ilike_escape", "not_ilike_escape", "+", "-", "*", "/"}
_ALLOWED_CASTS = {"DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ", "TIME"}
_LONGEST = 20_000  # characters: beyond this a list of values should be a set of rows
_DEEPEST = 200  # nested operators: DuckDB's planner is recursive

_local = threading.local()


@dataclass(frozen=True)
class Expression:
    """A checked expression: its text as DuckDB writes it, and the columns it reads (in the store's spelling)."""

    text: str
    columns: tuple[str, ...]


def _connection() -> "duckdb.DuckDBPyConnection":
    """Return this thread's own locked database: in memory, one thread, no access to anything outside."""
    import duckdb  # half of the time of opening a store, and only filters need it

    connection: duckdb.DuckDBPyConnection | None = getattr(_local, "connection", None)
    if connection is None:
        connection = duckdb.connect(":memory:", config={"threads": 1, "autoinstall_known_extensions": False})
        for setting in (
            "python_enable_replacements = false",
            "autoload_known_extensions = false",
            "enable_external_access = false",
            "lock_configuration = true",
        ):
            connection.execute(f"SET {setting}")
        _local.connection = connection
    return connection


def _ask(query: str, value: str) -> str:
    # All rows are fetched: DuckDB refuses further work on a connection with an unfinished result.
    return str(_connection().execute(query, [value]).fetchall()[0][0])


def parse(text: str, columns: Iterable[str]) -> Expression:
    """Return the checked form of an expression.

    Parameters
    ----------
    text : str
        A boolean SQL expression: comparisons, IN, BETWEEN, LIKE, ILIKE, IS NULL, arithmetic, AND, OR, NOT.
    columns : iterable of str
        The columns it may name. Names are matched as DuckDB does, whatever their case.

    Raises
    ------
    ExpressionError
        When it is malformed (with the place), names another column (with the closest), or uses anything else.
    """
    known = {name.lower(): name for name in columns}
    if len(text) > _LONGEST:
        raise ExpressionError(f"The expression has {len(text):,} characters; the limit is {_LONGEST:,}. Filter by a set of rows instead.")
    if not text.strip():
        raise ExpressionError("The expression is empty. Give a condition such as: score > 0.5.")
    statement = _tree(text)
    used: dict[str, None] = {}
    _check(statement["select_list"][0], text, known, used, 0)
    plain = _written(statement)
    return Expression(plain, tuple(used))


def _tree(text: str) -> dict[str, Any]:
    prefix = "SELECT (\n"
    parsed = json.loads(_ask("SELECT json_serialize_sql(?)", f"{prefix}{text}\n) FROM batch"))
    if parsed.get("error", True):
        raise _syntax_error(text, parsed, len(prefix))
    node = parsed["statements"][0]["node"]
    extra = [name for name in ("where_clause", "group_expressions", "having", "sample", "qualify", "modifiers") if node.get(name)]
    cte = node.get("cte_map", {}).get("map")
    plain = node["type"] == "SELECT_NODE" and len(node["select_list"]) == 1 and len(parsed["statements"]) == 1
    if extra or cte or not plain or node["from_table"].get("table_name") != "batch":
        raise ExpressionError(f"{text!r} is more than one boolean expression. Give a condition such as: score > 0.5 AND label = 'cat'.")
    return dict(node)


def _syntax_error(text: str, parsed: dict[str, Any], prefix: int) -> ExpressionError:
    message = str(parsed.get("error_message", "it cannot be read"))
    try:
        place = min(max(int(parsed.get("position", prefix)) - prefix, 0), len(text))
    except ValueError:
        place = 0
    near = text[place : place + 20].strip() or "its end"
    if parsed.get("error_type") == "not implemented":
        message = "only one condition is allowed"
    return ExpressionError(
        f"The expression {text!r} cannot be read at character {place + 1} (near {near!r}): {message.splitlines()[0]}. "
        'A column whose name is a word of SQL or has spaces goes in double quotes: "my column".'
    )


def _check(node: Any, text: str, known: dict[str, str], used: dict[str, None], depth: int) -> None:
    if depth > _DEEPEST:
        raise ExpressionError(f"The expression is nested over {_DEEPEST} deep. Write long alternatives with IN (…).")
    kind, exact = node.get("class"), node.get("type")
    if exact not in _ALLOWED_TYPES.get(kind, ()):
        raise _refusal(node, text, str(node.get("function_name") or str(exact or kind).replace("_", " ").lower()))
    if kind == "COLUMN_REF":
        _check_column(node, known, used)
    elif kind == "FUNCTION" and not (node.get("is_operator") and node.get("function_name") in _ALLOWED_OPERATORS):
        raise _refusal(node, text, f"the function {node.get('function_name')}")
    elif kind == "CAST" and str(node.get("type_expr", {}).get("type_name", "")).upper() not in _ALLOWED_CASTS:
        raise _refusal(node, text, "a conversion to another type")
    for child in _children(node):
        _check(child, text, known, used, depth + 1)


def _check_column(node: dict[str, Any], known: dict[str, str], used: dict[str, None]) -> None:
    names = node["column_names"]
    name = known.get(str(names[0]).lower()) if len(names) == 1 else None
    if name is None:
        written = ".".join(map(str, names))
        raise ExpressionError(f"No column {written!r}. {closest(written, known.values())} Texts are written in single quotes: 'text'.")
    node["column_names"] = [name]
    used[name] = None


def _refusal(node: dict[str, Any], text: str, what: str) -> ExpressionError:
    return ExpressionError(
        f"The expression {text!r} uses {what}, which a filter may not. Allowed are columns, numbers, texts, comparisons, IN, BETWEEN, LIKE, "
        "IS NULL, + - * /, AND, OR and NOT."
    )


def _children(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every expression below a node, wherever the tree keeps it; a shape that is not known is refused by its missing class."""
    for name, value in node.items():
        if name in ("type_expr", "literal", "qualified_name", "order_bys", "column_names"):
            continue
        if isinstance(value, dict):
            yield value
        elif isinstance(value, list):
            for item in value:
                if isinstance(item, dict):
                    yield item["expression"] if set(item) >= {"expression"} and "class" not in item else item


def _written(node: dict[str, Any]) -> str:
    statement = {"error": False, "statements": [{"node": node, "named_param_map": []}]}
    text = _ask("SELECT json_deserialize_sql(?::JSON)", json.dumps(statement))
    head, tail = "SELECT ", " FROM batch"
    start, stop = text.index(head) + len(head), text.rindex(tail)
    return text[start:stop]


def evaluate(expression: Expression, batch: pa.Table) -> NDArray[np.bool_]:
    """Return, for each row of a batch, whether the expression is true (null counts as false).

    Raises
    ------
    ExpressionError
        When the types do not fit, such as a text compared with a number.
    """
    import duckdb

    connection = _connection()
    names = ", ".join(f'"{name.replace(chr(34), chr(34) * 2)}"' for name in batch.column_names)
    connection.register("batch", batch)
    try:
        query = f"SELECT coalesce(({expression.text})::BOOLEAN, false) AS keep FROM batch"
        answer = connection.execute(query).fetchnumpy()["keep"]
    except duckdb.Error as error:
        reason = str(error).splitlines()[0].partition(": ")[2] or str(error).splitlines()[0]
        raise ExpressionError(f"The expression {expression.text} does not fit the columns {names}: {reason}") from error
    finally:
        connection.unregister("batch")
    return np.asarray(answer, bool)
