"""Where keys fall among cells: the kernel against NumPy's search in all keys of a level."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigview.build.points import build_points
from bigview.config import override
from bigview.store.locate import cut
from bigview.stores import open as open_store


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store whose levels have several small row groups."""
    rng = np.random.default_rng(1)
    folder = tmp_path_factory.mktemp("cuts")
    x, y = np.vstack([rng.normal(size=(3000, 2)), rng.normal(3, 0.01, size=(3000, 2))]).T

    with override(row_group=256, exact_rows=10):
        build_points(pd.DataFrame({"x": x, "y": y}), str(folder / "a.bv"), x="x", y="y")
    return open_store(str(folder / "a.bv"))


@given(data=st.data())
def test_cuts_are_those_of_a_search_in_all_keys(store, data):
    reader = store.reader
    level = data.draw(st.sampled_from(list(reader.levels())))
    groups, cells = reader.level(level)
    total = int(groups.offsets[-1])
    held, start, count = (cells.read(name, 0, total).astype(np.uint64) for name in ("key", "start", "count"))
    near = st.sampled_from(held.tolist()).flatmap(lambda key: st.sampled_from([key, max(key - 1, 0), key + 1]))
    keys = np.array(data.draw(st.lists(near | st.integers(0, 4**level - 1) | st.just(0), min_size=1, max_size=50)), np.uint64)
    found = cut(reader, level, keys)
    place = np.searchsorted(held, keys, "left")
    assert (found.cell == place).all()
    assert (found.low == [start[k - 1] + count[k - 1] if k else 0 for k in place]).all()
    assert (found.high == [start[k] if k < total else reader.manifest.placed for k in place]).all()
