"""``bigview build matrix``, and what ``info`` and ``verify`` say of matrices."""

import argparse
from typing import Any

from bigview.cli.command import command, size_text


def matrix_options(kinds: Any) -> None:
    """Declare the command."""
    parser = command(kinds, "matrix", "make a store of a matrix", _build_matrix)
    parser.add_argument("data", metavar="DATA", help=".npy, .npz, .zarr, .h5, .nc, .h5ad, .cool, wide .parquet or .csv; a long table or SQL text")
    parser.add_argument("-o", "--output", required=True, metavar="STORE", help="where the store is made: a folder or a URL")
    what = parser.add_argument_group("what is meant")
    what.add_argument("--dataset", metavar="NAME", help="which array of a file that holds several (also FILE::NAME)")
    what.add_argument("--categories", nargs="*", metavar="NAME", help="what the codes mean, from 0 on; without names texts are kept as categories")
    what.add_argument("--rows", metavar="FILE_OR_COLUMN", help="a table of the rows; of a long table the column that gives the row")
    what.add_argument("--cols", metavar="FILE_OR_COLUMN", help="a table of the columns; of a long table the column that gives the column")
    what.add_argument("--value", metavar="COLUMN", help="of a long table, the column of the values")
    what.add_argument("--agg", choices=["mean", "sum", "min", "max", "count"], help="what becomes of several lines in one cell (mean)")
    what.add_argument("--database", metavar="FILE", help="DuckDB file that SQL text is run in")
    what.add_argument("--title", help="name of the store for people")
    how = parser.add_argument_group("the run")
    how.add_argument("--dry-run", action="store_true", help="tell cells, disk, memory and time; write nothing")
    how.add_argument("--scheduler", metavar="ADDRESS", help="a running Dask scheduler, tcp://…")
    how.add_argument("--keep", action="store_true", help="refuse to replace a store that is there")
    how.add_argument("--quiet", action="store_true", help="no progress")


def _build_matrix(arguments: argparse.Namespace) -> None:
    from bigview.build.matrix import build_matrix

    names = ("dataset", "rows", "cols", "value", "agg", "database", "title", "scheduler")
    given = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    if arguments.categories is not None:
        given["categories"] = arguments.categories or True
    made: Any = build_matrix(
        arguments.data, arguments.output, **given, dry_run=arguments.dry_run, quiet=arguments.quiet, overwrite=not arguments.keep
    )
    if arguments.dry_run:
        print(made)
    elif not arguments.quiet:
        rows, cols = made.shape
        print(f"{arguments.output}: {rows:,} × {cols:,}. Look at it with: bigview serve {arguments.output} --show")


def show_matrix(facts: dict[str, Any]) -> None:
    """Print what is in a matrix store."""
    from rich.console import Console

    console = Console(highlight=False, markup=False, soft_wrap=True)
    for line in _lines(facts):
        console.print(line)


def _lines(facts: dict[str, Any]) -> list[str]:
    rows, cols = facts["shape"]
    known = facts["facts"]
    lines = [
        f"{facts['title'] or 'store'}: {facts['store']}",
        f"  {rows:,} rows × {cols:,} columns, {facts['layout']}, {facts['kind']} ({facts['type']})",
        f"  {size_text(facts['bytes'])} in {facts['files']} files, built {facts['created']}",
    ]
    ends = [f"{name} {known[name]:.6g}" for name in ("low", "mean", "high", "std") if known.get(name) is not None and not facts["categories"]]
    lines += [f"  values: {', '.join(ends)}"] if ends else []
    lines += [f"  {known[name]:,} cells are {name}" for name in ("missing", "infinite") if known.get(name)]
    if facts["categories"]:
        lines.append(f"  categories: {', '.join(facts['categories'][:20])}{', …' if len(facts['categories']) > 20 else ''}")
    if facts["levels"]:
        lines.append(f"  levels: {', '.join(f'{tall} × {wide}' for tall, wide in facts['levels'])} cells")
    for side in ("rows", "cols"):
        columns = ", ".join(f"{column['name']} ({column['kind']})" for column in facts[side]["columns"])
        lines.append(f"  {side}: {'named' if facts[side]['named'] else 'numbered'}{f'; {columns}' if columns else ''}")
    lines += [f"  {name.replace('_', ' ')}: {value}" for name, value in facts["report"].items()]
    for source in facts["sources"]:
        note = {"changed": "CHANGED since the build", "missing": "no longer there", "unknown": "out of reach"}.get(source["change"])
        lines.append(f"  source: {source['path']}{f', {note}' if note else ''}")
    return lines
