"""The explorer of matrices without a browser: what it is made from, what it says, and images of it."""

import io

import numpy as np
import pytest
from PIL import Image

from bigview.app.heatimage import HeatImage
from bigview.app.heatmap import HeatmapExplorer
from bigview.app.heatpanels import box_of, profile_of, table_of
from bigview.app.heatstate import usable_spec
from bigview.app.heattold import hover_of
from bigview.errors import OptionError
from bigview.matrixorder import Ordering
from bigview.matrixspec import MatrixSpec, MatrixStyle
from bigview.raster.heat import HeatLook
from bigview.raster.heatlegend import value_text
from bigview.raster.heatlook import first_style, order_of
from bigview.raster.heatrender import pixels_of
from bigview.spec import View
from bigview.views.heatcells import find_cell
from bigview.views.pointer import Pointed
from tests import matrices

VALUES = matrices.values()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return matrices.store(tmp_path_factory.mktemp("heatmap"), title="A matrix")


def test_it_displays_itself_in_a_notebook(store):
    explorer = store.explore(height=400)
    assert isinstance(explorer, HeatmapExplorer)
    assert explorer.stage.height == 400
    assert explorer.stage.facts["title"] == "A matrix"


def test_a_spec_is_followed(store):
    spec = MatrixSpec(style=MatrixStyle(scale="quantile"), rows=Ordering("column", "weight", True), cols=Ordering("values", "row 7"))
    explorer = HeatmapExplorer(store, spec=spec)
    assert explorer.look.style.scale == "quantile"
    assert (np.diff(matrices.axes()[0]["weight"].to_numpy()[explorer.look.rows.index]) <= 0).all()
    assert (np.diff(VALUES[7][explorer.look.cols.index]) >= 0).all()
    explorer.state.sort("rows", None)
    assert explorer.look.rows is None
    assert explorer.spec.rows is None


def test_what_a_link_asks_in_vain_is_said(store):
    spec = MatrixSpec(rows=Ordering("column", "wieght"), cols=Ordering("values", "row 9999"), fingerprint="other")
    found, said = usable_spec(store, spec)
    assert found.rows is None
    assert found.cols is None
    assert "weight" in said
    assert "row 9999" in said
    assert "built again" in said
    with pytest.raises(OptionError, match="to sort by"):
        order_of(store, "cols", spec.cols)


@pytest.mark.parametrize("by", [None, "weight"])
def test_the_window_as_a_table(store, by):
    look = HeatLook(MatrixStyle(), None if by is None else store.order("rows", by=by))
    shown = VALUES if by is None else VALUES[look.rows.index]
    found = table_of(store, look, ((50, 200), (20, 90)))
    assert "150 rows × 70 columns" in found["note"]
    for i, j in [(0, 0), (20, 15), (59, 23)]:
        value = shown[50 + i, 20 + j]
        assert found["values"][i][j] == "" if np.isnan(value) else float(found["values"][i][j]) == pytest.approx(float(value), abs=6e-3)


def test_profiles_are_those_of_the_box(store):
    box = ((100, 140), (3, 23))
    part = VALUES[100:140, 3:23].astype(float)
    found = profile_of(store, HeatLook(), box)
    across, along = found["lines"]
    assert across["mean"] == pytest.approx(part.mean(axis=0).tolist())
    assert along["high"] == pytest.approx(part.max(axis=1).tolist())
    assert found["title"] == "40 rows × 20 columns"
    assert box_of(View((3.2, 22.7), (100.5, 139.1), 10, 10), VALUES.shape) == box


