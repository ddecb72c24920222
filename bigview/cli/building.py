"""``bigview build points``."""

import argparse
from collections.abc import Sequence
from typing import Any

from bigview.cli.command import command, rows_of
from bigview.errors import OptionError


def build_options(kinds: Any) -> None:
    """Declare the command."""
    parser = command(kinds, "points", "make a store of points", _build_points)
    parser.add_argument("data", nargs="+", metavar="DATA", help="Parquet, CSV, Arrow or .npy files, folders, URLs, or SQL text")
    parser.add_argument("-o", "--output", required=True, metavar="STORE", help="where the store is made: a folder or a URL")
    place = parser.add_argument_group("positions")
    place.add_argument("--x", metavar="COLUMN", help="column of the x positions")
    place.add_argument("--y", metavar="COLUMN", help="column of the y positions")
    place.add_argument("--vectors", metavar="COLUMN_OR_NPY", help="vectors to project instead: a column, or a .npy file")
    place.add_argument("--project", choices=["umap", "pca"], help="how vectors become positions (umap)")
    place.add_argument("--seed", type=int, metavar="N", help="of the projection and of samples (0)")
    rows = parser.add_argument_group("rows and columns")
    rows.add_argument("--key", metavar="COLUMN", help="column of your own id")
    rows.add_argument("--limit", type=rows_of, metavar="N", help="only the first N rows (10K, 5M, … too)")
    rows.add_argument("--rename", action="append", default=[], metavar="OLD=NEW", help="give a column another name")
    rows.add_argument("--category", action="append", default=[], metavar="COLUMN", help="keep a text column as categories")
    rows.add_argument("--text", action="append", default=[], metavar="COLUMN", help="keep a column as texts")
    rows.add_argument("--database", metavar="FILE", help="DuckDB file that SQL text is run in")
    rows.add_argument("--title", help="name of the store for people")
    rows.add_argument("--index", action="append", default=[], nargs=2, metavar=("X", "Y"), help="index it by two other columns as well")
    how = parser.add_argument_group("the run")
    how.add_argument("--dry-run", action="store_true", help="tell rows, disk, memory and minutes; write nothing")
    how.add_argument("--scheduler", metavar="ADDRESS", help="a running Dask scheduler, tcp://…")
    how.add_argument("--keep", action="store_true", help="refuse to replace a store that is there")
    how.add_argument("--quiet", action="store_true", help="no progress")


def _build_points(arguments: argparse.Namespace) -> None:
    from bigview.build.points import build_points

    chosen = {
        name: getattr(arguments, name)
        for name in ("x", "y", "key", "vectors", "project", "limit", "scheduler", "seed", "database", "title")
        if getattr(arguments, name) is not None
    }
    flags = {"dry_run": arguments.dry_run, "quiet": arguments.quiet, "overwrite": not arguments.keep}
    columns = {"rename": _renamed(arguments.rename), "categories": arguments.category, "texts": arguments.text, "indexes": arguments.index}
    given = {name: value for name, value in (flags | columns).items() if value or name == "overwrite"}
    if arguments.keep and _is_store(arguments.output):
        raise OptionError(f"There is a store at {arguments.output} already. Choose another place, or leave out --keep to replace it.")
    data = arguments.data[0] if len(arguments.data) == 1 else arguments.data
    made: Any = build_points(data, arguments.output, **chosen, **given)
    if arguments.dry_run:
        print(made)
    elif not arguments.quiet:
        print(f"{arguments.output}: {made.rows:,} rows. Look at it with: bigview serve {arguments.output} --show")


def _is_store(url: str) -> bool:
    from bigview.store.files import Folder
    from bigview.store.manifest import NAME

    return Folder(url).exists(NAME)


def _renamed(pairs: Sequence[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        old, _, new = pair.partition("=")
        if not old or not new or "=" in new:
            raise OptionError(f"--rename takes OLD=NEW, not {pair!r}.")
        found[old] = new
    return found
