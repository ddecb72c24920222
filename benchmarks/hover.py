"""From the pointer's move to the record under it, in a real Chromium: at the whole map, and closer and closer.

    python -m benchmarks.hover STORE [--by COLUMN] [--places 20] [--zooms 0 4 8] [--out hover.json]

A place's time runs from the last pointermove event in the page until the card beside the pointer has other words: `first` with the record's numbers
and categories, `whole` with its texts too. Places are those of rows of a random sample. All times come from the browser's clock.
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

import bigview as bv
from benchmarks.browser import SIZE, opened, served, settle
from bigview.views.picture import to_plot
from tests.browser import launch, playing

PROBE = """() => {
  const inside = (root) => [...root.querySelectorAll('*')].map((one) => one.shadowRoot && deep(one.shadowRoot)).find(Boolean)
  const deep = (root) => root.querySelector('.card.hover') ?? inside(root)
  const card = deep(document), hover = (window.hover = { moved: 0, first: 0, whole: 0 })
  const move = () => { Object.assign(hover, { moved: performance.now(), first: 0, whole: 0 }) }
  window.addEventListener('pointermove', move, { capture: true })
  new MutationObserver(() => {
    if (card.hidden || !card.textContent) return
    hover.first ||= performance.now()
    if (!hover.whole && card.querySelector('h2')?.textContent !== '…') hover.whole = performance.now()
  }).observe(card, { childList: true, attributes: true, subtree: true })
}"""
RANGES = """() => {
  const figure = Bokeh.documents.flatMap((doc) => [...doc._all_models.values()]).find((model) => model.type === 'Figure')
  return [figure.x_range.start, figure.x_range.end, figure.y_range.start, figure.y_range.end, figure.inner_width, figure.inner_height]
}"""
CARDS = 290  # pixels at the left that lie under the cards


def at(page: Any, x: float, y: float) -> tuple[float, float]:
    """Return the pixel of a place."""
    x0, x1, y0, y1, width, height = page.evaluate(RANGES)
    return (x - x0) / (x1 - x0) * width, (y1 - y) / (y1 - y0) * height


def clear(pixel: tuple[float, float], gap: float) -> bool:
    """Tell whether a pixel is away from the cards and the edges."""
    return CARDS + gap < pixel[0] < SIZE[0] - gap and 60 + gap < pixel[1] < SIZE[1] - 60 - gap


def pointed(page: Any, places: np.ndarray, most: int) -> list[dict[str, float]]:
    """Return the times of the places that can be seen, ms."""
    found: list[dict[str, float]] = []
    for x, y in places:
        left, top = at(page, x, y)
        if len(found) == most:
            break
        if not clear((left, top), 20):
            continue
        page.mouse.move(SIZE[0] - 4, 4)  # away, so that the card goes
        page.wait_for_timeout(150)
        page.mouse.move(left, top)
        try:
            page.wait_for_function("() => hover.whole > 0", timeout=10_000)
        except Exception:  # noqa: BLE001  a place without a record in reach
            continue
        told = page.evaluate("() => hover")
        found.append({name: told[name] - told["moved"] for name in ("first", "whole")})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store")
    parser.add_argument("--by")
    parser.add_argument("--places", type=int, default=20)
    parser.add_argument("--zooms", type=int, nargs="+", default=[0, 4, 8], help="steps of the wheel from the whole map")
    parser.add_argument("--chromium", default=shutil.which("chromium") or shutil.which("google-chrome"), help="the browser's program")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    store = bv.open(given.store)
    axes = [store.manifest.x.column, store.manifest.y.column]
    rows = store.rows(columns=axes, sample=True, limit=4000).dropna()
    places = np.column_stack([[to_plot(value) for value in rows[name]] for name in axes])
    figures: dict[str, dict[str, float]] = {}
    with playing() as playwright, launch(playwright, given.chromium) as browser, served("explorer", given.store, given.by) as one:
        page = opened(browser, one)
        page.evaluate(PROBE)
        done = 0
        for zoom in sorted(given.zooms):
            middle = next(
                place for place in (at(page, *spot) for spot in places) if CARDS + 100 < place[0] < SIZE[0] - 100 and 100 < place[1] < SIZE[1] - 100
            )
            page.mouse.move(*middle)
            for _ in range(zoom - done):
                page.mouse.wheel(0, -120)
                page.wait_for_timeout(120)
            done = zoom
            settle(page, 1.5)
            x0, x1, y0, y1, *_ = page.evaluate(RANGES)
            near = store.rows(bv.View((x0, x1), (y0, y1)), columns=axes, sample=True, limit=1000).dropna()
            seen = np.column_stack([[to_plot(value) for value in near[name]] for name in axes])
            times = pointed(page, seen, given.places)
            for name in ("first", "whole"):
                values = [spot[name] for spot in times]
                if values:
                    figures[f"zoom {zoom}, {name}"] = {
                        "median": float(np.median(values)),
                        "p95": float(np.quantile(values, 0.95)),
                        "places": len(values),
                    }
    for name, told in figures.items():
        print(f"{name:24}{told['median']:10.0f} ms{told['p95']:10.0f} ms (95th)  of {told['places']}")
    if given.out:
        given.out.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
