"""``bigview index``."""

import argparse
from typing import Any

from bigview.cli.command import command


def index_options(commands: Any) -> None:
    """Declare the command."""
    parser = command(commands, "index", "order a store's rows for a map of two other columns", _index)
    parser.add_argument("store", metavar="STORE")
    parser.add_argument("--x", required=True, metavar="COLUMN", help="column of the x positions")
    parser.add_argument("--y", required=True, metavar="COLUMN", help="column of the y positions")
    parser.add_argument("--dry-run", action="store_true", help="tell rows, disk, memory and minutes; write nothing")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="a running Dask scheduler, tcp://…")
    parser.add_argument("--quiet", action="store_true", help="no progress")


def _index(arguments: argparse.Namespace) -> None:
    from bigview.build.pairs import index_points

    options = {"scheduler": arguments.scheduler, "quiet": arguments.quiet, "dry_run": arguments.dry_run}
    made: Any = index_points(arguments.store, arguments.x, arguments.y, **options)
    if arguments.dry_run:
        print(made)
    elif not arguments.quiet:
        print(f"{arguments.store}: indexed by {arguments.x} × {arguments.y}.")
