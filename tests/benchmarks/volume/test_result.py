"""Ratios and sentences of the benchmark of many lines."""

from __future__ import annotations

import argparse

from benchmarks.volume.result import result_of


def test_what_repeats_give_is_told_apart():
    times = {"as they come": (30.0, 20.0), "no line twice": (36.0, 30.0)}
    rows = [
        {"file": file, "system": system, "seconds": value, "processor_seconds": 1.0, "peak": 1e6}
        for file, both in times.items()
        for system, value in zip(("plain script", "clearhead"), both, strict=True)
    ]
    options = argparse.Namespace(lines=3000, compute="int8", beam=4, tuned_on=10, quality_lines=10)
    repeats = {"as they come": 0.25, "no line twice": 0.0}
    result = result_of({}, options, "2 x 1", {"2 x 1": 1.0}, repeats, rows, [])
    assert result["ratios"] == {"as they come": 1.5, "no line twice": 1.2}
    first, second, *_ = result["verdicts"]
    assert "25% of them repeats" in first
    assert "1.50 times (target 1.2: reached)" in first
    assert second.startswith("Without repeats: 1.20 times. Of the ratio above, 1.25 is")
    assert result["tables"][0]["rows"][1][:4] == ["as they come", "clearhead", "150", "20.0"]
