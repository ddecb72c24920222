"""Colours: palettes, scales, painting and spreading, by arithmetic and by law."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bigview.errors import OptionError
from bigview.raster import palettes, tones
from bigview.raster.scale import Grading, Scale, radius_at, scale_of, zoom_of
from bigview.raster.shade import blended, category_table, coloured, count_table, number_table, shade_mix, unpacked
from bigview.raster.spread import spread
from bigview.store.axis import Axis
from bigview.store.manifest import COUNT_EDGES, Level, Manifest

DARK = pytest.mark.parametrize("dark", [True, False], ids=["dark", "light"])


def made_of(counts_by_level: "dict[int, list[int]]", placed: int) -> Manifest:
    """Return a manifest whose levels have cells of the given counts, on a square of side 1."""
    axis = Axis.fit("x", np.dtype("f8"), 0.0, 1.0)
    levels = []
    for level, counts in counts_by_level.items():
        histogram, _ = np.histogram(counts, [*COUNT_EDGES, np.inf])
        levels.append(Level(level, len(counts), sum(counts), tuple(histogram.tolist()), max(counts)))
    return Manifest("g", str(counts_by_level), "", placed, placed, axis, axis, (0, 1, 0, 1), (), None, tuple(levels), (), "", "")


RANDOM = np.random.default_rng(0)


def skewed() -> Manifest:
    """Levels of one set of rows: the counts of a cell are the sums of its quarters'."""
    cells = RANDOM.pareto(0.8, 4**7).astype(int)
    levels = {}
    for level in range(7, 2, -1):
        levels[level] = cells[cells > 0].tolist()
        cells = cells.reshape(-1, 4).sum(axis=1)
    return made_of(dict(sorted(levels.items())), int(cells.sum()))


SKEWED = skewed()


# --- palettes ---------------------------------------------------------------------------------------------------------------------------


@DARK
@pytest.mark.parametrize("name", ["ember", "ice", "viridis", "cividis", "grey", "fire"])
def test_ramps_rise_evenly_in_lightness_away_from_the_background(name: str, dark: bool) -> None:
    light = palettes.oklab(palettes.ramp(name, dark))[:, 0]
    steps = np.diff(light)
    if name != "fire":  # from colorcet, for dark backgrounds
        assert (steps > 0).all() if dark else (steps < 0).all()
        ground = palettes.oklab(palettes.rgb([palettes.background(dark)]))[0, 0]
        assert abs(light[0] - ground) > 0.12, "the faintest colour is lost in the background"
        assert abs(steps - steps.mean()).max() < 1e-3


def test_a_palette_that_is_not_there_is_named_with_the_closest() -> None:
    with pytest.raises(OptionError, match="Did you mean 'viridis'"):
        palettes.ramp("virids", True)


EYES = {  # Machado, Oliveira and Fernandes (2009), severity 1, on linear light
    "deuteranope": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "protanope": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "tritanope": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}


def seen_by(eye: str, colours: np.ndarray) -> np.ndarray:
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    turned = np.clip(linear @ np.array(EYES[eye]).T, 0, 1)
    return np.where(turned <= 0.0031308, turned * 12.92, 1.055 * turned ** (1 / 2.4) - 0.055)


@DARK
def test_the_first_categories_differ_for_every_eye(dark: bool) -> None:
    colours = palettes.category_colours(8, dark)
    for seen in (colours, *(seen_by(eye, colours) for eye in EYES)):
        lab = palettes.oklab(seen)
        apart = np.linalg.norm(lab[:, None] - lab[None], axis=-1) + np.eye(8)
        assert apart.min() > 0.07


def test_category_colours_are_stable_and_never_run_out() -> None:
    assert (palettes.category_colours(5, True) == palettes.category_colours(1000, True)[:5]).all()
    assert len(np.unique(palettes.category_colours(128, True), axis=0)) == 128
    assert palettes.category_colours(1000, False).shape == (1000, 3)


@given(st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=1))
def test_oklab_and_back(colours: "list[tuple[int, int, int]]") -> None:
    values = np.array(colours) / 255
    assert np.allclose(palettes.srgb(palettes.oklab(values)), values, atol=1e-6)


# --- scales ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["eq_hist", "log", "linear"])
@pytest.mark.parametrize("zoom", [-3.0, 3.0, 4.2, 5.7, 7.0, 12.0])
def test_strength_rises_with_the_count_from_a_visible_one(mode: str, zoom: float) -> None:
    scale = scale_of(SKEWED, zoom, Grading(mode))  # type: ignore[arg-type]
    strength = scale.strength(np.arange(0, 1 << 16))
    assert strength[0] == 0
    assert strength[1] >= 0.15
    assert (np.diff(strength) >= 0).all()
    assert strength.max() <= 1
    assert scale.strength(np.array([1e12]))[0] == 1


