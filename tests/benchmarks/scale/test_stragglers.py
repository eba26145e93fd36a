"""What the simulation says of a measured run; test_workers runs all of it."""

from __future__ import annotations

import pytest

from benchmarks.scale.stragglers import PARTS, Race, simulated_seconds


@pytest.mark.parametrize(
    ("workers", "slow", "seconds"),
    # Eight parts of 10 seconds: the slow one of two does two of them in 60.
    [(1, 0, 82.0), (2, 0, 42.0), (4, 0, 22.0), (8, 0, 12.0), (2, 1, 62.0)],
)
def test_equal_parts_by_hand(workers: int, slow: int, seconds: float) -> None:
    alone = Race(82.0, 2.0, [10.0] * PARTS)
    # A slow worker is as slow at loading as at all else; the simulation's is not.
    assert simulated_seconds(alone, workers, slow) == pytest.approx(seconds, abs=2.1)
