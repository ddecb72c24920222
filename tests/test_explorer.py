"""What the explorer says and shows, without a browser."""

import json
import socket
import time
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bigview as bv
import bigview.views.pointer as pointer
from bigview.app import component
from bigview.app.explorer import Explorer
from bigview.app.heatmap import HeatmapExplorer
from bigview.app.legend import densest_part, legend, remark, summary
from bigview.app.record import fields, headline, spoken
from bigview.app.savedpanel import SavedPanel
from bigview.app.server import make_server, title_of
from bigview.app.state import State, colorings, first_coloring
from bigview.build.points import build_points
from bigview.config import limits
from bigview.errors import ColumnError, InputError, PortError, StoreMissingError
from bigview.raster.frame import frame
from bigview.spec import Filter, Filters, Style, View
from bigview.state import Spec
from bigview.stores import open as open_store
from bigview.views.camera import Camera
from bigview.views.feed import simplified
from bigview.views.live import Latest
from bigview.views.picture import Painter, Wish, to_plot, to_value

ROWS = 3000


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "x": rng.normal(size=ROWS),
            "y": rng.normal(size=ROWS),
            "kind": pd.Categorical(rng.choice(["a", "b", "c"], ROWS)),
            "score": rng.random(ROWS),
            "note": [f"note {row}" for row in range(ROWS)],
        }
    )
    return str(_built(table, tmp_path_factory.mktemp("store")))


def _built(table, folder):
    build_points(table, str(folder / "a.bv"), x="x", y="y")
    return folder / "a.bv"


@pytest.fixture
def store(path):
    return open_store(path)


@pytest.mark.parametrize("kind", ["points", "matrix"])
def test_one_with_a_height_leaves_room_on_a_page_and_one_without_fills_it(store, tmp_path, monkeypatch, kind):
    monkeypatch.setattr(component, "on_page", lambda: True)
    monkeypatch.setattr(component.pn.config, "theme", component.pn.config.theme)  # which is the page's own there, and everybody's here
    made, table = (Explorer, store) if kind == "points" else (HeatmapExplorer, bv.build_matrix(np.eye(3), tmp_path / "m.bv", quiet=True))
    beside, alone = made(table, height=300).stage, made(table).stage
    assert (beside.height, beside.sizing_mode, beside.styles["position"], beside.facts["page"]) == (300, "stretch_width", "relative", False)
    assert (alone.height, alone.sizing_mode, alone.styles["position"], alone.facts["page"]) == (None, "stretch_both", "fixed", True)


@pytest.mark.parametrize("size", [(1400, 900), (390, 800), (300, 300)])
@pytest.mark.parametrize("equal", [True, False])
def test_the_fitted_camera_shows_all_beside_what_covers_it(size, equal):
    home = Camera(-3.0, 5.0, 2.0, 4.0)
    camera = Camera.fitted(home, size, equal, covered=(100, 50))
    left = camera.x0 + camera.span[0] * 100 / size[0]
    top = camera.y1 - camera.span[1] * 50 / size[1]
    assert left <= home.x0 < home.x1 <= camera.x1
    assert camera.y0 <= home.y0 < home.y1 <= top
    if equal:
        assert camera.span[0] / size[0] == pytest.approx(camera.span[1] / size[1])


def test_moves_and_zooms():
    camera = Camera(0.0, 10.0, 0.0, 5.0)
    assert camera.moved(0.1, 0.0).margins(camera, 0.2) == pytest.approx((0.04, 0.2, 0.04, 0.04))
    assert camera.moved(-0.1, 0.05).margins(camera, 0.2) == pytest.approx((0.2, 0.04, 0.04, 0.12))
    assert camera.margins(camera, 0.2) == pytest.approx((0.04,) * 4)
    assert camera.moved(0.1, -0.2) == Camera(1.0, 11.0, -1.0, 4.0)
    assert camera.zoomed(2) == Camera(2.5, 7.5, 1.25, 3.75)
    assert camera.resized((100, 50), (200, 50)).span == (20.0, 5.0)
    assert camera.same_scale(camera.moved(3, 3))
    assert not camera.same_scale(camera.zoomed(1.1))
    deep = camera.zoomed(1e300)
    assert deep.x0 < deep.x1


