"""T5 (Raffel et al. 2020, arXiv 1910.10683), T5 v1.1 and Flan-T5, and mT5 (arXiv 2010.11934).

Root-mean-square norms before each sublayer; no biases; scores are not scaled. The only positions
are a bias of the scores, which is stored in the first layer of each stack and used in all of its
layers. The original T5 has ReLU, and one matrix for source, target and output; hidden vectors are
multiplied by d_model^-0.5 before the output. v1.1, Flan and mT5 have gated GELU and a separate
output matrix, without that factor. The decoder starts from the padding token.

These models have no limit on positions: ``n_positions`` in a config is only the length of the
texts that they were trained on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ...config import TransformerConfig
from ...config_parts import AttentionConfig, OutputConfig
from ...errors import ConfigError
from ...json_fields import Fields
from ...visible import quoted
from ..config_fields import flag, number, our_activation, size, token
from ..family import Family, Shape, StoredWeight
from ._embeddings import SHARED, fit_embeddings, stored_embeddings
from ._fields import refuse_other_models, stated_token

_NO_LIMIT = 1 << 20
_ATTENTION = {"query": "q", "key": "k", "value": "v", "output": "o"}
_FEED_FORWARD = {"up": "wi", "down": "wo"}
_GATED_FEED_FORWARD = {"gate": "wi_0", "up": "wi_1", "down": "wo"}
# The sublayers of each stack, in the order of their numbers in the files.
_SUBLAYERS = {
    "encoder": {"self_attention": "SelfAttention", "feed_forward": "DenseReluDense"},
    "decoder": {
        "self_attention": "SelfAttention",
        "cross_attention": "EncDecAttention",
        "feed_forward": "DenseReluDense",
    },
}
# Defaults of fields that a config leaves out.
_MT5 = {"vocab_size": 250112, "d_ff": 1024, "num_layers": 8, "num_heads": 6}
_T5 = {"vocab_size": 32128, "d_ff": 2048, "num_layers": 6, "num_heads": 8}


def _read_config(fields: Fields) -> TransformerConfig:
    refuse_other_models(fields, "T5")
    multilingual = fields.text("model_type") == "mt5"
    defaults = _MT5 if multilingual else _T5
    d_model = size(fields, "d_model", 512, alias="hidden_size")
    layers = size(fields, "num_layers", defaults["num_layers"], alias="num_hidden_layers")
    deep = fields.has("num_decoder_layers")
    dropout = number(fields, "dropout_rate", 0.1)
    pad = stated_token(fields, "pad_token_id", 0)
    tied = flag(fields, "tie_word_embeddings", True)
    # transformers 5 has a field for what older configs expressed by tying; mT5 never scales.
    scaled = not multilingual and flag(fields, "scale_decoder_outputs", tied)
    return TransformerConfig(
        vocab_size=size(fields, "vocab_size", defaults["vocab_size"]),
        d_model=d_model,
        num_heads=size(fields, "num_heads", defaults["num_heads"], alias="num_attention_heads"),
        encoder_layers=layers,
        decoder_layers=size(fields, "num_decoder_layers", layers) if deep else layers,
        feed_forward_dim=size(fields, "d_ff", defaults["d_ff"]),
        activation=_activation(fields, "gated-gelu" if multilingual else "relu"),
        norm="rms",
        norm_epsilon=number(fields, "layer_norm_epsilon", 1e-6),
        positions="relative",
        relative_buckets=size(fields, "relative_attention_num_buckets", 32),
        relative_max_distance=size(fields, "relative_attention_max_distance", 128),
        max_length=_NO_LIMIT,
        dropout=dropout,
        attention_dropout=dropout,
        bias=False,
        scale_embedding=False,
        pad_id=pad,
        start_id=token(fields, "decoder_start_token_id", pad),
        end_id=stated_token(fields, "eos_token_id", 1),
        attention=AttentionConfig(head_dim=size(fields, "d_kv", 64, alias="head_dim"), scale=1.0),
        output=OutputConfig(tied=None if tied else False, scale=d_model**-0.5 if scaled else None),
    )


def _activation(fields: Fields, default: str) -> str:
    """Read ``relu``, ``gated-gelu`` and the like; ``gated-gelu`` uses GELU's tanh form."""
    key = "feed_forward_proj"
    text = fields.text(key) if fields.has(key) else default
    *gate, name = text.split("-")
    if gate not in ([], ["gated"]):
        raise ConfigError(
            f"{quoted(key)} of {fields.name} is {quoted(text)}; what is read is an activation's "
            f'name, such as "relu", or "gated-" and one, such as "gated-gelu".'
        )
    name = "gelu_new" if text == "gated-gelu" else name
    # Newer configs repeat it in two other fields, which transformers prefers if they differ.
    if fields.has("dense_act_fn"):
        key, name = "dense_act_fn", fields.text("dense_act_fn")
    gated = flag(fields, "is_gated_act", bool(gate))
    return our_activation(name, key, fields, gated=gated)


def _fit_config(config: TransformerConfig, tensors: Mapping[str, Shape]) -> TransformerConfig:
    # An output matrix that is not stored is the embedding, whatever the config says about tying:
    # transformers 5 declares all matrices tied, and then stores those that are not.
    tied = replace(config, output=replace(config.output, tied=None))
    return fit_embeddings(tied, tensors)


def _weights(config: TransformerConfig, tensors: Mapping[str, Shape]) -> dict[str, StoredWeight]:
    weights = stored_embeddings(config, tensors)
    linears = {
        "self_attention": _ATTENTION,
        "cross_attention": _ATTENTION,
        "feed_forward": _GATED_FEED_FORWARD if config.gated else _FEED_FORWARD,
    }
    for stack, sublayers in _SUBLAYERS.items():
        weights[f"{stack}.norm.weight"] = StoredWeight(f"{stack}.final_layer_norm.weight")
        weights[f"{stack}.relative_bias.weight"] = StoredWeight(
            f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
        )
        for layer in range(getattr(config, f"{stack}_layers")):
            for place, (sublayer, module) in enumerate(sublayers.items()):
                ours = f"{stack}.layers.{layer}.{sublayer}"
                theirs = f"{stack}.block.{layer}.layer.{place}"
                weights[f"{ours}_norm.weight"] = StoredWeight(f"{theirs}.layer_norm.weight")
                for part, letter in linears[sublayer].items():
                    tensor = f"{theirs}.{module}.{letter}.weight"
                    weights[f"{ours}.{part}.weight"] = StoredWeight(tensor)
    return weights


T5 = Family(
    name="T5",
    model_types=("t5", "mt5"),
    read_config=_read_config,
    weights=_weights,
    tasks=lambda tensors: frozenset({"translate"}),
    unused=(SHARED, "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"),
    fit_config=_fit_config,
)
