"""SQL expressions: read by DuckDB's own parser, checked against a list of what is allowed, and only then run.

What runs is not the user's text but the text that DuckDB writes from the checked tree, in a database that has no files, no network, no settings
to change and no table but the batch of rows at hand.
"""

import json
import os
import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bigview.errors import ExpressionError, closest
from bigview.store.phrases import quoted

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
# A call by name: DuckDB's engine for these needs time linear in the text, whatever the pattern.
_REGEX = "regexp_matches"
_ALLOWED_CASTS = {"DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ", "TIME"}
_LONGEST = 20_000  # characters: beyond this a list of values should be a set of rows
_DEEPEST = 200  # nested operators: DuckDB's planner is recursive
_KEPT = 64  # checked expressions: each costs a millisecond, and every picture asks for those of its filters several times

_local, _lock = threading.local(), threading.Lock()


_PREFIX = "SELECT (\n"

Node = dict[str, Any]
"""A part of DuckDB's parse tree."""


@dataclass(frozen=True)
class Expression:
    """A checked expression: its text as DuckDB writes it, the columns it reads (in the store's spelling), and its parse tree."""

    text: str
    columns: tuple[str, ...]
    tree: Node = field(default_factory=dict, compare=False, repr=False)


@cache
def _database(process: int) -> "duckdb.DuckDBPyConnection":
    """Return the locked database of a process: in memory, one thread a question, no access to anything outside."""
    import duckdb  # half of the time of opening a store, and only filters need it

    found = duckdb.connect(":memory:", config={"threads": 1, "autoinstall_known_extensions": False})
    for setting in (
        "GLOBAL python_enable_replacements = false",
        "autoload_known_extensions = false",
        "enable_external_access = false",
        "lock_configuration = true",
    ):
        found.execute(f"SET {setting}")
    return found


def _connection() -> "duckdb.DuckDBPyConnection":
    """Return this thread's connection to the database: what it registers the others do not see. A database of its own takes 30 ms to make."""
    connection: duckdb.DuckDBPyConnection | None = getattr(_local, "connection", None)
    if connection is None:
        with _lock:
            connection = _local.connection = _database(os.getpid()).cursor()
    return connection


def _ask(query: str, value: str) -> str:
    # All rows are fetched: DuckDB refuses further work on a connection with an unfinished result.
    return str(_connection().execute(query, [value]).fetchall()[0][0])


def parse(text: str, columns: Iterable[str]) -> Expression:
    """Return the checked form of an expression.

    Parameters
    ----------
    text : str
        A boolean SQL expression: comparisons, IN, BETWEEN, LIKE, ILIKE, IS NULL, arithmetic, AND, OR, NOT, and
        ``regexp_matches(column, 'pattern')``.
    columns : iterable of str
        The columns it may name. Names are matched as DuckDB does, whatever their case.

    Raises
    ------
    ExpressionError
        When it is malformed (with the place), names another column (with the closest), or uses anything else.
    """
    return _parsed(text, tuple(columns))


@lru_cache(_KEPT)
def _parsed(text: str, columns: tuple[str, ...]) -> Expression:
    known = {name.lower(): name for name in columns}
    if len(text) > _LONGEST:
        raise ExpressionError(f"The expression has {len(text):,} characters; the limit is {_LONGEST:,}. Filter by a set of rows instead.")
    if not text.strip():
        raise ExpressionError("The expression is empty. Give a condition such as: score > 0.5.", 0)
    if (half := re.search("[\ud800-\udfff]", text)) is not None:
        raise ExpressionError(f"Character {half.start() + 1} of the expression is half of one, which no text has.", half.start())
    statement = _tree(text)
    tree = statement["select_list"][0]
    check = _Check(text, known)
    check.see(tree, 0)
    return Expression(written(tree), tuple(check.used), tree)


