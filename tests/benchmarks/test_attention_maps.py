"""The benchmark of recording runs at a tiny size, and judges by its limits."""

from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from benchmarks import attention_maps as benchmark  # noqa: E402


def test_it_runs_and_judges(capsys, monkeypatch, tmp_path):
    memory = {
        benchmark.PLAIN: 1,
        benchmark.RECORDED: 2,
        benchmark.SUMMARIES: 1,
        benchmark.EAGER: 28,
    }
    monkeypatch.setattr(benchmark, "memories", lambda _: memory)
    benchmark.main(["--quick", "--json", "--threads", "1", "--output", str(tmp_path)])
    result = json.loads(capsys.readouterr().out)
    assert [row["length"] for row in result["rows"]] == [32, 64]
    assert benchmark.EAGER not in result["rows"][0]["times"]
    assert set(result["rows"][1]["times"]) == set(memory)
    for row in result["rows"]:
        assert row["times"][benchmark.PLAIN] == 1
        assert all(seconds > 0 for seconds in row["seconds"].values())
    missed = [text for text in result["verdicts"] if "Memory" in text]
    assert missed == [
        "Memory above the model, 64 tokens, eager, output_attentions to recorded: 14.00 times "
        "(target 15: MISSED)"
    ]
    assert json.loads((tmp_path / "attention_maps.json").read_text()) == result


def test_all_ways_compute_the_same():
    runs = benchmark.passes(20, quick=True)
    with torch.no_grad():
        recording, eager = runs[benchmark.RECORDED](), runs[benchmark.EAGER]()
        summarised = runs[benchmark.SUMMARIES]()
    assert len(recording) == len(eager.attentions) == 2
    for name, truth in zip(recording, eager.attentions, strict=True):
        torch.testing.assert_close(recording[name].dense(), truth, rtol=0, atol=1e-6)
        torch.testing.assert_close(summarised[name].received(), truth.sum(-2), rtol=0, atol=1e-5)


def test_memory_is_reported_by_a_process(capsys):
    arguments = ["--only-memory", benchmark.RECORDED, "--eager-length", "64", "--quick"]
    benchmark.main([*arguments, "--threads", "1"])
    runs = json.loads(capsys.readouterr().out)
    assert (runs["kind"], runs["length"]) == (benchmark.RECORDED, 64)
    assert runs["bytes"] >= 0
