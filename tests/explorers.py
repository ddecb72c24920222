"""What the tests do on the page of an explorer in Chromium."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

RANGES = """() => {
  for (const doc of Bokeh.documents) for (const model of doc._all_models.values())
    if (model.type === 'Figure' || model.type === 'Plot') {
      const {x_range: x, y_range: y} = model
      return {x0: x.start, x1: x.end, y0: y.start, y1: y.end, width: model.inner_width, height: model.inner_height}
    }
}"""
"""The view and the size of the map, in pixels."""
PICTURE = """() => {
  const models = Bokeh.documents.flatMap((doc) => [...doc._all_models.values()])
  const figure = models.find((model) => model.type === 'Figure')
  const source = figure.renderers.map((one) => one.data_source).find((one) => one.data.image)
  const [image] = source.data.image, bytes = new Uint8Array(image.buffer, image.byteOffset, image.byteLength)
  let text = ''
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768))
  const {x_range: x, y_range: y, inner_width: width, inner_height: height} = figure
  return {shape: image.shape, bytes: btoa(text), view: [x.start, x.end, y.start, y.end, width, height]}
}"""
"""The picture as the browser has it, and its view."""
DIGEST = """() => {
  const models = Bokeh.documents.flatMap((doc) => [...doc._all_models.values()])
  const source = models.find((model) => model.type === 'Figure').renderers.map((one) => one.data_source).find((one) => one.data.image)
  const [image] = source.data.image
  let sum = 2166136261
  for (const pixel of image) sum = Math.imul(sum ^ pixel, 16777619)
  return source.tags.length ? null : `${image.shape} ${sum >>> 0}`
}"""
"""What stands for the picture's pixels; null while it is approximate."""


def opened(page: "Page", url: str) -> None:
    """Open the explorer of points, and wait until it tells how many rows are in view."""
    page.goto(url)
    page.locator(".in-view", has_text=re.compile(r"\d")).wait_for(timeout=120_000)


def until(page: "Page", done: Callable[[], object], what: str) -> None:
    """Wait until something is done."""
    for _ in range(600):
        if done():
            return
        page.wait_for_timeout(50)
    pytest.fail(f"waited in vain for {what}")


def pixel(page: "Page", x: float, y: float) -> tuple[float, float]:
    """Return where a place of the map stands on the page."""
    r = page.evaluate(RANGES)
    return (x - r["x0"]) / (r["x1"] - r["x0"]) * r["width"], (r["y1"] - y) / (r["y1"] - r["y0"]) * r["height"]


def turned(page: "Page", ticks: int, step: float = -300) -> None:
    """Turn the wheel, a tick at a time: of ticks that come together Bokeh makes one, and zooms to another place."""
    for _ in range(ticks):
        before = page.evaluate(RANGES)
        page.mouse.wheel(0, step)
        until(page, lambda before=before: page.evaluate(RANGES) != before, "the map to follow the wheel")


def settled(page: "Page") -> str:
    """Return the digest of the exact picture once it stays."""
    found: list[str] = []

    def same() -> bool:
        found[:] = [*found[-2:], page.evaluate(DIGEST)]
        return len(found) == 3 and found[0] is not None and found[0] == found[1] == found[2]

    until(page, same, "a picture that stays")
    return found[0]


def nothing_bars(page: "Page", settle: Callable[[], object]) -> None:
    """Assert that axe-core finds nothing to mend on a page as it stands, first in the dark, then in the light."""
    for light in (False, True):
        if light:
            page.get_by_role("button", name="Light or dark").click()
            page.locator(".stage.light").wait_for()
            page.mouse.move(640, 790)  # the button's tip would lie on its neighbour
        settle()
        found = Axe().run(page).response["violations"]
        assert [(one["impact"], one["id"], one["nodes"][0]["html"][:200]) for one in found] == [], "light" if light else "dark"


def in_view(page: "Page") -> int:
    """Return the number of rows in view, as the page tells it; -1 while it does not know."""
    text = page.locator(".in-view").inner_text()
    return -1 if text == "…" else int(text.replace(",", ""))
