"""The benchmark of edits runs at a tiny size, and its two ways of editing agree."""

from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from benchmarks import interventions as benchmark  # noqa: E402


def test_it_runs_and_judges(capsys, monkeypatch, tmp_path):
    kinds = (benchmark.PLAIN, benchmark.HEADS, benchmark.EDGES, benchmark.EAGER)
    memory = dict(zip(kinds, (1, 2, 2, 28), strict=True))
    monkeypatch.setattr(benchmark, "memories", lambda _: memory)
    benchmark.main(["--quick", "--json", "--threads", "1", "--output", str(tmp_path)])
    result = json.loads(capsys.readouterr().out)
    assert [row["length"] for row in result["rows"]] == [32, 64]
    assert set(result["rows"][1]["times"]) == set(kinds)
    assert result["memory"] == memory
    missed = [text for text in result["verdicts"] if "Memory" in text]
    assert missed == [
        "Memory above the model, 64 tokens, eager to edited: 14.00 times (target 15: MISSED)"
    ]


def test_both_ways_compute_the_same():
    runs = benchmark.passes(20, quick=True)
    with torch.no_grad():
        edited, eager, plain = (
            runs[kind]() for kind in (benchmark.HEADS, benchmark.EAGER, benchmark.PLAIN)
        )
        edges = runs[benchmark.EDGES]()
    torch.testing.assert_close(edited, eager, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(edited, plain, atol=1e-3)
    assert not torch.equal(edges, plain)
