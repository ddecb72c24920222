"""What may be said about the build of a matrix, as one value."""

from dataclasses import dataclass, field, fields
from typing import Any, Literal, Self, get_args

from bigview.errors import OptionError, closest

Gathering = Literal["mean", "sum", "min", "max", "count"]


@dataclass(frozen=True)
class MatrixOptions:
    """How a matrix store is built.

    Attributes
    ----------
    rows, cols : table, path, list of names, or str
        What is known of rows and columns, beside the matrix: a DataFrame, a Parquet or CSV file, or names, matched by name. Of a long table or a
        query the column, or SQL expression, that gives each line's row or column.
    value : str or None
        Of a long table the column of the values; None counts lines.
    agg : {"mean", "sum", "min", "max", "count"}
        What becomes of several lines of a long table that fall into one cell.
    categories : bool or sequence of str
        What codes mean; True keeps texts as categories.
    dataset : str or None
        Which array of a file that holds several.
    database : str or None
        A DuckDB file that SQL text is run in.
    scheduler : str or None
        Address of a Dask scheduler ("tcp://…"); None runs on this machine.
    quiet : bool
        Tell nothing.
    dry_run : bool
        Tell what the build would cost, and write nothing.
    overwrite : bool
        Whether a store that is there may be replaced. The old one stays until the new one is complete.
    title : str
        Name of the store for people.
    report : dict
        Facts to keep in the manifest, such as the licence of the data.
    """

    rows: Any = None
    cols: Any = None
    value: str | None = None
    agg: Gathering = "mean"
    categories: Any = None
    dataset: str | None = None
    database: str | None = None
    scheduler: str | None = None
    quiet: bool = False
    dry_run: bool = False
    overwrite: bool = True
    title: str = ""
    report: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, given: dict[str, Any]) -> Self:
        """Return the options from keywords; an unknown one is refused with the list."""
        known = [entry.name for entry in fields(cls)]
        for name in given:
            if name not in known:
                raise OptionError(f"build_matrix has no option {name!r}. {closest(name, known)}")
        options = cls(**given)
        if options.agg not in get_args(Gathering):
            raise OptionError(f"There is no way {options.agg!r} to gather lines into a cell. {closest(str(options.agg), get_args(Gathering))}")
        return options
