"""What all what-if edits have: the words that they stand for, and so the steps they change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...config import TransformerConfig
from ...errors import ShapeError
from ...interventions.handles import Edits
from ...interventions.steps.layout import Layout
from ...interventions.steps.step_edits import StepEdits
from ...reference.tracing.editor import Change, Changes
from ...shapes import Array
from .parts import Part, attention_path, check_head
from .values import Index, PlainModel

__all__ = ["BaseEdit", "Change", "Changes", "HeadEdit"]


class BaseEdit(PlainModel):
    """What all edits have: the words that they stand for, and where these change numbers."""

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

    def say(
        self, edits: Edits, config: TransformerConfig, weights: Mapping[str, Array] | None
    ) -> None:
        """Ask for the edit in the words of `clearhead.intervene`.

        Args:
            edits: of the model.
            config: of the model.
            weights: of the model, for edits that need them when they are applied.
        """

    def paths(self, config: TransformerConfig) -> list[str]:
        """Return the paths of the steps that are changed."""
        words = StepEdits(Layout.of(config))
        self.say(words, config, None)
        return list(words.changes)

    def index(self) -> list[int | None]:
        """Return which elements of a step are changed: one entry for each axis, None for all."""
        return []

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

    part: Part
    layer: Index
    head: Index

    def check(self, config: TransformerConfig, source_len: int, tokens: int) -> None:
        check_head(self.part, self.layer, self.head, config)

    @property
    def attention(self) -> str:
        """The path of the attention."""
        return attention_path(self.part, self.layer)

    def index(self) -> list[int | None]:
        return [None, self.head, None, None]
