"""One layer of an encoder and of a decoder: residuals, the place of norms, masks and caches."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from clearhead.config import TransformerConfig
from clearhead.errors import ShapeError
from clearhead.nn.blocks import DecoderBlock, EncoderBlock

X = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def make(kind: type[nn.Module], **changes: Any) -> Any:
    torch.manual_seed(0)
    config = TransformerConfig(
        vocab_size=9, d_model=8, num_heads=2, feed_forward_dim=12,
        **{"encoder_layers": 1, "decoder_layers": 1, **changes},
    )  # fmt: skip
    return kind(config).double().eval()


@pytest.mark.parametrize("place", ["before", "after", "both"])
def test_norms_stand_where_the_config_has_them(place: str) -> None:
    block = make(EncoderBlock, norm_place=place)
    attend = lambda x: block.self_attention.self_attention(x)[0]  # noqa: E731
    if place == "before":
        middle = X + attend(block.self_attention_norm(X))
        expected = middle + block.feed_forward(block.feed_forward_norm(middle))
    elif place == "both":
        inner = block.self_attention_output_norm(attend(block.self_attention_norm(X)))
        fed = block.feed_forward(block.feed_forward_norm(X + inner))
        expected = X + inner + block.feed_forward_output_norm(fed)
    else:
        middle = block.self_attention_norm(X + attend(X))
        expected = block.feed_forward_norm(middle + block.feed_forward(middle))
    torch.testing.assert_close(block(X), expected)
    names = {name.split(".")[0] for name, _ in block.named_parameters()}
    assert ("self_attention_output_norm" in names) == (place == "both")


@pytest.mark.parametrize("kind", [EncoderBlock, DecoderBlock])
def test_parallel_sublayers_read_the_same(kind: type[nn.Module]) -> None:
    layers = {"encoder_layers": 1, "decoder_layers": 0}
    if kind is DecoderBlock:
        layers = {"encoder_layers": 0, "decoder_layers": 1}
    block = make(kind, parallel_sublayers=True, **layers)
    with torch.no_grad():
        block.feed_forward_norm.weight.mul_(3.0)
    causal = {"causal": True} if kind is DecoderBlock else {}
    attended = block.self_attention.self_attention(block.self_attention_norm(X), **causal)[0]
    expected = X + attended + block.feed_forward(block.feed_forward_norm(X))
    output = block(X)
    torch.testing.assert_close(output[0] if kind is DecoderBlock else output, expected)


@pytest.mark.parametrize("place", ["before", "after"])
def test_it_is_pytorchs_encoder_layer(place: str) -> None:
    block = make(EncoderBlock, norm_place=place, activation="relu")
    theirs = nn.TransformerEncoderLayer(
        8, 2, 12, dropout=0.0, batch_first=True, norm_first=place == "before",
        layer_norm_eps=block.self_attention_norm.epsilon,
    ).double().eval()  # fmt: skip
    ours = block.state_dict()
    names = {
        "self_attn.out_proj": "self_attention.output", "linear1": "feed_forward.up",
        "linear2": "feed_forward.down", "norm1": "self_attention_norm",
        "norm2": "feed_forward_norm",
    }  # fmt: skip
    weights = {f"{a}.{p}": ours[f"{b}.{p}"] for a, b in names.items() for p in ("weight", "bias")}
    for part in ("weight", "bias"):
        sides = [ours[f"self_attention.{side}.{part}"] for side in ("query", "key", "value")]
        weights[f"self_attn.in_proj_{part}"] = torch.cat(sides)
    theirs.load_state_dict(weights)
    torch.testing.assert_close(block(X), theirs(X))
    visible = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    output = block(X, mask=visible[:, None, None])
    expected = theirs(X, src_key_padding_mask=~visible)
    torch.testing.assert_close(output[0], expected[0])
    torch.testing.assert_close(output[1, :3], expected[1, :3])


def test_a_decoder_step_by_step_gives_what_the_whole_gives() -> None:
    block = make(DecoderBlock)
    memory = block.cross_attention.project_key_value(torch.randn(2, 3, 8).double())
    whole, present = block(X, memory)
    assert present.key.shape[2] == 5
    past, steps = None, []
    for part in X.split([2, 1, 2], dim=1):
        output, past = block(part, memory, past=past)
        steps.append(output)
    torch.testing.assert_close(torch.cat(steps, 1), whole)


def test_a_decoder_alone_has_no_cross_attention() -> None:
    block = make(DecoderBlock, encoder_layers=0)
    assert not [name for name, _ in block.named_parameters() if name.startswith("cross")]
    assert block(X)[0].shape == X.shape


def test_a_decoder_with_cross_attention_needs_a_memory() -> None:
    with pytest.raises(ShapeError, match="has cross-attention: give it the encoder's memory"):
        make(DecoderBlock)(X)
