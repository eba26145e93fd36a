"""Ratios and sentences of the translation benchmark."""

from __future__ import annotations

from benchmarks.translation.result import result_of
from benchmarks.translation.systems import OURS
from clearhead.config import TransformerConfig


def test_each_system_is_judged_at_its_best_threads():
    rows = [
        {
            "batch": 1,
            "beam": 1,
            "system": system,
            "threads": threads,
            "tokens_per_second": speed,
            "same_tokens": 1.0,
        }
        for system, threads, speed in (
            (OURS, 1, 30.0),
            (OURS, 2, 20.0),
            ("transformers", 1, 4.0),
            ("transformers", 2, 5.0),
            ("CTranslate2 int8", 1, 75.0),
        )
    ]
    facts = {"processor": "p", "cores": 2, "system": "s", "libraries": {}, "quiet": True}
    result = result_of(TransformerConfig(vocab_size=50), rows, facts, [])
    assert [row["ratio"] for row in result["ratios"]] == [6.0, 0.4]
    assert "6.00 times (target 4: reached)" in result["verdicts"][0]
    assert "0.40 times (target 0.5: MISSED)" in result["verdicts"][1]
