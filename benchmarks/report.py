"""Runs the benchmarks one after the other and writes docs/benchmarks.md, with what changed since the figures kept in docs/benchmarks.json.

    python -m benchmarks.report [--folder STORES] [--rows 100_000_000] [--billion] [--only frames browser …]

Stores of synthetic clusters are built in the folder where they are not there yet. A benchmark that fails is named as such; the others go on.
"""

import argparse
import datetime as dt
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from bigview.build.demo import demo_store

DOCS = Path(__file__).parent.parent / "docs"
KEPT, PAGE, PLOT = DOCS / "benchmarks.json", DOCS / "benchmarks.md", DOCS / "pictures" / "benchmark-frames.svg"
LIBRARIES = ("holoviews", "datashader", "panel", "bokeh", "numba", "numpy", "pyarrow", "duckdb", "dask")

# name: (title, what it shows, module, arguments; {small}, {middle}, {large} and {billion} are stores)
RUNS: dict[str, tuple[str, str, str, Sequence[str]]] = {
    "frames": (
        "Frames",
        "A scripted tour of 200 views from the overview to × 16,000, beside Datashader on the same columns in memory, view by view. Times in "
        "milliseconds. The sum of each frame is checked against the rows in it.",
        "frames",
        ["{large}"],
    ),
    "memory": ("Memory of a process that draws", "The same tour without Datashader in the process.", "frames", ["{large}", "--no-peer"]),
    "filters": (
        "Filters",
        "From a new clause on a number to its grid, beside DuckDB's filtered group-by over its native table. Each grid is checked against both.",
        "filters",
        ["{large}"],
    ),
    "browser": (
        "From the wheel to new pixels",
        "The served explorer in a real Chromium, coloured by density, beside the same page with a picture that costs nothing and beside stock "
        "HoloViews. Milliseconds from the wheel event until the plot's image has new data that fit the view.",
        "browser",
        ["{large}", "--pages", "constant", "explorer", "stock"],
    ),
    "browser by label": (
        "The same, coloured by 60 labels",
        "A sketch comes first; `exact` is the exact picture.",
        "browser",
        ["{large}", "--pages", "constant", "explorer", "--by", "label"],
    ),
    "browser small": ("The same at a hundredth of the rows", "", "browser", ["{small}", "--pages", "constant", "explorer"]),
    "browser billion": ("The same at ten times the rows", "", "browser", ["{billion}", "--pages", "constant", "explorer"]),
    "people": (
        "Fifty people at once",
        "Real websocket clients that zoom on one store of 10 M rows without a pause, on one server process.",
        "people",
        ["{middle}"],
    ),
    "come and go": ("Two hundred who come and go", "What is left of closed sessions.", "people", ["{middle}", "--opens", "200"]),
    "startup": (
        "Start-up",
        "From the start of the process to the first picture in the browser, beside a bare Panel page with the same imports.",
        "startup",
        ["{large}"],
    ),
    "build": (
        "The build",
        "From Parquet files to a store, beside DuckDB's bare `COPY (… ORDER BY key)` of the same rows, each in processes of its own.",
        "build",
        ["--rows", "{rows}"],
    ),
}
ROWS = {"small": 100, "middle": 10, "large": 1}


