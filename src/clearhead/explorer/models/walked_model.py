"""The interface between a model and the page, which each kind of model implements.

A model exists twice: in float32, fast, for translating and continuing texts, and in float64, whose
numbers are shown. A kind of model defines how a text becomes the model's input (`begin`), what the
model predicts from it (`complete`), and notes on the text (`sentences`, `note`). Everything else
about a walk is the same for all kinds.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Protocol, TypeAlias

import numpy as np

from ...config import TransformerConfig
from ...engine.reference_engine import ReferenceEngine
from ...reference.tracing.trace import OFF, Trace
from ...reference.tracing.watcher import Watcher
from ...reference.transformer import Transformer
from ...shapes import Array
from ..contract.answers import Ability, ModelKind
from ..contract.base_edit import Changes
from ..contract.questions import RunQuestion
from ..contract.run_answers import ProtectedNote, Sentence, Token
from ..passes.bounded_trace import BoundedTrace, trace_bytes
from ..passes.edited_engine import Editor, edited_engine, replacements
from ..passes.encoding import encode
from ..passes.passage import Beginning, Completion, Passage

_MATRIX_BYTES = 2**30  # the most memory for the matrices of one layer
Encode: TypeAlias = Callable[[str], Sequence[int]]


class TextTokens(Protocol):
    """The tokenizer interface used here, for our tokenizer and those of other models."""

    @property
    def vocab_size(self) -> int:
        """The number of ids that have a token."""
        ...

    def encode(self, text: str) -> Sequence[int]:
        """Return the ids of a text."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids."""
        ...

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """Return the written form of each id's token."""
        ...


