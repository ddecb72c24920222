"""The second map as a visitor meets it: in Chromium, by mouse and by keyboard."""

import re

import numpy as np
import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe

from bigview.build.points import build_points
from bigview.chart import Chart
from bigview.state import Spec
from bigview.stores import open as open_store
from tests.explorers import in_view, opened, until

ROWS = 30_000


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    rng = np.random.default_rng(2)
    table = pd.DataFrame({name: rng.normal(size=ROWS) for name in ("x", "y", "price", "area")})
    table["kind"] = pd.Categorical(rng.choice(["a", "b"], ROWS))
    path = str(tmp_path_factory.mktemp("maps") / "a.bv")
    build_points(table, path, x="x", y="y", quiet=True, indexes=[("price", "area")])
    return path


@pytest.fixture
def panel(page, url):
    """Return a page with the panel open and two second maps, one with an index."""
    page.set_default_timeout(30_000)
    opened(page, url)
    page.get_by_role("button", name="Charts", exact=True).click()
    page.get_by_label("Kind of chart").select_option("map")
    for number, columns in enumerate((("price", "area"), ("price", "y")), 1):
        for place, name in enumerate(columns, 1):
            page.get_by_label(f"Column {place}").select_option(name)
        page.get_by_role("button", name="Add", exact=True).click()
        page.locator(".second").nth(number - 1).wait_for()
    return page


def _chart(page, title: str):
    return page.get_by_role("region", name=title)


def test_a_rectangle_on_a_second_map_filters_all_others(panel, store):
    page, points = panel, open_store(store)
    exact, rough = _chart(page, "price × area"), _chart(page, "price × y")
    assert f"{ROWS:,} rows" in exact.inner_text()
    assert exact.locator(".badge").count() == 0
    assert "sample of" in rough.locator(".badge").inner_text()
    assert f"bigview index {store} --x price --y y makes it exact" in rough.inner_text()
    frame = exact.locator(".second")
    frame.scroll_into_view_if_needed()
    area = frame.bounding_box()
    page.mouse.move(area["x"] + 0.5 * area["width"], area["y"] + 0.1 * area["height"])
    page.mouse.down()
    page.mouse.move(area["x"] + 0.95 * area["width"], area["y"] + 0.9 * area["height"], steps=3)
    page.mouse.up()
    until(page, lambda: 0 < in_view(page) < 0.7 * ROWS, "the rows of the rectangle")
    [chart] = [chart for chart in _spec(page).charts if chart.brush]
    assert in_view(page) == points.count(where=chart.brush)
    assert exact.locator(".area").is_visible()
    assert f"{ROWS:,} rows" in exact.inner_text(), "a chart never filters itself"
    until(page, lambda: _rows(rough) < 0.7 * ROWS, "the other map follows")
    exact.get_by_role("button", name="Clear price × area").click()
    until(page, lambda: in_view(page) == ROWS, "all rows")


def test_a_second_map_by_keyboard_and_for_everyone(panel):
    page = panel
    chart = _chart(page, "price × area")
    frame = chart.locator(".second")
    frame.focus()
    page.keyboard.press("+")
    chart.get_by_role("button", name="Show all of price × area").wait_for()
    until(page, lambda: _rows(chart) < ROWS, "a part of the map")
    before = _rows(chart)
    page.keyboard.press("ArrowRight")
    until(page, lambda: _rows(chart) != before, "another part")
    page.keyboard.press("0")
    until(page, lambda: _rows(chart) == ROWS, "all of it again")
    frame.hover()
    page.mouse.wheel(0, -300)
    until(page, lambda: _rows(chart) < ROWS, "a part of the map by the wheel")
    chart.get_by_role("button", name="Show all of price × area").click()
    until(page, lambda: _rows(chart) == ROWS, "all of it by the button")
    found = Axe().run(page).response["violations"]
    assert [(one["impact"], one["id"], one["nodes"][0]["html"][:200]) for one in found] == []


def _rows(chart) -> int:
    return int(re.search(r"([\d,]+) rows", chart.inner_text())[1].replace(",", ""))


def _spec(page):
    found = []

    def linked() -> bool:
        found[:] = [Spec.from_query(page.url.split("?", 1)[1])] if "?" in page.url else []
        return bool(found) and any(chart.brush for chart in found[0].charts)

    until(page, linked, "the brush in the address")
    return found[0]


def test_a_rectangle_of_a_density_by_keyboard_and_a_second_map_after_a_reload(page, url, store):
    charts = [Chart("density", ("price", "area")), Chart("map", ("price", "area"))]
    page.set_default_timeout(30_000)
    page.goto(f"{url}?{Spec(charts=charts).to_query()}")
    page.locator(".in-view", has_text=re.compile(r"\d")).wait_for(timeout=120_000)
    grid = page.locator(".grid")
    grid.focus()
    for key in ["ArrowUp"] * 20 + ["ArrowRight"] * 20 + ["Shift+ArrowUp"] * 8 + ["Shift+ArrowRight"] * 8 + ["Enter"]:
        page.keyboard.press(key)
    until(page, lambda: 0 < in_view(page) < ROWS, "the rows of the rectangle")
    assert in_view(page) == open_store(store).count(where=_spec(page).charts[0].brush)
    entries = page.evaluate("history.length")
    page.locator(".second").focus()
    tip = page.locator(".second ~ .tip").first
    for key in ("+", "+", "ArrowRight"):
        link, text = page.url, tip.inner_text()
        page.keyboard.press(key)
        until(page, lambda link=link, text=text: page.url != link and tip.inner_text() != text, "a view that is in the link")
    assert page.evaluate("history.length") == entries, "moving about is no step of the history"
    wanted, shown = _spec(page), tip.inner_text()
    page.reload()
    until(page, lambda: tip.count() and tip.inner_text() == shown, "the same view")
    assert _spec(page) == wanted
    until(page, page.locator(".grid .area").is_visible, "the rectangle")


