"""Values are computed once, by whoever asks first, and the ones used last are kept."""

from __future__ import annotations

import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from clearhead.explorer.passes.run_cache import RunCache


@dataclass(frozen=True, eq=False)
class Value:
    nbytes: int = 10


def test_a_value_is_computed_once():
    cache = RunCache(100)
    first = cache.get("a", Value)
    assert cache.get("a", lambda: pytest.fail("computed again")) is first


def test_the_values_used_last_are_kept():
    cache = RunCache(30)
    for key in "abc":
        cache.get(key, Value)
    cache.get("a", Value)
    cache.get("d", Value)
    assert [key in cache for key in "abcd"] == [True, False, True, True]
    assert cache.nbytes == 30


def test_a_value_that_is_too_large_is_kept_alone():
    cache = RunCache(30)
    cache.get("a", Value)
    cache.get("b", lambda: Value(1000))
    assert len(cache) == 1
    assert "b" in cache
    cache.get("c", Value)
    assert ("b" in cache, cache.nbytes) == (False, 10)


def test_putting_again_counts_once():
    cache = RunCache(30)
    cache.store("a", Value(10))
    cache.store("a", Value(20))
    assert (len(cache), cache.nbytes) == (1, 20)


def test_threads_that_ask_at_once_wait_for_the_first():
    cache, has_begun, release, computations = (
        RunCache(100),
        threading.Event(),
        threading.Event(),
        [],
    )

    def compute():
        has_begun.set()
        computations.append(release.wait(10))
        return Value()

    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(cache.get, "a", compute)
        assert has_begun.wait(10)
        others = [pool.submit(cache.get, "a", compute) for _ in range(7)]
        release.set()
        values = {id(future.result(10)) for future in (first, *others)}
    assert len(values) == 1
    assert computations == [True]


def test_an_error_reaches_who_asked_and_is_not_kept():
    cache = RunCache(100)

    def fail():
        raise ValueError("no such thing")

    with pytest.raises(ValueError, match="no such thing"):
        cache.get("a", fail)
    assert isinstance(cache.get("a", Value), Value)


def test_a_value_may_need_another():
    cache = RunCache(100)
    cache.get("edited", lambda: cache.get("plain", Value) and Value())
    assert "plain" in cache
    assert "edited" in cache


class Array:
    """Stands for what a computation holds."""


def test_an_error_holds_nothing_of_what_was_computed_and_waits_for_no_collector():
    cache, alive = RunCache(100), weakref.WeakSet()

    def compute():
        array = Array()
        alive.add(array)
        raise KeyError("no such step")

    gc.disable()
    try:
        with pytest.raises(KeyError):
            cache.get("a", compute)
        assert not alive
    finally:
        gc.enable()


def test_what_is_not_there_is_not_recalled():
    cache = RunCache(20)
    cache.store("a", Value())
    cache.store("b", Value())
    assert cache.recall("a") is not None
    cache.store("c", Value())
    assert [cache.recall(key) is None for key in "abc"] == [False, True, False]
