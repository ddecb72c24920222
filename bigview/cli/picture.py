"""``bigview render``."""

import argparse
from dataclasses import replace
from typing import Any

from bigview.cli.command import command, view_of
from bigview.errors import OptionError


def render_options(commands: Any) -> None:
    """Declare the command."""
    parser = command(commands, "render", "draw an overview image", _render)
    parser.add_argument("store", metavar="STORE")
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help=".png, .svg or .pdf")
    parser.add_argument("--width", type=int, default=4096, metavar="N", help="pixels (4096)")
    parser.add_argument("--height", type=int, metavar="N", help="pixels (by the shape of the data)")
    parser.add_argument("--dpi", type=int, metavar="N", help="pixels an inch, for the size in print (300; without it PDFs have 100)")
    parser.add_argument("--by", metavar="COLUMN", help="colour by a category or a number")
    parser.add_argument("--where", metavar="EXPRESSION", help="only rows that pass, an SQL condition")
    parser.add_argument("--view", nargs=4, metavar=("X0", "X1", "Y0", "Y1"), help="part of the map (the home view)")
    parser.add_argument("--palette", metavar="NAME", help="name of a palette")
    parser.add_argument(
        "--scale", choices=["eq_hist", "log", "linear", "symlog", "quantile"], help="how counts become strength (eq_hist), or values colours (linear)"
    )
    parser.add_argument("--mix", action="store_true", help="mix the colours of a pixel's categories")
    parser.add_argument("--title", help="instead of the store's own; empty for none")
    parser.add_argument("--light", action="store_true", help="light background")
    matrix = parser.add_argument_group("of a matrix")
    matrix.add_argument("--agg", metavar="NAME", help="mean, min, max, extreme, sum, count or std (mean)")
    for side, name in (("rows", "rows"), ("cols", "columns")):
        order = matrix.add_mutually_exclusive_group()
        order.add_argument(f"--sort-{side}", metavar="COLUMN", help=f"order the {name} by what is known of them")
        order.add_argument(
            f"--cluster-{side}", nargs="?", const="ward euclidean", metavar="HOW",
            help=f'order the {name} by a tree, drawn beside them: "ward euclidean" (default), "average correlation", …',
        )  # fmt: skip
    matrix.add_argument("--clusters", type=int, metavar="N", help="cut the trees into so many clusters, each in a colour")
    matrix.add_argument("--tracks", nargs="*", metavar="COLUMN", help="what is shown beside rows and columns (what the explorer shows)")
    matrix.add_argument("--no-names", action="store_true", help="without names of rows and columns")


def _render(arguments: argparse.Namespace) -> None:
    from bigview.matrices import MatrixStore
    from bigview.raster.render import render
    from bigview.spec import Style
    from bigview.stores import open as open_store

    store = open_store(arguments.store)
    if isinstance(store, MatrixStore):
        _render_matrix(store, arguments)
        return
    for name in ("agg", "sort_rows", "sort_cols", "cluster_rows", "cluster_cols", "clusters", "tracks"):
        if getattr(arguments, name) is not None:
            raise OptionError(f"--{name.replace('_', '-')} is for matrices; {arguments.store} holds points. Take --by, --where or --mix.")
    style = Style(by=arguments.by, palette=arguments.palette, scale=arguments.scale or "eq_hist", dark=not arguments.light, mix=arguments.mix)
    picture = render(
        store,
        arguments.output,
        arguments.width,
        arguments.height,
        view=view_of(arguments.view),
        style=style,
        where=arguments.where,
        title=arguments.title,
        dpi=arguments.dpi,
    )
    print(f"{arguments.output}: {picture.size[0]} × {picture.size[1]} pixels, {picture.frame.count:,} rows")


def _render_matrix(store: Any, arguments: argparse.Namespace) -> None:
    from bigview.matrixorder import Ordering
    from bigview.raster.heatlook import first_style

    for name, value in (("--by", arguments.by), ("--where", arguments.where), ("--mix", arguments.mix)):
        if value:
            raise OptionError(f"{name} is for stores of points; {arguments.store} holds a matrix. Take --agg, --sort-rows or --cluster-rows.")
    usual = first_style(store, not arguments.light)
    changes = {name: value for name in ("palette", "scale", "agg") if (value := getattr(arguments, name)) is not None}
    given: dict[str, Any] = {"style": replace(usual, **changes), "names": not arguments.no_names, "clusters": arguments.clusters}
    for side in ("rows", "cols"):
        if (name := getattr(arguments, f"sort_{side}")) is not None:
            given[side] = store.order(side, by=name)
        if (name := getattr(arguments, f"cluster_{side}")) is not None:
            given[side] = Ordering("cluster", name)
    if arguments.tracks is not None:
        given["tracks"] = arguments.tracks
    size = arguments.width, arguments.height
    picture = store.render(arguments.output, *size, view=view_of(arguments.view), title=arguments.title, dpi=arguments.dpi, **given)
    rows, cols = store.shape
    print(f"{arguments.output}: {picture.size[0]} × {picture.size[1]} pixels, {rows:,} × {cols:,} cells")
