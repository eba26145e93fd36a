"""The simulation of many workers: by hand, against bounds, and the same for one seed."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.scale.simulation import Cluster, simulate

PLAIN = Cluster(workers=4, parts=4, part_time=100.0, spread=0.0, slow_share=0.0, load_time=0.0)


def test_equal_parts_on_equal_workers_take_as_long_as_one():
    outcome = simulate(PLAIN)
    assert (outcome.time, outcome.efficiency, outcome.failures) == (100.0, 1.0, 0)
    assert simulate(replace(PLAIN, parts=5)).time == 200.0
    assert simulate(replace(PLAIN, parts=8, load_time=3.0)).time == 203.0


def test_a_slow_worker_holds_up_all_unless_parts_are_small():
    slow = replace(PLAIN, slow_share=0.25, slow_factor=3.0)
    assert simulate(slow).time == 300.0
    small = replace(slow, parts=400, part_time=1.0)
    assert simulate(small).time == pytest.approx(400 / (3 + 1 / 3), abs=3.0)


def test_failures_lose_a_window_at_most_and_their_number_is_that_of_the_rate():
    cluster = replace(
        PLAIN, workers=50, parts=500, failure_time=400.0, absence=10.0, window_time=5.0
    )
    outcome = simulate(cluster)
    # 50,000 seconds of work, and what was repeated, at one failure every 400 of them.
    expected = (50_000 + outcome.repeated_time) / 400
    assert abs(outcome.failures - expected) < 4 * math.sqrt(expected)
    assert 0 < outcome.repeated_time < outcome.failures * 5.0
    assert outcome.time > simulate(replace(cluster, failure_time=math.inf)).time
    assert simulate(cluster) == outcome
    assert simulate(cluster, seed=1) != outcome


@given(
    workers=st.integers(1, 8), parts=st.integers(1, 30), spread=st.floats(0, 1), seed=st.integers()
)
def test_without_failures_greedy_is_within_one_part_of_the_shortest(workers, parts, spread, seed):
    cluster = Cluster(workers, parts, 10.0, spread, slow_share=0.0, load_time=0.0)
    outcome = simulate(cluster, seed)
    # Graham's bound: the last part begins when no worker is idle; no part is that long here.
    longest = 10.0 * math.exp(8 * spread)
    assert outcome.shortest_time <= outcome.time * (1 + 1e-9)
    assert outcome.time <= outcome.shortest_time + longest
