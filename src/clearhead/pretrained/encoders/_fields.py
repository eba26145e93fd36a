"""What the configs of encoder-only models share: their special tokens, and what is not computed.

BERT and those that descend from it say most things in the same words, and all of them may say that
they are a decoder, or that their positions are of another kind.
"""

from __future__ import annotations

from typing import Any

from ...json_fields import Fields
from .. import config_fields
from ..config_fields import flag, number, refuse, refuse_uneven_layers, size, token

__all__ = [
    "activation",
    "flag",
    "number",
    "refuse_decoder",
    "refuse_other_positions",
    "refuse_pruned_heads",
    "size",
    "token_ids",
    "token_types",
]


def activation(fields: Fields, key: str) -> str:
    """Return our name of the activation that a config names, exact GELU where it names none."""
    return config_fields.activation(fields, key, default="gelu")


def refuse_decoder(fields: Fields, family: str) -> None:
    """Refuse a config of an encoder's family that makes a decoder of it.

    Raises:
        ConfigError: ``is_decoder`` or ``add_cross_attention`` is true.
    """
    for key in ("is_decoder", "add_cross_attention"):
        if flag(fields, key, default=False):
            refuse(
                fields,
                key,
                reason=f"{family} is read as an encoder alone, and this makes a decoder of it",
                remedy=f"Load the encoder by itself, or set {key} to false if the model was saved "
                f"without a decoder's layers.",
            )


def refuse_pruned_heads(fields: Fields) -> None:
    """Refuse a model of which single heads were cut off.

    Raises:
        ConfigError: ``pruned_heads`` names some.
    """
    refuse_uneven_layers(fields, "pruned_heads")


def refuse_other_positions(fields: Fields) -> None:
    """Refuse positions that are not vectors added to the embeddings.

    Raises:
        ConfigError: ``position_embedding_type`` is other than ``absolute``.
    """
    refuse(
        fields,
        "position_embedding_type",
        unless=("absolute",),
        reason="'absolute' positions, which are added to the embeddings, are read alone",
    )


def token_types(fields: Fields) -> int:
    """Return the number of types of tokens, 2 where the config says nothing."""
    key = "type_vocab_size"
    return size(fields, key) if fields.has(key) else 2


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
        "start_id": token(fields, "bos_token_id", pad),
        "end_id": token(fields, "eos_token_id", pad),
    }
