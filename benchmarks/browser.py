"""From the wheel to new pixels, in a real Chromium: bigview's explorer beside stock HoloViews and beside pages whose picture costs nothing.

    python -m benchmarks.browser STORE [--pages explorer constant stock] [--by COLUMN] [--ticks 14] [--out browser.json]

Each page runs in a server process of its own and is measured in turn. A tick's time runs from the wheel event in the page until the plot's image
has new data that shows the new view at its own resolution; `painted` until the browser has drawn it. All times come from the browser's clock.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import bigview as bv
from bigview.views.picture import to_plot
from tests.browser import launch, playing

SIZE = (900, 600)
PORT = 5131
PROBE = """
(() => {
  const probe = (window.probe = { wheels: [], frames: [], moves: [], bare: [], older: [] })
  const models = () => Bokeh.documents.flatMap((doc) => [...doc._all_models.values()])
  const figure = () => models().find((model) => model.type === "Figure")
  const images = () => figure().renderers.filter((one) => /^Image/.test(one.glyph?.type ?? ""))
  const now = () => performance.now()
  window.addEventListener("wheel", () => probe.wheels.push(now()), { capture: true })
  window.addEventListener("pointermove", (event) => { if (event.buttons) probe.moves.push(now()) }, { capture: true })
  const spans = () => { const { x_range: x, y_range: y } = figure(); return [x.start, x.end, y.start, y.end] }
  const shown = (source) => {
    const data = source.data, image = data.image?.[0]
    if (!image) return null
    const [rows, columns] = image.shape ?? [data.image.length, image.length]
    const approximate = source.tags?.includes("approximate") ?? false
    return { x: data.x[0], y: data.y[0], dw: data.dw[0], dh: data.dh[0], rows, columns, approximate }
  }
  const fits = (picture) => {
    const [x0, x1, y0, y1] = spans(), { inner_width: width, inner_height: height } = figure()
    const finer = (x1 - x0) / width, high = (y1 - y0) / height
    const sized = Math.abs(picture.dw / picture.columns / finer - 1) <= 0.03 && Math.abs(picture.dh / picture.rows / high - 1) <= 0.03
    if (!(picture.approximate || probe.anysize || sized)) return false
    const pixels = picture.approximate ? 16 : 2, wide = pixels * finer, tall = pixels * high
    return picture.x <= x0 + wide && picture.x + picture.dw >= x1 - wide && picture.y <= y0 + tall && picture.y + picture.dh >= y1 - tall
  }
  const both = (a, b) => ({ x0: Math.max(a.x0, b.x0), x1: Math.min(a.x1, b.x1), y0: Math.max(a.y0, b.y0), y1: Math.min(a.y1, b.y1) })
  const area = ({ x0, x1, y0, y1 }) => Math.max(0, x1 - x0) * Math.max(0, y1 - y0)
  const uncovered = () => {  // shares of the visible part of the data that have no picture, and an older one only
    const [x0, x1, y0, y1] = spans(), seen = both({ x0, x1, y0, y1 }, probe.home)
    const [newest, older] = images().map((one) => shown(one.data_source))
    if (!newest || !(area(seen) > 0)) return { bare: 0, older: 0 }
    const part = (one) => one ? both(seen, { x0: one.x, x1: one.x + one.dw, y0: one.y, y1: one.y + one.dh }) : { x0: 0, x1: 0, y0: 0, y1: 0 }
    const there = area(part(newest)), other = area(part(older)) - area(both(part(older), part(newest)))
    return { bare: Math.max(0, 1 - (there + other) / area(seen)), older: other / area(seen) }
  }
  probe.attach = () => {
    if (!figure() || !images().length) return false
    for (const { data_source: source } of images().slice(0, 1)) {
      source.properties.data.change.connect(() => {
        const picture = shown(source)
        if (!picture || picture.rows < 8) return
        const entry = { at: now(), fits: fits(picture), ...picture }
        probe.frames.push(entry)
        requestAnimationFrame(() => requestAnimationFrame(() => { entry.painted = now() }))
      })
    }
    return true
  }
  probe.watch = (on) => {
    probe.watching = on
    const step = () => {
      if (!probe.watching) return
      const { bare, older } = uncovered()
      probe.bare.push(bare)
      probe.older.push(older)
      requestAnimationFrame(step)
    }
    if (on) requestAnimationFrame(step)
  }
  probe.clear = () => { for (const name of ["wheels", "frames", "moves", "bare", "older"]) probe[name].length = 0 }
  probe.spans = spans
})()
"""


@dataclass
class Served:
    """A page in a server process."""

    url: str
    process: subprocess.Popen
    log: Path
    constant: bool  # whether its picture has a size of its own
    home: dict[str, float]  # the extent of the data

    def events(self, kind: str, start: float, end: float) -> list[float]:
        """Return the values that the server noted between two moments (ms since 1970)."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [line["value"] for line in lines if line["kind"] == kind and start <= line["at"] <= end]


