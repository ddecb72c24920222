"""The pages of the table of records: what is asked for, and what comes back as text. Nothing here knows the screen."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from bigview.app.record import spoken
from bigview.spec import Filters, View
from bigview.store.lookup import positions_of_rows
from bigview.store.phrases import contains
from bigview.store.points import PointTable
from bigview.store.selection import Selection
from bigview.store.textsearch import first_found

PAGE = 100  # rows: three screens of them, and a tenth of a second to read them
LONGEST = 1_000  # characters of a cell: a record's card has all of them
LONGEST_SEARCH = 200  # characters: it is written out once a column in an expression of at most 20,000
_COLUMNS = 24  # columns shown at first: a dozen fill a wide screen
_NUMERIC = ("number", "integer")
_SEARCHED = ("text", "category")


@dataclass(frozen=True)
class Order:
    """By which column the rows are sorted."""

    column: str
    descending: bool = False

    @property
    def text(self) -> str:
        """The order as `PointTable.rows` takes it."""
        return f"-{self.column}" if self.descending else self.column


@dataclass(frozen=True)
class Asked:
    """A page that is wanted.

    Attributes
    ----------
    where : Filters
    view : View or None
        Only rows inside its ranges.
    search : str
        Only rows with a text that contains it.
    columns : tuple of str
    order : Order or None
        None: store order.
    number : int
        Of the page, from 0; past the last one, the last one is meant.
    find : int or None
        A row, by its number in the source, to be shown whatever the page.
    jump : bool
        Take the page that has this row, where that is quickly known.
    """

    where: Filters
    view: View | None
    search: str
    columns: tuple[str, ...]
    order: Order | None = None
    number: int = 0
    find: int | None = None
    jump: bool = False


@dataclass(frozen=True)
class Shown:
    """A page: `ids` are the rows' numbers in the source, `cells` their values as text; `found` is the row asked for, where it is not among them.

    `total` is how many rows there are in all; None while that is being counted.
    """

    total: int | None = 0
    number: int = 0
    ids: list[int] = field(default_factory=list)
    cells: list[list[str]] = field(default_factory=list)
    found: list[str] | None = None
    error: str = ""


def first_columns(columns: Mapping[str, str]) -> tuple[str, ...]:
    """Return the columns to show at first, in the store's order: what fits into a line."""
    plain = [name for name, kind in columns.items() if kind not in ("list", "binary") and name != "__row"]
    return tuple(plain[:_COLUMNS])


def is_numeric(kind: str) -> bool:
    """Tell whether values of a kind of column are read from the right."""
    return kind in _NUMERIC


def searchable(columns: Mapping[str, str]) -> list[str]:
    """Return the columns in which a search looks."""
    return [name for name, kind in columns.items() if kind in _SEARCHED]


def searching(columns: Mapping[str, str], text: str) -> str | None:
    """Return the condition that a text or category contains a string, whatever its case; None where nothing is searched."""
    names = searchable(columns)
    if not text or not names:
        return None
    return " OR ".join(contains(name, text) for name in names)


def pages_of(total: int) -> int:
    """Return the number of pages; an empty table has one."""
    return max(1, -(-total // PAGE))


def clamped(number: int, total: int) -> int:
    """Return the page that is there for one that was asked for."""
    return min(max(number, 0), pages_of(total) - 1)


def turned(order: Order | None, column: str, columns: Mapping[str, str]) -> Order | None:
    """Return the order after a click on a column's header: ascending, descending, store order."""
    if order is None or order.column != column:
        return Order(column)
    # Where there is a column of that very name, "-column" means it, ascending.
    return None if order.descending or f"-{column}" in columns else Order(column, descending=True)


def rank(selection: Selection, position: int) -> int | None:
    """Return how many rows of a selection come before a position in store order; None where the row there is not selected."""
    one = Selection(np.maximum(selection.starts, position), np.minimum(selection.stops, position + 1), selection.bits)
    if not _trimmed(one).count():
        return None
    return _trimmed(Selection(selection.starts, np.minimum(selection.stops, position), selection.bits)).count()


def _trimmed(selection: Selection) -> Selection:
    keep = selection.stops > selection.starts
    return Selection(selection.starts[keep], selection.stops[keep], selection.bits)


def arriving(table: PointTable, asked: Asked) -> Iterator[Shown]:
    """Yield the page that was asked for: the first one of a search at once where many rows have the text, and again when all are counted."""
    if asked.search and asked.order is None and asked.find is None and not asked.number:
        kinds = table.columns
        categories = [contains(name, asked.search) for name in searchable(kinds) if kinds[name] == "category"]
        others = table.bits(" OR ".join(categories)) if categories else None
        names = [name for name in searchable(kinds) if kinds[name] == "text"]
        first = first_found(table.reader, asked.search, names, others, table.selected(asked.view, asked.where), PAGE)
        if first is not None:
            records = table.records(first, asked.columns)
            yield Shown(None, 0, [int(row) for row in records["__row"]], texts(records, asked.columns))
    yield fetched(table, asked)


def fetched(table: PointTable, asked: Asked) -> Shown:
    """Return the page that was asked for."""
    where = Filters.of(asked.where, searching(table.columns, asked.search))
    selection = table.selected(asked.view, where)
    total = selection.count()
    number = clamped(asked.number, total)
    if asked.find is not None and asked.jump and asked.order is None:
        before = rank(selection, int(positions_of_rows(table.reader, [asked.find])[0]))
        number = number if before is None else before // PAGE
    order = None if asked.order is None else asked.order.text
    records = table.rows(asked.view, where, asked.columns, order, number * PAGE, PAGE)
    ids = [int(row) for row in records["__row"]]
    found = None
    if asked.find is not None and asked.find not in ids:
        found = texts(table.take(row_ids=[asked.find], columns=asked.columns), asked.columns)[0]
    return Shown(total, number, ids, texts(records, asked.columns), found)


def texts(records: pd.DataFrame, columns: Sequence[str]) -> list[list[str]]:
    """Return the values of records as text, row by row."""
    made = [[_cut(spoken(value)) for value in _values(records[name])] for name in columns]
    return [list(row) for row in zip(*made, strict=True)] if made else [[] for _ in range(len(records))]


def _values(column: pd.Series) -> Iterator[object]:
    # Iterating a Series would turn float32 into float64, with all its digits.
    plain = isinstance(column.dtype, np.dtype) and column.dtype.kind in "iufb"
    return iter(column.to_numpy() if plain else column)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1].rstrip()}…"
