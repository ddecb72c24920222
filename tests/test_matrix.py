"""Matrix stores: what goes in comes out, and grids equal NumPy's block reductions."""

import pickle
from pathlib import Path

import numpy as np
import pytest

import bigview as bv


@pytest.mark.parametrize("shape", [(7, 5), (1, 1), (0, 4), (3, 0), (2500, 3), (2, 3000), (1100, 1300)])
def test_cells_come_back(tmp_path: Path, shape: tuple[int, int]):
    values = np.random.default_rng(1).normal(size=shape).astype("f4")
    store = bv.build_matrix(values, tmp_path / "m.bv")
    assert isinstance(store, bv.MatrixStore)
    assert (store.shape, store.dtype, store.kind) == (shape, np.dtype("f4"), "number")
    assert (store.cells() == values).all()
    whole = np.empty(shape, "f4")
    for r, c, block in store.blocks():
        whole[r : r + block.shape[0], c : c + block.shape[1]] = block
    assert (whole == values).all()
    assert (pickle.loads(pickle.dumps(store)).cells() == values).all()
    assert len(store.rows.names) == shape[0]


def test_a_grid_is_a_block_mean(tmp_path: Path):
    values = np.random.default_rng(1).normal(size=(1200, 2000))
    np.save(tmp_path / "v.npy", values)
    store = bv.build_matrix(tmp_path / "v.npy", tmp_path / "m.bv")
    grid = store.aggregate(bv.View((0, 2000), (0, 1200), 100, 60))
    assert np.allclose(grid, values.reshape(60, 20, 100, 20).mean((1, 3)))
    deep = store.aggregate(bv.View((10, 12), (5, 7), 8, 8))
    assert (deep.to_numpy() == np.kron(values[5:7, 10:12], np.ones((4, 4)))).all()
