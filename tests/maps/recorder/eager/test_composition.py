"""Scales, caps, masks, biases and sinks in the orders in which models apply them."""

from __future__ import annotations

import pytest
import torch

from clearhead.errors import TraceError
from clearhead.maps.scores.masks.key_ranges import KeyRanges
from tests.maps.attending import Calls, dense, recorded

torch.manual_seed(0)
HEADS, QUERIES, KEYS = 4, 5, 7
Q, K = torch.randn(2, HEADS, QUERIES, 8), torch.randn(2, HEADS, KEYS, 8)
MASK = torch.ones(QUERIES, KEYS).tril(2).bool()
BIAS, OTHER = torch.randn(2, 1, HEADS, QUERIES, KEYS)
SINKS = torch.randn(HEADS)
LOWEST = torch.finfo(torch.float32).min
HIDDEN = torch.where(MASK, 0.0, -torch.inf)


def read(change):
    """The map of a softmax over products of queries and keys that were changed."""
    model = Calls(lambda: change(Q @ K.mT).softmax(-1)[..., :KEYS] @ K)
    return recorded(model, model)[""]


def with_sinks(scores):
    return torch.cat([scores, SINKS[:, None, None].expand(2, -1, QUERIES, 1)], -1)


COMPOSED = {
    "scales multiply": (lambda s: s * 0.5 / 2 * -1, {"scale": -0.25}),
    "a scale behind a bias is one of both": (
        lambda s: (s * 0.5 + BIAS) * 0.5, {"scale": 0.25, "mask": BIAS / 2},
    ),
    "a scale behind a cap is one of the cap": (
        lambda s: torch.tanh(s / 6) * 3 * 2 + BIAS, {"scale": 1.0, "softcap": 6.0, "mask": BIAS},
    ),
    "biases add up": (lambda s: s + BIAS - OTHER, {"scale": 1.0, "mask": BIAS - OTHER}),
    "a bias and a mask": (
        lambda s: (s + BIAS).masked_fill(~MASK, -torch.inf), {"scale": 1.0, "mask": BIAS + HIDDEN},
    ),
    "a mask below a scale": (
        lambda s: s.masked_fill(~MASK, LOWEST) * 0.5, {"scale": 0.5, "mask": MASK},
    ),
    "sinks before a shift": (
        lambda s: (both := with_sinks(s)) - both.amax(-1, keepdim=True),
        {"scale": 1.0, "sinks": SINKS},
    ),
    "a shift changes nothing": (lambda s: s - s.amax(-1, keepdim=True), {"scale": 1.0}),
}  # fmt: skip


@pytest.mark.parametrize("name", COMPOSED)
def test_steps_in_this_order_are_one_scoring(name):
    change, options = COMPOSED[name]
    actual = read(change).dense().double()
    torch.testing.assert_close(actual, dense(Q, K, **options), rtol=0, atol=3e-6)


def test_a_factor_per_row_is_one_of_the_query():
    factor = torch.tensor([0.5, 1.0, 1.5, 2.0, 2.5])[:, None]
    one = read(lambda s: s * factor)
    torch.testing.assert_close(one.query, Q * factor)
    expected = dense(Q * factor, K, scale=1.0)
    torch.testing.assert_close(one.dense().double(), expected, rtol=0, atol=3e-6)


def test_a_causal_fill_is_stored_as_ranges():
    assert isinstance(read(lambda s: s.masked_fill(~MASK, -1e9)).scoring.mask, KeyRanges)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda s: torch.tanh(s + BIAS), "capped after a mask or bias had been added"),
        (lambda s: torch.tanh(torch.tanh(s) * 2), "capped after a mask or bias had been added"),
        (lambda s: torch.tanh(s - 1.0), "capped after a mask or bias had been added"),
        (lambda s: (s + BIAS) * BIAS[..., :1], "rows of scores were scaled after a mask, bias or"),
        (lambda s: with_sinks(s) * 2, "scores were changed after the sinks were put beside"),
        (lambda s: with_sinks(s - 1.0), "sinks were put beside scores that had been shifted"),
        (
            lambda s: torch.cat([s, BIAS[..., :1].expand(2, -1, -1, -1)], -1),
            "the sinks differ between queries, and a map holds one per head",
        ),
        (
            lambda s: s.masked_fill(~MASK, -3.0),
            "masked scores were set to -3, which is too high to hide them altogether",
        ),
    ],
)
def test_orders_that_no_map_holds_are_refused(change, why):
    with pytest.raises(TraceError, match=why):
        read(change)
