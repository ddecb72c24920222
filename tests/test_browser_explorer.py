"""The explorer as a visitor meets it: served by the command line, driven in Chromium."""

import base64
import re

import numpy as np
import pandas as pd
import pytest

from bigview.build.points import build_points
from bigview.raster.frame import frame
from bigview.spec import Style, View
from bigview.state import Spec
from bigview.stores import open as open_store
from tests.explorers import DIGEST, PICTURE, RANGES, in_view, nothing_bars, opened, pixel, settled, turned, until
from tests.servers import serving

ROWS = 20_000
LONE = (5.0, 6.0)  # a row with no other near it
EVIL = "<script>window.hacked=1</script><img src=x onerror='window.hacked=2'>"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a store with three clusters, one lone row far from them, and markup wherever a text can be."""
    rng = np.random.default_rng(4)
    which = rng.integers(0, 3, ROWS - 1)
    centers = np.array([[-4.0, 0.0], [4.0, 1.0], [0.0, 5.0]])
    places = np.vstack([centers[which] + rng.normal(size=(ROWS - 1, 2)), [LONE]]).astype(np.float32)
    kinds = np.array([f"a{EVIL}", "b & <b>bold</b>", "c"])
    table = pd.DataFrame(
        {
            "x": places[:, 0],
            "y": places[:, 1],
            "kind": pd.Categorical(np.append(kinds[which], "c")),
            "score": rng.random(ROWS).astype(np.float32),
            "text": [f"{row} {EVIL}" for row in range(ROWS)],
            f"column{EVIL}": [f"cell {row} {EVIL}" for row in range(ROWS)],
        }
    )
    folder = tmp_path_factory.mktemp("explorer")
    table.to_parquet(folder / "points.parquet")
    build_points(str(folder / "points.parquet"), str(folder / "points.bv"), x="x", y="y")
    return str(folder / "points.bv")


@pytest.fixture
def explorer(page, url):
    """Return a page that shows the whole map."""
    page.set_default_timeout(20_000)
    opened(page, url)
    return page


def _colour(page, by: str) -> None:
    """Choose what gives the colours, and wait until the menu no longer lies on the map."""
    page.get_by_role("combobox").first.click()
    page.get_by_role("menuitem", name=by, exact=True).click()
    page.locator(".MuiBackdrop-root").wait_for(state="detached")


def test_the_browser_draws_the_frame_pixel_by_pixel(explorer, store):
    """Tones become colours and lone rows grow in the browser, by the same arithmetic as everywhere else."""
    page = explorer

    def same(style: Style) -> bool:
        shown = page.evaluate(PICTURE)
        x0, x1, y0, y1, width, height = shown["view"]
        wanted = frame(open_store(store), View((x0, x1), (y0, y1), width, height), style).rgba
        got = np.frombuffer(base64.b64decode(shown["bytes"]), np.uint32)
        return shown["shape"] == list(wanted.shape) and (got.reshape(wanted.shape) == wanted).all()

    for zooms in (0, 4):
        page.mouse.move(*pixel(page, -4.0, 0.5))
        turned(page, zooms, -120)
        for by in ("Density", "score", "kind"):
            _colour(page, by)
            style = Style(by=None if by == "Density" else by)
            until(page, lambda style=style: same(style), f"the pixels of the frame after {zooms} ticks, coloured by {by}")


def test_zoom_pan_color_hover_click(explorer, store):
    page = explorer
    assert in_view(page) == ROWS
    page.mouse.move(*pixel(page, *LONE))
    turned(page, 3)
    until(page, lambda: in_view(page) < ROWS, "fewer rows after zooming in")
    before, counted = page.evaluate(RANGES), in_view(page)
    page.mouse.move(*pixel(page, *LONE))
    page.mouse.down()
    for step in range(5):
        page.mouse.move(*np.add(pixel(page, *LONE), (-20, 10 + step)))
    page.mouse.up()
    until(page, lambda: page.evaluate(RANGES)["x0"] > before["x0"], "another place after dragging")
    until(page, lambda: in_view(page) != counted, "another count after dragging")
    page.mouse.move(*pixel(page, *LONE))
    page.locator(".hover", has_text=f"{ROWS - 1} <script>").wait_for()
    page.mouse.click(*pixel(page, *LONE))
    record = page.locator(".record")
    record.get_by_text(f"{ROWS - 1:}", exact=False).first.wait_for()
    truth = open_store(store).nearest(*LONE)
    shown = dict(zip(record.locator("dt").all_inner_texts(), record.locator("dd").all_inner_texts(), strict=True))
    assert shown["text"] == truth["text"].iloc[0]
    assert shown["score"] == str(truth["score"].iloc[0])
    assert set(shown) == set(open_store(store).columns)
    _colour(page, "score")
    page.locator(".legend .bar").wait_for()
    assert page.evaluate("window.hacked") is None


def test_text_from_the_data_is_never_markup(explorer):
    page = explorer
    page.locator(".ranks .name", has_text=EVIL).wait_for()
    page.mouse.click(*pixel(page, *LONE))
    page.locator(".record dt", has_text=f"column{EVIL}").wait_for()
    page.locator(".record dd", has_text=f"cell {ROWS - 1} {EVIL}").wait_for()
    page.wait_for_timeout(200)
    assert page.locator(".stage script, .stage img").count() == 0
    assert page.evaluate("window.hacked") is None


def test_keyboard(explorer):
    page = explorer
    page.mouse.click(*pixel(page, *LONE))
    page.locator(".record dt").first.wait_for()
    page.keyboard.press("Escape")
    page.locator(".record").wait_for(state="hidden")
    home = page.evaluate(RANGES)
    page.keyboard.press("ArrowRight")
    until(page, lambda: page.evaluate(RANGES)["x0"] > home["x0"], "the map to move right")
    page.keyboard.press("+")
    until(page, lambda: in_view(page) < ROWS, "the map to come closer")
    page.keyboard.press("0")
    until(page, lambda: page.evaluate(RANGES)["x0"] == pytest.approx(home["x0"]), "the whole map")
    until(page, lambda: in_view(page) == ROWS, "all rows")
    assert "rows in view; densest: " in page.locator(".spoken.view").inner_text()


def test_few_rows_are_marks_at_their_places(explorer):
    page = explorer
    for _ in range(8):
        page.mouse.move(*pixel(page, *LONE))
        turned(page, 1)
    until(page, lambda: in_view(page) == 1, "one row in view")
    marks = """() => { for (const doc of Bokeh.documents) for (const model of doc._all_models.values())
      if (model.type === 'ColumnDataSource' && model.data.size && model.data.size.length) return [model.data.x[0], model.data.y[0]] }"""
    until(page, lambda: page.evaluate(marks) == [*LONE], "a mark at its place")


def test_a_click_in_the_legend_filters_and_can_be_undone(explorer, store):
    page = explorer
    counts = open_store(store).category_counts("kind")
    first, second = page.locator(".rank").nth(0), page.locator(".rank").nth(1)
    first.click()
    until(page, lambda: in_view(page) == counts.iloc[0], "the rows of one category")
    page.locator(".chip .text", has_text=f"kind: {counts.index[0]}").wait_for()
    assert page.locator(".rank").count() == len(counts), "the legend still ranks all"
    second.click(modifiers=["Shift"])
    until(page, lambda: in_view(page) == counts.iloc[:2].sum(), "the rows of two categories")
    page.keyboard.press("Control+z")
    until(page, lambda: in_view(page) == counts.iloc[0], "one category again")
    page.keyboard.press("Control+Shift+Z")
    until(page, lambda: in_view(page) == counts.iloc[:2].sum(), "two again")
    page.locator(".chip .close").click()
    until(page, lambda: in_view(page) == ROWS, "all rows")
    page.locator(".rank").nth(2).focus()
    page.keyboard.press("Enter")
    until(page, lambda: in_view(page) == counts.iloc[2], "the category chosen by key")
    assert "; 1 filter." in page.locator(".spoken.view").inner_text()


def test_tab_stops_at_the_legend_once_and_arrows_walk_through_it(explorer, store):
    page, ranks = explorer, explorer.locator(".rank")
    counts = open_store(store).category_counts("kind")
    focused = "(button) => button.getRootNode().activeElement === button"
    ranks.first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    assert ranks.nth(1).evaluate(focused)
    page.keyboard.press("Enter")
    until(page, lambda: in_view(page) == counts.iloc[1], "the rows of the category")
    until(page, lambda: ranks.nth(1).get_attribute("aria-pressed") == "true", "a legend that says so")
    assert ranks.nth(1).evaluate(focused), "the focus stays"
    page.keyboard.press("Tab")
    assert not any(ranks.nth(place).evaluate(focused) for place in range(ranks.count()))
    page.keyboard.press("Shift+Tab")
    assert ranks.nth(1).evaluate(focused)
    page.keyboard.press("End")
    assert ranks.last.evaluate(focused)


def test_a_button_that_is_pressed_while_the_bar_changes_is_clicked(explorer):
    page = explorer
    box = page.get_by_role("button", name="Records", exact=True).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.locator(".rank").nth(0).evaluate("button => button.click()")
    page.locator(".chip").wait_for()
    page.mouse.up()
    page.locator(".records tbody tr").first.wait_for()


def test_panels_that_are_opened_at_once_are_all_there(explorer):
    page = explorer
    names = ["Filters", "Records", "Charts", "Saved"]
    slow = page.context.new_cdp_session(page)
    slow.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    page.locator(".chips").evaluate("(bar, names) => names.forEach((name) => bar.querySelector(`[aria-label=${name}]`).click())", names)
    try:
        for name in ("filters", "table", "charts", "saved"):
            until(page, lambda name=name: page.locator(f".panel.{name} > *").count() == 1, f"the panel of {name}")
    finally:
        slow.send("Emulation.setCPUThrottlingRate", {"rate": 1})


def test_rescaling_changes_colours_and_their_bar(explorer):
    page = explorer
    _colour(page, "score")
    page.locator(".legend .bar").wait_for()
    bar = page.locator(".ticks").inner_text()
    page.mouse.move(*pixel(page, *LONE))
    turned(page, 6, -200)
    page.get_by_role("button", name="Palette and scale").click()
    page.get_by_role("button", name="View", exact=True).click()
    until(page, lambda: page.locator(".ticks").inner_text() != bar, "a bar of the view's numbers")
    page.get_by_role("button", name="Store", exact=True).click()
    until(page, lambda: page.locator(".ticks").inner_text() == bar, "the store's own bar")


def test_light_and_resized(explorer):
    page = explorer
    page.get_by_role("button", name="Light or dark").click()
    page.locator(".stage.light").wait_for()
    page.set_viewport_size({"width": 390, "height": 800})
    until(page, lambda: page.evaluate(RANGES)["width"] == 390, "the map to take the window's width")
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_a_dense_screen_gets_as_many_pixels(page, url):
    screen = page.context.new_cdp_session(page)
    screen.send("Emulation.setDeviceMetricsOverride", {"width": 640, "height": 480, "deviceScaleFactor": 2, "mobile": False})
    opened(page, url)
    until(page, lambda: page.evaluate(PICTURE)["shape"] == [960, 1280], "a picture with two pixels for each of the page")
    screen.send("Emulation.clearDeviceMetricsOverride")


def test_index_of_several_stores(page, store, chromium):
    with serving(store, store) as index:
        page.goto(index)
        page.get_by_role("link").nth(1).wait_for()
        page.get_by_role("link").nth(1).click()
        page.locator(".in-view", has_text=re.compile(r"\d")).wait_for(timeout=120_000)


def test_a_lasso_selects_and_a_link_brings_it_back(explorer, page, store):
    page = explorer
    page.get_by_role("button", name="Select a box").click()
    dragging = """() => Bokeh.documents.flatMap((doc) => [...doc._all_models.values()])
      .find((model) => model.type === 'Figure').toolbar.active_drag?.type"""
    until(page, lambda: page.evaluate(dragging) == "BoxSelectTool", "the tool in the hand")
    corners = [pixel(page, 3.0, -1.0), pixel(page, 5.0, 2.0)]
    page.mouse.move(*corners[0])
    page.mouse.down()
    for share in (0.3, 0.6, 1.0):
        page.mouse.move(*(np.array(corners[0]) + share * np.subtract(corners[1], corners[0])))
    page.mouse.up()
    chosen = page.locator(".chosen .text", has_text="selected")
    chosen.wait_for()
    until(page, lambda: "spec=" in page.url, "a link")
    spec = Spec.from_query(page.url.partition("?")[2])
    table = open_store(store)
    assert chosen.inner_text() == f"{table.count(where=spec.selected()):,} selected"
    assert 0 < table.count(where=spec.selected()) < ROWS
    assert in_view(page) == ROWS, "the others stay, in grey"
    url, before = page.url, settled(page)
    page.locator(".rank").nth(0).click()
    until(page, lambda: page.url != url and in_view(page) < ROWS, "a link of the filter")
    page.go_back()
    until(page, lambda: in_view(page) == ROWS, "what was before")
    until(page, lambda: page.evaluate(DIGEST) == before, "the same pixels")
    page.reload()
    page.locator(".chosen .text", has_text="selected").wait_for(timeout=30_000)
    until(page, lambda: page.evaluate(DIGEST) == before, "the same pixels after loading the page again")


def test_a_link_that_does_not_fit_says_so(explorer, url):
    page = explorer
    page.goto(url + "?" + Spec(filters=["nothing > 3", "score > 0.5"], fingerprint="other").to_query())
    message = page.locator(".message", has_text="nothing")
    message.wait_for(timeout=30_000)
    assert "built again" in message.inner_text()
    until(page, lambda: 0 < in_view(page) < ROWS, "the filter that fits")
    page.goto(url + "?spec=1.broken")
    page.locator(".message", has_text="link").wait_for(timeout=30_000)
    until(page, lambda: in_view(page) == ROWS, "the whole map")


def test_nothing_bars_people_who_hear_or_use_keys(explorer):
    """axe-core finds nothing to mend, with every panel open."""
    page = explorer
    for name in ("Palette and scale", "Filters", "Records", "Select with a lasso"):
        page.get_by_role("button", name=name, exact=True).click()
    page.locator(".panel.table th").first.wait_for()
    page.mouse.click(*pixel(page, *LONE))
    nothing_bars(page, lambda: page.wait_for_timeout(500))


def test_a_brush_filters_the_map_and_a_saved_selection_brings_it_back(explorer, store):
    page = explorer
    page.get_by_role("button", name="Charts", exact=True).click()
    bars = page.locator(".bar")
    bars.first.wait_for(timeout=20_000)
    counts = open_store(store).category_counts("kind")
    bars.nth(1).click()
    until(page, lambda: in_view(page) == counts.iloc[1], "the rows of the bar")
    assert bars.count() == len(counts), "a chart never filters itself"
    plot = page.locator("svg.plot")
    plot.focus()
    for _ in range(24):
        plot.press("ArrowLeft")
    until(page, lambda: 0 < in_view(page) < counts.iloc[1], "the rows of half of the histogram too")
    page.get_by_role("button", name="Saved", exact=True).click()
    page.get_by_label("Name", exact=True).fill("half <b>a</b> bar")
    page.get_by_label("Name", exact=True).press("Enter")
    page.locator(".saved strong", has_text="half <b>a</b> bar").wait_for(timeout=20_000)
    page.get_by_role("button", name="Clear all filters").click()
    until(page, lambda: in_view(page) == ROWS, "all rows")
    kept = open_store(store).selections().get("half <b>a</b> bar")
    both = open_store(store).count(where=kept.where)
    assert 0 < both < counts.iloc[1]
    page.get_by_role("button", name="Filter half <b>a</b> bar").click()
    until(page, lambda: in_view(page) == both, "what was saved")


UNDER = """() => {
  const figure = Bokeh.documents.flatMap((doc) => [...doc._all_models.values()]).find((model) => model.type === 'Figure')
  const [top, under] = figure.renderers.map((one) => one.data_source).filter((one) => one.data.image)
  const place = ({data}) => ({x: data.x[0], y: data.y[0], dw: data.dw[0], dh: data.dh[0]})
  const t = place(top), u = under.data.image.length ? place(under) : null
  if (u === null) return null
  const [high, wide] = under.data.image[0].shape, pixels = under.data.image[0]
  let inside = 0, outside = 0
  for (let at = 0; at < pixels.length; at++) {
    const x = u.x + (at % wide) * u.dw / wide, y = u.y + Math.floor(at / wide) * u.dh / high
    const touches = x + u.dw / wide > t.x && x < t.x + t.dw && y + u.dh / high > t.y && y < t.y + t.dh
    if (pixels[at]) touches ? inside++ : outside++
  }
  return {inside, outside, wider: u.dw / t.dw, tags: under.tags}
}"""


def test_around_the_newest_picture_stands_an_earlier_one_and_never_under_it(explorer):
    page = explorer
    page.mouse.move(*pixel(page, -4.0, 0.5))
    turned(page, 6, -120)
    until(page, lambda: (page.evaluate(UNDER) or {"wider": 0})["wider"] > 1.5, "an earlier, wider picture")
    found = page.evaluate(UNDER)
    assert found["outside"] > 0
    assert found["inside"] == 0, "nothing shows through the newest picture"
    assert found["tags"] == ["approximate"]
    _colour(page, "Density")
    until(page, lambda: page.evaluate(UNDER) is None, "the earlier picture, of other colours, to go")
