"""The benchmark of kinds of heads judges by its limits, and its ways run."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from benchmarks import head_kinds as benchmark  # noqa: E402


def row(length: int, apart: float | None, **times: float) -> dict:
    ways = {benchmark.SCORES: 1.0, benchmark.KINDS: 1.1, benchmark.LENS: times["lens"]}
    return {
        "length": length, "apart": apart, "rounds": 3, "seconds": ways, "times": ways,
        "times_by_processor": ways,
        "memory": {name: int(1e6 * (30 if name == benchmark.LENS else 10)) for name in ways},
    }  # fmt: skip


def test_it_judges_scores_time_and_memory():
    result = benchmark.result_of([row(64, 1e-8, lens=4.0), row(99, 0.1, lens=0.5)], {})
    assert result["verdicts"][0] == "64 words: the scores are at most 1.0e-08 apart (the same)"
    assert result["verdicts"][1].endswith("TransformerLens: 0.250 times (at most 1: kept)")
    assert result["verdicts"][2].endswith("TransformerLens: 0.333 times (at most 1: kept)")
    assert "NOT THE SAME" in result["verdicts"][3]
    assert "MISSED" in result["verdicts"][4]
    assert len(result["tables"][0]["rows"][0]) == len(result["tables"][0]["header"]) == 5


def test_alone_it_scores_every_head(tmp_path):
    benchmark.write_model(tmp_path, 40, quick=True)
    runs = benchmark.ways(tmp_path, 32, lens=False)
    with torch.inference_mode():
        scores = runs[benchmark.SCORES]()
        assert {name: len(one) for name, one in scores.items()} == dict.fromkeys(
            benchmark.PATTERNS, 2
        )
        assert len(runs[benchmark.KINDS]()) == 8
