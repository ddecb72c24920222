"""The command line: ``bigview build | serve | render | info | verify | demo``.

Whatever goes wrong is one sentence on standard error and exit code 2; ``--debug`` shows the traceback. Heavy libraries are loaded by the
command that needs them.
"""

import argparse
import errno
import json
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from bigview import __version__
from bigview.config import limits, override
from bigview.errors import BigviewError, OptionError, closest

FAILED = 2
STOPPED = 130
"""Exit code after Ctrl-C: 128 and the number of the signal."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in given
    try:
        arguments = _parser().parse_args(given)
        arguments.run(arguments)
        return 0
    except SystemExit as stop:  # argparse, after --help and --version
        return int(stop.code or 0)
    except KeyboardInterrupt:
        return _failed("stopped.", debug, STOPPED)
    except BrokenPipeError:  # `bigview info … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (BigviewError, OSError, MemoryError) as error:
        return _failed(_sentence(error), debug)
    except Exception as error:  # noqa: BLE001 - a person at a terminal gets a sentence, not a traceback
        return _failed(f"unexpected {type(error).__name__}: {_sentence(error)} Add --debug to see where.", debug)


def _failed(text: str, debug: bool, code: int = FAILED) -> int:
    if debug:
        import traceback

        traceback.print_exc()
    print(f"bigview: {text}", file=sys.stderr)
    return code


def _sentence(error: BaseException) -> str:
    """Return one line that ends like a sentence."""
    if isinstance(error, MemoryError):
        return "the memory is used up; take fewer rows or a smaller image."
    if isinstance(error, OSError) and not isinstance(error, BigviewError):
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return f"the disk is full{f' ({error.filename})' if error.filename else ''}; make room, or write elsewhere."
        text = f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
    else:
        text = str(error)
    text = " ".join(text.split()) or type(error).__name__
    return text if text[-1] in ".!?…" else f"{text}."


class _Parser(argparse.ArgumentParser):
    """Errors become ours, with the place of the help."""

    def error(self, message: str) -> NoReturn:
        raise OptionError(f"{message[:1].upper()}{message[1:]}. See `{self.prog} --help`.")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            name = "/".join(action.option_strings) or str(action.metavar or action.dest).lower()
            raise OptionError(f"There is no {name} {value!r}. {closest(str(value), action.choices)} See `{self.prog} --help`.")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="bigview", description="Explore data far larger than a screen.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"bigview {__version__}")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)
    build = commands.add_parser("build", help="make a store from data", description="Make a store from data.")
    kinds = build.add_subparsers(title="kinds", metavar="KIND", required=True, parser_class=_Parser)
    for add in (_build_options, _serve_options, _render_options, _info_options, _verify_options, _demo_options):
        add(kinds if add is _build_options else commands)
    return parser


def _command(commands: Any, name: str, text: str, run: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.", allow_abbrev=False)
    # Accepted before and after the command; SUPPRESS keeps the inner default from undoing the outer value.
    parser.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help="show the traceback of an error")
    parser.set_defaults(run=run)
    return parser


def rows_of(text: str) -> int:
    """Return a number of rows from text such as 1000000, 1_000_000, 10k, 1.5M or 1G."""
    plain = text.strip().replace("_", "").replace(",", "")
    scale = {"K": 10**3, "M": 10**6, "G": 10**9}.get(plain[-1:].upper(), 1)
    try:
        number = float(plain[:-1]) * scale if scale > 1 else int(plain)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of rows; say 1000000, 500K, 10M or 1G") from None
    if number < 0 or number != int(number):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of rows")
    return int(number)


def _build_options(kinds: Any) -> None:
    parser = _command(kinds, "points", "make a store of points", _build_points)
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
    columns = {"rename": _renamed(arguments.rename), "categories": arguments.category, "texts": arguments.text}
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


def _serving(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, metavar="N", help="port (5006); 0 takes a free one")
    parser.add_argument("--show", action="store_true", help="open the browser")
    parser.add_argument("--address", default="127.0.0.1", help="address to listen at (127.0.0.1)")
    parser.add_argument("--auth", metavar="FILE", help="users and passwords; needed for other addresses")
    parser.add_argument("--public", action="store_true", help="let anyone in who reaches the address")
    parser.add_argument("--origin", action="append", default=[], metavar="HOST", help="host under which browsers come, behind a proxy")
    parser.add_argument("--sessions", type=int, metavar="N", help=f"visitors at once ({limits().sessions}); who comes when it is full is told so")


def _serve(paths: Sequence[str], arguments: argparse.Namespace) -> None:
    from bigview.app.server import serve

    names = ("port", "show", "address", "auth", "public", "origin")
    if arguments.sessions is not None and arguments.sessions < 1:
        raise OptionError(f"--sessions {arguments.sessions} would let nobody in. Give a number from 1.")
    with override(sessions=arguments.sessions or limits().sessions):
        serve(list(paths), **{name: value for name in names if (value := getattr(arguments, name)) is not None})


def _serve_options(commands: Any) -> None:
    parser = _command(commands, "serve", "open the explorer of stores in the browser", lambda given: _serve(given.stores, given))
    parser.add_argument("stores", nargs="+", metavar="STORE")
    _serving(parser)


def _render_options(commands: Any) -> None:
    parser = _command(commands, "render", "draw an overview image", _render)
    parser.add_argument("store", metavar="STORE")
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help=".png, .svg or .pdf")
    parser.add_argument("--width", type=int, default=4096, metavar="N", help="pixels (4096)")
    parser.add_argument("--height", type=int, metavar="N", help="pixels (by the shape of the data)")
    parser.add_argument("--by", metavar="COLUMN", help="colour by a category or a number")
    parser.add_argument("--where", metavar="EXPRESSION", help="only rows that pass, an SQL condition")
    parser.add_argument("--view", nargs=4, metavar=("X0", "X1", "Y0", "Y1"), help="part of the map (the home view)")
    parser.add_argument("--palette", metavar="NAME", help="name of a palette")
    parser.add_argument("--scale", choices=["eq_hist", "log", "linear"], help="how counts become strength (eq_hist)")
    parser.add_argument("--mix", action="store_true", help="mix the colours of a pixel's categories")
    parser.add_argument("--title", help="instead of the store's own; empty for none")
    parser.add_argument("--light", action="store_true", help="light background")


def _render(arguments: argparse.Namespace) -> None:
    from bigview.raster.render import render
    from bigview.spec import Style
    from bigview.stores import open as open_store

    store = open_store(arguments.store)
    style = Style(by=arguments.by, palette=arguments.palette, scale=arguments.scale or "eq_hist", dark=not arguments.light, mix=arguments.mix)
    ends = [_end(text) for text in arguments.view or ()]
    picture = render(
        store,
        arguments.output,
        arguments.width,
        arguments.height,
        view=((ends[0], ends[1]), (ends[2], ends[3])) if ends else None,
        style=style,
        where=arguments.where,
        title=arguments.title,
    )
    print(f"{arguments.output}: {picture.size[0]} × {picture.size[1]} pixels, {picture.frame.count:,} rows")


def _end(text: str) -> float | str:
    """Return an end of a range: a number, or the text of a date."""
    try:
        return float(text)
    except ValueError:
        return text


def _info_options(commands: Any) -> None:
    parser = _command(commands, "info", "tell what is in a store", _info)
    parser.add_argument("store", metavar="STORE")
    parser.add_argument("--json", action="store_true", help="for scripts")


def _info(arguments: argparse.Namespace) -> None:
    from bigview.store.files import Folder
    from bigview.store.reader import Reader
    from bigview.store.summary import summary

    facts = summary(Reader(Folder(arguments.store)))
    if arguments.json:
        print(json.dumps(facts, indent=2, ensure_ascii=False))
    else:
        _show(facts)


def _show(facts: dict[str, Any]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 160)
    table = Table(box=box.SIMPLE, pad_edge=False)
    for heading in ("column", "kind", "type", "low", "high", "missing", "distinct"):
        table.add_column(heading, justify="left" if heading in ("column", "kind", "type") else "right")
    for column in facts["columns"]:
        low, high = (_number(column[end]) for end in ("low", "high"))
        counts = (f"{column[name]:,}" if column[name] else "" for name in ("missing", "distinct"))
        table.add_row(Text(column["name"]), column["kind"], Text(column["type"]), low, high, *counts)
    for line in _facts(facts):
        console.print(line)
    console.print(table)


def _number(value: Any) -> str:
    return "" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:.6g}" if isinstance(value, float) else str(value)


def _facts(facts: dict[str, Any]) -> list[str]:
    """Return the lines above the table of columns."""
    x, y = facts["x"], facts["y"]
    lines = [
        f"{facts['title'] or 'store'}: {facts['store']}",
        f"  {facts['rows']:,} rows, {_size(facts['bytes'])} in {facts['files']} files, built {facts['created']}",
        *(f"  {axis}: {side['column']}, {_number(side['low'])} to {_number(side['high'])}" for axis, side in (("x", x), ("y", y))),
    ]
    if facts["unplaced"]:
        have = "row has" if facts["unplaced"] == 1 else "rows have"
        lines.append(f"  {facts['unplaced']:,} {have} no finite position: kept and counted, but not drawn")
    if facts["key"]:
        lines.append(f"  key: {facts['key']}")
    if facts["vectors"]:
        lines.append(f"  vectors: {facts['vectors'].get('path')}")
    report = dict(facts["report"])
    lines += _projection(report.pop("projection", None))
    lines += [f"  {name.replace('_', ' ')}: {_said(value)}" for name, value in report.items() if name != "unplaced"]
    for source in facts["sources"]:
        note = {"changed": "CHANGED since the build", "missing": "no longer there", "unknown": "out of reach"}.get(source["change"])
        lines.append(f"  source: {source['path']}, {source['rows']:,} rows{f', {note}' if note else ''}")
    return lines


def _projection(report: Any) -> list[str]:
    """Return how the positions were found, and how many neighbours of a row stayed its neighbours."""
    if not isinstance(report, dict):
        return []
    plain = {name: value for name, value in report.items() if name in ("method", "metric", "seed")}
    lines = [f"  projection: {_said(plain)}"]
    kept = report.get("preservation") or {}
    for nearest, share, lot in zip(*(kept.get(name, ()) for name in ("neighbours", "kept", "random")), strict=False):
        lines.append(f"    of the {nearest:,} nearest neighbours {100 * share:.1f} % are kept (by lot {100 * lot:.2g} %)")
    return lines


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_said(entry)}" for name, entry in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_said(entry) for entry in value)
    return _number(value)


def _size(size: float) -> str:
    unit = "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if size >= 1000:
            size, unit = size / 1000, larger
    return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"


def _verify_options(commands: Any) -> None:
    parser = _command(commands, "verify", "check every checksum, count and level of a store", _verify)
    parser.add_argument("store", metavar="STORE")


def _verify(arguments: argparse.Namespace) -> None:
    from bigview.errors import StoreDamagedError
    from bigview.store.files import Folder
    from bigview.store.reader import Reader
    from bigview.store.verify import verify

    reader = Reader(Folder(arguments.store))
    problems = verify(reader)
    for problem in problems:
        print(problem)
    if problems:
        raise StoreDamagedError(f"{arguments.store} is damaged in {len(problems)} place(s). Build it again, or bring back a copy.")
    print(f"{arguments.store} is whole: {reader.manifest.rows:,} rows, {len(reader.manifest.files)} files.")


def _demo_options(commands: Any) -> None:
    parser = _command(commands, "demo", "build a demonstration store and open it", _demo)
    parser.add_argument("name", nargs="?", default="words", metavar="NAME", help="words (real) or clusters (synthetic)")
    parser.add_argument("--rows", default="1M", metavar="N", help="10K, 1M, 100M, …, or all (1M)")
    parser.add_argument("--folder", metavar="PATH", help="where demonstration data are kept (the user's cache)")
    parser.add_argument("--no-serve", action="store_true", help="only build")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    _serving(parser)


def _demo(arguments: argparse.Namespace) -> None:
    from bigview.build.demo import demo_store

    try:
        rows = None if arguments.rows.lower() == "all" else rows_of(arguments.rows)
    except argparse.ArgumentTypeError as error:
        raise OptionError(f"--rows: {error}, or all.") from error
    store = demo_store(arguments.name, rows, arguments.folder, arguments.quiet)
    if arguments.no_serve:
        print(store)
    else:
        _serve([str(store)], arguments)
