"""The explorer of matrices as a visitor meets it: served by the command line, driven in Chromium."""

import base64
import io
import itertools
import re

import numpy as np
import pandas as pd
import pytest

import bigview as bv
from bigview.raster.heat import HeatLook, heat_frame
from bigview.raster.heatlook import first_style
from bigview.spec import View
from tests.explorers import PICTURE, nothing_bars, until
from tests.servers import serving

ROWS, COLS = 100_000, 24
EVIL = "<img src=x onerror='window.hacked=1'>"
LABELS = """() => {
  const find = (root) => {
    for (const one of root.querySelectorAll('*')) {
      if (one.overlay) return one.overlay
      const found = one.shadowRoot && find(one.shadowRoot)
      if (found) return found
    }
  }
  const { labels } = find(document)
  return {texts: labels.texts, rows: labels.rows, cols: labels.cols}
}"""


def values() -> np.ndarray:
    rng = np.random.default_rng(5)
    found = rng.normal(size=(ROWS, COLS)).astype(np.float32)
    found[:, 3] = np.linspace(-3, 3, ROWS)[rng.permutation(ROWS)]
    found[10:20, 5:8] = np.nan
    return found


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a tall store with a hundred thousand names."""
    rows = pd.DataFrame({"weight": np.arange(ROWS)[::-1]}, index=[f"row number {k}" for k in range(ROWS)])
    cols = [EVIL, *(f"sample {k}" for k in range(1, COLS))]
    path = str(tmp_path_factory.mktemp("heatmap") / "matrix.bv")
    bv.build_matrix(values(), path, rows=rows, cols=cols, title=f"A matrix {EVIL}", quiet=True)
    return path


@pytest.fixture
def explorer(page, url):
    """Return a page that shows the whole matrix."""
    page.set_default_timeout(15_000)
    page.goto(url)
    page.locator(".in-view", has_text="×").wait_for(timeout=120_000)
    until(page, lambda: page.evaluate(LABELS)["rows"], "names")
    return page


def _box(page) -> dict[str, float]:
    return page.locator(".map").bounding_box()


def _view(page) -> list[float]:
    return page.evaluate(PICTURE)["view"]


def _in_view(page) -> tuple[int, int]:
    rows, cols = page.locator(".in-view").inner_text().replace(",", "").split("×")
    return int(rows), int(cols)


def _zoom(page, steps: int, x: float = 0.5, y: float = 0.5) -> None:
    box, before = _box(page), _in_view(page)
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
    for _ in range(steps):
        page.mouse.wheel(0, -240)
        page.wait_for_timeout(30)
    until(page, lambda: _in_view(page) != before, "another part")
    page.wait_for_timeout(300)


def _link(page, name: str) -> str:
    return page.locator(".files a", has_text=name).get_attribute("href")


def test_the_browser_draws_the_frame_pixel_by_pixel(explorer, store):
    page, opened = explorer, bv.open(store)
    for zooms in (0, 12):
        if zooms:
            _zoom(page, zooms)
        shown = page.evaluate(PICTURE)
        x0, x1, y0, y1, width, height = shown["view"]
        made = heat_frame(opened, View((x0, x1), (-y1, -y0), width, height), HeatLook(first_style(opened)))
        assert tuple(shown["shape"]) == made.shape
        assert np.array_equal(np.frombuffer(base64.b64decode(shown["bytes"]), np.uint32).reshape(made.shape), made.rgba)


def test_names_never_overlap_at_twenty_zooms_and_are_those_of_their_rows(explorer):
    page, box = explorer, _box(explorer)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 3)
    named = 0
    for _ in range(20):
        page.mouse.wheel(0, -360)
        page.wait_for_timeout(120)
        labels = page.evaluate(LABELS)
        spans = sorted((label["box"][1], label["box"][3]) for label in labels["rows"])
        assert all(above[1] <= below[0] + 0.01 for above, below in itertools.pairwise(spans)), "rows"
        assert all(label["text"] == f"row number {label['place']}" for label in labels["rows"])
        feet = sorted(label["at"] for label in labels["cols"])
        flat = sorted((label["box"][0], label["box"][2]) for label in labels["cols"] if "box" in label)
        assert all(right - left >= 18.9 for left, right in itertools.pairwise(feet)), "columns"
        assert all(left[1] <= right[0] + 0.01 for left, right in itertools.pairwise(flat)), "columns that lie flat"
        named += len(labels["rows"])
    assert named > 100
    assert page.evaluate("window.hacked") is None


def test_a_large_cell_holds_its_value_and_hover_tells_the_rest(explorer):
    page, cells = explorer, values()
    assert page.evaluate(LABELS)["texts"] == 0
    _hover(page, 0.5, 0.5)
    assert "1 pixel =" in page.locator(".hover").inner_text()
    until(page, lambda: "greatest" in page.locator(".hover").inner_text(), "the extremes")
    _wheel_rows(page, 60)
    until(page, lambda: page.evaluate(LABELS)["texts"] > 10, "values in cells")
    _hover(page, 0.31, 0.62)
    text = page.locator(".hover").inner_text()
    row, col = int(re.search(r"row number (\d+)", text).group(1)), int(re.search(r"sample (\d+)", text).group(1))
    assert float(page.locator(".hover h2").inner_text()) == pytest.approx(float(cells[row, col]), abs=6e-4)
    assert str(ROWS - 1 - row) in text, "the row's metadata"


def _hover(page, x: float, y: float) -> None:
    box = _box(page)
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
    page.mouse.move(box["x"] + x * box["width"] + 1, box["y"] + y * box["height"])
    page.locator(".hover").wait_for()
    page.wait_for_timeout(300)


def _wheel_rows(page, steps: int) -> None:
    """Zoom the rows alone: the wheel over their names."""
    x0, x1, *_ = _view(page)
    box = page.locator(".gutter.rows").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for _ in range(steps):
        page.mouse.wheel(0, -240)
        page.wait_for_timeout(15)
    page.wait_for_timeout(400)
    assert _view(page)[:2] == [x0, x1]


def test_a_cell_cursor_moves_by_keys_and_is_read_aloud(explorer):
    page, cells = explorer, values()
    _wheel_rows(page, 60)
    page.locator(".map").focus()
    page.keyboard.press("ArrowDown")
    live = page.locator(".spoken[aria-live]")
    until(page, lambda: live.inner_text().startswith("row number"), "a cell that is read")
    first = live.inner_text()
    page.keyboard.press("ArrowRight")
    until(page, lambda: live.inner_text() != first and live.inner_text().startswith("row number"), "the next cell")
    name, column, value = live.inner_text().split(", ")
    row, col = int(name.removeprefix("row number ")), int(column.removeprefix("sample "))
    assert col == int(first.split(", ")[1].removeprefix("sample ")) + 1
    assert float(value.replace("missing", "nan")) == pytest.approx(float(cells[row, col]), abs=6e-4, nan_ok=True)
    seen = _in_view(page)
    page.keyboard.press("-")
    until(page, lambda: _in_view(page)[0] > seen[0], "more rows")
    page.keyboard.press("0")
    until(page, lambda: _in_view(page) == (ROWS, COLS), "all of it")
    page.keyboard.press("Escape")


def test_a_click_on_a_column_sorts_the_rows_and_a_reload_keeps_everything(explorer):
    page, cells = explorer, values()
    label = next(one for one in page.evaluate(LABELS)["cols"] if one["place"] == 3)
    gutter = page.locator(".gutter.cols").bounding_box()
    page.mouse.click(gutter["x"] + label["at"] + 8, gutter["y"] + gutter["height"] - 17)
    top = f"row number {cells[:, 3].argmax()}"
    until(page, lambda: any(one["place"] == 0 and one["text"] == top for one in page.evaluate(LABELS)["rows"]), "the largest on top")
    _zoom(page, 8, 0.5, 0.1)
    shown, view = _in_view(page), _view(page)
    until(page, lambda: "spec=" in page.url, "the link")
    page.wait_for_timeout(300)
    page.reload()
    page.locator(".in-view", has_text="×").wait_for(timeout=120_000)
    until(page, lambda: _in_view(page) == shown, "the same part")
    assert _view(page)[:4] == pytest.approx(view[:4], rel=1e-6)
    page.locator(".map").focus()
    page.keyboard.press("0")
    until(page, lambda: any(one["text"] == top for one in page.evaluate(LABELS)["rows"]), "the same order")


def test_a_box_shows_profiles_a_table_and_files_of_it(explorer, url):
    page, cells, box = explorer, values(), _box(explorer)
    _wheel_rows(page, 55)
    page.get_by_role("button", name="Select a box").click()
    dragging = """() => Bokeh.documents.flatMap((doc) => [...doc._all_models.values()])
      .find((model) => model.type === 'Figure').toolbar.active_drag?.type"""
    until(page, lambda: page.evaluate(dragging) == "BoxSelectTool", "the tool in the hand")
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.3 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.6 * box["height"], steps=4)
    page.mouse.up()
    page.locator(".panel.profile figure").first.wait_for()
    page.get_by_role("button", name="Table", exact=True).click()
    page.locator(".panel.table td").nth(3).wait_for()
    names = page.locator(".panel.table tbody th").all_inner_texts()
    heads = page.locator(".panel.table thead th:not(.known)").all_inner_texts()
    rows, cols = ([int(name.split()[-1]) for name in given] for given in (names, heads))
    assert page.locator(".panel.profile h2").inner_text() == f"{len(rows)} rows × {len(cols)} columns"
    found = page.request.get(url + _link(page, "CSV"))
    table = pd.read_csv(io.BytesIO(found.body()), encoding="utf-8-sig")
    assert table["name"].tolist() == names
    assert np.allclose(table.iloc[:, 1:], cells[np.ix_(rows, cols)], atol=1e-6)
    packed = np.load(io.BytesIO(page.request.get(url + _link(page, "NPZ")).body()))
    assert np.array_equal(packed["values"], cells[np.ix_(rows, cols)])


def test_no_barriers(explorer):
    """axe-core finds nothing to mend, with every panel open."""
    page = explorer
    for name in ("Palette and scale", "Table", "Profiles"):
        page.get_by_role("button", name=name, exact=True).click()
    page.locator(".panel.table td").nth(3).wait_for()
    page.locator(".panel.profile figure").first.wait_for()
    nothing_bars(page, lambda: _hover(page, 0.2, 0.8))
    assert page.evaluate("window.hacked") is None


def test_statistics_and_scales_change_the_picture(explorer):
    page = explorer
    first = page.evaluate(PICTURE)["bytes"]
    page.get_by_role("combobox").first.click()
    page.locator("li", has_text="standard deviation").click()
    until(page, lambda: page.evaluate(PICTURE)["bytes"] != first, "another picture")
    until(page, lambda: "standard deviation" in page.locator(".legend h2").inner_text(), "the bar of another statistic")


def test_a_dense_screen_gets_as_many_pixels(page, chromium, tmp_path):
    bv.build_matrix(np.random.default_rng(0).normal(size=(3000, 3000)).astype("f4"), tmp_path / "wide.bv", quiet=True)
    screen = page.context.new_cdp_session(page)
    screen.send("Emulation.setDeviceMetricsOverride", {"width": 800, "height": 600, "deviceScaleFactor": 2, "mobile": False})
    with serving(str(tmp_path / "wide.bv")) as url:
        page.goto(url)
        page.locator(".in-view", has_text="×").wait_for(timeout=120_000)

        def sharp() -> bool:
            picture = page.evaluate(PICTURE)
            (height, width), (*_, wide, high) = picture["shape"], picture["view"]
            return width > 1.7 * wide and height > 1.7 * high

        until(page, sharp, "a picture with two pixels for each of the page")
        page.goto("about:blank")
    screen.send("Emulation.clearDeviceMetricsOverride")
