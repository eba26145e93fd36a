"""The benchmark of looking runs, finds the same in both ways, and judges by its limits."""

from __future__ import annotations

import json

import torch

from benchmarks import map_measures
from clearhead.maps import AttentionMap


def test_it_runs_and_judges(capsys, monkeypatch):
    long = {"length": 256, "seconds": 1.0, "peak_bytes": 5_000_000_000}
    monkeypatch.setattr(map_measures, "long_result", lambda _: long)
    map_measures.main(["--quick", "--json", "--threads", "1"])
    result = json.loads(capsys.readouterr().out)
    assert [(row["length"], row["causal"]) for row in result["rows"]] == [(64, False), (64, True)]
    assert set(result["rows"][0]["seconds"]) >= {map_measures.FUSED, map_measures.TOGETHER}
    assert "peak of the whole process: 5.00 GB (at most 4: MISSED)" in result["verdicts"][2]


def test_the_long_layer_reports_its_memory(capsys):
    map_measures.main(["--only-long", "128", "--threads", "1"])
    result = json.loads(capsys.readouterr().out)
    assert result["length"] == 128
    assert result["peak_bytes"] > 1 << 20


def test_the_plain_loop_finds_the_same():
    torch.manual_seed(0)
    query, key = torch.randn(2, 1, 8, 50, 64)
    entropy, shares, top = map_measures.plain_loop(query, key, True, rows=16)
    result = AttentionMap.of(query, key, causal=True).measure("entropy", "received", "topk")
    torch.testing.assert_close(result["entropy"], entropy, rtol=0, atol=5e-6)
    torch.testing.assert_close(result["received"], shares, rtol=0, atol=5e-6)
    torch.testing.assert_close(result["topk"].values, top, rtol=0, atol=1e-6)
