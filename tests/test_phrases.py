"""What a person types into a search is found as it stands, wildcards and quotes of SQL included."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigview.build.points import build_points
from bigview.store.phrases import contains
from bigview.store.points import PointTable

LETTERS = "aB%_'\\\"?*;-\n Äя字"
WORDS = [f"{a}{b}{c}" for a in LETTERS for b in LETTERS for c in "b%_'\\"]
COLUMN = 'a "free" text; --'


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> list[PointTable]:
    """The words as texts, and as categories."""
    folder = tmp_path_factory.mktemp("phrases")
    frame = pd.DataFrame({"x": np.arange(len(WORDS), dtype=float), "y": 0.0, COLUMN: WORDS})
    for name in ("texts", "categories"):
        build_points(frame, str(folder / name), x="x", y="y", quiet=True, **{name: (COLUMN,)})
    return [PointTable.open(str(folder / name)) for name in ("texts", "categories")]


@given(text=st.text(LETTERS, max_size=3))
def test_a_text_is_found_as_it_stands(stores: list[PointTable], text: str) -> None:
    wanted = [row for row, word in enumerate(WORDS) if text.lower() in word.lower()]
    for store in stores:
        assert sorted(store.rows(where=contains(COLUMN, text), columns=[], limit=len(WORDS))["__row"]) == wanted
