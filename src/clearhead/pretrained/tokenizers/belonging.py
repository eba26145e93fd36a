"""Checks that a tokenizer belongs to a model, as far as their files tell."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...config import TransformerConfig
from ...errors import CheckpointError
from .protocol import PretrainedTokenizer

_IDS = {"pad_token_id": "padding", "bos_token_id": "start", "eos_token_id": "end"}


def check_belongs(
    folder: Path,
    tokenizer: PretrainedTokenizer,
    model: Mapping[str, Any],
    config: TransformerConfig,
) -> None:
    """Compare the ids of a tokenizer with config.json.

    Tokens added to a vocabulary may have ids beyond the model's, as in some published models; a
    text with such a token is refused. Special ids are compared only if the model has an encoder.
    Decoders are often fine-tuned for chats, with an end token in the tokenizer's files that differs
    from config.json.

    Raises:
        CheckpointError: they belong to different models.
    """
    size = getattr(tokenizer, "base_size", tokenizer.vocab_size)
    if size > config.vocab_size:
        raise CheckpointError(
            f"{folder}: the tokenizer has {size:,} ids and the model only "
            f"{config.vocab_size:,}. The files are not of one model: get those of its tokenizer."
        )
    if not config.encoder_layers:
        return
    for key, role in _IDS.items():
        number, own = model.get(key), tokenizer.roles.get(role)
        if type(number) is int and own is not None and number != own:
            raise CheckpointError(
                f"{folder}: {key} is {number} in config.json and {own} by the tokenizer. The "
                f"files are not of one model: get those of its tokenizer."
            )
