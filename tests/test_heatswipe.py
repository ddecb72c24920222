"""Two matrices in one place: both sides have the same colours and orders, links hold the divider, and hover tells both values."""

import io

import numpy as np
import pandas as pd
import pytest

import bigview as bv
from bigview.app.heatmap import HeatmapExplorer
from bigview.app.heatpanels import exports_of, profile_of, table_of
from bigview.app.heatstate import first_spec, usable_spec
from bigview.app.heattold import hover_of, spoken_value
from bigview.app.matrixpages import comparable, compared
from bigview.app.server import _pages
from bigview.build.comparison import passing_comparison
from bigview.errors import InputError, OptionError
from bigview.matrixorder import Ordering
from bigview.matrixspec import MatrixSpec, MatrixStyle
from bigview.raster.heat import HeatLook, heat_frame
from bigview.raster.heatscale import Spread
from bigview.raster.heatswipe import SwipeLook, swiped
from bigview.spec import View
from bigview.store.keptorders import keep_order, kept_order
from bigview.views.heatcells import find_cell
from bigview.views.heatscene import HeatPainter
from bigview.views.picture import Wish
from bigview.views.pointer import Pointed

ROWS, COLS = 90, 40


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Return two stores of which the second has its rows in another order, one of them under a name that the first lacks."""
    folder, rng = tmp_path_factory.mktemp("swipe"), np.random.default_rng(3)
    one, other = rng.normal(size=(ROWS, COLS)), 5 * rng.normal(size=(ROWS, COLS))
    one[4, 7] = np.nan
    names = np.array([f"r{k}" for k in range(ROWS)])
    mixed = rng.permutation(ROWS)
    others = np.where(names[mixed] == "r2", "elsewhere", names[mixed])
    cols = [f"c{k}" for k in range(COLS)]
    frames = pd.DataFrame(one, names, cols), pd.DataFrame(other[mixed], others, cols)
    stores = [bv.build_matrix(frame, folder / f"{name}.bv", title=name, quiet=True) for name, frame in zip(("One", "Other"), frames, strict=True)]
    kept = np.delete(np.arange(ROWS), 2)
    return stores, one[kept], other[kept]


def test_both_sides_are_in_one_order_and_one_scale(pair):
    stores, one, other = pair
    table = passing_comparison(*stores)
    look = SwipeLook(MatrixStyle(), table.order("rows", values_of="c3"), None)
    order, view = look.rows.index, View((0, COLS), (0, ROWS - 1), 400, 890)
    sides = [heat_frame(part, view, own) for part, own in swiped(table, look)]
    assert np.allclose(sides[0].grid, one[order], equal_nan=True)
    assert np.allclose(sides[1].grid, other[order])
    assert sides[0].scale == sides[1].scale
    assert sides[0].colorbar.ticks == sides[1].colorbar.ticks
    alone = heat_frame(stores[0], view, HeatLook())
    assert sides[0].scale.high > 3 * alone.scale.high, "the other matrix has larger values"


def test_spreads_are_joined_as_those_of_all_the_values():
    rng = np.random.default_rng(0)
    values = rng.normal(size=9000), rng.exponential(size=9000) * 4
    joined, truth = Spread.of(values[0]).joined(Spread.of(values[1])), Spread.of(np.concatenate(values))
    assert (joined.low, joined.high) == (truth.low, truth.high)
    assert joined.mean == pytest.approx(truth.mean)
    assert np.allclose(joined.quantiles[3:-3], truth.quantiles[3:-3], atol=0.05)


def test_a_picture_is_two_frames(pair):
    stores, *_ = pair
    table = passing_comparison(*stores)
    view = View((0, COLS), (0, ROWS - 1), 1200, 1780)
    [*_, both] = HeatPainter(table).paint(Wish(view, SwipeLook(), settled=True))
    assert both.beside.frame.grid.shape == both.frame.grid.shape
    assert both.beside.texts.texts[0] != both.texts.texts[0]
    [*_, one] = HeatPainter(table).paint(Wish(view, HeatLook(), settled=True))
    assert one.beside is None


@pytest.mark.parametrize("pixels", [(COLS, ROWS - 1), (8, 10)])
def test_hover_tells_both_values(pair, pixels):
    stores, one, other = pair
    table, look = passing_comparison(*stores), SwipeLook()
    [*_, cell] = find_cell(table, Pointed((11.5, -20.5), (4, 5), View((0, COLS), (0, ROWS - 1), *pixels), style=look))
    told = dict(hover_of(table, look, cell)["fields"])
    assert cell.pair == (pytest.approx(one[20, 11]), pytest.approx(other[20, 11]))
    assert float(told["One"]) == pytest.approx(one[20, 11], abs=6e-3)
    assert float(told["Other"]) == pytest.approx(other[20, 11], abs=6e-2)
    if pixels[0] < COLS:
        (r0, r1), (c0, c1) = cell.rows, cell.cols
        assert float(told["mean of Other"]) == pytest.approx(other[r0:r1, c0:c1].mean(), abs=6e-3)
        assert "difference of the means" in told
    assert "Other" in spoken_value(table, look, 20, 11)


def test_a_missing_cell_hides_neither_of_the_two(pair):
    stores, _, other = pair
    table = passing_comparison(*stores)
    [*_, cell] = find_cell(table, Pointed((7.5, -3.5), (4, 5), View((0, COLS), (0, ROWS - 1), COLS, ROWS - 1), style=SwipeLook()))
    told = dict(hover_of(table, SwipeLook(), cell)["fields"])
    assert told["One"] == "missing"
    assert float(told["Other"]) == pytest.approx(other[3, 7], abs=6e-2)


def test_links_hold_the_divider(pair):
    stores, *_ = pair
    table = passing_comparison(*stores)
    explorer = stores[0].explore(compare=stores[1])
    assert explorer.spec.swipe == 0.5
    assert explorer.stage.swipe["names"] == ["One", "Other"]
    spec = MatrixSpec(swipe=0.25, rows=Ordering("values", "c3"))
    assert MatrixSpec.from_query(spec.to_query()) == spec
    explorer = HeatmapExplorer(table, spec=spec)
    assert isinstance(explorer.look, SwipeLook)
    explorer.swipe.show("difference")
    assert type(explorer.look) is HeatLook
    assert explorer.stage.swipe == {}
    explorer.swipe.show("swipe")
    assert isinstance(explorer.look, SwipeLook)
    explorer.swipe._moved("nonsense")
    assert explorer.stage.status["message"]
    explorer.swipe._moved(7)
    assert explorer.spec.swipe == 1.0
    assert first_spec(bv.compare(*stores, "memory://swipe-plain.bv")).swipe is None
    for silly in (-0.1, 2, float("nan"), "left", True):
        with pytest.raises(OptionError, match="divider"):
            MatrixSpec(swipe=silly)
    found, said = usable_spec(stores[0], MatrixSpec(swipe=0.5))
    assert found.swipe is None
    assert "nothing to swipe" in said


def test_only_what_matches_is_offered(pair, tmp_path):
    stores, *_ = pair
    assert comparable(*stores)
    small = bv.build_matrix(np.ones((3, 3)), tmp_path / "small.bv", quiet=True)
    assert not comparable(stores[0], small)
    assert not comparable(stores[0], passing_comparison(*stores))
    pages, titles = _pages([*stores, small])
    assert [slug for slug in pages if "-and-" in slug] == ["/one-and-other"]
    assert titles["/one-and-other"] == "One and Other"
    with pytest.raises(OptionError, match="Two matrices"):
        compared([*stores, small])
    with pytest.raises(InputError, match="names to match"):
        compared([stores[0], small])
    assert passing_comparison(*stores).folder.url == passing_comparison(*stores).folder.url


def test_panels_and_files_are_those_of_what_is_seen(pair):
    stores, one, other = pair
    table = passing_comparison(*stores)
    box, rows, cols = ((10, 20), (0, 6)), slice(10, 20), slice(0, 6)
    look = SwipeLook(MatrixStyle(), None, None)
    found = dict(profile_of(table, look, box)["fields"])
    assert float(found["One: mean"]) == pytest.approx(one[rows, cols].mean(), abs=5e-3)
    assert float(found["Other: mean"]) == pytest.approx(other[rows, cols].mean(), abs=5e-3)
    shown = table_of(table, look, box)
    assert shown["note"] == "One | Other: 10 rows × 6 columns"
    first, second = (float(text) for text in shown["values"][0][0].split(" | "))
    assert (first, second) == (pytest.approx(one[10, 0], abs=5e-3), pytest.approx(other[10, 0], abs=5e-3))
    assert profile_of(table, HeatLook(), box)["title"] == "10 rows × 6 columns: difference"
    for (part, own), values in zip(swiped(table, look), (one, other), strict=True):
        files = [one_file for one_file, _ in exports_of(part, own, box) if one_file.format == "npz"]
        cells = np.load(io.BytesIO(b"".join(files[0].chunks()[2])))
        assert any(np.allclose(cells[name], values[rows, cols]) for name in cells if cells[name].shape == (10, 6))


def test_a_long_order_of_a_comparison_is_kept_with_the_first_matrix(pair):
    stores, *_ = pair
    table, order = passing_comparison(*stores), Ordering("search", "kept")
    name = keep_order(table, order)
    assert kept_order(stores[0], name) == kept_order(passing_comparison(*stores, "ratio"), name) == order