@contextmanager
def served(page: str, store: str, by: str | None) -> Iterator[Served]:
    """Serve a page until the block ends."""
    home = dict(zip(("x0", "x1", "y0", "y1"), (to_plot(end) for ends in bv.open(store).home for end in ends), strict=True))
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "loop.jsonl"
        command = [sys.executable, "-m", "benchmarks.pages", page, store, "--port", str(PORT), "--log", str(log)]
        process = subprocess.Popen([*command, *(["--by", by] if by else [])], stderr=subprocess.DEVNULL)
        try:
            while not (log.exists() and "listening" in log.read_text()):
                if process.poll() is not None:
                    raise RuntimeError(f"the server of the page {page!r} ended")
                time.sleep(0.2)
            yield Served(f"http://localhost:{PORT}/", process, log, page == "stock-constant", home)
        finally:
            process.terminate()
            process.wait()


def opened(browser: Any, one: Served) -> Any:
    """Return the page, loaded, with the probe attached."""
    page = browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]})
    page.add_init_script(PROBE)
    page.goto(one.url)
    page.wait_for_function("() => window.Bokeh?.documents?.length && window.probe.attach()", timeout=240_000)
    page.evaluate("([anysize, home]) => { Object.assign(probe, { anysize, home }) }", [one.constant, one.home])
    settle(page, 4.0)
    return page


def settle(page: Any, quiet: float = 0.8, most: float = 30.0) -> None:
    """Wait until no new picture has come for a while."""
    count, since, end = -1, time.monotonic(), time.monotonic() + most
    while time.monotonic() < end and time.monotonic() - since < quiet:
        found = page.evaluate("() => probe.frames.length")
        if found != count:
            count, since = found, time.monotonic()
        page.wait_for_timeout(50)


def tick(page: Any, one: Served, delta: int, place: tuple[int, int], quiet: float) -> dict[str, Any]:
    """Turn the wheel by one notch and return what came of it."""
    page.mouse.move(*place)
    settle(page, 0.3)
    page.evaluate("() => probe.clear()")
    page.mouse.wheel(0, delta)
    settle(page, quiet)
    found = page.evaluate("() => ({ wheels: probe.wheels, frames: probe.frames, origin: performance.timeOrigin, spans: probe.spans() })")
    good = [entry for entry in found["frames"] if entry["fits"]]
    start = found["wheels"][0]
    began = found["origin"] + start
    until = began + 1e3 * quiet
    times: dict[str, Any] = {"frames": len(found["frames"])}
    if good:
        until = found["origin"] + good[0]["at"] + 50
        times |= {"data": good[0]["at"] - start, "painted": good[0].get("painted", np.nan) - start}
        exact = [entry for entry in good if not entry["approximate"]]
        times |= {"exact": exact[0]["at"] - start if exact else np.nan}
    times["bytes"] = sum(one.events("bytes", began, began + 1e3 * quiet))
    times["paint"] = next(iter(one.events("paint", began, began + 1e3 * quiet)), np.nan)
    times["blocked"] = max(one.events("late", began, until), default=0.0)
    return times