def test_datetimes_are_milliseconds_on_the_plot(store):
    moment = np.datetime64("2024-05-01T12:30:00.25", "ns")
    axis = type("Axis", (), {"kind": "datetime"})()
    assert to_plot(moment) == 1714566600250.0
    assert to_value(axis, to_plot(moment)) == moment


def test_marks_have_the_place_and_colour_of_the_picture(store):
    view = View((-0.5, 0.5), (-0.5, 0.5), 400, 400)
    style = Style(by="kind")
    last = list(Painter(store).paint(Wish(view, style, settled=True)))[-1]
    rows = store.rows(view, limit=ROWS)
    assert last.count == len(rows) == store.count(view) <= limits().glyph_rows
    np.testing.assert_array_equal(last.marks.x, rows["x"])
    made = frame(store, view, style)
    for x, y, color in zip(last.marks.x, last.marks.y, last.marks.colors, strict=True):
        pixel = int(made.rgba[int((y + 0.5) * 400), int((x + 0.5) * 400)])
        assert color == f"#{pixel & 255:02x}{pixel >> 8 & 255:02x}{pixel >> 16 & 255:02x}"
    assert last.marks.size >= 2 * made.spread + 1


def test_a_dragged_picture_has_a_margin_at_the_same_scale(store):
    view = View((-1.0, 1.0), (-1.0, 1.0), 200, 100)
    (wide,) = Painter(store).paint(Wish(view, Style(), margin=(0.15, 0.15, 0.15, 0.15)))
    assert wide.frame.rgba.shape == (130, 260)
    x0, x1 = wide.frame.x_range
    assert (x1 - x0) / 260 == pytest.approx(2 / 200)
    assert wide.count is None


def test_the_record_under_the_pointer(store):
    row = store.rows(limit=1)
    place = (float(row["x"].iloc[0]), float(row["y"].iloc[0]))
    view = View((place[0] - 1e-6, place[0] + 1e-6), (place[1] - 1e-6, place[1] + 1e-6), 400, 400)
    quick, whole = pointer.find(store, pointer.Pointed(place, (200, 200), view))
    assert not quick.complete
    assert "note" not in quick.record
    assert whole.complete
    assert whole.record["__row"].iloc[0] == row["__row"].iloc[0]
    assert whole.record["note"].iloc[0] == row["note"].iloc[0]
    beside = (place[0] + 0.9e-6, place[1] + 0.9e-6)
    assert list(pointer.find(store, pointer.Pointed(beside, (200, 200), view))) == [None]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (float("nan"), ""),
        (pd.NaT, ""),
        (True, "yes"),
        (np.float32(0.1), "0.1"),
        (0.1, "0.1"),
        (1234567, "1,234,567"),
        (2024, "2024"),
        (pd.Timestamp("2024-05-01"), "2024-05-01"),
        (b"abc", "3 bytes"),
        ([1, None], "[1, —]"),
        (list(range(20)), "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, … (20 in all)]"),
        ("<b>", "<b>"),
    ],
)
def test_values_are_spoken(value, text):
    assert spoken(value) == text


def test_records_have_every_column_and_tips_are_brief(store):
    record = store.take(row_ids=[7])
    assert {name for name, _ in fields(record, store.manifest)} == set(store.columns)
    brief = fields(record, store.manifest, brief=True)
    assert [name for name, _ in brief] == ["kind", "note", "score"]
    assert headline(record, store.manifest) == "note 7"


def test_legends_are_plain_values(store):
    view = View(*store.home, 200, 200)
    shown = legend(store, frame(store, view, Style(by="kind")), "kind", True)
    assert [item["name"] for item in shown["items"]] == store.category_counts("kind", view).index.tolist()
    assert shown["more"] == ""
    assert legend(store, frame(store, view), None, True)["kind"] == "bar"
    assert summary(5, 10, shown).startswith(f"5 of 10 rows in view; densest: {store.category_counts('kind', view).index[0]}, ")
    json.dumps(shown)


