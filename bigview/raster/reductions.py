"""Reductions: Datashader's objects, their names, and bigview's own, brought to one form.

Datashader takes most of a second to load, and brings Dask along; it is loaded where one of its objects is at hand.
"""

from dataclasses import dataclass
from typing import Any, Literal

from bigview.errors import OptionError, closest
from bigview.spec import By, Dominant
from bigview.store.points import PointTable

Kind = Literal["count", "any", "sum", "mean", "min", "max", "std", "var", "by", "dominant", "other"]
_NUMBERS = ("sum", "mean", "min", "max", "std", "var")
_NAMED = ("count", "any", *_NUMBERS)


@dataclass(frozen=True)
class Reduction:
    """What to compute for each pixel.

    Attributes
    ----------
    kind : str
        "other" stands for a reduction that Datashader computes itself, from the rows.
    column : str or None
    top : int or None
        For "by": how many categories to keep.
    source : datashader reduction or None
        The object given, for "other".
    """

    kind: Kind
    column: str | None = None
    top: int | None = None
    source: Any = None

    @property
    def key(self) -> tuple[Any, ...]:
        """A value that is equal for equal reductions."""
        return (
            self.kind,
            self.column,
            self.top,
            None if self.source is None else f"{type(self.source).__name__}{columns_read(self.source)}",
        )


def reduction_of(table: PointTable, agg: Any) -> Reduction:
    """Return the normal form of a reduction.

    Parameters
    ----------
    agg : datashader reduction, str, By or Dominant
        A name such as "count" or "count_cat"; a name that needs a column takes it after a colon ("mean:score").

    Raises
    ------
    OptionError
        When the name is unknown, or the column does not hold what the reduction needs.
    """
    found = _named(agg) if isinstance(agg, str) else _typed(agg)
    if found.column is not None:
        kind = table.manifest.column(found.column).kind
        if found.kind in ("by", "dominant") and kind not in ("category", "boolean"):
            raise OptionError(f"{found.column!r} holds {kind}; {found.kind}() needs a category or boolean column.")
        if found.kind in _NUMBERS and kind not in ("number", "integer", "boolean", "datetime"):
            raise OptionError(f"{found.column!r} holds {kind}; {found.kind}() needs numbers.")
    elif found.kind in (*_NUMBERS, "by", "dominant"):
        raise OptionError(f"{found.kind}() needs a column, such as datashader.{found.kind}('score').")
    return found


def _named(name: str) -> Reduction:
    kind, _, column = name.partition(":")
    kind = {"count_cat": "by", "size": "count"}.get(kind, kind)
    if kind not in (*_NAMED, "by", "dominant"):
        raise OptionError(f"There is no reduction {name!r}. {closest(name, [*_NAMED, 'by', 'dominant'])}")
    return Reduction(kind, column or None)  # type: ignore[arg-type]


def _typed(agg: Any) -> Reduction:
    if isinstance(agg, Reduction):
        return agg
    if isinstance(agg, By):
        return Reduction("by", agg.column, agg.top)
    if isinstance(agg, Dominant):
        return Reduction("dominant", agg.column)
    import datashader.reductions as rd

    if isinstance(agg, rd.by):
        plain = type(agg.reduction) is rd.count and getattr(agg.reduction, "column", None) in (None, agg.cat_column)
        return Reduction("by", agg.cat_column) if plain else Reduction("other", source=agg)
    for kind in _NAMED:
        if type(agg) is getattr(rd, kind):
            column = agg.column if isinstance(getattr(agg, "column", None), str) else None
            return Reduction(kind, column) if column is None or kind != "any" else Reduction("other", source=agg)  # type: ignore[arg-type]
    if isinstance(agg, (rd.Reduction, rd.summary)):
        return Reduction("other", source=agg)
    raise OptionError(f"`agg` takes a datashader reduction, its name, bigview.by or bigview.dominant, not {type(agg).__name__}.")


def columns_read(source: Any) -> list[str]:
    """Return the columns that a reduction of Datashader reads, whatever it is made of."""
    import datashader.reductions as rd

    names = {getattr(source, place, None) for place in ("column", "cat_column", "lookup_column")}
    parts = [getattr(source, place, None) for place in ("reduction", "selector")] + list(getattr(source, "values", None) or [])
    found = {name for name in names if isinstance(name, str)}
    return sorted(found.union(*(columns_read(part) for part in parts if isinstance(part, (rd.Reduction, rd.summary)))))
