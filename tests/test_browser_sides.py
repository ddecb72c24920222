"""Trees, tracks and the search beside a matrix, as a visitor meets them."""

import numpy as np
import pandas as pd
import pytest

import bigview as bv
from bigview.matrixorder import Ordering
from bigview.matrixspec import MatrixSpec
from tests.explorers import until

ROWS, COLS = 3_000, 20
SPEC = MatrixSpec(rows=Ordering("cluster", "ward euclidean"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    rng = np.random.default_rng(0)
    label = rng.integers(0, 5, ROWS)
    values = rng.normal(size=(5, COLS))[label] * 5 + rng.normal(size=(ROWS, COLS))
    rows = pd.DataFrame({"kind": [f"<b>{one}" for one in label], "score": values[:, 0]}, index=[f"row {number}" for number in range(ROWS)])
    path = str(tmp_path_factory.mktemp("sides") / "matrix.bv")
    bv.build_matrix(values.astype(np.float32), path, rows=rows, quiet=True).cluster("rows")
    return path


@pytest.fixture
def clustered(page, url):
    """Return a page with the rows in the order of their clusters."""
    page.set_default_timeout(15_000)
    page.goto(f"{url}?{SPEC.to_query()}")
    until(page, lambda: _count(page) is not None, "the tree")
    return page


def _count(page) -> "str | None":
    return page.locator("canvas.beside.rows").get_attribute("aria-valuetext")


def test_the_cut_is_dragged_and_moved_by_keys(clustered, store):
    page = clustered
    assert _count(page) == "not cut"
    box = page.locator("canvas.beside.rows").bounding_box()
    x, y = box["x"] + box["width"] - 14, box["y"] + 100  # the line of a tree that is not cut
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 50, y, steps=4)
    page.mouse.up()
    until(page, lambda: "clusters" in _count(page), "a cut")
    page.locator("canvas.beside.rows").focus()
    page.wait_for_timeout(500)  # the last of the drag
    before = int(_count(page).split()[0])
    assert before > 1
    page.keyboard.press("ArrowRight")
    until(page, lambda: int(_count(page).split()[0]) > before, "one more")
    page.keyboard.press("ArrowLeft")
    until(page, lambda: int(_count(page).split()[0]) == before, "one less")
    for _ in range(before - 1):
        page.keyboard.press("ArrowLeft")
    until(page, lambda: _count(page) == "not cut", "no cut")


def test_a_branch_is_selected_by_a_click(clustered, store):
    page, tree = clustered, bv.open(store).cluster("rows")
    box = page.locator("canvas.beside.rows").bounding_box()
    low, high = tree.branch(ROWS // 2, tree.top / 3)
    page.mouse.click(box["x"] + box["width"] - 4 - 92 + 80 / 3, box["y"] + box["height"] / 2)
    title = page.locator(".panel.profile h2")
    title.wait_for()
    assert title.inner_text() == f"{high - low:,} rows × {COLS} columns"


def test_a_track_sorts(clustered):
    page = clustered
    box = page.locator("canvas.beside.rows").bounding_box()
    page.mouse.click(box["x"] + 12 + 12 + 5, box["y"] + 50)  # the second track
    until(page, lambda: _count(page) is None, "another order")
    assert page.get_by_text("by score", exact=True).count() == 1


def test_names_are_found(clustered):
    page = clustered
    found = page.locator(".search .found")
    box = page.get_by_label("Find names")
    box.fill("row 12..$")
    until(page, lambda: found.inner_text() == "100 rows, 0 columns", "hits of a regular expression")
    box.press("Enter")
    until(page, lambda: "row 12" in page.locator(".spoken[aria-live]").inner_text(), "the first hit")
    box.fill("row (1")
    until(page, lambda: found.inner_text().startswith("0 rows, 0 columns · as it stands"), "what is no expression, as a text")
    box.fill("")
    until(page, lambda: not found.inner_text(), "no search")


def test_rows_are_selected_along_their_names_and_told_from_the_rest(clustered):
    page = clustered
    box = page.locator(".gutter.rows").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.1
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + 100, steps=4)
    page.mouse.up()
    page.locator(".profile .against .spread.rest").wait_for(state="attached")
    high = int(page.locator(".panel.profile h2").inner_text().split()[0].replace(",", ""))
    assert abs(high - ROWS * 100 / box["height"]) <= 2
    spread = page.locator(".profile .against figcaption").inner_text()
    assert f"of the other {ROWS - high:,} rows" in spread
    assert page.locator(".profile .against .fields").count() == 1
    assert _count(page) is not None, "a drag sorts nothing"
    page.get_by_role("button", name="Table", exact=True).click()
    page.locator(".panel.table td").nth(3).wait_for()
    assert page.locator(".panel.table thead th.known").all_inner_texts() == ["kind", "score"]


def test_a_clustering_of_the_page_is_shown(clustered):
    page = clustered
    page.get_by_role("combobox", name="Order of columns").click()
    page.locator("li", has_text="by cluster: average cosine").click()
    page.locator("canvas.beside.cols[aria-valuetext]").wait_for()
    page.locator(".work").wait_for(state="hidden")


def test_a_link_beside_the_matrix_shows_that_nothing_is_in_view(clustered, url, console):
    page = clustered
    page.goto(f"{url}?{MatrixSpec(view=((500, 600), (9_000, 9_100))).to_query()}")
    page.locator(".in-view", has_text="0 × 0").wait_for()
    page.get_by_role("button", name="Profiles", exact=True).click()
    page.locator(".panel.profile h2", has_text="Nothing of the matrix is in view").wait_for()
    page.locator(".map").focus()
    page.keyboard.press("0")
    page.locator(".in-view", has_text=f"{ROWS:,} × {COLS}").wait_for()
    assert console.errors == []
