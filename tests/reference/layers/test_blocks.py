"""A layer of ours is the layer of PyTorch with the same weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from clearhead.config import TransformerConfig
from clearhead.config_parts import AttentionConfig, RotaryConfig
from clearhead.reference import Trace
from clearhead.reference.layers.blocks import DecoderBlock, EncoderBlock
from clearhead.reference.rotary import rotary_angles
from tests.reference.exact_transformers import arrays, double_throughout, randomize
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


def rotations(dim: int, length: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The cosines and sines that a layer of transformers takes, exact."""
    angles = rotary_angles(length, dim)
    return tuple(torch.from_numpy(np.concatenate([x, x], -1))[None] for x in angles)


def causal(length: int, window: int | None = None) -> torch.Tensor:
    """The mask that a layer of transformers adds."""
    i, j = np.indices((length, length))
    visible = (j <= i) if window is None else (j <= i) & (j > i - window)
    return torch.from_numpy(np.where(visible, 0.0, -1e30))[None, None]


def renamed(state: dict, names: dict[str, str]) -> dict:
    """A layer's state under the names of ours."""
    return {
        f"decoder.layers.0.{ours}.{kind}": state[f"{name}.{kind}"]
        for name, ours in names.items()
        for kind in ("weight", "bias")
        if f"{name}.{kind}" in state
    }


@pytest.mark.slow  # to import transformers takes seconds
def test_parallel_sublayers_with_a_partly_rotated_head_are_those_of_gpt_neox():
    from transformers import GPTNeoXConfig
    from transformers.models.gpt_neox.modeling_gpt_neox import GPTNeoXLayer

    x = np.random.default_rng(0).normal(size=(2, 6, 24))
    with double_throughout():
        layer = GPTNeoXLayer(
            GPTNeoXConfig(
                hidden_size=24, num_attention_heads=3, intermediate_size=20, rotary_pct=0.5,
                attn_implementation="eager", hidden_dropout=0.0, attention_dropout=0.0,
            ), 0,
        )  # fmt: skip
        randomize(layer)
        theirs = layer(
            torch.from_numpy(x), causal(6), position_embeddings=rotations(4, 6)
        ).detach().numpy()  # fmt: skip
    state = arrays(layer)
    # Query, key and value of each head lie below one another.
    for kind in ("weight", "bias"):
        joint = state.pop(f"attention.query_key_value.{kind}")
        parts = joint.reshape(3, 3, 8, -1).swapaxes(0, 1).reshape(3, 24, -1)
        for part, array in zip("qkv", parts, strict=True):
            state[f"{part}.{kind}"] = array if kind == "weight" else array[:, 0]
    names = {
        "input_layernorm": "self_attention_norm", "post_attention_layernorm": "feed_forward_norm",
        "q": "self_attention.query", "k": "self_attention.key", "v": "self_attention.value",
        "attention.dense": "self_attention.output", "mlp.dense_h_to_4h": "feed_forward.up",
        "mlp.dense_4h_to_h": "feed_forward.down",
    }  # fmt: skip
    config = small_config(
        d_model=24, num_heads=3, feed_forward_dim=20, encoder_layers=0, activation="gelu",
        positions="rotary", parallel_sublayers=True, rotary=RotaryConfig(dim=4),
    )  # fmt: skip
    block = DecoderBlock(renamed(state, names), "decoder.layers.0", config)
    trace = Trace()
    ours = block(x, rotation=rotary_angles(6, 4), trace=trace)
    np.testing.assert_allclose(ours, theirs, atol=1e-11)
    assert trace["feed_forward_norm.normalized"].of[0] == "input"
    assert trace["feed_forward_residual"].of == ("self_attention_residual", "feed_forward.output")


@pytest.mark.slow  # to import transformers takes seconds
@pytest.mark.parametrize("window", [3, 0])
def test_norms_on_both_sides_caps_and_windows_are_those_of_gemma_2(window):
    from transformers import Gemma2Config
    from transformers.models.gemma2.modeling_gemma2 import Gemma2DecoderLayer

    x = np.random.default_rng(0).normal(size=(2, 7, 16))
    with double_throughout():
        layer = Gemma2DecoderLayer(
            Gemma2Config(
                hidden_size=16, num_attention_heads=4, num_key_value_heads=2, head_dim=6,
                intermediate_size=20, query_pre_attn_scalar=11, attn_logit_softcapping=2.0,
                attn_implementation="eager", rms_norm_eps=1e-6,
            ), 0,
        )  # fmt: skip
        randomize(layer)
        theirs = layer(
            torch.from_numpy(x), rotations(6, 7), causal(7, window or None)
        ).detach().numpy()  # fmt: skip
    state = arrays(layer)
    for name in state:
        if "layernorm" in name:
            state[name] = 1 + state[name]
    names = {
        "input_layernorm": "self_attention_norm",
        "post_attention_layernorm": "self_attention_output_norm",
        "pre_feedforward_layernorm": "feed_forward_norm",
        "post_feedforward_layernorm": "feed_forward_output_norm",
        "self_attn.q_proj": "self_attention.query", "self_attn.k_proj": "self_attention.key",
        "self_attn.v_proj": "self_attention.value", "self_attn.o_proj": "self_attention.output",
        "mlp.gate_proj": "feed_forward.gate", "mlp.up_proj": "feed_forward.up",
        "mlp.down_proj": "feed_forward.down",
    }  # fmt: skip
    config = small_config(
        d_model=16, num_heads=4, num_kv_heads=2, feed_forward_dim=20, encoder_layers=0,
        activation="geglu_tanh", norm="rms", norm_place="both", positions="rotary", bias=False,
        norm_epsilon=1e-6,
        attention=AttentionConfig(head_dim=6, scale=11**-0.5, softcap=2.0),
    )  # fmt: skip
    block = DecoderBlock(renamed(state, names), "decoder.layers.0", config, window=window)
    trace = Trace()
    ours = block(x, rotation=rotary_angles(7, 6), trace=trace)
    np.testing.assert_allclose(ours, theirs, atol=1e-11)
    residual = trace["self_attention_residual"]
    assert residual.of == ("input", "self_attention_output_norm.output")
