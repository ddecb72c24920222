"""The means of rows and columns beside a map, and the clusters that a link holds."""

import base64

import numpy as np
import pytest

import bigview as bv
from bigview.app.heatsides import cut_of, margin_told
from bigview.errors import OptionError
from bigview.matrixorder import Ordering
from bigview.matrixspec import MatrixSpec, MatrixStyle
from bigview.raster.dendrogram import Dendrogram
from bigview.raster.heat import HeatLook
from bigview.raster.heatswipe import SwipeLook
from bigview.raster.margins import has_margins, margins
from bigview.spec import View
from tests import matrices

VALUES = matrices.values()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return matrices.store(tmp_path_factory.mktemp("margins"), title="A matrix")


@pytest.mark.parametrize("by", [None, "weight"])
@pytest.mark.parametrize(
    ("x", "y", "pixels"), [((0, 170), (0, 300), (170, 300)), ((12.3, 40.2), (7.9, 31.5), (400, 300)), ((-50, 300), (20, 220), (70, 50))]
)
def test_they_are_the_means_of_what_is_in_the_window(store, by, x, y, pixels):
    look = HeatLook(MatrixStyle(), None if by is None else store.order("rows", by=by))
    shown = (VALUES if by is None else VALUES[look.rows.index]).astype(float)
    found = margins(store, View(x, y, *pixels), look)
    x0, x1, y0, y1 = found.bounds
    inside = [
        np.flatnonzero((np.arange(size) + 0.5 >= low) & (np.arange(size) + 0.5 < high))
        for size, low, high in ((shown.shape[0], y0, y1), (shown.shape[1], x0, x1))
    ]
    part = shown[np.ix_(*inside)]
    for axis, line, (low, high), places in ((1, found.rows[0], (y0, y1), inside[0]), (0, found.cols[0], (x0, x1), inside[1])):
        cells = np.moveaxis(part, 1 - axis, 0)
        pixel = np.floor((places + 0.5 - low) / (high - low) * len(line) + 1e-9).astype(int)
        for number in np.unique(pixel):
            values = cells[pixel == number]
            truth = np.nanmean(values) if np.isfinite(values).any() else np.nan
            assert line[number] == pytest.approx(truth, rel=1e-6, abs=1e-9, nan_ok=True)


def test_what_has_no_mean_has_no_margin(store, tmp_path):
    assert has_margins(store)
    names = bv.build_matrix(np.array([["a", "b"], ["b", "b"]]), tmp_path / "names.bv", categories=True, quiet=True)
    assert not has_margins(names)
    assert margins(names, View((0, 2), (0, 2), 10, 10), HeatLook()) is None
    assert margins(store, View((900, 950), (0, 9), 10, 10), HeatLook()) is None
    other = matrices.store(tmp_path, VALUES * 2)
    difference, ratio = (bv.compare(store, other, tmp_path / f"{how}.bv", how) for how in ("difference", "ratio"))
    assert has_margins(difference)
    assert not has_margins(ratio)
    both = margins(ratio, View((0, 170), (0, 300), 170, 300), SwipeLook())
    assert np.allclose(both.rows[1], 2 * both.rows[0], equal_nan=True)


def test_the_page_is_told_numbers_and_their_ends(store):
    found = margins(store, View((0, 170), (0, 300), 170, 300), HeatLook())
    told = margin_told(found, "rows")
    [line] = [np.frombuffer(base64.b64decode(text), "<f4") for text in told["lines"]]
    assert np.allclose(line, found.rows[0], equal_nan=True)
    assert told["ends"] == [pytest.approx(np.nanmin(found.rows[0])), pytest.approx(np.nanmax(found.rows[0]))]
    assert (told["low"], told["high"]) == (0, 300)
    assert margin_told(None, "cols") == {}


def test_a_link_holds_clusters_and_margins(store):
    spec = MatrixSpec(rows=Ordering("cluster", "ward euclidean"), clusters=(5, None), margins=True)
    assert MatrixSpec.from_query(spec.to_query()) == spec
    assert MatrixSpec(clusters=[None, None]).clusters is None
    for silly in ((0, 1), (2,), (True, 2), "25", (1.5, None)):
        with pytest.raises(OptionError, match="clusters"):
            MatrixSpec(clusters=silly)
    with pytest.raises(OptionError, match="clusters"):
        MatrixSpec.from_json('{"version": 1, "clusters": {"a": 1}}')
    explorer = store.explore(spec=spec)
    assert explorer.spec.clusters == (5, None), "the choosers, which follow, change nothing"
    explorer.state.sort("rows", Ordering("column", "weight"))
    assert explorer.spec.clusters is None, "they were those of another order"


def test_a_tree_is_cut_into_as_many_clusters_as_a_link_says(store):
    tree = store.cluster("rows")
    shown = Dendrogram(tree)
    for count in (2, 5, 17):
        assert tree.count(cut_of(shown, None, count)) == count
    assert cut_of(shown, 0.25, 5) == 0.25
    assert cut_of(shown, None, None) is None
    assert tree.count(cut_of(shown, None, 10**9)) == len(tree)
