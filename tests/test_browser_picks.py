"""Selecting, moving by hand and walking a tree by keys, and the link that holds it all, as a visitor meets them."""

import numpy as np
import pandas as pd
import pytest

import bigview as bv
from bigview.matrixorder import Lines, Move, Ordering
from bigview.matrixspec import MatrixSpec
from tests.explorers import DIGEST, until

ROWS, COLS = 120, 20


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(4, COLS))[np.arange(ROWS) % 4] * 5 + rng.normal(size=(ROWS, COLS))
    rows = pd.DataFrame({"kind": [f"k{k % 4}" for k in range(ROWS)]}, index=[f"row {number}" for number in range(ROWS)])
    path = str(tmp_path_factory.mktemp("picks") / "matrix.bv")
    bv.build_matrix(values.astype(np.float32), path, rows=rows, cols=[f"col {k}" for k in range(COLS)], quiet=True).cluster("rows")
    return path


@pytest.fixture
def explorer(page, url):
    """Return a page that shows the whole matrix."""
    page.set_default_timeout(15_000)
    page.goto(url)
    page.locator(".in-view", has_text=f"{ROWS} × {COLS}").wait_for(timeout=120_000)
    page.locator(".map").focus()
    return page


def _spec(page) -> MatrixSpec:
    return MatrixSpec.from_query(page.url.partition("?")[2]) if "spec=" in page.url else MatrixSpec()


def _said(page, text: str) -> None:
    until(page, lambda: text in page.locator(".spoken[aria-live]").inner_text(), f"to hear {text!r}")


def test_boxes_rows_and_columns_are_selected_by_keys(explorer):
    page, press = explorer, explorer.keyboard.press
    press("ArrowDown")
    _said(page, "row 60, col 10")
    press("i")
    _said(page, "row 60: kind k0; col 10: nothing more")
    press("s")
    _said(page, "Rows by values of col 10, descending")
    until(page, lambda: _spec(page).rows == Ordering("values", "col 10", True), "the rows in another order")
    press("s")
    until(page, lambda: _spec(page).rows == Ordering("values", "col 10"), "the other way round")
    press("s")
    until(page, lambda: _spec(page).rows is None, "the rows as stored, with the cursor at the same cell")
    press("Shift+ArrowDown")
    _said(page, "Selected: 2 rows, row 60 to row 61; 1 column, col 10")
    press("Shift+ArrowRight")
    _said(page, "2 columns, col 10 to col 11")
    press("r")
    _said(page, "Selected: 2 rows, row 60 to row 61; all 20 columns")
    press("Shift+ArrowUp")
    press("Shift+ArrowUp")
    _said(page, "Selected: 2 rows, row 59 to row 60; all 20 columns")
    until(page, lambda: _spec(page).selection == (Lines(59, 61), None), "the link")
    press("Control+Space")
    _said(page, "all 120 rows; 2 columns")
    page.locator(".panel.profile h2", has_text="120 rows × 2 columns").wait_for()
    press("?")
    page.locator(".panel.keys").wait_for()
    press("Escape")
    page.locator(".panel.keys").wait_for(state="hidden")
    assert _spec(page).selection is not None
    press("Escape")
    until(page, lambda: _spec(page).selection is None, "nothing selected")
    _said(page, "Nothing is selected any more")


def test_rows_are_moved_by_keys_buttons_and_by_their_names(explorer):
    page, press = explorer, explorer.keyboard.press
    press("ArrowDown")
    _said(page, "row 60, col 10")
    press("Shift+Space")
    _said(page, "Selected: 1 row, row 60")
    press("Alt+PageUp")
    until(page, lambda: _spec(page).rows == Ordering("hand", "", moves=(Move(((60, 61),), 0),)), "the row on top")
    assert _spec(page).selection[0].first == 0
    page.get_by_role("button", name="Rows to the bottom").click()
    until(page, lambda: _spec(page).rows == Ordering("hand", "", moves=(Move(((60, 61),), ROWS),)), "the row at the bottom")
    box = page.locator(".gutter.rows").bounding_box()
    x, high = box["x"] + 20, box["height"] / ROWS
    page.mouse.move(x, box["y"] + (ROWS - 0.5) * high)
    page.mouse.down()
    page.mouse.move(x, box["y"] + 30.1 * high, steps=4)
    page.mouse.up()
    until(page, lambda: _spec(page).rows == Ordering("hand", "", moves=(Move(((60, 61),), 30),)), "the row where it was dropped")
    page.get_by_text("by hand", exact=True).wait_for()
    page.get_by_label("Find names").fill("row 1.$")
    page.get_by_role("button", name="Hits first").click()
    page.get_by_text("hits first: row 1.$", exact=True).wait_for()


def test_a_link_restores_selection_search_and_panels_with_the_same_pixels(explorer):
    page, press = explorer, explorer.keyboard.press
    page.get_by_label("Find names").fill("row 1.$")
    page.get_by_role("button", name="Hits first").click()
    until(page, lambda: _spec(page).rows == Ordering("search", "row 1.$"), "hits first")
    page.locator(".map").focus()
    press("ArrowDown")
    press("Shift+ArrowDown")
    press("?")
    until(page, lambda: _spec(page).panels == ("profile", "keys") and _spec(page).selection is not None, "the link")
    until(page, lambda: page.evaluate(DIGEST), "an exact picture")
    page.locator(".panel.profile h2", has_text="×").wait_for()
    before, title, address = page.evaluate(DIGEST), page.locator(".panel.profile h2").inner_text(), page.url
    elsewhere = page.context.browser.new_page(viewport=page.viewport_size)
    elsewhere.set_default_timeout(15_000)
    elsewhere.goto(address)
    elsewhere.locator(".panel.profile h2", has_text="×").wait_for()
    assert elsewhere.locator(".panel.profile h2").inner_text() == title
    assert elsewhere.locator(".panel.keys").is_visible()
    until(elsewhere, lambda: elsewhere.get_by_label("Find names").input_value() == "row 1.$", "what is searched for")
    until(elsewhere, lambda: elsewhere.evaluate(DIGEST) == before, "the same pixels")
    assert _spec(elsewhere) == _spec(page)
    elsewhere.close()


def test_branches_are_walked_and_selected_by_keys(page, url, store):
    page.set_default_timeout(15_000)
    page.goto(f"{url}?{MatrixSpec(rows=Ordering('cluster', 'ward euclidean')).to_query()}")
    page.locator(".walk.rows").wait_for(state="attached")
    until(page, lambda: page.locator("canvas.beside.rows").get_attribute("aria-valuetext"), "the tree")
    page.locator(".walk.rows").focus()
    _said(page, f"branch of {ROWS} rows")
    tree = bv.open(store).cluster("rows")
    first = int(tree.spans[1][tree.children[-1, 0]])
    page.keyboard.press("ArrowLeft")
    _said(page, f"branch of {first} rows" if first > 1 else "a leaf")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.locator(".panel.profile h2", has_text=f"{COLS} columns").wait_for()
    until(page, lambda: _spec(page).selection is not None, "the link")
    assert _spec(page).selection[0].order == Ordering("cluster", "ward euclidean")
