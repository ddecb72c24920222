"""The panel of filters as a visitor meets it: by keyboard, in Chromium."""

import re

import numpy as np
import pandas as pd
import pytest

from bigview.build.points import build_points
from tests.explorers import in_view, opened, until

ROWS = 5_000
EVIL = "<img src=x onerror='window.hacked=1'>"


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    return pd.DataFrame(
        {
            "x": rng.normal(size=ROWS),
            "y": rng.normal(size=ROWS),
            "score": rng.integers(0, 20, ROWS),
            "kind": pd.Categorical(rng.choice(["a", "b", f"c{EVIL}"], ROWS, p=[0.5, 0.3, 0.2])),
            "rate": [f"{row % 100}{'%' if row % 5 == 0 else ' of'} {row} {EVIL}" for row in range(ROWS)],
            f"my column{EVIL}": rng.random(ROWS),
        }
    )


@pytest.fixture(scope="module")
def store(frame: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("filters") / "a.bv"
    build_points(frame, str(path), x="x", y="y")
    return str(path)


@pytest.fixture
def panel(page, url):
    """Return a page with the panel open."""
    page.set_default_timeout(30_000)
    opened(page, url)
    page.get_by_role("button", name="Filters", exact=True).click()
    page.locator(".panel-filters").wait_for()
    return page


def _open(page, name: str) -> None:
    page.locator(".panel-filters .head", has_text=name).first.focus()
    page.keyboard.press("Enter")
    page.get_by_role("group", name=name).wait_for()


def _waits(page, wanted: int, what: str) -> None:
    until(page, lambda: in_view(page) == wanted, what)


def test_a_range_by_keyboard_its_undo_and_its_clearing(panel, frame):
    page, score = panel, frame["score"]
    _open(page, "score")
    low, high = page.get_by_role("slider", name="From, score"), page.get_by_role("slider", name="To, score")
    low.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    _waits(page, int((score >= 5).sum()), "the rows from 5")
    assert low.get_attribute("aria-valuetext") == "5"
    page.locator(".count", has_text=f"{(score >= 5).sum():,} of {ROWS:,} rows").wait_for()
    page.wait_for_timeout(1100)  # another gesture
    high.focus()
    page.keyboard.press("PageDown")
    _waits(page, int(score.between(5, 9).sum()), "the rows from 5 to 9")
    assert page.locator(".chip .text").inner_text() == "score: 5 to 9"
    page.get_by_role("button", name="Undo").click()
    _waits(page, int((score >= 5).sum()), "the rows from 5 again")
    until(page, lambda: high.get_attribute("aria-valuetext") == "19", "the handle to follow the undo")
    page.get_by_label("To, score").last.fill("7.5")
    page.keyboard.press("Enter")
    _waits(page, int(score.between(5, 7.5).sum()), "the value that was typed")
    page.get_by_label("To, score").last.fill("four")
    page.keyboard.press("Enter")
    page.locator(".wrong", has_text="'four' is no number").wait_for()
    assert in_view(page) == score.between(5, 7.5).sum()
    page.get_by_role("button", name="Clear the filter of score").click()
    _waits(page, ROWS, "all rows")
    until(page, lambda: low.get_attribute("aria-valuetext") == "0", "the handle to go home")
    page.get_by_role("button", name="Undo").click()
    until(page, lambda: page.get_by_label("To, score").last.input_value() == "7.5", "the field to follow the undo")


def test_a_range_by_mouse_is_undone_as_one(panel, frame):
    page, score = panel, frame["score"]
    _open(page, "score")
    box = page.locator(".track").bounding_box()
    page.mouse.move(box["x"] + 1, box["y"] + 4)
    page.mouse.down()
    for step in range(1, 11):
        page.mouse.move(box["x"] + box["width"] * 0.05 * step, box["y"] + 4)
    page.mouse.up()
    _waits(page, int((score >= 10).sum()), "the rows of the right half")
    page.get_by_role("button", name="Undo").click()
    _waits(page, ROWS, "all rows after one undo")


def test_categories_texts_and_names_with_markup(panel, frame):
    page = panel
    _open(page, "kind")
    page.get_by_role("checkbox", name=re.compile(r"^b \d")).focus()
    page.keyboard.press("Space")
    _waits(page, int((frame["kind"] == "b").sum()), "the rows of one category")
    page.locator(".rank[aria-pressed=true] .name", has_text=re.compile("^b$")).wait_for()  # the legend follows
    page.locator(".items .name", has_text=f"c{EVIL}").wait_for()
    _open(page, "rate")
    page.get_by_label("Text, rate").fill("0%")
    has = frame["rate"].str.contains("0%", regex=False)
    _waits(page, int((has & (frame["kind"] == "b")).sum()), "the rows with a percent sign")
    page.locator(".items .soft", has_text=re.compile(f"^{(has & (frame['kind'] == 'a')).sum():,}$")).wait_for()
    page.get_by_label("How rate is searched").select_option("regex")
    page.get_by_label("Text, rate").fill("^7(")
    page.locator(".wrong", has_text="is no regular expression").wait_for()
    assert in_view(page) == (has & (frame["kind"] == "b")).sum(), "the map keeps its last good state"
    page.get_by_label("Text, rate").fill("^7.%")
    _waits(page, int((frame["rate"].str.match("7.%") & (frame["kind"] == "b")).sum()), "the rows that match")
    assert page.evaluate("window.hacked") is None


def test_the_line_completes_names_and_says_where_it_is_wrong(panel, frame):
    page = panel
    line = page.get_by_role("combobox", name="SQL")
    line.focus()
    page.keyboard.type("score > 3 and my")
    page.get_by_role("option").first.wait_for()
    page.keyboard.press("ArrowDown")
    assert line.get_attribute("aria-activedescendant") == page.get_by_role("option").first.get_attribute("id")
    page.keyboard.press("Enter")
    name = f'"my column{EVIL}"'
    assert line.input_value() == f"score > 3 and {name}"
    assert page.get_by_role("option").count() == 0
    page.keyboard.type(" < nowhere")
    page.keyboard.press("Enter")
    wrong = page.locator(".wrong", has_text="No column 'nowhere'")
    wrong.wait_for()
    assert wrong.locator("mark").inner_text() == "nowhere"
    assert in_view(page) == ROWS, "the map keeps its last good state"
    assert line.input_value().endswith("nowhere")
    line.fill(f"score > 3 and {name} < 0.5 and kin")
    page.keyboard.press("Tab")
    page.keyboard.type(" = 'a'")
    page.keyboard.press("Enter")
    _waits(page, int(((frame["score"] > 3) & (frame.iloc[:, -1] < 0.5) & (frame["kind"] == "a")).sum()), "the rows of the expression")
    until(page, lambda: line.input_value() == "", "the line to be free again")
    assert page.evaluate("window.hacked") is None
