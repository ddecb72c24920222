"""Images of matrices: what stands beside the cells is aligned with them to the pixel, has their colours, and nothing overlaps."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bigview as bv
from bigview.app.heatsides import HeatSides
from bigview.cli import main
from bigview.errors import OptionError
from bigview.matrixorder import Ordering
from bigview.matrixspec import MatrixSpec, MatrixStyle
from bigview.raster.canvas import Box, Raster, Text, text_width
from bigview.raster.heatrender import render_matrix
from bigview.raster.palettes import background, rgb
from bigview.raster.render import Picture
from bigview.raster.tracks import Track
from bigview.spec import View

ROWS, COLS = 36, 28


@pytest.fixture(scope="module")
def striped(tmp_path_factory: pytest.TempPathFactory) -> bv.MatrixStore:
    """Return a matrix whose cells hold the category of their row, which is a track of the rows too."""
    names = np.array([f"kind {number}" for number in range(ROWS)])
    axis = pd.DataFrame({"kind": names}, index=[f"row {number}" for number in range(ROWS)])
    cells = np.repeat(np.arange(ROWS)[:, None], COLS, axis=1)
    return bv.build_matrix(cells, tmp_path_factory.mktemp("striped") / "m.bv", categories=names.tolist(), rows=axis, quiet=True)


@pytest.fixture(scope="module")
def groups(tmp_path_factory: pytest.TempPathFactory) -> bv.MatrixStore:
    """Return groups of rows and of columns, with tracks of all kinds, missing cells and two trees."""
    rng = np.random.default_rng(0)
    kind, part = rng.integers(0, 4, ROWS), rng.integers(0, 3, COLS)
    values = rng.normal(0, 2, (4, 3))[kind][:, part] + rng.normal(0, 0.4, (ROWS, COLS))
    values[3:6, 2:5] = np.nan
    rows = pd.DataFrame({"kind": [f"kind {one}" for one in kind], "age": rng.normal(50, 9, ROWS), "name": [f"sample <{n}>" for n in range(ROWS)]})
    cols = pd.DataFrame({"kind": [f"part {one}" for one in part], "name": [f"a rather long name of column {n}" for n in range(COLS)]})
    store = bv.build_matrix(
        values, tmp_path_factory.mktemp("groups") / "m.bv", rows=rows, cols=cols, quiet=True, title="Groups", report={"credit": "Made by chance"}
    )
    store.cluster("rows")
    store.cluster("cols")
    return store


def strips(picture: Picture, side: str) -> list[np.ndarray]:
    """Return the colours of the tracks beside the rows, or below the columns, pixel by pixel."""
    found = []
    for item in picture.sheet.items:
        if not isinstance(item, Raster):
            continue
        if side == "rows" and item.top == picture.top and item.pixels.shape[0] == picture.view.height and item.left > picture.left:
            found.append(item.pixels[:, 0])
        if side == "cols" and item.left == picture.left and item.pixels.shape[1] == picture.view.width and item.top > picture.top:
            found.append(item.pixels[0])
    return found


def image_of(picture: Picture) -> np.ndarray:
    return next(item.pixels for item in picture.sheet.items if isinstance(item, Raster) and (item.left, item.top) == (picture.left, picture.top))


@given(st.integers(0, 2**32), st.floats(0, ROWS - 2), st.floats(0.6, ROWS), st.integers(64, 400), st.booleans())
def test_a_track_is_the_colour_of_its_cells_in_every_pixel(striped, seed, low, span, height, dark):
    order = striped.order("rows", index=np.random.default_rng(seed).permutation(ROWS)[: 2 + seed % (ROWS - 1)])
    view = View((0, COLS), (low, low + span), 300, height)
    picture = render_matrix(striped, None, 800, view=view, rows=order if seed % 3 else None, style=MatrixStyle(dark=dark), texts=False)
    (strip,) = strips(picture, "rows")
    # One colour in the map, the track and the legend; beside the matrix there is nothing.
    assert np.array_equal(image_of(picture)[:, 150], strip)
    entries = {entry.name: entry.color for entry in picture.frame.legend}
    expected = dict(zip(striped.manifest.categories, Track.of(striped.rows, "kind").colours(dark), strict=False))
    assert all(expected[name] == colour for name, colour in entries.items() if not name.endswith("others"))


def test_many_rows_in_a_pixel(tmp_path: Path):
    codes = np.repeat(np.arange(20), 100)[:, None].repeat(40, axis=1)
    axis = pd.DataFrame({"kind": [f"k{code}" for code in codes[:, 0]]})
    store = bv.build_matrix(codes, tmp_path / "m.bv", categories=[f"k{code}" for code in range(20)], rows=axis, quiet=True)
    picture = store.render(width=700, view=View((0, 40), (3.3, 1990.9), 40, 311), rows=store.order("rows", index=np.arange(2000)[::-1]))
    (strip,) = strips(picture, "rows")
    image = image_of(picture)[:, 20]
    colours = {tuple(one) for one in np.rint(rgb(Track.of(store.rows, "kind").colours(True)) * 255).astype(int).tolist()}
    # Pixels of several categories are paler in the map.
    pure = np.array([tuple(one) in colours for one in image.tolist()])
    assert 280 < pure.sum() < 311
    assert np.array_equal(image[pure], strip[pure])


@pytest.mark.parametrize("side", ["rows", "cols"])
def test_leaves_stand_at_the_middle_of_their_cells(groups, side):
    tree = groups.cluster(side)
    view = View((3, 17), (5, 22), 700, 510)
    picture = groups.render(width=1200, view=view, **{side: tree}, names=False, texts=False, tracks=False)
    number = 1 if side == "rows" else 0
    edge = (picture.left + view.width, picture.top + view.height)[1 - number]
    boxes = [(item.left, item.top, item.width, item.height) for item in picture.sheet.items if isinstance(item, Box)]
    along, away = (1, 0) if side == "rows" else (0, 1)
    line = min(min(box[2:]) for box in boxes)
    ground = min(box[away] for box in boxes if box[away] >= edge)
    stems = sorted({box[along] for box in boxes if box[away] == ground and box[2 + away] > line})
    start = (picture.left, picture.top)[along]
    (low, high), pixels = (view.y_range, 510) if side == "rows" else (view.x_range, 700)
    size = pixels / (high - low)
    assert stems == [start + int((place + 0.5 - low) * size) - line // 2 for place in range(int(low), int(high))]


def test_branches_have_the_colours_of_their_clusters(groups):
    tree = groups.cluster("rows")
    picture = groups.render(width=1200, rows=tree, cols=groups.cluster("cols"), clusters=(4, None), names=False, texts=False)
    *_, strip = strips(picture, "rows")
    right = max(item.left for item in picture.sheet.items if isinstance(item, Raster) and item.top == picture.top and item.pixels.shape[1] < 60)
    cut = tree.clusters(tree.height_for(4))
    names = {str(number + 1): number for number in range(4)}
    keys = [item for item in picture.sheet.items if isinstance(item, Text) and item.text in names and item.left > right]
    assert [key.text for key in keys] == ["1", "2", "3", "4"]
    colours = {tuple(np.rint(rgb([item.fill])[0] * 255).astype(int)): item for item in picture.sheet.items if isinstance(item, Box)}
    size = picture.view.height / ROWS
    for place in range(ROWS):
        colour = tuple(strip[int((place + 0.5) * size)].tolist())
        assert colour in colours
        assert colour == tuple(strip[int((np.flatnonzero(cut == cut[place])[0] + 0.5) * size)].tolist()), "one cluster, one colour"
    assert len({tuple(colour) for colour in strip.tolist()}) == 4
    for item in picture.sheet.items:  # a coloured line lies beside rows of its colour
        if isinstance(item, Box) and item.left > right and picture.top <= item.top < picture.top + picture.view.height and item.width < 100:
            colour = tuple(np.rint(rgb([item.fill])[0] * 255).astype(int))
            if colour in {tuple(one) for one in strip.tolist()} and item.left < picture.left + picture.view.width + 130:
                part = strip[int(item.top) - picture.top : int(item.top + item.height) - picture.top]
                assert {tuple(one) for one in part.tolist()} == {colour}


def test_a_part_of_a_tree_is_drawn_with_its_rows(groups):
    tree = groups.cluster("rows")
    low, high = tree.branch(0, tree.height_for(3))
    branch = groups.order("rows", index=tree.index[low:high])
    assert trees_in(groups.render(width=900, rows=branch)) == trees_in(groups.render(width=900, rows=tree.kept(branch.index)))
    every = groups.order("rows", index=tree.index[::2])
    assert trees_in(groups.render(width=900, rows=every))
    spec = MatrixSpec(rows=Ordering("cluster", "ward euclidean"))
    assert trees_in(groups.render(width=900, spec=spec)) == trees_in(groups.render(width=900, rows=tree))
    for order in (None, groups.order("rows", by="age"), groups.order("rows", index=tree.index[::-1])):
        assert not trees_in(groups.render(width=900, rows=order))
    assert not trees_in(groups.render(width=900, rows=tree, trees=False))


def trees_in(picture: Picture) -> list[tuple[float, ...]]:
    """Return the lines at the right of the map and of its tracks."""
    edge = max(
        [picture.left + picture.view.width, *(item.left for item in picture.sheet.items if isinstance(item, Raster) and item.top == picture.top)]
    )
    bottom = picture.top + picture.view.height
    found = [
        item for item in picture.sheet.items if isinstance(item, Box) and item.left > edge and item.top < bottom and min(item.width, item.height) <= 1
    ]
    return [(item.left, item.top, item.width, item.height) for item in found if isinstance(item.width, int) and item.width != item.height]


CASES = [
    {"width": 1500, "rows": True, "cols": True, "clusters": 3},
    {"width": 700, "rows": True, "dark": False},
    {"width": 1600, "height": 700, "cols": True, "clusters": 2},
    {"width": 1300, "height": 620, "view": ((0, 9), (0, 12)), "rows": True},
    {"width": 500, "height": 260, "title": ""},
    {"width": 900, "names": False, "tracks": ["age"]},
]


@pytest.mark.parametrize("case", CASES)
def test_nothing_overlaps(groups, case):
    given = {name: groups.cluster(name) if name in ("rows", "cols") else value for name, value in case.items()}
    picture = groups.render(**given)
    assert picture.size[0] == case["width"]
    assert case.get("height", picture.size[1]) == picture.size[1]
    texts = [(place_of(item), item.text) for item in picture.sheet.items if isinstance(item, Text)]
    assert len(texts) > 10
    width, height = picture.size
    for (left, top, right, bottom), text in texts:
        assert left >= 0, text
        assert right <= width + 1, text
        assert top >= -1, text
        assert bottom <= height + 1, text
    for number, (one, text) in enumerate(texts):
        for other, second in texts[:number]:
            apart = one[0] >= other[2] - 1 or other[0] >= one[2] - 1 or one[1] >= other[3] - 1 or other[1] >= one[3] - 1
            assert apart, f"{text!r} lies on {second!r}"


def place_of(item: Text) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of a text's small letters."""
    length = text_width(item.text, item.size, item.bold)
    before = {"left": 0.0, "middle": length / 2, "right": length}[item.anchor]
    if item.upright:
        return item.left - 0.7 * item.size, item.baseline - length + before, item.left, item.baseline + before
    return item.left - before, item.baseline - 0.7 * item.size, item.left - before + length, item.baseline


