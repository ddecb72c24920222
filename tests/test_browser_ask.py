"""Asking the map, as a visitor does: long links, others like a record, galleries, saved selections."""

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

import bigview as bv
from bigview.build.points import build_points
from bigview.part import Saved
from bigview.state import Spec
from bigview.stores import open as open_store
from tests.explorers import DIGEST, in_view, nothing_bars, opened, pixel, settled, until
from tests.servers import serving
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


@pytest.fixture
def explorer(page, url):
    """Return a page that shows the whole map."""
    page.set_default_timeout(20_000)
    opened(page, url)
    return page


def _drawn(page, corners: list[tuple[float, float]]) -> None:
    """Draw a lasso through places of the map."""
    page.get_by_role("button", name="Select with a lasso").click()
    until(page, lambda: page.evaluate(DRAGGING) == "LassoSelectTool", "the tool in the hand")
    pixels = [pixel(page, *corner) for corner in corners]
    page.mouse.move(*pixels[0])
    page.mouse.down()
    for place in pixels[1:]:
        page.mouse.move(*place)
    page.mouse.up()


def _spec(page) -> Spec:
    return Spec.from_query(page.url.partition("?")[2])


def test_a_lasso_too_long_for_a_link_is_kept_under_a_name(explorer, browser, store):
    page = explorer
    rng = np.random.default_rng(1)
    _drawn(page, [(-5 + 10 * step / 400, float(high)) for step, high in enumerate(rng.uniform(-2, 6, 400))])
    page.locator(".chosen .text", has_text="selected").wait_for()
    until(page, lambda: "spec=" in page.url and bool(_spec(page).selection), "a link")
    [(_, part)] = _spec(page).selection
    assert isinstance(part, Saved)
    assert len(page.url.partition("?")[2]) <= 2000
    kept = open_store(store).selections().get(part.name, part.digest)
    told = page.locator(".chosen .text").inner_text()
    assert told == f"{open_store(store).count(where=kept.where):,} selected"
    before = settled(page)
    with browser.new_page(viewport={"width": 1280, "height": 800}) as other:
        opened(other, page.url)
        until(other, lambda: other.evaluate(DIGEST) == before, "the same pixels elsewhere")
        assert other.locator(".chosen .text").inner_text() == told
        assert other.url == page.url


def test_everything_like_a_record(explorer, store):
    page, table = explorer, open_store(store)
    page.mouse.click(*pixel(page, *LONE))
    card = page.locator(".record")
    card.get_by_text("Others like this one").click()
    row = table.nearest(*LONE).iloc[0]
    card.get_by_role("button", name="Filter all rows like this one").click()
    until(page, lambda: in_view(page) == table.count(where=f"kind = '{row['kind']}'"), "the rows of its kind, which gives the colour")
    card.get_by_label("score may differ by").fill("0.25")
    card.get_by_role("button", name="Select all rows like this one").click()
    near = f"kind = '{row['kind']}' AND score BETWEEN {row['score'] - 0.25} AND {row['score'] + 0.25}"
    wanted = table.count(where=near)
    assert 0 < wanted < ROWS
    until(page, lambda: page.locator(".chosen .text").inner_text() == f"{wanted:,} selected", "the rows that agree in both")
    card.get_by_label("Where").select_option("map")
    card.get_by_label("How many of the nearest").fill("many")
    card.get_by_role("button", name="Filter all rows like this one").click()
    card.locator(".said", has_text="whole number").wait_for()
    card.get_by_label("How many of the nearest").fill("7")
    card.get_by_role("button", name="Filter all rows like this one").click()
    until(page, lambda: in_view(page) == 7, "the seven nearest")
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
    until(page, lambda: _shown(page) == titles[:48], "the first page")
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
    until(page, lambda: tiles.nth(1).get_attribute("aria-current") == "true", "the tile to be marked")
    page.keyboard.press("PageDown")
    until(page, lambda: _shown(page) == titles[48:96], "the second page")
    page.locator(".rank[data-name=b]").click()
    wanted = table.category_counts("kind")["b"]
    until(page, lambda: page.locator(".images .range").inner_text() == f"1–48 of {wanted:,}", "the images of one kind")
    page.get_by_role("button", name="Records", exact=True).click()
    page.locator(".records tbody tr").first.wait_for()
    assert page.locator(".images").is_hidden(), "they have one place"
    assert page.evaluate("window.hacked") is None


