"""Filters and charts in the served page, in a real Chromium on the same processor: from a key to the exact picture and the exact counts.

    python -m benchmarks.asking STORE [--servers 3] [--ticks 8] [--number score] [--other x] [--category label] [--out asking.json]

Each server is a new process whose page has been open for a few seconds, coloured by a category. `cold` is the first filter, on a column that nobody
has read; a `tick` is an arrow key on a slider; a `brush` an arrow key on a histogram, beside which another one and the bars of a category follow; and
the `first brush` is drawn by a hand: it comes to the chart, presses after 300 ms and drags for 400. All times come from the browser's clock.
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from bigview.chart import Chart
from bigview.state import Spec
from tests.browser import launch, playing
from tests.explorers import opened, until
from tests.servers import serving

PROBE = """() => {
  const probe = (window.probe = { log: [], begun: 0 })
  const models = Bokeh.documents.flatMap((one) => [...one._all_models.values()])
  const source = models.find((one) => one.name === "bigview-frame")
  const note = (what) => probe.log.push([performance.now() - probe.begun, what])
  source.properties.data.change.connect(() => note(source.data.facts[0].approximate ? "map badged" : "map exact"))
  const seen = {}
  const charts = models.map((one) => one.data).find((one) => one?.properties?.charts && one.properties.choices)
  charts?.properties.charts.change.connect(() => {
    for (const one of charts.charts) {
      const text = JSON.stringify([one.some, one.badge])
      if (seen[one.title] !== text) note(`${one.title} ${one.badge ? "sampled" : "exact"}`)
      seen[one.title] = text
    }
  })
  const begin = (event) => { probe.begun = event.timeStamp; probe.log.length = 0 }
  for (const kind of ["keydown", "pointerup"]) document.addEventListener(kind, begin, true)
}"""
REST = 2_500  # ms between two questions: nothing of the one before is under way
Log = list[tuple[float, str]]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store")
    parser.add_argument("--servers", type=int, default=3)
    parser.add_argument("--ticks", type=int, default=8)
    parser.add_argument("--number", default="score")
    parser.add_argument("--other", default="x")
    parser.add_argument("--category", default="label")
    parser.add_argument("--chromium", default=shutil.which("chromium") or shutil.which("google-chrome"), help="the browser's program")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    found: dict[str, list[float]] = {}
    with playing() as play, launch(play, given.chromium) as browser:
        for _ in range(given.servers):
            for measure in (filtered, brushed):
                with serving(given.store) as url:
                    page = browser.new_page(viewport={"width": 1280, "height": 1000})
                    page.set_default_timeout(120_000)
                    for name, times in measure(page, url, given).items():
                        if times:  # what is quick has no badged picture
                            found.setdefault(name, []).extend(times)
                    page.close()
    figures = {f"{name}, {what}": float(of(times)) for name, times in found.items() for what, of in (("median", np.median), ("largest", max))}
    for name, times in found.items():
        print(f"{name:50s} {len(times):3d} × median {np.median(times):6.0f} ms, largest {max(times):6.0f}")
    if given.out:
        given.out.write_text(json.dumps({"figures": figures}, indent=1))


def filtered(page: Any, url: str, given: argparse.Namespace) -> dict[str, list[float]]:
    """Time the first filter, on a cold column, and the ticks of a slider."""
    opened(page, url)
    page.wait_for_timeout(2 * REST)
    page.evaluate(PROBE)
    page.get_by_role("button", name="Filters", exact=True).click()
    line = page.get_by_role("combobox", name="SQL")
    line.fill(f"{given.number} > 0.37")
    line.press("Enter")
    log = _after(page)
    times = {"cold filter: badged picture": _first(log, "map badged"), "cold filter: exact picture": _first(log, "map exact")}
    page.locator(".chip button").first.click()
    page.wait_for_timeout(REST)
    page.locator(".panel-filters .head", has_text=given.number).first.click()
    page.get_by_role("group", name=given.number).wait_for()
    page.wait_for_timeout(2 * REST)
    page.get_by_role("slider", name=f"From, {given.number}").focus()
    ticks = []
    for _ in range(given.ticks + 1):
        page.keyboard.press("ArrowRight")
        ticks += _first(_after(page), "map exact")
    return {**times, "first tick of a slider: exact picture": ticks[:1], "tick of a slider: exact picture": ticks[1:]}


def brushed(page: Any, url: str, given: argparse.Namespace) -> dict[str, list[float]]:
    """Time brushes of a chart beside two others."""
    charts = [Chart("bars", (given.category,)), Chart("histogram", (given.number,)), Chart("histogram", (given.other,))]
    opened(page, f"{url}?{Spec(charts=charts).to_query()}")
    chart = page.get_by_role("region", name=given.number, exact=True)
    until(page, lambda: chart.locator(".plot").count() and not page.locator(".chart .badge").count(), "exact counts")
    page.wait_for_timeout(2 * REST)
    page.evaluate(PROBE)
    area = chart.locator(".plot").bounding_box()
    middle = area["y"] + area["height"] / 2
    page.mouse.move(area["x"] + 50, middle)
    page.wait_for_timeout(300)
    page.mouse.down()
    for step in range(8):
        page.mouse.move(area["x"] + 60 + 10 * step, middle)
        page.wait_for_timeout(50)
    page.mouse.up()
    times: dict[str, list[float]] = {}
    _note(times, "first brush", _after(page), given)
    page.mouse.move(10, 10)
    chart.locator(".plot").focus()
    for _ in range(given.ticks):
        page.keyboard.press("ArrowRight")
        _note(times, "brush", _after(page), given)
    return times


def _note(times: dict[str, list[float]], name: str, log: Log, given: argparse.Namespace) -> None:
    """Note when the charts had their last exact counts, in the order in which they came, and the map its picture."""
    charts = sorted(max([0.0, *(at for at, what in log if what == f"{one} exact")]) for one in (given.category, given.other))
    for place, at in enumerate(charts, 1):
        times.setdefault(f"{name}: exact counts of chart {place} beside it", []).append(at)
    maps = [at for at, what in log if what == "map exact"]
    times.setdefault(f"{name}: exact picture of the map", []).extend(maps[-1:])


def _after(page: Any) -> Log:
    page.wait_for_timeout(REST)
    return [(at, what) for at, what in page.evaluate("probe.log")]


def _first(log: Log, what: str) -> list[float]:
    return [at for at, found in log if found == what][:1]


if __name__ == "__main__":
    main()
