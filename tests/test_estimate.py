"""The quick picture under a filter: the obvious counts of the sample's rows, or, where few rows are in view, the exact picture."""

import math
import shutil
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bigview as bv
from bigview.config import override
from bigview.raster import estimate as estimating
from bigview.raster.estimate import Sheet, estimate
from bigview.raster.frame import forget_frames, frame
from bigview.raster.sketch import roughness, sketch
from bigview.spec import Filter, Filters, Style, View
from bigview.store import sample, sampled
from bigview.store.filters import forget_filters
from bigview.views.picture import Painter, Wish
from tests.views import store, table

HOME = View((-1.5, 5.5), (-2, 4.5), 64, 48)
ROWS = 20_000
WHERES = (
    "score > 0.4",
    "votes < 700 AND label = 'a'",
    "label IS NULL OR flag",
    "day > '2020-01-05'",
    "regexp_matches(label, 'a|b')",
    "votes * score > 300",
)
CHOSEN = (None, "votes > 500", Filter(split=(1, 3, 0)))
STYLES = (Style(), Style(by="label"), Style(by="score"), Style(by="day"), Style(by="flag"))
LARGE = {"exact_rows": 0, "quick_rows": 0, "sampled_rows": 0}


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> bv.PointStore:
    """Return a store with a file of its sample."""
    with override(**LARGE, row_group=200), patch.object(sample, "SHARE", 4), patch.object(sample, "_FEWEST", 100):
        return store(tmp_path_factory.mktemp("estimate"), table(ROWS))


@pytest.fixture(autouse=True)
def _large():
    forget_frames()
    forget_filters()
    sampled._columns.clear()
    sampled._masks.clear()
    with override(**LARGE):
        yield


def cold(points: bv.PointStore) -> bv.PointStore:
    forget_frames()
    forget_filters()
    return bv.open(points.reader.folder.url)


@given(st.sampled_from(WHERES), st.sampled_from(CHOSEN), st.sampled_from(STYLES), st.integers(0, 3), st.floats(-1, 2), st.floats(0.3, 4))
@settings(max_examples=25, deadline=None)
def test_a_sketch_under_a_filter_counts_the_rows_of_the_sample(points, where, chosen, style, seed, corner, span):
    view = View((corner, corner + span), (corner - 0.3, corner + span), 40 + seed, 30)
    both, sampled_rows = Filters.of(where, chosen), points.sampled
    with patch.object(estimating, "_FEWEST", 1):
        found = estimate(points, [view], style, Filters.of(where), Filters.of(chosen))
    rows = points.records(sampled_rows.positions, ["x", "y", "label", "score", "flag", "day"])
    numbers = points.rows(where=Filter("TRUE") if not both else _as_filter(where, chosen), columns=[], limit=ROWS)["__row"]
    rows = rows[rows["__row"].isin(numbers)]
    lattice = Sheet.of(points, view).lattice
    px, py = ((rows[name] - side.low) / (side.high - side.low) * side.pixels for name, side in (("x", lattice.x), ("y", lattice.y)))
    inside = (px >= 0) & (py >= 0) & (px < lattice.x.pixels) & (py < lattice.y.pixels)
    pixel = (np.floor(py) * lattice.x.pixels + np.floor(px))[inside].astype(int)
    rows, size = rows[inside], lattice.x.pixels * lattice.y.pixels
    if not len(rows):
        assert found is None
        return
    drawing, shown = found
    truth = np.bincount(pixel, minlength=size).reshape(lattice.shape)
    mask = sampled_rows.mask(where=both)
    sheet = Sheet.of(points, view)
    assert np.array_equal(sheet.counts(mask), truth)
    assert (drawing.exact, drawing.share) == (False, len(sampled_rows.positions) / ROWS)
    assert shown == view
    assert abs(drawing.count - len(rows) * sampled_rows.scale) <= truth.size
    coloured = drawing.tones.tone > 0
    assert coloured[truth > 0].all()
    if not chosen:
        assert not coloured[truth == 0].any()
    if style.by in ("label", "flag"):
        counts = rows.groupby([pixel, rows[style.by].astype(object)]).size().unstack(fill_value=0)
        best = counts.idxmax(axis=1)
        ties = (counts.eq(counts.max(axis=1), axis=0).sum(axis=1) > 1).to_numpy()
        names = list(points.reader.categories(style.by))
        hues = drawing.tones.hue.ravel()[counts.index.to_numpy()]
        assert [int(hue) for hue, tie in zip(hues, ties, strict=True) if not tie] == [
            names.index(name) for name, tie in zip(best, ties, strict=True) if not tie
        ]
        assert drawing.totals.sum() == pytest.approx(rows[style.by].notna().sum() * sampled_rows.scale, abs=len(names))
    if style.by == "score":
        means = rows.groupby(pixel)["score"].mean()
        low, high = drawing.span
        told = drawing.tones.tone.ravel()[means.index.to_numpy()].astype(float)
        steps = np.clip((means.to_numpy() - low) / (high - low) * 254, 0, 253)
        assert np.allclose(told, np.where(np.isnan(steps), 255, 1 + np.floor(steps)), atol=1)


