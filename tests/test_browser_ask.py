"""Asking the map, as a visitor does: long links, others like a record, galleries, saved selections."""

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from bigview.build.points import build_points
from bigview.state import Saved, Spec
from bigview.stores import open as open_store
from tests.test_browser_explorer import PICTURE, _count, _pixel, _serving, _until
from tests.test_images import PNG

ROWS = 3_000
EVIL = "<script>window.hacked=1</script><img src=x onerror='window.hacked=2'>"
LONE = (5.0, 6.0)
DRAGGING = """() => Bokeh.documents.flatMap((doc) => [...doc._all_models.values()])
  .find((model) => model.type === 'Figure').toolbar.active_drag?.type"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a store with three clusters, one row far from them, dates and images."""
    rng = np.random.default_rng(4)
    which = rng.integers(0, 3, ROWS - 1)
    centers = np.array([[-4.0, 0.0], [4.0, 1.0], [0.0, 5.0]])
    places = np.vstack([centers[which] + rng.normal(size=(ROWS - 1, 2)), [LONE]]).astype(np.float32)
    table = pd.DataFrame(
        {
            "x": places[:, 0],
            "y": places[:, 1],
            "kind": pd.Categorical(np.append(np.array([f"a{EVIL}", "b", "c"])[which], "c")),
            "score": rng.random(ROWS).astype(np.float32),
            "born": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 1000, ROWS), "D"),
            "text": [f"{row} {EVIL}" for row in range(ROWS)],
            "photo": [PNG if row % 3 else None for row in range(ROWS)],
        }
    )
    folder = tmp_path_factory.mktemp("ask")
    table.to_parquet(folder / "points.parquet")
    build_points(str(folder / "points.parquet"), str(folder / "points.bv"), x="x", y="y")
    return str(folder / "points.bv")


@pytest.fixture(scope="module")
def url(chromium: str, store: str) -> Iterator[str]:
    """Return the address of the explorer."""
    yield from _serving(store)


@pytest.fixture
def explorer(page, url):
    """Return a page that shows the whole map."""
    page.set_default_timeout(10_000)
    _opened(page, url)
    return page


def _opened(page, url: str) -> None:
    page.goto(url)
    page.locator(".in-view", has_text=re.compile(r"\d")).wait_for(timeout=30_000)


def _drawn(page, corners: list[tuple[float, float]]) -> None:
    """Draw a lasso through places of the map."""
    page.get_by_role("button", name="Select with a lasso").click()
    _until(page, lambda: page.evaluate(DRAGGING) == "LassoSelectTool", "the tool in the hand")
    pixels = [_pixel(page, *corner) for corner in corners]
    page.mouse.move(*pixels[0])
    page.mouse.down()
    for pixel in pixels[1:]:
        page.mouse.move(*pixel)
    page.mouse.up()


def _spec(page) -> Spec:
    return Spec.from_query(page.url.partition("?")[2])


def test_a_lasso_too_long_for_a_link_is_kept_under_a_name(explorer, store, url):
    page = explorer
    rng = np.random.default_rng(1)
    _drawn(page, [(-5 + 10 * step / 400, float(high)) for step, high in enumerate(rng.uniform(-2, 6, 400))])
    page.locator(".chosen .text", has_text="selected").wait_for()
    _until(page, lambda: "spec=" in page.url and bool(_spec(page).selection), "a link")
    [(_, part)] = _spec(page).selection
    assert isinstance(part, Saved)
    assert len(page.url.partition("?")[2]) <= 2000
    kept = open_store(store).selections().get(part.name, part.digest)
    told = page.locator(".chosen .text").inner_text()
    assert told == f"{open_store(store).count(where=kept.where):,} selected"
    before = page.evaluate(PICTURE)
    with page.context.browser.new_page(viewport={"width": 1280, "height": 800}) as other:
        _opened(other, page.url)
        _until(other, lambda: other.evaluate(PICTURE)["bytes"] == before["bytes"], "the same pixels elsewhere")
        assert other.locator(".chosen .text").inner_text() == told
        assert other.url == page.url


def test_everything_like_a_record(explorer, store):
    page, table = explorer, open_store(store)
    page.mouse.click(*_pixel(page, *LONE))
    card = page.locator(".record")
    card.get_by_text("Others like this one").click()
    row = table.nearest(*LONE).iloc[0]
    card.get_by_role("button", name="Filter all rows like this one").click()
    _until(page, lambda: _count(page) == table.count(where=f"kind = '{row['kind']}'"), "the rows of its kind, which gives the colour")
    card.get_by_label("score may differ by").fill("0.25")
    card.get_by_role("button", name="Select all rows like this one").click()
    near = f"kind = '{row['kind']}' AND score BETWEEN {row['score'] - 0.25} AND {row['score'] + 0.25}"
    wanted = table.count(where=near)
    assert 0 < wanted < ROWS
    _until(page, lambda: page.locator(".chosen .text").inner_text() == f"{wanted:,} selected", "the rows that agree in both")
    card.get_by_label("Where").select_option("map")
    card.get_by_label("How many of the nearest").fill("many")
    card.get_by_role("button", name="Filter all rows like this one").click()
    card.locator(".said", has_text="whole number").wait_for()
    card.get_by_label("How many of the nearest").fill("7")
    card.get_by_role("button", name="Filter all rows like this one").click()
    _until(page, lambda: _count(page) == 7, "the seven nearest")
    assert page.locator(".chip .text", has_text="score: ").count() == 1
    assert page.evaluate("window.hacked") is None


def _shown(page) -> list[str]:
    return page.locator(".tile .name").all_inner_texts()


def test_a_gallery_of_what_passes(explorer, store):
    page, table = explorer, open_store(store)
    page.get_by_role("button", name="Images", exact=True).click()
    tiles = page.locator(".tile")
    tiles.first.wait_for()
    order = table.rows(limit=ROWS)
    titles = [str(text) for text in order["text"]]
    _until(page, lambda: _shown(page) == titles[:48], "the first page")
    assert page.locator(".images .range").inner_text() == f"1–48 of {ROWS:,}"
    there = [value is not None for value in order["photo"][:48]]
    assert [tile.locator("img").count() == 1 for tile in tiles.all()] == there
    page.keyboard.press("Tab")
    tiles.first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.locator(".record dd", has_text=titles[1]).wait_for()
    _until(page, lambda: tiles.nth(1).get_attribute("aria-current") == "true", "the tile to be marked")
    page.keyboard.press("PageDown")
    _until(page, lambda: _shown(page) == titles[48:96], "the second page")
    page.locator(".rank[data-name=b]").click()
    wanted = table.category_counts("kind")["b"]
    _until(page, lambda: page.locator(".images .range").inner_text() == f"1–48 of {wanted:,}", "the images of one kind")
    page.get_by_role("button", name="Records", exact=True).click()
    page.locator(".records tbody tr").first.wait_for()
    assert page.locator(".images").is_hidden(), "they have one place"
    assert page.evaluate("window.hacked") is None
