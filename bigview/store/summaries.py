"""Summaries: what the rows of each cell of the coarse levels hold, so that a first picture costs as much as its cells, not as its rows.

For each cell of a level, in the order of the level's cells: of categories the three most frequent codes with their counts, of numbers the sum. All
are exact for the cell; what a picture makes of them is not, and says so.
"""

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from bigview.store.manifest import Kind

TOPS = 3
"""Codes kept of a cell: the first colours its pixel, the others tell how surely."""

MOST = 16
"""Columns summarised of each sort, categories and numbers, the first ones of the source: with more the summaries would rival the rows."""

_COUNTED, _SUMMED = ("category", "boolean"), ("number", "integer", "datetime")


class Described(Protocol):
    """A column as the build or the manifest describes it."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def kind(self) -> Kind:
        """What it holds."""


Some = TypeVar("Some", bound=Described)


def chosen(columns: Sequence[Some], without: Sequence[str]) -> tuple[list[Some], list[Some]]:
    """Return the columns to summarise, those of categories and those of numbers; the positions (`without`) follow from the cells."""
    free = [column for column in columns if column.name not in without]
    counted = [column for column in free if column.kind in _COUNTED]
    summed = [column for column in free if column.kind in _SUMMED]
    return counted[:MOST], summed[:MOST]


def code_columns(name: str) -> list[str]:
    """Return the columns of a summary that hold the codes of a category, the most frequent first; −1 where there are fewer."""
    return [f"{name}_top{place}" for place in range(1, TOPS + 1)]


def count_columns(name: str) -> list[str]:
    """Return the columns that hold the counts of `code_columns`."""
    return [f"{name}_count{place}" for place in range(1, TOPS + 1)]


def sum_column(name: str) -> str:
    """Return the column that holds the sum of a number."""
    return f"{name}_sum"


def rows_column(name: str) -> str:
    """Return the column that holds the rows that have a value."""
    return f"{name}_rows"


def as_floats(values: NDArray[Any], kind: str, missing: int) -> NDArray[Any]:
    """Return decoded numbers or datetimes as numbers that are NaN where they are missing."""
    if kind == "datetime":
        return np.where(values == missing, np.nan, values.astype(np.float64))
    return values
