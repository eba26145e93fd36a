"""The judge of recorded maps: what it sees is true, and what is wrong does not pass."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.recorded_models import __main__ as command
from benchmarks.recorded_models.judging import Verdict, judge, row_errors, same_bits
from benchmarks.recorded_models.libraries import Subject, liveliest
from benchmarks.recorded_models.oracle import softmax64, watch
from benchmarks.recorded_models.pool import ended
from clearhead.maps import AttentionMap
from tests.maps.attending import recording_of

torch.manual_seed(0)
Q, K, V = torch.randn(3, 2, 4, 6, 8)


class SelfAttention(nn.Module):
    def forward(self, q, k, v):
        return F.scaled_dot_product_attention(q, k, v)


class Explicit(nn.Module):
    def forward(self, q, k, v):
        return (q @ k.mT / 8**0.5).softmax(-1).tril() @ v


class Model(nn.Module):
    def __init__(self, attention):
        super().__init__()
        self.attention = attention

    def forward(self, q, k, v):
        return self.attention(q, k, v)


def outputs(attention):
    model = Model(attention)
    with watch(model) as oracle:
        model(Q, K, V)
    return model, oracle


def verdict_of(attention, one, name="attention"):
    """What the judge says of a recording of one map."""
    model, oracle = outputs(attention)
    recording = recording_of({} if one is None else {name: one})
    verdict = Verdict()
    judge(recording, oracle, model, verdict)
    return verdict


def test_the_oracle_sees_what_a_fused_kernel_is_given():
    _, oracle = outputs(SelfAttention())
    (factor,) = oracle.factors
    assert factor.module == "attention"
    assert factor.fused
    truth = (Q.double() @ K.double().mT / 8**0.5).softmax(-1)
    torch.testing.assert_close(factor.weights, truth, rtol=0, atol=1e-12)


def test_the_oracle_sees_weights_as_they_met_the_values():
    _, oracle = outputs(Explicit())
    changed = (Q @ K.mT / 8**0.5).softmax(-1).tril().flatten(0, 1)
    assert any(
        factor.weights.shape == changed.shape and torch.equal(factor.weights, changed)
        for factor in oracle.factors
    )


def test_float32_rounds_the_sum_with_a_mask():
    mask = torch.zeros(6, 6)
    mask[3] = -1e9
    weights, _ = softmax64(Q, K, mask, None, False)
    assert torch.equal(weights[..., 3, :], torch.full((2, 4, 6), 1 / 6, dtype=torch.float64))


def test_a_right_map_is_exact():
    verdict = verdict_of(SelfAttention(), AttentionMap.of(Q, K, V))
    assert (verdict.status, verdict.exact, verdict.maps) == ("exact", 1, 1)
    assert verdict.worst < 1e-6


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (AttentionMap.of(Q, K, V, scale=0.4), "no such weights met values"),
        (AttentionMap.of(Q.roll(1, -2), K, V), "no such weights met values"),
        (AttentionMap.of(Q, K[:, :, :5], V[:, :, :5]), "nothing of 6 queries and 5 keys"),
    ],
)
def test_another_map_is_wrong(one, words):
    verdict = verdict_of(SelfAttention(), one)
    assert verdict.status == "WRONG"
    assert words in verdict.wrong[0]


def test_weights_before_a_change_are_wrong():
    assert verdict_of(Explicit(), AttentionMap.of(Q, K, V)).status == "WRONG"


def test_nothing_is_silent():
    verdict = verdict_of(SelfAttention(), None)
    assert verdict.status == "SILENT"
    assert any("nothing is said of it" in line for line in verdict.silent)


def test_rows_of_the_batch_must_lie_along_the_first_axis():
    class Maps(dict):
        @property
        def refusals(self):
            return {}

        def calls(self, name):
            return [self[name]]

    whole = Maps(attention=AttentionMap.of(Q, K))
    swapped = Maps(attention=AttentionMap.of(Q.flip(0), K.flip(0)))
    alone = [Maps(attention=AttentionMap.of(Q[i : i + 1], K[i : i + 1])) for i in range(2)]
    assert row_errors(whole, alone) == []
    assert len(row_errors(swapped, alone)) == 2


def test_results_are_compared_by_their_bits():
    assert same_bits({"x": torch.tensor([1.0, torch.nan])}, {"x": torch.tensor([1.0, torch.nan])})
    assert not same_bits([torch.tensor(1.0)], [torch.tensor(1.0).nextafter(torch.tensor(2.0))])


def test_what_does_not_stay_finite_is_drawn_with_a_smaller_gain():
    def make():
        return Subject(
            nn.Sequential(*(nn.Linear(4, 4) for _ in range(3))), {}, 2, (torch.ones(2, 4),)
        )

    assert liveliest(make, (1e30, 1.0)).call().isfinite().all()


@contextmanager
def answers(monkeypatch, rows):
    monkeypatch.setattr(command, "run_all", lambda *_: iter(rows))
    monkeypatch.setattr(command, "installed", lambda _: "1.0")
    monkeypatch.setattr(command.catalogue, "names", lambda *_, **__: ["one"])
    yield


def test_the_table_counts_by_library_and_lists_what_is_not_exact(capsys, monkeypatch):
    job = {"library": "timm", "model": "one"}
    good = {
        **ended(job, "", is_skipped=False),
        "status": "exact",
        "crash": "",
        "maps": 3,
        "exact": 3,
    }
    dead = ended(job, "the process ended with status -6", is_skipped=False)
    with answers(monkeypatch, [good, dead]):
        command.main(["--library", "timm", "--quick", "--json"])
    result = json.loads(capsys.readouterr().out)
    assert result["tables"][0]["rows"] == [
        ["timm 1.0", "1", "2", "3", "1", "0", "0", "0", "1", "0", "0"]
    ]
    assert result["tables"][1]["title"] == "crashed"
    assert "status -6" in result["tables"][1]["rows"][0][2]
    assert "MISSED" in result["verdicts"][1]


@pytest.mark.slow
def test_it_runs(capsys):
    pytest.importorskip("transformers")
    arguments = ["--quick", "--json", "--library", "transformers", "--models", "bert"]
    command.main([*arguments, "--workers", "1"])
    result = json.loads(capsys.readouterr().out)
    settings = [row["setting"] for row in result["rows"]]
    assert settings == ["eager no_grad", "grad", "inference", "no_grad"]
    assert {row["status"] for row in result["rows"]} == {"exact"}
