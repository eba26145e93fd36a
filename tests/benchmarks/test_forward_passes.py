"""What benchmarks of forward passes share."""

from __future__ import annotations

import argparse

import pytest

pytest.importorskip("torch")

from benchmarks import forward_passes as benchmark


def test_a_ratio_is_the_median_of_the_rounds():
    times = {
        "a": {"wall": [1.0, 2.0, 10.0], "processor": [1.0, 1.0, 1.0]},
        "b": {"wall": [2.0, 4.0, 5.0], "processor": [3.0, 3.0, 3.0]},
    }
    row = benchmark.row_of(times, "a", length=1)
    assert row["times"] == {"a": 1.0, "b": 2.0}
    assert row["times_by_processor"]["b"] == 3.0
    assert row["seconds"]["a"] == 2.0


def test_long_texts_have_fewer_passes(monkeypatch):
    monkeypatch.setattr(benchmark, "EAGER_LENGTH", 64)
    options = argparse.Namespace(
        lengths=[32, 64, 128], eager_length=64, quick=True, rounds=1, seconds=0.0
    )
    runs = {name: lambda: None for name in ("plain", "eager", "dear")}
    rows = benchmark.speeds(
        lambda length, quick: dict(runs), options, base="plain", eager="eager", short=["dear"]
    )
    names = [["plain", "dear"], ["plain", "eager", "dear"], ["plain"]]
    assert [list(row["times"]) for row in rows] == names
