"""Where the drop-in's masks leave nothing to see, or meet the causal hint."""

from __future__ import annotations

import pytest
import torch

from tests.nn.multihead.pairs import (
    BATCH,
    KEY_LEN,
    QUERY_LEN,
    assert_same,
    pair,
    random_inputs,
    random_masks,
)


@pytest.mark.parametrize("average", [True, False])
@pytest.mark.parametrize("kinds", [("bool", "none"), ("bool3d", "none"), ("none", "bool")])
def test_a_fully_masked_query_gives_zeros(kinds: tuple[str, str], average: bool) -> None:
    """Zero weights, an output that is the output projection of zero, and finite gradients."""
    _, ours = pair(batch_first=True)
    query, key, value = (x.requires_grad_() for x in random_inputs(ours, kind="separate"))
    masks = random_masks(*kinds, KEY_LEN)
    if kinds[1] == "bool":
        masks["key_padding_mask"][1] = True
        blocked = (1, slice(None))
    else:
        masks["attn_mask"][..., 3, :] = True
        blocked = (slice(None), 3)
    for need_weights in (True, False):
        output, weights = ours(
            query, key, value, need_weights=need_weights, average_attn_weights=average, **masks
        )
        assert torch.equal(output[blocked], ours.out_proj.bias.expand_as(output[blocked]))
        loss = output.sum()
        if weights is not None:
            weights = weights if average else weights.mean(1)
            assert (weights[blocked] == 0).all()
            others = weights.sum(-1)
            others[blocked] = 1.0
            assert_same(others, torch.ones_like(others))
            loss = loss + (weights**2).sum()
        for grad in torch.autograd.grad(loss, [query, key, value, *ours.parameters()]):
            assert grad.isfinite().all()


def test_the_rows_beside_a_fully_masked_one_are_those_of_pytorch() -> None:
    theirs, ours = pair(batch_first=True)
    inputs = random_inputs(theirs)
    padding = torch.zeros(BATCH, QUERY_LEN, dtype=torch.bool)
    padding[1] = True
    expected = theirs(*inputs, key_padding_mask=padding)
    actual = ours(*inputs, key_padding_mask=padding)
    assert expected[0][1].isnan().all()
    assert_same([x[0] for x in actual], [x[0] for x in expected])


def test_added_keys_are_visible_under_the_causal_hint() -> None:
    theirs, ours = pair(add_bias_kv=True, add_zero_attn=True)
    inputs = random_inputs(theirs)
    mask = torch.ones(QUERY_LEN, QUERY_LEN, dtype=torch.bool).triu(1)
    expected = theirs(*inputs, attn_mask=mask)  # PyTorch without the hint
    for need_weights in (True, False):
        actual, _ = ours(*inputs, attn_mask=mask, is_causal=True, need_weights=need_weights)
        assert_same(actual, expected[0])


@pytest.mark.parametrize("need_weights", [False, True])
def test_padding_counts_beside_the_causal_hint(need_weights: bool) -> None:
    theirs, ours = pair(batch_first=True)
    inputs = random_inputs(theirs)
    mask = torch.ones(QUERY_LEN, QUERY_LEN, dtype=torch.bool).triu(1)
    padding = random_masks("none", "bool", QUERY_LEN)["key_padding_mask"]
    arguments = {"attn_mask": mask, "key_padding_mask": padding, "is_causal": True}
    expected = theirs(*inputs, need_weights=need_weights, **arguments)
    assert_same(ours(*inputs, need_weights=need_weights, **arguments), expected)
