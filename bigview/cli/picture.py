"""``bigview render``."""

import argparse
from dataclasses import replace
from typing import Any

from bigview.cli.command import command, view_of


def render_options(commands: Any) -> None:
    """Declare the command."""
    parser = command(commands, "render", "draw an overview image", _render)
    parser.add_argument("store", metavar="STORE")
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help=".png, .svg or .pdf")
    parser.add_argument("--width", type=int, default=4096, metavar="N", help="pixels (4096)")
    parser.add_argument("--height", type=int, metavar="N", help="pixels (by the shape of the data)")
    parser.add_argument("--by", metavar="COLUMN", help="colour by a category or a number")
    parser.add_argument("--where", metavar="EXPRESSION", help="only rows that pass, an SQL condition")
    parser.add_argument("--view", nargs=4, metavar=("X0", "X1", "Y0", "Y1"), help="part of the map (the home view)")
    parser.add_argument("--palette", metavar="NAME", help="name of a palette")
    parser.add_argument(
        "--scale", choices=["eq_hist", "log", "linear", "symlog", "quantile"], help="how counts become strength (eq_hist), or values colours (linear)"
    )
    parser.add_argument("--agg", metavar="NAME", help="of a matrix: mean, min, max, extreme, sum, count or std (mean)")
    parser.add_argument("--sort-rows", metavar="COLUMN", help="of a matrix: order the rows by what is known of them")
    parser.add_argument("--sort-cols", metavar="COLUMN", help="of a matrix: order the columns")
    parser.add_argument("--mix", action="store_true", help="mix the colours of a pixel's categories")
    parser.add_argument("--title", help="instead of the store's own; empty for none")
    parser.add_argument("--light", action="store_true", help="light background")


def _render(arguments: argparse.Namespace) -> None:
    from bigview.matrices import MatrixStore
    from bigview.raster.render import render
    from bigview.spec import Style
    from bigview.stores import open as open_store

    store = open_store(arguments.store)
    if isinstance(store, MatrixStore):
        _render_matrix(store, arguments)
        return
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
    )
    print(f"{arguments.output}: {picture.size[0]} × {picture.size[1]} pixels, {picture.frame.count:,} rows")


def _render_matrix(store: Any, arguments: argparse.Namespace) -> None:
    from bigview.errors import OptionError
    from bigview.raster.heatlook import first_style

    for name, given in (("--by", arguments.by), ("--where", arguments.where), ("--mix", arguments.mix)):
        if given:
            raise OptionError(f"{name} is for stores of points; {arguments.store} holds a matrix. Take --agg, --sort-rows or --sort-cols.")
    usual = first_style(store, not arguments.light)
    changes = {name: value for name in ("palette", "scale", "agg") if (value := getattr(arguments, name)) is not None}
    orders = {side: store.order(side, by=name) for side in ("rows", "cols") if (name := getattr(arguments, f"sort_{side}")) is not None}
    style, view = replace(usual, **changes), view_of(arguments.view)
    picture = store.render(arguments.output, arguments.width, arguments.height, style=style, view=view, title=arguments.title, **orders)
    rows, cols = store.shape
    print(f"{arguments.output}: {picture.size[0]} × {picture.size[1]} pixels, {rows:,} × {cols:,} cells")
