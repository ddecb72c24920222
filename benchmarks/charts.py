"""Linked charts, the second map, lassos and pages of the table: from a brush to counts, from an outline to bits, from an order to records.

    python benchmarks/charts.py [STORE] [--rows 100000000] [--number score] [--category label] [--steps 7] [--out charts.json]

Without a store the synthetic clusters of the demo are built first. The store is indexed by the number and x in a copy of hard links, in a process of
its own whose time and peak memory are told. Wall time and the processor's time of this process in milliseconds, medians of
steps of which each asks something new; the first of each kind, which reads the columns, is told apart.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import bigview as bv
from bigview.build.demo import demo_store
from bigview.raster.secondmap import SecondMap
from bigview.spec import Filter, Filters
from bigview.store.binned import equal_bins
from bigview.store.charts import Side

Step = Callable[[int], Any]


def lines(steps: int, cases: dict[str, Step]) -> dict[str, dict[str, float]]:
    """Return the times of each case."""
    found = {}
    for name, step in cases.items():
        times = []
        for number in range(steps + 1):
            wall, cpu = time.perf_counter(), time.process_time()
            step(number)
            times.append((1e3 * (time.perf_counter() - wall), 1e3 * (time.process_time() - cpu)))
        median = [statistics.median(column) for column in zip(*times[1:], strict=True)]
        found[name] = {"first": times[0][0], "first cpu": times[0][1], "wall": median[0], "cpu": median[1]}
        print(f"{name:44} {'  '.join(f'{key} {value:.0f}' for key, value in found[name].items())}", flush=True)
    return found


def ring(store: bv.PointStore, corners: int, turn: int) -> Filter:
    """Return a wavy outline about the middle of the map."""
    (x0, x1), (y0, y1) = store.home
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    radius = 0.3 * (1 + 0.3 * np.sin(5 * angles + 0.1 * turn) + 0.01 * np.sin(corners / 7 * angles))
    return Filter(polygon=np.stack([(x0 + x1) / 2 + (x1 - x0) * radius * np.cos(angles), (y0 + y1) / 2 + (y1 - y0) * radius * np.sin(angles)], 1))


def walk(store: bv.PointStore, corners: int, seed: int) -> Filter:
    """Return an outline that wanders over the map and crosses itself."""
    (x0, x1), (y0, y1) = store.home
    steps = np.cumsum(np.random.default_rng(seed).normal(size=(corners, 2)), axis=0)
    steps = (steps - steps.min(axis=0)) / np.ptp(steps, axis=0)
    return Filter(polygon=steps * (x1 - x0, y1 - y0) + (x0, y0))


INDEX = """
import json, resource, sys, time
from bigview.build.pairs import index_points
wall, cpu = time.perf_counter(), time.process_time()
index_points(*sys.argv[1:], quiet=True)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "memory": peak}))
"""


def indexed(source: str, folder: str, x: str, y: str) -> tuple[bv.PointStore, dict[str, float]]:
    """Return a store that shares its files with another one and has an index, and what that took: seconds, and bytes of memory and of disk."""
    path = f"{folder}/store.bv"
    shutil.copytree(source, path, copy_function=os.link)
    told = subprocess.run([sys.executable, "-c", INDEX, path, x, y], check=True, capture_output=True, text=True).stdout
    store = bv.open(path)
    cost = {**json.loads(told), "disk": store.over(x, y).reader.pair.bytes}
    print(f"index over {x} × {y}: {cost['wall']:.1f} s, {cost['cpu']:.1f} s of the processor, {cost['memory'] / 1e6:,.0f} MB of memory, "
          f"{cost['disk'] / len(store):.1f} bytes a row")  # fmt: skip
    return store, cost


def main() -> None:
    """Run the cases and print their times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", nargs="?")
    parser.add_argument("--rows", type=int, default=100_000_000, help="rows of the clusters that stand in where no store is given")
    parser.add_argument("--number", default="score")
    parser.add_argument("--category", default="label")
    parser.add_argument("--steps", type=int, default=7)
    parser.add_argument("--folder", help="where the copy is made: on the disk of the store")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        run(options, folder)


def run(options: argparse.Namespace, folder: str) -> None:
    """Run the cases on a copy of the store in a folder."""
    source = str(options.store or demo_store("clusters", options.rows))
    number, category, x = options.number, options.category, bv.open(source).manifest.x.column
    store, cost = indexed(source, folder, number, x)
    second, other = SecondMap.of(store, number, x), SecondMap.of(store, x, number)
    home, around = second.view(360, 252), other.view(360, 252)
    wide, span = second.view(1000, 800), second.home[1] - second.home[0]

    def moved(step: int) -> bv.View:
        return second.view(360, 252, (second.home[0] + 1e-3 * step * span, *second.home[1:]))

    edges = store.histogram(number, 64).edges.tolist()
    store.histogram(x, 64)
    store.category_counts(category)

    def brush(first: int) -> str:
        return f'"{number}" >= {edges[2 + first]!r} AND "{number}" < {edges[30 + first]!r}'

    def beside(step: int) -> str:
        return f'"{x}" > {second.home[2] + step * 1e-3!r}'

    sides = Side.of_bins(store.reader, equal_bins(store.reader, number, 64)), Side.of_categories(store.reader, category)
    tenth = f'"{number}" < {float(np.quantile(store.rows(columns=[number], sample=True, limit=10_000)[number], 0.1))!r}'
    cases: dict[str, Step] = {
        "brush": lambda step: store.bits(brush(step)),
        "brush, histogram of another number": lambda step: store.histogram(x, 64, where=brush(10 + step)),
        "the same brush, bars": lambda step: store.category_counts(category, where=brush(10 + step)),
        "the same brush, number × category": lambda step: store.cross(x, category, where=brush(10 + step)),
        "the same brush, second map": lambda step: second.exact(home, True, None, brush(10 + step)),
        "the same brush, second map of 1000 × 800": lambda step: second.pair.aggregate(wide, "count", brush(10 + step)),
        "bars for every brush, in advance": lambda step: store.foresee(*sides, beside(step)),
        "bars under a brush, found in advance": lambda step: store.category_counts(category, where=Filters.of(beside(0), brush(step))),
        "second map, another view": lambda step: second.exact(moved(step), True),
        "another brush, sampled bars": lambda step: store.sampled.category_counts(category, where=f'"{number}" > {step / 90}'),
        "the same brush, sampled second map": lambda step: other.sampled(around, True, None, f'"{number}" > {step / 90}'),
        "brush beside the edges, sampled histogram": lambda step: store.sampled.histogram(x, 64, where=f'"{number}" > {step / 100}'),
        "lasso of 100 corners": lambda step: store.bits(ring(store, 100, step)),
        "lasso of 100,000 corners": lambda step: store.bits(ring(store, 100_000, step)),
        "tangle of 100,000 corners": lambda step: store.bits(walk(store, 100_000, step)),
        "page by the number, of a tenth": lambda step: store.rows(where=tenth, order_by=number, offset=100 * step),
        "page by the category, of a tenth": lambda step: store.rows(where=tenth, order_by=f"-{category}", offset=100 * step),
        "page by the number, of all, from the middle": lambda step: store.rows(order_by=number, offset=len(store) // 2 + 100 * step),
    }
    found = lines(min(options.steps, 20), cases)
    if options.out:
        made = {"index, s": cost["wall"], "index, s of the processor": cost["cpu"], "index, MB of memory": cost["memory"] / 1e6, "rows": len(store)}
        options.out.write_text(json.dumps({"figures": made | found}, indent=1))


if __name__ == "__main__":
    main()
