"""Classifiers of texts: encoders whose first position predicts one of several labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...config import TransformerConfig
from ...engine.reference_engine import ReferenceEngine
from ...errors import ConfigError
from ...reference.softmax import log_softmax
from ...reference.transformer import Transformer
from ...shapes import Array
from ..contract.base_edit import Changes
from ..contract.questions import RunQuestion
from ..passes.encoding import encode
from ..passes.passage import Completion, Passage
from .encoder import EncoderModel
from .walked_model import TextTokens


class ClassifierModel(EncoderModel):
    """A `WalkedModel` that gives a text one of its labels.

    Its only prediction is the number of a label, at the first position.

    Args:
        config, weights, tokenizer, twins, options: as in `WalkedModel`.
        labels: by their numbers.
    """

    def __init__(
        self,
        config: TransformerConfig,
        weights: Mapping[str, Array],
        tokenizer: TextTokens,
        twins: tuple[ReferenceEngine, Transformer],
        *,
        labels: Sequence[str],
        **options: Any,
    ) -> None:
        super().__init__(config, weights, tokenizer, twins, predicts_words=False, **options)
        self.labels = tuple(labels)

    def complete(self, ids: Sequence[int], request: RunQuestion, changes: Changes) -> Completion:
        if request.target is not None or request.target_ids is not None:
            raise ConfigError(
                "run: a classifier writes no text, so there is no target to walk. Leave target and "
                "target_ids out; the answer has the probability of each label."
            )
        source, model = tuple(ids), self.fast.model
        hidden = encode(model, np.array([source]), self.watcher(changes)).output
        logits = model.logits(hidden[:, self.predicting], trace=self.watcher(changes))
        rows = log_softmax(logits[0])
        label = int(rows[0].argmax())
        passage = Passage(source, (), (label,), (0,), self.labels[label], (label,))
        return Completion(passage, lambda positions: rows[positions])
