"""The benchmark of elastic bits runs at a tiny size, with two real processes."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("torch")

from benchmarks.training import elastic


def test_it_runs_and_says_what_it_measured(capsys, tmp_path):
    elastic.main(["--quick", "--json", "--output", str(tmp_path)])
    result = json.loads(capsys.readouterr().out)
    assert list(result["one_process"]) == ["1", "2", "4", "8"]
    trees = [f"tree of {count} micro-batches" for count in (2, 4, 8)]
    assert list(result["processes"]) == ["DDP", *trees]
    for times in (*result["one_process"].values(), *result["processes"].values()):
        assert len(times) == 2
        assert min(times) > 0
    assert result["bytes_sent"] == result["gradient_bytes"]  # of two processes: 2 (2 - 1) / 2
    page = (tmp_path / "elastic_training.md").read_text()
    assert "2 processes of one thread" in page
    assert [words.partition(":")[0] for words in result["verdicts"]] == trees


def test_a_ratio_is_of_the_same_round():
    times = {"a": [1.0, 10.0, 3.0], "b": [2.0, 30.0, 3.0]}
    assert elastic.ratios(times, "a") == {"a": 1.0, "b": 2.0}
