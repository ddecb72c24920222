"""Texts that contain a text: a pass over their bytes, instead of DuckDB's over each text.

Whatever the case: a character stands for all that DuckDB itself puts into the same lower case, taken from it once. All are sequences of UTF-8, none
of which begins another one; so at any place of a text at most one of them is there, and to look for a text is to walk along it.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numba as nb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bigview.config import limits
from bigview.store import pool
from bigview.store.bits import Bits, pack, tested, words
from bigview.store.clauses import Expression, Node, children, lowered, written
from bigview.store.reader import Reader
from bigview.store.selection import Selection

_TOGETHER = 64  # row groups of texts of one task
_FIRST = 8  # of the first task of a search that ends early: each further one has as many again, until enough is found
_OPERATORS = {"~~": False, "like_escape": False, "~~*": True, "ilike_escape": True}  # LIKE and ILIKE; whether the case is all the same
_ESCAPE = "\\"
_WIDEST = 4  # bytes of a character

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Sought:
    """A text that is looked for.

    Attributes
    ----------
    column : str
    signs : ndarray of uint8, shape (characters, variants, 4)
        The bytes of what each character may be.
    sizes : ndarray of int64, shape (characters, variants)
        How many bytes each has; 0 where there is none.
    begins : ndarray of bool, shape (256,)
        Bytes that a match may begin with.
    """

    column: str
    signs: NDArray[np.uint8]
    sizes: NDArray[np.int64]
    begins: NDArray[np.bool_]

    @classmethod
    def of(cls, column: str, text: str, any_case: bool) -> "Sought":
        """Return what is looked for in a column."""
        lower, variants = _cases()
        choices = [variants.get(lower.get(sign, sign), (sign,)) if any_case else (sign,) for sign in text]
        most = max(map(len, choices))
        signs, sizes = np.zeros((len(choices), most, _WIDEST), np.uint8), np.zeros((len(choices), most), np.int64)
        for place, choice in enumerate(choices):
            for number, sign in enumerate(choice):
                data = sign.encode()
                signs[place, number, : len(data)], sizes[place, number] = list(data), len(data)
        begins = np.zeros(256, np.bool_)
        begins[signs[0, sizes[0] > 0, 0]] = True
        return cls(column, signs, sizes, begins)


@cache
def _cases() -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """Return the lower case of each character that has another one, and all characters of each such lower case."""
    lower = lowered()
    variants: dict[str, tuple[str, ...]] = {}
    for sign, small in lower.items():
        variants[small] = (*variants.get(small, (small,)), sign)
    return lower, variants


def sought(reader: Reader, node: Node) -> Sought | None:
    """Return what a condition looks for, if it is that a column of texts contains a text; else None."""
    parts = list(children(node))
    if node.get("class") != "FUNCTION" or node.get("function_name") not in _OPERATORS or not 2 <= len(parts) <= 3:
        return None
    texts = [part.get("literal", {}).get("text") if part.get("class") == "CONSTANT" else None for part in parts[1:]]
    if parts[0].get("class") != "COLUMN_REF" or not all(isinstance(text, str) for text in texts) or texts[1:] not in ([], [_ESCAPE]):
        return None
    column = reader.manifest.column(parts[0]["column_names"][0])
    inner = _inside(str(texts[0]), len(texts) == 2)
    if column.part != "text" or column.kind != "text" or inner is None:
        return None
    return Sought.of(column.name, inner, _OPERATORS[node["function_name"]])


def _inside(pattern: str, escaped: bool) -> str | None:
    """Return the text between the two % of a pattern that has no other sign for anything; None for another pattern."""
    inner = pattern[1:-1]
    if len(pattern) < 3 or pattern[0] != "%" or pattern[-1] != "%" or "\0" in inner:
        return None
    found, signs = [], iter(inner)
    for sign in signs:
        if sign == _ESCAPE and escaped:
            sign = next(signs, "")
            if sign not in ("%", "_", _ESCAPE):
                return None
        elif sign in "%_":
            return None
        found.append(sign)
    return "".join(found)


Others = Callable[[Expression], Bits]
"""What gives the bits of any other expression."""


def searched(reader: Reader, expression: Expression, others: Others) -> Bits | None:
    """Return the bits of an expression that looks for texts, perhaps beside other conditions; None where it looks for none.

    AND and OR are true exactly where the sets of rows for which their parts are true meet or join; `others` is asked for all parts that look
    for no text together.
    """
    return _searched(reader, expression.tree, others) if _searches(reader, expression.tree) else None


def _searches(reader: Reader, node: Node) -> bool:
    if node.get("class") == "CONJUNCTION":
        return any(_searches(reader, child) for child in children(node))
    return sought(reader, node) is not None


def _searched(reader: Reader, node: Node, others: Others) -> Bits:
    wanted = sought(reader, node)
    if wanted is not None:
        return _bits(reader, wanted)
    meet = node["type"] == "CONJUNCTION_AND"
    parts = [_searched(reader, child, others) for child in children(node) if _searches(reader, child)]
    rest = _rest(reader, node)
    if rest is not None:
        parts.append(others(rest))
    bits = parts[0].copy()
    for part in parts[1:]:
        (np.bitwise_and if meet else np.bitwise_or)(bits, part, out=bits)
    return bits


def _rest(reader: Reader, node: Node) -> Expression | None:
    """Return the parts of a condition that look for no text, together."""
    rest = [child for child in children(node) if not _searches(reader, child)]
    if not rest:
        return None
    tree = rest[0] if len(rest) == 1 else {**node, "children": rest}
    return Expression(written(tree), tuple(dict.fromkeys(_columns(tree))), tree)


def _columns(node: Node) -> Iterator[str]:
    if node.get("class") == "COLUMN_REF":
        yield node["column_names"][0]
    for child in children(node):
        yield from _columns(child)


def _bits(reader: Reader, wanted: Sought) -> Bits:
    """Return the bits of the rows whose text contains what is looked for."""
    bits, lock, offsets = np.zeros(words(reader.manifest.rows), np.uint64), threading.Lock(), reader.text_groups.offsets

    def part(first: int) -> None:
        last = min(first + _TOGETHER, len(offsets) - 1)
        start = int(offsets[first])
        packed = pack(_mask(reader, wanted, first, last), start)
        with lock:  # tasks meet in the middle of a word
            bits[start // 64 : start // 64 + len(packed)] |= packed

    pool.run(part, range(0, len(offsets) - 1, _TOGETHER))
    return bits


def _mask(reader: Reader, wanted: Sought, first: int, last: int) -> NDArray[np.bool_]:
    """Tell of each row of some row groups whether its text contains what is looked for."""
    offsets = reader.text_groups.offsets
    found, at = np.zeros(int(offsets[last] - offsets[first]), np.bool_), 0
    for table in _read(reader, range(first, last), wanted.column):
        for chunk in table[wanted.column].chunks:
            begins, data = _buffers(chunk)
            here = found[at : at + len(chunk)]
            _contain(data, begins, wanted.signs, wanted.sizes, wanted.begins, here)
            if chunk.null_count:
                here &= chunk.is_valid().to_numpy(zero_copy_only=False)
            at += len(chunk)
    return found


def _read(reader: Reader, groups: range, column: str) -> list[pa.Table]:
    """Return a column of row groups, those of a file in one table: in three quarters of the time of one table for each."""
    tables = []
    try:
        for name, numbers in reader.text_groups.runs(groups):
            with reader.folder.parquet(name) as file:
                tables.append(file.read_row_groups(list(numbers), columns=[column], use_threads=False))
    except (pa.ArrowException, OSError, IndexError):
        return reader._read_groups(reader.text_groups, groups, [column])  # which says what is damaged
    return tables


def _buffers(texts: pa.Array) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Return where each text begins and the last one ends, and the bytes; a missing text has none."""
    if texts.type not in (pa.string(), pa.large_string()):
        texts = texts.cast(pa.large_string())
    _, begins, data = texts.buffers()
    ends = np.frombuffer(begins, np.int64 if texts.type == pa.large_string() else np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return ends, np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(1, np.uint8)


@nb.njit(nogil=True, cache=True)
def _contain(data, begins, signs, sizes, starts, out):  # type: ignore[no-untyped-def]
    """Tell of each text whether the characters stand in it, one after the other."""
    for row in range(out.shape[0]):
        stop = nb.int64(begins[row + 1])
        for begin in range(nb.int64(begins[row]), stop):
            if not starts[data[begin]]:
                continue
            place, at = begin, 0
            while at < signs.shape[0]:
                size = 0
                for q in range(signs.shape[1]):
                    size = sizes[at, q]
                    if size == 0 or place + size > stop:
                        size = 0
                        continue
                    for b in range(size):
                        if data[place + b] != signs[at, q, b]:
                            size = 0
                            break
                    if size:
                        break
                if not size:
                    break
                place += size
                at += 1
            if at == signs.shape[0]:
                out[row] = True
                break


def first_found(reader: Reader, text: str, columns: Sequence[str], others: Bits | None, selection: Selection, limit: int) -> Rows | None:
    """Return the first rows of a selection, in store order, that contain a text, whatever its case.

    Parameters
    ----------
    text : str
    columns : sequence of str
        Columns of texts, one of which contains it.
    others : ndarray of uint64 or None
        Bits of rows that are found whatever these hold.
    selection : Selection
    limit : int
        How many rows are wanted.

    Returns
    -------
    ndarray of int64 or None
        Positions; None where not so many are found among the first rows (`limits().searched_rows`).
    """
    if not columns or not text or "\0" in text:
        return None
    wanted = [Sought.of(column, text, True) for column in columns]
    found: list[Rows] = []
    for stretch in _stretches(reader, selection, limits().searched_rows):
        found.append(_passing(reader, wanted, others, selection, stretch))
        if sum(map(len, found)) >= limit:
            return np.concatenate(found)[:limit]
    return None


def _stretches(reader: Reader, selection: Selection, most: int) -> Iterator[tuple[int, int]]:
    """Yield ever longer stretches of the row groups that a selection touches, until so many rows were read."""
    offsets, size = reader.text_groups.offsets, _FIRST
    first, rows = 0, 0
    while first < len(offsets) - 1 and rows < most:
        last = min(first + size, len(offsets) - 1)
        if selection.between(int(offsets[first]), int(offsets[last])).count():
            rows += int(offsets[last] - offsets[first])
            yield first, last
            size *= 2
        first = last


def _passing(reader: Reader, wanted: Sequence[Sought], others: Bits | None, selection: Selection, groups: tuple[int, int]) -> Rows:
    start, stop = (int(row) for row in reader.text_groups.offsets[list(groups)])
    mask = np.zeros(stop - start, np.bool_)
    for text in wanted:
        mask |= _mask(reader, text, *groups)
    rows = selection.between(start, stop).positions()
    passes = mask[rows - start]
    if others is not None:
        passes |= tested(others, rows)
    return np.asarray(rows[passes])
