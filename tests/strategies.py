"""Random tables, views and expressions: ordinary data and every degenerate kind that users bring."""

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from bigview.spec import View

AXES = ("normal", "float32", "digits", "outlier", "equal", "whole", "times", "large", "mixed")
LABELS = ("de", "en", "Füße", "日本", "<b>", "o'clock")


def axis_values(kind: str, rows: int, rng: np.random.Generator) -> np.ndarray:
    """Return one axis of a table."""
    normal = rng.normal(size=rows)
    if kind == "float32":
        return normal.astype(np.float32)
    if kind == "digits":
        return 1.0 + 1e-12 * normal
    if kind == "outlier":
        return np.where(np.arange(rows) == rows // 2, 1e6, normal)
    if kind == "equal":
        return np.full(rows, 0.25)
    if kind == "whole":
        return rng.integers(-5, 6, rows)
    if kind == "times":
        return np.datetime64("2024-02-28", "us") + (normal * 86_400e6).astype("m8[us]")
    if kind == "large":
        return 2**60 + rng.integers(0, 10_000, rows)
    if kind == "mixed":
        return np.where(rng.random(rows) < 0.2, rng.choice([np.nan, np.inf, -np.inf], rows), normal)
    return normal


@st.composite
def tables(draw: st.DrawFn, x_kinds: tuple[str, ...] = AXES, y_kinds: tuple[str, ...] = AXES) -> pd.DataFrame:
    """Draw a table with positions, a category, a number with gaps, a whole number, a truth value and a text."""
    rows = draw(st.sampled_from([0, 1, 2, 7, 60, 400]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    table = pd.DataFrame(
        {
            "x": axis_values(draw(st.sampled_from(x_kinds)), rows, rng),
            "y": axis_values(draw(st.sampled_from(y_kinds)), rows, rng),
            "lang": pd.Series(rng.choice([*LABELS, None], rows), dtype=object),
            "zipf": np.where(rng.random(rows) < 0.1, np.nan, rng.normal(3, 2, rows)).astype(np.float32),
            "length": rng.integers(0, 20, rows),
            "flag": rng.random(rows) < 0.5,
            "text": [f"word {number % 50} <i>" for number in range(rows)],
        }
    )
    if draw(st.booleans()) and rows > 2:  # three in ten rows at the same place
        same = rng.random(rows) < 0.3
        table.loc[same, ["x", "y"]] = table.loc[0, ["x", "y"]].to_numpy()
    return table


def _ends(draw: st.DrawFn, values: pd.Series) -> tuple[object, object]:
    plain = values.to_numpy()
    is_time = plain.dtype.kind == "M"
    numbers = plain.astype("i8").astype(float) if is_time else plain.astype(float)
    finite = numbers[np.isfinite(numbers)]
    low, high = (finite.min(), finite.max()) if len(finite) else (0.0, 1.0)
    centre = draw(st.sampled_from([*finite[:3].tolist(), (low + high) / 2, high, low, high + 10 * (high - low) + 1]))
    span = max(high - low, abs(centre) * 1e-9, 1e-9) * draw(st.sampled_from([4.0, 1.0, 0.3, 0.011]))
    start, stop = centre - span * draw(st.sampled_from([0.5, 0.0, 0.37])), centre + span * 0.61
    if plain.dtype.kind == "i":  # whole numbers beyond 2**53 have no exact float
        middle = plain[len(plain) // 2] if len(plain) else 0
        return int(middle) - int(span // 2), int(middle) + int(span // 2) + 1
    if is_time:
        return np.datetime64(int(start), "us"), np.datetime64(max(int(stop), int(start) + 1), "us")
    if draw(st.booleans()) and high > start:
        stop = float(high)  # the store's own maximum is inside
    return float(start), float(max(stop, np.nextafter(start, np.inf)))


@st.composite
def views(draw: st.DrawFn, table: pd.DataFrame) -> View:
    """Draw a view: around rows, of everything, of nothing; from a single pixel on."""
    size = st.sampled_from([1, 2, 3, 17, 64])
    return View(_ends(draw, table["x"]), _ends(draw, table["y"]), draw(size), draw(size))


@st.composite
def expressions(draw: st.DrawFn, depth: int = 2) -> str:
    """Draw a boolean SQL expression over the columns of `tables`."""
    leaf = st.sampled_from(
        [
            "zipf > 3",
            "zipf <= 2.5",
            "zipf = 0.1",
            "zipf BETWEEN 1 AND 4",
            "zipf IS NULL",
            "NOT zipf > 2",
            "lang = 'de'",
            "lang IN ('de', 'Füße', 'none')",
            "lang NOT IN ('en', '日本')",
            "lang IS NOT NULL",
            "lang LIKE 'F%'",
            "lang > 'en'",
            "lang = 'o''clock'",
            "length - 3 > 4",
            "length IN (1, 2, 3, 19)",
            "length <> 5",
            "flag",
            "NOT flag",
            "text LIKE '%7%'",
            "text ILIKE 'WORD 1_ %'",
            "zipf + length > 10",
            "lang IS DISTINCT FROM 'de'",
            "true",
        ]
    )
    if depth == 0 or draw(st.booleans()):
        return draw(leaf)
    left, right = draw(expressions(depth - 1)), draw(expressions(depth - 1))
    return f"({left}) {draw(st.sampled_from(['AND', 'OR', 'AND NOT']))} ({right})"
