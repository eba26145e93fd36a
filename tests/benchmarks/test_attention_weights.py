"""The benchmark of weights beside the output runs at a tiny size, and judges by its limits."""

from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch")

from benchmarks import attention_weights as benchmark  # noqa: E402


def test_it_runs_and_judges(capsys, tmp_path):
    benchmark.main(["--quick", "--json", "--threads", "1", "--output", str(tmp_path)])
    result = json.loads(capsys.readouterr().out)
    kinds = [benchmark.INFERENCE, benchmark.TRAINING, benchmark.IN_LOSS]
    assert [row["kind"] for row in result["rows"]] == kinds
    for row in result["rows"]:
        assert row["times"][benchmark.TORCH] == 1
        assert all(seconds > 0 for seconds in row["seconds"].values())
    assert (benchmark.OURS_MAP in result["rows"][0]["times"]) is True
    assert sum("(target 1:" in text for text in result["verdicts"]) == 2 * len(kinds)
    assert json.loads((tmp_path / "attention_weights.json").read_text()) == result


@pytest.mark.parametrize("kind", [benchmark.TRAINING, benchmark.IN_LOSS])
def test_both_compute_the_same(kind):
    runs = benchmark.passes(kind, 20, 16)
    first, second = (run() for run in runs.values())
    torch.testing.assert_close(first, second)
