"""What the configs of all decoder-only families are read with.

A config.json may lack any field: transformers fills in the defaults of the family, and so does
`with_defaults`. A field that is null stays null, which is a value of its own ("no window").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...config import TransformerConfig
from ...errors import ConfigError
from ...json_fields import Fields
from ...visible import quoted

MOST_LAYERS = 4096
"""No model is as deep; a file that says more would fill the memory with names of weights."""

_ACTIVATIONS = {
    "relu": "relu",
    "gelu": "gelu",
    "gelu_python": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "gelu_accurate": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_python_tanh": "gelu_tanh",
    "silu": "silu",
    "swish": "silu",
}
_GATED = {"relu": "reglu", "gelu": "geglu", "gelu_tanh": "geglu_tanh", "silu": "swiglu"}


def with_defaults(fields: Fields, defaults: Mapping[str, Any]) -> Fields:
    """Return the fields of a config.json, and the defaults of those that it lacks.

    Raises:
        ConfigError: the model is one that no family of decoders computes.
    """
    refuse(fields, "is_causal", unless=(True,), reason="attention sees earlier positions alone")
    refuse(fields, "use_bidirectional_attention", reason="attention sees earlier positions alone")
    refuse(fields, "add_cross_attention", reason="a decoder without an encoder is read")
    refuse(fields, "per_layer_config", reason="all layers have the same sizes")
    return Fields({**defaults, **fields.members()}, fields.name)


def rename(fields: Fields, names: Mapping[str, str]) -> Fields:
    """Return fields by the family's own names, where a file may have general names of them."""
    members = {names.get(key, key): value for key, value in fields.members().items()}
    return Fields(members, fields.name)


def refuse(
    fields: Fields, key: str, *, reason: str, unless: Sequence[Any] = (False, {}, [])
) -> None:
    """Raise an error if a field has a value that is not computed here.

    Args:
        fields: of a config.json.
        key: of the field; one that is absent or null is fine.
        reason: what is computed, as half a sentence.
        unless: the values that are fine.

    Raises:
        ConfigError: the field has another value.
    """
    if fields.has(key) and not any(
        type(fields.value(key)) is type(value) and fields.value(key) == value for value in unless
    ):
        raise ConfigError(
            f"{quoted(key)} of {fields.name} is {quoted(fields.value(key))}, which is not computed "
            f"here: {reason}. Such a model cannot be read."
        )


def activation(fields: Fields, key: str, *, gated: bool) -> str:
    """Return our name of the activation that a field names as transformers does.

    Raises:
        ConfigError: it is none that is computed here.
    """
    name = fields.text(key)
    if name not in _ACTIVATIONS:
        raise ConfigError(
            f"{quoted(key)} of {fields.name} is {quoted(name)}, which is not computed here. "
            f"The activations are: {', '.join(_ACTIVATIONS)}."
        )
    return _GATED[_ACTIVATIONS[name]] if gated else _ACTIVATIONS[name]


def layer_count(fields: Fields, key: str = "num_hidden_layers") -> int:
    """Return how many layers a model has."""
    return fields.integer(key, least=1, most=MOST_LAYERS)


def integer_or_none(fields: Fields, key: str) -> int | None:
    """Return a whole number of at least 1, or None where the field is absent or null."""
    return fields.integer(key, least=1) if fields.has(key) else None


def head_dim(fields: Fields) -> int:
    """Return the width of a head; where a file says none, the heads share the model's width."""
    heads = fields.integer("num_attention_heads", least=1)
    return integer_or_none(fields, "head_dim") or fields.integer("hidden_size", least=1) // heads


def number_or_none(fields: Fields, key: str) -> float | None:
    """Return a number, or None where the field is absent or null."""
    return fields.number(key) if fields.has(key) else None


def positive(fields: Fields, key: str) -> float:
    """Return a number above 0.

    Raises:
        ConfigError: it is none.
    """
    number = fields.number(key)
    if number <= 0:
        raise ConfigError(f"{quoted(key)} of {fields.name} must be above 0; it is {number}.")
    return number


def token_ids(fields: Fields, vocab_size: int) -> dict[str, Any]:
    """Return ``pad_id``, ``start_id`` and ``end_id`` of a model.

    Of several end tokens it is the first. An id beyond the vocabulary, such as the -1 of old
    files, can stand in no text and counts as none. Where there is none, ``start_id`` and
    ``pad_id`` are the end token: a mask says which positions are padding, and not the id.
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
    """Return the window of each layer of these types, as `AttentionConfig.windows` has them.

    Raises:
        ConfigError: a type is none that is computed here, there are more or fewer than layers,
            or local layers have no window.
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
        fields: of a config.json, with the names that Llama gave them.
        activation_key: the field that names the activation.
        parts: what the family says beside that, by the names of `TransformerConfig`.
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
