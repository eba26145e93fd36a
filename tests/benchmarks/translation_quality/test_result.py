"""Verdicts name the target, and notes the metric."""

from __future__ import annotations

from benchmarks.translation_quality.everyday import EverydaySentence
from benchmarks.translation_quality.result import result_of

FLAWS = {"capitals": {}, "repeats": {}, "long": 0, "empty": 0, "address": {}}


def judgement(accepted, invented):
    count = {"accepted": accepted, "sentences": 10}
    return {
        "everyday": {
            **count,
            "groups": {"a": count},
            "failures": {} if accepted == 10 else {"A | B": "c | d"},
            "invented": invented,
            **FLAWS,
        },
        "pairs": {},
    }


def test_a_verdict_compares_with_the_target():
    sentences = [EverydaySentence("a", "A | B", ("e",))]
    models = {"old": judgement(8, {"xyz": 2, "zyx": 1}), "new": judgement(10, {})}
    result = result_of(sentences, models, 4, {})
    assert result["verdicts"][:2] == [
        "old: 80.0% of the everyday sentences are accepted (target 90%: MISSED), with 3 invented "
        "words",
        "new: 100.0% of the everyday sentences are accepted (target 90%: reached), with 0 invented "
        "words",
    ]
    tables = {table["title"]: table["rows"] for table in result["tables"]}
    assert tables["Such words"] == [["everyday list, old", "invented", "xyz (2), zyx"]]
    assert tables["Everyday sentences that are not accepted"][0][1:3] == ["c \\| d", "right"]
    assert "Against references" not in tables
