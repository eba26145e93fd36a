from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.maps.attending import Calls, recorded

QUERY, KEY, VALUE = torch.randn(3, 2, 3, 6, 8)
TRUTH = (QUERY @ KEY.mT).softmax(-1)


def scores():
    return torch.cat([QUERY @ KEY[:, :, 3:].mT, QUERY @ KEY[:, :, :3].mT], -1)


def output(weights):
    return weights[..., :3] @ VALUE[:, :, 3:] + weights[..., 3:] @ VALUE[:, :, :3]


def read(function):
    return recorded(model := Calls(function), model)


def test_steps_after_the_parts_were_put_together():
    def model():
        x = scores() * 2
        x = x + torch.tensor([0.0, 1, 0, 0, -1, 0])
        x = x.masked_fill(torch.arange(6) == 5, -torch.inf) / 4
        return output(x.softmax(-1, dtype=torch.float64).float().clone())

    bias = torch.tensor([0.0, -1, -torch.inf, 0, 1, 0])
    truth = ((QUERY @ KEY.mT * 2 + bias) / 4).softmax(-1)
    assert torch.allclose(read(model)[""].dense(), truth, atol=1e-6)


def test_a_buffer_that_parts_are_copied_to():
    def model():
        both = QUERY.new_zeros(2, 3, 6, 6)
        both[..., 3:] = QUERY @ KEY[:, :, 3:].mT
        both[..., :3] = QUERY @ KEY[:, :, :3].mT
        return both.softmax(-1) @ VALUE

    assert torch.allclose(read(model)[""].dense(), TRUTH, atol=1e-6)


def test_dropout_leaves_the_weights_before_it():
    def model():
        torch.manual_seed(0)
        return output(F.dropout(scores().softmax(-1), 0.5, training=True))

    one = read(model)[""]
    assert torch.allclose(one.dense(), TRUTH, atol=1e-6)
    assert one.source.dropout == 0.5


REFUSED = {
    "met the values without a softmax": lambda: output(scores()),
    "went through aten.relu": lambda: output(scores().relu().softmax(-1)),
    "changed between softmax and values": lambda: output(scores().softmax(-1).sqrt()),
    "scaled by different numbers": lambda: output(
        torch.cat([QUERY @ KEY[:, :, 3:].mT * 2, QUERY @ KEY[:, :, :3].mT], -1).softmax(-1)
    ),
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_is_not_understood_is_refused(words):
    refusals = read(REFUSED[words]).refusals
    assert words in refusals[""].why


def test_nothing_is_left_behind():
    class Model(nn.Module):
        def forward(self):
            return output(scores().softmax(-1))

    for _ in range(2):
        recording = recorded(model := Model(), model)
        assert len(recording.calls("")) == 1
