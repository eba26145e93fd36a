"""Encoder-only models: read a text, and predict its masked words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ...config import TransformerConfig
from ...engine.reference_engine import ReferenceEngine
from ...errors import ConfigError
from ...reference.softmax import log_softmax
from ...reference.transformer import Transformer
from ...shapes import Array
from ...translation.sentences.segments import Piece
from ..contract.answers import ModelKind
from ..contract.base_edit import Changes
from ..contract.questions import RunQuestion
from ..passes.encoding import encode
from ..passes.passage import Beginning, Completion, Passage
from .text import prompt_ids
from .walked_model import TextTokens, WalkedModel


class EncoderModel(WalkedModel):
    """A `WalkedModel` that reads a text, and predicts masked words if it has a head for that.

    Args:
        config, weights, tokenizer, twins, options: as in `WalkedModel`.
        predicts_words: whether its logits are meaningful.
        mask_id: the id of the mask token; None if there is none.
    """

    kind: ClassVar[ModelKind] = "encoder"

    def __init__(
        self,
        config: TransformerConfig,
        weights: Mapping[str, Array],
        tokenizer: TextTokens,
        twins: tuple[ReferenceEngine, Transformer],
        *,
        predicts_words: bool = True,
        mask_id: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(config, weights, tokenizer, twins, **options)
        self.predicts_words = predicts_words
        self.mask_id = mask_id

    def begin(self, request: RunQuestion) -> Beginning:
        ids = prompt_ids(self.encode, request.text, self.longest)
        request = request.model_copy(update={"sentence": 0})
        return Beginning(request, (Piece(request.text, True),), request.text, ids)

    def complete(self, ids: Sequence[int], request: RunQuestion, changes: Changes) -> Completion:
        source, model = tuple(ids), self.fast.model
        masks = [place for place, token in enumerate(source) if token == self.mask_id]
        self._check_target(request, len(masks))
        hidden = encode(model, np.array([source]), self.watcher(changes)).output
        if not self.predicts_words:
            return Completion(Passage(source, (), (), (), ""), lambda rows: hidden[0, rows])

        def fast(positions: slice) -> Array:
            logits = model.logits(hidden[:, positions], trace=self.watcher(changes))
            return log_softmax(logits[0])

        words = request.target_ids or ()
        predicted = list(source)
        for number, place in enumerate(masks):
            # A run that is compared with another names the words whose probabilities are meant.
            if number < len(words):
                predicted[place] = words[number]
            else:
                (row,) = fast(slice(place, place + 1))
                predicted[place] = int(row[: self.tokenizer.vocab_size].argmax())
        scored_positions = tuple(masks) or tuple(range(len(source)))
        text = self.decode([token for token in predicted if token not in self.special_ids])
        target_ids = tuple(predicted[place] for place in masks)
        return Completion(
            Passage(source, (), tuple(predicted), scored_positions, text, target_ids), fast
        )

    def _check_target(self, request: RunQuestion, hidden_words: int) -> None:
        """Raise ConfigError if a target is given that does not fit this text's masks."""
        if request.target is not None:
            raise ConfigError(
                "run: an encoder by itself writes no text, so there is no target to walk. Leave "
                "target out."
            )
        if len(request.target_ids or ()) > hidden_words:
            raise ConfigError(
                f"run: target_ids names {len(request.target_ids or ())} words, and the text hides "
                f"{hidden_words}. Give one for each hidden word at most."
            )
