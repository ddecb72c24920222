"""What is selected of a matrix stays selected in any order; links carry it; trees are walked; orders that are too long are kept."""

import itertools

import numpy as np
import pytest

import bigview as bv
from bigview.app.heatlink import link_of
from bigview.app.heatpanels import profile_of
from bigview.app.heatstate import usable_spec
from bigview.app.heatwalk import Walk
from bigview.errors import OptionError
from bigview.matrixorder import Lines, Move, Ordering
from bigview.matrixspec import MatrixSpec, MatrixStyle
from bigview.raster.dendrogram import Dendrogram
from bigview.raster.heat import HeatLook
from bigview.raster.heatchosen import CHOSEN, Chosen, Part, told_of
from bigview.raster.heatlook import order_of
from bigview.state import LONGEST_QUERY
from bigview.store.keptorders import keep_order, kept_order
from tests import matrices

VALUES = matrices.values()
WEIGHT = Ordering("column", "weight")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return matrices.store(tmp_path_factory.mktemp("picks"))


def test_a_selection_stays_the_same_rows_in_any_order(store):
    chosen = Chosen.of(store, (Lines(10, 60, WEIGHT), Lines(3, 23)))
    rows = np.argsort(matrices.axes()[0]["weight"].to_numpy(), kind="stable")[10:60]
    assert set(chosen.numbers[0].tolist()) == set(rows.tolist())
    part = Part.of(store, HeatLook(rows=order_of(store, "rows", WEIGHT)), chosen)
    assert part.box == ((10, 60), (3, 23))
    assert part.outline() == {"rows": [[10, 60]], "cols": [[3, 23]]}
    scattered = Part.of(store, HeatLook(), chosen)
    assert scattered.box == ((0, 50), (3, 23))
    runs = [place for first, last in scattered.spans[0] for place in range(first, last)]
    assert runs == sorted(rows.tolist())
    told = dict(profile_of(store, scattered.look, scattered.box)["fields"])
    assert float(told["mean"]) == pytest.approx(np.nanmean(VALUES[np.sort(rows), 3:23].astype(float)), abs=5e-3)


def test_what_an_order_leaves_out_is_not_in_the_part(store):
    look = HeatLook(rows=store.order("rows", index=np.arange(0, 300, 2)))
    part = Part.of(store, look, Chosen.of(store, (Lines(0, 20), None)))
    assert part.box == ((0, 10), (0, VALUES.shape[1]))
    assert Part.of(store, look, Chosen.of(store, (Lines(1, 2), None))).box[0] == (0, 0)


def test_a_selection_is_told(store):
    assert told_of(store, HeatLook(), ((3, 8), None)) == "Selected: 5 rows, row 3 to row 7; all 170 columns"
    assert told_of(store, HeatLook(), ((3, 4), (1, 2))) == "Selected: 1 row, row 3; 1 column, column 1"


def test_a_link_whose_selection_is_not_there_says_so(store):
    found, said = usable_spec(store, MatrixSpec(selection=(Lines(290, 301), None)))
    assert found.selection is None
    assert "places up to 301; there are 300 rows" in said
    found, said = usable_spec(store, MatrixSpec(selection=(Lines(0, 5, Ordering("column", "wieght")), None)))
    assert found.selection is None
    assert "weight" in said
    found, said = usable_spec(store, MatrixSpec(selection=(Lines(0, 5, WEIGHT), Lines(0, 2)), search="row (1", panels=["table"]))
    assert (found.selection, found.search, found.panels, said) == ((Lines(0, 5, WEIGHT), Lines(0, 2)), "row (1", ("table",), "")


def test_hits_stand_first_and_lines_where_they_were_put(store):
    hits = [k for k in range(300) if f"row {k}".endswith("7")]
    others = [k for k in range(300) if k not in hits]
    first = Ordering("search", "7$")
    assert order_of(store, "rows", first).index.tolist() == hits + others
    assert order_of(store, "rows", Ordering("search", "7$", descending=True)).index.tolist() == others + hits
    assert order_of(store, "rows", Ordering("search", "row (")).index.tolist() == list(range(300)), "no expression, and no name"
    by_hand = Ordering("hand", "", base=first, moves=(Move(((0, 2), (5, 6)), 300),))
    expected = hits + others
    assert order_of(store, "rows", by_hand).index.tolist() == [one for k, one in enumerate(expected) if k not in (0, 1, 5)] + [7, 17, 57]


def test_what_has_no_room_in_a_link_is_kept(store):
    rng = np.random.default_rng(0)
    moves = [Move([[int(a), int(a) + 1] for a in np.sort(rng.choice(150, 60, False)) * 2], int(to)) for to in rng.integers(0, 300, 40)]
    long = Ordering("hand", "", moves=moves)
    spec = MatrixSpec(rows=long, selection=(Lines(0, 9, long), None), fingerprint=store.manifest.fingerprint)
    query, kept, said = link_of(spec, store, {})
    assert len(query) <= LONGEST_QUERY
    assert said == ""
    assert usable_spec(store, MatrixSpec.from_query(query)) == (spec, "")
    assert link_of(spec, store, kept)[0] == query
    more = spec.replaced(rows=Ordering("search", "7$", base=long))
    assert usable_spec(store, MatrixSpec.from_query(more.to_query(kept))) == (more, ""), "also what stands on it"
    assert keep_order(store, long) == kept[long]
    short = order_of(store, "rows", Ordering("kept", kept[long]))
    assert short == order_of(store, "rows", long)
    assert (store.render(width=300, spec=MatrixSpec.from_query(query)).frame.rgba == store.render(width=300, spec=spec).frame.rgba).all(), "law 6"


