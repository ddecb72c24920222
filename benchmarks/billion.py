"""The demonstration's clusters with a thousand million rows, through the ordinary build: time, memory of all processes together, disk at its fullest.

    python -m benchmarks.billion [--rows 1_000_000_000] [--folder /tmp/billion] [--out billion.json]

The folder needs some 40 GB while the build runs, and keeps the store, 15 GB.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil


def main() -> None:
    """Build, and watch."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000_000)
    parser.add_argument("--folder", type=Path, help="where the store is made, and kept; else a temporary one")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        figures = built(folder, given.rows)
    for name, value in figures.items():
        print(f"{name:40s} {value:14,.2f}")
    if given.out:
        given.out.write_text(json.dumps({"figures": figures}, indent=1))


def built(folder: Path, rows: int) -> dict[str, float]:
    """Build the store and return the figures."""
    before, start, peak, least = shutil.disk_usage(folder).free, time.monotonic(), 0, shutil.disk_usage(folder).free
    command = [sys.executable, "-m", "bigview", "demo", "clusters", "--rows", str(rows), "--no-serve", "--folder", str(folder)]
    build = subprocess.Popen(command)
    while build.poll() is None:
        peak, least = max(peak, _memory(build.pid)), min(least, shutil.disk_usage(folder).free)
        time.sleep(0.5)
    if build.returncode:
        raise SystemExit("The build failed.")
    seconds = time.monotonic() - start
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {
        "rows": rows,
        "minutes": seconds / 60,
        "million rows a second": rows / seconds / 1e6,
        "memory of all processes, GB": peak / 1e9,
        "disk at its fullest, GB": (before - least) / 1e9,
        "store, GB": size / 1e9,
    }


def _memory(process: int) -> int:
    """Return the resident memory of a process and its children."""
    total = 0
    try:
        root = psutil.Process(process)
        for one in [root, *root.children(recursive=True)]:
            total += one.memory_info().rss
    except psutil.NoSuchProcess:
        pass
    return total


if __name__ == "__main__":
    main()