def test_the_summary_is_what_one_would_say(store):
    view = View(*store.home, 200, 200)
    last = store.category_counts("kind", view).index[-1]
    shown = legend(store, frame(store, view, Style(by="kind"), f"kind = '{last}'"), "kind", True, (last,), np.array([5, 1, 3]))
    assert summary(1_234_567, 9_400_000, shown, 3).startswith(f"1.2 M of 9.4 M rows in view; densest: {last}, ")
    assert summary(1_234_567, 9_400_000, shown, 3).endswith("; 3 filters.")
    assert summary(0, 2_000_000_000, shown, 1, 0) == "0 of 2 billion rows in view; 1 filter; 0 selected."
    assert summary(7, 9, {}, densest="upper left") == "7 of 9 rows in view; densest: upper left."


@pytest.mark.parametrize(("x", "y", "said"), [(0, 0, "lower left"), (0.5, 0.5, "the middle"), (1, 0.5, "middle right"), (0.5, 1, "upper middle")])
def test_the_densest_part_of_a_picture(tmp_path, x, y, said):
    rng = np.random.default_rng(0)
    places = np.vstack([rng.random((500, 2)), [[x, y]] * 4000])
    build_points(pd.DataFrame(places, columns=["x", "y"]), str(tmp_path / "a.bv"), x="x", y="y", quiet=True)
    with open_store(str(tmp_path / "a.bv")) as made:
        assert densest_part(frame(made, View((-0.1, 1.1), (-0.1, 1.1), 120, 90), Style())) == said


@pytest.mark.parametrize("far", [1e100, 1e300, -1e300])
@pytest.mark.parametrize("by", [None, "kind", "score"])
def test_a_view_of_nowhere_is_an_empty_picture(store, far, by):
    ends = tuple(sorted((far, 1.5 * far)))
    assert frame(store, View(ends, ends, 300, 200), Style(by=by)).count == 0


def test_what_leaves_nothing_to_see_is_said():
    assert remark(5, 10, 3, None) == remark(5, 10, 0, 3) == ""
    assert "No row is in view" in remark(0, 10, 0, None)
    assert "no rows" in remark(0, 0, 0, None)
    assert "filters" in remark(0, 10, 1, None)
    assert "Nothing is selected" in remark(5, 10, 1, 0)
    assert "Every row" in remark(5, 10, 1, 10)


@given(st.integers(0, 2**32), st.integers(5, 300), st.sampled_from([1e-9, 0.02, 7.0, 3e5]))
def test_a_lasso_keeps_its_shape_with_fewer_corners(seed, count, pixel):
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0, 2 * np.pi, count))
    drawn = np.column_stack([np.cos(angle), 0.6 * np.sin(angle)]) * 200 + rng.normal(0, 0.3, (count, 2))
    found = np.array(simplified([(x * pixel, y * pixel) for x, y in drawn], (pixel, pixel))) / pixel
    assert 2 <= len(found) <= count
    ends, starts = found[1:], found[:-1]
    for place in drawn:  # no corner is further from the new outline than half a pixel and what rounding adds
        along, away = ends - starts, place - starts
        share = np.clip((along * away).sum(axis=1) / np.maximum((along**2).sum(axis=1), 1e-30), 0, 1)
        assert np.hypot(*(away - along * share[:, None]).T).min() < 0.55


def test_a_lasso_drawn_by_hand_fits_a_link():
    angle = np.linspace(0, 2 * np.pi, 240)
    hand = np.column_stack([4 + np.cos(angle) * (1 + 0.1 * np.sin(5 * angle)), 2 + np.sin(angle)])
    corners = simplified([(float(x), float(y)) for x, y in hand], (0.01, 0.01))
    assert 20 < len(corners) < 120
    assert len(Spec(selection=Filter(polygon=corners), fingerprint="f" * 64).to_query()) < 2000


