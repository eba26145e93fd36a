"""Helpers for reading the configs of all decoder-only families.

A config.json may lack any field: transformers fills in the family's defaults, and so does
`with_defaults`. A null field stays null, which is a value of its own ("no window").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...config import TransformerConfig
from ...errors import ConfigError
from ...json_fields import Fields
from ...visible import quoted
from ..config_fields import activation, refuse, refuse_uneven_layers

MOST_LAYERS = 4096
"""The most layers allowed; more would fill the memory with names of weights."""


def with_defaults(fields: Fields, defaults: Mapping[str, Any]) -> Fields:
    """Return the fields of a config.json, with defaults for those that it lacks.

    Raises:
        ConfigError: the model is of a kind that no decoder family supports.
    """
    refuse(fields, "is_causal", unless=(True,), reason="attention sees earlier positions alone")
    refuse(fields, "use_bidirectional_attention", reason="attention sees earlier positions alone")
    refuse(fields, "add_cross_attention", reason="a decoder without an encoder is read")
    refuse_uneven_layers(fields, "per_layer_config")
    return Fields({**defaults, **fields.members()}, fields.name)


def rename(fields: Fields, names: Mapping[str, str]) -> Fields:
    """Return fields under the family's own names, where a file may use general names for them."""
    members = {names.get(key, key): value for key, value in fields.members().items()}
    return Fields(members, fields.name)


def layer_count(fields: Fields, key: str = "num_hidden_layers") -> int:
    """Return the number of layers of a model."""
    return fields.integer(key, least=1, most=MOST_LAYERS)


def integer_or_none(fields: Fields, key: str) -> int | None:
    """Return a whole number of at least 1, or None where the field is absent or null."""
    return fields.integer(key, least=1) if fields.has(key) else None


def head_dim(fields: Fields) -> int:
    """Return the width of a head; if the file has none, the model's width divided by the heads."""
    heads = fields.integer("num_attention_heads", least=1)
    return integer_or_none(fields, "head_dim") or fields.integer("hidden_size", least=1) // heads


def number_or_none(fields: Fields, key: str) -> float | None:
    """Return a number, or None where the field is absent or null."""
    return fields.number(key) if fields.has(key) else None


def positive(fields: Fields, key: str) -> float:
    """Return a number above 0.

    Raises:
        ConfigError: it is not above 0.
    """
    number = fields.number(key)
    if number <= 0:
        raise ConfigError(f"{quoted(key)} of {fields.name} must be above 0; it is {number}.")
    return number


def token_ids(fields: Fields, vocab_size: int) -> dict[str, Any]:
    """Return ``pad_id``, ``start_id`` and ``end_id`` of a model.

    Of several end tokens, the first is used. An id outside the vocabulary, such as the -1 of old
    files, cannot occur in a text and counts as missing. Missing ``start_id`` and ``pad_id`` are
    set to the end token: padding is given by a mask, not by its id.
    """

    def token_id(key: str) -> int | None:
        if not fields.has(key):
            return None
        value = fields.value(key)
        ids = fields.integers(key, least=None)[:1] if isinstance(value, list) else None
        number = fields.integer(key) if ids is None else (ids[0] if ids else -1)
        return number if 0 <= number < vocab_size else None

    pad, start, end = map(token_id, ("pad_token_id", "bos_token_id", "eos_token_id"))
    end = next((one for one in (end, pad) if one is not None), 0)
    return {
        "pad_id": end if pad is None else pad,
        "start_id": end if start is None else start,
        "end_id": end,
    }


def windows(fields: Fields, layer_types: Sequence[str]) -> tuple[int, ...]:
    """Return the window of each layer, given the layers' types; see `AttentionConfig.windows`.

    Raises:
        ConfigError: a type is not supported, there are more or fewer types than layers, or local
            layers have no window.
    """
    layers = layer_count(fields)
    if len(layer_types) != layers:
        raise ConfigError(
            f"'layer_types' of {fields.name} has {len(layer_types)} entries, and "
            f"'num_hidden_layers' is {layers}: one of the two is wrong."
        )
    for kind in layer_types:
        if kind not in ("full_attention", "sliding_attention"):
            raise ConfigError(
                f"'layer_types' of {fields.name} has {quoted(kind)}, which is not computed here. "
                f"The types are: full_attention, sliding_attention."
            )
    if "sliding_attention" not in layer_types:
        return ()
    if not fields.has("sliding_window"):
        raise ConfigError(
            f"'layer_types' of {fields.name} has sliding_attention, and no window is set: "
            f"'sliding_window' must say how many positions a query sees."
        )
    window = fields.integer("sliding_window", least=1)
    if "full_attention" not in layer_types:
        return (window,)
    return tuple(window if kind == "sliding_attention" else 0 for kind in layer_types)


def rms_decoder(
    fields: Fields, *, activation_key: str = "hidden_act", **parts: Any
) -> TransformerConfig:
    """Return the config of a decoder with root-mean-square norms and a gated feed-forward layer.

    Args:
        fields: of a config.json, with Llama's names.
        activation_key: the field that names the activation.
        parts: the family's other settings, by the names of `TransformerConfig`.
    """
    vocab_size = fields.integer("vocab_size", least=1)
    heads = fields.integer("num_attention_heads", least=1)
    settings: dict[str, Any] = {
        "vocab_size": vocab_size,
        "d_model": fields.integer("hidden_size", least=1),
        "num_heads": heads,
        "num_kv_heads": integer_or_none(fields, "num_key_value_heads") or heads,
        "encoder_layers": 0,
        "decoder_layers": layer_count(fields),
        "feed_forward_dim": fields.integer("intermediate_size", least=1),
        "activation": activation(fields, activation_key, gated=True),
        "norm": "rms",
        "positions": "rotary",
        "max_length": fields.integer("max_position_embeddings", least=1),
        "dropout": 0.0,
        "attention_dropout": number_or_none(fields, "attention_dropout") or 0.0,
        "bias": False,
        "tied_embeddings": fields.flag("tie_word_embeddings"),
        "scale_embedding": False,
        "norm_epsilon": fields.number("rms_norm_eps"),
        **token_ids(fields, vocab_size),
    }
    return TransformerConfig(**{**settings, **parts})
