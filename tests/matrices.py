"""Small matrices and their stores, for tests of what is drawn of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import bigview as bv

ROWS, COLS = 300, 170


def values(seed: int = 0) -> np.ndarray:
    """Return smooth values with noise, a spike, and a block of missing cells."""
    rng = np.random.default_rng(seed)
    found = np.add.outer(np.sin(np.arange(ROWS) / 40), np.cos(np.arange(COLS) / 25)) + rng.normal(0, 0.2, (ROWS, COLS))
    found[250, 20] = 40.0
    found[60:90, 30:70] = np.nan
    return found.astype(np.float32)


def axes() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what is known of rows and columns: names, of which one is markup, a number and a category."""
    rows = pd.DataFrame({"weight": np.random.default_rng(1).normal(size=ROWS), "kind": np.arange(ROWS) % 3}, index=[f"row {k}" for k in range(ROWS)])
    cols = pd.DataFrame({"group": [f"g{k % 4}" for k in range(COLS)]}, index=["<b>evil</b>", *(f"column {k}" for k in range(1, COLS))])
    return rows, cols


def store(folder: Path, array: Any = None, **options: Any) -> Any:
    """Build a store of a matrix."""
    rows, cols = axes()
    named = {"rows": rows, "cols": cols} if array is None else {}
    return bv.build_matrix(values() if array is None else array, str(folder / "matrix.bv"), **{"quiet": True, **named, **options})
