"""The most frequent category of each pixel, from the counts of a level, equals the slow way; verify checks the counts."""

import numpy as np
import pytest

import bigview as bv
from bigview.config import override
from bigview.raster import matrixgrid
from bigview.raster.matrixgrid import quick_matrix
from bigview.store.matrixverify import verify_matrix

SHAPE = 2900, 2300
CODES = (np.add.outer(np.arange(SHAPE[0]) // 130, np.arange(SHAPE[1]) // 170) % 4 + (np.random.default_rng(0).random(SHAPE) < 0.25)) % 5
CODES[np.random.default_rng(1).random(SHAPE) < 0.1] = -1


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> bv.MatrixStore:
    return bv.build_matrix(CODES, tmp_path_factory.mktemp("c") / "m.bv", categories=list("abcde"), quiet=True)


def test_whole_blocks(store):
    with override(exact_cells=0):
        grid = store.aggregate(bv.View((0, 2300), (100, 2900), 115, 140), "mode")
    assert grid.attrs["level"] > 0
    assert grid.attrs["error"] <= 0.25
    assert grid.to_numpy()[..., 2].sum() == (CODES[100:] >= 0).sum()
    with override(exact_cells=0):
        even = store.aggregate(bv.View((0, 2304), (0, 2880), 72, 90), "mode")
    assert even.attrs["error"] == 0.0
    part = np.pad(CODES[:2880], ((0, 0), (0, 4)), constant_values=-1).reshape(90, 32, 72, 32)
    counts = np.stack([(part == code).sum((1, 3)) for code in range(5)], axis=-1)
    assert (even.to_numpy()[..., 0] == counts.argmax(-1)).all()
    assert (even.to_numpy()[..., 1] == counts.max(-1)).all()
    assert (even.to_numpy()[..., 2] == counts.sum(-1)).all()


def test_like_the_cells_themselves(store):
    view = bv.View((7, 2011.5), (-50, 2888), 60, 47)
    exact = store.aggregate(view, "mode").to_numpy()
    with override(exact_cells=0):
        grid = store.aggregate(view, "mode")
    assert grid.attrs["level"] > 0
    assert grid.to_numpy()[..., 2].sum() == exact[..., 2].sum()
    assert (grid.to_numpy()[..., 0] == exact[..., 0]).mean() > 0.95


def test_verify(store):
    assert verify_matrix(store) == []
    assert [len(level.planes) for level in store.manifest.levels] == [5] * len(store.manifest.levels)


def test_many_categories_have_no_pyramid(tmp_path, monkeypatch):
    made = bv.build_matrix(CODES, tmp_path / "m.bv", categories=[str(number) for number in range(40)], quiet=True)
    assert made.manifest.levels == ()
    assert made.aggregate(bv.View((0, 2300), (0, 2900), 10, 10), "mode").to_numpy()[..., 2].sum() == (CODES >= 0).sum()
    assert quick_matrix(made, bv.View((0, 2300), (0, 2900), 10, 10), "mode") is None
    monkeypatch.setattr(matrixgrid, "QUICK_CODES", 1000)
    quick = quick_matrix(made, bv.View((0, 2300), (0, 2900), 10, 10), "mode")
    assert not quick.attrs["exact"]
    assert quick.to_numpy()[..., 0].max() < 5