def main() -> None:
    """Run, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where the stores are kept; the demonstration's own folder by default")
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument("--billion", action="store_true", help="also with a thousand million rows: an hour, 60 GB")
    parser.add_argument("--only", nargs="+", choices=list(RUNS))
    given = parser.parse_args()
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    names = given.only or [name for name in RUNS if given.billion or name != "browser billion"]
    stores = {"rows": str(given.rows)}
    wanted = {part.strip("{}") for name in names for part in RUNS[name][3] if part.startswith("{")} - {"rows"}
    for size in sorted(wanted):
        rows = given.rows * 10 if size == "billion" else given.rows // ROWS[size]
        stores[size] = str(demo_store("clusters", rows, **({"folder": given.folder} if given.folder else {})))
    for name in names:
        kept[name] = {**ran(RUNS[name], stores), "before": kept.get(name, {}).get("figures")}
        KEPT.write_text(json.dumps({key: {k: v for k, v in one.items() if k != "views"} for key, one in kept.items()}, indent=1) + "\n")
        if name == "frames" and kept[name].get("views"):
            draw(kept[name]["views"])
    PAGE.write_text(page(kept), encoding="utf-8")
    print(PAGE)


def ran(run: tuple[str, str, str, Sequence[str]], stores: Mapping[str, str]) -> dict[str, Any]:
    """Run one benchmark and return its figures and its circumstances."""
    arguments = [part.format(**stores) for part in run[3]]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        command = [sys.executable, "-m", f"benchmarks.{run[2]}", *arguments, "--out", str(out)]
        print("\n$", " ".join(["python", *command[1:-2]]), flush=True)
        load = os.getloadavg()[0]
        code = subprocess.run(command, check=False, cwd=DOCS.parent).returncode
        found = json.loads(out.read_text()) if out.exists() else {}
    figures = found.get("figures", found) if isinstance(found, dict) else {}
    return {
        "figures": figures,
        "views": found.get("views") if isinstance(found, dict) else None,
        "failed": code != 0,
        "command": " ".join(["python -m", f"benchmarks.{run[2]}", *(Path(part).name for part in arguments)]),
        "machine": machine(load),
    }


def machine(load: float) -> dict[str, str]:
    """Return what the figures were measured on."""
    names = [line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    return {
        "day": dt.datetime.now(dt.UTC).date().isoformat(),
        "processor": f"{os.cpu_count()} × {names[0] if names else platform.processor() or platform.machine()}",
        "memory": f"{psutil.virtual_memory().total / 1e9:.0f} GB",
        "load": f"{load:.1f}",
        "python": platform.python_version(),
        "versions": ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
    }


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def page(kept: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the page."""
    parts = [
        "# Benchmarks",
        "`make bench` runs all of this and writes this page; `make bench ARGS=frames` runs one. Peers run in the same run, in turn. Machines "
        "differ: read ratios first. *before* is the run that stood here last; a regression shows as a ratio.",
        "Peers that did not run: embedding-atlas and jupyter-scatter draw with WebGL or WebGPU. The headless Chromium of these runs has only a "
        "software renderer for that, which would say nothing about them; so they are left out.",
    ]
    for name, (title, text, _, _) in RUNS.items():
        if name in kept:
            parts += [f"## {title}", text, *section(kept[name])]
            if name == "frames" and PLOT.exists():
                parts.append(f"![Time of a frame against zoom](pictures/{PLOT.name})")
    return "\n\n".join(part for part in parts if part) + "\n"


def section(run: Mapping[str, Any]) -> list[str]:
    """Return the table of one benchmark."""
    on = run["machine"]
    where = f"`{run['command']}`, {on['day']}, {on['processor']}, {on['memory']}, load {on['load']} before, Python {on['python']}, {on['versions']}"
    if run["failed"]:
        return [f"**The run failed.** {where}"]
    figures, before = run["figures"], run.get("before") or {}
    nested = {name: value for name, value in figures.items() if isinstance(value, dict)}
    rows = _wide(nested) if nested else _long({name: value for name, value in figures.items() if _number(value)}, before)
    return ["\n".join(rows), where]


def _wide(nested: Mapping[str, Mapping[str, Any]]) -> list[str]:
    pages = list(nested)
    lines = ["| | " + " | ".join(pages) + " |", "|---|" + "---:|" * len(pages)]
    lines += [f"| {name} | " + " | ".join(_text(nested[one].get(name)) for one in pages) + " |" for name in nested[pages[0]]]
    if {"explorer", "constant"} <= set(pages):
        ratio = nested["explorer"]["data median"] / nested["constant"]["data median"]
        lines.insert(2, "| **explorer ÷ constant picture** | " + " | ".join(f"**{ratio:.2f}**" if one == "explorer" else "" for one in pages) + " |")
    return lines


def _long(figures: Mapping[str, Any], before: Mapping[str, Any]) -> list[str]:
    first = sorted(figures, key=lambda name: not ("times" in name or "ratio" in name))
    lines = ["| | now | before | now ÷ before |", "|---|---:|---:|---:|"]
    for name in first:
        old = before.get(name)
        ratio = f"{figures[name] / old:.2f}" if _number(old) and old else ""
        lines.append(f"| {name} | {_text(figures[name])} | {_text(old)} | {ratio} |")
    return lines


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _text(value: Any) -> str:
    if not _number(value) or math.isnan(value):
        return "" if not isinstance(value, str) else value
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def draw(views: Sequence[Mapping[str, float]]) -> None:
    """Draw the time of a frame against the zoom."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams["svg.hashsalt"] = "bigview"
    figure = Figure(figsize=(7, 3.4), layout="constrained")
    axes = figure.subplots()
    for name, label, color in (
        ("datashader", "Datashader, columns in memory", "#c44e52"),
        ("cold", "bigview, cold", "#8c8c8c"),
        ("warm", "bigview", "#2459c4"),
    ):
        if name in views[0]:
            axes.plot([view["zoom"] for view in views], [view[name] for view in views], ".", ms=3, color=color, label=label)
    axes.set(xscale="log", yscale="log", xlabel="zoom", ylabel="milliseconds a frame")
    axes.legend(frameon=False)
    axes.grid(alpha=0.25)
    PLOT.parent.mkdir(exist_ok=True)
    figure.savefig(PLOT, metadata={"Date": None})


if __name__ == "__main__":
    main()
