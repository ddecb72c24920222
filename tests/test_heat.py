"""Pictures of matrices: the colour of a cell is that of its value, at every zoom and in every order; names never overlap."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigview.matrixspec import MatrixStyle
from bigview.raster.heat import HeatLook, forget_heat, heat_frame, window_of
from bigview.raster.heatlabels import LINE, ROUND, names_at, shown_places, step_of
from bigview.raster.heatlegend import heat_table
from bigview.raster.heatrender import pixels_of, render_matrix
from bigview.raster.heatscale import MISSING, Spread, scale_for
from bigview.raster.palettes import rgb
from bigview.raster.shade import unpacked
from bigview.spec import View
from bigview.views.heatcells import find_cell
from bigview.views.heatscene import HeatPainter, HeatScene
from bigview.views.picture import Wish
from bigview.views.pointer import Pointed
from tests import matrices

VALUES = matrices.values()
ROWS, COLS = VALUES.shape


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return matrices.store(tmp_path_factory.mktemp("heat"))


def colour(store, value, style):
    """Return the colour that a value has, by the scale and the palette alone."""
    facts = store.manifest.facts
    spread = Spread(facts["low"], facts["high"], facts["mean"], tuple(facts["quantiles"]))
    scale = scale_for(spread, style)
    table = heat_table(style.palette or ("viridis" if style.center is None else "polar"), style.dark)[0]
    return table[MISSING[0] :] if np.isnan(value) else table[1 + np.searchsorted(scale.edges, value, "right")]


@pytest.mark.parametrize("style", [MatrixStyle(), MatrixStyle(center=0.0), MatrixStyle(scale="quantile", dark=False), MatrixStyle(scale="symlog")])
def test_the_colour_of_a_cell_is_that_of_its_value(store, style):
    """Where a cell is larger than a pixel each pixel shows one cell."""
    view = View((10.25, 40.75), (50.5, 80.25), 610, 595)
    made = heat_frame(store, view, HeatLook(style))
    found = pixels_of(made, view)
    rng = np.random.default_rng(0)
    for i, j in rng.integers(0, (view.height, view.width), (300, 2)).tolist():
        row, col = int(50.5 + (i + 0.5) * 29.75 / 595), int(10.25 + (j + 0.5) * 30.5 / 610)
        expected = colour(store, VALUES[row, col], style)
        assert found[i, j] in np.atleast_1d(expected), (row, col)


def test_the_colour_of_several_cells_is_that_of_their_mean(store):
    view = View((0, COLS), (0, ROWS), COLS // 2, ROWS // 3)
    made = heat_frame(store, view, HeatLook())
    blocks = VALUES.astype(float).reshape(ROWS // 3, 3, COLS // 2, 2)
    count = np.isfinite(blocks).sum(axis=(1, 3))
    mean = np.nansum(blocks, axis=(1, 3)) / np.maximum(count, 1)
    rgba = made.rgba[::-1]
    for i, j in np.random.default_rng(1).integers(0, rgba.shape, (300, 2)).tolist():
        expected = np.atleast_1d(colour(store, mean[i, j] if count[i, j] else np.nan, MatrixStyle()))
        assert rgba[i, j] in expected


def test_an_order_moves_colours_with_their_rows(store):
    order = store.order("rows", by="weight", descending=True)
    view = View((0, COLS), (0, ROWS), COLS, ROWS)
    plain, sorted_ = (heat_frame(store, view, HeatLook(MatrixStyle(), rows)).drawing.tones.tone[::-1] for rows in (None, order))
    whole = np.isfinite(VALUES).all(axis=1)
    there = whole[order.index]
    assert (sorted_[there] == plain[order.index][there]).all()


def test_panning_changes_no_colour(store):
    """Law 7: the scale belongs to the store. A pixel has the same cells, and so the same colour, wherever the window is."""
    size, step = 60, 2.5
    whole = heat_frame(store, View((0, 60 * step), (0, size * step), 60, size), HeatLook()).rgba[::-1]
    for shift in (0.3, 1.0, 7.2, 13.9):
        x = y = shift * step
        moved = heat_frame(store, View((x, x + 40 * step), (y, y + 40 * step), 40, 40), HeatLook())
        first_row, first_col = round(-moved.drawing.bounds[3] / step), round(moved.drawing.bounds[0] / step)
        rgba = moved.rgba[::-1]
        rows, cols = min(rgba.shape[0], size - first_row), min(rgba.shape[1], 60 - first_col)
        assert (rgba[:rows, :cols] == whole[first_row : first_row + rows, first_col : first_col + cols]).all()


def test_a_part_has_the_colours_of_the_whole(store):
    """The scale of what is in view is that of the store, also where the part has only small values."""
    part = heat_frame(store, View((0, 5), (0, 5), 50, 50), HeatLook())
    assert part.colorbar == heat_frame(store, View((100, 110), (200, 230), 50, 50), HeatLook()).colorbar


def test_the_bar_has_the_colours_of_the_picture(store):
    made = heat_frame(store, View((0, 30), (0, 30), 300, 300), HeatLook(MatrixStyle(scale="symlog")))
    bar = rgb(made.colorbar.colors)
    for row, col in [(3, 4), (20, 11), (29, 29)]:
        place = float(made.scale.place(VALUES[row, col]))
        shown = unpacked(pixels_of(made, View((col, col + 1), (row, row + 1), 1, 1)))[0, 0, :3] / 255
        assert np.abs(bar[min(len(bar) - 1, int(place * len(bar)))] - shown).max() < 0.02


def test_a_lone_spike_stays_with_the_extreme(store):
    view = View((0, COLS), (0, ROWS), 17, 15)
    spiked, mean = (heat_frame(store, view, HeatLook(MatrixStyle(agg=agg, clip=100))) for agg in ("extreme", "mean"))
    assert spiked.grid.to_numpy()[250 // 20, 20 // 10] == 40
    assert spiked.drawing.tones.tone[::-1][12, 2] > mean.drawing.tones.tone[::-1][12, 2]


def test_categories_have_a_legend(tmp_path):
    codes = (np.add.outer(np.arange(60) // 20, np.arange(40) // 20) % 3).astype(np.int8)
    store = matrices.store(tmp_path, codes, categories=["red", "green", "blue"])
    made = heat_frame(store, View((0, 40), (0, 60), 400, 600))
    assert [entry.name for entry in made.legend] == ["green", "red", "blue"] or {entry.name for entry in made.legend} == {"red", "green", "blue"}
    assert made.colorbar is None
    assert sum(entry.count for entry in made.legend) == codes.size
    assert len(np.unique(made.rgba)) == 3


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1)])
@pytest.mark.parametrize("fill", [3.0, np.nan])
def test_hardly_any_cells_are_drawn_all_the_same(tmp_path, shape, fill):
    store = matrices.store(tmp_path, np.full(shape, fill, np.float32))
    made = heat_frame(store, View((0, shape[1]), (0, shape[0]), 200, 100))
    assert (made.rgba != 0).all()
    assert made.colorbar is not None
    assert render_matrix(store, width=300).size[0] == 300


def test_nothing_in_view_is_nothing(store):
    assert not heat_frame(store, View((1000, 2000), (0, 10), 30, 30)).rgba.any()
    assert window_of(View((-20, -10), (0, 10), 30, 30), (ROWS, COLS)) is None


@given(low=st.floats(-50, 250), span=st.floats(0.5, 400), pixels=st.integers(2, 900))
def test_a_window_covers_what_is_in_view(low, span, pixels):
    window = window_of(View((low, low + span), (low, low + span), pixels, pixels), (300, 300))
    if window is None:
        assert low + span <= 1e-9 or low >= 300 - 1e-9
        return
    (x0, x1), size = window.view.x_range, window.view.width
    pixel = span / pixels
    assert x0 <= max(0, low) + 1e-6
    assert x1 >= min(300, low + span) - 1e-6
    assert x0 >= max(-1e-9, low - max(pixel, 1) - 1e-6)
    if pixel > 1:
        assert (x1 - x0) / size == pytest.approx(pixel)
        assert x0 / pixel == pytest.approx(round(x0 / pixel), abs=1e-6)
    else:
        assert size == x1 - x0


# --- names ------------------------------------------------------------------------------------------------------------------------------


@given(zoom=st.floats(-4, 12), low=st.floats(0, 99_000), steps=st.sampled_from([(), ROUND, (1, 7, 30)]))
def test_names_never_overlap_and_stay_as_one_zooms_in(zoom, low, steps):
    """Of 100,000 rows."""
    pixels = 100 * 2.0**-zoom  # of a row
    step = step_of(pixels, LINE, steps)
    assert step * pixels >= LINE * (1 - 1e-6)
    places = shown_places(low, low + 900 / pixels, 100_000, step)
    assert (np.diff(places) * pixels >= LINE * (1 - 1e-6)).all()
    if not steps:
        closer = shown_places(low, low + 450 / pixels, 100_000, step_of(2 * pixels, LINE))
        assert set(places[places < low + 450 / pixels]) <= set(closer), "a name that is shown stays as one zooms in"


def test_twenty_zooms_over_a_hundred_thousand_names(tmp_path):
    names = [f"name number {k}" for k in range(100_000)]
    store = matrices.store(tmp_path, np.zeros((100_000, 3), np.uint8), rows=names, cols=["a", "b", "c"])
    painter, high = HeatPainter(store), 800
    for zoom in range(20):
        span = 100_000 / 1.8**zoom
        [*_, picture] = painter.paint(Wish(View((0, 3), (30_000 - span / 3, 30_000 + span * 2 / 3), 600, high), HeatLook(), settled=True))
        at = (np.array(picture.rows.places) + 0.5) * high / span
        assert len(at) > 2 if span > 10 else len(at)
        assert (np.diff(at) >= LINE - 1e-6).all()
        assert picture.rows.texts == [names[place] for place in picture.rows.places]


def test_names_follow_the_order(store):
    order = store.order("rows", by="weight")
    assert names_at(store, HeatLook(MatrixStyle(), order), "rows", np.array([0, 5])) == [f"row {order.index[0]}", f"row {order.index[5]}"]


def test_large_cells_hold_their_values(store):
    def painted(pixels: int):
        [*_, picture] = HeatPainter(store).paint(Wish(View((50, 60), (60, 70), 10 * pixels, 10 * (pixels // 2)), HeatLook(), settled=True))
        return picture

    assert painted(20).texts is None
    texts = painted(60).texts
    assert (texts.row, texts.col) == (60, 50)
    assert texts.texts[0] == [""] * 10, "missing cells say nothing"
    [*_, picture] = HeatPainter(store).paint(Wish(View((0, 8), (0, 6), 800, 300), HeatLook(), settled=True))
    assert [[float(text) for text in line] for line in picture.texts.texts] == pytest.approx(VALUES[:6, :8].astype(float), abs=5e-3)
    assert {len(line) for line in picture.texts.light} == {8}


# --- under the pointer ------------------------------------------------------------------------------------------------------------------


def test_the_cell_under_the_pointer(store):
    look, view = HeatLook(), View((0, 10), (0, 10), 500, 500)
    [cell] = find_cell(store, Pointed((3.5, -7.2), (1, 1), view, style=look))
    assert (cell.row, cell.col) == (7, 3)
    assert cell.value == VALUES[7, 3]
    assert cell.facts[0]["kind"] == 7 % 3
    assert list(find_cell(store, Pointed((3.5, 2.0), (1, 1), view, style=look))) == [None]


@pytest.mark.parametrize("by", [None, "weight"])
def test_a_pixel_of_several_cells_tells_its_extremes(store, by):
    look = HeatLook(MatrixStyle(), None if by is None else store.order("rows", by=by))
    shown = VALUES if by is None else VALUES[look.rows.index]
    view = View((0, COLS), (0, ROWS), 17, 15)
    [*_, cell] = find_cell(store, Pointed((25.5, -251.5), (1, 1), view, style=look))
    block = shown[slice(*cell.rows), slice(*cell.cols)]
    assert cell.cells == 200
    assert cell.block.count == np.isfinite(block).sum()
    assert cell.block.mean == pytest.approx(np.nanmean(block.astype(float)))
    assert (cell.block.low, cell.block.high) == (np.nanmin(block), np.nanmax(block))
    assert shown[cell.block.high_at] == np.nanmax(block)
    assert shown[cell.block.low_at] == np.nanmin(block)


def test_the_scene_turns_rows_upside_down(store):
    scene = HeatScene(store)
    camera = scene.camera(((3.0, 8.0), (10.0, 20.0)))
    assert (camera.y0, camera.y1) == (-20.0, -10.0)
    assert scene.ranges(camera) == ((3.0, 8.0), (10.0, 20.0))


def test_another_palette_needs_no_cells(store, monkeypatch):
    forget_heat()
    view = View((0, 20), (0, 20), 100, 100)
    heat_frame(store, view, HeatLook())
    monkeypatch.setattr("bigview.raster.heat.aggregate_matrix", lambda *_: pytest.fail("asked for cells again"))
    assert heat_frame(store, view, HeatLook(MatrixStyle(palette="ice", scale="quantile"))).rgba.any()
