"""What the configs of encoder-only models share: words for activations, and what is not computed.

BERT and those that descend from it say most things in the same words, and all of them may say that
they are a decoder, or that their positions are of another kind.
"""

from __future__ import annotations

from typing import Any

from ...errors import ConfigError
from ...file_reading import FileProblem
from ...json_fields import Fields
from ...visible import quoted

# transformers' names -> ours. Those of one line differ in their last digit at most.
_ACTIVATIONS = {
    **dict.fromkeys(("gelu", "gelu_python"), "gelu"),
    **dict.fromkeys(
        ("gelu_new", "gelu_fast", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_accurate"),
        "gelu_tanh",
    ),
    "relu": "relu",
    **dict.fromkeys(("silu", "swish"), "silu"),
}


def activation(fields: Fields, key: str) -> str:
    """Return our name of the activation that a config names, exact GELU where it names none.

    Raises:
        ConfigError: it is none of those that are computed here.
    """
    name = fields.text(key) if fields.has(key) else "gelu"
    if name not in _ACTIVATIONS:
        raise ConfigError(
            f"{quoted(key)} of {fields.name} is {quoted(name)}; the activations of encoders that "
            f"are read are {', '.join(_ACTIVATIONS)}."
        )
    return _ACTIVATIONS[name]


def refuse_decoder(fields: Fields, family: str) -> None:
    """Refuse a config of an encoder's family that makes a decoder of it.

    Raises:
        ConfigError: ``is_decoder`` or ``add_cross_attention`` is true.
    """
    for key in ("is_decoder", "add_cross_attention"):
        if flag(fields, key, default=False):
            raise ConfigError(
                f"{quoted(key)} of {fields.name} is true: it makes a decoder of this {family}, "
                f"and {family} is read as an encoder alone. Load the encoder by itself, or set "
                f"{key} to false if the model was saved without a decoder's layers."
            )


def refuse_pruned_heads(fields: Fields) -> None:
    """Refuse a model of which single heads were cut off.

    Raises:
        ConfigError: ``pruned_heads`` names some.
    """
    if fields.has("pruned_heads") and fields.mapping("pruned_heads"):
        raise ConfigError(
            f'"pruned_heads" of {fields.name} names heads that were cut off; layers with different '
            f"numbers of heads are not read. Load the model before it was pruned."
        )


def refuse_other_positions(fields: Fields) -> None:
    """Refuse positions that are not vectors added to the embeddings.

    Raises:
        ConfigError: ``position_embedding_type`` is other than ``absolute``.
    """
    key = "position_embedding_type"
    if fields.has(key) and (kind := fields.text(key)) != "absolute":
        raise ConfigError(
            f"{quoted(key)} of {fields.name} is {quoted(kind)}; "
            f'only "absolute" positions, which are added to the embeddings, are read.'
        )


def flag(fields: Fields, key: str, *, default: bool) -> bool:
    """Return true or false, or the default where the config says nothing."""
    return fields.flag(key) if fields.has(key) else default


def number(fields: Fields, key: str, default: float) -> float:
    """Return a number, or the default where the config says nothing."""
    return fields.number(key) if fields.has(key) else default


def size(fields: Fields, key: str, default: int | None = None) -> int:
    """Return a whole number of at least 1, or the default where the config says nothing."""
    if default is not None and not fields.has(key):
        return default
    return fields.integer(key, least=1)


def token_ids(fields: Fields, *, padding: int) -> dict[str, Any]:
    """Return the special tokens that our config names.

    An encoder itself knows padding alone; where its config names no first and last token, the
    padding stands in their place.

    Args:
        padding: the id of padding where the config says nothing.
    """
    pad = fields.integer("pad_token_id", least=0) if fields.has("pad_token_id") else padding
    return {
        "pad_id": pad,
        "start_id": _first_id(fields, "bos_token_id", pad),
        "end_id": _first_id(fields, "eos_token_id", pad),
    }


def _first_id(fields: Fields, key: str, default: int) -> int:
    """Read a token id, of which newer configs may have a list."""
    if not fields.has(key):
        return default
    if not isinstance(fields.value(key), list):
        return fields.integer(key, least=0)
    ids = fields.integers(key)
    if not ids:
        raise FileProblem(f"{quoted(key)} of {fields.name} is a list without a token")
    return ids[0]
