"""``bigview cluster``: orders of a matrix's rows and columns by what is in them, kept with the store."""

import argparse
from typing import Any

from bigview.cli.command import command
from bigview.errors import OptionError


def cluster_options(commands: Any) -> None:
    """Declare the command."""
    parser = command(commands, "cluster", "cluster the rows and the columns of a matrix", _cluster)
    parser.add_argument("store", metavar="MATRIX")
    parser.add_argument("--rows", action="store_true", help="the rows; without --rows and --cols both")
    parser.add_argument("--cols", action="store_true", help="the columns")
    parser.add_argument("--method", default="ward", help="ward, average, complete or single (default: %(default)s)")
    parser.add_argument("--metric", default="euclidean", help="euclidean, cosine or correlation (default: %(default)s)")
    parser.add_argument("--standard", action="store_true", help="divide each feature by its standard deviation first")
    parser.add_argument("--within", metavar="COLUMN", help="a metadata column; each of its groups gets a tree of its own")
    parser.add_argument("--seed", type=int, default=0, help="for what is random where there are many rows (default: %(default)s)")
    parser.add_argument("-o", "--output", metavar="FILE", help="also write place, name and cluster of each row (or column) to a CSV file")
    parser.add_argument("--clusters", type=int, default=10, metavar="N", help="clusters in that file (default: %(default)s)")
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing but the result")


def _cluster(arguments: argparse.Namespace) -> None:
    from bigview.build.clustering import ClusterOptions, clustered
    from bigview.build.progress import progress
    from bigview.store.matrix import MatrixTable

    options = ClusterOptions.of({name: getattr(arguments, name) for name in ("method", "metric", "standard", "within", "seed")})
    sides = [side for side in ("rows", "cols") if getattr(arguments, side)] or ["rows", "cols"]
    if len(sides) > 1 and (arguments.output or arguments.within):
        raise OptionError("Rows and columns have different names and metadata. Say --rows or --cols.")
    if arguments.clusters < 1:
        raise OptionError(f"There is at least one cluster, not {arguments.clusters}.")
    with MatrixTable.open(arguments.store) as table:
        for side in sides:
            with progress(arguments.quiet) as tell:
                tree = clustered(table, side, options, tell)  # type: ignore[arg-type]
            print(f"{tree.title}: {len(tree):,} leaves, kept with {arguments.store}")
            if arguments.output:
                _write(getattr(table, side).names, tree, arguments)


def _write(names: Any, tree: Any, arguments: argparse.Namespace) -> None:
    import csv
    import io
    from pathlib import Path

    from bigview.store.files import Folder

    height = tree.height_for(arguments.clusters)
    text = io.StringIO(newline="")
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["place", "name", "cluster"])
    lines.writerows(zip(range(len(tree)), names[tree.index].tolist(), tree.clusters(height).tolist(), strict=True))
    path = Path(arguments.output)
    Folder(str(path.parent)).replace(path.name, text.getvalue().encode())
    print(f"{arguments.output}: {tree.count(height):,} clusters")
