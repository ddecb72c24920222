"""How far a build is: a bar on a terminal and in a notebook, plain lines elsewhere, or nothing."""

import sys
import time
from collections.abc import Callable
from html import escape
from importlib import import_module
from types import TracebackType
from typing import Any, Protocol, Self


class Progress(Protocol):
    """What a build tells while it runs."""

    def stage(self, name: str, rows: int, unit: str = "rows") -> None:
        """Begin a stage that will go through so many rows, or things of another unit; one without a unit is a single step."""

    def advance(self, rows: int) -> None:
        """Say that so many more are done."""

    def note(self, text: str) -> None:
        """Say something worth knowing."""

    def __enter__(self) -> Self:
        """Start."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop."""


class Silent:
    """Says nothing."""

    def stage(self, name: str, rows: int, unit: str = "rows") -> None:
        """Begin a stage."""

    def advance(self, rows: int) -> None:
        """Say that so many more are done."""

    def note(self, text: str) -> None:
        """Say something worth knowing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None


class Lines(Silent):
    """Prints a line when a stage begins, ends, and every ten seconds between."""

    def __init__(self, every: float = 10.0) -> None:
        self._every = every
        self._name, self._rows, self._done, self._unit = "", 0, 0, "rows"
        self._began = self._told = time.monotonic()

    def stage(self, name: str, rows: int, unit: str = "rows") -> None:
        """Begin a stage."""
        self._finish()
        self._name, self._rows, self._done, self._unit = name, rows, 0, unit
        self._began = self._told = time.monotonic()

    def advance(self, rows: int) -> None:
        """Say that so many more are done."""
        self._done += rows
        now = time.monotonic()
        if now - self._told < self._every or not self._unit:
            return
        self._told = now
        rate = self._done / (now - self._began)
        if not self._rows:
            self._print(f"{self._name}: {self._done:,} {self._unit}, {rate_text(rate)} {self._unit}/s")
        elif self._done < self._rows:
            left = (self._rows - self._done) / rate if rate else 0.0
            share = 100 * self._done / self._rows
            done = f"{self._done:,} of {self._rows:,} {self._unit}, {rate_text(rate)} {self._unit}/s"
            self._print(f"{self._name}: {share:.0f} %, {done}, {span(left)} left")

    def note(self, text: str) -> None:
        """Say something worth knowing."""
        self._print(text)

    def _finish(self) -> None:
        if self._name:
            seconds = max(time.monotonic() - self._began, 1e-9)
            done = f"{self._done:,} {self._unit} in {span(seconds)} ({rate_text(self._done / seconds)} {self._unit}/s)"
            self._print(f"{self._name}: {done if self._unit else span(seconds)}")
        self._name = ""

    def _print(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)  # noqa: T201 - the lines are the purpose

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self._finish()


class Bar(Silent):
    """A bar by rich on a terminal, with stage, rows, rows a second and time left."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        self._bar = RichProgress(
            TextColumn("[bold]{task.description:<10}"),
            BarColumn(),
            TextColumn("{task.fields[share]:>4}"),
            TextColumn("{task.fields[count]}  {task.fields[rate]:>12}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task: Any = None
        self._began, self._unit = 0.0, "rows"

    def stage(self, name: str, rows: int, unit: str = "rows") -> None:
        """Begin a stage."""
        self._began = time.monotonic()
        self._unit = unit
        self._task = self._bar.add_task(name, total=rows or None, rate="", share="", count="")

    def advance(self, rows: int) -> None:
        """Say that so many more are done."""
        self._bar.advance(self._task, rows)
        task = self._bar.tasks[-1]
        rate = task.completed / max(time.monotonic() - self._began, 1e-9)
        share = f"{100 * task.completed / task.total:.0f} %" if task.total else ""
        if self._unit:
            count = f"{task.completed:,.0f}{f'/{task.total:,.0f}' if task.total else ''} {self._unit}"
            self._bar.update(self._task, rate=f"{rate_text(rate)} {self._unit}/s", share=share, count=count)

    def note(self, text: str) -> None:
        """Say something worth knowing."""
        self._bar.console.print(text, markup=False, highlight=False)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bar.stop()


class Cell(Silent):
    """A table under the notebook's cell, a line a stage; rich's bar would need ipywidgets."""

    def __init__(self) -> None:
        shown: Any = import_module("IPython.display")  # no requirement: it is there where a notebook runs
        self._html, self._began, self._told = shown.HTML, 0.0, 0.0
        self._stages: list[tuple[str, str, int, int, float]] = []
        self._notes: list[str] = []
        self._handle = shown.display(shown.HTML(""), display_id=True)

    def stage(self, name: str, rows: int, unit: str = "rows") -> None:
        """Begin a stage."""
        self._began = time.monotonic()
        self._stages.append((name, unit, rows, 0, 0.0))
        self._show()

    def advance(self, rows: int) -> None:
        """Say that so many more are done."""
        name, unit, total, done, _ = self._stages[-1]
        now = time.monotonic()
        self._stages[-1] = (name, unit, total, done + rows, now - self._began)
        if now - self._told > 0.2:
            self._told = now
            self._show()

    def note(self, text: str) -> None:
        """Say something worth knowing."""
        self._notes.append(text)
        self._show()

    def _show(self) -> None:
        lines = [_line(*stage) for stage in self._stages]
        notes = "".join(f"<div>{escape(note)}</div>" for note in self._notes)
        self._handle.update(self._html(f"<table>{''.join(lines)}</table>{notes}"))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._show()


def _line(name: str, unit: str, total: int, done: int, seconds: float) -> str:
    rate = done / seconds if seconds else 0.0
    left = f"{span((total - done) / rate)} left" if rate and done < total else span(seconds)
    bar = f'<progress max="{total}" value="{done}"></progress>' if total else ""
    count, speed = (f"{done:,}{f' of {total:,}' if total else ''} {unit}", f"{rate_text(rate)} {unit}/s") if unit else ("", "")
    cells = (f"<b>{escape(name)}</b>", bar, count, speed, left)
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


_UNITS = {"layout": "rounds", "read words": "languages", "vectors": "words", "tokens": "words"}
"""What stages that do not go through rows count."""


def callback(tell: Progress) -> Callable[[str, int, int], None]:
    """Return a function of (stage, done, total) that moves the bar."""
    stage, before = "", 0

    def report(name: str, done: int, total: int) -> None:
        nonlocal stage, before
        if name != stage:
            tell.stage(name, total, _UNITS.get(name, "rows" if total > 1 else ""))
            stage, before = name, 0
        tell.advance(done - before)
        before = done

    return report


def progress(quiet: bool) -> Progress:
    """Return the way of telling that fits where we run."""
    if quiet:
        return Silent()
    if in_notebook():
        return Cell()
    return Bar() if sys.stderr.isatty() else Lines()


def in_notebook() -> bool:
    """Whether a Jupyter kernel shows our output."""
    shell = sys.modules.get("IPython")
    instance = shell.get_ipython() if shell is not None and hasattr(shell, "get_ipython") else None
    return type(instance).__name__ == "ZMQInteractiveShell"


def rate_text(rate: float) -> str:
    """Return how many there are in a second, as people write it."""
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"


def span(seconds: float) -> str:
    """Return a length of time for reading."""
    if seconds < 100:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 100 else f"{minutes / 60:.1f} h"
