"""The table of records as a visitor meets it."""

import numpy as np
import pandas as pd
import pytest

from bigview.build.points import build_points
from bigview.stores import open as open_store
from tests.explorers import RANGES, in_view, opened, pixel, until
from tests.test_images import PNG

ROWS = 1_050
EVIL = "<script>window.hacked=1</script><img src=x onerror='window.hacked=2'>"
LONE = (0.0, 5.0)  # the row of the highest number, clear of all others


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a store of eleven pages with markup in names and values."""
    rng = np.random.default_rng(5)
    places = np.vstack([rng.normal(size=(ROWS - 1, 2)), [LONE]]).astype(np.float32)
    table = pd.DataFrame(
        {
            "x": places[:, 0],
            "y": places[:, 1],
            "kind": pd.Categorical(np.array(["red", "green", "blue"])[rng.integers(0, 3, ROWS)]),
            "score": rng.permutation(ROWS).astype(np.float32) / 8,
            f"text{EVIL}": [f"{row} of 100{'%' if row % 50 == 0 else ''} {EVIL}" for row in range(ROWS)],
            "photo": [PNG] * ROWS,
        }
    )
    folder = tmp_path_factory.mktemp("table")
    table.to_parquet(folder / "points.parquet")
    build_points(str(folder / "points.parquet"), str(folder / "points.bv"), x="x", y="y")
    return str(folder / "points.bv")


@pytest.fixture
def records(page, url):
    """Return a page with the table open."""
    page.set_default_timeout(20_000)
    opened(page, url)
    page.get_by_role("button", name="Records", exact=True).click()
    page.locator(".records tbody tr").first.wait_for()
    return page


def _ids(page) -> list[int]:
    return [int(text.replace(",", "")) for text in page.locator(".records tbody tr:not(.found) th").all_inner_texts()]


def _range(page) -> str:
    return page.locator(".records .range").inner_text()


def _sorter(page, name: str):
    return page.locator(".records").get_by_role("columnheader", name=name, exact=True).get_by_role("button")


def test_pages_and_orders(records, store):
    page, table = records, open_store(store)
    until(page, lambda: _range(page) == "1–100 of 1,050", "the first page")
    assert _ids(page) == table.rows()["__row"].tolist()
    page.get_by_role("button", name="Next page").click()
    until(page, lambda: _range(page) == "101–200 of 1,050", "the second page")
    assert _ids(page) == table.rows(offset=100)["__row"].tolist()
    page.get_by_label("Page number").fill("11")
    page.get_by_label("Page number").press("Enter")
    until(page, lambda: _range(page) == "1,001–1,050 of 1,050", "the last page")
    assert page.get_by_role("button", name="Last page").is_disabled()
    _sorter(page, "score").click()
    until(page, lambda: _ids(page) == table.rows(order_by="score")["__row"].tolist(), "the rows by score")
    assert page.locator('.records th[aria-sort="ascending"]').inner_text().startswith("score")
    _sorter(page, "score").focus()
    page.keyboard.press("Enter")
    until(page, lambda: _ids(page) == table.rows(order_by="-score")["__row"].tolist(), "the rows by score, downwards")
    assert page.locator('.records th[aria-sort="descending"]').count() == 1
    page.keyboard.press("Enter")  # the header has kept the focus
    until(page, lambda: _ids(page) == table.rows()["__row"].tolist(), "store order")
    page.get_by_role("button", name="Columns", exact=True).click()
    page.get_by_label("kind").uncheck()
    until(page, lambda: page.locator(".records thead").get_by_text("kind", exact=True).count() == 0, "one column less")
    page.keyboard.press("Escape")
    assert page.locator(".records .columns .list").is_hidden()
    page.keyboard.press("Escape")
    page.locator(".records").wait_for(state="hidden")
    assert page.evaluate("window.hacked") is None


def test_search_is_for_the_very_text(records):
    page = records
    search = page.get_by_role("searchbox")
    search.fill("100%")
    until(page, lambda: _range(page) == "1–21 of 21 hits", "rows with a percent sign")
    search.fill(f"1 of 100 {EVIL}".upper())
    until(page, lambda: " hits" in _range(page) and "1 of 100" in page.locator(".records tbody td").last.inner_text(), "rows with markup")
    search.fill("no such text")
    page.locator(".records .empty", has_text="No record contains “no such text”.").wait_for()
    search.press("Escape")
    until(page, lambda: _range(page) == "1–100 of 1,050", "all rows again")
    assert in_view(page) == ROWS, "a search is the table's own"
    assert page.locator(".records script, .records img").count() == 0
    assert page.evaluate("window.hacked") is None


def test_table_and_map_show_each_other_s_rows(records, store):
    page, table = records, open_store(store)
    third, home = page.locator(".records tbody tr").nth(2), page.evaluate(RANGES)
    row = _ids(page)[2]
    third.click()
    page.locator(".record dd", has_text=f"{row} of 100").wait_for()
    page.locator(".record img").wait_for()
    assert page.locator(".record img").evaluate("image => image.decode().then(() => image.naturalWidth)") == 1
    until(page, lambda: third.get_attribute("aria-current") == "true", "the row to be marked")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.locator(".record dd", has_text=f"{_ids(page)[3]} of 100").wait_for()
    # The other way round: in store order its page comes, in another one it stands above the page.
    page.locator(".stage > .map").focus()
    page.keyboard.press("0")
    until(page, lambda: page.evaluate(RANGES) == home, "the whole map")
    page.mouse.click(*pixel(page, *LONE))
    order = table.rows(limit=ROWS)["__row"].tolist()
    first = order.index(ROWS - 1) // 100 * 100
    until(page, lambda: _ids(page) == order[first : first + 100], "the page of the row that was clicked")
    assert page.locator('.records tr[aria-current="true"] th').inner_text() == f"{ROWS - 1:,}"
    _sorter(page, "Row").click()
    page.locator(".records tr.found th", has_text=f"{ROWS - 1:,}").wait_for()
    assert _ids(page) == list(range(100))


def test_filters_and_the_view_change_the_rows(records, store):
    page, table = records, open_store(store)
    counts = table.category_counts("kind")
    page.locator(".rank").first.click()
    until(page, lambda: _range(page) == f"1–100 of {counts.iloc[0]:,}", "the rows of one category")
    page.get_by_label("Only what the map shows").check()
    page.mouse.move(*pixel(page, 0.2, 1.5))
    page.mouse.wheel(0, -300)
    until(page, lambda: 0 < in_view(page) < counts.iloc[0], "fewer rows in view")
    until(page, lambda: _range(page).endswith(f"of {in_view(page):,}"), "the rows in view only")


def test_what_the_table_shows_is_downloaded(records, store):
    page, table = records, open_store(store)
    page.get_by_role("searchbox").fill("100%")
    until(page, lambda: _range(page) == "1–21 of 21 hits", "some rows")
    page.get_by_role("button", name="Export").click()
    page.locator(".records .export .note", has_text="21 rows, 7 columns").wait_for()
    page.get_by_label("Only the columns shown").check()
    page.locator(".records .export .note", has_text="21 rows, 6 columns").wait_for()
    with page.expect_download() as downloading:
        page.locator(".records .files a", has_text="CSV").click()
    found = pd.read_csv(downloading.value.path())
    truth = table.rows(limit=ROWS)
    assert found["__row"].tolist() == [row for row in truth["__row"] if row % 50 == 0]
    page.get_by_role("searchbox").fill("")
    page.locator(".records .files").wait_for(state="hidden")