def test_the_legend_of_a_thousand_categories(tmp_path):
    rows, kinds = 20_000, 1000
    code = np.minimum(np.random.default_rng(3).zipf(1.4, rows) - 1, kinds - 1)
    code[:kinds] = np.arange(kinds)
    table = pd.DataFrame({"x": np.arange(rows) % 141, "y": np.arange(rows) // 141, "topic": pd.Categorical([f"t{one}" for one in code])})
    build_points(table, str(tmp_path / "many.bv"), x="x", y="y", categories=["topic"], quiet=True)
    with open_store(str(tmp_path / "many.bv")) as many:
        made = frame(many, View((-1, 142), (-1, 143), 200, 200), Style(by="topic"))
        shown = legend(many, made, "topic", True, picked=("t999",))
    counts = table["topic"].value_counts()
    assert [item["count"] for item in shown["items"][:5]] == [f"{count:,}" for count in counts.iloc[:5]]
    assert [item["name"] for item in shown["items"] if item["on"]] == ["t999"], "what was picked is listed, however rare"
    assert shown["more"].startswith(f"{kinds - len(shown['items']):,} more")


def test_what_to_colour_by(store):
    assert first_coloring(store) == "kind"
    assert list(colorings(store)) == ["Density", "kind", "score"]
    assert Explorer(store, color_by="score").state.color_by == "score"
    assert Explorer(store, color_by=None).state.color_by is None
    with pytest.raises(ColumnError, match="score"):
        Explorer(store, color_by="scor")


def test_an_explorer_keeps_its_last_picture_and_says_what_failed(store):
    explorer = Explorer(store)
    explorer.failed("A sentence.")
    assert explorer.stage.status["message"] == "A sentence."
    assert explorer.stage.status["all"] == f" of {ROWS:,} rows"
    explorer.close()


def test_other_addresses_need_a_lock_or_a_word(path):
    with pytest.raises(PortError, match="--auth FILE"):
        make_server(path, address="0.0.0.0")


def test_a_port_in_use_is_one_sentence(path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(PortError, match="in use"):
            make_server(path, port=taken.getsockname()[1])


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"a": ""}', '{"a": 1}', "no json"])
def test_a_file_of_users_is_checked(path, tmp_path, text):
    (tmp_path / "users.json").write_text(text)
    with pytest.raises(InputError, match="password"):
        make_server(path, auth=str(tmp_path / "users.json"))


def test_a_missing_store_or_file_of_users(path, tmp_path):
    with pytest.raises(StoreMissingError):
        make_server(str(tmp_path / "nothing.bv"))
    with pytest.raises(InputError, match="cannot be read"):
        make_server(path, auth=str(tmp_path / "nothing.json"))


def test_titles(store):
    assert title_of(store) == "a"


def test_nothing_that_is_to_be_saved_is_dropped_for_something_newer(path, tmp_path):
    store = open_store(path, selections=str(tmp_path / "saved.db"))
    heard = []
    worker = lambda work, deliver: Latest(work, deliver, heard.append, lambda call: call())  # noqa: E731
    host = SimpleNamespace(table=store, state=State(spec=Spec()), where=Filters(), selected=Filters(), permalink=SimpleNamespace(spec=Spec()))
    host.map, host.settled, host.pinned = SimpleNamespace(worker=worker, soon=lambda call: call()), [], []
    panel, names = SavedPanel(host), {f"number {number}" for number in range(12)}
    for name in sorted(names):
        panel.component.told("save", {"name": name, "note": ""})
        panel.component.told("list", {})
    until = time.monotonic() + 60
    while {one["name"] for one in panel.component.items} != names and time.monotonic() < until:
        time.sleep(0.02)
    panel.close()
    assert {one.name for one in store.selections().list()} == names
    assert not heard
    assert panel.component.said["text"].startswith("Saved number"), "a list says nothing of its own"
