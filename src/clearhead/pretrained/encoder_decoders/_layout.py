"""The config fields and tensor names that BART, mBART, Marian, M2M100 and Pegasus share.

They developed from one class, so their configs and their tensors use the same names. They differ
in the placement of norms, in their positions, and in which weights are shared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...config import TransformerConfig
from ...config_parts import DecoderConfig
from ...json_fields import Fields
from ...shapes import Array
from ..config_fields import activation, flag, number, size, token
from ..family import Family, Shape, StoredWeight
from ._embeddings import SHARED, fit_embeddings, stored_embeddings
from ._fields import refuse_other_models, require, stated_token

_UNUSED = (SHARED, "encoder.version", "decoder.version")
"""Unused tensors: separate matrices of source and target, and version numbers."""
TABLES = ("encoder.embed_positions.*", "decoder.embed_positions.*")
"""Stored tables of sinusoidal positions, which are recomputed here."""
_BIAS = "final_logits_bias"
_LINEARS = {
    "self_attention.query": "self_attn.q_proj",
    "self_attention.key": "self_attn.k_proj",
    "self_attention.value": "self_attn.v_proj",
    "self_attention.output": "self_attn.out_proj",
    "feed_forward.up": "fc1",
    "feed_forward.down": "fc2",
    "self_attention_norm": "self_attn_layer_norm",
    "feed_forward_norm": "final_layer_norm",
}
_CROSS_LINEARS = {
    "cross_attention.query": "encoder_attn.q_proj",
    "cross_attention.key": "encoder_attn.k_proj",
    "cross_attention.value": "encoder_attn.v_proj",
    "cross_attention.output": "encoder_attn.out_proj",
    "cross_attention_norm": "encoder_attn_layer_norm",
}


@dataclass(frozen=True)
class Defaults:
    """Defaults for the fields that a family's config leaves out.

    Attributes:
        vocab_size, activation, scale_embedding, attention_dropout: as in transformers.
        pad_id, end_id: the ids of the padding and end tokens.
        start_id: the decoder's first token; None: the padding.
        old: the values that fields of old configs must have if they are present.
    """

    vocab_size: int
    activation: str
    scale_embedding: bool
    pad_id: int
    end_id: int
    start_id: int | None
    old: dict[str, bool | int]
    attention_dropout: float = 0.0


def read_settings(fields: Fields, family: str, defaults: Defaults) -> dict[str, Any]:
    """Return the settings that the configs of all these families share, under our names.

    Args:
        fields: of config.json.
        family: the family's name, for messages.
        defaults: the values of absent fields.

    Raises:
        ConfigError: the config asks for something that is not supported, or contradicts itself.
        FileProblem: a field has the wrong type.
    """
    refuse_other_models(fields, family)
    require(fields, family, defaults.old)
    heads = size(fields, "encoder_attention_heads", 16, alias="num_attention_heads")
    feed_forward_dim = size(fields, "encoder_ffn_dim", 4096)
    decoder_heads = size(fields, "decoder_attention_heads", 16)
    decoder_dim = size(fields, "decoder_ffn_dim", 4096)
    pad = stated_token(fields, "pad_token_id", defaults.pad_id)
    default_start = pad if defaults.start_id is None else defaults.start_id
    return {
        "vocab_size": size(fields, "vocab_size", defaults.vocab_size),
        "d_model": size(fields, "d_model", 1024, alias="hidden_size"),
        "num_heads": heads,
        "encoder_layers": size(fields, "encoder_layers", 12, alias="num_hidden_layers"),
        "decoder_layers": size(fields, "decoder_layers", 12),
        "feed_forward_dim": feed_forward_dim,
        "activation": activation(fields, "activation_function", default=defaults.activation),
        "max_length": size(fields, "max_position_embeddings", 1024),
        "dropout": number(fields, "dropout", 0.1),
        "attention_dropout": number(fields, "attention_dropout", defaults.attention_dropout),
        "scale_embedding": flag(fields, "scale_embedding", defaults.scale_embedding),
        "pad_id": pad,
        "start_id": token(fields, "decoder_start_token_id", default_start),
        "end_id": stated_token(fields, "eos_token_id", defaults.end_id),
        "decoder": DecoderConfig(
            num_heads=None if decoder_heads == heads else decoder_heads,
            feed_forward_dim=None if decoder_dim == feed_forward_dim else decoder_dim,
        ),
    }


def tied(fields: Fields) -> bool | None:
    """Return whether the output is tied, in the form of our config: None means yes."""
    return None if flag(fields, "tie_word_embeddings", True) else False


def family(
    name: str,
    model_type: str,
    read_config: Callable[[Fields], TransformerConfig],
    unused: tuple[str, ...] = (),
) -> Family:
    """Return a family whose tensors have the names of this layout.

    Args:
        name: the usual name of the family.
        model_type: of its config.json.
        read_config: turns a config.json into our config.
        unused: patterns of tensors that are not used, beside those unused in all families.
    """
    return Family(
        name=name,
        model_types=(model_type,),
        read_config=read_config,
        weights=_weights,
        tasks=lambda tensors: frozenset({"translate"}),
        prefixes=("model.",),
        unused=(*_UNUSED, *unused),
        fit_config=_fit,
        frozen=lambda fields: frozenset({"output.bias"}),  # a buffer in transformers
        padding_learns=False,
    )


def _fit(config: TransformerConfig, tensors: Mapping[str, Shape]) -> TransformerConfig:
    """Return the config with the sharing and the output bias that the files have.

    A file that was saved without the head stores no bias, and then none is added.
    """
    config = fit_embeddings(config, tensors)
    bias = config.output.bias and _BIAS in tensors
    return replace(config, output=replace(config.output, bias=bias))


def _weights(config: TransformerConfig, tensors: Mapping[str, Shape]) -> dict[str, StoredWeight]:
    """Return the place of every weight of a config that was fitted to the tensors."""
    places = stored_embeddings(config, tensors)
    for stack, side in (("encoder", "source"), ("decoder", "target")):
        names = _LINEARS if stack == "encoder" else {**_LINEARS, **_CROSS_LINEARS}
        for layer in range(getattr(config, f"{stack}_layers")):
            for ours, theirs in names.items():
                places |= _both(
                    f"{stack}.layers.{layer}.{ours}", f"{stack}.layers.{layer}.{theirs}"
                )
        if config.norm_place == "before":
            places |= _both(f"{stack}.norm", f"{stack}.layer_norm")
        if config.embedding.norm:
            places |= _both(f"{side}_embedding_norm", f"{stack}.layernorm_embedding")
        if config.positions == "learned":
            table = f"{stack}.embed_positions.weight"
            places[f"{side}_positions.weight"] = StoredWeight(table)
    if config.output.bias:
        places["output.bias"] = StoredWeight(_BIAS, change=_flat)
    return places


def _both(ours: str, theirs: str) -> dict[str, StoredWeight]:
    """Return the places of the weight and the bias of a linear layer or a norm."""
    return {f"{ours}.{part}": StoredWeight(f"{theirs}.{part}") for part in ("weight", "bias")}


def _flat(bias: Array) -> Array:
    """Remove the first axis of a bias that is stored as Float["1 vocab"]."""
    return bias.reshape(-1)