def test_hover_names_the_extremes_and_holds_no_markup_but_text(store):
    look, view = HeatLook(), View((0, 170), (0, 300), 17, 15)
    [*_, cell] = find_cell(store, Pointed((25.5, -251.5), (4, 5), view, style=look))
    card = hover_of(store, look, cell)
    assert card["title"] == "1 pixel = 200 cells"
    told = dict(card["fields"])
    assert told["greatest"] == "40  at row 250, column 20"
    [first] = find_cell(store, Pointed((0.5, -0.5), (4, 5), View((0, 2), (0, 2), 100, 100), style=look))
    assert dict(hover_of(store, look, first)["fields"])["column"] == "<b>evil</b>"


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_an_image_is_written_whole(store, tmp_path, suffix):
    picture = store.render(tmp_path / f"matrix{suffix}", width=900)
    assert [path.name for path in tmp_path.iterdir()] == [f"matrix{suffix}"]
    if suffix == ".png":
        image = np.asarray(Image.open(tmp_path / "matrix.png"))
        part = image[picture.top : picture.top + picture.view.height, picture.left : picture.left + picture.view.width]
        assert (part == pixels_of(picture.frame, picture.view).view(np.uint8).reshape(*part.shape[:2], 4)[:, :, :3]).all(), "law 6"
    if suffix == ".svg":
        text = (tmp_path / "matrix.svg").read_text()
        assert "&lt;b&gt;evil" in text
        assert "row 16" in text
        assert ">missing<" in text


def test_an_image_takes_a_spec_and_orders(store):
    spec = MatrixSpec(view=((0, 20), (0, 10)), style=MatrixStyle(dark=False), rows=Ordering("values", "column 5", True))
    picture = store.render(width=600, spec=spec)
    assert picture.view.y_range == (0, 10)
    top = np.argsort(-VALUES[:, 5], kind="stable")[0]
    assert picture.frame.grid.to_numpy()[0, 5] == VALUES[top, 5]
    with pytest.raises(OptionError, match="no option 'widht'"):
        store.render(widht=3)


def test_the_builder_may_wish_a_style(tmp_path):
    wished = matrices.store(tmp_path, VALUES, report={"style": {"palette": "ice", "scale": "symlog"}})
    assert first_style(wished) == MatrixStyle(palette="ice", scale="symlog")
    assert not first_style(wished, dark=False).dark
    odd = matrices.store(tmp_path, VALUES, report={"style": {"palette": 3}})
    assert first_style(odd).palette is None


@pytest.mark.parametrize("format", ["png", "svg"])
def test_what_is_visible_is_offered_as_an_image(store, format):
    look = HeatLook(MatrixStyle(), store.order("rows", by="weight"))
    name, media, pieces = HeatImage(store, look, ((10, 40), (0, 20)), (None, None), format).chunks()
    content = b"".join(pieces)
    assert name.endswith(f".{format}")
    assert media.startswith("image/")
    if format == "svg":
        text = content.decode()
        assert str(store.rows.names[look.rows.index[10]]) in text
        assert f">{store.rows.names[look.rows.index[60]]}<" not in text
    else:
        assert Image.open(io.BytesIO(content)).width == 3000


def test_what_is_rounded_to_nothing_has_no_sign():
    assert value_text(-0.2, 100.0) == "0"
    assert value_text(-0.0) == "0"
    assert value_text(-2.0, 1.0) == "-2"


def test_a_window_beside_the_matrix_holds_nothing(store):
    rows, cols = VALUES.shape
    box = box_of(View((cols + 5, cols + 9), (rows + 5, rows + 9), 10, 10), VALUES.shape)
    assert box == ((rows, rows), (cols, cols))
    assert "Nothing" in table_of(store, HeatLook(), box)["note"]
    assert profile_of(store, HeatLook(), box)["lines"] == []


def test_colours_that_are_locked_mean_the_same_in_each_of_two_matrices(store, tmp_path):
    other = matrices.store(tmp_path, 10 * VALUES)
    pictures = [one.render(width=400, locked=[two]) for one, two in ((store, other), (other, store))]
    ends = [(picture.frame.scale.low, picture.frame.scale.high) for picture in pictures]
    assert ends[0] == ends[1] != (store.render(width=400).frame.scale.low, store.render(width=400).frame.scale.high)
    explorer = HeatmapExplorer(store, locked=other)
    explorer.state.sort("rows", Ordering("column", "weight"))
    assert explorer.look.locked == (other,)
    with pytest.raises(OptionError, match="locked takes a matrix"):
        store.render(width=400, locked=[3])
