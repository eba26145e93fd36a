"""Ratios and sentences of the benchmark of other people's models."""

from __future__ import annotations

from benchmarks.pretrained.result import result_of
from benchmarks.pretrained.systems import NEW_TOKENS, OURS, THEIRS


def _row(system, threads, speed, processor):
    return {
        "shape": "shape",
        "system": system,
        "threads": threads,
        "tokens_per_second": speed,
        "best_seconds": NEW_TOKENS / speed,
        "processor_seconds": processor,
        "calls": 1,
        "step_bytes": 10**8,
        "memory_speeds": {"1": 2e10},
        "ceiling_share": 0.5,
        "same_tokens": 1.0,
    }


def test_each_is_judged_at_its_best_threads_and_what_is_missed_is_said():
    rows = [_row(OURS, 1, 30.0, 0.5), _row(OURS, 2, 20.0, 0.6)]
    rows += [_row(THEIRS, 1, 40.0, 0.25), _row(THEIRS, 2, 60.0, 0.75)]
    opening = {
        "folder": "folder",
        "seconds": 0.5,
        "least_seconds": 0.4,
        "processor_seconds": 0.3,
        "peak": 150,
        "weights": 100,
        "torch": True,
    }
    facts = {"processor": "p", "cores": 2, "system": "s", "libraries": {}, "quiet": True}
    result = result_of(rows, [opening], facts, ["a note"])
    assert [row["ratio"] for row in result["ratios"]] == [0.5]
    first, seconds, memory, torch, *_, note = result["verdicts"]
    assert (
        "0.50 times (target 1: MISSED); by the fastest calls 0.50, by processor time 0.50" in first
    )
    assert "0.50 (target at most 1: reached)" in seconds
    assert "1.50 (target at most 1.3: MISSED)" in memory
    assert "PyTorch WAS IMPORTED" in torch
    assert note == "a note"
