"""need_weights="map": the same output, and a map that is the dense weights of all heads."""

from __future__ import annotations

import pytest
import torch

from clearhead.errors import ConfigError
from clearhead.maps.attention_map import AttentionMap
from clearhead.nn.multihead.layer import MultiheadAttention


def layers(**options: object) -> tuple[torch.nn.MultiheadAttention, MultiheadAttention]:
    torch.manual_seed(0)
    theirs = torch.nn.MultiheadAttention(24, 4, **options).eval()
    ours = MultiheadAttention(24, 4, **options).eval()
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("added", [False, True])
def test_it_is_pytorchs_weights(batch_first: bool, added: bool) -> None:
    theirs, ours = layers(batch_first=batch_first, add_bias_kv=added, add_zero_attn=added)
    query, memory = torch.randn(2, 2, 24), torch.randn(2, 2, 24)
    padding = torch.tensor([[False, True], [False, False]])
    mask = torch.randn(8, 2, 2)
    padded = torch.zeros(2, 2).masked_fill(padding, -torch.inf)
    arguments = {"key_padding_mask": padded, "attn_mask": mask}
    _, expected = theirs(query, memory, memory, average_attn_weights=False, **arguments)
    plain, _ = ours(query, memory, memory, need_weights=False, **arguments)
    output, actual = ours(query, memory, memory, need_weights="map", **arguments)
    assert isinstance(actual, AttentionMap)
    assert torch.equal(output, plain)
    torch.testing.assert_close(actual.dense(), expected)
    assert actual.shape == (2, 4, 2, 4 if added else 2)


def test_a_causal_hint_and_a_query_that_sees_nothing() -> None:
    _, ours = layers(batch_first=True)
    x = torch.randn(1, 5, 24)
    causal = torch.ones(5, 5, dtype=torch.bool).triu(1)
    _, actual = ours(x, x, x, need_weights="map", attn_mask=causal, is_causal=True)
    _, weights = ours(x, x, x, attn_mask=causal, average_attn_weights=False)
    torch.testing.assert_close(actual.dense(), weights)
    blind = causal.clone()
    blind[2] = True
    _, actual = ours(x, x, x, need_weights="map", attn_mask=blind)
    assert torch.equal(actual[0, :, 2], torch.zeros(4, 5))


def test_an_unbatched_map_has_a_batch_of_one() -> None:
    _, ours = layers()
    x = torch.randn(3, 24)
    output, actual = ours(x, x, x, need_weights="map")
    assert output.shape == (3, 24)
    assert actual.shape == (1, 4, 3, 3)


def test_what_cannot_be_is_refused() -> None:
    _, ours = layers(batch_first=True)
    x = torch.randn(1, 3, 24)
    with pytest.raises(ConfigError, match=r"must be True, False or 'map'.*'maps'"):
        ours(x, x, x, need_weights="maps")
    nested = torch.nested.nested_tensor([torch.randn(3, 24)])
    with pytest.raises(ConfigError, match="Nested tensors have no attention map"):
        ours(nested, nested, nested, need_weights="map")
