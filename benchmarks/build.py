"""The build of a store, beside DuckDB's bare sort of the same rows: rows a second, and the memory of all processes together.

    python -m benchmarks.build [--rows 100_000_000] [--folder /tmp/bench] [--out build.json]

The rows (x, y, label, score) are Parquet files. DuckDB gets the keys ready made, as one more column, and only sorts and writes:
``COPY (SELECT … ORDER BY key) TO … (FORMAT parquet)``, with a memory limit of 4 GB. bigview computes the keys, and writes rows, cells and index.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from bigview.build.clusters import clusters_partition
from bigview.store.axis import Axis
from bigview.store.morton import keys_of

FILE_ROWS = 5_000_000
GROUP_ROWS = 500_000

BUILD = """
import sys
from bigview.build.points import build_points
build_points(sys.argv[1] + "/*.parquet", sys.argv[2], x="x", y="y", quiet=True)
"""
BARE = """
import sys, duckdb
connection = duckdb.connect(config={"memory_limit": "4GB", "temp_directory": sys.argv[3]})
connection.execute("SET enable_progress_bar = false")
rows = f"SELECT x, y, label, score FROM '{sys.argv[1]}/*.parquet' ORDER BY key"
connection.execute(f"COPY ({rows}) TO '{sys.argv[2]}' (FORMAT parquet, COMPRESSION zstd)")
"""


def make_input(folder: Path, rows: int) -> None:
    """Write the rows, with their keys for DuckDB, in two sets of files, unless they are there."""
    axes = [Axis.fit(name, np.dtype("f4"), -100.0, 100.0) for name in "xy"]
    for name in ("rows", "keyed"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number, first in enumerate(range(0, rows, FILE_ROWS)):
        target = folder / "rows" / f"{number:04d}.parquet"
        keyed = folder / "keyed" / target.name
        if target.exists() and keyed.exists():
            continue
        table = clusters_partition(number, min(FILE_ROWS, rows - first))
        x, y = (table.column(name).to_numpy() for name in "xy")
        keys = keys_of(x, y, axes[0].cells, axes[1].cells)
        pq.write_table(table, target, row_group_size=GROUP_ROWS)
        pq.write_table(table.append_column("key", pa.array(keys)), keyed, row_group_size=GROUP_ROWS)


def timed(code: str, *arguments: str) -> tuple[float, float, float]:
    """Run a program; return its seconds, those of its processors, and the most memory of it and its children together, in GB."""
    start, worked = time.perf_counter(), _worked()
    process = subprocess.Popen([sys.executable, "-c", code, *arguments])
    watched, peak = psutil.Process(process.pid), 0
    while process.poll() is None:
        peak = max(peak, _held(watched))
        time.sleep(0.05)
    if process.returncode:
        raise SystemExit(process.returncode)
    return time.perf_counter() - start, _worked() - worked, peak / 1e9


def _worked() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _held(process: psutil.Process) -> int:
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += one.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def size(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    return path.stat().st_size if path.is_file() else sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def compared(folder: Path, rows: int) -> dict[str, float]:
    """Build and sort, one after the other, and return the figures."""
    store, bare = folder / "store.bv", folder / "bare.parquet"
    shutil.rmtree(store, ignore_errors=True)
    bare.unlink(missing_ok=True)
    seconds, worked, memory = timed(BUILD, str(folder / "rows"), str(store))
    peer_seconds, peer_worked, peer_memory = timed(BARE, str(folder / "keyed"), str(bare), str(folder / "spill"))
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT count(*), sum(__row) FROM '{store}/rows/*.parquet'").fetchone()
    if found != (rows, rows * (rows - 1) // 2):
        raise AssertionError(f"the store holds other rows than the source: {found}")
    return {
        "rows": rows,
        "build seconds": seconds,
        "build million rows/s": rows / seconds / 1e6,
        "build processor seconds": worked,
        "build peak memory GB": memory,
        "store bytes a row": size(store) / rows,
        "DuckDB COPY seconds": peer_seconds,
        "DuckDB COPY million rows/s": rows / peer_seconds / 1e6,
        "DuckDB COPY processor seconds": peer_worked,
        "DuckDB COPY peak memory GB": peer_memory,
        "DuckDB COPY bytes a row": size(bare) / rows,
        "build time / COPY time": seconds / peer_seconds,
    }


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument("--folder", type=Path, help="where the rows are made, and kept for the next run; else a temporary one")
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        make_input(folder, options.rows)
        figures = compared(folder, options.rows)
    for name, value in figures.items():
        print(f"{name:30s} {value:16,.2f}")
    if options.out:
        options.out.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
