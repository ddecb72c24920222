"""What a visitor may do wrong, in the page: each gets a sentence, the map stays, and no page is blank."""

import numpy as np
import pytest

import bigview as bv
from bigview.part import Saved
from bigview.state import Spec
from bigview.stores import open as open_store
from tests.explorers import in_view, opened, until
from tests.test_browser_ask import EVIL, ROWS, store
from tests.test_clauses import REFUSED

__all__ = ["store"]

TYPED = [text for text in REFUSED if text.strip()][::3]  # test_clauses tries all of them
NOWHERE = [(90.0, 90.0), (91.0, 90.0), (90.0, 91.0)]
EVERYWHERE = [(-99.0, -99.0), (99.0, -99.0), (99.0, 99.0), (-99.0, 99.0)]


def _message(page, words: str) -> None:
    page.locator(".message", has_text=words).wait_for(timeout=20_000)


def test_expressions_that_are_refused(page, url):
    opened(page, url)
    page.get_by_role("button", name="Filters", exact=True).click()
    line = page.get_by_role("combobox", name="SQL")
    for text in TYPED:
        line.fill(text)
        if page.get_by_role("option").count():
            page.keyboard.press("Escape")
        line.press("Enter")
        wrong = page.locator(".wrong:visible, .error:visible")
        until(page, lambda wrong=wrong: wrong.count() > 0 and len(wrong.first.inner_text()) > 10, f"a sentence about {text[:60]}")
        assert in_view(page) == ROWS
        line.fill("score")
        until(page, lambda wrong=wrong: wrong.count() == 0, "the sentence to go")
    assert page.locator(".chip").count() == 0
    assert page.evaluate("window.hacked") is None


def test_a_pattern_that_would_take_for_ever_elsewhere(page, url, store):
    table = open_store(store)
    slow = [f"regexp_matches(text, '{pattern}')" for pattern in ("^(([0-9]+)+)+$", "(.*)*(.*)*x$")]
    opened(page, f"{url}?{Spec(filters=slow).to_query()}")
    _message(page, "No row in view passes the filters")
    assert in_view(page) == 0
    assert table.count(where="regexp_matches(text, '(.*)*(.*)*x$')") == 0
    page.get_by_role("button", name="Clear all filters").click()
    until(page, lambda: in_view(page) == ROWS, "all rows")
    page.locator(".message").wait_for(state="hidden")


def test_a_polygon_of_a_hundred_thousand_corners(page, url, store):
    table = open_store(store)
    turn = np.linspace(0, 2 * np.pi, 100_000, endpoint=False)
    lasso = bv.Filter(polygon=np.column_stack([np.cos(turn), np.sin(turn)]) * (3 + np.sin(40 * turn)[:, None]))
    kept = table.selections().save("large", lasso)
    assert 0 < kept.rows < ROWS
    opened(page, f"{url}?{Spec(selection=kept.link).to_query()}")
    until(page, lambda: page.locator(".chosen .text").inner_text() == f"{kept.rows:,} selected", "what it holds")
    page.get_by_role("button", name="Records", exact=True).click()
    until(page, lambda: page.locator(".records .range").inner_text().endswith(f"of {kept.rows:,}"), "its records")


EMPTY = [
    (Spec(selection=bv.Filter(polygon=NOWHERE)), "Nothing is selected", ROWS),
    (Spec(selection=bv.Filter(polygon=EVERYWHERE)), "Every row is selected", ROWS),
    (Spec(selection=bv.Filter(rows=[])), "Nothing is selected", ROWS),
    (Spec(selection=[("subtract", bv.Filter(polygon=EVERYWHERE))]), "Nothing is selected", ROWS),
    (Spec(filters="score > 99"), "No row in view passes the filters", 0),
    (Spec(view=((1e300, 2e300), (1e300, 2e300)), filters="score > 2"), "No row in view", 0),
    (Spec(filters=bv.Filter(rows=[ROWS + 10**9])), "row", None),
    (Spec(filters=["former = 3", "score <= 99"]), "No column 'former'", ROWS),
]
UNKNOWN = [
    (Spec(filters=[Saved("forgotten", "0" * 16)]), "No selection 'forgotten'"),
    (Spec(style=bv.Style(by="former")), "former"),
    (Spec(charts=[bv.Chart("histogram", ("former",), "former > 3")]), "former"),
    (Spec(filters=f"kind = '{EVIL}'"), "left out"),
]
CUT = ["spec=", "spec=1.", "spec=9.abc", "spec=1.eJw", "spec=%00", "spec=1." + "A" * 5000, "other=1&spec=x"]
TRAVEL = "query => { history.pushState(null, '', '?' + query); dispatchEvent(new PopStateEvent('popstate')) }"


def _told(page, said: str, count: "int | None") -> None:
    _message(page, said)
    if count is not None:
        until(page, lambda: in_view(page) == count, "the map")
    rows = page.locator(".records tbody tr")
    until(page, lambda: rows.count() > 0 or page.locator(".records .empty, .records .trouble").first.is_visible(), "words")
    assert page.evaluate("window.hacked") is None


@pytest.mark.parametrize(("spec", "said"), UNKNOWN, ids=["saved", "style", "chart", "markup"])
def test_a_link_to_what_is_not_there(page, url, spec, said):
    page.goto(f"{url}?{spec.to_query()}")
    _message(page, said)
    page.get_by_role("button", name="Records", exact=True).click()
    _told(page, said, ROWS)


def test_links_that_leave_nothing_to_see(page, url):
    page.goto(f"{url}?{EMPTY[4][0].to_query()}")
    _message(page, EMPTY[4][1])
    page.get_by_role("button", name="Records", exact=True).click()
    _told(page, *EMPTY[4][1:])
    for spec, said, count in EMPTY:
        page.evaluate(TRAVEL, "")
        until(page, lambda: in_view(page) == ROWS and page.locator(".message").is_hidden(), "the map as it was")
        page.evaluate(TRAVEL, spec.to_query())
        _told(page, said, count)


def test_a_link_that_is_cut(page, url):
    page.goto(f"{url}?{CUT[5]}")
    _message(page, "link")
    until(page, lambda: in_view(page) == ROWS, "the whole map")


def test_links_that_are_cut_on_a_page_that_is_open(page, url):
    opened(page, url)
    for query in CUT:
        page.evaluate(TRAVEL, query)
        _message(page, "link")
        assert in_view(page) == ROWS, "the map stays"
        page.evaluate(TRAVEL, Spec(filters="score < 0.5").to_query())
        until(page, lambda: 0 < in_view(page) < ROWS and page.locator(".message").is_hidden(), "a good link")
        page.evaluate(TRAVEL, "")
        until(page, lambda: in_view(page) == ROWS, "all rows")
