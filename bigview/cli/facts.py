"""``bigview info`` and ``bigview verify``."""

import argparse
import json
import sys
from typing import Any

from bigview.cli.command import command, size_text
from bigview.cli.matrices import show_matrix


def info_options(commands: Any) -> None:
    """Declare the command."""
    parser = command(commands, "info", "tell what is in a store", _info)
    parser.add_argument("store", metavar="STORE")
    parser.add_argument("--json", action="store_true", help="for scripts")


def _info(arguments: argparse.Namespace) -> None:
    from bigview.store.files import Folder
    from bigview.store.matrixmanifest import is_matrix

    folder = Folder(arguments.store)
    if is_matrix(folder):
        from bigview.store.matrix import MatrixTable
        from bigview.store.matrixsummary import matrix_summary

        facts, show = matrix_summary(MatrixTable(folder)), show_matrix
    else:
        from bigview.store.reader import Reader
        from bigview.store.summary import summary

        facts, show = summary(Reader(folder)), _show
    if arguments.json:
        print(json.dumps(facts, indent=2, ensure_ascii=False))
    else:
        show(facts)


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
        f"  {facts['rows']:,} rows, {size_text(facts['bytes'])} in {facts['files']} files, built {facts['created']}",
        *(f"  {axis}: {side['column']}, {_number(side['low'])} to {_number(side['high'])}" for axis, side in (("x", x), ("y", y))),
    ]
    if facts["unplaced"]:
        have = "row has" if facts["unplaced"] == 1 else "rows have"
        lines.append(f"  {facts['unplaced']:,} {have} no finite position: kept and counted, but not drawn")
    if facts["key"]:
        lines.append(f"  key: {facts['key']}")
    if facts["vectors"]:
        lines.append(f"  vectors: {facts['vectors'].get('path')}")
    lines += [
        f"  index: {pair['x']} × {pair['y']}, {pair['placed']:,} rows placed, {size_text(pair['bytes'])}, built {pair['created']}"
        for pair in facts["indexes"]
    ]
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


def verify_options(commands: Any) -> None:
    """Declare the command."""
    parser = command(commands, "verify", "check every checksum, count and level of a store", _verify)
    parser.add_argument("store", metavar="STORE")


def _verify(arguments: argparse.Namespace) -> None:
    from bigview.errors import StoreDamagedError
    from bigview.store.files import Folder
    from bigview.store.matrixmanifest import is_matrix

    folder = Folder(arguments.store)
    if is_matrix(folder):
        from bigview.store.matrix import MatrixTable
        from bigview.store.matrixverify import verify_matrix

        table = MatrixTable(folder)
        problems, what, files = verify_matrix(table), f"{table.size:,} cells", len(table.manifest.files)
    else:
        from bigview.store.reader import Reader
        from bigview.store.verify import verify

        reader = Reader(folder)
        problems, what, files = verify(reader), f"{reader.manifest.rows:,} rows", len(reader.manifest.files)
    for problem in problems:
        print(problem)
    if problems:
        raise StoreDamagedError(f"{arguments.store} is damaged in {len(problems)} place(s). Build it again, or bring back a copy.")
    print(f"{arguments.store} is whole: {what}, {files} files.")
