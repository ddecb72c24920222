"""frame(): what it draws, the laws of its colours, and its cache."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bigview as bv
from bigview.config import override
from bigview.errors import ColumnError, OptionError, ViewError
from bigview.raster.frame import forget_frames, frame
from bigview.raster.legend import of_numbers
from bigview.raster.palettes import category_colours, hexes
from bigview.raster.shade import unpacked
from bigview.store.manifest import Column
from tests.views import ROWS, store, table

HOME = bv.View((-1.5, 5.5), (-2, 4.5), 140, 120)


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    """Return the rows of the store."""
    return table()


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory, data: pd.DataFrame) -> bv.PointStore:
    """Return a store of twenty thousand rows."""
    return store(tmp_path_factory.mktemp("frame"), data.assign(flag=data.index % 3 == 0))


@pytest.fixture(autouse=True)
def afresh() -> Iterator[None]:
    """Draw every frame of every test, from cells as a large store does."""
    forget_frames()
    with override(exact_rows=0):
        yield


def moved(view: bv.View, right: float, up: float) -> bv.View:
    """Return the view moved by so many parts of its size."""
    across, along = (view.x_range[1] - view.x_range[0]) * right, (view.y_range[1] - view.y_range[0]) * up
    return bv.View((view.x_range[0] + across, view.x_range[1] + across), (view.y_range[0] + along, view.y_range[1] + along), view.width, view.height)


def test_a_density_counts_the_rows_of_its_ranges(points: bv.PointStore, data: pd.DataFrame) -> None:
    shown = frame(points, HOME)
    assert shown.rgba.shape == (120, 140)
    assert shown.rgba.dtype == np.uint32
    inside = data.x.between(*shown.x_range, inclusive="left") & data.y.between(*shown.y_range, inclusive="left")
    assert shown.count == inside.sum() > 0.99 * ROWS
    assert shown.exact
    assert shown.colorbar is not None
    assert shown.legend == ()
    assert [place for place, _ in shown.colorbar.ticks] == sorted(place for place, _ in shown.colorbar.ticks)
    assert shown.colorbar.ticks[0] == (0.0, "1")


def test_row_0_is_the_bottom(points: bv.PointStore, data: pd.DataFrame) -> None:
    lowest = data.loc[data.y.idxmin()]
    around = bv.View((lowest.x - 0.1, lowest.x + 0.1), (lowest.y - 0.001, lowest.y + 5), 50, 400)
    assert (frame(points, around, bv.Style(spread=0)).rgba[:4] > 0).any()


@pytest.mark.parametrize("style", [bv.Style(spread=0), bv.Style(by="label", spread=0), bv.Style(scale="log", dark=False, spread=0)])
def test_panning_never_changes_the_colour_of_a_count(points: bv.PointStore, style: bv.Style) -> None:
    colours: dict[tuple[int, ...], int] = {}
    near = bv.View((1.0, 1.7), (0.8, 1.4), 90, 70)
    for right, up in [(0, 0), (0.37, 0), (-0.81, 0.2), (0.003, -0.9), (2.1, 1.3)]:
        view = moved(near, right, up)
        shown = frame(points, view, style)
        grid = points.aggregate(view, bv.dominant("label") if style.by else "count").to_numpy().reshape(*shown.rgba.shape, -1)
        for value, colour in zip(grid.reshape(-1, grid.shape[2]).tolist(), shown.rgba.ravel().tolist(), strict=True):
            if value[-1]:
                assert colours.setdefault(tuple(value), colour) == colour
            else:
                assert colour == 0
    assert len(colours) > 3


def test_a_filter_keeps_the_scale(points: bv.PointStore) -> None:
    plain, some = frame(points, HOME), frame(points, HOME, None, "votes > 500")
    assert some.colorbar == plain.colorbar
    assert some.count == points.count(bv.View(some.x_range, some.y_range, 10, 10), "votes > 500")


def test_the_colour_bar_is_true(points: bv.PointStore) -> None:
    for mode in ("eq_hist", "log", "linear"):
        shown = frame(points, HOME, bv.Style(scale=mode, spread=0))  # type: ignore[arg-type]
        grid = points.aggregate(HOME).to_numpy()
        assert shown.colorbar is not None
        for place, text in shown.colorbar.ticks[:-1]:
            seen = shown.rgba[grid == int(text)] if text.isdigit() else []
            if len(seen):
                told = shown.colorbar.colors[round(place * 255)]
                red, green, blue = (int(told[i : i + 2], 16) for i in (1, 3, 5))
                got = unpacked(seen[:1])[0].astype(int) if seen.ndim == 2 else np.array([seen[0] >> s & 255 for s in (0, 8, 16)]).astype(int)
                assert np.abs(got[:3] - [red, green, blue]).max() <= 6


def test_every_lone_row_is_seen(tmp_path: Path) -> None:
    far = pd.DataFrame({"x": [0.0, 1.0, 0.5], "y": [0.0, 1.0, 0.2]})
    small = store(tmp_path, far)
    shown = frame(small, bv.View((-0.1, 1.1), (-0.1, 1.1), 200, 200))
    assert shown.spread >= 2
    assert (shown.rgba > 0).sum() >= 3 * 9


def test_categories_are_ranked_by_their_rows_in_the_picture(points: bv.PointStore, data: pd.DataFrame) -> None:
    view = bv.View((0.4, 2.2), (-0.5, 2), 80, 60)
    shown = frame(points, view, bv.Style(by="label"))
    inside = data[data.x.between(*shown.x_range, inclusive="left") & data.y.between(*shown.y_range, inclusive="left")]
    wanted = inside.label.value_counts()
    wanted = wanted[wanted > 0]
    assert {entry.name: entry.count for entry in shown.legend} == wanted.to_dict()
    assert [entry.count for entry in shown.legend] == sorted((entry.count for entry in shown.legend), reverse=True)
    codes = {name: code for code, name in enumerate(points.reader.categories("label"))}
    assert all(entry.color == hexes(category_colours(4, True))[codes[entry.name]] for entry in shown.legend)
    assert shown.count == len(inside)
    assert shown.title == "label"


def test_many_categories_end_in_others(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    many = pd.DataFrame({"x": random.random(5000), "y": random.random(5000), "kind": random.integers(0, 200, 5000).astype(str)})
    kinds = store(tmp_path, many, categories=["kind"])
    shown = frame(kinds, bv.View((0, 1), (0, 1), 64, 64), bv.Style(by="kind"))
    assert len(shown.legend) == 31
    assert shown.legend[-1].name == "170 others"
    assert sum(entry.count for entry in shown.legend) == shown.count


@pytest.mark.parametrize("column", ["score", "votes", "day", "flag", "label", "x"])
@pytest.mark.parametrize("mix", [False, True])
def test_every_kind_of_column_gives_colours(points: bv.PointStore, column: str, mix: bool) -> None:
    shown = frame(points, HOME, bv.Style(by=column, mix=mix))
    assert bool(shown.legend) != bool(shown.colorbar)
    assert (shown.rgba > 0).any()
    if shown.colorbar:
        assert all(text for _, text in shown.colorbar.ticks)


def test_mixing_what_does_not_fit_sums_the_rest(points: bv.PointStore) -> None:
    with override(result_bytes=HOME.width * HOME.height * 8):
        shown = frame(points, HOME, bv.Style(by="label", mix=True))
        assert shown.legend


def test_what_cannot_be_drawn_is_said(points: bv.PointStore) -> None:
    with pytest.raises(OptionError, match="holds text"):
        frame(points, HOME, bv.Style(by="text"))
    with pytest.raises(ColumnError, match="Did you mean 'label'"):
        frame(points, HOME, bv.Style(by="lable"))
    with pytest.raises(OptionError, match="Did you mean 'viridis'"):
        frame(points, HOME, bv.Style(palette="viridia"))
    with pytest.raises(ViewError):
        frame(points, bv.View((1, 0), (0, 1)))


def test_nothing_in_view(points: bv.PointStore) -> None:
    for by in (None, "label", "score"):
        shown = frame(points, bv.View((100, 101), (100, 101), 30, 20), bv.Style(by=by))
        assert shown.count == 0
        assert not shown.rgba.any()
        assert shown.legend == ()


@pytest.mark.parametrize("numbers", [[], [np.nan, np.inf]])
def test_a_store_of_nothing(tmp_path: Path, numbers: "list[float]") -> None:
    empty = store(tmp_path, pd.DataFrame({"x": numbers, "y": numbers, "z": numbers}, dtype="f8"))
    for by in (None, "z"):
        assert frame(empty, bv.View((0, 1), (0, 1), 20, 20), bv.Style(by=by)).count == 0


def test_datetimes_on_an_axis(tmp_path: Path) -> None:
    times = pd.DataFrame({"when": pd.date_range("2024-01-01", periods=900, freq="h"), "y": np.arange(900.0)})
    days = store(tmp_path, times, x="when", y="y")
    shown = frame(days, bv.View(*days.home, 90, 60))
    assert shown.count == 900
    assert isinstance(shown.x_range[0], np.datetime64)


@pytest.mark.parametrize(
    ("kind", "dtype", "low", "high", "wanted"),
    [
        ("number", "double", 0.0, 1.0, ["0", "0.25", "0.5", "0.75", "1"]),
        ("number", "double", 3.0, 3.0, ["3"]),
        ("number", "double", 0.0, 9.8e-299, ["0", "2.5e-299", "5e-299", "7.5e-299", "9.8e-299"]),
        ("number", "double", 1.0, 1.0 + 1e-10, ["1", "1.000000000025", "1.00000000005", "1.000000000075", "1.0000000001"]),
        ("integer", "int64", 0, 998, ["0", "250", "500", "750", "998"]),
        ("integer", "int64", 2**60, 2**60 + 4096, None),
        ("datetime", "timestamp[s]", 0, 86400 * 100, ["1970-01-01", "1970-01-26", "1970-02-20", "1970-03-17", "1970-04-11"]),
    ],
)
def test_marks_of_a_colour_bar_can_be_told_apart(kind: str, dtype: str, low: float, high: float, wanted: "list[str] | None") -> None:
    bar = of_numbers(Column("z", kind, dtype, low=low, high=high), (low, high), "viridis", True)  # type: ignore[arg-type]
    texts = [text for _, text in bar.ticks]
    assert len(set(texts)) == len(texts)
    assert wanted is None or texts == wanted


def test_rescaled_colours_and_their_bar(points: bv.PointStore) -> None:
    plain, strong = frame(points, HOME), frame(points, HOME, bv.Style(gain=3.0))
    assert plain.colorbar is not None
    assert strong.colorbar is not None
    tops = [float(bar.ticks[-1][1].strip("≥ ").replace("\u202f", " ").split()[0]) for bar in (plain.colorbar, strong.colorbar)]
    assert tops[1] == pytest.approx(tops[0] / 3, rel=0.35)
    assert (strong.drawing.tones.tone.astype(int) >= plain.drawing.tones.tone).all()  # type: ignore[union-attr]
    numbers = frame(points, HOME, bv.Style(by="votes", limits=(100.0, 200.0)))
    assert numbers.colorbar is not None
    assert [text.strip("≤≥ ") for _, text in (numbers.colorbar.ticks[0], numbers.colorbar.ticks[-1])] == ["100", "200"]


@pytest.mark.parametrize("wrong", [{"clip": 20.0}, {"gain": 0.0}, {"gain": float("inf")}, {"limits": (2.0, 1.0)}, {"limits": (0.0, float("nan"))}])
def test_a_style_that_makes_no_sense_is_refused(wrong: "dict[str, object]") -> None:
    with pytest.raises(OptionError):
        bv.Style(**wrong)  # type: ignore[arg-type]


# --- the cache ---------------------------------------------------------------------------------------------------------------------------


def test_the_same_frame_is_drawn_once_and_cannot_be_written(points: bv.PointStore) -> None:
    first = frame(points, HOME)
    assert frame(points, HOME, bv.Style()).drawing is first.drawing
    other = frame(points, HOME, bv.Style(palette="ice", dark=False))
    assert other.drawing is first.drawing, "another palette draws nothing anew"
    assert (other.rgba != first.rgba).any()
    with pytest.raises(ValueError, match="read-only"):
        first.rgba[0, 0] = 1
