"""Filtered counts: from a new clause to the grid of the overview, beside DuckDB's filtered group-by-pixel on a native table of the same rows.

    python benchmarks/filters.py [STORE] [--rows 100000000] [--steps 7] [--out filters.json]

Without a store the synthetic clusters of the demo are built first. Each step is another clause, as a slider gives it: both ways answer in turn, and
the sum of both grids is compared with the count of the rows. `cold` is a column that nobody has read under a map that is drawn, and `sketch` the
picture of the sample that comes before its exact one; `cold store` has nothing in memory, the map included. Ticks coloured by a category and by the
mean of a number end with the picture. Wall time, and the processor's time of this process (`cpu`), which other work on the
machine does not change. DuckDB's table, in the order of the store, is written once, to a temporary folder beside it.
"""

import argparse
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

import bigview as bv
from bigview.app.columncontrol import Control
from bigview.build.demo import demo_store
from bigview.raster.frame import forget_frames, frame
from bigview.raster.sketch import sketch
from bigview.spec import Filters, Style
from bigview.store.clauses import parse
from bigview.store.filters import forget_filters, sql_bits
from bigview.store.sampled import _columns

WIDTH, HEIGHT = 1000, 800


def timed(call: Callable[[], Any]) -> tuple[Any, float, float]:
    """Return a result, its wall time and its processor time, in milliseconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = call()
    return result, 1e3 * (time.perf_counter() - wall), 1e3 * (time.process_time() - cpu)


class Peer:
    """A native DuckDB table of the rows, and the grid of a clause on it."""

    def __init__(self, store: bv.PointStore, column: str, folder: str) -> None:
        x, y = store.manifest.x.column, store.manifest.y.column
        files = [f"{store.reader.folder.url}/{name}" for name, _, _ in store.reader.row_files]
        self.connection = duckdb.connect(f"{folder}/peer.duckdb", config={"threads": os.cpu_count() or 1})
        self.connection.execute(f'CREATE TABLE rows AS SELECT "{x}" AS x, "{y}" AS y, "{column}" FROM read_parquet(?)', [files])

    def counts(self, bounds: tuple[float, float, float, float], clause: str) -> int:
        """Group by pixel; return the sum of the counts."""
        x0, x1, y0, y1 = bounds
        found = self.connection.execute(
            f"SELECT floor((x - ({x0!r}::DOUBLE)) * {WIDTH / (x1 - x0)!r}::DOUBLE)::INT AS i, "
            f"floor((y - ({y0!r}::DOUBLE)) * {HEIGHT / (y1 - y0)!r}::DOUBLE)::INT AS j, count(*) AS n FROM rows WHERE {clause} "
            f"AND x >= {x0!r}::DOUBLE AND x < {x1!r}::DOUBLE AND y >= {y0!r}::DOUBLE AND y < {y1!r}::DOUBLE GROUP BY i, j"
        ).fetchnumpy()
        return int(found["n"].sum())


def measured(store: bv.PointStore, peer: Peer | None, clauses: list[str]) -> list[dict[str, float]]:
    """Return a line of times for each clause; the first one finds a column that nobody has read, under a map that is drawn."""
    view = bv.View(*store.home, WIDTH, HEIGHT)
    store.aggregate(view, "count")
    lines = []
    for clause in clauses:
        _, bits, bits_cpu = timed(lambda clause=clause: store.bits(clause))
        grid, draw, draw_cpu = timed(lambda clause=clause: store.aggregate(view, "count", clause))
        line = {"bits": bits, "bits cpu": bits_cpu, "grid": draw, "grid cpu": draw_cpu, "clause to grid": bits + draw, "rows": int(grid.sum())}
        x0, x1, y0, y1 = grid.attrs["bounds"]
        if line["rows"] != store.count(bv.View((x0, x1), (y0, y1)), clause):
            raise AssertionError(f"{clause}: the grid holds {line['rows']} rows, not those that pass")
        if peer is not None:
            total, line["DuckDB"], line["DuckDB cpu"] = timed(lambda clause=clause, bounds=grid.attrs["bounds"]: peer.counts(bounds, clause))
            if total != line["rows"]:
                raise AssertionError(f"{clause}: DuckDB counts {total} rows, the grid {line['rows']}")
        lines.append(line)
    return lines


def sketched(path: str, clauses: list[str]) -> dict[str, float]:
    """Return the times of the picture of the sample, from the clause to the frame, on a column that nobody has read."""
    times = []
    forget_filters()
    for clause in clauses:
        store = bv.open(path)
        store.aggregate(bv.View(*store.home, WIDTH, HEIGHT), "count")
        _columns.clear()
        found, wall, cpu = timed(lambda store=store, clause=clause: sketch(store, bv.View(*store.home, WIDTH, HEIGHT), Style(), clause))
        if found is None:
            return {}
        times.append((wall, cpu))
    walls, cpus = zip(*times[1:], strict=True)  # the first compiles
    return {"cold sketch, median": float(np.median(walls)), "cold sketch, largest": max(walls), "cold sketch, cpu": float(np.median(cpus))}


def coloured(store: bv.PointStore, by: str, column: str, ends: tuple[float, list[float]]) -> dict[str, float]:
    """Return the times from a tick of the column's own slider to the picture in colours; the first three read the columns."""
    control, view, times = Control(store, store.manifest.column(column)), bv.View(*store.home, WIDTH, HEIGHT), []
    control.counted(Filters(), (), "")
    stops = [float(text) for text in control.slider.texts] if control.slider is not None else []
    nearest = [min(stops, key=lambda stop, end=end: abs(stop - end)) for end in (ends[0], *ends[1])]
    for end in dict.fromkeys(nearest[1:]):
        forget_frames()
        clause = f"{column} BETWEEN {nearest[0]!r} AND {end!r}"
        times.append(timed(lambda clause=clause: frame(store, view, Style(by=by), clause))[1:])
    walls, cpus = zip(*times[3:], strict=True)
    return {f"by {by}, median": float(np.median(walls)), f"by {by}, largest": max(walls), f"by {by}, cpu": float(np.median(cpus))}


