"""The explorer without a mouse: by keys alone, by ear, and by touch."""

import re

import pytest

from bigview.stores import open as open_store
from tests.explorers import RANGES, in_view, opened, pixel, until
from tests.test_browser_ask import LONE, ROWS, store

__all__ = ["store"]

FOCUSED = """() => { let one = document.activeElement; while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement
  const box = one.getBoundingClientRect(), style = getComputedStyle(one), around = one.closest('[class*=MuiSelect], label')
  const ring = (element) => { const found = getComputedStyle(element); return found.outlineStyle !== 'none' || found.boxShadow !== 'none' }
  return {name: one.getAttribute('aria-label') ?? one.textContent.trim().slice(0, 60), kind: one.tagName, wide: box.width, high: box.height,
    seen: ring(one) || style.borderColor !== 'rgba(0, 0, 0, 0)'} }"""


def _walk(page, most: int = 60) -> list[dict]:
    """Return what Tab comes by, from the top of the page."""
    found: list[dict] = []
    for _ in range(most):
        page.keyboard.press("Tab")
        one = page.evaluate(FOCUSED)
        if found and one["kind"] == "BODY":
            break
        found.append(one)
    return found


def test_tab_comes_by_every_control_and_shows_where_it_is(page, url):
    opened(page, url)
    page.get_by_role("button", name="Images", exact=True).wait_for()
    found = _walk(page)
    names = [one["name"] for one in found]
    assert names[0] == "Show the records as a table"
    assert names[1].startswith("Map of ")
    for name in ("Full screen", "Filters", "Records", "Images", "Charts", "Saved", "Move", "Select a box", "Select with a lasso"):
        assert name in names, name
    assert sum(name.split(" ")[0] == "b" or name.startswith(("a<", "c")) for name in names) >= 0
    hidden = [one for one in found if one["wide"] < 8 or one["high"] < 8]
    assert not hidden, hidden


def test_the_table_stands_for_the_map(page, url):
    opened(page, url)
    page.keyboard.press("Tab")
    page.locator(".skip").wait_for()
    page.keyboard.press("Enter")
    page.locator(".records tbody tr").first.wait_for()
    until(page, lambda: page.evaluate(FOCUSED)["kind"] in ("INPUT", "TR"), "the focus in the table")
    page.keyboard.press("Escape")
    page.locator(".records").wait_for(state="hidden")


def test_enter_picks_the_record_in_the_middle_and_escape_gives_the_focus_back(page, url, store):
    opened(page, url)
    page.locator(".stage > .map").focus()
    page.keyboard.press("+")
    page.keyboard.press("ArrowLeft")
    until(page, lambda: 0 < in_view(page) < ROWS, "a part of the map")
    page.wait_for_timeout(300)
    r = page.evaluate(RANGES)
    page.keyboard.press("Enter")
    page.locator(".record dd").first.wait_for()
    near = open_store(store).nearest((r["x0"] + r["x1"]) / 2, (r["y0"] + r["y1"]) / 2)
    shown = dict(zip(page.locator(".record dt").all_inner_texts(), page.locator(".record dd").all_inner_texts(), strict=True))
    assert shown["text"] == near["text"].iloc[0]
    assert page.locator(".spoken").last.inner_text().startswith("Record: ")
    page.get_by_role("button", name="Close the record").focus()
    page.keyboard.press("Escape")
    page.locator(".record").wait_for(state="hidden")
    assert page.evaluate(FOCUSED)["name"].startswith("Map of ")


def test_the_page_says_what_is_in_view(page, url, store):
    opened(page, url)
    said = page.locator(".spoken.view")
    counts = open_store(store).category_counts("kind")
    assert said.inner_text() == f"{ROWS:,} of {ROWS:,} rows in view; densest: {counts.index[0]}, {counts.iloc[0] / ROWS:.0%}."
    page.locator(".rank[data-name=b]").focus()
    page.keyboard.press("Enter")
    until(page, lambda: said.inner_text() == f"{counts['b']:,} of {ROWS:,} rows in view; densest: b, 100%; 1 filter.", "the new sentence")
    page.get_by_role("combobox").first.click()
    page.get_by_role("menuitem", name="Density", exact=True).click()
    until(page, lambda: re.search(r"densest: (upper|lower|middle|the)", said.inner_text()), "where most of them are")


@pytest.fixture
def phone(browser, console, url):
    """Return a page on a phone, and what sends it touches of several fingers."""
    context = browser.new_context(viewport={"width": 412, "height": 840}, has_touch=True, is_mobile=True, device_scale_factor=2)
    page = context.new_page()
    console.watch(page)
    opened(page, url)
    session = context.new_cdp_session(page)

    def touch(kind: str, *fingers: tuple[float, float]) -> None:
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y, "id": one} for one, (x, y) in enumerate(fingers)]})
        page.wait_for_timeout(20)

    yield page, touch
    context.close()
    assert not console.errors


def test_fingers(phone, store):
    page, touch = phone
    assert page.evaluate("innerWidth") == 412, "the page is as wide as the phone"
    home = page.evaluate(RANGES)
    at = pixel(page, -4.0, 0.0)
    touch("touchStart", (at[0] - 20, at[1]), (at[0] + 20, at[1]))
    for wide in range(20, 60, 5):
        touch("touchMove", (at[0] - wide, at[1]), (at[0] + wide, at[1]))
    touch("touchEnd")
    until(page, lambda: 0 < in_view(page) < ROWS, "less of the map")
    span = 0.8 * (home["x1"] - home["x0"])
    until(page, lambda: page.evaluate(RANGES)["x1"] - page.evaluate(RANGES)["x0"] < span, "the map to come closer")
    page.wait_for_timeout(500)
    near = page.evaluate(RANGES)
    before = in_view(page)
    touch("touchStart", (200, 500))
    for far in range(0, 60, 10):
        touch("touchMove", (200 + far, 500 + far))
    touch("touchEnd")
    until(page, lambda: page.evaluate(RANGES)["x0"] < near["x0"] and in_view(page) != before, "the map to follow the finger")
    page.get_by_role("button", name="Whole map (0)").tap()
    until(page, lambda: in_view(page) == ROWS, "the whole map")
    until(page, lambda: page.evaluate(RANGES)["x0"] == pytest.approx(home["x0"]), "the place of the whole map")
    page.wait_for_timeout(500)  # two taps in a row are a double one
    page.touchscreen.tap(*pixel(page, *LONE))
    page.locator(".record dd", has_text=f"{ROWS - 1} ").first.wait_for()
    page.get_by_role("button", name="Close the record").tap()
    page.locator(".record").wait_for(state="hidden")
    page.get_by_role("button", name="Records", exact=True).tap()
    page.locator(".records tbody tr").first.wait_for()
    assert page.locator(".hover").is_hidden(), "a finger that was lifted points at nothing"
    page.locator(".records tbody tr").nth(3).tap()
    page.locator(".record dd").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == 412
