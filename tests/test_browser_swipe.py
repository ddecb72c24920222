"""Two matrices with a divider, and the means beside the map, as a visitor meets them in Chromium."""

import re
from collections.abc import Iterator

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

import bigview as bv
from bigview.matrixspec import MatrixSpec
from tests.servers import serving

# The colour that the page has at a share of the map's width: of what is painted over it at the right of the divider, where there is anything.
PAINTED = """(share) => {
  const find = (root, name) => {
    for (const one of root.querySelectorAll('*')) {
      if (one.matches(name)) return one
      const found = one.shadowRoot && find(one.shadowRoot, name)
      if (found) return found
    }
  }
  const over = find(document, 'canvas.swiped'), map = find(document, '.map').getBoundingClientRect(), box = over.getBoundingClientRect()
  const x = map.left - box.left + share * map.width, y = map.top - box.top + map.height * 0.25
  return [...over.getContext('2d').getImageData(x * devicePixelRatio, y * devicePixelRatio, 1, 1).data]
}"""


@pytest.fixture(scope="module")
def url(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a pair: one of zeros, and one of ones and twos."""
    folder = tmp_path_factory.mktemp("swipe")
    other = np.ones((60, 60))
    other[:, 30:] = 2
    for name, cells in (("one", np.zeros((60, 60))), ("other", other)):
        bv.build_matrix(cells, folder / f"{name}.bv", title=name.title(), quiet=True)
    with serving(str(folder / "one.bv"), str(folder / "other.bv"), "--compare") as address:
        yield address


@pytest.fixture
def pair(page, url):
    """Return the page of the pair."""
    page.set_default_timeout(15_000)
    page.goto(url)
    page.locator(".in-view", has_text="×").wait_for(timeout=30_000)
    page.locator(".divider").wait_for()
    page.wait_for_function(f"() => ({PAINTED})(0.9)[3] === 255")
    return page


def test_the_divider_is_dragged_and_stays_where_the_link_says(pair, console):
    divider = pair.locator(".divider")
    assert divider.get_attribute("aria-valuenow") == "50"
    assert pair.evaluate(PAINTED, 0.4)[3] == 0, "at its left the plot is seen"
    grip, map_ = pair.locator(".grip").bounding_box(), pair.locator(".map").bounding_box()
    x, y = grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2
    pair.mouse.move(x, y)
    pair.mouse.down()
    pair.mouse.move(x - 0.25 * map_["width"], y, steps=4)
    pair.mouse.up()
    expect(divider).to_have_attribute("aria-valuenow", "25")
    assert pair.evaluate(PAINTED, 0.4)[3] == 255
    assert pair.evaluate(PAINTED, 0.4) != pair.evaluate(PAINTED, 0.9)
    divider.focus()
    for key, value in (("ArrowRight", "27"), ("PageUp", "37"), ("End", "100"), ("Home", "0"), ("Shift+ArrowRight", "10")):
        pair.keyboard.press(key)
        expect(divider).to_have_attribute("aria-valuenow", value)
    assert "One" in divider.get_attribute("aria-label")
    pair.wait_for_url(lambda address: "spec=" in address and MatrixSpec.from_query(address.partition("?")[2]).swipe == 0.1)
    pair.reload()
    divider.wait_for()
    assert divider.get_attribute("aria-valuenow") == "10"
    assert not Axe().run(pair, options={"runOnly": ["wcag2a", "wcag2aa"]}).response["violations"]
    assert console.errors == []


def test_hover_tells_both_and_the_means_are_drawn(pair, console):
    map_ = pair.locator(".map").bounding_box()
    pair.mouse.move(map_["x"] + 0.7 * map_["width"], map_["y"] + 0.3 * map_["height"])
    pair.locator(".hover", has_text=re.compile(r"One\s*0\s*Other\s*2")).wait_for()
    means = pair.get_by_role("button", name="Means")
    wide = pair.locator(".beside.rows").bounding_box()["width"]
    means.click()
    pair.wait_for_function("(button) => button.getAttribute('aria-pressed') === 'true'", arg=means.element_handle())
    assert pair.locator(".beside.rows").bounding_box()["width"] > wide + 30
    assert console.errors == []


def test_difference_ratio_and_log_ratio_are_pages_of_their_own(pair, console):
    for label, how, right in (("ratio", "ratio", "0"), ("log ratio", "log_ratio", "missing"), ("difference", "difference", "-2")):
        pair.get_by_role("combobox", name="Show", exact=True).click()
        pair.locator("li", has_text=re.compile(f"^{label}$")).click()
        pair.wait_for_url(lambda address, how=how: "spec=" in address and MatrixSpec.from_query(address.partition("?")[2]).how in (how, None))
        pair.locator(".legend h2", has_text={"ratio": "÷", "log ratio": "log₂", "difference": "−"}[label]).wait_for()
        pair.locator(".in-view", has_text="×").wait_for()
        map_ = pair.locator(".map").bounding_box()
        pair.mouse.move(map_["x"] + 0.7 * map_["width"], map_["y"] + 0.3 * map_["height"])
        pair.locator(".hover h2", has_text=re.compile(rf"^{label} {right}$")).wait_for()
        pair.mouse.move(2, 2)
    pair.reload()
    pair.get_by_role("combobox", name="Show", exact=True).get_by_text("difference").wait_for()
    assert console.errors == []
