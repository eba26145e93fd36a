from __future__ import annotations

import torch

from clearhead.maps.recorder.eager._late_normalising import divides_rows
from tests.maps.attending import Calls, dense, recorded

QUERY, KEY, VALUE = torch.randn(2, 3, 5, 8), torch.randn(2, 3, 7, 8), torch.randn(2, 3, 7, 8)


def test_one_number_for_each_row():
    weights = torch.rand(2, 3, 4)
    sums = weights.sum(-1, keepdim=True)
    assert divides_rows("div", (weights, sums), weights)
    assert divides_rows("mul", (sums, weights), weights)
    assert divides_rows("div", (weights, sums.expand(2, 3, 4)), weights)
    assert not divides_rows("div", (sums, weights), weights)
    assert not divides_rows("div", (weights, torch.rand(2, 3, 4)), weights)
    assert not divides_rows("div", (weights, 2.0), weights)
    assert not divides_rows("add", (weights, sums), weights)


def test_weights_beside_sinks_are_refused():
    def model():
        sinks = torch.ones(2, 3, 5, 1)
        both = torch.cat([QUERY @ KEY.mT, sinks], -1).softmax(-1)
        both = both.masked_fill(torch.arange(8) == 7, 0.0)
        return (both / both.sum(-1, keepdim=True))[..., :-1] @ VALUE

    recording = recorded(Calls(model), Calls(model))
    assert "changed between softmax and values" in recording.refusals[""].why


def test_the_keys_that_are_left_are_the_mask():
    seen = torch.arange(7) < torch.arange(5)[:, None] + 2

    def model():
        weights = (QUERY @ KEY.mT).softmax(-1) * seen
        return (weights / weights.sum(-1, keepdim=True)) @ VALUE

    one = recorded(Calls(model), Calls(model))[""]
    truth = dense(QUERY, KEY, scale=1.0, mask=seen)
    assert torch.allclose(one.dense(), truth.float(), atol=1e-5)
    assert one.scoring.mask.describe() == "causal mask"


TRUTH = dense(QUERY, KEY, scale=1.0).float()


def read(function):
    return recorded(Calls(function), Calls(function))


def why(function):
    return read(function).refusals[""].why


def test_an_output_that_is_divided_by_the_sums():
    def model():
        numerators = torch.exp(QUERY @ KEY.mT)
        return numerators @ VALUE / numerators.sum(-1, keepdim=True)

    assert torch.allclose(read(model)[""].dense(), TRUTH, atol=1e-5)


def test_exponentials_that_the_model_writes_to_before_the_division():
    def model():
        numerators = torch.exp(QUERY @ KEY.mT)
        sums = numerators.sum(-1, keepdim=True)
        out = numerators @ VALUE
        numerators.zero_()
        return out / sums

    assert torch.allclose(read(model)[""].dense(), TRUTH, atol=1e-5)


def test_one_wrong_divisor_in_one_row_is_seen():
    def model():
        numerators = torch.exp(QUERY @ KEY.mT)
        sums = numerators.sum(-1, keepdim=True)
        sums[1, 1, 2] *= 1.01
        return numerators @ VALUE / sums

    assert "before their exponentials were normalised" in why(model)


def test_what_is_never_divided_is_refused():
    assert "before their exponentials" in why(lambda: torch.exp(QUERY @ KEY.mT) @ VALUE)
    assert "without a softmax" in why(lambda: (QUERY @ KEY.mT) @ VALUE)
    per_column = torch.rand(8) + 1
    assert "before their exponentials" in why(
        lambda: torch.exp(QUERY @ KEY.mT) @ VALUE / per_column
    )
