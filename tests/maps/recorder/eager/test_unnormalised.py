from __future__ import annotations

import torch

from tests.maps.attending import Calls, dense, recorded

QUERY, KEY, VALUE = torch.randn(2, 3, 5, 8), torch.randn(2, 3, 7, 8), torch.randn(2, 3, 7, 8)
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