@pytest.mark.parametrize("name", ["0123456789abcdef", "../../manifest", ""])
def test_an_order_that_was_not_kept_is_said(store, name):
    with pytest.raises(OptionError, match="Choose one anew"):
        kept_order(store, name)
    found, said = usable_spec(store, MatrixSpec(rows=Ordering("kept", name)))
    assert found.rows is None
    assert "left out" in said


def test_a_damaged_order_is_said(store):
    name = keep_order(store, Ordering("search", "damaged"))
    file = f"{store.manifest.generation}/orders/{name}.json.z"
    store.folder.replace(file, store.folder.read(file)[:-4])
    with pytest.raises(OptionError, match="cannot be read"):
        kept_order(store, name)


def test_where_nothing_can_be_written_the_link_does_without(store, monkeypatch):
    def refuse(*_):
        raise PermissionError("read-only")

    monkeypatch.setattr(type(store.folder), "replace", refuse)
    rng = np.random.default_rng(1)
    long = Ordering("hand", "", moves=[Move([[int(a), int(a) + 1] for a in np.sort(rng.choice(150, 60, False)) * 2], 7) for _ in range(40)])
    spec = MatrixSpec(style=MatrixStyle(dark=False), rows=long, search="a")
    query, _, said = link_of(spec, store, {})
    assert MatrixSpec.from_query(query) == spec.replaced(rows=None)
    assert "all but the order" in said
    assert "read-only" in said


def test_branches_are_walked_from_merge_to_merge(store):
    shown = Dendrogram(store.cluster("rows"))
    tree = shown.tree
    starts, sizes = tree.spans
    nodes = {(int(a), int(a + n)) for a, n in zip(starts, sizes, strict=True)}
    root = Walk.begin(shown, None, None)
    assert root.span == (0, len(tree))
    assert root.gone("out").span == root.gone("before").span == root.gone("after").span == root.span
    walk = root
    for way in itertools.islice(itertools.cycle(["in", "after", "in", "in", "after", "in", "before"]), 60):
        before, walk = walk.span, walk.gone(way)
        assert walk.span in nodes, "a branch is that of a merge, or a leaf"
        if way == "in" and before[1] - before[0] > 1:
            assert walk.span[0] == before[0]
            assert walk.span[1] < before[1]
            assert walk.gone("out").span == before
        if way == "after" and before[1] < len(tree):
            assert walk.span[0] == before[1]
    while walk.span != root.span:
        inner, walk = walk.span, walk.gone("out")
        assert walk.span[0] <= inner[0]
        assert walk.span[1] >= inner[1]
        assert walk.span != inner
    cut = tree.height_for(5)
    assert Walk.begin(shown, cut, 100).span == tree.branch(100, cut)
    assert "branch of 300 rows" in root.told(store, HeatLook(rows=store.order("rows", index=tree.index)), "rows")


def test_an_image_of_a_spec_outlines_the_selection(store):
    spec = MatrixSpec(rows=WEIGHT, selection=(Lines(10, 60, WEIGHT), Lines(3, 23)), style=MatrixStyle(dark=False))
    picture = store.render(width=600, spec=spec, title="")
    boxes = [item for item in picture.sheet.items if getattr(item, "fill", "") == CHOSEN]
    assert len(boxes) == 4
    unit, high = picture.view.width / VALUES.shape[1], picture.view.height / VALUES.shape[0]
    assert boxes[0].left == pytest.approx(picture.left + 3 * unit)
    assert boxes[0].top == pytest.approx(picture.top + 10 * high)
    assert boxes[0].width == pytest.approx(20 * unit)
    scattered = store.render(width=600, spec=spec.replaced(rows=None), title="")
    assert len([item for item in scattered.sheet.items if getattr(item, "fill", "") == CHOSEN]) > 40
    assert not [item for item in store.render(width=600, spec=spec.replaced(selection=None)).sheet.items if getattr(item, "fill", "") == CHOSEN]


def test_profiles_of_a_similarity_tell_the_means_where_extremes_are_not_known(tmp_path):
    vectors = np.random.default_rng(0).normal(size=(9_000, 8)).astype(np.float32)
    virtual = bv.similarity(vectors, str(tmp_path / "s.bv"), quiet=True)
    found = profile_of(virtual, HeatLook(), ((0, 9_000), (0, 9_000)))
    assert [name for name, _ in found["fields"]] == ["mean", "missing", "not known"]
    assert "least and the greatest" in dict(found["fields"])["not known"]
    assert [line["title"] for line in found["lines"]] == ["Along the columns: mean", "Along the rows: mean"]
    near = profile_of(virtual, HeatLook(), ((0, 50), (0, 40)))
    assert [name for name, _ in near["fields"]] == ["mean", "least", "greatest", "missing"]
