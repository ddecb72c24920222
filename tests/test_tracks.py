"""What stands beside a matrix: tracks of metadata against the slow obvious way, places of hits, what a page is told of a tree."""

import base64
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bigview as bv
from bigview.app.heatsides import tree_told
from bigview.build.clustering import ClusterOptions, cluster
from bigview.build.leaves import leaves_of_array
from bigview.raster.dendrogram import Dendrogram
from bigview.raster.tracks import MISSING, TONES, Track, marks


@given(st.integers(0, 2**32), st.integers(1, 200), st.integers(1, 50), st.booleans(), st.booleans())
def test_a_pixel_shows_the_most_frequent_category_or_the_mean(seed, size, pixels, category, ordered):
    rng = np.random.default_rng(seed)
    if category:
        values = rng.integers(-1, 3, size)
        track = Track("kind", values, ("a", "b", "c"))
    else:
        values = np.where(rng.random(size) < 0.2, np.nan, rng.random(size))
        track = Track("score", values, ())
    order = rng.permutation(size)[: max(1, size // 2)] if ordered else None
    shown = values if order is None else values[order]
    low, high = np.sort(rng.uniform(-5, len(shown) + 5, 2))
    high = max(high, low + 0.1)
    found = track.tones(order, low, high, pixels)
    for pixel in range(pixels):
        start, stop = (low + (high - low) * edge / pixels for edge in (pixel, pixel + 1))
        if high - low <= pixels:
            place = int(np.floor((start + stop) / 2))
            mine = shown[place : place + 1] if place >= 0 else shown[:0]
        else:
            middles = np.arange(len(shown)) + 0.5
            if np.isclose(middles, start, atol=1e-9).any() or np.isclose(middles, stop, atol=1e-9).any():
                continue  # on an edge
            mine = shown[(middles > start) & (middles < stop)]
        mine = mine[mine >= 0]
        if not len(mine):
            assert found[pixel] == MISSING
        elif category:
            counts = np.bincount(mine, minlength=3)
            assert counts[found[pixel]] == counts.max()
        else:
            assert abs(found[pixel] - mine.mean() * (TONES - 1)) <= 0.51


def test_tracks_of_a_store(tmp_path: Path):
    rng = np.random.default_rng(0)
    kind = np.array(["rare", "usual", None, "usual"], object)[np.arange(40) % 4]
    many = [f"c{number % 60}" for number in range(40)]
    rows = pd.DataFrame({"kind": kind, "score": np.where(np.arange(40) == 7, np.nan, np.arange(40.0)), "flag": np.arange(40) % 3 == 0, "many": many})
    store = bv.build_matrix(rng.normal(size=(40, 3)), tmp_path / "m.bv", rows=rows, quiet=True)
    track = Track.of(store.rows, "kind")
    assert track.labels == ("usual", "rare")
    assert track.tones(None, 0, 4, 4).tolist() == [1, 0, MISSING, 0]
    assert len(track.colours(True)) == 3
    score = Track.of(store.rows, "score")
    tones = score.tones(None, 0, 40, 40)
    assert tones[0] == 0
    assert tones[39] == TONES - 1
    assert tones[7] == MISSING
    assert len(score.colours(dark=False)) == TONES
    assert set(Track.of(store.rows, "flag").labels) == {"True", "False"}


@given(st.integers(0, 2**32), st.integers(0, 60), st.integers(1, 30))
def test_marks_of_hits(seed, count, pixels):
    rng = np.random.default_rng(seed)
    places = np.sort(rng.choice(100, count, replace=False))
    low, high = np.sort(rng.uniform(0, 100, 2))
    high = max(high, low + 0.5)
    found = marks(places, low, high, pixels)
    slow = {int((place + 0.5 - low) * pixels / (high - low)) / pixels for place in places if low <= place + 0.5 < high}
    assert found == pytest.approx(sorted(slow))


def test_a_page_is_told_lines_and_clusters():
    tree = cluster(leaves_of_array(np.random.default_rng(0).normal(size=(50, 3))), ClusterOptions())
    height = tree.height_for(4)
    told = tree_told(Dendrogram(tree), 10, 40, height)
    lines = np.frombuffer(base64.b64decode(told["lines"]), "<f4").reshape(-1, 4)
    assert np.isfinite(lines).all()
    assert told["count"] == 4
    clusters = tree.clusters(height)
    assert [edge for edge in told["edges"] if 10 <= edge <= 40] == [edge for edge in range(10, 41) if clusters[edge] != clusters[edge - 1]]
    assert tree_told(Dendrogram(tree), 0, 50, None)["count"] == 1
    assert tree_told(Dendrogram(tree), 0, 50, None)["top"] == pytest.approx(tree.top)
