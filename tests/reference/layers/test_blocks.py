"""A layer of ours is the layer of PyTorch with the same weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from clearhead.config import TransformerConfig
from clearhead.reference import Trace
from clearhead.reference.layers.blocks import DecoderBlock, EncoderBlock
from tests.reference.models import random_weights, small_config

NAMES = {
    "self_attn": "self_attention",
    "multihead_attn": "cross_attention",
    "linear1": "feed_forward.up",
    "linear2": "feed_forward.down",
}
NORMS = {
    "encoder": ["self_attention_norm", "feed_forward_norm"],
    "decoder": ["self_attention_norm", "cross_attention_norm", "feed_forward_norm"],
}


def torch_layer(side: str, config: TransformerConfig, weights: dict[str, np.ndarray]):
    """PyTorch's layer with the weights of the first layer of a side."""
    kinds = {
        "encoder": torch.nn.TransformerEncoderLayer,
        "decoder": torch.nn.TransformerDecoderLayer,
    }
    layer = kinds[side](
        config.d_model, config.num_heads, config.feed_forward_dim, dropout=0.0,
        activation="relu", layer_norm_eps=config.norm_epsilon, batch_first=True,
        norm_first=config.norm_place == "before", dtype=torch.float64,
    ).eval()  # fmt: skip

    def array(name: str) -> torch.Tensor:
        return torch.from_numpy(weights[f"{side}.layers.0.{name}"])

    names = NAMES | {f"norm{place}": name for place, name in enumerate(NORMS[side], start=1)}
    state = {}
    for name in layer.state_dict():
        module, rest = name.split(".", 1)
        kind = rest.rpartition("_")[2].rpartition(".")[2]
        if rest.startswith("in_proj"):
            parts = [array(f"{names[module]}.{part}.{kind}") for part in ("query", "key", "value")]
            state[name] = torch.cat(parts)
        else:
            output = ".output" if rest.startswith("out_proj") else ""
            state[name] = array(f"{names[module]}{output}.{kind}")
    layer.load_state_dict(state)
    return layer


@pytest.fixture(params=["before", "after"])
def config(request):
    return small_config(activation="relu", norm="layer", norm_place=request.param, bias=True)


def test_an_encoders_layer(config):
    weights, x = random_weights(config), np.random.default_rng(0).normal(size=(2, 5, 16))
    visible = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], bool)
    ours = EncoderBlock(weights, "encoder.layers.0", config)(x, mask=visible[:, None, None])
    theirs = torch_layer("encoder", config, weights)(
        torch.from_numpy(x), src_key_padding_mask=torch.from_numpy(~visible)
    )
    np.testing.assert_allclose(ours[visible], theirs.detach().numpy()[visible], atol=1e-11)


def test_a_decoders_layer(config):
    generator, weights = np.random.default_rng(0), random_weights(config)
    x, encoded = generator.normal(size=(2, 4, 16)), generator.normal(size=(2, 6, 16))
    block = DecoderBlock(weights, "decoder.layers.0", config)
    ours = block(x, block.cross_attention.memory(encoded))
    theirs = torch_layer("decoder", config, weights)(
        torch.from_numpy(x),
        torch.from_numpy(encoded),
        tgt_mask=~torch.ones(4, 4, dtype=torch.bool).tril(),
    )
    np.testing.assert_allclose(ours, theirs.detach().numpy(), atol=1e-11)


def test_a_decoder_without_an_encoder_has_no_cross_attention():
    config = small_config(encoder_layers=0)
    block = DecoderBlock(random_weights(config), "decoder.layers.0", config)
    assert block.cross_attention is None
    x = np.random.default_rng(0).normal(size=(1, 4, 16))
    np.testing.assert_allclose(block(x[:, :2]), block(x)[:, :2], atol=1e-12)  # it is causal


@pytest.mark.parametrize(
    ("norm_place", "order"),
    [
        ("before", ["self_attention_norm.output", "self_attention.projected",
                    "self_attention_residual", "feed_forward_norm.output",
                    "feed_forward.output", "feed_forward_residual"]),
        ("after", ["self_attention.projected", "self_attention_residual",
                   "self_attention_norm.output", "feed_forward.output",
                   "feed_forward_residual", "feed_forward_norm.output"]),
    ],
)  # fmt: skip
def test_norms_stand_where_the_config_says(norm_place, order):
    config, trace = small_config(norm_place=norm_place), Trace()
    block = EncoderBlock(random_weights(config), "encoder.layers.0", config)
    x = block(np.ones((1, 2, 16)), trace=trace)
    paths = [path for path in trace.paths if path in order]
    assert paths == order
    np.testing.assert_array_equal(trace[order[-1]].value, x)
    residual = trace["feed_forward_residual"]
    assert residual.of == (order[order.index("feed_forward.output") - 2 + (norm_place == "after")],
                           "feed_forward.output")  # fmt: skip
