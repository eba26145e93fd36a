"""Models with encoder and decoder: read a source, and search for its target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ...engine.protocols import Engine
from ...engine.reference_engine import ReferenceEngine
from ...search.hypothesis import Hypothesis
from ...search.search import search
from ...search.settings import SearchSettings
from ...search.special_tokens import SpecialTokens
from ...shapes import Array
from ..contract.answers import Ability, ModelKind
from ..contract.base_edit import Changes
from ..contract.questions import RunQuestion
from ..passes.passage import Completion, Passage
from .walked_model import WalkedModel


class SearchedModel(WalkedModel):
    """A `WalkedModel` that translates by search."""

    kind: ClassVar[ModelKind] = "translation"

    @property
    def abilities(self) -> list[Ability]:
        return ["translate", "edit", "beam", "effects", "derivations", "next_words", "lens"]

    @property
    def special(self) -> SpecialTokens:
        """The special token ids that the search needs."""
        return SpecialTokens.of(self.config)

    def search_settings(self, beam_size: int) -> SearchSettings:
        """Return the settings of a search with a beam of this size."""
        return SearchSettings.of(max_length=self.config.max_length - 1, beam_size=beam_size)

    def search(self, engine: Engine, source: Sequence[int], beam_size: int) -> list[Hypothesis]:
        """Search for the best target of one source; further finished hypotheses follow it."""
        settings = self.search_settings(beam_size)
        return search(engine, [source], settings, special=self.special, spares=True)[0]

    @property
    def start_id(self) -> int:
        """The decoder's first token."""
        return self.config.start_id

    def target_words(self, text: str) -> Sequence[int]:
        """Return the token ids of a given target, without start and end token."""
        return self.encode_words(text)

    def find(
        self, engine: ReferenceEngine, source: Sequence[int], request: RunQuestion
    ) -> tuple[int, ...]:
        """Return the best target of a source, without start and end token."""
        return tuple(self.search(engine, source, request.beam_size)[0].tokens)

    def complete(self, ids: Sequence[int], request: RunQuestion, changes: Changes) -> Completion:
        source, engine = tuple(ids), self.fast_with(changes)
        if request.target_ids is not None:
            words: Sequence[int] = request.target_ids
        elif request.target is not None:
            words = self.target_words(request.target)
        else:
            words = self.find(engine, source, request)
        target = (self.start_id, *words)
        predicted = (*words, self.config.end_id)
        text = self.decode(target).strip()
        scored_positions = tuple(range(len(predicted)))
        passage = Passage(source, target, predicted, scored_positions, text, tuple(words))

        rows: list[Array] = []

        def fast(positions: slice) -> Array:
            if not rows:  # at the first call
                rows.append(_log_probabilities(engine, source, target))
            return rows[0][positions]

        return Completion(passage, fast)


def _log_probabilities(engine: Engine, source: Sequence[int], target: Sequence[int]) -> Array:
    """Return an engine's log-probabilities for the token after each token of a target.

    Args:
        engine: decodes with its cache.
        source: token ids, end token included.
        target: token ids, the start token first.

    Returns:
        Float["target_len vocab"].
    """
    decoding = engine.begin([source])
    first_row = np.zeros(1, np.int64)
    rows = [decoding.advance(np.array([token]), first_row) for token in target]
    return np.concatenate(rows)
