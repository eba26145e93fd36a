"""The special token ids that search needs."""

from __future__ import annotations

from dataclasses import dataclass

from ..config import TransformerConfig


@dataclass(frozen=True)
class SpecialTokens:
    """The ids of padding, of the start token and of the end token."""

    pad_id: int = 0
    start_id: int = 1
    end_id: int = 2

    @classmethod
    def of(cls, config: TransformerConfig) -> SpecialTokens:
        """Return the special tokens of a model."""
        return cls(config.pad_id, config.start_id, config.end_id)
