"""A category has one colour: on the map, in tracks, in the legend, in the table and on hover, also where there are many."""

import numpy as np
import pandas as pd
import pytest

import bigview as bv
from bigview.app.heatpanels import swatches_of, table_of
from bigview.app.heattold import bar_of, hover_of
from bigview.raster.heat import HeatLook, heat_frame
from bigview.raster.heatlegend import like_cells
from bigview.raster.palettes import hexes
from bigview.raster.shade import unpacked
from bigview.raster.tracks import Track
from bigview.spec import View
from bigview.views.heatcells import find_cell
from bigview.views.heatscene import HeatPicture
from bigview.views.pointer import Pointed
from bigview.views.wire import encode


@pytest.fixture(scope="module", params=[5, 24, 60])
def store(request, tmp_path_factory):
    """Return a matrix of so many categories, of which the rows' metadata have a column too."""
    count, rng = request.param, np.random.default_rng(1)
    names = np.array([f"kind {k:02d}" for k in range(count)])
    cells = names[(np.arange(80)[:, None] + np.arange(30)) % count].astype(object)
    cells[3, 4] = None
    rows = pd.DataFrame({"kind": pd.Categorical(names[rng.integers(0, count, 80) ** 2 % count])}, index=[f"r{k}" for k in range(80)])
    return bv.build_matrix(cells, tmp_path_factory.mktemp("categories") / "m.bv", rows=rows, categories=True, quiet=True)


def test_a_category_has_one_colour(store):
    view = View((0, 30), (0, 80), 30, 80)
    frame = heat_frame(store, view)
    picture = HeatPicture(frame, encode(frame))
    drawn = hexes(unpacked(frame.flat[::-1])[:, :, :3].reshape(-1, 3) / 255)
    shade = {item["name"]: item["color"] for item in bar_of(store, picture)["items"]}
    names, table = list(store.manifest.categories), table_of(store, HeatLook(), ((0, 60), (0, 24)))
    track = Track.of(store.rows, "kind")
    tracked = dict(zip(track.labels, like_cells(store, track.labels, track.colours(True), True), strict=False))
    for row, col in [(0, 0), (10, 7), (30, 20), (59, 23)]:
        name, colour = table["values"][row][col], table["swatches"][row][col]
        assert drawn[row * 30 + col] == colour
        assert shade.get(name, colour) == colour
        assert tracked.get(name, colour) == colour
        assert swatches_of(store, np.array([names.index(name)]), True) == [colour]
        [cell] = find_cell(store, Pointed((col + 0.5, -row - 0.5), (4, 5), view, style=HeatLook()))
        assert hover_of(store, HeatLook(), cell)["swatch"] == colour
    assert table["swatches"][3][4] == ""


def test_the_legend_says_how_many_it_leaves_out(store):
    frame = heat_frame(store, View((0, 30), (0, 80), 30, 80))
    told = bar_of(store, HeatPicture(frame, encode(frame)))
    count = len(store.manifest.categories)
    assert len(told["missing"]) == 2
    if count <= 31:
        assert told["more"] == ""
        assert len(told["items"]) == count
    else:
        assert told["more"].startswith(f"{count - len(told['items'])} more")
        assert not any("others" in item["name"] for item in told["items"])