def lassos(store: bv.PointStore, corners: int = 200) -> dict[str, float]:
    """Return the times of lassos about the middle of the map, the second of each size: it finds the rows along its edge in the cache."""
    (x0, x1), (y0, y1) = store.home
    found = {}
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    for share in (0.5, 0.25, 0.03):
        for turn in (0.0, 0.1):
            radius = share / 2 * (1 + 0.3 * np.sin(3 * (angles + turn)))
            ring = np.stack([(x0 + x1) / 2 + (x1 - x0) * radius * np.cos(angles), (y0 + y1) / 2 + (y1 - y0) * radius * np.sin(angles)], 1)
            _, wall, cpu = timed(lambda ring=ring: store.bits(bv.Filter(polygon=ring)))
        found |= {f"lasso over {share:.0%} of the width": wall, f"lasso over {share:.0%} of the width, cpu": cpu}
    return found


def main() -> None:
    """Run the steps and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", nargs="?")
    parser.add_argument("--rows", type=int, default=100_000_000, help="rows of the clusters that stand in where no store is given")
    parser.add_argument("--column", default="score")
    parser.add_argument("--by", nargs="*", default=["label", "score"], help="columns of colours")
    parser.add_argument("--steps", type=int, default=7)
    parser.add_argument("--no-peer", action="store_true", help="leave out DuckDB's native table")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    store = bv.open(options.store or str(demo_store("clusters", options.rows)))
    edges = store.histogram(options.column, 1000)
    share = np.cumsum(edges.counts) / edges.counts.sum()
    ends = [float(edges.edges[np.searchsorted(share, part)]) for part in np.linspace(0.9, 0.2, options.steps + 1)]
    low = float(edges.edges[np.searchsorted(share, 0.1)])
    clauses = [f"{options.column} BETWEEN {low!r} AND {end!r}" for end in ends]
    folder = tempfile.mkdtemp(dir=Path(store.reader.folder.url).parent)
    try:
        peer = None if options.no_peer else Peer(store, options.column, folder)
        store.aggregate(bv.View(*store.home, WIDTH, HEIGHT), "count", f'"{store.manifest.x.column}" > 0')  # kernels are compiled
        path = store.reader.folder.url
        fresh = bv.open(path)
        del store
        lines = measured(fresh, peer, clauses)
        rings = lassos(fresh)
        more = sketched(path, clauses)
        for by in options.by:
            more |= coloured(fresh, by, options.column, (low, ends))
        forget_filters()
        cold, view = bv.open(path), bv.View(*fresh.home, WIDTH, HEIGHT)
        _, more["cold store to grid"], more["cold store to grid, cpu"] = timed(lambda: cold.aggregate(view, "count", clauses[0]))
        forget_filters()
        _, slow, slow_cpu = timed(lambda: sql_bits(fresh.reader, parse(clauses[0], fresh.columns)))
    finally:
        shutil.rmtree(folder)
    warm = lines[1:]
    figures = {f"cold {name}": value for name, value in lines[0].items()}
    figures |= {f"median {name}": float(np.median([line[name] for line in warm])) for name in warm[0]}
    figures |= {f"largest {name}": max(line[name] for line in warm) for name in ("bits", "grid", "clause to grid")}
    figures |= rings | more | {"bits by DuckDB over the store": slow, "bits by DuckDB over the store, cpu": slow_cpu}
    if "DuckDB" in warm[0]:
        figures["times faster than DuckDB"] = float(np.median([line["DuckDB"] / line["clause to grid"] for line in warm]))
    for name, value in figures.items():
        print(f"{name:40s} {value:14,.1f}")
    if options.out:
        options.out.write_text(json.dumps({"figures": figures, "steps": lines}, indent=1))


if __name__ == "__main__":
    main()
