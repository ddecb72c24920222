"""Build a point store: the door."""

from dataclasses import replace
from typing import Any

import pyarrow as pa

from bigview.build.columns import ROW, Kept, kept, numpy_type, with_names
from bigview.build.lock import sweep
from bigview.build.options import BuildOptions
from bigview.build.pairs import index_points
from bigview.build.parts import Part, Source
from bigview.build.place import check_empty, new_generation, nothing_half_written
from bigview.build.positions import check_vectors, is_file, position_names, with_positions
from bigview.build.progress import Progress, progress
from bigview.build.run import Recipe, Run
from bigview.build.sources import open_source
from bigview.build.space import Amount, Estimate, check_space, estimate
from bigview.build.streams import settled
from bigview.build.tables import Stream
from bigview.errors import InputError, OptionError, closest, missing_column
from bigview.store.files import Folder
from bigview.store.manifest import NAME, Manifest, commit, read_manifest

_PAIRS = (
    ("x", "y"),
    ("umap_x", "umap_y"),
    ("umap_1", "umap_2"),
    ("umap1", "umap2"),
    ("tsne_x", "tsne_y"),
    ("tsne_1", "tsne_2"),
    ("tsne1", "tsne2"),
    ("pca_1", "pca_2"),
    ("pc1", "pc2"),
    ("lon", "lat"),
    ("lng", "lat"),
    ("longitude", "latitude"),
)
"""Names of positions that need not be said, whatever their case."""


def build_points(
    source: Any,
    store: str,
    *,
    x: str | None = None,
    y: str | None = None,
    key: str | None = None,
    vectors: Any = None,
    **options: Any,
) -> Manifest | Estimate:
    """Build a point store.

    Parameters
    ----------
    source : path, URL, list of them, SQL text, or a table
        Parquet, Arrow, CSV or `.npy` files (one, a glob, a directory), a query that DuckDB runs, a table of pandas, Polars, Arrow or
        Dask, a DuckDB relation, or a `GeneratedSource`.
    store : str
        Directory or fsspec URL of the store. One that is there stays until the new one is complete.
    x, y : str, optional
        Columns of the positions; common names are found by themselves.
    key : str, optional
        Column of the user's own id.
    vectors : str, path or array, optional
        A column of vectors, or a `.npy` file or array with one vector a row: they are projected to positions.
    **options
        The fields of `BuildOptions`.

    Returns
    -------
    Manifest, or Estimate when `dry_run` is set

    Raises
    ------
    InputError, ColumnError, OptionError, StoreMissingError
        When the source cannot be used as it is.
    SpaceError
        When the disk has too little room.
    StoreBusyError
        When another build writes to the store.

    Examples
    --------
    >>> build_points("emb/*.parquet", "emb.bv", x="x", y="y", key="doc_id")  # doctest: +SKIP
    """
    chosen = BuildOptions.of(options)
    folder = Folder(str(store))
    current = _current(folder, chosen)
    opened = arranged(open_source(source, chosen.partition_rows, chosen.database, vectors if isinstance(vectors, str) else ""), chosen)
    target = (folder, new_generation())
    _recipe(target, opened, (x, y, key), vectors, chosen)  # what is wrong with the names is said before anything is written
    schema = opened.schema if isinstance(opened, Stream) else opened.reading.schema
    expected = estimate(folder, schema, _amount(opened, chosen, vectors is not None), key is not None)
    if chosen.dry_run:
        return expected
    check_space(folder, expected)
    with progress(chosen.quiet) as tell, nothing_half_written(*target):
        sweep(folder, current)
        ready = settled(opened, folder.within(f".build-{target[1]}"), chosen, tell)
        recipe = _recipe(target, ready, (x, y, key), vectors, chosen)
        if vectors is not None:
            ready, recipe = _projected(ready, recipe, vectors, tell)
        made = Run(recipe, ready, tell).manifest()
        commit(folder, made)
        if made.report["unplaced"]:
            tell.note(f"{made.report['unplaced']:,} of {made.rows:,} rows have no finite position; they are kept, and counted apart.")
    for a, b in chosen.indexes:
        index_points(str(store), a, b, scheduler=chosen.scheduler, quiet=chosen.quiet)
    return read_manifest(folder) if chosen.indexes else made


def _current(folder: Folder, options: BuildOptions) -> Manifest | None:
    if folder.exists(NAME):
        found = read_manifest(folder)  # a newer format, or a manifest of something else, is not written over
        if not options.overwrite:
            raise OptionError(f"There is a store at {folder.url} already. Choose another place, or allow it with overwrite=True.")
        return found
    check_empty(folder)
    return None


