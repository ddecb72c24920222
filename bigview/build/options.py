"""What may be said about a build, as one value."""

from dataclasses import dataclass, field, fields
from typing import Any, Literal, Self

from bigview.errors import OptionError, closest


@dataclass(frozen=True)
class BuildOptions:
    """How a store is built.

    Attributes
    ----------
    project : {"umap", "pca"}
        How vectors become positions.
    limit : int or None
        Take only so many rows, from the start.
    scheduler : str or None
        Address of a Dask scheduler ("tcp://…"); None runs on this machine.
    quiet : bool
        Tell nothing.
    dry_run : bool
        Tell what the build would cost, and write nothing.
    seed : int
        Of the sample and of the projection.
    overwrite : bool
        Whether a store that is there may be replaced. The old one stays until the new one is complete.
    rename : dict
        Name in the source to name in the store.
    categories, texts : tuple of str
        Columns of texts to keep as categories, or as texts, whatever their number of distinct values.
    database : str or None
        A DuckDB file that SQL text is run in.
    partition_rows : int or None
        Rows sorted at once by a task; None chooses by the width of a row.
    title : str
        Name of the store for people.
    indexes : tuple of (str, str)
        Pairs of columns to index afterwards, for exact maps of them.
    report : dict
        Facts to keep in the manifest, such as the licence of the data.
    """

    project: Literal["umap", "pca"] = "umap"
    limit: int | None = None
    scheduler: str | None = None
    quiet: bool = False
    dry_run: bool = False
    seed: int = 0
    overwrite: bool = True
    rename: dict[str, str] = field(default_factory=dict)
    categories: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    database: str | None = None
    partition_rows: int | None = None
    title: str = ""
    indexes: tuple[tuple[str, str], ...] = ()
    report: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, given: dict[str, Any]) -> Self:
        """Return the options from keywords; an unknown one is refused with the list."""
        known = [entry.name for entry in fields(cls)]
        for name in given:
            if name not in known:
                raise OptionError(f"build_points has no option {name!r}. {closest(name, [*known, 'x', 'y', 'key', 'vectors'])}")
        lists = {name: tuple(given.get(name, ())) for name in ("categories", "texts")}
        options = cls(**{**given, **lists, "indexes": tuple((str(x), str(y)) for x, y in given.get("indexes", ()))})
        if options.limit is not None and options.limit < 0:
            raise OptionError(f"limit must be 0 or more rows, not {options.limit}.")
        if options.project not in {"umap", "pca"}:
            raise OptionError(f"There is no projection {options.project!r}. {closest(str(options.project), ['umap', 'pca'])}")
        if options.partition_rows is not None and options.partition_rows < 1:
            raise OptionError(f"partition_rows must be at least 1, not {options.partition_rows}.")
        return options
