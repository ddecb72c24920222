"""A synthetic sky of any size: clouds, spirals, rings, filaments and cascades, made partition by partition.

Every row comes from its own random numbers, so partitions can be made anywhere and in any order. There is something to find at every zoom: a part of
each cluster's rows sits in knots, and a part of a knot's rows in smaller knots.
"""

from dataclasses import dataclass
from functools import lru_cache

import numba as nb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Floats = NDArray[np.float32]

LABELS = 60
CLOUD, SPIRAL, RING, FILAMENT, CASCADE = range(5)
KINDS = ("cloud", "spiral", "ring", "filament", "cascade")
# A row's cluster is looked up by twelve random bits.
SHARES = 4_096
# Shares of the rows: strewn over the whole sky; in knots; of those, in knots of knots.
STREWN, KNOTTED, TWICE = 0.02, 0.35, 0.4
# Knots of a cluster, and smaller ones in each.
KNOTS, SMALLER = 400, 24


@dataclass(frozen=True)
class Sky:
    """What the clusters are.

    Attributes
    ----------
    kind : array of int8
    shape : (LABELS, 7) array
        Middle x and y, radius, turn, flatness, form (arms, waves or branches), mean score.
    lookup : (SHARES,) array of int8
        The label of each of the equal shares of the rows.
    radius : float
        Of the whole sky.
    """

    kind: NDArray[np.int8]
    shape: Floats
    lookup: NDArray[np.int8]
    radius: float

    @property
    def names(self) -> list[str]:
        """The label's texts, by code."""
        return [f"{KINDS[kind]} {number:02d}" for number, kind in enumerate(self.kind)]


@lru_cache(maxsize=8)
def sky(seed: int) -> Sky:
    """Return the clusters of a seed."""
    random = np.random.default_rng(seed)
    weight = np.sort(random.pareto(1.2, LABELS) + 0.05)[::-1]
    weight = np.minimum(weight / weight.sum(), 0.08)
    weight /= weight.sum()
    kind = np.resize([SPIRAL, CLOUD, CASCADE, RING, CLOUD, FILAMENT, CLOUD], LABELS).astype(np.int8)
    radius = 0.5 + 7 * np.sqrt(weight)
    shape = np.column_stack(
        [
            _middles(radius, random),
            radius,
            random.uniform(0, 2 * np.pi, LABELS),
            random.uniform(0.3, 1, LABELS),
            random.integers(2, 6, LABELS),
            random.uniform(0.15, 0.75, LABELS),
        ]
    ).astype(np.float32)
    ends = np.rint(np.cumsum(weight) * SHARES)
    lookup = np.searchsorted(ends, np.arange(SHARES), side="right").clip(0, LABELS - 1).astype(np.int8)
    return Sky(kind, shape, lookup, float(np.hypot(shape[:, 0], shape[:, 1]).max() + radius.max()))


def _middles(radius: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
    """Return places for discs, the largest first, each as near to the middle as there is room, and now and then a bit into another."""
    places: list[NDArray[np.float64]] = []
    for number, mine in enumerate(radius):
        tried = random.normal(0, 1.4 * radius.max(), (400, 2)) * (1.25, 0.85)
        tried = tried[np.argsort(np.hypot(tried[:, 0], tried[:, 1]))]
        room = np.full(len(tried), np.inf)
        for place, other in zip(places, radius[:number], strict=True):
            room = np.minimum(room, np.hypot(*(tried - place).T) - 0.7 * (mine + other))
        places.append(tried[int(np.argmax(room > 0)) if (room > 0).any() else int(np.argmax(room))])
    return np.array(places)


def clusters_partition(index: int, rows: int, seed: int = 0) -> pa.Table:
    """Return one partition: x, y, label, score.

    Parameters
    ----------
    index : int
        Number of the partition; with the seed it decides all.
    rows : int
        How many.
    seed : int
        Chooses the clusters and the rows.
    """
    made = sky(seed)
    x, y, score = (np.empty(rows, np.float32) for _ in range(3))
    label = np.empty(rows, np.int8)
    start = np.random.SeedSequence([seed, index]).generate_state(1, np.uint64)[0]
    _fill(start, made.kind, made.shape, made.lookup, np.float32(made.radius), (x, y, score), label)
    names = pa.DictionaryArray.from_arrays(pa.array(label), pa.array(made.names))
    return pa.table({"x": x, "y": y, "label": names, "score": score})


@nb.njit(nogil=True, cache=True)
def _mixed(value: np.uint64) -> np.uint64:
    # SplitMix64: hashes a counter to 64 good bits.
    z = value + nb.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> nb.uint64(30))) * nb.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> nb.uint64(27))) * nb.uint64(0x94D049BB133111EB)
    return z ^ (z >> nb.uint64(31))


@nb.njit(nogil=True, cache=True)
def _share(state: np.uint64) -> np.float32:
    return np.float32(state >> nb.uint64(40)) * np.float32(1 / 16777216)


@nb.njit(nogil=True, cache=True)
def _normals(state: np.uint64) -> tuple[np.float32, np.float32]:
    # Box and Muller; the two halves of the bits are independent.
    first = np.float32((state >> nb.uint64(32)) + nb.uint64(1)) * np.float32(1 / 4294967297)
    second = np.float32(state & nb.uint64(0xFFFFFFFF)) * np.float32(2 * np.pi / 4294967296)
    length = np.sqrt(np.float32(-2) * np.log(first))
    return length * np.cos(second), length * np.sin(second)