def _tree(text: str) -> Node:
    parsed = json.loads(_ask("SELECT json_serialize_sql(?)", f"{_PREFIX}{text}\n) FROM batch"))
    if parsed.get("error", True):
        raise _syntax_error(text, parsed)
    node = parsed["statements"][0]["node"]
    extra = [name for name in ("where_clause", "group_expressions", "having", "sample", "qualify", "modifiers") if node.get(name)]
    cte = node.get("cte_map", {}).get("map")
    plain = node["type"] == "SELECT_NODE" and len(node["select_list"]) == 1 and len(parsed["statements"]) == 1
    if extra or cte or not plain or node["from_table"].get("table_name") != "batch":
        raise ExpressionError(f"{text!r} is more than one boolean expression. Give a condition such as: score > 0.5 AND label = 'cat'.")
    return dict(node)


def _place(text: str, told: Any) -> int | None:
    """Return the character that DuckDB's position stands for: it counts bytes, from the start of the statement."""
    try:
        offset = int(told) - len(_PREFIX)
    except (TypeError, ValueError):
        return None
    encoded = text.encode()
    if not 0 <= offset <= len(encoded) + 2:  # the closing bracket's line counts as the end; nodes made by the parser have no place
        return None
    return len(encoded[:offset].decode(errors="ignore"))


def _syntax_error(text: str, parsed: Node) -> ExpressionError:
    message = str(parsed.get("error_message", "it cannot be read"))
    place = _place(text, parsed.get("position")) or 0
    near = text[place : place + 20].strip()
    if not near:
        return ExpressionError(f"The expression {text!r} is not complete: something is missing at its end, after character {place}.", place)
    if parsed.get("error_type") == "not implemented":
        message = "only one condition is allowed"
    return ExpressionError(
        f"The expression {text!r} cannot be read at character {place + 1} (near {near!r}): {message.splitlines()[0]}. "
        'A column whose name is a word of SQL or has spaces goes in double quotes: "my column".',
        place,
    )


class _Check:
    """Goes through a tree; refuses what is not allowed, and spells columns as the store does."""

    def __init__(self, text: str, known: dict[str, str]) -> None:
        self.text, self.known = text, known
        self.used: dict[str, None] = {}

    def see(self, node: Any, depth: int) -> None:
        """Check a node and all below it."""
        if depth > _DEEPEST:
            raise ExpressionError(f"The expression is nested over {_DEEPEST} deep. Write long alternatives with IN (…).")
        kind, exact = node.get("class"), node.get("type")
        if exact not in _ALLOWED_TYPES.get(kind, ()):
            raise self._refusal(node, str(node.get("function_name") or str(exact or kind).replace("_", " ").lower()))
        if kind == "COLUMN_REF":
            self._column(node)
        elif kind == "FUNCTION":
            self._function(node)
        elif kind == "CAST" and str(node.get("type_expr", {}).get("type_name", "")).upper() not in _ALLOWED_CASTS:
            raise self._refusal(node, "a conversion to another type")
        for child in children(node):
            self.see(child, depth + 1)

    def _column(self, node: Node) -> None:
        names = node["column_names"]
        name = self.known.get(str(names[0]).lower()) if len(names) == 1 else None
        if name is None:
            text, place = ".".join(map(str, names)), _place(self.text, node.get("query_location"))
            where = "" if place is None else f" (at character {place + 1})"
            hint = "Texts are written in single quotes: 'text'."
            raise ExpressionError(f"No column {text!r}{where}. {closest(text, self.known.values())} {hint}", place)
        node["column_names"] = [name]
        self.used[name] = None

    def _function(self, node: Node) -> None:
        name = node.get("function_name")
        if name == _REGEX and not node.get("schema") and not node.get("catalog"):
            self._regex(node)
        elif not (node.get("is_operator") and name in _ALLOWED_OPERATORS):
            raise self._refusal(node, f"the function {name}")

    def _regex(self, node: Node) -> None:
        import duckdb

        rest = list(children(node))[1:]
        if not 1 <= len(rest) <= 2 or any(part.get("class") != "CONSTANT" for part in rest):
            raise self._refusal(node, f"{_REGEX} otherwise than with a column and a pattern, both texts,")
        try:
            _connection().execute(f"SELECT {_REGEX}('', {written(*rest)})").fetchall()
        except duckdb.Error as error:
            place = _place(self.text, rest[0].get("query_location"))
            where = "" if place is None else f" at character {place + 1}"
            raise ExpressionError(f"The pattern {written(rest[0])}{where} is no regular expression: {_reason(error)}", place) from error

    def _refusal(self, node: Node, what: str) -> ExpressionError:
        place = _place(self.text, node.get("query_location"))
        where = "" if place is None else f" (at character {place + 1})"
        return ExpressionError(
            f"The expression {self.text!r} uses {what}{where}, which a filter may not. Allowed are columns, numbers, texts, comparisons, IN, "
            f"BETWEEN, LIKE, {_REGEX}, IS NULL, + - * /, AND, OR and NOT.",
            place,
        )


