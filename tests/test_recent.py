"""Recent: one computation a key, several keys at once, a budget of bytes."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

import bigview as bv
from bigview.config import override
from bigview.errors import ExpressionError
from bigview.store import filters
from bigview.store.recent import Recent


def kept(budget: int = 100) -> Recent[bytes]:
    return Recent(len, lambda: budget)


def waiting(cache: Recent[bytes], make: Callable[[], bytes], threads: int = 4) -> list[object]:
    """Ask for one key from several threads while the first computes; return results and errors."""
    begun, go = threading.Event(), threading.Event()

    def slow() -> bytes:
        begun.set()
        go.wait(10)
        return make()

    def ask() -> object:
        try:
            return cache.get("key", slow)
        except BaseException as error:
            return error

    with ThreadPoolExecutor(threads) as pool:
        answers = [pool.submit(ask) for _ in range(threads)]
        begun.wait(10)
        go.set()
        return [answer.result(10) for answer in answers]


def test_a_key_is_computed_once() -> None:
    made = []
    cache = kept()
    assert waiting(cache, lambda: made.append(1) or b"abc") == [b"abc"] * 4  # type: ignore[func-returns-value]
    assert made == [1]
    assert cache.peek("key") == b"abc"
    assert (cache.nbytes, len(cache)) == (3, 1)


@pytest.mark.parametrize("kind", [ExpressionError, RuntimeError])
def test_a_failure_releases_who_waits(kind: type[Exception]) -> None:
    cache = kept()

    def fail() -> bytes:
        raise kind("no")

    assert [type(answer) for answer in waiting(cache, fail)] == [kind] * 4
    assert cache.get("key", lambda: b"later") == b"later"


def test_different_keys_are_computed_side_by_side() -> None:
    cache, both = kept(), threading.Barrier(2)

    def make() -> bytes:
        both.wait(10)  # breaks unless the other one is being computed now
        return b"x"

    with ThreadPoolExecutor(2) as pool:
        assert [entry.result(20) for entry in [pool.submit(cache.get, key, make) for key in "ab"]] == [b"x", b"x"]


def test_the_oldest_go_first_and_the_newest_stays() -> None:
    cache = kept(10)
    for key in "abc":
        cache.get(key, lambda: b"xxxx")
        cache.get("a", lambda: b"never")
    assert [cache.peek(key) is not None for key in "abc"] == [True, False, True]
    cache.get("large", lambda: b"x" * 50)
    assert (cache.nbytes, len(cache)) == (50, 1)
    cache.clear()
    assert (cache.nbytes, len(cache)) == (0, 0)


def test_all_stores_share_the_budget_of_filters(tmp_path) -> None:
    filters.forget_filters()
    rows = 64_000
    table = pd.DataFrame({"x": np.arange(rows, dtype=float), "y": 0.0, "v": np.arange(rows)})
    with override(filter_bytes=40_000):
        stores = [bv.build_points(table, tmp_path / name, x="x", y="y", quiet=True) for name in "ab"]
        for step in range(10):
            for store in stores:
                assert store.count(where=f"v < {step}") == step
        assert 0 < filters._kept.nbytes <= 40_000
        assert bv.open(stores[0].reader.folder.url).bits("v < 9") is stores[0].bits("v < 9")
    filters.forget_filters()
