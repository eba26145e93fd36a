"""Decoder-only models: read a prompt, and continue it with the likeliest tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ...config import TransformerConfig
from ...engine.cache import KeyValueCache
from ...engine.reference_engine import ReferenceEngine
from ...errors import ShapeError
from ...reference.softmax import log_softmax
from ...reference.transformer import Transformer
from ...shapes import Array
from ...translation.sentences.segments import Piece
from ..contract.answers import ModelKind
from ..contract.base_edit import Changes
from ..contract.questions import RunQuestion
from ..contract.stopping import check
from ..passes.passage import Beginning, Completion, Passage
from .text import prompt_ids
from .walked_model import TextTokens, WalkedModel


class GenerationModel(WalkedModel):
    """A `WalkedModel` that continues prompts greedily.

    Args:
        config, weights, tokenizer, twins, options: as in `WalkedModel`.
        ends: the tokens that end a continuation; None for the end token of the config.
    """

    kind: ClassVar[ModelKind] = "generation"

    def __init__(
        self,
        config: TransformerConfig,
        weights: Mapping[str, Array],
        tokenizer: TextTokens,
        twins: tuple[ReferenceEngine, Transformer],
        *,
        ends: Sequence[int] = (),
        **options: Any,
    ) -> None:
        super().__init__(config, weights, tokenizer, twins, **options)
        self.ends = frozenset(ends) or {config.end_id}

    def begin(self, request: RunQuestion) -> Beginning:
        ids = prompt_ids(self.encode, request.text, self.longest)
        request = request.model_copy(update={"sentence": 0})
        return Beginning(request, (Piece(request.text, True),), request.text, ids)

    def complete(self, ids: Sequence[int], request: RunQuestion, changes: Changes) -> Completion:
        prompt = tuple(ids)
        if request.target_ids is not None:
            words: Sequence[int] | None = request.target_ids
        elif request.target is not None:
            words = self.encode_words(request.target)
        else:
            words = None
        room = self.longest - len(prompt)
        if words is not None and len(words) > room:
            raise ShapeError(
                f"The prompt has {len(prompt)} tokens and its continuation {len(words)}; together "
                f"that is more than is read here, at most {self.longest}. Give less text."
            )
        reading = _Reading(self, changes)
        reading.read(prompt)
        if words is None:
            while len(reading.ids) < len(prompt) + min(room, request.new_tokens):
                token = reading.likeliest()
                if token in self.ends:
                    break
                reading.read((token,))
        else:
            for token in words:
                reading.read((token,))
        target = tuple(reading.ids)
        continuation = target[len(prompt) :]
        predicted = (*target[1:], reading.likeliest())
        # Without a continuation, the probability shown is that of the prompt itself.
        first = len(prompt) - 1 if continuation else 0
        last = len(predicted) - 1
        scored_positions = tuple(range(first, last)) or (last,)
        text = self.decode(continuation)
        passage = Passage((), target, predicted, scored_positions, text, continuation)
        return Completion(passage, reading.log_probabilities)


class _Reading:
    """The tokens that the fast engine has read, with its cache: the prompt, then token by token."""

    def __init__(self, model: GenerationModel, changes: Changes) -> None:
        self._of, self._changes = model, changes
        self._model = model.fast.model
        self._cache = KeyValueCache.of(self._model, 1)
        self._hidden: list[Array] = []
        self.ids: list[int] = []

    def read(self, ids: Sequence[int]) -> None:
        """Read some more tokens."""
        check()
        position = self._cache.length if self.ids else None
        watcher = self._of.watcher(self._changes, position)
        hidden = self._model.decode(np.array([ids]), cache=self._cache, trace=watcher)
        self._hidden.append(hidden[0])
        self.ids += [int(token) for token in ids]

    def log_probabilities(self, positions: slice) -> Array:
        """Return the log-probabilities of the tokens after some positions."""
        hidden = np.concatenate(self._hidden)[positions]
        watcher = self._of.watcher(self._changes)
        return log_softmax(self._model.logits(hidden[None], trace=watcher)[0])

    def likeliest(self) -> int:
        """Return the likeliest next token among the ids that have a token."""
        last = len(self.ids) - 1
        (row,) = self.log_probabilities(slice(last, last + 1))
        return int(row[: self._of.tokenizer.vocab_size].argmax())