def arranged(opened: Source | Stream, options: BuildOptions) -> Source | Stream:
    """Return a source with new names and at most `limit` rows."""
    schema = opened.schema if isinstance(opened, Stream) else opened.reading.schema
    for name in options.rename:
        if name not in schema.names:
            raise missing_column(name, schema.names, opened.where)
    names = [options.rename.get(name, name) for name in schema.names]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise OptionError(f"After renaming, two columns of {opened.where} would be named {double!r}.")
    schema = with_names(schema, names)
    if isinstance(opened, Stream):
        return replace(opened, schema=schema, rows=_limited(opened.rows, options.limit))
    renamed = {new: old for old, new in options.rename.items()}
    parts: list[Part] = []
    left = opened.rows if options.limit is None else options.limit
    for part in opened.parts:
        if left > 0 or not parts:
            parts.append(replace(part, rows=min(part.rows, left)))
            left -= part.rows
    reading = replace(opened.reading, schema=schema, renamed=renamed)
    return replace(opened, reading=reading, parts=tuple(parts))


def _limited(rows: int | None, limit: int | None) -> int | None:
    return rows if rows is None or limit is None else min(rows, limit)


def _amount(opened: Source | Stream, options: BuildOptions, projected: bool) -> Amount:
    if isinstance(opened, Source):
        return Amount(opened.rows, opened.bytes_per_row, projected=projected)
    rows, exact = (opened.rows, True) if opened.rows is not None or not options.dry_run else opened.counted()
    width = (opened.bytes or 0) / rows if rows else 0.0
    return Amount(_limited(rows, options.limit), width, exact, streamed=True, projected=projected)


def _recipe(
    target: tuple[Folder, str],
    opened: Source | Stream,
    names: tuple[str | None, str | None, str | None],
    vectors: Any,
    options: BuildOptions,
) -> Recipe:
    schema, where = (opened.schema if isinstance(opened, Stream) else opened.reading.schema), opened.where
    if ROW in schema.names:
        raise InputError(
            f"{where} has a column {ROW!r}, the name under which a store keeps the number of a row. "
            f"Give it another one: rename={{'{ROW}': 'old_row'}}, or --rename {ROW}=old_row."
        )
    key = names[2]
    for name in [*([key] if key is not None else []), *options.categories, *options.texts, *(name for pair in options.indexes for name in pair)]:
        if name not in schema.names:
            raise missing_column(name, schema.names, where)
    columns = [kept(field.name, field.type) for field in schema if not (isinstance(vectors, str) and field.name == vectors)]
    if vectors is not None:
        if names[0] is not None or names[1] is not None:
            raise OptionError("Give x and y, or vectors to project, not both.")
        check_vectors(vectors, schema, where)
        x, y = (Kept(name, "number", pa.float32()) for name in position_names(schema.names, options.project))
        columns += [x, y]
    else:
        x, y = _axes(columns, schema, where, names[:2])
        columns = [x if c.name == x.name else y if c.name == y.name else c for c in columns]
    if key is not None and next(column for column in columns if column.name == key).kind == "list":
        raise InputError(f"Column {key!r} of {where} holds lists, which cannot be looked up. Choose a column of numbers or texts as the key.")
    return Recipe(*target, tuple(columns), x, y, key, options)


def _axes(columns: list[Kept], schema: pa.Schema, where: str, given: tuple[str | None, ...]) -> tuple[Kept, Kept]:
    x, y = given
    names = [column.name for column in columns]
    if x is None and y is None:
        lowered = {name.lower(): name for name in reversed(names)}
        x, y = next(((lowered[a], lowered[b]) for a, b in _PAIRS if a in lowered and b in lowered), (None, None))
    if x is None or y is None:
        lists = [field.name for field in schema if pa.types.is_nested(field.type)]
        hint = f", such as vectors={lists[0]!r}" if lists else ""
        raise OptionError(
            f"Which columns of {where} are the positions? Say x=… and y=… (--x, --y), or vectors=… (--vectors) to project{hint}. "
            f"{closest('x', names) if names else 'It has no columns.'}"
        )
    found = []
    for name in (x, y):
        if name not in names:
            raise missing_column(name, names, where)
        column = next(column for column in columns if column.name == name)
        if pa.types.is_null(schema.field(name).type):
            column = Kept(name, "number", pa.float64())  # a table without rows, or without any position
        numpy_type(column)
        found.append(column)
    return found[0], found[1]


def _projected(source: Source, recipe: Recipe, vectors: Any, tell: Progress) -> tuple[Source, Recipe]:
    work = recipe.folder.within(f".build-{recipe.generation}")
    placed = with_positions(source, vectors, recipe.options, work, tell)
    if isinstance(vectors, str) and not is_file(vectors):
        tell.note(f"The vectors of {vectors!r} stay where they are; the store keeps their address.")
    return placed.source, replace(recipe, vectors=placed.vectors, report=placed.report)
