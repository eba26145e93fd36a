"""The benchmark of elastic bits runs at a tiny size, with two real processes."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("torch")

from benchmarks.training import elastic


def test_it_runs_and_says_what_it_measured(capsys, tmp_path):
    elastic.main(["--quick", "--json", "--output", str(tmp_path)])
    result = json.loads(capsys.readouterr().out)
    assert list(result["steps"]) == ["1", "2", "4", "8"]
    assert all(seconds > 0 for seconds in result["steps"].values())
    assert set(result["exchange"]) == {"tree", "ring"}
    assert result["bytes_sent"] == result["gradient_bytes"]  # of two processes: 2 (2 - 1) / 2
    page = (tmp_path / "elastic_training.md").read_text()
    assert "Exchange among 2 processes" in page
