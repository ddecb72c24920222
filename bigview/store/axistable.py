"""The rows, or the columns, of a matrix: their names and what else is known of them."""

import re
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bigview.errors import ExpressionError, missing_column
from bigview.store.files import Folder
from bigview.store.matrixmanifest import AxisEntry

NAME = "name"
"""The column of the names in the file of an axis."""


def is_expression(text: str) -> bool:
    """Tell whether a text is a regular expression in the syntax of RE2."""
    try:
        pc.match_substring_regex(pa.array([""]), text)
    except pa.ArrowInvalid:
        return False
    return True


class AxisTable:
    """One axis of a matrix: names, and columns of metadata.

    Attributes
    ----------
    side : {"rows", "cols"}
    size : int
    """

    def __init__(self, folder: Folder, side: str, entry: AxisEntry) -> None:
        self._folder, self._entry, self.side = folder, entry, side
        self.size = entry.size

    def __len__(self) -> int:
        return self.size

    def __repr__(self) -> str:
        return f"<{self.size:,} {self.side}{f', {len(self.columns)} columns' if self.columns else ''}>"

    @property
    def named(self) -> bool:
        """Whether there are names; without them numbers stand for them."""
        return self._entry.named

    @cached_property
    def columns(self) -> dict[str, str]:
        """Names of the metadata columns and what they hold: "number", "integer", "datetime", "boolean", "category" or "text"."""
        return {column.name: column.kind for column in self._entry.columns}

    @cached_property
    def names(self) -> NDArray[np.str_]:
        """The names, in native order; "0", "1", … where there are none."""
        if not self.named:
            return np.arange(self.size).astype(np.str_)
        return np.asarray(self._arrow([NAME])[NAME].to_numpy(zero_copy_only=False), np.str_)

    def names_of(self, numbers: NDArray[np.int64]) -> list[str]:
        """Return the names of native rows (or columns): of a few, without an array of them all, which takes seconds for millions."""
        if not self.named:
            return [str(number) for number in numbers.tolist()]
        return [str(name) for name in self._texts.take(pa.array(numbers, pa.int64())).to_pylist()]

    @cached_property
    def _places(self) -> pd.Index:
        return pd.Index(self.names)

    def position(self, name: Any) -> int:
        """Return the native number of a name, −1 where none has it. Names are unique."""
        return int(self.positions([name])[0])

    def positions(self, names: Any) -> NDArray[np.int64]:
        """Return the native numbers of names, −1 for those that are not there."""
        return np.asarray(self._places.get_indexer(pd.Index([str(name) for name in names], dtype=self._places.dtype)), np.int64)

    def search(self, pattern: str, ignore_case: bool = True) -> NDArray[np.int64]:
        """Return the native numbers of the names in which a regular expression is found.

        Parameters
        ----------
        pattern : str
            In the syntax of RE2, whose time is linear in the text, whatever the pattern.

        Raises
        ------
        ExpressionError
        """
        try:
            found = pc.match_substring_regex(self._texts, pattern, ignore_case=ignore_case)
        except pa.ArrowInvalid as error:
            raise ExpressionError(f"{pattern!r} is no regular expression: {str(error).splitlines()[0].rpartition(': ')[2]}.") from error
        return np.flatnonzero(found.to_numpy(zero_copy_only=False))

    def find(self, text: str) -> NDArray[np.int64]:
        """Return the native numbers of the names in which a regular expression is found; what is none is searched for as it is."""
        return self.search(text if is_expression(text) else re.escape(text))

    @cached_property
    def _texts(self) -> pa.Array:
        if self.named:
            return self._arrow([NAME])[NAME].combine_chunks()
        return pc.cast(pa.array(np.arange(self.size)), pa.string())

    def column(self, name: str) -> NDArray[Any]:
        """Return a column's values in native order: numbers and datetimes as such, categories and texts as objects, missing ones None or NaN."""
        if name == NAME and NAME not in self.columns:
            return self.names
        if name not in self.columns:
            raise missing_column(name, [NAME, *self.columns], f"the {self.side}")
        return np.asarray(self._arrow([name])[name].to_pandas())

    def line(self, number: int) -> dict[str, Any]:
        """Return what is known of one row (or column), by its native number; missing values None. Columns are read once."""
        for name in self.columns:
            if name not in self._columns_read:
                self._columns_read[name] = self._arrow([name])[name]
        return {name: self._columns_read[name][number].as_py() for name in self.columns}

    @cached_property
    def _columns_read(self) -> dict[str, pa.ChunkedArray]:
        return {}

    def table(self, rows: Any = None) -> pd.DataFrame:
        """Return names and metadata as a DataFrame, indexed by native number; only of some `rows` where they are given."""
        frame = pd.DataFrame({NAME: self.names, **{name: self._arrow([name])[name].to_pandas() for name in self.columns}})
        return frame if rows is None else frame.iloc[np.asarray(rows)]

    def _arrow(self, names: list[str]) -> pa.Table:
        if self._entry.file is None:
            return pa.table({})
        with self._folder.parquet(self._entry.file) as file:
            return file.read(names)