def drag(page: Any, one: Served) -> dict[str, Any]:
    """Drag the map at half a screen a second, and back, and return how many pictures came and how much was bare of data that are there."""
    wide, high = SIZE
    y = high // 2
    page.mouse.move(int(wide * 0.75), y)
    settle(page, 0.5)
    page.evaluate("() => probe.clear()")
    page.mouse.down()
    page.evaluate("() => probe.watch(true)")
    began = time.time() * 1e3
    start, seconds = time.monotonic(), 3.0
    while (passed := time.monotonic() - start) < seconds:  # a triangle: there and back
        away = min(passed, seconds - passed) * wide / 2
        page.mouse.move(int(wide * 0.75 - min(away, wide * 0.6)), y + int(0.2 * away))
        page.wait_for_timeout(16)
    ended = time.time() * 1e3
    page.evaluate("() => probe.watch(false)")
    page.mouse.up()
    found = page.evaluate("() => ({ moves: probe.moves.length, frames: probe.frames.length, bare: probe.bare, older: probe.older })")
    settle(page, 0.8)
    bare, older = found["bare"] or [0.0], found["older"] or [0.0]
    return {
        "steps": found["moves"],
        "frames": found["frames"],
        "frames a second": found["frames"] / ((ended - began) / 1e3),
        "bare mean": float(np.mean(bare)),
        "bare max": float(np.max(bare)),
        "older picture mean": float(np.mean(older)),
        "older picture max": float(np.max(older)),
        "blocked": max(one.events("late", began, ended), default=0.0),
        "bytes a frame": sum(one.events("bytes", began, ended)) / max(1, found["frames"]),
    }


def measured(browser: Any, name: str, store: str, by: str | None, ticks: int) -> dict[str, Any]:
    """Return what one page does."""
    quiet = 5.0 if name.startswith("stock") else 1.5
    with served(name, store, by) as one:
        page = opened(browser, one)
        places = [(560, 300), (620, 250), (500, 380)]
        lines = []
        for number in range(ticks):
            inward = number < (ticks + 1) // 2
            if number == (ticks + 1) // 2:  # where the map is closest, it goes on at every side
                moved = drag(page, one)
            lines.append(tick(page, one, -120 if inward else 120, places[(number if inward else ticks - 1 - number) % 3], quiet))
        page.close()
    return {"page": name, "ticks": lines, "drag": moved}


def summary(one: dict[str, Any]) -> dict[str, float]:
    """Return the figures of a page: medians, and the 95th percentile of the times."""
    lines = one["ticks"]
    column = {name: np.array([line.get(name, np.nan) for line in lines], float) for name in ("data", "painted", "exact", "bytes", "blocked")}
    seen = ~np.isnan(column["data"])
    found = {"ticks": len(lines), "answered": int(seen.sum())}
    for name in ("data", "painted", "exact"):
        values = column[name][~np.isnan(column[name])]
        found |= {
            f"{name} median": float(np.median(values)) if len(values) else np.nan,
            f"{name} p95": float(np.quantile(values, 0.95)) if len(values) else np.nan,
        }
    found |= {
        "kB a tick": float(np.median(column["bytes"])) / 1e3,
        "loop blocked median": float(np.median(column["blocked"])),
        "loop blocked max": float(column["blocked"].max()),
    }
    return found | {f"drag {name}": value for name, value in one["drag"].items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store")
    parser.add_argument("--pages", nargs="+", default=["constant", "explorer", "stock"])
    parser.add_argument("--by")
    parser.add_argument("--ticks", type=int, default=14)
    parser.add_argument("--chromium", default=shutil.which("chromium") or shutil.which("google-chrome"), help="the browser's program")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    with playing() as playwright, launch(playwright, given.chromium) as browser:
        found = [measured(browser, name, given.store, given.by, given.ticks) for name in given.pages]
    figures = {one["page"]: summary(one) for one in found}
    for name in next(iter(figures.values())):
        print(f"{name:24}" + "".join(f"{figures[page][name]:>16,.2f}" for page in figures))
    if given.out:
        given.out.write_text(json.dumps({"figures": figures, "pages": found}, indent=1))


if __name__ == "__main__":
    main()
