"""What all what-if edits have: which steps of a trace they change, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from ...config import TransformerConfig
from ...errors import ShapeError
from ...reference.tracing.editor import Change, Changes
from ...shapes import Array
from .parts import Part, attention_path, check_head
from .values import Index, PlainModel

__all__ = ["BaseEdit", "Change", "Changes", "HeadEdit"]


class BaseEdit(PlainModel):
    """What all edits have: the steps that they change, and how."""

    kind: str

    def check(self, config: TransformerConfig, source_len: int, tokens: int) -> None:
        """Check that the edit fits a model and a source.

        Args:
            config: of the model.
            source_len: tokens of what the model is given: of the source, its end token included,
                or of the prompt or text of a model with one stack.
            tokens: how many ids the tokenizer has.

        Raises:
            ConfigError: the model has no such head or token, or a weight would let a decoder's
                query see a later key.
            ShapeError: a position is outside of the source.
        """

    def paths(self, config: TransformerConfig) -> list[str]:
        """Return the paths of the steps that are changed."""
        return []

    def index(self) -> list[int | None]:
        """Return which elements of a step are changed: one entry for each axis, None for all."""
        return []

    def apply(self, value: Array, position: int | None) -> Array:
        """Change the array of a step, in place.

        Args:
            value: the array, of a step that `paths` names.
            position: where all queries stand, in a step of decoding; None in a whole pass.
        """
        return value

    def change(self, config: TransformerConfig, weights: Mapping[str, Array] | None) -> Change:
        """Return what is done to the array of a step, in place: `apply`, for most.

        Args:
            config: of the model.
            weights: of the model, for edits that need them.
        """
        return self.apply

    def edit_source(self, source: Sequence[int]) -> tuple[int, ...]:
        """Return the token ids of the source with this edit."""
        return tuple(source)

    def _check_position(
        self, name: str, position: int, source_len: int, config: TransformerConfig
    ) -> None:
        if position >= source_len:
            both = config.encoder_layers and config.decoder_layers
            owner, end = ("source", " with its end token") if both else ("text", "")
            raise ShapeError(
                f"{self.kind}: the {owner} has {source_len} tokens{end}, so {name} must be between "
                f"0 and {source_len - 1}; it is {position}."
            )


class HeadEdit(BaseEdit):
    """What edits of one attention head have.

    Attributes:
        part: ``encoder``, ``decoder`` or ``cross``.
        layer, head: which attention head, counted from 0.
    """

    step: ClassVar[str]
    part: Part
    layer: Index
    head: Index

    def check(self, config: TransformerConfig, source_len: int, tokens: int) -> None:
        check_head(self.part, self.layer, self.head, config)

    def paths(self, config: TransformerConfig) -> list[str]:
        return [f"{attention_path(self.part, self.layer)}.{self.step}"]

    def index(self) -> list[int | None]:
        return [None, self.head, None, None]