def test_the_other_charts_follow_while_the_brush_is_held(page, url, store):
    charts = [Chart("histogram", ("price",)), Chart("bars", ("kind",)), Chart("histogram", ("area",))]
    page.set_default_timeout(30_000)
    page.goto(f"{url}?{Spec(charts=charts).to_query()}")
    price, kind = _chart(page, "price"), _chart(page, "kind")
    counts = kind.locator(".bar .soft")
    counts.first.wait_for()
    plot = price.locator(".plot")
    plot.scroll_into_view_if_needed()
    area = plot.bounding_box()
    middle = area["y"] + area["height"] / 2
    page.mouse.move(area["x"] + 0.4 * area["width"], middle)
    page.mouse.down()
    seen = [int(text.replace(",", "")) for text in counts.all_inner_texts()]
    assert sum(seen) == ROWS
    for share in (0.5, 0.6):
        before = counts.all_inner_texts()
        page.mouse.move(area["x"] + share * area["width"], middle)
        until(page, lambda before=before: counts.all_inner_texts() != before, "counts under the brush that is held")
        assert plot.get_attribute("data-held") == "yes", "the chart under the hand stays"
    page.mouse.up()
    points = open_store(store)

    def brushed() -> int:  # the address may still hold the brush before
        return points.count(where=next(chart.brush for chart in _spec(page).charts if chart.brush))

    until(page, lambda: sum(int(text.replace(",", "")) for text in counts.all_inner_texts()) == brushed(), "those of the last brush")
    assert plot.evaluate("(plot) => plot.matches(':focus') && getComputedStyle(plot).outlineStyle") == "none", "a ring is for the keyboard"
    kind.locator(".bar").first.focus()
    page.keyboard.press("Enter")
    until(page, lambda: kind.locator('.bar[aria-pressed="true"]').count() == 1, "a bar chosen by keyboard")
    assert kind.locator(".bar").first.evaluate("(bar) => bar.getRootNode().activeElement === bar"), "the focus stays"


FOCUSED = """() => {
  let found = document.activeElement
  while (found.shadowRoot?.activeElement) found = found.shadowRoot.activeElement
  return found.getAttribute("aria-label")
}"""


def _three(page, url):
    charts = [Chart("histogram", ("price",)), Chart("bars", ("kind",)), Chart("histogram", ("area",))]
    page.set_default_timeout(30_000)
    page.goto(f"{url}?{Spec(charts=charts).to_query()}")
    _chart(page, "kind").locator(".bar").first.wait_for()
    _chart(page, "area").locator(".plot").wait_for()


def test_the_focus_stays_where_charts_come_and_go(page, url):
    _three(page, url)
    charts = page.locator(".chart")
    plot = _chart(page, "area").locator(".plot")
    plot.focus()
    page.keyboard.press("ArrowLeft")
    clear = _chart(page, "area").get_by_role("button", name="Clear area")
    clear.focus()
    page.keyboard.press("Enter")
    until(page, lambda: clear.count() == 0 and page.evaluate(FOCUSED) == "Range of area", "the focus in the chart whose brush is gone")
    page.get_by_role("button", name="Remove the chart price").evaluate("(button) => button.click()")
    until(page, lambda: charts.count() == 2, "a chart less")
    assert page.evaluate(FOCUSED) == "Range of area", "who stands behind a chart that goes keeps the focus"
    page.get_by_role("button", name="Remove the chart kind").focus()
    page.keyboard.press("Enter")
    until(page, lambda: page.evaluate(FOCUSED) == "Remove the chart area", "the focus at the next chart")
    page.keyboard.press("Enter")
    until(page, lambda: charts.count() == 0 and page.evaluate("document.activeElement !== document.body"), "the focus where charts are added")


def test_what_is_pressed_or_ahead_of_the_counts_is_not_drawn_anew(page, url):
    _three(page, url)
    bar, plot = _chart(page, "kind").locator(".bar").first, _chart(page, "price").locator(".plot")
    bar.scroll_into_view_if_needed()
    bar.hover()
    page.mouse.down()
    area = _chart(page, "area").locator(".plot")
    area.focus()
    area.press("ArrowLeft")
    clear = _chart(page, "area").get_by_role("button", name="Clear area")
    clear.wait_for()
    page.mouse.up()
    until(page, lambda: _chart(page, "kind").locator('.bar[aria-pressed="true"]').count() == 1, "a bar pressed while counts came")
    plot.click(button="right", position={"x": 40, "y": 20})
    assert plot.get_attribute("data-held") is None, "the menu is no brush"
    ends = plot.evaluate(
        """(plot) => {
          const model = Bokeh.documents.flatMap((doc) => [...doc._all_models.values()]).find((one) => Array.isArray(one.data?.charts))
          const press = () => plot.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft", bubbles: true }))
          press()
          model.data.charts = model.data.charts.map((chart) => ({ ...chart, more: "older counts" }))
          press()
          return [plot.isConnected, plot.querySelector(".brush").getAttribute("width")]
        }"""
    )
    assert ends == [True, str(300 / 48 * 46)], "an answer to an older step takes no step back"
    until(page, lambda: any(chart.columns == ("price",) and chart.brush for chart in _spec(page).charts), "the brush in the address")
    until(page, lambda: _chart(page, "price").locator(".brush").get_attribute("width") == str(300 / 48 * 46), "the same brush in the end")