def _as_filter(where: str, chosen: "str | Filter | None") -> Filter:
    return Filter(where) if chosen is None else Filter(where) & (Filter(chosen) if isinstance(chosen, str) else chosen)


@given(st.sampled_from(WHERES[:5]), st.sampled_from(CHOSEN[:2]), st.sampled_from(STYLES), st.floats(0, 2))
@settings(max_examples=25, deadline=None)
def test_where_few_rows_are_in_view_the_first_picture_is_exact(points, where, chosen, style, corner):
    view = View((corner, corner + 0.02), (corner, corner + 0.02), 50, 50)
    fresh = cold(points)
    found = sketch(fresh, view, style, where, chosen)
    assert found is not None
    assert (found.exact, found.share) == (True, 1.0)
    assert not fresh.known(where), "what was found of some rows is not taken for all"
    truth = frame(points, view, style, where, chosen)
    assert np.array_equal(found.rgba, truth.rgba)
    assert (found.count, found.error) == (truth.count, truth.error)


def test_a_column_that_nobody_has_read_has_a_sketch_that_says_so(points):
    for style in STYLES[:3]:
        fresh = cold(points)
        pictures = list(Painter(fresh).paint(Wish(HOME, style, "votes > 300", settled=True)))
        assert [picture.frame.exact for picture in pictures] == [False, True, True]
        assert pictures[0].wire.facts["approximate"]
        rough, share = pictures[0].frame, len(fresh.sampled.positions) / ROWS
        assert rough.share == share
        assert rough.error >= 1
        assert roughness(rough) == (
            f"Approximate picture ({100 * share:.2g} % of the rows, within {int(np.ceil(rough.error))} pixel{'s' * (rough.error > 1)}); "
            "the exact one is being drawn"
        )
        assert roughness(pictures[1].frame) == ""
        assert abs(rough.count - pictures[1].frame.count) < 0.1 * ROWS
        assert (pictures[1].frame.rgba == frame(points, HOME, style, "votes > 300").rgba).all()


def test_only_a_first_look_at_the_rows_has_a_sketch(points):
    fresh = cold(points)
    frame(fresh, HOME, Style())
    assert sketch(fresh, HOME, Style(), "votes > 300") is not None
    frame(fresh, HOME, Style(), "votes > 300")
    forget_frames()
    assert sketch(fresh, HOME, Style(), "votes > 300") is None, "the bits are there"
    assert sketch(fresh, HOME, Style(), "votes > 310") is None, "the column is in memory"
    with override(quick_rows=ROWS):
        assert sketch(fresh, HOME, Style(by="label"), "votes > 320") is None
        assert sketch(cold(points), HOME, Style(), "votes > 330") is None, "a small store is read at once"


