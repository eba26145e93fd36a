"""Helpers for the configs of encoder-only models: special tokens, and refusals.

BERT and its descendants share most config fields. Any of their configs may declare a decoder or
another kind of positions.
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
    """Return our name of the activation that a config names; exact GELU by default."""
    return config_fields.activation(fields, key, default="gelu")


def refuse_decoder(fields: Fields, family: str) -> None:
    """Refuse a config of an encoder family that declares a decoder.

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
    """Refuse a model with some heads removed.

    Raises:
        ConfigError: ``pruned_heads`` is not empty.
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
    """Return the number of token types; 2 if the config does not say."""
    key = "type_vocab_size"
    return size(fields, key) if fields.has(key) else 2


def token_ids(fields: Fields, *, padding: int) -> dict[str, Any]:
    """Return the special tokens, as settings of our config.

    An encoder itself uses only padding. If its config has no first and last token, the padding id
    is used for them.

    Args:
        padding: the id of padding if the config does not say.
    """
    pad = fields.integer("pad_token_id", least=0) if fields.has("pad_token_id") else padding
    return {
        "pad_id": pad,
        "start_id": token(fields, "bos_token_id", pad),
        "end_id": token(fields, "eos_token_id", pad),
    }
