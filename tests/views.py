"""A store and the table it was made from, for tests of what is drawn."""

from pathlib import Path

import numpy as np
import pandas as pd

from bigview.stores import PointStore, build_points

ROWS = 20_000


def table(rows: int = ROWS, seed: int = 0) -> pd.DataFrame:
    """Return points in clusters, with a column of every kind; every tenth label is missing."""
    rng = np.random.default_rng(seed)
    centre = rng.integers(0, 5, rows)
    label = pd.Categorical.from_codes(np.where(np.arange(rows) % 10 == 0, -1, centre % 4), ["d", "c", "b", "a"])
    return pd.DataFrame(
        {
            "x": rng.normal(centre, 0.3).astype("f4"),
            "y": rng.normal(centre % 3, 0.5).astype("f4"),
            "score": np.where(rng.random(rows) < 0.05, np.nan, rng.random(rows)),
            "votes": rng.integers(-5, 1000, rows),
            "label": label,
            "day": pd.date_range("2020-01-01", periods=rows, freq="min"),
            "flag": rng.random(rows) < 0.3,
            "text": [f"row <b>{row}</b>" for row in range(rows)],
        }
    )


def store(folder: Path, frame: pd.DataFrame, **options: object) -> PointStore:
    """Build a store of a table."""
    made: PointStore = build_points(frame, folder / "points.bv", **{"x": "x", "y": "y", "quiet": True, **options})
    return made
