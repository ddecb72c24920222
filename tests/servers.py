"""Servers for the browser tests: what `bigview serve` runs, each in a process of its own, forked from one that has imported everything once."""

import multiprocessing
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

import pytest

_START = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
_IMPORTED = ["bigview.cli", "bigview.app.server", "bigview.app.explorer", "bigview.app.heatmap", "bigview.app.linked", "holoviews.plotting.bokeh"]


def _serve(arguments: tuple[str, ...], said: Connection) -> None:
    from bigview.cli import main

    for stream in (1, 2):
        os.dup2(said.fileno(), stream)
    sys.stdout, sys.stderr = (os.fdopen(stream, "w", buffering=1) for stream in (1, 2))
    sys.exit(main(["serve", *arguments, "--port", "0"]))


@contextmanager
def serving(*arguments: str) -> Iterator[str]:
    """Run `bigview serve` with these arguments on a free port; give its address."""
    context = multiprocessing.get_context(_START)
    if _START == "forkserver":
        context.set_forkserver_preload(_IMPORTED)
    heard, said = context.Pipe(duplex=False)
    server = context.Process(target=_serve, args=(arguments, said), daemon=True)
    server.start()
    said.close()
    try:
        with os.fdopen(os.dup(heard.fileno()), encoding="utf-8") as lines:
            text = ""
            for line in lines:
                text += line
                if found := re.search(r"http://\S+", line):
                    break
            else:
                pytest.fail(f"the server did not start: {text}")
            yield found.group()
    finally:
        server.kill()
        server.join()
        heard.close()
