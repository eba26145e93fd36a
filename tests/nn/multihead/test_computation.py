"""From inputs to output and weights: projections, extra keys, masks and heads."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from clearhead.nn.multihead._computation import multi_head_attention
from clearhead.nn.multihead._parameters import ForwardSettings, Parameters
from tests.nn.multihead.pairs import (
    HEADS,
    KEY_LEN,
    MASKS,
    QUERY_LEN,
    WIDTH,
    assert_same,
    pair,
    random_inputs,
    random_masks,
    use_tiles,
)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("attn", MASKS)
@pytest.mark.parametrize("is_causal", [False, True])
def test_asking_for_weights_changes_the_output_by_rounding_alone(
    attn: str, is_causal: bool, dtype: torch.dtype
) -> None:
    theirs, ours = pair(dtype=dtype, batch_first=True)
    query, key, value = random_inputs(theirs, kind="memory")
    mask = random_masks(attn, "none", KEY_LEN)["attn_mask"]
    if is_causal:
        mask = torch.ones(QUERY_LEN, KEY_LEN, dtype=torch.bool).triu(1)
    elif mask is not None and mask.is_floating_point():
        mask = mask.to(dtype)
    masking = {"attn_mask": mask, "is_causal": is_causal}
    with_weights, _ = ours(query, key, value, **masking)
    without, nothing = ours(query, key, value, need_weights=False, **masking)
    assert nothing is None
    assert_same(with_weights, without, {8: 1e-13, 4: 1e-5, 2: 3e-2}[dtype.itemsize])


@pytest.mark.parametrize("tiles", [False, True])
def test_the_output_is_made_from_the_weights(monkeypatch: pytest.MonkeyPatch, tiles: bool) -> None:
    if tiles:
        use_tiles(monkeypatch)
    theirs, ours = pair(batch_first=True)
    query, key, value = random_inputs(theirs, kind="separate")
    output, weights = ours(query, key, value, average_attn_weights=False)
    values = F.linear(value, ours.in_proj_weight[2 * WIDTH :], ours.in_proj_bias[2 * WIDTH :])
    heads = weights @ values.unflatten(-1, (HEADS, -1)).transpose(1, 2)
    assert_same(ours.out_proj(heads.transpose(1, 2).flatten(2)), output)


def test_without_weights_it_is_the_fused_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    fused = F.scaled_dot_product_attention

    def count_calls(*args: Any, **kwargs: Any) -> Tensor:
        calls.append(kwargs)
        return fused(*args, **kwargs)

    monkeypatch.setattr(F, "scaled_dot_product_attention", count_calls)
    theirs, ours = pair()
    ours(*random_inputs(theirs), need_weights=False)
    assert len(calls) == 1


def test_identities_by_hand() -> None:
    """One head of width 2, whose projections change nothing: a softmax over plain products."""
    identity = torch.eye(2)
    parameters = Parameters(identity.repeat(3, 1), None, None, None, identity, None, None)
    settings = ForwardSettings(2, 1, True, False, 0.0, True, True, False)
    query = torch.tensor([[[1.0, 0.0]]])
    key = torch.tensor([[[2**0.5 * torch.log(torch.tensor(3.0)), 0.0], [0.0, 5.0]]])
    value = torch.tensor([[[4.0, 0.0], [0.0, 8.0]]])
    # Scores are ln 3 and 0, so weights are 3/4 and 1/4.
    output, weights = multi_head_attention((query, key, value), None, None, parameters, settings)
    torch.testing.assert_close(weights, torch.tensor([[[0.75, 0.25]]]))
    torch.testing.assert_close(output, torch.tensor([[[3.0, 2.0]]]))
    # A key of zeros behind the others has a score of 0 as well, and a value of zeros.
    settings = settings._replace(add_zero_attn=True)
    output, weights = multi_head_attention((query, key, value), None, None, parameters, settings)
    torch.testing.assert_close(weights, torch.tensor([[[0.6, 0.2, 0.2]]]))
    torch.testing.assert_close(output, torch.tensor([[[2.4, 1.6]]]))
    hidden = torch.tensor([[True, False]])
    output, _ = multi_head_attention((query, key, value), hidden, None, parameters, settings)
    torch.testing.assert_close(output, torch.tensor([[[0.0, 4.0]]]))