def test_the_scale_changes_smoothly_with_the_zoom() -> None:
    counts = np.arange(1, 200)
    steps = [scale_of(SKEWED, zoom).strength(counts) for zoom in np.arange(1, 9, 0.02)]
    assert max(np.abs(a - b).max() for a, b in pairwise(steps)) < 0.12


def test_a_store_without_cells_has_a_scale() -> None:
    empty = made_of({}, 0)
    assert scale_of(empty, 5.0).strength(np.array([1]))[0] > 0.5


def test_zoom_is_the_level_whose_cells_are_as_large_as_a_pixel() -> None:
    axis = SKEWED.x
    for level in (2, 9, 20):
        assert zoom_of(SKEWED, axis.size(level), axis.size(level)) == level
    assert zoom_of(SKEWED, axis.size(7), axis.size(9)) == 8


def test_points_grow_with_the_zoom() -> None:
    sparse = made_of({3: [2] * 40, 4: [1] * 80}, 80)
    radii = [radius_at(sparse, zoom) for zoom in np.arange(3, 10, 0.25)]
    assert radii == sorted(radii)
    assert radii[0] == 1
    assert radii[-1] > 3


def test_gain_and_clip_move_the_scale_and_never_hide_a_row() -> None:
    counts = np.array([1, 2, 5, 10, 40])
    plain, more, less = (scale_of(SKEWED, 5.0, Grading("log", None, gain)).strength(counts) for gain in (1.0, 4.0, 0.5))
    assert (more > plain).all()
    assert (less <= plain).all()
    assert np.allclose(scale_of(SKEWED, 5.0, Grading("log", None, 4.0)).strength(counts), scale_of(SKEWED, 5.0, Grading("log")).strength(counts * 4))
    clipped = scale_of(SKEWED, 5.0, Grading("log", 90.0))
    assert clipped.counts[-1] < scale_of(SKEWED, 5.0, Grading("log")).counts[-1]
    assert (clipped.strength(counts) >= plain).all()
    assert (scale_of(SKEWED, 5.0, Grading("linear", None, 1e9)).strength(counts) > 0).all()


# --- painting ---------------------------------------------------------------------------------------------------------------------------


def scale(strengths: "tuple[float, ...]" = (0.2, 1.0)) -> Scale:
    return Scale((1.0, 100.0), strengths, "log")


@DARK
def test_counts_take_the_colour_of_their_strength(dark: bool) -> None:
    grid = RANDOM.integers(0, 200, (70, 50)).astype(np.uint32)
    grid[0, :4] = [0, 4095, 4096, 2**31]
    ramp = palettes.ramp("ember", dark)
    picture = unpacked(coloured(tones.of_counts(grid, scale()), count_table("ember", dark)))
    wanted = np.rint(ramp[np.rint(scale().strength(grid) * 255).astype(int)] * 255)
    step = np.abs(np.diff(np.rint(ramp * 255), axis=0)).max()
    assert (np.abs(picture[..., :3][grid > 0] - wanted[grid > 0]) <= step).all(), "within a step of the ramp"
    assert (picture[..., 3] == np.where(grid > 0, 255, 0)).all()


def test_large_counts_keep_their_strength_within_a_step() -> None:
    wide = Scale((1.0, 2.0**24), (0.1, 1.0), "log")
    grid = np.array([[4095, 4096, 5000, 2**16, 2**20 + 7, 2**24, 2**30]], np.int64)
    grey = unpacked(coloured(tones.of_counts(grid, wide), count_table("grey", True)))[..., 0].astype(int)
    wanted = np.rint(palettes.ramp("grey", True)[np.rint(wide.strength(grid) * 255).astype(int)][..., 0] * 255)
    assert np.abs(grey - wanted).max() <= 2


def test_numbers_run_from_limit_to_limit_and_are_grey_without_a_value() -> None:
    grid = np.array([[0.0, 0.5, 1.0, -9.0, 9.0, np.nan, np.nan]])
    counts = np.array([[1, 1, 1, 1, 1, 1, 0]])
    ramp = np.rint(palettes.ramp("viridis", True) * 255)
    picture = unpacked(coloured(tones.of_numbers(grid, counts, (0.0, 1.0)), number_table("viridis", True)))[0]
    assert (picture[:5, :3] == ramp[[0, 128, 255, 0, 255]]).all()
    assert (picture[5, :3] == np.rint(palettes.rgb([palettes.muted(True)])[0] * 255)).all()
    assert picture[6, 3] == 0
    flat = unpacked(coloured(tones.of_numbers(np.array([[3.0]]), np.array([[1]]), (3.0, 3.0)), number_table("viridis", True)))
    assert (flat[0, 0, :3] == ramp[127]).all()


