"""What the commands share: how one is declared, and how numbers are read and told."""

import argparse
from collections.abc import Sequence
from typing import Any


def command(commands: Any, name: str, text: str, run: Any) -> argparse.ArgumentParser:
    """Return the parser of a new command."""
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


def size_text(size: float) -> str:
    """Return a number of bytes for people."""
    unit = "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if size >= 1000:
            size, unit = size / 1000, larger
    return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"


def view_of(ends: Sequence[str] | None) -> Any:
    """Return ((x0, x1), (y0, y1)) from four words, numbers or dates; None from none."""
    if not ends:
        return None
    x0, x1, y0, y1 = map(_end, ends)
    return (x0, x1), (y0, y1)


def _end(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
