"""A model of someone else's, as read from its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..config import TransformerConfig
from ..errors import CheckpointError
from ..json_fields import Fields
from ..shapes import Array
from .family import Family
from .labels import label_names
from .tokenizers.protocol import PretrainedTokenizer


@dataclass(frozen=True, kw_only=True)
class PretrainedModel:
    """A transformers folder, in the terms of this package.

    Attributes:
        family: the name of its family.
        config: the config of the model.
        weights: its arrays, by the names of docs/formats.md. Arrays that are views of the mapped
            files are read-only.
        tokenizer: its tokenizer; None if there is none.
        no_tokenizer: the reason why there is none, as a sentence; otherwise empty.
        generation: generation_config.json as parsed, or without it, the generation settings of
            config.json.
        settings: config.json as parsed.
        tasks: its tasks, of ``translate generate fill_mask embed classify``.
        folder: the folder that it was read from.
    """

    family: Family
    config: TransformerConfig
    weights: Mapping[str, Array]
    tokenizer: PretrainedTokenizer | None
    no_tokenizer: str
    generation: Mapping[str, Any]
    settings: Mapping[str, Any]
    tasks: frozenset[str]
    folder: Path

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of a text classifier, by their numbers; empty for other models."""
        if not self.config.output.labels:
            return ()
        return label_names(Fields(dict(self.settings), "config.json"))

    def require_tokenizer(self) -> PretrainedTokenizer:
        """Return the tokenizer.

        Raises:
            CheckpointError: there is none; the message says why.
        """
        if self.tokenizer is None:
            raise CheckpointError(self.no_tokenizer)
        return self.tokenizer
