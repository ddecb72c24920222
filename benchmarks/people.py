"""Many people on one server: websocket visitors that all zoom at once, and visitors that come and go.

    python -m benchmarks.people STORE [--people 50] [--seconds 20] [--pause 0] [--opens 200] [--out people.json]

The server runs in a process of its own, as `bigview serve` starts it; the visitors share another one and speak Bokeh's protocol over real
websockets. Each of them turns the wheel around places of his own, and turns it again as soon as the picture is there (`--pause` gives him a moment to
look). A time runs from the message with the new ranges until a picture of exactly these ranges has arrived; at the end of each gesture he waits for
the exact one and its count. Every picture's ends are checked against the ranges, every gesture's count against the rows in view. Memory is what the
server's process has of its own and its share of the rest (PSS).
"""

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil

import bigview as bv
from tests.visitor import Visitor

STEP = 1.2  # a tick of the wheel
TICKS = 8  # ticks of a gesture


@contextmanager
def served(store: str, *arguments: str) -> "Iterator[tuple[psutil.Process, str]]":
    """Run `bigview serve`; give its process and its address."""
    command = [sys.executable, "-m", "bigview", "serve", store, "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            found = re.search(r"http://\S+", server.stdout.readline())
            if found is None:
                assert server.stderr is not None
                raise RuntimeError(server.stderr.read())
            yield psutil.Process(server.pid), found.group()
        finally:
            server.terminate()
            assert server.stderr is not None
            said = server.stderr.read()
            if said.strip():
                print(f"the server said: {said[:2000]}")


def memory(process: psutil.Process) -> float:
    """Return megabytes of a process: its own and its share of the rest, where the system tells."""
    held = process.memory_full_info()
    return float(getattr(held, "pss", 0) or held.rss) / 1e6


class Crowd:
    """Visitors who zoom, and what they see."""

    def __init__(self, url: str, store: bv.PointStore, people: int, pause: float) -> None:
        self.store, self.pause = store, pause
        self.visitors = [Visitor(url) for _ in range(people)]
        self.times: list[float] = []
        self.wrong: list[str] = []
        self.counted = self.sketches = 0
        columns = [store.manifest.x.column, store.manifest.y.column]
        self.places = store.rows(sample=True, limit=10_000, columns=columns)[columns].to_numpy(float)

    async def enter(self) -> list[float]:
        """Let all come, ten at a time; return how long each waited for his first picture, in seconds."""
        gate = asyncio.Semaphore(10)

        async def one(visitor: Visitor) -> float:
            async with gate:
                start = time.perf_counter()
                await visitor.enter()
                return time.perf_counter() - start

        return list(await asyncio.gather(*(one(visitor) for visitor in self.visitors)))

    async def zoom(self, seconds: float) -> None:
        """Let all zoom for a while."""
        end = time.perf_counter() + seconds
        await asyncio.gather(*(self._gestures(visitor, np.random.default_rng(k), end) for k, visitor in enumerate(self.visitors)))

    async def _gestures(self, visitor: Visitor, rng: np.random.Generator, end: float) -> None:
        home = visitor.view
        while time.perf_counter() < end:
            place = self.places[rng.integers(len(self.places))]
            view = home
            for tick in range(TICKS):
                if self.pause:
                    await asyncio.sleep(rng.exponential(self.pause))
                view = _closer(view, place)
                start = time.perf_counter()
                shown = await visitor.see(view, settled=tick == TICKS - 1)
                self.times.append(time.perf_counter() - start)
                self.sketches += not shown.exact
            await self._check(visitor, view)

    async def _check(self, visitor: Visitor, view: tuple[float, float, float, float]) -> None:
        """Check the count that the page shows; it belongs to this visitor's ranges and to nobody else's."""
        rows = await asyncio.to_thread(self.store.count, bv.View(view[:2], view[2:]))
        try:
            await visitor.until(lambda: visitor.status.get("view") == f"{rows:,}" and visitor.shown.exact and visitor.shown.shows(view), timeout=60)
            self.counted += 1
        except TimeoutError:
            self.wrong.append(f"{view} holds {rows:,} rows, the page says {visitor.status.get('view')}")

    async def leave(self) -> None:
        """Let all go."""
        await asyncio.gather(*(visitor.leave() for visitor in self.visitors))


def _closer(view: tuple[float, float, float, float], place: Any) -> tuple[float, float, float, float]:
    """Return the view after a tick of the wheel with the pointer at a place."""
    x, y = (float(end) for end in place)
    return (x + (view[0] - x) / STEP, x + (view[1] - x) / STEP, y + (view[2] - y) / STEP, y + (view[3] - y) / STEP)


async def crowded(process: psutil.Process, url: str, store: bv.PointStore, people: int, seconds: float, pause: float) -> dict[str, float]:
    """Return the figures of a crowd that zooms."""
    alone = memory(process)
    crowd = Crowd(url, store, people, pause)
    entered = await crowd.enter()
    idle = memory(process)
    peak = [idle]

    async def watch() -> None:
        while True:
            await asyncio.sleep(0.5)
            peak.append(memory(process))

    watching = asyncio.create_task(watch())
    before, here = process.cpu_times(), psutil.Process().cpu_times()
    start = time.perf_counter()
    await crowd.zoom(seconds)
    took = time.perf_counter() - start
    after, there = process.cpu_times(), psutil.Process().cpu_times()
    watching.cancel()
    errors = [error for visitor in crowd.visitors for error in visitor.errors]
    sent = sum(visitor.received for visitor in crowd.visitors) / max(1, sum(visitor.pictures for visitor in crowd.visitors))
    await crowd.leave()
    if crowd.wrong or errors:
        raise AssertionError("\n".join([*crowd.wrong[:5], *errors[:5]]))
    times = 1e3 * np.array(crowd.times)
    used = after.user + after.system - before.user - before.system
    return {
        "people": people,
        "pictures": len(times),
        "sketches among them, share": crowd.sketches / len(times),
        "exact pictures and counts checked": crowd.counted,
        "pictures a second": len(times) / took,
        "request to picture ms, median": float(np.median(times)),
        "request to picture ms, p95": float(np.percentile(times, 95)),
        "request to picture ms, max": float(times.max()),
        "first picture s, median": float(np.median(entered)),
        "first picture s, max": float(np.max(entered)),
        "server's processor ms a picture": 1e3 * used / len(times),
        "visitors' processor ms a picture": 1e3 * (there.user + there.system - here.user - here.system) / len(times),
        "kB a picture": sent / 1e3,
        "server MB before": alone,
        "server MB with all, idle": idle,
        "server MB, most": max(peak),
        "MB a visitor": (idle - alone) / people,
    }


async def come_and_go(process: psutil.Process, url: str, opens: int, together: int = 4) -> dict[str, float]:
    """Return the memory while visitors open the map, zoom in and go, again and again."""
    held = []

    async def one() -> None:
        visitor = await Visitor(url).enter()
        for _ in range(2):
            x0, x1, y0, y1 = visitor.view
            await visitor.see((0.9 * x0 + 0.1 * x1, 0.1 * x0 + 0.9 * x1, 0.9 * y0 + 0.1 * y1, 0.1 * y0 + 0.9 * y1), settled=True)
        await visitor.leave()

    for begun in range(0, opens, together):
        await asyncio.gather(*(one() for _ in range(together)))
        if (begun // together) % 5 == 4:
            held.append(memory(process))
    await asyncio.sleep(25)  # sessions live on for up to 17 s; Panel collects garbage 5 s later
    half = held[len(held) // 2 :]
    slope = float(np.polyfit(np.arange(len(half)) * 5 * together, half, 1)[0]) if len(half) > 2 else float("nan")
    return {
        "opens": opens,
        "server MB after a fifth of them": held[len(held) // 5],
        "server MB after the last": held[-1],
        "server MB when all are gone": memory(process),
        "growth, kB an open (second half)": 1e3 * slope,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store")
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--pause", type=float, default=0.0, help="mean seconds between a picture and the next tick")
    parser.add_argument("--opens", type=int, default=0, help="visitors that come and go, instead")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    store = bv.open(options.store)
    load = os.getloadavg()[0]
    with served(options.store, "--sessions", str(options.people + 200)) as (process, url):
        asyncio.run(asyncio.wait_for(_warmed(url), 120))
        if options.opens:
            figures = asyncio.run(come_and_go(process, url, options.opens))
        else:
            figures = asyncio.run(crowded(process, url, store, options.people, options.seconds, options.pause))
    figures["load before"] = load
    for name, value in figures.items():
        print(f"{name:40s} {value:10.2f}")
    if options.out:
        options.out.write_text(json.dumps(figures, indent=1))


async def _warmed(url: str) -> None:
    """Visit once, so that nothing is measured that happens once."""
    await (await Visitor(url).enter()).leave()
    await asyncio.sleep(3)


if __name__ == "__main__":
    main()
