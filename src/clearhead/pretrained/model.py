"""A model of someone else's, as it was read."""

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
    """A folder of Hugging Face's transformers, in the terms of this package.

    Attributes:
        family: what it is one of.
        config: its shape.
        weights: its arrays, by the names of docs/formats.md. They are read-only where they lie in
            the file itself, which is mapped.
        tokenizer: the way from text to token ids and back; None where there is none.
        no_tokenizer: why there is none, as a sentence; empty where there is one.
        generation: what generation_config.json says, or where there is none, what config.json
            says of generation, as JSON gave it.
        settings: config.json as JSON gave it.
        tasks: what it can do, of ``translate generate fill_mask embed classify``.
        folder: where it was read from.
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
        """The labels of a classifier of texts, by their numbers; none of other models."""
        if not self.config.output.labels:
            return ()
        return label_names(Fields(dict(self.settings), "config.json"))

    def require_tokenizer(self) -> PretrainedTokenizer:
        """Return the tokenizer.

        Raises:
            CheckpointError: there is none; why is said.
        """
        if self.tokenizer is None:
            raise CheckpointError(self.no_tokenizer)
        return self.tokenizer