@pytest.fixture(scope="module")
def team(chromium: str, store: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Return the address of an explorer that saves in a team's database, and the database."""
    database = f"sqlite:///{tmp_path_factory.mktemp('team')}/team.db"
    with serving(store, "--selections", database) as address:
        yield address, database


def _saved(page, name: str):
    return page.locator(".saved li").filter(has=page.locator("strong", has_text=re.compile(f"^{re.escape(name)}$")))


def test_saved_selections_are_edited_opened_and_deleted(page, team, store):
    url, database = team
    opened(page, url)
    team_s = open_store(store).selections(database)
    page.locator(".rank[data-name=b]").click()
    kept = open_store(store).count(where="kind = 'b'")
    until(page, lambda: in_view(page) == kept, "one kind")
    page.mouse.move(*pixel(page, 4.0, 1.0))
    page.mouse.wheel(0, -200)
    until(page, lambda: in_view(page) < kept, "a part of it")
    near = in_view(page)
    page.get_by_role("button", name="Saved", exact=True).click()
    page.get_by_label("Name", exact=True).fill(f"b {EVIL}")
    page.get_by_label("Note", exact=True).fill(f"see {EVIL}")
    page.get_by_role("button", name="Save", exact=True).click()
    _saved(page, f"b {EVIL}").wait_for()
    told = _saved(page, f"b {EVIL}").inner_text()
    assert f"{kept:,} rows" in told
    assert team_s.get(f"b {EVIL}").author in told
    assert "UTC" in told
    page.get_by_label("Name", exact=True).fill(f"b {EVIL}")
    page.get_by_role("button", name="Remove the filter").click()
    page.get_by_role("button", name="Save", exact=True).click()
    page.locator(".panel-charts .said", has_text="already").wait_for()
    assert page.get_by_label("Name", exact=True).input_value() == f"b {EVIL}", "it can be changed"
    page.get_by_role("button", name=f"Edit b {EVIL}").click()
    page.get_by_label("New name").fill("kind b")
    page.get_by_label("New note").fill("two\nlines")
    page.get_by_role("button", name="Save changes").click()
    _saved(page, "kind b").wait_for()
    assert team_s.get("kind b").note == "two\nlines"
    # Somebody else edits it at the same time.
    page.get_by_role("button", name="Edit kind b").click()
    team_s.annotate("kind b", "theirs")
    page.get_by_label("New note").fill("mine")
    page.get_by_role("button", name="Save changes").click()
    page.locator(".panel-charts .said", has_text="theirs").wait_for()
    page.get_by_role("button", name="Whole map (0)").click()
    until(page, lambda: in_view(page) == ROWS, "all rows")
    page.get_by_role("button", name="Show kind b").click()
    until(page, lambda: in_view(page) == near, "the view as it was saved")
    team_s.save("gone", "kind = 'c'")
    team_s._database.write(
        lambda connection: connection.exec_driver_sql("UPDATE bigview_selections SET expression = replace(expression, 'kind', 'former')")
    )
    page.get_by_role("button", name="Select kind b").click()
    page.locator(".panel-charts .said", has_text="No column").wait_for()
    assert in_view(page) == near
    page.get_by_role("button", name="Delete kind b").click()
    page.get_by_role("button", name="Delete kind b for everybody?").click()
    _saved(page, "kind b").wait_for(state="detached")
    assert [one.name for one in team_s.list()] == ["gone"]
    assert page.evaluate("window.hacked") is None


@pytest.mark.parametrize("panels", [("Images", "Saved"), ("Charts", "Filters", "Records")], ids="+".join)
def test_nothing_bars_people_who_hear_or_use_keys(page, team, store, panels):
    """axe-core finds nothing to mend, with panels open, a record pinned and its forms unfolded."""
    url, database = team
    open_store(store).selections(database).save("one", "score > 0.5", note="a note", taken="replace")
    opened(page, url)
    page.mouse.click(*pixel(page, *LONE))
    page.get_by_text("Others like this one").click()
    page.locator(".rank").first.click()
    page.get_by_role("button", name="Images", exact=True).wait_for()
    for name in panels:
        page.get_by_role("button", name=name, exact=True).click()
    if "Saved" in panels:
        page.get_by_role("button", name="Edit one").click()
        page.locator(".tile").first.wait_for()
    nothing_bars(page, lambda: page.wait_for_timeout(700))


def test_a_link_opens_the_charts_it_has(page, url, store):
    spec = Spec(charts=[bv.Chart("histogram", ("score",), "score < 0.25"), bv.Chart("bars", ("kind",))])
    opened(page, f"{url}?{spec.to_query()}")
    page.locator(".panel.charts .bar").first.wait_for(timeout=20_000)
    assert in_view(page) == open_store(store).count(where="score < 0.25")
    until(page, lambda: "spec=" in page.url and _spec(page).charts == spec.charts, "the same charts in the link")


def test_moving_about_is_no_step_of_the_history_and_a_jump_is_one(explorer):
    page = explorer
    until(page, lambda: "spec=" in page.url, "a link")
    entries = page.evaluate("history.length")
    page.locator(".map").first.focus()
    for key in ("+", "+", "ArrowRight"):
        link = page.url
        page.keyboard.press(key)
        until(page, lambda link=link: page.url != link, "a link to another place")
    assert page.evaluate("history.length") == entries
    there = _spec(page).view
    page.keyboard.press("0")
    until(page, lambda: page.evaluate("history.length") == entries + 1, "a step")
    assert _spec(page).view != there
    page.go_back()
    until(page, lambda: _spec(page).view == there, "the place before")