def children(node: Node) -> Iterator[Node]:
    """Yield every expression below a node, wherever the tree keeps it; a shape that is not known is refused by its missing class."""
    for name, value in node.items():
        if name in ("type_expr", "literal", "qualified_name", "order_bys", "column_names"):
            continue
        if isinstance(value, dict):
            yield value
        elif isinstance(value, list):
            for item in value:
                if isinstance(item, dict):
                    yield item["expression"] if set(item) >= {"expression"} and "class" not in item else item


def written(*nodes: Node) -> str:
    """Return the text of checked trees, separated by commas, as DuckDB writes it."""
    node = _blank() | {"select_list": list(nodes)}
    statement = {"error": False, "statements": [{"node": node, "named_param_map": []}]}
    text = _ask("SELECT json_deserialize_sql(?::JSON)", json.dumps(statement))
    return text[len("SELECT ") : text.rindex(" FROM batch")]


@cache
def _blank() -> Node:
    return _tree("true")


def constants(nodes: Sequence[Node], kind: str) -> list[tuple[str, Any]]:
    """Return the type of each tree without columns, and its value as a type of DuckDB; None where it has none there."""
    named = [{**node, "alias": f"k{place}"} for place, node in enumerate(nodes)]
    asked = ", ".join(f"typeof(k{place}), TRY_CAST(k{place} AS {kind})" for place in range(len(nodes)))
    answer = _connection().execute(f"SELECT {asked} FROM (SELECT {written(*named)})").fetchnumpy()
    found = [column[0] for column in answer.values()]
    return [(str(found[q]), None if found[q + 1] is np.ma.masked else found[q + 1]) for q in range(0, len(found), 2)]


def lowered() -> dict[str, str]:
    """Return the lower case of each character that has another one, as DuckDB has it."""
    query = (
        "SELECT chr(i::INT), lower(chr(i::INT)) FROM range(1, 131072) t(i) WHERE i NOT BETWEEN 55296 AND 57343 AND lower(chr(i::INT)) <> chr(i::INT)"
    )
    return dict(_connection().execute(query).fetchall())


def _reason(error: Exception) -> str:
    first = str(error).splitlines()[0]
    return first.partition(": ")[2] or first


def evaluate(expression: Expression, batch: pa.Table) -> NDArray[np.bool_]:
    """Return, for each row of a batch, whether the expression is true (null counts as false).

    Raises
    ------
    ExpressionError
        When the types do not fit, such as a text compared with a number.
    """
    import duckdb

    connection = _connection()
    names = ", ".join(quoted(name) for name in batch.column_names)
    connection.register("batch", batch)
    try:
        query = f"SELECT coalesce(({expression.text})::BOOLEAN, false) AS keep FROM batch"
        answer = connection.execute(query).fetchnumpy()["keep"]
    except duckdb.Error as error:
        raise ExpressionError(f"The expression {expression.text} does not fit the columns {names}: {_reason(error)}") from error
    finally:
        connection.unregister("batch")
    return np.asarray(answer, bool)
