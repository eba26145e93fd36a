"""The benchmark of generation runs, and judges nothing where tokens differ."""

from __future__ import annotations

import json

import pytest

from benchmarks import generation


def test_it_runs_and_every_mode_gives_the_same_tokens(capsys):
    generation.main(["--quick", "--json"])
    result = json.loads(capsys.readouterr().out)
    assert set(result["milliseconds"]) == set(generation.MODES)
    assert result["verdicts"][0] == "The tokens are the same in every mode."


def test_other_tokens_are_no_result(monkeypatch):
    monkeypatch.setattr(generation, "transformers_tokens", lambda logits: lambda *a, **b: [1])
    with pytest.raises(RuntimeError, match="greedy: the tokens differ"):
        generation.measure(2, 1)
