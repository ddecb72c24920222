"""From the start of `bigview serve` to the first picture in the browser, beside a bare Panel page with the same imports, started the same way.

    python -m benchmarks.startup STORE [--runs 5] [--cold | --fresh] [--out startup.json]

Both are new processes, in turn; the browser runs before and has an empty cache each time. Compiled kernels and byte code are on disk, as after the
first start ever, which is not counted; `--fresh` gives each start an empty cache of kernels instead, as after an installation. A picture counts once
its pixels are in the page's plot and the browser has drawn twice since. The time of `import bigview` is the best of five, less that of a bare
interpreter. With `--cold` the store's files are on disk only, as after the machine was switched on, and the bare page is left out.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from tests.browser import launch, playing
from tools.run import find_browser

BARE = """
import numpy as np, panel as pn, holoviews as hv, bokeh, panel_material_ui
from bokeh.models import Plot
hv.extension("bokeh", logo=False)
pixels = np.random.default_rng(0).random((600, 900))

def page():
    pn.extension()
    return pn.pane.HoloViews(hv.Image(pixels).opts(responsive=True), sizing_mode="stretch_both")

server = pn.io.server.get_server(page, port=0, address="127.0.0.1", start=False, show=False, websocket_origin="*")
print(f"at http://localhost:{server.port}/", flush=True)
server.run_until_shutdown()
"""
DRAWN = """() => {
  const models = (window.Bokeh?.documents ?? []).flatMap((doc) => [...doc._all_models.values()])
  const images = models.filter((model) => model.type === "GlyphRenderer" && /^Image/.test(model.glyph?.type ?? ""))
  return images.some((model) => (model.data_source.data.image?.[0]?.length ?? 0) > 4)
}"""
EXACT = """() => {
  const models = (window.Bokeh?.documents ?? []).flatMap((doc) => [...doc._all_models.values()])
  const facts = models.find((model) => model.name === "bigview-frame")?.data.facts[0]
  return (facts instanceof Map ? facts.get("approximate") : facts?.approximate) === false
}"""
TWICE = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"


@contextmanager
def started(command: list[str], environment: dict[str, str]) -> "Iterator[tuple[psutil.Process, float, float, str]]":
    """Start a server; give its process, the moment of its start, the seconds until it said where it is, and where."""
    begin = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as server:
        try:
            assert server.stdout is not None
            found = re.search(r"http://\S+", server.stdout.readline())
            if found is None:
                assert server.stderr is not None
                raise RuntimeError(server.stderr.read())
            yield psutil.Process(server.pid), begin, time.perf_counter() - begin, found.group()
        finally:
            server.kill()


def first_picture(browser: Any, command: list[str], environment: dict[str, str], exactly: bool = False) -> dict[str, float]:
    """Return the seconds until the server listened and until its first picture, or also until the exact one and the megabytes held then."""
    with started(command, environment) as (process, begin, listening, url):
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        page = context.new_page()
        page.set_default_timeout(120_000)
        page.goto(url, wait_until="commit")
        committed = time.perf_counter() - begin
        page.wait_for_function(DRAWN, polling="raf")
        page.evaluate(TWICE)
        figures = {"listening s": listening, "page s": committed, "picture s": time.perf_counter() - begin}
        if exactly:
            page.wait_for_function(EXACT, polling="raf")
            held = process.memory_info()
            figures |= {"exact picture s": time.perf_counter() - begin, "memory MB": (held.rss - getattr(held, "shared", 0)) / 1e6}
        context.close()
    return figures


def forget(store: Path) -> None:
    """Let the system forget what it keeps in memory of a store's files."""
    for path in store.rglob("*"):
        if path.is_file():
            file = os.open(path, os.O_RDONLY)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(file)


def import_time(module: str) -> float:
    """Return the seconds that an import takes, less those of an interpreter that imports nothing."""

    def best(code: str) -> float:
        times = []
        for _ in range(5):
            begin = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            times.append(time.perf_counter() - begin)
        return min(times)

    return best(f"import {module}") - best("pass")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--cold", action="store_true", help="with the store's files on disk only")
    parser.add_argument("--fresh", action="store_true", help="without compiled kernels on disk")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    chromium = find_browser()
    if chromium is None:
        raise SystemExit("no browser")
    found: dict[str, list[dict[str, float]]] = {"bare": [], "bigview": []}
    with tempfile.TemporaryDirectory() as folder, playing() as playwright, launch(playwright, str(chromium)) as browser:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE)
        commands = {"bare": [sys.executable, str(bare)], "bigview": [sys.executable, "-m", "bigview", "serve", options.store, "--port", "0"]}
        if options.cold:
            del commands["bare"], found["bare"]
        plain = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        for run in range(-1, options.runs):
            for name, command in commands.items():
                kernels = {"NUMBA_CACHE_DIR": f"{folder}/kernels-{run}"} if options.fresh else {}
                if options.cold:
                    forget(Path(options.store))
                figures = first_picture(browser, command, plain | kernels, options.cold)
                if run >= 0:
                    found[name].append(figures)
    summary = {f"{name}, {step}": float(np.median([run[step] for run in runs])) for name, runs in found.items() for step in runs[0]}
    if not options.cold:
        summary["ratio of the first pictures"] = summary["bigview, picture s"] / summary["bare, picture s"]
        summary["import bigview s"] = import_time("bigview")
    summary["load"] = os.getloadavg()[0]
    for name, value in summary.items():
        print(f"{name:32s} {value:8.3f}")
    if options.out:
        options.out.write_text(json.dumps({"figures": summary, "runs": found}, indent=1))


if __name__ == "__main__":
    main()