@DARK
def test_the_dominant_category_is_purer_with_its_share_and_stronger_with_the_count(dark: bool) -> None:
    grid = np.array([[(1, 100, 100), (1, 30, 100), (1, 1, 1), (-1, 0, 5), (-1, 0, 0)]], np.int64)
    picture = coloured(tones.of_dominant(grid, 3, scale()), category_table(3, dark))
    lab = palettes.oklab(unpacked(picture)[0, :, :3] / 255)
    ground = palettes.oklab(palettes.rgb([palettes.background(dark)]))[0]
    chroma, away = np.hypot(lab[:, 1], lab[:, 2]), np.linalg.norm(lab - ground, axis=1)
    assert chroma[0] > chroma[1] > chroma[3]
    assert away[0] > away[2] > 0.1
    assert picture[0, 4] == 0
    own = palettes.oklab(palettes.category_colours(2, dark))[1]
    assert np.allclose(lab[0], own, atol=0.02), "full share and strength give the legend's colour"


def test_mixing_is_the_mean_of_the_colours() -> None:
    grid = np.zeros((2, 2, 2), np.uint32)
    grid[0, 0], grid[0, 1], grid[1, 0] = (100, 0), (50, 50), (0, 100)
    total = np.array([[100, 100], [100, 0]])
    picture = unpacked(shade_mix(grid, total, scale(), True))
    lab = palettes.oklab(picture[..., :3] / 255)
    assert np.allclose(lab[0, 1], (lab[0, 0] + lab[1, 0]) / 2, atol=0.01)
    assert picture[1, 1, 3] == 0
    grey = unpacked(shade_mix(grid * 0, total, scale(), True))[0, 0, :3]
    assert (grey == np.rint(palettes.rgb([palettes.muted(True)])[0] * 255)).all(), "rows without a category are seen"


def test_blending_over_the_background() -> None:
    picture = np.array([[0, 0xFF0000FF, 0x800000FF]], np.uint32)
    assert blended(picture, "#0000ff").tolist() == [[[0, 0, 255], [255, 0, 0], [128, 0, 127]]]


# --- spreading ---------------------------------------------------------------------------------------------------------------------------


def lone(shape: "tuple[int, int]" = (41, 43), *places: "tuple[int, int]") -> np.ndarray:
    picture = np.zeros(shape, np.uint32)
    for number, place in enumerate(places):
        picture[place] = 0xFF000010 + number
    return picture


def test_a_lone_point_becomes_a_disc() -> None:
    grown = spread(lone((41, 43), (20, 20)), 3)
    away = np.hypot(*np.meshgrid(np.arange(41) - 20, np.arange(43) - 20, indexing="ij"))
    alpha = grown >> 24
    assert (alpha[away <= 2.5] == 255).all()
    assert (alpha[away >= 3.6] == 0).all()
    assert set((grown[grown > 0] & 0xFFFFFF).tolist()) == {0x10}


def test_points_keep_their_own_pixels_and_a_crowd_stays_as_it_is() -> None:
    picture = lone((60, 60), (5, 5), (5, 6))
    picture[20:60, 20:60] = 0xFF123456
    grown = spread(picture, 4)
    assert (grown[picture > 0] == picture[picture > 0]).all()
    rim = grown[18, 20:60] >> 24
    assert rim.max() < 255, "a crowd hardly grows"
    assert (spread(picture, 0) == picture).all()


@given(st.integers(0, 2**31), st.integers(1, 5), st.integers(0, 9), st.integers(0, 9))
def test_moving_the_view_does_not_change_how_points_grow(seed: int, radius: int, down: int, right: int) -> None:
    random = np.random.default_rng(seed)
    whole = np.where(random.random((150, 110)) < random.random() ** 3, random.integers(1, 1 << 24, (150, 110)), 0)
    whole = np.where(whole > 0, whole | 0xFF << 24, 0).astype(np.uint32)
    part = np.ascontiguousarray(whole[down : down + 130, right : right + 90])
    edge = 4 * radius + 2
    inner = (slice(edge, 130 - edge), slice(edge, 90 - edge))
    assert (spread(whole, radius)[down : down + 130, right : right + 90][inner] == spread(part, radius)[inner]).all()
