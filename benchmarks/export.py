"""Exports of a whole store, in every format: seconds, and the peak of memory, beside DuckDB's COPY of the same columns.

    python benchmarks/export.py [STORE] [--rows 10000000] [--runs 3] [--out export.json]

Without a store the synthetic clusters of the demo are built first. Every run is a process of its own, so that its peak (`VmHWM`, Linux) is its own;
`memory` is that peak above what the process held before it began. Both write to a temporary folder beside the store, in turn; the best of the
runs is told. DuckDB reads the store's files and joins the categories back; it writes no Arrow files.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

import bigview as bv
from bigview.build.demo import demo_store
from bigview.store.export import export_size

FORMATS = ("parquet", "csv", "arrow")


def held(name: str) -> int:
    """Return an entry of this process's memory, in bytes."""
    return int(Path("/proc/self/status").read_text().split(f"{name}:")[1].split()[0]) * 1024


def one(path: str, target: str, format: str, peer: bool) -> dict[str, float]:
    """Export once, in this process."""
    store = bv.open(path)
    told, before = 0.0, time.perf_counter()
    if not peer:
        size = export_size(store, format=format)
        told = time.perf_counter() - before
    start, wall, cpu = held("VmRSS"), time.perf_counter(), time.process_time()
    if peer:
        copy(store, target, format)
    else:
        store.export(target, format=format)
    found = {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "memory": held("VmHWM") - start}
    found["bytes"] = Path(target).stat().st_size
    return found if peer else {**found, "told_seconds": told, "told_share": size.bytes / found["bytes"]}


def copy(store: bv.PointStore, target: str, format: str) -> None:
    """Let DuckDB write the same rows."""
    import duckdb

    folder = store.reader.folder
    names = [(column.name, column.kind) for column in store.manifest.columns if column.part == "rows"]
    joins = [name for name, kind in names if kind == "category"]
    chosen = ", ".join(f'"k{joins.index(name)}".value AS "{name}"' if kind == "category" else f'rows."{name}"' for name, kind in names)
    sides = " ".join(
        f"LEFT JOIN (SELECT code, value FROM '{folder.path(store.manifest.categories)}' WHERE \"column\" = '{name}') AS k{place} "
        f'ON rows."{name}" = k{place}.code'
        for place, name in enumerate(joins)
    )
    options = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1" if format == "parquet" else "FORMAT csv, HEADER"
    files = [folder.path(name) for name, _, _ in store.reader.row_files]
    duckdb.execute(f"COPY (SELECT {chosen} FROM read_parquet(?) AS rows {sides}) TO '{target}' ({options})", [files])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", nargs="?")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out")
    parser.add_argument("--one", nargs=3, metavar=("TARGET", "FORMAT", "WHO"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        target, format, who = given.one
        print(json.dumps(one(given.store, target, format, who == "duckdb")))
        return
    path = given.store or str(demo_store("clusters", given.rows))
    lines = []
    with tempfile.TemporaryDirectory(dir=Path(path).parent) as folder:
        for format in FORMATS:
            for who in ("bigview", "duckdb") if format != "arrow" else ("bigview",):
                runs = []
                for _ in range(given.runs):
                    command = [sys.executable, __file__, path, "--one", f"{folder}/out", format, who]
                    runs.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
                lines.append({"format": format, "who": who, **{name: min(run[name] for run in runs) for name in runs[0]}})
                print({name: round(value, 2) if isinstance(value, float) else value for name, value in lines[-1].items()}, flush=True)
    report = {"store": path, "rows": len(bv.open(path)), "load": psutil.getloadavg(), "lines": lines}
    if given.out:
        Path(given.out).write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
