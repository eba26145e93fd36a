"""The benchmark of other people's models runs at a tiny size, and all systems agree."""

from __future__ import annotations

import json

import pytest

from benchmarks.pretrained import __main__ as pretrained
from benchmarks.pretrained.systems import OURS, THEIRS


class Stub:
    """A process that takes the seconds it is told to."""

    def __init__(self, system, threads, seconds):
        self.system, self.threads, self.seconds, self.calls = system, threads, seconds, 0

    def ask(self, *, calls):
        self.calls += calls
        count = pretrained.NEW_TOKENS
        return {"wall": [self.seconds], "processor": [self.seconds], "tokens": list(range(count))}


def test_a_number_of_threads_that_is_far_behind_is_not_asked_again():
    running = [Stub(OURS, 1, 1.0), Stub(OURS, 2, 4.0), Stub(THEIRS, 1, 8.0), Stub(THEIRS, 2, 9.0)]
    options = type("Options", (), {"rounds": 3, "calls": 1, "settle": 0.0})
    rows = pretrained.measure(running, "shape", {1: 1e9, 2: 2e9}, 10**7, options)
    assert [process.calls for process in running] == [3, 1, 3, 3]
    assert [row["calls"] for row in rows] == [3, 1, 3, 3]
    tokens = pretrained.NEW_TOKENS
    assert rows[0]["tokens_per_second"] == tokens
    assert rows[0]["ceiling_share"] == pytest.approx(0.01 * tokens)
    assert all(row["same_tokens"] == 1.0 for row in rows)


@pytest.mark.slow
def test_it_runs_and_all_systems_give_the_same_tokens(capsys):
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    pretrained.main(["--quick", "--json", "--threads", "1", "--systems", OURS, THEIRS])
    result = json.loads(capsys.readouterr().out)
    shares = {(row["shape"], row["system"]): row["same_tokens"] for row in result["rows"]}
    assert len(shares) == 4
    assert set(shares.values()) == {1.0}
    assert len(result["openings"]) == 3
    assert not any(row["torch"] for row in result["openings"])
