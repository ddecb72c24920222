"""Frames of a scripted tour of 200 views, beside Datashader on the same columns in memory, view by view in one process.

    python benchmarks/frames.py [STORE] [--rows 100000000] [--views 200] [--out frames.json]

Without a store the synthetic clusters of the demo are built first.

A frame's time is the best of three; figures are medians and percentiles over the views. The sum of each frame is checked against the rows in it.
"""

import argparse
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path

import datashader as ds
import numba as nb
import numpy as np
import pandas as pd
import psutil

import bigview as bv
from bigview.build.demo import demo_store

WIDTH, HEIGHT = 1000, 800


def tour(store: bv.PointStore, views: int) -> list[tuple[float, bv.View]]:
    """Return (zoom, view) pairs from the overview to × 16,000, around rows drawn by density and places drawn evenly."""
    (x0, x1), (y0, y1) = store.home
    rng = np.random.default_rng(7)
    dense = store.rows(sample=True, limit=views, columns=[store.manifest.x.column, store.manifest.y.column]).iloc[:, 1:].to_numpy(float)
    found = []
    for step in range(views):
        zoom = 16_000.0 ** (step / (views - 1))
        even = rng.uniform((x0, y0), (x1, y1))
        centre = ((x0 + x1) / 2, (y0 + y1) / 2) if zoom < 1.5 else dense[step] if step % 4 else even
        half_x, half_y = (x1 - x0) / zoom / 2, (y1 - y0) / zoom / 2
        found.append((zoom, bv.View((centre[0] - half_x, centre[0] + half_x), (centre[1] - half_y, centre[1] + half_y), WIDTH, HEIGHT)))
    return found


def best(call: Callable[[], object], repeats: int) -> float:
    """Return the least of some times, in milliseconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1e3 * min(times)


@nb.njit
def _spin(n: int) -> float:
    total = 0.0
    for q in range(n):
        total += (q * 0.5) % 3.0
    return total


def calibration() -> float:
    """Return the time of a fixed loop, in milliseconds: how quick the machine is just now."""
    _spin(10)
    return best(lambda: _spin(50_000_000), 3)


def measured(store: bv.PointStore, columns: pd.DataFrame | None, views: int) -> pd.DataFrame:
    """Return a line for each view: cold and warm times, and Datashader's."""
    x, y = store.manifest.x.column, store.manifest.y.column
    lines = []
    for zoom, view in tour(store, views):
        cold = best(lambda view=view: store.aggregate(view), 1)
        warm = best(lambda view=view: store.aggregate(view), 3)
        labelled = best(lambda view=view: store.aggregate(view, bv.dominant("label")), 1)
        coloured = best(lambda view=view: store.aggregate(view, bv.dominant("label")), 3)
        grid = store.aggregate(view)
        bounds = grid.attrs["bounds"]
        rows = store.count(bv.View(bounds[:2], bounds[2:]))
        if int(grid.sum()) != rows:
            raise AssertionError(f"the frame at zoom {zoom:.1f} holds {int(grid.sum())} rows, not {rows}")
        line = {"zoom": zoom, "rows": rows, "level": grid.attrs["level"], "cold": cold, "warm": warm, "label_cold": labelled, "label": coloured}
        if columns is not None:
            canvas = ds.Canvas(WIDTH, HEIGHT, bounds[:2], bounds[2:])
            line["datashader"] = best(lambda canvas=canvas: canvas.points(columns, x, y, ds.count()), 1)
        lines.append(line)
    return pd.DataFrame(lines)


def report(found: pd.DataFrame) -> dict[str, float]:
    """Return the figures."""
    out = {f"{name} {kind}": float(value) for name in ("warm", "cold", "label") for kind, value in _spread(found[name]).items()}
    if "datashader" in found:
        ratio = found["datashader"] / found["warm"]
        deep = found["zoom"] >= 16_000**0.5
        out["times faster than Datashader, overview"] = float(ratio[found["zoom"] < 1.5].median())
        out["times faster than Datashader, deep half"] = float(ratio[deep].median())
        out["datashader median"] = float(found["datashader"].median())
    return out


def _spread(times: pd.Series) -> dict[str, float]:
    return {"median": times.median(), "p95": times.quantile(0.95), "max": times.max()}


def main() -> None:
    """Run the tour and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", nargs="?")
    parser.add_argument("--rows", type=int, default=100_000_000, help="rows of the clusters that stand in where no store is given")
    parser.add_argument("--views", type=int, default=200)
    parser.add_argument("--no-peer", action="store_true", help="leave out Datashader, to see this process' memory alone")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    store = bv.open(options.store or str(demo_store("clusters", options.rows)))
    before = calibration()
    columns = None
    if not options.no_peer:
        names = [store.manifest.x.column, store.manifest.y.column]
        with store.reader.pages.pinned(names, np.arange(len(store.reader.row_groups.keys))) as arrays:
            columns = pd.DataFrame(dict(zip(names, [array.copy() for array in arrays], strict=True)))
        columns = columns.sample(frac=1, random_state=0, ignore_index=True)  # users' rows are in no spatial order
        ds.Canvas(2, 2).points(columns.head(), *names, ds.count())
    store.aggregate(tour(store, 2)[0][1])
    found = measured(store, columns, options.views)
    figures = report(found)
    after = calibration()
    figures["calibration drift"] = after / before
    figures["memory MB"] = psutil.Process().memory_info().rss / 1e6
    figures["peak memory MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    for name, value in figures.items():
        print(f"{name:45s} {value:10.2f}")
    if options.out:
        options.out.write_text(json.dumps({"figures": figures, "views": found.to_dict("records")}, indent=1))


if __name__ == "__main__":
    main()
