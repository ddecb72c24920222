"""``bigview export`` and ``bigview selections``."""

import argparse
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bigview.cli.command import command, size_text, view_of
from bigview.errors import OptionError, SpaceError, closest

if TYPE_CHECKING:
    from bigview.store.export import ExportSize

_ACTIONS = {"list": 0, "show": 1, "delete": 1, "rename": 2, "note": 2}
"""What can be done with saved selections, and the number of words after it."""


def _database(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--selections", metavar="URL", help="database of saved selections (the file beside the store)")


def export_options(commands: Any) -> None:
    """Declare the command."""
    parser = command(commands, "export", "write rows to a Parquet, CSV or Arrow file", _export)
    parser.add_argument("store", metavar="STORE")
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help=".parquet, .csv or .arrow; a path or a URL")
    parser.add_argument("--where", metavar="EXPRESSION", help="only rows that pass, an SQL condition")
    parser.add_argument("--selection", metavar="NAME", help="only rows of a saved selection")
    parser.add_argument("--view", nargs=4, metavar=("X0", "X1", "Y0", "Y1"), help="only rows inside these ranges")
    parser.add_argument("--columns", metavar="A,B", help="only these columns; __row and the key always come along (all)")
    parser.add_argument("--format", metavar="NAME", help="parquet, csv or arrow (by the name of the file)")
    parser.add_argument("--spreadsheet", action="store_true", help="CSV that no spreadsheet runs as formulas")
    parser.add_argument("--dry-run", action="store_true", help="tell rows and size; write nothing")
    _database(parser)


def _export(arguments: argparse.Namespace) -> None:
    from bigview.spec import Filters, View
    from bigview.store.export import export_size
    from bigview.store.formats import format_of
    from bigview.stores import open as open_store

    store = open_store(arguments.store)
    columns = None if arguments.columns is None else _columns(arguments.columns, store.columns)
    where = Filters.of(arguments.where)
    if arguments.selection is not None:
        found = store.selections(arguments.selections).get(arguments.selection)
        for sentence in found.differences(store):
            print(sentence)
        where &= found.where
    ranges = view_of(arguments.view)
    chosen = {
        "where": where,
        "view": None if ranges is None else View(*ranges),
        "columns": columns,
        "format": format_of(arguments.output, arguments.format),
        "spreadsheet": arguments.spreadsheet,
    }
    told = export_size(store, **chosen)
    print(f"{arguments.output}: {told.rows:,} rows of {len(told.columns)} columns, about {size_text(told.bytes)}")
    if not arguments.dry_run:
        _check_room(arguments.output, told)
        made = store.export(arguments.output, **chosen)
        print(f"{arguments.output}: {made.rows:,} rows, {size_text(made.bytes)}")


def _columns(text: str, known: Any) -> list[str]:
    """Return the names between commas; a name that has a comma itself is taken when it is given alone."""
    return [text] if text in known else [name.strip() for name in text.split(",") if name.strip()]


def _check_room(output: str, told: "ExportSize") -> None:
    """Refuse an export that would fill the disk: better now than when half of it is written."""
    folder = Path(output).absolute().parent
    if "://" in output or not folder.is_dir():
        return
    free = shutil.disk_usage(folder).free
    if free < told.bytes:
        raise SpaceError(f"The disk of {output} has {size_text(free)} free. Make room, choose fewer columns, or write elsewhere.")


def selections_options(commands: Any) -> None:
    """Declare the command."""
    parser = command(commands, "selections", "list, show, rename and delete saved selections", _selections)
    parser.add_argument("store", metavar="STORE")
    parser.add_argument("action", nargs="?", default="list", metavar="ACTION", help="list, show NAME, delete NAME, rename OLD NEW, note NAME TEXT")
    parser.add_argument("names", nargs="*", metavar="NAME")
    _database(parser)


def _selections(arguments: argparse.Namespace) -> None:
    from bigview.stores import open as open_store

    action, names = arguments.action, arguments.names
    if action not in _ACTIONS:
        raise OptionError(f"There is no action {action!r}. {closest(action, _ACTIONS)}")
    if len(names) != _ACTIONS[action]:
        wanted = {0: "nothing after it", 1: "a name", 2: "a name and a text"}[_ACTIONS[action]]
        raise OptionError(f"`selections STORE {action}` takes {wanted}, not {' '.join(map(repr, names)) or 'nothing'}.")
    store = open_store(arguments.store)
    saved = store.selections(arguments.selections)
    if action == "list":
        _list(saved)
    elif action == "show":
        _show(saved.get(names[0]), store)
    elif action == "delete":
        saved.delete(names[0])
        print(f"{names[0]} is deleted.")
    elif action == "rename":
        saved.rename(*names)
        print(f"{names[0]} is {names[1]} now.")
    else:
        saved.annotate(*names)
        print(f"The note of {names[0]} is changed.")


def _list(saved: Any) -> None:
    found = saved.list()
    for entry in found:
        note = f": {' '.join(entry.note.split())}" if entry.note else ""
        print(f"{entry.name}  ({entry.rows:,} rows, {entry.author or 'somebody'}, {entry.time:%Y-%m-%d %H:%M} UTC){note}")
    if not found:
        print("No selections are saved.")


def _show(entry: Any, store: Any) -> None:
    from bigview.store.packed import described

    print(f"{entry.name}: {entry.rows:,} rows")
    print(f"  saved by {entry.author or 'somebody'}, {entry.time:%Y-%m-%d %H:%M} UTC, digest {entry.digest}")
    print(f"  {described(entry.where)}")
    for line in entry.note.splitlines():
        print(f"  note: {line}")
    for sentence in entry.differences(store):
        print(f"  {sentence}")