def test_filters_that_come_faster_than_their_pictures_have_sketches(points, monkeypatch):
    fresh, style = cold(points), Style(by="label")
    frame(fresh, HOME, style, "votes > 300")
    painter = Painter(fresh)

    def exact(number: int) -> list[bool]:
        return [picture.frame.exact for picture in painter.paint(Wish(HOME, style, f"votes > {number}", settled=True))]

    with override(quick_rows=ROWS // 20):
        assert exact(310) == [True, True], "one alone is quick enough"
        monkeypatch.setattr("bigview.views.picture._AT_ONCE", math.inf)
        assert exact(320) == [False, True, True]
        monkeypatch.setattr("bigview.views.picture._AT_ONCE", 0.0)
        assert exact(330) == [True, True]


def test_what_a_sample_cannot_tell_has_no_sketch(points):
    assert sketch(cold(points), HOME, Style(), "text LIKE '%7%'") is None
    assert sketch(cold(points), HOME, Style(), "votes = 1 AND score > 0.9999") is None, "no row of the sample passes"
    ring = Filter(polygon=[(0, 0), (3, 0), (2, 3)])
    assert sketch(cold(points), HOME, Style(by="label"), ring) is None
    fresh = cold(points)
    fresh.bits(ring)
    found = sketch(fresh, HOME, Style(by="label"), ring)
    assert found is not None
    assert found.share < 1
    steps = Filters.stepwise([("add", Filter("votes > 900")), ("subtract", Filter("flag")), ("intersect", Filter("score > 0.1"))])
    found = sketch(cold(points), HOME, Style(), None, steps)
    assert found is not None
    assert abs(found.count - points.count(HOME, steps)) < 0.5 * points.count(HOME, steps) + 200


def test_cells_that_have_to_be_read_under_a_known_filter_are_drawn_in_larger_pixels(points):
    fresh = cold(points)
    fresh.bits("votes > 300")
    found = sketch(fresh, HOME, Style(), "votes > 300")
    assert found is not None
    assert (found.exact, found.share) == (False, 1.0)
    assert found.count == points.count(View(found.x_range, found.y_range), "votes > 300")


def test_a_store_from_before_there_were_samples_works_as_it_did(points, tmp_path):
    with override(sampled_rows=ROWS):
        old = store(tmp_path, table(ROWS))
    assert not old.reader.sample_groups.files
    with patch.object(sample, "SHARE", 4), patch.object(sample, "_FEWEST", 100):
        pictures = list(Painter(bv.open(old.reader.folder.url)).paint(Wish(HOME, Style(), "votes > 300", settled=True)))
        assert [picture.frame.exact for picture in pictures][-2:] == [True, True]
        assert (pictures[-1].frame.rgba == frame(points, HOME, Style(), "votes > 300").rgba).all()


def test_a_selection_is_grey_around_in_the_sketch_as_well(points):
    fresh = cold(points)
    found = sketch(fresh, HOME, Style(), None, "votes > 500")
    assert found is not None
    assert found.drawing.context
    assert found.share < 1
    assert isinstance(found.legend, tuple)
    assert pd.notna(found.count)


def test_what_cannot_fail_is_known_before_a_row_is_read(points):
    fresh = cold(points)
    assert fresh.sure("score > 0.4 AND label IN ('a', 'b')")
    assert not fresh.sure("votes * score > 300"), "left to DuckDB, which looks at the rows"
    assert not fresh.sure("label > 5"), "no row may be a number"
    assert not fresh.reader.pages.held(["score"]).any()
    with pytest.raises(bv.errors.ExpressionError):
        fresh.sure("score >")
    fresh.bits("votes * score > 300")
    assert fresh.sure("votes * score > 300")


def test_a_picture_that_is_exact_at_once_is_not_drawn_again(points):
    fresh, close = cold(points), View((0.5, 0.52), (0.5, 0.52), 50, 50)
    pictures = list(Painter(fresh).paint(Wish(close, Style(by="label"), "votes > 300", settled=True)))
    assert len(pictures) == 2
    assert pictures[0].wire is pictures[1].wire
    assert pictures[0].frame.exact
    assert pictures[1].count == points.count(close, "votes > 300")


@pytest.mark.parametrize("style", STYLES[:3])
def test_over_an_index_the_sketch_has_its_own_places(points, style, tmp_path):
    shutil.copytree(points.reader.folder.url, tmp_path / "s.bv")
    store = bv.open(str(tmp_path / "s.bv"))
    store.index("votes", "score", quiet=True)
    pair = bv.open(str(tmp_path / "s.bv")).over("votes", "score")
    view = View(*pair.home, 40, 30)
    forget_filters()
    found = sketch(pair, view, style, "flag AND label = 'a'")
    assert found is not None
    assert found.share < 1
    truth = frame(pair, view, style, "flag AND label = 'a'")
    assert 0.8 < found.count / truth.count < 1.25


def test_colours_at_another_place_have_a_sketch_sooner_than_another_filter_at_the_same(points):
    fresh, style = cold(points), Style(by="label")
    frame(fresh, HOME, style)
    seen = fresh.count(HOME)
    for clause in ("votes > 300", "votes > 310"):
        fresh.bits(clause)
    with override(quick_rows=seen // 25):  # five times as many are a fifth of them
        assert sketch(fresh, HOME, style, "votes > 300") is None
        elsewhere = View((-1.4, 5.6), (-2, 4.5), 64, 48)
        found = sketch(fresh, elsewhere, style, "votes > 310")
        assert found is not None
        assert found.share < 1