@nb.njit(nogil=True, cache=True)
def _place(kind: int, flat: np.float32, form: np.float32, state: np.uint64) -> tuple[np.float32, np.float32]:
    """Return a place in a cluster of radius 1 that depends on the random state alone."""
    a, b = _normals(state)
    state = _mixed(state)
    u, v = _share(state), _share(_mixed(state))
    if kind == SPIRAL:
        if v < 0.25:
            return a * np.float32(0.1), b * np.float32(0.08)
        reach = np.sqrt(u)
        arm = np.floor(v * 97) % form
        angle = arm / form * np.float32(2 * np.pi) + np.float32(4.5) * reach
        wide = np.float32(0.03) + np.float32(0.05) * reach
        return (reach * np.cos(angle) + a * wide) * np.float32(0.9), (reach * np.sin(angle) + b * wide) * np.float32(0.9) * flat
    if kind == RING:
        angle = u * np.float32(2 * np.pi)
        wide = np.float32(0.05) if v < 0.7 else np.float32(0.25)
        reach = np.float32(0.75) + wide * a * (1 + np.float32(0.6) * np.cos(angle))
        return reach * np.cos(angle), reach * np.sin(angle) * (np.float32(0.4) + np.float32(0.6) * flat)
    if kind == FILAMENT:
        along = 2 * u - 1
        wave = np.float32(0.2) * np.sin(along * form * np.float32(0.8)) + np.float32(0.05) * np.sin(along * np.float32(7) + form)
        wide = (np.float32(0.03) + np.float32(0.12) * v * v * v) * (np.float32(1.2) - along * along)
        return along * np.float32(1.2) + a * np.float32(0.05), wave + b * wide
    if kind == CASCADE:
        # Branches of branches: the same figure at every scale.
        x, y, size = np.float32(0), np.float32(0), np.float32(0.62)
        branches, digits = nb.uint64(np.int64(form) + 1), state
        for depth in range(7):
            turn = np.float32(digits % branches) / np.float32(branches) * np.float32(2 * np.pi) + np.float32(0.7) * depth
            digits = digits // branches
            x, y, size = x + size * np.cos(turn), y + size * np.sin(turn) * (np.float32(0.6) + np.float32(0.4) * flat), size * np.float32(0.4)
        return x + a * size, y + b * size
    wide = np.float32(0.3) * np.exp(np.float32(0.3) * (u + v - 1))
    return a * wide, b * wide * flat


@nb.njit(nogil=True, cache=True)
def _fill(
    start: np.uint64,
    kind: NDArray[np.int8],
    shape: Floats,
    lookup: NDArray[np.int8],
    wide: np.float32,
    out: tuple[Floats, Floats, Floats],
    label: NDArray[np.int8],
) -> None:
    for row in range(len(label)):
        state = _mixed(start + nb.uint64(row))
        mine = lookup[state >> nb.uint64(52)]
        label[row] = mine
        radius, turn, flat, form = shape[mine, 2], shape[mine, 3], shape[mine, 4], shape[mine, 5]
        state = _mixed(state)
        lot = _share(state)
        state = _mixed(state)
        if lot < STREWN:
            # A disc, denser towards the middle, with a soft rim.
            reach, angle = np.float32(0.65) * wide * _share(state) ** np.float32(0.6), _share(_mixed(state)) * np.float32(2 * np.pi)
            a, b = _normals(_mixed(state + nb.uint64(1)))
            soft = np.float32(0.07) * wide
            x, y, far = reach * np.cos(angle) + a * soft, reach * np.sin(angle) + b * soft, np.float32(2)
        else:
            near, far_off = np.float32(0), np.float32(0)
            if lot < STREWN + KNOTTED:
                # A knot stands where a row could; its own number decides where, how wide it is and what stands round it.
                u = _share(state)
                knot = _mixed(nb.uint64(mine) * nb.uint64(1000003) + nb.uint64(np.int64(u * u * KNOTS)) + nb.uint64(7))
                size = np.float32(0.004) + np.float32(0.03) * _share(_mixed(knot + nb.uint64(1))) ** 3
                state = _mixed(state)
                near, far_off = _normals(state)
                near, far_off = near * size, far_off * size
                state = _mixed(state)
                if _share(state) < TWICE:
                    inner = _mixed(knot + nb.uint64(2) + state % nb.uint64(SMALLER))
                    c, d = _normals(inner)
                    near, far_off = c * size + near * np.float32(0.04), d * size + far_off * np.float32(0.04)
                state = knot
            p, q = _place(kind[mine], flat, form, state)
            p, q = (p + near) * radius, (q + far_off) * radius
            x = shape[mine, 0] + p * np.cos(turn) - q * np.sin(turn)
            y = shape[mine, 1] + p * np.sin(turn) + q * np.cos(turn)
            far = np.sqrt(p * p + q * q) / radius
        noise = _share(_mixed(start ^ nb.uint64(row))) - np.float32(0.5)
        value = shape[mine, 6] + np.float32(0.3) * (np.float32(0.6) - far) + np.float32(0.2) * noise
        out[0][row], out[1][row], out[2][row] = x, y, min(max(value, np.float32(0)), np.float32(1))