def values_in(picture: Picture) -> list[Text]:
    """Return the texts on the map."""
    right, bottom = picture.left + picture.view.width, picture.top + picture.view.height
    found = [item for item in picture.sheet.items if isinstance(item, Text)]
    return [item for item in found if picture.left < item.left < right and picture.top < item.baseline < bottom]


def test_values_stand_in_their_cells(groups):
    view = View((4, 12), (6, 16), 800, 600)
    picture = groups.render(width=1200, view=view)
    cells = groups.cells(slice(6, 16), slice(4, 12))
    found = values_in(picture)
    assert len(found) > 60
    for item in found:
        left, top, right, bottom = place_of(item)
        col, row = int((item.left - picture.left) // 100), int((item.baseline - picture.top) // 60)
        assert abs(float(item.text) - cells[row, col]) < 0.01 * max(1, abs(cells[row, col]))
        assert left >= picture.left + 100 * col
        assert right <= picture.left + 100 * (col + 1)
        assert top >= picture.top + 60 * row
        assert bottom <= picture.top + 60 * (row + 1)
    assert not values_in(groups.render(width=1200, view=view, texts=False))


def test_tracks_are_those_of_the_explorer(groups, monkeypatch):
    picture = groups.render(width=900)
    found = [item.text for item in picture.sheet.items if isinstance(item, Text) and item.upright]
    assert [name for name in found if name in ("kind", "age")] == ["kind", "age"]
    assert {"kind (rows)", "kind (columns)"} <= {item.text for item in picture.sheet.items if isinstance(item, Text)}
    sides = HeatSides.__new__(HeatSides)
    monkeypatch.setattr(HeatSides, "_page", type("Page", (), {"table": groups}), raising=False)
    assert sides._columns("rows") == ["kind", "age"]
    sides._known = {}
    told = sides._tracks("rows", True, None, (0.0, float(ROWS), picture.view.height))
    colours = {tuple(np.rint(rgb([one])[0] * 255).astype(int)) for one in told[0]["colors"]}
    assert {tuple(one) for one in strips(picture, "rows")[0].tolist()} <= colours


def test_what_makes_no_sense_is_said(groups):
    with pytest.raises(OptionError, match=r"No track can be made of 'knid'.*kind"):
        groups.render(width=300, tracks=["knid"])
    with pytest.raises(OptionError, match="clusters must be a whole number"):
        groups.render(width=300, clusters=0)
    with pytest.raises(OptionError, match="must be an order of the store"):
        groups.render(width=300, rows=[1, 2])
    with pytest.raises(OptionError, match="this matrix has 36"):
        groups.render(width=300, rows=groups.order("cols", by="kind"))


def test_a_single_row_and_column(tmp_path: Path):
    axis = pd.DataFrame({"kind": ["a"], "age": [np.nan]})
    store = bv.build_matrix(np.ones((1, 1)), tmp_path / "m.bv", rows=axis, quiet=True)
    picture = store.render(width=400, rows=store.cluster("rows"), clusters=3)
    assert picture.size[0] == 400
    assert tuple(strips(picture, "rows")[1][0]) == tuple(np.rint(rgb([background(True)])[0] * 255).astype(int))


def test_bigview_render(groups, tmp_path, capsys):
    path, where = tmp_path / "m.svg", groups.folder.url
    words = ["--cluster-rows", "average correlation", "--sort-cols", "kind", "--clusters", "3", "--tracks", "age", "--dpi", "300", "--light"]
    assert main(["render", where, "-o", str(path), "--width", "900", *words]) == 0
    assert "900 × " in capsys.readouterr().out
    text = path.read_text()
    assert 'width="3in"' in text
    assert "rows by cluster: average correlation, 3 clusters" in text
    assert ">sample &lt;" in text
    assert ">age<" in text
    assert main(["render", where, "-o", str(path), "--cluster-rows", "average corelation"]) != 0
    assert "Did you mean 'correlation'" in capsys.readouterr().err


def test_many_clusters_are_told_apart_and_counted(tmp_path):
    values = np.random.default_rng(0).normal(size=(200, 3))
    rows = pd.DataFrame({"kind": pd.Categorical([f"k{n % 60}" for n in range(200)])}, index=[f"row {n}" for n in range(200)])
    store = bv.build_matrix(values, tmp_path / "m.bv", rows=rows, quiet=True)
    picture = store.render(width=900, rows=store.cluster("rows"), clusters=100)
    _, strip = strips(picture, "rows")
    ends = store.cluster("rows").clusters(store.cluster("rows").height_for(100))
    size = picture.view.height / 200
    colours = [tuple(strip[int((place + 0.5) * size)]) for place in range(200)]
    for one, other in zip(range(199), range(1, 200), strict=True):
        assert (colours[one] == colours[other]) == (ends[one] == ends[other])
    others = [int(item.text.split()[0]) for item in picture.sheet.items if isinstance(item, Text) and item.text.endswith(" others")]
    named = [item for item in picture.sheet.items if isinstance(item, Text) and item.text.startswith("k") and item.text[1:].isdigit()]
    assert others[0] + len(named) == 60


def test_one_key_where_rows_and_columns_are_the_same(tmp_path):
    axis = pd.DataFrame({"kind": ["a", "b"] * 20, "name": [f"n{n}" for n in range(40)]})
    store = bv.build_matrix(np.eye(40), tmp_path / "m.bv", rows=axis, cols=axis, quiet=True)
    picture = store.render(width=700, rows=store.cluster("rows"), cols=store.cluster("cols"), clusters=2)
    titles = [item.text for item in picture.sheet.items if isinstance(item, Text) and item.bold]
    assert titles.count("kind") == 1
    assert {"cluster (rows)", "cluster (columns)"} <= set(titles)
    assert len(strips(picture, "rows")) == len(strips(picture, "cols")) == 2


def test_names_that_lie_flat_take_a_line_and_a_part_says_how_much_it_is(tmp_path):
    long = "a name as long as names of columns are"
    table = pd.DataFrame(np.eye(40), columns=[long, *(f"c{number}" for number in range(1, 40))])
    store = bv.build_matrix(table, tmp_path / "m.bv", quiet=True)
    whole = store.render(tmp_path / "whole.svg", width=1000)
    part = store.render(tmp_path / "part.svg", width=1000, view=((20, 30), (0, 40)))
    assert part.top < whole.top - 60
    assert "40 × 10 of 40 × 40 cells" in (tmp_path / "part.svg").read_text()
    assert "40 × 40 cells" in (tmp_path / "whole.svg").read_text()
