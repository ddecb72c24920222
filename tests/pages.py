"""The pages for people: their code, commands and links."""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

_FENCE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)[^)]*\)")


def cells(page: Path) -> list[str]:
    """Return the Python blocks of a page, in order."""
    return _FENCE.findall(page.read_text(encoding="utf-8"))


def commands(page: Path, program: str) -> list[list[str]]:
    """Return the words of each command of a program that stands indented or in a shell block; comments are left out."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    lines = [line.strip() for line in re.findall(r"^(?: {4}|\$ )(.*)$", text, re.MULTILINE)]
    return [shlex.split(line, comments=True) for line in lines if line.split()[:1] == [program]]


def links(page: Path) -> list[str]:
    """Return the addresses of the links and pictures that are not on the web."""
    return [link for link in _LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
