"""``bigview serve`` and ``bigview demo``."""

import argparse
import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from bigview.cli.command import command, rows_of
from bigview.config import limits, override
from bigview.errors import OptionError


def _serving(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, metavar="N", help="port (5006); 0 takes a free one")
    parser.add_argument("--show", action="store_true", help="open the browser")
    parser.add_argument("--address", default="127.0.0.1", help="address to listen at (127.0.0.1)")
    parser.add_argument("--auth", metavar="FILE", help="users and passwords; needed for other addresses")
    parser.add_argument("--public", action="store_true", help="let anyone in who reaches the address")
    parser.add_argument("--origin", action="append", default=[], metavar="HOST", help="host under which browsers come, behind a proxy")
    parser.add_argument("--selections", metavar="URL", help="database of saved selections (the file beside each store)")
    parser.add_argument("--sessions", type=int, metavar="N", help=f"visitors at once ({limits().sessions}); who comes when it is full is told so")


def _serve(paths: Sequence[str], arguments: argparse.Namespace) -> None:
    names = ("port", "show", "address", "auth", "public", "origin")
    if arguments.sessions is not None and arguments.sessions < 1:
        raise OptionError(f"--sessions {arguments.sessions} would let nobody in. Give a number from 1.")
    with override(sessions=arguments.sessions or limits().sessions), _kept():
        from bigview.app.server import serve

        stores = list(paths) if arguments.selections is None else [_with_selections(path, arguments.selections) for path in paths]
        gc.freeze()
        gc.enable()
        serve(
            _compared(stores) if getattr(arguments, "compare", False) else stores,
            **{name: value for name in names if (value := getattr(arguments, name)) is not None},
        )


def _compared(stores: Sequence[Any]) -> Any:
    from bigview.app.matrixpages import compared
    from bigview.stores import open as open_store

    return compared([open_store(store) if isinstance(store, str) else store for store in stores])


def _with_selections(path: str, url: str) -> Any:
    """Return an open store whose selections are saved in a database, which is there."""
    from bigview.stores import open as open_store

    store = open_store(path, selections=url)
    store.selections().list()
    return store


@contextmanager
def _kept() -> Iterator[None]:
    """Load without looking for garbage, a tenth of the start; what is loaded stays, and is not looked through whenever a visitor has left."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def serve_options(commands: Any) -> None:
    """Declare the command."""
    parser = command(commands, "serve", "open the explorer of stores in the browser", lambda given: _serve(given.stores, given))
    parser.add_argument("stores", nargs="+", metavar="STORE")
    parser.add_argument("--compare", action="store_true", help="two matrices in one place, with a divider between them")
    _serving(parser)


def demo_options(commands: Any) -> None:
    """Declare the command."""
    parser = command(commands, "demo", "build a demonstration store and open it", _demo)
    parser.add_argument("name", nargs="?", default="words", metavar="NAME", help="words, similarity, flights, landmask or clusters (synthetic)")
    parser.add_argument("--rows", default="1M", metavar="N", help="10K, 1M, 100M, …, or all (1M)")
    parser.add_argument("--folder", metavar="PATH", help="where demonstration data are kept (the user's cache)")
    parser.add_argument("--no-serve", action="store_true", help="only build")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    _serving(parser)


def _demo(arguments: argparse.Namespace) -> None:
    from bigview.build.demo import demo_stores

    try:
        rows = None if arguments.rows.lower() == "all" else rows_of(arguments.rows)
    except argparse.ArgumentTypeError as error:
        raise OptionError(f"--rows: {error}, or all.") from error
    stores = demo_stores(arguments.name, rows, arguments.folder, arguments.quiet)
    if arguments.no_serve:
        print(*stores, sep="\n")
    else:
        _serve([str(store) for store in stores], arguments)