class WalkedModel(ABC):
    """One model in two precisions, with its tokenizer.

    Attributes:
        kind: the kind of model.
        fast: the engine in float32.
        reference: the model in float64, whose numbers are shown.
        longest: the most tokens of a text: limited by the model and by memory.
        special_ids: of the tokens that are not text.
        predicts_words: whether the model has probabilities of words.
        labels: of a classifier, by their numbers; its logits belong to them.
        most_bytes: the most memory of a full trace; a larger one is held only in part.
        mask_id: the id of the mask token; None if there is none.
        source_language: the code of the language that it reads; None if unknown.

    Args:
        config: the config of the model.
        weights: in float32, by the names of docs/formats.md.
        tokenizer: of the model.
        twins: the model in float32 and in float64.
        provenance: what is known about how the model was made.
        special_ids: of tokens that are not text; None for those in the config.
        encode: from a text to the model's input ids, including special tokens; None for the
            tokenizer's own.
        encode_words: from a text to its ids without special tokens; None for the same.
    """

    kind: ClassVar[ModelKind]
    predicts_words = True
    labels: tuple[str, ...] = ()
    most_bytes = 64 * 2**20
    mask_id: int | None = None
    source_language: str | None = None

    def __init__(
        self,
        config: TransformerConfig,
        weights: Mapping[str, Array],
        tokenizer: TextTokens,
        twins: tuple[ReferenceEngine, Transformer],
        *,
        provenance: Mapping[str, Any] | None = None,
        special_ids: Iterable[int] | None = None,
        encode: Encode | None = None,
        encode_words: Encode | None = None,
    ) -> None:
        self.config, self.weights, self.tokenizer = config, weights, tokenizer
        self.fast, self.reference = twins
        self.provenance: Mapping[str, Any] = provenance or {}
        own = (config.pad_id, config.start_id, config.end_id)
        self.special_ids = frozenset(own if special_ids is None else special_ids)
        self.encode: Encode = encode or tokenizer.encode
        self.encode_words: Encode = encode_words or tokenizer.encode
        # Every layer has four such matrices in float64: scores, scaled, masked and weights.
        heads = max(config.num_heads, config.of_stack("decoder").num_heads)
        self.longest = min(config.max_length, math.isqrt(_MATRIX_BYTES // (4 * 8 * heads)))

    # The way of a text

    @abstractmethod
    def begin(self, request: RunQuestion) -> Beginning:
        """Return the model's input for a text.

        Raises:
            TextError: there is nothing that the model could read.
            ConfigError: there is no such sentence.
            ShapeError: the text is longer than the model can read.
        """

    @abstractmethod
    def complete(self, ids: Sequence[int], request: RunQuestion, changes: Changes) -> Completion:
        """Return the model's prediction for an input, with edits.

        Args:
            ids: the result of `begin`, with token edits applied.
            request: says how to predict.
            changes: the changes of steps that the edits make.

        Raises:
            TextError: a target holds an invalid character.
            ShapeError: the target is longer than the model can read.
        """

    def sentences(
        self, pieces: Sequence[Any], request: RunQuestion, passage: Passage
    ) -> list[Sentence]:
        """Return the pieces of the text in the form of answers."""
        return [{"text": piece.text, "translated": True} for piece in pieces]

    def note(self, read: str, passage: Passage, request: RunQuestion) -> ProtectedNote | None:
        """Return a note to show if using the model gives another result than the walk."""
        return None

    @property
    def abilities(self) -> list[Ability]:
        """The abilities that the page may use."""
        if self.predicts_words:
            return ["edit", "effects", "derivations", "next_words", "lens"]
        if self.labels:
            return ["edit", "effects", "derivations"]
        return ["edit", "derivations"]

    @property
    def predicts(self) -> bool:
        """Whether it has logits, of words or of labels."""
        return self.predicts_words or bool(self.labels)

    # The two passes

    def trace(self, passage: Passage, changes: Changes) -> Trace | BoundedTrace:
        """Return the float64 pass, with every step recorded or available on demand.

        Raises:
            TraceError: a change matched no step.
        """
        if trace_bytes(self.config, passage) > self.most_bytes:
            return BoundedTrace(
                self.reference,
                passage,
                changes,
                most_bytes=self.most_bytes,
                predicting=self.predicting if self.predicts else None,
            )
        with Trace(replace=replacements(changes)) as trace:
            self.forward(passage, trace)
        return trace

    def forward(self, passage: Passage, watcher: Watcher) -> None:
        """Run the model in float64 up to its logits, or to its output if it has none."""
        hidden = self.hidden(passage, watcher)
        if self.predicts:
            self.reference.logits(hidden[:, self.predicting], trace=watcher)

    @property
    def predicting(self) -> slice:
        """The positions that have logits: all, or for a classifier the first."""
        return slice(0, 1) if self.labels else slice(None)

    def hidden(self, passage: Passage, watcher: Watcher) -> Array:
        """Run the layers in float64, and return the last vectors, Float["1 positions d_model"]."""
        encoded = None
        if passage.source:
            encoded = encode(self.reference, np.array([passage.source]), watcher)
        if not passage.target:
            assert encoded is not None
            return encoded.output
        return self.reference.decode(np.array([passage.target]), encoded, trace=watcher)

    def fast_with(self, changes: Changes) -> ReferenceEngine:
        """Return the engine in float32, with the edits if there are any."""
        return edited_engine(self.fast, changes) if changes else self.fast

    def watcher(self, changes: Changes, position: int | None = None) -> Watcher:
        """Return a watcher that makes the changes in a pass; `OFF` if there are none."""
        return Editor(changes, position) if changes else OFF

    # Tokens

    def token(self, token: int) -> Token:
        """Return a token in the form of answers: id, piece, and whether it is special."""
        # A vocabulary size may be rounded up; ids beyond the tokenizer's have no name.
        has_name = token < self.tokenizer.vocab_size
        piece = self.tokenizer.pieces([token])[0] if has_name else f"<{token}>"
        return {"id": int(token), "piece": piece, "special": token in self.special_ids}

    def tokens(self, ids: Iterable[int]) -> list[Token]:
        """Return several tokens in the form of answers."""
        return [self.token(int(token)) for token in ids]

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids; ids without a token are left out."""
        size = self.tokenizer.vocab_size
        return self.tokenizer.decode([token for token in ids if token < size])
