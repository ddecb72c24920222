"""The command line: ``bigview build | index | cluster | serve | render | export | selections | info | verify | demo``.

Whatever goes wrong is one sentence on standard error and exit code 2; ``--debug`` shows the traceback. Heavy libraries are loaded by the
command that needs them.
"""

import argparse
import errno
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from bigview import __version__
from bigview.cli.building import build_options
from bigview.cli.clustering import cluster_options
from bigview.cli.facts import info_options, verify_options
from bigview.cli.indexing import index_options
from bigview.cli.matrices import matrix_options
from bigview.cli.picture import render_options
from bigview.cli.records import export_options, selections_options
from bigview.cli.serving import demo_options, serve_options
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
    build_options(kinds)
    matrix_options(kinds)
    further = (render_options, export_options, selections_options, info_options, verify_options, demo_options)
    for add in (index_options, cluster_options, serve_options, *further):
        add(commands)
    return parser
